/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A text: the kernel text that a CPU executes while it runs an mm that is grafted to a shadow. It
 * has page tables (mmu/mmu.h), private pages, and edits in those pages.
 *
 *   base          the kernel text that was booted. Every text maps the base's pages, except where
 *                 it has private pages.
 *   private page  a text's own copy of a base page. It has the bytes that the base has now, except
 *                 the bytes under an edit.
 *   grafted       an mm whose page tables lead to the tables of a text is grafted to that text.
 *   2 MB range    text that one PMD entry maps: by a page of 2 MB, or by a PTE page. Parameters
 *                 @range are numbers of shk_range_of().
 *
 *   file       purpose
 *   text.c     maps private pages, and the base's pages again; applies and reverts edits
 *   pages.c    struct shk_page, and the sets that it is in
 *   copy.c     memory of private pages, which is never writable by its own mapping
 *   poke.c     bytes of a private page change while CPUs execute them
 *   sync.c     private pages follow the base while the kernel patches itself
 *   replace.c  whole bodies of functions change
 *   huge.c     ranges are mapped by private pages of 2 MB
 *   diff.c     compares a text with the base
 *
 * Locks, outermost first. "The owner" of a text is the struct shk_shadow that embeds it.
 *
 *   the owner's lock   shk_shadow.lock: serialises the calls that change one text.
 *   text_mutex         the kernel's (linux/memory.h), held by all code that patches kernel text:
 *                      protects tables, the set of private pages, their edits and their bytes.
 *
 * A function that "takes text_mutex" may sleep, and its caller does not hold that mutex.
 *
 * Names in capitals, such as XEN, are errors of compat/reason.h, returned as negative values.
 */
#ifndef SHK_TEXT_H
#define SHK_TEXT_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "mmu/mmu.h"

/* Longest edit, in bytes. */
#define SHK_EDIT_MAX 16

/*
 * Memory of one private page. After shk_chunk_seal() neither its own mapping nor the direct map is
 * writable: W^X holds for private text as it does for the base.
 */
struct shk_copy {
	const u8 *bytes;	 /* PAGE_SIZE bytes; NULL: no memory */
	struct shk_chunk *chunk; /* the allocation that contains @bytes; holds a reference */
};

/*
 * Bytes of a text that differ from the base. An edit lies within one page and overlaps no other
 * edit of its text. Its user embeds it, zeroed, and sets @addr, @len, @bytes and, if needed,
 * @spare, @prepare and @changed before shk_text_apply(). text/ writes the other members.
 */
struct shk_edit {
	unsigned long addr;	/* of the first byte; fixed while applied */
	u8 len;			/* 1 to SHK_EDIT_MAX; fixed while applied */
	u8 bytes[SHK_EDIT_MAX]; /* bytes of the text; written under text_mutex while applied */

	/*
	 * Bytes of the base, which sync.c keeps up to date while the edit is applied. Written under
	 * text_mutex; the int3 hook reads the first byte without it.
	 */
	u8 base[SHK_EDIT_MAX];
	/*
	 * Memory for a second copy of the page. Applying or reverting the edit maps the spare copy
	 * instead of the current one, which then becomes the spare. Needed if the text is live.
	 * Edits of one byte, calls and jumps of 5 bytes, and jumps of 2 bytes need none: they
	 * change by way of an int3.
	 *
	 * The user of the edit allocates it by shk_copy_alloc() before shk_text_apply(), and frees
	 * it by shk_copy_free() after shk_text_revert(). For an edit with a spare, shk_text_apply()
	 * splits a range that has a page of 2 MB (shk_huge_split()). While the edit is applied,
	 * shk_huge_settle() keeps the range split.
	 */
	struct shk_copy spare;
	/*
	 * Optional. Prepares the page for the edit. shk_text_apply() calls it once, with text_mutex
	 * held, before the edit's bytes are written. The page is private, and @page and @base are
	 * set; the edit is not on the page's list yet. An edit that may be within the jump of an
	 * optimised kprobe calls shk_sync_hold() here, which keeps the jump out of the page.
	 */
	void (*prepare)(struct shk_edit *edit);
	/*
	 * Optional. Tells the user of the edit that the base's byte at @addr is @base[0]. The
	 * callback may change @bytes and write the same to @page by shk_page_write(). It is called
	 * under text_mutex, possibly with preemption off, so it does not sleep:
	 * - by shk_text_apply(), before the edit's bytes are written;
	 * - while the edit is applied, each time before the kernel writes the base's byte at @addr.
	 *   @base[0] is the new byte already.
	 *
	 * @base[0] is int3 if the base has a kprobe's breakpoint at @addr. It is also int3 until
	 * the last step of a patch that the kernel makes in several steps.
	 */
	void (*changed)(struct shk_edit *edit);
	struct shk_page *page; /* while applied, else NULL. Under text_mutex */
	struct list_head node; /* shk_page.edits. Under text_mutex */
	/*
	 * [@held, @held + @held_len) is the jump of an optimised kprobe. In the base it has
	 * overwritten several instructions. This edit covers some bytes of that range. sync.c keeps
	 * the jump out of the page: bytes of the range that no edit covers are the kprobe's int3
	 * and the old instruction bytes.
	 *
	 * @held_len is 0 if there is no such jump. Written by sync.c under text_mutex: by
	 * shk_sync_hold() if the jump was there first, or when the kernel makes or takes back a
	 * jump while the edit is applied.
	 */
	unsigned long held;
	u8 held_len;
	/*
	 * The bytes that the page would have without this edit; valid if @held_len is not 0.
	 * shk_text_revert() then writes these @len bytes at @addr instead of @base, since @base has
	 * bytes of the jump. Bytes within the jump are the kprobe's int3 and old instruction bytes;
	 * the others are the base's. Written by sync.c with @held, under text_mutex.
	 */
	u8 under[SHK_EDIT_MAX];
};

/* A text of a shadow. Zeroed and set up by shk_text_setup(). */
struct shk_text {
	struct shk_tables tables; /* valid while @built */
	/*
	 * The private pages: struct shk_page, by the page frame number of its address. Entries are
	 * reserved under the owner's lock, and stored and erased under that lock and text_mutex. So
	 * a page that a caller has found stays while the caller holds either lock.
	 */
	struct xarray pages;
	/*
	 * Counters of @tables and @pages. Written under text_mutex; shk_text_memory() reads
	 * @nr_pages and @nr_ranges without a lock.
	 */
	unsigned int nr_pages;	/* private pages of 4 KB; one of 2 MB counts as 512 */
	unsigned int nr_ranges; /* 2 MB ranges for which the text has a PTE page of its own */
	/*
	 * 2 MB ranges that one private page of 2 MB maps. The text keeps the PTE page of such a
	 * range, for the change back to pages of 4 KB. So @nr_ranges counts the range, too.
	 */
	unsigned int nr_huge;
	/*
	 * Number of edits, and of ranges that shk_text_pin() keeps private. While it is not 0, the
	 * hook of sync.c is registered, which copies the kernel's patches to private pages. Under
	 * the owner's lock.
	 */
	unsigned int nr_followed;
	bool built; /* @tables exist. Under the owner's lock */
	/*
	 * A CPU may execute the text, because an mm is grafted to it or it has a carrier mm.
	 * Changes of a live text need int3 steps and TLB flushes. shk_shadow_update_live() writes
	 * this member under the owner's lock, before each change of the text.
	 *
	 * A text that is not live gets its first mm only under the owner's lock, so false is
	 * reliable while that is held. True may be out of date: the last mm may leave at any time.
	 */
	bool live;
};

/* One private page of one text. */
struct shk_page {
	struct shk_copy copy;	/* its memory. Under text_mutex once it is inserted */
	unsigned long addr;	/* start of the base page that it is a copy of; never changes */
	struct shk_text *text;	/* never changes */
	struct list_head edits; /* struct shk_edit, in no order. Under text_mutex */
	unsigned int pins;	/* calls of shk_text_pin() that include it. Under text_mutex */
	bool fresh;		/* pinned by text.c while edits are added. Under text_mutex */
	/*
	 * Entry in a list of pages that were allocated, or are to be freed. In no list while the
	 * text has the page (from shk_page_insert() to shk_page_erase()).
	 */
	struct list_head node;
	struct hlist_node by_addr; /* in shk_copies_bucket(@addr). Under text_mutex */
};

/* ---- text.c ---- */

/* Initialises @text, which the caller has zeroed. Needs no lock: no other task knows @text yet. */
void shk_text_setup(struct shk_text *text);
/*
 * Makes the tables of @text, which map the base's pages. Does nothing if they exist. Called with
 * the owner's lock held, and without text_mutex. Takes the mutex of the ftrace hook in
 * mmu/tables.c, and small_pages_lock; may sleep. Returns 0 or
 *   -ENOMEM          out of memory
 *   XEN              Xen refused a change of page tables
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped
 *   others           errors of register_ftrace_function()
 */
int shk_text_build(struct shk_text *text);
/*
 * Frees the tables of @text, if they exist. The caller ensures that @text is not live: the page
 * tables of no process and of no carrier mm lead to these tables. It also ensures that @text has no
 * private pages, and that no CPU walks the tables.
 *
 * If an mm was ever grafted to these tables, the caller calls synchronize_rcu() after the last such
 * mm has left, and before this function. An int3 handler may read the tables until that returns.
 *
 * Called with the owner's lock held, and without text_mutex. Takes the mutex of the ftrace hook in
 * mmu/tables.c, and small_pages_lock; may sleep.
 */
void shk_text_destroy(struct shk_text *text);
/*
 * Returns the number of bytes that the tables and private pages of @text occupy. Needs no lock; if
 * @text changes meanwhile, the result may be that of any moment of the change.
 */
u64 shk_text_memory(const struct shk_text *text);

/*
 * Sets the address, length and bytes of @edit, so that it becomes a call or jump of 5 bytes
 * (@opcode: CALL_INSN_OPCODE or JMP32_INSN_OPCODE) from @addr to @target. Applies nothing. The
 * caller ensures that @target is within 2 GB. Needs no lock.
 */
void shk_edit_branch(struct shk_edit *edit, unsigned long addr, u8 opcode, unsigned long target);

/*
 * Applies @edit to @text: makes the page of @edit->addr private, if it is not, and writes the
 * edit's bytes. At return every CPU that runs @text executes these bytes. Makes the text's tables
 * if there are none yet.
 *
 * If @text is live (an mm is grafted to it, or it has a carrier mm), CPUs may execute the bytes
 * while they change:
 * - an edit of one byte is written at once;
 * - a call or jump of 5 bytes, or a jump of 2, is written by way of an int3. A CPU that hits the
 *   int3 skips the call, or continues at the jump's target. So a call may only replace an
 *   instruction that CPUs may skip: a nop, or ftrace's call at a __fentry__ site;
 * - any other edit needs shk_edit.spare: memory for a second copy of the page.
 *
 * Called with the owner's lock held. Takes text_mutex and, before it, mutexes of ftrace hooks.
 * Returns 0, or an error after which the bytes of @text are unchanged:
 *   EDIT_THERE       another edit of @text has one of the bytes
 *   XEN              Xen refused a change of page tables
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped
 *   others           errors of register_ftrace_function()
 *   -ENOMEM          out of memory
 *   -EINVAL          with a warning: @edit is empty, longer than SHK_EDIT_MAX, crosses the end of
 *                    a page, or needs .spare and has none
 */
int shk_text_apply(struct shk_text *text, struct shk_edit *edit);
/*
 * Applies the @nr edits at @edits: makes their pages private, and writes the edits' bytes. At
 * return every CPU that runs @text executes these bytes (see shk_text_apply()). The caller has
 * sorted them by address; @nr is 1 at least, and none has a .spare unless @nr is 1. Pages become
 * private together, with one flush, and each step of writing the bytes is made for all edits at
 * once. An edit of which another edit has a byte is left out: its .page is NULL afterwards. The
 * owner's lock is held. Takes text_mutex and, before it, mutexes of ftrace hooks. Returns 0, or an
 * error, after which no edit is applied and the bytes of @text are unchanged:
 *   EDIT_THERE  all edits would have been left out
 *   others      errors of shk_text_apply()
 */
int shk_text_apply_many(struct shk_text *text, struct shk_edit **edits, unsigned int nr);
/*
 * Reverts @edit, which must be applied to @text. At return every CPU that runs @text executes the
 * base's bytes in the place of the edit's. Exception: if another edit still keeps the jump of an
 * optimised kprobe out of the page (shk_edit.held), every CPU executes @edit->under instead. While
 * a call or jump of 5 bytes is reverted, a CPU that hits the int3 continues behind the call or at
 * the jump's target.
 *
 * The base's page is mapped again, and the private page freed, unless another edit or a pin needs
 * the page. If the page is part of a page of 2 MB, it stays private until shk_huge_settle() splits
 * the page of 2 MB. Tasks may still be preempted in code that @edit branched to; waiting for them
 * is up to the caller.
 *
 * Called with the owner's lock held. Takes text_mutex and, once that is released, the mutex of an
 * ftrace hook. Cannot fail: if Xen refuses to map @edit->spare, the function warns and writes the
 * bytes in place.
 */
void shk_text_revert(struct shk_text *text, struct shk_edit *edit);
/*
 * Reverts the @nr edits at @edits. At return every CPU that runs @text executes the base's bytes in
 * their place (see shk_text_revert()). The caller has sorted them by address. @nr is 1 at least,
 * all edits must be applied to @text, and none has a .spare unless @nr is 1. Each step of writing
 * the bytes is made for all edits at once, and one flush follows. The owner's lock is held. Takes
 * text_mutex and, once that is released, the mutex of an ftrace hook. Cannot fail.
 */
void shk_text_revert_many(struct shk_text *text, struct shk_edit **edits, unsigned int nr);

/*
 * Replaces the bytes of @edit by the @edit->len bytes at @bytes. The edit must be applied to @text
 * and have no .spare. The bytes change by way of an int3 (shk_poke()). A CPU that hits the int3
 * continues at @resume. At return every CPU that runs @text executes the new bytes. Called with the
 * owner's lock held. Takes text_mutex. Sleeps. Cannot fail.
 */
void shk_text_change(struct shk_text *text, struct shk_edit *edit, const u8 *bytes,
		     unsigned long resume);

/*
 * Makes the pages of [from, to) private, and keeps them so until shk_text_unpin() of the same
 * range. Makes the text's tables if there are none yet. Calls of this function count: a page stays
 * private until shk_text_unpin() has ended all of them, and no edit is left in the page. Such a
 * page has the base's bytes, also after the kernel patches them; edits may be applied in it. All
 * pages are mapped first. One flush follows if @text is live: CPUs may execute it then.
 *
 * Called with the owner's lock held. Takes text_mutex and, before it, mutexes of ftrace hooks.
 * Returns 0, or an error after which the call has pinned no page:
 *   XEN              Xen refused a change of page tables
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped
 *   others           errors of register_ftrace_function()
 *   -ENOMEM          out of memory
 *   -EINVAL          with a warning: the range is empty
 */
int shk_text_pin(struct shk_text *text, unsigned long from, unsigned long to);
/*
 * Ends shk_text_pin() of the same range [from, to): each of its pages has one pin less. If a page
 * then has no pin and no edit, the base's page is mapped again, and the private page is freed after
 * a flush. A part of a page of 2 MB stays private until that is split: this function splits it, by
 * shk_huge_settle(), if it is no longer wanted. Called with the owner's lock held. Takes
 * text_mutex. After it has released that, the last user takes the locks of shk_sync_stop(). Cannot
 * fail.
 */
void shk_text_unpin(struct shk_text *text, unsigned long from, unsigned long to);

/*
 * Makes every CPU drop all its translations if @text is live: an mm is grafted to it, or it has a
 * carrier mm. Does nothing otherwise. Called with text_mutex held and interrupts on, since it waits
 * for IPIs.
 */
static inline void shk_text_flush(const struct shk_text *text)
{
	if (text->live)
		shk_mmu->flush_all();
}

/*
 * New bytes that are written over a function's body. The caller of shk_text_replace() has pinned
 * the body's pages (shk_text_pin()), and sets all members except @head.
 */
struct shk_replacement {
	struct shk_edit *edits; /* by address, without gaps; the first begins at the body's entry */
	unsigned int nr;	/* of @edits */
	/*
	 * Address of code elsewhere that has the same effect as the new body. A CPU that reaches
	 * the entry while the body is applied or reverted continues there.
	 */
	unsigned long resume;
	u8 head; /* replace.c writes it: the entry's first byte, which is written last */
};

/*
 * Applies (@in) or reverts (not @in) the edits of all @nr @bodies. If @text is live, CPUs may
 * execute it: int3s at all entries keep them out of the bodies meanwhile. Once every CPU has seen
 * those, @check_clear(@arg) is called with text_mutex held. If it returns 0, no task is in a body,
 * and the bytes change; if it returns an error, the bytes at the entries are restored. At return
 * every CPU that runs @text executes the result.
 *
 * @check_clear is called exactly once, also if @text is not live, unless EDIT_THERE is returned.
 * Members .prepare, .changed and .spare of the edits are not used.
 *
 * Called with the owner's lock and cpus_read_lock() held, since @check_clear may stop the machine.
 * Takes text_mutex. Returns 0, or an error after which the text is unchanged:
 *   EDIT_THERE       (only if @in) another edit of @text has one of the bytes
 *   others           the error of @check_clear
 */
int shk_text_replace(struct shk_text *text, struct shk_replacement *bodies, unsigned int nr,
		     bool in, int (*check_clear)(void *arg), void *arg);

/*
 * Returns true if an edit of @text has one of the @len bytes at @addr. Called with text_mutex held;
 * the owner's lock is not needed. Does not sleep.
 */
bool shk_text_edited(struct shk_text *text, unsigned long addr, size_t len);

/*
 * Maps the 2 MB range @range (shk_range_of()) of @text as the base does, and frees its PTE page
 * after a flush. The caller ensures that @text has a PTE page for the range, but no private page in
 * it. If no other text has a PTE page for the range, the base's mapping of it becomes global again
 * (_PAGE_GLOBAL). Called with the owner's lock held. Takes text_mutex. If Xen refuses, warns and
 * leaves the PTE page in use.
 */
void shk_text_merge(struct shk_text *text, unsigned int range);

/* ---- huge.c ---- */

/*
 * For each 2 MB range that holds a byte of [from, to), chooses whether @text maps it by private
 * pages of 4 KB or by one of 2 MB. Changes the mapping of a range that has the wrong size. Called
 * after pages of the range have got, or lost, an edit or a pin.
 *
 * "Wanted" pages have an edit or a pin. huge_threshold is a parameter of the module; if it is 0, no
 * range has a page of 2 MB.
 *
 *   now     becomes  if
 *   4 KB    2 MB     wanted pages >= huge_threshold, the base maps the range by a page of 2 MB,
 *                    all of it is text, and no edit in it has shk_edit.spare
 *   2 MB    4 KB     no page is wanted, or wanted pages < huge_threshold / 2
 *
 * After a change to 4 KB only wanted pages stay private; if there are none, the range is mapped as
 * the base maps it. Called with the owner's lock held. Takes text_mutex. Returns no error: if
 * memory lacks, the range stays as it is until the next call.
 */
void shk_huge_settle(struct shk_text *text, unsigned long from, unsigned long to);
/*
 * Maps the 2 MB range of @addr by pages of 4 KB, if @text maps it by a page of 2 MB.
 * shk_text_apply() calls it for an edit that has shk_edit.spare, since that edit changes by the
 * mapping of its page of 4 KB. Called with the owner's lock held. Takes text_mutex. Returns 0;
 * -ENOMEM: the range stays as it is.
 */
int shk_huge_split(struct shk_text *text, unsigned long addr);

/* ---- pages.c ---- */

/*
 * Ends text/ at unload, called by main.c. Warns if a text still has a private page, and frees the
 * ftrace hook on __text_poke(). May sleep. Does not return if ftrace has stopped with the hook of
 * sync.c in place; see shk_ftrace_hook_free().
 */
void shk_text_exit(void);

/*
 * Returns the private page of @text that holds @addr, or NULL. Called with the owner's lock or
 * text_mutex held. Does not sleep.
 */
struct shk_page *shk_page_find(struct shk_text *text, unsigned long addr);
/*
 * Returns true if @page must stay private: it has an edit, or a call of shk_text_pin() includes it.
 * Returns false otherwise, and if @page is NULL. Called with the owner's lock or text_mutex held.
 * Does not sleep.
 */
bool shk_page_wanted(const struct shk_page *page);
/*
 * Allocates the struct shk_page for @addr, the start of a page, and appends it to @pages. Its .copy
 * stays empty: shk_pages_fill() allocates that. Reserves the entry in @text->pages, so
 * shk_page_insert() cannot fail. Called with the owner's lock held. May sleep. Returns 0, or
 * -ENOMEM.
 */
int shk_page_alloc(struct shk_text *text, unsigned long addr, struct list_head *pages);
/*
 * Allocates memory for @pages, which must have none, and copies the base's bytes to it. The memory
 * is "sealed": read-only, by its own mapping and by the direct map. The base may change after that,
 * so the caller calls shk_page_refresh() under text_mutex. No lock is needed; text_mutex is not
 * held. May sleep. Returns 0, or -ENOMEM. After -ENOMEM some of @pages may have memory: the caller
 * does not map it, and frees it by shk_pages_cancel().
 */
int shk_pages_fill(struct list_head *pages);
/*
 * Allocates one block of memory for @pages, which a single page of 2 MB can map, and copies the
 * base's bytes to it. The block is "sealed": read-only, by its own mapping and by the direct map.
 * @pages has all pages of one range of 2 MB, sorted by address, and none of them has memory yet.
 * The base may change after that, so the caller calls shk_page_refresh() under text_mutex. No lock
 * is needed; text_mutex is not held. May sleep. Returns 0, or -ENOMEM if memory is short or
 * fragmented. After -ENOMEM @pages may have memory: the caller does not map it, and frees it by
 * shk_pages_cancel().
 */
int shk_pages_fill_block(struct list_head *pages);
/*
 * Frees all structs in the list @pages, and the memory of these pages. The caller ensures that no
 * tables map them and no TLB holds them. No lock is needed; text_mutex is not held. May sleep.
 */
void shk_pages_free(struct list_head *pages);
/*
 * Frees all structs in the list @pages and the memory of these pages, and releases their reserved
 * entries in @text->pages. Called to end an allocation that shk_page_alloc() began, after success
 * (for memory that was not used) and after failure. The caller ensures that no tables map @pages
 * and no TLB holds them.
 *
 * After success @pages are structs that were not inserted, or that huge.c has erased. If huge.c has
 * exchanged the memory of a page that stays, the page's old memory is in one of these structs.
 * Called with the owner's lock held, and without text_mutex. May sleep.
 */
void shk_pages_cancel(struct shk_text *text, struct list_head *pages);
/*
 * Inserts @page into its text's pages and into the table of all copies: from then on sync.c copies
 * the kernel's patches of the base to it. shk_page_alloc() has reserved the entry. Called with the
 * owner's lock and text_mutex held.
 */
void shk_page_insert(struct shk_page *page);
/*
 * Removes @page from its text's pages and from the table of all copies: sync.c no longer writes it.
 * The caller maps the base's page, and frees @page after a flush. Called with the owner's lock and
 * text_mutex held.
 */
void shk_page_erase(struct shk_page *page);
/*
 * Makes the bytes of @page equal to the PAGE_SIZE bytes at @bytes, and writes only where they
 * differ. The caller ensures that @page has memory and no CPU executes it. Called with text_mutex
 * held.
 */
void shk_page_refresh(struct shk_page *page, const u8 *bytes);

/*
 * Iterates over the private pages of all texts that are copies of the base page of @addr, under
 * text_mutex.
 */
#define shk_for_each_copy(page, addr)                                 \
	hlist_for_each_entry (page, shk_copies_bucket(addr), by_addr) \
		if ((page)->addr == ((addr)&PAGE_MASK))

/*
 * Returns the hash bucket for @addr in the table of all texts' private pages (shk_page.by_addr).
 * The bucket may also have pages of other addresses. It is read and written under text_mutex.
 */
struct hlist_head *shk_copies_bucket(unsigned long addr);

/* ---- copy.c ---- */

/*
 * Allocates memory for @nr private pages in one piece of vmalloc space. One shk_chunk_seal() makes
 * the piece read-only, so every CPU flushes once for all pages. The caller calls shk_chunk_fill()
 * up to @nr times, then shk_chunk_seal(), then shk_chunk_put(). Needs no lock; text_mutex is not
 * held. May sleep. Returns the chunk with a reference for the caller, or NULL if there is no
 * memory.
 */
struct shk_chunk *shk_chunk_alloc(unsigned int nr);
/*
 * Allocates memory for all pages of a 2 MB range in one block, which one page of 2 MB can map:
 * physically contiguous and aligned. Used as a chunk of PTRS_PER_PTE pages. Needs no lock;
 * text_mutex is not held. May sleep. Returns the chunk with a reference for the caller, or NULL if
 * no such block is free.
 */
struct shk_chunk *shk_block_alloc(void);
/*
 * Returns true if the memory of @copy is part of a block of shk_block_alloc(). Needs no lock, but
 * the caller ensures that @copy has memory and does not change.
 */
bool shk_in_block(const struct shk_copy *copy);
/*
 * Copies the base page that holds @addr to the next unused page of @chunk. The function warns if
 * the chunk is sealed or has no such page. Returns the copy, which holds a reference to @chunk
 * until shk_copy_free(). The caller is the only user of @chunk. Does not sleep.
 */
struct shk_copy shk_chunk_fill(struct shk_chunk *chunk, unsigned long addr);
/*
 * Makes the memory of @chunk read-only, by its own mapping and by the direct map. Called once,
 * after the last shk_chunk_fill(); from then on only text_poke() writes it. The caller is the only
 * user of @chunk; text_mutex is not held. May sleep; flushes every CPU. Returns 0; -ENOMEM: the
 * memory may be writable, and must not be mapped by a text.
 */
int shk_chunk_seal(struct shk_chunk *chunk);
/*
 * Drops a reference to @chunk. The last one makes its memory writable and frees it. Needs no lock;
 * text_mutex is not held. May sleep.
 */
void shk_chunk_put(struct shk_chunk *chunk);
/*
 * Frees the memory of @copy, if it has any, and clears it. The caller ensures that no tables map
 * the memory and no TLB holds it. Needs no lock; text_mutex is not held. May sleep.
 */
void shk_copy_free(struct shk_copy *copy);
/*
 * Allocates memory for @copy, with the bytes of the base page that holds @addr. The memory is
 * read-only, by its own mapping and by the direct map (sealed). Needs no lock; text_mutex is not
 * held. May sleep. Returns 0; -ENOMEM: @copy has no memory.
 */
int shk_copy_alloc(struct shk_copy *copy, unsigned long addr);

/* ---- diff.c ---- */

/* A difference between a text and the base: one whole edit, or bytes that belong to no edit. */
struct shk_difference {
	unsigned long addr; /* of the first byte */
	u8 len;		    /* 1 to SHK_EDIT_MAX */
	bool stray;	    /* no edit explains the text's bytes */
	u8 base[SHK_EDIT_MAX];
	u8 bytes[SHK_EDIT_MAX]; /* the text's */
};

/*
 * Finds the first difference, by address, between @text and the base that has a byte at or after
 * @from. Stores it in @difference. A difference is an edit, or a run of stray bytes, which belong
 * to no edit and differ from the base's. A run longer than SHK_EDIT_MAX is several differences.
 * Bytes that differ only since the page hides the jump of an optimised kprobe (shk_edit.held) do
 * not count.
 *
 * Needs no owner's lock. Takes text_mutex for some pages at a time, so @text may change between
 * them. Returns true if it found a difference; false if there is none, or a fatal signal is
 * pending.
 */
bool shk_text_next_difference(struct shk_text *text, unsigned long from,
			      struct shk_difference *difference);
/*
 * Copies up to @len bytes at @addr, but not beyond the end of its page: the base's to @base, and
 * those of @text to @bytes. Needs no owner's lock; takes text_mutex. Returns the number of bytes
 * copied; 0 if @addr is not in text of the kernel or of a module.
 */
size_t shk_text_read(struct shk_text *text, unsigned long addr, size_t len, u8 *base, u8 *bytes);

/* ---- poke.c ---- */

/*
 * Writes the @len bytes at @bytes to @page at @addr while CPUs may execute that place. The steps
 * are an int3, the bytes behind it, and the first byte; each ends with an IPI to every CPU. A
 * single byte takes one step. If the text is not live, no CPU executes it, and there are no steps
 * and no IPIs.
 *
 * A CPU that hits the int3 continues at @resume. @resume is 0 if the base has a kprobe at @addr,
 * whose handler takes the int3; the caller knows that.
 *
 * At return every CPU executes the new bytes, and no CPU is in the handler of that int3. Called
 * with text_mutex held and interrupts on.
 */
void shk_poke(struct shk_page *page, unsigned long addr, const u8 *bytes, u8 len,
	      unsigned long resume);
/*
 * Returns the address at which a CPU continues if it meets the breakpoint of @edit while @edit is
 * being applied or reverted. Any context. The address depends on @edit's bytes:
 * - a call: the address behind it, as if the edit was not there;
 * - a jump: its target;
 * - others: 0. Such an edit is a breakpoint of one byte, which is written in one step. If the base
 *   has a kprobe at the same address, its handler serves the CPU.
 *
 * The address is never that of the edit, which would be a loop. With interrupts off such a loop
 * would hold up the CPU that waits for this one before it takes the next step.
 */
unsigned long shk_edit_resume(const struct shk_edit *edit);
/*
 * Returns the @edit->len bytes that are written to the edit's page when @edit is applied (@in) or
 * reverted (!@in). Called with text_mutex held.
 */
const u8 *shk_edit_wanted(const struct shk_edit *edit, bool in);
/*
 * Writes the bytes of the @nr edits at @edits to their pages: the edits' own if @in, else the
 * base's. The caller has sorted the edits by address. Leaves out edits whose .page is NULL. The
 * steps are an int3, the bytes behind it, and the first byte, as shk_poke() writes them, each for
 * all edits at once. A CPU that hits an int3 meanwhile continues at the address that
 * shk_edit_resume() returns. Called with text_mutex held and interrupts on.
 */
void shk_poke_edits(struct shk_text *text, struct shk_edit **edits, unsigned int nr, bool in);
/*
 * Writes the @len bytes at @bytes to @page at @addr by remapping: copies the page to *@spare, puts
 * the new bytes there, and maps *@spare instead of the page's memory. Flushes every CPU if the text
 * is live: CPUs may execute it then. A CPU executes either the old instruction or the new one. At
 * success the page's memory and *@spare have been swapped. The caller ensures that the page is not
 * part of a page of 2 MB. Called with text_mutex held and interrupts on. Returns 0, or XEN, after
 * which the page and its mapping are unchanged.
 */
int shk_poke_page(struct shk_page *page, unsigned long addr, const u8 *bytes, u8 len,
		  struct shk_copy *spare);
/*
 * Announces the breakpoints (int3) that the caller is about to write at the entries of the @nr
 * @bodies in @text, to the handler of int3. From then on a CPU that meets one of them continues at
 * shk_replacement.resume. The caller holds text_mutex until shk_poke_unguard(), and changes nothing
 * but .head in @bodies until then.
 */
void shk_poke_guard(const struct shk_text *text, const struct shk_replacement *bodies,
		    unsigned int nr);
/*
 * Ends the effect of shk_poke_guard(), after the caller has overwritten the breakpoints. At return
 * every CPU executes the new bytes, no CPU is in the handler of one of the breakpoints, and none
 * reads the bodies that were given to shk_poke_guard(). Called with text_mutex held and interrupts
 * on. Cannot fail.
 */
void shk_poke_unguard(void);
/*
 * Sends an IPI to every CPU and waits. At return every CPU executes the bytes that were written
 * before. Every CPU has also left the int3 handlers that it was in, since interrupts are off in
 * those. Called with text_mutex held and interrupts on.
 */
void shk_poke_sync(void);
/*
 * Returns the address at which a CPU continues that has hit an int3 at @addr in @text. Returns 0 if
 * poke.c and replace.c have not written that int3, or if a kprobe's handler is to take it. Called
 * in the int3 handler, interrupts off, without locks; calls no function that can be probed.
 */
unsigned long shk_poke_resume(const struct shk_text *text, unsigned long addr);

/*
 * Returns the address at which the byte of @page for @addr can be read. Called with text_mutex
 * held.
 */
static inline const u8 *shk_page_bytes(const struct shk_page *page, unsigned long addr)
{
	return page->copy.bytes + offset_in_page(addr);
}

/*
 * Writes the @len bytes at @bytes to @page at @addr. They do not cross the end of the page. Uses
 * shk_write(), which can write read-only memory. Sends no IPI: other CPUs may execute old bytes
 * until shk_poke_sync(). Called with text_mutex held.
 */
void shk_page_write(struct shk_page *page, unsigned long addr, const void *bytes, size_t len);

/* ---- sync.c ---- */

/*
 * Increments the count of users of the ftrace hook on __text_poke(); the first call registers the
 * hook. Each text that has an edit or a page of shk_text_pin() is a user. From the return on, the
 * kernel's patches reach private pages. Takes the hook's mutex and ftrace_lock, so text_mutex is
 * not held. May sleep; needs no owner's lock. Returns 0 or
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped
 *   others           errors of register_ftrace_function()
 */
int shk_sync_start(void);
/*
 * Decrements the count of users of the ftrace hook on __text_poke(), which shk_sync_start()
 * incremented. If it becomes 0, unregisters the hook. Takes the hook's mutex and ftrace_lock, so
 * text_mutex is not held. May sleep; needs no owner's lock.
 */
void shk_sync_stop(void);
/*
 * Frees the ftrace hook on __text_poke() at unload, when it has no user. Called by
 * shk_text_exit(). May sleep. Does not return if ftrace has stopped with the hook in place; see
 * shk_ftrace_hook_free().
 */
void shk_sync_exit(void);
/*
 * Hides the jump of an optimised kprobe from the page of @edit: while @edit is applied, CPUs that
 * run the text reach the kprobe by an int3 instead. The jump is in the base, at @addr. @edit is
 * about to be applied, and covers at least one byte of the jump, so the page cannot have the whole
 * jump. @tail has the @len bytes that were at @addr + 1 before the jump.
 *
 * Writes an int3 and @tail to the page at @addr. Does not write them if another edit has hidden the
 * same jump, since they are there already.
 *
 * Sets @edit->held = @addr and .held_len = @len + 1, which tells sync.c which bytes are hidden.
 * Fills @edit->under with the bytes that the page has without @edit; they are written when @edit is
 * reverted. While .held_len is set, sync.c does not copy the kernel's writes to [@held, @held +
 * @held_len), except an int3. When the kernel replaces the jump by the old instructions, sync.c
 * sets .held_len to 0. If a kprobe is optimised while @edit is applied, sync.c sets these members
 * without this function.
 *
 * Called by shk_edit.prepare(), so @edit->page is set, @edit is on no list, and text_mutex is held.
 * Interrupts are on.
 */
void shk_sync_hold(struct shk_edit *edit, unsigned long addr, const u8 *tail, u8 len);
/*
 * Ends the effect of shk_sync_hold() for @edit, which is being reverted: the page gets the jump of
 * the optimised kprobe again. Copies the base's bytes at [@edit->held, @edit->held +
 * @edit->held_len) to @page, unless another edit of @page hides the same jump. Does nothing if
 * @edit->held_len is 0. Leaves the members of @edit as they are.
 *
 * Called by shk_text_revert() if @page stays private, with text_mutex held and interrupts on. The
 * caller has written @edit->under to @page and has removed @edit from the page's list.
 */
void shk_sync_release(struct shk_page *page, struct shk_edit *edit);

#endif /* SHK_TEXT_H */
