// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=90 */
/*
 * A set-id exec takes a process out of its shadow while root attaches, moves and detaches the same
 * process. The program never executes the user's shadow, and no graft remains.
 */
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "lists.h"
#include "delegate.h"
#include "tiny.h"

#define SECONDS	 8
#define PATIENCE 40 /* until both have happened, on a busy machine */
#define PROGRAM	 "/tmp/set-user"

static volatile bool *enough;

/* Attaches itself and lets a child execute the program, again and again until the end. */
static long job_storm(long slot)
{
	long times = 0;

	for (; !*enough; times++) {
		long ret = job_attach_itself(slot);

		/* Root may have attached this process meanwhile. */
		if ((ret && ret != -EPERM) || job_execute((long)PROGRAM))
			return -times - 1;
	}
	return times;
}

/*
 * Starts a process that patches text. An attach then waits for text_mutex, after it has looked
 * where the process is.
 */
static pid_t patcher(void)
{
	pid_t pid = fork_tied();

	if (pid)
		return pid;
	for (;;)
		patch_text(1);
}

int main(void)
{
	struct shadowk_shadow *theirs = shadow_new(NULL), *ours = shadow_new(NULL);
	long executed, attached = 0, detached = 0;
	struct delegate user;
	time_t begin;
	pid_t patching;

	enough = shared_memory(4096);
	tiny_write(PROGRAM);
	need(!chmod(PROGRAM, 04755));
	count(theirs, GETPPID);
	delegate_start(&user);
	delegate_share(&user, 0, theirs, BOTH_RIGHTS);
	patching = patcher();
	begin = time(NULL);
	actor_ask(&user.actor, job_storm, 0);
	while (time(NULL) < begin + (attached && detached ? SECONDS : PATIENCE)) {
		struct shadowk_process *processes;
		long nr = list_read(shadowk_process_list, theirs, &processes);

		for (long i = 0; i < nr; i++) {
			pid_t pid = processes[i].pid;

			if (pid == user.actor.pid || !pid)
				continue;
			attached += !shadowk_process_attach(ours, pid);
			detached += !shadowk_process_detach(device(), pid);
		}
		free(processes);
	}
	*enough = true;
	executed = actor_answer(&user.actor);
	kill(patching, SIGKILL);
	wait_for(patching);
	patch_text(1); /* switches the static key off */
	expect(executed > 0, "executions of the program: %ld", executed);
	expect(attached > 0 && detached > 0, "the storm attached %ld and detached %ld", attached,
	       detached);
	expect_eq(hits(theirs, GETPPID), 0, "hits of the program");
	delegate_end(&user);
	unlink(PROGRAM);
	expect(eventually(!module_info().nr_grafts), "grafts at the end: %u, expected 0",
	       module_info().nr_grafts);
	return finish();
}
