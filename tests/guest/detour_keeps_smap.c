// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Between stac and clac the kernel may access user memory. A probe by a jump there calls its
 * handler without that right, and the probed code has the right again afterwards.
 */
#include <dirent.h>

#include "actor.h"
#include "places.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define FLAGS  "shk_flags"
#define LISTEN "events/shadowk/shadowk_probe/enable"
#define AC     (1UL << 18)
#define PROBED "filldir64" /* writes a directory entry into the buffer of getdents64() */
#define ROOM   8192

static const unsigned char stac[] = { 0x0f, 0x01, 0xcb }, clac[] = { 0x0f, 0x01, 0xca };

static long job_list(long unused)
{
	DIR *dir = opendir("/proc/self");
	bool found = false;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		found |= !strcmp(entry->d_name, "status");
	if (dir)
		closedir(dir);
	return found;
}

static unsigned long parameter(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/" FLAGS "/parameters/%s", name);
	return read_number(path);
}

/*
 * Adds a probe that is armed by a jump, between the two instructions. Returns false if there is no
 * place for one.
 */
static bool probe_between(struct shadowk_shadow *shadow)
{
	static unsigned char text[ROOM];
	bool between = false;
	char place[64];
	long ret;

	observe_text(kernel_symbol(PROBED), text, sizeof(text));
	for (unsigned int at = 0; at < sizeof(text) - sizeof(stac); at++) {
		if (!memcmp(text + at, stac, sizeof(stac)) ||
		    !memcmp(text + at, clac, sizeof(clac))) {
			between = text[at + 2] == stac[2];
			continue;
		}
		snprintf(place, sizeof(place), PROBED "+%u", at);
		if (!between)
			continue;
		ret = probe_try(shadow, "probe", place, SHADOWK_PROBE_EVENT, 0);
		if (ret == -ERANGE)
			return false;
		if (ret < 0)
			continue;
		if (probe_info(shadow, "probe").arm == SHADOWK_ARM_JUMP)
			return true;
		probe_remove(shadow, "probe");
	}
	return false;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside;

	observer_load();
	need_ok(module_load(victim_path(FLAGS), "at=trace_event_raw_event_shadowk_probe"));
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	tracefs_write(LISTEN, "1");
	if (!probe_between(shadow))
		skip("no jump fits between stac and clac in " PROBED);
	expect_eq(actor_do(&inside, job_list, 0), true, "reading a directory inside");
	expect(hits(shadow, "probe"), "no hit");
	expect_eq(parameter("calls"), hits(shadow, "probe"), "events that the handler saw");
	expect_eq(parameter("any") & AC, 0, "AC in the handler");

	tracefs_write(LISTEN, "0");
	actor_end(&inside);
	need_ok(module_unload(FLAGS));
	victims_done();
	return finish();
}
