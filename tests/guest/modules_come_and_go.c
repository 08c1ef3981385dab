// SPDX-License-Identifier: GPL-2.0-only
/* test: races core bochs timeout=180 */
/*
 * While a shadow has text of one module private, others come and go in the
 * same 2 MB. Who is inside loads, uses and unloads them as if he were outside,
 * and nobody meets the code of a module that is gone.
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

/* What the observer reads at one address, so that its text executes. */
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
	long seen;

	victim_load();
	module_unload("shk_observer");
	actor_start(&inside, 0);
	actor_start(&outside, nr_cpus() > 1 ? 1 : 0);
	count(shadow, VICTIM_TEXT);
	attach(shadow, inside.pid);

	for (int turn = 0; turn < TURNS; turn++) {
		struct actor *loader = turn % 2 ? &inside : &outside;
		struct actor *unloader = turn % 3 ? &outside : &inside;

		expect_ret(actor_do(loader, job_load, 0), 0, "insmod in turn %d", turn);
		seen = actor_do(&outside, job_observe, addr);
		expect(seen > 0, "the observer saw nothing");
		expect_eq(actor_do(&inside, job_observe, addr), seen, "turn %d, inside", turn);
		actor_do(&inside, job_own, 10);
		expect_ret(actor_do(unloader, job_unload, 0), 0, "rmmod in turn %d", turn);
		/* Another module at the address: shadowk's own neighbours move. */
		if (turn % 4 == 3) {
			probe_remove(shadow, VICTIM_TEXT);
			count(shadow, VICTIM_TEXT);
		}
	}
	actor_do(&inside, job_own, 10);
	expect_range(hits(shadow, VICTIM_TEXT), 10, 10 * TURNS + 10, "hits");

	actor_end(&inside);
	actor_end(&outside);
	shadow_close(shadow);
	victims_done();
	return finish();
}
