// SPDX-License-Identifier: GPL-2.0-only
/* Finds calls in the base's text as it was compiled, without bytes that kprobes has changed. */
#include <linux/kprobes.h>
#include <linux/string.h>
#include <asm/ibt.h>
#include <asm/insn.h>
#include <asm/text-patching.h>

#include "edit/patch.h"
#include "edit/probe.h"

/* Functions with the name of the callee that are looked for. */
#define NR_CALLEES 16

/* Addresses of the functions with the name of the callee. */
struct callees {
	unsigned long addr[NR_CALLEES];
	unsigned int nr;
};

/*
 * Returns true if @target is the address of one of @callees, or the address behind its ENDBR, to
 * which direct calls may lead.
 */
static bool is_callee(const struct callees *callees, unsigned long target)
{
	unsigned int i;

	for (i = 0; i < callees->nr; i++)
		if (target == callees->addr[i] || target == callees->addr[i] + ENDBR_INSN_SIZE)
			return true;
	return false;
}

/*
 * Restores the original bytes in @bytes, which has @len bytes that were read at @addr: those that
 * the jump of an optimised kprobe, which begins before @addr, has overwritten. The RCU read lock is
 * held.
 */
static void undo_jump_before(unsigned long addr, u8 *bytes, unsigned long len)
{
	unsigned long back, i;
	struct kprobe *kp;

	for (back = 1; back < JMP32_INSN_SIZE; back++) {
		kp = shk_call(get_kprobe)((void *)(addr - back));
		if (!kp || !kprobe_optimized(kp))
			continue;
		for (i = 0; i < len && back + i < JMP32_INSN_SIZE; i++)
			bytes[i] = container_of(kp, struct optimized_kprobe, kp)
					   ->optinsn.copied_insn[back + i - 1];
	}
}

void shk_insn_read(unsigned long addr, u8 *bytes, unsigned long room)
{
	unsigned long len = min_t(unsigned long, room, MAX_INSN_SIZE);
	unsigned long here = min(len, PAGE_SIZE - offset_in_page(addr));
	struct kprobe *kp;

	/* shk_base_bytes() is valid up to the end of a page: a module's pages are not adjacent. */
	memcpy(bytes, shk_base_bytes(addr), here);
	if (here < len)
		memcpy(bytes + here, shk_base_bytes(addr + here), len - here);
	memset(bytes + len, 0, MAX_INSN_SIZE - len);
	rcu_read_lock();
	kp = shk_call(get_kprobe)((void *)addr);
	if (kp && bytes[0] != kp->opcode)
		bytes[0] = kp->opcode;
	if (kp && kprobe_optimized(kp))
		memcpy(bytes + 1,
		       container_of(kp, struct optimized_kprobe, kp)->optinsn.copied_insn,
		       DISP32_SIZE);
	undo_jump_before(addr, bytes, len);
	rcu_read_unlock();
}

/* Returns true if an enabled kprobe is at @addr, or within 4 bytes before or behind. */
static bool is_probed(unsigned long addr)
{
	struct kprobe *kp;
	bool probed = false;
	int i;

	rcu_read_lock();
	for (i = 1 - JMP32_INSN_SIZE; i < CALL_INSN_SIZE && !probed; i++) {
		kp = shk_call(get_kprobe)((void *)(addr + i));
		probed = kp && !kprobe_disabled(kp);
	}
	rcu_read_unlock();
	return probed;
}

long shk_call_find(unsigned long addr, unsigned long size, const char *callee, u64 offset)
{
	struct callees callees = {};
	u8 bytes[MAX_INSN_SIZE];
	unsigned long at = 0, to;
	struct insn insn;
	long found = 0;

	while (callees.nr < NR_CALLEES && !shk_symbol_nth(callee, callees.nr + 1, &to))
		callees.addr[callees.nr++] = to;
	for (; at < size && !(found && offset); at += insn.length) {
		shk_insn_read(addr + at, bytes, size - at);
		/* The end of the function: padding, or data. */
		if (shk_call(insn_decode)(&insn, bytes, sizeof(bytes), INSN_MODE_KERN) < 0)
			break;
		if (offset && at > offset)
			return SHK_E(NOT_INSTRUCTION);
		if (insn.opcode.bytes[0] != CALL_INSN_OPCODE ||
		    !is_callee(&callees, addr + at + insn.length + insn.immediate.value))
			continue;
		if (offset && at != offset)
			continue;
		if (found)
			return SHK_E(SEVERAL_CALLS);
		found = at;
	}
	if (!found)
		return SHK_E(NO_CALL);
	return is_probed(addr + found) ? SHK_E(KPROBE_THERE) : found;
}
