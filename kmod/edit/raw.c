// SPDX-License-Identifier: GPL-2.0-only
/* Adds, removes and lists raw edits. */
#include <linux/kprobes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "edit/probe.h"
#include "edit/raw.h"
#include "hooks/hooks.h"
#include "shadow/edits.h"

/* One raw edit. Members except .node and .edit are constant once shk_raw_add() has returned. */
struct shk_raw {
	struct list_head node; /* in shk_shadow.raws; the shadow's lock */
	u64 id;
	u32 flags; /* SHK_RAW_IDENTITY or 0 */
	unsigned long addr;
	unsigned long offset; /* of .addr from .symbol */
	unsigned long len;
	char symbol[SHK_SYMBOL_LEN]; /* "" for the whole text */
	struct shk_edit edit;	     /* all zero if SHK_RAW_IDENTITY */
};

static bool is_identity(const struct shk_raw *raw)
{
	return raw->flags & SHK_RAW_IDENTITY;
}

static void raw_free(struct shk_raw *raw)
{
	shk_copy_free(&raw->edit.spare);
	kfree(raw);
}

/*
 * Returns the length of the instruction at @bytes, of which @len bytes can be read. Returns -EINVAL
 * if no instruction is there.
 */
static int insn_len(const void *bytes, size_t len)
{
	struct insn insn;

	if (shk_call(insn_decode)(&insn, bytes, len, INSN_MODE_KERN) < 0)
		return -EINVAL;
	return insn.length;
}

/*
 * Checks that @bytes may replace @raw->len bytes at @raw->addr. They must be one instruction in the
 * place of one: a task that was preempted before or behind it may resume in the base's text or in
 * the shadow's. kprobes knows where instructions begin, and which of them must not be changed.
 * Waits for a grace period.
 *
 * Returns 0, or FORBIDDEN, NOT_INSTRUCTION, CANNOT_STEP, KPROBE_THERE, PAGE_EDGE or -ENOMEM, as
 * struct shk_raw_add describes them.
 */
static int raw_check_bytes(const struct shk_raw *raw, const u8 *bytes)
{
	struct kprobe kp = {
		.addr = (kprobe_opcode_t *)raw->addr,
		.flags = KPROBE_FLAG_DISABLED,
	};
	bool alone;
	int ret;

	if (!shk_location_may_differ(raw->addr, raw->symbol) || shk_is_hook_at(raw->addr) ||
	    shk_call(ftrace_location)(raw->addr) == raw->addr)
		return SHK_E(FORBIDDEN);
	ret = register_kprobe(&kp);
	if (ret)
		return shk_kprobe_refused(ret);
	alone = shk_kprobe_alone(raw->addr, &kp);
	unregister_kprobe(&kp);
	if ((unsigned long)kp.addr != raw->addr)
		return SHK_E(FORBIDDEN); /* kprobes has moved the probe behind an ENDBR */
	if (!alone)
		return SHK_E(KPROBE_THERE);
	if (insn_len(shk_base_bytes(raw->addr), MAX_INSN_SIZE) != raw->len ||
	    insn_len(bytes, raw->len) != raw->len)
		return SHK_E(NOT_INSTRUCTION);
	/* It is written by exchanging its page, see shk_poke_page(): it must lie in one. */
	if (offset_in_page(raw->addr) + raw->len > PAGE_SIZE)
		return SHK_E(PAGE_EDGE);
	return shk_at_page_edge(raw->addr, raw->offset) ? SHK_E(PAGE_EDGE) : 0;
}

/*
 * Sets the place of @raw (.addr, .offset, .symbol) to the place that @arg names, and *@size to the
 * size of its symbol. Returns 0, or an error of shk_location_resolve(). Also returns NOT_TEXT for
 * text of a module, since a raw edit holds no reference to a module.
 */
static int raw_resolve(struct shk_raw *raw, const struct shk_raw_add *arg, unsigned long *size)
{
	struct shk_location place = { arg->symbol, arg->addr, arg->offset };
	int ret = shk_location_resolve(&place, raw->symbol, &raw->addr, &raw->offset, size);

	if (!ret && !shk_is_kernel_text(raw->addr))
		ret = SHK_E(NOT_TEXT);
	return ret;
}

/*
 * Sets the range of @raw to the range that @arg names: the whole text of the kernel image if @arg
 * names no place. @raw is an identity edit (SHK_RAW_IDENTITY), which changes no byte and makes
 * pages private. Returns 0, or an error of raw_resolve(). NOT_TEXT also if the range ends behind
 * the text of the kernel image.
 */
static int raw_resolve_range(struct shk_raw *raw, const struct shk_raw_add *arg)
{
	unsigned long size;
	int ret;

	if (!arg->addr && !*arg->symbol) {
		raw->addr = shk_symbols.stext;
		raw->len = shk_symbols.etext - shk_symbols.stext;
		return 0;
	}
	ret = raw_resolve(raw, arg, &size);
	if (ret)
		return ret;
	raw->len = arg->len ?: size - raw->offset;
	return raw->len > shk_symbols.etext - raw->addr ? SHK_E(NOT_TEXT) : 0;
}

/*
 * Sets the place of @raw and its edit, which writes the bytes of @arg there, and allocates the
 * second copy of the page by which the edit is applied (shk_edit.spare). Sleeps. Returns 0,
 * -ENOMEM, or an error of raw_resolve() or raw_check_bytes(). The caller frees @raw after an error.
 */
static int raw_resolve_bytes(struct shk_raw *raw, const struct shk_raw_add *arg)
{
	unsigned long size;
	int ret;

	ret = raw_resolve(raw, arg, &size);
	if (ret)
		return ret;
	raw->len = arg->len;
	raw->edit.addr = raw->addr;
	raw->edit.len = raw->len;
	memcpy(raw->edit.bytes, arg->bytes, raw->len);
	return raw_check_bytes(raw, arg->bytes) ?: shk_copy_alloc(&raw->edit.spare, raw->addr);
}

/* Returns -EINVAL if @arg is malformed, else 0. */
static int raw_check_args(const struct shk_raw_add *arg)
{
	bool identity = arg->flags & SHK_RAW_IDENTITY;
	bool nowhere = !*arg->symbol && !arg->addr;
	size_t used = identity ? 0 : arg->len;

	if (arg->flags & ~SHK_RAW_IDENTITY ||
	    strnlen(arg->symbol, sizeof(arg->symbol)) == sizeof(arg->symbol))
		return -EINVAL;
	if ((*arg->symbol && arg->addr) || (arg->addr && arg->offset))
		return -EINVAL;
	if (identity ? nowhere && (arg->len || arg->offset)
		     : nowhere || !arg->len || arg->len > SHK_RAW_LEN)
		return -EINVAL;
	return memchr_inv(arg->bytes + used, 0, sizeof(arg->bytes) - used) ? -EINVAL : 0;
}

/*
 * Applies @raw to @shadow: writes its bytes, or makes its range private. The shadow's lock is held;
 * sleeps. Returns 0; THREADS_INSIDE: threads are in SHK_THREAD stretches, so edits must act on
 * these only, and a raw edit cannot; or an error of shk_edit_apply() or shk_edit_pin().
 */
static int raw_apply(struct shk_shadow *shadow, struct shk_raw *raw)
{
	int ret;

	if (is_identity(raw))
		return shk_edit_pin(shadow, raw->addr, raw->addr + raw->len);
	/* A raw edit cannot test whether the current thread sees edits. */
	if (READ_ONCE(shadow->nr_threads))
		return SHK_E(THREADS_INSIDE);
	ret = shk_edit_apply(shadow, &raw->edit);
	if (!ret)
		shadow->nr_common++;
	return ret;
}

int shk_raw_add(struct shk_shadow *shadow, struct shk_raw_add *arg)
{
	struct shk_raw *raw;
	int ret;

	ret = raw_check_args(arg);
	if (ret)
		return ret;
	raw = kzalloc(sizeof(*raw), GFP_KERNEL_ACCOUNT);
	if (!raw)
		return -ENOMEM;
	raw->flags = arg->flags;
	ret = is_identity(raw) ? raw_resolve_range(raw, arg) : raw_resolve_bytes(raw, arg);
	if (ret)
		goto free;

	ret = shk_shadow_lock(shadow);
	if (ret)
		goto free;
	ret = shadow->dead ? SHK_E(SHADOW_DESTROYED) : raw_apply(shadow, raw);
	if (ret)
		goto unlock;
	raw->id = ++shadow->last_raw;
	list_add_tail(&raw->node, &shadow->raws);
	arg->id = raw->id;
	shk_shadow_unlock(shadow);
	return 0;
unlock:
	shk_shadow_unlock(shadow);
free:
	raw_free(raw);
	return ret;
}

/*
 * Reverts @raw in @shadow, removes it from the list, and frees it. The shadow's lock is held;
 * sleeps.
 */
static void raw_remove(struct shk_shadow *shadow, struct shk_raw *raw)
{
	list_del(&raw->node);
	if (is_identity(raw)) {
		shk_edit_unpin(shadow, raw->addr, raw->addr + raw->len);
	} else {
		shk_edit_revert(shadow, &raw->edit);
		shadow->nr_common--;
	}
	raw_free(raw);
}

int shk_raw_remove(struct shk_shadow *shadow, const struct shk_raw_remove *arg)
{
	struct shk_raw *raw;
	int ret;

	if (arg->flags)
		return -EINVAL;
	ret = shk_shadow_lock(shadow);
	if (ret)
		return ret;
	ret = SHK_E(ID_UNKNOWN);
	list_for_each_entry (raw, &shadow->raws, node) {
		if (raw->id == arg->id) {
			raw_remove(shadow, raw);
			ret = 0;
			break;
		}
	}
	shk_shadow_unlock(shadow);
	return ret;
}

int shk_raw_next(struct shk_shadow *shadow, u64 *cursor, struct shk_raw_info *info, bool show_addr)
{
	struct shk_raw *raw;
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	ret = -ENOENT;
	list_for_each_entry (raw, &shadow->raws, node) {
		if (raw->id <= *cursor)
			continue;
		*cursor = raw->id;
		*info = (struct shk_raw_info){
			.flags = raw->flags,
			.id = raw->id,
			.addr = show_addr ? raw->addr : 0,
			.offset = raw->offset,
			.len = raw->len,
		};
		if (show_addr)
			memcpy(info->bytes, raw->edit.bytes, sizeof(info->bytes));
		strscpy(info->symbol, raw->symbol, sizeof(info->symbol));
		ret = 0;
		break;
	}
	shk_shadow_unlock(shadow);
	return ret;
}

void shk_raws_teardown(struct shk_shadow *shadow)
{
	struct shk_raw *raw, *next;

	lockdep_assert_held(&shadow->lock);
	list_for_each_entry_safe (raw, next, &shadow->raws, node)
		raw_remove(shadow, raw);
}
