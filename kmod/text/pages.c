// SPDX-License-Identifier: GPL-2.0-only
/* Private pages: their memory, and the sets that they are in. */
#include <linux/hashtable.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "text/text.h"

/*
 * The number of pages whose memory is allocated together. The memory is freed with the last of
 * them.
 */
#define CHUNK 64U

/* Private pages of all texts, by the address of the base page. Under text_mutex. */
static DEFINE_HASHTABLE(copies, 12);

struct hlist_head *shk_copies_bucket(unsigned long addr)
{
	return &copies[hash_min(PFN_DOWN(addr), HASH_BITS(copies))];
}

void shk_text_exit(void)
{
	WARN_ON_ONCE(!hash_empty(copies));
	shk_sync_exit();
}

struct shk_page *shk_page_find(struct shk_text *text, unsigned long addr)
{
	return xa_load(&text->pages, PFN_DOWN(addr));
}

void shk_page_insert(struct shk_page *page)
{
	struct shk_text *text = page->text;

	lockdep_assert_held(shk_symbols.text_mutex);
	xa_store(&text->pages, PFN_DOWN(page->addr), page,
		 0); /* needs no memory: the entry is reserved */
	hlist_add_head(&page->by_addr, shk_copies_bucket(page->addr));
	text->nr_pages++;
}

void shk_page_erase(struct shk_page *page)
{
	struct shk_text *text = page->text;

	lockdep_assert_held(shk_symbols.text_mutex);
	xa_erase(&text->pages, PFN_DOWN(page->addr));
	hlist_del(&page->by_addr);
	text->nr_pages--;
}

int shk_page_alloc(struct shk_text *text, unsigned long addr, struct list_head *pages)
{
	struct shk_page *page;

	if (xa_reserve(&text->pages, PFN_DOWN(addr), GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	page = kzalloc(sizeof(*page), GFP_KERNEL_ACCOUNT);
	if (!page) {
		xa_release(&text->pages, PFN_DOWN(addr));
		return -ENOMEM;
	}
	page->addr = addr;
	page->text = text;
	INIT_LIST_HEAD(&page->edits);
	list_add_tail(&page->node, pages);
	return 0;
}

/*
 * Fills the memory of @nr pages of a list, beginning with @page, from @chunk. Then makes the chunk
 * read-only (shk_chunk_seal()), and drops the caller's reference to it. Sleeps. Returns 0; -ENOMEM:
 * the pages have memory, which the caller does not map and frees by shk_pages_cancel().
 */
static int pages_fill_from_chunk(struct shk_page *page, struct shk_chunk *chunk, unsigned int nr)
{
	int ret;

	for (; nr; nr--) {
		page->copy = shk_chunk_fill(chunk, page->addr);
		page = list_next_entry(page, node);
	}
	ret = shk_chunk_seal(chunk);
	shk_chunk_put(chunk);
	return ret;
}

int shk_pages_fill(struct list_head *pages)
{
	struct shk_page *page;
	unsigned int nr = 0;
	int ret;

	list_for_each_entry (page, pages, node)
		nr++;
	list_for_each_entry (page, pages, node) {
		struct shk_chunk *chunk;

		if (page->copy.bytes)
			continue;
		chunk = shk_chunk_alloc(min(nr, CHUNK));
		if (!chunk)
			return -ENOMEM;
		ret = pages_fill_from_chunk(page, chunk, min(nr, CHUNK));
		if (ret)
			return ret;
		nr -= min(nr, CHUNK);
		cond_resched();
	}
	return 0;
}

int shk_pages_fill_block(struct list_head *pages)
{
	struct shk_chunk *block = shk_block_alloc();

	if (!block)
		return -ENOMEM;
	return pages_fill_from_chunk(list_first_entry(pages, struct shk_page, node), block,
				     PTRS_PER_PTE);
}

void shk_pages_free(struct list_head *pages)
{
	struct shk_page *page, *next;

	list_for_each_entry_safe (page, next, pages, node) {
		shk_copy_free(&page->copy);
		kfree(page);
	}
}

void shk_pages_cancel(struct shk_text *text, struct list_head *pages)
{
	struct shk_page *page;

	list_for_each_entry (page, pages, node)
		xa_release(&text->pages, PFN_DOWN(page->addr));
	shk_pages_free(pages);
}

bool shk_page_wanted(const struct shk_page *page)
{
	return page && (page->pins || !list_empty(&page->edits));
}

void shk_page_refresh(struct shk_page *page, const u8 *bytes)
{
	unsigned int i;

	if (!memcmp(page->copy.bytes, bytes, PAGE_SIZE))
		return;
	for (i = 0; i < PAGE_SIZE; i += SHK_EDIT_MAX)
		if (memcmp(page->copy.bytes + i, bytes + i, SHK_EDIT_MAX))
			shk_page_write(page, page->addr + i, bytes + i, SHK_EDIT_MAX);
}
