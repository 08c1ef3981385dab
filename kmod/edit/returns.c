// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bug.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <asm/bug.h>

#include "edit/returns.h"

/*
 * Number of hooks in the first pool of a shadow. Each further pool has as many hooks as all before
 * it, so that NR_POOLS pools have SHK_CALLS_MAX hooks. The last pool serves calls that begin before
 * the next pool has been added.
 */
#define FIRST_POOL 256
#define NR_POOLS   9

static_assert(FIRST_POOL << (NR_POOLS - 1) == SHK_CALLS_MAX);

/*
 * The most bytes that the kernel's rings for the pools of a shadow may have. From 6.7 on each pool
 * has a ring of pointers for each CPU, with room for all hooks of the pool.
 */
#define RINGS_MAX SZ_16M

/* The most hooks of a task that shk_returns_innermost() looks through. */
#define MAX_HOOKS 128

struct shk_returns {
	struct shk_shadow *shadow; /* fixed */
	unsigned int max;	   /* pools, at most; 1: the number of hooks is fixed. Fixed */
	/*
	 * The pools, which are the kernel's rethooks; hits take from the lowest that has a free
	 * hook. Written under .lock, read by hits.
	 */
	struct rethook *pool[NR_POOLS];
	unsigned int nr;	   /* pools; written after the pool, under .lock */
	bool closed;		   /* under .lock */
	unsigned int full;	   /* .nr when a hit last found all pools used up */
	unsigned long retry;	   /* jiffies: no pool is added before. The worker writes it */
	spinlock_t lock;	   /* taken by tasks only */
	struct irq_work from_hit;  /* a hit has used the last pool */
	struct work_struct worker; /* adds a pool */
};

/*
 * Keeps the kernel from printing the one-time warnings of rethook_find_ret_addr(): marks them as
 * printed already. Needs no lock.
 *
 * One is printed if the stack of a running task is read while it has hooked returns. That is
 * harmless, but stops the machine if panic_on_warn is set. "rethook: Remove warning messages
 * printed for finding return address of a frame" (6.10) removed it. The other one, on all kernels,
 * is for a caller without a cursor. The administrator can clear the marks of all warnings, so each
 * pool marks them again.
 */
static void unwinder_silence(void)
{
	unsigned long addr, start = shk_symbols.rethook_find_ret_addr, offset, size;
	char name[SHK_SYMBOL_LEN];
	struct bug_entry *bug;

	if (shk_symbol_of(start, name, &offset, &size))
		return;
	for (addr = start; addr < start + size - LEN_UD2; addr++) {
		if (*(u16 *)shk_base_bytes(addr) != INSN_UD2)
			continue;
		bug = shk_call(find_bug)(addr);
		if (bug && bug->flags & BUGFLAG_ONCE)
			bug->flags |= BUGFLAG_DONE;
	}
}

/*
 * Allocates a pool of @nr hooks of returns for @returns: the kernel's struct rethook. Does not add
 * it to @returns. Sleeps. Returns NULL if there is no memory.
 */
static struct rethook *pool_alloc(struct shk_returns *returns, unsigned int nr)
{
#if SHK_RETHOOK_OBJPOOL
	struct rethook *pool = shk_call(rethook_alloc)(returns->shadow, shk_hit_return,
						       sizeof(struct shk_return_node), nr);

	return IS_ERR(pool) ? NULL : pool;
#else
	struct rethook *pool = shk_call(rethook_alloc)(returns->shadow, shk_hit_return);
	unsigned int i;

	for (i = 0; pool && i < nr; i++) {
		struct shk_return_node *node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);

		if (!node) {
			shk_call(rethook_free)(pool);
			return NULL;
		}
		shk_call(rethook_add_node)(pool, &node->node);
	}
	return pool;
#endif
}

/*
 * Adds @pool to @returns, or frees it if @returns is closed: returns by its hooks are no longer
 * reported. The caller ensures that @returns->pool has room. Takes @returns->lock. Does not sleep.
 */
static void pool_add(struct shk_returns *returns, struct rethook *pool)
{
	bool add;

	spin_lock(&returns->lock);
	add = !returns->closed;
	if (add) {
		returns->pool[returns->nr] = pool;
		/* A hit that reads the number finds the pool. */
		smp_store_release(&returns->nr, returns->nr + 1);
	}
	spin_unlock(&returns->lock);
	if (!add)
		shk_call(rethook_free)(pool);
}

/*
 * Returns the greatest number of pools of hooks that a shadow may have: fewer with many CPUs, if
 * the kernel has a ring for each CPU.
 */
static unsigned int pools_max(void)
{
	unsigned int nr = NR_POOLS;

	while (SHK_RETHOOK_OBJPOOL && nr > 2 &&
	       (u64)(FIRST_POOL << (nr - 1)) * sizeof(void *) * num_possible_cpus() > RINGS_MAX)
		nr--;
	return nr;
}

static void returns_grow(struct work_struct *worker)
{
	struct shk_returns *returns = container_of(worker, struct shk_returns, worker);
	unsigned int nr = READ_ONCE(returns->nr);
	struct rethook *pool;

	/* A hit may have asked for the pool that has just been added. */
	if (READ_ONCE(returns->closed) || nr == returns->max || READ_ONCE(returns->full) < nr)
		return;
	pool = pool_alloc(returns, FIRST_POOL << (nr - 1));
	if (pool)
		pool_add(returns, pool);
	else
		WRITE_ONCE(returns->retry, jiffies + HZ);
}

/*
 * Queues the worker that adds a pool of hooks: irq work. A hit cannot queue the worker itself,
 * since it may hold locks of the scheduler.
 */
static void returns_grow_from_hit(struct irq_work *from_hit)
{
	queue_work(system_unbound_wq,
		   &container_of(from_hit, struct shk_returns, from_hit)->worker);
}

struct shk_returns *shk_returns_create(struct shk_shadow *shadow, unsigned int calls)
{
	struct shk_returns *returns = kzalloc(sizeof(*returns), GFP_KERNEL_ACCOUNT);
	struct rethook *pool;
	unsigned int i;

	unwinder_silence();
	if (!returns)
		return NULL;
	returns->shadow = shadow;
	returns->max = calls ? 1 : pools_max();
	returns->retry = jiffies;
	spin_lock_init(&returns->lock);
	init_irq_work(&returns->from_hit, returns_grow_from_hit);
	INIT_WORK(&returns->worker, returns_grow);
	/* One more than is used, see FIRST_POOL. */
	for (i = 0; i < min(2U, returns->max); i++) {
		pool = pool_alloc(returns, calls ?: FIRST_POOL);
		if (!pool) {
			shk_returns_free(returns);
			return NULL;
		}
		pool_add(returns, pool);
	}
	return returns;
}

void shk_returns_close(struct shk_returns *returns)
{
	unsigned int i;

	spin_lock(&returns->lock);
	if (!returns->closed) {
		WRITE_ONCE(returns->closed, true);
		for (i = 0; i < returns->nr; i++)
			shk_call(rethook_free)(returns->pool[i]);
	}
	spin_unlock(&returns->lock);
}

void shk_returns_free(struct shk_returns *returns)
{
	shk_returns_close(returns);
	irq_work_sync(&returns->from_hit);
	cancel_work_sync(&returns->worker);
	kfree(returns);
}

struct shk_return_node *shk_returns_get(struct shk_returns *returns)
{
	unsigned int i, nr = smp_load_acquire(&returns->nr);
	struct rethook_node *node = NULL;

	for (i = 0; i < nr && !node; i++)
		node = shk_call(rethook_try_get)(returns->pool[i]);
	/* Calls in progress have used up all pools but the last one. */
	if (unlikely(i == nr && nr < returns->max) &&
	    time_after_eq(jiffies, READ_ONCE(returns->retry))) {
		WRITE_ONCE(returns->full, nr);
		irq_work_queue(&returns->from_hit);
	}
	return node ? container_of(node, struct shk_return_node, node) : NULL;
}

struct shk_return_node *shk_returns_innermost(const struct shk_site *site, unsigned long sp)
{
	struct llist_node *at = READ_ONCE(current->rethooks.first);
	struct rethook_node *node;
	struct shk_return_node *ret;
	unsigned int i;

	for (i = 0; at && i < MAX_HOOKS; i++, at = at->next) {
		node = container_of(at, struct rethook_node, llist);
		/* Hooks of others have other handlers, and those of closed pools have none. */
		if (READ_ONCE(node->rethook->handler) != shk_hit_return)
			continue;
		ret = container_of(node, struct shk_return_node, node);
		if (!ret->is_call || node->rethook->data != site->shadow)
			continue;
		/* Another probe at the place has hooked this very call. */
		if (node->frame != sp || ret->site != site->edit.addr)
			return ret;
	}
	return NULL;
}
NOKPROBE_SYMBOL(shk_returns_innermost);

int shk_returns_join(struct shk_shadow *shadow, struct shk_probe *probe)
{
	lockdep_assert_held(&shadow->lock);
	if (probe->returns)
		return 0;
	if (!shadow->returns)
		return -ENOMEM;
	shadow->nr_returns++;
	probe->returns = shadow->returns;
	return 0;
}

bool shk_returns_hold(struct shk_shadow *shadow)
{
	lockdep_assert_held(&shadow->lock);
	if (!shadow->returns)
		shadow->returns = shk_returns_create(shadow, 0);
	if (!shadow->returns)
		return false;
	shadow->nr_returns++;
	return true;
}

struct shk_returns *shk_returns_release(struct shk_shadow *shadow)
{
	struct shk_returns *returns = shadow->returns;

	lockdep_assert_held(&shadow->lock);
	if (--shadow->nr_returns)
		return NULL;
	shadow->returns = NULL;
	shk_returns_close(returns);
	return returns;
}

bool shk_returns_leave(struct shk_shadow *shadow, struct shk_probe *probe)
{
	struct shk_returns *returns = probe->returns;

	lockdep_assert_held(&shadow->lock);
	/* Hits may still read .returns, so it stays set. */
	if (!returns)
		return false;
	if (probe->own_returns)
		shk_returns_close(returns);
	else
		probe->own_returns = shk_returns_release(shadow);
	return probe->own_returns;
}
