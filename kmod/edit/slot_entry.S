/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

#include "edit/slot_entry.h"

	.text

/*
 * Where call edits lead. The address behind the call says which slot it is.
 * On the stack: address in the probed function behind its __fentry__ site,
 * that function's return address.
 */
	.balign SHK_SLOT_SIZE
SYM_CODE_START_NOALIGN(shk_slots)
	ANNOTATE_NOENDBR		/* reached by direct branches only */
	.rept SHK_NR_SLOTS
	.balign SHK_SLOT_SIZE, 0xcc
	UNWIND_HINT_FUNC
	call	shk_slot_common
	jmp	shk_slot_tail
	.endr
SYM_CODE_END(shk_slots)

/* Go on in the function, or at what else was called from its __fentry__ site. */
SYM_FUNC_START_LOCAL(shk_slot_tail)
	testq	%r11, %r11
	jnz	1f
	RET
1:	pushq	%r11
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(shk_slot_tail)

/*
 * Saves what __fentry__ may not clobber, in the order of struct shk_slot_regs.
 * Leaves in r11 what shk_hit_call() returned.
 */
SYM_FUNC_START_LOCAL(shk_slot_common)
	pushq	%rax
	pushq	%r11
	pushq	%r10
	pushq	%r9
	pushq	%r8
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	movq	%rsp, %rdi
	call	shk_hit_call
	movq	%rax, 7*8(%rsp)		/* r11, which nobody keeps at an entry */
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%r8
	popq	%r9
	popq	%r10
	popq	%r11
	popq	%rax
	RET
SYM_FUNC_END(shk_slot_common)

/*
 * Where jump edits lead, and breakpoints continue. Each detour is written when
 * it is taken: call shk_detour_common; the instruction; jmp back.
 */
	.balign SHK_DETOUR_SIZE
SYM_CODE_START_NOALIGN(shk_detours)
	ANNOTATE_NOENDBR
	.fill SHK_NR_DETOURS * SHK_DETOUR_SIZE, 1, 0xcc
SYM_CODE_END(shk_detours)

/* In the midst of any code: flags and all volatile registers are live. */
SYM_FUNC_START(shk_detour_common)
	pushfq
	pushq	%rax
	pushq	%r11
	pushq	%r10
	pushq	%r9
	pushq	%r8
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	movq	%rsp, %rdi
	call	shk_hit_jump
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%r8
	popq	%r9
	popq	%r10
	popq	%r11
	popq	%rax
	popfq
	RET
SYM_FUNC_END(shk_detour_common)
