// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/* Private pages follow kprobes that the kernel turns into jumps some time later, and back. */
#include "coherence.h"
#include "places.h"
#include "shadows.h"
#include "tracefs.h"

static struct place place;
static uint64_t addr;

static void make(void)
{
	kprobe_add("everybodys", place.text);
	expect(eventually(kprobe_is_optimised(addr)), "the kprobe at %s never became a jump",
	       place.text);
}

static void undo(void)
{
	kprobe_remove("everybodys");
}

/*
 * Finds a place for the kprobe. The kernel does not optimise kprobes at calls, where a shadow's
 * probe may be a jump.
 */
static bool optimises(const char *symbol, job_fn job)
{
	bool good;

	place = find_place(symbol, SHADOWK_ARM_JUMP, job);
	addr = kernel_symbol(symbol) + strtoull(strchr(place.text, '+'), NULL, 0);
	kprobe_add("everybodys", place.text);
	good = eventually(kprobe_is_optimised(addr));
	kprobe_remove("everybodys");
	return good;
}

int main(void)
{
	if (!kprobes_optimise(true))
		skip("kprobes cannot be optimised");
	need(optimises(GETPPID, job_getppid) || optimises(GETUID, job_getuid));
	expect_followed(&(struct change){ "optimised kprobe", make, undo, true });
	return finish();
}
