// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private pages are written through text_poke()'s mapping, which one CPU has
 * for one moment: no other is writable. The order of the three steps, and a
 * serialising instruction on every CPU after each, are those of
 * text_poke_bp_batch().
 */
#include <linux/kprobes.h>
#include <linux/memory.h>
#include <linux/smp.h>
#include <asm/sync_core.h>
#include <asm/text-patching.h>

#include "text/text.h"

/*
 * The breakpoint in flight. text_mutex lets there be one. Readers are int3
 * handlers, in which the IPIs that end each step wait.
 */
static unsigned long poking;
static unsigned long poking_resume;
/* Or those of bodies that are replaced; their number is written before. */
static const struct shk_replacement *guarded;
static unsigned int nr_guarded;

static void sync_cpu(void *unused)
{
	sync_core();
}

void shk_poke_sync(void)
{
	on_each_cpu(sync_cpu, NULL, 1);
}

void shk_page_write(struct shk_page *page, unsigned long addr, const void *bytes, size_t len)
{
	if (len)
		shk_call(text_poke)((void *)shk_page_bytes(page, addr), bytes, len);
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
		poking_resume = resume;
		smp_store_release(&poking, addr); /* pairs with shk_poke_resume() */
		shk_page_write(page, addr, &int3, 1);
		shk_poke_sync();
		shk_page_write(page, addr + 1, bytes + 1, len - 1);
		shk_poke_sync();
	}
	shk_page_write(page, addr, bytes, 1);
	/* Whoever trapped is through its handler when this returns. */
	shk_poke_sync();
	WRITE_ONCE(poking, 0);
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

void shk_poke_guard(const struct shk_replacement *bodies, unsigned int nr)
{
	lockdep_assert_held(shk_symbols.text_mutex);
	nr_guarded = nr;
	smp_store_release(&guarded, bodies); /* pairs with guard_of() */
}

static unsigned long guard_of(unsigned long addr)
{
	const struct shk_replacement *bodies = smp_load_acquire(&guarded); /* shk_poke_guard() */
	unsigned int i;

	for (i = 0; bodies && i < nr_guarded; i++)
		if (bodies[i].edits[0].addr == addr)
			return bodies[i].resume;
	return 0;
}
NOKPROBE_SYMBOL(guard_of);

unsigned long shk_poke_resume(unsigned long addr)
{
	if (smp_load_acquire(&poking) != addr) /* pairs with shk_poke() */
		return guard_of(addr);
	return poking_resume;
}
NOKPROBE_SYMBOL(shk_poke_resume);
