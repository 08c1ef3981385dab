// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thunks of mitigations: functions that the kernel uses instead of indirect branches (retpolines)
 * and of returns. RETPOLINES and RETURNS patches put the branch itself in the place of the thunk,
 * for processes that may read what the thunks protect. A thunk in use begins with a call, which the
 * branch replaces: one instruction in the place of one.
 *
 * Breakpoint handlers execute thunks, too. So thunks change only while the shadow is not executed:
 * then no breakpoint is needed. They carry no other edit, since the code that handles a hit returns
 * through one.
 */
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/text-patching.h>

#include "edit/patch.h"
#include "edit/probe.h"

#define REGISTERS 16

/* Registers by their number in instructions. No thunk jumps through rsp. */
static const char *const registers[REGISTERS] = {
	"rax", "rcx", "rdx", "rbx", "",	   "rbp", "rsi", "rdi",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

/* Writes at @at "jmp *register", for the register number @reg. */
static void thunk_jump_insn(u8 *at, unsigned int reg)
{
	if (reg >= 8)
		*at++ = 0x41; /* REX.B */
	*at++ = 0xff;
	*at = 0xe0 | (reg & 7);
}

/*
 * Adds an edit that overwrites the thunk at @addr to @patch->edits, which has room. Applies
 * nothing. The edit's bytes are int3; the caller overwrites them with the branch. Returns the edit.
 * Returns NULL if the thunk does not begin with a call: it is not in use.
 */
static struct shk_edit *thunk_add_edit(struct shk_patch *patch, unsigned long addr)
{
	struct shk_edit *edit = &patch->edits[patch->nr_edits];

	if (*(u8 *)shk_base_bytes(addr) != CALL_INSN_OPCODE)
		return NULL;
	edit->addr = addr;
	edit->len = CALL_INSN_SIZE;
	memset(edit->bytes, INT3_INSN_OPCODE, CALL_INSN_SIZE);
	patch->nr_edits++;
	return edit;
}

/*
 * Ranges [from, to) of the kernel image that contain nothing but thunks, as the kernel's linker
 * script places them. A range is empty if it was not found.
 */
static struct {
	unsigned long from, to;
} sections[2] __ro_after_init;

/*
 * Sets sections[0] to the thunks of indirect branches and those of returns, which are behind them.
 */
static void __init thunks_find(void)
{
	unsigned long from = shk_symbol_lookup("__x86_indirect_thunk_array");
	unsigned long last = shk_symbol_lookup("__x86_return_thunk"), offset, size;
	char name[SHK_SYMBOL_LEN];

	if (!from || !last || shk_symbol_of(last, name, &offset, &size))
		return;
	sections[0].from = from;
	sections[0].to = last + size;
}

/*
 * Sets sections[1] to the range from srso_alias_untrain_ret(), before the entry code, to
 * srso_alias_safe_ret(), behind it. The entry code between these two thunks accepts no edit either.
 * The linker script aligns the text behind the second thunk to a page at least, so the range goes
 * on to the end of the page.
 */
static void __init thunks_find_aliases(void)
{
	sections[1].from = shk_symbol_lookup("srso_alias_untrain_ret");
	sections[1].to = PAGE_ALIGN(shk_symbol_lookup("srso_alias_safe_ret"));
}

void __init shk_thunks_init(void)
{
	thunks_find();
	thunks_find_aliases();
}

bool shk_thunk_at(unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sections); i++)
		if (addr >= sections[i].from && addr < sections[i].to)
			return true;
	return false;
}

int shk_retpolines_prepare(struct shk_patch *patch)
{
	char name[SHK_SYMBOL_LEN];
	struct shk_edit *edit;
	unsigned long addr;
	unsigned int reg;

	/*
	 * With IBT the target of an indirect jump must be an ENDBR. A retpoline is a return, so its
	 * targets may lack that.
	 */
	if (boot_cpu_has(X86_FEATURE_IBT))
		return SHK_E(NO_THUNKS);
	patch->edits = kcalloc(REGISTERS, sizeof(*patch->edits), GFP_KERNEL_ACCOUNT);
	if (!patch->edits)
		return -ENOMEM;
	for (reg = 0; reg < REGISTERS; reg++) {
		snprintf(name, sizeof(name), "__x86_indirect_thunk_%s", registers[reg]);
		if (!*registers[reg] || shk_symbol_unique(name, &addr))
			continue;
		edit = thunk_add_edit(patch, addr);
		if (!edit)
			return SHK_E(NO_THUNKS);
		thunk_jump_insn(edit->bytes, reg);
	}
	return patch->nr_edits ? 0 : SHK_E(NO_THUNKS);
}

int shk_returns_prepare(struct shk_patch *patch)
{
	unsigned long in_use = shk_symbol_lookup("x86_return_thunk");
	struct shk_edit *edit;

	if (!in_use)
		return SHK_E(NO_THUNKS);
	patch->edits = kcalloc(1, sizeof(*patch->edits), GFP_KERNEL_ACCOUNT);
	if (!patch->edits)
		return -ENOMEM;
	edit = thunk_add_edit(patch, *(unsigned long *)in_use);
	if (!edit)
		return SHK_E(NO_THUNKS);
	edit->bytes[0] = RET_INSN_OPCODE;
	return 0;
}
