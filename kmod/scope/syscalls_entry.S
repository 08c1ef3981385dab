/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

	.text

/*
 * Jumped to from the place of x64_sys_call()'s __fentry__ nop: its two arguments
 * and its return address are live. What was not chosen leaves nothing of ours on
 * the stack.
 */
SYM_FUNC_START(shk_syscalls_entry)
	pushq	%rdi
	pushq	%rsi
	subq	$8, %rsp
	call	shk_syscalls_chosen
	addq	$8, %rsp
	popq	%rsi
	popq	%rdi
	testb	%al, %al
	jnz	1f
	jmp	__SCT__shk_x64_sys_call
1:	jmp	shk_syscalls_inside
SYM_FUNC_END(shk_syscalls_entry)
	/* objtool pairs the jump with its key: __STATIC_CALL_ADDRESSABLE() */
	.pushsection .discard.addressable, "aw"
	.quad	__SCK__shk_x64_sys_call
	.popsection
