// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * No mapping of the kernel image or of modules is writable or executable inside and not so in the
 * base, whatever its size of pages. The kernel's own check of the base's tables finds nothing, in
 * kernels where a file requests it (6.12).
 */
#include <unistd.h>

#include "actor.h"
#include "shadows.h"
#include "tables.h"
#include "victims.h"

#define CHECK "/sys/kernel/debug/check_wx_pages"

static struct shadowk_shadow *shadow;

static void expect_clean(struct actor *inside, const char *when)
{
	char said[64];

	expect_eq(actor_do(inside, job_wrongly_permitted, (long)IMAGE_AREA), 0,
		  "pages of the kernel image that the base protects, %s", when);
	expect_eq(actor_do(inside, job_wrongly_permitted, (long)MODULES_AREA), 0,
		  "pages of modules that the base protects, %s", when);
	if (read_file(CHECK, said, sizeof(said)))
		expect(strstr(said, "SUCCESS"), "result of the kernel's check of the base, %s: %s",
		       when, said);
}

int main(void)
{
	struct shadowk_raw_spec all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };
	struct actor inside;

	observer_load();
	victim_load();
	shadow = shadow_new(NULL);
	actor_start(&inside, 0);
	attach(shadow, inside.pid);
	expect_clean(&inside, "with the module's own edits");
	count(shadow, GETPPID);
	count(shadow, VICTIM_TEXT);
	expect_clean(&inside, "with probes");
	need_ok(shadowk_raw_add(shadow, &all));
	expect_clean(&inside, "with all text private");
	need_ok(shadowk_raw_remove(shadow, all.id));
	expect_clean(&inside, "with few pages again");
	actor_end(&inside);
	shadow_close(shadow);
	victims_done();
	return finish();
}
