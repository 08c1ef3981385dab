// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "graft/attach.h"
#include "graft/enter.h"
#include "graft/graft.h"
#include "graft/still.h"
#include "scope/cgroup.h"
#include "scope/process.h"

struct task_struct *shk_process_living(struct task_struct *task)
{
	struct task_struct *thread;

	for_each_thread (task, thread)
		if (READ_ONCE(thread->mm) && !shk_is_kthread(thread))
			return thread;
	return NULL;
}

/* With a reference (put_task_struct). */
static struct task_struct *find_task(pid_t pid)
{
	struct task_struct *task;

	if (pid < 0)
		return ERR_PTR(-ESRCH);
	rcu_read_lock();
	task = pid ? pid_task(find_vpid(pid), PIDTYPE_PID) : current;
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task ?: ERR_PTR(-ESRCH);
}

/* The same; another thread of the process where that one has exited, and others have not. */
static struct task_struct *task_of(pid_t pid)
{
	struct task_struct *task = find_task(pid), *living;

	if (IS_ERR(task) || READ_ONCE(task->mm))
		return task;
	rcu_read_lock();
	living = shk_process_living(task);
	if (living) {
		get_task_struct(living);
		put_task_struct(task);
		task = living;
	}
	rcu_read_unlock();
	return task;
}

/*
 * The mm that @task runs in, with a reference (mmput). -EAGAIN: it has just exited, and
 * others of its process have not.
 */
static struct mm_struct *mm_of(struct task_struct *task)
{
	/* NULL of a kernel thread, even one that borrows an mm. */
	struct mm_struct *mm = get_task_mm(task);
	int err = -ESRCH;

	if (mm)
		return mm;
	if (shk_is_kthread(task))
		return ERR_PTR(-EOPNOTSUPP);
	rcu_read_lock();
	if (shk_process_living(task))
		err = -EAGAIN;
	rcu_read_unlock();
	return ERR_PTR(err);
}

/* What may be done to a process, see shadow.h. */
struct change {
	struct shk_shadow *shadow;
	bool delegated; /* by no more than the handle of a delegable shadow, which binds its caller */
	bool comes;	/* into a shadow, where it may not have been in one */
	shk_ask_threads ask;
	struct task_struct *task;
	struct mm_struct *mm;
	struct shk_left left;
	pid_t *busy;
};

static int attach(struct change *c)
{
	if (shk_cgroup_forbids(c->task, c->shadow))
		return -EBUSY;
	return shk_graft_attach(c->shadow, c->mm, c->delegated, &c->left, c->busy);
}

static int detach(struct change *c)
{
	if (shk_cgroup_forbids(c->task, NULL))
		return -EBUSY;
	return shk_graft_detach(c->mm, c->shadow, c->delegated, &c->left, c->busy);
}

static int enter(struct change *c)
{
	return shk_graft_enter(c->shadow, c->mm, c->delegated, &c->left, c->busy);
}

static int enter_thread(struct change *c)
{
	bool asked = c->shadow->asks_threads;
	int ret;

	c->ask(c->shadow, true);
	ret = shk_graft_enter_thread(c->shadow, c->mm, c->delegated, &c->left, c->busy);
	if (ret)
		c->ask(c->shadow, asked);
	return ret;
}

static int leave(struct change *c)
{
	return shk_graft_return(c->mm, c->shadow, &c->left, c->busy);
}

/* Binding others is for CAP_SYS_ADMIN, whose lack is no news until it is missed. */
static bool binds_by_handle(void)
{
	return !ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/* Of the very task that is changed: a pid may be another's by the next look. */
static bool may_bind(const struct change *c)
{
	if (!c->delegated)
		return true;
	if (c->shadow && c->shadow->flags & SHK_DELEGABLE && !IS_ERR(c->task) &&
	    same_thread_group(c->task, current))
		return true;
	return capable(CAP_SYS_ADMIN);
}

/*
 * With the process's cred_guard_mutex held, so that no exec changes its mm: either it has
 * done so, or it sees what is done now (take_into_use()).
 */
static int change_guarded(struct change *c, int (*fn)(struct change *c))
{
	int ret = shk_config_lock_killable();

	if (ret)
		return ret;
	ret = fn(c);
	mutex_unlock(&shk_config_lock);
	/* It forks, or executes. */
	if (ret == -EAGAIN && !*c->busy)
		*c->busy = shk_busy_pid(c->task);
	return ret;
}

static int change_task(struct change *c, int (*fn)(struct change *c))
{
	struct mutex *guard;
	int ret;

	*c->busy = 0;
	if (!may_bind(c))
		return -EPERM;
	if (IS_ERR(c->task))
		return PTR_ERR(c->task);
	c->mm = mm_of(c->task);
	if (IS_ERR(c->mm))
		return PTR_ERR(c->mm);
	/* It may be waited for, so it comes before any lock. */
	ret = c->comes ? shk_graft_spare(c->mm, true, &c->left) : 0;
	if (ret)
		goto put;
	guard = &c->task->signal->cred_guard_mutex;
	ret = -ERESTARTSYS;
	if (mutex_lock_interruptible(guard))
		goto put;
	/* exec may have changed it meanwhile. */
	ret = READ_ONCE(c->task->mm) == c->mm ? change_guarded(c, fn) : -EAGAIN;
	mutex_unlock(guard);
put:
	shk_left_put(&c->left);
	mmput(c->mm);
	return ret;
}

static int try_change(struct change *c, pid_t pid, int (*fn)(struct change *c))
{
	int ret;

	c->left = (struct shk_left){};
	c->task = task_of(pid);
	ret = change_task(c, fn);
	if (!IS_ERR(c->task))
		put_task_struct(c->task);
	return ret;
}

/*
 * While somebody is in the way nothing is held that it may be waiting for: exec is,
 * and takes cred_guard_mutex.
 */
static int change(struct change *c, pid_t pid, int (*fn)(struct change *c))
{
	unsigned long until = 0;
	int ret;

	do {
		ret = try_change(c, pid, fn);
		if (ret != -EAGAIN)
			return ret;
		ret = shk_still_wait(&until);
	} while (!ret);
	return ret;
}

int shk_process_attach(struct shk_shadow *shadow, pid_t pid, pid_t *busy)
{
	struct change c = {
		.shadow = shadow, .delegated = binds_by_handle(), .comes = true, .busy = busy
	};

	return change(&c, pid, attach);
}

int shk_process_enter(struct shk_shadow *shadow, shk_ask_threads ask, pid_t *busy)
{
	struct change c = { .shadow = shadow,
			    .delegated = binds_by_handle(),
			    .comes = true,
			    .ask = ask,
			    .busy = busy };

	return change(&c, 0, ask ? enter_thread : enter);
}

/* Whoever could begin the stretch may end it. */
int shk_process_leave(struct shk_shadow *from, pid_t *busy)
{
	struct change c = { .shadow = from, .busy = busy };

	return change(&c, 0, leave);
}

int shk_process_detach(struct shk_shadow *from, pid_t pid, pid_t *busy)
{
	struct change c = { .shadow = from, .delegated = binds_by_handle(), .busy = busy };

	return change(&c, pid, detach);
}

/* With a reference, if the caller may know. -EPERM, and as mm_of(). */
static struct mm_struct *visible_mm(pid_t pid)
{
	struct task_struct *task = task_of(pid);
	bool allowed = (!IS_ERR(task) && same_thread_group(task, current)) ||
		       capable(CAP_SYS_ADMIN);
	struct mm_struct *mm;

	if (IS_ERR(task))
		return ERR_PTR(allowed ? PTR_ERR(task) : -EPERM);
	mm = allowed ? mm_of(task) : ERR_PTR(-EPERM);
	put_task_struct(task);
	return mm;
}

int shk_process_info(struct shk_process_info *info)
{
	struct shk_shadow *shadow;
	struct mm_struct *mm;
	int ret;

	do {
		cond_resched();
		mm = visible_mm(info->pid);
	} while (mm == ERR_PTR(-EAGAIN) && !signal_pending(current));
	if (mm == ERR_PTR(-EAGAIN))
		return -ERESTARTSYS;
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	shadow = shk_graft_shadow(mm);
	mmput(mm);
	if (!shadow)
		return -ENOENT;
	info->shadow = shadow->id;
	ret = shk_config_lock_killable();
	if (ret)
		goto put;
	strscpy(info->name, shadow->name, sizeof(info->name));
	mutex_unlock(&shk_config_lock);
put:
	shk_shadow_put(shadow);
	return ret;
}

/* The process whose mm it is: some thread group leader that runs in it. */
static struct task_struct *owner_of(struct mm_struct *mm)
{
	struct task_struct *task, *found = NULL;

	rcu_read_lock();
	for_each_process (task) {
		struct task_struct *thread;

		/* The leader may be a zombie while its threads live on. */
		for_each_thread (task, thread) {
			if (READ_ONCE(thread->mm) == mm && !shk_is_kthread(thread)) {
				found = task;
				break;
			}
		}
		if (found)
			break;
	}
	if (found)
		get_task_struct(found);
	rcu_read_unlock();
	return found;
}

int shk_process_next(struct shk_shadow *shadow, struct shk_process_next *next)
{
	struct mm_struct *mm = shk_graft_next(shadow, &next->cursor);
	struct task_struct *task;

	if (!mm)
		return -ENOENT;
	next->pid = 0;
	memset(next->comm, 0, sizeof(next->comm));
	task = owner_of(mm);
	mmput(mm);
	if (task) {
		next->pid = task_tgid_nr_ns(task, task_active_pid_ns(current));
		get_task_comm(next->comm, task);
		put_task_struct(task);
	}
	return 0;
}
