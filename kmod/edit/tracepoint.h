/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes of tracepoints: a tracepoint is on in one shadow, and off in the base.
 *
 * A "place" of a tracepoint is code that executes it. The compiler generates this code for each
 * call of trace_NAME():
 *
 *   key    a static key: a nop, or a jump to the block while the tracepoint has users
 *   block  tests the tracepoint's condition, and disables preemption, or enters SRCU
 *   load   mov tracepoint.funcs, %reg
 *   test   test %reg, %reg; if it is 0, the block ends
 *   call   loads the data of the first user, and makes the tracepoint's static call
 *
 * A user is a function with its data, which the kernel registers at the tracepoint. In the shadow,
 * all keys of the tracepoint are jumps, and each load has a site: a probed instruction (probe.h).
 * So each execution of the tracepoint is a hit. The site's detour, code of the module to which the
 * site jumps, has a copy of the load, which reads the base's list of users. If the list is empty,
 * the block ends behind the test. Otherwise the base's static call calls the users; private pages
 * follow each change of it. The base's key, list and static call do not change.
 *
 * The key adds no race. Without a shadow, too, a CPU may pass the key while it is on, and load the
 * list after users have come or gone. The kernel orders the list and the static call by grace
 * periods, which the block's disabled preemption holds up; on kernels from 7.2 on, its reader
 * section of SRCU.
 *
 * Keys that only ask if the tracepoint is on, trace_NAME_enabled(), are jumps as well. No hit is
 * counted there.
 *
 * Captured users (edit/capture.h) are registered by tools for one shadow. In this shadow they are
 * called in addition to the users of the base:
 *
 *   call   is a jump to an element of shk_users (slot_entry.h), which calls shk_hit_tracepoint().
 *          That calls the users of the base, by the base's list, and the captured ones.
 *   load   if the base's list is empty, the detours load another one, so that the block does not
 *          end behind the test
 *
 * The calls become jumps first, and then the loads change. At the end the order is reversed, with a
 * grace period after each step. A process may leave the shadow between the load and the call, and
 * then executes the base's call. If the base has users, that call has the data of the base's list.
 * If it has none, that call ignores its data.
 *
 * Process context; all functions may sleep.
 */
#ifndef SHK_EDIT_TRACEPOINT_H
#define SHK_EDIT_TRACEPOINT_H

#include <linux/tracepoint-defs.h>

#include "edit/probe.h"

/*
 * Edits that change one tracepoint in one shadow; each lies in one page. They make its keys jumps
 * (shk_tracepoint_probe.keys and shk_shadow.tracepoints), or make the calls of its users jumps
 * (shk_tracepoint_users.calls).
 */
struct shk_tracepoint_keys {
	/*
	 * Edits of keys that are applied: in shk_shadow.tracepoints. Otherwise unused. Under the
	 * shadow's lock.
	 */
	struct list_head node;
	const struct tracepoint *tracepoint; /* fixed */
	unsigned int users;		     /* probes that need .edits. Under the shadow's lock */
	unsigned int nr;		     /* fixed, 1 or more */
	struct shk_edit **sorted;	     /* pointers to .edits, by address. Fixed */
	struct shk_edit edits[];	     /* jumps of 2 or 5 bytes */
};

/* A captured user gets at most this number of arguments on the stack. */
#define SHK_TRACEPOINT_STACK 7

/*
 * All captured users of one tracepoint in one shadow. Created for the first of them, freed with the
 * last.
 */
struct shk_tracepoint_users {
	struct list_head node;		     /* in shk_shadow.users. Under its lock */
	const struct tracepoint *tracepoint; /* fixed */
	struct shk_shadow *shadow;	     /* fixed */
	/*
	 * The captured users, by priority: shk_captured.in_users. Written under the shadow's lock,
	 * read under RCU.
	 */
	struct list_head captured;
	unsigned int nr_stack; /* arguments of a user that are on the stack. Fixed */
	/* The edits that make the calls of users jumps to shk_users. Under the shadow's lock. */
	struct shk_tracepoint_keys *calls;
};

/* One place of a tracepoint, code that executes it. All members but .probe are fixed. */
struct shk_tracepoint_place {
	unsigned long addr; /* of the load */
	/*
	 * A helper probe that counts hits of the load of tracepoint.funcs in the counters of the
	 * tracepoint's probe. NULL for the first place, whose site has the probe of the tracepoint
	 * itself. Also NULL once the probe was disarmed. Under the lock of the probe's shadow.
	 */
	struct shk_probe *probe;
};

/*
 * The part of a probe that only probes of tracepoints have. shk_tracepoint_resolve() creates it,
 * shk_tracepoint_free() frees it.
 */
struct shk_tracepoint_probe {
	struct shk_tracepoint_keys *keys; /* the pattern: shadows apply copies of these edits */
	unsigned int nr;		  /* of places, 1 or more */
	struct shk_tracepoint_place places[];
};

/*
 * Finds the tracepoint @name, "SYSTEM:EVENT" or "TRACEPOINT", its keys, and its places:
 * instructions that load tracepoint.funcs behind a key. Creates @probe->tracepoint, which
 * shk_tracepoint_free() frees. Sets @probe->load_from, and *@addr to the first place. Takes
 * text_mutex; sleeps. Returns 0, or an error, after which the caller frees @probe:
 *   TRACEPOINT_UNKNOWN  the kernel image has no such tracepoint
 *   TRACEPOINT_MODULE   a module defines it, or a loaded module may execute it
 *   TRACEPOINT_REGFUNC  the kernel calls a function when the first user is registered
 *   TRACEPOINT_UNUSED   nothing executes it
 *   FORBIDDEN           it is executed in text that cannot differ, or its code has another form
 *   PAGE_EDGE           a key or load lies in two pages, or too near to the edge of one
 *   -ENOMEM
 */
int shk_tracepoint_resolve(struct shk_probe *probe, const char *name, unsigned long *addr);

/*
 * Turns the tracepoint of @probe on in @shadow: arms all places at which it is executed, and then
 * makes its static keys jumps. If @probe->captured is not NULL, adds that user before the keys
 * become jumps. Does nothing if @probe is not of a tracepoint.
 *
 * The caller has armed the probe at the first place already. It holds the lock of @shadow. Takes
 * the union's lock if the shadow's policy is SHK_ASYNC_UNION: the union, a hidden shadow, then has
 * the keys as well (scope/union.h). Sleeps.
 *
 * Returns 0 or an error of shk_site_add(), after which the probe is armed at the first place only.
 * With a captured user also:
 *   JUMP_THERE  a probe of another kind is at a place
 *   FORBIDDEN   the calls of users have another form, or arguments that are not known
 *   PAGE_EDGE   such a call lies in two pages
 *   NO_ROOM     all elements of shk_users are in use
 *   TRACEPOINT_UNUSED, EDIT_THERE
 */
int shk_tracepoint_arm(struct shk_shadow *shadow, struct shk_probe *probe);

/*
 * Ends the effect of shk_tracepoint_arm(): disarms all places but the first, and restores the keys
 * if no other probe of @shadow needs them. The caller then calls shk_site_remove() for @probe,
 * which disarms the first place. If @probe has the last captured user of the tracepoint in @shadow,
 * waits for CPUs that are calling captured users.
 *
 * The lock of @shadow is held; may take the union's lock. Sleeps. Does nothing if @probe is not of
 * a tracepoint. Cannot fail.
 */
void shk_tracepoint_disarm(struct shk_shadow *shadow, struct shk_probe *probe);

/*
 * Frees @probe->tracepoint, if it is not NULL, with the probes of places that were not armed. The
 * caller ensures that @probe is not armed. Sleeps.
 */
void shk_tracepoint_free(struct shk_probe *probe);

#endif /* SHK_EDIT_TRACEPOINT_H */
