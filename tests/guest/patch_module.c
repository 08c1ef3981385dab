// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * The body of a patch module is executed in one shadow, and calls the old body. The module cannot
 * be unloaded while a shadow has the patch.
 */
#include "actor.h"
#include "patches.h"
#include "victims.h"

#define LINE "patched in one shadow\n"

static long job_count_lines(long unused)
{
	char text[4096];
	long lines = 0;

	need(read_file("/proc/cmdline", text, sizeof(text)));
	for (char *c = text; *c; c++)
		lines += *c == '\n';
	return strstr(text, LINE) ? lines : -lines;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL), *other = shadow_new(NULL);
	struct actor inside, outside;

	need_ok(module_load(victim_path("patch_cmdline"), ""));
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	expect_eq(actor_do(&inside, job_count_lines, 0), -1,
		  "lines when the module is only loaded");
	patch_module(shadow, "p", "patch_cmdline");
	patch_module(other, "p", "patch_cmdline");
	expect_eq(actor_do(&inside, job_count_lines, 0), 2, "lines inside");
	expect_eq(actor_do(&outside, job_count_lines, 0), -1, "lines outside");
	expect_ret(module_unload("patch_cmdline"), -EAGAIN,
		   "unloading the module while two shadows have the patch");
	patch_remove(other, "p");
	expect_ret(module_unload("patch_cmdline"), -EAGAIN,
		   "unloading the module while one shadow has the patch");
	expect_eq(actor_do(&inside, job_count_lines, 0), 2,
		  "lines inside after the other shadow's patch was removed");
	patch_remove(shadow, "p");
	expect_eq(actor_do(&inside, job_count_lines, 0), -1, "lines without the patch");
	expect(eventually(!module_unload("patch_cmdline")), "the module cannot be unloaded");
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
