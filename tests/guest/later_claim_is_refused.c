// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Of two claims that contradict each other, the later one fails and changes nothing. Text that
 * follows the base contradicts a kernel with ftrace off, and a raw edit contradicts a kprobe at its
 * instruction.
 */
#include <errno.h>

#include "actor.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define FTRACE "/proc/sys/kernel/ftrace_enabled"

static void expect_ftrace_needed(const char *when)
{
	errno = 0;
	expect(!write_file(FTRACE, "0") && errno == EBUSY, "ftrace was switched off %s: %s", when,
	       strerror(errno));
}

static void against_ftrace(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);

	count(shadow, GETPPID);
	expect_ftrace_needed("while there is an edit");
	probe_remove(shadow, GETPPID);
	expect_ftrace_needed("while a shadow has tables");
	shadow_close(shadow);

	shadow = shadow_new(NULL);
	need(eventually(write_file(FTRACE, "0")));
	expect_ret(probe_try(shadow, "late", GETPPID, SHADOWK_PROBE_COUNT, 0), -EBUSY,
		   "a probe while ftrace is off");
	expect_eq(shadow_info(shadow).private_pages, 0, "private pages after a refused probe");
	need(write_file(FTRACE, "1"));
	expect_ret(probe_try(shadow, "late", GETPPID, SHADOWK_PROBE_COUNT, 0), 0,
		   "a probe after ftrace is on again");
	probe_remove(shadow, "late");
	shadow_close(shadow);
}

static void against_kprobe(struct shadowk_shadow *shadow)
{
	struct shadowk_raw_spec raw = { .size = sizeof(raw), .len = 5, .bytes = { 0xb8 } };
	char place[32];

	raw.addr = find_call(GETUID, "from_kuid_munged");
	if (!raw.addr)
		skip("getuid() does not call from_kuid_munged()");
	snprintf(place, sizeof(place), "0x%" PRIx64, raw.addr);
	kprobe_add("everybodys", place);
	expect_refused(shadowk_raw_add(shadow, &raw), -EBUSY, SHADOWK_REASON_KPROBE_THERE,
		       "a raw edit at a kprobe");
	expect_eq(shadow_info(shadow).private_pages, 0, "private pages after a refused raw edit");
	kprobe_remove("everybodys");
	expect_ret(shadowk_raw_add(shadow, &raw), 0, "a raw edit after the kprobe was removed");
	/* A probe on the raw edit is refused, too. */
	expect_refused(probe_try(shadow, "late", place, SHADOWK_PROBE_COUNT, 0), -EBUSY,
		       SHADOWK_REASON_EDIT_THERE, "a probe at a raw edit");
	need_ok(shadowk_raw_remove(shadow, raw.id));
}

int main(void)
{
	observer_load();
	against_ftrace();
	against_kprobe(shadow_new(NULL));
	victims_done();
	return finish();
}
