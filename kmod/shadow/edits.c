// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpu.h>

#include "shadow/edits.h"

int shk_edit_apply(struct shk_shadow *shadow, struct shk_edit *edit)
{
	shk_shadow_update_live(shadow);
	return shk_text_apply(&shadow->text, edit);
}

int shk_edit_apply_many(struct shk_shadow *shadow, struct shk_edit **edits, unsigned int nr)
{
	shk_shadow_update_live(shadow);
	return shk_text_apply_many(&shadow->text, edits, nr);
}

void shk_edit_revert(struct shk_shadow *shadow, struct shk_edit *edit)
{
	shk_shadow_update_live(shadow);
	shk_text_revert(&shadow->text, edit);
}

void shk_edit_revert_many(struct shk_shadow *shadow, struct shk_edit **edits, unsigned int nr)
{
	shk_shadow_update_live(shadow);
	shk_text_revert_many(&shadow->text, edits, nr);
}

void shk_edit_change(struct shk_shadow *shadow, struct shk_edit *edit, u8 opcode,
		     unsigned long target, unsigned long resume)
{
	struct shk_edit wanted;

	shk_shadow_update_live(shadow);
	shk_edit_branch(&wanted, edit->addr, opcode, target);
	shk_text_change(&shadow->text, edit, wanted.bytes, resume);
}

int shk_edit_replace(struct shk_shadow *shadow, struct shk_replacement *edits, unsigned int nr,
		     bool in, int (*check_clear)(void *arg), void *arg)
{
	int ret;

	shk_shadow_update_live(shadow);
	cpus_read_lock(); /* taken before text_mutex, as the kernel does */
	ret = shk_text_replace(&shadow->text, edits, nr, in, check_clear, arg);
	cpus_read_unlock();
	return ret;
}

int shk_edit_pin(struct shk_shadow *shadow, unsigned long from, unsigned long to)
{
	shk_shadow_update_live(shadow);
	return shk_text_pin(&shadow->text, from, to);
}

void shk_edit_unpin(struct shk_shadow *shadow, unsigned long from, unsigned long to)
{
	shk_shadow_update_live(shadow);
	shk_text_unpin(&shadow->text, from, to);
}
