// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private pages are written through the direct map: the text mapping is never
 * writable. The order of the three steps, and a serialising instruction on
 * every CPU after each, are those of text_poke_bp_batch().
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

void shk_poke(struct shk_page *page, unsigned long addr, const u8 *bytes, u8 len,
	      unsigned long resume)
{
	u8 *at = shk_page_bytes(page, addr);

	lockdep_assert_held(shk_symbols.text_mutex);

	if (!page->text->live) {
		memcpy(at, bytes, len);
		return;
	}
	if (len > 1) {
		poking_resume = resume;
		smp_store_release(&poking, addr); /* pairs with shk_poke_resume() */
		WRITE_ONCE(*at, INT3_INSN_OPCODE);
		sync_all();
		memcpy(at + 1, bytes + 1, len - 1);
		sync_all();
	}
	WRITE_ONCE(*at, *bytes);
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
