// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=90 */
/* A patch that cannot be in place is refused with the reason that applies, and changes nothing. */
#include <sys/syscall.h>

#include "lists.h"
#include "actor.h"
#include "patches.h"
#include "victims.h"

static struct shadowk_shadow *shadow;

/* In the order of shk_inplace_wrong.c. */
static const struct {
	const char *what;
	uint32_t reason;
} wrongs[] = {
	{ "a body that is too long", SHADOWK_REASON_BODY_TOO_LONG },
	{ "a branch that does not reach", SHADOWK_REASON_BODY_OUT_OF_REACH },
	{ "another frame", SHADOWK_REASON_BODY_FRAMES },
	{ "a static key", SHADOWK_REASON_BODY_FIXED },
	{ "WARN()", SHADOWK_REASON_BODY_FIXED },
	{ "an exception", SHADOWK_REASON_BODY_FIXED },
	{ "a call of the old body", SHADOWK_REASON_BODY_FIXED },
	{ "a function in which a task changes its text", SHADOWK_REASON_CHANGES_TEXT },
};

static int try_return(struct shadowk_shadow *in, const char *name, const char *symbol,
		      uint32_t flags)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = SHADOWK_PATCH_RETURN,
		.flags = flags,
		.value = 7,
	};

	strcpy(spec.name, name);
	strcpy(spec.symbol, symbol);
	return shadowk_patch_add(in, &spec);
}

static unsigned int edits(void)
{
	struct shadowk_edit_info *edits;
	long nr = need_ok(list_read(shadowk_edit_list, shadow, &edits));

	free(edits);
	return (unsigned int)nr;
}

static void bodies(void)
{
	char parameters[16];

	for (unsigned int i = 0; i < ARRAY_SIZE(wrongs); i++) {
		unsigned int before = edits();

		snprintf(parameters, sizeof(parameters), "wrong=%u", i);
		need_ok(module_load(victim_path("shk_inplace_wrong"), parameters));
		expect_refused(patch_in_place(shadow, "p", "shk_inplace_wrong"), -EOPNOTSUPP,
			       wrongs[i].reason, "%s", wrongs[i].what);
		expect_eq(edits(), before, "edits after %s", wrongs[i].what);
		expect(eventually(!module_unload("shk_inplace_wrong")),
		       "the module cannot be unloaded");
	}
}

/* Adds a probe inside the body of getuid(), behind its first instruction. Returns its place. */
static const char *probe_inside(void)
{
	static char place[64];
	long err = -1;

	for (unsigned int offset = 10; offset < 30 && err; offset++) {
		snprintf(place, sizeof(place), GETUID "+%u", offset);
		err = probe_try(shadow, "inside", place, SHADOWK_PROBE_COUNT, 0);
	}
	need_ok(err);
	return place;
}

/*
 * The base's body has a static key. If it were replaced and a process inside registered a kprobe,
 * the kernel would decode the instruction there in that process's text.
 */
static void keys(void)
{
	expect_refused(try_return(shadow, "p", "__x64_sys_munlockall", SHADOWK_PATCH_IN_PLACE),
		       -EOPNOTSUPP, SHADOWK_REASON_BODY_FIXED, "a static key in the base's body");
}

/* A body in place excludes other patches of the function, and probes in the body. */
static void neighbours(void)
{
	const char *place;

	patch_return(shadow, "jump", GETUID, 8);
	expect_refused(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EBUSY,
		       SHADOWK_REASON_EDIT_THERE, "in place, with a patch by jump");
	patch_remove(shadow, "jump");
	place = probe_inside();
	expect_refused(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EBUSY,
		       SHADOWK_REASON_EDIT_THERE, "in place, with a probe in the body");
	probe_remove(shadow, "inside");

	need_ok(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE));
	expect_refused(try_return(shadow, "q", GETUID, 0), -EBUSY, SHADOWK_REASON_EDIT_THERE,
		       "a patch by jump of a body in place");
	expect_refused(try_return(shadow, "q", GETUID, SHADOWK_PATCH_IN_PLACE), -EBUSY,
		       SHADOWK_REASON_EDIT_THERE, "a second patch in place");
	expect_refused(probe_try(shadow, "inside", place, SHADOWK_PROBE_COUNT, 0), -EBUSY,
		       SHADOWK_REASON_EDIT_THERE, "a probe in a body in place");
	patch_remove(shadow, "p");
}

/* A system call that begins changes the text, and cannot wait for threads. */
static void during_syscalls(void)
{
	static const unsigned int numbers[] = { SYS_getppid };
	struct shadowk_shadow *target = shadow_new(NULL), *during;

	need_ok(try_return(target, "p", GETUID, SHADOWK_PATCH_IN_PLACE));
	expect_refused(shadowk_syscalls_create(target, numbers, 1, &during, NULL), -EBUSY,
		       SHADOWK_REASON_EDITS_IN_PLACE,
		       "select system calls for a shadow with a body in place");
	patch_remove(target, "p");
	need_ok(shadowk_syscalls_create(target, numbers, 1, &during, NULL));
	expect_refused(try_return(target, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EOPNOTSUPP,
		       SHADOWK_REASON_HAS_CALLERS, "in place in the target of system calls");
	expect_refused(try_return(during, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EOPNOTSUPP,
		       SHADOWK_REASON_SYSCALLS_ONLY, "in place in a caller shadow");
	shadowk_shadow_close(during);
	need_ok(try_return(target, "p", GETUID, SHADOWK_PATCH_IN_PLACE));
	shadow_close(target);
}

static long job_enter(long unused)
{
	return shadowk_enter_flags(shadow, SHADOWK_THREAD);
}

static long job_leave(long unused)
{
	return shadowk_leave(shadow);
}

/* A body in place cannot ask which thread executes it. */
static void for_a_thread(void)
{
	struct actor alone;

	actor_start_holding(&alone, -1);
	expect_ret(actor_do(&alone, job_enter, 0), 0, "enter with one thread");
	expect_refused(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EBUSY,
		       SHADOWK_REASON_THREADS_INSIDE, "in place while one thread is in alone");
	expect_ret(actor_do(&alone, job_leave, 0), 0, "leave");
	need_ok(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE));
	expect_ret(actor_do(&alone, job_enter, 0), -EBUSY,
		   "enter with one thread, with a body in place");
	patch_remove(shadow, "p");
	expect_ret(actor_do(&alone, job_enter, 0), 0, "enter with one thread in the end");
	expect_ret(actor_do(&alone, job_leave, 0), 0, "leave in the end");
	actor_end(&alone);
}

int main(void)
{
	struct shadowk_shadow *shared = shadow_new(NULL), *handle;
	struct actor inside;

	need_frames();
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	bodies();
	keys();
	neighbours();
	during_syscalls();
	for_a_thread();
	need_ok(try_return(shared, "p", GETUID, SHADOWK_PATCH_IN_PLACE));
	expect_refused(shadowk_handle_derive(shared, SHADOWK_RIGHT_ATTACH, &handle, NULL), -EBUSY,
		       SHADOWK_REASON_EDITS_IN_PLACE,
		       "a handle with the right to attach, with a body in place");
	patch_remove(shared, "p");
	shadow_derive(shared, SHADOWK_RIGHT_ATTACH, NULL);
	expect_refused(try_return(shared, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EOPNOTSUPP,
		       SHADOWK_REASON_SHARED, "in place in a shadow with a handle to attach");
	if (module_info().features & SHADOWK_FEATURE_OWN)
		expect_refused(try_return(shadow_new_owner(NULL), "p", GETUID,
					  SHADOWK_PATCH_IN_PLACE),
			       -EOPNOTSUPP, SHADOWK_REASON_POLICY,
			       "in place in a shadow that owns interrupts");
	victim_load();
	expect_ret(try_return(shadow, "p", VICTIM_TEXT, SHADOWK_PATCH_IN_PLACE), -EOPNOTSUPP,
		   "in place of a module's function");
	victims_done();
	actor_end(&inside);
	return finish();
}
