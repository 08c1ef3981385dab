/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds tasks that are in the middle of text that is about to change. The machine is stopped, and
 * kernel stacks are examined as livepatch does it. "Body" is the code of a function, which a patch
 * in place overwrites.
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
	/*
	 * Heads of up to two lists of bodies to look for, such as shk_shadow.bodies. A body is a
	 * range of text in which no task may be. NULL: no list.
	 */
	const struct list_head *bodies[2];
	/*
	 * More bodies to look for, linked by shk_body.in_check. shk_stack_check_clear_extra()
	 * empties this list.
	 */
	struct list_head extra_bodies;
	/*
	 * Out: the thread that made the check fail, or -1 if current's pid namespace does not show
	 * it. The thread is in a body, in exec, or has a stack that the unwinder cannot walk
	 * reliably. 0: the check did not fail.
	 */
	pid_t busy;
	/* current's pid namespace, for .busy. Set by stack_check.c. */
	struct pid_namespace *ns;
};

/*
 * Stops the machine and examines the kernel stacks of the tasks that @check selects. A "body" is a
 * range of text that @check lists, which is about to change. The check succeeds if each of these
 * stacks is reliable and has no address in a body or in exec. Returns 0 if the check succeeds.
 * Otherwise returns -EAGAIN, and @check->busy is the thread that made the check fail.
 *
 * When this function returns, tasks run again. So the caller has made sure that no task enters a
 * body. The caller holds cpus_read_lock() and text_mutex. Sleeps.
 */
int shk_stack_check_run(struct shk_stack_check *check);

/*
 * Makes the check of shk_stack_check_run(), and calls @change(@arg) if that succeeds, while the
 * machine is still stopped. In this order:
 *
 *   1. The machine is stopped.
 *   2. If @check->mm is not NULL, each CPU that uses it lazily loads init_mm.
 *   3. One CPU examines the stacks. If the check succeeds, it calls @change with interrupts off.
 *      @change may take spinlocks, but not sleep.
 *   4. Every CPU flushes all its translations, whether @change was called or not.
 *   5. Tasks run again.
 *
 * Returns what @change returned, or -EAGAIN if @change was not called. @check->busy tells these
 * apart: it is 0 if @change was called, else the thread that made the check fail.
 *
 * The caller holds cpus_read_lock() and text_mutex. Sleeps.
 */
int shk_stack_check_and_change(struct shk_stack_check *check, int (*change)(void *arg), void *arg);

/* How long a call waits in all until checks of stacks succeed, in jiffies. */
#define SHK_BUSY_TASK_TIMEOUT (3 * HZ)
/* How long a call waits between two checks of stacks, in jiffies. */
#define SHK_BUSY_TASK_PAUSE (HZ / 50)

/*
 * Returns the thread id of @task in current's pid namespace, or -1 if the namespace does not show
 * the task. Never returns 0: in shk_stack_check.busy and shk_change.busy, 0 stands for no thread.
 */
static inline pid_t shk_busy_pid(struct task_struct *task)
{
	return task_pid_nr_ns(task, task_active_pid_ns(current)) ?: -1;
}

/*
 * Removes all bodies from @check->extra_bodies, so that another check can list them by their
 * .in_check. The caller does this after the check, before the bodies are freed.
 */
static inline void shk_stack_check_clear_extra(struct shk_stack_check *check)
{
	while (!list_empty(&check->extra_bodies))
		list_del_init(check->extra_bodies.next);
}

/*
 * Returns the time, in jiffies, at which a wait for busy threads ends if it begins at this moment.
 * Never returns 0: callers store 0 while they have not begun to wait.
 */
static inline unsigned long shk_busy_task_deadline(void)
{
	return (jiffies + SHK_BUSY_TASK_TIMEOUT) | 1;
}

/*
 * Sleeps for SHK_BUSY_TASK_PAUSE, so that a thread which made a check or a lock attempt fail can go
 * on. *@until is 0 at the first call, which sets it to shk_busy_task_deadline(). The caller holds
 * no lock of this module and no cred_guard_mutex, since the thread may be waiting for them. Returns
 * 0 when the caller is to try again, or
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
