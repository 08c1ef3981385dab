/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which cgroup is bound to which shadow, or split between two, and that a process
 * is where that wants it.
 *
 * cgroup.c	binds and frees cgroups, and hears of processes that come and go
 * place.c	puts one where it belongs, now or as soon as that can be
 */
#ifndef SHK_PLACE_H
#define SHK_PLACE_H

#include <linux/cgroup.h>

#include "shadow/shadow.h"

struct shk_binding {
	struct hlist_node node; /* by cgroup; RCU, written under shk_graft_lock */
	refcount_t ref;		/* its creator's, of those who place by it */
	u64 id;			/* never used twice, not 0 */
	struct cgroup *cgroup;	/* holds a reference, as of shadows */
	struct shk_shadow *shadow;
	struct shk_shadow *other; /* who has drawn it is in this one; NULL: nobody */
	unsigned int percent;	  /* of who draws */
	bool trial;		  /* the attach may still fail; under shk_graft_lock */
	atomic64_t nr_drawn;
};

/* ---- cgroup.c ---- */

/* Is there a binding at all? As shk_binding_nearest(). */
bool shk_bindings_exist(void);
/* Of @cgroup, or of the nearest above it. RCU; under shk_graft_lock it stays so. */
struct shk_binding *shk_binding_nearest(struct cgroup *cgroup);
/* A reference; and one that goes, the last of a binding that nobody finds. No locks. */
void shk_binding_get(struct shk_binding *binding);
void shk_binding_put(struct shk_binding *binding);
/* Somebody waits in place.c until the worker comes by. Anywhere. */
void shk_cgroups_wake(void);

/* ---- place.c ---- */

int shk_place_init(void);
void shk_place_exit(void);

/* What a process has drawn of a binding, by id; 0: nothing. */
struct shk_draw {
	u64 binding;
	bool other;
};

/* The next one's turn: exact in each hundred, and as even as can be within. */
struct shk_draw shk_draw(struct shk_binding *binding);
/* @task looks after itself, if it was just @born, and else current after it. Anywhere. */
void shk_place_request(struct task_struct *task, bool born, struct shk_draw draw);
/*
 * @task, which has moved, may be where its cgroup does not want it. One in exec is asked
 * about the mm that it gives up; exec asks for itself (cgroup_on_exec()). Anywhere.
 */
bool shk_place_wanted(struct task_struct *task);
/* Processes that are placed by the same decision wait no longer than one. */
struct shk_placing {
	unsigned long until; /* jiffies; 0 at first */
	pid_t busy;	     /* out: the thread that was in the way all the time */
};

/*
 * @task goes where it belongs. -EBUSY: somebody was in the way all the time that
 * @placing has; -ERESTARTSYS: the caller is killed; -ENOMEM and others.
 */
int shk_place(struct task_struct *task, struct shk_placing *placing);
/* The worker takes over. */
void shk_place_later(struct task_struct *task);
/* Who was deferred is placed now; where that cannot be yet, later. Returns whether all are. */
bool shk_place_deferred(void);

#endif /* SHK_PLACE_H */
