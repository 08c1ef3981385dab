// SPDX-License-Identifier: GPL-2.0-only
/*
 * "sweep_batch WAY[,WAY]... ADDED FROM COUNT" makes a pass in each way, or in all ways if WAY is
 * "all", at COUNT functions from number FROM on. ADDED is "each" if each probe is added by a call,
 * "many" if one call adds all of a pass.
 *
 * Then it prints a line for each function: hit, uncovered, or refused. "sweep_batch WAY ADDED 0 0"
 * prints the number of functions. tests/sweep/run starts it.
 */
#include "sweep.h"

/* True if @name is in @ways, which are separated by commas. */
static bool is_wanted(const char *ways, const char *name)
{
	const char *at = strstr(ways, name);
	size_t len = strlen(name);

	return !strcmp(ways, "all") ||
	       (at && (at == ways || at[-1] == ',') && (!at[len] || at[len] == ','));
}

static void check_ways(const char *ways)
{
	size_t named = 1, found = 0;
	const struct sweep_way *way;

	for (const char *c = ways; *c; c++)
		named += *c == ',';
	for (unsigned int n = 0; (way = sweep_way(n)); n++)
		found += is_wanted(ways, sweep_way_name(way));
	if (found != named && strcmp(ways, "all")) {
		printf("unknown way in: %s\n", ways);
		exit(2);
	}
}

static void expect_option(const char *options, const char *option, const char *path,
			  const char *before, const char *after)
{
	const char *at = strstr(options, option);
	char is[256] = "", value[32], wanted[64];

	if (!at || sscanf(at + strlen(option), "%31s", value) != 1)
		return;
	snprintf(wanted, sizeof(wanted), "%s%s%s", before, value, after);
	expect(read_file(path, is, sizeof(is)) && strstr(is, wanted),
	       "the command line has%s%s, but the kernel has: %s", option, value, is);
}

/* Fails if the kernel does not have the clock and the preemption model of its command line. */
static void check_options(void)
{
	char options[4096];

	need(read_file("/proc/cmdline", options, sizeof(options)));
	expect_option(options, " clocksource=",
		      "/sys/devices/system/clocksource/clocksource0/current_clocksource", "", "\n");
	expect_option(options, " preempt=", "/sys/kernel/debug/sched/preempt", "(", ")");
}

static void tell(const struct sweep_function *function)
{
	if (function->error && !function->hit)
		printf("= %s refused %s\n", function->name, strerrorname_np(function->error));
	else
		printf("= %s %s\n", function->name, function->hit ? "hit" : "uncovered");
}

int main(int argc, char **argv)
{
	struct sweep_functions functions;
	const struct sweep_way *way;
	struct sweep_function **some;
	size_t from, count;
	bool many;

	if (argc != 5 || (strcmp(argv[2], "each") && strcmp(argv[2], "many")))
		return 2;
	many = !strcmp(argv[2], "many");
	from = strtoul(argv[3], NULL, 0);
	count = strtoul(argv[4], NULL, 0);
	check_ways(argv[1]);
	check_options();
	sweep_begin();
	functions = sweep_functions();
	if (!count)
		printf("%zu\n", functions.count);
	if (from > functions.count)
		from = functions.count;
	if (count > functions.count - from)
		count = functions.count - from;
	some = calloc(count + 1, sizeof(*some));
	need(some);
	for (size_t i = 0; i < count; i++)
		some[i] = &functions.all[from + i];
	for (unsigned int n = 0; count && (way = sweep_way(n)); n++)
		if (is_wanted(argv[1], sweep_way_name(way)))
			sweep(way, some, count, many ? count : 0);
	for (size_t i = 0; i < count; i++)
		tell(some[i]);
	sweep_end();
	return finish();
}
