// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * Only those threads of a process that have entered a shadow with SHADOWK_THREAD act on its edits:
 * probes count their calls, and patches change the results. Other threads have the base's results,
 * and so do their children and programs. Every call counts.
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

#define GETGID	"__x64_sys_getgid"
#define GETEGID "__x64_sys_getegid"

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
		syscall(SYS_getegid);
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

/* The child is outside, and not just a process whose threads do not act. */
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

/*
 * The second thread acts on the edits from its enter to its leave, whether or not the first one
 * does.
 */
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
	/* The first thread leaves between these two. */
	meet();
	calls(true);
	wants(!shadowk_leave(shadow));
	calls(false);
	return NULL;
}

/*
 * Returns how many checks have failed. Of the calls of getppid() and getegid(), 3 * CALLS each are
 * made by threads that have entered.
 */
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

/* In a process that is attached, all threads act on the edits, whether or not they have entered. */
static void is_no_restriction(struct actor *actor)
{
	uint64_t before;

	attach(shadow, actor->pid);
	before = hits(shadow, GETPPID);
	expect_ret(actor_do(actor, job_enter, SHADOWK_THREAD), 0,
		   "enter with one thread, attached to the same shadow");
	actor_do(actor, job_getppid, 10);
	expect_ret(actor_do(actor, job_leave, 0), 0, "leave");
	actor_do(actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID), before + 20, "hits of an attached process");
	detach(actor->pid);
	expect_ret(actor_do(actor, job_execute, 0), 0, "failed checks of a process outside");
}

/* A skipped call is in the middle of a function, where no code can ask for the thread. */
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
		       "skip a call while one thread has entered");
	expect_ret(actor_do(actor, job_leave, 0), 0, "leave");
	expect_ret(shadowk_patch_add(shadow, &skip), 0, "skip a call");
	expect_ret(actor_do(actor, job_enter, SHADOWK_THREAD), -EBUSY,
		   "enter with one thread, with a skipped call");
	expect_ret(actor_do(actor, job_enter, 0), 0, "enter with all threads");
	expect_ret(actor_do(actor, job_leave, 0), 0, "leave again");
	patch_remove(shadow, "skip");
	expect_ret(actor_do(actor, job_enter, SHADOWK_THREAD), 0,
		   "enter with one thread in the end");
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
	probe_add(shadow, "event", GETEGID, SHADOWK_PROBE_EVENT, 0);
	patch_return(shadow, "uid", GETUID, UID);
	actor_start_holding(&actor, -1);
	expect_ret(actor_do(&actor, job_threads, 0), 0, "failed checks in the threads");
	/* The program that the first thread executes makes the 10 other calls. */
	expect_eq(hits(shadow, GETPPID), 3 * n + 10, "hits of threads that have entered");
	expect_eq(hits(shadow, "event"), 3 * n, "events of threads that have entered");
	expect_eq(module_info().nr_grafts, 0, "processes inside");
	is_no_restriction(&actor);
	refuses_what_cannot_ask(&actor);
	actor_end(&actor);
	return finish();
}
