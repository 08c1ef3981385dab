// SPDX-License-Identifier: GPL-2.0-only
#include "places.h"
#include "shadows.h"

#define CALLS	   3
#define OFFSET_MAX 4096

static bool fits(struct shadowk_shadow *shadow, struct actor *inside, const struct place *place,
		 job_fn job, long *error)
{
	bool good;

	*error = probe_try(shadow, "place", place->text, SHADOWK_PROBE_COUNT, place->flags);
	if (*error < 0)
		return false;
	good = probe_info(shadow, "place").arm == place->arm;
	if (good) {
		actor_do(inside, job, CALLS);
		good = hits(shadow, "place") == CALLS;
	}
	probe_remove(shadow, "place");
	return good;
}

struct place find_place(const char *symbol, enum shadowk_probe_arm arm, job_fn job)
{
	struct place place = { .arm = arm };
	struct shadowk_shadow *shadow = shadow_new(NULL);
	bool found = false;
	struct actor inside;
	long error = 0;

	/* A breakpoint can be forced anywhere. Few instructions permit no other arm. */
	if (arm == SHADOWK_ARM_INT3)
		place.flags = SHADOWK_PROBE_FORCE_INT3;
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	/* Places inside the function, since the arm at the entry differs. */
	for (int at = arm == SHADOWK_ARM_CALL ? 0 : 10; at < OFFSET_MAX && !found; at++) {
		snprintf(place.text, sizeof(place.text), "%s+%d", symbol, at);
		found = fits(shadow, &inside, &place, job, &error);
		if (error == -ERANGE)
			break;
	}
	actor_end(&inside);
	shadow_close(shadow);
	if (!found)
		skip("no probe in %s gets the arm %s", symbol, shadowk_arm_name(arm));
	return place;
}
