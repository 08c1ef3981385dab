// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/*
 * Private pages follow static calls: those of tracepoints, which go to the one
 * that listens, or to a list where several do, and static keys beside them.
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
