/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_DISASSEMBLY_H
#define SHADOWCTL_DISASSEMBLY_H

#include <stddef.h>
#include <stdint.h>

/* Loads the library once. Call it before disassemble(). Reports an error. Returns a status. */
int disassembly_init(void);
/*
 * Writes the first of @len bytes, which are the text at @addr, as an instruction to @text. Returns
 * the length of the instruction; 1 for a byte that begins none.
 */
size_t disassemble(const uint8_t *bytes, size_t len, uint64_t addr, char *text, size_t text_len);

#endif /* SHADOWCTL_DISASSEMBLY_H */
