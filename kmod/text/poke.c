// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes of private pages change. They are written by shk_write(), through a mapping that one CPU
 * has for a moment, since no other mapping is writable. The order of the three steps (breakpoint,
 * tail, head), and a serialising instruction on every CPU after each, are those of
 * text_poke_bp_batch().
 */
#include <linux/kprobes.h>
#include <linux/memory.h>
#include <linux/seqlock.h>
#include <linux/smp.h>
#include <asm/sync_core.h>
#include <asm/text-patching.h>

#include "mmu/write.h"
#include "text/text.h"

/*
 * The breakpoints that CPUs may meet while bytes change. There is one such set, of one text, since
 * text_mutex is held while it exists. Other texts may have breakpoints of their own at the same
 * addresses. Written under text_mutex. Read by int3 handlers, with interrupts off. A step ends by
 * IPIs, which wait for these handlers. So the set does not change while a CPU that met one of its
 * breakpoints looks for it.
 */
static struct {
	seqcount_t seq;
	const struct shk_text *text; /* NULL: there are none */
	/* If @bodies is NULL: one breakpoint, and where CPUs continue. */
	unsigned long addr;
	unsigned long resume;
	/* Else breakpoints at the entries of @nr bodies that are replaced. */
	const struct shk_replacement *bodies;
	/* Else breakpoints of @nr edits, sorted by address. */
	struct shk_edit **edits;
	unsigned int nr;
} poke_pending = { .seq = SEQCNT_ZERO(poke_pending.seq) };

/* The breakpoints that poke_set_pending() announces: members as in poke_pending. */
struct breakpoints {
	unsigned long addr, resume;
	const struct shk_replacement *bodies;
	struct shk_edit **edits;
	unsigned int nr;
};

static void poke_set_pending(const struct shk_text *text, struct breakpoints breakpoints)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	raw_write_seqcount_begin(&poke_pending.seq);
	poke_pending.addr = breakpoints.addr;
	poke_pending.resume = breakpoints.resume;
	poke_pending.bodies = breakpoints.bodies;
	poke_pending.edits = breakpoints.edits;
	poke_pending.nr = breakpoints.nr;
	/* Last. Pairs with shk_poke_resume(). */
	smp_store_release(&poke_pending.text, text);
	raw_write_seqcount_end(&poke_pending.seq);
}

/*
 * Ends the effect of poke_set_pending(): the int3 handler no longer looks for its breakpoints. The
 * handler of another breakpoint in the text may still read the arrays. So the other members stay,
 * and a caller that has passed arrays then calls shk_poke_sync(). text_mutex is held.
 */
static void poke_clear_pending(void)
{
	raw_write_seqcount_begin(&poke_pending.seq);
	WRITE_ONCE(poke_pending.text, NULL);
	raw_write_seqcount_end(&poke_pending.seq);
}

static void poke_sync_cpu(void *unused)
{
	sync_core();
}

void shk_poke_sync(void)
{
	on_each_cpu(poke_sync_cpu, NULL, 1);
}

void shk_page_write(struct shk_page *page, unsigned long addr, const void *bytes, size_t len)
{
	if (len)
		shk_write((void *)shk_page_bytes(page, addr), bytes, len);
}

void shk_poke(struct shk_page *page, unsigned long addr, const u8 *bytes, u8 len,
	      unsigned long resume)
{
	static const u8 int3 = INT3_INSN_OPCODE;

	lockdep_assert_held(shk_symbols.text_mutex);

	if (!page->text->live) {
		shk_page_write(page, addr, bytes, len);
		return;
	}
	if (len > 1) {
		poke_set_pending(page->text,
				 (struct breakpoints){ .addr = addr, .resume = resume });
		shk_page_write(page, addr, &int3, 1);
		shk_poke_sync();
		shk_page_write(page, addr + 1, bytes + 1, len - 1);
		shk_poke_sync();
	}
	shk_page_write(page, addr, bytes, 1);
	/* At return no CPU is in the handler of the breakpoint. */
	shk_poke_sync();
	if (len > 1)
		poke_clear_pending();
}

unsigned long shk_edit_resume(const struct shk_edit *edit)
{
	s32 rel;

	if (edit->bytes[0] == CALL_INSN_OPCODE)
		return edit->addr + CALL_INSN_SIZE; /* as if not armed */
	if (edit->bytes[0] == JMP8_INSN_OPCODE && edit->len == JMP8_INSN_SIZE)
		return edit->addr + JMP8_INSN_SIZE + (s8)edit->bytes[1];
	if (edit->bytes[0] != JMP32_INSN_OPCODE)
		return 0;
	memcpy(&rel, edit->bytes + 1, sizeof(rel));
	return edit->addr + JMP32_INSN_SIZE + rel;
}
NOKPROBE_SYMBOL(shk_edit_resume);

const u8 *shk_edit_wanted(const struct shk_edit *edit, bool in)
{
	/* If the edit holds a jump of the base, the page has the old instructions around it. */
	return in ? edit->bytes : edit->held_len ? edit->under : edit->base;
}

void shk_poke_edits(struct shk_text *text, struct shk_edit **edits, unsigned int nr, bool in)
{
	static const u8 int3 = INT3_INSN_OPCODE;
	bool steps = false;
	unsigned int i;

	lockdep_assert_held(shk_symbols.text_mutex);
	/* Without an array no handler has to be waited for after poke_clear_pending(). */
	if (nr == 1 && edits[0]->page) {
		shk_poke(edits[0]->page, edits[0]->addr, shk_edit_wanted(edits[0], in),
			 edits[0]->len, shk_edit_resume(edits[0]));
		return;
	}
	for (i = 0; i < nr && text->live; i++)
		steps |= edits[i]->page && edits[i]->len > 1;
	if (steps) {
		poke_set_pending(text, (struct breakpoints){ .edits = edits, .nr = nr });
		for (i = 0; i < nr; i++)
			if (edits[i]->page && edits[i]->len > 1)
				shk_page_write(edits[i]->page, edits[i]->addr, &int3, 1);
		shk_poke_sync();
	}
	for (i = 0; i < nr && steps; i++)
		if (edits[i]->page)
			shk_page_write(edits[i]->page, edits[i]->addr + 1,
				       shk_edit_wanted(edits[i], in) + 1, edits[i]->len - 1);
	if (steps)
		shk_poke_sync();
	for (i = 0; i < nr; i++)
		if (edits[i]->page)
			shk_page_write(edits[i]->page, edits[i]->addr,
				       shk_edit_wanted(edits[i], in), steps ? 1 : edits[i]->len);
	/* At return no CPU is in the handler of one of the breakpoints. */
	if (text->live)
		shk_poke_sync();
	if (steps) {
		poke_clear_pending();
		/* Handlers of other breakpoints may have read poke_pending before that. */
		shk_poke_sync();
	}
}

int shk_poke_page(struct shk_page *page, unsigned long addr, const u8 *bytes, u8 len,
		  struct shk_copy *spare)
{
	int ret;

	lockdep_assert_held(shk_symbols.text_mutex);

	swap(page->copy, *spare);
	shk_page_write(page, page->addr, spare->bytes, PAGE_SIZE);
	shk_page_write(page, addr, bytes, len);
	ret = shk_mmu->map(&page->text->tables, page->addr, vmalloc_to_page(page->copy.bytes));
	if (ret)
		swap(page->copy, *spare);
	else
		shk_text_flush(page->text);
	return ret;
}

void shk_poke_guard(const struct shk_text *text, const struct shk_replacement *bodies,
		    unsigned int nr)
{
	poke_set_pending(text, (struct breakpoints){ .bodies = bodies, .nr = nr });
}

void shk_poke_unguard(void)
{
	/* At return no CPU is in the handler of one of the breakpoints. */
	shk_poke_sync();
	poke_clear_pending();
	/* Handlers of other breakpoints may have read poke_pending before it was cleared. */
	shk_poke_sync();
}

/*
 * Returns the address at which a CPU continues from the breakpoint of an edit of poke_pending.edits
 * at @addr. Returns 0 if none of these edits has a breakpoint there, or if a kprobe's handler is to
 * take it. Interrupts are off.
 */
static unsigned long poke_edit_resume(unsigned long addr)
{
	unsigned int low = 0, high = poke_pending.nr;

	/* Several edits may be at one address, but one at most is on its page. */
	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (poke_pending.edits[mid]->addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < poke_pending.nr && poke_pending.edits[low]->addr == addr; low++)
		if (poke_pending.edits[low]->page && poke_pending.edits[low]->len > 1)
			return shk_edit_resume(poke_pending.edits[low]);
	return 0;
}
NOKPROBE_SYMBOL(poke_edit_resume);

/*
 * Returns the address at which a CPU continues that has hit a breakpoint of poke_pending at @addr;
 * 0: poke_pending has none there, or a kprobe's handler is to take it. Interrupts are off.
 */
static unsigned long poke_pending_resume(unsigned long addr)
{
	unsigned int i;

	if (poke_pending.edits)
		return poke_edit_resume(addr);
	if (!poke_pending.bodies)
		return poke_pending.addr == addr ? poke_pending.resume : 0;
	for (i = 0; i < poke_pending.nr; i++)
		if (poke_pending.bodies[i].edits[0].addr == addr)
			return poke_pending.bodies[i].resume;
	return 0;
}
NOKPROBE_SYMBOL(poke_pending_resume);

unsigned long shk_poke_resume(const struct shk_text *text, unsigned long addr)
{
	/* A set that changes meanwhile is not the one whose breakpoint this CPU has met. */
	unsigned int seq = raw_seqcount_begin(&poke_pending.seq);
	/* Pairs with poke_set_pending(): the other members are of this set, or of a later one. */
	const struct shk_text *pending = smp_load_acquire(&poke_pending.text);
	unsigned long resume = pending == text ? poke_pending_resume(addr) : 0;

	return read_seqcount_retry(&poke_pending.seq, seq) ? 0 : resume;
}
NOKPROBE_SYMBOL(shk_poke_resume);
