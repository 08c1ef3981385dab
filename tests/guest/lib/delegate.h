/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A delegate is an actor without root's rights. The test passes it handles of shadows over a
 * socket. Each handle gets a slot, by which the jobs name it.
 */
#ifndef SHADOWK_TEST_DELEGATE_H
#define SHADOWK_TEST_DELEGATE_H

#include "actor.h"
#include "shadows.h"

#define USER_ID 1000

struct delegate {
	struct actor actor;
	int socket;
};

void delegate_start(struct delegate *delegate);
void delegate_end(struct delegate *delegate);
/* Passes @shadow's own handle. */
void delegate_give(struct delegate *delegate, int slot, struct shadowk_shadow *shadow);
/* Derives a handle with @rights and passes it. Only the actor holds it then. Returns its id. */
uint64_t delegate_share(struct delegate *delegate, int slot, struct shadowk_shadow *shadow,
			uint32_t rights);
#define BOTH_RIGHTS (SHADOWK_RIGHT_ATTACH | SHADOWK_RIGHT_READ)

/*
 * Jobs that call the library for the actor itself and the handle in @slot, and return its result.
 */
long job_attach_itself(long slot);
long job_detach_itself(long slot);
long job_enter_itself(long slot);
long job_leave_itself(long slot);
long job_derive(long slot);
long job_revoke(long slot);
long job_getppid_hits(long slot);
/* Attaches process @pid by the handle in @slot. @order is DELEGATE_ORDER(slot, pid). */
#define DELEGATE_ORDER(slot, pid) ((long)(slot) << 32 | (pid))
long job_attach_other(long order);
/*
 * Executes the program at @path, a string of the test, in a child. Returns its exit status, or
 * -signal.
 */
long job_execute(long path);

#endif /* SHADOWK_TEST_DELEGATE_H */
