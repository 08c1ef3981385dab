// SPDX-License-Identifier: GPL-2.0-only
/* test: newer races core timeout=90 */
/*
 * A process is attached, moved or detached while exec has already made the program's mm. The
 * program must execute the text to which the process was moved last.
 *
 * An argument of exec lies in a page that userfaultfd serves late, which holds up exec.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "actor.h"
#include "shadows.h"
#include "stuck.h"
#include "tiny.h"

#define PAGE 4096
#define TINY "/tmp/tiny"

/* @there: the process is ready, or in exec. @go: it may continue. */
static int there[2], go[2];

static char *page;
static int userfault;

/* A thread of the process that is in exec. */
static void *give_page(void *unused)
{
	static char argument[PAGE] = "argument";
	struct uffdio_copy copy = { .dst = (uintptr_t)page,
				    .src = (uintptr_t)argument,
				    .len = PAGE };
	struct uffd_msg fault;
	char c;

	need(read(userfault, &fault, sizeof(fault)) == sizeof(fault));
	need(write(there[1], "", 1) == 1);
	need(read(go[0], &c, 1) == 1);
	ioctl(userfault, UFFDIO_COPY, &copy);
	pause();
	return NULL;
}

static pid_t exec_slowly(void)
{
	char *argv[] = { TINY, NULL, NULL };
	pthread_t thread;
	pid_t pid;
	char c;

	pid = fork_tied();
	if (pid)
		return pid;
	page = map_unserved(&userfault);
	need(page);
	need(write(there[1], "", 1) == 1);
	need(read(go[0], &c, 1) == 1);
	need(!pthread_create(&thread, NULL, give_page, NULL));
	argv[1] = page;
	execv(TINY, argv);
	_exit(1);
}

static void let_go(void)
{
	need(write(go[1], "", 1) == 1);
}

/*
 * The process is in @before, and is attached to @during or detached during exec. NULL is the base.
 */
static void expect_follows(struct shadowk_shadow *before, struct shadowk_shadow *during,
			   const char *what)
{
	uint64_t were = before ? hits(before, GETPPID) : 0;
	uint64_t are = during ? hits(during, GETPPID) : 0;
	pid_t pid = exec_slowly();
	char c;

	need(read(there[0], &c, 1) == 1);
	if (before)
		attach(before, pid);
	let_go();
	need(read(there[0], &c, 1) == 1);
	if (during)
		attach(during, pid);
	else
		detach(pid);
	let_go();
	expect_eq(wait_for(pid), 0, "exit status of the program, %s", what);
	if (before && before != during)
		expect_eq(hits(before, GETPPID) - were, 0, "hits in the shadow of before, %s",
			  what);
	if (during)
		expect_eq(hits(during, GETPPID) - are, 1, "hits in the shadow it was moved to, %s",
			  what);
}

/*
 * The process is attached to @first while exec has made the program's mm. When exec uses that mm
 * and has not yet returned to user space, the process is moved to @last, or detached if NULL.
 */
static void expect_follows_late(struct shadowk_shadow *first, struct shadowk_shadow *last,
				const char *what)
{
	uint64_t were = hits(first, GETPPID), are = last ? hits(last, GETPPID) : 0;
	pid_t pid = exec_slowly();
	char parameters[80], c;

	need(read(there[0], &c, 1) == 1);
	let_go();
	need(read(there[0], &c, 1) == 1);
	attach(first, pid);
	/*
	 * finalize_exec(), near the end of exec, waits until the parameter "go" is written. A delay
	 * of some time would be wrong in a busy emulator.
	 */
	snprintf(parameters, sizeof(parameters), "symbol=finalize_exec pid=%d delay_ms=1000000",
		 pid);
	need_ok(module_load(victim_path("shk_stillborn"), parameters));
	let_go();
	need(eventually(read_number("/sys/module/shk_stillborn/parameters/entered") == 1));
	expect(shadow_of(pid), "the process is outside before exec returns to user space, %s",
	       what);
	if (last)
		expect_ret(shadowk_process_attach(last, pid), 0, "moving it late in exec, %s",
			   what);
	else
		expect_ret(shadowk_process_detach(device(), pid), 0,
			   "detaching it late in exec, %s", what);
	expect(!last == !shadow_of(pid), "the process is not where it was moved to, %s", what);
	need(write_file("/sys/module/shk_stillborn/parameters/go", "1"));
	expect_eq(wait_for(pid), 0, "exit status of the program, %s", what);
	expect_eq(hits(first, GETPPID) - were, last == first, "hits in the first shadow, %s", what);
	if (last && last != first)
		expect_eq(hits(last, GETPPID) - are, 1, "hits in the last shadow, %s", what);
	need_ok(module_unload("shk_stillborn"));
}

/*
 * While @shadow has a body in place, a process in exec cannot be attached: exec would end in
 * another text than it began in.
 */
static void expect_waits(struct shadowk_shadow *shadow)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = SHADOWK_PATCH_NOP,
		.flags = SHADOWK_PATCH_IN_PLACE,
		.symbol = "__x64_sys_sync",
	};
	pid_t pid = exec_slowly();
	char c;

	need_ok(shadowk_patch_add(shadow, &spec));
	need(read(there[0], &c, 1) == 1);
	let_go();
	need(read(there[0], &c, 1) == 1);
	expect_ret(shadowk_process_attach(shadow, pid), -EBUSY,
		   "attach during exec, with a patch in place");
	expect_eq(shadowk_busy(), pid, "task in the way, which is in exec");
	let_go();
	expect_eq(wait_for(pid), 0, "exit status of the program that was not attached");
	need_ok(shadowk_patch_remove(shadow, spec.name));
}

int main(void)
{
	struct shadowk_shadow *one, *other;

	if (access("/proc/sys/vm/unprivileged_userfaultfd", F_OK))
		skip("this kernel has no userfaultfd");
	need(!pipe(there) && !pipe(go));
	tiny_write(TINY);
	one = shadow_new(NULL);
	other = shadow_new(NULL);
	count(one, GETPPID);
	count(other, GETPPID);
	expect_follows(NULL, one, "attached");
	expect_follows(one, other, "moved");
	expect_follows(one, NULL, "detached");
	expect_follows(one, one, "attached again");
	/* exec waits in a busy loop there, which takes a CPU. */
	if (nr_cpus() > 1) {
		expect_follows_late(one, NULL, "then detached");
		expect_follows_late(one, other, "then moved");
		expect_follows_late(one, one, "then attached again");
	}
	expect_waits(one);
	unlink(TINY);
	expect(eventually(!module_info().nr_grafts), "grafts at the end: %u, expected 0",
	       module_info().nr_grafts);
	return finish();
}
