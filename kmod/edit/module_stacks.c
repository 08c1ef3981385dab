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

struct stack_walk {
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
static int stack_walk_task(struct task_struct *task, void *arg)
{
	struct stack_walk *walk = arg;
	int i, nr;

	if (task != current && READ_ONCE(task->on_cpu))
		return -EAGAIN;
	nr = shk_call(stack_trace_save_tsk_reliable)(task, walk->entries, NR_ENTRIES);
	if (nr < 0)
		return -EBUSY;
	for (i = 0; i < nr; i++)
		if (within_module(walk->entries[i], walk->mod))
			return -EBUSY;
	return 0;
}

static int stack_walk_all(struct stack_walk *walk)
{
	struct task_struct *process, *task;
	int ret = 0;

	rcu_read_lock();
	for_each_process_thread (process, task) {
		ret = shk_call(task_call_func)(task, stack_walk_task, walk);
		if (ret == -EAGAIN && walk->nr_running < walk->room) {
			walk->running[walk->nr_running++] = get_task_struct(task);
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
	struct stack_walk *walk;
	struct task_struct *task;
};

/* On the CPU of a task that ran just now: it does not while this does. */
static long stack_walk_from_its_cpu(void *arg)
{
	struct displaced *displaced = arg;

	return shk_call(task_call_func)(displaced->task, stack_walk_task, displaced->walk);
}

static int stack_walk_displaced(struct stack_walk *walk, struct task_struct *task)
{
	struct displaced displaced = { walk, task };
	int i, ret = -EAGAIN;

	for (i = 0; i < NR_TRIES && ret == -EAGAIN; i++)
		ret = work_on_cpu(task_cpu(task), stack_walk_from_its_cpu, &displaced);
	return ret;
}

static int stack_walk_running(struct stack_walk *walk)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < walk->nr_running; i++) {
		if (!ret)
			ret = stack_walk_displaced(walk, walk->running[i]);
		put_task_struct(walk->running[i]);
	}
	return ret;
}

bool shk_module_stacks_clear(const struct module *mod)
{
	struct stack_walk *walk = kzalloc(sizeof(*walk), GFP_KERNEL);
	int ret = -ENOMEM, running = 0;

	if (!walk)
		return false;
	walk->mod = mod;
	walk->room = room_factor * num_online_cpus();
	walk->running = kvmalloc_array(walk->room, sizeof(*walk->running), GFP_KERNEL);
	if (!walk->running)
		goto free;
	ret = stack_walk_all(walk);
	if (ret == -EAGAIN)
		room_factor *= 2;
	running = stack_walk_running(walk);
	kvfree(walk->running);
free:
	kfree(walk);
	return !ret && !running;
}
