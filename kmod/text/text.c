// SPDX-License-Identifier: GPL-2.0-only
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "text/text.h"

/* All private pages, by the base page they stand for. Under text_mutex. */
static DEFINE_HASHTABLE(copies, 12);

struct hlist_head *shk_copies_bucket(unsigned long addr)
{
	return &copies[hash_min(PFN_DOWN(addr), HASH_BITS(copies))];
}

static bool has_copies(unsigned long addr)
{
	struct shk_page *page;

	shk_for_each_copy(page, addr) return true;
	return false;
}

void shk_text_exit(void)
{
	WARN_ON_ONCE(!hash_empty(copies));
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
	ret = shk_mmu->create(&text->tables);
	if (!ret)
		text->built = true;
	return ret;
}

void shk_text_destroy(struct shk_text *text)
{
	WARN_ON_ONCE(text->live || !xa_empty(&text->pages));
	if (text->built)
		shk_mmu->destroy(&text->tables);
	text->built = false;
}

u64 shk_text_memory(const struct shk_text *text)
{
	unsigned int pages = text->nr_pages + text->nr_ranges;

	if (text->built)
		pages += 2 + !!text->tables.p4d + (text->tables.modules ? 2 : 0);
	return (u64)pages * PAGE_SIZE;
}

static struct shk_page *find_page(struct shk_text *text, unsigned long addr)
{
	return xa_load(&text->pages, PFN_DOWN(addr));
}

/* Private pages of a range are counted at its PTE page. */
static unsigned long *nr_in_range(struct shk_text *text, unsigned int range)
{
	return &page_private(shk_mmu->pte(&text->tables, range));
}

static void page_free(struct shk_page *page)
{
	/* The direct map's entry was split before: nothing to allocate, no failure. */
	WARN_ON_ONCE(shk_call(set_memory_rw)((unsigned long)page->bytes, 1));
	vfree(page->bytes);
	kfree(page);
}

static struct shk_page *page_alloc(void)
{
	struct shk_page *page = kzalloc(sizeof(*page), GFP_KERNEL_ACCOUNT);

	if (!page)
		return NULL;
	page->bytes = __vmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!page->bytes)
		goto free;
	/* The direct map's alias, too: cpa_process_alias(). */
	if (shk_call(set_memory_ro)((unsigned long)page->bytes, 1))
		goto vfree;
	return page;
vfree:
	vfree(page->bytes);
free:
	kfree(page);
	return NULL;
}

/* What a page costs, allocated before text_mutex is taken. */
struct prepared {
	struct shk_page *page;
	struct page *pte;
};

static void prepared_free(struct shk_text *text, unsigned long addr, struct prepared *prepared)
{
	xa_release(&text->pages, PFN_DOWN(addr));
	if (prepared->page)
		page_free(prepared->page);
	if (prepared->pte)
		__free_page(prepared->pte);
}

static int prepared_alloc(struct shk_text *text, unsigned long addr, struct prepared *prepared)
{
	int ret;

	*prepared = (struct prepared){};
	if (find_page(text, addr))
		return 0;
	ret = shk_mmu->prepare(&text->tables, addr);
	if (ret)
		return ret;
	if (xa_reserve(&text->pages, PFN_DOWN(addr), GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	prepared->page = page_alloc();
	prepared->pte = alloc_page(GFP_KERNEL_ACCOUNT);
	if (prepared->page && prepared->pte)
		return 0;
	prepared_free(text, addr, prepared);
	return -ENOMEM;
}

static struct shk_page *privatise(struct shk_text *text, unsigned long addr,
				  struct prepared *prepared)
{
	unsigned int range = shk_range_of(addr);
	struct shk_page *page = prepared->page;

	prepared->page = NULL;
	page->addr = addr & PAGE_MASK;
	page->text = text;
	INIT_LIST_HEAD(&page->edits);
	shk_page_write(page, page->addr, shk_base_bytes(page->addr), PAGE_SIZE);

	if (!shk_mmu->pte(&text->tables, range)) {
		set_page_private(prepared->pte, 0);
		shk_mmu->split(&text->tables, range, prepared->pte);
		prepared->pte = NULL;
		text->nr_ranges++;
		if (shk_is_kernel_text(addr))
			shk_range_get(range);
	}
	if (!shk_is_kernel_text(addr) && !has_copies(addr))
		shk_page_get(addr);
	shk_mmu->map(&text->tables, page->addr, vmalloc_to_page(page->bytes));
	if (text->live)
		shk_flush_all();

	xa_store(&text->pages, PFN_DOWN(addr), page, 0); /* it was reserved */
	hlist_add_head(&page->by_addr, shk_copies_bucket(page->addr));
	*nr_in_range(text, range) += 1;
	text->nr_pages++;
	return page;
}

/* @page is in no table any more; the caller frees it. */
static void unprivatise(struct shk_page *page)
{
	struct shk_text *text = page->text;
	unsigned int range = shk_range_of(page->addr);
	struct page *table = NULL;

	xa_erase(&text->pages, PFN_DOWN(page->addr));
	hlist_del(&page->by_addr);
	text->nr_pages--;

	shk_mmu->map(&text->tables, page->addr, NULL);
	if (!--*nr_in_range(text, range)) {
		table = shk_mmu->merge(&text->tables, range);
		text->nr_ranges--;
	}
	if (text->live)
		shk_flush_all();
	if (table) {
		if (shk_is_kernel_text(page->addr))
			shk_range_put(range);
		__free_page(table);
	}
	if (!shk_is_kernel_text(page->addr) && !has_copies(page->addr))
		shk_page_put(page->addr);
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
		struct shk_page *page = find_page(text, addr);
		struct shk_edit *edit;

		if (!page)
			continue;
		list_for_each_entry (edit, &page->edits, node)
			if (edit->addr < end && addr < edit->addr + edit->len)
				return true;
	}
	return false;
}

/* What a CPU does that meets the breakpoint of an edit that comes or goes. */
static unsigned long resume_of(const struct shk_edit *edit)
{
	u8 op = edit->bytes[0];
	s32 rel;

	if (edit->len == CALL_INSN_SIZE && op == CALL_INSN_OPCODE)
		return edit->addr + CALL_INSN_SIZE; /* as if not armed */
	if (op == JMP32_INSN_OPCODE) {
		memcpy(&rel, edit->bytes + 1, sizeof(rel));
		return edit->addr + JMP32_INSN_SIZE + rel;
	}
	return edit->addr;
}

int shk_text_apply(struct shk_text *text, struct shk_edit *edit)
{
	bool was_built = text->built;
	struct prepared prepared;
	struct shk_page *page;
	struct shk_edit *other;
	int ret;

	if (WARN_ON_ONCE(!edit->len || edit->len > SHK_EDIT_MAX ||
			 offset_in_page(edit->addr) + edit->len > PAGE_SIZE))
		return -EINVAL;
	ret = shk_text_build(text);
	if (ret)
		return ret;
	ret = prepared_alloc(text, edit->addr, &prepared);
	if (ret)
		goto destroy;
	ret = shk_sync_start();
	if (ret)
		goto free;

	mutex_lock(shk_symbols.text_mutex);
	page = find_page(text, edit->addr);
	if (page) {
		list_for_each_entry (other, &page->edits, node) {
			if (overlaps(edit, other)) {
				mutex_unlock(shk_symbols.text_mutex);
				ret = -EADDRINUSE;
				goto stop;
			}
		}
	} else {
		page = privatise(text, edit->addr, &prepared);
	}
	edit->page = page;
	edit->held_len = 0;
	memcpy(edit->base, shk_base_bytes(edit->addr), edit->len);
	if (edit->prepare)
		edit->prepare(edit);
	list_add(&edit->node, &page->edits);
	if (edit->changed)
		edit->changed(edit);
	shk_poke(page, edit->addr, edit->bytes, edit->len, resume_of(edit));
	mutex_unlock(shk_symbols.text_mutex);

	prepared_free(text, edit->addr, &prepared);
	return 0;
stop:
	shk_sync_stop();
free:
	prepared_free(text, edit->addr, &prepared);
destroy:
	/* Nobody has been grafted to what was just built. */
	if (!was_built)
		shk_text_destroy(text);
	return ret;
}

void shk_text_revert(struct shk_text *text, struct shk_edit *edit)
{
	struct shk_page *page = edit->page;
	bool last;

	mutex_lock(shk_symbols.text_mutex);
	shk_poke(page, edit->addr, edit->base, edit->len, resume_of(edit));
	list_del(&edit->node);
	edit->page = NULL;
	last = list_empty(&page->edits);
	if (last)
		unprivatise(page);
	else
		shk_sync_release(page, edit);
	mutex_unlock(shk_symbols.text_mutex);
	if (last)
		page_free(page);
	shk_sync_stop();
}
