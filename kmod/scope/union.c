// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creates and destroys the union, shk_union, and decides which asynchronous work executes it:
 *
 *   handlers of interrupts	of lines that no shadow owns (irq.c), and of the local timer's,
 *				function calls' and irq_work's vectors (this file)
 *   softirqs, work items	that no process inside a causal shadow has raised (async.c)
 *
 * Work that lands on a process inside a SHK_ASYNC_INHERIT shadow executes that shadow instead.
 * The union has this policy, too: an interrupt that lands on a softirq in the union stays in its
 * text.
 *
 * edit/site.c puts the probes of all SHK_ASYNC_UNION shadows into the union's text. While it
 * exists, each piece of such work on the machine changes page tables twice.
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

/*
 * shk_union, from when it is complete until it is to be destroyed; else NULL. Written with
 * shk_async_lock held, read with preemption off: union_destroy() waits for a grace period.
 */
static struct shk_shadow *executed;
static unsigned int nr_users; /* calls of shk_union_get() without a put; under shk_async_lock */

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

/* ---- vectors that are no interrupt lines; interrupts are off in their probes ---- */

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

/*
 * In the order of registration. The first NR_ENDS are at the end of work. They stay registered
 * while the others are: so all work that has begun in the union also ends there.
 */
#define NR_ENDS 4
static struct shk_tracepoint tracepoints[] = {
	{ "local_timer_exit", union_on_exit },	 { "call_function_exit", union_on_exit },
	{ "irq_work_exit", union_on_exit },	 { "call_function_single_exit", union_on_exit },
	{ "local_timer_entry", union_on_entry }, { "call_function_entry", union_on_entry },
	{ "irq_work_entry", union_on_entry },	 { "call_function_single_entry", union_on_entry },
};

/* ---- life ---- */

/*
 * Registers the probes of all tracepoints by which interrupts, softirqs and work items execute the
 * union, the shadow with the probes of all SHK_ASYNC_UNION shadows. union_destroy() unregisters
 * them. shk_async_lock is held; sleeps. Returns 0 or -ENOMEM.
 */
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

/*
 * Ends the union's use of its carrier mm, which CPUs load to execute it: frees the mm. Takes the
 * lock of @all, the union; sleeps.
 */
static void union_carrier_put(struct shk_shadow *all)
{
	shk_shadow_lock_hidden(all);
	shk_carrier_put(all);
	shk_shadow_unlock_hidden(all);
}

/*
 * Creates the union: a hidden shadow, which is to have the probes of all SHK_ASYNC_UNION shadows,
 * and its carrier mm, which CPUs load to execute it. Makes interrupts, softirqs and work items
 * execute the union. shk_async_lock is held; sleeps. Returns 0, or an error of shk_union_get(),
 * except -ERESTARTSYS, after which there is no union.
 */
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

/*
 * Destroys the union, the shadow with the probes of all SHK_ASYNC_UNION shadows. First makes
 * interrupts, softirqs and work items execute the base, and waits until none executes the union.
 * The caller has made sure that the union has no probe, and that no caller of shk_union_get() needs
 * it. shk_async_lock is held; sleeps.
 */
static void union_destroy(void)
{
	struct shk_shadow *all = shk_union;

	WRITE_ONCE(executed, NULL);
	/*
	 * This waits for a grace period: no CPU still uses what it has read from executed, and
	 * softirqs and vectors that began in the union have ended. Only work items in workers are
	 * left.
	 */
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

/*
 * Destroys the union if it has no probe and no caller of shk_union_get() needs it. Only such
 * callers add probes, so without them the number of probes does not grow. shk_async_lock is held;
 * sleeps. Cannot fail.
 */
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
