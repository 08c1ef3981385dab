// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who executes the union, shk_union, whose text edit/site.c makes:
 *
 * handlers of interrupts	of lines that no shadow owns (irq.c), and of the local
 *				timer, function calls and irq_work, which are no lines.
 * softirqs, work items		that no process inside has raised whose shadow is
 *				SHK_ASYNC_CAUSAL (async.c).
 *
 * But what lands on a process whose shadow is SHK_ASYNC_INHERIT is that one's. The
 * union is of that kind, too: an interrupt that lands on a softirq stays in its text.
 *
 * It is there while it has a probe. While it is, each of these costs everybody two
 * changes of page tables.
 */
#include <linux/irqflags.h>
#include <linux/kprobes.h>
#include <linux/rcupdate.h>

#include "compat/tracepoints.h"
#include "graft/carrier.h"
#include "graft/graft.h"
#include "scope/async.h"
#include "scope/own.h"
#include "scope/union.h"

/* shk_union, while it is executed. Read with preemption off; freed after a grace period. */
static struct shk_shadow *executed;
static unsigned int nr_users; /* under shk_async_lock */

struct shk_shadow *shk_union_here(void)
{
	struct shk_shadow *all = READ_ONCE(executed), *here;
	unsigned long flags;

	if (!all)
		return NULL;
	local_irq_save(flags);
	here = shk_current_shadow();
	if (here && here->flags & SHK_ASYNC_INHERIT)
		all = NULL;
	local_irq_restore(flags);
	return all;
}
NOKPROBE_SYMBOL(shk_union_here);

/* ---- interrupts that are no line's; they are off in all of these ---- */

static const void *key_of(int vector)
{
	return (const void *)(unsigned long)vector;
}

static void on_entry(void *unused, int vector)
{
	shk_async_begin(SHK_VECTOR, key_of(vector), shk_union_here());
}
NOKPROBE_SYMBOL(on_entry);

static void on_exit(void *unused, int vector)
{
	shk_async_end(SHK_VECTOR, key_of(vector));
}
NOKPROBE_SYMBOL(on_exit);

/* What begins must end: the first NR_ENDS are there before the others are, and longer. */
#define NR_ENDS 4
static struct shk_tracepoint tracepoints[] = {
	{ "local_timer_exit", on_exit },   { "call_function_exit", on_exit },
	{ "irq_work_exit", on_exit },	   { "call_function_single_exit", on_exit },
	{ "local_timer_entry", on_entry }, { "call_function_entry", on_entry },
	{ "irq_work_entry", on_entry },	   { "call_function_single_entry", on_entry },
};

/* ---- life ---- */

static int listen(void)
{
	int ret = shk_async_listen();

	if (ret)
		return ret;
	ret = shk_irqs_listen();
	if (ret)
		goto async;
	ret = shk_tracepoints_register(tracepoints, ARRAY_SIZE(tracepoints));
	if (!ret)
		return 0;
	shk_irqs_listen_no_more();
async:
	shk_async_listen_no_more();
	return ret;
}

static void carrier_put(struct shk_shadow *all)
{
	shk_shadow_lock_hidden(all);
	shk_carrier_put(all);
	shk_shadow_unlock_hidden(all);
}

static int begin(void)
{
	struct shk_shadow *all = shk_shadow_create_hidden(SHK_ASYNC_INHERIT);
	int ret;

	if (IS_ERR(all))
		return PTR_ERR(all);
	shk_shadow_lock_hidden(all);
	ret = shk_carrier_get(all);
	shk_shadow_unlock_hidden(all);
	if (ret)
		goto destroy;
	ret = listen();
	if (ret)
		goto put;
	WRITE_ONCE(shk_union, all);
	WRITE_ONCE(executed, all);
	return 0;
put:
	carrier_put(all);
destroy:
	shk_shadow_destroy_hidden(all);
	return ret;
}

static void end(void)
{
	struct shk_shadow *all = shk_union;

	WRITE_ONCE(executed, NULL);
	/* It waits, too, for whoever has seen that it was, work items apart. */
	shk_tracepoints_unregister(tracepoints + NR_ENDS, ARRAY_SIZE(tracepoints) - NR_ENDS);
	shk_async_stop(all);
	shk_tracepoints_unregister(tracepoints, NR_ENDS);
	shk_irqs_listen_no_more();
	shk_async_listen_no_more();
	carrier_put(all);
	WRITE_ONCE(shk_union, NULL);
	shk_shadow_destroy_hidden(all);
}

int shk_union_get(void)
{
	int ret = 0;

	if (mutex_lock_killable(&shk_async_lock))
		return -ERESTARTSYS;
	if (!shk_union)
		ret = begin();
	if (!ret)
		nr_users++;
	mutex_unlock(&shk_async_lock);
	return ret;
}

/* Only who counts as a user adds a probe. */
static void settle(void)
{
	lockdep_assert_held(&shk_async_lock);
	if (shk_union && !nr_users && !READ_ONCE(shk_union->nr_probes))
		end();
}

void shk_union_put(void)
{
	mutex_lock(&shk_async_lock);
	nr_users--;
	settle();
	mutex_unlock(&shk_async_lock);
}

void shk_union_settle(void)
{
	mutex_lock(&shk_async_lock);
	settle();
	mutex_unlock(&shk_async_lock);
}

bool shk_union_possible(void)
{
	return shk_mmu->carriers;
}

int __init shk_union_init(void)
{
	return shk_tracepoints_find(tracepoints, ARRAY_SIZE(tracepoints));
}
