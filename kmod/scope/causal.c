// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work that a process inside raises executes the process's shadow. Tracepoints note it where it
 * is raised, and have it execute the shadow where it begins (async.h):
 *
 *   work		noted at		executes the shadow		until
 *   work item		workqueue_queue_work	in its worker, or softirq	its function returns
 *   timer, hrtimer	(hr)timer_start		on top of any task		its function returns
 *   softirq		softirq_raise		on the CPU that raised it	it ends
 *
 * - Only work that the process raises itself counts. Work that its work items and timers raise in
 *   turn executes the base, since some of it never ends: the writeback item queues itself. The
 *   exception is the timer of a delayed work item, whose item executes the timer's shadow.
 * - The process that raises is known by the tables that this CPU runs on.
 * - Pending work belongs to the process that raised it first: the kernel calls no tracepoint when
 *   pending work is queued once more. A softirq does many things at once: if another task has
 *   raised it on the same CPU as well, it executes the base.
 * - All tracepoints are registered while there is a causal shadow, and cost the whole machine a
 *   look-up. Probes at the end of work are registered before those at its begin, and unregistered
 *   after them. So all work that has begun in a shadow also ends there.
 *
 * A note holds no reference. It goes when its shadow ends (shk_causal_end()). A note of work that
 * was cancelled stays until the same address is queued or started again, which must happen before
 * it can execute. Then the note is overwritten or removed.
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

/* One timer or work item that is to execute a shadow. Written under the bucket's lock. */
struct causal_note {
	const void *key; /* struct timer_list, hrtimer or work_struct; NULL: a free note */
	struct shk_shadow *shadow; /* no reference: shk_causal_end() clears the note */
};

/*
 * The notes of all keys with one hash. Work that finds no free note executes the base, and
 * increments the shadow's nr_unfollowed.
 */
struct causal_bucket {
	raw_spinlock_t lock; /* protects the notes; interrupts off; innermost */
	struct causal_note notes[NR_WAYS];
};

static struct causal_bucket causal_buckets[1 << BUCKET_BITS];

static struct causal_bucket *causal_bucket_of(const void *key)
{
	return &causal_buckets[hash_ptr(key, BUCKET_BITS)];
}

/*
 * Returns the note of @key, the record of the shadow that the timer or work item at @key is to
 * execute. If @key is NULL, returns a free note. Returns NULL if there is none. The caller holds
 * the bucket's lock; without it the result may be out of date.
 */
static struct causal_note *causal_note_find(struct causal_bucket *bucket, const void *key)
{
	unsigned int i;

	for (i = 0; i < NR_WAYS; i++)
		if (READ_ONCE(bucket->notes[i].key) == key)
			return &bucket->notes[i];
	return NULL;
}

/*
 * Makes @note, the record of a timer's or work item's shadow, free for another one. The bucket's
 * lock is held. causal_note_find() may read the key without it.
 */
static void causal_note_clear(struct causal_note *note)
{
	note->shadow = NULL;
	WRITE_ONCE(note->key, NULL);
}

/*
 * Records, in a note, that the timer or work item at @key is to execute @shadow; if @shadow is
 * NULL, removes the note. If no note is free, the work will execute the base: increments
 * @shadow->nr_unfollowed. Any context. The caller queues or starts the work, so no other CPU calls
 * this for @key at the same time.
 */
static void causal_note_set(const void *key, struct shk_shadow *shadow)
{
	struct causal_bucket *bucket = causal_bucket_of(key);
	struct causal_note *note;
	unsigned long flags;

	/*
	 * Nearly always true. No lock is needed: no other CPU adds a note of @key now.
	 */
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

/*
 * Returns the shadow that the timer or work item at @key, which begins now, is to execute, and
 * removes the note of that. Returns NULL if there is no note: the work executes the base.
 * Preemption is off. The shadow stays until preemption is on again.
 */
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

/*
 * Removes all notes that name @shadow, so that pending timers and work items execute the base. The
 * caller has made sure that no tracepoint's probe adds one. Interrupts are on. Takes the locks of
 * the buckets; does not sleep.
 */
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

/* ---- the process that raises ---- */

/*
 * Returns the shadow that work which current raises now is to execute: the one that this CPU
 * executes. Returns NULL if this is no process context, or if the shadow's policy is not
 * SHK_ASYNC_CAUSAL. Preemption is off.
 */
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

/*
 * The shadow that each pending softirq of this CPU is to execute, or NULL. Written by this CPU,
 * with interrupts off or atomically. causal_softirqs_clear() may write NULL from another CPU.
 */
static DEFINE_PER_CPU(struct shk_shadow *[NR_SOFTIRQS], raised);

/*
 * Records which shadow softirq @nr of this CPU is to execute: the one in which it is raised. If the
 * softirq is pending already for another shadow, it is to execute the base, and that shadow's count
 * of work that was not followed increases. Probe of the tracepoint softirq_raise, which is executed
 * before the softirq is marked pending. Interrupts are off.
 */
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

/*
 * Makes all pending softirqs that were to execute @shadow execute the base, on all CPUs. Takes no
 * lock; does not sleep.
 */
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
	/* The timer of a delayed work item queues the item: delayed_work_timer_fn(). */
	causal_note_set(work,
			causal_current_shadow()
				?: shk_async_shadow(SHK_TIMER, &to_delayed_work(work)->timer));
}

struct shk_shadow *shk_causal_take_work(const struct work_struct *work)
{
	return causal_note_take(work);
}

/* ---- life ---- */

static unsigned int nr_causal; /* causal shadows; under shk_async_lock */

/*
 * In the order of registration. The first NR_ENDS are at the end of work. They stay registered
 * while the others are: so all work that has begun in a shadow also ends there.
 */
#define NR_ENDS 2
static struct shk_tracepoint tracepoints[] = {
	{ "timer_expire_exit", on_timer_exit },	  { "hrtimer_expire_exit", on_hrtimer_exit },
	{ "timer_expire_entry", on_timer_entry }, { "hrtimer_expire_entry", on_hrtimer_entry },
	{ "timer_start", on_timer_start },	  { "hrtimer_start", on_hrtimer_start },
	{ "softirq_raise", on_softirq_raise },	  { "workqueue_queue_work", on_work_queue },
};

/*
 * Registers the probes of all tracepoints by which work executes causal shadows. shk_async_lock is
 * held; sleeps. Returns 0 or -ENOMEM.
 */
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

/*
 * Increments nr_causal, the number of shadows with the policy SHK_ASYNC_CAUSAL. If it was 0,
 * registers the probes of the tracepoints. Takes shk_async_lock; sleeps. Returns 0, -ENOMEM, or
 * -ERESTARTSYS: the caller was killed.
 */
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
	/* After this grace period no probe notes the shadow: each has seen .causal. */
	synchronize_rcu();
	causal_notes_clear(shadow);
	causal_softirqs_clear(shadow);
	/*
	 * After this one no probe that has taken a note is still running, and timers and softirqs
	 * that began to execute the shadow have ended. Only work items in workers are left.
	 */
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
