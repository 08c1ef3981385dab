/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Source of two modules whose text ends with the function shk_last_*(). The bytes behind it, up to
 * the end of the page, decode as instructions of two bytes. In one of the modules the page's edge
 * cuts the last of them in two.
 */
#include <linux/module.h>

/* The function is never called. */
#define LAST(name, more)                        \
	asm(".pushsection .exit.text, \"ax\"\n" \
	    ".type " #name ", @function\n"      \
	    ".balign 16\n" #name ":\n"          \
	    "nop\n" more "0: jmp 0b\n"          \
	    ".size " #name ", . - " #name "\n"  \
	    ".popsection\n")

static int __init last_load(void)
{
	return 0;
}

static void last_unload(void)
{
}

module_init(last_load);
module_exit(last_unload);

MODULE_DESCRIPTION("Shadow kernels: the last function of a module");
MODULE_LICENSE("GPL");
