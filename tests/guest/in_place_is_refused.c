// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=90 */
/* What cannot be in place is refused for what is wrong with it, and nothing has changed. */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "victims.h"

static struct shadowk_shadow *shadow;

/* In the order of shk_inplace_wrong.c. */
static const struct {
	const char *what;
	int err;
} wrongs[] = {
	{ "a body that is too long", -EFBIG },
	{ "a branch that does not reach", -EOVERFLOW },
	{ "another frame", -EPROTOTYPE },
	{ "a static key", -EPROTO },
	{ "WARN()", -EPROTO },
	{ "an exception", -EPROTO },
	{ "an old body to be called", -EPROTO },
	{ "a function in which a task changes its text", -EADDRNOTAVAIL },
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
	struct shadowk_edit_info edit = { .size = sizeof(edit) };
	unsigned int nr = 0;

	while (need_ok(shadowk_edit_next(shadow, &edit)))
		nr++;
	return nr;
}

static void bodies(void)
{
	char parameters[16];

	for (unsigned int i = 0; i < ARRAY_SIZE(wrongs); i++) {
		unsigned int before = edits();

		snprintf(parameters, sizeof(parameters), "wrong=%u", i);
		need_ok(module_load(victim_path("shk_inplace_wrong"), parameters));
		expect_ret(patch_in_place(shadow, "p", "shk_inplace_wrong"), wrongs[i].err, "%s",
			   wrongs[i].what);
		expect_eq(edits(), before, "edits after %s", wrongs[i].what);
		expect(eventually(!module_unload("shk_inplace_wrong")), "the module is unloaded");
	}
}

/* A probe behind the first instruction of getuid()'s body. */
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

/* One body at a time, and nothing else in it. */
static void neighbours(void)
{
	const char *place;

	patch_return(shadow, "jump", GETUID, 8);
	expect_ret(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EADDRINUSE,
		   "in place below a jump");
	patch_remove(shadow, "jump");
	place = probe_inside();
	expect_ret(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EADDRINUSE,
		   "in place of a body with a probe in it");
	probe_remove(shadow, "inside");

	need_ok(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE));
	expect_ret(try_return(shadow, "q", GETUID, 0), -EADDRINUSE, "a jump over what is in place");
	expect_ret(try_return(shadow, "q", GETUID, SHADOWK_PATCH_IN_PLACE), -EADDRINUSE,
		   "in place twice");
	expect_ret(probe_try(shadow, "inside", place, SHADOWK_PROBE_COUNT, 0), -EADDRINUSE,
		   "a probe in what is in place");
	patch_remove(shadow, "p");
}

/* A system call that begins changes the text, and cannot wait. */
static void during_syscalls(void)
{
	static const unsigned int numbers[] = { SYS_getppid };
	struct shadowk_shadow *target = shadow_new(NULL), *during;

	need_ok(try_return(target, "p", GETUID, SHADOWK_PATCH_IN_PLACE));
	expect_ret(shadowk_syscalls_create(target, numbers, 1, &during, NULL), -ETXTBSY,
		   "select system calls for what is in place");
	patch_remove(target, "p");
	need_ok(shadowk_syscalls_create(target, numbers, 1, &during, NULL));
	expect_ret(try_return(target, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EOPNOTSUPP,
		   "in place during system calls");
	expect_ret(try_return(during, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EOPNOTSUPP,
		   "in place between system calls");
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

/* It cannot ask which thread executes it. */
static void for_a_thread(void)
{
	struct actor alone;

	actor_start_holding(&alone, -1);
	expect_ret(actor_do(&alone, job_enter, 0), 0, "enter alone");
	expect_ret(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -ETXTBSY,
		   "in place while a thread is in alone");
	expect_ret(actor_do(&alone, job_leave, 0), 0, "leave");
	need_ok(try_return(shadow, "p", GETUID, SHADOWK_PATCH_IN_PLACE));
	expect_ret(actor_do(&alone, job_enter, 0), -EXDEV, "enter alone what is in place");
	patch_remove(shadow, "p");
	expect_ret(actor_do(&alone, job_enter, 0), 0, "enter alone in the end");
	expect_ret(actor_do(&alone, job_leave, 0), 0, "leave in the end");
	actor_end(&alone);
}

int main(void)
{
	struct shadowk_shadow *delegable = shadow_new_delegable(NULL);
	struct actor inside;

	need_frames();
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	bodies();
	neighbours();
	during_syscalls();
	for_a_thread();
	expect_ret(try_return(delegable, "p", GETUID, SHADOWK_PATCH_IN_PLACE), -EOPNOTSUPP,
		   "in a shadow that may be left at any time");
	if (module_info().features & SHADOWK_FEATURE_OWN)
		expect_ret(try_return(shadow_new_owner(NULL), "p", GETUID, SHADOWK_PATCH_IN_PLACE),
			   -EOPNOTSUPP, "in a shadow that interrupts come to");
	victim_load();
	expect_ret(try_return(shadow, "p", VICTIM_TEXT, SHADOWK_PATCH_IN_PLACE), -EOPNOTSUPP,
		   "a module's function");
	victims_done();
	actor_end(&inside);
	return finish();
}
