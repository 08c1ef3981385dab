/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes of tracepoints: a tracepoint is on in one shadow, and off in the base.
 *
 * The compiler makes this of each call of trace_NAME(), a place of the tracepoint:
 *
 *   key    a static key: a nop, or a jump to the block while the tracepoint has users
 *   block  tests the tracepoint's condition, and disables preemption, or enters SRCU
 *   load   mov tracepoint.funcs, %reg
 *   test   test %reg, %reg; if it is 0, the block ends
 *   call   loads the data of the first user, and makes the tracepoint's static call
 *
 * In the shadow, all keys of the tracepoint are jumps, and a site is at each load. So each
 * execution of the tracepoint is a hit. The copy of the load in the site's detour reads the base's
 * list of users. If there are none, the block ends behind it; else they are called, by the base's
 * static call, which private pages follow as they follow any. The base's key, list and static call
 * do not change.
 *
 * The key adds no race. Without a shadow, too, a CPU may pass the key while it is on, and load the
 * list after users have come or gone. The kernel orders the list and the static call by grace
 * periods, which the block's disabled preemption holds up; on kernels from 7.2 on, its reader
 * section of SRCU.
 *
 * Keys that only ask if the tracepoint is on, trace_NAME_enabled(), are jumps as well. No hit is
 * counted there.
 *
 * Captured users (edit/capture.h) are called in the shadow in addition to those of the base:
 *
 *   call   a jump to an element of shk_users, which calls shk_hit_tracepoint()
 *   load   the detours read shk_tracepoint_list instead of the base's list, so that the block does
 *          not end behind the test
 *
 * The jumps come first and go last, each with a grace period in between. So no call of the base has
 * the data of shk_tracepoint_list as its argument. shk_hit_tracepoint() reads the base's list.
 *
 * Process context; all functions may sleep.
 */
#ifndef SHK_EDIT_TRACEPOINT_H
#define SHK_EDIT_TRACEPOINT_H

#include <linux/tracepoint-defs.h>

#include "edit/probe.h"

/* The keys of one tracepoint: edits of one page each, in one shadow. */
struct shk_tracepoint_keys {
	/* In shk_shadow.tracepoints of the shadow where the edits are applied. Its lock. */
	struct list_head node;
	const struct tracepoint *tracepoint; /* fixed */
	unsigned int users;		     /* probes of the tracepoint; the shadow's lock */
	unsigned int nr;		     /* fixed, 1 or more */
	struct shk_edit **sorted;	     /* pointers to .edits, by address. Fixed */
	struct shk_edit edits[];	     /* jumps of 2 or 5 bytes */
};

/* Arguments of a user that are on the stack, at most. */
#define SHK_TRACEPOINT_STACK 7

/* The captured users of one tracepoint in one shadow: the first of them makes it. */
struct shk_tracepoint_users {
	struct list_head node;		     /* in shk_shadow.users. The shadow's lock */
	const struct tracepoint *tracepoint; /* fixed */
	struct shk_shadow *shadow;	     /* fixed */
	/* shk_captured.in_users, by priority. Written under the shadow's lock, read under RCU. */
	struct list_head captured;
	unsigned int nr_stack; /* arguments on the stack. Fixed */
	/* Edits of the calls of users: jumps to elements of shk_users. Under the shadow's lock. */
	struct shk_tracepoint_keys *calls;
};

/* Where a tracepoint is executed. Fixed, except .probe. */
struct shk_tracepoint_place {
	unsigned long addr; /* of the load */
	/*
	 * A helper probe that counts hits of the load of tracepoint.funcs in the counters of the
	 * tracepoint's probe. NULL for the first place, whose site has the probe of the tracepoint
	 * itself. Also NULL once the probe was disarmed. Under the lock of the probe's shadow.
	 */
	struct shk_probe *probe;
};

/* The part of a probe that only probes of tracepoints have. Made by shk_tracepoint_resolve(). */
struct shk_tracepoint_probe {
	struct shk_tracepoint_keys *keys; /* a pattern, which is applied nowhere */
	unsigned int nr;		  /* of places, 1 or more */
	struct shk_tracepoint_place places[];
};

/*
 * Finds the tracepoint @name, "SYSTEM:EVENT" or "TRACEPOINT", its keys, and its places:
 * instructions that load tracepoint.funcs behind a key. Sets @probe->tracepoint, and *@addr to the
 * first place. Takes text_mutex. Returns 0, or an error, after which nothing is set:
 *   TRACEPOINT_UNKNOWN  the kernel image has no such tracepoint
 *   TRACEPOINT_MODULE   a module defines it, or a loaded module may execute it
 *   TRACEPOINT_REGFUNC  the kernel calls a function when the first user comes
 *   TRACEPOINT_UNUSED   nothing executes it
 *   FORBIDDEN           it is executed in text that does not differ, or its code has another form
 *   PAGE_EDGE           a key or load lies in two pages, or too near to the edge of one
 *   -ENOMEM
 */
int shk_tracepoint_resolve(struct shk_probe *probe, const char *name, unsigned long *addr);

/*
 * Turns the tracepoint of @probe on in @shadow: arms all places at which it is executed, and then
 * makes its static keys jumps. The caller has armed the probe at the first place already. The lock
 * of its shadow is held; takes the union's lock if the shadow's policy is SHK_ASYNC_UNION. Does
 * nothing if @probe is not of a tracepoint. If @probe->captured is not NULL, adds its user before
 * the keys become jumps. Returns 0 or an error of shk_site_add(), after which
 * the probe is armed at the first place only.
 * With a captured user also:
 *   JUMP_THERE  a probe of another kind is at a place
 *   FORBIDDEN   the calls of users have another form, or arguments that are not known
 *   PAGE_EDGE   such a call lies in two pages
 */
int shk_tracepoint_arm(struct shk_shadow *shadow, struct shk_probe *probe);

/*
 * Ends the effect of shk_tracepoint_arm(): disarms all places but the first, and restores the keys
 * if no other probe of the shadow needs them. The caller then calls shk_site_remove() for @probe.
 * The lock of its shadow is held; may take the union's lock. Sleeps. Does nothing if @probe is not
 * of a tracepoint. Cannot fail.
 */
void shk_tracepoint_disarm(struct shk_shadow *shadow, struct shk_probe *probe);

/* Frees @probe->tracepoint, if there is one. The caller ensures that @probe is not armed. */
void shk_tracepoint_free(struct shk_probe *probe);

#endif /* SHK_EDIT_TRACEPOINT_H */
