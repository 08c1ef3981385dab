// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * A derived handle permits what its rights name and nothing else, also to root. A revoked handle
 * permits only to leave, and processes stay inside. A shadow from which the right to attach was
 * derived takes no patch for which threads are waited for. A shadow with such a patch does not give
 * that right.
 */
#include "delegate.h"
#include "lists.h"
#include "patches.h"

enum { ATTACH, READ, BOTH, NR_HANDLES };

static struct shadowk_shadow *shadow;
static struct shadowk_shadow *handles[NR_HANDLES];
static uint64_t ids[NR_HANDLES];

/* ---- calls of the library by a handle, made by root ---- */

static long try_attach(struct shadowk_shadow *handle)
{
	long ret = shadowk_process_attach(handle, 0);

	if (!ret)
		need_ok(shadowk_process_detach(device(), 0));
	return ret;
}

static long try_detach(struct shadowk_shadow *handle)
{
	need_ok(shadowk_process_attach(shadow, 0));
	if (!shadowk_process_detach_from(handle, 0))
		return 0;
	expect_eq(shadow_of(getpid()), shadow_info(shadow).id, "shadow after a refused detach");
	/* This call comes last, since the reason of the last call is compared. */
	need_ok(shadowk_process_detach(device(), 0));
	return shadowk_process_detach_from(handle, 0);
}

static long try_enter(struct shadowk_shadow *handle)
{
	long ret = shadowk_enter(handle);

	return ret ?: shadowk_leave(handle);
}

#define LIST(what)                                                        \
	static long try_##what##_list(struct shadowk_shadow *handle)      \
	{                                                                 \
		__auto_type fn = shadowk_##what##_list;                   \
		uint64_t cursor = 0;                                      \
		static char element[4096] __attribute__((aligned(8)));    \
		long ret = fn(handle, &cursor, (void *)element, 2048, 1); \
                                                                          \
		return ret < 0 ? ret : 0;                                 \
	}

LIST(probe)
LIST(patch)
LIST(raw)
LIST(edit)
LIST(process)
LIST(cgroup)
LIST(own)

static long try_probe_add(struct shadowk_shadow *handle)
{
	return probe_try(handle, "p", GETUID, SHADOWK_PROBE_COUNT, 0);
}

static long try_probe_remove(struct shadowk_shadow *handle)
{
	return shadowk_probe_remove(handle, GETPPID);
}

static long try_patch_add(struct shadowk_shadow *handle)
{
	struct shadowk_patch_spec spec = { .size = sizeof(spec),
					   .kind = SHADOWK_PATCH_NOP,
					   .symbol = GETUID };

	return shadowk_patch_add(handle, &spec);
}

static long try_patch_remove(struct shadowk_shadow *handle)
{
	return shadowk_patch_remove(handle, "p");
}

static long try_patch_promote(struct shadowk_shadow *handle)
{
	return shadowk_patch_promote(handle, "p");
}

static long try_raw_add(struct shadowk_shadow *handle)
{
	struct shadowk_raw_spec spec = { .size = sizeof(spec),
					 .flags = SHADOWK_RAW_IDENTITY,
					 .symbol = GETUID };

	return shadowk_raw_add(handle, &spec);
}

static long try_raw_remove(struct shadowk_shadow *handle)
{
	return shadowk_raw_remove(handle, 1);
}

static long try_text_read(struct shadowk_shadow *handle)
{
	struct shadowk_text text = { .size = sizeof(text), .symbol = GETUID };

	return shadowk_text_read(handle, &text);
}

static long try_syscalls_create(struct shadowk_shadow *handle)
{
	static const unsigned int number = 39; /* getpid */
	struct shadowk_shadow *during;

	return shadowk_syscalls_create(handle, &number, 1, &during, NULL);
}

static long try_cgroup_attach(struct shadowk_shadow *handle)
{
	return shadowk_cgroup_attach(handle, "/");
}

static long try_cgroup_detach(struct shadowk_shadow *handle)
{
	return shadowk_cgroup_detach_from(handle, "/");
}

static long try_own(struct shadowk_shadow *handle)
{
	return shadowk_own_irq(handle, 4);
}

static long try_disown(struct shadowk_shadow *handle)
{
	return shadowk_disown_irq(handle, 4);
}

static long try_derive(struct shadowk_shadow *handle)
{
	struct shadowk_shadow *derived;

	return shadowk_handle_derive(handle, SHADOWK_RIGHT_READ, &derived, NULL);
}

static long try_revoke(struct shadowk_shadow *handle)
{
	return shadowk_handle_revoke(handle, 0);
}

static long try_destroy(struct shadowk_shadow *handle)
{
	return shadowk_shadow_destroy(handle);
}

static const struct {
	const char *what;
	long (*call)(struct shadowk_shadow *handle);
	uint32_t right; /* permits the call; 0: none does */
} calls[] = {
	{ "attach", try_attach, SHADOWK_RIGHT_ATTACH },
	{ "detach", try_detach, SHADOWK_RIGHT_ATTACH },
	{ "enter", try_enter, SHADOWK_RIGHT_ATTACH },
	{ "list probes", try_probe_list, SHADOWK_RIGHT_READ },
	{ "list patches", try_patch_list, SHADOWK_RIGHT_READ },
	{ "list raw edits", try_raw_list, SHADOWK_RIGHT_READ },
	{ "list edits", try_edit_list, SHADOWK_RIGHT_READ },
	{ "list processes", try_process_list, 0 },
	{ "list cgroups", try_cgroup_list, 0 },
	{ "list owned lines and threads", try_own_list, 0 },
	{ "add a probe", try_probe_add, 0 },
	{ "remove a probe", try_probe_remove, 0 },
	{ "add a patch", try_patch_add, 0 },
	{ "remove a patch", try_patch_remove, 0 },
	{ "promote a patch", try_patch_promote, 0 },
	{ "add a raw edit", try_raw_add, 0 },
	{ "remove a raw edit", try_raw_remove, 0 },
	{ "read text", try_text_read, 0 },
	{ "select system calls", try_syscalls_create, 0 },
	{ "attach a cgroup", try_cgroup_attach, 0 },
	{ "detach a cgroup", try_cgroup_detach, 0 },
	{ "own", try_own, 0 },
	{ "disown", try_disown, 0 },
	{ "derive", try_derive, 0 },
	{ "revoke", try_revoke, 0 },
	{ "destroy", try_destroy, 0 },
};

static void as_rights_say(enum shadowk_reason refused, const char *when)
{
	static const uint32_t rights[] = {
		[ATTACH] = SHADOWK_RIGHT_ATTACH,
		[READ] = SHADOWK_RIGHT_READ,
		[BOTH] = BOTH_RIGHTS,
	};

	for (int i = 0; i < NR_HANDLES; i++)
		for (size_t n = 0; n < ARRAY_SIZE(calls); n++) {
			bool has = rights[i] & calls[n].right;
			bool permitted = has && refused == SHADOWK_REASON_RIGHTS;
			long ret = calls[n].call(handles[i]);
			uint32_t reason = shadowk_reason();

			expect_ret(ret, permitted ? 0 : -EACCES, "%s by handle %d, %s",
				   calls[n].what, i, when);
			if (!permitted)
				expect_eq(reason, refused, "reason of %s by handle %d, %s",
					  calls[n].what, i, when);
		}
}

/* Reading the shadow's id needs no right and no capability. */
static void is_known(const char *when)
{
	for (int i = 0; i < NR_HANDLES; i++)
		expect_eq(shadow_info(handles[i]).id, shadow_info(shadow).id, "id by handle %d, %s",
			  i, when);
}

static void derives(void)
{
	struct shadowk_shadow *never;

	expect_eq(shadow_info(shadow).nr_handles, 0, "handles in the beginning");
	handles[ATTACH] = shadow_derive(shadow, SHADOWK_RIGHT_ATTACH, &ids[ATTACH]);
	handles[READ] = shadow_derive(shadow, SHADOWK_RIGHT_READ, &ids[READ]);
	handles[BOTH] = shadow_derive(shadow, BOTH_RIGHTS, &ids[BOTH]);
	expect_eq(shadow_info(shadow).nr_handles, 3, "handles");
	expect(ids[ATTACH] && ids[ATTACH] < ids[READ] && ids[READ] < ids[BOTH], "ids do not grow");
	expect_ret(shadowk_handle_derive(shadow, 0, &never, NULL), -EINVAL, "derive no right");
	expect_ret(shadowk_handle_derive(shadow, 4, &never, NULL), -EINVAL, "derive another right");
	expect_eq(shadow_info(shadow).nr_handles, 3, "handles after refused calls");
}

static void ids_are_of_open_handles(void)
{
	struct shadowk_shadow *other = shadow_new(NULL);
	uint64_t id;

	shadow_close(shadow_derive(shadow, SHADOWK_RIGHT_READ, &id));
	expect_eq(shadow_info(shadow).nr_handles, 3, "handles after one is closed");
	expect_refused(shadowk_handle_revoke(shadow, id), -ENOENT, SHADOWK_REASON_ID_UNKNOWN,
		       "revoke a closed handle");
	expect_refused(shadowk_handle_revoke(shadow, id + 1), -ENOENT, SHADOWK_REASON_ID_UNKNOWN,
		       "revoke an unknown handle");
	expect_refused(shadowk_handle_revoke(other, ids[READ]), -ENOENT, SHADOWK_REASON_ID_UNKNOWN,
		       "revoke a handle of another shadow");
	expect_ret(shadowk_handle_revoke(other, 0), 0,
		   "revoke all handles of a shadow that has none");
	shadow_close(other);
}

/* The holder is in the shadow, and in a stretch there, when its handle is revoked. */
static void holder_stays(struct delegate *user)
{
	uint64_t id = shadow_info(shadow).id, before, handle;

	handle = delegate_share(user, 0, shadow, BOTH_RIGHTS);
	expect_ret(actor_do(&user->actor, job_attach_itself, 0), 0, "attach");
	expect_ret(actor_do(&user->actor, job_enter_itself, 0), 0, "enter");
	before = hits(shadow, GETPPID);
	expect_ret(shadowk_handle_revoke(shadow, handle), 0, "revoke");
	expect_eq(shadow_of(user->actor.pid), id, "shadow after the handle is revoked");
	expect_ret(actor_do(&user->actor, job_getppid_hits, 0), -EACCES,
		   "read by a revoked handle");
	expect_ret(actor_do(&user->actor, job_enter_itself, 0), -EACCES,
		   "enter by a revoked handle");
	expect_ret(actor_do(&user->actor, job_detach_itself, 0), -EACCES,
		   "detach by a revoked handle");
	expect_ret(actor_do(&user->actor, job_leave_itself, 0), 0, "leave by a revoked handle");
	expect_ret(actor_do(&user->actor, job_leave_itself, 0), -ENOENT, "leave a second time");
	actor_do(&user->actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID) - before, 10, "hits after the stretch");
	expect_ret(actor_do(&user->actor, job_attach_itself, 0), -EACCES,
		   "attach by a revoked handle");
	detach(user->actor.pid);
	expect_ret(actor_do(&user->actor, job_attach_itself, 0), -EACCES,
		   "attach by a revoked handle, from outside");
}

static void revokes(void)
{
	uint64_t id;

	shadow_close(handles[READ]);
	handles[READ] = shadow_derive(shadow, SHADOWK_RIGHT_READ, &ids[READ]);
	expect_ret(shadowk_handle_revoke(shadow, ids[READ]), 0, "revoke one handle");
	expect_eq(shadow_info(shadow).nr_handles, 2, "handles after one is revoked");
	expect_refused(try_probe_list(handles[READ]), -EACCES, SHADOWK_REASON_REVOKED,
		       "read by the revoked handle");
	expect_ret(try_probe_list(handles[BOTH]), 0, "read by another handle");
	expect_refused(shadowk_handle_revoke(shadow, ids[READ]), -ENOENT, SHADOWK_REASON_ID_UNKNOWN,
		       "revoke a handle a second time");
	expect_ret(shadowk_handle_revoke(shadow, 0), 0, "revoke all handles");
	expect_eq(shadow_info(shadow).nr_handles, 0, "handles after all are revoked");
	as_rights_say(SHADOWK_REASON_REVOKED, "revoked");
	is_known("revoked");
	shadow_close(shadow_derive(shadow, SHADOWK_RIGHT_READ, &id));
	expect(id > ids[READ], "an id is used again");
}

/* An owner's handle derives and revokes only in the hands of root. */
static void needs_root(struct delegate *user)
{
	delegate_give(user, 1, shadow);
	expect_ret(actor_do(&user->actor, job_derive, 1), -EPERM, "derive without capabilities");
	expect_ret(actor_do(&user->actor, job_revoke, 1), -EPERM, "revoke without capabilities");
}

static long try_in_place(struct shadowk_shadow *to)
{
	struct shadowk_patch_spec spec = { .size = sizeof(spec),
					   .kind = SHADOWK_PATCH_RETURN,
					   .flags = SHADOWK_PATCH_IN_PLACE,
					   .name = "p",
					   .symbol = GETUID };

	return shadowk_patch_add(to, &spec);
}

static void excludes_patches_that_wait(void)
{
	struct shadowk_shadow *other = shadow_new(NULL), *handle;

	if (try_in_place(other)) {
		printf("# no patch can be in place on this machine\n");
		shadow_close(other);
		return;
	}
	expect_refused(shadowk_handle_derive(other, SHADOWK_RIGHT_ATTACH, &handle, NULL), -EBUSY,
		       SHADOWK_REASON_EDITS_IN_PLACE,
		       "derive the right to attach, with a patch in place");
	shadow_derive(other, SHADOWK_RIGHT_READ, NULL);
	patch_remove(other, "p");
	shadow_derive(other, SHADOWK_RIGHT_ATTACH, NULL);
	expect_refused(try_in_place(other), -EOPNOTSUPP, SHADOWK_REASON_SHARED,
		       "patch in place after the right to attach was derived");
	/* Its holder may have passed the handle on to any process. */
	need_ok(shadowk_handle_revoke(other, 0));
	expect_refused(try_in_place(other), -EOPNOTSUPP, SHADOWK_REASON_SHARED,
		       "patch in place after that handle was revoked");
	expect_ret(try_patch_add(other), 0, "a patch for which no thread is waited for");
	need_ok(shadowk_shadow_destroy(other));
	expect_refused(shadowk_handle_derive(other, SHADOWK_RIGHT_READ, &handle, NULL), -ESTALE,
		       SHADOWK_REASON_SHADOW_DESTROYED, "derive from a destroyed shadow");
}

int main(void)
{
	struct delegate user;

	shadow = shadow_new(NULL);
	count(shadow, GETPPID);
	delegate_start(&user);
	derives();
	as_rights_say(SHADOWK_REASON_RIGHTS, "derived");
	is_known("derived");
	expect_eq(shadow_info(shadow).nr_probes, 1, "probes after all calls");
	ids_are_of_open_handles();
	holder_stays(&user);
	needs_root(&user);
	revokes();
	excludes_patches_that_wait();
	delegate_end(&user);
	return finish();
}
