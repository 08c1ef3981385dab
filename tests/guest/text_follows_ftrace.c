// SPDX-License-Identifier: GPL-2.0-only
/* test: newer timeout=180 */
/* Private pages follow changes of function entries by the function tracer. */
#include "coherence.h"
#include "tracefs.h"

static void make(void)
{
	tracefs_write("set_ftrace_filter", "vfs_*\n");
	tracefs_write("current_tracer", "function\n");
}

static void undo(void)
{
	tracefs_write("current_tracer", "nop\n");
	tracefs_write("set_ftrace_filter", "!vfs_*\n");
}

int main(void)
{
	expect_followed(&(struct change){ "function tracer", make, undo, true });
	return finish();
}
