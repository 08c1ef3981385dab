// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=30 */
/*
 * Nobody holds a handle, the shadow has no name, but a process is inside: the
 * module stays, and goes when the process does: at once.
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
		/* By now its parent and the test's handles are gone. */
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

/* No worker runs between the end of who is inside and rmmod. */
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
	expect_ret(module_unload("shadowk"), 0, "rmmod before any worker can have run");
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

	/* Inherited: the one that was attached is gone. */
	orphan = actor_do(&actor, job_leave_child, 0);
	actor_end(&actor);
	refused("with a child of a process that was inside");
	expect_eq(shadow_of(orphan), id, "shadow of the orphan");
	shadows_done();
	expect(eventually(!module_references()), "the module is held after the last process's end");
	expect_ret(module_unload("shadowk"), 0, "rmmod when the last process is gone");
	expect_ret(module_load(shadowk_path(), ""), 0, "insmod");

	/* Detached: nothing keeps it. */
	shadow = shadow_new(NULL);
	actor_start(&actor, -1);
	attach(shadow, actor.pid);
	shadow_close(shadow);
	detach(actor.pid);
	shadows_done();
	expect_ret(module_unload("shadowk"), 0, "rmmod when the last process is detached");
	expect_eq(actor_do(&actor, job_getppid, 100), 100, "calls with the module gone");
	actor_end(&actor);

	expect_ret(module_load(shadowk_path(), ""), 0, "insmod after that");
	goes_before_workers_run();
	return finish();
}
