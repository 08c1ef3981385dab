/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw edits: the user chooses the bytes of one instruction. An identity edit (SHK_RAW_IDENTITY)
 * changes no byte: it makes a range of pages private.
 *
 * A raw edit is in shk_shadow.raws, under the shadow's lock. Process context only; all functions
 * sleep.
 */
#ifndef SHK_RAW_H
#define SHK_RAW_H

#include "shadow/shadow.h"

/*
 * Adds the raw edit that @arg describes to @shadow and applies it; sets @arg->id. Takes the
 * shadow's lock.
 * Returns 0, or
 *   -EINVAL       @arg is malformed
 *   -ENOMEM
 *   -ERESTARTSYS  the caller was killed
 *   others        as listed at struct shk_raw_add
 */
int shk_raw_add(struct shk_shadow *shadow, struct shk_raw_add *arg);

/*
 * Removes the raw edit @arg->id of @shadow and frees it; on return no CPU executes its bytes.
 * Takes the shadow's lock.
 * Returns 0, or
 *   -EINVAL       @arg->flags is not 0
 *   -ERESTARTSYS  the caller was killed
 *   ID_UNKNOWN    @shadow has no such raw edit
 */
int shk_raw_remove(struct shk_shadow *shadow, const struct shk_raw_remove *arg);

/*
 * Fills @info with the raw edit of @shadow that has the lowest id above *@cursor, and sets *@cursor
 * to that id. Unless @show_addr, the address and the bytes in @info are 0. Takes the shadow's lock.
 * Returns 0, or
 *   -ENOENT       @shadow has no raw edit with a higher id
 *   -ERESTARTSYS  the caller was killed
 */
int shk_raw_next(struct shk_shadow *shadow, u64 *cursor, struct shk_raw_info *info, bool show_addr);

/*
 * Reverts, removes and frees all raw edits of @shadow, when the shadow is destroyed. The caller
 * holds the shadow's lock. Sleeps. Cannot fail.
 */
void shk_raws_teardown(struct shk_shadow *shadow);

#endif /* SHK_RAW_H */
