// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "scope/cgroup.h"
#include "scope/process.h"

/* With a reference (put_task_struct). */
static struct task_struct *task_of(pid_t pid)
{
	struct task_struct *task;

	if (pid < 0)
		return ERR_PTR(-ESRCH);
	if (pid) {
		struct pid *ref = find_get_pid(pid);

		task = get_pid_task(ref, PIDTYPE_PID);
		put_pid(ref);
	} else {
		task = get_task_struct(current);
	}
	return task ?: ERR_PTR(-ESRCH);
}

/* The mm that @task runs in, with a reference (mmput). */
static struct mm_struct *mm_of(struct task_struct *task)
{
	/* NULL of a kernel thread, even one that borrows an mm. */
	struct mm_struct *mm = get_task_mm(task);

	if (mm)
		return mm;
	return ERR_PTR(shk_is_kthread(task) ? -EOPNOTSUPP : -ESRCH);
}

/*
 * As mm_of(), and no exec of that process's changes it until unbind(): either
 * it has done so, or it sees what is done now (shk_graft_exec()).
 */
static struct mm_struct *bind(pid_t pid, struct task_struct **task)
{
	struct mm_struct *mm;

	*task = task_of(pid);
	if (IS_ERR(*task))
		return ERR_CAST(*task);
	if (mutex_lock_interruptible(&(*task)->signal->cred_guard_mutex)) {
		put_task_struct(*task);
		return ERR_PTR(-ERESTARTSYS);
	}
	mm = mm_of(*task);
	if (IS_ERR(mm)) {
		mutex_unlock(&(*task)->signal->cred_guard_mutex);
		put_task_struct(*task);
	}
	return mm;
}

static void unbind(struct task_struct *task, struct mm_struct *mm)
{
	mutex_unlock(&task->signal->cred_guard_mutex);
	put_task_struct(task);
	mmput(mm);
}

static bool is_self(pid_t pid)
{
	struct task_struct *task;
	bool self;

	if (pid <= 0)
		return !pid;
	rcu_read_lock();
	task = pid_task(find_vpid(pid), PIDTYPE_PID);
	self = task && same_thread_group(task, current);
	rcu_read_unlock();
	return self;
}

/*
 * Binding others is for CAP_SYS_ADMIN. Who has no more than the handle of a
 * delegable shadow binds itself; @delegated says so.
 */
static int may_bind(const struct shk_shadow *shadow, pid_t pid, bool *delegated)
{
	*delegated = !capable(CAP_SYS_ADMIN);
	if (!*delegated || (shadow && shadow->flags & SHK_DELEGABLE && is_self(pid)))
		return 0;
	return -EPERM;
}

/* What may be done to a process, see shadow.h. */
struct change {
	struct shk_shadow *shadow;
	bool delegated;
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
	return shk_graft_detach(c->mm, c->shadow, c->delegated, c->busy);
}

static int enter(struct change *c)
{
	return shk_graft_enter(c->shadow, c->mm, c->delegated, &c->left, c->busy);
}

static int enter_thread(struct change *c)
{
	return shk_graft_enter_thread(c->shadow, c->mm, c->delegated, &c->left, c->busy);
}

static int leave(struct change *c)
{
	return shk_graft_return(c->mm, c->shadow, &c->left, c->busy);
}

static int try_change(struct change *c, pid_t pid, int (*fn)(struct change *c))
{
	int ret;

	c->left = (struct shk_left){};
	c->mm = bind(pid, &c->task);
	if (IS_ERR(c->mm))
		return PTR_ERR(c->mm);
	*c->busy = 0;
	mutex_lock(&shk_config_lock);
	ret = fn(c);
	mutex_unlock(&shk_config_lock);
	shk_left_put(&c->left);
	unbind(c->task, c->mm);
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
	struct change c = { .shadow = shadow, .busy = busy };
	int ret = may_bind(shadow, pid, &c.delegated);

	return ret ?: change(&c, pid, attach);
}

int shk_process_enter(struct shk_shadow *shadow, bool thread, pid_t *busy)
{
	struct change c = { .shadow = shadow, .busy = busy };
	int ret = may_bind(shadow, 0, &c.delegated);

	return ret ?: change(&c, 0, thread ? enter_thread : enter);
}

/* Whoever could begin the stretch may end it. */
int shk_process_leave(struct shk_shadow *from, pid_t *busy)
{
	struct change c = { .shadow = from, .busy = busy };

	return change(&c, 0, leave);
}

int shk_process_detach(struct shk_shadow *from, pid_t pid, pid_t *busy)
{
	struct change c = { .shadow = from, .busy = busy };
	int ret = may_bind(from, pid, &c.delegated);

	return ret ?: change(&c, pid, detach);
}

int shk_process_info(struct shk_process_info *info)
{
	struct shk_shadow *shadow;
	struct task_struct *task;
	struct mm_struct *mm;

	if (!is_self(info->pid) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	task = task_of(info->pid);
	if (IS_ERR(task))
		return PTR_ERR(task);
	mm = mm_of(task);
	put_task_struct(task);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	shadow = shk_graft_shadow(mm);
	mmput(mm);
	if (!shadow)
		return -ENOENT;
	info->shadow = shadow->id;
	mutex_lock(&shk_config_lock);
	strscpy(info->name, shadow->name, sizeof(info->name));
	mutex_unlock(&shk_config_lock);
	shk_shadow_put(shadow);
	return 0;
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
