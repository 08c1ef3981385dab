// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies a body from a module to run in the place of the base's body.
 *
 * The kernel finds static keys, static calls, exception table entries and WARN() by the address of
 * an instruction, and would not find those of the copy: such bodies are refused. The unwinder finds
 * frames by address, too. So at each byte the new body must have the frame of the base's body.
 */
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/string.h>
#include <asm/insn.h>
#include <asm/text-patching.h>

#include "edit/inplace.h"
#include "edit/orc.h"

/*
 * Returns true if, for each byte of the body, the unwinder has the same frame at the byte's old
 * address as at its new one.
 */
static bool same_frames(const struct shk_move *move)
{
	unsigned int i;

	for (i = 0; i < move->len; i++)
		if (!shk_orc_same(move->to + i, NULL, move->from + i, move->mod))
			return false;
	return true;
}

/* Returns true if @addr is in the body at @move->from. */
static bool is_inside(const struct shk_move *move, unsigned long addr)
{
	return addr >= move->from && addr < move->from + move->len;
}

/*
 * Returns true if a static key or static call of the module is in the body, which the kernel would
 * patch at the old address only.
 */
static bool has_keys(const struct shk_move *move)
{
	unsigned int i;

	for (i = 0; i < move->mod->num_jump_entries; i++)
		if (is_inside(move, jump_entry_code(&move->mod->jump_entries[i])))
			return true;
	for (i = 0; i < move->mod->num_static_call_sites; i++) {
		const struct static_call_site *site = &move->mod->static_call_sites[i];

		if (is_inside(move, (unsigned long)&site->addr + site->addr))
			return true;
	}
	return false;
}

/*
 * Returns true if @insn is ud2 or ud1. The kernel finds such traps of BUG(), WARN() and UBSAN by
 * their address.
 */
static bool is_trap(const struct insn *insn)
{
	return insn->opcode.bytes[0] == 0x0f &&
	       (insn->opcode.bytes[1] == 0x0b || insn->opcode.bytes[1] == 0xb9);
}

/* Returns true for direct calls and jumps. */
static bool is_branch(const struct insn *insn)
{
	u8 op = insn->opcode.bytes[0];

	return op == CALL_INSN_OPCODE || op == JMP32_INSN_OPCODE || op == JMP8_INSN_OPCODE ||
	       (op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0 ||
	       (op == 0x0f && (insn->opcode.bytes[1] & 0xf0) == 0x80);
}

/*
 * Adjusts the operand of @insn in @move->bytes, if it is relative to rip and leads out of the body.
 * @insn is @offset bytes into the body. Returns 0, or BODY_OUT_OF_REACH: the operand has too few
 * bits.
 */
static int relocate_operand(const struct shk_move *move, unsigned int offset, struct insn *insn)
{
	bool branch = is_branch(insn);
	unsigned int at = branch ? insn_offset_immediate(insn) : insn_offset_displacement(insn);
	s64 was = branch ? insn->immediate.value : insn->displacement.value;
	unsigned long target = move->from + offset + insn->length + was;
	s64 is = was + (s64)(move->from - move->to);
	s32 fits = is;

	if (!branch && !shk_call(insn_rip_relative)(insn))
		return 0;
	if (is_inside(move, target))
		return 0;
	if ((branch && insn->immediate.nbytes != sizeof(fits)) || fits != is)
		return SHK_E(BODY_OUT_OF_REACH);
	memcpy(move->bytes + offset + at, &fits, sizeof(fits));
	return 0;
}

/*
 * Decodes the instruction at @offset of the body into @insn, and adjusts the copy in @move->bytes
 * so that it has the same effect at @move->to. Returns 0, or an error of shk_relocate(): the copy
 * cannot have that effect.
 */
static int relocate_insn(const struct shk_move *move, unsigned int offset, struct insn *insn)
{
	unsigned long addr = move->from + offset;

	if (shk_call(insn_decode)(insn, (void *)addr, move->len - offset, INSN_MODE_KERN) < 0)
		return SHK_E(BODY_FIXED);
	if (shk_call(get_kprobe)((void *)addr))
		return SHK_E(KPROBE_THERE);
	if (is_trap(insn) || shk_call(search_exception_tables)(addr))
		return SHK_E(BODY_FIXED);
	return relocate_operand(move, offset, insn);
}

/* Returns true if @insn is an int3 or a nop, which align the next function. */
static bool is_padding(const struct insn *insn)
{
	u8 op = insn->opcode.bytes[0];

	return op == INT3_INSN_OPCODE || op == 0x90 ||
	       (op == 0x0f && insn->opcode.bytes[1] == 0x1f);
}

/*
 * Sets @move->len to the length of the body without the padding behind it. Returns 0; BODY_FIXED:
 * an instruction cannot be decoded; BODY_TOO_LONG.
 */
static int relocate_measure(struct shk_move *move)
{
	unsigned int offset = 0;
	struct insn insn;

	move->len = 0;
	while (offset < move->from_len) {
		if (shk_call(insn_decode)(&insn, (void *)move->from + offset,
					  move->from_len - offset, INSN_MODE_KERN) < 0)
			return SHK_E(BODY_FIXED);
		offset += insn.length;
		if (!is_padding(&insn))
			move->len = offset;
	}
	return move->len > move->room ? SHK_E(BODY_TOO_LONG) : 0;
}

int shk_relocate(struct shk_move *move)
{
	unsigned int offset;
	struct insn insn;
	int ret = relocate_measure(move);

	if (ret)
		return ret;
	memset(move->bytes, INT3_INSN_OPCODE, move->room);
	memcpy(move->bytes, (void *)move->from, move->len);
	for (offset = 0; offset < move->len; offset += insn.length) {
		ret = relocate_insn(move, offset, &insn);
		if (ret)
			return ret;
	}
	if (has_keys(move))
		return SHK_E(BODY_FIXED);
	return same_frames(move) ? 0 : SHK_E(BODY_FRAMES);
}
