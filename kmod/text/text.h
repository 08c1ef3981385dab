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
 * Memory of one private page. Neither this mapping nor the one of the direct
 * map is writable: W^X holds for private text as it does for the base.
 */
struct shk_copy {
	const u8 *bytes; /* NULL: none */
	struct shk_chunk *chunk;
};

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
	 * Optional, the owner's: bytes for which no breakpoint can stand while
	 * they change come and go with their page, of which this is the other.
	 */
	struct shk_copy spare;
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
	unsigned int nr_ranges; /* diverged */
	unsigned int nr_huge;	/* of those, private as a whole */
	bool built;
	/*
	 * Some mm may be grafted to it, so changes need flushes and breakpoints.
	 * Set by whoever serialises grafts and edits, see shadow.h.
	 */
	bool live;
};

struct shk_page {
	struct shk_copy copy;
	unsigned long addr;
	struct shk_text *text;
	struct list_head edits;
	unsigned int pins;	   /* who wants it private, edited or not */
	struct list_head node;	   /* on its way in or out: see text.c */
	struct hlist_node by_addr; /* all texts' copies of one base page */
};

/* ---- text.c ---- */

void shk_text_setup(struct shk_text *text);
/* Make the tables; nothing if they exist. Text_mutex not held. */
int shk_text_build(struct shk_text *text);
/* Not live, no edits. Text_mutex not held. */
void shk_text_destroy(struct shk_text *text);
/* Bytes of tables and private pages. */
u64 shk_text_memory(const struct shk_text *text);

/* @edit is to be a call or jump (@opcode) at @addr to @target. */
void shk_edit_branch(struct shk_edit *edit, unsigned long addr, u8 opcode, unsigned long target);

/*
 * Put @edit into @text, making the page private if need be. At return every
 * CPU that runs @text executes it. Text_mutex not held. -ENOMEM, -EIO, -EADDRINUSE
 * (another edit has one of the bytes).
 */
int shk_text_apply(struct shk_text *text, struct shk_edit *edit);
/* Take it out; the base's bytes of today are back. Text_mutex not held. */
void shk_text_revert(struct shk_text *text, struct shk_edit *edit);

/*
 * Let an applied edit have other @bytes, as many as it had. Who comes by in the
 * midst of it continues at @resume. Text_mutex not held.
 */
void shk_text_change(struct shk_text *text, struct shk_edit *edit, const u8 *bytes,
		     unsigned long resume);

/*
 * Make all pages of [from, to) private and keep them so until the same range is
 * unpinned. They hold no edit for that, and go on following the base.
 * Text_mutex not held. -ENOMEM, -EIO.
 */
int shk_text_pin(struct shk_text *text, unsigned long from, unsigned long to);
void shk_text_unpin(struct shk_text *text, unsigned long from, unsigned long to);

/* Every CPU forgets what @text mapped, if any runs it. */
static inline void shk_text_flush(const struct shk_text *text)
{
	if (text->live)
		shk_mmu->flush_all();
}
/* A body whose pages are pinned, in edits one behind the other. */
struct shk_replacement {
	struct shk_edit *edits; /* the first begins where the body is entered */
	unsigned int nr;
	unsigned long resume; /* where it goes on who enters meanwhile */
	u8 head;	      /* replace.c's: the first byte */
};

/*
 * Put the edits of all @bodies into @text, or take them out. While nobody can
 * enter one any more @check_clear is asked, with text_mutex held: all is as it was if it
 * does not return 0. Errors of @check_clear, -EADDRINUSE.
 */
int shk_text_replace(struct shk_text *text, struct shk_replacement *bodies, unsigned int nr,
		     bool in, int (*check_clear)(void *arg), void *arg);

/* Has the text an edit in these bytes? */
bool shk_text_edited(struct shk_text *text, unsigned long addr, size_t len);

/* Map @range, in which no page is private, as the base does. Text_mutex not held. */
void shk_text_merge(struct shk_text *text, unsigned int range);

/* ---- huge.c: with what serialises a text's edits, text_mutex not held ---- */

/*
 * What is wanted of the ranges of [from, to) has changed: map each as suits it.
 */
void shk_huge_settle(struct shk_text *text, unsigned long from, unsigned long to);
/* Let the range of @addr be mapped by 4 KB pages, if it is not. -ENOMEM. */
int shk_huge_split(struct shk_text *text, unsigned long addr);

/* ---- pages.c ---- */

void shk_text_exit(void);

/* The private page at @addr, or NULL. */
struct shk_page *shk_page_find(struct shk_text *text, unsigned long addr);
/* Is there an edit in it, or somebody who wants it private? Not if NULL. */
bool shk_page_wanted(const struct shk_page *page);
/* A page for @addr, and a place for it in the text, at the end of @pages. -ENOMEM. */
int shk_page_alloc(struct shk_text *text, unsigned long addr, struct list_head *pages);
/* Memory for those of @pages that have none, with what the base says. -ENOMEM. */
int shk_pages_fill(struct list_head *pages);
/* Likewise one block for all pages of a range. */
int shk_pages_fill_block(struct list_head *pages);
void shk_pages_free(struct list_head *pages);
/* The same, and the places in [from, to) that none has come to. */
void shk_pages_cancel(struct shk_text *text, struct list_head *pages, unsigned long from,
		      unsigned long to);
/* Into the text's pages, and out. Text_mutex held. */
void shk_page_insert(struct shk_page *page);
void shk_page_erase(struct shk_page *page);
/* Let it say what @bytes say, a page that may have changed since it was copied. */
void shk_page_refresh(struct shk_page *page, const u8 *bytes);

/* All texts' copies of the base page at @addr. */
#define shk_for_each_copy(page, addr)                                 \
	hlist_for_each_entry (page, shk_copies_bucket(addr), by_addr) \
		if ((page)->addr == ((addr)&PAGE_MASK))

struct hlist_head *shk_copies_bucket(unsigned long addr);

/* ---- copy.c ---- */

/*
 * Memory of @nr private pages, allocated together: to make it read-only costs
 * every CPU a flush. Written by shk_chunk_fill(), then sealed. Text_mutex not
 * held.
 */
struct shk_chunk *shk_chunk_alloc(unsigned int nr);
/*
 * Memory of all pages of a range in one piece, as a page of 2 MB has to be.
 * NULL, too, where no such piece is free.
 */
struct shk_chunk *shk_block_alloc(void);
bool shk_in_block(const struct shk_copy *copy);
/* The next copy of it: what the base has in the page at @addr now. */
struct shk_copy shk_chunk_fill(struct shk_chunk *chunk, unsigned long addr);
int shk_chunk_seal(struct shk_chunk *chunk);
/* Each copy holds its chunk, and so does who allocated it. */
void shk_chunk_put(struct shk_chunk *chunk);
/* Text_mutex not held. */
void shk_copy_free(struct shk_copy *copy);
/* One alone, of the page at @addr. -ENOMEM. */
int shk_copy_alloc(struct shk_copy *copy, unsigned long addr);

/* ---- diff.c ---- */

/* Bytes of one edit, or bytes that differ from the base's for no reason: @stray. */
struct shk_difference {
	unsigned long addr;
	u8 len;
	bool stray;
	u8 base[SHK_EDIT_MAX];
	u8 bytes[SHK_EDIT_MAX];
};

/* The first one that does not end before @from. Text_mutex not held. */
bool shk_text_next_difference(struct shk_text *text, unsigned long from,
			      struct shk_difference *difference);
/*
 * The base's and the text's own bytes from @addr on, up to @len, not beyond the
 * page. Returns how many, 0 if there is no text. Text_mutex not held.
 */
size_t shk_text_read(struct shk_text *text, unsigned long addr, size_t len, u8 *base, u8 *bytes);

/* ---- poke.c ---- */

/*
 * Replace bytes of a private page under the feet of CPUs that execute them:
 * breakpoint, tail, head, as text_poke_bp() does. Who meets the breakpoint
 * continues at @resume; 0: one of the kernel's own stands there, and its handler goes on.
 */
void shk_poke(struct shk_page *page, unsigned long addr, const u8 *bytes, u8 len,
	      unsigned long resume);
/*
 * Replace bytes of a private page by another page, *@spare, which becomes the
 * one that was. A CPU executes either the old instruction or the new one. -EIO.
 */
int shk_poke_page(struct shk_page *page, unsigned long addr, const u8 *bytes, u8 len,
		  struct shk_copy *spare);
/* Breakpoints stand in @text where these bodies are entered; and they do no more. */
void shk_poke_guard(const struct shk_text *text, const struct shk_replacement *bodies,
		    unsigned int nr);
void shk_poke_unguard(void);
/* Every CPU has seen what was written, and is in no breakpoint's handler. */
void shk_poke_sync(void);
/*
 * Where to go on from a breakpoint that one of these put into @text at @addr; 0: it is
 * somebody else's. Interrupts are off.
 */
unsigned long shk_poke_resume(const struct shk_text *text, unsigned long addr);

static inline const u8 *shk_page_bytes(const struct shk_page *page, unsigned long addr)
{
	return page->copy.bytes + offset_in_page(addr);
}

/* Write bytes of the page, by the kernel's own means for read-only text. Text_mutex held. */
void shk_page_write(struct shk_page *page, unsigned long addr, const void *bytes, size_t len);

/* ---- sync.c ---- */

int shk_sync_start(void);
void shk_sync_stop(void);
void shk_sync_exit(void);
/*
 * The base has a jump of several instructions' length at @addr, and @edit is to
 * stand on one of those: @page gets a breakpoint and the original @tail.
 */
void shk_sync_hold(struct shk_edit *edit, unsigned long addr, const u8 *tail, u8 len);
/* The edit goes: let the page have what was held back for its sake. */
void shk_sync_release(struct shk_page *page, struct shk_edit *edit);

#endif /* SHK_TEXT_H */
