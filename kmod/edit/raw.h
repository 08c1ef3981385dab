/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A raw edit is what its user says: one instruction in the place of another, or
 * nothing at all in pages that are to be private (SHK_RAW_IDENTITY).
 *
 * Locking: the shadow's.
 */
#ifndef SHK_RAW_H
#define SHK_RAW_H

#include "shadow/shadow.h"

int shk_raw_add(struct shk_shadow *shadow, struct shk_raw_add *arg);
int shk_raw_remove(struct shk_shadow *shadow, const struct shk_raw_remove *arg);
/* The first raw edit whose id is not below @info->id. -ENOENT. */
int shk_raw_next(struct shk_shadow *shadow, u64 *cursor, struct shk_raw_info *info, bool show_addr);
void shk_raws_teardown(struct shk_shadow *shadow);

#endif /* SHK_RAW_H */
