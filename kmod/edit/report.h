/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports to user space how a shadow's text differs from the base's. */
#ifndef SHK_REPORT_H
#define SHK_REPORT_H

#include "shadow/shadow.h"

/*
 * Writes to @info the first difference at or above the address that *@cursor stands for, and sets
 * *@cursor to the end of that difference. The caller zeroes @info before each call, and *@cursor
 * before the first one: 0 stands for the beginning of the text. A cursor is an encrypted address,
 * since user space may not learn addresses. Unless @show_addr, the address and the bytes in @info
 * stay 0.
 *
 * Takes text_mutex, and releases it between groups of pages. Needs no shadow's lock, so edits may
 * be added and removed during the search. Sleeps. Returns 0, or
 *   -EINVAL       *@cursor stands for an address below the text, so this function did not set it
 *   -ENOENT       no difference is left
 *   -ERESTARTSYS  the caller was killed
 */
int shk_edit_next(struct shk_shadow *shadow, u64 *cursor, struct shk_edit_info *info,
		  bool show_addr);

/* Creates the random key that encrypts cursors. Called once, before the device exists. */
void shk_cursors_init(void);

/*
 * Reads bytes of the base's text and of @shadow's text from the place that @info names, up to the
 * end of the page. Fills the out members of @info. Both texts have the same bytes where @shadow has
 * no private page. Takes text_mutex. Sleeps.
 * Returns 0, or
 *   -EINVAL           @info is malformed
 *   SYMBOL_UNKNOWN    no function has that name
 *   SYMBOL_AMBIGUOUS  several functions have that name
 *   PAST_SYMBOL       the offset is not below the symbol's size
 *   NOT_TEXT          there is no text, or its module was just unloaded
 */
int shk_text_report(struct shk_shadow *shadow, struct shk_text_read *info);

#endif /* SHK_REPORT_H */
