// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * A process without capabilities gets a derived handle over a socket. It may attach and detach
 * itself, or enter and leave. It may not attach other processes, use the owner's handle, or leave a
 * shadow to which CAP_SYS_ADMIN has attached it.
 */
#include "delegate.h"

enum { OPEN, OPEN_TOO, CLOSED };

static struct shadowk_shadow *shadows[3];
static struct delegate user;

static void comes_and_goes(void)
{
	uint64_t id = shadow_info(shadows[OPEN]).id;

	expect_ret(actor_do(&user.actor, job_detach_itself, OPEN), -ENOENT, "leave from outside");
	expect_ret(actor_do(&user.actor, job_attach_itself, OPEN), 0, "attach itself");
	expect_eq(shadow_of(user.actor.pid), id, "shadow after attach");
	actor_do(&user.actor, job_getppid, 100);
	expect_ret(actor_do(&user.actor, job_getppid_hits, OPEN), 100, "hits that it reads itself");
	expect_ret(actor_do(&user.actor, job_attach_itself, OPEN), 0, "attach itself again");
	expect_ret(actor_do(&user.actor, job_attach_itself, OPEN_TOO), 0, "move");
	expect_eq(shadow_of(user.actor.pid), shadow_info(shadows[OPEN_TOO]).id,
		  "shadow after the move");
	expect_ret(actor_do(&user.actor, job_detach_itself, OPEN), -ENOENT,
		   "leave a shadow in which it is not");
	expect_ret(actor_do(&user.actor, job_detach_itself, OPEN_TOO), 0, "leave");
	expect_eq(shadow_of(user.actor.pid), 0, "shadow after leaving");
	actor_do(&user.actor, job_getppid, 100);
	expect_eq(hits(shadows[OPEN], GETPPID), 100, "hits at the end");
}

static void enters_and_leaves(void)
{
	uint64_t id = shadow_info(shadows[OPEN]).id;

	expect_ret(actor_do(&user.actor, job_attach_itself, OPEN), 0, "attach itself");
	expect_ret(actor_do(&user.actor, job_enter_itself, OPEN_TOO), 0, "enter");
	expect_eq(shadow_of(user.actor.pid), shadow_info(shadows[OPEN_TOO]).id,
		  "shadow after enter");
	expect_ret(actor_do(&user.actor, job_enter_itself, CLOSED), -EPERM,
		   "enter by an owner's handle");
	expect_ret(actor_do(&user.actor, job_leave_itself, OPEN_TOO), 0, "leave");
	expect_eq(shadow_of(user.actor.pid), id, "shadow after leave");
	expect_ret(actor_do(&user.actor, job_detach_itself, OPEN), 0, "detach itself");
}

static void refused(void)
{
	expect_ret(actor_do(&user.actor, job_attach_itself, CLOSED), -EPERM,
		   "attach itself by an owner's handle");
	expect_ret(actor_do(&user.actor, job_getppid_hits, CLOSED), -EPERM,
		   "read by an owner's handle");
	expect_ret(actor_do(&user.actor, job_attach_other, DELEGATE_ORDER(OPEN, getpid())), -EACCES,
		   "attach another process");
	expect_ret(actor_do(&user.actor, job_attach_other, DELEGATE_ORDER(OPEN, 4194304)), -ESRCH,
		   "attach a pid that does not exist");
	expect_eq(shadow_of(getpid()), 0, "shadow of the other process");
}

static void stays_where_it_was_put(void)
{
	uint64_t id = shadow_info(shadows[OPEN]).id;

	need_ok(actor_do(&user.actor, job_attach_itself, OPEN));
	attach(shadows[OPEN], user.actor.pid);
	expect_ret(actor_do(&user.actor, job_attach_itself, OPEN), 0, "attach to the same shadow");
	expect_ret(actor_do(&user.actor, job_detach_itself, OPEN), -EPERM, "leave");
	expect_ret(actor_do(&user.actor, job_attach_itself, OPEN_TOO), -EPERM, "move");
	expect_ret(actor_do(&user.actor, job_enter_itself, OPEN_TOO), -EPERM, "enter another");
	expect_ret(actor_do(&user.actor, job_enter_itself, OPEN), 0, "enter the same shadow");
	expect_ret(actor_do(&user.actor, job_leave_itself, OPEN), 0, "end that stretch");
	expect_ret(actor_do(&user.actor, job_leave_itself, OPEN), -ENOENT,
		   "end a stretch that does not exist");
	expect_ret(actor_do(&user.actor, job_detach_itself, OPEN), -EPERM, "leave after that");
	expect_eq(shadow_of(user.actor.pid), id, "shadow in the end");
	detach(user.actor.pid);
}

int main(void)
{
	shadows[OPEN] = shadow_new("open");
	shadows[OPEN_TOO] = shadow_new(NULL);
	shadows[CLOSED] = shadow_new(NULL);
	count(shadows[OPEN], GETPPID);
	count(shadows[CLOSED], GETPPID);
	delegate_start(&user);
	delegate_share(&user, OPEN, shadows[OPEN], BOTH_RIGHTS);
	delegate_share(&user, OPEN_TOO, shadows[OPEN_TOO], BOTH_RIGHTS);
	delegate_give(&user, CLOSED, shadows[CLOSED]);
	comes_and_goes();
	enters_and_leaves();
	refused();
	stays_where_it_was_put();
	delegate_end(&user);
	expect_ret(shadowk_shadow_destroy(shadows[OPEN]), 0, "destroy");
	return finish();
}
