// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds, removes and lists patches. The life of a patch is in patch.h.
 *
 * Steps of shk_patch_add() from patch_apply_edits() on; shk_patch_remove() reverts them in reverse
 * order. A step with an asterisk is tried again while a thread is in a body.
 *
 *   IN_PLACE            add jumps   patch_switch_on()           shk_inplace_put() *   remove jumps
 *   LIVEPATCH, waits    add jumps   shk_livepatch_switch() *    patch_switch_on()
 *   others with bodies  add jumps   patch_switch_on()
 *   others              add edits   patch_switch_on()
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <asm/text-patching.h>

#include "edit/capture.h"
#include "edit/free_passes.h"
#include "edit/inplace.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/slot_entry.h"
#include "graft/stack_check.h"
#include "shadow/edits.h"

/*
 * Returns the patch of @shadow with the id @id, or with the name @name if @id is 0; NULL: there is
 * none. The shadow's lock is held.
 */
static struct shk_patch *patch_find(struct shk_shadow *shadow, u64 id, const char *name)
{
	struct shk_patch *patch;

	list_for_each_entry (patch, &shadow->patches, node)
		if (id ? patch->id == id : !strcmp(patch->name, name))
			return patch;
	return NULL;
}

/*
 * Returns true if a patch of @shadow has @name. Callback of shk_name_choose(). The shadow's lock is
 * held.
 */
static bool patch_name_is_taken(struct shk_shadow *shadow, const char *name)
{
	return patch_find(shadow, 0, name);
}

/* ---- freeing removed patches ---- */

static LLIST_HEAD(free_list);
/* Removed patches that are not freed yet. */
static atomic_t nr_to_free = ATOMIC_INIT(0);
static struct shk_free_passes free_passes = SHK_FREE_PASSES(free_passes);
/* Number of references that patches, removed or not, hold to modules which they change. */
static atomic_t nr_owned = ATOMIC_INIT(0);
static void patches_free_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(patches_free_work, patches_free_work_fn);

/*
 * Drops a patch's reference to @owner, a module that the patch changes, and decrements nr_owned.
 * Does nothing if @owner is NULL. Any context.
 */
static void patch_put_owner(struct module *owner)
{
	module_put(owner);
	if (owner)
		atomic_dec(&nr_owned);
}

/*
 * Frees @patch and drops its references to modules. Calls post_unpatch of a livepatch, if pre_patch
 * was called. The caller ensures that no task is in its stubs, bodies and detour. Sleeps.
 */
void shk_patch_free(struct shk_patch *patch)
{
	struct shk_func *func, *next;
	unsigned int i;

	list_for_each_entry_safe (func, next, &patch->funcs, node) {
		if (func->stub >= 0)
			shk_stub_free(func->stub);
		if (patch->kind == SHK_PATCH_RETURN && func->body)
			shk_body_free(func->body);
		if (func->old)
			shk_old_put(func->old);
		patch_put_owner(func->owner);
		shk_inplace_free(func);
		kfree(func);
	}
	if (patch->detour)
		shk_detour_free(patch->detour);
	patch_put_owner(patch->owner);
	if (patch->was_on)
		shk_livepatch_call(patch, SHK_POST_UNPATCH);
	for (i = 0; i < patch->nr_objects; i++)
		patch_put_owner(patch->objects[i]);
	if (patch->mod) {
		module_put(patch->mod);
		module_put(THIS_MODULE);
	}
	shk_diversion_free(patch->diversion);
	kfree(patch->bodies);
	kfree(patch->objects);
	kfree(patch->replacements);
	kfree(patch->edits);
	kfree(patch);
}

/*
 * Frees the removed patches in @all, a list of shk_patch.free_node: callback of
 * shk_free_pass_run(). Tasks may have been preempted in a stub, a body or a detour, so it first
 * waits for a grace period of RCU tasks. Tasks may also sleep in a body of a module, and call the
 * old body later. Such a patch is queued again until no task is in the module's text. Worker;
 * sleeps.
 */
static void patches_free_queued(struct llist_node *all)
{
	struct shk_patch *patch, *next;

	synchronize_rcu_tasks();
	synchronize_rcu();
	llist_for_each_entry_safe (patch, next, all, free_node) {
		if (!patch->mod || shk_module_stacks_clear(patch->mod)) {
			shk_patch_free(patch);
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

/*
 * Queues @patch for the worker, which frees it (patches_free_work_fn()). The caller ensures that
 * @patch is in no list, and that no edit leads to it. Any context but NMI. Cannot fail.
 */
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
	/* No patch is queued again: one with a module would hold this module. */
	flush_delayed_work(&patches_free_work);
	patches_free_work_fn(NULL);
}

/* ---- effect ---- */

/*
 * Called after the state of @patch has changed. Makes the stubs of its functions fast (a jump to
 * the new body) or slow (a call of shk_hit_call(), which reads the state). Takes text_mutex; the
 * caller holds the shadow's lock.
 */
static void patch_refresh_sites(struct shk_patch *patch)
{
	struct shk_func *func;

	list_for_each_entry (func, &patch->funcs, node)
		if (func->site)
			shk_site_refresh(func->site);
}

/*
 * Switches @patch on: its functions have the new bodies from now on. The stubs of a new patch, to
 * which the functions' entries jump, are slow: each reads the state. So when the state becomes
 * SHK_PATCH_ON, all functions change at one instant. Then makes the stubs fast. Takes text_mutex;
 * the caller holds the shadow's lock.
 */
static void patch_switch_on(struct shk_patch *patch)
{
	WRITE_ONCE(patch->state, SHK_PATCH_ON);
	WRITE_ONCE(patch->state, SHK_PATCH_FAST);
	patch_refresh_sites(patch);
}

/*
 * Switches @patch off: its functions have the old bodies from now on. Makes its stubs slow first,
 * so that each reads the state. So when the state becomes SHK_PATCH_OFF, all functions change at
 * one instant. Takes text_mutex; the caller holds the shadow's lock.
 */
static void patch_switch_off(struct shk_patch *patch)
{
	WRITE_ONCE(patch->state, SHK_PATCH_ON);
	patch_refresh_sites(patch);
	WRITE_ONCE(patch->state, SHK_PATCH_OFF);
}

/*
 * Reverts the edits of @patch that are applied: all, or some if patch_apply_edits() has failed.
 * Ends its other effects on the shadow: the diversion and the private pages. The caller holds the
 * shadow's lock, and has switched the patch off. No body of it is copied over the base's
 * (shk_patch.in_place is false). Sleeps.
 */
static void patch_revert_edits(struct shk_patch *patch)
{
	struct shk_func *func;
	unsigned int i;

	shk_livepatch_switch_forget(patch);
	if (patch->diversion && patch->shadow->diversion == patch->diversion) {
		patch->shadow->workload = NULL;
		WRITE_ONCE(patch->shadow->diversion, NULL);
	}
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

/* ---- jumps of patches in place ---- */

/*
 * Removes the jumps from the entries of all functions of @patch to their stubs. The shadow's lock
 * is held. Sleeps. Cannot fail. Sets .site of these functions to NULL; a worker frees sites without
 * users.
 */
static void patch_remove_jumps(struct shk_patch *patch)
{
	struct shk_func *func;

	list_for_each_entry (func, &patch->funcs, node) {
		if (!func->site)
			continue;
		shk_site_unpatch(func);
		/* A CPU that is in the stub now continues behind the site: shk_stub_site(). */
		WRITE_ONCE(func->site, NULL);
	}
}

/*
 * Makes the entries of all functions of @patch jump to stubs, and so to the bodies in the module,
 * and switches the patch on. Called while the bodies are copied over the base's
 * (shk_patch.in_place), with the shadow's lock held. Sleeps. Returns 0, or an error of
 * shk_site_patch(): no jump was added.
 */
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

/*
 * Switches @patch off, removes it from its shadow, and queues it for the worker that frees it. The
 * caller ensures that no body of it is copied over the base's (shk_patch.in_place), or that no
 * process is inside. Cannot fail. The shadow's lock is held; sleeps.
 */
static void patch_remove(struct shk_patch *patch)
{
	pid_t busy;

	lockdep_assert_held(&patch->shadow->lock);
	/* Bodies are still in place only at the end of the shadow: no process is inside. */
	if (patch->in_place && !WARN_ON_ONCE(shk_shadow_users(patch->shadow)))
		WARN_ON_ONCE(shk_inplace_put(patch, false, &busy));
	list_del(&patch->node);
	patch->shadow->nr_patches--;
	/*
	 * If another call is switching the patch, that call has called pre_unpatch if it was due.
	 */
	if (patch->was_on && patch->state != SHK_PATCH_OFF && !patch->switching)
		shk_livepatch_call(patch, SHK_PRE_UNPATCH);
	if (patch->state != SHK_PATCH_OFF)
		patch_switch_off(patch);
	patch_revert_edits(patch);
	patch_queue_free(patch);
}

/* ---- waiting until no thread is in a body ---- */

/*
 * Copies the bodies of @patch over the base's: callback of patch_wait_and_change(). The shadow's
 * lock is held. Returns 0, -EAGAIN if thread *@busy is in a body, or another error of
 * shk_inplace_put().
 */
static int patch_put_in_place(struct shk_patch *patch, pid_t *busy)
{
	return shk_inplace_put(patch, true, busy);
}

/*
 * Restores the base's bytes, over which the bodies of @patch were copied: callback of
 * patch_wait_and_change(). The shadow's lock is held. Returns 0, or -EAGAIN if thread *@busy is in
 * a body.
 */
static int patch_take_from_place(struct shk_patch *patch, pid_t *busy)
{
	return shk_inplace_put(patch, false, busy);
}

/*
 * Calls @try until it does not return -EAGAIN, for SHK_BUSY_TASK_TIMEOUT at most. @try makes the
 * change, with the shadow's lock held. If a thread is in a body, it sets *@busy to the thread and
 * returns -EAGAIN. The caller has added @patch to @shadow->patches, and holds the shadow's lock.
 * The lock is released during each wait for a thread, and held on return.
 *
 * Returns 0, or
 *   TASK_BUSY         thread *@busy was in a body all the time
 *   -ERESTARTSYS      a signal came
 *   SHADOW_DESTROYED  the shadow was destroyed during a wait, which has removed @patch: the worker
 *                     frees it, and the caller does not touch it
 *   others            errors of @try
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

/*
 * Restores the base's bytes, over which the bodies of @patch were copied, as soon as no thread is
 * in one of the bodies. Sets *@busy to the thread in the way if it returns TASK_BUSY. If a process
 * is inside, first makes the functions jump to their bodies in the module, which patch_remove()
 * removes. After an error the bodies are still there, and no jump is left. The shadow's lock is
 * held, and released during each wait. Returns 0, or an error of patch_add_jumps() or
 * patch_wait_and_change().
 */
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

/*
 * Switches the livepatch @patch off, as soon as no thread is in one of its bodies. After an error
 * the patch is on again; for that, post_patch is called after pre_unpatch, as livepatch does when a
 * transition is reversed. The shadow's lock is held, and released during each wait. Returns 0 or an
 * error of patch_wait_and_change(); after TASK_BUSY *@busy is the thread in the way.
 */
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

/*
 * Returns true if patches of @kind have their bodies in a module, whose name is shk_patch.object.
 */
static bool has_module(u32 kind)
{
	return kind == SHK_PATCH_MODULE || kind == SHK_PATCH_LIVEPATCH;
}

/*
 * Returns true if patches of @kind change thunks (retpolines or returns). Such patches change only
 * while no CPU executes the shadow.
 */
static bool is_thunk(u32 kind)
{
	return kind == SHK_PATCH_RETPOLINES || kind == SHK_PATCH_RETURNS;
}

/*
 * Returns true if patches of @kind are added and removed only while no CPU can execute the shadow.
 * That is so for thunks, and for DIVERT patches: tools in such a shadow must not arm anything in
 * the base while the patch is removed.
 */
static bool needs_unused(u32 kind)
{
	return is_thunk(kind) || kind == SHK_PATCH_DIVERT;
}

/* Flags that each kind accepts. */
static const u32 flags_of[] = {
	[SHK_PATCH_NOP] = SHK_PATCH_IN_PLACE,
	[SHK_PATCH_RETURN] = SHK_PATCH_IN_PLACE,
	[SHK_PATCH_SKIP_CALL] = SHK_PATCH_VALUE,
	[SHK_PATCH_MODULE] = SHK_PATCH_IN_PLACE,
	[SHK_PATCH_LIVEPATCH] = SHK_PATCH_CALLBACKS | SHK_PATCH_UNSAFE_NOW,
	[SHK_PATCH_RETURNS] = 0,
};

/*
 * The request of a struct shk_patch_add, in one form for all kinds of patches. Pointers lead into
 * that struct.
 */
struct wish {
	struct shk_location place; /* the function; empty if the kind has none */
	u64 offset;		   /* SKIP_CALL: offset of the call, or 0 */
	u64 value;		   /* RETURN, SKIP_CALL: rax */
	const char *object;	   /* the callee or the module; "" if the kind has none */
	size_t used;		   /* bytes of the union that the kind uses */
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

/*
 * Checks @arg, a user's request, and stores it in @wish, which has one form for all kinds of
 * patches. Pointers in @wish lead into @arg. Returns 0, or -EINVAL: @arg is malformed.
 */
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

/*
 * Returns true if the function @symbol at @addr may differ from the base's. Returns false if
 * shk_location_may_differ() does, and for all functions of the scheduler that switch tasks or wait.
 */
static bool patch_may_differ(unsigned long addr, const char *symbol)
{
	return shk_location_may_differ(addr, symbol) &&
	       !(addr >= shk_symbols.sched_text && addr < shk_symbols.sched_text_end);
}

/*
 * Checks that kprobes permits changes at @addr, which excludes noinstr text and kprobes' blacklist.
 * Returns 0, or an error of shk_site_check(), but FORBIDDEN instead of CANNOT_STEP. Waits for a
 * grace period.
 */
static int patch_check_kprobes(unsigned long addr)
{
	int ret = shk_site_check(addr, NULL);

	return ret == SHK_E(CANNOT_STEP) ? SHK_E(FORBIDDEN) : ret;
}

/*
 * Takes a reference to the module that has the function @symbol at @addr, sets *@owner to the
 * module, and increments nr_owned. The caller sets *@owner to NULL before; it stays NULL for the
 * kernel image. Returns 0; an error of shk_module_get_at(); or SYMBOL_UNKNOWN: another function is
 * at @addr since @symbol was looked up (*@owner is set).
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

/*
 * Checks that the function @symbol at @addr can have another body. Returns 0; FORBIDDEN: the text
 * must not differ; PAGE_EDGE: its __fentry__ site lies in two pages; NO_FENTRY: it has no such
 * site.
 */
static int check_func(unsigned long addr, const char *symbol)
{
	unsigned long site;

	if (!patch_may_differ(addr, symbol))
		return SHK_E(FORBIDDEN);
	site = shk_call(ftrace_location)(addr);
	if (site)
		return shk_branch_spans_pages(site) ? SHK_E(PAGE_EDGE) : 0;
	/* FORBIDDEN, for text that must not change at all, is the better reason of the two. */
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

/*
 * Prepares a NOP or RETURN patch of the function at @addr: adds the function to @patch, with a body
 * that returns at once or returns @patch->value. Sleeps. Returns 0 or an error of struct
 * shk_patch_add.
 */
static int prepare_return(struct shk_patch *patch, unsigned long addr)
{
	struct shk_func *func = shk_func_add(patch, patch->symbol, addr, 0);

	if (IS_ERR(func))
		return PTR_ERR(func);
	func->body = patch->kind == SHK_PATCH_RETURN ? shk_body_alloc(patch->value)
						     : (unsigned long)shk_body_nop;
	return func->body ? 0 : SHK_E(NO_ROOM);
}

/*
 * Prepares a SKIP_CALL patch of the function at @addr: finds the call, and makes the edit that
 * jumps over it. If a value is to be returned, the edit leads to a detour, code in the module that
 * sets rax. @offset: the offset of the call, or 0: the function has one such call. Returns 0 or an
 * error of struct shk_patch_add.
 */
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
		patch->detour = shk_detour_alloc_value(patch->value, next);
		if (!patch->detour)
			return SHK_E(NO_ROOM);
	}
	/*
	 * Without a value this is a jump to the next instruction. It is used instead of a nop since
	 * the edit has a target then, at which CPUs continue while the bytes change.
	 */
	patch->edits = kzalloc(sizeof(*patch->edits), GFP_KERNEL_ACCOUNT);
	if (!patch->edits)
		return -ENOMEM;
	patch->nr_edits = 1;
	shk_edit_branch(patch->edits, at, JMP32_INSN_OPCODE,
			patch->detour ? (unsigned long)patch->detour : next);
	return 0;
}

/*
 * Applies all edits of @patch, while it is off: the functions still execute their old bodies. The
 * shadow's lock is held; sleeps. After an error the caller calls patch_revert_edits() for the edits
 * that were applied, and @patch->symbol is the function that the error is about, if it is about
 * one.
 *
 * Returns 0, or
 *   PROCESSES_INSIDE  the patch is of thunks or DIVERT, and the shadow may be executed
 *   EDIT_THERE        the patch is DIVERT, and the shadow has such a patch
 *   THREADS_INSIDE    threads are in SHK_THREAD stretches, so edits must act on these only, and an
 *                     edit of the patch cannot test the thread
 *   others            errors of shk_inplace_allowed(), shk_inplace_pin(), shk_site_patch() and
 *                     shk_edit_apply()
 */
static int patch_apply_edits(struct shk_patch *patch)
{
	struct shk_func *func;
	unsigned int i;
	int ret;

	if (needs_unused(patch->kind) && shk_shadow_live(patch->shadow))
		return SHK_E(PROCESSES_INSIDE);
	if (patch->diversion && patch->shadow->diversion)
		return SHK_E(EDIT_THERE);
	/* A process that enters the cgroup would stay in the helper until it ends. */
	if (patch->diversion && READ_ONCE(patch->shadow->nr_cgroups))
		return SHK_E(POLICY);
	/* These edits, and bodies in place, cannot test whether the thread sees edits. */
	if ((patch->nr_edits || patch->nr_replacements) && READ_ONCE(patch->shadow->nr_threads))
		return SHK_E(THREADS_INSIDE);
	/* Check again: the answer may have changed since patch_prepare(), without the lock. */
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
	if (patch->diversion) {
		patch->shadow->workload = patch->diversion->workload ? patch->diversion->target
								     : NULL;
		WRITE_ONCE(patch->shadow->diversion, patch->diversion);
	}
	return 0;
}

/*
 * Sets @patch->name to @wish, or, if @wish is "", to a name that is made of its symbols. The
 * shadow's lock is held. Returns 0; NAME_INVALID: @wish is no valid name; NAME_TAKEN: another patch
 * of the shadow has it.
 */
static int patch_choose_name(struct shk_shadow *shadow, struct shk_patch *patch, const char *wish)
{
	char after[SHK_NAME_LEN];

	if (patch->kind == SHK_PATCH_SKIP_CALL)
		snprintf(after, sizeof(after), "%.24s-%s", patch->symbol, patch->object);
	else if (is_thunk(patch->kind))
		strscpy(after, patch->kind == SHK_PATCH_RETURNS ? "returns" : "retpolines",
			sizeof(after));
	else if (patch->kind == SHK_PATCH_DIVERT)
		strscpy(after, "divert", sizeof(after));
	else
		snprintf(after, sizeof(after), "%s",
			 has_module(patch->kind) ? patch->object : patch->symbol);
	return shk_name_choose(shadow, patch->name, wish, after, patch_name_is_taken);
}

/*
 * Prepares what @patch applies. @wish is the user's request. For SKIP_CALL, RETPOLINES and RETURNS
 * makes the edits. For other kinds finds the functions and their new bodies, and adds them to
 * @patch->funcs. Takes no lock of a shadow; sleeps. Returns 0 or an error of struct shk_patch_add.
 */
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

/*
 * Prepares @patch by @wish, the user's request: finds its functions and bodies, or makes its edits.
 * Also makes the copies of the bodies of an IN_PLACE patch that can run at the base's addresses.
 * Called without a lock; sleeps. Returns 0 or an error of struct shk_patch_add. After an error the
 * caller frees @patch, and @patch->symbol is the function that the error is about, or "".
 */
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

/*
 * Gives @patch an id and adds it to shk_shadow.patches, where other calls find it. The shadow's
 * lock is held.
 */
static void patch_publish(struct shk_patch *patch)
{
	struct shk_shadow *shadow = patch->shadow;

	patch->id = ++shadow->last_patch;
	list_add_tail(&patch->node, &shadow->patches);
	shadow->nr_patches++;
}

/*
 * Adds @patch to shk_shadow.patches, and calls @try until no thread is in a body (*@busy), for some
 * seconds at most: see patch_wait_and_change(), whose result it returns. The shadow's lock is held,
 * and released during each wait. Meanwhile the end of the shadow may remove the patch; other calls
 * leave it alone.
 *
 * After SHADOW_DESTROYED the end of the shadow has removed @patch, and the worker frees it. After
 * another error @patch is in no list, and the caller frees it.
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

/*
 * Adds @patch to shk_shadow.patches and switches it on. The top of this file lists the steps for
 * each kind. Sets *@busy to the thread in the way if it returns TASK_BUSY. The caller has applied
 * its edits, and holds the shadow's lock, which is released during each wait for a thread. Returns
 * 0, or an error of patch_wait_and_change(); then the patch may be on, and is in no list; after
 * SHADOW_DESTROYED the worker frees it.
 */
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

/*
 * After an error, sets @arg->subject to the function that the error is about (@patch->symbol). If
 * that is "" and the bodies are in a module, sets it to the name of the module.
 */
static void note_subject(const struct shk_patch *patch, struct shk_patch_add *arg)
{
	strscpy(arg->subject,
		*patch->symbol || !has_module(patch->kind) ? patch->symbol : patch->object,
		sizeof(arg->subject));
}

struct shk_patch *shk_patch_alloc(struct shk_shadow *shadow, u32 kind, u32 flags)
{
	struct shk_patch *patch = kzalloc(sizeof(*patch), GFP_KERNEL_ACCOUNT);

	if (!patch)
		return NULL;
	patch->shadow = shadow;
	patch->kind = kind;
	patch->flags = flags;
	INIT_LIST_HEAD(&patch->funcs);
	return patch;
}

/*
 * Applies the edits of @patch, which is prepared, and switches it on. @name: the wanted name; "":
 * one is made. Unless @arg is NULL, sets @arg->busy, and @arg->id and @arg->name; after an error
 * @arg->subject. Takes the shadow's lock, and may release it to wait for threads. Returns 0 or an
 * error of shk_patch_add(), after which the worker frees @patch.
 */
static int patch_install(struct shk_patch *patch, const char *name, struct shk_patch_add *arg)
{
	struct shk_shadow *shadow = patch->shadow;
	struct shk_prepared was;
	pid_t busy = 0;
	int ret;

	ret = shk_shadow_lock(shadow);
	if (ret)
		goto patch_queue_free;
	was = shk_shadow_prepared(shadow);
	ret = shadow->dead ? SHK_E(SHADOW_DESTROYED) : patch_choose_name(shadow, patch, name);
	if (!ret)
		ret = patch_apply_edits(patch);
	if (!ret)
		ret = shk_livepatch_pre_patch(patch);
	if (ret)
		goto patch_revert_edits;
	patch->was_on = true;
	ret = patch_turn_on(patch, &busy);
	if (arg)
		arg->busy = busy;
	if (ret == SHK_E(SHADOW_DESTROYED))
		goto unlock;
	if (ret)
		goto patch_switch_off;
	shk_livepatch_call(patch, SHK_POST_PATCH);
	if (arg) {
		arg->id = patch->id;
		strscpy(arg->name, patch->name, sizeof(arg->name));
	}
	shk_shadow_unlock(shadow);
	return 0;
patch_switch_off:
	if (patch->state != SHK_PATCH_OFF)
		patch_switch_off(patch);
patch_revert_edits:
	patch_revert_edits(patch);
	/* If the call has waited for a thread, a process was inside, and this does nothing. */
	shk_shadow_unprepare(shadow, &was);
	shk_shadow_unlock(shadow);
	if (arg)
		note_subject(patch, arg);
patch_queue_free:
	patch_queue_free(patch);
	return ret;
unlock:
	shk_shadow_unlock(shadow);
	return ret;
}

int shk_patch_install(struct shk_patch *patch)
{
	return patch_install(patch, "", NULL);
}

int shk_patch_add(struct shk_shadow *shadow, struct shk_patch_add *arg)
{
	struct shk_patch *patch;
	struct wish wish;
	int ret;

	ret = wish_of(arg, &wish);
	if (ret)
		return ret;
	patch = shk_patch_alloc(shadow, arg->kind, arg->flags);
	if (!patch)
		return -ENOMEM;
	patch->value = wish.value;
	strscpy(patch->object, wish.object, sizeof(patch->object));

	ret = patch_prepare(patch, &wish);
	atomic_add(patch->nr_objects, &nr_owned);
	if (!ret)
		return patch_install(patch, arg->name, arg);
	note_subject(patch, arg);
	shk_patch_free(patch);
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
	else if (needs_unused(patch->kind) && shk_shadow_live(shadow))
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
	/* The end of the shadow has removed the patch. */
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

/* ---- lists ---- */

/*
 * Returns the number of elements that SHK_PATCH_LIST has for @patch: its functions and its edits.
 */
static unsigned int nr_functions(const struct shk_patch *patch)
{
	return patch->nr_edits + shk_patch_nr_funcs(patch);
}

/*
 * Fills @info with the function or edit number @index of @patch. Functions come before edits.
 * Leaves the address 0 unless @show_addr. The shadow's lock is held.
 */
static void patch_report(const struct shk_patch *patch, u32 index, struct shk_patch_info *info,
			 bool show_addr)
{
	u32 i = 0, nr_funcs = shk_patch_nr_funcs(patch);
	const struct shk_func *func;
	unsigned long offset, size;

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
	if (index >= nr_funcs)
		info->addr = patch->edits[index - nr_funcs].addr;
	if (patch->diversion)
		info->value = shk_diversion_calls(patch->diversion, index);
	if (index >= nr_funcs && needs_unused(patch->kind))
		shk_symbol_of(info->addr, info->symbol, &offset, &size);
	if (!show_addr)
		info->addr = 0;
}

/*
 * Describes the next function of @shadow's patches in @info. The high half of *@cursor is the id of
 * a patch. The low half is the index of the function of that patch that the next call returns.
 */
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
		/* A patch that is not on yet is not listed. */
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
