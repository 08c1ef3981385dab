// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/* What cannot be patched is refused for the right reason, and nothing changes. */
#include "uapi.h"

#define GETPPID "__x64_sys_getppid"

static int handle;

static struct shk_patch_add patch_of(uint32_t kind, const char *symbol)
{
	struct shk_patch_add arg = { .size = sizeof(arg), .kind = kind };

	name_put(arg.symbol, sizeof(arg.symbol), symbol);
	return arg;
}

static long patch_add(struct shk_patch_add arg)
{
	return call(handle, SHK_PATCH_ADD, &arg);
}

static long patch_at(uint64_t addr)
{
	struct shk_patch_add arg = patch_of(SHK_PATCH_NOP, "");

	arg.addr = addr;
	return patch_add(arg);
}

static long skip_call(const char *symbol, uint64_t offset, const char *callee)
{
	struct shk_patch_add arg = patch_of(SHK_PATCH_SKIP_CALL, symbol);

	arg.offset = offset;
	name_put(arg.object, sizeof(arg.object), callee);
	return patch_add(arg);
}

static uint64_t address_of(const char *wanted)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[700], name[512], type;
	uint64_t addr, found = 0;

	need(file);
	while (!found && fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNx64 " %c %511s", &addr, &type, name) == 3 &&
		    !strcmp(name, wanted))
			found = addr;
	fclose(file);
	need(found);
	return found;
}

static void contradictions(void)
{
	static const uint32_t kinds[] = { 0, 255, 256, 1U << 31, UINT32_MAX };
	struct shk_patch_remove remove = { .size = sizeof(remove), .id = 1, .name = "x" };
	struct shk_patch_add arg;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		expect(patch_add(patch_of(kinds[i], GETPPID)), -EINVAL);
	expect(patch_add(patch_of(SHK_PATCH_NOP, "")), -EINVAL);
	arg = patch_of(SHK_PATCH_NOP, GETPPID);
	arg.addr = 0xffffffff81000000;
	expect(patch_add(arg), -EINVAL);
	arg = patch_of(SHK_PATCH_NOP, GETPPID);
	arg.value = 1;
	expect(patch_add(arg), -EINVAL);
	arg = patch_of(SHK_PATCH_RETURN, GETPPID);
	arg.flags = SHK_PATCH_VALUE;
	expect(patch_add(arg), -EINVAL);
	arg = patch_of(SHK_PATCH_RETURN, GETPPID);
	arg.offset = 5;
	expect(patch_add(arg), -EINVAL);
	arg = patch_of(SHK_PATCH_NOP, GETPPID);
	name_put(arg.object, sizeof(arg.object), "vfs_read");
	expect(patch_add(arg), -EINVAL);
	expect(skip_call(GETPPID, 0, ""), -EINVAL);
	memset(arg.object, 'a', sizeof(arg.object));
	arg.kind = SHK_PATCH_SKIP_CALL;
	expect(patch_add(arg), -EINVAL);
	arg = patch_of(SHK_PATCH_NOP, GETPPID);
	memset(arg.name, 'a', sizeof(arg.name));
	expect(patch_add(arg), -EINVAL);
	memset(arg.name, 0, sizeof(arg.name));
	strcpy(arg.name, "a/b");
	expect(patch_add(arg), -EINVAL);

	expect(call(handle, SHK_PATCH_REMOVE, &remove), -EINVAL);
	remove.id = 0;
	expect(call(handle, SHK_PATCH_REMOVE, &remove), -ENOENT);
	memset(remove.name, 0, sizeof(remove.name));
	expect(call(handle, SHK_PATCH_REMOVE, &remove), -EINVAL);
}

static void nowhere(void)
{
	expect(patch_add(patch_of(SHK_PATCH_NOP, "no_such_function")), -ENOENT);
	expect(patch_add(patch_of(SHK_PATCH_NOP, "jiffies")), -ERANGE);
	expect(patch_add(patch_of(SHK_PATCH_NOP, "t_show")), -ENOTUNIQ);
	expect(patch_at(1), -ERANGE);
	expect(patch_at(UINT64_MAX), -ERANGE);
	expect(patch_at(address_of(GETPPID) + 1), -EILSEQ);
	expect(patch_at(address_of("_etext")), -ERANGE);
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
		expect(patch_add(patch_of(SHK_PATCH_NOP, names[i])), -EADDRNOTAVAIL);
	/* Not traced, so there is no place for a jump. */
	expect(patch_add(patch_of(SHK_PATCH_NOP, "trace_clock_local")), -EOPNOTSUPP);
}

static void calls(void)
{
	struct shk_patch_info info = { .size = sizeof(info) };

	expect(skip_call(GETPPID, 0, "vfs_read"), -ENXIO);
	expect(skip_call(GETPPID, 0, "no_such_function"), -ENXIO);
	expect(skip_call("no_such_function", 0, "vfs_read"), -ENOENT);
	expect(skip_call(GETPPID, 1 << 20, "__task_pid_nr_ns"), -ENXIO);
	expect(skip_call("copy_process", 0, "kmem_cache_free"), -EMLINK);

	expect(skip_call(GETPPID, 0, "__task_pid_nr_ns"), 0);
	expect(call(handle, SHK_PATCH_NEXT, &info), 0);
	expect(skip_call(GETPPID, 0, "__task_pid_nr_ns"), -EADDRINUSE);
	expect(skip_call(GETPPID, info.offset + 1, "__task_pid_nr_ns"), -EILSEQ);
	expect(patch_remove(handle, info.id), 0);
	expect(skip_call(GETPPID, info.offset, "__task_pid_nr_ns"), 0);
	expect(patch_remove(handle, info.id + 1), 0);
}

/* A function that this kernel lacks: none of the module's is patched, and it is named. */
static void modules(void)
{
	struct shk_patch_add arg = patch_of(SHK_PATCH_MODULE, "");

	name_put(arg.object, sizeof(arg.object), "no_such_module");
	expect(patch_add(arg), -ENODEV);
	name_put(arg.object, sizeof(arg.object), "shadowk");
	arg.object[sizeof("shadowk") - 1] = 0;
	expect(patch_add(arg), -ENODEV);
	need(!system("modprobe shk_patch_wrong"));
	memset(arg.object, 0, sizeof(arg.object));
	name_put(arg.object, sizeof(arg.object), "shk_patch_wrong");
	expect(call(handle, SHK_PATCH_ADD, &arg), -ENOENT);
	expect_true(!strcmp(arg.symbol, "no_such_function"));
	expect(system("rmmod shk_patch_wrong"), 0);
	arg = patch_of(SHK_PATCH_MODULE, GETPPID);
	name_put(arg.object, sizeof(arg.object), "x");
	expect(patch_add(arg), -EINVAL);
	expect(patch_add(patch_of(SHK_PATCH_MODULE, "")), -EINVAL);
}

static void names(void)
{
	struct shk_patch_add arg = patch_of(SHK_PATCH_NOP, GETPPID), other = arg;

	expect(call(handle, SHK_PATCH_ADD, &arg), 0);
	expect_true(!strcmp(arg.name, GETPPID));
	expect(call(handle, SHK_PATCH_ADD, &other), 0);
	expect_true(!strcmp(other.name, GETPPID "-2"));
	expect(call(handle, SHK_PATCH_ADD, &arg), -EEXIST);
	expect(patch_remove(handle, arg.id), 0);
	expect(patch_remove(handle, other.id), 0);
	expect(patch_remove(handle, other.id), -ENOENT);
}

int main(void)
{
	int dev = device_open();
	char *before;

	handle = (int)shadow_create(dev, "uapi");
	need(handle >= 0);
	/* What a shadow's first edit allocates for good. */
	names();
	calls();
	before = state(dev, handle);
	contradictions();
	nowhere();
	forbidden();
	modules();
	names();
	calls();
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	expect(patch_add(patch_of(SHK_PATCH_NOP, GETPPID)), -ESTALE);
	return finish();
}
