// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/* Private pages follow the jumps of static keys that a sysctl switches. */
#include "coherence.h"

#define KEY "/proc/sys/kernel/bpf_stats_enabled"

static void make(void)
{
	need(write_file(KEY, "1\n"));
}

static void undo(void)
{
	need(write_file(KEY, "0\n"));
}

int main(void)
{
	if (access(KEY, W_OK))
		skip("this kernel has no " KEY);
	expect_followed(&(struct change){ "static key", make, undo, false });
	return finish();
}
