/* SPDX-License-Identifier: GPL-2.0-only */
/* The instructions of one function, in the base and in a shadow. */
#ifndef SHADOWCTL_FUNCTION_TEXT_H
#define SHADOWCTL_FUNCTION_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <shadowk.h>

struct function_text {
	char symbol[SHADOWK_SYMBOL_LEN];
	uint64_t addr;
	size_t len;
	uint8_t *base, *bytes; /* of the base, and of the shadow */
};

/*
 * Reads a function, given by its name or by an address in it. Returns 0 or -errno. The caller frees
 * @text in any case.
 */
int function_text_read(struct function_text *text, struct shadowk_shadow *shadow,
		       const char *symbol, uint64_t addr);
void function_text_free(struct function_text *text);

/*
 * Handles one instruction at @offset of the function. @mark is ' ' where both texts have it, '-'
 * if it is only in the base, '+' if it is only in the shadow.
 */
typedef void (*function_text_line)(void *context, char mark, size_t offset, const char *insn);

/*
 * Calls @line for all instructions in their order. The instructions of one difference all have the
 * offset of its begin, and those of the base come first. Call disassembly_init() before.
 */
void function_text_lines(const struct function_text *text, function_text_line line, void *context);

#endif /* SHADOWCTL_FUNCTION_TEXT_H */
