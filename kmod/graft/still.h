/* SPDX-License-Identifier: GPL-2.0-only */
/* Changes of text that a task may be in the midst of. */
#ifndef SHK_STILL_H
#define SHK_STILL_H

#include <linux/pid_namespace.h>
#include <linux/sched.h>

#include "shadow/shadow.h"

/* While the machine stands still. */
struct shk_still {
	/* Whose tasks are looked at: those of @mm, or, if it is NULL, of all in @shadow. */
	struct mm_struct *mm;
	const struct shk_shadow *shadow;
	/* Where none may be: shk_shadow.bodies of two, NULL for none; and by shk_body.in_look. */
	const struct list_head *bodies[2];
	struct list_head others;
	/* Out: who is, in the pid namespace of current, or 0. */
	pid_t busy;
	struct pid_namespace *ns; /* still.c's */
};

/* 0 or -EAGAIN. cpus_read_lock() and text_mutex held. */
int shk_still_look(struct shk_still *still);
/*
 * The same; if nobody is, @change(@arg) is done at that moment, after which no CPU has
 * any translation left or borrows @still->mm. -EAGAIN, or what @change returned.
 */
int shk_still_change(struct shk_still *still, int (*change)(void *arg), void *arg);
/* How long who is in the way is waited for in all, and how long a moment is, in jiffies. */
#define SHK_STILL_WAIT	(3 * HZ)
#define SHK_STILL_PAUSE (HZ / 50)
/* The thread that is in the way, as current's pid namespace has it; -1: it is not visible there. */
static inline pid_t shk_busy_pid(struct task_struct *task)
{
	return task_pid_nr_ns(task, task_active_pid_ns(current)) ?: -1;
}
/* None of @still->others is looked for any more. */
static inline void shk_still_forget(struct shk_still *still)
{
	while (!list_empty(&still->others))
		list_del_init(still->others.next);
}
/* When who is in the way has been waited for long enough, from now on. */
static inline unsigned long shk_still_until(void)
{
	return (jiffies + SHK_STILL_WAIT) | 1;
}
/*
 * Gives who is in the way a moment, without locks. @until is shk_still_until()'s, or 0 at first.
 * -EBUSY: that was long enough; -ERESTARTSYS.
 */
int shk_still_wait(unsigned long *until);
/* May bodies be replaced in this kernel? */
bool shk_still_possible(void);
void shk_still_init(void);

#endif /* SHK_STILL_H */
