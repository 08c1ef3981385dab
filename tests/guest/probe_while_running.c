// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=120 */
/*
 * Probes come and go a thousand times while threads on all CPUs execute the probed code. Each call
 * is counted that begins after the probe was added and ends before it is read. No call is counted
 * that lies outside of this time.
 */
#include "places.h"
#include "runners.h"
#include "shadows.h"

#define ROUNDS 1000

static void come_and_go(struct shadowk_shadow *shadow, const struct runners *runners,
			const struct place *place)
{
	struct tally from, since, until, to;
	struct shadowk_probe_info info;
	uint64_t lowest, highest;

	from = runners_tally(runners);
	probe_add(shadow, "probe", place->text, SHADOWK_PROBE_COUNT, place->flags);
	since = runners_tally(runners);
	runners_progress(runners, 2);
	until = runners_tally(runners);
	info = probe_info(shadow, "probe");
	to = runners_tally(runners);
	probe_remove(shadow, "probe");

	tally_bounds(&from, &since, &until, &to, &lowest, &highest);
	expect_eq(info.arm, place->arm, "arm at %s", place->text);
	expect_range(info.hits, lowest, highest, "hits at %s, arm %s", place->text,
		     shadowk_arm_name(place->arm));
	expect_eq(info.missed, 0, "missed at %s", place->text);
	expect(lowest >= runners->nr, "threads did not run, so the test checks nothing");
}

int main(void)
{
	static const enum shadowk_probe_arm arms[] = {
		SHADOWK_ARM_CALL,
		SHADOWK_ARM_INT3,
		SHADOWK_ARM_JUMP,
	};
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct place places[ARRAY_SIZE(arms)];
	struct runners runners;

	for (size_t i = 0; i < ARRAY_SIZE(arms); i++)
		places[i] = find_place(GETPPID, arms[i], job_getppid);
	runners_start(&runners, 0);
	attach(shadow, runners.pid);
	for (int i = 0; i < ROUNDS; i++)
		come_and_go(shadow, &runners, &places[i % ARRAY_SIZE(arms)]);
	runners_end(&runners);
	return finish();
}
