// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/* Private pages follow kprobes: breakpoints, and calls at the entries of functions. */
#include "coherence.h"
#include "places.h"
#include "tracefs.h"

static struct place place;

static void make(void)
{
	kprobe_add("everybodys", place.text);
	kprobe_add("entrys", GETUID);
}

static void undo(void)
{
	kprobe_remove("everybodys");
	kprobe_remove("entrys");
}

int main(void)
{
	kprobes_optimise(false);
	place = find_place(GETPPID, SHADOWK_ARM_INT3, job_getppid);
	expect_followed(&(struct change){ "kprobes", make, undo, true });
	kprobes_optimise(true);
	return finish();
}
