/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHK_ASYNC_UNION: the union, shk_union, is a hidden shadow with the probes of all shadows of
 * that policy. Softirqs, interrupts and work items execute it if they belong to no other shadow.
 * It exists while it has users (shk_union_get()) or probes. Needs preempt notifiers.
 */
#ifndef SHK_UNION_H
#define SHK_UNION_H

#include "shadow/shadow.h"

#ifdef CONFIG_PREEMPT_NOTIFIERS
/*
 * Looks up the tracepoints of union.c. Sleeps. Returns 0, or -EOPNOTSUPP: this kernel lacks one,
 * which the log names.
 */
int shk_union_init(void);
/*
 * Returns true if the module can create carrier mms on this machine. A carrier mm has no process;
 * interrupts and kernel threads load it to execute a shadow. Without carrier mms there is no union,
 * the text with the probes of all SHK_ASYNC_UNION shadows. Needs no lock.
 */
bool shk_union_possible(void);
/*
 * Makes the union, the text with the probes of all SHK_ASYNC_UNION shadows, exist until
 * shk_union_put(), so that the caller can add probes to it. Creates the union if there is none:
 * from then on asynchronous work of the whole machine executes it. Takes shk_async_lock; sleeps.
 * Returns 0 or
 *
 *   NO_CARRIER		this machine has no carrier mms
 *   FTRACE_DISABLED, FTRACE_DEAD, -ENOMEM
 *   -ERESTARTSYS		the caller was killed
 */
int shk_union_get(void);
/*
 * Ends the effect of one shk_union_get(). If no other caller of that needs the union, and it has no
 * probe, destroys it. Takes shk_async_lock; sleeps. Cannot fail.
 */
void shk_union_put(void);
/*
 * Destroys the union, the shadow with the probes of all SHK_ASYNC_UNION shadows, if it has no probe
 * and no caller of shk_union_get() needs it. Called after probes of a SHK_ASYNC_UNION shadow were
 * removed; the caller may hold that shadow's lock. Takes shk_async_lock; sleeps. Cannot fail.
 */
void shk_union_settle(void);
/*
 * Returns the union if asynchronous work that begins on this CPU is to execute it. Returns NULL if
 *
 *   - there is no union; or
 *   - this CPU executes a SHK_ASYNC_INHERIT shadow or the union, and the work stays in that text.
 *
 * A shadow that owns the work, or a causal shadow whose process has raised it, takes precedence.
 * The caller checks that.
 *
 * Any context with preemption off. The union is not destroyed until preemption is on again.
 */
struct shk_shadow *shk_union_here(void);
#else
static inline int shk_union_init(void)
{
	return 0;
}

static inline bool shk_union_possible(void)
{
	return false;
}

static inline int shk_union_get(void)
{
	return SHK_E(NO_CARRIER);
}

static inline void shk_union_put(void)
{
}

static inline void shk_union_settle(void)
{
}

static inline struct shk_shadow *shk_union_here(void)
{
	return NULL;
}
#endif

#endif /* SHK_UNION_H */
