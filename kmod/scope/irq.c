// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handlers of lines of interrupts: one that a shadow owns executes that, the others the
 * union. The kernel calls a tracepoint before and after each handler, with interrupts
 * off; between the two the CPU executes the shadow. While any line is owned, each handler
 * of each line costs that look.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include "compat/tracepoints.h"
#include "hooks/load.h"
#include "scope/ownership.h"
#include "scope/union.h"

/* The mm to load for a line; read with interrupts off, which RCU waits for. */
static DEFINE_XARRAY(owned);
static unsigned int nr_listeners; /* lines that are owned, and the union */

/* The handler for which this CPU executes a shadow now, and what it comes back to. */
struct irq_loaded {
	const struct irqaction *action;
	struct mm_struct *from;
};

static DEFINE_PER_CPU(struct irq_loaded, irq_loaded_texts);

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

	/* A handler may have enabled interrupts, though it must not. */
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

/* What begins must end: the exit is there before the entry is, and longer. */
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
	/* It waits, too, for handlers that are on their way through a shadow. */
	shk_tracepoints_unregister(&tracepoints[ENTRY], 1);
	shk_tracepoints_unregister(&tracepoints[EXIT], 1);
}

int shk_irq_own(struct shk_ownership *own)
{
	int ret;

	lockdep_assert_held(&shk_async_lock);
	if (!irq_get_irq_data(own->irq))
		return SHK_E(IRQ_UNKNOWN);
	if (xa_load(&owned, own->irq))
		return SHK_E(OWNED_ELSEWHERE);
	ret = shk_irq_tracepoints_get();
	if (ret)
		return ret;
	ret = xa_insert(&owned, own->irq, own->shadow->carrier, GFP_KERNEL_ACCOUNT);
	if (ret)
		shk_irq_tracepoints_put();
	return ret;
}

void shk_irq_disown(struct shk_ownership *own)
{
	lockdep_assert_held(&shk_async_lock);
	xa_erase(&owned, own->irq);
	shk_irq_tracepoints_put();
}

int __init shk_irqs_init(void)
{
	return shk_tracepoints_find(tracepoints, NR_TRACEPOINTS);
}
