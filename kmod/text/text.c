// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a text become private and the base's again; edits are applied and reverted.
 *
 * Order of an edit that is applied. Memory is allocated before text_mutex is taken.
 *
 *   1  the ftrace hook on __text_poke() is registered (sync.c)
 *   2  text_mutex is taken
 *   3  the page's memory gets the base's bytes of now
 *   4  for the first page of a range: a PTE page with the base's frames is linked. The base's
 *      mapping loses its global bits, with a flush. A flush, if the size of pages has changed.
 *   5  for text of a module: the base's page loses its global bit, with a flush
 *   6  the PTE maps the private page
 *   7  a flush
 *   8  the edit's bytes are written (poke.c)
 *
 * Order of an edit that is reverted. text_mutex is held from the beginning.
 *
 *   1  the base's bytes are written (poke.c)
 *   2  the PTE maps the base's page
 *   3  for the last page of a range: a flush, if the size of pages is about to change. The PTE page
 *      is unlinked.
 *   4  a flush
 *   5  the base's mapping gets its global bits back, unless another text diverges there
 *   6  text_mutex is released
 *   7  memory is freed
 *
 * Flushes are left out if the text is not live, except those for global bits.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "mmu/tables.h"
#include "text/text.h"

/* Returns true if a text has a private page for @addr. text_mutex is held. */
static bool has_copies(unsigned long addr)
{
	struct shk_page *page;

	shk_for_each_copy(page, addr) return true;
	return false;
}

void shk_text_setup(struct shk_text *text)
{
	xa_init(&text->pages);
}

int shk_text_build(struct shk_text *text)
{
	int ret;

	if (text->built)
		return 0;
	ret = shk_tables_create(&text->tables);
	if (!ret)
		text->built = true;
	return ret;
}

void shk_text_destroy(struct shk_text *text)
{
	WARN_ON_ONCE(text->live || !xa_empty(&text->pages));
	if (text->built)
		shk_tables_destroy(&text->tables);
	text->built = false;
}

u64 shk_text_memory(const struct shk_text *text)
{
	unsigned int pages = text->nr_pages + text->nr_ranges;

	if (text->built)
		pages += 2 + !!text->tables.p4d + text->tables.nr_small_pages +
			 (text->tables.modules ? 2 : 0);
	return (u64)pages * PAGE_SIZE;
}

/*
 * Returns the address of the counter of those pages of @range that have an edit or a pin
 * (shk_page_wanted()). The counter is the member .private of the struct page of the range's PTE
 * page. The caller ensures that the range has a PTE page. Under text_mutex.
 */
static unsigned long *text_range_pins(struct shk_text *text, unsigned int range)
{
	return &page_private(shk_mmu->pte(&text->tables, range));
}

/* Memory for private pages, allocated before text_mutex is taken. */
struct prepared {
	struct list_head pages;	 /* struct shk_page, by address, in no text yet */
	struct list_head tables; /* struct page: PTE pages for 2 MB ranges that have none */
	unsigned int last_range; /* the range that memory was allocated for last; ~0U: none */
};

/*
 * Frees the pages and PTE pages that are still in @prepared, since the change did not use them.
 * Called after success, too. The owner's lock is held, text_mutex is not. May sleep.
 */
static void prepared_free(struct shk_text *text, struct prepared *prepared)
{
	struct page *table, *next_table;

	shk_pages_cancel(text, &prepared->pages);
	list_for_each_entry_safe (table, next_table, &prepared->tables, lru)
		__free_page(table);
}

/*
 * Allocates the struct of a private page at @addr, and appends it to @prepared. Allocates tables
 * for text of modules, if @addr is there and @text has none. Does nothing if the page is private
 * already, or if the previous call has allocated the same page. The owner's lock is held; may
 * sleep. Returns 0; -ENOMEM; NO_MODULE_TEXT: @addr is in a module, and this kernel allows no
 * private pages there.
 */
static int prepare_page(struct shk_text *text, struct prepared *prepared, unsigned long addr)
{
	int ret;

	if (shk_page_find(text, addr) ||
	    (!list_empty(&prepared->pages) &&
	     list_last_entry(&prepared->pages, struct shk_page, node)->addr == addr))
		return 0;
	ret = shk_mmu->prepare(&text->tables, addr);
	return ret ?: shk_page_alloc(text, addr, &prepared->pages);
}

/*
 * Allocates a PTE page for @range, and adds it to @prepared. Does nothing if the range has one, or
 * if the previous call has allocated one for the same range. May sleep. Returns 0 or -ENOMEM.
 */
static int prepare_table(struct shk_text *text, struct prepared *prepared, unsigned int range)
{
	struct page *table;

	if (prepared->last_range == range || shk_mmu->pte(&text->tables, range))
		return 0;
	table = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	prepared->last_range = range;
	list_add(&table->lru, &prepared->tables);
	return 0;
}

/*
 * Allocates structs and PTE pages for the pages of [from, to) that are not private yet. The caller
 * passes ranges in the order of addresses, and holds the owner's lock. May sleep. Returns 0,
 * -ENOMEM or NO_MODULE_TEXT (prepare_page()). After an error the caller frees @prepared by
 * prepared_free().
 */
static int prepare_range(struct shk_text *text, struct prepared *prepared, unsigned long from,
			 unsigned long to)
{
	unsigned int range;
	unsigned long addr;
	int ret = 0;

	for (addr = from & PAGE_MASK; addr < to && !ret; addr += PAGE_SIZE)
		ret = prepare_page(text, prepared, addr);
	for (range = shk_range_of(from); range <= shk_range_of(to - 1); range++)
		ret = ret ?: prepare_table(text, prepared, range);
	return ret;
}

/* The pages that an edit_change makes private: those of edits, or of a range. */
struct wanted {
	struct shk_edit **edits; /* sorted by address */
	unsigned int nr;
	unsigned long from, to; /* if @edits is NULL */
};

/*
 * Allocates memory for the pages of @wanted that are not private yet, and initialises @prepared.
 * The owner's lock is held; may sleep. Returns 0, or -ENOMEM or NO_MODULE_TEXT (prepare_page()),
 * after which nothing is left allocated.
 */
static int prepared_alloc(struct shk_text *text, const struct wanted *wanted,
			  struct prepared *prepared)
{
	unsigned int i;
	int ret = 0;

	prepared->last_range = ~0U;
	INIT_LIST_HEAD(&prepared->pages);
	INIT_LIST_HEAD(&prepared->tables);
	if (!wanted->edits)
		ret = prepare_range(text, prepared, wanted->from, wanted->to);
	for (i = 0; i < wanted->nr && !ret; i++)
		ret = prepare_range(text, prepared, wanted->edits[i]->addr,
				    wanted->edits[i]->addr + wanted->edits[i]->len);
	ret = ret ?: shk_pages_fill(&prepared->pages);
	if (ret)
		prepared_free(text, prepared);
	return ret;
}

/*
 * Pages and PTE pages that are linked nowhere, but may be in TLBs. unmapped_finish() flushes, and
 * then frees them.
 */
struct unmapped {
	struct list_head pages;	 /* struct shk_page */
	struct list_head tables; /* struct page, whose private is the number of its range */
};

static void unmapped_init(struct unmapped *unmapped)
{
	INIT_LIST_HEAD(&unmapped->pages);
	INIT_LIST_HEAD(&unmapped->tables);
}

/*
 * Flushes if the base maps @range by a page of 2 MB. Called between a change of the size of the
 * range's pages and a change of their frames, in either order. A CPU whose TLB has two sizes with
 * two frames for an address may stop with a machine check (CVE-2018-12207). text_mutex is held.
 */
static void flush_between_sizes(struct shk_text *text, unsigned int range)
{
	if (shk_mmu->base_is_huge && shk_mmu->base_is_huge(range))
		shk_text_flush(text);
}

/*
 * Maps @range by the base's entry. The caller ensures that no page in it is private. The range's
 * PTE page moves to @unmapped, and the caller frees it after a flush (unmapped_finish()). If Xen
 * refuses, merge() warns and the PTE page stays in use. text_mutex is held.
 */
static void text_merge(struct shk_text *text, unsigned int range, struct unmapped *unmapped)
{
	struct page *table;

	flush_between_sizes(text, range);
	table = shk_mmu->merge(&text->tables, range);
	if (!table)
		return;
	text->nr_ranges--;
	set_page_private(table, range);
	list_add(&table->lru, &unmapped->tables);
}

/*
 * Maps @range of @text by a PTE page from @prepared, with the base's frames. If @range is of the
 * kernel image, the base's mapping of the range loses its global bits, and every CPU flushes. If it
 * is of modules, this function does not change the base's mapping: page_map_private() clears the
 * global bit of single pages. text_mutex is held. Returns 0; XEN: nothing has changed.
 */
static int text_split(struct shk_text *text, unsigned int range, struct prepared *prepared)
{
	struct page *table = list_first_entry(&prepared->tables, struct page, lru);
	int ret;

	set_page_private(table, 0);
	ret = shk_mmu->split(&text->tables, range, table);
	if (ret)
		return ret;
	list_del(&table->lru);
	text->nr_ranges++;
	if (!shk_in_module_area(shk_range_start(range)))
		shk_range_get(range);
	flush_between_sizes(text, range);
	return 0;
}

/*
 * Maps the first page of @prepared in @text, with the bytes that the base has at this moment. Moves
 * it from @prepared to the pages of @text. The caller flushes, if the text is live. text_mutex is
 * held. Returns the page, or ERR_PTR() of XEN: no page was mapped, and @unmapped has the PTE page
 * if one was linked for it.
 */
static struct shk_page *page_map_private(struct shk_text *text, struct prepared *prepared,
					 struct unmapped *unmapped)
{
	struct shk_page *page = list_first_entry(&prepared->pages, struct shk_page, node);
	unsigned int range = shk_range_of(page->addr);
	bool in_module = shk_in_module_area(page->addr);
	int ret = 0;

	shk_page_refresh(page, shk_base_bytes(page->addr));
	if (!shk_mmu->pte(&text->tables, range))
		ret = text_split(text, range, prepared);
	if (ret)
		return ERR_PTR(ret);
	if (in_module && !has_copies(page->addr))
		shk_page_clear_global(page->addr);
	ret = shk_mmu->map(&text->tables, page->addr, vmalloc_to_page(page->copy.bytes));
	if (ret) {
		if (in_module && !has_copies(page->addr))
			shk_page_set_global(page->addr);
		if (!*text_range_pins(text, range))
			text_merge(text, range, unmapped);
		return ERR_PTR(ret);
	}

	list_del(&page->node);
	shk_page_insert(page);
	return page;
}

/*
 * Maps the base's page in the place of @page, and moves @page to @unmapped, which the caller
 * flushes and frees. text_mutex is held.
 */
static void page_map_base(struct shk_page *page, struct unmapped *unmapped)
{
	shk_page_erase(page);
	/* If that fails, @page is still mapped: its memory is leaked. */
	if (!WARN_ON_ONCE(shk_mmu->map(&page->text->tables, page->addr, NULL)))
		list_add(&page->node, &unmapped->pages);
}

/*
 * Increments the number of wanted pages of @page's range: those with an edit or a pin. Does nothing
 * if @page has an edit or a pin already. Called before one is added to @page. text_mutex is held.
 */
static void page_want(struct shk_page *page)
{
	if (!shk_page_wanted(page))
		*text_range_pins(page->text, shk_range_of(page->addr)) += 1;
}

/*
 * Maps the base's page in the place of @page if @page has no edit and no pin any longer, and moves
 * @page to @unmapped, which the caller flushes and frees. If no other page of the range has an edit
 * or a pin, also maps the range by the base's entry. A page that is part of a private page of 2 MB
 * stays private until shk_huge_settle() splits that. Called after an edit or a pin of @page was
 * removed. text_mutex is held.
 */
static void page_unwant(struct shk_page *page, struct unmapped *unmapped)
{
	unsigned int range = shk_range_of(page->addr);
	unsigned long *nr = text_range_pins(page->text, range);

	if (shk_page_wanted(page))
		return;
	--*nr;
	if (shk_in_block(&page->copy))
		return;
	page_map_base(page, unmapped);
	if (!*nr)
		text_merge(page->text, range, unmapped);
}

/*
 * Flushes every CPU, if the text is live, so that no TLB holds pages of @unmapped. Then gives the
 * base's mappings their global bits back, where no text has private pages any longer. text_mutex is
 * held.
 */
static void unmapped_flush(struct shk_text *text, struct unmapped *unmapped)
{
	struct shk_page *page;
	struct page *table;

	lockdep_assert_held(shk_symbols.text_mutex);
	if (!list_empty(&unmapped->pages) || !list_empty(&unmapped->tables))
		shk_text_flush(text);
	list_for_each_entry (table, &unmapped->tables, lru)
		if (!shk_in_module_area(shk_range_start(page_private(table))))
			shk_range_put(page_private(table));
	list_for_each_entry (page, &unmapped->pages, node)
		if (shk_in_module_area(page->addr) && !has_copies(page->addr))
			shk_page_set_global(page->addr);
}

/*
 * Frees the pages and PTE pages of @unmapped. The caller has flushed, so no TLB holds them.
 * text_mutex is not held.
 */
static void unmapped_free(struct unmapped *unmapped)
{
	struct page *table, *next_table;

	list_for_each_entry_safe (table, next_table, &unmapped->tables, lru) {
		set_page_private(table, 0);
		shk_mmu->free_table(table);
	}
	shk_pages_free(&unmapped->pages);
}

/*
 * Flushes every CPU if @text is live, releases text_mutex, which the caller has taken, and frees
 * the pages and PTE pages of @unmapped. May sleep.
 */
static void unmapped_finish(struct shk_text *text, struct unmapped *unmapped)
{
	unmapped_flush(text, unmapped);
	mutex_unlock(shk_symbols.text_mutex);
	unmapped_free(unmapped);
}

void shk_text_merge(struct shk_text *text, unsigned int range)
{
	struct unmapped unmapped;

	unmapped_init(&unmapped);
	mutex_lock(shk_symbols.text_mutex);
	text_merge(text, range, &unmapped);
	unmapped_finish(text, &unmapped);
}

static bool overlaps(const struct shk_edit *a, const struct shk_edit *b)
{
	return a->addr < b->addr + b->len && b->addr < a->addr + a->len;
}

bool shk_text_edited(struct shk_text *text, unsigned long addr, size_t len)
{
	unsigned long end = addr + len;

	lockdep_assert_held(shk_symbols.text_mutex);
	for (; addr < end; addr = PAGE_ALIGN(addr + 1)) {
		struct shk_page *page = shk_page_find(text, addr);
		struct shk_edit *edit;

		if (!page)
			continue;
		list_for_each_entry (edit, &page->edits, node)
			if (edit->addr < end && addr < edit->addr + edit->len)
				return true;
	}
	return false;
}

/*
 * Returns true if @edit can be applied and reverted in place while CPUs execute its bytes, by way
 * of an int3. If not, a live text needs shk_edit.spare. Needs no lock.
 */
static bool has_steps(const struct shk_edit *edit)
{
	return edit->len == 1 || ((edit->len == JMP8_INSN_SIZE || edit->len == JMP32_INSN_SIZE) &&
				  shk_edit_resume(edit));
}

static bool edit_overlaps(const struct shk_page *page, const struct shk_edit *edit)
{
	const struct shk_edit *other;

	list_for_each_entry (other, &page->edits, node)
		if (overlaps(edit, other))
			return true;
	return false;
}

/*
 * A change that makes pages private. edit_change_begin() takes text_mutex; edit_change_commit() or
 * edit_change_cancel() releases it.
 */
struct edit_change {
	bool was_built;		  /* the text had tables before */
	struct prepared prepared; /* memory */
	struct unmapped unmapped; /* pages that an error has made the base's again */
};

/*
 * Called if a change has failed: destroys the tables of @text if edit_change_begin() has made them.
 * The owner's lock is held. text_mutex is not held.
 */
static void edit_change_abandon(struct shk_text *text, struct edit_change *change)
{
	/* No mm has been grafted to tables that were just made. */
	if (!change->was_built)
		shk_text_destroy(text);
}

/*
 * Adds @nr to @text->nr_followed, the number of edits and pins. If it was 0, registers sync.c's
 * hook, by which private pages get the kernel's patches of the base. The owner's lock is held;
 * sleeps. Returns 0, or an error of shk_sync_start(); cannot fail if the number was not 0.
 */
static int text_follow(struct shk_text *text, unsigned int nr)
{
	int ret = text->nr_followed ? 0 : shk_sync_start();

	if (!ret)
		text->nr_followed += nr;
	return ret;
}

/*
 * Subtracts @nr from @text->nr_followed, the number of edits and pins. If it becomes 0, unregisters
 * sync.c's hook (shk_sync_stop()). The owner's lock is held; sleeps.
 */
static void text_unfollow(struct shk_text *text, unsigned int nr)
{
	text->nr_followed -= nr;
	if (nr && !text->nr_followed)
		shk_sync_stop();
}

/*
 * Begins a change that makes the pages of @wanted private. Makes the tables of @text if there are
 * none, allocates memory, counts one edit or pin (text_follow()), and takes text_mutex. The caller
 * ends the change by edit_change_commit() or edit_change_cancel(). The owner's lock is held.
 * Returns 0, or an error of shk_text_build(), prepared_alloc() or shk_sync_start(), after which
 * nothing is left and text_mutex is not held.
 */
static int edit_change_begin(struct shk_text *text, const struct wanted *wanted,
			     struct edit_change *change)
{
	int ret;

	change->was_built = text->built;
	ret = shk_text_build(text);
	if (ret)
		return ret;
	ret = prepared_alloc(text, wanted, &change->prepared);
	if (ret)
		goto destroy;
	ret = text_follow(text, 1);
	if (ret)
		goto free;
	unmapped_init(&change->unmapped);
	mutex_lock(shk_symbols.text_mutex);
	return 0;
free:
	prepared_free(text, &change->prepared);
destroy:
	edit_change_abandon(text, change);
	return ret;
}

/* Ends a change that has succeeded: releases text_mutex, and frees memory that was not used. */
static void edit_change_commit(struct shk_text *text, struct edit_change *change)
{
	mutex_unlock(shk_symbols.text_mutex);
	prepared_free(text, &change->prepared);
}

/*
 * Ends a change that has failed: flushes, releases text_mutex, subtracts the edit or pin that
 * edit_change_begin() counted, and frees what it allocated. The caller has moved the pages of the
 * change to @change->unmapped.
 */
static void edit_change_cancel(struct shk_text *text, struct edit_change *change)
{
	unmapped_finish(text, &change->unmapped);
	text_unfollow(text, 1);
	prepared_free(text, &change->prepared);
	edit_change_abandon(text, change);
}

void shk_edit_branch(struct shk_edit *edit, unsigned long addr, u8 opcode, unsigned long target)
{
	s32 rel = target - (addr + JMP32_INSN_SIZE);

	edit->addr = addr;
	edit->len = JMP32_INSN_SIZE;
	edit->bytes[0] = opcode;
	memcpy(edit->bytes + 1, &rel, sizeof(rel));
}

/*
 * Returns true if shk_text_apply_many() can apply @edit, as one of @nr edits. Otherwise warns and
 * returns false.
 */
static bool edit_is_possible(const struct shk_text *text, const struct shk_edit *edit,
			     unsigned int nr)
{
	return !WARN_ON_ONCE(!edit->len || edit->len > SHK_EDIT_MAX ||
			     offset_in_page(edit->addr) + edit->len > PAGE_SIZE) &&
	       !WARN_ON_ONCE(text->live && !edit->spare.bytes && !has_steps(edit)) &&
	       !WARN_ON_ONCE(nr > 1 && edit->spare.bytes);
}

/*
 * Lets shk_huge_settle() choose the size of the mapping of each 2 MB range that has one of @edits.
 * The caller has sorted the @nr edits by address, and holds the owner's lock and no other.
 */
static void edits_settle(struct shk_text *text, struct shk_edit **edits, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!i || shk_range_of(edits[i]->addr) != shk_range_of(edits[i - 1]->addr))
			shk_huge_settle(text, edits[i]->addr, edits[i]->addr + edits[i]->len);
}

/*
 * Ends the pins by which edits_map_pages() kept the pages of @edits private. In the place of pages
 * without an edit the base's are mapped; the pages move to @unmapped, which the caller flushes and
 * frees. text_mutex is held.
 */
static void edits_unpin_pages(struct shk_text *text, struct shk_edit **edits, unsigned int nr,
			      struct unmapped *unmapped)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct shk_page *page = shk_page_find(text, edits[i]->addr);

		if (!page || !page->fresh)
			continue;
		page->fresh = false;
		page->pins--;
		page_unwant(page, unmapped);
	}
}

/*
 * Makes the pages of @edits private, with the base's bytes. If that has changed a page, flushes.
 * Pins each page that was made private, until edits_unpin_pages(). text_mutex is held. Returns 0;
 * XEN: the base's pages are mapped again, and the private ones are in @change->unmapped for
 * edit_change_cancel().
 */
static int edits_map_pages(struct shk_text *text, struct shk_edit **edits, unsigned int nr,
			   struct edit_change *change)
{
	struct shk_page *page;
	bool mapped = false;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (shk_page_find(text, edits[i]->addr))
			continue;
		page = page_map_private(text, &change->prepared, &change->unmapped);
		if (IS_ERR(page)) {
			edits_unpin_pages(text, edits, i, &change->unmapped);
			return PTR_ERR(page);
		}
		page_want(page);
		page->pins++;
		page->fresh = true;
		mapped = true;
	}
	if (mapped)
		shk_text_flush(text);
	return 0;
}

/*
 * Adds @edit to its page, and stores the base's bytes in .base. The caller has made the page
 * private. Does nothing, and leaves @edit->page NULL, if another edit has one of the bytes. Returns
 * true if @edit was added. text_mutex is held.
 */
static bool edit_link(struct shk_text *text, struct shk_edit *edit)
{
	struct shk_page *page = shk_page_find(text, edit->addr);

	if (edit_overlaps(page, edit))
		return false;
	edit->page = page;
	edit->held_len = 0;
	memcpy(edit->base, shk_base_bytes(edit->addr), edit->len);
	if (edit->prepare)
		edit->prepare(edit);
	page_want(page);
	list_add(&edit->node, &page->edits);
	if (edit->changed)
		edit->changed(edit);
	return true;
}

/*
 * Writes the bytes of the @nr edits at @edits: the edits' own if @in, else the base's. The caller
 * has sorted them by address; an edit with a spare is alone. text_mutex is held. Returns 0; XEN: an
 * edit with a spare was not written.
 */
static int edits_write(struct shk_text *text, struct shk_edit **edits, unsigned int nr, bool in)
{
	struct shk_edit *edit = edits[0];

	if (!edit->spare.bytes) {
		shk_poke_edits(text, edits, nr, in);
		return 0;
	}
	return shk_poke_page(edit->page, edit->addr, shk_edit_wanted(edit, in), edit->len,
			     &edit->spare);
}

int shk_text_apply_many(struct shk_text *text, struct shk_edit **edits, unsigned int nr)
{
	struct wanted wanted = { .edits = edits, .nr = nr };
	unsigned int i, applied = 0;
	struct edit_change change;
	struct shk_page *page;
	int ret = 0;

	for (i = 0; i < nr; i++)
		if (!edit_is_possible(text, edits[i], nr))
			return -EINVAL;
	if (edits[0]->spare.bytes)
		ret = shk_huge_split(text, edits[0]->addr);
	ret = ret ?: edit_change_begin(text, &wanted, &change);
	if (ret)
		return ret;
	ret = edits_map_pages(text, edits, nr, &change);
	if (ret)
		goto cancel;
	for (i = 0; i < nr; i++)
		applied += edit_link(text, edits[i]);
	edits_unpin_pages(text, edits, nr, &change.unmapped);
	ret = applied ? edits_write(text, edits, nr, true) : SHK_E(EDIT_THERE);
	if (!ret) {
		edit_change_commit(text, &change);
		/* edit_change_begin() has counted one; the hook is registered, so this succeeds. */
		text_follow(text, applied - 1);
		edits_settle(text, edits, nr);
		return 0;
	}
	if (applied) {
		page = edits[0]->page;
		list_del(&edits[0]->node);
		edits[0]->page = NULL;
		page_unwant(page, &change.unmapped);
	}
cancel:
	edit_change_cancel(text, &change);
	return ret;
}

int shk_text_apply(struct shk_text *text, struct shk_edit *edit)
{
	return shk_text_apply_many(text, &edit, 1);
}

void shk_text_change(struct shk_text *text, struct shk_edit *edit, const u8 *bytes,
		     unsigned long resume)
{
	mutex_lock(shk_symbols.text_mutex);
	shk_poke(edit->page, edit->addr, bytes, edit->len, resume);
	memcpy(edit->bytes, bytes, edit->len);
	mutex_unlock(shk_symbols.text_mutex);
}

void shk_text_revert_many(struct shk_text *text, struct shk_edit **edits, unsigned int nr)
{
	struct unmapped unmapped;
	unsigned int i;

	unmapped_init(&unmapped);
	mutex_lock(shk_symbols.text_mutex);
	/* The edit must go: if its page cannot be exchanged, its bytes change in place. */
	if (WARN_ON_ONCE(edits_write(text, edits, nr, false)))
		shk_poke(edits[0]->page, edits[0]->addr, shk_edit_wanted(edits[0], false),
			 edits[0]->len, shk_edit_resume(edits[0]) ?: edits[0]->addr);
	for (i = 0; i < nr; i++)
		list_del(&edits[i]->node);
	for (i = 0; i < nr; i++) {
		struct shk_page *page = edits[i]->page;

		edits[i]->page = NULL;
		/* Only a page that stays private needs the base's bytes. */
		if (shk_page_wanted(page) || shk_in_block(&page->copy))
			shk_sync_release(page, edits[i]);
		if (i + 1 == nr || edits[i + 1]->page != page)
			page_unwant(page, &unmapped);
	}
	unmapped_finish(text, &unmapped);
	edits_settle(text, edits, nr);
	text_unfollow(text, nr);
}

void shk_text_revert(struct shk_text *text, struct shk_edit *edit)
{
	shk_text_revert_many(text, &edit, 1);
}

/*
 * Removes one pin from each page of [from, to). Where a page has no edit and no other pin, the
 * base's page is mapped, and the private one moves to @unmapped; the caller flushes and frees that.
 * @from is the start of a page. text_mutex is held.
 */
static void text_unpin(struct shk_text *text, unsigned long from, unsigned long to,
		       struct unmapped *unmapped)
{
	for (; from < to; from += PAGE_SIZE) {
		struct shk_page *page = shk_page_find(text, from);

		if (WARN_ON_ONCE(!page || !page->pins))
			continue;
		page->pins--;
		page_unwant(page, unmapped);
	}
}

int shk_text_pin(struct shk_text *text, unsigned long from, unsigned long to)
{
	struct wanted wanted = { .from = from, .to = to };
	struct edit_change change;
	struct shk_page *page;
	unsigned long addr;
	int ret;

	if (WARN_ON_ONCE(from >= to))
		return -EINVAL;
	ret = edit_change_begin(text, &wanted, &change);
	if (ret)
		return ret;
	from &= PAGE_MASK;
	for (addr = from; addr < to; addr += PAGE_SIZE) {
		page = shk_page_find(text, addr);
		if (!page)
			page = page_map_private(text, &change.prepared, &change.unmapped);
		if (IS_ERR(page))
			goto edit_change_cancel;
		page_want(page);
		page->pins++;
	}
	/* The pages have the base's bytes, so one flush after all of them is enough. */
	shk_text_flush(text);
	edit_change_commit(text, &change);
	shk_huge_settle(text, from, to);
	return 0;
edit_change_cancel:
	text_unpin(text, from, addr, &change.unmapped);
	edit_change_cancel(text, &change);
	return PTR_ERR(page);
}

void shk_text_unpin(struct shk_text *text, unsigned long from, unsigned long to)
{
	struct unmapped unmapped;

	unmapped_init(&unmapped);
	mutex_lock(shk_symbols.text_mutex);
	text_unpin(text, from & PAGE_MASK, to, &unmapped);
	unmapped_finish(text, &unmapped);
	shk_huge_settle(text, from, to);
	text_unfollow(text, 1);
}
