/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>
#include <asm/ptrace-abi.h>
#include <asm/segment.h>
#include <asm/smap.h>
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

/*
 * Where patched functions lead, by a jump: on the stack is the return address
 * of the function only. Each stub is written when it is taken: the targets of
 * the jump and the push. A slow one looks from the push on as if the __fentry__
 * site had called it, and shk_hit_call() makes the address behind that site
 * the stub's jump if the patch is to be executed.
 */
	.balign SHK_STUB_SIZE
SYM_CODE_START_NOALIGN(shk_stubs)
	ANNOTATE_NOENDBR		/* reached by direct branches only */
	.set	stub, 0
	.rept SHK_NR_STUBS
	.balign SHK_STUB_SIZE, 0xcc
	UNWIND_HINT_FUNC
	cmpb	$1, shk_stub_fast + stub(%rip)
	jne	1f
	ANNOTATE_NOENDBR		/* shk_hit_call() returns to it */
	{disp32} jmp shk_body_nop
1:	pushq	$0x7fffffff
	UNWIND_HINT_FUNC
	call	shk_slot_common
	jmp	shk_slot_tail
	.set	stub, stub + 1
	.endr
SYM_CODE_END(shk_stubs)

/* Bodies that return a constant, each written when it is taken. */
	.balign SHK_BODY_SIZE
SYM_CODE_START_NOALIGN(shk_bodies)
	ANNOTATE_NOENDBR
	.rept SHK_NR_BODIES
	.balign SHK_BODY_SIZE, 0xcc
	UNWIND_HINT_FUNC
	movabsq	$0x7fffffffffffffff, %rax
	RET
	.endr
SYM_CODE_END(shk_bodies)

/*
 * Old bodies, to be called by new ones through a pointer: each leads behind a
 * __fentry__ site, and is written when it is taken.
 */
	.balign SHK_OLD_SIZE
SYM_CODE_START_NOALIGN(shk_olds)
	.rept SHK_NR_OLDS
	.balign SHK_OLD_SIZE, 0xcc
	UNWIND_HINT_FUNC
	endbr64
	ANNOTATE_NOENDBR
	{disp32} jmp shk_body_nop
	.endr
SYM_CODE_END(shk_olds)

SYM_FUNC_START(shk_body_nop)
	RET
SYM_FUNC_END(shk_body_nop)

/*
 * A patched function is traced in the base as well. On the stack: where to go
 * on, the function's return address. The registers are what ftrace_regs_caller
 * would show, r10 apart, and a tracer may change them.
 */
SYM_FUNC_START(shk_traced)
	subq	$(SS + 8), %rsp
	movq	%r15, R15(%rsp)
	movq	%r14, R14(%rsp)
	movq	%r13, R13(%rsp)
	movq	%r12, R12(%rsp)
	movq	%rbp, RBP(%rsp)
	movq	%rbx, RBX(%rsp)
	movq	%r11, R11(%rsp)
	movq	%r10, R10(%rsp)
	movq	%r9, R9(%rsp)
	movq	%r8, R8(%rsp)
	movq	%rax, RAX(%rsp)
	movq	%rcx, RCX(%rsp)
	movq	%rdx, RDX(%rsp)
	movq	%rsi, RSI(%rsp)
	movq	%rdi, RDI(%rsp)
	movq	$0, ORIG_RAX(%rsp)
	movq	%r10, RIP(%rsp)
	movq	$__KERNEL_CS, CS(%rsp)
	pushfq
	popq	%rax
	movq	%rax, EFLAGS(%rsp)
	leaq	SS + 16(%rsp), %rax
	movq	%rax, RSP(%rsp)
	movq	$__KERNEL_DS, SS(%rsp)
	movq	%rsp, %rdi
	call	shk_call_tracers
	movq	RDI(%rsp), %rdi
	movq	RSI(%rsp), %rsi
	movq	RDX(%rsp), %rdx
	movq	RCX(%rsp), %rcx
	movq	RAX(%rsp), %rax
	movq	R8(%rsp), %r8
	movq	R9(%rsp), %r9
	movq	RBX(%rsp), %rbx
	movq	RBP(%rsp), %rbp
	movq	R12(%rsp), %r12
	movq	R13(%rsp), %r13
	movq	R14(%rsp), %r14
	movq	R15(%rsp), %r15
	addq	$(SS + 8), %rsp
	RET
SYM_FUNC_END(shk_traced)

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

/*
 * In the midst of any code: flags and all volatile registers are live. C wants AC and DF
 * clear, and the probed code may be between stac and clac.
 */
SYM_CODE_START(shk_detour_common)
	UNWIND_HINT_FUNC
	ANNOTATE_NOENDBR		/* reached by direct branches only */
	pushfq
	ASM_CLAC
	cld
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
SYM_CODE_END(shk_detour_common)
