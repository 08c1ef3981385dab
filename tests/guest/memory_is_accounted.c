// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=600 */
/*
 * The memory that a shadow reports is that of its tables and pages, and is 0 after its end.
 * Hundreds of shadows cost the machine no memory.
 */
#include <sys/stat.h>

#include "actor.h"
#include "shadows.h"

#define PAGE	  4096
#define EXPEDITED "/sys/kernel/rcu_expedited"
#define WARM_UP	  100
#define ROUNDS	  500
/* Limit in KB for the memory that may be missing. Half a KB for each round would exceed it. */
#define DRIFT  256
#define CGROUP "/sys/fs/cgroup/memory_is_accounted"

static long meminfo(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[256];
	long kb = -1;

	need(file);
	while (kb < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %ld", &kb);
	fclose(file);
	need(kb >= 0);
	return kb;
}

/* Memory that the kernel cannot reclaim: slabs, per-CPU memory and vmalloc. */
static long slab_kb(void)
{
	write_file("/proc/sys/vm/drop_caches", "3\n");
	return meminfo("SUnreclaim") + meminfo("Percpu") + meminfo("VmallocUsed");
}

/* Moves the test into a cgroup, which is charged for kernel memory of the test and its children. */
static bool join_cgroup(void)
{
	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	return write_file(CGROUP "/cgroup.procs", "0");
}

static long cgroup_kb(void)
{
	char stat[8192];
	char *kernel;

	need(read_file(CGROUP "/memory.stat", stat, sizeof(stat)));
	kernel = strstr(stat, "\nkernel ");
	need(kernel);
	return atol(kernel + strlen("\nkernel ")) / 1024;
}

static void one_life(struct actor *actor)
{
	struct shadowk_shadow *shadow = shadow_new("short-lived");

	count(shadow, GETPPID);
	probe_add(shadow, "latency", GETUID, SHADOWK_PROBE_LATENCY, 0);
	probe_add(shadow, "breakpoint", GETPID, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3);
	attach(shadow, actor->pid);
	actor_do(actor, job_getppid, 1);
	detach(actor->pid);
	need_ok(shadowk_shadow_destroy(shadow));
	shadow_close(shadow);
}

static void check_numbers(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct shadowk_shadow_info info = shadow_info(shadow);
	uint64_t tables;
	struct actor actor;

	expect_eq(info.memory, 0, "bytes of a new shadow");
	actor_start(&actor, -1);
	attach(shadow, actor.pid);
	info = shadow_info(shadow);
	tables = info.memory / PAGE - info.private_pages - info.diverged_ranges;
	/* A PUD page and a PMD page, and with five levels a P4D page. */
	expect_range(tables, 2, 3, "pages of upper tables");
	count(shadow, GETPPID);
	count(shadow, "tcp_sendmsg");
	expect_range(shadow_info(shadow).private_pages, info.private_pages + 1,
		     info.private_pages + 2, "private pages with two probes more");
	info = shadow_info(shadow);
	expect_eq(info.memory, (tables + info.private_pages + info.diverged_ranges) * PAGE,
		  "bytes of the shadow, of %u pages and %u ranges", info.private_pages,
		  info.diverged_ranges);
	expect_eq(module_info().memory, info.memory, "bytes of all shadows");
	probe_remove(shadow, GETPPID);
	probe_remove(shadow, "tcp_sendmsg");
	detach(actor.pid);
	actor_end(&actor);
	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy");
	info = shadow_info(shadow);
	expect_eq(info.memory, 0, "bytes of a shadow that was destroyed");
	expect_eq(info.private_pages, 0, "private pages of a shadow that was destroyed");
	expect_eq(info.diverged_ranges, 0, "ranges of a shadow that was destroyed");
	expect_eq(module_info().memory, 0, "bytes of all shadows after the last was destroyed");
	shadow_close(shadow);
	expect_eq(module_info().nr_shadows, 0, "shadows");
}

int main(void)
{
	struct shadowk_shadow *other;
	struct actor actor;
	long slab, used;

	if (!join_cgroup())
		skip("this guest has no cgroup with a memory controller");
	check_numbers();
	/*
	 * Otherwise grace periods would take minutes. @other keeps the ftrace hooks registered,
	 * since registering them for each round would take minutes, too.
	 */
	write_file(EXPEDITED, "1\n");
	other = shadow_new(NULL);
	count(other, GETPPID);
	actor_start(&actor, -1);
	for (int i = 0; i < WARM_UP; i++)
		one_life(&actor);
	sleep(1);
	slab = slab_kb();
	used = cgroup_kb();
	for (int i = 0; i < ROUNDS; i++)
		one_life(&actor);
	/* Removed shadows are freed somewhat later. */
	expect(eventually(slab_kb() - slab < DRIFT),
	       "%ld KB more that the kernel cannot reclaim after %d shadows, expected less than %d",
	       slab_kb() - slab, ROUNDS, DRIFT);
	expect(eventually(cgroup_kb() - used < DRIFT),
	       "%ld KB more are charged to the test after %d shadows, expected less than %d",
	       cgroup_kb() - used, ROUNDS, DRIFT);
	shadow_close(other);
	expect_eq(module_info().memory, 0, "bytes of all shadows at the end");
	actor_end(&actor);
	write_file(EXPEDITED, "0\n");
	write_file("/sys/fs/cgroup/cgroup.procs", "0");
	rmdir(CGROUP);
	return finish();
}
