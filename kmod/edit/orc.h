/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stack frames at an address of text, as the ORC tables of the kernel and its modules tell them.
 * Each address comes with the module that has it, to which the caller holds a reference, or with
 * NULL for the kernel image. Nothing here takes a lock or sleeps.
 */
#ifndef SHK_ORC_H
#define SHK_ORC_H

#include <linux/types.h>

struct module;

/*
 * Returns true if the stack pointer points to a return address when the instruction at @addr, in
 * @mod, is about to execute. Returns false also if the tables do not say so. Without
 * CONFIG_UNWINDER_ORC it returns true for __fentry__ sites only.
 */
bool shk_orc_is_entry(unsigned long addr, const struct module *mod);

/*
 * Returns true if the tables have the same frame for the address @a, in @a_mod, and for the address
 * @b, in @b_mod. Returns false if the frames differ, if the tables have none for one of the two,
 * and always without CONFIG_UNWINDER_ORC.
 */
bool shk_orc_same(unsigned long a, const struct module *a_mod, unsigned long b,
		  const struct module *b_mod);

#endif /* SHK_ORC_H */
