/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <asm/ibt.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

	.text

/* Executed instead of do_syscall_64()'s call of x64_sys_call(): pushes the return address. */
SYM_FUNC_START(shk_syscalls_called)
	ENDBR
	pushq	shk_syscalls_return(%rip)
	UNWIND_HINT_FUNC
	jmp	shk_syscalls_entry
SYM_FUNC_END(shk_syscalls_called)

/*
 * Executes a chosen system call in the target's text, by shk_syscalls_inside(); lets any other call
 * go on behind the __fentry__ site of x64_sys_call(). A jump at that site leads here, or the code
 * above. The function's two arguments are in rdi and rsi. Its return address is on top of the
 * stack. A call that is not chosen leaves nothing of this module on the stack.
 */
SYM_FUNC_START(shk_syscalls_entry)
	ENDBR
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
	/* For objtool, which needs the key of a static call: see __STATIC_CALL_ADDRESSABLE(). */
	.pushsection .discard.addressable, "aw"
	.quad	__SCK__shk_x64_sys_call
	.popsection
