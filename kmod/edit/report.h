/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHK_REPORT_H
#define SHK_REPORT_H

#include "shadow/shadow.h"

/* Errors of struct shk_edit_info. */
int shk_edit_next(struct shk_shadow *shadow, u64 *cursor, struct shk_edit_info *info,
		  bool show_addr);
void shk_cursors_init(void);
/* Errors of struct shk_text_read. */
int shk_text_report(struct shk_shadow *shadow, struct shk_text_read *info);

#endif /* SHK_REPORT_H */
