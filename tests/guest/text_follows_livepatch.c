// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=300 */
/* Private pages follow a livepatch of the base. Its new function is executed inside and outside. */
#include "coherence.h"
#include "shadows.h"
#include "victims.h"

#define LIVEPATCH "shk_livepatch"
#define SYSFS	  "/sys/kernel/livepatch/" LIVEPATCH "/"

static bool is_patched(void)
{
	char line[4096];

	need(read_file("/proc/cmdline", line, sizeof(line)));
	return strstr(line, "livepatched");
}

static void make(void)
{
	need_ok(module_load(victim_path(LIVEPATCH), ""));
	expect(eventually(read_number(SYSFS "transition") == 0), "the transition does not end");
	expect(is_patched(), "the livepatch has no effect");
}

static void undo(void)
{
	need(write_file(SYSFS "enabled", "0\n"));
	expect(eventually(access(SYSFS, F_OK)), "the transition back does not end");
	expect(!is_patched(), "the livepatch has an effect after it was disabled");
	expect(eventually(module_unload(LIVEPATCH) == 0), "the livepatch cannot be unloaded");
}

int main(void)
{
	if (access("/sys/kernel/livepatch", F_OK))
		skip("this kernel has no livepatch");
	expect_followed(&(struct change){ "livepatch", make, undo, true });
	return finish();
}
