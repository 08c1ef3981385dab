// SPDX-License-Identifier: GPL-2.0-only
/*
 * Softirqs and work items execute the shadow of the process that has raised them (causal.c), or
 * else the union (union.c). Each tracepoint has one probe, which asks both, in this order. Probes
 * at the end of work are registered before those at its begin, and unregistered after them. So
 * all work that has begun in a shadow also ends there.
 *
 * A work item may sleep, so its worker gets a runner, as an owned kernel thread has (runner.h).
 * Work items of BH workqueues are executed by a softirq instead, on top of any task.
 */
#include <linux/hardirq.h>
#include <linux/interrupt.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat/tracepoints.h"
#include "graft/carrier.h"
#include "mmu/load.h"
#include "scope/async.h"
#include "scope/causal.h"
#include "scope/ownership.h"
#include "scope/runner.h"
#include "scope/union.h"

/* ---- work that is executed on top of any task ---- */

/* Work of one kind that a CPU executes in a shadow. Written by that CPU with interrupts off. */
struct async_loaded {
	const void *key;	   /* names the work; NULL: none */
	struct shk_shadow *shadow; /* the shadow that the CPU executes for it */
	struct mm_struct *from;	   /* the mm that the CPU loads again when the work ends */
};

static DEFINE_PER_CPU(struct async_loaded[SHK_NR_ASYNC_KINDS], async_loaded_texts);

void shk_async_begin(enum shk_async_kind kind, const void *key, struct shk_shadow *shadow)
{
	struct async_loaded *loaded = this_cpu_ptr(&async_loaded_texts[kind]);
	unsigned long flags;

	if (!shadow)
		return;
	local_irq_save(flags);
	if (!loaded->key)
		*loaded = (struct async_loaded){ key, shadow, shk_load(shadow->carrier) };
	else
		atomic64_inc(&shadow->nr_unfollowed);
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(shk_async_begin);

void shk_async_end(enum shk_async_kind kind, const void *key)
{
	struct async_loaded *loaded = this_cpu_ptr(&async_loaded_texts[kind]);
	unsigned long flags;

	if (loaded->key != key)
		return;
	local_irq_save(flags);
	shk_load_back(loaded->from);
	loaded->key = NULL;
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(shk_async_end);

struct shk_shadow *shk_async_shadow(enum shk_async_kind kind, const void *key)
{
	struct async_loaded *loaded = this_cpu_ptr(&async_loaded_texts[kind]);

	return loaded->key == key ? loaded->shadow : NULL;
}

static void async_on_softirq_entry(void *unused, unsigned int nr)
{
	struct shk_shadow *shadow = shk_causal_take_softirq(nr) ?: shk_union_here();

	shk_async_begin(SHK_SOFTIRQ, this_cpu_ptr(&async_loaded_texts[SHK_SOFTIRQ]), shadow);
}
NOKPROBE_SYMBOL(async_on_softirq_entry);

static void async_on_softirq_exit(void *unused, unsigned int nr)
{
	shk_async_end(SHK_SOFTIRQ, this_cpu_ptr(&async_loaded_texts[SHK_SOFTIRQ]));
}
NOKPROBE_SYMBOL(async_on_softirq_exit);

/* ---- work items ---- */

/* A worker that executes one work item in a shadow. */
struct async_worker {
	struct shk_runner runner; /* of the worker; its key is the work item */
	struct list_head node;	  /* running, or a list of shk_async_stop() */
	struct shk_shadow *shadow;
};

static LIST_HEAD(running);
/*
 * Protects running, and decides which task frees a struct async_worker. If shk_async_stop() has set
 * .ending with this lock held, it frees the struct. Else the worker itself does so when its item
 * has returned. Interrupts off; innermost.
 */
static DEFINE_RAW_SPINLOCK(running_lock);

/*
 * Makes current, a worker, execute @shadow until the work item @work returns. If memory is short,
 * current stays in the base, and @shadow->nr_unfollowed is incremented. Preemption is off. The
 * caller learns of no error; worker_end() frees what this has allocated.
 */
static void worker_begin(struct work_struct *work, struct shk_shadow *shadow)
{
	struct async_worker *worker;
	unsigned long flags;

	worker = kzalloc(sizeof(*worker), GFP_ATOMIC | __GFP_NOWARN);
	if (!worker) {
		atomic64_inc(&shadow->nr_unfollowed);
		return;
	}
	worker->shadow = shadow;
	shk_runner_init(&worker->runner, current, shadow->carrier, work);
	raw_spin_lock_irqsave(&running_lock, flags);
	list_add(&worker->node, &running);
	raw_spin_unlock_irqrestore(&running_lock, flags);
	shk_runner_begin_here(&worker->runner);
}

static void async_on_work_start(void *unused, struct work_struct *work)
{
	struct shk_shadow *shadow = shk_causal_take_work(work) ?: shk_union_here();

	if (!in_task())
		shk_async_begin(SHK_BH_WORK, work, shadow);
	/* A worker that a shadow owns executes that shadow, whatever the item is. */
	else if (shadow && !shk_runner_here(NULL))
		worker_begin(work, shadow);
}

/*
 * Makes current, a worker, execute the base, if it has executed a shadow for the work item @work.
 * Called when @work has returned. Preemption is off. Frees what worker_begin() has allocated,
 * unless shk_async_stop() is doing that.
 */
static void worker_end(const struct work_struct *work)
{
	struct shk_runner *runner = shk_runner_here(work);
	struct async_worker *worker = container_of(runner, struct async_worker, runner);
	unsigned long flags;
	bool mine;

	if (!runner)
		return;
	raw_spin_lock_irqsave(&running_lock, flags);
	mine = !runner->ending;
	if (mine)
		list_del(&worker->node);
	raw_spin_unlock_irqrestore(&running_lock, flags);
	/* If not mine, shk_async_stop() ends the runner and frees the worker. */
	if (!mine)
		return;
	shk_runner_end_here(runner);
	kfree(worker);
}

static void async_on_work_end(void *unused, struct work_struct *work)
{
	if (in_task())
		worker_end(work);
	else
		shk_async_end(SHK_BH_WORK, work);
}

void shk_async_stop(struct shk_shadow *shadow)
{
	struct async_worker *worker, *next;
	LIST_HEAD(gone);

	raw_spin_lock_irq(&running_lock);
	list_for_each_entry_safe (worker, next, &running, node) {
		if (worker->shadow != shadow)
			continue;
		WRITE_ONCE(worker->runner.ending, true);
		get_task_struct(worker->runner.task);
		list_move(&worker->node, &gone);
	}
	raw_spin_unlock_irq(&running_lock);
	shk_carrier_evict(shadow);
	list_for_each_entry (worker, &gone, node)
		shk_runner_end(&worker->runner);
	synchronize_rcu();
	list_for_each_entry_safe (worker, next, &gone, node) {
		put_task_struct(worker->runner.task);
		kfree(worker);
	}
}

/* ---- tracepoints ---- */

/* Users of the tracepoints: causal.c and union.c. Under shk_async_lock. */
static unsigned int nr_listeners;

/*
 * In the order of registration. The first NR_ENDS are at the end of work. They stay registered
 * while the others are: so all work that has begun in a shadow also ends there.
 */
#define NR_ENDS 2
static struct shk_tracepoint tracepoints[] = {
	{ "softirq_exit", async_on_softirq_exit },
	{ "workqueue_execute_end", async_on_work_end },
	{ "softirq_entry", async_on_softirq_entry },
	{ "workqueue_execute_start", async_on_work_start },
};

int shk_async_tracepoints_get(void)
{
	int ret;

	lockdep_assert_held(&shk_async_lock);
	if (nr_listeners++)
		return 0;
	preempt_notifier_inc();
	ret = shk_tracepoints_register(tracepoints, ARRAY_SIZE(tracepoints));
	if (ret) {
		preempt_notifier_dec();
		nr_listeners--;
	}
	return ret;
}

void shk_async_tracepoints_put(void)
{
	lockdep_assert_held(&shk_async_lock);
	if (--nr_listeners)
		return;
	shk_tracepoints_unregister(tracepoints + NR_ENDS, ARRAY_SIZE(tracepoints) - NR_ENDS);
	shk_tracepoints_unregister(tracepoints, NR_ENDS);
	preempt_notifier_dec();
}

int __init shk_async_init(void)
{
	return shk_tracepoints_find(tracepoints, ARRAY_SIZE(tracepoints));
}
