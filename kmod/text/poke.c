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

static void sync_cpu(void *unused)
{
	sync_core();
}

static void sync_all(void)
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
		sync_all();
		shk_page_write(page, addr + 1, bytes + 1, len - 1);
		sync_all();
	}
	shk_page_write(page, addr, bytes, 1);
	/* Whoever trapped is through its handler when this returns. */
	sync_all();
	WRITE_ONCE(poking, 0);
}

unsigned long shk_poke_resume(unsigned long addr)
{
	if (smp_load_acquire(&poking) != addr) /* pairs with shk_poke() */
		return 0;
	return poking_resume;
}
NOKPROBE_SYMBOL(shk_poke_resume);
