// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * Functions of kprobes that kprobes cannot probe take count probes and are hit, while the kernel's
 * kprobes are hit by a process inside. The rest of kprobes' blacklist takes none, and no return of
 * such a function is hooked.
 */
#include "actor.h"
#include "shadows.h"
#include "tracefs.h"

#define BLACKLIST "/sys/kernel/debug/kprobes/blacklist"
#define FUNCTIONS "/sys/kernel/tracing/available_filter_functions"
#define CALLS	  30

static struct shadowk_shadow *shadow;

/* Returns true if ftrace can trace @function. */
static bool is_traceable(const char *function)
{
	static char *all;
	char name[132];

	if (!all) {
		FILE *file = fopen(FUNCTIONS, "re");
		size_t room = 4 << 20, len;

		need(file);
		all = malloc(room);
		need(all);
		all[0] = '\n';
		len = fread(all + 1, 1, room - 2, file);
		need(len < room - 2);
		all[len + 1] = '\0';
		fclose(file);
	}
	snprintf(name, sizeof(name), "\n%s\n", function);
	return strstr(all, name);
}

/* Probes all functions of the blacklist that ftrace can trace. Returns how many took a probe. */
static int probe_blacklist(void)
{
	FILE *file = fopen(BLACKLIST, "re");
	char line[256], function[128];
	int nr = 0, probed = 0, err;

	need(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %127s", function) != 1 || !is_traceable(function))
			continue;
		nr++;
		err = probe_try(shadow, function, function, SHADOWK_PROBE_COUNT, 0);
		if (!err)
			probed++;
		else
			expect_refused(err, -EOPNOTSUPP, SHADOWK_REASON_FORBIDDEN, function);
		err = probe_try(shadow, "return", function, SHADOWK_PROBE_COUNT,
				SHADOWK_PROBE_RETURN);
		expect_refused(err, -EOPNOTSUPP, SHADOWK_REASON_FORBIDDEN, function);
	}
	fclose(file);
	printf("# of %d traceable functions in the blacklist, %d take a probe\n", nr, probed);
	return probed;
}

int main(void)
{
	struct actor inside;
	char place[64];

	shadow = shadow_new(NULL);
	actor_start(&inside, 0);
	expect_range(probe_blacklist(), 20, 30, "functions of kprobes that take a probe");
	attach(shadow, inside.pid);
	/* Behind the entry, so that the kprobe is a breakpoint and not ftrace's. */
	kprobes_optimise(false);
	probe_add(shadow, "behind", GETPPID, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3);
	snprintf(place, sizeof(place), GETPPID "+%d",
		 (int)(probe_info(shadow, "behind").addr - kernel_symbol(GETPPID)));
	probe_remove(shadow, "behind");
	kprobe_add("k", place);
	actor_do(&inside, job_getppid, CALLS);
	expect_eq((int64_t)kprobe_hits("k"), CALLS, "hits of the kprobe");
	/* The kernel handles a breakpoint as it handles an NMI. */
	expect_range((int64_t)probe_info(shadow, "get_kprobe").async_hits, CALLS, INT64_MAX,
		     "hits of get_kprobe()");
	expect_range((int64_t)probe_info(shadow, "setup_singlestep").async_hits, CALLS, INT64_MAX,
		     "hits of setup_singlestep()");
	kprobes_optimise(true);
	actor_do(&inside, job_getppid, CALLS);
	kprobe_remove("k");
	actor_end(&inside);
	shadow_close(shadow);
	return finish();
}
