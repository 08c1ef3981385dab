// SPDX-License-Identifier: GPL-2.0-only
/* Compares a text with the base, byte by byte. */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <asm/text-patching.h>

#include "text/text.h"

/*
 * Returns the first edit of @page, by address, that ends after @addr; NULL: there is none.
 * text_mutex is held.
 */
static const struct shk_edit *diff_next_edit(const struct shk_page *page, unsigned long addr)
{
	const struct shk_edit *edit, *first = NULL;

	list_for_each_entry (edit, &page->edits, node)
		if (addr < edit->addr + edit->len && (!first || edit->addr < first->addr))
			first = edit;
	return first;
}

/*
 * Returns true if the byte at @addr may differ from the base's since an edit of @page hides the
 * jump of an optimised kprobe there (shk_edit.held). The byte is then the kprobe's breakpoint, or
 * one of the bytes behind that. text_mutex is held.
 */
static bool diff_is_held(const struct shk_page *page, unsigned long addr)
{
	const struct shk_edit *edit;

	list_for_each_entry (edit, &page->edits, node)
		if (edit->held_len && addr >= edit->held && addr < edit->held + edit->held_len)
			return addr != edit->held ||
			       *shk_page_bytes(page, addr) == INT3_INSN_OPCODE;
	return false;
}

/*
 * Returns true if the byte of @page at @addr differs from the base's, although no edit and no
 * hidden jump of a kprobe (shk_edit.held) explains that. text_mutex is held. The caller ensures
 * that no edit has the byte.
 */
static bool diff_is_stray(const struct shk_page *page, unsigned long addr)
{
	return *shk_page_bytes(page, addr) != *(const u8 *)shk_base_bytes(addr) &&
	       !diff_is_held(page, addr);
}

static void diff_set(const struct shk_page *page, unsigned long addr, const u8 *base, u8 len,
		     struct shk_difference *difference)
{
	difference->addr = addr;
	difference->len = len;
	memcpy(difference->base, base, len);
	memcpy(difference->bytes, shk_page_bytes(page, addr), len);
}

/*
 * Stores the first difference of @page, an edit or stray bytes, that has a byte at or after @from
 * in @difference. Returns false if there is none. text_mutex is held.
 */
static bool diff_find_in_page(const struct shk_page *page, unsigned long from,
			      struct shk_difference *difference)
{
	unsigned long addr = max(from, page->addr), end = page->addr + PAGE_SIZE;
	const struct shk_edit *edit = diff_next_edit(page, addr);
	u8 len = 0;

	if (!edit && !memcmp(page->copy.bytes, shk_base_bytes(page->addr), PAGE_SIZE))
		return false;
	if (edit)
		end = max(edit->addr, addr);
	while (addr < end && !diff_is_stray(page, addr))
		addr++;
	while (len < SHK_EDIT_MAX && addr + len < end && diff_is_stray(page, addr + len))
		len++;
	if (len) {
		diff_set(page, addr, shk_base_bytes(addr), len, difference);
		difference->stray = true;
	} else if (edit) {
		diff_set(page, edit->addr, edit->base, edit->len, difference);
		difference->stray = memcmp(difference->bytes, edit->bytes, edit->len);
	}
	return len || edit;
}

/*
 * The number of pages that are compared before text_mutex is released. All code that patches text
 * waits for that mutex, and a caller with SHK_RIGHT_READ, without capabilities, may list
 * differences.
 */
#define PAGES_AT_ONCE 16

/*
 * Searches up to PAGES_AT_ONCE pages of @text for a difference, from *@from on. Returns true if it
 * found one, which is stored in @difference. Otherwise sets *@from to the address at which the
 * search goes on, or to 0 if no page is left, and returns false. text_mutex is held.
 */
static bool diff_find_next(struct shk_text *text, unsigned long *from,
			   struct shk_difference *difference)
{
	unsigned int nr = 0;
	struct shk_page *page;
	unsigned long number;

	lockdep_assert_held(shk_symbols.text_mutex);
	xa_for_each_start (&text->pages, number, page, PFN_DOWN(*from)) {
		if (nr++ == PAGES_AT_ONCE) {
			*from = page->addr;
			return false;
		}
		if (diff_find_in_page(page, *from, difference))
			return true;
	}
	*from = 0;
	return false;
}

bool shk_text_next_difference(struct shk_text *text, unsigned long from,
			      struct shk_difference *difference)
{
	bool found;

	do {
		mutex_lock(shk_symbols.text_mutex);
		found = diff_find_next(text, &from, difference);
		mutex_unlock(shk_symbols.text_mutex);
		cond_resched();
	} while (!found && from && !fatal_signal_pending(current));
	return found;
}

/*
 * Copies @len bytes of the base at @addr to @bytes. The bytes are within one page. Returns false if
 * no text of the kernel or of a module is there. Preemption is off meanwhile, so a module's text is
 * not freed.
 */
static bool diff_read_base(unsigned long addr, u8 *bytes, size_t len)
{
	bool there;

	preempt_disable();
	there = shk_is_kernel_text(addr) || shk_call(__module_text_address)(addr);
	if (there)
		memcpy(bytes, shk_base_bytes(addr), len);
	preempt_enable();
	return there;
}

size_t shk_text_read(struct shk_text *text, unsigned long addr, size_t len, u8 *base, u8 *bytes)
{
	struct shk_page *page;

	len = min_t(size_t, len, PAGE_SIZE - offset_in_page(addr));
	mutex_lock(shk_symbols.text_mutex);
	if (diff_read_base(addr, base, len)) {
		page = xa_load(&text->pages, PFN_DOWN(addr));
		memcpy(bytes, page ? shk_page_bytes(page, addr) : base, len);
	} else {
		len = 0;
	}
	mutex_unlock(shk_symbols.text_mutex);
	return len;
}
