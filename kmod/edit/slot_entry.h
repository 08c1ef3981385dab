/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHK_SLOT_ENTRY_H
#define SHK_SLOT_ENTRY_H

#define SHK_NR_SLOTS	4096
#define SHK_SLOT_SIZE	16
#define SHK_NR_DETOURS	4096
#define SHK_DETOUR_SIZE 32
#define SHK_NR_STUBS	1024
#define SHK_STUB_SIZE	32
#define SHK_STUB_JUMP	9  /* offset in a stub: jmp body */
#define SHK_STUB_PUSH	14 /* push $site */
#define SHK_NR_BODIES	1024
#define SHK_BODY_SIZE	16
#define SHK_NR_OLDS	1024
#define SHK_OLD_SIZE	16

#ifndef __ASSEMBLY__

/* What slot_entry.S pushes. */
struct shk_slot_regs {
	unsigned long args[6]; /* rdi rsi rdx rcx r8 r9 */
	unsigned long r10, r11, ax;
	unsigned long slot;   /* behind the call in the slot */
	unsigned long site;   /* behind the probed function's __fentry__ site */
	unsigned long parent; /* its return address */
};

struct shk_detour_regs {
	unsigned long args[6];
	unsigned long r10, r11, ax;
	unsigned long flags;
	unsigned long detour; /* behind the call in the detour */
};

extern u8 shk_slots[], shk_detours[], shk_stubs[], shk_bodies[], shk_olds[];
/* One per stub: may it go to its body without asking? */
extern u8 shk_stub_fast[SHK_NR_STUBS];
void shk_detour_common(void);
void shk_body_nop(void);
/* Call ftrace's users, with the address behind a __fentry__ site in r10. */
void shk_traced(void);

#endif
#endif /* SHK_SLOT_ENTRY_H */
