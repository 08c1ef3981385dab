// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=120 */
/*
 * All kernel threads and interrupt lines change owners again and again, while they work, while
 * threads come and go, and while text changes. Nothing breaks, and a shadow that owns nothing is
 * never executed.
 */
#include <dirent.h>
#include <signal.h>

#include "actor.h"
#include "shadows.h"
#include "storms.h"
#include "victims.h"

#define ROUNDS 4

/* Gives work to kernel threads of all kinds: disk I/O, work items, threads that come and go. */
static _Noreturn void work(unsigned int cpu)
{
	pin((int)cpu);
	for (unsigned int i = 0;; i++) {
		stir_disk(cpu);
		stir_victim(3);
		if (!cpu && i % 4 == 0)
			stir_text();
	}
}

static void own_lines(struct shadowk_shadow *shadow)
{
	DIR *dir = opendir("/proc/irq");
	struct dirent *entry;

	need(dir);
	while ((entry = readdir(dir)))
		if (*entry->d_name >= '0' && *entry->d_name <= '9')
			shadowk_own_irq(shadow, (uint32_t)atoi(entry->d_name));
	closedir(dir);
}

/* A kernel without preempt notifiers cannot let shadows own kernel threads. */
static bool has_kthreads = true;

static void own_kthreads(struct shadowk_shadow *shadow, const char *pattern)
{
	long ret = shadowk_own_kthreads(shadow, pattern);

	if (ret == -EOPNOTSUPP)
		has_kthreads = false;
	else
		need_ok(ret);
}

static void round_of(const char *place)
{
	struct shadowk_shadow *shadow = shadow_new_owner(NULL);

	count(shadow, VICTIM_SYMBOL);
	own_lines(shadow);
	own_kthreads(shadow, "*");
	count(shadow, place);
	usleep(50000);
	probe_remove(shadow, place);
	if (has_kthreads)
		need_ok(shadowk_disown_kthreads(shadow, "*"));
	own_kthreads(shadow, "k*");
	own_kthreads(shadow, "victim/*");
	usleep(20000);
	shadow_close(shadow);
}

int main(void)
{
	unsigned int rounds = kernel_is_slow() ? ROUNDS / 2 : ROUNDS;
	struct shadowk_shadow *other;
	pid_t workers[16];
	unsigned int nr = nr_cpus() < 16 ? nr_cpus() : 16;

	victim_load();
	other = shadow_new_owner(NULL);
	count(other, VICTIM_SYMBOL);
	for (unsigned int cpu = 0; cpu < nr; cpu++) {
		workers[cpu] = fork_tied();
		if (!workers[cpu])
			work(cpu);
	}
	for (unsigned int i = 0; i < rounds; i++)
		round_of(i % 2 ? "vfs_read" : "kfree");
	for (unsigned int cpu = 0; cpu < nr; cpu++) {
		kill(workers[cpu], SIGKILL);
		wait_for(workers[cpu]);
	}
	expect_eq(hits(other, VICTIM_SYMBOL), 0, "hits in a shadow that owns nothing");
	module_unload("shk_kprobe");
	victims_done();
	return finish();
}
