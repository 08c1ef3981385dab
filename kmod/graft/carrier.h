/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carrier mms. An interrupt, a softirq or a kernel thread has no process's mm of its own, so it
 * executes a shadow by loading the shadow's carrier (shk_shadow.carrier). That is an mm that maps
 * nothing in user space and whose entry points at the shadow's tables. See hooks/load.h.
 *
 * Each user of the carrier (an ownership, a causal shadow, the union) counts once in
 * shk_shadow.carrier_users. .carrier and .carrier_users are protected by the shadow's lock.
 */
#ifndef SHK_CARRIER_H
#define SHK_CARRIER_H

#include "shadow/shadow.h"

/*
 * Adds a user of @shadow's carrier. The first user has the carrier created, and the shadow's
 * tables and hooks if they do not exist. @shadow is locked. Sleeps.
 *
 * Errors; nothing has changed:
 *   -ENOMEM
 *   FTRACE_DISABLED    @shadow has no tables yet, and ftrace is switched off
 *   FTRACE_DEAD        @shadow has no tables yet, and ftrace has stopped after a fault
 *   NO_CARRIER         this machine has no carriers
 *   SHADOW_DESTROYED   @shadow was destroyed
 */
int shk_carrier_get(struct shk_shadow *shadow);

/*
 * Removes a user of @shadow's carrier; the last one frees the carrier. The user has made sure that
 * no CPU loads the carrier on its behalf, or returns to it. @shadow is locked. Sleeps.
 */
void shk_carrier_put(struct shk_shadow *shadow);

/*
 * Makes every CPU on which a kernel thread has loaded @shadow's carrier load init_mm. If the
 * caller has made sure before that no kernel thread loads the carrier on its behalf, none executes
 * the shadow so after the return. Interrupts that would return to the carrier are over, too.
 *
 * @shadow has a carrier. Sleeps: runs a work item on each online CPU, under cpus_read_lock().
 */
void shk_carrier_evict(struct shk_shadow *shadow);

/*
 * Makes current, a kernel thread, execute the shadow of @carrier on this CPU, until
 * shk_carrier_unload() or until this CPU loads another mm. Does nothing while current uses a
 * process's mm (kthread_use_mm()) or holds text_mutex. Preemption is off.
 */
void shk_carrier_load(struct mm_struct *carrier);

/*
 * Loads init_mm on this CPU if @carrier is loaded here, so that the CPU executes the base. Does
 * nothing otherwise. Preemption or migration is off; interrupts may be on.
 */
void shk_carrier_unload(const struct mm_struct *carrier);

/*
 * Returns true while current creates a carrier mm. The hook in pgd_alloc() asks this: the carrier
 * must not inherit the shadow that current is in. Does not sleep.
 */
bool shk_carrier_is_being_made(void);

#endif /* SHK_CARRIER_H */
