// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hands out text that edits lead to, see slot_entry.h. It is part of the module's text, so that
 * direct branches reach it, the unwinder knows it, and it is never writable.
 */
#include <linux/bitmap.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <asm/ibt.h>
#include <asm/insn.h>
#include <asm/text-patching.h>

#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/slot_entry.h"

/* "push imm32" extends the sign of its operand, so it can push any address of the kernel's text. */
#define PUSH_IMM32_OPCODE 0x68
#define PUSH_IMM32_SIZE	  5

/*
 * Protects the bitmaps, which say which elements of the arrays are taken, and the array olds.
 * text_mutex is taken inside.
 */
static DEFINE_MUTEX(slot_lock);
static DECLARE_BITMAP(slots_used, SHK_NR_SLOTS);
static DECLARE_BITMAP(detours_used, SHK_NR_DETOURS);
static DECLARE_BITMAP(stubs_used, SHK_NR_STUBS);
static DECLARE_BITMAP(bodies_used, SHK_NR_BODIES);
static DECLARE_BITMAP(users_used, SHK_NR_USERS);

/* For each element of shk_olds: the address to which it jumps, and its number of uses. */
static struct {
	unsigned long leads_to;
	unsigned int users;
} olds[SHK_NR_OLDS];

struct shk_shadow *shk_slot_shadows[SHK_NR_SLOTS];
struct shk_site *shk_detour_sites[SHK_NR_DETOURS];

/* Loaded by each detour of detour_copy_list_load() in the place of NULL. */
static const void *detour_lists[SHK_NR_DETOURS];
/* The function of each stub; NULL if the stub is free. Hits read it with preemption off. */
static struct shk_func *stub_funcs[SHK_NR_STUBS];
u8 shk_stub_fast[SHK_NR_STUBS];
struct shk_tracepoint_users *shk_users_of[SHK_NR_USERS];

/*
 * Allocates the first free one of the @nr elements of an array: sets its bit in the bitmap @used.
 * Takes slot_lock; sleeps. Returns the index of the element; NO_ROOM: none is free.
 */
static int slot_index_alloc(unsigned long *used, unsigned int nr)
{
	unsigned int i;

	mutex_lock(&slot_lock);
	i = find_first_zero_bit(used, nr);
	if (i < nr)
		__set_bit(i, used);
	mutex_unlock(&slot_lock);
	return i < nr ? i : SHK_E(NO_ROOM);
}

/* Frees element @i of an array: clears its bit in the bitmap @used. Takes slot_lock; sleeps. */
static void slot_index_free(unsigned long *used, unsigned int i)
{
	mutex_lock(&slot_lock);
	__clear_bit(i, used);
	mutex_unlock(&slot_lock);
}

int shk_slot_alloc(struct shk_shadow *shadow)
{
	int slot = slot_index_alloc(slots_used, SHK_NR_SLOTS);

	if (slot >= 0)
		WRITE_ONCE(shk_slot_shadows[slot], shadow);
	return slot;
}

void shk_slot_mute(int slot)
{
	WRITE_ONCE(shk_slot_shadows[slot], NULL);
}

void shk_slot_free(int slot)
{
	slot_index_free(slots_used, slot);
}

unsigned long shk_slot_text(int slot)
{
	return (unsigned long)shk_slots + slot * SHK_SLOT_SIZE;
}

struct shk_site *shk_stub_site(unsigned int stub)
{
	struct shk_func *func = READ_ONCE(stub_funcs[stub]);

	return func ? func->site : NULL;
}
NOKPROBE_SYMBOL(shk_stub_site);

static unsigned int detour_index(unsigned long addr)
{
	return (addr - (unsigned long)shk_detours) / SHK_DETOUR_SIZE;
}

unsigned long shk_detour_insn(u8 *detour)
{
	return (unsigned long)detour + CALL_INSN_SIZE;
}
NOKPROBE_SYMBOL(shk_detour_insn);

/*
 * Writes to @at a branch with @opcode to @target. The bytes will be copied to @run_at and execute
 * there.
 */
static void slot_write_branch(u8 *at, const u8 *run_at, u8 opcode, unsigned long target)
{
	s32 rel = target - ((unsigned long)run_at + JMP32_INSN_SIZE);

	at[0] = opcode;
	memcpy(at + 1, &rel, sizeof(rel));
}

/*
 * Writes to @at a copy of the instruction at @addr, and a jump to the instruction behind that. The
 * bytes will be copied to @run_at and execute there. @insn is the instruction, decoded from the
 * kernel's copy in @ainsn. Returns false if an operand relative to rip is out of reach from
 * @run_at.
 */
static bool detour_copy_insn(u8 *at, const u8 *run_at, const struct insn *insn,
			     const struct arch_specific_insn *ainsn, unsigned long addr)
{
	unsigned long next = addr + insn->length;
	s64 disp;

	memcpy(at, ainsn->insn, insn->length);
	if (shk_call(insn_rip_relative)((struct insn *)insn)) {
		disp = (s64)insn->displacement.value + (s64)(long)ainsn->insn - (s64)(long)run_at;
		if (disp != (s32)disp)
			return false;
		*(s32 *)(at + insn_offset_displacement((struct insn *)insn)) = disp;
	}
	slot_write_branch(at + insn->length, run_at + insn->length, JMP32_INSN_OPCODE, next);
	return true;
}

/*
 * Writes to @at instructions with the effect of the call @insn at @addr: they push its return
 * address, which is in the probed text, and jump to its target. The bytes will be copied to @run_at
 * and execute there.
 */
static void detour_copy_call(u8 *at, const u8 *run_at, const struct insn *insn, unsigned long addr)
{
	unsigned long next = addr + insn->length;

	at[0] = PUSH_IMM32_OPCODE;
	*(u32 *)(at + 1) = next;
	slot_write_branch(at + PUSH_IMM32_SIZE, run_at + PUSH_IMM32_SIZE, JMP32_INSN_OPCODE,
			  next + insn->immediate.value);
}

/* mov disp(%rip), %reg of 64 bits */
#define LOAD_INSN_SIZE 7

/*
 * Writes to @at a load of the 64 bits at @from to the register that @insn loads. The bytes will
 * execute at @run_at. Returns false if @from is out of reach from there.
 */
static bool detour_write_load(u8 *at, const u8 *run_at, const struct insn *insn, const void *from)
{
	s64 disp = (s64)(long)from - (s64)(long)(run_at + LOAD_INSN_SIZE);

	/* mov disp(%rip), %reg */
	at[0] = 0x48 | (insn->rex_prefix.bytes[0] & 4);
	at[1] = 0x8b;
	at[2] = 0x05 | (insn->modrm.bytes[0] & 0x38);
	*(s32 *)(at + 3) = disp;
	return disp == (s32)disp;
}

/*
 * Writes to @at instructions that load the pointer at @from to the register that @insn loads. If
 * that is NULL, they load the pointer at @other. Then they jump to @next. They change flags. They
 * will execute at @run_at. Returns false if an address is out of reach.
 */
static bool detour_copy_list_load(u8 *at, const u8 *run_at, const struct insn *insn,
				  const void *from, const void *other, unsigned long next)
{
	const unsigned int test = LOAD_INSN_SIZE, second = test + 5, end = second + LOAD_INSN_SIZE;
	u8 reg = insn->modrm.bytes[0] >> 3 & 7, high = insn->rex_prefix.bytes[0] >> 2 & 1;

	/* test %reg, %reg; jne end */
	at[test] = 0x48 | high << 2 | high;
	at[test + 1] = 0x85;
	at[test + 2] = 0xc0 | reg << 3 | reg;
	at[test + 3] = 0x75;
	at[test + 4] = LOAD_INSN_SIZE;
	slot_write_branch(at + end, run_at + end, JMP32_INSN_OPCODE, next);
	return detour_write_load(at, run_at, insn, from) &&
	       detour_write_load(at + second, run_at + second, insn, other);
}

static bool is_call(const struct insn *insn)
{
	return insn->length == CALL_INSN_SIZE && insn->opcode.bytes[0] == CALL_INSN_OPCODE;
}

/* movabs $value, %rax */
#define VALUE_INSN_SIZE 10

/* Writes at @at an instruction that sets rax to @value. */
static void slot_value_insn(u8 *at, u64 value)
{
	at[0] = 0x48;
	at[1] = 0xb8;
	memcpy(at + 2, &value, sizeof(value));
}

/*
 * Writes the @len bytes at @text to @at, in an element (slot, stub, detour, body) of the module's
 * text. The caller ensures that no CPU executes the element now. Takes text_mutex.
 */
static void slot_write_text(u8 *at, const u8 *text, size_t len)
{
	mutex_lock(shk_symbols.text_mutex);
	shk_call(text_poke)(at, text, len);
	mutex_unlock(shk_symbols.text_mutex);
}

u8 *shk_detour_alloc(struct shk_site *site)
{
	struct arch_specific_insn *ainsn = &site->kp->ainsn;
	unsigned long addr = (unsigned long)site->kp->addr;
	u8 text[SHK_DETOUR_SIZE];
	struct insn insn;
	bool ok = true;
	u8 *detour;
	int i;

	/* Decode the kernel's copy: a breakpoint may have replaced the instruction itself. */
	if (!ainsn->insn ||
	    shk_call(insn_decode)(&insn, ainsn->insn, MAX_INSN_SIZE, INSN_MODE_KERN) < 0)
		return NULL;
	/* A call is always possible. Other instructions must be ones that kprobes boosts. */
	if (!is_call(&insn) && (ainsn->emulate_op || !shk_call(can_boost)(&insn, site->kp->addr)))
		return NULL;

	i = slot_index_alloc(detours_used, SHK_NR_DETOURS);
	if (i < 0)
		return NULL;
	detour = shk_detours + i * SHK_DETOUR_SIZE;

	memset(text, INT3_INSN_OPCODE, sizeof(text));
	slot_write_branch(text, detour, CALL_INSN_OPCODE, (unsigned long)shk_detour_common);
	WRITE_ONCE(detour_lists[i], NULL);
	if (site->load_from)
		ok = detour_copy_list_load(text + CALL_INSN_SIZE, detour + CALL_INSN_SIZE, &insn,
					   site->load_from, &detour_lists[i], addr + insn.length);
	else if (is_call(&insn))
		detour_copy_call(text + CALL_INSN_SIZE, detour + CALL_INSN_SIZE, &insn, addr);
	else
		ok = detour_copy_insn(text + CALL_INSN_SIZE, detour + CALL_INSN_SIZE, &insn, ainsn,
				      addr);
	if (!ok) {
		slot_index_free(detours_used, i);
		return NULL;
	}

	slot_write_text(detour, text, sizeof(text));
	WRITE_ONCE(shk_detour_sites[i], site);
	return detour;
}

void shk_detour_set_list(const u8 *detour, const void *list)
{
	WRITE_ONCE(detour_lists[detour_index((unsigned long)detour)], list);
}

void shk_detour_free(u8 *detour)
{
	unsigned int i = detour_index((unsigned long)detour);

	WRITE_ONCE(shk_detour_sites[i], NULL);
	slot_index_free(detours_used, i);
}

u8 *shk_detour_alloc_value(u64 value, unsigned long back)
{
	u8 text[VALUE_INSN_SIZE + JMP32_INSN_SIZE];
	int i = slot_index_alloc(detours_used, SHK_NR_DETOURS);
	u8 *detour;

	if (i < 0)
		return NULL;
	detour = shk_detours + i * SHK_DETOUR_SIZE;
	slot_value_insn(text, value);
	slot_write_branch(text + VALUE_INSN_SIZE, detour + VALUE_INSN_SIZE, JMP32_INSN_OPCODE,
			  back);
	slot_write_text(detour, text, sizeof(text));
	return detour;
}

static u8 *stub_text(int stub)
{
	return shk_stubs + stub * SHK_STUB_SIZE;
}

int shk_stub_alloc(struct shk_func *func, unsigned long behind_site)
{
	int i = slot_index_alloc(stubs_used, SHK_NR_STUBS);
	u8 text[JMP32_INSN_SIZE];
	s64 rel;
	u32 push = behind_site;

	if (i < 0)
		return i;
	rel = func->body - (shk_stub_jump(i) + JMP32_INSN_SIZE);
	/* The push extends the sign of its operand to 64 bits. */
	if (rel != (s32)rel || (long)(s32)push != (long)behind_site) {
		slot_index_free(stubs_used, i);
		return SHK_E(OUT_OF_REACH);
	}
	slot_write_branch(text, (u8 *)shk_stub_jump(i), JMP32_INSN_OPCODE, func->body);
	slot_write_text((u8 *)shk_stub_jump(i), text, sizeof(text));
	slot_write_text(stub_text(i) + SHK_STUB_PUSH + 1, (u8 *)&push, sizeof(push));
	WRITE_ONCE(shk_stub_fast[i], 0);
	WRITE_ONCE(stub_funcs[i], func);
	return i;
}

void shk_stub_free(int stub)
{
	WRITE_ONCE(stub_funcs[stub], NULL);
	slot_index_free(stubs_used, stub);
}

unsigned long shk_stub_text(int stub)
{
	return (unsigned long)stub_text(stub);
}

unsigned long shk_stub_jump(int stub)
{
	return (unsigned long)stub_text(stub) + SHK_STUB_JUMP;
}
NOKPROBE_SYMBOL(shk_stub_jump);

void shk_stub_set_fast(int stub, bool fast)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	WRITE_ONCE(shk_stub_fast[stub], fast);
}

unsigned long shk_body_alloc(u64 value)
{
	int i = slot_index_alloc(bodies_used, SHK_NR_BODIES);
	u8 *body = shk_bodies + i * SHK_BODY_SIZE;
	u8 text[VALUE_INSN_SIZE];

	if (i < 0)
		return 0;
	slot_value_insn(text, value);
	slot_write_text(body, text, sizeof(text));
	return (unsigned long)body;
}

void shk_body_free(unsigned long body)
{
	slot_index_free(bodies_used, (body - (unsigned long)shk_bodies) / SHK_BODY_SIZE);
}

int shk_users_alloc(struct shk_tracepoint_users *users, unsigned long call)
{
	int i = slot_index_alloc(users_used, SHK_NR_USERS);
	u32 push = call + CALL_INSN_SIZE;

	if (i < 0)
		return i;
	slot_write_text((u8 *)shk_users_text(i) + 1, (u8 *)&push, sizeof(push));
	WRITE_ONCE(shk_users_of[i], users);
	return i;
}

void shk_users_free(int i)
{
	WRITE_ONCE(shk_users_of[i], NULL);
	slot_index_free(users_used, i);
}

unsigned long shk_users_text(int i)
{
	return (unsigned long)shk_users + i * SHK_USERS_SIZE;
}

/*
 * Returns the same element of shk_olds for all patches of a function. The reason: a patch module
 * has one pointer to the old body for all shadows, which is valid while one of them has the patch.
 */
unsigned long shk_old_get(unsigned long behind_site)
{
	static const u8 endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	u8 text[ENDBR_INSN_SIZE + JMP32_INSN_SIZE], *at;
	unsigned int i, free = SHK_NR_OLDS;

	mutex_lock(&slot_lock);
	for (i = 0; i < SHK_NR_OLDS; i++) {
		if (olds[i].users && olds[i].leads_to == behind_site)
			break;
		if (!olds[i].users && free == SHK_NR_OLDS)
			free = i;
	}
	at = shk_olds + i * SHK_OLD_SIZE;
	if (i == SHK_NR_OLDS && free < SHK_NR_OLDS) {
		i = free;
		at = shk_olds + i * SHK_OLD_SIZE;
		memcpy(text, endbr, ENDBR_INSN_SIZE);
		slot_write_branch(text + ENDBR_INSN_SIZE, at + ENDBR_INSN_SIZE, JMP32_INSN_OPCODE,
				  behind_site);
		slot_write_text(at, text, sizeof(text));
		olds[i].leads_to = behind_site;
	}
	if (i < SHK_NR_OLDS)
		olds[i].users++;
	mutex_unlock(&slot_lock);
	return i < SHK_NR_OLDS ? (unsigned long)at : 0;
}

void shk_old_put(unsigned long old)
{
	mutex_lock(&slot_lock);
	olds[(old - (unsigned long)shk_olds) / SHK_OLD_SIZE].users--;
	mutex_unlock(&slot_lock);
}
