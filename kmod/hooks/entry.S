/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of hooks: a call, or a jump, at the first bytes of a function leads to each, in the text
 * of every shadow.
 *
 * - If it is called, the stack holds the address behind the call, then the function's return
 *   address. Only the arguments of the function are live, so their registers are preserved.
 * - If it is jumped to, the stack holds the function's return address. All registers but the
 *   result's are preserved.
 *
 * An entry ends by RET to the address behind the call, where the function goes on, or to the
 * function's caller.
 */
#include <linux/linkage.h>
#include <asm/ibt.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

	.text

/*
 * shk_entry_NAME of a function that has two arguments at most: calls HOOK, and the function goes
 * on.
 */
.macro call_hook name hook
SYM_FUNC_START(shk_entry_\name)
	ENDBR
	pushq	%rdi
	pushq	%rsi
	call	\hook
	popq	%rsi
	popq	%rdi
	RET
SYM_FUNC_END(shk_entry_\name)
.endm

	call_hook enter_lazy_tlb shk_hook_enter_lazy_tlb
	call_hook leave_mm shk_hook_leave_mm
	call_hook pgd_free shk_hook_pgd_free
	call_hook exec_mm shk_hook_exec_mm
	call_hook fpu_end shk_hook_fpu_end

/*
 * Calls shk_hook_exec(), and the function goes on. If the hook has taken the mm out of the shadow,
 * it goes on at the same address of the base's text.
 */
SYM_FUNC_START(shk_entry_exec)
	ENDBR
	pushq	%rdi
	call	shk_hook_exec
	popq	%rdi
	RET
SYM_FUNC_END(shk_entry_exec)

/*
 * Calls shk_hook_pgd_alloc(). If that returns true, it has done the work: the function's caller
 * gets the PGD that the hook has stored. Else the function goes on.
 */
SYM_FUNC_START(shk_entry_pgd_alloc)
	ENDBR
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

/* All registers that a call may change, except rax and r11. */
.macro save_registers
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	pushq	%r9
	pushq	%r10
.endm

.macro restore_registers
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
.endm

/*
 * Calls shk_hook_task_switch(), and the function goes on. finish_task_switch() is a static
 * function: the compiler may know which registers it leaves unchanged. So all are preserved.
 */
SYM_FUNC_START(shk_entry_task_switch)
	ENDBR
	pushq	%rax
	save_registers
	pushq	%r11
	call	shk_hook_task_switch
	popq	%r11
	restore_registers
	popq	%rax
	RET
SYM_FUNC_END(shk_entry_task_switch)

/*
 * shk_entry_NAME, to which the first bytes of a function jump: the base's code of that function
 * runs instead, by the static call shk_base_CALL. The compiler may know which registers a static
 * function leaves unchanged, so all are preserved except the result's: rax, and rdx if RESULT2.
 */
.macro run_in_base name call result2=0
SYM_FUNC_START(shk_entry_\name)
	ENDBR
	save_registers
	pushq	%r11
	call	shk_base_enter
	pushq	%rax		/* struct base_call: rax and rdx */
	pushq	%rdx
	movq	9*8(%rsp), %rdi
	movq	8*8(%rsp), %rsi
	movq	7*8(%rsp), %rdx
	movq	6*8(%rsp), %rcx
	movq	5*8(%rsp), %r8
	movq	4*8(%rsp), %r9
	call	__SCT__shk_base_\call
	popq	%rsi
	popq	%rdi
	pushq	%rax
	pushq	%rdx
	call	shk_base_leave
	popq	%rdx
	popq	%rax
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rcx
	.if \result2
	addq	$8, %rsp
	.else
	popq	%rdx
	.endif
	popq	%rsi
	popq	%rdi
	RET
SYM_FUNC_END(shk_entry_\name)
	/* As __STATIC_CALL_ADDRESSABLE(): objtool finds the key of the call. */
	.pushsection .discard.addressable, "aw"
	.quad	__SCK__shk_base_\call
	.popsection
.endm

	run_in_base text_poke_base text_poke
	run_in_base ftrace_verify_base ftrace_verify
	run_in_base jump_label jump_label result2=1	/* returns a struct jump_label_patch */
	run_in_base static_call static_call
	run_in_base can_probe can_probe
	run_in_base copy_insn copy_insn
	run_in_base can_optimize can_optimize
	run_in_base upcall upcall
	run_in_base softirq softirq
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23
	run_in_base vector\n vector\n	/* SHK_VECTORS_MAX entries */
	.endr

/*
 * Called at the __fentry__ site of __text_poke(). If shk_hook_text_poke() returns an address, goes
 * on there, in the shadow. If it returns 0, lets the base do the work.
 */
SYM_FUNC_START(shk_entry_text_poke)
	ENDBR
	save_registers
	call	shk_hook_text_poke
	restore_registers
	testq	%rax, %rax
	jz	1f
	pushq	%rax
	UNWIND_HINT_FUNC
	RET
1:	addq	$8, %rsp
	UNWIND_HINT_FUNC
	jmp	shk_entry_text_poke_base
SYM_FUNC_END(shk_entry_text_poke)

/*
 * The function jumps to this. Calls shk_hook_ftrace_verify(). If that returns true, the function's
 * caller gets 0. Else lets the base do the work.
 */
SYM_FUNC_START(shk_entry_ftrace_verify)
	ENDBR
	save_registers
	pushq	%r11
	call	shk_hook_ftrace_verify
	popq	%r11
	restore_registers
	testb	%al, %al
	jz	1f
	xorl	%eax, %eax
	RET
1:	jmp	shk_entry_ftrace_verify_base
SYM_FUNC_END(shk_entry_ftrace_verify)

/*
 * Calls shk_hook_fault(). If that returns true, the function's caller gets true: the fault was
 * spurious. Else the function goes on.
 */
SYM_FUNC_START(shk_entry_fault)
	ENDBR
	pushq	%rdi
	pushq	%rsi
	call	shk_hook_fault
	testb	%al, %al
	popq	%rsi
	popq	%rdi
	jnz	1f
	RET
1:	movl	$1, %eax
	addq	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(shk_entry_fault)

/*
 * Calls shk_hook_int3(). If that returns true, the function's caller gets 1: the breakpoint was
 * handled. Else the function goes on.
 */
SYM_FUNC_START(shk_entry_int3)
	ENDBR
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
