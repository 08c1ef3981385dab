// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <asm/text-patching.h>

#include "edit/free_passes.h"
#include "edit/inplace.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/slot_entry.h"
#include "graft/stack_check.h"
#include "shadow/edits.h"

static struct shk_patch *patch_find(struct shk_shadow *shadow, u64 id, const char *name)
{
	struct shk_patch *patch;

	list_for_each_entry (patch, &shadow->patches, node)
		if (id ? patch->id == id : !strcmp(patch->name, name))
			return patch;
	return NULL;
}

static bool patch_name_is_taken(struct shk_shadow *shadow, const char *name)
{
	return patch_find(shadow, 0, name);
}

/* ---- what is freed when no task can be in it any more ---- */

static LLIST_HEAD(free_list);
static atomic_t nr_to_free = ATOMIC_INIT(0);
static struct shk_free_passes free_passes = SHK_FREE_PASSES(free_passes);
/* Functions and objects of modules, which cannot be unloaded before these are freed. */
static atomic_t nr_owned = ATOMIC_INIT(0);
static void patches_free_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(patches_free_work, patches_free_work_fn);

static void patch_put_owner(struct module *owner)
{
	module_put(owner);
	if (owner)
		atomic_dec(&nr_owned);
}

static void patch_free(struct shk_patch *patch)
{
	struct shk_func *func, *next;
	unsigned int i;

	list_for_each_entry_safe (func, next, &patch->funcs, node) {
		if (func->stub >= 0)
			shk_stub_put(func->stub);
		if (patch->kind == SHK_PATCH_RETURN && func->body)
			shk_body_put(func->body);
		if (func->old)
			shk_old_put(func->old);
		patch_put_owner(func->owner);
		shk_inplace_free(func);
		kfree(func);
	}
	if (patch->detour)
		shk_detour_put(patch->detour);
	patch_put_owner(patch->owner);
	if (patch->was_on)
		shk_livepatch_call(patch, SHK_POST_UNPATCH);
	for (i = 0; i < patch->nr_objects; i++)
		patch_put_owner(patch->objects[i]);
	if (patch->mod) {
		module_put(patch->mod);
		module_put(THIS_MODULE);
	}
	kfree(patch->bodies);
	kfree(patch->objects);
	kfree(patch->replacements);
	kfree(patch->edits);
	kfree(patch);
}

/*
 * A task may have been preempted in a stub, a body or a detour, and sleep in a
 * body that a module has, which may call the old one.
 */
static void patches_free_queued(struct llist_node *all)
{
	struct shk_patch *patch, *next;

	synchronize_rcu_tasks();
	synchronize_rcu();
	llist_for_each_entry_safe (patch, next, all, free_node) {
		if (!patch->mod || shk_module_stacks_clear(patch->mod)) {
			patch_free(patch);
			atomic_dec(&nr_to_free);
			continue;
		}
		llist_add(&patch->free_node, &free_list);
		queue_delayed_work(system_long_wq, &patches_free_work, HZ / 10);
	}
}

static void patches_free_work_fn(struct work_struct *work)
{
	shk_free_pass_run(&free_passes, &free_list, patches_free_queued);
}

static void patch_queue_free(struct shk_patch *patch)
{
	atomic_inc(&nr_to_free);
	llist_add(&patch->free_node, &free_list);
	mod_delayed_work(system_long_wq, &patches_free_work, 0);
}

bool shk_patches_settle(bool all)
{
	u64 pass = shk_free_pass_next(&free_passes);

	if (!atomic_read(all ? &nr_to_free : &nr_owned))
		return false;
	mod_delayed_work(system_long_wq, &patches_free_work, 0);
	return !shk_free_pass_wait(&free_passes, pass);
}

void shk_patches_exit(void)
{
	/* Those with modules hold this one. */
	flush_delayed_work(&patches_free_work);
	patches_free_work_fn(NULL);
}

/* ---- effect ---- */

static void patch_refresh_sites(struct shk_patch *patch)
{
	struct shk_func *func;

	list_for_each_entry (func, &patch->funcs, node)
		if (func->site)
			shk_site_refresh(func->site);
}

/* All stubs ask for the state while it changes, so one store changes them all. */
static void patch_switch_on(struct shk_patch *patch)
{
	WRITE_ONCE(patch->state, SHK_PATCH_ON);
	WRITE_ONCE(patch->state, SHK_PATCH_FAST);
	patch_refresh_sites(patch);
}

static void patch_switch_off(struct shk_patch *patch)
{
	WRITE_ONCE(patch->state, SHK_PATCH_ON);
	patch_refresh_sites(patch);
	WRITE_ONCE(patch->state, SHK_PATCH_OFF);
}

static void patch_revert_edits(struct shk_patch *patch)
{
	struct shk_func *func;
	unsigned int i;

	shk_livepatch_switch_forget(patch);
	list_for_each_entry (func, &patch->funcs, node)
		if (func->site)
			shk_site_unpatch(func);
	for (i = 0; i < patch->nr_edits; i++)
		if (patch->edits[i].page) {
			shk_edit_revert(patch->shadow, &patch->edits[i]);
			patch->shadow->nr_common--;
		}
	shk_inplace_unpin(patch);
}

/* ---- in place: from jumps to there, and back ---- */

static void patch_remove_jumps(struct shk_patch *patch)
{
	struct shk_func *func;

	list_for_each_entry (func, &patch->funcs, node) {
		if (!func->site)
			continue;
		shk_site_unpatch(func);
		/* Who is on the way through the stub goes on behind the site. */
		WRITE_ONCE(func->site, NULL);
	}
}

static int patch_add_jumps(struct shk_patch *patch)
{
	struct shk_func *func;
	int ret;

	list_for_each_entry (func, &patch->funcs, node) {
		ret = shk_site_patch(patch->shadow, func, shk_call(ftrace_location)(func->addr));
		if (ret) {
			patch_remove_jumps(patch);
			return ret;
		}
	}
	patch_switch_on(patch);
	return 0;
}

static void patch_remove(struct shk_patch *patch)
{
	pid_t busy;

	lockdep_assert_held(&patch->shadow->lock);
	/* Else that was waited for; now nobody is there who could be in it. */
	if (patch->in_place && !WARN_ON_ONCE(shk_shadow_users(patch->shadow)))
		WARN_ON_ONCE(shk_inplace_put(patch, false, &busy));
	list_del(&patch->node);
	patch->shadow->nr_patches--;
	/* Else it was never on, or whoever switches it has called that. */
	if (patch->was_on && patch->state != SHK_PATCH_OFF && !patch->switching)
		shk_livepatch_call(patch, SHK_PRE_UNPATCH);
	if (patch->state != SHK_PATCH_OFF)
		patch_switch_off(patch);
	patch_revert_edits(patch);
	patch_queue_free(patch);
}

/* ---- when no task is in their bodies: livepatches, and what is in place ---- */

static int patch_put_in_place(struct shk_patch *patch, pid_t *busy)
{
	return shk_inplace_put(patch, true, busy);
}

static int patch_take_from_place(struct shk_patch *patch, pid_t *busy)
{
	return shk_inplace_put(patch, false, busy);
}

/*
 * Has @patch of @shadow's list changed by @try, as soon as that does not return -EAGAIN.
 * The shadow is locked, but not while a task is waited for; it may be destroyed
 * then: SHADOW_DESTROYED, and @patch is gone. TASK_BUSY: @busy was in a body all the time; -ERESTARTSYS;
 * others of @try.
 */
static int patch_wait_and_change(struct shk_shadow *shadow, struct shk_patch *patch,
				 int (*try)(struct shk_patch *patch, pid_t *busy), pid_t *busy)
{
	unsigned long until = 0;
	u64 id = patch->id;
	int ret;

	patch->switching = true;
	while ((ret = try(patch, busy)) == -EAGAIN) {
		shk_shadow_unlock(shadow);
		ret = shk_busy_task_wait(&until);
		shk_shadow_lock_always(shadow, NULL);
		if (patch_find(shadow, id, "") != patch)
			return SHK_E(SHADOW_DESTROYED);
		if (ret)
			break;
	}
	patch->switching = false;
	return ret;
}

/* Back to jumps; without them, if nobody is there to jump. */
static int patch_wait_and_take_from_place(struct shk_patch *patch, pid_t *busy)
{
	bool live = shk_shadow_users(patch->shadow);
	int ret = live ? patch_add_jumps(patch) : 0;

	if (ret)
		return ret;
	ret = patch_wait_and_change(patch->shadow, patch, patch_take_from_place, busy);
	if (ret && ret != SHK_E(SHADOW_DESTROYED))
		patch_remove_jumps(patch);
	return ret;
}

/* As livepatch does it, which has nothing to call where a transition back is reversed but this. */
static int patch_wait_and_switch_off(struct shk_patch *patch, pid_t *busy)
{
	int ret;

	if (patch->was_on)
		shk_livepatch_call(patch, SHK_PRE_UNPATCH);
	WRITE_ONCE(patch->state, SHK_PATCH_ON);
	patch_refresh_sites(patch);
	ret = patch_wait_and_change(patch->shadow, patch, shk_livepatch_switch, busy);
	if (!ret || ret == SHK_E(SHADOW_DESTROYED))
		return ret;
	WRITE_ONCE(patch->state, SHK_PATCH_FAST);
	patch_refresh_sites(patch);
	if (patch->was_on)
		shk_livepatch_call(patch, SHK_POST_PATCH);
	return ret;
}

/* ---- adding ---- */

/* The bodies are those of a module, which @object names. */
static bool has_module(u32 kind)
{
	return kind == SHK_PATCH_MODULE || kind == SHK_PATCH_LIVEPATCH;
}

/* They change while nobody is inside: see thunk.c. */
static bool is_thunk(u32 kind)
{
	return kind == SHK_PATCH_RETPOLINES || kind == SHK_PATCH_RETURNS;
}

static const u32 flags_of[] = {
	[SHK_PATCH_NOP] = SHK_PATCH_IN_PLACE,
	[SHK_PATCH_RETURN] = SHK_PATCH_IN_PLACE,
	[SHK_PATCH_SKIP_CALL] = SHK_PATCH_VALUE,
	[SHK_PATCH_MODULE] = SHK_PATCH_IN_PLACE,
	[SHK_PATCH_LIVEPATCH] = SHK_PATCH_CALLBACKS | SHK_PATCH_UNSAFE_NOW,
	[SHK_PATCH_RETURNS] = 0,
};

/* What struct shk_patch_add's union says, for all kinds. */
struct wish {
	struct shk_location place;
	u64 offset; /* SKIP_CALL: of the call */
	u64 value;
	const char *object; /* the callee or the module */
	size_t used;	    /* bytes of the union that the kind uses */
};

static bool is_terminated(const char *string, size_t room)
{
	return strnlen(string, room) < room;
}

static int wish_of_function(const struct shk_patch_function *arg, struct wish *wish)
{
	if (!is_terminated(arg->symbol, sizeof(arg->symbol)) || !*arg->symbol == !arg->addr)
		return -EINVAL;
	wish->place = (struct shk_location){ arg->symbol, arg->addr, 0 };
	wish->value = arg->value;
	wish->used = sizeof(*arg);
	return 0;
}

static int wish_of_call(const struct shk_patch_call *arg, struct wish *wish)
{
	if (!is_terminated(arg->symbol, sizeof(arg->symbol)) || !*arg->symbol == !arg->addr ||
	    !is_terminated(arg->callee, sizeof(arg->callee)) || !*arg->callee)
		return -EINVAL;
	wish->place = (struct shk_location){ arg->symbol, arg->addr, 0 };
	wish->offset = arg->offset;
	wish->value = arg->value;
	wish->object = arg->callee;
	wish->used = sizeof(*arg);
	return 0;
}

static int wish_of_module(const struct shk_patch_module *arg, struct wish *wish)
{
	if (!is_terminated(arg->name, sizeof(arg->name)) || !*arg->name)
		return -EINVAL;
	wish->object = arg->name;
	wish->used = sizeof(*arg);
	return 0;
}

/* -EINVAL: @arg is malformed. */
static int wish_of(const struct shk_patch_add *arg, struct wish *wish)
{
	int ret = 0;

	*wish = (struct wish){ .object = "" };
	if (arg->kind < SHK_PATCH_NOP || arg->kind > SHK_PATCH_RETURNS || arg->reserved ||
	    arg->flags & ~flags_of[arg->kind] || !is_terminated(arg->name, sizeof(arg->name)))
		return -EINVAL;
	if (arg->kind == SHK_PATCH_NOP || arg->kind == SHK_PATCH_RETURN)
		ret = wish_of_function(&arg->function, wish);
	else if (arg->kind == SHK_PATCH_SKIP_CALL)
		ret = wish_of_call(&arg->call, wish);
	else if (has_module(arg->kind))
		ret = wish_of_module(&arg->module, wish);
	if (ret)
		return ret;
	if (wish->value && arg->kind != SHK_PATCH_RETURN && !(arg->flags & SHK_PATCH_VALUE))
		return -EINVAL;
	return memchr_inv(arg->space + wish->used, 0, sizeof(arg->space) - wish->used) ? -EINVAL
										       : 0;
}

/* What switches tasks, waits, or makes shadows is the same in all of them. */
static bool patch_may_differ(unsigned long addr, const char *symbol)
{
	return shk_location_may_differ(addr, symbol) &&
	       !(addr >= shk_symbols.sched_text && addr < shk_symbols.sched_text_end);
}

/* The kernel's word that it may be changed: not noinstr, not blacklisted. */
static int patch_check_kprobes(unsigned long addr)
{
	int ret = shk_site_check(addr);

	return ret == SHK_E(CANNOT_STEP) ? SHK_E(FORBIDDEN) : ret;
}

/*
 * The module whose text @symbol at @addr is, which may be another one's since it was
 * looked up, goes to @owner, even on error; NULL of the kernel's own.
 */
static int patch_get_owner(unsigned long addr, const char *symbol, struct module **owner)
{
	struct module *mod = shk_module_get_at(addr);
	char name[SHK_SYMBOL_LEN];
	unsigned long offset, size;

	if (IS_ERR_OR_NULL(mod))
		return PTR_ERR_OR_ZERO(mod);
	*owner = mod;
	atomic_inc(&nr_owned);
	return shk_symbol_of(addr, name, &offset, &size) || offset || strcmp(name, symbol)
		       ? SHK_E(SYMBOL_UNKNOWN)
		       : 0;
}

/* May the function at @addr have another body? Errors of struct shk_patch_add. */
static int check_func(unsigned long addr, const char *symbol)
{
	unsigned long site;

	if (!patch_may_differ(addr, symbol))
		return SHK_E(FORBIDDEN);
	site = shk_call(ftrace_location)(addr);
	if (site)
		return shk_branch_spans_pages(site) ? SHK_E(PAGE_EDGE) : 0;
	/* Where nothing may be changed at all is the better reason. */
	return patch_check_kprobes(addr) == SHK_E(FORBIDDEN) ? SHK_E(FORBIDDEN) : SHK_E(NO_FENTRY);
}

struct shk_func *shk_func_add(struct shk_patch *patch, const char *symbol, unsigned long addr,
			      unsigned long body)
{
	struct shk_func *func = kzalloc(sizeof(*func), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!func)
		return ERR_PTR(-ENOMEM);
	func->patch = patch;
	func->addr = addr;
	func->body = body;
	func->stub = -1;
	strscpy(func->symbol, symbol, sizeof(func->symbol));
	list_add_tail(&func->node, &patch->funcs);
	ret = patch_get_owner(addr, symbol, &func->owner) ?: check_func(addr, symbol);
	return ret ? ERR_PTR(ret) : func;
}

static int prepare_return(struct shk_patch *patch, unsigned long addr)
{
	struct shk_func *func = shk_func_add(patch, patch->symbol, addr, 0);

	if (IS_ERR(func))
		return PTR_ERR(func);
	func->body = patch->kind == SHK_PATCH_RETURN ? shk_body_get(patch->value)
						     : (unsigned long)shk_body_nop;
	return func->body ? 0 : SHK_E(NO_ROOM);
}

static int prepare_skip(struct shk_patch *patch, unsigned long addr, u64 offset)
{
	unsigned long at, next, func_offset, size;
	char name[KSYM_SYMBOL_LEN];
	long found;
	int ret;

	if (!patch_may_differ(addr, patch->symbol))
		return SHK_E(FORBIDDEN);
	ret = patch_get_owner(addr, patch->symbol, &patch->owner);
	if (!ret)
		ret = shk_symbol_of(addr, name, &func_offset, &size);
	if (ret)
		return ret;
	found = shk_call_find(addr, size, patch->object, offset);
	if (found < 0)
		return found;
	patch->offset = found;
	at = addr + found;
	next = at + CALL_INSN_SIZE;
	if (shk_at_page_edge(at, found))
		return SHK_E(PAGE_EDGE);
	ret = patch_check_kprobes(at);
	if (ret)
		return ret;
	if (patch->flags & SHK_PATCH_VALUE) {
		patch->detour = shk_detour_get_value(patch->value, next);
		if (!patch->detour)
			return SHK_E(NO_ROOM);
	}
	/* A jump over nothing is a nop that the poker knows how to step over. */
	patch->edits = kzalloc(sizeof(*patch->edits), GFP_KERNEL_ACCOUNT);
	if (!patch->edits)
		return -ENOMEM;
	patch->nr_edits = 1;
	shk_edit_branch(patch->edits, at, JMP32_INSN_OPCODE,
			patch->detour ? (unsigned long)patch->detour : next);
	return 0;
}

/* Nothing is reverted here: the caller takes out what is in. */
static int patch_apply_edits(struct shk_patch *patch)
{
	struct shk_func *func;
	unsigned int i;
	int ret;

	if (is_thunk(patch->kind) && shk_shadow_live(patch->shadow))
		return SHK_E(PROCESSES_INSIDE);
	/* These, and bodies in place, cannot ask whether the thread is to act on them. */
	if ((patch->nr_edits || patch->nr_replacements) && READ_ONCE(patch->shadow->nr_threads))
		return SHK_E(THREADS_INSIDE);
	/* Once more: since patch_prepare() a handle may have been shared or system calls selected. */
	if (patch->nr_replacements || patch->bodies) {
		ret = shk_inplace_allowed(patch->shadow);
		if (ret)
			return ret;
	}
	if (patch->nr_replacements) {
		ret = shk_inplace_pin(patch);
		if (ret)
			return ret;
	}
	list_for_each_entry (func, &patch->funcs, node) {
		ret = shk_site_patch(patch->shadow, func, shk_call(ftrace_location)(func->addr));
		if (ret) {
			strscpy(patch->symbol, func->symbol, sizeof(patch->symbol));
			return ret;
		}
	}
	for (i = 0; i < patch->nr_edits; i++) {
		ret = shk_edit_apply(patch->shadow, &patch->edits[i]);
		if (ret)
			return ret;
		patch->shadow->nr_common++;
	}
	return 0;
}

static int patch_choose_name(struct shk_shadow *shadow, struct shk_patch *patch, const char *wish)
{
	char after[SHK_NAME_LEN];

	if (patch->kind == SHK_PATCH_SKIP_CALL)
		snprintf(after, sizeof(after), "%.24s-%s", patch->symbol, patch->object);
	else if (is_thunk(patch->kind))
		strscpy(after, patch->kind == SHK_PATCH_RETURNS ? "returns" : "retpolines",
			sizeof(after));
	else
		snprintf(after, sizeof(after), "%s",
			 has_module(patch->kind) ? patch->object : patch->symbol);
	return shk_name_choose(shadow, patch->name, wish, after, patch_name_is_taken);
}

static int patch_prepare_bodies(struct shk_patch *patch, const struct wish *wish)
{
	unsigned long addr, offset, size;
	int ret;

	switch (patch->kind) {
	case SHK_PATCH_MODULE:
		return shk_module_prepare(patch);
	case SHK_PATCH_LIVEPATCH:
		return shk_livepatch_prepare(patch);
	case SHK_PATCH_CAPTURE:
		return shk_capture_prepare(patch);
	case SHK_PATCH_RETPOLINES:
		return shk_retpolines_prepare(patch);
	case SHK_PATCH_RETURNS:
		return shk_returns_prepare(patch);
	}
	strscpy(patch->symbol, wish->place.symbol, sizeof(patch->symbol));
	ret = shk_location_resolve(&wish->place, patch->symbol, &addr, &offset, &size);
	if (ret)
		return ret;
	if (offset)
		return SHK_E(NOT_FUNCTION);
	if (patch->kind == SHK_PATCH_SKIP_CALL)
		return prepare_skip(patch, addr, wish->offset);
	return prepare_return(patch, addr);
}

static int patch_prepare(struct shk_patch *patch, const struct wish *wish)
{
	bool in_place = patch->flags & SHK_PATCH_IN_PLACE;
	bool waits = patch->kind == SHK_PATCH_LIVEPATCH && !(patch->flags & SHK_PATCH_UNSAFE_NOW);
	int ret = in_place || waits ? shk_inplace_allowed(patch->shadow) : 0;

	if (!ret)
		ret = patch_prepare_bodies(patch, wish);
	if (!ret && in_place)
		ret = shk_inplace_prepare(patch);
	if (!ret && waits)
		ret = shk_livepatch_switch_prepare(patch);
	return ret;
}

static void patch_publish(struct shk_patch *patch)
{
	struct shk_shadow *shadow = patch->shadow;

	patch->id = ++shadow->last_patch;
	list_add_tail(&patch->node, &shadow->patches);
	shadow->nr_patches++;
}

/*
 * Published first, for the shadow may be destroyed while a task is waited for. Others leave
 * it alone until it is done. Errors of patch_wait_and_change().
 */
static int patch_publish_and_change(struct shk_patch *patch,
				    int (*try)(struct shk_patch *patch, pid_t *busy), pid_t *busy)
{
	struct shk_shadow *shadow = patch->shadow;
	int ret;

	patch_publish(patch);
	ret = patch_wait_and_change(shadow, patch, try, busy);
	if (ret && ret != SHK_E(SHADOW_DESTROYED)) {
		list_del(&patch->node);
		shadow->nr_patches--;
	}
	return ret;
}

/* From nowhere to where it is to be: by jumps, or in the place of what they lead away from. */
static int patch_turn_on(struct shk_patch *patch, pid_t *busy)
{
	int ret = 0;

	if (patch->bodies) {
		shk_livepatch_switch_begin(patch);
		ret = patch_publish_and_change(patch, shk_livepatch_switch, busy);
	} else if (!patch->nr_replacements) {
		patch_publish(patch);
	}
	if (ret)
		return ret;
	patch_switch_on(patch);
	if (patch->nr_replacements) {
		ret = patch_publish_and_change(patch, patch_put_in_place, busy);
		if (!ret)
			patch_remove_jumps(patch);
	}
	return ret;
}

/* After an error: the function that it is about, or else the module. */
static void note_subject(const struct shk_patch *patch, struct shk_patch_add *arg)
{
	strscpy(arg->subject, *patch->symbol ? patch->symbol : patch->object, sizeof(arg->subject));
}

int shk_patch_add(struct shk_shadow *shadow, struct shk_patch_add *arg)
{
	struct shk_patch *patch;
	struct shk_prepared was;
	struct wish wish;
	int ret;

	memset(arg->subject, 0, sizeof(arg->subject));
	ret = wish_of(arg, &wish);
	if (ret)
		return ret;
	patch = kzalloc(sizeof(*patch), GFP_KERNEL_ACCOUNT);
	if (!patch)
		return -ENOMEM;
	patch->shadow = shadow;
	patch->kind = arg->kind;
	patch->flags = arg->flags;
	patch->value = wish.value;
	INIT_LIST_HEAD(&patch->funcs);
	strscpy(patch->object, wish.object, sizeof(patch->object));

	ret = patch_prepare(patch, &wish);
	atomic_add(patch->nr_objects, &nr_owned);
	if (ret)
		goto free;

	ret = shk_shadow_lock(shadow);
	if (ret)
		goto patch_queue_free;
	was = shk_shadow_prepared(shadow);
	ret = shadow->dead ? SHK_E(SHADOW_DESTROYED) : patch_choose_name(shadow, patch, arg->name);
	if (!ret)
		ret = patch_apply_edits(patch);
	if (!ret)
		ret = shk_livepatch_pre_patch(patch);
	if (ret)
		goto patch_revert_edits;
	patch->was_on = true;
	ret = patch_turn_on(patch, &arg->busy);
	if (ret == SHK_E(SHADOW_DESTROYED))
		goto unlock;
	if (ret)
		goto patch_switch_off;
	shk_livepatch_call(patch, SHK_POST_PATCH);
	arg->id = patch->id;
	strscpy(arg->name, patch->name, sizeof(arg->name));
	shk_shadow_unlock(shadow);
	return 0;
patch_switch_off:
	if (patch->state != SHK_PATCH_OFF)
		patch_switch_off(patch);
patch_revert_edits:
	patch_revert_edits(patch);
	/* Where a task was waited for there was one inside, and both are true. */
	shk_shadow_unprepare(shadow, &was);
	shk_shadow_unlock(shadow);
	note_subject(patch, arg);
patch_queue_free:
	patch_queue_free(patch);
	return ret;
unlock:
	shk_shadow_unlock(shadow);
	return ret;
free:
	note_subject(patch, arg);
	patch_free(patch);
	return ret;
}

int shk_patch_remove(struct shk_shadow *shadow, struct shk_patch_remove *arg)
{
	struct shk_patch *patch;
	int ret;

	if (arg->flags & ~SHK_PATCH_UNSAFE_NOW ||
	    strnlen(arg->name, sizeof(arg->name)) == sizeof(arg->name) || !arg->id == !*arg->name)
		return -EINVAL;
	ret = shk_shadow_lock(shadow);
	if (ret)
		return ret;
	patch = patch_find(shadow, arg->id, arg->name);
	if (!patch)
		ret = SHK_E(ID_UNKNOWN);
	else if (patch->switching)
		ret = SHK_E(PATCH_BUSY);
	else if (is_thunk(patch->kind) && shk_shadow_live(shadow))
		ret = SHK_E(PROCESSES_INSIDE);
	else if (arg->flags && patch->kind != SHK_PATCH_LIVEPATCH)
		ret = SHK_E(NOT_LIVEPATCH);
	else if (patch->in_place)
		ret = patch_wait_and_take_from_place(patch, &arg->busy);
	else if (patch->bodies && !arg->flags && !shk_livepatch_enabled(patch))
		ret = patch_wait_and_switch_off(patch, &arg->busy);
	if (!ret)
		patch_remove(patch);
	shk_shadow_unlock(shadow);
	/* The shadow was destroyed, and the patch removed by that. */
	return ret == SHK_E(SHADOW_DESTROYED) ? 0 : ret;
}

int shk_patch_promote(struct shk_shadow *shadow, const struct shk_patch_promote *arg)
{
	struct shk_patch *patch;
	int ret;

	if (arg->flags || strnlen(arg->name, sizeof(arg->name)) == sizeof(arg->name) ||
	    !arg->id == !*arg->name)
		return -EINVAL;
	ret = shk_shadow_lock(shadow);
	if (ret)
		return ret;
	ret = SHK_E(ID_UNKNOWN);
	patch = patch_find(shadow, arg->id, arg->name);
	if (patch && patch->switching)
		ret = SHK_E(PATCH_BUSY);
	else if (patch)
		ret = patch->klp ? shk_livepatch_promote(patch) : SHK_E(NOT_LIVEPATCH);
	shk_shadow_unlock(shadow);
	return ret;
}

void shk_patches_teardown(struct shk_shadow *shadow)
{
	struct shk_patch *patch, *prev;

	lockdep_assert_held(&shadow->lock);
	list_for_each_entry_safe_reverse (patch, prev, &shadow->patches, node)
		patch_remove(patch);
}

/* ---- telling ---- */

static unsigned int nr_functions(const struct shk_patch *patch)
{
	return patch->nr_edits ?: shk_patch_nr_funcs(patch);
}

static void patch_report(const struct shk_patch *patch, u32 index, struct shk_patch_info *info,
			 bool show_addr)
{
	const struct shk_func *func;
	unsigned long offset, size;
	u32 i = 0;

	*info = (struct shk_patch_info){
		.flags = patch->flags | (shk_livepatch_promoted(patch) ? SHK_PATCH_PROMOTED : 0),
		.id = patch->id,
		.index = index,
		.nr_functions = nr_functions(patch),
		.kind = patch->kind,
		.offset = patch->offset,
		.value = patch->value,
	};
	strscpy(info->name, patch->name, sizeof(info->name));
	strscpy(info->symbol, patch->symbol, sizeof(info->symbol));
	strscpy(info->object, patch->object, sizeof(info->object));
	list_for_each_entry (func, &patch->funcs, node) {
		if (i++ != index)
			continue;
		info->addr = func->site ? func->site->edit.addr : func->inplace->start;
		strscpy(info->symbol, func->symbol, sizeof(info->symbol));
	}
	if (patch->nr_edits)
		info->addr = patch->edits[index].addr;
	if (is_thunk(patch->kind))
		shk_symbol_of(info->addr, info->symbol, &offset, &size);
	if (!show_addr)
		info->addr = 0;
}

/* A cursor is a patch's id and, in its low half, the index of the function that is next. */
int shk_patch_next(struct shk_shadow *shadow, u64 *cursor, struct shk_patch_info *info,
		   bool show_addr)
{
	u64 id = upper_32_bits(*cursor);
	struct shk_patch *patch;
	u32 index;
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	ret = -ENOENT;
	list_for_each_entry (patch, &shadow->patches, node) {
		/* What is not on yet is not there. */
		if (patch->id < id || patch->state == SHK_PATCH_OFF)
			continue;
		index = patch->id == id ? lower_32_bits(*cursor) : 0;
		if (index >= nr_functions(patch))
			continue;
		patch_report(patch, index, info, show_addr);
		*cursor = patch->id << 32 | (index + 1);
		ret = 0;
		break;
	}
	shk_shadow_unlock(shadow);
	return ret;
}
