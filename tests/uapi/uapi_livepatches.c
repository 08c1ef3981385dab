// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/* Livepatches that cannot be added or promoted are refused with the right reason and @subject. */
#include "uapi.h"

static int dev, handle;

/* A process inside a shadow with CAPTURE loads a livepatch module: it is kept, and not enabled. */
static void capture(const char *module)
{
	struct shk_patch_add arg = { .size = sizeof(arg), .kind = SHK_PATCH_CAPTURE };
	int shadow = (int)shadow_create(dev, "");

	need(!patch_add(shadow, arg));
	need(!enter(shadow));
	need(!module_load(module, ""));
	need(!leave(shadow));
	close(shadow);
}

static void release(const char *module)
{
	expect(module_unload(module), 0);
}

static struct shk_patch_add livepatch(const char *module, uint32_t flags)
{
	struct shk_patch_add arg = module_of(SHK_PATCH_LIVEPATCH, module);

	arg.flags = flags;
	strcpy(arg.name, "p");
	return arg;
}

static void expect_refused(struct shk_patch_add arg, long error, const char *subject)
{
	expect(call(handle, SHK_PATCH_ADD, &arg), error);
	if (subject && strcmp(arg.subject, subject)) {
		printf("@subject is '%.64s', expected '%s'\n", arg.subject, subject);
		failures++;
	}
}

static long promote(const char *name)
{
	struct shk_patch_promote arg = { .size = sizeof(arg) };

	strcpy(arg.name, name);
	return call(handle, SHK_PATCH_PROMOTE, &arg);
}

static void objects(void)
{
	const char *fail = "/sys/module/shk_livepatch_objects/parameters/fail";

	capture("shk_livepatch_module");
	expect_refused(livepatch("shk_livepatch_module", 0),
		       ERROR(ENODEV, SHK_REASON_OBJECT_MISSING), "a_module");
	release("shk_livepatch_module");

	/* The error of a callback. */
	capture("shk_livepatch_objects");
	need(!module_load("shk_slow", "delay_ms=0"));
	need(write_file(fail, "1"));
	expect_refused(livepatch("shk_livepatch_objects", SHK_PATCH_CALLBACKS),
		       ERROR(EXFULL, SHK_REASON_LIVEPATCH), NULL);
	release("shk_livepatch_objects");
	release("shk_slow");
}

static long remove_by_name(const char *name)
{
	struct shk_patch_remove arg = { .size = sizeof(arg) };

	strcpy(arg.name, name);
	return call(handle, SHK_PATCH_REMOVE, &arg);
}

/* Callbacks act on all processes, so they are called only if the caller says so. */
static void callbacks(void)
{
	capture("shk_livepatch_callbacks");
	expect_refused(livepatch("shk_livepatch_callbacks", 0),
		       ERROR(EOPNOTSUPP, SHK_REASON_CALLBACKS), NULL);
	expect(patch_add(handle, livepatch("shk_livepatch_callbacks", SHK_PATCH_CALLBACKS)), 0);
	expect(remove_by_name("p"), 0);
	release("shk_livepatch_callbacks");
}

static bool is_enabled(void)
{
	return !access("/sys/kernel/livepatch/shk_livepatch/enabled", F_OK);
}

static void promoted(void)
{
	struct shk_patch_add nop = nop_of("__x64_sys_getppid");
	struct shk_patch_info info;

	strcpy(nop.name, "nop");
	expect(patch_add(handle, nop), 0);
	expect(promote("nop"), ERROR(EINVAL, SHK_REASON_NOT_LIVEPATCH));
	expect(remove_by_name("nop"), 0);

	capture("shk_livepatch");
	expect(patch_add(handle, livepatch("shk_livepatch", SHK_PATCH_UNSAFE_NOW)), 0);
	expect(promote("p"), 0);
	expect(promote("p"), ERROR(EEXIST, SHK_REASON_PROMOTED));
	expect(list_first(handle, SHK_PATCH_LIST, &info, sizeof(info)), 1);
	expect(info.flags & SHK_PATCH_PROMOTED, SHK_PATCH_PROMOTED);
	expect(remove_by_name("p"), 0);
	/* The kernel accepts the patch once, so the other tests need the module loaded again. */
	for (int i = 0; i < 200 && is_enabled(); i++) {
		write_file("/sys/kernel/livepatch/shk_livepatch/enabled", "0");
		usleep(50000);
	}
	expect_true(!is_enabled());
	release("shk_livepatch");
}

/* Patch modules that no release of shadowk_patch.h makes. */
static void odd_modules(void)
{
	need(!module_load("shk_patch_odd", "odd=0"));
	expect_refused(module_of(SHK_PATCH_MODULE, "shk_patch_odd"),
		       ERROR(ENOEXEC, SHK_REASON_NO_FUNCTIONS), NULL);
	release("shk_patch_odd");
	for (int odd = 1; odd < 4; odd++) {
		char parameters[8];

		snprintf(parameters, sizeof(parameters), "odd=%d", odd);
		need(!module_load("shk_patch_odd", parameters));
		expect_refused(module_of(SHK_PATCH_MODULE, "shk_patch_odd"),
			       ERROR(ENOEXEC, SHK_REASON_PATCH_VERSION), NULL);
		release("shk_patch_odd");
	}
}

/* Shadows that processes may come to at any time, so that threads cannot be waited for. */
static void cannot_wait(void)
{
	const struct {
		long error;
		int shadow;
	} shadows[] = {
		{ ERROR(EOPNOTSUPP, SHK_REASON_POLICY),
		  (int)shadow_create_flags(dev, SHK_ASYNC_OWNER) },
		{ ERROR(EOPNOTSUPP, SHK_REASON_SHARED), (int)shadow_create(dev, "") },
	};

	close((int)handle_derive(shadows[1].shadow, SHK_RIGHT_ATTACH, NULL));
	capture("shk_livepatch");
	for (size_t i = 0; i < ARRAY_SIZE(shadows); i++) {
		int shadow = shadows[i].shadow;

		expect(patch_add(shadow, livepatch("shk_livepatch", 0)), shadows[i].error);
		expect(patch_add(shadow, livepatch("shk_livepatch", SHK_PATCH_UNSAFE_NOW)), 0);
		close(shadow);
	}
	release("shk_livepatch");
}

int main(void)
{
	dev = device_open();
	handle = (int)shadow_create(dev, "uapi");
	need(handle >= 0);
	objects();
	callbacks();
	odd_modules();
	cannot_wait();
	promoted();
	expect(shadow_destroy(handle), 0);
	return finish();
}
