// SPDX-License-Identifier: GPL-2.0-only
/*
 * A range in which many pages are wanted is mapped by one private page of 2 MB, as the base maps
 * it. It needs one TLB entry instead of hundreds (Chick et al., "Shadow Kernels", section 5.3.1).
 * All its pages are private then, wanted or not, and follow the base; their memory is one block
 * (copy.c). Its PTE page stays linked to the text, with the frames of the block, for the change
 * back.
 *
 * Text has the same bytes before and after a change of size. If memory lacks, the range stays as it
 * is.
 *
 * Frames and size of a mapping do not change at once; text.c: flush_between_sizes() has the reason.
 *
 *   to 2 MB: PTEs map the block, flush, the PMD entry maps the block, flush
 *   to 4 KB: the PMD entry maps the PTE page, flush, PTEs map single pages or the base's, flush
 */
#include <linux/moduleparam.h>
#include <linux/mutex.h>

#include "text/text.h"

static unsigned int huge_threshold = PTRS_PER_PTE / 2;
module_param(huge_threshold, uint, 0644);
MODULE_PARM_DESC(huge_threshold,
		 "pages edited in a 2 MB range from which on it is one private page; 0: never");

static unsigned long range_end(unsigned int range)
{
	return shk_range_start(range) + PMD_SIZE;
}

/*
 * Returns true if @text maps @range by one private page of 2 MB. The owner's lock or text_mutex is
 * held.
 */
static bool huge_is_mapped(struct shk_text *text, unsigned int range)
{
	struct shk_page *page = shk_page_find(text, shk_range_start(range));

	return page && shk_in_block(&page->copy);
}

/*
 * Returns true if a private page of 2 MB could map @range: the base does so, and all of the range
 * is text. The last range is not all text if the kernel's text ends within it.
 */
static bool huge_is_possible(unsigned int range)
{
	return shk_mmu->base_is_huge && shk_mmu->base_is_huge(range) &&
	       range_end(range) <= shk_symbols.etext;
}

/*
 * Returns true if an edit of @text in @range has shk_edit.spare, so that the range needs pages of 4
 * KB. Such an edit is applied and reverted by mapping another page of 4 KB, see shk_poke_page().
 * The owner's lock is held.
 */
static bool huge_must_split(struct shk_text *text, unsigned int range)
{
	struct shk_page *page;
	struct shk_edit *edit;
	unsigned long number;

	xa_for_each_range(&text->pages, number, page, PFN_DOWN(shk_range_start(range)),
			  PFN_DOWN(range_end(range)) - 1)
	{
		list_for_each_entry (edit, &page->edits, node)
			if (edit->spare.bytes)
				return true;
	}
	return false;
}

/*
 * Returns the number of pages of @range that have an edit or a pin (shk_page_wanted()), as
 * text_range_pins() in text.c counts them. Returns 0 if @text has no PTE page for the range. The
 * caller holds the lock of the shadow that owns @text (shk_shadow.lock).
 */
static unsigned int huge_nr_private_pages(struct shk_text *text, unsigned int range)
{
	struct page *table = text->built ? shk_mmu->pte(&text->tables, range) : NULL;

	return table ? page_private(table) : 0;
}

/* New memory for private pages of @range. The bytes that the text has there are copied to it. */
struct new_pages {
	struct shk_text *text;
	unsigned int range;
	struct list_head pages; /* struct shk_page */
};

/*
 * Frees the structs and the memory of @new_pages, and releases the entries that were reserved for
 * them in shk_text.pages. The owner's lock is held, text_mutex is not.
 */
static void new_pages_free(struct new_pages *new_pages)
{
	shk_pages_cancel(new_pages->text, &new_pages->pages);
}

/*
 * Initialises @new_pages and allocates its memory: a block for all pages if @huge, else memory for
 * those pages that have an edit or a pin. The owner's lock is held; may sleep. Returns 0; -ENOMEM:
 * nothing is left allocated.
 */
static int new_pages_alloc(struct new_pages *new_pages, struct shk_text *text, unsigned int range,
			   bool huge)
{
	unsigned long addr;
	int ret = 0;

	new_pages->text = text;
	new_pages->range = range;
	INIT_LIST_HEAD(&new_pages->pages);
	for (addr = shk_range_start(range); addr < range_end(range) && !ret; addr += PAGE_SIZE) {
		struct shk_page *page = shk_page_find(text, addr);

		if (huge || shk_page_wanted(page))
			ret = shk_page_alloc(text, addr, &new_pages->pages);
	}
	if (!ret)
		ret = huge ? shk_pages_fill_block(&new_pages->pages)
			   : shk_pages_fill(&new_pages->pages);
	if (ret)
		new_pages_free(new_pages);
	return ret;
}

/*
 * Copies the bytes that the text has now to the new memory: those of its private pages, and the
 * base's where it has none. text_mutex is held.
 */
static void new_pages_refresh(struct new_pages *new_pages)
{
	struct shk_page *new, *page;

	list_for_each_entry (new, &new_pages->pages, node) {
		page = shk_page_find(new_pages->text, new->addr);
		shk_page_refresh(new, page ? page->copy.bytes : shk_base_bytes(new->addr));
	}
}

/*
 * Maps @range by one page of 2 MB instead of pages of 4 KB. All its pages become private. Does
 * nothing if there is no memory. The owner's lock is held. Takes text_mutex.
 */
static void huge_map_block(struct shk_text *text, unsigned int range)
{
	struct shk_page *new, *next, *page;
	struct new_pages new_pages;

	if (new_pages_alloc(&new_pages, text, range, true))
		return;
	mutex_lock(shk_symbols.text_mutex);
	new_pages_refresh(&new_pages);
	list_for_each_entry (new, &new_pages.pages, node)
		WARN_ON_ONCE(
			shk_mmu->map(&text->tables, new->addr, vmalloc_to_page(new->copy.bytes)));
	shk_text_flush(text);
	shk_mmu->map_huge(&text->tables, range, true);
	list_for_each_entry_safe (new, next, &new_pages.pages, node) {
		page = shk_page_find(text, new->addr);
		if (page) {
			swap(page->copy, new->copy);
		} else {
			list_del(&new->node);
			shk_page_insert(new);
		}
	}
	text->nr_huge++;
	shk_text_flush(text);
	mutex_unlock(shk_symbols.text_mutex);
	new_pages_free(&new_pages);
}

/*
 * Maps @range by pages of 4 KB instead of one page of 2 MB; only pages that have an edit or a pin
 * stay private. The owner's lock is held. Takes text_mutex. Returns 0; -ENOMEM: the range stays as
 * it is. If no page has an edit or a pin, no memory is needed.
 */
static int huge_map_ptes(struct shk_text *text, unsigned int range)
{
	struct shk_page *new, *page;
	struct new_pages new_pages;
	unsigned long addr;
	int ret;

	ret = new_pages_alloc(&new_pages, text, range, false);
	if (ret)
		return ret;
	mutex_lock(shk_symbols.text_mutex);
	new_pages_refresh(&new_pages);
	/* The PTE page has the frames of the large page since huge_map_block(). */
	shk_mmu->map_huge(&text->tables, range, false);
	shk_text_flush(text);
	list_for_each_entry (new, &new_pages.pages, node)
		swap(shk_page_find(text, new->addr)->copy, new->copy);
	for (addr = shk_range_start(range); addr < range_end(range); addr += PAGE_SIZE) {
		page = shk_page_find(text, addr);
		if (shk_page_wanted(page)) {
			shk_mmu->map(&text->tables, addr, vmalloc_to_page(page->copy.bytes));
			continue;
		}
		shk_mmu->map(&text->tables, addr, NULL);
		shk_page_erase(page);
		list_add(&page->node, &new_pages.pages);
	}
	text->nr_huge--;
	shk_text_flush(text);
	mutex_unlock(shk_symbols.text_mutex);
	new_pages_free(&new_pages);
	return 0;
}

int shk_huge_split(struct shk_text *text, unsigned long addr)
{
	unsigned int range = shk_range_of(addr);

	return huge_is_mapped(text, range) ? huge_map_ptes(text, range) : 0;
}

/*
 * Maps @range by a private page of 2 MB if enough pages in it have edits or pins, or by pages of 4
 * KB if few have. The table at shk_huge_settle() has the limits. If memory lacks, the range stays
 * as it is. The owner's lock is held. Takes text_mutex.
 */
static void huge_settle_range(struct shk_text *text, unsigned int range)
{
	unsigned int threshold = READ_ONCE(huge_threshold), nr = huge_nr_private_pages(text, range);

	if (huge_is_mapped(text, range)) {
		if (nr && nr >= threshold / 2 && threshold)
			return;
		/* Succeeds if no page is wanted, since that needs no memory. */
		if (!huge_map_ptes(text, range) && !nr)
			shk_text_merge(text, range);
	} else if (threshold && nr >= threshold && huge_is_possible(range) &&
		   !huge_must_split(text, range)) {
		huge_map_block(text, range);
	}
}

void shk_huge_settle(struct shk_text *text, unsigned long from, unsigned long to)
{
	unsigned int range;

	for (range = shk_range_of(from); range <= shk_range_of(to - 1); range++)
		huge_settle_range(text, range);
}
