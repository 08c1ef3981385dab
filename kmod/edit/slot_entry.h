/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arrays of code that slot_entry.S reserves in the module's text, and slot.c hands out.
 *
 *   slots    Call edits at __fentry__ sites lead here, those of one shadow to one slot. It reports
 *            a hit.
 *   stubs    Jump edits at __fentry__ sites lead here. A stub leads to the body of a function.
 *   detours  Jump edits elsewhere lead here. A detour reports a hit and executes a copy of the
 *            instruction; or, instead of a skipped call, it sets rax.
 *   bodies   Functions that return a constant.
 *   olds     Functions that jump behind a __fentry__ site, into the old body of a function.
 *   users    Jump edits that replace calls of a tracepoint's users, the functions registered at it,
 *            lead here. An element calls shk_hit_tracepoint(), and returns behind the call.
 */
#ifndef SHK_SLOT_ENTRY_H
#define SHK_SLOT_ENTRY_H

/* Number of elements of each array, and bytes of one. */
#define SHK_NR_SLOTS	4096 /* shadows with edits at entries */
#define SHK_SLOT_SIZE	16
#define SHK_NR_DETOURS	4096
#define SHK_DETOUR_SIZE 32
#define SHK_NR_STUBS	1024
#define SHK_STUB_SIZE	32
#define SHK_STUB_JUMP	9  /* offset in a stub of "jmp body" */
#define SHK_STUB_PUSH	14 /* offset in a stub of "push $site" */
#define SHK_NR_BODIES	1024
#define SHK_BODY_SIZE	16
#define SHK_NR_OLDS	1024
#define SHK_OLD_SIZE	16
#define SHK_NR_USERS	1024
#define SHK_USERS_SIZE	16

#ifndef __ASSEMBLY__

/*
 * The stack when shk_slot_common calls shk_hit_call(), from the lowest address on. shk_hit_call()
 * may change .r10 and .site, which take effect when shk_slot_common returns.
 */
struct shk_slot_regs {
	unsigned long args[6]; /* rdi, rsi, rdx, rcx, r8, r9: the function's arguments */
	unsigned long r10;
	unsigned long index; /* r11: of the slot, or SHK_NR_SLOTS + that of the stub */
	unsigned long ax;
	unsigned long site;   /* where execution continues: behind the __fentry__ site */
	unsigned long parent; /* return address of the function */
};

/* The stack when shk_detour_common calls shk_hit_jump(), from the lowest address on. */
struct shk_detour_regs {
	unsigned long args[6]; /* rdi, rsi, rdx, rcx, r8, r9 of the probed code */
	unsigned long r10, r11, ax;
	unsigned long flags;
	unsigned long detour; /* address behind the call in the detour */
};

/* The arrays. slot.c writes an element, through text_poke(), before any edit leads to it. */
extern u8 shk_slots[], shk_detours[], shk_stubs[], shk_bodies[], shk_olds[], shk_users[];

/*
 * 1 for each stub that jumps to its body without calling shk_hit_call(). Written under text_mutex
 * by shk_stub_set_fast(), and read by the stub.
 */
extern u8 shk_stub_fast[SHK_NR_STUBS];

/*
 * Reports a hit at a site that is armed by a jump: calls shk_hit_jump(). Only detours call this
 * function, the code to which such jumps lead; shk_hit_jump() finds the detour by the return
 * address. Preserves all registers and flags. Any context.
 */
void shk_detour_common(void);

/* Returns at once, with rax unchanged: the body of SHK_PATCH_NOP. */
void shk_body_nop(void);

/*
 * Calls shk_hit_full() with all registers of the function that is entered, then continues at the
 * address on top of the stack. Expects the struct shk_site in r10. Slots and stubs continue here if
 * shk_hit_call() returns the address of shk_full. Any context.
 */
void shk_full(void);

#endif
#endif /* SHK_SLOT_ENTRY_H */
