// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=600 */
/*
 * One call adds a probe to every function that ftrace can trace. A process inside hits those that it
 * calls, exactly as often as it calls them, and a process outside hits none. One call removes all,
 * also while the process is inside, and what they took is free when it returns.
 *
 * For 35,600 functions that takes at most 64 MB of memory and, where instructions are counted, 2 G
 * instructions.
 */
#include <sys/mount.h>
#include <x86intrin.h>

#include "actor.h"
#include "shadows.h"

#define TRACING	    "/sys/kernel/tracing"
#define CALLS	    1000
#define MOST_COST   2000000000UL
#define COST_OF	    35600L
#define MOST_MEMORY (64L << 20)

struct names {
	char **name;
	size_t nr;
};

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads the names of all functions of the kernel image that ftrace can trace. */
static struct names read_names(void)
{
	FILE *file = fopen(TRACING "/available_filter_functions", "re");
	struct names names = { 0 };
	char line[512], name[256], module[256];

	need(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%255s %255s", name, module) != 1)
			continue;
		if (!(names.nr % 1024))
			names.name = reallocarray(names.name, names.nr + 1024, sizeof(char *));
		need(names.name);
		names.name[names.nr++] = strdup(name);
	}
	fclose(file);
	qsort(names.name, names.nr, sizeof(char *), name_compare);
	return names;
}

/* Makes a spec of every function of @names that /proc/kallsyms has. Returns how many. */
static size_t make_specs(const struct names *names, struct shadowk_probe_spec **specs)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512], text[256], module[256], type, *name = text;
	unsigned long addr;
	size_t nr = 0;

	need(file);
	*specs = NULL;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx %c %255s %255s", &addr, &type, text, module) != 3 ||
		    !strchr("tT", type) ||
		    !bsearch(&name, names->name, names->nr, sizeof(char *), name_compare))
			continue;
		if (!(nr % 1024))
			*specs = reallocarray(*specs, nr + 1024, sizeof(**specs));
		need(*specs);
		(*specs)[nr++] = (struct shadowk_probe_spec){ .size = sizeof(**specs),
							      .kind = SHADOWK_PROBE_COUNT,
							      .addr = addr };
	}
	fclose(file);
	return nr;
}

/* Bytes of memory that the kernel has allocated for structs. The text's own is shadow_info's. */
static long structs(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	long kib, sum = 0;
	char line[128];

	need(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "SUnreclaim: %ld kB", &kib) == 1 ||
		    sscanf(line, "Percpu: %ld kB", &kib) == 1)
			sum += kib;
	fclose(file);
	return sum << 10;
}

static bool counts_instructions(void)
{
	const char *vm = getenv("SHADOWK_VM");

	return vm && !strcmp(vm, "icount");
}

/* Adds @nr probes, and checks what that takes. Returns the number of those that were added. */
static size_t add_all(struct shadowk_shadow *shadow, struct shadowk_probe_spec *specs, size_t nr)
{
	unsigned long long begin, took;
	long before, used;
	size_t added;
	int err;

	before = structs();
	begin = __rdtsc();
	err = shadowk_probe_add_many(shadow, specs, sizeof(*specs), nr, SHADOWK_PROBES_SKIP,
				     &added);
	expect_ret(err, 0, "adding, at element %zu", added);
	took = __rdtsc() - begin;
	used = structs() - before + (long)shadow_info(shadow).memory;
	printf("%zu of %zu functions probed, %llu instructions, %ld KiB\n", added, nr, took,
	       used >> 10);
	if (counts_instructions())
		expect(took <= MOST_COST * nr / (size_t)COST_OF,
		       "%llu instructions for %zu functions", took, nr);
	expect(used <= MOST_MEMORY / COST_OF * (long)nr, "%ld bytes of memory", used);
	return added;
}

/* Returns the hits of the probe with the id @id. Reads the list of all, a few at a time. */
static uint64_t hits_of(struct shadowk_shadow *shadow, uint64_t id)
{
	struct shadowk_probe_info probes[16];
	uint64_t cursor = 0, hits = 0, found = 0;
	int nr;

	do {
		nr = shadowk_probe_list(shadow, &cursor, probes, sizeof(*probes),
					sizeof(probes) / sizeof(*probes));
		need(nr >= 0);
		for (int i = 0; i < nr; i++) {
			found += probes[i].id == id;
			hits += probes[i].id == id ? probes[i].hits : 0;
		}
	} while (cursor);
	expect_eq((int64_t)found, 1, "probes with the id %" PRIu64, id);
	return hits;
}

/* Returns the id of the probe at the entry of @symbol. */
static uint64_t id_of(const struct shadowk_probe_spec *specs, size_t nr, const char *symbol)
{
	uint64_t addr = kernel_symbol(symbol);

	for (size_t i = 0; i < nr; i++)
		if (specs[i].addr == addr)
			return specs[i].id;
	return 0;
}

/* Says why probes were refused, and expects that few are. */
static void expect_few_refused(const struct shadowk_probe_spec *specs, size_t nr, size_t added)
{
	size_t refused = 0;

	for (size_t i = 0; i < nr; i++) {
		expect(!specs[i].id == !!specs[i].reason, "element %zu: id %" PRIu64 ", reason %u",
		       i, specs[i].id, specs[i].reason);
		refused += !specs[i].id;
	}
	expect_eq((int64_t)(added + refused), (int64_t)nr, "probes added and refused");
	expect_range((int64_t)refused, 0, (int64_t)nr / 50, "refused probes");
}

static void once(struct shadowk_probe_spec *specs, size_t nr, struct actor *inside,
		 struct actor *outside, bool live)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	long before = structs();
	size_t added;

	if (live)
		attach(shadow, inside->pid);
	added = add_all(shadow, specs, nr);
	expect_few_refused(specs, nr, added);
	expect_eq(shadow_info(shadow).nr_probes, (int64_t)added, "probes of the shadow");
	if (!live)
		attach(shadow, inside->pid);
	actor_do(outside, job_getppid, CALLS);
	actor_do(inside, job_getppid, CALLS);
	expect_eq((int64_t)hits_of(shadow, id_of(specs, nr, GETPPID)), CALLS,
		  "hits by the process inside");
	expect_ret(shadowk_probe_remove_many(shadow, NULL, 0), (long)added, "removal");
	actor_do(inside, job_getppid, CALLS);
	expect_eq(shadow_info(shadow).nr_probes, 0, "probes after removal");
	expect_range((structs() - before) >> 10, -8192, 12288, "KiB of structs after removal");
	expect(shadow_info(shadow).memory < 1 << 20, "memory of the text after removal");
	detach(inside->pid);
	shadow_close(shadow);
}

int main(void)
{
	struct actor inside, outside;
	struct shadowk_probe_spec *specs;
	struct names names;
	size_t nr;

	mount("tracefs", TRACING, "tracefs", 0, NULL);
	names = read_names();
	nr = make_specs(&names, &specs);
	expect(nr > 20000, "%zu functions", nr);
	actor_start(&inside, 0);
	actor_start(&outside, nr_cpus() - 1);
	once(specs, nr, &inside, &outside, false);
	once(specs, nr, &inside, &outside, true);
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
