/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_DISASSEMBLY_H
#define SHADOWCTL_DISASSEMBLY_H

#include <stddef.h>
#include <stdint.h>

/* Reports what goes wrong; returns a status. */
int disassembly_init(void);
/* One instruction of the @len bytes that are at @addr; returns its length. */
size_t disassemble(const uint8_t *bytes, size_t len, uint64_t addr, char *text, size_t text_len);

#endif /* SHADOWCTL_DISASSEMBLY_H */
