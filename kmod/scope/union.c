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
#include "scope/ownership.h"
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

static const void *union_vector_key(int vector)
{
	return (const void *)(unsigned long)vector;
}

static void union_on_entry(void *unused, int vector)
{
	shk_async_begin(SHK_VECTOR, union_vector_key(vector), shk_union_here());
}
NOKPROBE_SYMBOL(union_on_entry);

static void union_on_exit(void *unused, int vector)
{
	shk_async_end(SHK_VECTOR, union_vector_key(vector));
}
NOKPROBE_SYMBOL(union_on_exit);

/* What begins must end: the first NR_ENDS are there before the others are, and longer. */
#define NR_ENDS 4
static struct shk_tracepoint tracepoints[] = {
	{ "local_timer_exit", union_on_exit },	 { "call_function_exit", union_on_exit },
	{ "irq_work_exit", union_on_exit },	 { "call_function_single_exit", union_on_exit },
	{ "local_timer_entry", union_on_entry }, { "call_function_entry", union_on_entry },
	{ "irq_work_entry", union_on_entry },	 { "call_function_single_entry", union_on_entry },
};

/* ---- life ---- */

static int union_register(void)
{
	int ret = shk_async_tracepoints_get();

	if (ret)
		return ret;
	ret = shk_irq_tracepoints_get();
	if (ret)
		goto async;
	ret = shk_tracepoints_register(tracepoints, ARRAY_SIZE(tracepoints));
	if (!ret)
		return 0;
	shk_irq_tracepoints_put();
async:
	shk_async_tracepoints_put();
	return ret;
}

static void union_carrier_put(struct shk_shadow *all)
{
	shk_shadow_lock_hidden(all);
	shk_carrier_put(all);
	shk_shadow_unlock_hidden(all);
}

static int union_create(void)
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
	ret = union_register();
	if (ret)
		goto put;
	WRITE_ONCE(shk_union, all);
	WRITE_ONCE(executed, all);
	return 0;
put:
	union_carrier_put(all);
destroy:
	shk_shadow_destroy_hidden(all);
	return ret;
}

static void union_destroy(void)
{
	struct shk_shadow *all = shk_union;

	WRITE_ONCE(executed, NULL);
	/* It waits, too, for whoever has seen that it was, work items apart. */
	shk_tracepoints_unregister(tracepoints + NR_ENDS, ARRAY_SIZE(tracepoints) - NR_ENDS);
	shk_async_stop(all);
	shk_tracepoints_unregister(tracepoints, NR_ENDS);
	shk_irq_tracepoints_put();
	shk_async_tracepoints_put();
	union_carrier_put(all);
	WRITE_ONCE(shk_union, NULL);
	shk_shadow_destroy_hidden(all);
}

int shk_union_get(void)
{
	int ret = 0;

	if (mutex_lock_killable(&shk_async_lock))
		return -ERESTARTSYS;
	if (!shk_union)
		ret = union_create();
	if (!ret)
		nr_users++;
	mutex_unlock(&shk_async_lock);
	return ret;
}

/* Only who counts as a user adds a probe. */
static void union_destroy_if_unused(void)
{
	lockdep_assert_held(&shk_async_lock);
	if (shk_union && !nr_users && !READ_ONCE(shk_union->nr_probes))
		union_destroy();
}

void shk_union_put(void)
{
	mutex_lock(&shk_async_lock);
	nr_users--;
	union_destroy_if_unused();
	mutex_unlock(&shk_async_lock);
}

void shk_union_settle(void)
{
	mutex_lock(&shk_async_lock);
	union_destroy_if_unused();
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
