/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Called from the place of a function's __fentry__ nop: the stack holds the
 * address behind that call, then the function's return address. The function's
 * arguments are live, nothing else is.
 */
#include <linux/linkage.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

	.text

SYM_FUNC_START(shk_entry_enter_lazy_tlb)
	pushq	%rdi
	pushq	%rsi
	call	shk_hook_enter_lazy_tlb
	popq	%rsi
	popq	%rdi
	RET
SYM_FUNC_END(shk_entry_enter_lazy_tlb)

SYM_FUNC_START(shk_entry_pgd_free)
	pushq	%rdi
	pushq	%rsi
	call	shk_hook_pgd_free
	popq	%rsi
	popq	%rdi
	RET
SYM_FUNC_END(shk_entry_pgd_free)

/* The hook may do what the function would: then return to the caller of it. */
SYM_FUNC_START(shk_entry_pgd_alloc)
	pushq	%rdi
	subq	$8, %rsp
	movq	%rsp, %rsi
	call	shk_hook_pgd_alloc
	testb	%al, %al
	popq	%rax
	popq	%rdi
	jnz	1f
	RET
1:	addq	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(shk_entry_pgd_alloc)

SYM_FUNC_START(shk_entry_int3)
	pushq	%rdi
	call	shk_hook_int3
	testb	%al, %al
	popq	%rdi
	jnz	1f
	RET
1:	movl	$1, %eax
	addq	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(shk_entry_int3)
