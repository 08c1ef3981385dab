/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A runner makes one kernel thread execute a shadow whenever the thread has a CPU. It is a
 * preempt notifier, which loads the shadow's carrier mm when the thread gets a CPU, and the
 * base's init_mm when the thread gives the CPU up. kthread.c has a runner for each owned thread,
 * async.c one for each worker that executes a work item in a shadow.
 *
 * The kernel expects a thread to register its own preempt notifiers. Another task can do so while
 * the thread is off its CPU and the scheduler's locks keep it there (task_call_func()). The user
 * of a runner has called preempt_notifier_inc(): without it no context switch looks for
 * notifiers.
 *
 * The thread itself ends its runner by shk_runner_end_here(). Another task, while the thread may
 * run, takes these steps:
 *
 *   set .ending		From here on the thread removes the notifier when it is switched.
 *   shk_carrier_evict()	On return no CPU has the carrier mm loaded for the thread.
 *   shk_runner_end()		Removes the notifier, unless the thread has.
 *   synchronize_rcu()		On return the thread no longer walks its list by this notifier.
 */
#ifndef SHK_RUNNER_H
#define SHK_RUNNER_H

#include <linux/preempt.h>

#include "shadow/shadow.h"

struct shk_runner {
	/* In task->preempt_notifiers; in no list if notifier.link.pprev is NULL. */
	struct preempt_notifier notifier;
	struct task_struct *task;  /* the thread; the user of the runner makes sure that it stays */
	struct mm_struct *carrier; /* the mm that it loads; stays until the runner has ended */
	const void *key;	   /* the work item that it executes; NULL: an owned thread */
	bool ending; /* the thread is to remove .notifier. Set once, by another task; no lock */
};

/*
 * Initialises @runner, the preempt notifier by which the kernel thread @task is to execute a
 * shadow, by loading the carrier mm @carrier of it. @key: the work item that @task executes; NULL:
 * an owned thread. The caller ensures that @task and @carrier stay until the runner has ended. The
 * runner has no effect before shk_runner_begin() or shk_runner_begin_here(). Any context.
 */
void shk_runner_init(struct shk_runner *runner, struct task_struct *task, struct mm_struct *carrier,
		     const void *key);
/*
 * Adds the preempt notifier of @runner to @runner->task, any kernel thread. The thread executes the
 * shadow from its next turn on a CPU. If the thread runs, waits until it is off its CPU. Sleeps;
 * cpus_read_lock() is not held.
 */
void shk_runner_begin(struct shk_runner *runner);
/*
 * Removes the preempt notifier of @runner from @runner->task, unless the thread has done so itself,
 * so that the thread executes the base. The caller has set @runner->ending and then called
 * shk_carrier_evict(), unless the thread has exited. The caller frees @runner only after a grace
 * period (synchronize_rcu()). If the thread runs, waits until it is off its CPU. Sleeps;
 * cpus_read_lock() is not held.
 */
void shk_runner_end(struct shk_runner *runner);
/*
 * Adds the preempt notifier of @runner to current, which is @runner->task, and makes current
 * execute the shadow. While current has a process's mm (kthread_use_mm()) or holds text_mutex, it
 * keeps its text: it changes to the shadow at a later turn on a CPU. Preemption is off.
 */
void shk_runner_begin_here(struct shk_runner *runner);
/*
 * Removes the preempt notifier of @runner from current, which is @runner->task. From here on
 * current executes the base. The caller may free @runner at once. Preemption is off.
 */
void shk_runner_end_here(struct shk_runner *runner);
/*
 * Returns the runner (struct shk_runner) of current that was initialised with @key, or NULL if
 * there is none. Preemption is off.
 */
struct shk_runner *shk_runner_here(const void *key);

#endif /* SHK_RUNNER_H */
