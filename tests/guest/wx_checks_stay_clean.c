// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * In all mappings of the kernel image and of modules, nothing is writable or executable
 * inside that is not so in the base, whatever size of pages it is mapped by; and the kernel's own
 * check of the base's page tables, where it can be asked for (6.12), finds nothing.
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
		expect(strstr(said, "SUCCESS"), "the kernel's check of the base says, %s: %s", when,
		       said);
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
