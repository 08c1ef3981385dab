// SPDX-License-Identifier: GPL-2.0-only
#include <linux/string.h>

#include "shadow/shadow.h"

/*
 * With shk_config_lock held nothing can become grafted to a shadow in which
 * nothing is: fork and exec only add to those that have a graft.
 */
static void note_live(struct shk_shadow *shadow)
{
	lockdep_assert_held(&shk_config_lock);
	shadow->text.live = shk_graft_count(shadow);
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

void shk_edit_branch(struct shk_edit *edit, unsigned long addr, u8 opcode, unsigned long target)
{
	s32 rel = target - (addr + JMP32_INSN_SIZE);

	edit->addr = addr;
	edit->len = JMP32_INSN_SIZE;
	edit->bytes[0] = opcode;
	memcpy(edit->bytes + 1, &rel, sizeof(rel));
}
