// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=30 */
/*
 * While a process is inside a shadow, rmmod is refused, even if no handle is open and the shadow
 * has no name. When the process has exited, rmmod succeeds at once.
 */
#include <sched.h>
#include <signal.h>

#include "actor.h"
#include "shadows.h"

static long job_leave_child(long unused)
{
	pid_t pid = fork();

	need(pid >= 0);
	if (!pid) {
		while (getppid() != 1)
			usleep(1000);
		/* The parent has exited by then, and with it the test's handles. */
		usleep(300000);
		_exit(0);
	}
	return pid;
}

static void refused(const char *when)
{
	expect_ret(module_unload("shadowk"), -EAGAIN, "rmmod %s", when);
}

static void outrank_kernel_threads(int cpu)
{
	pin(cpu);
	need(!sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 }));
}

/* rmmod succeeds before a worker can run after the exit of the process inside. */
static void goes_before_workers_run(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	pid_t busy[8] = {};
	struct actor actor;

	actor_start(&actor, 0);
	attach(shadow, actor.pid);
	shadows_done();
	outrank_kernel_threads(0);
	for (int cpu = 1; cpu < (int)nr_cpus() && cpu < 8; cpu++) {
		busy[cpu] = fork_tied();
		if (!busy[cpu]) {
			outrank_kernel_threads(cpu);
			for (;;)
				;
		}
	}
	actor_end(&actor);
	expect_ret(module_unload("shadowk"), 0, "rmmod before a worker can run");
	for (int cpu = 1; cpu < 8; cpu++) {
		if (!busy[cpu])
			continue;
		kill(busy[cpu], SIGKILL);
		wait_for(busy[cpu]);
	}
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){});
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor actor;
	uint64_t id = shadow_info(shadow).id;
	pid_t orphan;

	count(shadow, GETPPID);
	actor_start(&actor, -1);
	attach(shadow, actor.pid);
	shadows_done();
	refused("with a process inside");
	expect_eq(shadow_of(actor.pid), id, "shadow of the process after rmmod was refused");
	actor_do(&actor, job_getppid, 100);
	shadows_done();

	/*
	 * A child that inherited the shadow keeps the module after the attached process has exited.
	 */
	orphan = actor_do(&actor, job_leave_child, 0);
	actor_end(&actor);
	refused("with a child of a process that was inside");
	expect_eq(shadow_of(orphan), id, "shadow of the child");
	shadows_done();
	expect(eventually(!module_references()),
	       "the module is held after the last process has exited");
	expect_ret(module_unload("shadowk"), 0, "rmmod after the last process has exited");
	expect_ret(module_load(shadowk_path(), ""), 0, "insmod");

	/* A detached process does not keep the module. */
	shadow = shadow_new(NULL);
	actor_start(&actor, -1);
	attach(shadow, actor.pid);
	shadow_close(shadow);
	detach(actor.pid);
	shadows_done();
	expect_ret(module_unload("shadowk"), 0, "rmmod after the last process was detached");
	expect_eq(actor_do(&actor, job_getppid, 100), 100, "calls without the module");
	actor_end(&actor);

	expect_ret(module_load(shadowk_path(), ""), 0, "insmod after detach and rmmod");
	goes_before_workers_run();
	return finish();
}
