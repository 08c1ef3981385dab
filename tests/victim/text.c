// SPDX-License-Identifier: GPL-2.0-only
/* VICTIM_TEXT, which ftrace can trace, unlike the rest of the test modules. */
#include <linux/compiler.h>

#include "victim.h"

static unsigned long sink;

unsigned long shk_victim_text(unsigned long n)
{
	/* An instruction that is long enough for a jump. */
	WRITE_ONCE(sink, 0x12345678);
	return n + 1;
}
