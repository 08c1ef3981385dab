// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "scope/process.h"

/* The mm that @pid runs in, with a reference (mmput). */
static struct mm_struct *mm_of(pid_t pid)
{
	struct task_struct *task;
	struct mm_struct *mm;
	bool kernel;

	if (pid < 0)
		return ERR_PTR(-ESRCH);
	if (pid) {
		struct pid *ref = find_get_pid(pid);

		task = get_pid_task(ref, PIDTYPE_PID);
		put_pid(ref);
	} else {
		task = get_task_struct(current);
	}
	if (!task)
		return ERR_PTR(-ESRCH);

	kernel = task->flags & PF_KTHREAD;
	/* NULL of a kernel thread, even one that borrows an mm. */
	mm = get_task_mm(task);
	put_task_struct(task);
	if (mm)
		return mm;
	return ERR_PTR(kernel ? -EOPNOTSUPP : -ESRCH);
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

int shk_process_attach(struct shk_shadow *shadow, pid_t pid)
{
	struct shk_shadow *left;
	struct mm_struct *mm;
	bool delegated;
	int ret;

	ret = may_bind(shadow, pid, &delegated);
	if (ret)
		return ret;
	mm = mm_of(pid);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	mutex_lock(&shk_config_lock);
	ret = shk_graft_attach(shadow, mm, delegated, &left);
	mutex_unlock(&shk_config_lock);
	if (!ret && left)
		shk_shadow_put(left);
	mmput(mm);
	return ret;
}

int shk_process_detach(const struct shk_shadow *from, pid_t pid)
{
	struct mm_struct *mm;
	bool delegated;
	int ret;

	ret = may_bind(from, pid, &delegated);
	if (ret)
		return ret;
	mm = mm_of(pid);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	mutex_lock(&shk_config_lock);
	ret = shk_graft_detach(mm, from, delegated);
	mutex_unlock(&shk_config_lock);
	mmput(mm);
	return ret;
}

int shk_process_info(struct shk_process_info *info)
{
	struct shk_shadow *shadow;
	struct mm_struct *mm;

	if (!is_self(info->pid) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	mm = mm_of(info->pid);
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
			if (READ_ONCE(thread->mm) == mm && !(thread->flags & PF_KTHREAD)) {
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
