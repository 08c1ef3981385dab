// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * While text of a process that runs becomes private and ceases to be, in pages of 4 KB
 * and of 2 MB, no mapping changes its size and its frame without a flush between. The
 * fault that this avoids needs a CPU that none of our guests has (docs/design.md, TLB).
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define PARAMETERS "/sys/module/shk_sizes/parameters/"

int main(void)
{
	struct shadowk_raw all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside;
	char parameters[64];
	uint64_t at;

	if (is_xen_pv())
		skip("text is in pages of 4 KB only");
	at = kernel_symbol(GETPPID);
	actor_start(&inside, 0);
	attach(shadow, inside.pid);
	snprintf(parameters, sizeof(parameters), "pid=%d at=0x%" PRIx64, inside.pid, at);
	need_ok(module_load(victim_path("shk_sizes"), parameters));
	for (int round = 0; round < 2; round++) {
		count(shadow, GETPPID);
		probe_remove(shadow, GETPPID);
		need_ok(shadowk_raw_add(shadow, &all));
		need_ok(shadowk_raw_remove(shadow, all.id));
		/* From pages of 4 KB to one of 2 MB and back. */
		count(shadow, GETPPID);
		need_ok(shadowk_raw_add(shadow, &all));
		need_ok(shadowk_raw_remove(shadow, all.id));
		probe_remove(shadow, GETPPID);
	}
	expect(read_number(PARAMETERS "sizes") > 0, "no size changed: this test sees nothing");
	expect(read_number(PARAMETERS "frames") > 0, "no frame changed: this test sees nothing");
	expect_eq(read_number(PARAMETERS "both"), 0, "changes of both without a flush between");
	need_ok(module_unload("shk_sizes"));
	actor_end(&inside);
	return finish();
}
