/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The union: a shadow that nobody sees, with the probes of all that are
 * SHK_ASYNC_UNION. Softirqs, interrupts and work items execute it that belong to no other.
 */
#ifndef SHK_UNION_H
#define SHK_UNION_H

#include "shadow/shadow.h"

#ifdef CONFIG_PREEMPT_NOTIFIERS
int shk_union_init(void);
/* Can there be one on this machine? */
bool shk_union_possible(void);
/*
 * There is one, until as often shk_union_put(), and as long as it has a probe after that.
 * -ENOMEM, -ERESTARTSYS, and as shk_shadow_prepare().
 */
int shk_union_get(void);
void shk_union_put(void);
/* Probes are gone; is there any use for it? */
void shk_union_settle(void);
/* The union, if it is what this CPU is to execute for work that is nobody's; or NULL. */
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
	return -EOPNOTSUPP;
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
