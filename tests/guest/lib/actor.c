// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "actor.h"
#include "shadows.h"

/* Function pointers are valid in the actor, since fork has copied the test's memory. */
struct order {
	job_fn job;
	long arg;
};

pid_t fork_tied(void)
{
	pid_t parent = getpid(), pid;

	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

int wait_for(pid_t pid)
{
	int status;

	need(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool ends_within(pid_t pid, unsigned long ms, int *status)
{
	unsigned long until = milliseconds() + ms;

	while (waitpid(pid, status, WNOHANG) != pid) {
		if (milliseconds() > until)
			return false;
		usleep(2000);
	}
	return true;
}

static _Noreturn void act(int in, int out)
{
	struct order order;
	long result = 0;

	/* The first answer tells start() that the actor waits for jobs. */
	need(write(out, &result, sizeof(result)) == sizeof(result));
	while (read(in, &order, sizeof(order)) == sizeof(order) && order.job) {
		result = order.job(order.arg);
		fflush(stdout);
		if (write(out, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

static void start(struct actor *actor, int cpu, bool holding)
{
	int to[2], from[2];

	need(!pipe2(to, O_CLOEXEC) && !pipe2(from, O_CLOEXEC));
	actor->pid = fork_tied();
	if (!actor->pid) {
		if (!holding)
			shadows_done();
		close(to[1]);
		close(from[0]);
		if (cpu >= 0)
			pin(cpu);
		act(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	actor->to = to[1];
	actor->from = from[0];
	actor_answer(actor);
}

void actor_start(struct actor *actor, int cpu)
{
	start(actor, cpu, false);
}

void actor_start_holding(struct actor *actor, int cpu)
{
	start(actor, cpu, true);
}

void actor_ask(struct actor *actor, job_fn job, long arg)
{
	struct order order = { job, arg };

	need(write(actor->to, &order, sizeof(order)) == sizeof(order));
}

long actor_answer(struct actor *actor)
{
	long result;

	need(read(actor->from, &result, sizeof(result)) == sizeof(result));
	return result;
}

long actor_do(struct actor *actor, job_fn job, long arg)
{
	actor_ask(actor, job, arg);
	return actor_answer(actor);
}

void actor_end(struct actor *actor)
{
	actor_ask(actor, NULL, 0);
	close(actor->to);
	close(actor->from);
	expect_eq(wait_for(actor->pid), 0, "exit status of an actor");
}

bool sleeps_in(pid_t thread, long nr)
{
	char path[64], text[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)thread);
	return read_file(path, text, sizeof(text)) && text[0] != 'r' && atol(text) == nr;
}

bool has_state(pid_t thread, const char *states)
{
	char path[64], text[512];
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)thread);
	if (!read_file(path, text, sizeof(text)))
		return false;
	/* The command's name comes before the state and may contain any character. */
	state = strrchr(text, ')');
	return state && strchr(states, state[2]);
}

void wait_past(atomic_ulong *count)
{
	unsigned long from = *count;

	while (*count == from)
		usleep(50);
}

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	need(!sched_setaffinity(0, sizeof(set), &set));
}

unsigned int nr_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

long job_getppid(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_getppid);
	return n;
}

long job_signals(long n)
{
	for (long i = 0; i < n; i++)
		need(!kill(getpid(), SIGURG));
	return n;
}

long job_getpid(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_getpid);
	return n;
}

long job_getuid(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_getuid);
	return n;
}

long job_read_zero(long n)
{
	char byte;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	while (n--)
		need(read(fd, &byte, 1) == 1);
	close(fd);
	return 0;
}
