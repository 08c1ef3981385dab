/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hooks of returns: the kernel's rethooks, in pools. A pool serves one probe, or all probes of a
 * shadow that have no limit of their own. The second kind grows by a worker, as calls use it up.
 */
#ifndef SHK_RETURNS_H
#define SHK_RETURNS_H

#include <linux/rethook.h>

#include "compat/compat.h"
#include "edit/probe.h"

/* The registers that a report shows: rdi, rsi, rdx, rcx, r8, r9. */
#define SHK_NR_ARGS 6

/* The hook of one call's return. Written by the hit that has taken it, read at the return. */
struct shk_return_node {
	struct rethook_node node; /* first: the kernel frees the struct by the address of .node */
	/*
	 * The probe's id and the address of its site, by which the return finds the probe. The
	 * probe may be removed and freed while the call is in progress.
	 */
	u64 probe;
	unsigned long site;
	u64 start_ns;			 /* LATENCY, CALL: time of the call */
	unsigned int depth;		 /* CALL: calls of CALL probes around this one */
	bool is_call;			 /* the probe's kind is CALL */
	unsigned long args[SHK_NR_ARGS]; /* CALL: the arguments */
};

/*
 * Allocates a struct shk_returns with hooks, by which hits of probes of @shadow hook the returns of
 * functions. If @calls is 0, the number of hooks grows up to SHK_CALLS_MAX, or less with many CPUs;
 * else there are @calls hooks. Also keeps kernels before 6.10 from printing their one-time warning
 * about stacks with hooked returns. Sleeps. Returns NULL if there is no memory.
 */
struct shk_returns *shk_returns_create(struct shk_shadow *shadow, unsigned int calls);

/*
 * Closes @returns: after a grace period of RCU no return with one of its hooks is reported. Calls
 * in progress still return through the kernel's trampoline of rethooks. Does not sleep.
 */
void shk_returns_close(struct shk_returns *returns);

/*
 * Frees @returns. Closes it first if it was not, so that returns are no longer reported. The caller
 * ensures that a grace period of RCU has passed since it was closed, or that no hit has ever used
 * it. The kernel frees hooks of calls in progress when the calls return. Sleeps.
 */
void shk_returns_free(struct shk_returns *returns);

/*
 * Takes a free hook of @returns. The caller passes it to rethook_hook(); the kernel takes it back
 * when the hooked call has returned. Called between hit_report_enter() and hit_report_leave(), so
 * with interrupts off. If all pools but the last are used up, has a worker add a pool. Returns NULL
 * if no hook is free, or if RCU does not watch this CPU.
 */
struct shk_return_node *shk_returns_get(struct shk_returns *returns);

/*
 * Returns the innermost call in progress of current that a CALL probe of the site's shadow has
 * hooked; NULL: there is none. Leaves out the call that is being entered at @site, even if its
 * return is hooked already: that is recognised by @sp, the stack pointer of the hit. For a site
 * that is armed by a jump @sp is 0: it is no entry, so no call is left out. Any context; calls
 * nothing that may be probed.
 */
struct shk_return_node *shk_returns_innermost(const struct shk_site *site, unsigned long sp);

/*
 * Sets @probe->returns, from which hits of @probe take hooks of returns. Called before @probe is
 * armed in @shadow. If the probe has no pool of its own, it shares the pool of the shadow, for
 * which the caller has called shk_returns_hold(). The shadow's lock is held. Returns 0, or -ENOMEM:
 * the shadow has no pool, since shk_returns_hold() has failed.
 */
int shk_returns_join(struct shk_shadow *shadow, struct shk_probe *probe);

/*
 * Ends the use of hooks of returns by @probe, after it was disarmed or could not be armed. If the
 * probe has its own pool (@probe->own_returns), closes that: returns are no longer reported. If it
 * shared the pool of the shadow and was the last user, closes the pool and makes it the probe's
 * own. shk_probe_free() frees a pool of the probe's own. Does nothing if @probe has no pool. The
 * shadow's lock is held. Does not sleep.
 *
 * Returns true if a pool was closed. Hits may use it until a grace period of RCU has passed.
 */
bool shk_returns_leave(struct shk_shadow *shadow, struct shk_probe *probe);

/*
 * Makes the pool of hooks that the probes of @shadow share, if there is none, and keeps it until
 * shk_returns_release(). Without that, each probe that cannot be added would make and free a pool.
 * The shadow's lock is held; sleeps. Returns false if there is no memory; then
 * shk_returns_release() is not called.
 */
bool shk_returns_hold(struct shk_shadow *shadow);

/*
 * Ends the effect of shk_returns_hold(). If no probe of @shadow uses the pool, closes and returns
 * it; the caller waits for a grace period of RCU, and frees it by shk_returns_free(). Otherwise
 * returns NULL. The shadow's lock is held. Does not sleep.
 */
struct shk_returns *shk_returns_release(struct shk_shadow *shadow);

/*
 * Handles the return of a hooked call, in hit.c: reports it for the probe that has hooked it.
 * @data: the shadow of the probe. The kernel's trampoline calls it with preemption off.
 */
SHK_RETHOOK_HANDLER(shk_hit_return, node, data, regs);

#endif /* SHK_RETURNS_H */
