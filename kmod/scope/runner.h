/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel thread that executes a shadow whenever it has a CPU: by a preempt
 * notifier, which loads the shadow's carrier mm when the thread gets a CPU, and leaves
 * it for the base when it gives that up.
 *
 * Preempt notifiers are meant to be put there by the thread itself. Somebody else
 * can do so while it does not run, and holds it there by the scheduler's own locks
 * (task_call_func()). While there is one, each switch of the machine looks for
 * notifiers.
 *
 * Who is to be given up may run. So it is told (.ending), and takes the notifier out
 * itself when it is next scheduled, or somebody else does while it is not.
 */
#ifndef SHK_RUNNER_H
#define SHK_RUNNER_H

#include <linux/preempt.h>

#include "shadow/shadow.h"

struct shk_runner {
	struct preempt_notifier notifier;
	struct task_struct *task; /* the caller sees to it that it stays */
	struct mm_struct *carrier;
	const void *key; /* the work item for which it does this, or NULL */
	bool ending;
};

void shk_runner_init(struct shk_runner *runner, struct task_struct *task, struct mm_struct *carrier,
		     const void *key);
/* The thread executes the shadow when it next gets a CPU; any thread. Sleeps. */
void shk_runner_begin(struct shk_runner *runner);
/*
 * It does not any more. .ending was set, and then shk_carrier_evict() called. Sleeps;
 * freed after synchronize_rcu().
 */
void shk_runner_end(struct shk_runner *runner);
/* The same by the thread itself, at once. Preemption is off. */
void shk_runner_begin_here(struct shk_runner *runner);
void shk_runner_end_here(struct shk_runner *runner);
/* Current's with that key, or NULL. Preemption is off. */
struct shk_runner *shk_runner_here(const void *key);

#endif /* SHK_RUNNER_H */
