// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sites: chooses how an address is armed, applies the edit, and removes it with its last user.
 *
 * A new site gets its kprobe, its slot or detour, its first user, and its place in
 * shk_shadow.sites, in this order. Its edit is applied last, since that may be hit at once. A site
 * that is removed loses its edit first, and is queued for the worker.
 */
#include <linux/kprobes.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <asm/text-patching.h>

#include "edit/capture.h"
#include "edit/free_passes.h"
#include "edit/inplace.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/returns.h"
#include "edit/site_table.h"
#include "edit/tracepoint.h"
#include "hooks/hooks.h"
#include "shadow/edits.h"

/* Kprobes that are unregistered by one call, which waits for one grace period. */
#define NR_BATCH 512

/* A removed probe, site or slot in free_list. */
struct free_item {
	struct llist_node node;
	void (*free)(struct free_item *free_item); /* frees the struct that contains it */
};

static LLIST_HEAD(free_list);
static void sites_free_work_fn(struct work_struct *work);
static DECLARE_WORK(sites_free_work, sites_free_work_fn);

/* A site, and the memory that its removal needs: removal cannot fail. */
struct removable_site {
	struct shk_site site;
	struct free_item free_item;
};

/* A probe, and the memory that its removal needs. */
struct removable_probe {
	struct shk_probe probe;
	struct free_item free_item;
};

/*
 * The slot of a shadow. It exists from the shadow's first site at an entry until the last such site
 * is removed.
 */
struct shk_slot {
	int index;
	struct free_item free_item;
};

/* Number of removed probes, sites and slots that are not freed yet. */
static atomic_t nr_to_free = ATOMIC_INIT(0);
/*
 * Number of removed sites in modules that are not freed yet. Each of them holds a reference to its
 * module.
 */
static atomic_t nr_holding = ATOMIC_INIT(0);
static struct shk_free_passes free_passes = SHK_FREE_PASSES(free_passes);

/*
 * Frees @site, its detour and its kprobe, and drops its reference to a module. The caller ensures
 * that its kprobe is not registered, and that no task is in its detour. Takes slot_lock; sleeps.
 */
static void site_release(struct shk_site *site)
{
	if (site->detour)
		shk_detour_free(site->detour);
	module_put(site->module);
	kfree(site->kp);
	kfree(container_of(site, struct removable_site, site));
}

/*
 * Frees a removed site, with its detour and its reference to a module: callback free_item.free of
 * sites, for the worker. Sleeps.
 */
static void site_free_item(struct free_item *free_item)
{
	struct shk_site *site = &container_of(free_item, struct removable_site, free_item)->site;
	bool holding = site->module;

	site_release(site);
	if (holding)
		atomic_dec(&nr_holding);
}

/* Frees a removed probe: callback free_item.free of probes, for the worker. Sleeps. */
static void probe_free_item(struct free_item *free_item)
{
	shk_probe_free(&container_of(free_item, struct removable_probe, free_item)->probe);
}

/*
 * Makes the slot of a shadow free for another shadow: callback free_item.free of slots, for the
 * worker.
 */
static void slot_free_item(struct free_item *free_item)
{
	struct shk_slot *slot = container_of(free_item, struct shk_slot, free_item);

	shk_slot_free(slot->index);
	kfree(slot);
}

/*
 * Queues @free_item, for which the worker (sites_free_work) calls @free later. The caller then
 * queues that worker (sites_free_later()). Any context.
 */
static void free_item_add(struct free_item *free_item, void (*free)(struct free_item *free_item))
{
	free_item->free = free;
	atomic_inc(&nr_to_free);
	llist_add(&free_item->node, &free_list);
}

/*
 * Unregisters the kprobes of all sites in @all, a list of removed probes, sites and slots.
 * Unregisters many by one call: each call of unregister_kprobes() waits for a grace period, however
 * many kprobes it gets. Worker; sleeps.
 */
static void sites_unregister_kprobes(struct llist_node *all)
{
	static struct kprobe *batch[NR_BATCH]; /* passes of sites_free_work do not overlap */
	struct free_item *free_item;
	unsigned int nr = 0;

	llist_for_each_entry (free_item, all, node) {
		struct shk_site *site;

		if (free_item->free != site_free_item)
			continue;
		site = &container_of(free_item, struct removable_site, free_item)->site;
		if (!site->kp)
			continue;
		batch[nr++] = site->kp;
		if (nr == NR_BATCH) {
			unregister_kprobes(batch, nr);
			nr = 0;
		}
	}
	unregister_kprobes(batch, nr);
}

/*
 * Frees the removed probes, sites and slots in @all, a list of free_item.node: callback of
 * shk_free_pass_run(). Tasks may have been preempted in a slot, in a detour or in the kernel's copy
 * of an instruction, so it first waits for a grace period of RCU tasks. Hits that run now may hold
 * pointers to probes and sites, so it also waits for a grace period of RCU. Worker; sleeps.
 */
static void sites_free_queued(struct llist_node *all)
{
	struct free_item *free_item, *next;

	synchronize_rcu_tasks();
	synchronize_rcu();
	sites_unregister_kprobes(all);
	llist_for_each_entry_safe (free_item, next, all, node) {
		free_item->free(free_item);
		atomic_dec(&nr_to_free);
		cond_resched();
	}
}

static void sites_free_work_fn(struct work_struct *work)
{
	shk_free_pass_run(&free_passes, &free_list, sites_free_queued);
}

/*
 * Queues the worker that frees removed probes, sites and slots. It uses the queue for long work,
 * since a pass waits until each task has slept or left the kernel. Any context but NMI.
 */
static void sites_free_later(void)
{
	queue_work(system_long_wq, &sites_free_work);
}

bool shk_sites_settle(bool all)
{
	u64 pass = shk_free_pass_next(&free_passes);

	if (!atomic_read(all ? &nr_to_free : &nr_holding))
		return false;
	sites_free_later();
	return !shk_free_pass_wait(&free_passes, pass);
}

void shk_sites_exit(void)
{
	flush_work(&sites_free_work);
	sites_free_work_fn(NULL);
}

/*
 * Sets @site->only and @site->only_event, by which hits of a single plain probe need no walk of the
 * lists. Called after the lists of @site have changed. The shadow's lock is held. Hits may use the
 * old values until a grace period has passed.
 */
static void site_choose_only(struct shk_site *site)
{
	struct shk_probe *probe = NULL;

	if (list_is_singular(&site->probes) && list_empty(&site->funcs))
		probe = list_first_entry(&site->probes, struct shk_probe, in_site);
	if (probe && (probe->at_entry || (probe->captured && !probe->tracepoint)))
		probe = NULL;
	WRITE_ONCE(site->only, probe && probe->plain ? probe->counts : NULL);
	/* A hit that finds the probe sees its members. */
	smp_store_release(&site->only_event, probe && probe->plain_event ? probe : NULL);
}

/*
 * If @shadow has no site at an entry any longer, makes its slot count no hits (shk_slot_mute()) and
 * queues it to be freed. Tasks may still be in the slot. The shadow's lock is held.
 */
static void slot_release(struct shk_shadow *shadow)
{
	struct shk_slot *slot = shadow->slot;

	if (!slot || shadow->nr_calls)
		return;
	shadow->slot = NULL;
	shk_slot_mute(slot->index);
	free_item_add(&slot->free_item, slot_free_item);
	sites_free_later();
}

/*
 * Takes a slot for @shadow, if it has none: code in the module to which the calls at the shadow's
 * __fentry__ sites lead. The shadow's lock is held; sleeps. Returns 0; NO_ROOM: all slots are
 * taken; or -ENOMEM.
 */
static int slot_ensure(struct shk_shadow *shadow)
{
	struct shk_slot *slot;

	if (shadow->slot)
		return 0;
	slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);
	if (!slot)
		return -ENOMEM;
	slot->index = shk_slot_alloc(shadow);
	if (slot->index < 0) {
		kfree(slot);
		return SHK_E(NO_ROOM);
	}
	shadow->slot = slot;
	return 0;
}

/*
 * Frees @site at once, not by the worker. The caller has unregistered the site's kprobe, if it has
 * one, and ensures that the site is in no table and that no hit uses it. The shadow's lock is held;
 * sleeps.
 */
static void site_free_unregistered(struct shk_site *site)
{
	if (site->arm == SHK_ARM_CALL) {
		site->shadow->nr_calls--;
		slot_release(site->shadow);
	}
	site_release(site);
}

/*
 * Frees @site, and unregisters its kprobe. The caller ensures that the site is in no table, and
 * that no hit uses it. The shadow's lock is held; sleeps.
 */
static void site_free(struct shk_site *site)
{
	if (site->kp)
		unregister_kprobe(site->kp);
	site_free_unregistered(site);
}

static struct shk_func *site_top_func(struct shk_site *site)
{
	return list_first_entry_or_null(&site->funcs, struct shk_func, in_site);
}

/*
 * Returns true if a probe of the function's entry is at the instruction behind the __fentry__ site
 * of @site (shk_probe.at_entry), so that the site's stub must hit it. Takes the RCU read lock.
 */
static bool site_is_counted_behind(const struct shk_site *site)
{
	struct shk_probe *probe;
	struct shk_site *behind;
	bool found = false;

	rcu_read_lock();
	behind = shk_site_at(site->shadow, site->edit.addr + CALL_INSN_SIZE);
	if (behind)
		list_for_each_entry_rcu (probe, &behind->probes, in_site)
			found |= probe->at_entry;
	rcu_read_unlock();
	return found;
}

/*
 * Makes the stub of the topmost function of @site fast or slow. A fast stub jumps to the new body
 * at once; a slow one calls shk_hit_call(), which hits probes and chooses the body.
 * shk_site_refresh() lists when a stub is fast. Does nothing if @site has no function of a patch.
 * text_mutex is held.
 */
static void site_choose_stub(struct shk_site *site)
{
	struct shk_func *func = site_top_func(site);

	lockdep_assert_held(shk_symbols.text_mutex);
	/* A function that changes one of these without text_mutex then calls shk_site_refresh(). */
	if (func)
		shk_stub_set_fast(func->stub, READ_ONCE(func->patch->state) == SHK_PATCH_FAST &&
						      list_empty(&site->probes) &&
						      !site_is_counted_behind(site) &&
						      !site->chain &&
						      !READ_ONCE(site->shadow->asks_threads));
}

void shk_site_refresh(struct shk_site *site)
{
	mutex_lock(shk_symbols.text_mutex);
	site_choose_stub(site);
	mutex_unlock(shk_symbols.text_mutex);
}

/*
 * Called after @probe was added to @site or removed. If the probe is of a function's entry and
 * behind its __fentry__ site (.at_entry), makes the stub at that __fentry__ site fast or slow. The
 * shadow's lock is held. Takes text_mutex.
 */
static void site_entry_changed(const struct shk_site *site, const struct shk_probe *probe)
{
	struct shk_site *entry;

	if (!probe->at_entry)
		return;
	entry = shk_site_at(site->shadow, site->edit.addr - CALL_INSN_SIZE);
	if (entry)
		shk_site_refresh(entry);
}

void shk_sites_ask_threads(struct shk_shadow *shadow, bool ask)
{
	struct shk_site_table *table = shadow->sites;
	unsigned int i;

	lockdep_assert_held(&shadow->lock);
	if (shadow->asks_threads == ask)
		return;
	WRITE_ONCE(shadow->asks_threads, ask);
	for (i = 0; table && i <= table->mask; i++)
		if (table->at[i] && table->at[i] != &shk_site_removed)
			shk_site_refresh(table->at[i]);
}

/*
 * Updates shk_site.chain: the ftrace trampoline in which a hit continues; 0: none. Called after the
 * base's bytes under @edit, at a __fentry__ site, have become a nop or a call of ftrace. Callback
 * shk_edit.changed of CALL sites; text_mutex is held.
 */
static void site_call_changed(struct shk_edit *edit)
{
	struct shk_site *site = container_of(edit, struct shk_site, edit);
	unsigned long chain = 0;
	s32 rel;

	/* The base's bytes are changing, behind a breakpoint: the old target is still right. */
	if (edit->base[0] == INT3_INSN_OPCODE)
		return;
	if (edit->base[0] == CALL_INSN_OPCODE) {
		memcpy(&rel, edit->base + 1, sizeof(rel));
		chain = edit->addr + CALL_INSN_SIZE + rel;
	}
	WRITE_ONCE(site->chain, chain);
	site_choose_stub(site);
}

/*
 * Replaces the jump of @edit by a breakpoint, if a kprobe that is not the module's has a breakpoint
 * at that address in the base. shk_hook_int3() then hits the probes, and lets the kernel's handler
 * serve the kprobe, until the site is removed. Callback shk_edit.changed of JUMP sites: text/ calls
 * it when the base's bytes have changed. text_mutex is held.
 */
static void site_jump_changed(struct shk_edit *edit)
{
	struct shk_site *site = container_of(edit, struct shk_site, edit);
	static const u8 int3 = INT3_INSN_OPCODE;

	if (edit->base[0] == site->kp->opcode)
		return;
	edit->bytes[0] = int3;
	shk_page_write(edit->page, edit->addr, &int3, 1);
}

/*
 * Restores the instructions under the jump of an optimised kprobe, if one begins at @edit or at
 * most 4 bytes before it. Otherwise the edit would be put into the middle of that jump, or the
 * jump's last bytes would follow the edit. The private page gets the kprobe's breakpoint and the
 * original bytes behind it. Callback shk_edit.prepare of JUMP and INT3 sites; text_mutex is held.
 */
static void site_undo_jump(struct shk_edit *edit)
{
	unsigned long addr;
	struct kprobe *kp;
	u8 tail[DISP32_SIZE];
	bool found = false;

	rcu_read_lock();
	for (addr = edit->addr; addr > edit->addr - JMP32_INSN_SIZE && !found; addr--) {
		kp = shk_call(get_kprobe)((void *)addr);
		if (!kp || !kprobe_optimized(kp) ||
		    *(u8 *)shk_base_bytes(addr) != JMP32_INSN_OPCODE)
			continue;
		memcpy(tail, container_of(kp, struct optimized_kprobe, kp)->optinsn.copied_insn,
		       sizeof(tail));
		found = true;
	}
	rcu_read_unlock();
	if (found)
		shk_sync_hold(edit, addr + 1, tail, sizeof(tail));
}

bool shk_at_page_edge(unsigned long addr, unsigned long offset)
{
	/* The jump begins at @addr or up to 4 bytes before, and not before the function. */
	return shk_branch_spans_pages(addr) ||
	       (offset_in_page(addr) < DISP32_SIZE && offset > offset_in_page(addr));
}

/*
 * Sets the edit of @site at @addr, a __fentry__ site: a call of the shadow's slot. Does not apply
 * it. The site is for @probe, or for a patch if @probe is NULL. The shadow's lock is held; sleeps.
 * Returns 0; NO_ROOM: all slots are taken; -ENOMEM; or FORBIDDEN: kprobes forbids the place.
 */
static int site_set_call(struct shk_site *site, const struct shk_probe *probe, unsigned long addr)
{
	int ret = shk_site_check(addr, probe) ?: slot_ensure(site->shadow);

	if (ret)
		return ret;
	site->arm = SHK_ARM_CALL;
	site->shadow->nr_calls++;
	site->edit.changed = site_call_changed;
	shk_edit_branch(&site->edit, addr, CALL_INSN_OPCODE,
			shk_slot_text(site->shadow->slot->index));
	return 0;
}

/*
 * Registers a disabled kprobe at @addr as @site->kp, so that the kernel decodes and copies the
 * instruction. The caller holds a reference to the module that has the text, if any. Sleeps.
 * Returns 0, -ENOMEM, or an error of shk_kprobe_refused().
 */
static int site_register_kprobe(struct shk_site *site, unsigned long addr)
{
	struct kprobe *kp = kzalloc(sizeof(*kp), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!kp)
		return -ENOMEM;
	kp->addr = (kprobe_opcode_t *)addr;
	kp->flags = KPROBE_FLAG_DISABLED;
	ret = shk_kprobe_register(kp);
	if (ret) {
		kfree(kp);
		return shk_kprobe_refused(ret);
	}
	site->kp = kp;
	return 0;
}

/*
 * Sets the edit of @site for @probe, at an address that is no __fentry__ site: a jump to a detour,
 * or a breakpoint. A detour is code in the module that executes a copy of the instruction. Does not
 * apply the edit. The caller has registered the site's kprobe, and holds the shadow's lock. Sleeps.
 */
static void site_set_jump(struct shk_site *site, struct shk_probe *probe, unsigned long addr)
{
	site->edit.prepare = site_undo_jump;
	site->detour = shk_detour_alloc(site);
	if (site->detour && site->kp->ainsn.size >= JMP32_INSN_SIZE && !probe->returns &&
	    !(probe->flags & SHK_PROBE_FORCE_INT3) && shk_kprobe_alone(addr, site->kp) &&
	    !shk_branch_spans_pages(addr)) {
		site->arm = SHK_ARM_JUMP;
		site->edit.changed = site_jump_changed;
		shk_edit_branch(&site->edit, addr, JMP32_INSN_OPCODE, (unsigned long)site->detour);
		return;
	}
	site->arm = SHK_ARM_INT3;
	site->edit.addr = addr;
	site->edit.len = INT3_INSN_SIZE;
	site->edit.bytes[0] = INT3_INSN_OPCODE;
}

struct module *shk_module_get_at(unsigned long addr)
{
	struct module *module;

	if (shk_is_kernel_text(addr))
		return NULL;
	preempt_disable();
	module = shk_call(__module_text_address)(addr);
	if (!module)
		module = ERR_PTR(SHK_E(NOT_TEXT));
	else if (module == THIS_MODULE || within_module_init(addr, module)) /* init text is freed */
		module = ERR_PTR(SHK_E(FORBIDDEN));
	else if (!shk_module_get_live(module))
		module = ERR_PTR(SHK_E(MODULE_BUSY));
	preempt_enable();
	return module;
}

/* Returns true if @addr is in preempt_schedule_notrace(), which preempt_enable_notrace() calls. */
static bool site_gives_up_cpu(unsigned long addr)
{
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];

	return shk_symbols.preempt_schedule_notrace && !shk_symbol_of(addr, name, &offset, &size) &&
	       addr - offset == shk_symbols.preempt_schedule_notrace;
}

/* Returns true if a __fentry__ site is at @addr. */
static bool is_fentry(unsigned long addr)
{
	return shk_call(ftrace_location)(addr) == addr;
}

/*
 * Allocates a site at @addr for @probe, and sets its edit. If @probe is NULL, the site is for a
 * patch, and @addr is a __fentry__ site. The site is in no list or table, and its edit is not
 * applied. The shadow's lock is held; sleeps. Returns the site, or an ERR_PTR() of an error of
 * shk_site_add().
 */
static struct shk_site *site_create(struct shk_shadow *shadow, struct shk_probe *probe,
				    unsigned long addr)
{
	struct removable_site *removable = kzalloc(sizeof(*removable), GFP_KERNEL_ACCOUNT);
	struct shk_site *site;
	int ret;

	if (!removable)
		return ERR_PTR(-ENOMEM);
	site = &removable->site;
	site->shadow = shadow;
	INIT_LIST_HEAD(&site->probes);
	INIT_LIST_HEAD(&site->union_probes);
	INIT_LIST_HEAD(&site->funcs);
	site->module = shk_module_get_at(addr);
	if (IS_ERR(site->module)) {
		ret = PTR_ERR(site->module);
		goto free;
	}
	ret = is_fentry(addr) ? site_set_call(site, probe, addr) : site_register_kprobe(site, addr);
	if (ret)
		goto module;
	if (!site->kp)
		return site;
	site->gives_up_cpu = site_gives_up_cpu(addr);
	site->load_from = probe->load_from;
	site_set_jump(site, probe, addr);
	return site;
module :
	module_put(site->module);
free:
	kfree(removable);
	return ERR_PTR(ret);
}

/*
 * Returns true if the function at the __fentry__ site @addr is code of kprobes that handles its
 * breakpoints and jumps. A kprobe there would hit itself without end. A call and an int3 are
 * permitted: a slot calls none of these functions, and shk_hook_int3() handles an int3 of a shadow
 * before the code of kprobes is reached.
 */
static bool is_of_kprobes(unsigned long addr)
{
	static const char *const names[] = {
		"aggr_post_handler",
		"aggr_pre_handler",
		"dump_kprobe",
		"get_kprobe",
		"kprobe_emulate_call",
		"kprobe_emulate_call_indirect",
		"kprobe_emulate_ifmodifiers",
		"kprobe_emulate_jcc",
		"kprobe_emulate_jmp",
		"kprobe_emulate_jmp_indirect",
		"kprobe_emulate_loop",
		"kprobe_emulate_ret",
		"kprobe_exceptions_notify",
		"kprobe_fault_handler",
		"kprobe_ftrace_handler",
		"kprobe_post_process",
		"kprobes_inc_nmissed_count",
		"kretprobe_rethook_handler",
		"opt_pre_handler",
		"optimized_callback",
		"pre_handler_kretprobe",
		"reenter_kprobe",
		"resume_singlestep",
		"setup_detour_execution",
		"setup_singlestep",
		"synthesize_relcall",
		"synthesize_reljump",
	};
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];

	return !shk_symbol_of(addr, name, &offset, &size) &&
	       match_string(names, ARRAY_SIZE(names), name) >= 0;
}

/*
 * Returns 0 if @probe, or a patch if @probe is NULL, can be at the __fentry__ site @addr, else
 * FORBIDDEN. All functions outside of kprobes' blacklist accept both. Of those in it, only kprobes'
 * own functions accept a probe, and only one without a return hook: the trampoline of hooked
 * returns calls some of them. Needs no lock.
 */
static int site_check_fentry(unsigned long addr, const struct shk_probe *probe)
{
	if (!shk_call(within_kprobe_blacklist)(addr))
		return 0;
	if (!probe || shk_probe_wants_return(probe) || !is_of_kprobes(addr))
		return SHK_E(FORBIDDEN);
	return 0;
}

int shk_site_check(unsigned long addr, const struct shk_probe *probe)
{
	struct kprobe kp = { .addr = (kprobe_opcode_t *)addr, .flags = KPROBE_FLAG_DISABLED };
	struct module *module;
	int ret;

	if (is_fentry(addr))
		return site_check_fentry(addr, probe);
	module = shk_module_get_at(addr);
	if (IS_ERR(module))
		return PTR_ERR(module);
	ret = shk_kprobe_register(&kp);
	if (!ret)
		unregister_kprobe(&kp);
	module_put(module);
	return ret ? shk_kprobe_refused(ret) : 0;
}

/*
 * Removes @site from the table by which hits find it, and queues it for the worker that frees it.
 * The caller has reverted its edit and removed all its users. Tasks may still be on their way to
 * the slot; their hits find no site then. The shadow's lock is held.
 */
static void site_remove_reverted(struct shk_site *site)
{
	shk_site_table_remove(site);
	if (site->arm == SHK_ARM_CALL) {
		site->shadow->nr_calls--;
		slot_release(site->shadow);
	}
	if (site->module)
		atomic_inc(&nr_holding);
	free_item_add(&container_of(site, struct removable_site, site)->free_item, site_free_item);
	sites_free_later();
}

/*
 * Reverts the edit of @site, and queues the site for the worker that frees it. The caller has
 * removed all its users, and holds the lock of the site's shadow. Sleeps.
 */
static void site_remove(struct shk_site *site)
{
	shk_edit_revert(site->shadow, &site->edit);
	site_remove_reverted(site);
}

/*
 * Adds the new @site to the table by which hits find it, and applies its edit. The caller has added
 * the first user to the site, by the list node @first, and holds the shadow's lock. Sleeps. Returns
 * 0, -ENOMEM or an error of shk_edit_apply(). After an error @first is in no list, no hit uses the
 * site, and the site is freed.
 */
static int site_arm_first(struct shk_site *site, struct list_head *first)
{
	int ret = shk_site_table_add(site);

	if (!ret) {
		ret = shk_edit_apply(site->shadow, &site->edit);
		if (!ret)
			return 0;
		shk_site_table_remove(site);
	}
	list_del_rcu(first);
	synchronize_rcu();
	site_free(site);
	return ret;
}

/*
 * Adds @probe to the site at @addr of @all. Creates the site and applies its edit if there is none.
 * @all is the union, the hidden shadow with the probes of all SHK_ASYNC_UNION shadows. The caller
 * holds the lock of @all. Sleeps. Returns 0 or an error of shk_site_add(), after which @probe is in
 * no list of @all.
 */
static int union_join_locked(struct shk_shadow *all, struct shk_probe *probe, unsigned long addr)
{
	struct shk_site *site = shk_site_at(all, addr);
	bool found = site;
	int ret;

	if (!found)
		site = site_create(all, probe, addr);
	if (IS_ERR(site))
		return PTR_ERR(site);
	list_add_tail_rcu(&probe->in_union, &site->union_probes);
	ret = found ? 0 : site_arm_first(site, &probe->in_union);
	if (ret)
		return ret;
	probe->union_site = site;
	WRITE_ONCE(all->nr_probes, all->nr_probes + 1);
	return 0;
}

/*
 * Adds @probe to the union's site at @addr, and makes that site if there is none: executions of
 * @addr by the union then count for @probe. The union is the text that interrupts and kernel
 * threads execute. The caller of shk_probe_add() has called shk_union_get(), so it stays meanwhile.
 * The lock of the probe's shadow is held; takes the union's lock, sleeps. Returns 0 or an error of
 * shk_site_add().
 */
static int union_join(struct shk_probe *probe, unsigned long addr)
{
	struct shk_shadow *all = READ_ONCE(shk_union);
	int ret;

	if (WARN_ON_ONCE(!all))
		return -EIO;
	shk_shadow_lock_hidden(all);
	ret = union_join_locked(all, probe, addr);
	shk_shadow_unlock_hidden(all);
	return ret;
}

/*
 * Removes @probe from its site of the union (shk_probe.union_site), if it has one. The union is the
 * hidden shadow that interrupts and kernel threads execute. If it was the last probe there, reverts
 * and removes the site. Hits may count for @probe until a grace period has passed. Takes the
 * union's lock; sleeps.
 */
static void union_leave(struct shk_probe *probe)
{
	struct shk_site *site = probe->union_site;
	struct shk_shadow *all;

	if (!site)
		return;
	all = site->shadow;
	shk_shadow_lock_hidden(all);
	list_del_rcu(&probe->in_union);
	probe->union_site = NULL;
	if (list_empty(&site->union_probes))
		site_remove(site);
	/* shk_union_settle() destroys a union without probes, and takes the lock for that. */
	WRITE_ONCE(all->nr_probes, all->nr_probes - 1);
	shk_shadow_unlock_hidden(all);
}

/*
 * Adds @probe to the site of @shadow at @addr, and sets @probe->site. If there is no site, makes
 * one and adds it to the table; its edit is not applied. After an error @probe is at no site. The
 * shadow's lock is held; sleeps. Returns 0 or an error of shk_site_add().
 */
static int site_join(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr)
{
	struct shk_site *site = shk_site_at(shadow, addr);
	bool found = site, needs_regs = probe->captured && !probe->tracepoint;
	int ret;

	if (found && site->arm == SHK_ARM_CALL && probe->returns) {
		ret = site_check_fentry(addr, probe);
		if (ret)
			return ret;
	}
	/* Where a jump edit is there is no return address to hook. */
	if (found && (probe->returns || needs_regs) && site->arm == SHK_ARM_JUMP)
		return SHK_E(JUMP_THERE);
	if (!found)
		site = site_create(shadow, probe, addr);
	if (IS_ERR(site))
		return PTR_ERR(site);
	ret = found ? 0 : shk_site_table_add(site);
	if (ret) {
		site_free(site);
		return ret;
	}
	probe->site = site;
	list_add_tail_rcu(&probe->in_site, &site->probes);
	site->has_entry |= probe->at_entry;
	if (needs_regs)
		WRITE_ONCE(site->has_captured, true);
	site_choose_only(site);
	if (found)
		shk_site_refresh(site);
	site_entry_changed(site, probe);
	return 0;
}

/*
 * Moves *@addr, at which @probe is wanted, to the address where it is put; shk_site_add() describes
 * the choice. @entry: *@addr is a function's entry. Sets @probe->at_entry. Returns 0; FORBIDDEN: a
 * hook of the module is there, or a return hook is wanted in preempt_schedule_notrace().
 */
static int site_choose_place(struct shk_probe *probe, unsigned long *addr, bool entry)
{
	unsigned long fentry = shk_call(ftrace_location)(*addr);

	if (entry && fentry)
		*addr = fentry;
	/* The __fentry__ site cannot be used, or is not wanted: use the next instruction. */
	if (*addr == fentry && ((probe->flags & SHK_PROBE_FORCE_INT3) || shk_is_hook_at(*addr) ||
				shk_branch_spans_pages(*addr))) {
		*addr += CALL_INSN_SIZE;
		probe->at_entry = true;
	}
	if (shk_is_hook_at(*addr))
		return SHK_E(FORBIDDEN);
	/*
	 * The kernel's trampoline of hooked returns calls this function at its end. A hook on its
	 * return would run the trampoline again, without end.
	 */
	return probe->returns && site_gives_up_cpu(*addr) ? SHK_E(FORBIDDEN) : 0;
}

/*
 * Called for a @probe that could not be armed in @shadow. Ends its use of return hooks. Removes it
 * from the union, the hidden shadow that interrupts and kernel threads execute. The shadow's lock
 * is held. Returns true if hits may use @probe or its hooks until a grace period has passed.
 */
static bool site_give_up(struct shk_shadow *shadow, struct shk_probe *probe)
{
	bool stale = probe->union_site;

	union_leave(probe);
	return shk_returns_leave(shadow, probe) || stale;
}

/*
 * Adds the probe of @new to a site of @shadow. If the policy is SHK_ASYNC_UNION, also adds it to a
 * site of the union, the hidden shadow that interrupts and kernel threads execute. The site's edit
 * may not be applied yet. Sets @new->err. If the probe was not added, and hits may use it until a
 * grace period has passed, sets *@stale to true; otherwise leaves it. The shadow's lock is held;
 * sleeps.
 */
static void site_add_one(struct shk_shadow *shadow, struct shk_new_probe *new, bool *stale)
{
	struct shk_probe *probe = new->probe;

	new->err = shk_probe_wants_return(probe) ? shk_returns_join(shadow, probe) : 0;
	if (!new->err)
		new->err = site_choose_place(probe, &new->addr, new->entry);
	if (!new->err && (shadow->flags & SHK_ASYNC_UNION))
		new->err = union_join(probe, new->addr);
	if (!new->err)
		new->err = site_join(shadow, probe, new->addr);
	if (new->err)
		*stale |= site_give_up(shadow, probe);
}

/*
 * Stores the edits of the sites that were made for @new, and are not applied yet, in @edits.
 * Returns their number.
 */
static unsigned int sites_to_apply(struct shk_new_probe *new, unsigned int nr,
				   struct shk_edit **edits)
{
	unsigned int i, nr_edits = 0;

	for (i = 0; i < nr; i++) {
		struct shk_site *site = new[i].probe && !new[i].err ? new[i].probe->site : NULL;

		/* A new site is taken with its first probe. */
		if (site && !site->edit.page &&
		    list_first_entry(&site->probes, struct shk_probe, in_site) == new[i].probe)
			edits[nr_edits++] = &site->edit;
	}
	return nr_edits;
}

static int edit_compare(const void *a, const void *b)
{
	const struct shk_edit *const *left = a, *const *right = b;

	return (*left)->addr < (*right)->addr ? -1 : (*left)->addr > (*right)->addr;
}

/*
 * Removes the probes of @new whose edits could not be applied from their sites, and sets their .err
 * to @err. The sites stay allocated and in the table; the caller frees them. The shadow's lock is
 * held. Returns true if there are such sites.
 */
static bool sites_unjoin(struct shk_new_probe *new, unsigned int nr, int err)
{
	bool found = false;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct shk_probe *probe = new[i].probe;

		if (!probe || new[i].err || probe->site->edit.page)
			continue;
		list_del_rcu(&probe->in_site);
		site_entry_changed(probe->site, probe);
		site_give_up(probe->site->shadow, probe);
		/* .site stays: a task that was preempted in the slot may be hitting the probe. */
		new[i].err = err;
		found = true;
	}
	return found;
}

/*
 * Unregisters the kprobes of those sites of @edits that are not applied, many by one call: each
 * call waits for a grace period, while the shadow's lock is held.
 */
static void sites_unregister_refused(struct shk_edit **edits, unsigned int nr)
{
	struct kprobe *batch[SHK_REMOVE_CHUNK];
	unsigned int i, nr_batch = 0;

	for (i = 0; i < nr; i++) {
		struct shk_site *site = container_of(edits[i], struct shk_site, edit);

		if (!edits[i]->page && site->kp)
			batch[nr_batch++] = site->kp;
		if (nr_batch == ARRAY_SIZE(batch) || i + 1 == nr) {
			unregister_kprobes(batch, nr_batch);
			nr_batch = 0;
		}
	}
}

/*
 * Applies the @nr_edits edits @edits to @shadow: those of the new sites of the @nr elements of
 * @new. If the edit of a site cannot be applied, the probes of that site are removed from it, and
 * the site is freed. The .err of their elements of @new becomes the error, and the caller frees
 * these probes. The shadow's lock is held; sleeps.
 */
static void sites_apply(struct shk_shadow *shadow, struct shk_new_probe *new, unsigned int nr,
			struct shk_edit **edits, unsigned int nr_edits)
{
	unsigned int i;
	int ret;

	sort(edits, nr_edits, sizeof(*edits), edit_compare, NULL);
	ret = shk_edit_apply_many(shadow, edits, nr_edits);
	if (!sites_unjoin(new, nr, ret ?: SHK_E(EDIT_THERE)))
		return;
	for (i = 0; i < nr_edits; i++)
		if (!edits[i]->page)
			shk_site_table_remove(container_of(edits[i], struct shk_site, edit));
	synchronize_rcu();
	sites_unregister_refused(edits, nr_edits);
	for (i = 0; i < nr_edits; i++)
		if (!edits[i]->page)
			site_free_unregistered(container_of(edits[i], struct shk_site, edit));
}

/*
 * Returns true if one of the probes of @new hooks returns and has no hooks of its own. It is to use
 * the hooks that the probes of a shadow share.
 */
static bool sites_share_returns(const struct shk_new_probe *new, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (new[i].probe && shk_probe_wants_return(new[i].probe) && !new[i].probe->returns)
			return true;
	return false;
}

void shk_sites_add(struct shk_shadow *shadow, struct shk_new_probe *new, unsigned int nr)
{
	bool stale = false, held = sites_share_returns(new, nr) && shk_returns_hold(shadow);
	struct shk_returns *unused = NULL;
	struct shk_edit *one, **edits = &one;
	unsigned int i, nr_edits;

	lockdep_assert_held(&shadow->lock);
	if (nr > 1)
		edits = kmalloc_array(nr, sizeof(*edits), GFP_KERNEL_ACCOUNT);
	for (i = 0; i < nr; i++) {
		if (!new[i].probe)
			continue;
		new[i].err = -ENOMEM;
		if (edits)
			site_add_one(shadow, &new[i], &stale);
	}
	nr_edits = edits ? sites_to_apply(new, nr, edits) : 0;
	if (nr_edits)
		sites_apply(shadow, new, nr, edits, nr_edits);
	if (held)
		unused = shk_returns_release(shadow);
	/* The caller frees the probes. */
	if (stale || unused)
		synchronize_rcu();
	if (unused)
		shk_returns_free(unused);
	if (edits != &one)
		kfree(edits);
}

int shk_site_add(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr, bool entry)
{
	struct shk_new_probe new = { .probe = probe, .addr = addr, .entry = entry };

	shk_sites_add(shadow, &new, 1);
	return new.err;
}

/*
 * Removes @probe from its site, and queues it for the worker that frees it. Also removes it from
 * its site in the union, the hidden shadow that interrupts and kernel threads execute. The lock of
 * the probe's shadow is held. Returns the probe's site if that has no user any longer: the caller
 * reverts its edit. Otherwise returns NULL.
 */
static struct shk_site *site_leave(struct shk_probe *probe)
{
	struct removable_probe *removable = container_of(probe, struct removable_probe, probe);
	struct shk_site *site = probe->site;

	lockdep_assert_held(&site->shadow->lock);
	union_leave(probe);
	list_del_rcu(&probe->in_site);
	site_choose_only(site);
	site_entry_changed(site, probe);
	shk_returns_leave(site->shadow, probe);
	free_item_add(&removable->free_item, probe_free_item);
	if (list_empty(&site->probes) && list_empty(&site->funcs))
		return site;
	shk_site_refresh(site);
	return NULL;
}

void shk_sites_remove(struct shk_probe **probes, unsigned int nr)
{
	struct shk_edit *edits[SHK_REMOVE_CHUNK];
	unsigned int i, nr_edits = 0;
	struct shk_site *site;

	if (WARN_ON_ONCE(nr > SHK_REMOVE_CHUNK))
		return;
	for (i = 0; i < nr; i++) {
		site = site_leave(probes[i]);
		if (site)
			edits[nr_edits++] = &site->edit;
	}
	if (nr_edits) {
		sort(edits, nr_edits, sizeof(*edits), edit_compare, NULL);
		site = container_of(edits[0], struct shk_site, edit);
		shk_edit_revert_many(site->shadow, edits, nr_edits);
	}
	for (i = 0; i < nr_edits; i++)
		site_remove_reverted(container_of(edits[i], struct shk_site, edit));
	sites_free_later();
}

void shk_site_remove(struct shk_probe *probe)
{
	shk_sites_remove(&probe, 1);
}

int shk_site_patch(struct shk_shadow *shadow, struct shk_func *func, unsigned long addr)
{
	struct shk_site *site = shk_site_at(shadow, addr);
	bool found = site, had_stub = func->stub >= 0;
	int ret;

	lockdep_assert_held(&shadow->lock);
	if (shk_is_hook_at(addr))
		return SHK_E(FORBIDDEN);
	/*
	 * A function with a body in place, or whose body is about to be in place, has no other
	 * patch. The exception is a patch in place that gets its jumps back before it is removed.
	 */
	if (!func->patch->in_place &&
	    (shk_inplace_at(shadow, addr) ||
	     (found && site_top_func(site) && (func->inplace || site_top_func(site)->inplace))))
		return SHK_E(EDIT_THERE);
	if (!found) {
		site = site_create(shadow, NULL, addr);
		if (IS_ERR(site))
			return PTR_ERR(site);
	}
	if (!had_stub) {
		ret = shk_stub_alloc(func, addr + CALL_INSN_SIZE);
		if (ret < 0)
			goto free;
		func->stub = ret;
	}
	func->site = site;
	list_add_rcu(&func->in_site, &site->funcs);
	site_choose_only(site);
	if (found) {
		shk_edit_change(shadow, &site->edit, JMP32_INSN_OPCODE, shk_stub_text(func->stub),
				shk_stub_text(func->stub));
		return 0;
	}
	shk_edit_branch(&site->edit, addr, JMP32_INSN_OPCODE, shk_stub_text(func->stub));
	ret = site_arm_first(site, &func->in_site);
	if (!ret)
		return 0;
	found = true; /* site_arm_first() has freed the site */
	if (!had_stub) {
		shk_stub_free(func->stub);
		func->stub = -1;
	}
free:
	func->site = NULL;
	if (!found)
		site_free(site);
	return ret;
}

void shk_site_unpatch(struct shk_func *func)
{
	struct shk_site *site = func->site;
	bool top = func == site_top_func(site);

	lockdep_assert_held(&site->shadow->lock);
	list_del_rcu(&func->in_site);
	site_choose_only(site);
	if (list_empty(&site->probes) && list_empty(&site->funcs)) {
		site_remove(site);
		return;
	}
	/*
	 * While the edit changes, a CPU that meets its breakpoint continues in the old stub, which
	 * finds the probes and the other functions of the site.
	 */
	if (top && site_top_func(site))
		shk_edit_change(site->shadow, &site->edit, JMP32_INSN_OPCODE,
				shk_stub_text(site_top_func(site)->stub),
				shk_stub_text(func->stub));
	else if (top)
		shk_edit_change(site->shadow, &site->edit, CALL_INSN_OPCODE,
				shk_slot_text(site->shadow->slot->index),
				shk_stub_text(func->stub));
	shk_site_refresh(site);
}

struct shk_probe *shk_probe_alloc(void)
{
	struct removable_probe *removable = kzalloc(sizeof(*removable), GFP_KERNEL_ACCOUNT);

	return removable ? &removable->probe : NULL;
}

void shk_probe_free(struct shk_probe *probe)
{
	if (probe->own_returns)
		shk_returns_free(probe->returns);
	shk_tracepoint_free(probe);
	shk_counts_free(probe);
	free_percpu(probe->histogram);
	shk_captured_put(probe->captured);
	kfree(probe->symbol);
	kfree(probe->conditions);
	kfree(container_of(probe, struct removable_probe, probe));
}
