// SPDX-License-Identifier: GPL-2.0-only
/* test: */
/*
 * A process whose first thread has exited while others run can be attached, moved, listed and
 * detached by its pid like any other.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "lists.h"
#include "actor.h"
#include "shadows.h"

static struct {
	atomic_ulong wanted, made;
} * calls;

static void *make_calls(void *unused)
{
	for (;;) {
		while (calls->made == calls->wanted)
			usleep(1000);
		job_getppid(1);
		calls->made++;
	}
	return NULL;
}

static pid_t start(void)
{
	pthread_t thread;
	pid_t pid = fork_tied();

	if (!pid) {
		need(!pthread_create(&thread, NULL, make_calls, NULL));
		syscall(SYS_exit, 0);
	}
	need(eventually(has_state(pid, "Z")));
	return pid;
}

static void make(unsigned long more)
{
	calls->wanted += more;
	need(eventually(calls->made == calls->wanted));
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL), *other = shadow_new(NULL);
	struct shadowk_process process = { 0 };
	pid_t pid;

	calls = shared_memory(sizeof(*calls));
	count(shadow, GETPPID);
	count(other, GETPPID);
	pid = start();
	expect_eq(shadow_of(pid), 0, "shadow before attach");
	expect_ret(shadowk_process_attach(shadow, pid), 0, "attach");
	expect_eq(shadow_of(pid), shadow_info(shadow).id, "shadow after attach");
	expect_ret(list_first(shadowk_process_list, shadow, &process), 1, "processes in the list");
	expect_eq(process.pid, pid, "pid in the list");
	make(10);
	expect_eq(hits(shadow, GETPPID), 10, "hits");
	expect_ret(shadowk_process_attach(other, pid), 0, "move");
	make(10);
	expect_eq(hits(shadow, GETPPID), 10, "hits in the first shadow after the move");
	expect_eq(hits(other, GETPPID), 10, "hits in the second shadow");
	expect_ret(shadowk_process_detach(device(), pid), 0, "detach");
	make(10);
	expect_eq(hits(other, GETPPID), 10, "hits after detach");
	need(!kill(pid, SIGKILL));
	expect_eq(wait_for(pid), -SIGKILL, "exit status of the process");
	expect_ret(shadowk_process_attach(shadow, pid), -ESRCH, "attach after it has exited");
	shadow_close(shadow);
	shadow_close(other);
	return finish();
}
