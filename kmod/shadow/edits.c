// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpu.h>
#include <linux/string.h>

#include "shadow/shadow.h"

/*
 * With shk_config_lock held nothing can become grafted to a shadow in which
 * nothing is: fork and exec only add to those that have a graft.
 */
static void note_live(struct shk_shadow *shadow)
{
	lockdep_assert_held(&shk_config_lock);
	shadow->text.live = shk_shadow_live(shadow);
}

int shk_edit_apply(struct shk_shadow *shadow, struct shk_edit *edit)
{
	note_live(shadow);
	return shk_text_apply(&shadow->text, edit);
}

void shk_edit_revert(struct shk_shadow *shadow, struct shk_edit *edit)
{
	note_live(shadow);
	shk_text_revert(&shadow->text, edit);
}

void shk_edit_change(struct shk_shadow *shadow, struct shk_edit *edit, u8 opcode,
		     unsigned long target, unsigned long resume)
{
	struct shk_edit wanted;

	note_live(shadow);
	shk_edit_branch(&wanted, edit->addr, opcode, target);
	shk_text_change(&shadow->text, edit, wanted.bytes, resume);
}

static int clear(void *still)
{
	return shk_still_look(still);
}

int shk_edit_replace(struct shk_shadow *shadow, struct shk_replacement *edits, unsigned int nr,
		     bool in, struct list_head *bodies, pid_t *busy)
{
	struct shk_still still = { .shadow = shadow, .bodies = { bodies } };
	int ret;

	note_live(shadow);
	cpus_read_lock(); /* outside of text_mutex, as everywhere */
	ret = shk_text_replace(&shadow->text, edits, nr, in, clear, &still);
	cpus_read_unlock();
	*busy = still.busy;
	return ret;
}

int shk_edit_pin(struct shk_shadow *shadow, unsigned long from, unsigned long to)
{
	note_live(shadow);
	return shk_text_pin(&shadow->text, from, to);
}

void shk_edit_unpin(struct shk_shadow *shadow, unsigned long from, unsigned long to)
{
	note_live(shadow);
	shk_text_unpin(&shadow->text, from, to);
}

void shk_edit_branch(struct shk_edit *edit, unsigned long addr, u8 opcode, unsigned long target)
{
	s32 rel = target - (addr + JMP32_INSN_SIZE);

	edit->addr = addr;
	edit->len = JMP32_INSN_SIZE;
	edit->bytes[0] = opcode;
	memcpy(edit->bytes + 1, &rel, sizeof(rel));
}
