// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/* Where a probe cannot be, it is refused for the right reason and nothing changes. */
#include "uapi.h"

static int handle;

struct symbol {
	uint64_t addr;
	char type;
	char name[512];
	bool in_module;
};

/* Walk /proc/kallsyms until @want says yes. */
static bool symbol_find(struct symbol *s, bool (*want)(const struct symbol *s, const void *arg),
			const void *arg)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[700], module[64];
	bool found = false;

	need(file);
	while (!found && fgets(line, sizeof(line), file)) {
		int n = sscanf(line, "%" SCNx64 " %c %511s [%63[^]]", &s->addr, &s->type, s->name, module);

		s->in_module = n == 4;
		found = n >= 3 && want(s, arg);
	}
	fclose(file);
	return found;
}

static bool is_named(const struct symbol *s, const void *name)
{
	return !strcmp(s->name, name);
}

static bool is_module_function(const struct symbol *s, const void *arg)
{
	return s->in_module && (s->type == 't' || s->type == 'T') && s->name[0] != '_';
}

/* Functions of one name are neighbours only by chance, so compare with all seen before. */
static bool is_second(const struct symbol *s, const void *arg)
{
	static struct symbol seen[512];
	static size_t n;
	size_t i;

	if (s->in_module || s->type != 't' || strchr(s->name, '.'))
		return false;
	for (i = 0; i < n; i++)
		if (!strcmp(seen[i].name, s->name))
			return true;
	/* Short names of drivers and file systems are the ones that repeat. */
	if (n < ARRAY_SIZE(seen) && (strstr(s->name, "_open") || strstr(s->name, "_show")))
		seen[n++] = *s;
	return false;
}

static uint64_t address_of(const char *name)
{
	struct symbol s;

	return symbol_find(&s, is_named, name) ? s.addr : 0;
}

static struct shk_probe_add probe_at_address(uint64_t addr)
{
	return (struct shk_probe_add){ .size = sizeof(struct shk_probe_add), .kind = SHK_PROBE_COUNT,
				       .addr = addr };
}

static void unknown(void)
{
	struct symbol s;

	expect(probe_add(handle, probe_at("no_such_function", 0)), -ENOENT);
	expect(probe_add(handle, probe_at("no_such_function", 5)), -ENOENT);
	expect(probe_add(handle, probe_at("vfs_rea", 0)), -ENOENT);
	expect(probe_add(handle, probe_at("vfs_read\n", 0)), -ENOENT);
	expect(probe_add(handle, probe_at("shadowk:vfs_read", 0)), -ENOENT);
	if (symbol_find(&s, is_second, NULL)) {
		expect(probe_add(handle, probe_at(s.name, 0)), -ENOTUNIQ);
		expect(probe_add(handle, probe_at(s.name, 1)), -ENOTUNIQ);
	}
}

static void outside(void)
{
	static const uint64_t addresses[] = {
		1, 0x1000, 0x7fffffffe000, 0x8000000000000000, 0xffff888000000000, 0xffffffff00000000,
		0xfffffffffffffff0, UINT64_MAX, 0xffffffffff600000,
	};
	static const uint64_t offsets[] = {
		0x10000, 0x10000000, INT64_MAX, UINT64_MAX, UINT64_MAX - 7, 0xffffffff80000000,
	};
	struct symbol s;
	long ret;

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		expect(probe_add(handle, probe_at_address(addresses[i])), -ERANGE);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		expect(probe_add(handle, probe_at("vfs_read", offsets[i])), -ERANGE);
	/* Data, by address and by name. */
	expect(probe_add(handle, probe_at_address(address_of("init_task"))), -ERANGE);
	expect(probe_add(handle, probe_at_address(address_of("_etext"))), -ERANGE);
	ret = probe_add(handle, probe_at("init_task", 0));
	expect(ret == -ENOENT ? -ERANGE : ret, -ERANGE);
	if (symbol_find(&s, is_module_function, NULL)) {
		expect(probe_add(handle, probe_at_address(s.addr)), -ERANGE);
		ret = probe_add(handle, probe_at(s.name, 0));
		expect(ret == -ENOENT ? -ERANGE : ret, -ERANGE);
	}
}

/* A function begins with endbr64 (4 bytes) or with the nop of ftrace (5). */
static void inside_an_instruction(void)
{
	static const char *const names[] = { "vfs_read", "vfs_write", "do_sys_openat2", "kmem_cache_free" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (uint64_t offset = 1; offset < 4; offset++) {
			expect(probe_add(handle, probe_at(names[i], offset)), -EILSEQ);
			expect(probe_add(handle, probe_at_address(address_of(names[i]) + offset)),
			       -EILSEQ);
		}
	}
}

static void forbidden(void)
{
	static const char *const names[] = {
		"entry_SYSCALL_64", "asm_exc_int3", "asm_exc_page_fault", "exc_int3", "exc_page_fault",
		"exc_nmi", "do_int3", "get_kprobe", "kprobe_int3_handler", "poke_int3_handler",
		"__switch_to_asm", "native_iret", "sync_regs", "rcu_nmi_enter", "irqentry_enter",
		"switch_mm_irqs_off",
	};
	unsigned int tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!address_of(names[i]))
			continue;
		expect(probe_add(handle, probe_at(names[i], 0)), -EADDRNOTAVAIL);
		expect(probe_add(handle, probe_at_address(address_of(names[i]))), -EADDRNOTAVAIL);
		tried++;
	}
	expect_true(tried > 5);
}

/* Every so many lines of the kernel's own list of what kprobes must not touch. */
static void blacklisted(void)
{
	FILE *file = fopen("/sys/kernel/debug/kprobes/blacklist", "r");
	uint64_t from = address_of("_stext"), to = address_of("_etext"), addr;
	char line[700];
	unsigned int n = 0, tried = 0;

	if (!file) {
		printf("no debugfs: blacklist left out\n");
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "0x%" SCNx64, &addr) != 1 || addr < from || addr >= to || n++ % 16)
			continue;
		expect(probe_add(handle, probe_at_address(addr)), -EADDRNOTAVAIL);
		tried++;
	}
	fclose(file);
	expect_true(tried > 10);
}

/* The second instruction of a function, if its first is the nop of ftrace. */
static void not_an_entry(void)
{
	struct shk_probe_add add = probe_at("vfs_read", 0);
	struct shk_probe_info info = { .size = sizeof(info), .id = 1 };
	uint64_t body;

	expect(probe_add(handle, add), 0);
	expect(call(handle, SHK_PROBE_NEXT, &info), 0);
	expect(probe_remove(handle, info.id), 0);
	/* Behind endbr64, the nop, and the first push, whatever they are. */
	for (body = 9; body < 16; body++) {
		add = probe_at("vfs_read", body);
		add.kind = SHK_PROBE_LATENCY;
		long ret = probe_add(handle, add);

		expect(ret == -EILSEQ ? -EOPNOTSUPP : ret, -EOPNOTSUPP);
		add.kind = SHK_PROBE_COUNT;
		add.flags = SHK_PROBE_RETURN;
		ret = probe_add(handle, add);
		expect(ret == -EILSEQ ? -EOPNOTSUPP : ret, -EOPNOTSUPP);
	}
}

int main(void)
{
	int dev = device_open();
	char *before;

	handle = (int)shadow_create(dev, "uapi");
	need(handle >= 0);
	/* The address must be seen here, or nothing below means anything. */
	need(address_of("vfs_read"));
	not_an_entry();
	before = state(dev, handle);
	unknown();
	outside();
	inside_an_instruction();
	forbidden();
	blacklisted();
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	expect(probe_add(handle, probe_at("vfs_read", 0)), -ESTALE);
	return finish();
}
