// SPDX-License-Identifier: GPL-2.0-only
/* A patch module for a function of another module, whose new body calls the old one. */
#include <linux/module.h>
#include <shadowk_patch.h>

#include "victim.h"

static unsigned long (*old_text)(unsigned long n);

/* Counts each call twice. */
static unsigned long new_text(unsigned long n)
{
	return old_text(n) + 1;
}

SHADOWK_PATCH(SHADOWK_REPLACE_IN(shk_victim, shk_victim_text, new_text, old_text));

MODULE_DESCRIPTION("Shadow kernels: a patch module for tests, of a module's function");
MODULE_LICENSE("GPL");
