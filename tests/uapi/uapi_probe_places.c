// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/* Where a probe cannot be, it is refused with the right reason, and nothing changes. */
#include "uapi.h"

#define FORBIDDEN ERROR(EOPNOTSUPP, SHK_REASON_FORBIDDEN)

static int handle;

struct symbol {
	uint64_t addr;
	char type;
	bool in_module;
	char *name;
};

static struct symbol *symbols;
static size_t nr_symbols;

/* Read once: that takes a second on an emulated CPU. */
static void symbols_read(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[700], name[512], module[64];
	struct symbol s;

	need(file);
	while (fgets(line, sizeof(line), file)) {
		int n = sscanf(line, "%" SCNx64 " %c %511s [%63[^]]", &s.addr, &s.type, name,
			       module);

		if (n < 3)
			continue;
		if (!(nr_symbols % 4096)) {
			symbols = realloc(symbols, (nr_symbols + 4096) * sizeof(s));
			need(symbols);
		}
		s.in_module = n == 4;
		s.name = strdup(name);
		symbols[nr_symbols++] = s;
	}
	fclose(file);
}

static const struct symbol *symbol_find(bool (*want)(const struct symbol *s, const void *arg),
					const void *arg)
{
	for (size_t i = 0; i < nr_symbols; i++)
		if (want(&symbols[i], arg))
			return &symbols[i];
	return NULL;
}

static bool is_named(const struct symbol *s, const void *name)
{
	return !strcmp(s->name, name);
}

static bool is_module_function(const struct symbol *s, const void *arg)
{
	return s->in_module && (s->type == 't' || s->type == 'T') && !strncmp(s->name, "shk_", 4);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct symbol *const *)a)->name,
		      (*(const struct symbol *const *)b)->name);
}

/* A name that several functions have. */
static const char *ambiguous(void)
{
	const struct symbol **functions = calloc(nr_symbols, sizeof(*functions));
	const char *name = NULL;
	size_t n = 0;

	need(functions);
	for (size_t i = 0; i < nr_symbols; i++)
		if (!symbols[i].in_module && strchr("tT", symbols[i].type) &&
		    !strchr(symbols[i].name, '.'))
			functions[n++] = &symbols[i];
	qsort(functions, n, sizeof(*functions), by_name);
	for (size_t i = 1; i < n && !name; i++)
		if (!by_name(&functions[i - 1], &functions[i]))
			name = functions[i]->name;
	free(functions);
	return name;
}

static uint64_t address_of(const char *name)
{
	const struct symbol *s = symbol_find(is_named, name);

	return s ? s->addr : 0;
}

static struct shk_probe_add probe_at_address(uint64_t addr)
{
	return (struct shk_probe_add){
		.size = sizeof(struct shk_probe_add),
		.kind = SHK_PROBE_COUNT,
		.addr = addr,
	};
}

static void unknown(void)
{
	const long unknown_symbol = ERROR(ENOENT, SHK_REASON_SYMBOL_UNKNOWN);
	const long several = ERROR(EINVAL, SHK_REASON_SYMBOL_AMBIGUOUS);
	const char *name = ambiguous();

	expect(probe_add(handle, probe_at("no_such_function", 0)), unknown_symbol);
	expect(probe_add(handle, probe_at("no_such_function", 5)), unknown_symbol);
	expect(probe_add(handle, probe_at("vfs_rea", 0)), unknown_symbol);
	expect(probe_add(handle, probe_at("vfs_read\n", 0)), unknown_symbol);
	expect(probe_add(handle, probe_at("shadowk:vfs_read", 0)), unknown_symbol);
	need(name);
	expect(probe_add(handle, probe_at(name, 0)), several);
	expect(probe_add(handle, probe_at(name, 1)), several);
}

static void outside(void)
{
	static const uint64_t addresses[] = {
		1,
		0x1000,
		0x7fffffffe000,
		0x8000000000000000,
		0xffff888000000000,
		0xffffffff00000000,
		0xfffffffffffffff0,
		UINT64_MAX,
		0xffffffffff600000,
	};
	static const uint64_t offsets[] = {
		0x10000, 0x10000000, INT64_MAX, UINT64_MAX, UINT64_MAX - 7, 0xffffffff80000000,
	};
	const struct symbol *s = symbol_find(is_module_function, NULL);
	const long not_text = ERROR(ERANGE, SHK_REASON_NOT_TEXT);

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		expect(probe_add(handle, probe_at_address(addresses[i])), not_text);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		expect(probe_add(handle, probe_at("vfs_read", offsets[i])),
		       ERROR(ERANGE, SHK_REASON_PAST_SYMBOL));
	/* Data, by address and by name. */
	expect(probe_add(handle, probe_at_address(address_of("init_task"))), not_text);
	expect(probe_add(handle, probe_at_address(address_of("_etext"))), not_text);
	/* Kernels without CONFIG_KALLSYMS_ALL have no names of data. */
	expect_either(probe_add(handle, probe_at("init_task", 0)), not_text,
		      ERROR(ENOENT, SHK_REASON_SYMBOL_UNKNOWN));
	need(s); /* shadowk.ko has some */
	expect(probe_add(handle, probe_at_address(s->addr)), FORBIDDEN);
}

/* A function begins with endbr64 (4 bytes) or with the nop of ftrace (5). */
static void inside_an_instruction(void)
{
	static const char *const names[] = {
		"vfs_read",
		"vfs_write",
		"do_sys_openat2",
		"kmem_cache_free",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (uint64_t offset = 1; offset < 4; offset++) {
			expect(probe_add(handle, probe_at(names[i], offset)),
			       ERROR(EINVAL, SHK_REASON_NOT_INSTRUCTION));
			expect(probe_add(handle, probe_at_address(address_of(names[i]) + offset)),
			       ERROR(EINVAL, SHK_REASON_NOT_INSTRUCTION));
		}
	}
}

static void expect_forbidden(const char *name, struct shk_probe_add add)
{
	long ret = call(handle, SHK_PROBE_ADD, &add);

	if (ret == FORBIDDEN)
		return;
	printf("%s: %s, expected %s\n", name, outcome(ret), outcome(FORBIDDEN));
	failures++;
	if (!ret)
		probe_remove(handle, add.id);
}

/* Entry text, handlers of exceptions, kprobes' own text, and the switch of page tables. */
static void forbidden(void)
{
	static const char *const names[] = {
		"entry_SYSCALL_64", "asm_exc_int3",	   "asm_exc_page_fault",
		"exc_int3",	    "exc_page_fault",	   "exc_nmi",
		"do_int3",	    "kprobe_int3_handler", "poke_int3_handler",
		"__switch_to_asm",  "native_iret",	   "sync_regs",
		"rcu_nmi_enter",    "irqentry_enter",	   "switch_mm_irqs_off",
	};
	unsigned int tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!address_of(names[i]))
			continue;
		expect_forbidden(names[i], probe_at(names[i], 0));
		expect_forbidden(names[i], probe_at_address(address_of(names[i])));
		tried++;
	}
	expect_true(tried > 5);
}

/* Clones and parts of the functions that every shadow executes in the base. */
static bool is_part_of_base(const struct symbol *s)
{
	static const char *const names[] = {
		"__text_poke", "__jump_label_patch", "__static_call_validate",
		"can_probe",   "__copy_instruction", "can_optimize",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(s->name, names[i], strlen(names[i])) &&
		    s->name[strlen(names[i])] == '.')
			return true;
	return false;
}

static void parts_are_forbidden(void)
{
	unsigned int tried = 0;

	for (size_t i = 0; i < nr_symbols; i++) {
		if (symbols[i].in_module || !is_part_of_base(&symbols[i]))
			continue;
		expect_forbidden(symbols[i].name, probe_at_address(symbols[i].addr));
		tried++;
	}
	if (!tried)
		printf("this kernel has no parts of functions that the base executes\n");
}

/* kprobes_own_code_is_probed tests these functions. */
static bool is_of_kprobes(const char *name)
{
	static const char *const parts[] = { "probe",  "aggr_",	      "opt",
					     "setup_", "_singlestep", "synthesize_" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

/* Some of the kernel's own list of what kprobes must not touch, evenly spread. */
static void blacklisted(void)
{
	FILE *file = fopen("/sys/kernel/debug/kprobes/blacklist", "r");
	uint64_t from = address_of("_stext"), to = address_of("_etext"), addr[4096];
	size_t n = 0, step;
	char line[700], name[512];

	if (!file) {
		printf("no debugfs: the blacklist is not tried\n");
		return;
	}
	while (n < ARRAY_SIZE(addr) && fgets(line, sizeof(line), file))
		if (sscanf(line, "0x%" SCNx64 "%*s %511s", &addr[n], name) == 2 &&
		    addr[n] >= from && addr[n] < to && !is_of_kprobes(name))
			n++;
	fclose(file);
	expect_true(n > 10);
	step = n / 40 + 1;
	for (size_t i = 0; i < n; i += step)
		expect(probe_add(handle, probe_at_address(addr[i])), FORBIDDEN);
}

/* The second instruction of a function, if its first is the nop of ftrace. */
static void not_an_entry(void)
{
	const long not_entry = ERROR(EOPNOTSUPP, SHK_REASON_NOT_ENTRY);
	const long not_instruction = ERROR(EINVAL, SHK_REASON_NOT_INSTRUCTION);
	struct shk_probe_add add = probe_at("vfs_read", 0);

	expect(call(handle, SHK_PROBE_ADD, &add), 0);
	expect(probe_remove(handle, add.id), 0);
	/* Behind endbr64, the nop, and the first push, whatever they are. */
	for (uint64_t body = 9; body < 16; body++) {
		add = probe_at("vfs_read", body);
		add.kind = SHK_PROBE_LATENCY;
		expect_either(probe_add(handle, add), not_entry, not_instruction);
		add.kind = SHK_PROBE_COUNT;
		add.flags = SHK_PROBE_RETURN;
		expect_either(probe_add(handle, add), not_entry, not_instruction);
	}
}

static bool is_cold_part(const struct symbol *s, const void *arg)
{
	struct shk_probe_add add = probe_at_address(s->addr);

	if (s->in_module || !strstr(s->name, ".cold") || call(handle, SHK_PROBE_ADD, &add))
		return false;
	expect(probe_remove(handle, add.id), 0);
	return true;
}

/* A .cold part of a function begins with no return address on top of the stack. */
static void no_return(void)
{
	const long refusal = ERROR(EOPNOTSUPP, SHK_REASON_NO_RETURN);
	const struct symbol *cold = symbol_find(is_cold_part, NULL);
	struct shk_probe_add add;

	if (!cold) {
		printf("this kernel has no .cold parts\n");
		return;
	}
	add = probe_at_address(cold->addr);
	add.kind = SHK_PROBE_LATENCY;
	expect(probe_add(handle, add), refusal);
	add.kind = SHK_PROBE_COUNT;
	add.flags = SHK_PROBE_RETURN;
	expect(probe_add(handle, add), refusal);
}

int main(void)
{
	int dev = device_open();
	char *before;

	handle = (int)shadow_create(dev, "uapi");
	need(handle >= 0);
	symbols_read();
	/* The test cannot go on unless it sees addresses. */
	need(address_of("vfs_read"));
	not_an_entry();
	no_return();
	before = state(dev, handle);
	unknown();
	outside();
	inside_an_instruction();
	forbidden();
	parts_are_forbidden();
	blacklisted();
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	expect(probe_add(handle, probe_at("vfs_read", 0)),
	       ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	return finish();
}
