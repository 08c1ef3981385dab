/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text without a process: shk_shadow.carrier, an mm of the shadow's own, which an interrupt, a
 * softirq or a kernel thread loads while it is to execute the shadow (hooks/load.h).
 */
#ifndef SHK_CARRIER_H
#define SHK_CARRIER_H

#include "shadow/shadow.h"

/*
 * The carrier is there for one user more; the shadow's lock is held, as it is in the next.
 * -EOPNOTSUPP: not on this machine. Others as shk_shadow_prepare().
 */
int shk_carrier_get(struct shk_shadow *shadow);
/* One less, who has seen to it that no CPU loads it, or comes back to it, on its behalf. */
void shk_carrier_put(struct shk_shadow *shadow);
/* No kernel thread loads it any more: none executes it, either. Sleeps. */
void shk_carrier_evict(struct shk_shadow *shadow);
/* A kernel thread, current, executes it, unless it has a process's mm. Preemption is off. */
void shk_carrier_load(struct mm_struct *carrier);
/* It executes the base, if it executed that. */
void shk_carrier_unload(const struct mm_struct *carrier);
/* Is it such an mm that current is making? */
bool shk_carrier_is_being_made(void);

#endif /* SHK_CARRIER_H */
