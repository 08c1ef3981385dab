// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thunks that mitigations lead branches through: for who trusts a process with
 * what they protect, the branch itself. A thunk in use begins with a call, in
 * whose place the branch comes: one instruction for one.
 *
 * Thunks are executed everywhere, by those who handle breakpoints, too. So they
 * change only while nobody is inside, for which no breakpoint is needed, and carry no
 * other edit: what reports a probe's hit returns through one.
 */
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/text-patching.h>

#include "edit/patch.h"
#include "edit/probe.h"

#define REGISTERS 16

/* As instructions number them; a jump never goes through rsp. */
static const char *const registers[REGISTERS] = {
	"rax", "rcx", "rdx", "rbx", "",	   "rbp", "rsi", "rdi",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

static void thunk_jump_insn(u8 *at, unsigned int reg)
{
	if (reg >= 8)
		*at++ = 0x41; /* REX.B */
	*at++ = 0xff;
	*at = 0xe0 | (reg & 7);
}

/* A thunk in use, whose bytes are the caller's to fill in; NULL if it is not. */
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

/* [from, to): sections of the kernel's linker script that have nothing but thunks. */
static struct {
	unsigned long from, to;
} sections[2] __ro_after_init;

/* The one for indirect branches, and behind it that for returns. */
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
 * Two at the ends of the entry code, which carries no edits either. The linker script
 * aligns what follows, at least to a page.
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

	/* Under IBT a jump must meet an ENDBR; a return, which retpolines are, need not. */
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
