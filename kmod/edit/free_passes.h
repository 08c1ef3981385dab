/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Passes of a work item that frees what was queued before it began. A caller that wants
 * something to be freed takes the number of the next pass, queues the work and waits for the
 * end of that pass. It can be killed meanwhile, and holds no lock.
 */
#ifndef SHK_FREE_PASSES_H
#define SHK_FREE_PASSES_H

#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/wait.h>

struct shk_free_passes {
	atomic64_t begun;
	atomic64_t ended;
	wait_queue_head_t wait;
};

#define SHK_FREE_PASSES(name)                                       \
	{                                                           \
		.wait = __WAIT_QUEUE_HEAD_INITIALIZER((name).wait), \
	}

/* The work item: one pass, in which @release gets all that is in @queue. One at a time. */
static inline void shk_free_pass_run(struct shk_free_passes *passes, struct llist_head *queue,
				     void (*release)(struct llist_node *all))
{
	u64 pass = atomic64_inc_return(&passes->begun);
	struct llist_node *all = llist_del_all(queue);

	if (all)
		release(all);
	atomic64_set(&passes->ended, pass);
	wake_up_all(&passes->wait);
}

/* The pass that frees what is queued now: read it before the work is queued. */
static inline u64 shk_free_pass_next(struct shk_free_passes *passes)
{
	return atomic64_read(&passes->begun) + 1;
}

/* 0, or -ERESTARTSYS: a fatal signal came. */
static inline int shk_free_pass_wait(struct shk_free_passes *passes, u64 pass)
{
	return wait_event_killable(passes->wait, atomic64_read(&passes->ended) >= pass);
}

#endif /* SHK_FREE_PASSES_H */
