// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks that no task is in text that is about to change. A body is the code of a function behind
 * its __fentry__ site. A patch in place overwrites a body, so a task that sleeps or was preempted
 * there would continue in the middle of other code. This could happen when the body is overwritten
 * or restored, and when an mm changes to a text with another body.
 *
 * Both changes are made while the machine is stopped: no task runs, and no interrupt is handled. At
 * that instant no task that executes the text may have an address in such a body on its stack.
 *
 * Stacks are examined as livepatch does it. A task whose stack the unwinder does not report as
 * reliable counts as being in a body. The unwinder's tables are valid for bodies in place, since
 * they have the stack frames of the base's bodies (edit/relocate.c).
 *
 * The functions of exec count as bodies, too. A task in exec may change its text itself at the end
 * of exec (inherit.c: pending_attach_work()), so its stack does not tell which bodies it will
 * execute.
 */
#include <linux/cpu.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/stacktrace.h>
#include <linux/stop_machine.h>
#include <linux/string.h>

#include "graft/graft.h"
#include "graft/stack_check.h"

#define NR_ENTRIES 256 /* addresses of one stack; a longer one counts as not reliable */
#define NR_EXEC	   4

/* The stack that is being examined. Under text_mutex. */
static unsigned long entries[NR_ENTRIES];
/*
 * Functions of exec. Those that this kernel has are linked into exec_bodies. Written when the
 * module is loaded.
 */
static struct shk_body exec_body[NR_EXEC];
static LIST_HEAD(exec_bodies);

/* Returns true if @addr is in the text of @body. */
static bool body_contains(const struct shk_body *body, unsigned long addr)
{
	return addr >= body->from && addr < body->to;
}

/* Returns true if @addr is in a body of the list @bodies (shk_body.node), which may be NULL. */
static bool bodies_contain(unsigned long addr, const struct list_head *bodies)
{
	const struct shk_body *body;

	if (!bodies)
		return false;
	list_for_each_entry (body, bodies, node)
		if (body_contains(body, addr))
			return true;
	return false;
}

/* Returns true if @addr is in a body of the list @check->extra_bodies (shk_body.in_check). */
static bool extra_contains(unsigned long addr, const struct shk_stack_check *check)
{
	const struct shk_body *body;

	list_for_each_entry (body, &check->extra_bodies, in_check)
		if (body_contains(body, addr))
			return true;
	return false;
}

/*
 * Returns true if @task has a reliable stack, without an address in exec or in a body that @check
 * lists. The caller ensures that @task does not run, and holds text_mutex.
 */
static bool stack_check_task(struct task_struct *task, const struct shk_stack_check *check)
{
	int i, nr = shk_call(stack_trace_save_tsk_reliable)(task, entries, NR_ENTRIES);

	for (i = 0; i < nr; i++)
		if (bodies_contain(entries[i], check->bodies[0]) ||
		    bodies_contain(entries[i], check->bodies[1]) ||
		    extra_contains(entries[i], check) || bodies_contain(entries[i], &exec_bodies))
			return false;
	return nr >= 0;
}

/* Returns true if @check selects @task, by its mm or its shadow. The machine is stopped. */
static bool stack_check_wants_task(struct task_struct *task, const struct shk_stack_check *check)
{
	/* A task that gives up its mm executes the base from that moment on. */
	struct mm_struct *mm = READ_ONCE(task->mm);

	return check->mm ? mm == check->mm : mm && shk_graft_is_in(mm, check->shadow);
}

/*
 * Examines the stacks of all tasks that @check selects. Returns true if stack_check_task() returns
 * true for each. Otherwise returns false, and @check->busy is the pid of the first task for which
 * it returned false, or -1 if current's pid namespace does not show that. The machine is stopped.
 */
static bool stack_check_all_tasks(struct shk_stack_check *check)
{
	struct task_struct *process, *task;

	check->busy = 0;
	rcu_read_lock();
	for_each_process_thread (process, task) {
		if (!stack_check_wants_task(task, check) || stack_check_task(task, check))
			continue;
		/* -1: current's pid namespace does not show the task. */
		check->busy = task_pid_nr_ns(task, check->ns) ?: -1;
		goto unlock;
	}
unlock:
	rcu_read_unlock();
	return !check->busy;
}

/*
 * Examines the stacks of the tasks that @arg, a struct shk_stack_check, selects. Callback of
 * stop_machine() on one CPU. Returns 0; -EAGAIN: the task .busy is in a body, in exec, or has a
 * stack that is not reliable.
 */
static int stack_check_stopped(void *arg)
{
	return stack_check_all_tasks(arg) ? 0 : -EAGAIN;
}

/* Sets @check->ns to the pid namespace of current. Asserts that text_mutex is held. */
static void stack_check_begin(struct shk_stack_check *check)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	check->ns = task_active_pid_ns(current);
}

int shk_stack_check_run(struct shk_stack_check *check)
{
	stack_check_begin(check);
	return shk_call(stop_machine_cpuslocked)(stack_check_stopped, check, NULL);
}

/* One call of shk_stack_check_and_change(), seen by all CPUs while the machine is stopped. */
struct stack_change {
	struct shk_stack_check *check;
	int (*change)(void *arg);
	void *arg;
	int ret;	  /* the result of the call; valid with .done */
	atomic_t arrived; /* CPUs that have left .check->mm and run no task */
	bool done;	  /* the check and the change are over: every CPU may flush */
};

/*
 * Checks the stacks and makes the change, for shk_stack_check_and_change(). @arg: its struct
 * stack_change, in which the result is. Callback of stop_machine() on every CPU: the last CPU that
 * arrives does the work, and the others wait for it. Then each flushes its TLB. Returns 0.
 */
static int stack_change_stopped(void *arg)
{
	struct stack_change *changing = arg;
	struct mm_struct *mm = changing->check->mm;

	/* current is the stopper thread. If @mm is loaded, this CPU uses it lazily: leave it. */
	if (mm && *this_cpu_ptr(shk_symbols.loaded_mm) == mm)
		shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
	if (atomic_inc_return(&changing->arrived) == num_online_cpus()) {
		changing->ret = -EAGAIN;
		if (stack_check_all_tasks(changing->check))
			changing->ret = changing->change(changing->arg);
		/* Pairs with the acquire below: the entry is written before any CPU flushes. */
		smp_store_release(&changing->done, true);
	} else {
		/* Pairs with the release above. */
		while (!smp_load_acquire(&changing->done))
			cpu_relax();
	}
	shk_mmu->flush_cpu();
	return 0;
}

int shk_stack_check_and_change(struct shk_stack_check *check, int (*change)(void *arg), void *arg)
{
	struct stack_change changing = { .check = check, .change = change, .arg = arg };

	stack_check_begin(check);
	shk_call(stop_machine_cpuslocked)(stack_change_stopped, &changing, cpu_online_mask);
	return changing.ret;
}

int shk_busy_task_wait(unsigned long *until)
{
	shk_shadow_assert_none_locked();
	if (!*until)
		*until = shk_busy_task_deadline();
	if (time_after(jiffies, *until))
		return SHK_E(TASK_BUSY);
	schedule_timeout_interruptible(SHK_BUSY_TASK_PAUSE);
	return signal_pending(current) ? -ERESTARTSYS : 0;
}

bool shk_stack_check_possible(void)
{
	return IS_ENABLED(CONFIG_UNWINDER_ORC) && !list_empty(&exec_bodies);
}

/*
 * Finds the functions of exec. All calls of exec pass do_execveat_common(). The other names are
 * those that compilers give to variants and to parts of it; a kernel has some of them. Called once,
 * when the module is loaded. If there is none, shk_stack_check_possible() returns false.
 */
void __init shk_stack_check_init(void)
{
	static const char *const names[NR_EXEC] __initconst = {
		"do_execveat_common",
		"do_execveat_common.isra.0",
		"do_execveat_common.cold",
		"do_execveat_common.isra.0.cold",
	};
	char text[KSYM_SYMBOL_LEN];
	unsigned long size;
	unsigned int i;

	for (i = 0; i < NR_EXEC; i++) {
		struct shk_body *body = &exec_body[i];

		if (shk_symbol_unique(names[i], &body->from))
			continue;
		/* The symbol's size is in the text only: "name+0xOFF/0xSIZE". */
		sprint_symbol(text, body->from);
		if (sscanf(strrchr(text, '/') ?: "", "/0x%lx", &size) != 1)
			continue;
		body->to = body->from + size;
		list_add(&body->node, &exec_bodies);
	}
}
