/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Edits of a shadow's text, by text/text.h, which wants to know whether somebody executes it.
 * The shadow's lock is held.
 */
#ifndef SHK_SHADOW_EDITS_H
#define SHK_SHADOW_EDITS_H

#include "shadow/shadow.h"

/* Errors as shk_text_apply(). */
int shk_edit_apply(struct shk_shadow *shadow, struct shk_edit *edit);
void shk_edit_revert(struct shk_shadow *shadow, struct shk_edit *edit);
/* An applied branch becomes another; see shk_text_change(). */
void shk_edit_change(struct shk_shadow *shadow, struct shk_edit *edit, u8 opcode,
		     unsigned long target, unsigned long resume);
/* Keep pages private, and no longer; see text.h. */
int shk_edit_pin(struct shk_shadow *shadow, unsigned long from, unsigned long to);
void shk_edit_unpin(struct shk_shadow *shadow, unsigned long from, unsigned long to);
/* Replace whole bodies, see shk_text_replace(), if @check_clear(@arg) lets that happen. */
int shk_edit_replace(struct shk_shadow *shadow, struct shk_replacement *edits, unsigned int nr,
		     bool in, int (*check_clear)(void *arg), void *arg);

#endif /* SHK_SHADOW_EDITS_H */
