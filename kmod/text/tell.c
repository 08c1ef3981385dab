// SPDX-License-Identifier: GPL-2.0-only
/* What a text has, byte by byte, against the base's. */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <asm/text-patching.h>

#include "text/text.h"

static const struct shk_edit *edit_at(const struct shk_page *page, unsigned long addr)
{
	const struct shk_edit *edit;

	list_for_each_entry (edit, &page->edits, node)
		if (addr >= edit->addr && addr < edit->addr + edit->len)
			return edit;
	return NULL;
}

/* Bytes that an edit keeps back for its sake: a breakpoint, and what was behind it. */
static bool is_held(const struct shk_page *page, unsigned long addr)
{
	const struct shk_edit *edit;

	list_for_each_entry (edit, &page->edits, node)
		if (edit->held_len && addr >= edit->held && addr < edit->held + edit->held_len)
			return addr != edit->held ||
			       *shk_page_bytes(page, addr) == INT3_INSN_OPCODE;
	return false;
}

static bool is_stray(const struct shk_page *page, unsigned long addr)
{
	return *shk_page_bytes(page, addr) != *(const u8 *)shk_base_bytes(addr) &&
	       !edit_at(page, addr) && !is_held(page, addr);
}

static void tell(const struct shk_page *page, unsigned long addr, const u8 *base, u8 len,
		 struct shk_stretch *stretch)
{
	stretch->addr = addr;
	stretch->len = len;
	memcpy(stretch->base, base, len);
	memcpy(stretch->bytes, shk_page_bytes(page, addr), len);
}

/* The first one of @page that does not end before @from. */
static bool find_in(const struct shk_page *page, unsigned long from, struct shk_stretch *stretch)
{
	unsigned long addr, end = page->addr + PAGE_SIZE;
	const struct shk_edit *edit;
	u8 len = 0;

	if (list_empty(&page->edits) &&
	    !memcmp(page->copy.bytes, shk_base_bytes(page->addr), PAGE_SIZE))
		return false;
	for (addr = max(from, page->addr); addr < end; addr++) {
		edit = edit_at(page, addr);
		if (edit) {
			tell(page, edit->addr, edit->base, edit->len, stretch);
			stretch->stray = memcmp(stretch->bytes, edit->bytes, edit->len);
			return true;
		}
		if (!is_stray(page, addr))
			continue;
		while (len < SHK_EDIT_MAX && addr + len < end && is_stray(page, addr + len))
			len++;
		tell(page, addr, shk_base_bytes(addr), len, stretch);
		stretch->stray = true;
		return true;
	}
	return false;
}

bool shk_text_next(struct shk_text *text, unsigned long from, struct shk_stretch *stretch)
{
	struct shk_page *page;
	unsigned long number;
	bool found = false;

	mutex_lock(shk_symbols.text_mutex);
	xa_for_each_start(&text->pages, number, page, PFN_DOWN(from))
	{
		found = find_in(page, from, stretch);
		if (found)
			break;
	}
	mutex_unlock(shk_symbols.text_mutex);
	return found;
}

/* The base's bytes; a module's text is there while preemption is off. */
static bool read_base(unsigned long addr, u8 *bytes, size_t len)
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
	if (read_base(addr, base, len)) {
		page = xa_load(&text->pages, PFN_DOWN(addr));
		memcpy(bytes, page ? shk_page_bytes(page, addr) : base, len);
	} else {
		len = 0;
	}
	mutex_unlock(shk_symbols.text_mutex);
	return len;
}
