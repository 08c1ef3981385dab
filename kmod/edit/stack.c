// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may still be in text that nobody enters any more: a task is seen clear of
 * it once, by its stack. As livepatch looks at stacks: of tasks that do not
 * run, and only what the unwinder vouches for.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/workqueue.h>

#include "edit/patch.h"

#define NR_ENTRIES 256
/* Attempts to catch a task on its CPU, which it may leave for another one each time. */
#define NR_TRIES 16

struct look {
	const struct module *mod;
	/* Tasks that ran when they were looked at, and how many there is room for. */
	struct task_struct **running;
	unsigned int nr_running;
	unsigned int room;
	unsigned long entries[NR_ENTRIES];
};

/*
 * Room for twice as many tasks as there are CPUs, since others run by the time the walk comes
 * to them; doubled by each walk that finds more. Under the one work item that looks.
 */
static unsigned int room_factor = 2;

/* 0: not in it; -EAGAIN: it runs; -EBUSY: it is, or its stack tells nothing. */
static int look_at(struct task_struct *task, void *arg)
{
	struct look *look = arg;
	int i, nr;

	if (task != current && READ_ONCE(task->on_cpu))
		return -EAGAIN;
	nr = shk_call(stack_trace_save_tsk_reliable)(task, look->entries, NR_ENTRIES);
	if (nr < 0)
		return -EBUSY;
	for (i = 0; i < nr; i++)
		if (within_module(look->entries[i], look->mod))
			return -EBUSY;
	return 0;
}

static int look_at_all(struct look *look)
{
	struct task_struct *process, *task;
	int ret = 0;

	rcu_read_lock();
	for_each_process_thread (process, task) {
		ret = shk_call(task_call_func)(task, look_at, look);
		if (ret == -EAGAIN && look->nr_running < look->room) {
			look->running[look->nr_running++] = get_task_struct(task);
			ret = 0;
		}
		/* Two loops in one: no break. */
		if (ret)
			goto unlock;
	}
unlock:
	rcu_read_unlock();
	return ret;
}

struct displaced {
	struct look *look;
	struct task_struct *task;
};

/* On the CPU of a task that ran just now: it does not while this does. */
static long look_from_its_cpu(void *arg)
{
	struct displaced *displaced = arg;

	return shk_call(task_call_func)(displaced->task, look_at, displaced->look);
}

static int look_displaced(struct look *look, struct task_struct *task)
{
	struct displaced displaced = { look, task };
	int i, ret = -EAGAIN;

	for (i = 0; i < NR_TRIES && ret == -EAGAIN; i++)
		ret = work_on_cpu(task_cpu(task), look_from_its_cpu, &displaced);
	return ret;
}

static int look_at_running(struct look *look)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < look->nr_running; i++) {
		if (!ret)
			ret = look_displaced(look, look->running[i]);
		put_task_struct(look->running[i]);
	}
	return ret;
}

bool shk_stacks_clear(const struct module *mod)
{
	struct look *look = kzalloc(sizeof(*look), GFP_KERNEL);
	int ret = -ENOMEM, running = 0;

	if (!look)
		return false;
	look->mod = mod;
	look->room = room_factor * num_online_cpus();
	look->running = kvmalloc_array(look->room, sizeof(*look->running), GFP_KERNEL);
	if (!look->running)
		goto free;
	ret = look_at_all(look);
	if (ret == -EAGAIN)
		room_factor *= 2;
	running = look_at_running(look);
	kvfree(look->running);
free:
	kfree(look);
	return !ret && !running;
}
