// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process inside raises is noted where it is raised, by tracepoints, and
 * executed in the process's shadow where it is executed (async.h):
 *
 * work items	by the worker, until the item's function returns.
 * timers	of both kinds, by whom they land on.
 * softirqs	likewise, on the CPU on which they were raised.
 *
 * Only what the process raises itself: what its work items and timers raise in turn is
 * everybody's, and some of it never ends (writeback). But the timer of a delayed
 * work item is that item's.
 *
 * Who raises is known by the text that this CPU executes. A work item or timer that
 * is pending already is whose it was: nobody is told that it was asked for once more. A
 * softirq that others have raised as well is the base's.
 *
 * All tracepoints are registered while there is a shadow of this kind, and cost
 * everybody a look. Those behind a function stay longer than those before it.
 *
 * Notes hold no reference: they are taken back when their shadow ends. One whose work
 * item or timer was cancelled is overwritten, or taken back, when the same address is
 * queued or started again, as it must be before it can run.
 */
#include <linux/hardirq.h>
#include <linux/hash.h>
#include <linux/interrupt.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "compat/tracepoints.h"
#include "graft/carrier.h"
#include "graft/graft.h"
#include "scope/async.h"
#include "scope/causal.h"
#include "scope/ownership.h"

/* ---- notes: what is to be executed in which shadow ---- */

#define BUCKET_BITS 9
#define NR_WAYS	    8

struct causal_note {
	const void *key; /* the work item or timer; NULL: none */
	struct shk_shadow *shadow;
};

/* Bounded: what finds no room is not followed. */
struct causal_bucket {
	raw_spinlock_t lock; /* interrupts off; innermost */
	struct causal_note notes[NR_WAYS];
};

static struct causal_bucket causal_buckets[1 << BUCKET_BITS];

static struct causal_bucket *causal_bucket_of(const void *key)
{
	return &causal_buckets[hash_ptr(key, BUCKET_BITS)];
}

static struct causal_note *causal_note_find(struct causal_bucket *bucket, const void *key)
{
	unsigned int i;

	for (i = 0; i < NR_WAYS; i++)
		if (READ_ONCE(bucket->notes[i].key) == key)
			return &bucket->notes[i];
	return NULL;
}

/* causal_note_find() looks at keys without the lock. */
static void causal_note_clear(struct causal_note *note)
{
	note->shadow = NULL;
	WRITE_ONCE(note->key, NULL);
}

/* NULL takes it back. */
static void causal_note_set(const void *key, struct shk_shadow *shadow)
{
	struct causal_bucket *bucket = causal_bucket_of(key);
	struct causal_note *note;
	unsigned long flags;

	/* Nearly always. Nobody else notes this key: it is not pending. */
	if (!shadow && !causal_note_find(bucket, key))
		return;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	note = causal_note_find(bucket, key);
	if (!note && shadow)
		note = causal_note_find(bucket, NULL);
	if (note) {
		note->shadow = shadow;
		WRITE_ONCE(note->key, shadow ? key : NULL);
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	if (!note && shadow)
		atomic64_inc(&shadow->nr_unfollowed);
}

/* Whose it is; it is nobody's then. The shadow stays until preemption is on again. */
static struct shk_shadow *causal_note_take(const void *key)
{
	struct causal_bucket *bucket = causal_bucket_of(key);
	struct shk_shadow *shadow = NULL;
	struct causal_note *note;
	unsigned long flags;

	if (!causal_note_find(bucket, key))
		return NULL;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	note = causal_note_find(bucket, key);
	if (note) {
		shadow = note->shadow;
		causal_note_clear(note);
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return shadow;
}

static void causal_notes_clear(const struct shk_shadow *shadow)
{
	struct causal_bucket *bucket;
	unsigned int i;

	for (bucket = causal_buckets; bucket < causal_buckets + ARRAY_SIZE(causal_buckets);
	     bucket++) {
		raw_spin_lock_irq(&bucket->lock);
		for (i = 0; i < NR_WAYS; i++)
			if (bucket->notes[i].shadow == shadow)
				causal_note_clear(&bucket->notes[i]);
		raw_spin_unlock_irq(&bucket->lock);
	}
}

/* ---- who raises ---- */

/* The shadow that current, a process, is in, if what it raises is to be followed. */
static struct shk_shadow *causal_current_shadow(void)
{
	struct shk_shadow *shadow;

	if (!in_task() || !current->mm || current->flags & PF_KTHREAD)
		return NULL;
	shadow = shk_current_shadow();
	return shadow && READ_ONCE(shadow->causal) ? shadow : NULL;
}

/* ---- timers and softirqs ---- */

static void on_timer_start(void *unused, struct timer_list *timer)
{
	causal_note_set(timer, causal_current_shadow());
}

static void on_timer_entry(void *unused, struct timer_list *timer)
{
	shk_async_begin(SHK_TIMER, timer, causal_note_take(timer));
}
NOKPROBE_SYMBOL(on_timer_entry);

static void on_timer_exit(void *unused, struct timer_list *timer)
{
	shk_async_end(SHK_TIMER, timer);
}
NOKPROBE_SYMBOL(on_timer_exit);

static void on_hrtimer_start(void *unused, struct hrtimer *timer)
{
	causal_note_set(timer, causal_current_shadow());
}

static void on_hrtimer_entry(void *unused, struct hrtimer *timer)
{
	shk_async_begin(SHK_HRTIMER, timer, causal_note_take(timer));
}
NOKPROBE_SYMBOL(on_hrtimer_entry);

static void on_hrtimer_exit(void *unused, struct hrtimer *timer)
{
	shk_async_end(SHK_HRTIMER, timer);
}
NOKPROBE_SYMBOL(on_hrtimer_exit);

/* Whose a softirq is that is pending on this CPU; interrupts are off where this changes. */
static DEFINE_PER_CPU(struct shk_shadow *[NR_SOFTIRQS], raised);

static void on_softirq_raise(void *unused, unsigned int nr)
{
	struct shk_shadow **whose = this_cpu_ptr(&raised[nr]);
	struct shk_shadow *shadow = causal_current_shadow(), *was = READ_ONCE(*whose);

	if (!(local_softirq_pending() & BIT(nr))) {
		WRITE_ONCE(*whose, shadow);
	} else if (was && was != shadow) {
		WRITE_ONCE(*whose, NULL);
		atomic64_inc(&was->nr_unfollowed);
	}
}

struct shk_shadow *shk_causal_take_softirq(unsigned int nr)
{
	return this_cpu_xchg(raised[nr], NULL);
}
NOKPROBE_SYMBOL(shk_causal_take_softirq);

static void causal_softirqs_clear(struct shk_shadow *shadow)
{
	unsigned int nr;
	int cpu;

	for_each_possible_cpu (cpu)
		for (nr = 0; nr < NR_SOFTIRQS; nr++)
			cmpxchg(per_cpu_ptr(&raised[nr], cpu), shadow, NULL);
}

/* ---- work items ---- */

static void on_work_queue(void *unused, int cpu, void *pwq, struct work_struct *work)
{
	/* Or by delayed_work_timer_fn(), in its timer. */
	causal_note_set(work,
			causal_current_shadow()
				?: shk_async_shadow(SHK_TIMER, &to_delayed_work(work)->timer));
}

struct shk_shadow *shk_causal_take_work(const struct work_struct *work)
{
	return causal_note_take(work);
}

/* ---- life ---- */

static unsigned int nr_causal; /* under shk_async_lock */

/* What begins must end: the first NR_ENDS are there before the others are, and longer. */
#define NR_ENDS 2
static struct shk_tracepoint tracepoints[] = {
	{ "timer_expire_exit", on_timer_exit },	  { "hrtimer_expire_exit", on_hrtimer_exit },
	{ "timer_expire_entry", on_timer_entry }, { "hrtimer_expire_entry", on_hrtimer_entry },
	{ "timer_start", on_timer_start },	  { "hrtimer_start", on_hrtimer_start },
	{ "softirq_raise", on_softirq_raise },	  { "workqueue_queue_work", on_work_queue },
};

static int causal_register(void)
{
	int ret = shk_async_tracepoints_get();

	if (ret)
		return ret;
	ret = shk_tracepoints_register(tracepoints, ARRAY_SIZE(tracepoints));
	if (ret)
		shk_async_tracepoints_put();
	return ret;
}

static int causal_register_get(void)
{
	int ret = 0;

	if (mutex_lock_killable(&shk_async_lock))
		return -ERESTARTSYS;
	if (!nr_causal)
		ret = causal_register();
	if (!ret)
		nr_causal++;
	mutex_unlock(&shk_async_lock);
	return ret;
}

int shk_causal_begin(struct shk_shadow *shadow)
{
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	ret = shk_carrier_get(shadow);
	if (ret)
		goto unlock;
	ret = causal_register_get();
	if (ret)
		shk_carrier_put(shadow);
	else
		WRITE_ONCE(shadow->causal, true);
unlock:
	shk_shadow_unlock(shadow);
	return ret;
}

void shk_causal_end(struct shk_shadow *shadow)
{
	lockdep_assert_held(&shadow->lock);
	if (!shadow->causal)
		return;
	WRITE_ONCE(shadow->causal, false);
	mutex_lock(&shk_async_lock);
	if (!--nr_causal)
		shk_tracepoints_unregister(tracepoints + NR_ENDS,
					   ARRAY_SIZE(tracepoints) - NR_ENDS);
	/* Nobody notes it any more ... */
	synchronize_rcu();
	causal_notes_clear(shadow);
	causal_softirqs_clear(shadow);
	/* ... nor begins to execute it, but for work items, nor is in the midst. */
	synchronize_rcu();
	shk_async_stop(shadow);
	if (!nr_causal) {
		shk_tracepoints_unregister(tracepoints, NR_ENDS);
		shk_async_tracepoints_put();
	}
	mutex_unlock(&shk_async_lock);
	shk_carrier_put(shadow);
}

int __init shk_causal_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(causal_buckets); i++)
		raw_spin_lock_init(&causal_buckets[i].lock);
	return shk_tracepoints_find(tracepoints, ARRAY_SIZE(tracepoints));
}
