// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "graft/attach.h"
#include "graft/enter.h"
#include "graft/graft.h"
#include "graft/stack_check.h"
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
static struct task_struct *process_find_task(pid_t pid)
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
static struct task_struct *process_get_task(pid_t pid)
{
	struct task_struct *task = process_find_task(pid), *living;

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
static struct mm_struct *process_get_mm(struct task_struct *task)
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

/* What may be done to a process, see uapi/linux/shadowk.h. */
struct process_change {
	struct shk_change text;
	struct shk_shadow *shadow;
	bool delegated; /* by no more than the handle of a delegable shadow, which binds its caller */
	bool comes;	/* into @shadow, where it may not have been in one */
	shk_ask_threads ask;
	struct task_struct *task;
	bool own; /* it is of current's process */
};

/* -EBUSY: its cgroup says where it is to be. */
static int process_may_attach(const struct shk_change *change, const struct shk_graft *graft)
{
	const struct process_change *c = container_of(change, struct process_change, text);

	return shk_cgroup_forbids(c->task, c->shadow) ? -EBUSY : 0;
}

static int process_may_detach(const struct shk_change *change, const struct shk_graft *graft)
{
	const struct process_change *c = container_of(change, struct process_change, text);

	return shk_cgroup_forbids(c->task, NULL) ? -EBUSY : 0;
}

static int process_attach(struct process_change *c)
{
	c->text.check = process_may_attach;
	return shk_graft_attach(c->shadow, c->delegated, &c->text);
}

static int process_enter(struct process_change *c)
{
	return shk_graft_enter(c->shadow, c->delegated, &c->text);
}

static int process_enter_thread(struct process_change *c)
{
	bool asked = c->shadow->asks_threads;
	int ret;

	c->ask(c->shadow, true);
	ret = shk_graft_enter_thread(c->shadow, c->delegated, &c->text);
	if (ret)
		c->ask(c->shadow, asked);
	return ret;
}

static int process_detach(struct process_change *c)
{
	c->text.check = process_may_detach;
	return shk_graft_detach(c->shadow, c->delegated, &c->text);
}

static int process_leave(struct process_change *c)
{
	return shk_graft_return(c->shadow, &c->text);
}

/* Binding others is for CAP_SYS_ADMIN, whose lack is no news until it is missed. */
static bool binds_by_handle(void)
{
	return !ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/* Of the very task that is changed: a pid may be another's by the next look. */
static bool may_bind(const struct process_change *c)
{
	if (!c->delegated)
		return true;
	if (c->shadow && c->shadow->flags & SHK_DELEGABLE && !IS_ERR(c->task) &&
	    same_thread_group(c->task, current))
		return true;
	return capable(CAP_SYS_ADMIN);
}

/*
 * The process's cred_guard_mutex, so that no exec changes its mm: either it has done so, or it sees
 * what is done now (inherit_exec_mm()). Exec holds it for as long as a tracer or a file system likes,
 * so that of others is tried until @until; an exec of current's process kills current. -EBUSY,
 * -ERESTARTSYS.
 */
static int process_lock_cred_guard(const struct process_change *c, unsigned long *until)
{
	struct mutex *guard = &c->task->signal->cred_guard_mutex;

	if (c->own)
		return mutex_lock_interruptible(guard) ? -ERESTARTSYS : 0;
	while (!mutex_trylock(guard)) {
		*until = *until ?: shk_busy_task_deadline();
		if (time_after(jiffies, *until))
			return -EBUSY;
		schedule_timeout_interruptible(1);
		if (signal_pending(current))
			return -ERESTARTSYS;
	}
	return 0;
}

/* What process_change_locked() returns: somebody changes the shadow, who is to be waited for unguarded. */
#define SHADOW_IS_BUSY (-EDEADLK)

/* Only its own process is kept waiting for whoever changes the shadow. */
static int process_lock_shadow(const struct process_change *c)
{
	if (c->own)
		return shk_shadow_lock(c->shadow);
	return shk_shadow_trylock(c->shadow) ? 0 : SHADOW_IS_BUSY;
}

static int process_change_locked(struct process_change *c, int (*fn)(struct process_change *c))
{
	int ret;

	/* Where it leaves need not be locked. */
	if (!c->comes)
		return fn(c);
	ret = process_lock_shadow(c);
	if (ret)
		return ret;
	ret = fn(c);
	shk_shadow_unlock(c->shadow);
	return ret;
}

static int process_change_guarded(struct process_change *c, int (*fn)(struct process_change *c))
{
	/* exec may have changed it meanwhile. */
	int ret = READ_ONCE(c->task->mm) == c->text.mm ? process_change_locked(c, fn) : -EAGAIN;

	/* It forks, or executes. */
	if (ret == -EAGAIN && !c->text.busy)
		c->text.busy = shk_busy_pid(c->task);
	return ret;
}

static int process_change_task(struct process_change *c, int (*fn)(struct process_change *c),
			       unsigned long *until)
{
	int ret;

	if (!may_bind(c))
		return -EPERM;
	if (IS_ERR(c->task))
		return PTR_ERR(c->task);
	c->text.mm = process_get_mm(c->task);
	if (IS_ERR(c->text.mm))
		return PTR_ERR(c->text.mm);
	/* It may be waited for, so it comes before any lock. */
	ret = c->comes ? shk_graft_prealloc(c->text.mm, true, &c->text.deferred) : 0;
	if (ret)
		goto put;
	c->own = same_thread_group(c->task, current);
	ret = process_lock_cred_guard(c, until);
	if (ret == -EBUSY)
		c->text.busy = shk_busy_pid(c->task);
	if (ret)
		goto put;
	ret = process_change_guarded(c, fn);
	mutex_unlock(&c->task->signal->cred_guard_mutex);
put:
	shk_deferred_put_run(&c->text.deferred);
	mmput(c->text.mm);
	return ret;
}

static int process_try_change(struct process_change *c, pid_t pid,
			      int (*fn)(struct process_change *c), unsigned long *until)
{
	int ret;

	c->text = (struct shk_change){};
	c->task = process_get_task(pid);
	ret = process_change_task(c, fn, until);
	if (!IS_ERR(c->task))
		put_task_struct(c->task);
	return ret;
}

/*
 * While somebody is in the way nothing is held that it may be waiting for: exec is,
 * and takes cred_guard_mutex. @busy: who that was all the time, with -EBUSY.
 */
static int process_change_pid(struct process_change *c, pid_t pid,
			      int (*fn)(struct process_change *c), pid_t *busy)
{
	unsigned long until = 0;
	int ret;

	do {
		ret = process_try_change(c, pid, fn, &until);
		*busy = c->text.busy;
		if (ret == SHADOW_IS_BUSY)
			ret = shk_shadow_wait_both(c->shadow, NULL);
		else if (ret == -EAGAIN)
			ret = shk_busy_task_wait(&until);
		else
			return ret;
	} while (!ret);
	return ret;
}

int shk_process_attach(struct shk_shadow *shadow, pid_t pid, pid_t *busy)
{
	struct process_change c = { .shadow = shadow,
				    .delegated = binds_by_handle(),
				    .comes = true };

	return process_change_pid(&c, pid, process_attach, busy);
}

int shk_process_enter(struct shk_shadow *shadow, shk_ask_threads ask, pid_t *busy)
{
	struct process_change c = {
		.shadow = shadow, .delegated = binds_by_handle(), .comes = true, .ask = ask
	};

	return process_change_pid(&c, 0, ask ? process_enter_thread : process_enter, busy);
}

/* Whoever could begin the stretch may end it. */
int shk_process_leave(struct shk_shadow *from, pid_t *busy)
{
	struct process_change c = { .shadow = from };

	return process_change_pid(&c, 0, process_leave, busy);
}

int shk_process_detach(struct shk_shadow *from, pid_t pid, pid_t *busy)
{
	struct process_change c = { .shadow = from, .delegated = binds_by_handle() };

	return process_change_pid(&c, pid, process_detach, busy);
}

/* With a reference, if the caller may know. -EPERM, and as process_get_mm(). */
static struct mm_struct *process_get_visible_mm(pid_t pid)
{
	struct task_struct *task = process_get_task(pid);
	bool allowed = (!IS_ERR(task) && same_thread_group(task, current)) ||
		       capable(CAP_SYS_ADMIN);
	struct mm_struct *mm;

	if (IS_ERR(task))
		return ERR_PTR(allowed ? PTR_ERR(task) : -EPERM);
	mm = allowed ? process_get_mm(task) : ERR_PTR(-EPERM);
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
		mm = process_get_visible_mm(info->pid);
	} while (mm == ERR_PTR(-EAGAIN) && !signal_pending(current));
	if (mm == ERR_PTR(-EAGAIN))
		return -ERESTARTSYS;
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	shadow = shk_graft_get_shadow(mm);
	mmput(mm);
	if (!shadow)
		return -ENOENT;
	info->shadow = shadow->id;
	ret = shk_shadow_name(shadow, info->name);
	shk_shadow_put(shadow);
	return ret;
}

/* The process whose mm it is: some thread group leader that runs in it. */
static struct task_struct *process_owner_of(struct mm_struct *mm)
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
	task = process_owner_of(mm);
	mmput(mm);
	if (task) {
		next->pid = task_tgid_nr_ns(task, task_active_pid_ns(current));
		get_task_comm(next->comm, task);
		put_task_struct(task);
	}
	return 0;
}
