// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach, detach, enter and leave of one process, in these steps:
 *
 *   process_pid_get()			the struct pid that the caller means
 *   process_task_get(), _get_mm()	a living thread of it, and its mm
 *   may_bind()			permission
 *   shk_graft_prealloc()		memory, which may wait for the mm's mmap_lock
 *   process_lock_cred_guard()		keeps exec from changing the mm
 *   process_lock_shadow()		the shadow that the process comes into
 *   shk_graft_attach() and others	the change, which calls .check() with shk_graft_lock held
 *
 * If a task is in the way, all of this is undone, so that the task can go on. After a pause it
 * begins again from the struct pid.
 */
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
 * Returns the pid of the process that @flags and @pidfd name, with a reference (put_pid()):
 * current's for SHK_PROCESS_SELF, else that of @pidfd. Returns an ERR_PTR() of NOT_PIDFD, or of
 * -EINVAL: SHK_PROCESS_SELF with a @pidfd.
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
 * Returns the task that has @pid, with a reference (put_task_struct()). If that task has exited and
 * other threads of its process live, returns one of these instead. Returns an ERR_PTR() of
 * PROCESS_EXITED if no task has @pid.
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
 * Returns the mm that @task runs in, with a reference (mmput()). Returns an ERR_PTR() of
 * KERNEL_THREAD; PROCESS_EXITED; or -EAGAIN: @task has just exited, and other threads of its
 * process have not, so the caller looks for another thread. Does not sleep.
 */
static struct mm_struct *process_get_mm(struct task_struct *task)
{
	/* NULL for a kernel thread, also while it uses a process's mm. */
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

/* One attach, detach, enter or leave. Each try sets .text, .task and .is_current again. */
struct process_change {
	struct shk_change text;
	struct shk_shadow *shadow; /* attach, enter: to it; detach, leave: from it, NULL for any */
	bool granted;		   /* the caller's handle was derived with SHK_RIGHT_ATTACH */
	bool delegated;		   /* no CAP_SYS_ADMIN: .granted is needed, for the own process */
	bool comes;		   /* attach, enter: .shadow is to be locked, a graft needed */
	shk_ask_threads ask;	   /* SHK_THREAD; else NULL */
	struct task_struct *task;  /* a thread of the process, or an ERR_PTR() */
	bool is_current;	   /* the process is current's */
};

/*
 * Returns CAPTURED_TOOL if the process may not leave a helper (edit/capture.h): it is in a helper
 * other than @to, or is to be attached to one after its exec. Outside, what it arms would act on
 * all processes. Otherwise returns 0. @to: the shadow to which it moves; NULL: the base. @graft:
 * the graft of @c's mm; NULL: the mm is outside. shk_graft_lock is held.
 */
static int process_check_helper(const struct process_change *c, const struct shk_graft *graft,
				const struct shk_shadow *to)
{
	const struct shk_pending_attach *pending = graft ? NULL
							 : shk_pending_attach_find(c->text.mm);
	const struct shk_shadow *from = graft ? graft->shadow : pending ? pending->shadow : NULL;

	return from && from != to && shk_shadow_is_helper(from) ? SHK_E(CAPTURED_TOOL) : 0;
}

/*
 * Returns 0 if the process may move to the shadow of @change. Callback shk_change.check. @graft:
 * the graft of its mm; NULL: the mm is outside. shk_graft_lock is held. Returns CAPTURED_TOOL: it
 * is in another helper; or BOUND_BY_CGROUP: a cgroup's binding wants it elsewhere. Bindings do not
 * prevent a move to a helper.
 */
static int process_may_attach(const struct shk_change *change, const struct shk_graft *graft)
{
	const struct process_change *c = container_of(change, struct process_change, text);
	int ret = process_check_helper(c, graft, c->shadow);

	if (ret || shk_shadow_is_helper(c->shadow))
		return ret;
	return shk_cgroup_forbids(c->task, c->shadow) ? SHK_E(BOUND_BY_CGROUP) : 0;
}

/*
 * Returns 0 if the process may move to the base. Callback shk_change.check. @graft: the graft of
 * its mm; NULL: the mm is outside. shk_graft_lock is held. Returns CAPTURED_TOOL: it is in a
 * helper; or BOUND_BY_CGROUP: a cgroup's binding wants it in a shadow.
 */
static int process_may_detach(const struct shk_change *change, const struct shk_graft *graft)
{
	const struct process_change *c = container_of(change, struct process_change, text);
	int ret = process_check_helper(c, graft, NULL);

	return ret ?: shk_cgroup_forbids(c->task, NULL) ? SHK_E(BOUND_BY_CGROUP) : 0;
}

/*
 * The next five functions are callbacks of process_change_task(), whose comment lists the locks
 * that are held. Each tries once to change the text of the process.
 */

/* Attaches the process to @c->shadow. Sleeps. Returns 0 or an error of shk_graft_attach(). */
static int process_attach(struct process_change *c)
{
	c->text.check = process_may_attach;
	return shk_graft_attach(c->shadow, c->delegated, &c->text);
}

/*
 * Begins a stretch of the process in @c->shadow. Sleeps. Returns 0 or an error of
 * shk_graft_enter().
 */
static int process_enter(struct process_change *c)
{
	return shk_graft_enter(c->shadow, c->delegated, &c->text);
}

/*
 * Begins a SHK_THREAD stretch of current: while such stretches last, edits of the shadow act only
 * on threads that are in one. First lets each patched function of the shadow test, at each call,
 * which thread calls it (@c->ask); after an error restores the old state of that. The shadow's lock
 * is held; sleeps. Returns 0 or an error of shk_graft_enter_thread().
 */
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

/*
 * Detaches the process from @c->shadow; NULL: from any shadow. Sleeps. Returns 0 or an error of
 * shk_graft_detach().
 */
static int process_detach(struct process_change *c)
{
	c->text.check = process_may_detach;
	return shk_graft_detach(c->shadow, c->delegated, &c->text);
}

/*
 * Ends the innermost stretch of the process, which must be in @c->shadow. Sleeps. Returns 0 or an
 * error of shk_graft_return().
 */
static int process_leave(struct process_change *c)
{
	return shk_graft_return(c->shadow, &c->text);
}

/*
 * Returns true if the caller has no CAP_SYS_ADMIN. The lack is not audited here, since the right of
 * the handle may suffice: may_bind() decides that.
 */
static bool binds_by_handle(void)
{
	return !ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/*
 * Returns 0 if the caller may attach or detach the process of @c->task; CAPABILITY: CAP_SYS_ADMIN
 * is missing; RIGHTS: the handle permits this for the caller's own process only. A missing
 * CAP_SYS_ADMIN is audited if it is needed. The check is made on the task that is then changed,
 * since a second look-up of the pid might find another task.
 */
static int may_bind(const struct process_change *c)
{
	bool is_current = !IS_ERR(c->task) && same_thread_group(c->task, current);

	/* A derived handle permits root what it permits other callers. */
	if (c->granted)
		return is_current ? 0 : SHK_E(RIGHTS);
	return !c->delegated || capable(CAP_SYS_ADMIN) ? 0 : SHK_E(CAPABILITY);
}

/*
 * Takes the cred_guard_mutex of @c's process, so that no exec changes its mm. An exec that has
 * begun before has taken its new mm into use, or has yet to call inherit_exec_mm(): that function
 * sees the change which the caller makes.
 *
 * An exec holds the mutex for as long as a tracer or a file system likes. So this function tries to
 * take the mutex of another process until the time *@until (jiffies). If *@until is 0, it first
 * sets it to the end of such a wait. Current's own mutex is waited for, since an exec of its
 * process kills current. Sleeps. Returns 0; TASK_BUSY: *@until has passed; -ERESTARTSYS: a signal
 * came.
 */
static int process_lock_cred_guard(const struct process_change *c, unsigned long *until)
{
	struct mutex *guard = &c->task->signal->cred_guard_mutex;

	if (c->is_current)
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

/*
 * process_lock_shadow() returns this if another caller holds the shadow's lock. The caller then
 * releases the other process's cred_guard_mutex, and waits for the shadow's lock without it.
 */
#define SHADOW_IS_BUSY (-EDEADLK)

/*
 * Takes the lock of @c->shadow. The process's cred_guard_mutex is held. Waits for the lock only if
 * the process is current's. In another process, an exec would wait meanwhile for its
 * cred_guard_mutex. Returns 0; SHADOW_IS_BUSY: another task holds the lock;
 * -ERESTARTSYS: the caller was killed.
 */
static int process_lock_shadow(const struct process_change *c)
{
	if (c->is_current)
		return shk_shadow_lock(c->shadow);
	return shk_shadow_trylock(c->shadow) ? 0 : SHADOW_IS_BUSY;
}

/*
 * Calls @fn, which changes the text of the process. If the process comes into @c->shadow
 * (@c->comes), takes that shadow's lock for the call. The process's cred_guard_mutex is held;
 * sleeps. Returns 0 or an error of process_lock_shadow() or @fn.
 */
static int process_change_locked(struct process_change *c, int (*fn)(struct process_change *c))
{
	int ret;

	/* The shadow that the process leaves need not be locked. */
	if (!c->comes)
		return fn(c);
	ret = process_lock_shadow(c);
	if (ret)
		return ret;
	ret = fn(c);
	shk_shadow_unlock(c->shadow);
	return ret;
}

/*
 * Calls @fn, which changes the text of the process, if @c->task still has the mm @c->text.mm. If
 * the process comes into @c->shadow, takes that shadow's lock for the call. The process's
 * cred_guard_mutex is held. Returns 0; -EAGAIN: thread @c->text.busy is in the way; other errors of
 * process_change_locked().
 */
static int process_change_guarded(struct process_change *c, int (*fn)(struct process_change *c))
{
	/* exec may have changed the mm before the mutex was taken. */
	int ret = READ_ONCE(c->task->mm) == c->text.mm ? process_change_locked(c, fn) : -EAGAIN;

	if (ret == -EAGAIN && !c->text.busy)
		c->text.busy = shk_busy_pid(c->task);
	return ret;
}

/*
 * Checks the permission to change the process of @c->task, and calls @fn, which changes its text.
 * @fn is called with the process's cred_guard_mutex held, and with the lock of @c->shadow if the
 * process comes into that shadow. *@until: the time (jiffies) at which this and later tries give
 * up; 0: it is set when another task first holds that mutex. Sleeps; called without locks.
 *
 * Returns 0; -EAGAIN or SHADOW_IS_BUSY: the caller waits and calls again; or another error of
 * may_bind(), process_get_mm(), shk_graft_prealloc(), process_lock_cred_guard() or @fn.
 */
static int process_change_task(struct process_change *c, int (*fn)(struct process_change *c),
			       unsigned long *until)
{
	int ret;

	ret = may_bind(c);
	if (ret)
		return ret;
	if (IS_ERR(c->task))
		return PTR_ERR(c->task);
	c->text.mm = process_get_mm(c->task);
	if (IS_ERR(c->text.mm))
		return PTR_ERR(c->text.mm);
	/* This may wait for the mm's mmap_lock, so it comes before all locks of this module. */
	ret = c->comes ? shk_graft_prealloc(c->text.mm, true, &c->text.deferred) : 0;
	if (ret)
		goto put;
	c->is_current = same_thread_group(c->task, current);
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

/*
 * Finds the task that has @pid, and calls process_change_task() with @fn for its process, once.
 * Returns the result of that. If no task has @pid, this is PROCESS_EXITED or an error of
 * may_bind(). Sleeps; called without locks.
 *
 * *@until: the time (jiffies) at which this and later tries give up (TASK_BUSY). The caller sets it
 * to 0 before the first try. process_lock_cred_guard() sets the time when it first meets another
 * holder of the process's cred_guard_mutex; the caller, when it waits for a busy task.
 */
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
 * Changes the text of the process of @pid by @fn (process_change_task()). Repeats that while a task
 * is in the way, three seconds at most. During a pause it holds nothing that the task may wait for,
 * such as cred_guard_mutex. Sleeps. Returns 0; TASK_BUSY: thread *@busy was in the way;
 * -ERESTARTSYS: a signal came; other errors of process_change_task().
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

/*
 * Changes the text of the process that @arg names, by @fn (process_change_task()). Sets @arg->busy.
 * Sleeps. Returns 0; -EINVAL: @arg is malformed; or an error of process_pid_get() or
 * process_change_pid().
 */
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

/*
 * Changes the text of current's process by @fn (process_change_task()); sets *@busy to the thread
 * in the way. Sleeps. Returns 0 or an error of process_change_pid().
 */
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

/*
 * Needs no capability, and no right of a handle: the process only returns to where it was before
 * the stretch.
 */
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

/*
 * Returns the mm of the process of @pid, with a reference (mmput()), if the caller may see it.
 * Returns an ERR_PTR() of CAPABILITY (the caller may not see it), PROCESS_EXITED, KERNEL_THREAD, or
 * -EAGAIN (a thread has just exited: the caller tries again).
 */
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

/*
 * Returns the thread-group leader of a process that has @mm, with a reference (put_task_struct()).
 * The leader may be a zombie while other threads live. Returns NULL if all threads with @mm have
 * exited.
 */
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
