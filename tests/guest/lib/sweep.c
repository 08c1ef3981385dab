// SPDX-License-Identifier: GPL-2.0-only
#include <shadowk.h>

#include "actor.h"
#include "shadows.h"
#include "sweep.h"
#include "tracefs.h"

#define TRACE	"/sys/kernel/tracing/trace"
#define SECONDS 120 /* that the workload may take, which is for a second or two */

/* Probes of one function that are there together. */
struct kind {
	enum shadowk_probe_kind kind;
	uint32_t flags;
	const char *name;
};

#define NR_KINDS 3

/*
 * In each pass the first kind counts entries. At most two hook the return: each such probe has
 * memory for its calls in flight.
 */
static const struct kind passes[][NR_KINDS] = {
	{ { SHADOWK_PROBE_COUNT, 0, "count" },
	  { SHADOWK_PROBE_LATENCY, 0, "latency" },
	  { SHADOWK_PROBE_EVENT, SHADOWK_PROBE_RETURN, "event at return" } },
	{ { SHADOWK_PROBE_EVENT, 0, "event" },
	  { SHADOWK_PROBE_COUNT, SHADOWK_PROBE_RETURN, "return" },
	  { 0 } },
	{ { SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3, "breakpoint" }, { 0 }, { 0 } },
};

static int by_address(const void *a, const void *b)
{
	const struct sweep_function *f = a, *g = b;

	return f->addr < g->addr ? -1 : f->addr > g->addr;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sweep_function *)a)->name,
		      ((const struct sweep_function *)b)->name);
}

struct sweep_functions sweep_kernel_functions(void)
{
	uint64_t from = kernel_symbol("_stext"), to = kernel_symbol("_etext"), addr;
	FILE *file = fopen("/proc/kallsyms", "re");
	struct sweep_functions functions = { 0 };
	char line[512], name[128], type, module;
	size_t nr = 0;

	need(file && from && to);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %c %127s %c", &addr, &type, name, &module) != 3 ||
		    !strchr("tTwW", type) || addr < from || addr >= to)
			continue;
		if (!strncmp(name, "__pfx_", 6) || !strncmp(name, "__cfi_", 6))
			continue;
		if (!(functions.count & (functions.count - 1)))
			need(functions.all = reallocarray(functions.all, 2 * functions.count + 1,
							  sizeof(*functions.all)));
		functions.all[functions.count].addr = addr;
		strcpy(functions.all[functions.count++].name, name);
	}
	fclose(file);
	qsort(functions.all, functions.count, sizeof(*functions.all), by_address);
	/* Aliases have one name here. */
	for (size_t i = 0; i < functions.count; i++)
		if (!nr || functions.all[nr - 1].addr != functions.all[i].addr)
			functions.all[nr++] = functions.all[i];
	functions.count = nr;
	return functions;
}

static void trace_workload(void)
{
	struct actor actor;
	char pid[16];

	actor_start(&actor, -1);
	snprintf(pid, sizeof(pid), "%d", actor.pid);
	tracefs_write("tracing_on", "0");
	tracefs_write("buffer_size_kb", "24576");
	tracefs_write("options/function-fork", "1");
	tracefs_write("set_ftrace_pid", pid);
	tracefs_write("current_tracer", "function");
	tracefs_write("tracing_on", "1");
	actor_do(&actor, job_workload, 1);
	tracefs_write("tracing_on", "0");
	actor_end(&actor);
}

static void trace_end(void)
{
	tracefs_write("current_tracer", "nop");
	tracefs_write("options/function-fork", "0");
	tracefs_write("buffer_size_kb", "1408");
	tracefs_write("tracing_on", "1");
}

/* Names that several functions have stay out: the trace does not say which it was. */
void sweep_keep_called(struct sweep_functions *functions)
{
	struct sweep_function *all = functions->all, *found, key;
	bool *called = calloc(functions->count, sizeof(*called));
	char line[512], *name;
	size_t nr = 0;
	FILE *file;

	trace_workload();
	qsort(all, functions->count, sizeof(*all), by_name);
	file = fopen(TRACE, "re");
	need(called && file);
	while (fgets(line, sizeof(line), file)) {
		name = strstr(line, ": ");
		if (line[0] == '#' || !name || sscanf(name + 2, "%127s", key.name) != 1)
			continue;
		found = bsearch(&key, all, functions->count, sizeof(*all), by_name);
		if (found)
			called[found - all] = true;
	}
	fclose(file);
	trace_end();
	for (size_t i = 0; i < functions->count; i++)
		if (called[i] && (!i || strcmp(all[i].name, all[i - 1].name)) &&
		    (i + 1 == functions->count || strcmp(all[i].name, all[i + 1].name)))
			all[nr++] = all[i];
	functions->count = nr;
	free(called);
	qsort(all, nr, sizeof(*all), by_address);
}

/* Ids of the probes of one function, 0 of one that was refused. */
struct ids {
	uint64_t id[NR_KINDS];
};

static void add(struct shadowk_shadow *shadow, const struct sweep_function *function,
		const struct kind *kinds, struct ids *ids, struct sweep_totals *totals)
{
	for (int k = 0; k < NR_KINDS; k++) {
		struct shadowk_probe_spec spec = { .size = sizeof(spec),
						   .addr = function->addr,
						   .kind = kinds[k].kind,
						   .flags = kinds[k].flags };
		long ret = kinds[k].name ? shadowk_probe_add(shadow, &spec) : 0;

		ids->id[k] = ret ? 0 : spec.id;
		totals->probes += !ret && kinds[k].name;
		totals->refused += ret < 0;
		/* The kernel's word, text without a return, or a jump that has none at hand. */
		if (ret && ret != -EADDRNOTAVAIL && ret != -EOPNOTSUPP && ret != -EILSEQ &&
		    ret != -EADDRINUSE)
			expect_ret(ret, 0, "%s of %s", kinds[k].name, function->name);
	}
}

/* Entries that the probe has seen. */
static uint64_t seen(const struct shadowk_probe_info *info, const struct kind *kind)
{
	bool is_return = kind->kind == SHADOWK_PROBE_LATENCY || kind->flags & SHADOWK_PROBE_RETURN;

	return info->hits + (is_return ? info->missed + info->unreturned : 0);
}

static void compare(const struct sweep_functions *functions, size_t from, size_t count,
		    const struct kind *kinds, const struct ids *ids,
		    const struct shadowk_probe_info *infos, struct sweep_totals *totals)
{
	for (size_t i = 0; i < count; i++) {
		const struct shadowk_probe_info *first = &infos[ids[i].id[0]];

		if (!ids[i].id[0])
			continue;
		totals->hit += kinds == passes[0] && first->hits;
		for (int k = 1; k < NR_KINDS; k++) {
			const struct shadowk_probe_info *info = &infos[ids[i].id[k]];

			if (!ids[i].id[k] || !kinds[k].name)
				continue;
			expect_eq(seen(info, &kinds[k]), first->hits, "%s of %s, by %s",
				  kinds[k].name, functions->all[from + i].name, kinds[0].name);
			expect_eq(info->async_hits, first->async_hits,
				  "%s of %s in interrupts, by %s", kinds[k].name,
				  functions->all[from + i].name, kinds[0].name);
		}
	}
}

static void pass(const struct sweep_functions *functions, size_t from, size_t count,
		 const struct kind *kinds, struct sweep_totals *totals)
{
	struct shadowk_probe_info info = { .size = sizeof(info) }, *infos;
	struct ids *ids = calloc(count, sizeof(*ids));
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside;

	infos = calloc(count * NR_KINDS + 1, sizeof(*infos));
	need(ids && infos);
	for (size_t i = 0; i < count; i++)
		add(shadow, &functions->all[from + i], kinds, &ids[i], totals);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	alarm(SECONDS);
	expect_eq(actor_do(&inside, job_workload, 1), 0, "what the workload got wrong");
	alarm(0);
	actor_end(&inside);
	while (need_ok(shadowk_probe_next(shadow, &info)))
		infos[info.id] = info;
	compare(functions, from, count, kinds, ids, infos, totals);
	need_ok(shadowk_shadow_destroy(shadow));
	shadow_close(shadow);
	free(infos);
	free(ids);
}

void sweep(struct sweep_functions *functions, size_t from, size_t count, unsigned int every,
	   struct sweep_totals *totals)
{
	struct sweep_functions some = { .all = functions->all };

	if (from > functions->count)
		from = functions->count;
	if (count > functions->count - from)
		count = functions->count - from;
	pass(functions, from, count, passes[0], totals);
	for (size_t i = from; i < from + count; i += every)
		some.all[some.count++] = functions->all[i];
	for (size_t p = 1; p < ARRAY_SIZE(passes); p++)
		pass(&some, 0, some.count, passes[p], totals);
}
