/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shadow: a text, a name, references, and who is grafted to it.
 *
 * Locking
 *
 * shk_config_lock	serialises everything that a user asks for: names,
 *			edits, attach, detach. Sleeping; outermost.
 * shk_graft_lock	(graft.h) which mm is grafted to which shadow. A
 *			spinlock, so that fork and exit, which must not wait for
 *			a user, need nothing else.
 * text_mutex		(text.h) inside shk_config_lock.
 */
#ifndef SHK_SHADOW_H
#define SHK_SHADOW_H

#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/shadowk.h>

#include "shadow/vectors.h"
#include "text/text.h"

#define SHK_SITE_BITS 6

/* Text the module itself needs in every shadow, see hooks.c. */
enum shk_hook {
	SHK_HOOK_ENTER_LAZY_TLB,
	SHK_HOOK_PGD_ALLOC,
	SHK_HOOK_PGD_FREE,
	SHK_HOOK_EXEC_MM,
	SHK_HOOK_INT3,
	SHK_HOOK_EXEC,
	SHK_HOOK_FAULT,
	SHK_HOOK_FPU_END,
	SHK_HOOK_TEXT_POKE,
	SHK_HOOK_FTRACE_VERIFY,
	SHK_HOOK_JUMP_LABEL,
	SHK_HOOK_STATIC_CALL,
	SHK_HOOK_CAN_PROBE,
	SHK_HOOK_COPY_INSN,
	SHK_HOOK_CAN_OPTIMIZE,
	SHK_HOOK_UPCALL,
	SHK_HOOK_SOFTIRQ,
	SHK_HOOK_VECTOR, /* the first handler of a system vector: vectors.h */
	SHK_NR_HOOKS = SHK_HOOK_VECTOR + SHK_VECTORS_MAX
};

struct shk_shadow {
	refcount_t ref; /* its name, handles, grafts */
	u64 id;
	char name[SHK_NAME_LEN]; /* "" if it has none */
	struct hlist_node by_name;
	u32 flags;   /* SHK_ASYNC_*, SHK_DELEGABLE */
	bool dead;   /* destroyed: handles only */
	bool hidden; /* the module's own: shk_shadow_create_hidden() */
	struct shk_text text;
	struct shk_edit hooks[SHK_NR_HOOKS];
	bool hooked;

	/* Under shk_graft_lock. */
	struct list_head grafts;
	unsigned int nr_grafts;
	/* Threads that act on its edits where others of their process do not: thread.h. */
	unsigned int nr_threads;

	/* Under shk_config_lock. */
	unsigned int nr_common; /* edits that all threads act on */
	bool asks_threads;	/* every other edit asks whether the thread is to act */

	unsigned int nr_cgroups; /* bound to it; under shk_config_lock */

	/* Under shk_config_lock. */
	struct mm_struct *bare; /* bare.c */
	unsigned int bare_users;
	struct list_head owns; /* scope/own.c's, by id */
	u64 last_own;

	bool causal;		  /* what it raises is followed, scope/causal.c */
	atomic64_t nr_unfollowed; /* what could not be, or is others' as well */

	/*
	 * Scope/syscalls.c's. Whoever is grafted to it executes @target's text during
	 * @calls, and counts as grafted to that; NULL: not so. @target holds a reference,
	 * and does not change once something can be grafted.
	 */
	struct shk_shadow *target;
	struct list_head callers; /* whose target this is; under shk_graft_lock, too */
	struct list_head caller;  /* target->callers */
	/* Of a target, those of all its callers. Read under RCU. */
	unsigned long calls[SHK_SYSCALLS_WORDS];
	struct shk_edit redirect;

	/* edit/'s; written under shk_config_lock, sites read under RCU. */
	DECLARE_HASHTABLE(sites, SHK_SITE_BITS);
	struct list_head probes; /* by id */
	unsigned int nr_probes;
	u64 last_probe;
	struct list_head patches; /* by id */
	unsigned int nr_patches;
	u64 last_patch;
	struct list_head bodies; /* struct shk_body, while they are in place */
	struct list_head raws;	 /* by id */
	u64 last_raw;
	/* Remove all edits. Under shk_config_lock, nothing is grafted. */
	void (*teardown)(struct shk_shadow *shadow);
	struct rcu_head rcu; /* shadow.c's */
};

/*
 * Text in which no task may be that comes to have other text there: a body
 * that the shadow has in place of the base's, what belongs to the base's.
 */
struct shk_body {
	struct list_head node; /* shk_shadow.bodies */
	unsigned long from;
	unsigned long to;
};

extern struct mutex shk_config_lock;

/* For whoever serves a user, and has nothing to undo. -ERESTARTSYS: the caller is killed. */
static inline int __must_check shk_config_lock_killable(void)
{
	return mutex_lock_killable(&shk_config_lock) ? -ERESTARTSYS : 0;
}

/*
 * A hidden shadow with the probes of all that are SHK_ASYNC_UNION, see scope/union.h; NULL
 * when there is none. Under shk_config_lock.
 */
extern struct shk_shadow *shk_union;

/* ---- shadow.c ---- */

/* A reference to a new shadow; @name may be "". -EEXIST, -EINVAL, -ENOMEM. */
struct shk_shadow *shk_shadow_create(const char *name, u32 flags,
				     void (*teardown)(struct shk_shadow *));
/*
 * One without a name or references, that nobody sees but for its memory, and its end;
 * shk_config_lock held. -ENOMEM.
 */
struct shk_shadow *shk_shadow_create_hidden(u32 flags);
void shk_shadow_destroy_hidden(struct shk_shadow *shadow);
/* A reference to the shadow of that name. -ENOENT. */
struct shk_shadow *shk_shadow_find(const char *name);
/* The shadow with the lowest id that is not below @id, NULL; no hidden one. shk_config_lock held. */
struct shk_shadow *shk_shadow_next(u64 id);
/* Give up the name and the edits. -EBUSY: something is grafted. */
int shk_shadow_destroy(struct shk_shadow *shadow);
/* The same of one that its creator gives up: whether or not the caller is killed. */
void shk_shadow_abort(struct shk_shadow *shadow);
struct shk_shadow *shk_shadow_get(struct shk_shadow *shadow);
/* Not under shk_config_lock, unless the caller holds another reference. */
void shk_shadow_put(struct shk_shadow *shadow);
void shk_shadow_info(struct shk_shadow *shadow, struct shk_shadow_info *info);
int shk_shadows_info(struct shk_info *info);
/* Is any executed by others than processes? */
bool shk_shadows_bare(void);
/* Destroy what nobody holds: idle shadows that only their names keep alive. */
void shk_shadows_exit(void);
bool shk_name_valid(const char *name);

/* ---- edits.c ---- */

/* Apply and revert an edit; shk_config_lock held. Errors as shk_text_apply(). */
int shk_edit_apply(struct shk_shadow *shadow, struct shk_edit *edit);
void shk_edit_revert(struct shk_shadow *shadow, struct shk_edit *edit);
/* An applied branch becomes another; see shk_text_change(). */
void shk_edit_change(struct shk_shadow *shadow, struct shk_edit *edit, u8 opcode,
		     unsigned long target, unsigned long resume);
/* Keep pages private, and no longer; shk_config_lock held. See text.h. */
int shk_edit_pin(struct shk_shadow *shadow, unsigned long from, unsigned long to);
void shk_edit_unpin(struct shk_shadow *shadow, unsigned long from, unsigned long to);
/* @bytes: a call or jump (@opcode) at @addr to @target. */
void shk_edit_branch(struct shk_edit *edit, unsigned long addr, u8 opcode, unsigned long target);

/*
 * Replace whole bodies, see shk_text_replace(), if no task of the shadow is in
 * @bodies; shk_config_lock held. -EAGAIN: @busy is. -EADDRINUSE.
 */
int shk_edit_replace(struct shk_shadow *shadow, struct shk_replacement *edits, unsigned int nr,
		     bool in, struct list_head *bodies, pid_t *busy);

/* ---- graft.c, attach.c, stretch.c, birth.c, calls.c ---- */

int shk_graft_init(void);
void shk_graft_exit(void);

/* Where an mm was, with references; shadow is NULL if that was nowhere, or is over. */
struct shk_before {
	struct shk_shadow *shadow;
	struct shk_visit *visit;
	u64 placed;
	bool delegated;
};

/* What is no longer needed, but may only be given up without locks. */
struct shk_left {
	struct shk_graft *graft;
	struct shk_shadow *shadow;
	struct shk_visit *visit;
	struct shk_before before;
	struct shk_graft *spare; /* not used; in: shk_graft_spare()'s */
};

void shk_left_put(struct shk_left *left);
/*
 * Before shk_config_lock is taken, since it waits for @mm's mmap_lock: @left has what @mm needs to
 * come into a shadow. The caller keeps its user of @mm until shk_left_put(). Only a signal
 * that kills ends the wait (-ERESTARTSYS); -EAGAIN: somebody has the lock, and not to @wait;
 * -ENOMEM.
 */
int shk_graft_spare(struct mm_struct *mm, bool wait, struct shk_left *left);
/*
 * @mm executes @shadow from here on; it moves if it was in another. All its
 * stretches are over. The caller holds shk_config_lock and a user of @mm (mmget).
 * @left is shk_graft_spare()'s; what it left is in it, also on error. @delegated: by the
 * right of the handle, which does not reach a graft that was made without it. -ENOMEM,
 * -ESTALE, -EPERM; -EAGAIN: a task of @mm, @busy, is in one of the bodies that the one
 * shadow or the other has in place, or @mm has left its shadow: shk_still_wait(), without
 * locks.
 */
int shk_graft_attach(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		     struct shk_left *left, pid_t *busy);
/*
 * The same, by @binding of its cgroup: so are what it forks and executes. While that is on
 * @trial, all of these know where they come from.
 */
int shk_graft_place(struct shk_shadow *shadow, struct mm_struct *mm, u64 binding, bool trial,
		    struct shk_left *left, pid_t *busy);
/*
 * The trial has failed: @mm goes back to where it, or a parent, was, and to the stretches
 * that it was in, but for those of threads alone; to the base if that shadow was destroyed.
 * -ENOENT: it is on no trial, or @binding (0: none) had not placed it then; else as above.
 */
int shk_graft_restore(struct mm_struct *mm, u64 binding, struct shk_left *left, pid_t *busy);
/* It has not: whom @binding has placed need not know any more. No locks. */
void shk_graft_settle(u64 binding);
/*
 * Has not @binding put @mm where it is, or another one if 0? Or is it elsewhere than in
 * @shadow, if that is not NULL? Who is in a stretch is where it belongs, unless it has
 * @moved between cgroups. No locks, does not sleep.
 */
bool shk_graft_misplaced(struct mm_struct *mm, u64 binding, const struct shk_shadow *shadow,
			 bool moved);
/*
 * The same of a process that has moved between cgroups; true also if another CPU holds the
 * lock. Never spins, so it may be called with interrupts off and under any lock.
 */
bool shk_graft_may_be_misplaced(struct mm_struct *mm, u64 binding);
/*
 * Let grafts of @mm, of which the caller has a user, be made without a wait, and whatever
 * signals are pending. @own: it is current's; only then its mmap_lock is waited for.
 * No locks but cred_guard_mutex. -EAGAIN: that is taken, or a fault does not end;
 * -ERESTARTSYS: the caller is killed, or signals came without end; -ENOMEM.
 */
int shk_graft_subscribe(struct mm_struct *mm, bool own);
/* Was this made by exec for who borrowed its parent's mm until then? Likewise. */
bool shk_graft_was_borrowing(struct mm_struct *mm);
/* Does @task, until it executes, run in its parent's mm (vfork)? */
static inline bool shk_borrows_mm(struct task_struct *task)
{
	bool borrows;

	rcu_read_lock();
	borrows = READ_ONCE(task->vfork_done) &&
		  READ_ONCE(rcu_dereference(task->real_parent)->mm) == READ_ONCE(task->mm);
	rcu_read_unlock();
	return borrows;
}
/* Others of @task's flags change meanwhile; this one does not. */
static inline bool shk_is_kthread(const struct task_struct *task)
{
	return data_race(task->flags) & PF_KTHREAD;
}
/* mms that are inside by their cgroups, those that fork and exec are making too. */
unsigned int shk_graft_count_placed(void);
/* What the first to come needs is made; shk_config_lock held. Errors as shk_graft_attach(). */
int shk_graft_prepare(struct shk_shadow *shadow);
/* Undo that, in which nobody has been grafted since: @shadow was built, and had its hooks, or not. */
void shk_graft_unprepare(struct shk_shadow *shadow, bool was_built, bool was_hooked);
/* The same until shk_graft_return(), in a stretch within those that it has. -ENOSPC. */
int shk_graft_enter(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		    struct shk_left *left, pid_t *busy);
/*
 * The same, but only current acts on edits, besides those threads that have done so
 * before. -EBUSY: the process is in another stretch than that; -EMEDIUMTYPE: interrupts
 * and kernel threads execute the shadow, too.
 */
int shk_graft_enter_thread(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
			   struct shk_left *left, pid_t *busy);
/*
 * The innermost stretch of @mm, current's, is over; it is where it was before,
 * or, if that was destroyed, where it was before that. -ENOENT: it is in no
 * stretch, or not in @from. -EIO, and as shk_graft_detach().
 */
int shk_graft_return(struct mm_struct *mm, const struct shk_shadow *from, struct shk_left *left,
		     pid_t *busy);
/*
 * @mm executes the base. -ENOENT: it is not in @from, or, if that is NULL, in none. -EAGAIN:
 * as above, or a fork or exec in it can still fail without exit_mmap() (@busy is 0). -EPERM
 * and locks as above.
 */
int shk_graft_detach(struct mm_struct *mm, const struct shk_shadow *from, bool delegated,
		     pid_t *busy);
/* Is @mm grafted to @shadow? */
bool shk_graft_is_in(struct mm_struct *mm, const struct shk_shadow *shadow);
/* The same for current's mm, which nobody else runs in, if it is in by delegation. No locks. */
void shk_graft_leave(struct mm_struct *mm);
/*
 * current begins and ends a system call. Until the end its mm executes the text of its
 * shadow's target, if it has one and @nr is one of its calls; else 0 is returned, and
 * there is no end.
 */
u64 shk_graft_call_begin(unsigned int nr);
void shk_graft_call_end(u64 call);
/* @caller, in which nothing is yet, gets @target; the other way round. shk_config_lock held. */
void shk_graft_link_target(struct shk_shadow *caller, struct shk_shadow *target);
void shk_graft_unlink_target(struct shk_shadow *caller);
/* A reference to the shadow that @mm is grafted to, or NULL. */
struct shk_shadow *shk_graft_shadow(struct mm_struct *mm);
/*
 * The mm that came into the shadow next after the one that @cursor says (0: the
 * first), with a reference on it (mmput), or NULL. Sets @cursor.
 */
struct mm_struct *shk_graft_next(struct shk_shadow *shadow, u64 *cursor);
unsigned int shk_graft_count(struct shk_shadow *shadow);
/* Does anybody execute it, or may at any time, process or not? shk_config_lock held. */
bool shk_shadow_live(struct shk_shadow *shadow);
/* The mm that a process inside is making joins its shadow. -ENOMEM. */
int shk_graft_inherit(struct mm_struct *mm);
/*
 * current's exec takes the mm that it has made into use. The shadow that this
 * has yet to come into, by shk_graft_arrive(), or NULL.
 */
struct shk_shadow *shk_graft_exec(void);
/* current's mm does, if it has one and nobody has attached it since. -ENOMEM, -EIO. */
int shk_graft_arrive(struct shk_shadow *shadow);
/* That mm came to nothing before it was used. */
void shk_graft_abort(struct mm_struct *mm);
/* What ended before is forgotten: its references and the module's are given up. */
void shk_graft_drain(void);
/* The shadow this CPU executes, NULL for the base. Interrupts are off. */
struct shk_shadow *shk_current_shadow(void);

/* ---- still.c ---- */

/* While the machine stands still. */
struct shk_still {
	/* Whose tasks are looked at: those of @mm, or, if it is NULL, of all in @shadow. */
	struct mm_struct *mm;
	const struct shk_shadow *shadow;
	/* Where none may be: lists of struct shk_body, NULL for none. */
	struct list_head *bodies[2];
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
/*
 * Give who is in the way a moment. @until is 0 at first. -EBUSY: that was long enough;
 * -ERESTARTSYS.
 */
int shk_still_wait(unsigned long *until);
/* May bodies be replaced in this kernel? */
bool shk_still_possible(void);
void shk_still_init(void);

/* ---- bare.c ---- */

/*
 * shk_shadow.bare is there for one user more; shk_config_lock held. -EOPNOTSUPP:
 * not on this machine. Others as shk_graft_prepare().
 */
int shk_bare_get(struct shk_shadow *shadow);
/* One less, who has seen to it that no CPU loads it, or comes back to it, on its behalf. */
void shk_bare_put(struct shk_shadow *shadow);
/* No kernel thread resumes it any more: none executes it, either. Sleeps. */
void shk_bare_leave_all(struct shk_shadow *shadow);
/* Is a kernel thread on this CPU in an mm that it borrows, not in a text of its own? Interrupts are off. */
bool shk_is_borrowing(void);
/* Load it in an interrupt or softirq, and what was loaded before. Interrupts are off. */
struct mm_struct *shk_bare_enter(struct mm_struct *bare);
void shk_bare_leave(struct mm_struct *from);
/* Load it in a kernel thread, unless that has a process's mm; and the base. */
void shk_bare_resume(struct mm_struct *bare);
void shk_bare_pause(const struct mm_struct *bare);
/* Is it such an mm that current is making? */
bool shk_bare_born(void);

/* ---- power.c ---- */

int shk_power_init(void);
void shk_power_exit(void);

/* ---- hooks.c ---- */

int shk_hooks_init(void);
/* No task is in a hook. Nothing is grafted any more. */
void shk_hooks_exit(void);
/* Put the hooks into a shadow that has none; shk_config_lock held. */
int shk_hooks_apply(struct shk_shadow *shadow);
void shk_hooks_revert(struct shk_shadow *shadow);
/* Has the module an edit of its own at @addr, in every shadow? */
bool shk_hooks_own(unsigned long addr);
/* Does no shadow execute the body of that function? */
bool shk_hooks_replace(const char *symbol);

#endif /* SHK_SHADOW_H */
