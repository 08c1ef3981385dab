// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private pages follow the base while the kernel patches its text in place, which it does by
 * __text_poke() only. An ftrace hook on that function writes the same bytes to every private copy
 * of the page first. So all texts take the same steps (breakpoint, tail, head), and share the IPIs
 * with which the kernel's patching code separates them. Bytes under an edit go to shk_edit.base
 * only. A process inside a shadow patches by the base's __text_poke() (hooks/hooks.c), so the hook
 * is called then, too.
 *
 * The jump of an optimised kprobe overwrites several instructions, and an edit may be at one of
 * them. A private page with such an edit keeps the kprobe's breakpoint, which is the first of the
 * three steps, and its own bytes behind that ("holds" them: shk_edit.held). CPUs that run the text
 * reach the kprobe by its breakpoint. Other patches of several bytes (ftrace, static keys, static
 * calls) are either wholly under an edit or wholly beside it, since kprobes refuses addresses
 * within such sites.
 *
 *   order                   by                       the page gets
 *   edit first, then jump   sync_hold_breakpoint()   no tail of the jump, and no head
 *   jump first, then edit   shk_sync_hold()          breakpoint and old instructions
 *   jump is taken back      sync_hold_breakpoint()   the kernel's bytes again
 *   edit is reverted        shk_sync_release()       the jump
 *
 * The hook is registered while a text has an edit or a pinned page.
 */
#include <linux/ftrace.h>
#include <asm/text-patching.h>

#include "compat/ftrace_hook.h"
#include "text/text.h"

/*
 * Returns true if an edit of @page has the byte at @addr, and stores it in *@found. text_mutex is
 * held.
 */
static bool sync_find_edit(struct shk_page *page, unsigned long addr, struct shk_edit **found)
{
	struct shk_edit *edit;

	list_for_each_entry (edit, &page->edits, node) {
		if (addr >= edit->addr && addr < edit->addr + edit->len) {
			*found = edit;
			return true;
		}
	}
	return false;
}

/*
 * Returns true if the byte at @addr is part of a kprobe's jump that an edit of @page hides
 * (shk_edit.held). text_mutex is held.
 */
static bool sync_is_held(struct shk_page *page, unsigned long addr)
{
	struct shk_edit *edit;

	list_for_each_entry (edit, &page->edits, node)
		if (edit->held_len && addr >= edit->held && addr < edit->held + edit->held_len)
			return true;
	return false;
}

/*
 * Updates shk_edit.held of the edits of @page, before the @len bytes of the base at @addr become
 * @src. An edit "holds" the jump of an optimised kprobe if it covers a part of that. The page then
 * has the kprobe's int3 and the old instructions instead of the jump. If @src is the tail of a jump
 * into which edits cut, each of these edits holds the jump from then on. If @src are the
 * instructions that the page has there already, the jump is being removed, and the edits no longer
 * hold it.
 *
 * Does nothing if edits have all of these bytes, or if no edit has one of them or the byte before.
 * text_mutex is held.
 */
static void sync_hold_breakpoint(struct shk_page *page, unsigned long addr, const u8 *src,
				 size_t len)
{
	bool all = true, restored = true, cut = false;
	struct shk_edit *edit;
	size_t i;

	if (len < 2)
		return;
	for (i = 0; i < len; i++) {
		if (sync_find_edit(page, addr + i, &edit)) {
			cut = true;
		} else {
			all = false;
			restored &= *shk_page_bytes(page, addr + i) == src[i];
		}
	}
	/* The byte before @addr, the head of the jump, may be an edit's. */
	if (all || (!cut && !sync_find_edit(page, addr - 1, &edit)))
		return;
	list_for_each_entry (edit, &page->edits, node) {
		if (edit->addr >= addr + len || edit->addr + edit->len < addr)
			continue;
		/* Its base has yet to follow; at the jump's head it has the breakpoint by now. */
		if (!edit->held_len)
			memcpy(edit->under, edit->base, edit->len);
		edit->held = addr - 1;
		edit->held_len = restored ? 0 : len + 1;
	}
}

/*
 * Writes the @len bytes at @src to @page; the base is about to have them at @addr. Leaves out bytes
 * under edits, and bytes of a kprobe's jump that an edit hides (shk_edit.held). Over the latter a
 * breakpoint is written nevertheless: it is the first step of removing the jump. The bytes are
 * within the page. text_mutex is held.
 */
static void sync_copy_bytes(struct shk_page *page, unsigned long addr, const u8 *src, size_t len)
{
	struct shk_edit *edit;
	size_t i, todo = 0; /* the first byte that has yet to be written */

	sync_hold_breakpoint(page, addr, src, len);
	for (i = 0; i < len; i++) {
		if (sync_find_edit(page, addr + i, &edit)) {
			/* shk_hook_int3() reads the first byte without a lock. */
			WRITE_ONCE(edit->base[addr + i - edit->addr], src[i]);
			/* First byte: called for the breakpoint, and for the last step. */
			if (addr + i == edit->addr && edit->changed)
				edit->changed(edit);
		} else if (!sync_is_held(page, addr + i) ||
			   (len == 1 && *src == INT3_INSN_OPCODE)) {
			continue;
		}
		shk_page_write(page, addr + todo, src + todo, i - todo);
		todo = i + 1;
	}
	shk_page_write(page, addr + todo, src + todo, len - todo);
}

void shk_sync_hold(struct shk_edit *edit, unsigned long addr, const u8 *tail, u8 len)
{
	struct shk_page *page = edit->page;
	u8 bytes[SHK_EDIT_MAX] = { INT3_INSN_OPCODE };
	unsigned int i;

	lockdep_assert_held(shk_symbols.text_mutex);
	/* If an edit holds it already, the bytes are there, and may be that edit's. */
	if (!sync_is_held(page, addr + 1)) {
		memcpy(bytes + 1, tail, len);
		/* Resume 0: the kernel's kprobe serves a CPU that meets the breakpoint. */
		shk_poke(page, addr, bytes, len + 1, 0);
	}
	edit->held = addr;
	edit->held_len = len + 1;
	for (i = 0; i < edit->len; i++) {
		unsigned long behind = edit->addr + i - addr; /* of the jump's first byte */

		edit->under[i] = !behind	 ? INT3_INSN_OPCODE
				 : behind <= len ? tail[behind - 1]
						 : *(const u8 *)shk_base_bytes(edit->addr + i);
	}
}

void shk_sync_release(struct shk_page *page, struct shk_edit *edit)
{
	unsigned long addr = edit->held;
	u8 bytes[SHK_EDIT_MAX];

	if (!edit->held_len || sync_is_held(page, addr + 1))
		return;
	memcpy(bytes, shk_base_bytes(addr), edit->held_len);
	/* Resume 0: the kernel's kprobe serves a CPU that meets the breakpoint. */
	shk_poke(page, addr, bytes, edit->held_len, 0);
}

/*
 * Copies the base's page-table entries of a trampoline, which may be new, to all shadows' tables.
 * Does nothing unless @src, which the base is about to have at @addr, is a branch to a trampoline.
 * The fault handler cannot do it later: it may execute the branch itself.
 */
static void sync_copy_branch(unsigned long addr, const u8 *src, size_t len)
{
	unsigned long target = addr + len;
	s32 rel;

	if (!shk_mmu->refresh || (len != DISP32_SIZE && len != JMP32_INSN_SIZE))
		return;
	memcpy(&rel, src + len - DISP32_SIZE, sizeof(rel));
	target += rel;
	if (shk_in_module_area(target))
		shk_mmu->refresh(target, target + PAGE_SIZE);
}

/*
 * Writes the bytes that __text_poke() is about to write to all private copies of the page. ftrace
 * calls this when __text_poke() is entered; text_mutex is held, preemption is off.
 */
static void notrace sync_on_text_poke(unsigned long ip, unsigned long parent_ip,
				      struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	/* __text_poke(func, addr, src, len) */
	struct pt_regs *regs = ftrace_get_regs(fregs);
	unsigned long addr = regs->si;
	const u8 *src = (const u8 *)regs->dx;
	size_t len = regs->cx;

	sync_copy_branch(addr, src, len);
	while (len && (shk_is_kernel_text(addr) || shk_in_module_area(addr))) {
		size_t chunk = min_t(size_t, len, PAGE_SIZE - offset_in_page(addr));
		struct shk_page *page;

		/* The caller of __text_poke() holds text_mutex. */
		shk_for_each_copy(page, addr) sync_copy_bytes(page, addr, src, chunk);
		addr += chunk;
		src += chunk;
		len -= chunk;
	}
}

static SHK_FTRACE_HOOK(text_poke_hook, &shk_symbols.__text_poke, 1, 0, sync_on_text_poke);

int shk_sync_start(void)
{
	return shk_ftrace_hook_get(&text_poke_hook);
}

void shk_sync_stop(void)
{
	shk_ftrace_hook_put(&text_poke_hook);
}

void shk_sync_exit(void)
{
	shk_ftrace_hook_free(&text_poke_hook);
}
