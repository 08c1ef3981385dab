/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks for tasks that are in the middle of text that is about to change under them: the machine
 * is stopped, and kernel stacks are examined as livepatch does it.
 */
#ifndef SHK_STACK_CHECK_H
#define SHK_STACK_CHECK_H

#include <linux/pid_namespace.h>
#include <linux/sched.h>

#include "shadow/shadow.h"

/*
 * Which tasks may not be in which bodies, and the result. The caller owns it, and does not change
 * it while a function below uses it.
 */
struct shk_stack_check {
	/* The tasks to check: those that run in .mm, or, if that is NULL, in mms inside .shadow. */
	struct mm_struct *mm;
	const struct shk_shadow *shadow;
	/* Up to two lists of struct shk_body, by .node: shk_shadow.bodies. NULL: no list. */
	const struct list_head *bodies[2];
	/* More bodies, by shk_body.in_check; emptied by shk_stack_check_clear_others(). */
	struct list_head others;
	/* Out: a thread that is in a body, as shk_busy_pid() gives it; 0: no thread is. */
	pid_t busy;
	/* current's pid namespace, for .busy. Set by stack_check.c. */
	struct pid_namespace *ns;
};

/*
 * Stops the machine and examines the kernel stacks of the tasks that @check selects. Returns 0 if
 * no task has an address in one of the bodies. -EAGAIN: @check->busy has one, is in exec, or has a
 * stack that the unwinder cannot walk reliably.
 *
 * After the return tasks run again: the caller has made sure that none enters a body. The caller
 * holds cpus_read_lock() and text_mutex. Sleeps.
 */
int shk_stack_check_run(struct shk_stack_check *check);

/*
 * Stops the machine and examines the kernel stacks of the tasks that @check selects. If no task
 * has an address in one of the bodies, calls @change(@arg) at that instant, on one CPU with
 * interrupts off: it may take spinlocks, but not sleep. Before any task runs again, every CPU
 * flushes all its translations. CPUs that use @check->mm lazily load init_mm first.
 *
 * Returns what @change returned. -EAGAIN: @change was not called, since the thread @check->busy is
 * in a body, is in exec, or has a stack that the unwinder cannot walk reliably.
 *
 * The caller holds cpus_read_lock() and text_mutex. Sleeps.
 */
int shk_stack_check_and_change(struct shk_stack_check *check, int (*change)(void *arg), void *arg);

/* How long a call waits in all for threads that are in the way, in jiffies. */
#define SHK_BUSY_TASK_TIMEOUT (3 * HZ)
/* How long it waits before it tries again, in jiffies. */
#define SHK_BUSY_TASK_PAUSE (HZ / 50)

/*
 * Returns the thread id of @task in current's pid namespace, or -1 if that does not show it. Never
 * 0, which means that no thread is in the way.
 */
static inline pid_t shk_busy_pid(struct task_struct *task)
{
	return task_pid_nr_ns(task, task_active_pid_ns(current)) ?: -1;
}

/*
 * Removes all bodies from @check->others, so that their .in_check can be used again. Called when
 * the check is over, before the bodies are freed or checked by another one.
 */
static inline void shk_stack_check_clear_others(struct shk_stack_check *check)
{
	while (!list_empty(&check->others))
		list_del_init(check->others.next);
}

/*
 * Returns the time (jiffies) until which a call that begins to wait now waits for threads that are
 * in the way. Never 0, which means that it has not begun to wait.
 */
static inline unsigned long shk_busy_task_deadline(void)
{
	return (jiffies + SHK_BUSY_TASK_TIMEOUT) | 1;
}

/*
 * Sleeps for SHK_BUSY_TASK_PAUSE, so that the thread that is in the way can go on. *@until is 0 at
 * the first call, which sets it to shk_busy_task_deadline(). The caller holds no lock of this
 * module and no cred_guard_mutex, since the thread may be waiting for them. Returns 0 when the
 * caller is to try again.
 *
 * Errors:
 *   -ERESTARTSYS   a signal is pending
 *   TASK_BUSY      the time *@until has passed
 */
int shk_busy_task_wait(unsigned long *until);

/*
 * Returns true if this kernel allows bodies to be replaced in place: it has the ORC unwinder, and
 * shk_stack_check_init() has found exec.
 */
bool shk_stack_check_possible(void);

/* Looks up the kernel functions that implement exec. Called once, when the module is loaded. */
void shk_stack_check_init(void);

#endif /* SHK_STACK_CHECK_H */
