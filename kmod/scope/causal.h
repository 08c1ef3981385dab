/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work items, timers and softirqs that a process inside has raised execute its
 * shadow, if that is SHK_ASYNC_CAUSAL.
 */
#ifndef SHK_CAUSAL_H
#define SHK_CAUSAL_H

#include "shadow/shadow.h"

struct work_struct;

#ifdef CONFIG_PREEMPT_NOTIFIERS
int shk_causal_init(void);
/* Before it is known to anybody. -ENOMEM, -EOPNOTSUPP and as shk_shadow_prepare(). */
int shk_causal_begin(struct shk_shadow *shadow);
/* Nothing executes it, which is locked, on behalf of whoever raised it. */
void shk_causal_end(struct shk_shadow *shadow);
/*
 * Whose a softirq of this CPU or a work item is that begins now, or NULL; it is nobody's
 * then. The shadow stays until preemption is on again.
 */
struct shk_shadow *shk_causal_take_softirq(unsigned int nr);
struct shk_shadow *shk_causal_take_work(const struct work_struct *work);
#else
static inline int shk_causal_init(void)
{
	return 0;
}

static inline int shk_causal_begin(struct shk_shadow *shadow)
{
	return -EOPNOTSUPP;
}

static inline void shk_causal_end(struct shk_shadow *shadow)
{
}
#endif

#endif /* SHK_CAUSAL_H */
