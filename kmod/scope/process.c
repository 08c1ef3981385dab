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

/*
 * The process that SHK_PROCESS_SELF or @pidfd names. Takes a reference (put_pid()). Errors:
 * NOT_PIDFD, -EINVAL.
 */
static struct pid *process_pid_get(u32 flags, int pidfd)
{
	struct file *file;
	struct pid *pid;

	if (flags & SHK_PROCESS_SELF)
		return pidfd ? ERR_PTR(-EINVAL) : get_task_pid(current, PIDTYPE_PID);
	file = fget(pidfd);
	if (!file)
		return ERR_PTR(SHK_E(NOT_PIDFD));
	pid = shk_call(pidfd_pid)(file);
	pid = IS_ERR(pid) ? ERR_PTR(SHK_E(NOT_PIDFD)) : get_pid(pid);
	fput(file);
	return pid;
}

/*
 * The task that has @pid, or another thread of its process if that task has exited and others have
 * not. Takes a reference (put_task_struct()). Errors: PROCESS_EXITED.
 */
static struct task_struct *process_task_get(struct pid *pid)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID), *living;

	if (!task)
		return ERR_PTR(SHK_E(PROCESS_EXITED));
	if (READ_ONCE(task->mm))
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
	int err = SHK_E(PROCESS_EXITED);

	if (mm)
		return mm;
	if (shk_is_kthread(task))
		return ERR_PTR(SHK_E(KERNEL_THREAD));
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
	bool granted; /* the handle was derived with SHK_RIGHT_ATTACH */
	bool delegated; /* the caller lacks CAP_SYS_ADMIN, so it needs @granted and may change itself only */
	bool comes; /* into @shadow, where it may not have been in one */
	shk_ask_threads ask;
	struct task_struct *task;
	bool own; /* it is of current's process */
};

/* -EBUSY: its cgroup says where it is to be. */
static int process_may_attach(const struct shk_change *change, const struct shk_graft *graft)
{
	const struct process_change *c = container_of(change, struct process_change, text);

	return shk_cgroup_forbids(c->task, c->shadow) ? SHK_E(BOUND_BY_CGROUP) : 0;
}

static int process_may_detach(const struct shk_change *change, const struct shk_graft *graft)
{
	const struct process_change *c = container_of(change, struct process_change, text);

	return shk_cgroup_forbids(c->task, NULL) ? SHK_E(BOUND_BY_CGROUP) : 0;
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
	if (c->granted && !IS_ERR(c->task) && same_thread_group(c->task, current))
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
			return SHK_E(TASK_BUSY);
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
		return SHK_E(CAPABILITY);
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
	if (ret == SHK_E(TASK_BUSY))
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

static int process_try_change(struct process_change *c, struct pid *pid,
			      int (*fn)(struct process_change *c), unsigned long *until)
{
	int ret;

	c->text = (struct shk_change){};
	c->task = process_task_get(pid);
	ret = process_change_task(c, fn, until);
	if (!IS_ERR(c->task))
		put_task_struct(c->task);
	return ret;
}

/*
 * While somebody is in the way nothing is held that it may be waiting for: exec is,
 * and takes cred_guard_mutex. @busy: who that was all the time, with -EBUSY.
 */
static int process_change_pid(struct process_change *c, struct pid *pid,
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

static int change_process(struct process_change *c, struct shk_process *arg,
			  int (*fn)(struct process_change *c))
{
	struct pid *pid;
	int ret;

	if (arg->flags & ~SHK_PROCESS_SELF || arg->reserved)
		return -EINVAL;
	pid = process_pid_get(arg->flags, arg->pidfd);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	ret = process_change_pid(c, pid, fn, &arg->busy);
	put_pid(pid);
	return ret;
}

static int change_self(struct process_change *c, int (*fn)(struct process_change *c), pid_t *busy)
{
	return process_change_pid(c, task_pid(current), fn, busy);
}

int shk_process_attach(struct shk_shadow *shadow, bool granted, struct shk_process *arg)
{
	struct process_change c = {
		.shadow = shadow,
		.granted = granted,
		.delegated = binds_by_handle(),
		.comes = true,
	};

	return change_process(&c, arg, process_attach);
}

int shk_process_enter(struct shk_shadow *shadow, bool granted, shk_ask_threads ask, pid_t *busy)
{
	struct process_change c = {
		.shadow = shadow,
		.granted = granted,
		.delegated = binds_by_handle(),
		.comes = true,
		.ask = ask,
	};

	return change_self(&c, ask ? process_enter_thread : process_enter, busy);
}

/* Whoever could begin the stretch may end it. */
int shk_process_leave(struct shk_shadow *from, pid_t *busy)
{
	struct process_change c = { .shadow = from };

	return change_self(&c, process_leave, busy);
}

int shk_process_detach(struct shk_shadow *from, bool granted, struct shk_process *arg)
{
	struct process_change c = { .shadow = from,
				    .granted = granted,
				    .delegated = binds_by_handle() };

	return change_process(&c, arg, process_detach);
}

/* With a reference, if the caller may know. -EPERM, and as process_get_mm(). */
static struct mm_struct *process_get_visible_mm(struct pid *pid)
{
	struct task_struct *task = process_task_get(pid);
	bool allowed = (!IS_ERR(task) && same_thread_group(task, current)) ||
		       capable(CAP_SYS_ADMIN);
	struct mm_struct *mm;

	if (IS_ERR(task))
		return ERR_PTR(allowed ? PTR_ERR(task) : SHK_E(CAPABILITY));
	mm = allowed ? process_get_mm(task) : ERR_PTR(SHK_E(CAPABILITY));
	put_task_struct(task);
	return mm;
}

int shk_process_info(struct shk_process_info *info)
{
	struct shk_shadow *shadow;
	struct mm_struct *mm;
	struct pid *pid;
	int ret;

	if (info->flags & ~SHK_PROCESS_SELF || info->reserved)
		return -EINVAL;
	pid = process_pid_get(info->flags, info->pidfd);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	do {
		cond_resched();
		mm = process_get_visible_mm(pid);
	} while (mm == ERR_PTR(-EAGAIN) && !signal_pending(current));
	put_pid(pid);
	if (mm == ERR_PTR(-EAGAIN))
		return -ERESTARTSYS;
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	shadow = shk_graft_get_shadow(mm);
	mmput(mm);
	if (!shadow)
		return SHK_E(NOT_INSIDE);
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

int shk_process_next(struct shk_shadow *shadow, u64 *cursor, struct shk_process_entry *next)
{
	struct mm_struct *mm = shk_graft_next(shadow, cursor);
	struct task_struct *task;

	if (!mm)
		return -ENOENT;
	task = process_owner_of(mm);
	mmput(mm);
	if (task) {
		next->pid = task_tgid_nr_ns(task, task_active_pid_ns(current));
		get_task_comm(next->comm, task);
		put_task_struct(task);
	}
	return 0;
}
