/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Passes of a work item that frees queued objects, and callers that wait for a pass.
 *
 * A removed object is put on an llist. A caller that needs it freed reads the number of the next
 * pass, queues the work item, and waits for that pass without any lock:
 *
 *   caller  llist_add(), n = shk_free_pass_next(), queue_work(), shk_free_pass_wait(n)
 *   worker  shk_free_pass_run(): .begun = n, release(all nodes of the llist), .ended = n
 */
#ifndef SHK_FREE_PASSES_H
#define SHK_FREE_PASSES_H

#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/wait.h>

/* Passes of one work item, numbered from 1. Only shk_free_pass_run() writes the numbers. */
struct shk_free_passes {
	atomic64_t begun;	/* number of the pass that began last */
	atomic64_t ended;	/* number of the pass that ended last */
	wait_queue_head_t wait; /* callers of shk_free_pass_wait() */
};

/* Initialises a static struct shk_free_passes, which is the variable @name. */
#define SHK_FREE_PASSES(name)                                       \
	{                                                           \
		.wait = __WAIT_QUEUE_HEAD_INITIALIZER((name).wait), \
	}

/*
 * Runs one pass of the work item that frees removed objects: takes all nodes from @queue, calls
 * @release once for them, and wakes the callers that wait for this pass. Does not call @release if
 * @queue is empty. @release frees the objects, or puts their nodes back on @queue for a later pass.
 * Called by the work item, or after it was flushed, so that passes never overlap. Sleeps if
 * @release does.
 */
static inline void shk_free_pass_run(struct shk_free_passes *passes, struct llist_head *queue,
				     void (*release)(struct llist_node *all))
{
	/* A full barrier. Pairs with llist_add() before shk_free_pass_next(). */
	u64 pass = atomic64_inc_return(&passes->begun);
	struct llist_node *all = llist_del_all(queue);

	if (all)
		release(all);
	atomic64_set(&passes->ended, pass);
	wake_up_all(&passes->wait);
}

/*
 * Returns the number of the first pass that is sure to free all objects that are on the llist now.
 * This is the next pass to begin, since a pass in progress may have emptied the llist already. The
 * caller calls this function before queue_work() of the work item that makes the passes. Any
 * context.
 */
static inline u64 shk_free_pass_next(struct shk_free_passes *passes)
{
	return atomic64_read(&passes->begun) + 1;
}

/*
 * Waits until pass @pass has ended. The caller has queued the work item, and holds no lock that
 * the pass takes. Sleeps. Returns 0, or -ERESTARTSYS: the caller was killed.
 */
static inline int shk_free_pass_wait(struct shk_free_passes *passes, u64 pass)
{
	return wait_event_killable(passes->wait, atomic64_read(&passes->ended) >= pass);
}

#endif /* SHK_FREE_PASSES_H */
