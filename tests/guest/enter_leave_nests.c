// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * A process that leaves returns to where it was when it entered: the base, the same shadow, or
 * another one. Each call is a hit in the shadow in which it was made, and in no other. Leaving
 * without having entered fails.
 */
#include "actor.h"
#include "shadows.h"

enum { A, B, C, NR };

#define CALLS 10
#define DEPTH 64

static struct shadowk_shadow *shadows[NR];
static uint64_t counted[NR];
static struct actor actor;

static long job_enter(long n)
{
	return shadowk_enter(shadows[n]);
}

static long job_leave(long n)
{
	return shadowk_leave(shadows[n]);
}

/* The actor must be in shadow @n, or in the base if -1. */
static void expect_in(int n, const char *when)
{
	actor_do(&actor, job_getppid, CALLS);
	if (n >= 0)
		counted[n] += CALLS;
	for (int i = 0; i < NR; i++)
		expect_eq(hits(shadows[i], GETPPID), counted[i], "hits in shadow %c, %s", 'A' + i,
			  when);
}

static void enter(int n)
{
	expect_ret(actor_do(&actor, job_enter, n), 0, "enter %c", 'A' + n);
	expect_in(n, "after enter");
}

static void leave(int n, int back)
{
	expect_ret(actor_do(&actor, job_leave, n), 0, "leave %c", 'A' + n);
	expect_in(back, "after leave");
}

static void leave_refused(int n, const char *why)
{
	expect_ret(actor_do(&actor, job_leave, n), -ENOENT, "leave %c, %s", 'A' + n, why);
}

static void nests(void)
{
	leave_refused(A, "outside");
	enter(A);
	leave_refused(B, "which was not entered");
	enter(B);
	leave_refused(A, "which is not the innermost");
	expect_in(B, "after a refused leave");
	enter(B);
	leave(B, B);
	enter(A);
	leave(A, B);
	leave(B, A);
	leave(A, -1);
	leave_refused(A, "a second time");
}

static void comes_back_to_where_it_was_attached(void)
{
	attach(shadows[B], actor.pid);
	leave_refused(B, "to which it was attached");
	enter(A);
	enter(B);
	leave(B, A);
	leave(A, B);
	leave_refused(B, "after all stretches");
	detach(actor.pid);
}

static void others_end_it(void)
{
	enter(A);
	enter(B);
	attach(shadows[B], actor.pid);
	leave_refused(B, "after attach");
	expect_in(B, "after attach to the same shadow");
	enter(A);
	attach(shadows[C], actor.pid);
	leave_refused(A, "after a move");
	expect_in(C, "after a move");
	enter(A);
	detach(actor.pid);
	leave_refused(A, "after detach");
	expect_in(-1, "after detach");
}

static void has_a_depth(void)
{
	for (int i = 0; i < DEPTH; i++)
		expect_ret(actor_do(&actor, job_enter, i % 2), 0, "stretch %d", i);
	expect_ret(actor_do(&actor, job_enter, C), -ENOSPC, "one stretch too many");
	expect_in((DEPTH - 1) % 2, "after a refused enter");
	for (int i = DEPTH - 1; i >= 0; i--)
		expect_ret(actor_do(&actor, job_leave, i % 2), 0, "end of stretch %d", i);
	expect_in(-1, "at the end");
}

/*
 * If the shadow to which a stretch returns was destroyed, the process returns to where it was
 * before that.
 */
static void passes_over_what_is_gone(void)
{
	enter(A);
	enter(B);
	enter(C);
	counted[B] = 0;
	expect_ret(shadowk_shadow_destroy(shadows[B]), 0, "destroy a shadow without processes");
	shadow_close(shadows[B]);
	shadows[B] = shadow_new(NULL);
	count(shadows[B], GETPPID);
	leave(C, A);
	leave_refused(C, "a second time");
	leave(A, -1);
}

int main(void)
{
	for (int i = 0; i < NR; i++) {
		shadows[i] = shadow_new(NULL);
		count(shadows[i], GETPPID);
	}
	actor_start_holding(&actor, -1);
	nests();
	comes_back_to_where_it_was_attached();
	others_end_it();
	has_a_depth();
	expect_eq(module_info().nr_grafts, 0, "processes inside");
	passes_over_what_is_gone();
	/* A process that exits in a stretch leaves nothing behind. */
	enter(A);
	enter(C);
	actor_end(&actor);
	expect(eventually(!module_info().nr_grafts), "a process remains inside at the end");
	return finish();
}
