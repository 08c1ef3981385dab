// SPDX-License-Identifier: GPL-2.0-only
/*
 * That a process is where its cgroup wants it, by one question, asked again whenever
 * the answer may have changed: see place_task().
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/jiffies.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "graft/attach.h"
#include "graft/graft.h"
#include "graft/stack_check.h"
#include "scope/cgroup.h"
#include "scope/place.h"
#include "scope/process.h"

/* A process that may be in the wrong text. */
struct place_request {
	struct callback_head work;
	struct task_struct *task; /* holds a reference */
	bool born;		  /* it is new, or its program is; and looks at itself */
	struct shk_draw draw;
	struct list_head node; /* deferred */
};

/* How long a mover waits for who is in the way. */
#define MOVER_WAIT (HZ / 10)

/* So many at least can be noted at any time. */
#define LOOKS 32
static mempool_t *looks;

static DEFINE_SPINLOCK(deferred_lock); /* interrupts off; innermost */
static LIST_HEAD(deferred);

struct shk_draw shk_draw(struct shk_binding *binding)
{
	u64 n = atomic64_inc_return(&binding->nr_drawn) % 100;

	return (struct shk_draw){
		.binding = binding->id,
		.other = (n + 1) * binding->percent / 100 != n * binding->percent / 100,
	};
}

/* RCU; under shk_graft_lock it stays so, unless @task moves. */
static struct shk_binding *place_binding_of(struct task_struct *task)
{
	struct task_struct *thread;
	struct shk_binding *binding;

	if (!shk_bindings_exist())
		return NULL;
	rcu_read_lock();
	thread = shk_process_living(task);
	binding = thread ? shk_binding_nearest(task_dfl_cgroup(thread)) : NULL;
	rcu_read_unlock();
	return binding;
}

/* With a reference. */
static struct shk_binding *place_get_binding(struct task_struct *task)
{
	struct shk_binding *binding;

	rcu_read_lock();
	binding = place_binding_of(task);
	/* Its creator gives his up after a grace period. */
	if (binding)
		shk_binding_get(binding);
	rcu_read_unlock();
	return binding;
}

bool shk_cgroup_forbids(struct task_struct *task, const struct shk_shadow *shadow)
{
	const struct shk_binding *binding = place_binding_of(task);

	return binding && (binding->other || binding->shadow != shadow);
}

/* The mm of @task's process, with a reference (mmput); NULL if it has none of its own. */
static struct mm_struct *place_get_mm(struct task_struct *task)
{
	struct task_struct *thread;
	struct mm_struct *mm;
	bool borrowed;

	do {
		rcu_read_lock();
		thread = shk_process_living(task);
		mm = thread ? get_task_mm(thread) : NULL;
		borrowed = mm && shk_borrows_mm(task);
		rcu_read_unlock();
	} while (thread && !mm);
	if (!borrowed)
		return mm;
	mmput(mm);
	return NULL;
}

/* @task's process goes where @binding, or no cgroup if NULL, wants it. */
struct placement {
	struct shk_change change;
	struct task_struct *task;
	struct shk_binding *binding; /* holds a reference */
};

/* -EAGAIN: it is another one that decides by now. */
static int place_check_binding(const struct shk_change *change, const struct shk_graft *graft)
{
	const struct placement *p = container_of(change, struct placement, change);

	return place_binding_of(p->task) == p->binding ? 0 : -EAGAIN;
}

static int place_in(struct placement *p, struct shk_shadow *shadow)
{
	struct shk_binding *binding = p->binding;
	int ret;

	/* Whoever changes it may do so for long, and others wait for what is held here. */
	if (!shk_shadow_trylock(shadow))
		return -EAGAIN;
	ret = shk_graft_place(shadow, binding->id, &binding->trial, &p->change);
	shk_shadow_unlock(shadow);
	/* It was destroyed, so the cgroup is not bound to it any more. */
	return ret == SHK_E(SHADOW_DESTROYED) ? -EAGAIN : ret;
}

/*
 * Who has to come again has drawn. Who was placed by an attach that then failed, or that
 * it left before it was done, goes back.
 */
static int place_mm(struct placement *p, struct shk_draw *draw)
{
	struct shk_binding *binding = p->binding;
	struct mm_struct *mm = p->change.mm;
	int ret = shk_graft_restore(binding ? binding->id : 0, &p->change);

	if (ret != -ENOENT)
		return ret;
	if (!binding) {
		if (!shk_graft_misplaced(mm, 0, NULL, false))
			return 0;
		return shk_graft_detach(NULL, false, &p->change);
	}
	if (!binding->other)
		return place_in(p, binding->shadow);
	/* Who has drawn stays. */
	if (draw->binding != binding->id) {
		if (!shk_graft_misplaced(mm, binding->id, NULL, false))
			return 0;
		*draw = shk_draw(binding);
	}
	return place_in(p, draw->other ? binding->other : binding->shadow);
}

/* shk_graft_lock, taken by both, orders this with cgroup_on_move(), which looks after the move. */
static int place_guarded(struct placement *p, struct shk_draw *draw, bool own)
{
	int ret = 0;

	if (p->binding)
		ret = shk_graft_prealloc(p->change.mm, own, &p->change.deferred);
	if (!ret)
		ret = place_mm(p, draw);
	if (ret && ret != SHK_E(NOT_INSIDE))
		return ret;
	/* It may have moved meanwhile, and its mover may have seen it where it was to be. */
	return place_check_binding(&p->change, NULL);
}

/*
 * @task's process goes where its cgroup wants it, or where it has drawn. Waits for nobody
 * else's process. -EAGAIN: @busy is in the way: it is in exec, its memory is locked, or
 * it is in a body that has to change; -ERESTARTSYS: the caller is killed;
 * -ENOMEM and others: it stays where it is.
 */
static int place_task(struct task_struct *task, struct shk_draw *draw, pid_t *busy)
{
	struct placement p = { .change.check = place_check_binding, .task = task };
	struct mutex *guard = &task->signal->cred_guard_mutex;
	bool own = same_thread_group(task, current);
	int ret = 0;

	/* exec asks for its new mm by itself. */
	if (!draw->binding && !shk_place_wanted(task))
		return 0;
	/*
	 * So that exec has its new mm, or learns of this: as attach does it. current's is
	 * held by others for moments, or by a thread in exec, which kills this one.
	 */
	if (own && mutex_lock_killable(guard))
		return -ERESTARTSYS;
	if (!own && !mutex_trylock(guard)) {
		*busy = shk_busy_pid(task);
		return -EAGAIN;
	}
	p.change.mm = place_get_mm(task);
	if (p.change.mm) {
		p.binding = place_get_binding(task);
		ret = place_guarded(&p, draw, own);
	}
	mutex_unlock(guard);
	shk_deferred_put_run(&p.change.deferred);
	if (p.change.mm)
		mmput_async(p.change.mm);
	if (p.binding)
		shk_binding_put(p.binding);
	if (ret == -EAGAIN)
		*busy = p.change.busy ?: shk_busy_pid(task);
	return ret;
}

/* Signals wait, but for one that kills. */
static int place_wait_busy(const struct shk_placing *placing)
{
	if (time_after(jiffies, placing->until))
		return SHK_E(TASK_BUSY);
	schedule_timeout_killable(SHK_BUSY_TASK_PAUSE);
	return fatal_signal_pending(current) ? -ERESTARTSYS : 0;
}

/* -EBUSY: somebody was in the way all the time that @placing has. */
static int place_patiently(struct task_struct *task, struct shk_draw *draw,
			   struct shk_placing *placing)
{
	int ret;

	do {
		placing->busy = 0;
		ret = place_task(task, draw, &placing->busy);
		if (ret == -EAGAIN)
			ret = place_wait_busy(placing) ?: -EAGAIN;
	} while (ret == -EAGAIN);
	return ret;
}

static struct place_request *place_request_create(struct task_struct *task, bool born,
						  struct shk_draw draw, gfp_t gfp)
{
	struct place_request *request = mempool_alloc(looks, gfp);

	if (!request)
		return NULL;
	request->task = get_task_struct(task);
	request->born = born;
	request->draw = draw;
	__module_get(THIS_MODULE);
	return request;
}

static void place_request_free(struct place_request *request)
{
	put_task_struct(request->task);
	mempool_free(request, looks);
	module_put(THIS_MODULE);
}

static void place_request_defer(struct place_request *request)
{
	unsigned long flags;

	spin_lock_irqsave(&deferred_lock, flags);
	list_add_tail(&request->node, &deferred);
	spin_unlock_irqrestore(&deferred_lock, flags);
	shk_cgroups_wake();
}

int shk_place(struct task_struct *task, struct shk_placing *placing)
{
	struct shk_draw draw = {};

	if (!placing->until)
		placing->until = shk_busy_task_deadline();
	return place_patiently(task, &draw, placing);
}

void shk_place_later(struct task_struct *task)
{
	place_request_defer(place_request_create(task, false, (struct shk_draw){}, GFP_KERNEL));
}

/* On current's way back to user space. */
static void place_request_fn(struct callback_head *work)
{
	struct place_request *request = container_of(work, struct place_request, work);
	/* Whoever moves others does not wait for them as long. */
	struct shk_placing placing = { .until = jiffies + (request->born ? SHK_BUSY_TASK_TIMEOUT
									 : MOVER_WAIT) };
	bool had_drawn = request->draw.binding;
	int ret = place_patiently(request->task, &request->draw, &placing);

	if (ret && !request->born) {
		place_request_defer(request);
		return;
	}
	/*
	 * Never in the wrong text: as a fork or an exec that cannot inherit. Who has drawn
	 * the other one is in one of the two.
	 */
	if (ret && !had_drawn)
		send_sig(SIGKILL, current, 1);
	place_request_free(request);
}

bool shk_place_wanted(struct task_struct *task)
{
	const struct shk_binding *binding;
	struct task_struct *thread;
	bool wanted = false;

	rcu_read_lock();
	/* Its cgroup is written, its mm not read: cgroup_on_exec() has the other half. */
	smp_mb();
	thread = shk_process_living(task);
	if (thread) {
		binding = shk_binding_nearest(task_dfl_cgroup(thread));
		wanted = shk_graft_may_be_misplaced(READ_ONCE(thread->mm),
						    binding ? binding->id : 0);
	}
	rcu_read_unlock();
	return wanted;
}

void shk_place_request(struct task_struct *task, bool born, struct shk_draw draw)
{
	struct place_request *request = place_request_create(task, born, draw, GFP_ATOMIC);
	struct task_struct *by = born ? task : current;

	if (!request && draw.binding)
		return;
	/* The pool is empty, and so is the memory. */
	if (!request) {
		pr_err_ratelimited("no memory to place process %d by its cgroup\n",
				   task_tgid_nr(task));
		send_sig(SIGKILL, task, 1);
		return;
	}
	init_task_work(&request->work, place_request_fn);
	if (shk_is_kthread(by) || shk_call(task_work_add)(by, &request->work, TWA_RESUME))
		place_request_defer(request);
}

bool shk_place_deferred(void)
{
	struct place_request *request, *next;
	LIST_HEAD(now);
	bool all = true;

	spin_lock_irq(&deferred_lock);
	list_splice_init(&deferred, &now);
	spin_unlock_irq(&deferred_lock);
	list_for_each_entry_safe (request, next, &now, node) {
		pid_t busy = 0;

		if (!place_task(request->task, &request->draw, &busy)) {
			place_request_free(request);
			continue;
		}
		all = false;
		spin_lock_irq(&deferred_lock);
		list_add_tail(&request->node, &deferred);
		spin_unlock_irq(&deferred_lock);
	}
	return all;
}

int __init shk_place_init(void)
{
	looks = mempool_create_kmalloc_pool(LOOKS, sizeof(struct place_request));
	return looks ? 0 : -ENOMEM;
}

/* Looks hold the module: there are none. */
void shk_place_exit(void)
{
	mempool_destroy(looks);
}
