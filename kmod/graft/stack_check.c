// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task that sleeps, or was preempted, in a body that is replaced in place would
 * go on in the middle of other code. So such a body changes, and tasks come to
 * have another one, only while the machine stands still (no task runs, no
 * interrupt is handled) and none of those concerned has an address of it on its
 * stack. As livepatch looks at stacks: what the unwinder does not vouch for may be
 * anywhere. It can tell the truth, since the frames of a body in place are those
 * of the base's, see edit/relocate.c.
 *
 * exec() changes the text of its task in its own course, if that was attached
 * or detached meanwhile (inherit.c: pending_attach_work()), so who is in it is not clear
 * of anything.
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

#define NR_ENTRIES 256
#define NR_EXEC	   4

/* Under text_mutex. */
static unsigned long entries[NR_ENTRIES];
static struct shk_body exec_body[NR_EXEC];
static LIST_HEAD(exec_bodies);

static bool body_contains(const struct shk_body *body, unsigned long addr)
{
	return addr >= body->from && addr < body->to;
}

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

static bool others_contain(unsigned long addr, const struct shk_stack_check *check)
{
	const struct shk_body *body;

	list_for_each_entry (body, &check->others, in_check)
		if (body_contains(body, addr))
			return true;
	return false;
}

static bool stack_check_task(struct task_struct *task, const struct shk_stack_check *check)
{
	int i, nr = shk_call(stack_trace_save_tsk_reliable)(task, entries, NR_ENTRIES);

	for (i = 0; i < nr; i++)
		if (bodies_contain(entries[i], check->bodies[0]) ||
		    bodies_contain(entries[i], check->bodies[1]) ||
		    others_contain(entries[i], check) || bodies_contain(entries[i], &exec_bodies))
			return false;
	return nr >= 0;
}

static bool stack_check_wants_task(struct task_struct *task, const struct shk_stack_check *check)
{
	/* Who gives its mm up runs the base from that moment on. */
	struct mm_struct *mm = READ_ONCE(task->mm);

	return check->mm ? mm == check->mm : mm && shk_graft_is_in(mm, check->shadow);
}

static bool stack_check_all_tasks(struct shk_stack_check *check)
{
	struct task_struct *process, *task;

	check->busy = 0;
	rcu_read_lock();
	for_each_process_thread (process, task) {
		if (!stack_check_wants_task(task, check) || stack_check_task(task, check))
			continue;
		/* Not visible from there: all the same somebody. */
		check->busy = task_pid_nr_ns(task, check->ns) ?: -1;
		goto unlock;
	}
unlock:
	rcu_read_unlock();
	return !check->busy;
}

static int stack_check_stopped(void *arg)
{
	return stack_check_all_tasks(arg) ? 0 : -EAGAIN;
}

static void stack_check_assert_locks(struct shk_stack_check *check)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	check->ns = task_active_pid_ns(current);
}

int shk_stack_check_run(struct shk_stack_check *check)
{
	stack_check_assert_locks(check);
	return shk_call(stop_machine_cpuslocked)(stack_check_stopped, check, NULL);
}

struct stack_change {
	struct shk_stack_check *check;
	int (*change)(void *arg);
	void *arg;
	int ret;
	atomic_t arrived;
	bool done;
};

/* On every CPU; the last to come looks and changes. */
static int stack_change_stopped(void *arg)
{
	struct stack_change *changing = arg;
	struct mm_struct *mm = changing->check->mm;

	/* What a kernel thread borrows must not change under it. */
	if (mm && *this_cpu_ptr(shk_symbols.loaded_mm) == mm)
		shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
	if (atomic_inc_return(&changing->arrived) == num_online_cpus()) {
		changing->ret = -EAGAIN;
		if (stack_check_all_tasks(changing->check))
			changing->ret = changing->change(changing->arg);
		smp_store_release(&changing->done, true); /* pairs with the loop */
	} else {
		while (!smp_load_acquire(&changing->done))
			cpu_relax();
	}
	shk_mmu->flush_cpu();
	return 0;
}

int shk_stack_check_and_change(struct shk_stack_check *check, int (*change)(void *arg), void *arg)
{
	struct stack_change changing = { .check = check, .change = change, .arg = arg };

	stack_check_assert_locks(check);
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

/* What all ways into exec() have in common, as compilers name it. */
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
		/* "name+0xOFF/0xSIZE" */
		sprint_symbol(text, body->from);
		if (sscanf(strrchr(text, '/') ?: "", "/0x%lx", &size) != 1)
			continue;
		body->to = body->from + size;
		list_add(&body->node, &exec_bodies);
	}
}
