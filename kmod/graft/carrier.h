/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carrier mms. A shadow is a variant of the kernel's text, with page tables of its own. A CPU
 * executes it while the CPU has loaded an mm whose "entry" points at these tables: the top-level
 * page-table entry for kernel text.
 *
 * Interrupts, softirqs and kernel threads have no mm of their own. To execute a shadow they load
 * the shadow's carrier (shk_shadow.carrier). This is an mm without a process, which maps nothing in
 * user space and whose entry points at the shadow's tables. mmu/load.h loads it; current->mm and
 * ->active_mm do not change.
 *
 * A shadow has a carrier while it has carrier users (shk_shadow.carrier_users):
 *
 *   each ownership     an interrupt line or kernel threads that the shadow owns (scope/ownership.h)
 *   a causal shadow    work that its processes raise executes it (scope/causal.h)
 *   the union          a hidden shadow for interrupts and kernel threads, which has the probes of
 *                      all SHK_ASYNC_UNION shadows (scope/union.h)
 *
 * The shadow's lock protects both members. Interrupts and kernel threads load the carrier without
 * that lock, so a user makes sure that they have stopped before it goes (shk_carrier_put()).
 */
#ifndef SHK_CARRIER_H
#define SHK_CARRIER_H

#include "shadow/shadow.h"

/*
 * Increments shk_shadow.carrier_users, for a caller that makes interrupts or kernel threads load
 * @shadow's carrier mm. The first call creates the carrier, and the tables and hooks of @shadow if
 * they do not exist. The caller ends its use by shk_carrier_put(). The caller holds the lock of
 * @shadow, and that of its target if it has one (shk_shadow.target). text_mutex is not held.
 * Sleeps.
 *
 * Returns 0, or an error after which nothing has changed:
 *   -ENOMEM
 *   FTRACE_DISABLED    @shadow has no hooks yet, and ftrace is switched off
 *   FTRACE_DEAD        @shadow has no hooks yet, and ftrace has stopped after a fault
 *   NO_CARRIER         this machine has no carriers: it is a Xen PV guest
 *   SHADOW_DESTROYED   @shadow or its target was destroyed
 *   others             @shadow has no hooks yet: errors of register_ftrace_function()
 */
int shk_carrier_get(struct shk_shadow *shadow);

/*
 * Ends a use that shk_carrier_get() began: decrements shk_shadow.carrier_users. If that becomes 0,
 * flushes and frees the carrier mm; tables and hooks of @shadow stay. @shadow's lock is held.
 * Sleeps, waits for IPIs. Cannot fail.
 *
 * The caller has made sure that no CPU has loaded the carrier on its behalf, and that none loads it
 * later. For that it first stops new loads. Then it waits: for kernel threads by
 * shk_carrier_evict(), for interrupts by a grace period of RCU.
 */
void shk_carrier_put(struct shk_shadow *shadow);

/*
 * Makes kernel threads that have @shadow's carrier mm loaded execute the base: each CPU on which
 * one has loaded it loads init_mm. If such a CPU is in an interrupt, the end of the interrupt could
 * load the carrier again; this function waits until such interrupts are over.
 *
 * A kernel thread can load the carrier again later. So the caller first makes sure that none does
 * that on its behalf.
 *
 * The caller has called shk_carrier_get(), so that the carrier exists. cpus_read_lock() is not
 * held. Sleeps: runs a work item on each online CPU.
 */
void shk_carrier_evict(struct shk_shadow *shadow);

/*
 * Makes current, a kernel thread, execute the shadow to which the carrier mm @carrier belongs on
 * this CPU, until shk_carrier_unload() or until this CPU loads another mm. Preemption is off;
 * interrupts may be on.
 *
 * Does nothing in two cases:
 * - If current uses a process's mm (kthread_use_mm()), it goes on in the text of that mm.
 * - If current holds text_mutex, it may be in a function that the base executes for a shadow
 *   (hooks/hooks.c). So it goes on in the base.
 */
void shk_carrier_load(struct mm_struct *carrier);

/*
 * If this CPU has loaded @carrier, loads init_mm, so that the CPU executes the base. Does nothing
 * otherwise. Preemption or migration is off; interrupts may be on or off.
 */
void shk_carrier_unload(const struct mm_struct *carrier);

/*
 * Returns true while current is in mm_alloc() to create a carrier, an mm without a process
 * (carrier.h). The hook in pgd_alloc() asks this, since current may be a process inside a shadow:
 * the carrier must not inherit that shadow. Called in process context. Does not sleep.
 */
bool shk_carrier_is_being_made(void);

#endif /* SHK_CARRIER_H */
