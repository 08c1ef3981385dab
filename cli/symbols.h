/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_SYMBOLS_H
#define SHADOWCTL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shadowk.h>

/* Room for a name, an offset and a module. */
#define SYMBOL_PRINT_LEN (SHADOWK_SYMBOL_LEN + 160)

/*
 * Writes the place in the text, such as "vfs_read+0x1c" or "of_module+0x8 [module]". Returns false,
 * and writes nothing, if no symbol of /proc/kallsyms is before @addr. The first call reads the
 * symbols, and exits if there is no memory.
 */
bool symbol_print(char *buf, size_t len, uint64_t addr);
/*
 * Returns the name of the last symbol at or before @addr, or "" if there is none. Sets @module to
 * its module, or to "" if that is the kernel.
 */
const char *symbol_name(uint64_t addr, const char **module);

#endif /* SHADOWCTL_SYMBOLS_H */
