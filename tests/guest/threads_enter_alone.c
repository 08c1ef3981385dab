// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * Of the threads of a process only those act on a shadow's edits that have entered it for
 * themselves: probes count their calls, patches change what these return. The others see the
 * base's, and so does what they fork and execute. Every call counts.
 */
#include <signal.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "reexec.h"
#include "shadows.h"

#define CALLS (kernel_is_slow() ? 100 : 1000)
#define UID   4321

#define GETGID "__x64_sys_getgid"

static struct shadowk_shadow *shadow, *other;
static pthread_barrier_t barrier;
static long wrong;

static void meet(void)
{
	pthread_barrier_wait(&barrier);
}

static void wants(bool right)
{
	if (!right)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static void calls(bool inside)
{
	for (long i = 0; i < CALLS; i++) {
		syscall(SYS_getppid);
		wants((syscall(SYS_getuid) == UID) == inside);
	}
}

static void fork_and_execute(bool inside)
{
	pid_t pid = fork();

	if (!pid) {
		wants((syscall(SYS_getuid) == UID) == inside);
		if (wrong)
			_exit(1);
		execv("/proc/self/exe", reexec_argv(10));
		_exit(111);
	}
	wants(!wait_for(pid));
}

/* Not merely as a thread that does not act. */
static void fork_is_outside(void)
{
	pid_t pid = fork_tied();

	if (!pid)
		for (;;)
			pause();
	wants(!shadow_of(pid));
	kill(pid, SIGKILL);
	wait_for(pid);
}

/* Enters in each second round. */
static void *second(void *unused)
{
	meet();
	calls(false);
	wants(shadowk_leave(shadow) == -ENOENT);
	wants(shadowk_enter(shadow) == -EBUSY);
	wants(shadowk_enter_flags(other, SHADOWK_THREAD) == -EBUSY);
	fork_and_execute(false);
	fork_is_outside();
	wants(!shadowk_enter_flags(shadow, SHADOWK_THREAD));
	calls(true);
	meet();
	/* The first one leaves. */
	meet();
	calls(true);
	wants(!shadowk_leave(shadow));
	calls(false);
	return NULL;
}

/* Returns how much was wrong; of the calls of getppid, 4 * CALLS are inside. */
static long job_threads(long unused)
{
	pthread_t thread;

	wrong = 0;
	pthread_barrier_init(&barrier, NULL, 2);
	need(!pthread_create(&thread, NULL, second, NULL));
	wants(!shadowk_enter_flags(shadow, SHADOWK_THREAD));
	meet();
	calls(true);
	fork_and_execute(true);
	meet();
	wants(!shadowk_leave(shadow));
	calls(false);
	meet();
	pthread_join(thread, NULL);
	return wrong;
}

static long job_enter(long flags)
{
	return shadowk_enter_flags(shadow, (uint32_t)flags);
}

static long job_leave(long unused)
{
	return shadowk_leave(shadow);
}

static long job_execute(long unused)
{
	wrong = 0;
	fork_and_execute(false);
	return wrong;
}

/* Whoever is there with all its threads stays so. */
static void is_no_restriction(struct actor *actor)
{
	uint64_t before;

	attach(shadow, actor->pid);
	before = hits(shadow, GETPPID);
	expect_ret(actor_do(actor, job_enter, SHADOWK_THREAD), 0, "enter where it is");
	actor_do(actor, job_getppid, 10);
	expect_ret(actor_do(actor, job_leave, 0), 0, "leave");
	actor_do(actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID), before + 20, "calls of who is attached");
	detach(actor->pid);
	expect_ret(actor_do(actor, job_execute, 0), 0, "who is outside");
}

/* The edit is in the midst of a function, and has nobody to ask. */
static void refuses_what_cannot_ask(struct actor *actor)
{
	struct shadowk_patch_spec skip = {
		.size = sizeof(skip),
		.kind = SHADOWK_PATCH_SKIP_CALL,
		.name = "skip",
		.symbol = GETGID,
		.object = "from_kgid_munged",
	};

	expect_ret(actor_do(actor, job_enter, SHADOWK_THREAD), 0, "enter");
	expect_refused(shadowk_patch_add(shadow, &skip), -EBUSY, SHADOWK_REASON_THREADS_INSIDE,
		       "leave a call out meanwhile");
	expect_ret(actor_do(actor, job_leave, 0), 0, "leave");
	expect_ret(shadowk_patch_add(shadow, &skip), 0, "leave a call out");
	expect_ret(actor_do(actor, job_enter, SHADOWK_THREAD), -EBUSY, "enter then");
	expect_ret(actor_do(actor, job_enter, 0), 0, "enter with all threads");
	expect_ret(actor_do(actor, job_leave, 0), 0, "leave again");
	patch_remove(shadow, "skip");
	expect_ret(actor_do(actor, job_enter, SHADOWK_THREAD), 0, "enter in the end");
	expect_ret(actor_do(actor, job_leave, 0), 0, "leave in the end");
}

int main(int argc, char **argv)
{
	struct actor actor;
	long n = CALLS;

	reexec_main(argc, argv);
	shadow = shadow_new(NULL);
	other = shadow_new(NULL);
	count(shadow, GETPPID);
	patch_return(shadow, "uid", GETUID, UID);
	actor_start_holding(&actor, -1);
	expect_ret(actor_do(&actor, job_threads, 0), 0, "what was wrong in its threads");
	/* And of the program that the first one has executed. */
	expect_eq(hits(shadow, GETPPID), 3 * n + 10, "calls of those who have entered");
	expect_eq(module_info().nr_grafts, 0, "processes inside");
	is_no_restriction(&actor);
	refuses_what_cannot_ask(&actor);
	actor_end(&actor);
	return finish();
}
