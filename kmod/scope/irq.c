// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handlers of interrupt lines. A handler of a line that a shadow owns executes that shadow, all
 * others the union, if there is one. The kernel calls a tracepoint before and after each handler,
 * with interrupts off: the first probe loads a carrier mm, the second one loads again what this
 * CPU had loaded. While a line is owned, or there is a union, each handler of the machine does a
 * look-up.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include "compat/tracepoints.h"
#include "mmu/load.h"
#include "scope/ownership.h"
#include "scope/union.h"

/*
 * The carrier mm of each owned line, by its number. Written with shk_async_lock held. Read with
 * interrupts off, so a grace period of RCU waits for the readers.
 */
static DEFINE_XARRAY(owned);
/* Number of users of the tracepoints: owned lines, and the union. Under shk_async_lock. */
static unsigned int nr_listeners;

/* The handler that this CPU executes in a shadow. Written by this CPU with interrupts off. */
struct irq_loaded {
	const struct irqaction *action; /* NULL: none */
	struct mm_struct *from;		/* the mm that the CPU loads again after the handler */
};

static DEFINE_PER_CPU(struct irq_loaded, irq_loaded_texts);

/*
 * Returns the mm that is to be loaded for a handler of line @irq: the carrier mm of the shadow that
 * owns the line. If none owns it, that of the union, if that exists. The union is the hidden shadow
 * with the probes of all SHK_ASYNC_UNION shadows. NULL: the handler executes the text that is
 * loaded. Interrupts are off.
 */
static struct mm_struct *irq_carrier(int irq)
{
	struct mm_struct *carrier = xa_load(&owned, irq);
	struct shk_shadow *all = carrier ? NULL : shk_union_here();

	return all ? all->carrier : carrier;
}
NOKPROBE_SYMBOL(irq_carrier);

static void irq_on_entry(void *unused, int irq, struct irqaction *action)
{
	struct mm_struct *carrier = irq_carrier(irq);
	struct irq_loaded *loaded = this_cpu_ptr(&irq_loaded_texts);

	/*
	 * Of nested handlers the outer one counts: a handler may enable interrupts, though it
	 * must not.
	 */
	if (!carrier || loaded->action)
		return;
	loaded->action = action;
	loaded->from = shk_load(carrier);
}
NOKPROBE_SYMBOL(irq_on_entry);

static void irq_on_exit(void *unused, int irq, struct irqaction *action, int ret)
{
	struct irq_loaded *loaded = this_cpu_ptr(&irq_loaded_texts);
	unsigned long flags;

	if (loaded->action != action)
		return;
	local_irq_save(flags);
	shk_load_back(loaded->from);
	loaded->action = NULL;
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(irq_on_exit);

/*
 * In the order of registration. The exit stays registered while the entry is: so each handler
 * that has begun in a shadow also ends there.
 */
enum { EXIT, ENTRY, NR_TRACEPOINTS };
static struct shk_tracepoint tracepoints[NR_TRACEPOINTS] = {
	[EXIT] = { "irq_handler_exit", irq_on_exit },
	[ENTRY] = { "irq_handler_entry", irq_on_entry },
};

int shk_irq_tracepoints_get(void)
{
	int ret;

	lockdep_assert_held(&shk_async_lock);
	if (nr_listeners++)
		return 0;
	ret = shk_tracepoints_register(tracepoints, NR_TRACEPOINTS);
	if (ret)
		nr_listeners--;
	return ret;
}

void shk_irq_tracepoints_put(void)
{
	lockdep_assert_held(&shk_async_lock);
	if (--nr_listeners) {
		synchronize_rcu();
		return;
	}
	/* This waits for handlers that have begun in a shadow, so that the exit still ends them. */
	shk_tracepoints_unregister(&tracepoints[ENTRY], 1);
	shk_tracepoints_unregister(&tracepoints[EXIT], 1);
}

int shk_irq_own(struct shk_ownership *ownership)
{
	int ret;

	lockdep_assert_held(&shk_async_lock);
	if (!irq_get_irq_data(ownership->irq))
		return SHK_E(IRQ_UNKNOWN);
	if (xa_load(&owned, ownership->irq))
		return SHK_E(OWNED_ELSEWHERE);
	ret = shk_irq_tracepoints_get();
	if (ret)
		return ret;
	ret = xa_insert(&owned, ownership->irq, ownership->shadow->carrier, GFP_KERNEL_ACCOUNT);
	if (ret)
		shk_irq_tracepoints_put();
	return ret;
}

void shk_irq_disown(struct shk_ownership *ownership)
{
	lockdep_assert_held(&shk_async_lock);
	xa_erase(&owned, ownership->irq);
	shk_irq_tracepoints_put();
}

int __init shk_irqs_init(void)
{
	return shk_tracepoints_find(tracepoints, NR_TRACEPOINTS);
}
