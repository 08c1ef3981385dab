// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel patches its text in place, through __text_poke() and nothing
 * else. Each of its writes goes into every private copy of the page first, so
 * that all texts take the same steps (breakpoint, tail, head) and share the
 * IPIs with which the caller separates them. Bytes under an edit are only
 * remembered. (A process inside patches with the base before its eyes, see
 * hooks/hooks.c, so the hook is met in either case.)
 *
 * An optimised kprobe needs more care. It overwrites several instructions with
 * one jump, while an edit may stand at one of them. (Other multi-byte patches,
 * at ftrace, static key and static call sites, lie wholly under an edit or
 * wholly beside: kprobes refuses addresses inside such sites.) A copy with
 * such an edit keeps the kprobe's breakpoint, the first of the three steps,
 * and its own tail: the kprobe still reports, the slow way.
 *
 * The hook is there while any private page exists.
 */
#include <linux/ftrace.h>
#include <asm/text-patching.h>

#include "compat/ftrace_hook.h"
#include "text/text.h"

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

static bool sync_is_held(struct shk_page *page, unsigned long addr)
{
	struct shk_edit *edit;

	list_for_each_entry (edit, &page->edits, node)
		if (edit->held_len && addr >= edit->held && addr < edit->held + edit->held_len)
			return true;
	return false;
}

/* Is [addr, addr + len) the tail of a replacement that edits cut into? */
static void sync_hold_breakpoint(struct shk_page *page, unsigned long addr, const u8 *src,
				 size_t len)
{
	bool all = true, restored = true;
	struct shk_edit *edit, *cut = NULL;
	size_t i;

	if (len < 2)
		return;
	for (i = 0; i < len; i++) {
		if (sync_find_edit(page, addr + i, &edit)) {
			cut = edit;
		} else {
			all = false;
			restored &= *shk_page_bytes(page, addr + i) == src[i];
		}
	}
	/* Its head, the byte before, may be what is edited. */
	if (!cut && sync_find_edit(page, addr - 1, &edit))
		cut = edit;
	if (!cut || all)
		return;
	cut->held = addr - 1;
	cut->held_len = restored ? 0 : len + 1;
}

/* The base is about to have @src at @addr; let the copy have it. */
static void sync_copy_bytes(struct shk_page *page, unsigned long addr, const u8 *src, size_t len)
{
	struct shk_edit *edit;
	size_t i, todo = 0; /* first byte that waits to be written */

	sync_hold_breakpoint(page, addr, src, len);
	for (i = 0; i < len; i++) {
		if (sync_find_edit(page, addr + i, &edit)) {
			/* shk_hook_int3() looks at the first without a lock. */
			WRITE_ONCE(edit->base[addr + i - edit->addr], src[i]);
			/* The head: its breakpoint first, and last what it becomes. */
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

	lockdep_assert_held(shk_symbols.text_mutex);
	/* Not twice: another edit's bytes may be in it. */
	if (!sync_is_held(page, addr + 1)) {
		memcpy(bytes + 1, tail, len);
		/* The kernel knows the breakpoint as its kprobe's. */
		shk_poke(page, addr, bytes, len + 1, 0);
	}
	edit->held = addr;
	edit->held_len = len + 1;
}

void shk_sync_release(struct shk_page *page, struct shk_edit *edit)
{
	unsigned long addr = edit->held;
	u8 bytes[SHK_EDIT_MAX];

	if (!edit->held_len || sync_is_held(page, addr + 1))
		return;
	memcpy(bytes, shk_base_bytes(addr), edit->held_len);
	/* A kprobe's breakpoint stands there: resume at it until all is written. */
	shk_poke(page, addr, bytes, edit->held_len, 0);
}

/*
 * A branch to a trampoline that was just made. A fault there could be one in
 * the fault handler itself: it must be mapped before it is branched to.
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

		/* text_mutex is held, by the one who patches */
		shk_for_each_copy(page, addr) sync_copy_bytes(page, addr, src, chunk);
		addr += chunk;
		src += chunk;
		len -= chunk;
	}
}

static SHK_FTRACE_HOOK(text_poke_hook, &shk_symbols.__text_poke, 1, sync_on_text_poke);

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
