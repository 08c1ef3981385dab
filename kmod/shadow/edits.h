/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Edits of a shadow's text. These functions call shk_shadow_update_live(), which sets
 * shk_text.live, and then the function of text/text.h that each comment names.
 */
#ifndef SHK_SHADOW_EDITS_H
#define SHK_SHADOW_EDITS_H

#include "shadow/shadow.h"

/*
 * Applies @edit to the text of @shadow, by shk_text_apply(): at return every CPU that executes
 * @shadow executes the edit. Called with the shadow's lock held, and without text_mutex; may sleep.
 * Returns 0, or an error after which the text is unchanged:
 *   EDIT_THERE       another edit has one of the bytes
 *   XEN              Xen refused a change of page tables
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped
 *   others           errors of register_ftrace_function()
 *   -ENOMEM          out of memory
 *   -EINVAL          with a warning: the edit is not as described at shk_text_apply()
 */
int shk_edit_apply(struct shk_shadow *shadow, struct shk_edit *edit);
/*
 * Applies the @nr edits at @edits to the text of @shadow, by shk_text_apply_many(). The caller has
 * sorted them by address. An edit of which another edit has a byte is left out: its .page is NULL
 * afterwards. The shadow's lock is held, text_mutex is not; may sleep. Returns 0, or an error of
 * shk_edit_apply(), after which no edit is applied.
 */
int shk_edit_apply_many(struct shk_shadow *shadow, struct shk_edit **edits, unsigned int nr);
/*
 * Reverts @edit in the text of @shadow, by shk_text_revert(): at return every CPU that executes
 * @shadow executes the base's bytes. The edit must be applied. Called with the shadow's lock held,
 * and without text_mutex; may sleep. Cannot fail.
 */
void shk_edit_revert(struct shk_shadow *shadow, struct shk_edit *edit);
/*
 * Reverts the @nr edits at @edits in the text of @shadow, by shk_text_revert_many(). The caller has
 * sorted them by address, and all of them must be applied. The shadow's lock is held, text_mutex is
 * not; may sleep. Cannot fail.
 */
void shk_edit_revert_many(struct shk_shadow *shadow, struct shk_edit **edits, unsigned int nr);
/*
 * Changes @edit to a call or jump (@opcode) to @target, by shk_text_change(). @edit must be applied
 * to the text of @shadow, be a call or jump of 5 bytes, and have no .spare (a page that
 * shk_text_apply() prepares for a later change). While the bytes change, an int3 is at @edit->addr:
 * a CPU that hits it continues at @resume. At return every CPU that executes @shadow executes the
 * new branch. Called with the shadow's lock held, and without text_mutex; may sleep. Cannot fail.
 */
void shk_edit_change(struct shk_shadow *shadow, struct shk_edit *edit, u8 opcode,
		     unsigned long target, unsigned long resume);
/*
 * Makes the pages of [from, to) private in the text of @shadow (shk_text_pin()). They stay private
 * until shk_edit_unpin() of the same range. Called with the shadow's lock held, and without
 * text_mutex; may sleep. Returns 0, or an error after which the call has pinned no page:
 *   XEN              Xen refused a change of page tables
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped
 *   others           errors of register_ftrace_function()
 *   -ENOMEM          out of memory
 *   -EINVAL          with a warning: the range is empty
 */
int shk_edit_pin(struct shk_shadow *shadow, unsigned long from, unsigned long to);
/*
 * Ends shk_edit_pin() of the same range: removes one pin from each of its pages (shk_text_unpin()).
 * Pages without pins and edits become the base's. Called with the shadow's lock held, and without
 * text_mutex; may sleep. Cannot fail.
 */
void shk_edit_unpin(struct shk_shadow *shadow, unsigned long from, unsigned long to);
/*
 * Replaces @nr bodies of functions in the text of @shadow, by shk_text_replace(). If @in, writes
 * the bytes that @edits describe; otherwise restores the base's bytes. If the text is live, int3s
 * at the entries keep CPUs out of the bodies until the bytes have changed.
 *
 * When the int3s are written, this function calls @check_clear(@arg) with text_mutex and
 * cpus_read_lock() held. @check_clear returns 0 if no task is in a body: then the bytes change.
 * After an error of @check_clear they do not.
 *
 * Called with the shadow's lock held, and without text_mutex; may sleep. Returns 0, or an error
 * after which the text is unchanged:
 *   EDIT_THERE  (only if @in) another edit has one of the bytes
 *   others      the error of @check_clear
 */
int shk_edit_replace(struct shk_shadow *shadow, struct shk_replacement *edits, unsigned int nr,
		     bool in, int (*check_clear)(void *arg), void *arg);

#endif /* SHK_SHADOW_EDITS_H */
