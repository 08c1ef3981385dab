// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places processes: each is to execute the text that its cgroup's binding decides. There is one
 * question, place_task(): which binding decides now, and is the process where that wants it? It
 * is asked again whenever the answer may have changed, by one of these:
 *
 *   the caller that binds or releases a cgroup		shk_place()
 *   a new child, a new program, the mover of a process	place_request_fn(), a task work
 *   the worker of cgroup.c, where one of them failed	shk_place_deferred()
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

/* A process that may be in the wrong text. Holds the module. */
struct place_request {
	struct callback_head work; /* task work of the task that places the process */
	struct task_struct *task;  /* a thread of the process; holds a reference */
	bool new_mm;	      /* the task is a new child, or has a new program, and places itself */
	struct shk_draw draw; /* the side of a split cgroup that it has drawn by now */
	struct list_head node; /* in the list deferred, if the worker is to place it */
};

/*
 * How long the mover (the task that moves a process between cgroups) waits for a task that is in
 * the way, in jiffies.
 */
#define MOVER_WAIT (HZ / 10)

/* The number of requests that place_request_create() can allocate when memory is used up. */
#define LOOKS 32
static mempool_t *looks;

/* Protects deferred. Interrupts off; innermost. */
static DEFINE_SPINLOCK(deferred_lock);
/*
 * Requests that cgroup.c's worker (cgroups_work_fn()) is to execute, the oldest first. Under
 * deferred_lock.
 */
static LIST_HEAD(deferred);

struct shk_draw shk_draw(struct shk_binding *binding)
{
	u64 n = atomic64_inc_return(&binding->nr_drawn) % 100;

	return (struct shk_draw){
		.binding = binding->id,
		.other = (n + 1) * binding->percent / 100 != n * binding->percent / 100,
	};
}

/*
 * Returns the binding that decides for @task's process: that of the cgroup of its first living
 * thread. Returns NULL if no cgroup above the process is bound, or all threads have exited. The
 * caller holds the RCU read lock or shk_graft_lock. While shk_graft_lock is held, the answer cannot
 * change until the process moves between cgroups.
 */
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

/*
 * Returns the binding that decides for @task's process (place_binding_of()) with a reference
 * (shk_binding_put()), or NULL. Any context.
 */
static struct shk_binding *place_get_binding(struct task_struct *task)
{
	struct shk_binding *binding;

	rcu_read_lock();
	binding = place_binding_of(task);
	/* cgroup.c drops its reference after a grace period, so one is left here. */
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

/*
 * Returns the mm of @task's process, with a reference (mmput()). Returns NULL if the process has
 * exited, or is a vfork child, which runs in its parent's mm. Any context but interrupts.
 */
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

/* The placing of one process. */
struct placement {
	struct shk_change change;    /* its check is place_check_binding() */
	struct task_struct *task;    /* a thread of the process */
	struct shk_binding *binding; /* the one that decides, with a reference; NULL: none */
};

/*
 * Returns 0 if the binding of @change's struct placement still decides for the process. Callback
 * shk_change.check. The caller holds shk_graft_lock; or the process's cred_guard_mutex, and then
 * @graft is NULL. Returns CAPTURED_TOOL if @graft is in a helper or a workload's (edit/capture.h):
 * no binding decides for it. Returns -EAGAIN if the process has moved to another cgroup, or the
 * binding has ended.
 */
static int place_check_binding(const struct shk_change *change, const struct shk_graft *graft)
{
	const struct placement *p = container_of(change, struct placement, change);

	if (graft && shk_graft_ignores_bindings(graft))
		return SHK_E(CAPTURED_TOOL);
	return place_binding_of(p->task) == p->binding ? 0 : -EAGAIN;
}

/*
 * Attaches @p's mm to @shadow on behalf of @p->binding. The caller holds the process's
 * cred_guard_mutex; sleeps. Returns 0; FTRACE_DISABLED; FTRACE_DEAD; XEN; -ENOMEM; or -EAGAIN:
 * another task holds the shadow's lock, a task is in the way, or @p->binding no longer decides for
 * the process.
 */
static int place_in(struct placement *p, struct shk_shadow *shadow)
{
	struct shk_binding *binding = p->binding;
	int ret;

	/* Its holder may take long, and other callers wait for the cred_guard_mutex held here. */
	if (!shk_shadow_trylock(shadow))
		return -EAGAIN;
	ret = shk_graft_place(shadow, binding->id, &binding->trial, &p->change);
	shk_shadow_unlock(shadow);
	/* A destroyed shadow has no cgroups, so the binding no longer decides: ask again. */
	return ret == SHK_E(SHADOW_DESTROYED) ? -EAGAIN : ret;
}

/*
 * Moves @p's mm to where @p->binding wants it. The first of these cases that applies decides:
 *
 *   a capture decides		The mm is in a helper, or a workload's (edit/capture.h). It stays:
 *				CAPTURED_TOOL.
 *   the mm is on a trial	The attach has failed, or its process has left the cgroup. The mm
 *				returns to its former place, if @p->binding (or no binding) had
 *				put it there.
 *   no binding decides		The mm moves to the base if a binding has placed it, else it stays.
 *   the binding is not split	The mm moves to the binding's shadow.
 *   *@draw is of this binding	The mm moves to the shadow that *@draw names.
 *   this binding has placed it	The mm stays.
 *   otherwise			Chooses a shadow (shk_draw()), and keeps it in *@draw for a
 *				next try.
 *
 * Sleeps; the process's cred_guard_mutex is held. @draw: the choice of shk_draw() between two
 * shadows. Returns 0; NOT_INSIDE: the mm was in the base already; or an error of
 * shk_graft_restore(), shk_graft_detach() or place_in().
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
	if (draw->binding != binding->id) {
		if (!shk_graft_misplaced(mm, binding->id, NULL, false))
			return 0;
		*draw = shk_draw(binding);
	}
	return place_in(p, draw->other ? binding->other : binding->shadow);
}

/*
 * Moves @p's mm to where @p->binding wants it, and then checks that this binding still decides.
 * @is_current: the mm is current's. *@draw: which of the two shadows of a split cgroup shk_draw()
 * has chosen; kept for a next try.
 *
 * A task that moves the process to another cgroup checks after the move whether the process is
 * misplaced (cgroup_on_move()). Both checks take shk_graft_lock, so at least one of the two tasks
 * sees the other's change.
 *
 * Sleeps; the process's cred_guard_mutex is held. Returns 0; -EAGAIN: another binding decides now,
 * or a task is in the way; or an error of shk_graft_prealloc() or place_mm().
 */
static int place_guarded(struct placement *p, struct shk_draw *draw, bool is_current)
{
	int ret = 0;

	if (p->binding)
		ret = shk_graft_prealloc(p->change.mm, is_current, &p->change.deferred);
	if (!ret)
		ret = place_mm(p, draw);
	if (ret && ret != SHK_E(NOT_INSIDE) && ret != SHK_E(CAPTURED_TOOL))
		return ret;
	/*
	 * If the process has moved between cgroups meanwhile, its mover may have found it in the
	 * right text, before place_mm() moved it away from there.
	 */
	return place_check_binding(&p->change, NULL);
}

/*
 * Moves @task's process to the text that the binding of its cgroup wants, in one try. *@draw: if
 * the binding divides its processes between two shadows, the choice of shk_draw(); made here if
 * *@draw has none. Waits for no other process. Sleeps. Returns 0 or
 *
 *   -EAGAIN		Thread *@busy is in the way, in fork, exec or a function that changes in
 *			place. Or another task holds a lock of the mm or the shadow, or the cgroup
 *			has changed meanwhile; then *@busy is @task.
 *   FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM: the process stays where it is
 *   -ERESTARTSYS		the caller was killed
 */
static int place_task(struct task_struct *task, struct shk_draw *draw, pid_t *busy)
{
	struct placement p = { .change.check = place_check_binding, .task = task };
	struct mutex *guard = &task->signal->cred_guard_mutex;
	bool is_current = same_thread_group(task, current);
	int ret = 0;

	/* A process in exec asks for its new mm itself (cgroup_on_exec()). */
	if (!draw->binding && !shk_place_wanted(task))
		return 0;
	/*
	 * With this mutex held, exec has taken its new mm into use, or has yet to call
	 * inherit_exec_mm(), which sees the change. Current's own is held for moments by other
	 * tasks, or by a thread in exec, which kills this one: so it is waited for.
	 */
	if (is_current && mutex_lock_killable(guard))
		return -ERESTARTSYS;
	if (!is_current && !mutex_trylock(guard)) {
		*busy = shk_busy_pid(task);
		return -EAGAIN;
	}
	p.change.mm = place_get_mm(task);
	if (p.change.mm) {
		p.binding = place_get_binding(task);
		ret = place_guarded(&p, draw, is_current);
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

/*
 * Pauses before the next try to place a process. Only a fatal signal ends the pause early. Sleeps.
 * Returns 0; TASK_BUSY: @placing->until has passed; -ERESTARTSYS: the caller was killed.
 */
static int place_wait_busy(const struct shk_placing *placing)
{
	if (time_after(jiffies, placing->until))
		return SHK_E(TASK_BUSY);
	schedule_timeout_killable(SHK_BUSY_TASK_PAUSE);
	return fatal_signal_pending(current) ? -ERESTARTSYS : 0;
}

/*
 * Moves @task's process to the text that the binding of its cgroup wants: repeats place_task()
 * while a task is in the way. Sleeps. Returns 0; TASK_BUSY: thread @placing->busy was in the way
 * until @placing->until; or another error of place_task(), but not -EAGAIN. *@draw: which of the
 * two shadows of a split cgroup shk_draw() has chosen; kept for a next try. The caller has set
 * @placing->until.
 */
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

/*
 * Allocates a request to place @task's process, that is, to move it to the text that its cgroup
 * wants. The request has references to @task and to the module; place_request_free() frees it. If
 * @new_mm, @task has a new mm, from fork or exec, and places itself.
 *
 * @draw: which of the two shadows of a split cgroup shk_draw() has chosen. If it has not chosen,
 * @draw.binding is 0. @gfp: with GFP_KERNEL this sleeps and cannot fail. With GFP_ATOMIC it may be
 * called in any context. It then returns NULL if there is no memory and all requests of the reserve
 * are in use.
 */
static struct place_request *place_request_create(struct task_struct *task, bool new_mm,
						  struct shk_draw draw, gfp_t gfp)
{
	struct place_request *request = mempool_alloc(looks, gfp);

	if (!request)
		return NULL;
	request->task = get_task_struct(task);
	request->new_mm = new_mm;
	request->draw = draw;
	__module_get(THIS_MODULE);
	return request;
}

/* Frees @request, and drops its references to the task and to the module. Needs no lock. */
static void place_request_free(struct place_request *request)
{
	put_task_struct(request->task);
	mempool_free(request, looks);
	module_put(THIS_MODULE);
}

/*
 * Leaves @request to cgroup.c's worker: adds it to the list deferred, and wakes the worker. Any
 * context.
 */
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

/*
 * Places the process of a request: moves it to the text that its cgroup wants. Task work: current
 * executes it before it returns to user space. If the process cannot be placed, there are these
 * cases:
 *
 *   the mover placed another process	The worker of cgroup.c gets the request.
 *   a split cgroup chose its shadow	Current stays in the other shadow of that cgroup.
 *   otherwise				Current is killed, so that no child or program begins in
 *					the wrong text.
 */
static void place_request_fn(struct callback_head *work)
{
	struct place_request *request = container_of(work, struct place_request, work);
	/* The mover of another process waits for a shorter time. */
	struct shk_placing placing = { .until = jiffies + (request->new_mm ? SHK_BUSY_TASK_TIMEOUT
									   : MOVER_WAIT) };
	bool had_drawn = request->draw.binding;
	int ret = place_patiently(request->task, &request->draw, &placing);

	if (ret && !request->new_mm) {
		place_request_defer(request);
		return;
	}
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
	/*
	 * The mover has written the cgroup, and the mm is read below. Pairs with
	 * cgroup_on_exec().
	 */
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

void shk_place_request(struct task_struct *task, bool new_mm, struct shk_draw draw)
{
	struct place_request *request = place_request_create(task, new_mm, draw, GFP_ATOMIC);
	struct task_struct *by = new_mm ? task : current;

	if (!request && draw.binding)
		return;
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

void shk_place_exit(void)
{
	mempool_destroy(looks);
}
