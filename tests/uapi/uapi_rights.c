// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * Derived handles permit what their rights say and nothing else, also to root, until they are
 * revoked. Processes that attach by them are inside by delegation.
 */
#include <sched.h>

#include "calls.h"
#include "permissions.h"

#define BOTH	    (SHK_RIGHT_ATTACH | SHK_RIGHT_READ)
#define RIGHTS	    ERROR(EACCES, SHK_REASON_RIGHTS)
#define REVOKED	    ERROR(EACCES, SHK_REASON_REVOKED)
#define ID_UNKNOWN  ERROR(ENOENT, SHK_REASON_ID_UNKNOWN)
#define IN_PLACE_AT "__x64_sys_getuid"

static int dev;

static void bad_rights(int handle)
{
	char *before = state(dev, handle);

	expect(handle_derive(handle, 0, NULL), -EINVAL);
	for (int bit = 2; bit < 32; bit++) {
		expect(handle_derive(handle, 1U << bit, NULL), -EINVAL);
		expect(handle_derive(handle, BOTH | 1U << bit, NULL), -EINVAL);
	}
	expect(handle_revoke(handle, 123456), ID_UNKNOWN);
	expect(handle_revoke(handle, UINT64_MAX), ID_UNKNOWN);
	/* No derived handle exists: all of none are revoked. */
	expect(handle_revoke(handle, 0), 0);
	expect_state(dev, handle, before);
	free(before);
}

/* Which rights permit a call of calls[]. */
static uint32_t permitted_by(unsigned long nr)
{
	switch (nr) {
	case SHK_SHADOW_LIST:
	case SHK_LEAVE:
		return BOTH;
	case SHK_PROCESS_ATTACH:
	case SHK_PROCESS_DETACH:
	case SHK_ENTER:
		return SHK_RIGHT_ATTACH;
	case SHK_PROBE_LIST:
	case SHK_PATCH_LIST:
	case SHK_RAW_LIST:
	case SHK_EDIT_LIST:
		return SHK_RIGHT_READ;
	default:
		return 0;
	}
}

/* Good arguments; those of SHK_PROCESS_* are about the caller's own process. */
static void every_call(int handle, uint32_t rights, long refusal)
{
	static uint64_t buf[1024];

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct one_call *c = &calls[i];
		/* SHK_LEAVE and SHK_SHADOW_LIST need no right, so revoking does not stop them. */
		bool permitted = permitted_by(c->nr) == BOTH || permitted_by(c->nr) & rights;
		long want = permitted ? c->result : refusal;

		if (!c->on_handle)
			continue;
		good_arg(c, buf, sizeof(buf));
		if (c->nr == SHK_PROCESS_ATTACH) {
			const struct shk_process self = process_arg(SELF);

			memcpy(buf, &self, sizeof(self));
			want = permitted ? 0 : refusal;
		}
		expect_call(c, "on a derived handle", call_and_undo(c, handle, buf), want);
		if (c->nr == SHK_PROCESS_ATTACH && permitted)
			expect(detach(handle, SELF), 0);
	}
}

/* A right is about the caller's own process, also for root. */
static void other_processes(int handle)
{
	pid_t pid = sleeper();
	int pidfd = pidfd_of(pid);

	expect(attach(handle, pidfd), RIGHTS);
	expect(detach(handle, pidfd), RIGHTS);
	expect(whereabouts(dev, pidfd), ERROR(ENOENT, SHK_REASON_NOT_INSIDE));
	sleeper_end(pid);
	close(pidfd);
}

static void masks(void)
{
	static const uint32_t rights[] = { SHK_RIGHT_ATTACH, SHK_RIGHT_READ, BOTH };

	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		int owner = (int)shadow_create(dev, "uapi");
		uint64_t id = 0;
		int handle = (int)expect_ok(handle_derive(owner, rights[i], &id));

		expect(fcntl(handle, F_GETFD), FD_CLOEXEC);
		expect_true(id != 0);
		every_call(handle, rights[i], RIGHTS);
		other_processes(handle);
		expect(handle_derive(handle, rights[i], NULL), RIGHTS);
		expect(handle_revoke(handle, 0), RIGHTS);
		expect(handle_revoke(handle, id), RIGHTS);
		expect(handle_revoke(owner, id), 0);
		every_call(handle, 0, REVOKED);
		expect(handle_revoke(owner, id), ID_UNKNOWN);
		close(handle);
		expect(shadow_destroy(owner), 0);
		close(owner);
	}
}

static long may_read(int handle)
{
	uint64_t cursor = 0, element;

	return list_some(handle, SHK_PROBE_LIST, &element, sizeof(element), 1, &cursor);
}

/* Ids tell handles apart, and a revoked or closed one is no longer counted. */
static void ids(void)
{
	int owner = (int)shadow_create(dev, "uapi"), other = (int)shadow_create(dev, "other");
	int handle[4], copy, others;
	uint64_t id[4], others_id;

	for (int i = 0; i < 4; i++) {
		handle[i] = (int)expect_ok(handle_derive(owner, SHK_RIGHT_READ, &id[i]));
		expect_true(id[i] != 0);
		for (int j = 0; j < i; j++)
			expect_true(id[i] != id[j]);
	}
	others = (int)expect_ok(handle_derive(other, SHK_RIGHT_READ, &others_id));
	expect(shadow_info(owner).nr_handles, 4);
	expect(shadow_info(handle[0]).nr_handles, 4);
	expect(shadow_info(other).nr_handles, 1);

	/* One of them. A duplicate is the same handle. */
	copy = dup(handle[0]);
	expect(handle_revoke(owner, id[0]), 0);
	expect(may_read(handle[0]), REVOKED);
	expect(may_read(copy), REVOKED);
	expect(may_read(handle[1]), 0);
	expect(shadow_info(owner).nr_handles, 3);
	close(copy);

	/* A duplicate keeps a handle open. */
	copy = dup(handle[1]);
	close(handle[1]);
	expect(shadow_info(owner).nr_handles, 3);
	close(copy);
	expect(shadow_info(owner).nr_handles, 2);
	expect(handle_revoke(owner, id[1]), ID_UNKNOWN);

	/* All of this shadow, none of another one. */
	expect(handle_revoke(owner, 0), 0);
	expect(may_read(handle[2]), REVOKED);
	expect(may_read(handle[3]), REVOKED);
	expect(shadow_info(owner).nr_handles, 0);
	expect(may_read(others), 0);
	expect(shadow_info(other).nr_handles, 1);

	/* An id is not used again, and a later handle is not revoked. */
	close(handle[0]);
	handle[0] = (int)expect_ok(handle_derive(owner, SHK_RIGHT_READ, &others_id));
	for (int i = 0; i < 4; i++)
		expect_true(others_id != id[i]);
	expect(may_read(handle[0]), 0);

	close(handle[0]);
	close(handle[2]);
	close(handle[3]);
	close(others);
	expect(shadow_destroy(owner), 0);
	expect(handle_derive(owner, SHK_RIGHT_READ, NULL),
	       ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	expect(shadow_destroy(other), 0);
	close(owner);
	close(other);
}

/* A shadow without a name lives as long as a derived handle. */
static void keeps_shadow(void)
{
	int owner = (int)shadow_create(dev, "");
	int handle = (int)expect_ok(handle_derive(owner, SHK_RIGHT_READ, NULL));
	uint64_t id = shadow_info(owner).id;

	close(owner);
	expect((long)shadow_info(handle).id, (long)id);
	owner = (int)expect_ok(shadow_open_id(dev, id));
	close(owner);
	close(handle);
	expect(shadow_open_id(dev, id), ERROR(ENOENT, SHK_REASON_SHADOW_UNKNOWN));
}

/* ---- delegation ---- */

struct shared {
	int handle, derived, other; /* an owner's handle; handles with SHK_RIGHT_ATTACH */
	int ask, answer;
};

/* Waits until the parent has done its part. */
static void turn(const struct shared *s)
{
	char byte = 0;

	need(write(s->answer, &byte, 1) == 1);
	need(read(s->ask, &byte, 1) == 1);
}

static int as_nobody(const struct shared *s)
{
	const long not_delegated = ERROR(EPERM, SHK_REASON_NOT_DELEGATED);

	failures = 0;
	become_nobody();
	/* By delegation. */
	expect(attach(s->handle, SELF), ERROR(EPERM, SHK_REASON_CAPABILITY));
	expect(attach(s->derived, SELF), 0);
	expect(attach(s->other, SELF), 0);
	expect(detach(s->derived, SELF), ERROR(ENOENT, SHK_REASON_NOT_INSIDE));
	expect(detach(s->other, SELF), 0);
	expect(attach(s->derived, SELF), 0);
	expect(enter(s->other), 0);
	expect(leave(s->other), 0);
	expect(whereabouts(dev, SELF), 0);
	expect(detach(dev, SELF), ERROR(EPERM, SHK_REASON_CAPABILITY));
	expect(detach(s->derived, SELF), 0);
	turn(s);
	/* The parent has attached this process by CAP_SYS_ADMIN. */
	expect(attach(s->other, SELF), not_delegated);
	expect(attach(s->derived, SELF), 0); /* where it is */
	expect(detach(s->derived, SELF), not_delegated);
	expect(enter(s->other), not_delegated);
	turn(s);
	/* The parent has detached it; then it revokes the handle by which this one is attached. */
	expect(attach(s->derived, SELF), 0);
	turn(s);
	expect(detach(s->derived, SELF), REVOKED);
	expect(attach(s->other, SELF), 0);
	expect(whereabouts(dev, SELF), 0);
	turn(s);
	return failures != 0;
}

static void delegation(void)
{
	int owner = (int)shadow_create(dev, "uapi"), another = (int)shadow_create(dev, "other");
	int ask[2], answer[2], self, status;
	struct shared s = { .handle = owner };
	uint64_t id;
	pid_t pid;
	char byte;

	need(!pipe(ask) && !pipe(answer));
	s.derived = (int)expect_ok(handle_derive(owner, SHK_RIGHT_ATTACH, &id));
	s.other = (int)expect_ok(handle_derive(another, SHK_RIGHT_ATTACH, NULL));
	s.ask = ask[0];
	s.answer = answer[1];
	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		status = as_nobody(&s);
		fflush(stdout);
		_exit(status);
	}
	self = pidfd_of(pid);
	need(read(answer[0], &byte, 1) == 1);
	expect(attach(owner, self), 0);
	need(write(ask[1], &byte, 1) == 1 && read(answer[0], &byte, 1) == 1);
	expect(detach(dev, self), 0);
	need(write(ask[1], &byte, 1) == 1 && read(answer[0], &byte, 1) == 1);
	expect(handle_revoke(owner, id), 0);
	/* The process stays inside. */
	expect(whereabouts(dev, self), 0);
	expect((long)list_count(owner, SHK_PROCESS_LIST, sizeof(struct shk_process_entry)), 1);
	need(write(ask[1], &byte, 1) == 1 && read(answer[0], &byte, 1) == 1);
	expect(detach(another, self), 0);
	need(write(ask[1], &byte, 1) == 1);
	need(waitpid(pid, &status, 0) == pid);
	expect(status, 0);
	close(self);
	close(s.derived);
	close(s.other);
	for (int i = 0; i < 2; i++)
		close(ask[i]), close(answer[i]);
	expect(shadow_destroy(owner), 0);
	expect(shadow_destroy(another), 0);
	close(owner);
	close(another);
}

/*
 * A stretch by a handle that was revoked meanwhile can be left by that handle, or by another one.
 */
static void revoked_in_stretch(void)
{
	int owner = (int)shadow_create(dev, "uapi");
	uint64_t id;
	int handle = (int)expect_ok(handle_derive(owner, SHK_RIGHT_ATTACH, &id));

	expect(enter(handle), 0);
	expect(enter(handle), 0);
	expect(handle_revoke(owner, id), 0);
	expect(enter(handle), REVOKED);
	expect(leave(handle), 0);
	expect(leave(owner), 0);
	expect(whereabouts(dev, SELF), ERROR(ENOENT, SHK_REASON_NOT_INSIDE));
	close(handle);
	expect(shadow_destroy(owner), 0);
	close(owner);
}

/* SHK_RIGHT_ATTACH and patches for which threads are waited for exclude each other. */
static void shared_shadow(void)
{
	int owner = (int)shadow_create(dev, "uapi"), handle;
	struct shk_patch_add add = return_of(IN_PLACE_AT, 7);

	add.flags = SHK_PATCH_IN_PLACE;
	expect(call(owner, SHK_PATCH_ADD, &add), 0);
	expect(handle_derive(owner, SHK_RIGHT_ATTACH, NULL),
	       ERROR(EBUSY, SHK_REASON_EDITS_IN_PLACE));
	expect(handle_derive(owner, BOTH, NULL), ERROR(EBUSY, SHK_REASON_EDITS_IN_PLACE));
	expect(shadow_info(owner).nr_handles, 0);
	close((int)expect_ok(handle_derive(owner, SHK_RIGHT_READ, NULL)));
	expect(patch_remove(owner, add.id), 0);
	handle = (int)expect_ok(handle_derive(owner, SHK_RIGHT_ATTACH, NULL));
	*add.name = 0;
	expect(patch_add(owner, add), ERROR(EOPNOTSUPP, SHK_REASON_SHARED));
	/* Processes may be inside by delegation though no handle is left. */
	expect(handle_revoke(owner, 0), 0);
	close(handle);
	expect(patch_add(owner, add), ERROR(EOPNOTSUPP, SHK_REASON_SHARED));
	expect(shadow_destroy(owner), 0);
	close(owner);
}

int main(void)
{
	int handle;

	dev = device_open();
	handle = (int)shadow_create(dev, "uapi");
	need(handle >= 0);
	bad_rights(handle);
	expect(shadow_destroy(handle), 0);
	close(handle);
	masks();
	ids();
	keeps_shadow();
	delegation();
	revoked_in_stretch();
	if (in_place_is_possible(dev))
		shared_shadow();
	return finish();
}
