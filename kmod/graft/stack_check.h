/* SPDX-License-Identifier: GPL-2.0-only */
/* Changes of text that a task may be in the midst of. */
#ifndef SHK_STACK_CHECK_H
#define SHK_STACK_CHECK_H

#include <linux/pid_namespace.h>
#include <linux/sched.h>

#include "shadow/shadow.h"

/* While the machine stands still. */
struct shk_stack_check {
	/* Whose tasks are looked at: those of @mm, or, if it is NULL, of all in @shadow. */
	struct mm_struct *mm;
	const struct shk_shadow *shadow;
	/* Where none may be: shk_shadow.bodies of two, NULL for none; and by shk_body.in_check. */
	const struct list_head *bodies[2];
	struct list_head others;
	/* Out: who is, in the pid namespace of current, or 0. */
	pid_t busy;
	struct pid_namespace *ns; /* stack_check.c's */
};

/* 0 or -EAGAIN. cpus_read_lock() and text_mutex held. */
int shk_stack_check_run(struct shk_stack_check *check);
/*
 * The same; if nobody is, @change(@arg) is done at that moment, after which no CPU has
 * any translation left or borrows @check->mm. -EAGAIN, or what @change returned.
 */
int shk_stack_check_and_change(struct shk_stack_check *check, int (*change)(void *arg), void *arg);
/* How long who is in the way is waited for in all, and how long a moment is, in jiffies. */
#define SHK_BUSY_TASK_TIMEOUT (3 * HZ)
#define SHK_BUSY_TASK_PAUSE   (HZ / 50)
/* The thread that is in the way, as current's pid namespace has it; -1: it is not visible there. */
static inline pid_t shk_busy_pid(struct task_struct *task)
{
	return task_pid_nr_ns(task, task_active_pid_ns(current)) ?: -1;
}
/* None of @check->others is looked for any more. */
static inline void shk_stack_check_clear_others(struct shk_stack_check *check)
{
	while (!list_empty(&check->others))
		list_del_init(check->others.next);
}
/* When who is in the way has been waited for long enough, from now on. */
static inline unsigned long shk_busy_task_deadline(void)
{
	return (jiffies + SHK_BUSY_TASK_TIMEOUT) | 1;
}
/*
 * Gives who is in the way a moment, without locks. @until is shk_busy_task_deadline()'s, or 0 at first.
 * -EBUSY: that was long enough; -ERESTARTSYS.
 */
int shk_busy_task_wait(unsigned long *until);
/* May bodies be replaced in this kernel? */
bool shk_stack_check_possible(void);
void shk_stack_check_init(void);

#endif /* SHK_STACK_CHECK_H */
