/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A text: what executes instead of the base's text in whoever is grafted to
 * it. It has tables, private pages where it was edited, and edits in those.
 *
 *   private page = the base's bytes of this moment, except those under an edit
 *
 * sync.c keeps that true while the kernel patches itself.
 *
 * Locking: text_mutex (linux/memory.h), which everybody holds who patches the
 * kernel's text, protects the tables, the set of private pages, their edits and
 * their bytes. It is the innermost sleeping lock here. What is called without
 * it says so.
 */
#ifndef SHK_TEXT_H
#define SHK_TEXT_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "mmu/mmu.h"

#define SHK_EDIT_MAX 16

/*
 * Bytes of a text that differ from the base. An edit lies in one page and does
 * not overlap another. Embed it; set the first three members, and the two functions.
 */
struct shk_edit {
	unsigned long addr;
	u8 len;
	u8 bytes[SHK_EDIT_MAX];

	u8 base[SHK_EDIT_MAX]; /* what the base has there now */
	/*
	 * Optional, text_mutex held: the page is there, the edit is not yet.
	 */
	void (*prepare)(struct shk_edit *edit);
	/*
	 * Optional: the base's instruction under the edit was replaced, and
	 * @base says by what. Called with text_mutex held, preemption off.
	 */
	void (*changed)(struct shk_edit *edit);
	struct shk_page *page;
	struct list_head node; /* shk_page.edits */
	/*
	 * The kernel replaced a stretch of instructions that reaches beyond
	 * this edit (an optimised kprobe). The page keeps the breakpoint with
	 * which such a replacement begins; see sync.c.
	 */
	unsigned long held;
	u8 held_len;
};

struct shk_text {
	struct shk_tables tables;
	struct xarray pages; /* struct shk_page, by page number */
	unsigned int nr_pages;
	unsigned int nr_ranges;
	bool built;
	/*
	 * Some mm may be grafted to it, so changes need flushes and breakpoints.
	 * Set by whoever serialises grafts and edits, see shadow.h.
	 */
	bool live;
};

struct shk_page {
	/*
	 * Its bytes. Neither this mapping nor the one of the direct map is
	 * writable: W^X holds for private text as it does for the base.
	 */
	const u8 *bytes;
	unsigned long addr;
	struct shk_text *text;
	struct list_head edits;
	struct hlist_node by_addr; /* all texts' copies of one base page */
};

/* ---- text.c ---- */

void shk_text_exit(void);

void shk_text_setup(struct shk_text *text);
/* Make the tables; nothing if they exist. Text_mutex not held. */
int shk_text_build(struct shk_text *text);
/* Not live, no edits. Text_mutex not held. */
void shk_text_destroy(struct shk_text *text);
/* Bytes of tables and private pages. */
u64 shk_text_memory(const struct shk_text *text);

/*
 * Put @edit into @text, making the page private if need be. At return every
 * CPU that runs @text executes it. Text_mutex not held. -ENOMEM, -EADDRINUSE
 * (another edit has one of the bytes).
 */
int shk_text_apply(struct shk_text *text, struct shk_edit *edit);
/* Take it out; the base's bytes of today are back. Text_mutex not held. */
void shk_text_revert(struct shk_text *text, struct shk_edit *edit);

/* Has the text an edit in these bytes? */
bool shk_text_edited(struct shk_text *text, unsigned long addr, size_t len);

/* All texts' copies of the base page at @addr. */
#define shk_for_each_copy(page, addr)                                 \
	hlist_for_each_entry (page, shk_copies_bucket(addr), by_addr) \
		if ((page)->addr == ((addr)&PAGE_MASK))

struct hlist_head *shk_copies_bucket(unsigned long addr);

/* ---- poke.c ---- */

/*
 * Replace bytes of a private page under the feet of CPUs that execute them:
 * breakpoint, tail, head, as text_poke_bp() does. Who meets the breakpoint
 * continues at @resume.
 */
void shk_poke(struct shk_page *page, unsigned long addr, const u8 *bytes, u8 len,
	      unsigned long resume);
/* Where to go on from a breakpoint that shk_poke() put at @addr; 0: not ours. */
unsigned long shk_poke_resume(unsigned long addr);

static inline const u8 *shk_page_bytes(const struct shk_page *page, unsigned long addr)
{
	return page->bytes + offset_in_page(addr);
}

/* Write bytes of the page, by the kernel's own means for read-only text. Text_mutex held. */
void shk_page_write(struct shk_page *page, unsigned long addr, const void *bytes, size_t len);

/* ---- sync.c ---- */

int shk_sync_start(void);
void shk_sync_stop(void);
/*
 * The base has a jump of several instructions' length at @addr, and @edit is to
 * stand on one of those: @page gets a breakpoint and the original @tail.
 */
void shk_sync_hold(struct shk_edit *edit, unsigned long addr, const u8 *tail, u8 len);
/* The edit goes: let the page have what was held back for its sake. */
void shk_sync_release(struct shk_page *page, struct shk_edit *edit);

#endif /* SHK_TEXT_H */
