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

#include "compat/ears.h"
#include "hooks/load.h"
#include "scope/own.h"
#include "scope/union.h"

/* The mm to load for a line; read with interrupts off, which RCU waits for. */
static DEFINE_XARRAY(owned);
static unsigned int nr_listeners; /* lines that are owned, and the union */

/* The handler for which this CPU executes a shadow now, and what it comes back to. */
struct visit {
	const struct irqaction *action;
	struct mm_struct *from;
};

static DEFINE_PER_CPU(struct visit, visits);

static struct mm_struct *whose(int irq)
{
	struct mm_struct *carrier = xa_load(&owned, irq);
	struct shk_shadow *all = carrier ? NULL : shk_union_here();

	return all ? all->carrier : carrier;
}
NOKPROBE_SYMBOL(whose);

static void on_entry(void *unused, int irq, struct irqaction *action)
{
	struct mm_struct *carrier = whose(irq);
	struct visit *visit = this_cpu_ptr(&visits);

	/* A handler may have enabled interrupts, though it must not. */
	if (!carrier || visit->action)
		return;
	visit->action = action;
	visit->from = shk_load(carrier);
}
NOKPROBE_SYMBOL(on_entry);

static void on_exit(void *unused, int irq, struct irqaction *action, int ret)
{
	struct visit *visit = this_cpu_ptr(&visits);
	unsigned long flags;

	if (visit->action != action)
		return;
	local_irq_save(flags);
	shk_load_back(visit->from);
	visit->action = NULL;
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(on_exit);

/* What begins must end: the exit is there before the entry is, and longer. */
enum { EXIT, ENTRY, NR_EARS };
static struct shk_ear ears[NR_EARS] = {
	[EXIT] = { "irq_handler_exit", on_exit },
	[ENTRY] = { "irq_handler_entry", on_entry },
};

int shk_irqs_listen(void)
{
	int ret;

	lockdep_assert_held(&shk_async_lock);
	if (nr_listeners++)
		return 0;
	ret = shk_ears_listen(ears, NR_EARS);
	if (ret)
		nr_listeners--;
	return ret;
}

void shk_irqs_listen_no_more(void)
{
	lockdep_assert_held(&shk_async_lock);
	if (--nr_listeners) {
		synchronize_rcu();
		return;
	}
	/* It waits, too, for handlers that are on their way through a shadow. */
	shk_ears_end(&ears[ENTRY], 1);
	shk_ears_end(&ears[EXIT], 1);
}

int shk_irq_own(struct shk_own *own)
{
	int ret;

	lockdep_assert_held(&shk_async_lock);
	if (!irq_get_irq_data(own->irq))
		return SHK_E(IRQ_UNKNOWN);
	if (xa_load(&owned, own->irq))
		return SHK_E(OWNED_ELSEWHERE);
	ret = shk_irqs_listen();
	if (ret)
		return ret;
	ret = xa_insert(&owned, own->irq, own->shadow->carrier, GFP_KERNEL_ACCOUNT);
	if (ret)
		shk_irqs_listen_no_more();
	return ret;
}

void shk_irq_disown(struct shk_own *own)
{
	lockdep_assert_held(&shk_async_lock);
	xa_erase(&owned, own->irq);
	shk_irqs_listen_no_more();
}

int __init shk_irqs_init(void)
{
	return shk_ears_find(ears, NR_EARS);
}
