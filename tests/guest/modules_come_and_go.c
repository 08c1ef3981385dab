// SPDX-License-Identifier: GPL-2.0-only
/* test: races core bochs timeout=180 */
/*
 * While a shadow has private text of one module, other modules come and go in the same 2 MB. A
 * process inside loads, uses and unloads them as a process outside does. No process executes code
 * of a module that was unloaded. Where text of modules cannot be private, all that holds, too.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define TURNS 15

static long job_own(long n)
{
	return job_victim(VICTIM_ORDER(VICTIM_OWN, n));
}

static long job_load(long unused)
{
	return module_load(victim_path("shk_observer"), "");
}

static long job_unload(long unused)
{
	return module_unload("shk_observer");
}

/* Reads at @addr through shk_observer.ko, so that the module's text is executed. */
static long job_observe(long addr)
{
	uint64_t word = 0;
	int fd = open(OBSERVER_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (pread(fd, &word, sizeof(word), addr & INT64_MAX) != sizeof(word))
		word = 0;
	close(fd);
	return word & INT32_MAX;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	uint64_t addr = kernel_symbol("vfs_read");
	struct actor inside, outside;
	bool private;
	long seen;

	victim_load();
	module_unload("shk_observer");
	actor_start(&inside, 0);
	actor_start(&outside, nr_cpus() > 1 ? 1 : 0);
	private = property_is_on("module-text");
	if (private)
		count(shadow, VICTIM_TEXT);
	else
		expect_refused(probe_try(shadow, "p", VICTIM_TEXT, SHADOWK_PROBE_COUNT, 0),
			       -EOPNOTSUPP, SHADOWK_REASON_NO_MODULE_TEXT, "a probe in a module");
	attach(shadow, inside.pid);

	for (int turn = 0; turn < TURNS; turn++) {
		struct actor *loader = turn % 2 ? &inside : &outside;
		struct actor *unloader = turn % 3 ? &outside : &inside;

		expect_ret(actor_do(loader, job_load, 0), 0, "insmod in turn %d", turn);
		seen = actor_do(&outside, job_observe, addr);
		expect(seen > 0, "the observer saw nothing");
		expect_eq(actor_do(&inside, job_observe, addr), seen,
			  "text that the observer reads inside, turn %d", turn);
		actor_do(&inside, job_own, 10);
		expect_ret(actor_do(unloader, job_unload, 0), 0, "rmmod in turn %d", turn);
		/* The shadow's only private page of module text goes and comes back. */
		if (private && turn % 4 == 3) {
			probe_remove(shadow, VICTIM_TEXT);
			count(shadow, VICTIM_TEXT);
		}
	}
	actor_do(&inside, job_own, 10);
	if (private)
		expect_range(hits(shadow, VICTIM_TEXT), 10, 10 * TURNS + 10, "hits");

	actor_end(&inside);
	actor_end(&outside);
	shadow_close(shadow);
	victims_done();
	return finish();
}
