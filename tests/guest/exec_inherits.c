// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/* A program that a process inside executes is inside from its first instruction on. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "actor.h"
#include "reexec.h"
#include "shadows.h"

#define CALLS  100
#define SCRIPT "100" /* its interpreter is this test, which takes the name as the number of calls */

/* Each of these runs in a process of its own. */

static void plainly(void)
{
	execv("/proc/self/exe", reexec_argv(CALLS));
}

static void by_descriptor(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	syscall(SYS_execveat, fd, "", reexec_argv(CALLS), environ, 0x1000 /* AT_EMPTY_PATH */);
}

static void *thread_main(void *unused)
{
	plainly();
	return NULL;
}

/* exec ends all other threads, and this thread takes the leader's place. */
static void in_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, thread_main, NULL);
	pthread_join(thread, NULL);
}

static void after_failing(void)
{
	execv("/nowhere", reexec_argv(1));
	execv("/dev/null", reexec_argv(1));
	plainly();
}

static void by_script(void)
{
	execl(SCRIPT, SCRIPT, NULL);
}

static void script_write(void)
{
	char self[512] = "", text[1024];
	int fd;

	need(!chdir("/tmp"));
	need(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(text, sizeof(text), "#!%s %s\n", self, reexec_argv(CALLS)[1]);
	fd = open(SCRIPT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	need(fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

static const struct {
	const char *name;
	void (*exec)(void);
} ways[] = {
	{ "execve", plainly },
	{ "execveat", by_descriptor },
	{ "execve in a thread", in_a_thread },
	{ "execve after two that failed", after_failing },
	{ "a script", by_script },
};

static long job_exec(long way)
{
	pid_t pid = fork();

	if (!pid) {
		ways[way].exec();
		_exit(111);
	}
	return wait_for(pid);
}

int main(int argc, char **argv)
{
	struct actor inside, outside;
	struct shadowk_shadow *shadow;

	reexec_main(argc, argv);
	script_write();
	shadow = shadow_new(NULL);
	count(shadow, GETPPID);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		uint64_t before = hits(shadow, GETPPID);

		expect_eq(actor_do(&outside, job_exec, i), 0, "exit status of %s outside",
			  ways[i].name);
		expect_eq(hits(shadow, GETPPID) - before, 0, "hits of %s outside", ways[i].name);
		expect_eq(actor_do(&inside, job_exec, i), 0, "exit status of %s", ways[i].name);
		expect_eq(hits(shadow, GETPPID) - before, CALLS, "hits of %s", ways[i].name);
		expect_eq(shadow_info(shadow).nr_grafts, 1, "processes inside after %s",
			  ways[i].name);
	}
	actor_end(&inside);
	actor_end(&outside);
	unlink(SCRIPT);
	return finish();
}
