// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells whether a task may still be in the text of a module that no task enters any longer. So each
 * task must be seen once without an address of that text on its kernel stack.
 *
 * Stacks are read as livepatch reads them: only while the task does not run, and only if the
 * unwinder says that the trace is reliable. If a task runs, a work item on its CPU reads the stack:
 * the task cannot run there meanwhile.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/workqueue.h>

#include "edit/patch.h"

/* Addresses that a stack trace may have; a longer one is not reliable. */
#define NR_ENTRIES 256
/* Attempts to look at a task on its CPU. It may move to another CPU each time. */
#define NR_TRIES 16

/* The state of one call of shk_module_stacks_clear(). */
struct stack_walk {
	const struct module *mod;
	/* Tasks that ran when the walk came to them, with a reference to each. */
	struct task_struct **running;
	unsigned int nr_running;
	unsigned int room;		   /* for elements of .running */
	unsigned long entries[NR_ENTRIES]; /* one stack trace */
};

/*
 * The room for running tasks, as a multiple of the number of CPUs. More tasks than CPUs may be
 * found running, since the walk takes time. A walk that finds too many doubles it. Only the work
 * item that frees patches uses it.
 */
static unsigned int room_factor = 2;

/*
 * Reads the stack of @task into @arg, a struct stack_walk, and searches it for addresses of the
 * module. Callback of task_call_func(), so that @task does not begin to run meanwhile. Returns
 *   0        no address of the module is on the stack
 *   -EAGAIN  @task runs
 *   -EBUSY   an address of the module is on the stack, or the stack is not reliable
 */
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

/*
 * Searches the stacks of all tasks for addresses of the module, and adds tasks that run, whose
 * stacks cannot be read, to @walk->running, with references. Returns 0, -EBUSY: a task is or may be
 * in the module, or -EAGAIN: more tasks run than there is room for.
 */
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
		/* for_each_process_thread() is two loops, which a break does not leave. */
		if (ret)
			goto unlock;
	}
unlock:
	rcu_read_unlock();
	return ret;
}

/* The argument of stack_walk_from_its_cpu(). */
struct displaced {
	struct stack_walk *walk;
	struct task_struct *task;
};

/*
 * Searches the stack of the task of @arg, a struct displaced, for addresses of the module.
 * work_on_cpu() calls this on the CPU of the task, so the task cannot run there meanwhile. Returns
 * 0: none is there; -EBUSY: one is, or the stack is not reliable; -EAGAIN: the task runs on another
 * CPU now.
 */
static long stack_walk_from_its_cpu(void *arg)
{
	struct displaced *displaced = arg;

	return shk_call(task_call_func)(displaced->task, stack_walk_task, displaced->walk);
}

/*
 * Calls stack_walk_task() for @task by a work item on its CPU, since @task was running at the first
 * call. If @task is running again, on another CPU, this is repeated, NR_TRIES times in all. Sleeps.
 * Returns 0: no address of the module is on its stack; -EBUSY: one is, or that is not known;
 * -EAGAIN: it ran at each try.
 */
static int stack_walk_displaced(struct stack_walk *walk, struct task_struct *task)
{
	struct displaced displaced = { walk, task };
	int i, ret = -EAGAIN;

	for (i = 0; i < NR_TRIES && ret == -EAGAIN; i++)
		ret = work_on_cpu(task_cpu(task), stack_walk_from_its_cpu, &displaced);
	return ret;
}

/*
 * Calls stack_walk_displaced() for the tasks of @walk->running, until one fails, and drops the
 * references to all. Sleeps. Returns 0: no address of the module is on their stacks; or the first
 * error of stack_walk_displaced().
 */
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
