// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=90 */
/*
 * Processes are killed while they are attached, moved and detached, and so are the processes that
 * do that. The calls succeed, or fail because there is no such process. Nothing remains inside.
 */
#include <pthread.h>
#include <signal.h>

#include "actor.h"
#include "shadows.h"

#define ROUNDS 400

/* The numbers are the same in every run of the test. */
static unsigned int pseudo_random(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 16;
}

static void *thread_main(void *unused)
{
	job_getppid(1000000);
	return NULL;
}

/* Has several threads, and children that come and go. */
static _Noreturn void victim(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, thread_main, NULL);
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		wait_for(pid);
	}
}

static bool fine(long ret)
{
	return ret >= 0 || ret == -ESRCH || ret == -ENOENT;
}

/* Attaches, moves and detaches @pid until it is killed. Runs in a process of its own. */
static _Noreturn void pester(struct shadowk_shadow *a, struct shadowk_shadow *b, pid_t pid)
{
	struct shadowk *dev = device();

	for (;;) {
		long first = shadowk_process_attach(a, pid);
		long second = shadowk_process_attach(b, pid);
		long third = shadowk_process_detach(dev, pid);

		if (!fine(first) || !fine(second) || !fine(third)) {
			printf("FAIL: attach %s, move %s, detach %s, expected 0, ESRCH or ENOENT\n",
			       strerrorname_np(-first), strerrorname_np(-second),
			       strerrorname_np(-third));
			fflush(stdout);
			_exit(1);
		}
	}
}

int main(void)
{
	struct shadowk_shadow *a = shadow_new(NULL), *b = shadow_new(NULL);
	unsigned int state = 1;

	count(a, GETPPID);
	count(b, GETPPID);
	for (int i = 0; i < ROUNDS; i++) {
		pid_t target, pesterer;
		int status;

		target = fork_tied();
		if (!target) {
			shadows_done();
			victim();
		}
		pesterer = fork_tied();
		if (!pesterer)
			pester(a, b, target);
		usleep(pseudo_random(&state) % 4000);
		/* Each of the two is killed first in half of the rounds. */
		kill(i % 2 ? target : pesterer, SIGKILL);
		usleep(pseudo_random(&state) % 500);
		kill(i % 2 ? pesterer : target, SIGKILL);
		wait_for(target);
		status = wait_for(pesterer);
		expect_eq(status, -SIGKILL, "exit status of the process that attaches");
		if (status != -SIGKILL)
			break;
	}
	expect(eventually(!shadow_info(a).nr_grafts && !shadow_info(b).nr_grafts),
	       "processes inside at the end: %u and %u", shadow_info(a).nr_grafts,
	       shadow_info(b).nr_grafts);
	expect_ret(shadowk_shadow_destroy(a), 0, "destroy the first");
	expect_ret(shadowk_shadow_destroy(b), 0, "destroy the second");
	expect_eq(module_info().memory, 0, "bytes of the module's tables and pages");
	return finish();
}
