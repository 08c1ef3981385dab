// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds preempt notifiers to kernel threads and removes them: runner.h has their life. A thread's
 * own list of notifiers is changed by the thread itself, or by another task while the thread is
 * held off its CPU by the scheduler's locks.
 */
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "graft/carrier.h"
#include "scope/runner.h"

/*
 * Removes the preempt notifier of @runner from its thread's list. The thread may be walking that
 * list and be at this notifier, so the notifier keeps its pointer to the next one. Preemption is
 * off.
 */
static void runner_remove_notifier(struct shk_runner *runner)
{
	__hlist_del(&runner->notifier.link);
	/* Pairs with runner_is_removed(). */
	smp_store_release(&runner->notifier.link.pprev, NULL);
}
NOKPROBE_SYMBOL(runner_remove_notifier);

/* Returns true if the thread of @runner has removed @runner's preempt notifier. */
static bool runner_is_removed(struct shk_runner *runner)
{
	return !smp_load_acquire(
		&runner->notifier.link.pprev); /* pairs with runner_remove_notifier() */
}

/*
 * Callback of the preempt notifier: current, the runner's thread, has got a CPU. Makes it execute
 * the shadow, by loading the carrier mm. If the runner is to end (.ending), removes the notifier
 * instead. Preemption is off.
 */
static void runner_on_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct shk_runner *runner = container_of(notifier, struct shk_runner, notifier);

	if (READ_ONCE(runner->ending))
		runner_remove_notifier(runner);
	else
		shk_carrier_load(runner->carrier);
}
NOKPROBE_SYMBOL(runner_on_sched_in);

/*
 * Callback of the preempt notifier: current, the runner's thread, gives its CPU up to @next. Loads
 * init_mm instead of the carrier mm, which leads to the shadow's text, so that @next does not
 * execute the shadow. If the runner is to end (.ending), removes the notifier, too. Interrupts are
 * off.
 */
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

/*
 * Adds the preempt notifier of @arg, a struct shk_runner, to @task. Callback of task_call_func(),
 * which keeps a thread that is off its CPU from running until this returns. Returns 0, or -EAGAIN:
 * the thread runs.
 */
static int runner_try_add(struct task_struct *task, void *arg)
{
	struct shk_runner *runner = arg;

	if (task != current && READ_ONCE(task->on_cpu))
		return -EAGAIN;
	hlist_add_head(&runner->notifier.link, &task->preempt_notifiers);
	return 0;
}

/*
 * Removes the preempt notifier of @arg, a struct shk_runner, from @task, unless the thread has done
 * so itself. Callback of task_call_func(), which keeps a thread that is off its CPU from running
 * until this returns. Returns 0, or -EAGAIN: the thread runs.
 */
static int runner_try_remove(struct task_struct *task, void *arg)
{
	struct shk_runner *runner = arg;

	if (task != current && READ_ONCE(task->on_cpu))
		return -EAGAIN;
	if (!runner_is_removed(runner))
		runner_remove_notifier(runner);
	return 0;
}

/* Arguments of runner_call_here(). */
struct runner_call {
	struct shk_runner *runner;
	int (*fn)(struct task_struct *task, void *runner);
};

static long runner_call_here(void *arg)
{
	struct runner_call *call = arg;

	return shk_call(task_call_func)(call->runner->task, call->fn, call->runner);
}

/*
 * Calls @fn, which is runner_try_add() or runner_try_remove(), until that finds the thread of
 * @runner off its CPU. If the thread runs, a worker on the same CPU calls @fn, so the thread cannot
 * run there meanwhile. Sleeps. Returns 0 or an error of task_call_func() or work_on_cpu().
 */
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
