// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * A process that leaves is where it was before it entered: in the base, in the
 * same shadow, in another. Each call in between is a hit where it was made, and
 * nowhere else. Who leaves without having entered is told so.
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

/* The actor is in that shadow, or in the base if -1. */
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
	expect_in(n, "having entered");
}

static void leave(int n, int back)
{
	expect_ret(actor_do(&actor, job_leave, n), 0, "leave %c", 'A' + n);
	expect_in(back, "having left");
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
	expect_in(B, "after that");
	enter(B);
	leave(B, B);
	enter(A);
	leave(A, B);
	leave(B, A);
	leave(A, -1);
	leave_refused(A, "once more");
}

static void comes_back_to_where_it_was_attached(void)
{
	attach(shadows[B], actor.pid);
	leave_refused(B, "which it was attached to");
	enter(A);
	enter(B);
	leave(B, A);
	leave(A, B);
	leave_refused(B, "at the end");
	detach(actor.pid);
}

static void others_end_it(void)
{
	enter(A);
	enter(B);
	attach(shadows[B], actor.pid);
	leave_refused(B, "having been attached");
	expect_in(B, "attached where it was");
	enter(A);
	attach(shadows[C], actor.pid);
	leave_refused(A, "having been moved");
	expect_in(C, "moved");
	enter(A);
	detach(actor.pid);
	leave_refused(A, "having been detached");
	expect_in(-1, "detached");
}

static void has_a_depth(void)
{
	for (int i = 0; i < DEPTH; i++)
		expect_ret(actor_do(&actor, job_enter, i % 2), 0, "stretch %d", i);
	expect_ret(actor_do(&actor, job_enter, C), -ENOSPC, "one more");
	expect_in((DEPTH - 1) % 2, "after that");
	for (int i = DEPTH - 1; i >= 0; i--)
		expect_ret(actor_do(&actor, job_leave, i % 2), 0, "end of stretch %d", i);
	expect_in(-1, "at the end");
}

/* Where it was is no more: it comes to where it was before. */
static void passes_over_what_is_gone(void)
{
	enter(A);
	enter(B);
	enter(C);
	counted[B] = 0;
	expect_ret(shadowk_shadow_destroy(shadows[B]), 0, "destroy what nobody is in");
	shadow_close(shadows[B]);
	shadows[B] = shadow_new(NULL);
	count(shadows[B], GETPPID);
	leave(C, A);
	leave_refused(C, "twice");
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
	/* One that ends in a stretch leaves nothing behind. */
	enter(A);
	enter(C);
	actor_end(&actor);
	expect(eventually(!module_info().nr_grafts), "processes inside at the end");
	return finish();
}
