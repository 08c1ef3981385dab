/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports to user space how a shadow's text differs from the base's. */
#ifndef SHK_REPORT_H
#define SHK_REPORT_H

#include "shadow/shadow.h"

/*
 * Fills @info with the first difference at or above the address that *@cursor stands for (0: the
 * beginning of the text), and advances *@cursor behind it. A cursor is an encrypted address. Leaves
 * the address and the bytes 0 unless @show_addr. @info is zeroed.
 *
 * Takes text_mutex, and releases it between groups of pages. Not the shadow's lock, so edits may
 * come and go meanwhile. Sleeps.
 * Returns 0, or
 *   -EINVAL       *@cursor is none that this function has set
 *   -ENOENT       no difference is left
 *   -ERESTARTSYS  the caller was killed
 */
int shk_edit_next(struct shk_shadow *shadow, u64 *cursor, struct shk_edit_info *info,
		  bool show_addr);

/* Draws the key that encrypts cursors. Called once, before the device exists. */
void shk_cursors_init(void);

/*
 * Reads bytes of the base's text and of @shadow's from the place that @info names, up to the end of
 * the page; fills the out members of @info. The two are equal where @shadow has no private page.
 * Takes text_mutex. Sleeps.
 * Returns 0, or
 *   -EINVAL           @info is malformed
 *   SYMBOL_UNKNOWN    no function has that name
 *   SYMBOL_AMBIGUOUS  several functions have that name
 *   PAST_SYMBOL       the offset is not below the symbol's size
 *   NOT_TEXT          there is no text, or its module was just unloaded
 */
int shk_text_report(struct shk_shadow *shadow, struct shk_text_read *info);

#endif /* SHK_REPORT_H */
