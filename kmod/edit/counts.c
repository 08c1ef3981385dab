// SPDX-License-Identifier: GPL-2.0-only
/*
 * Per-CPU counters of probes, handed out from blocks. The time that alloc_percpu() takes depends on
 * how full the system's chunks are, so it is spent once for a block of probes.
 */
#include <linux/mutex.h>
#include <linux/slab.h>

#include "edit/probe.h"

/* Counters of a block, a bit of .taken for each. */
#define BLOCK_LEN BITS_PER_LONG

/* A block of counters. It exists while one of them is taken. */
struct shk_counts_block {
	struct list_head with_room; /* in blocks_with_room, unless all are taken; blocks_lock */
	unsigned long taken;	    /* a bit for each counter; blocks_lock */
	struct shk_counts __percpu *counts;
};

/* Protects blocks_with_room and the members of blocks. Nothing is allocated while it is held. */
static DEFINE_MUTEX(blocks_lock);
static LIST_HEAD(blocks_with_room);

/*
 * Allocates a block of counters for BLOCK_LEN probes, which is in no list. Sleeps. Returns NULL if
 * there is no memory.
 */
static struct shk_counts_block *block_alloc(void)
{
	struct shk_counts_block *block = kzalloc(sizeof(*block), GFP_KERNEL_ACCOUNT);

	if (!block)
		return NULL;
	block->counts = __alloc_percpu_gfp(BLOCK_LEN * sizeof(*block->counts),
					   __alignof__(*block->counts), GFP_KERNEL_ACCOUNT);
	if (!block->counts) {
		kfree(block);
		return NULL;
	}
	return block;
}

int shk_counts_alloc(struct shk_probe *probe)
{
	struct shk_counts_block *block;
	int i, cpu;

	mutex_lock(&blocks_lock);
	block = list_first_entry_or_null(&blocks_with_room, typeof(*block), with_room);
	if (!block) {
		/*
		 * The caller's cgroup may throttle it in block_alloc(). Other callers do not wait
		 * for that.
		 */
		mutex_unlock(&blocks_lock);
		block = block_alloc();
		if (!block)
			return -ENOMEM;
		mutex_lock(&blocks_lock);
		list_add(&block->with_room, &blocks_with_room);
	}
	i = ffz(block->taken);
	__set_bit(i, &block->taken);
	if (!~block->taken)
		list_del(&block->with_room);
	mutex_unlock(&blocks_lock);

	probe->counts_block = block;
	probe->counts = block->counts + i;
	for_each_possible_cpu (cpu)
		*per_cpu_ptr(probe->counts, cpu) = (struct shk_counts){};
	return 0;
}

void shk_counts_free(struct shk_probe *probe)
{
	struct shk_counts_block *block = probe->counts_block;

	if (!block) /* shk_counts_alloc() was not called, or has failed */
		return;
	mutex_lock(&blocks_lock);
	if (!~block->taken)
		list_add(&block->with_room, &blocks_with_room);
	__clear_bit(probe->counts - block->counts, &block->taken);
	if (!block->taken) {
		list_del(&block->with_room);
		free_percpu(block->counts);
		kfree(block);
	}
	mutex_unlock(&blocks_lock);
}
