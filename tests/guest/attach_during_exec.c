// SPDX-License-Identifier: GPL-2.0-only
/* test: races core timeout=90 */
/*
 * A process is attached, moved or detached while it is in exec, which has made
 * the program's mm already: the program runs where the process was put.
 *
 * exec is held up by an argument whose page comes by userfaultfd.
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

/* The process is ready, or in exec; it may go on. */
static int there[2], go[2];

static char *page;
static int userfault;

/* A thread of who is in exec. */
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

/* @before, then @during exec: shadows to be in, NULL for the base. */
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
		expect_eq(hits(before, GETPPID) - were, 0, "hits where it was, %s", what);
	if (during)
		expect_eq(hits(during, GETPPID) - are, 1, "hits where it was put, %s", what);
}

/*
 * Attached to @first while exec has made the mm of its program, and then, when it has taken that
 * into use and has yet to come to user space, put into @last, or the base if NULL.
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
	/* The end of exec takes until that is told; not by the clock, which a busy emulator mistakes. */
	snprintf(parameters, sizeof(parameters), "symbol=finalize_exec pid=%d delay_ms=1000000",
		 pid);
	need_ok(module_load(victim_path("shk_stillborn"), parameters));
	let_go();
	need(eventually(read_number("/sys/module/shk_stillborn/parameters/entered") == 1));
	expect(shadow_of(pid), "it is in a shadow before it comes to user space, %s", what);
	if (last)
		expect_ret(shadowk_process_attach(last, pid), 0, "moving it there, %s", what);
	else
		expect_ret(shadowk_process_detach(device(), pid), 0, "detaching it there, %s",
			   what);
	expect(!last == !shadow_of(pid), "it is where it was put, %s", what);
	need(write_file("/sys/module/shk_stillborn/parameters/go", "1"));
	expect_eq(wait_for(pid), 0, "exit status of the program, %s", what);
	expect_eq(hits(first, GETPPID) - were, last == first, "hits where it was first, %s", what);
	if (last && last != first)
		expect_eq(hits(last, GETPPID) - are, 1, "hits where it was last, %s", what);
	need_ok(module_unload("shk_stillborn"));
}

/* One text all the way, where a body may be in place: exec is waited for. */
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
	expect_ret(shadowk_process_attach(shadow, pid), -EBUSY, "attaching, with a patch in place");
	expect_eq(shadowk_busy(), pid, "who is in exec");
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
	/* What holds exec up there has a CPU to itself. */
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
