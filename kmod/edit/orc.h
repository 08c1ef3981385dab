/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frames that the unwinder sees at an address of the base's text. @mod is the module that
 * has the text, and the caller holds it; NULL: the kernel image.
 */
#ifndef SHK_ORC_H
#define SHK_ORC_H

#include <linux/types.h>

struct module;

/*
 * True if the stack pointer points to a return address when @addr is executed. False, too, where
 * the unwinder does not say so. Without CONFIG_UNWINDER_ORC only __fentry__ sites are known.
 */
bool shk_orc_is_entry(unsigned long addr, const struct module *mod);
/* True if both addresses have the same frame; false without CONFIG_UNWINDER_ORC. */
bool shk_orc_same(unsigned long a, const struct module *a_mod, unsigned long b,
		  const struct module *b_mod);

#endif /* SHK_ORC_H */
