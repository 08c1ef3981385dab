// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bound cgroup's processes are where it says. What may change where one belongs
 * (place.c) are four tracepoints, registered while a cgroup is bound, so
 * that nobody pays who binds none:
 *
 * cgroup_attach_task	somebody moves a process. Whoever does looks after it on
 *			the way back to user space: when its write() returns, the
 *			process is in its new text.
 * sched_process_fork	CLONE_INTO_CGROUP, or a parent who has yet to be placed. A
 *			child that is not where it belongs places itself before its
 *			first instruction. Nearly all are, by inheritance.
 * sched_process_exec	the same of a new program. vfork's child runs in its parent's
 *			mm, which stays its parent's; here it gets its own.
 * cgroup_rmdir		the cgroup is gone, and nobody is in it.
 *
 * These run where nothing may sleep; so they note who is to be looked at (struct
 * look), and somebody else does: the one named above, or, where that cannot be, a
 * worker.
 *
 * Who binds or frees a cgroup publishes that, waits for all who might not have
 * seen it, and then walks the members: a child whose fork was not told of is among
 * them by then.
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

#define RETRY msecs_to_jiffies(10)

/* One at a time binds and frees. Outside the process's cred_guard_mutex. */
static DEFINE_MUTEX(cgroups_lock);
/*
 * Written under cgroups_lock and shk_graft_lock, read under either or RCU: who places a process
 * looks once more with shk_graft_lock held.
 */
static DEFINE_HASHTABLE(bindings, 6);
static unsigned int nr_bindings; /* in it */
/* Under cgroups_lock. */
static u64 last_binding;
static bool listening;

static struct workqueue_struct *cgroups_wq;
static void cgroups_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(cgroups_work, cgroups_work_fn);
static unsigned long retry; /* cgroups_work_fn()'s: when it does so again */

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
 * @task is current or has not run yet; it has changed its cgroup if @moved. Who has its
 * first mm of its own draws, if there is something to draw.
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
	smp_mb(); /* the mm is written, the cgroup not read: see shk_place_wanted() */
	cgroup_check_task(task, false, task->mm && shk_graft_was_borrowing(task->mm));
}

/* Interrupts are off, and locks of the kernel's held. Whom no binding concerns costs this look. */
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
 * Nothing is bound, and nobody is left whom a cgroup has placed: a child may have
 * inherited that and not be in any cgroup yet. Returns whether that is so.
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

/* All processes at and below @root that @binding, or nothing if NULL, decides for. */
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

/* Whom a worker can see to need not be waited for long with cgroups_lock held. */
static int place_or_defer(struct task_struct *task, struct shk_placing *placing)
{
	placing->until = placing->until ?: (jiffies + RETRY) | 1;
	if (shk_place(task, placing))
		shk_place_later(task);
	return 0;
}

static int place_or_blame(struct task_struct *task, struct shk_placing *placing)
{
	int ret = shk_place(task, placing);

	if (ret && ret != SHK_E(TASK_BUSY))
		shk_place_later(task);
	return ret == SHK_E(TASK_BUSY) ? ret : 0;
}

/* Uses the reference to @cgroup up. */
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

static void shadow_count_cgroups(struct shk_shadow *shadow, int change)
{
	lockdep_assert_held(&shk_graft_lock);
	WRITE_ONCE(shadow->nr_cgroups, shadow->nr_cgroups + change);
}

/* Of what its members execute no shadow can be destroyed. */
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

/* Both texts are there before the first process comes. Errors as shk_shadow_prepare(). */
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

/* -EAGAIN: somebody changes one of the shadows, for whom nobody is to wait with cgroups_lock. */
static int binding_publish(struct shk_binding *binding)
{
	int ret;

	if (!shk_shadow_trylock_both(binding->shadow, binding->other))
		return -EAGAIN;
	ret = binding_prepare_shadows(binding);
	if (!ret) {
		/* One that comes back keeps it: who stayed stays, and draws no more. */
		binding->id = binding->id ?: ++last_binding;
		spin_lock(&shk_graft_lock);
		hash_add_rcu(bindings, &binding->node, (unsigned long)binding->cgroup);
		WRITE_ONCE(nr_bindings, nr_bindings + 1);
		binding_count(binding, 1);
		spin_unlock(&shk_graft_lock);
	}
	shk_shadow_unlock_both(binding->shadow, binding->other);
	/* Whose fork or exec has not seen it is in the cgroup now. */
	if (!ret)
		synchronize_rcu();
	return ret;
}

static void binding_unpublish(struct shk_binding *binding)
{
	spin_lock(&shk_graft_lock);
	hash_del_rcu(&binding->node);
	WRITE_ONCE(nr_bindings, nr_bindings - 1);
	binding_count(binding, -1);
	spin_unlock(&shk_graft_lock);
	synchronize_rcu();
}

/* The members of @binding's cgroup go where the next above it wants them, or to the base. */
static int binding_evict_members(struct shk_binding *binding,
				 int (*fn)(struct task_struct *, struct shk_placing *),
				 struct shk_placing *placing)
{
	struct shk_binding *above;

	lockdep_assert_held(&cgroups_lock);
	rcu_read_lock();
	/* It stays: who would free it waits for cgroups_lock. */
	above = shk_binding_nearest(binding->cgroup);
	rcu_read_unlock();
	return cgroup_for_each_member(binding->cgroup, above, fn, placing);
}

static void binding_end(struct shk_binding *binding)
{
	shk_binding_put(binding);
	if (!cgroup_unregister_tracepoints())
		queue_delayed_work(cgroups_wq, &cgroups_work, RETRY);
}

/* Who is in the way goes later. */
static void binding_release(struct shk_binding *binding)
{
	struct shk_placing placing = {};

	binding_unpublish(binding);
	binding_evict_members(binding, place_or_defer, &placing);
	binding_end(binding);
}

/* -EBUSY: @busy is in the way, and all are where they were, or will be. */
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

/* 1: it is bound, and @binding used up; 0: it was already; -EAGAIN as binding_publish(). */
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
	/* Its members are where they stay. */
	shk_graft_end_trial(binding->id, &binding->trial);
	return 1;
}

/* The cgroup whose folder @fd is, with a reference. NOT_CGROUP, CGROUP_REMOVED. */
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

static void cgroups_work_fn(struct work_struct *work)
{
	bool done = shk_place_deferred();

	/* Whoever binds waits for members, some seconds; not so those who have been deferred. */
	if (!mutex_trylock(&cgroups_lock)) {
		queue_delayed_work(cgroups_wq, &cgroups_work, RETRY);
		return;
	}
	cgroups_release_removed();
	/* Who sleeps in a body may do so for days, and the machine stands still for each look. */
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
	/* Whoever holds it may wait for a member's exec, and that for a tracer. */
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

/* Bindings hold the module: there are none. */
void shk_cgroups_exit(void)
{
	cancel_delayed_work_sync(&cgroups_work);
	destroy_workqueue(cgroups_wq);
	shk_place_exit();
}
