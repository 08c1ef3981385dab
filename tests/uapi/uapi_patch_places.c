// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * Patches that cannot be added are refused with the right reason. @subject names the function or
 * module that the reason is about, and nothing changes.
 */
#include "uapi.h"

#define GETPPID "__x64_sys_getppid"

static int handle;

static long add(struct shk_patch_add arg)
{
	return patch_add(handle, arg);
}

/* Expects that @arg is refused, and that @subject names what the error is about. */
static void expect_subject(struct shk_patch_add arg, long error, const char *subject)
{
	memset(arg.subject, 'x', sizeof(arg.subject));
	expect(call(handle, SHK_PATCH_ADD, &arg), error);
	if (strncmp(arg.subject, subject, sizeof(arg.subject))) {
		printf("@subject is '%.64s', expected '%s'\n", arg.subject, subject);
		failures++;
	}
}

static struct shk_patch_add nop_at(uint64_t addr)
{
	struct shk_patch_add arg = nop_of("");

	arg.function.addr = addr;
	return arg;
}

static struct shk_patch_add skip_at(const char *symbol, uint64_t offset, const char *callee)
{
	struct shk_patch_add arg = skip_of(symbol, callee);

	arg.call.offset = offset;
	return arg;
}

/* An argument of @kind with the members that the kind needs. */
static struct shk_patch_add of_kind(uint32_t kind)
{
	struct shk_patch_add arg = { .size = sizeof(arg), .kind = kind };

	switch (kind) {
	case SHK_PATCH_NOP:
	case SHK_PATCH_RETURN:
		strcpy(arg.function.symbol, GETPPID);
		break;
	case SHK_PATCH_SKIP_CALL:
		strcpy(arg.call.symbol, GETPPID);
		strcpy(arg.call.callee, "__task_pid_nr_ns");
		break;
	case SHK_PATCH_MODULE:
	case SHK_PATCH_LIVEPATCH:
		strcpy(arg.module.name, "no_such_module");
		break;
	}
	return arg;
}

/*
 * Every byte of the union that a kind does not use is 0, and so is each member that it does not
 * use.
 */
static void unused_bytes(void)
{
	static const struct {
		uint32_t kind;
		size_t used;
	} kinds[] = {
		{ SHK_PATCH_NOP, sizeof(struct shk_patch_function) },
		{ SHK_PATCH_RETURN, sizeof(struct shk_patch_function) },
		{ SHK_PATCH_SKIP_CALL, sizeof(struct shk_patch_call) },
		{ SHK_PATCH_MODULE, sizeof(struct shk_patch_module) },
		{ SHK_PATCH_LIVEPATCH, sizeof(struct shk_patch_module) },
		{ SHK_PATCH_CAPTURE, 0 },
		{ SHK_PATCH_RETPOLINES, 0 },
		{ SHK_PATCH_RETURNS, 0 },
	};
	const size_t all = sizeof(((struct shk_patch_add *)0)->space);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const size_t bytes[] = { kinds[i].used, (kinds[i].used + all) / 2, all - 1 };
		struct shk_patch_add arg = of_kind(kinds[i].kind);

		for (size_t n = 0; n < ARRAY_SIZE(bytes); n++) {
			arg.space[bytes[n]] = 1;
			expect(add(arg), -EINVAL);
			arg.space[bytes[n]] = 0;
		}
	}
}

/* Each flag is for some kinds only. */
static void flags(void)
{
	static const struct {
		uint32_t kind, flags;
	} allowed[] = {
		{ SHK_PATCH_NOP, SHK_PATCH_IN_PLACE },
		{ SHK_PATCH_RETURN, SHK_PATCH_IN_PLACE },
		{ SHK_PATCH_SKIP_CALL, SHK_PATCH_VALUE },
		{ SHK_PATCH_MODULE, SHK_PATCH_IN_PLACE },
		{ SHK_PATCH_LIVEPATCH, SHK_PATCH_CALLBACKS | SHK_PATCH_UNSAFE_NOW },
		{ SHK_PATCH_CAPTURE, 0 },
		{ SHK_PATCH_RETPOLINES, 0 },
		{ SHK_PATCH_RETURNS, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		for (int bit = 0; bit < 32; bit++) {
			struct shk_patch_add arg = of_kind(allowed[i].kind);

			arg.flags = 1U << bit;
			if (allowed[i].flags & arg.flags)
				continue;
			expect(add(arg), -EINVAL);
		}
}

static void contradictions(void)
{
	static const uint32_t kinds[] = { 0, 9, 255, 256, 1U << 31, UINT32_MAX };
	struct shk_patch_add arg;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		arg = nop_of(GETPPID);
		arg.kind = kinds[i];
		expect(add(arg), -EINVAL);
		memset(arg.space, 0, sizeof(arg.space));
		expect(add(arg), -EINVAL);
	}
	expect(add(nop_of("")), -EINVAL);
	arg = nop_of(GETPPID);
	arg.function.addr = 0xffffffff81000000;
	expect(add(arg), -EINVAL);
	arg = nop_of(GETPPID);
	arg.function.value = 1;
	expect(add(arg), -EINVAL);
	/* A value without SHK_PATCH_VALUE; no callee; both @addr and @symbol; neither. */
	arg = skip_of(GETPPID, "__task_pid_nr_ns");
	arg.call.value = 1;
	expect(add(arg), -EINVAL);
	expect(add(skip_of(GETPPID, "")), -EINVAL);
	arg = skip_of(GETPPID, "__task_pid_nr_ns");
	arg.call.addr = symbol_address(GETPPID);
	expect(add(arg), -EINVAL);
	expect(add(skip_of("", "__task_pid_nr_ns")), -EINVAL);
	expect(add(module_of(SHK_PATCH_MODULE, "")), -EINVAL);
	expect(add(module_of(SHK_PATCH_LIVEPATCH, "")), -EINVAL);
	/* Strings without NUL. */
	arg = nop_of("");
	memset(arg.function.symbol, 'a', sizeof(arg.function.symbol));
	expect(add(arg), -EINVAL);
	arg = skip_of(GETPPID, "");
	memset(arg.call.callee, 'a', sizeof(arg.call.callee));
	expect(add(arg), -EINVAL);
	arg = skip_of("", "__task_pid_nr_ns");
	memset(arg.call.symbol, 'a', sizeof(arg.call.symbol));
	expect(add(arg), -EINVAL);
	arg = module_of(SHK_PATCH_MODULE, "");
	memset(arg.module.name, 'a', sizeof(arg.module.name));
	expect(add(arg), -EINVAL);
	arg = nop_of(GETPPID);
	memset(arg.name, 'a', sizeof(arg.name));
	expect(add(arg), -EINVAL);
	memset(arg.name, 0, sizeof(arg.name));
	strcpy(arg.name, "a/b");
	expect(add(arg), ERROR(EINVAL, SHK_REASON_NAME_INVALID));
}

static void nowhere(void)
{
	const long not_text = ERROR(ERANGE, SHK_REASON_NOT_TEXT);

	expect_subject(nop_of("no_such_function"), ERROR(ENOENT, SHK_REASON_SYMBOL_UNKNOWN),
		       "no_such_function");
	expect_subject(nop_of("jiffies"), not_text, "jiffies");
	expect_subject(nop_of("t_show"), ERROR(EINVAL, SHK_REASON_SYMBOL_AMBIGUOUS), "t_show");
	expect(add(nop_at(1)), not_text);
	expect(add(nop_at(UINT64_MAX)), not_text);
	expect(add(nop_at(symbol_address(GETPPID) + 1)), ERROR(EINVAL, SHK_REASON_NOT_FUNCTION));
	expect(add(nop_at(symbol_address("_etext"))), not_text);
}

static void forbidden(void)
{
	static const char *const names[] = {
		"entry_SYSCALL_64",    "asm_exc_int3",	     "exc_page_fault",
		"do_syscall_64",       "schedule",	     "__schedule",
		"wait_for_completion", "switch_mm_irqs_off", "kprobe_int3_handler",
		"pgd_alloc",	       "__text_poke",	     "enter_lazy_tlb",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		expect_subject(nop_of(names[i]), ERROR(EOPNOTSUPP, SHK_REASON_FORBIDDEN), names[i]);
	/* Not traced, so it has no room for a jump. */
	expect_subject(nop_of("trace_clock_local"), ERROR(EOPNOTSUPP, SHK_REASON_NO_FENTRY),
		       "trace_clock_local");
}

static void skipped_calls(void)
{
	const long no_call = ERROR(ENOENT, SHK_REASON_NO_CALL);
	struct shk_patch_add skip = skip_of(GETPPID, "__task_pid_nr_ns");
	struct shk_patch_info info;

	expect(add(skip_of(GETPPID, "vfs_read")), no_call);
	expect(add(skip_of(GETPPID, "no_such_function")), no_call);
	expect_subject(skip_of("no_such_function", "vfs_read"),
		       ERROR(ENOENT, SHK_REASON_SYMBOL_UNKNOWN), "no_such_function");
	expect(add(skip_at(GETPPID, 1 << 20, "__task_pid_nr_ns")), no_call);
	expect(add(skip_of("copy_process", "kmem_cache_free")),
	       ERROR(EINVAL, SHK_REASON_SEVERAL_CALLS));

	expect(call(handle, SHK_PATCH_ADD, &skip), 0);
	expect(list_first(handle, SHK_PATCH_LIST, &info, sizeof(info)), 1);
	expect((long)info.id, (long)skip.id);
	expect(strcmp(info.object, "__task_pid_nr_ns"), 0);
	expect(add(skip_of(GETPPID, "__task_pid_nr_ns")), ERROR(EBUSY, SHK_REASON_EDIT_THERE));
	expect(add(skip_at(GETPPID, info.offset + 1, "__task_pid_nr_ns")),
	       ERROR(EINVAL, SHK_REASON_NOT_INSTRUCTION));
	expect(patch_remove(handle, info.id), 0);
	skip = skip_at(GETPPID, info.offset, "__task_pid_nr_ns");
	expect(call(handle, SHK_PATCH_ADD, &skip), 0);
	expect(patch_remove(handle, skip.id), 0);
}

/* A function that this kernel lacks: none of the module's functions is patched, and it is named. */
static void modules(void)
{
	const long no_module = ERROR(ENODEV, SHK_REASON_NO_PATCH_MODULE);

	expect(add(module_of(SHK_PATCH_MODULE, "no_such_module")), no_module);
	expect(add(module_of(SHK_PATCH_LIVEPATCH, "no_such_module")), no_module);
	/* A module that is no patch. */
	expect(add(module_of(SHK_PATCH_MODULE, "shadowk")), no_module);
	expect(add(module_of(SHK_PATCH_LIVEPATCH, "shadowk")), no_module);
	need(!system("modprobe shk_patch_wrong"));
	expect_subject(module_of(SHK_PATCH_MODULE, "shk_patch_wrong"),
		       ERROR(ENOENT, SHK_REASON_SYMBOL_UNKNOWN), "no_such_function");
	expect(system("rmmod shk_patch_wrong"), 0);
}

static void names(void)
{
	struct shk_patch_add arg = nop_of(GETPPID), other = arg;

	expect(call(handle, SHK_PATCH_ADD, &arg), 0);
	expect_true(!strcmp(arg.name, GETPPID));
	expect(call(handle, SHK_PATCH_ADD, &other), 0);
	expect_true(!strcmp(other.name, GETPPID "-2"));
	expect(call(handle, SHK_PATCH_ADD, &arg), ERROR(EEXIST, SHK_REASON_NAME_TAKEN));
	expect(patch_remove(handle, arg.id), 0);
	expect(patch_remove(handle, other.id), 0);
	expect(patch_remove(handle, 0x100000000 + other.id), ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
	expect(patch_remove(handle, other.id), ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
}

int main(void)
{
	int dev = device_open();
	char *before;

	handle = (int)shadow_create(dev, "uapi");
	need(handle >= 0);
	/* A shadow's first edit allocates what lives as long as the shadow. */
	names();
	skipped_calls();
	before = state(dev, handle);
	unused_bytes();
	flags();
	contradictions();
	nowhere();
	forbidden();
	modules();
	names();
	skipped_calls();
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	expect(add(nop_of(GETPPID)), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	return finish();
}
