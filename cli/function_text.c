// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "disassembly.h"
#include "function_text.h"

#define INT3	 0xcc
#define LINE_LEN 512

void function_text_free(struct function_text *text)
{
	free(text->base);
	free(text->bytes);
}

int function_text_read(struct function_text *text, struct shadowk_shadow *shadow,
		       const char *symbol, uint64_t addr)
{
	struct shadowk_text part = { .size = sizeof(part), .addr = addr };
	int err;

	snprintf(part.symbol, sizeof(part.symbol), "%s", symbol);
	err = shadowk_text_read(shadow, &part);
	if (err)
		return err;
	text->addr = part.addr - part.offset;
	text->len = part.symbol_len;
	memcpy(text->symbol, part.symbol, sizeof(text->symbol));
	text->base = calloc(2, text->len + SHADOWK_TEXT_LEN);
	text->bytes = calloc(2, text->len + SHADOWK_TEXT_LEN);
	if (!text->base || !text->bytes)
		return -ENOMEM;
	for (size_t got = 0; got < text->len; got += part.len) {
		memset(part.symbol, 0, sizeof(part.symbol));
		part.addr = text->addr;
		part.offset = got;
		err = shadowk_text_read(shadow, &part);
		if (err)
			return err;
		memcpy(text->base + got, part.base, part.len);
		memcpy(text->bytes + got, part.bytes, part.len);
	}
	return 0;
}

/* Disassembles one instruction at @at. Returns the offset of the next one. */
static size_t insn_read(const struct function_text *text, const uint8_t *bytes, size_t at,
			char *insn)
{
	return at +
	       disassemble(bytes + at, text->len - at, text->addr + at, insn, (size_t)LINE_LEN);
}

/*
 * Calls @line for the instructions of one side, '-' or '+', of the difference that begins at @from.
 * Returns its end, where an instruction begins in both texts.
 */
static size_t difference_lines(const struct function_text *text, size_t from, char side,
			       function_text_line line, void *context)
{
	size_t base = from, shadow = from;
	char insn[LINE_LEN];

	do {
		do {
			base = insn_read(text, text->base, base, insn);
			if (side == '-')
				line(context, side, from, insn);
		} while (base < shadow);
		while (shadow < base) {
			bool trap = text->bytes[shadow] == INT3 && text->base[shadow] != INT3;

			shadow = insn_read(text, text->bytes, shadow, insn);
			if (side == '+')
				line(context, side, from, insn);
			/* CPUs do not execute the rest of an instruction under a breakpoint. */
			if (trap)
				shadow = base;
		}
	} while (shadow > base && base < text->len);
	return base;
}

void function_text_lines(const struct function_text *text, function_text_line line, void *context)
{
	char insn[LINE_LEN];
	size_t next;

	for (size_t at = 0; at < text->len; at = next) {
		next = insn_read(text, text->base, at, insn);
		if (memcmp(text->base + at, text->bytes + at, next - at)) {
			difference_lines(text, at, '-', line, context);
			next = difference_lines(text, at, '+', line, context);
		} else {
			line(context, ' ', at, insn);
		}
	}
}
