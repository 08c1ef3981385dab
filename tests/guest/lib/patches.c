// SPDX-License-Identifier: GPL-2.0-only
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "actor.h"
#include "patches.h"

void patch_return(struct shadowk_shadow *shadow, const char *name, const char *symbol, long value)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = SHADOWK_PATCH_RETURN,
		.value = value,
	};

	strcpy(spec.name, name);
	strcpy(spec.symbol, symbol);
	need_ok(shadowk_patch_add(shadow, &spec));
}

static int try_module(struct shadowk_shadow *shadow, const char *name, const char *module,
		      uint32_t flags)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = SHADOWK_PATCH_MODULE,
		.flags = flags,
	};

	strcpy(spec.name, name);
	strcpy(spec.object, module);
	return shadowk_patch_add(shadow, &spec);
}

void patch_module(struct shadowk_shadow *shadow, const char *name, const char *module)
{
	need_ok(try_module(shadow, name, module, 0));
}

bool has_frames(void)
{
	struct utsname name;

	need(!uname(&name));
	return !strstr(name.release, "debug");
}

void need_frames(void)
{
	if (!has_frames())
		skip("test modules have other stack frames than this kernel's functions");
}

void inplace_load(void)
{
	need_frames();
	need_ok(module_load(victim_path("shk_inplace"), ""));
}

void need_pause_in_place(void)
{
	if (kernel_symbol("__trace_set_current_state"))
		skip("pause() has a static key on this kernel, so no body replaces it in place");
}

int patch_in_place(struct shadowk_shadow *shadow, const char *name, const char *module)
{
	return try_module(shadow, name, module, SHADOWK_PATCH_IN_PLACE);
}

void expect_in_the_way(pid_t tid, int err, const char *what)
{
	expect_ret(err, -EBUSY, "%s", what);
	expect_eq(shadowk_busy(), tid, "task in the way");
	expect(sleeps_in(tid, SYS_pause), "the task in the way no longer sleeps in pause()");
}

int livepatch_try(struct shadowk_shadow *shadow, const char *module, uint32_t flags)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = SHADOWK_PATCH_LIVEPATCH,
		.flags = flags,
		.name = "p",
	};

	snprintf(spec.object, sizeof(spec.object), "%s", module);
	return shadowk_patch_add(shadow, &spec);
}

void patch_remove(struct shadowk_shadow *shadow, const char *name)
{
	need_ok(shadowk_patch_remove(shadow, name));
}

long job_syscall(long nr)
{
	long ret = syscall(nr);

	return ret < 0 ? -errno : ret;
}
