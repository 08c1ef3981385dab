// SPDX-License-Identifier: GPL-2.0-only
/* VICTIM_TEXT, a function like any other: it can be traced. */
#include <linux/compiler.h>

#include "victim.h"

static unsigned long sink;

unsigned long shk_victim_text(unsigned long n)
{
	/* An instruction that a jump fits on. */
	WRITE_ONCE(sink, 0x12345678);
	return n + 1;
}
