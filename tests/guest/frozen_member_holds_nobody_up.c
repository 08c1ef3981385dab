// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A process that writes to a frozen file system sleeps in its fault and holds locks of its mm.
 * Attaching it waits for these locks, can be killed, and does not hold up calls about other
 * processes. Attaching its cgroup fails with EBUSY and names it, and so does detaching it while it
 * forks.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "actor.h"
#include "cgroups.h"
#include "stuck.h"

#define FIRST 0x10000 /* address of the first mapping, which fork copies first */

static struct shadowk_shadow *shadow;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static long job_fork(long unused)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid;
}

static void expect_free(const char *when)
{
	pid_t pid = fork();
	bool done;

	need(pid >= 0);
	if (!pid) {
		struct shadowk_info info = { .size = sizeof(info) };

		need_ok(shadowk_info(device(), &info));
		need_ok(shadowk_process_attach(shadow, 0));
		_exit(0);
	}
	done = eventually(waitpid(pid, NULL, WNOHANG) == pid);
	expect(done, "another process cannot attach itself, %s", when);
	if (!done)
		kill(pid, SIGKILL);
}

static void expect_busy(int err, pid_t pid, double begun, const char *what)
{
	expect_ret(err, -EBUSY, "%s", what);
	expect_eq(shadowk_busy(), pid, "task in the way, %s", what);
	expect(seconds() - begun < 15, "%s: refused only after 15 s", what);
}

static void attach_is_killable(pid_t target)
{
	pid_t pid = fork();
	bool ended;

	need(pid >= 0);
	if (!pid)
		_exit(shadowk_process_attach(shadow, target) ? 1 : 0);
	usleep(300000);
	expect(waitpid(pid, NULL, WNOHANG) == 0, "the attach does not wait");
	expect_free("while an attach waits");
	kill(pid, SIGKILL);
	ended = eventually(waitpid(pid, NULL, WNOHANG) == pid);
	expect(ended, "the waiting attach cannot be killed");
	expect_free("after the attach was killed");
}

int main(void)
{
	struct actor target, inside;
	struct cgroup cgroup;
	double begun;

	stuck_init();
	shadow = shadow_new(NULL);
	count(shadow, GETPPID);
	actor_start(&target, -1);
	actor_start(&inside, -1);
	cgroup_make(&cgroup, NULL, "frozen");
	cgroup_move(&cgroup, target.pid);
	need_ok(actor_do(&target, job_map_frozen, FIRST));
	need_ok(actor_do(&inside, job_map_frozen, FIRST));
	attach(shadow, inside.pid);
	if (!root_freeze(90))
		skip("the root file system cannot be frozen");

	need_ok(actor_do(&target, job_write_frozen, false));
	need(eventually(some_thread_has_state(target.pid, "D")));
	attach_is_killable(target.pid);
	begun = seconds();
	expect_busy(shadowk_cgroup_attach(shadow, cgroup.path), target.pid, begun,
		    "attach of its cgroup");
	expect_free("after its cgroup was refused");

	need_ok(actor_do(&inside, job_write_frozen, false));
	need(eventually(some_thread_has_state(inside.pid, "D")));
	actor_ask(&inside, job_fork, 0);
	usleep(300000);
	begun = seconds();
	expect_busy(shadowk_process_detach(device(), inside.pid), inside.pid, begun,
		    "detach of a process in fork");
	expect_free("after the detach was refused");

	root_thaw();
	expect(actor_answer(&inside) > 0, "the fork fails after the thaw");
	expect_ret(shadowk_process_detach(device(), inside.pid), 0, "detach after the thaw");
	expect_ret(shadowk_process_attach(shadow, target.pid), 0,
		   "attach of the other process after the thaw");
	actor_end(&target);
	actor_end(&inside);
	cgroup_remove(&cgroup);
	unlink(FROZEN_FILE);
	shadow_close(shadow);
	return finish();
}
