// SPDX-License-Identifier: GPL-2.0-only
/* Bodies in place: which functions may have one, its edits and pages, and its exchange. */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/ibt.h>
#include <asm/text-patching.h>

#include "edit/inplace.h"
#include "edit/probe.h"
#include "edit/slot_entry.h"
#include "graft/graft.h"
#include "graft/stack_check.h"
#include "shadow/edits.h"

/*
 * Functions in which a task may change its text, so that it leaves them in another text. In them
 * the task gives up its mm, uses a process's mm for a while, or changes its text on the way back
 * from exec.
 */
static const char *const changing[] = {
	"do_exit",
	"exit_mm",
	"exit_to_user_mode_loop",
	"kthread_use_mm",
	"kthread_unuse_mm",
	"exit_to_user_mode_prepare",
	"task_work_run",
	"syscall_exit_to_user_mode",
};

int shk_inplace_allowed(const struct shk_shadow *shadow)
{
	/* Interrupts and kernel threads change their text at any time, and cannot wait. */
	const u32 come_and_go = SHK_ASYNC_OWNER | SHK_ASYNC_CAUSAL;

	if (!shk_stack_check_possible())
		return SHK_E(NO_STACKS);
	if (shadow->flags & come_and_go)
		return SHK_E(POLICY);
	/* A task that gains privileges leaves the shadow in exec, and cannot wait. */
	if (READ_ONCE(shadow->shared))
		return SHK_E(SHARED);
	/* System calls that begin or end change the text, and cannot wait. */
	if (shadow->target)
		return SHK_E(SYSCALLS_ONLY);
	return list_empty(&shadow->callers) ? 0 : SHK_E(HAS_CALLERS);
}

/*
 * Returns true if @symbol, without a compiler's suffix, is one of changing[]: tasks may begin it in
 * one text and leave it in another.
 */
static bool inplace_is_changing(const char *symbol)
{
	size_t i, len = strcspn(symbol, "."); /* .isra.0 */

	for (i = 0; i < ARRAY_SIZE(changing); i++)
		if (strlen(changing[i]) == len && !strncmp(changing[i], symbol, len))
			return true;
	return false;
}

void shk_body_add(struct shk_body *bodies, unsigned int *nr, unsigned long from, unsigned long to)
{
	struct shk_body *body = &bodies[(*nr)++];

	INIT_LIST_HEAD(&body->node);
	INIT_LIST_HEAD(&body->in_check);
	body->from = from;
	body->to = to;
}

int shk_bodies_add_cold(struct shk_body *bodies, unsigned int *nr, const char *symbol)
{
	char cold[SHK_SYMBOL_LEN + sizeof(".cold")], name[SHK_SYMBOL_LEN];
	unsigned long addr, offset, size, pos;

	snprintf(cold, sizeof(cold), "%s.cold", symbol);
	for (pos = 1; !shk_symbol_nth(cold, pos, &addr); pos++) {
		if (pos > SHK_NR_COLD || shk_symbol_of(addr, name, &offset, &size))
			return SHK_E(BODY_FIXED);
		shk_body_add(bodies, nr, addr, addr + size);
	}
	return 0;
}

/*
 * Why no text may differ at a static key: jump_label_text_reserved() decodes the instruction at
 * every key, in the text of the task that registers a kprobe. If that task is inside a shadow with
 * other bytes there, the kernel stops by BUG(). While a key is switched, a breakpoint is at its
 * instruction, which would be a BUG(), too: text_mutex excludes that.
 */
bool shk_base_has_keys(unsigned long from, unsigned long to)
{
	bool ret;

	mutex_lock(shk_symbols.text_mutex);
	ret = shk_call(jump_label_text_reserved)((void *)from, (void *)to - 1);
	mutex_unlock(shk_symbols.text_mutex);
	return ret;
}

/* Returns true if an exception table entry is for an address in [@from, @to). */
static bool has_exceptions(unsigned long from, unsigned long to)
{
	for (; from < to; from++)
		if (shk_call(search_exception_tables)(from))
			return true;
	return false;
}

/*
 * Allocates @inplace->edits, which write @bytes over the base's body, each within one page. Sleeps.
 * Returns 0 or -ENOMEM.
 */
static int inplace_make_edits(struct shk_inplace *inplace, const u8 *bytes)
{
	unsigned long addr, len, end = inplace->end;

	inplace->edits = kcalloc((end - inplace->start) / SHK_EDIT_MAX + 2 +
					 (end - inplace->start) / PAGE_SIZE,
				 sizeof(*inplace->edits), GFP_KERNEL_ACCOUNT);
	if (!inplace->edits)
		return -ENOMEM;
	for (addr = inplace->start; addr < end; addr += len) {
		struct shk_edit *edit = &inplace->edits[inplace->nr_edits++];

		len = min3(end - addr, (unsigned long)SHK_EDIT_MAX,
			   PAGE_SIZE - offset_in_page(addr));
		edit->addr = addr;
		edit->len = len;
		memcpy(edit->bytes, bytes + (addr - inplace->start), len);
	}
	return 0;
}

/*
 * Returns the address at which the body of the function at @addr begins: behind its ENDBR and
 * __fentry__ site.
 */
static unsigned long behind_site(unsigned long addr)
{
	unsigned long site = shk_call(ftrace_location)(addr);

	if (site)
		return site + CALL_INSN_SIZE;
	return shk_is_endbr(addr) ? addr + ENDBR_INSN_SIZE : addr;
}

/*
 * Returns the size of the function at @addr in @mod, as its symbol says; 0 if there is no symbol.
 * shk_symbol_of() cannot be used: by that, a function ends where the next one begins, or where the
 * page ends.
 */
static unsigned long size_of(const struct module *mod, unsigned long addr)
{
	const struct mod_kallsyms *symbols;
	unsigned long size = 0;
	unsigned int i;

	preempt_disable();
	symbols = rcu_dereference_sched(mod->kallsyms);
	for (i = 0; i < symbols->num_symtab; i++)
		if (symbols->symtab[i].st_value == addr)
			size = max_t(unsigned long, size, symbols->symtab[i].st_size);
	preempt_enable();
	return size;
}

/*
 * Makes the edits of @inplace, which write the new body of @func over the base's: a copy that can
 * run at the base's address. Sleeps. Returns 0 or an error of shk_inplace_prepare().
 */
static int inplace_move_body(struct shk_func *func, struct shk_inplace *inplace)
{
	struct shk_move move = {
		.mod = func->patch->mod ?: THIS_MODULE,
		.from = inplace->twin,
		.to = inplace->start,
		.room = inplace->end - inplace->start,
	};
	int ret;

	if (func->patch->kind == SHK_PATCH_RETURN)
		move.from_len = SHK_BODY_SIZE;
	else
		move.from_len = size_of(move.mod, func->body) - (inplace->twin - func->body);
	if (!move.from_len)
		return SHK_E(BODY_FIXED);
	move.bytes = kmalloc(move.room, GFP_KERNEL);
	if (!move.bytes)
		return -ENOMEM;
	ret = shk_relocate(&move);
	if (!ret)
		ret = inplace_make_edits(inplace, move.bytes);
	kfree(move.bytes);
	return ret;
}

/*
 * Allocates @func->inplace, and prepares the copy of the new body of @func that can run at the
 * base's address. Applies nothing. Sleeps. Returns 0 or an error of shk_inplace_prepare();
 * @func->inplace is freed with the patch.
 */
static int inplace_prepare_func(struct shk_func *func)
{
	struct shk_inplace *inplace = kzalloc(sizeof(*inplace), GFP_KERNEL_ACCOUNT);
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];
	int ret;

	if (!inplace)
		return -ENOMEM;
	func->inplace = inplace;
	if (inplace_is_changing(func->symbol))
		return SHK_E(CHANGES_TEXT);
	if (func->owner)
		return SHK_E(BODY_FIXED);
	ret = shk_symbol_of(func->addr, name, &offset, &size);
	if (ret)
		return ret;
	inplace->start = behind_site(func->addr);
	inplace->end = func->addr + size;
	inplace->twin = behind_site(func->body);
	if (inplace->start >= inplace->end)
		return SHK_E(BODY_TOO_LONG);
	/* A task at the first byte, or that returns to it, has executed nothing of the body. */
	shk_body_add(inplace->bodies, &inplace->nr_bodies, inplace->start + 1, inplace->end);
	if (func->old || has_exceptions(inplace->start, inplace->end) ||
	    shk_base_has_keys(inplace->start, inplace->end) ||
	    strlen(func->symbol) + strlen(".cold") >= SHK_SYMBOL_LEN)
		return SHK_E(BODY_FIXED);
	ret = shk_bodies_add_cold(inplace->bodies, &inplace->nr_bodies, func->symbol);
	return ret ?: inplace_move_body(func, inplace);
}

int shk_inplace_prepare(struct shk_patch *patch)
{
	struct shk_func *func;
	unsigned int nr = shk_patch_nr_funcs(patch);
	int ret;

	/* Allocate these now: restoring the base's bytes later must not fail. */
	patch->replacements = kcalloc(nr, sizeof(*patch->replacements), GFP_KERNEL_ACCOUNT);
	if (!patch->replacements)
		return -ENOMEM;
	list_for_each_entry (func, &patch->funcs, node) {
		ret = inplace_prepare_func(func);
		if (ret) {
			strscpy(patch->symbol, func->symbol, sizeof(patch->symbol));
			return ret;
		}
		patch->replacements[patch->nr_replacements++] = (struct shk_replacement){
			.edits = func->inplace->edits,
			.nr = func->inplace->nr_edits,
			.resume = func->inplace->twin,
		};
	}
	return 0;
}

void shk_inplace_free(struct shk_func *func)
{
	if (func->inplace)
		kfree(func->inplace->edits);
	kfree(func->inplace);
}

bool shk_inplace_at(const struct shk_shadow *shadow, unsigned long site)
{
	const struct shk_body *body;

	lockdep_assert_held(&shadow->lock);
	list_for_each_entry (body, &shadow->bodies, node)
		if (body->from == site + CALL_INSN_SIZE + 1)
			return true;
	return false;
}

int shk_inplace_pin(struct shk_patch *patch)
{
	struct shk_func *func;
	int ret;

	list_for_each_entry (func, &patch->funcs, node) {
		ret = shk_edit_pin(patch->shadow, func->inplace->start, func->inplace->end);
		if (ret)
			return ret;
		func->inplace->pinned = true;
		patch->shadow->nr_common++;
	}
	return 0;
}

void shk_inplace_unpin(struct shk_patch *patch)
{
	struct shk_func *func;

	list_for_each_entry (func, &patch->funcs, node) {
		if (!func->inplace || !func->inplace->pinned)
			continue;
		shk_edit_unpin(patch->shadow, func->inplace->start, func->inplace->end);
		func->inplace->pinned = false;
		patch->shadow->nr_common--;
	}
}

/*
 * Lists the ranges of text in which no thread may be when the bodies of @patch are exchanged: adds
 * them to @checked, which is .extra_bodies of a struct shk_stack_check. The caller removes them by
 * shk_stack_check_clear_extra(). The shadow's lock is held.
 */
static void inplace_list_bodies(struct shk_patch *patch, struct list_head *checked)
{
	struct shk_func *func;
	unsigned int i;

	list_for_each_entry (func, &patch->funcs, node)
		for (i = 0; i < func->inplace->nr_bodies; i++)
			list_add(&func->inplace->bodies[i].in_check, checked);
}

/*
 * Sets @patch->in_place to @in, and adds the functions' bodies to shk_shadow.bodies (@in) or
 * removes them. While they are in the list, processes enter and leave the shadow only when none of
 * their threads is in one (change_text.c). text_mutex is held; takes shk_graft_lock.
 */
static void inplace_set_state(struct shk_patch *patch, bool in)
{
	struct shk_func *func;
	unsigned int i;

	lockdep_assert_held(shk_symbols.text_mutex);
	spin_lock(&shk_graft_lock);
	list_for_each_entry (func, &patch->funcs, node)
		for (i = 0; i < func->inplace->nr_bodies; i++)
			if (in)
				list_add(&func->inplace->bodies[i].node, &patch->shadow->bodies);
			else
				list_del_init(&func->inplace->bodies[i].node);
	spin_unlock(&shk_graft_lock);
	patch->in_place = in;
}

/* The argument of inplace_put_if_clear(). */
struct inplace_put {
	struct shk_patch *patch;
	struct shk_stack_check check;
	bool in;
};

/*
 * Checks that no thread is in a body, if CPUs may execute the text. If none is, sets
 * shk_patch.in_place and shk_shadow.bodies. @arg is a struct inplace_put. Callback of
 * shk_text_replace(), which changes the bytes after that. text_mutex is held all the time, so other
 * tasks that take it see either both changes or none. Returns 0, or -EAGAIN: a thread is in a body,
 * and nothing has changed.
 */
static int inplace_put_if_clear(void *arg)
{
	struct inplace_put *p = arg;
	int ret = p->patch->shadow->text.live ? shk_stack_check_run(&p->check) : 0;

	if (!ret)
		inplace_set_state(p->patch, p->in);
	return ret;
}

int shk_inplace_put(struct shk_patch *patch, bool in, pid_t *busy)
{
	struct inplace_put putting = {
		.patch = patch,
		.check = { .shadow = patch->shadow,
			   .extra_bodies = LIST_HEAD_INIT(putting.check.extra_bodies) },
		.in = in,
	};
	int ret;

	lockdep_assert_held(&patch->shadow->lock);
	/* The answer may have changed while a thread was waited for, without the lock. */
	ret = in ? shk_inplace_allowed(patch->shadow) : 0;
	if (ret)
		return ret;
	inplace_list_bodies(patch, &putting.check.extra_bodies);
	ret = shk_edit_replace(patch->shadow, patch->replacements, patch->nr_replacements, in,
			       inplace_put_if_clear, &putting);
	*busy = putting.check.busy;
	shk_stack_check_clear_extra(&putting.check);
	return ret;
}
