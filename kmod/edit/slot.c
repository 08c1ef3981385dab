// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text that edits lead to. It lies in the module's own text, so that it is in
 * reach of a direct branch, known to the unwinder, and never writable.
 */
#include <linux/bitmap.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <asm/insn.h>
#include <asm/text-patching.h>

#include "edit/probe.h"
#include "edit/slot_entry.h"

/* push imm32, sign-extended: any address of the kernel's text */
#define PUSH_IMM32_OPCODE 0x68
#define PUSH_IMM32_SIZE	  5

static DEFINE_MUTEX(slot_lock);
static DECLARE_BITMAP(slots_used, SHK_NR_SLOTS);
static DECLARE_BITMAP(detours_used, SHK_NR_DETOURS);

/* Read under RCU; a site outlives its place here by a grace period. */
static struct shk_site *slot_sites[SHK_NR_SLOTS];
static struct shk_site *detour_sites[SHK_NR_DETOURS];

static int take(unsigned long *used, unsigned int nr)
{
	unsigned int i;

	mutex_lock(&slot_lock);
	i = find_first_zero_bit(used, nr);
	if (i < nr)
		__set_bit(i, used);
	mutex_unlock(&slot_lock);
	return i < nr ? i : -ENOSPC;
}

static void give(unsigned long *used, unsigned int i)
{
	mutex_lock(&slot_lock);
	__clear_bit(i, used);
	mutex_unlock(&slot_lock);
}

int shk_slot_get(struct shk_site *site)
{
	int slot = take(slots_used, SHK_NR_SLOTS);

	if (slot >= 0)
		WRITE_ONCE(slot_sites[slot], site);
	return slot;
}

void shk_slot_mute(int slot)
{
	WRITE_ONCE(slot_sites[slot], NULL);
}

void shk_slot_put(int slot)
{
	shk_slot_mute(slot);
	give(slots_used, slot);
}

unsigned long shk_slot_text(int slot)
{
	return (unsigned long)shk_slots + slot * SHK_SLOT_SIZE;
}

struct shk_site *shk_slot_site(unsigned long slot_return)
{
	return READ_ONCE(slot_sites[(slot_return - (unsigned long)shk_slots) / SHK_SLOT_SIZE]);
}
NOKPROBE_SYMBOL(shk_slot_site);

static unsigned int detour_index(unsigned long addr)
{
	return (addr - (unsigned long)shk_detours) / SHK_DETOUR_SIZE;
}

struct shk_site *shk_detour_site(unsigned long detour_return)
{
	return READ_ONCE(detour_sites[detour_index(detour_return)]);
}
NOKPROBE_SYMBOL(shk_detour_site);

unsigned long shk_detour_insn(u8 *detour)
{
	return (unsigned long)detour + CALL_INSN_SIZE;
}
NOKPROBE_SYMBOL(shk_detour_insn);

static void branch(u8 *at, const u8 *run_at, u8 opcode, unsigned long target)
{
	s32 rel = target - ((unsigned long)run_at + JMP32_INSN_SIZE);

	at[0] = opcode;
	memcpy(at + 1, &rel, sizeof(rel));
}

/*
 * At @at, to run at @run_at: what does as the instruction at @addr does, and goes
 * on behind it.
 */
static bool copy_insn(u8 *at, const u8 *run_at, const struct insn *insn,
		      const struct arch_specific_insn *ainsn, unsigned long addr)
{
	unsigned long next = addr + insn->length;
	s64 disp;

	memcpy(at, ainsn->insn, insn->length);
	if (shk_call(insn_rip_relative)((struct insn *)insn)) {
		disp = (s64)insn->displacement.value + (s64)(long)ainsn->insn - (s64)(long)run_at;
		if (disp != (s32)disp)
			return false;
		*(s32 *)(at + insn_offset_displacement((struct insn *)insn)) = disp;
	}
	branch(at + insn->length, run_at + insn->length, JMP32_INSN_OPCODE, next);
	return true;
}

/* Likewise a call, which kprobes does not copy but emulate: it returns to the text. */
static void copy_call(u8 *at, const u8 *run_at, const struct insn *insn, unsigned long addr)
{
	unsigned long next = addr + insn->length;

	at[0] = PUSH_IMM32_OPCODE;
	*(u32 *)(at + 1) = next;
	branch(at + PUSH_IMM32_SIZE, run_at + PUSH_IMM32_SIZE, JMP32_INSN_OPCODE,
	       next + insn->immediate.value);
}

static bool is_call(const struct insn *insn)
{
	return insn->length == CALL_INSN_SIZE && insn->opcode.bytes[0] == CALL_INSN_OPCODE;
}

u8 *shk_detour_get(struct shk_site *site)
{
	struct arch_specific_insn *ainsn = &site->kp.ainsn;
	unsigned long addr = (unsigned long)site->kp.addr;
	u8 text[SHK_DETOUR_SIZE];
	struct insn insn;
	u8 *detour;
	int i;

	/* The kernel's copy is the original instruction, whatever stands there now. */
	if (!ainsn->insn ||
	    shk_call(insn_decode)(&insn, ainsn->insn, MAX_INSN_SIZE, INSN_MODE_KERN) < 0)
		return NULL;
	if (!is_call(&insn) && (ainsn->emulate_op || !shk_call(can_boost)(&insn, site->kp.addr)))
		return NULL;

	i = take(detours_used, SHK_NR_DETOURS);
	if (i < 0)
		return NULL;
	detour = shk_detours + i * SHK_DETOUR_SIZE;

	memset(text, INT3_INSN_OPCODE, sizeof(text));
	branch(text, detour, CALL_INSN_OPCODE, (unsigned long)shk_detour_common);
	if (is_call(&insn)) {
		copy_call(text + CALL_INSN_SIZE, detour + CALL_INSN_SIZE, &insn, addr);
	} else if (!copy_insn(text + CALL_INSN_SIZE, detour + CALL_INSN_SIZE, &insn, ainsn, addr)) {
		give(detours_used, i);
		return NULL;
	}

	mutex_lock(shk_symbols.text_mutex);
	shk_call(text_poke)(detour, text, sizeof(text));
	mutex_unlock(shk_symbols.text_mutex);
	WRITE_ONCE(detour_sites[i], site);
	return detour;
}

void shk_detour_put(u8 *detour)
{
	unsigned int i = detour_index((unsigned long)detour);

	WRITE_ONCE(detour_sites[i], NULL);
	give(detours_used, i);
}
