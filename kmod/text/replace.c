// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole bodies of functions are replaced: many instructions by many others, so no task may be in
 * one.
 *
 *   1  breakpoints at the entries send CPUs away that enter (shk_poke_guard()), IPIs
 *   2  the caller's check says whether a task is in a body
 *   3  if none is, all bytes change but those at the entries, IPIs
 *   4  the bytes at the entries are written, new or old ones, IPIs (shk_poke_unguard())
 */
#include <linux/cpu.h>
#include <linux/mutex.h>
#include <asm/text-patching.h>

#include "text/text.h"

static struct shk_edit *replace_first_edit(const struct shk_replacement *body)
{
	return &body->edits[0];
}

/* Returns true if no edit of @text has a byte of @bodies. text_mutex is held. */
static bool replace_is_free(struct shk_text *text, const struct shk_replacement *bodies,
			    unsigned int nr)
{
	unsigned int i, j;

	for (i = 0; i < nr; i++)
		for (j = 0; j < bodies[i].nr; j++)
			if (shk_text_edited(text, bodies[i].edits[j].addr, bodies[i].edits[j].len))
				return false;
	return true;
}

/* Writes shk_replacement.head to the entries of @bodies. text_mutex is held. */
static void replace_set_heads(struct shk_text *text, struct shk_replacement *bodies,
			      unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long addr = replace_first_edit(&bodies[i])->addr;

		shk_page_write(xa_load(&text->pages, PFN_DOWN(addr)), addr, &bodies[i].head, 1);
	}
}

/*
 * Writes breakpoints to the entries of the @nr @bodies, and stores the bytes that were there in
 * .head. text_mutex is held.
 */
static void replace_write_breakpoints(struct shk_text *text, struct shk_replacement *bodies,
				      unsigned int nr)
{
	static const u8 int3 = INT3_INSN_OPCODE;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long addr = replace_first_edit(&bodies[i])->addr;
		struct shk_page *page = xa_load(&text->pages, PFN_DOWN(addr));

		bodies[i].head = *shk_page_bytes(page, addr);
		shk_page_write(page, addr, &int3, 1);
	}
}

/*
 * Applies (@in) or reverts (not @in) @edit, one of the edits of @body. If it is the first one, its
 * first byte, at the body's entry, is not written but stored in @body->head. text_mutex is held.
 */
static void replace_put_edit(struct shk_text *text, struct shk_replacement *body,
			     struct shk_edit *edit, bool in)
{
	struct shk_page *page = xa_load(&text->pages, PFN_DOWN(edit->addr));
	unsigned int skip = edit == replace_first_edit(body);
	const u8 *bytes;

	if (in) {
		memcpy(edit->base, shk_base_bytes(edit->addr), edit->len);
		edit->held_len = 0;
		edit->page = page;
		list_add(&edit->node, &page->edits);
	}
	bytes = in ? edit->bytes : edit->base;
	shk_page_write(page, edit->addr + skip, bytes + skip, edit->len - skip);
	if (skip)
		body->head = *bytes;
	if (!in) {
		list_del(&edit->node);
		edit->page = NULL;
	}
}

int shk_text_replace(struct shk_text *text, struct shk_replacement *bodies, unsigned int nr,
		     bool in, int (*check_clear)(void *arg), void *arg)
{
	unsigned int i, j;
	int ret = 0;

	mutex_lock(shk_symbols.text_mutex);
	if (in && !replace_is_free(text, bodies, nr)) {
		ret = SHK_E(EDIT_THERE);
		goto unlock;
	}
	if (text->live) {
		shk_poke_guard(text, bodies, nr);
		replace_write_breakpoints(text, bodies, nr);
		shk_poke_sync();
	}
	ret = check_clear(arg);
	if (!ret)
		for (i = 0; i < nr; i++)
			for (j = 0; j < bodies[i].nr; j++)
				replace_put_edit(text, &bodies[i], &bodies[i].edits[j], in);
	if (text->live)
		shk_poke_sync();
	replace_set_heads(text, bodies, nr);
	if (text->live)
		shk_poke_unguard();
unlock:
	mutex_unlock(shk_symbols.text_mutex);
	return ret;
}
