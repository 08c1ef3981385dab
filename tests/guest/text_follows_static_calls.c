// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/*
 * Private pages follow static calls, and static keys beside them. The calls are those of
 * tracepoints: they go to the only listener, or to a function that calls several.
 */
#include "coherence.h"
#include "tracefs.h"

static void make(void)
{
	tracefs_write("events/sched/enable", "1\n");
}

static void undo(void)
{
	tracefs_write("events/sched/enable", "0\n");
}

int main(void)
{
	expect_followed(&(struct change){ "tracepoints", make, undo, false });
	return finish();
}
