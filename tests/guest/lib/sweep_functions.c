// SPDX-License-Identifier: GPL-2.0-only
/* Finds the functions that a sweep covers. */
#include <fcntl.h>

#include "shadows.h"
#include "sweep.h"
#include "victims.h"

#define CALLER "shk_calls"

void sweep_begin(void)
{
	int ret = module_load(victim_path(CALLER), "");

	if (ret != -EEXIST)
		need_ok(ret);
	victim_load();
	/* The workload uses overlay if it is loaded. */
	if (system("modprobe -q overlay"))
		printf("# this kernel has no module overlay\n");
}

void sweep_end(void)
{
	victims_done();
	expect_ret(module_unload(CALLER), 0, "unloading " CALLER);
	expect(access("/sys/module/overlay", F_OK) || !module_unload("overlay"),
	       "overlay cannot be unloaded");
}

/* Functions of the kernel image come first, then those of modules, each by address. */
static int by_place(const void *a, const void *b)
{
	const struct sweep_function *f = a, *g = b;
	const char *f_end = strchr(f->name, ':'), *g_end = strchr(g->name, ':');
	int order;

	if (!f_end != !g_end)
		return f_end ? 1 : -1;
	order = f_end ? strncmp(f->name, g->name, f_end - f->name + 1) : 0;
	return order ?: f->addr < g->addr ? -1 : f->addr > g->addr;
}

/* /proc/kallsyms lists BPF programs, and pages of ftrace and kprobes, as if they were modules. */
static bool is_module(const char *name)
{
	return strcmp(name, "bpf") && strncmp(name, "__builtin__", 11);
}

static struct sweep_function *add(struct sweep_functions *functions)
{
	if (!(functions->count & (functions->count - 1)))
		need(functions->all = reallocarray(functions->all, 2 * functions->count + 1,
						   sizeof(*functions->all)));
	return memset(&functions->all[functions->count++], 0, sizeof(*functions->all));
}

/* Keeps one name for each address. */
static void drop_aliases(struct sweep_functions *functions)
{
	size_t nr = 0;

	for (size_t i = 0; i < functions->count; i++)
		if (!nr || functions->all[nr - 1].addr != functions->all[i].addr)
			functions->all[nr++] = functions->all[i];
	functions->count = nr;
}

static void mark_called(struct sweep_functions *functions)
{
	FILE *file = fopen("/dev/" CALLER, "re");
	char name[200];

	need(file);
	while (fscanf(file, "%199s", name) == 1) {
		size_t i = 0;

		while (i < functions->count && strcmp(functions->all[i].name, name))
			i++;
		expect(i < functions->count, "kallsyms lacks %s, which " CALLER " calls", name);
		if (i < functions->count)
			functions->all[i].called = true;
	}
	fclose(file);
}

struct sweep_functions sweep_functions(void)
{
	uint64_t from = kernel_symbol("_stext"), to = kernel_symbol("_etext"), addr;
	char line[1024], name[128], module[64], type;
	struct sweep_functions functions = { 0 };
	FILE *file = fopen("/proc/kallsyms", "re");
	struct sweep_function *function;
	int fields;

	need(file && from && to);
	while (fgets(line, sizeof(line), file)) {
		fields = sscanf(line, "%" SCNx64 " %c %127s [%63[^]]", &addr, &type, name, module);
		if (fields < 3 || !strchr("tTwW", type) ||
		    (fields == 3 ? addr < from || addr >= to : !is_module(module)) ||
		    !strncmp(name, "__pfx_", 6) || !strncmp(name, "__cfi_", 6))
			continue;
		function = add(&functions);
		function->addr = addr;
		snprintf(function->name, sizeof(function->name), "%s%s%s",
			 fields == 4 ? module : "", fields == 4 ? ":" : "", name);
	}
	fclose(file);
	qsort(functions.all, functions.count, sizeof(*functions.all), by_place);
	drop_aliases(&functions);
	mark_called(&functions);
	return functions;
}
