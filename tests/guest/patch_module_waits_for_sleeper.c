// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * After a patch was removed, its module cannot be unloaded while a task sleeps in its text, and can
 * be unloaded afterwards.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "victims.h"

#define HOLD "/sys/module/shk_patches/parameters/hold"

static struct actor inside;

static long job_getpgid(long unused)
{
	return syscall(SYS_getpgid, 0);
}

static bool is_asleep(void)
{
	char path[64], text[32] = "";

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)inside.pid);
	return read_file(path, text, sizeof(text)) && !strncmp(text, "121 ", 4);
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	pid_t group = getpgid(0);

	need_ok(module_load(victim_path("shk_patches"), ""));
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	patch_module(shadow, "p", "shk_patches");
	expect_eq(actor_do(&inside, job_getpgid, 0), group + 1000000, "getpgid() inside");

	need(write_file(HOLD, "1"));
	actor_ask(&inside, job_getpgid, 0);
	expect(eventually(is_asleep()), "the process does not sleep in the new body");
	patch_remove(shadow, "p");
	detach(inside.pid);
	for (int i = 0; i < 20; i++) {
		usleep(50000);
		expect_ret(module_unload("shk_patches"), -EAGAIN,
			   "unloading the module with a sleeper");
	}
	need(write_file(HOLD, "0"));
	expect_eq(actor_answer(&inside), group + 1000000, "getpgid() of the sleeper");
	expect(eventually(!module_unload("shk_patches")),
	       "the module cannot be unloaded after the sleeper has left");
	expect_eq(actor_do(&inside, job_getpgid, 0), group, "getpgid() without the module");
	actor_end(&inside);
	return finish();
}
