/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text of the module that edits lead to, see slot_entry.h. slot.c hands out elements of the arrays,
 * and writes the operands of those that have some.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/ibt.h>
#include <asm/nospec-branch.h>
#include <asm/ptrace-abi.h>
#include <asm/segment.h>
#include <asm/smap.h>
#include <asm/unwind_hints.h>

#include "edit/slot_entry.h"

	.text

/*
 * Slots. A call edit at a __fentry__ site calls one, so the stack is, from the top: the address
 * behind the site, the function's return address. A slot calls shk_hit_call() with the slot's
 * index, and then returns behind the site. Between the call edit and that return there is no other
 * return address: the unwinder finds the function, whatever the slot.
 */
	.balign SHK_SLOT_SIZE
SYM_CODE_START_NOALIGN(shk_slots)
	ANNOTATE_NOENDBR		/* reached by direct branches only */
	.set	slot, 0
	.rept SHK_NR_SLOTS
	.balign SHK_SLOT_SIZE, 0xcc
	UNWIND_HINT_FUNC
	movl	$slot, %r11d		/* free at a function's entry */
	jmp	shk_slot_common
	.set	slot, slot + 1
	.endr
SYM_CODE_END(shk_slots)

/*
 * Stubs. The __fentry__ site of a patched function jumps to one, so the function's return address
 * is on top of the stack. shk_stub_alloc() writes the target of the jump and the operand of the
 * push.
 *
 *   fast  jumps to the new body
 *   slow  pushes the address behind the site, as a call from there would, and calls
 *         shk_hit_call(). That may replace the address by that of the jump to the new body.
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
	ANNOTATE_NOENDBR		/* shk_slot_common may return to it */
	{disp32} jmp shk_body_nop
1:	pushq	$0x7fffffff
	UNWIND_HINT_FUNC
	movl	$SHK_NR_SLOTS + stub, %r11d
	jmp	shk_slot_common
	.set	stub, stub + 1
	.endr
SYM_CODE_END(shk_stubs)

/* Bodies that return a constant. shk_body_alloc() writes the constant. */
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
 * Functions that new bodies call to execute an old body. shk_old_get() writes the target of the
 * jump, the address behind a __fentry__ site.
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

/*
 * Elements that call the users of a tracepoint. The jump to one replaces a call, whose return
 * address an element pushes. shk_users_alloc() writes the operand of the push. eax is free: the
 * replaced call may change it, and no argument is in it.
 */
	.balign SHK_USERS_SIZE
SYM_CODE_START_NOALIGN(shk_users)
	ANNOTATE_NOENDBR		/* reached by direct branches only */
	.set	users, 0
	.rept SHK_NR_USERS
	.balign SHK_USERS_SIZE, 0xcc
	UNWIND_HINT_FUNC
	pushq	$0x7fffffff
	UNWIND_HINT_FUNC
	movl	$users, %eax
	{disp32} jmp shk_users_common
	.set	users, users + 1
	.endr
SYM_CODE_END(shk_users)

/* The body of SHK_PATCH_NOP; also the target of jumps that are not written yet. */
SYM_FUNC_START(shk_body_nop)
	ENDBR
	RET
SYM_FUNC_END(shk_body_nop)

/*
 * Calls shk_hit_full() with all registers of the function that is entered, as ftrace_regs_caller
 * shows them, except r10 and r11. shk_hit_full() may change the registers, and the address on top
 * of the stack. Then returns to that address, or first continues at the address that shk_hit_full()
 * returns, unless that is 0.
 *
 * The stack is, from the top: the address behind the __fentry__ site, or that of the stub's jump;
 * the function's return address. r10 is the struct shk_site.
 */
SYM_FUNC_START(shk_full)
	ENDBR
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
	movq	$0, RIP(%rsp)
	movq	$__KERNEL_CS, CS(%rsp)
	pushfq
	popq	%rax
	movq	%rax, EFLAGS(%rsp)
	leaq	SS + 16(%rsp), %rax
	movq	%rax, RSP(%rsp)
	movq	$__KERNEL_DS, SS(%rsp)
	movq	%rsp, %rdi
	call	shk_hit_full
	movq	%rax, %r11
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
	testq	%r11, %r11
	jnz	1f
	RET
1:	pushq	%r11
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(shk_full)

/*
 * Ends a slot or slow stub: calls shk_hit_call() with a struct shk_slot_regs on the stack, and
 * saves and restores the registers that __fentry__ may not clobber. If shk_hit_call() returns 0,
 * returns to the address on top of the stack. Otherwise continues at the address that it returns,
 * ftrace's trampoline or shk_full(), which ends by that return.
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
	movq	%rax, 7*8(%rsp)
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%r8
	popq	%r9
	popq	%r10
	popq	%r11
	popq	%rax
	testq	%r11, %r11
	jnz	1f
	RET
1:	pushq	%r11
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(shk_slot_common)

/*
 * Ends an element of shk_users, whose index is in eax: calls shk_hit_tracepoint() with the argument
 * registers, and with the address of the arguments on the stack. Returns behind the replaced call.
 */
SYM_FUNC_START_LOCAL(shk_users_common)
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%r9
	pushq	%r8
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	movq	%rsp, %rdi
	leaq	16(%rbp), %rsi
	movl	%eax, %edx
	call	shk_hit_tracepoint
	movq	%rbp, %rsp
	popq	%rbp
	RET
SYM_FUNC_END(shk_users_common)

/*
 * Detours. Jump edits lead to the first instruction, and breakpoints continue at the second one.
 * shk_detour_alloc() writes: call shk_detour_common; the copied instruction; jmp back.
 */
	.balign SHK_DETOUR_SIZE
SYM_CODE_START_NOALIGN(shk_detours)
	ANNOTATE_NOENDBR
	.fill SHK_NR_DETOURS * SHK_DETOUR_SIZE, 1, 0xcc
SYM_CODE_END(shk_detours)

/*
 * Calls shk_hit_jump() with a struct shk_detour_regs on the stack. It is reached from any code,
 * where flags and all volatile registers are live, so it saves and restores them. C code expects AC
 * and DF to be clear, and the probed code may have set them by stac or std.
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
