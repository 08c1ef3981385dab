// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A child that is forked into an attached cgroup is placed before its first instruction. Meanwhile
 * it obeys: it freezes with its cgroup, stops for its tracer, and can be killed. It uses no CPU
 * time until it may run, and is inside then.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "actor.h"
#include "cgroups.h"

#define CALLS 3

static struct cgroup in;
static struct shadowk_shadow *shadow;

static void cgroup_freeze(const char *wanted)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", in.path);
	need(write_file(path, wanted));
}

static bool cgroup_is_frozen(void)
{
	char path[320], text[64];

	snprintf(path, sizeof(path), "%s/cgroup.events", in.path);
	return read_file(path, text, sizeof(text)) && strstr(text, "frozen 1");
}

/* The CPU time of the process in ticks. */
static long time_of(pid_t pid)
{
	char path[32], text[512];
	long user = -1, system = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	need(read_file(path, text, sizeof(text)));
	need(sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
		    &user, &system) == 2);
	return user + system;
}

static void expect_idle(pid_t pid, const char *what)
{
	long was = time_of(pid);

	usleep(500000);
	expect_range(time_of(pid) - was, 0, 5, "ticks in half a second, %s", what);
}

/*
 * Returns the exit status of the process, -signal if a signal has killed it, or 1000 if it does not
 * end.
 */
static int end_of(pid_t pid)
{
	pid_t ended = 0;
	int status;

	expect(eventually((ended = waitpid(pid, &status, WNOHANG | __WALL))),
	       "process %d does not end", pid);
	if (ended != pid)
		return 1000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static pid_t bear(void)
{
	pid_t pid = fork_into(&in, 0);

	if (!pid) {
		job_getppid(CALLS);
		_exit(0);
	}
	need(pid > 0);
	return pid;
}

static void frozen(void)
{
	uint64_t were = hits(shadow, GETPPID);
	pid_t lives, dies;

	cgroup_freeze("1");
	lives = bear();
	dies = bear();
	expect(eventually(cgroup_is_frozen()), "the cgroup with two children does not freeze");
	expect_idle(lives, "frozen");
	expect_eq(shadow_of(lives), shadow_info(shadow).id, "shadow of the frozen child");
	need(!kill(dies, SIGKILL));
	expect_eq(end_of(dies), -SIGKILL, "exit status of the frozen child that was killed");
	cgroup_freeze("0");
	expect_eq(end_of(lives), 0, "exit status of the child that was thawed");
	expect_eq(hits(shadow, GETPPID) - were, CALLS, "hits of the child that was thawed");
}

static void traced(void)
{
	uint64_t were = hits(shadow, GETPPID);
	pid_t parent, child, seen = 0;
	unsigned long message;
	int status, go[2];
	char c;

	need(!pipe(go));
	parent = fork_tied();
	if (!parent) {
		need(read(go[0], &c, 1) == 1);
		_exit(end_of(bear()));
	}
	need(!ptrace(PTRACE_SEIZE, parent, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL));
	need(write(go[1], "", 1) == 1);
	need(waitpid(parent, &status, __WALL) == parent && WIFSTOPPED(status) &&
	     status >> 16 == PTRACE_EVENT_FORK);
	need(!ptrace(PTRACE_GETEVENTMSG, parent, 0, &message));
	child = (pid_t)message;
	expect(eventually((seen = waitpid(child, &status, WNOHANG | __WALL))),
	       "the child does not stop for its tracer");
	expect(seen == child && WIFSTOPPED(status), "the child did not stop: wait status %x",
	       status);
	if (seen == child) {
		expect_idle(child, "stopped");
		expect_eq(shadow_of(child), shadow_info(shadow).id, "shadow of the stopped child");
		need(!ptrace(PTRACE_DETACH, child, 0, 0));
	} else {
		kill(child, SIGKILL);
	}
	need(!ptrace(PTRACE_DETACH, parent, 0, 0));
	expect_eq(end_of(parent), 0, "exit status of parent and child");
	expect_eq(hits(shadow, GETPPID) - were, CALLS, "hits of the traced child");
}

int main(void)
{
	shadow = shadow_new(NULL);
	count(shadow, GETPPID);
	cgroup_make(&in, NULL, "in");
	cgroup_attach(shadow, &in);
	traced();
	frozen();
	cgroup_detach(&in);
	cgroup_remove(&in);
	shadow_close(shadow);
	return finish();
}
