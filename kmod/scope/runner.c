// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "graft/carrier.h"
#include "scope/runner.h"

/* The list of notifiers is being walked: what follows must still be found from here. */
static void runner_remove_notifier(struct shk_runner *runner)
{
	__hlist_del(&runner->notifier.link);
	/* Pairs with runner_is_removed(). */
	smp_store_release(&runner->notifier.link.pprev, NULL);
}
NOKPROBE_SYMBOL(runner_remove_notifier);

static bool runner_is_removed(struct shk_runner *runner)
{
	return !smp_load_acquire(
		&runner->notifier.link.pprev); /* pairs with runner_remove_notifier() */
}

static void runner_on_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct shk_runner *runner = container_of(notifier, struct shk_runner, notifier);

	if (READ_ONCE(runner->ending))
		runner_remove_notifier(runner);
	else
		shk_carrier_load(runner->carrier);
}
NOKPROBE_SYMBOL(runner_on_sched_in);

static void runner_on_sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct shk_runner *runner = container_of(notifier, struct shk_runner, notifier);

	shk_carrier_unload(runner->carrier);
	if (READ_ONCE(runner->ending))
		runner_remove_notifier(runner);
}
NOKPROBE_SYMBOL(runner_on_sched_out);

static struct preempt_ops preempt_ops = {
	.sched_in = runner_on_sched_in,
	.sched_out = runner_on_sched_out,
};

/* It does not run, and will not before this returns; or -EAGAIN. */
static int runner_try_add(struct task_struct *task, void *arg)
{
	struct shk_runner *runner = arg;

	if (task != current && READ_ONCE(task->on_cpu))
		return -EAGAIN;
	hlist_add_head(&runner->notifier.link, &task->preempt_notifiers);
	return 0;
}

static int runner_try_remove(struct task_struct *task, void *arg)
{
	struct shk_runner *runner = arg;

	if (task != current && READ_ONCE(task->on_cpu))
		return -EAGAIN;
	if (!runner_is_removed(runner))
		runner_remove_notifier(runner);
	return 0;
}

struct runner_call {
	struct shk_runner *runner;
	int (*fn)(struct task_struct *task, void *runner);
};

static long runner_call_here(void *arg)
{
	struct runner_call *call = arg;

	return shk_call(task_call_func)(call->runner->task, call->fn, call->runner);
}

/* From the CPU of a thread that runs, it does not while this does. */
static int runner_call_off_cpu(struct shk_runner *runner,
			       int (*fn)(struct task_struct *task, void *runner))
{
	struct runner_call call = { runner, fn };
	int ret;

	while ((ret = runner_call_here(&call)) == -EAGAIN) {
		cpus_read_lock();
		if (cpu_online(task_cpu(runner->task)))
			ret = work_on_cpu(task_cpu(runner->task), runner_call_here, &call);
		cpus_read_unlock();
		if (ret != -EAGAIN)
			break;
		schedule_timeout_uninterruptible(1);
	}
	return ret;
}

void shk_runner_init(struct shk_runner *runner, struct task_struct *task, struct mm_struct *carrier,
		     const void *key)
{
	*runner = (struct shk_runner){ .task = task, .carrier = carrier, .key = key };
	preempt_notifier_init(&runner->notifier, &preempt_ops);
}

void shk_runner_begin(struct shk_runner *runner)
{
	runner_call_off_cpu(runner, runner_try_add);
}

void shk_runner_end(struct shk_runner *runner)
{
	runner_call_off_cpu(runner, runner_try_remove);
}

void shk_runner_begin_here(struct shk_runner *runner)
{
	hlist_add_head(&runner->notifier.link, &current->preempt_notifiers);
	shk_carrier_load(runner->carrier);
}
NOKPROBE_SYMBOL(shk_runner_begin_here);

void shk_runner_end_here(struct shk_runner *runner)
{
	shk_carrier_unload(runner->carrier);
	runner_remove_notifier(runner);
}
NOKPROBE_SYMBOL(shk_runner_end_here);

struct shk_runner *shk_runner_here(const void *key)
{
	struct preempt_notifier *notifier;

	hlist_for_each_entry (notifier, &current->preempt_notifiers, link) {
		struct shk_runner *runner = container_of(notifier, struct shk_runner, notifier);

		if (notifier->ops == &preempt_ops && runner->key == key)
			return runner;
	}
	return NULL;
}
NOKPROBE_SYMBOL(shk_runner_here);
