/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An actor without any right that was passed handles over a socket: slot by
 * slot, as it refers to them afterwards.
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
/* Passes a handle that is derived from it, whose only holder is the actor. Returns its id. */
uint64_t delegate_share(struct delegate *delegate, int slot, struct shadowk_shadow *shadow,
			uint32_t rights);
#define BOTH_RIGHTS (SHADOWK_RIGHT_ATTACH | SHADOWK_RIGHT_READ)

/* Jobs: what the library returns for itself and the handle in a slot. */
long job_attach_itself(long slot);
long job_detach_itself(long slot);
long job_enter_itself(long slot);
long job_leave_itself(long slot);
long job_derive(long slot);
long job_revoke(long slot);
long job_getppid_hits(long slot);
/* For the process @pid: DELEGATE_ORDER(slot, pid). */
#define DELEGATE_ORDER(slot, pid) ((long)(slot) << 32 | (pid))
long job_attach_other(long order);
/* A child executes @path, a string in the test; its exit status, or -signal. */
long job_execute(long path);

#endif /* SHADOWK_TEST_DELEGATE_H */
