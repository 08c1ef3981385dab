// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binds cgroups to shadows and releases them, and finds processes that are not where their cgroup
 * wants them; place.c moves these. Four tracepoints report each event that may change where a
 * process belongs. They are registered while a cgroup is bound:
 *
 *   cgroup_attach_task	A process is moved. The mover places it on its own way back to user space:
 *			so the process is in its new text when the mover's write() returns.
 *   sched_process_fork	A child is created. Nearly all inherit the right text. The exceptions are
 *			CLONE_INTO_CGROUP, and a parent that has yet to be placed: then the child
 *			places itself before its first instruction.
 *   sched_process_exec	A process has a new mm. If that is in the wrong text, it places itself
 *			before the program's first instruction. A vfork child gets its own mm here;
 *			before, it has run in its parent's, which is where the parent belongs.
 *   cgroup_rmdir	A cgroup is removed. No process is in it, and its binding is released.
 *
 * Their probes must not sleep, so they only queue a request (place.c: struct place_request).
 *
 * A binding is published when it is complete, on trial until all members are placed, and
 * unpublished to release it:
 *
 *   created -> on trial -> bound -> unpublished -> freed
 *
 * A binding on trial is unpublished if a member cannot be placed, and an unpublished one is bound
 * again if its release fails. After it is published or unpublished, a grace period passes, and
 * then the members are walked. A probe that has not seen the change has returned by then, and its
 * child is a member already.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/cgroup.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat/tracepoints.h"
#include "graft/attach.h"
#include "graft/graft.h"
#include "scope/cgroup.h"
#include "scope/place.h"

/*
 * The pause before the worker (cgroups_work_fn()) runs again. Also the time that place_or_defer()
 * may wait for all members of one walk together.
 */
#define RETRY msecs_to_jiffies(10)

/*
 * Serialises binding and release of cgroups, including the walks over their members. Protects
 * listening. Taken outside each process's cred_guard_mutex and the locks of shadows.
 */
static DEFINE_MUTEX(cgroups_lock);
/*
 * Published bindings, by cgroup, and their number. Written with cgroups_lock and shk_graft_lock
 * held, read with either or under RCU. When a process is placed, the binding is looked up again
 * with shk_graft_lock held (place_check_binding()).
 */
static DEFINE_HASHTABLE(bindings, 6);
static unsigned int nr_bindings;
static u64 last_binding; /* id of the last one that was published; under cgroups_lock */
static bool listening;	 /* the tracepoints are registered; under cgroups_lock */

static struct workqueue_struct *cgroups_wq;
static void cgroups_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(cgroups_work, cgroups_work_fn);
static unsigned long retry; /* cgroups_work_fn()'s own: its last pause, in jiffies */

/*
 * Returns the binding of @cgroup itself, if it has one that is in effect; else NULL. The caller
 * holds the RCU read lock, cgroups_lock or shk_graft_lock. With RCU alone the binding may end at
 * any time, but is not freed.
 */
static struct shk_binding *binding_find(const struct cgroup *cgroup)
{
	struct shk_binding *binding;

	hash_for_each_possible_rcu (bindings, binding, node, (unsigned long)cgroup,
				    lockdep_is_held(&shk_graft_lock) ||
					    lockdep_is_held(&cgroups_lock))
		if (binding->cgroup == cgroup)
			return binding;
	return NULL;
}

bool shk_bindings_exist(void)
{
	return READ_ONCE(nr_bindings);
}

struct shk_binding *shk_binding_nearest(struct cgroup *cgroup)
{
	for (; cgroup; cgroup = cgroup_parent(cgroup)) {
		struct shk_binding *binding = binding_find(cgroup);

		if (binding)
			return binding;
	}
	return NULL;
}

/*
 * Requests that @task place itself, if its mm is not where its cgroup wants it. @task is current,
 * or has not run yet. @moved: @task's cgroup differs from the one in which its mm was made. @first:
 * @task has just got its first mm that it does not share with its parent. If @first and the
 * cgroup's processes are divided between two shadows, chooses one of them for @task (shk_draw()).
 * Any context.
 */
static void cgroup_check_task(struct task_struct *task, bool moved, bool first)
{
	struct shk_draw draw = {};
	struct shk_binding *binding;
	struct shk_shadow *side;
	bool misplaced;

	if (!task->mm || shk_is_kthread(task))
		return;
	rcu_read_lock();
	binding = shk_binding_nearest(task_dfl_cgroup(task));
	misplaced = shk_graft_misplaced(task->mm, binding ? binding->id : 0, NULL, moved);
	if (!misplaced && first && binding && binding->other) {
		draw = shk_draw(binding);
		side = draw.other ? binding->other : binding->shadow;
		misplaced = shk_graft_misplaced(task->mm, binding->id, side, moved);
	}
	rcu_read_unlock();
	if (misplaced)
		shk_place_request(task, true, draw);
}

static void cgroup_on_fork(void *unused, struct task_struct *parent, struct task_struct *child)
{
	bool moved;

	if (child->mm == parent->mm)
		return;
	rcu_read_lock();
	moved = task_dfl_cgroup(child) != task_dfl_cgroup(parent);
	rcu_read_unlock();
	cgroup_check_task(child, moved, true);
}

static void cgroup_on_exec(void *unused, struct task_struct *task, pid_t old,
			   struct linux_binprm *bprm)
{
	/* exec has written the mm, and the cgroup is read below. Pairs with shk_place_wanted(). */
	smp_mb();
	cgroup_check_task(task, false, task->mm && shk_graft_was_borrowing(task->mm));
}

/*
 * Requests that @task's process be moved to the text that its new cgroup @to wants, unless it is
 * there. Current, which has moved the process between the cgroups, executes the request. Probe of a
 * tracepoint. Interrupts are off, and locks of the kernel's cgroup code are held.
 */
static void cgroup_on_move(void *unused, struct cgroup *to, const char *path,
			   struct task_struct *task, bool threadgroup)
{
	if (shk_place_wanted(task))
		shk_place_request(task, false, (struct shk_draw){});
}

static void cgroup_on_rmdir(void *unused, struct cgroup *cgroup, const char *path)
{
	bool bound;

	rcu_read_lock();
	bound = binding_find(cgroup);
	rcu_read_unlock();
	if (bound)
		mod_delayed_work(cgroups_wq, &cgroups_work, 0);
}

static struct shk_tracepoint tracepoints[] = {
	{ "cgroup_attach_task", cgroup_on_move },
	{ "sched_process_fork", cgroup_on_fork },
	{ "sched_process_exec", cgroup_on_exec },
	{ "cgroup_rmdir", cgroup_on_rmdir },
};

/*
 * Registers the tracepoints' probes and takes a reference to the module, if the probes are not
 * registered yet. cgroups_lock is held; sleeps. Returns 0 or -ENOMEM.
 */
static int cgroup_register_tracepoints(void)
{
	int ret;

	lockdep_assert_held(&cgroups_lock);
	if (listening)
		return 0;
	ret = shk_tracepoints_register(tracepoints, ARRAY_SIZE(tracepoints));
	if (ret)
		return ret;
	listening = true;
	__module_get(THIS_MODULE);
	return 0;
}

/*
 * Unregisters the tracepoints' probes, if no cgroup is bound and no mm is in a shadow on behalf of
 * a binding. A child of such an mm may still be in fork, where only the tracepoint finds it.
 * cgroups_lock is held; sleeps. Returns false if such an mm is left: the worker has to try again.
 */
static bool cgroup_unregister_tracepoints(void)
{
	lockdep_assert_held(&cgroups_lock);
	if (!listening || nr_bindings)
		return true;
	if (shk_graft_count_placed())
		return false;
	shk_tracepoints_unregister(tracepoints, ARRAY_SIZE(tracepoints));
	listening = false;
	module_put(THIS_MODULE);
	return true;
}

/*
 * Calls @fn with @placing for each process at and below @root for which @binding decides (no cgroup
 * between them is bound), until @fn returns an error. If @binding is NULL, these are the processes
 * for which no binding decides. cgroups_lock is held; sleeps. Returns 0 or that error.
 */
static int cgroup_for_each_member(struct cgroup *root, const struct shk_binding *binding,
				  int (*fn)(struct task_struct *, struct shk_placing *),
				  struct shk_placing *placing)
{
	struct cgroup_subsys_state *css;
	struct task_struct *task;
	struct css_task_iter iter;
	int ret = 0;

	rcu_read_lock();
	css_for_each_descendant_pre (css, &root->self) {
		if (shk_binding_nearest(css->cgroup) != binding || !css_tryget_online(css))
			continue;
		rcu_read_unlock();
		shk_call(css_task_iter_start)(css, CSS_TASK_ITER_PROCS | CSS_TASK_ITER_THREADED,
					      &iter);
		while (!ret && (task = shk_call(css_task_iter_next)(&iter)))
			ret = fn(task, placing);
		shk_call(css_task_iter_end)(&iter);
		rcu_read_lock();
		css_put(css);
		if (ret)
			break;
	}
	rcu_read_unlock();
	return ret;
}

/*
 * Places @task's process: moves it to the text that its cgroup wants. If that fails, the worker
 * does so later. All calls with the same @placing wait 10 ms together, so that cgroups_lock is not
 * held for long. Sleeps. Returns 0.
 */
static int place_or_defer(struct task_struct *task, struct shk_placing *placing)
{
	placing->until = placing->until ?: (jiffies + RETRY) | 1;
	if (shk_place(task, placing))
		shk_place_later(task);
	return 0;
}

/*
 * Places @task's process: moves it to the text that its cgroup wants. Sleeps. Returns TASK_BUSY if
 * @placing->busy was in the way until @placing->until. Otherwise returns 0: the process is placed,
 * or the worker places it later, since the caller was killed or memory, tables or hooks were
 * missing.
 */
static int place_or_blame(struct task_struct *task, struct shk_placing *placing)
{
	int ret = shk_place(task, placing);

	if (ret && ret != SHK_E(TASK_BUSY))
		shk_place_later(task);
	return ret == SHK_E(TASK_BUSY) ? ret : 0;
}

/*
 * Allocates a binding of @cgroup to the shadows of @split, with one reference. It is not published,
 * so it has no effect. It is on trial: the call that binds the cgroup may still fail, and processes
 * then return to where they were. Takes over the caller's reference to @cgroup, also on failure.
 * Sleeps. Returns NULL if memory is short.
 */
static struct shk_binding *binding_create(const struct shk_split *split, struct cgroup *cgroup)
{
	struct shk_binding *binding = kzalloc(sizeof(*binding), GFP_KERNEL_ACCOUNT);

	if (!binding) {
		cgroup_put(cgroup);
		return NULL;
	}
	refcount_set(&binding->ref, 1);
	binding->shadow = shk_shadow_get(split->shadow);
	binding->other = split->other ? shk_shadow_get(split->other) : NULL;
	binding->percent = split->percent;
	binding->trial = true;
	/* The first that draws has number 0. */
	atomic64_set(&binding->nr_drawn, -1);
	binding->cgroup = cgroup;
	__module_get(THIS_MODULE);
	return binding;
}

void shk_binding_get(struct shk_binding *binding)
{
	refcount_inc(&binding->ref);
}

void shk_binding_put(struct shk_binding *binding)
{
	if (!refcount_dec_and_test(&binding->ref))
		return;
	cgroup_put(binding->cgroup);
	if (binding->other)
		shk_shadow_put(binding->other);
	shk_shadow_put(binding->shadow);
	kfree(binding);
	module_put(THIS_MODULE);
}

/* Adds @change to the number of cgroups that are bound to @shadow. shk_graft_lock is held. */
static void shadow_count_cgroups(struct shk_shadow *shadow, int change)
{
	lockdep_assert_held(&shk_graft_lock);
	WRITE_ONCE(shadow->nr_cgroups, shadow->nr_cgroups + change);
}

/*
 * Adds @change to the numbers of bound cgroups of @binding's shadows and of their targets. A shadow
 * whose number is not 0 cannot be destroyed, so members may execute it. shk_graft_lock is held.
 */
static void binding_count(struct shk_binding *binding, int change)
{
	shadow_count_cgroups(binding->shadow, change);
	if (binding->shadow->target)
		shadow_count_cgroups(binding->shadow->target, change);
	if (!binding->other)
		return;
	shadow_count_cgroups(binding->other, change);
	if (binding->other->target)
		shadow_count_cgroups(binding->other->target, change);
}

/*
 * Makes the tables and hooks of @binding->shadow, and of @binding->other if the binding splits its
 * cgroup between two shadows. Processes can then be attached to them. After an error, this function
 * has removed the tables and hooks that it made. The locks of these shadows are held; sleeps.
 * Returns 0, SHADOW_DESTROYED, FTRACE_DISABLED, FTRACE_DEAD, XEN or -ENOMEM.
 */
static int binding_prepare_shadows(struct shk_binding *binding)
{
	struct shk_prepared was, was_other;
	int ret = shk_shadow_prepare(binding->shadow, &was);

	if (ret || !binding->other)
		return ret;
	ret = shk_shadow_prepare(binding->other, &was_other);
	if (ret)
		shk_shadow_unprepare(binding->shadow, &was);
	return ret;
}

/*
 * Puts @binding into effect: from here on it decides which text the cgroup's processes are to
 * execute. cgroups_lock is held; sleeps, for a grace period. Takes the shadows' locks, but does not
 * wait for them: their holders may take long, and other callers wait for cgroups_lock. Returns 0;
 * -EAGAIN: another task holds one of these locks; POLICY: a shadow is a helper; or an error of
 * binding_prepare_shadows().
 */
static int binding_publish(struct shk_binding *binding)
{
	int ret;

	if (!shk_shadow_trylock_both(binding->shadow, binding->other))
		return -EAGAIN;
	/* Its processes could not be moved back. A locked shadow does not become a helper. */
	if (shk_shadow_is_helper(binding->shadow) ||
	    (binding->other && shk_shadow_is_helper(binding->other)))
		ret = SHK_E(POLICY);
	else
		ret = binding_prepare_shadows(binding);
	if (!ret) {
		/*
		 * A binding that is published again keeps its id: members that stayed do not draw
		 * again.
		 */
		binding->id = binding->id ?: ++last_binding;
		spin_lock(&shk_graft_lock);
		hash_add_rcu(bindings, &binding->node, (unsigned long)binding->cgroup);
		WRITE_ONCE(nr_bindings, nr_bindings + 1);
		binding_count(binding, 1);
		spin_unlock(&shk_graft_lock);
	}
	shk_shadow_unlock_both(binding->shadow, binding->other);
	/*
	 * A tracepoint's probe that has not seen the binding has returned after this grace period:
	 * see the comment at the top of this file.
	 */
	if (!ret)
		synchronize_rcu();
	return ret;
}

/*
 * Takes @binding out of effect: it no longer decides which text the cgroup's processes are to
 * execute. cgroups_lock is held; sleeps, for a grace period.
 */
static void binding_unpublish(struct shk_binding *binding)
{
	spin_lock(&shk_graft_lock);
	hash_del_rcu(&binding->node);
	WRITE_ONCE(nr_bindings, nr_bindings - 1);
	binding_count(binding, -1);
	spin_unlock(&shk_graft_lock);
	synchronize_rcu();
}

/*
 * Moves the processes of @binding's cgroup to where the nearest bound cgroup above wants them, or
 * to the base: calls @fn with @placing for each. The caller has unpublished @binding, so it decides
 * no longer, and holds cgroups_lock. Sleeps. Returns 0 or the first error of @fn.
 */
static int binding_evict_members(struct shk_binding *binding,
				 int (*fn)(struct task_struct *, struct shk_placing *),
				 struct shk_placing *placing)
{
	struct shk_binding *above;

	lockdep_assert_held(&cgroups_lock);
	rcu_read_lock();
	/* It stays published, since cgroups_lock is held. */
	above = shk_binding_nearest(binding->cgroup);
	rcu_read_unlock();
	return cgroup_for_each_member(binding->cgroup, above, fn, placing);
}

/*
 * Drops the creator's reference to @binding, which the caller has taken out of effect. Unregisters
 * the tracepoints if no cgroup is bound any longer. cgroups_lock is held; sleeps.
 */
static void binding_end(struct shk_binding *binding)
{
	shk_binding_put(binding);
	if (!cgroup_unregister_tracepoints())
		queue_delayed_work(cgroups_wq, &cgroups_work, RETRY);
}

/*
 * Ends @binding, and moves the cgroup's processes to where the nearest bound cgroup above wants
 * them. The worker later moves those that cannot move now. cgroups_lock is held; sleeps.
 */
static void binding_release(struct shk_binding *binding)
{
	struct shk_placing placing = {};

	binding_unpublish(binding);
	binding_evict_members(binding, place_or_defer, &placing);
	binding_end(binding);
}

/*
 * Ends @binding, unless a process of its cgroup cannot move away for three seconds. cgroups_lock is
 * held; sleeps. Returns 0, or TASK_BUSY: thread *@busy was in the way. Then @binding is in effect
 * again, and processes that had moved go back, at once or by the worker. If @binding cannot be put
 * into effect again, it has ended, and this function returns 0.
 */
static int binding_try_release(struct shk_binding *binding, pid_t *busy)
{
	struct shk_placing placing = {}, back = {};
	int ret;

	binding_unpublish(binding);
	ret = binding_evict_members(binding, place_or_blame, &placing);
	*busy = placing.busy;
	if (!ret) {
		binding_end(binding);
	} else if (!binding_publish(binding)) {
		cgroup_for_each_member(binding->cgroup, binding, place_or_defer, &back);
	} else {
		binding_evict_members(binding, place_or_defer, &back);
		binding_end(binding);
		ret = 0;
	}
	return ret;
}

static bool binding_equals(const struct shk_binding *binding, const struct shk_split *split)
{
	return binding->shadow == split->shadow && binding->other == split->other &&
	       binding->percent == split->percent;
}

/*
 * Binds the cgroup of @binding: puts @binding into effect, and moves the cgroup's processes. The
 * caller has created @binding with the same @split, and holds cgroups_lock. Sleeps. After an error
 * the members are back where they were, or the worker moves them there. Returns 0 if the cgroup is
 * bound like that already, or
 *
 *   1			the cgroup is bound; the caller's reference to @binding is used up
 *   CGROUP_ELSEWHERE	the cgroup is bound otherwise
 *   -EAGAIN		another task holds a shadow's lock: the caller waits for it and calls again
 *   TASK_BUSY		the thread *@busy of a member was in the way for three seconds
 *   SHADOW_DESTROYED, FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM, -ERESTARTSYS
 */
static int cgroup_bind(struct shk_binding *binding, const struct shk_split *split, pid_t *busy)
{
	struct shk_binding *was = binding_find(binding->cgroup);
	struct shk_placing placing = {};
	int ret;

	if (was)
		return binding_equals(was, split) ? 0 : SHK_E(CGROUP_ELSEWHERE);
	ret = cgroup_register_tracepoints();
	if (ret)
		return ret;
	ret = binding_publish(binding);
	if (ret) {
		cgroup_unregister_tracepoints();
		return ret;
	}
	ret = cgroup_for_each_member(binding->cgroup, binding, shk_place, &placing);
	*busy = placing.busy;
	if (ret) {
		shk_binding_get(binding);
		binding_release(binding);
		return ret;
	}
	shk_graft_end_trial(binding->id, &binding->trial);
	return 1;
}

/*
 * Returns the cgroup whose folder @fd is, with a reference (cgroup_put()), or an ERR_PTR():
 *   NOT_CGROUP       @fd is not the folder of a cgroup
 *   CGROUP_REMOVED   the cgroup was removed
 *   others           errors of cgroup_get_from_fd()
 */
static struct cgroup *bound_cgroup_get(int fd)
{
	struct cgroup *cgroup = cgroup_get_from_fd(fd);

	if (cgroup == ERR_PTR(-EBADF))
		return ERR_PTR(SHK_E(NOT_CGROUP));
	if (cgroup == ERR_PTR(-ENOENT) || cgroup == ERR_PTR(-ENODEV))
		return ERR_PTR(SHK_E(CGROUP_REMOVED));
	return cgroup;
}

int shk_cgroup_attach(const struct shk_split *split, int fd, pid_t *busy)
{
	struct cgroup *cgroup = bound_cgroup_get(fd);
	struct shk_binding *binding;
	int ret;

	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup);
	binding = binding_create(split, cgroup);
	if (!binding)
		return -ENOMEM;
	do {
		ret = shk_shadow_wait_both(split->shadow, split->other);
		if (!ret && mutex_lock_interruptible(&cgroups_lock))
			ret = -ERESTARTSYS;
		if (ret)
			break;
		ret = cgroup_bind(binding, split, busy);
		mutex_unlock(&cgroups_lock);
	} while (ret == -EAGAIN);
	if (ret <= 0)
		shk_binding_put(binding);
	return min(ret, 0);
}

/* Returns true if @shadow is one of the shadows of @binding. */
static bool binding_has_shadow(const struct shk_binding *binding, const struct shk_shadow *shadow)
{
	return binding->shadow == shadow || binding->other == shadow;
}

int shk_cgroup_detach(const struct shk_shadow *from, int fd, pid_t *busy)
{
	struct cgroup *cgroup = bound_cgroup_get(fd);
	struct shk_binding *binding;
	int ret = 0;

	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup);
	if (mutex_lock_interruptible(&cgroups_lock)) {
		ret = -ERESTARTSYS;
		goto put;
	}
	binding = binding_find(cgroup);
	if (binding && (!from || binding_has_shadow(binding, from)))
		ret = binding_try_release(binding, busy);
	else
		ret = SHK_E(CGROUP_UNATTACHED);
	mutex_unlock(&cgroups_lock);
put:
	cgroup_put(cgroup);
	return ret;
}

int shk_cgroup_next(struct shk_shadow *shadow, u64 *cursor, struct shk_cgroup_entry *next)
{
	struct cgroup *found = NULL;
	struct shk_binding *binding;
	unsigned int bucket;
	int ret;

	rcu_read_lock();
	hash_for_each_rcu (bindings, bucket, binding, node)
		if (binding_has_shadow(binding, shadow) && cgroup_id(binding->cgroup) > *cursor &&
		    (!found || cgroup_id(binding->cgroup) < cgroup_id(found))) {
			found = binding->cgroup;
			next->percent = binding->other == shadow ? binding->percent
								 : 100 - binding->percent;
		}
	if (found)
		cgroup_get(found);
	rcu_read_unlock();
	if (!found)
		return -ENOENT;
	*cursor = next->id = cgroup_id(found);
	ret = cgroup_path_ns(found, next->path, sizeof(next->path), current->nsproxy->cgroup_ns);
	if (ret < 0 || ret >= sizeof(next->path))
		memset(next->path, 0, sizeof(next->path));
	cgroup_put(found);
	return 0;
}

/* Ends the bindings of cgroups that were removed. cgroups_lock is held; sleeps. */
static void cgroups_release_removed(void)
{
	struct shk_binding *binding;
	struct hlist_node *next;
	unsigned int bucket;

	lockdep_assert_held(&cgroups_lock);
	hash_for_each_safe (bindings, bucket, next, binding, node)
		if (!(READ_ONCE(binding->cgroup->self.flags) & CSS_ONLINE))
			binding_release(binding);
}

/*
 * The worker of cgroup.c and place.c: places processes that could not be placed before
 * (shk_place_deferred()), ends bindings of removed cgroups, and unregisters the tracepoints. Queues
 * itself again while something of this is left.
 */
static void cgroups_work_fn(struct work_struct *work)
{
	bool done = shk_place_deferred();

	/* A holder may wait for members for some seconds, and deferred processes must not. */
	if (!mutex_trylock(&cgroups_lock)) {
		queue_delayed_work(cgroups_wq, &cgroups_work, RETRY);
		return;
	}
	cgroups_release_removed();
	/* A thread may sleep in a body for days, and each look for it stops the machine. */
	retry = done ? RETRY : clamp_t(unsigned long, 2 * retry, RETRY, HZ);
	if (!cgroup_unregister_tracepoints() || !done)
		queue_delayed_work(cgroups_wq, &cgroups_work, retry);
	mutex_unlock(&cgroups_lock);
}

void shk_cgroups_wake(void)
{
	queue_delayed_work(cgroups_wq, &cgroups_work, RETRY);
}

void shk_cgroups_settle(void)
{
	/* The holder may wait for a member's exec, which may wait for a tracer. */
	if (mutex_lock_killable(&cgroups_lock))
		return;
	cgroups_release_removed();
	mutex_unlock(&cgroups_lock);
}

int __init shk_cgroups_init(void)
{
	int ret = shk_tracepoints_find(tracepoints, ARRAY_SIZE(tracepoints));

	if (ret)
		return ret;
	if (shk_place_init())
		return -ENOMEM;
	cgroups_wq = alloc_workqueue("shadowk_cgroups", WQ_UNBOUND, 0);
	if (!cgroups_wq) {
		shk_place_exit();
		return -ENOMEM;
	}
	return 0;
}

void shk_cgroups_exit(void)
{
	cancel_delayed_work_sync(&cgroups_work);
	destroy_workqueue(cgroups_wq);
	shk_place_exit();
}
