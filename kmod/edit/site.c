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
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <asm/text-patching.h>

#include "edit/free_passes.h"
#include "edit/inplace.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "hooks/hooks.h"
#include "shadow/edits.h"

/* Kprobes that are unregistered by one call, which waits for one grace period. */
#define NR_BATCH 512

/* A removed probe or site in free_list. One of .site and .probe is set. */
struct free_item {
	struct llist_node node;
	struct shk_site *site;
	struct shk_probe *probe;
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

/* Removed probes and sites that are not freed yet. */
static atomic_t nr_to_free = ATOMIC_INIT(0);
/* Removed sites in modules that are not freed yet. Each holds a reference to its module. */
static atomic_t nr_holding = ATOMIC_INIT(0);
static struct shk_free_passes free_passes = SHK_FREE_PASSES(free_passes);

/* Frees @site, whose kprobe is not registered. No task is in its slot or detour. */
static void site_release(struct shk_site *site)
{
	if (site->slot >= 0)
		shk_slot_put(site->slot);
	if (site->detour)
		shk_detour_put(site->detour);
	module_put(site->module);
	kfree(container_of(site, struct removable_site, site));
}

/* Frees @site, which no hit has ever reached. */
static void site_free(struct shk_site *site)
{
	unregister_kprobe(&site->kp);
	site_release(site);
}

/* Queues @free_item. The caller then queues sites_free_work. */
static void free_item_add(struct free_item *free_item)
{
	atomic_inc(&nr_to_free);
	llist_add(&free_item->node, &free_list);
}

/* Each call of unregister_kprobes() waits for a grace period, however many kprobes it gets. */
static void sites_unregister_kprobes(struct llist_node *all)
{
	static struct kprobe *batch[NR_BATCH]; /* passes of sites_free_work do not overlap */
	struct free_item *free_item;
	unsigned int nr = 0;

	llist_for_each_entry (free_item, all, node) {
		if (!free_item->site)
			continue;
		batch[nr++] = &free_item->site->kp;
		if (nr == NR_BATCH) {
			unregister_kprobes(batch, nr);
			nr = 0;
		}
	}
	unregister_kprobes(batch, nr);
}

/*
 * Frees all queued probes and sites. Tasks may have been preempted in a slot, in a detour or in the
 * kernel's copy of an instruction, which a grace period of RCU tasks waits for. Hits that run now
 * may hold pointers to probes and sites, which a grace period of RCU waits for.
 */
static void sites_free_queued(struct llist_node *all)
{
	struct free_item *free_item, *next;

	synchronize_rcu_tasks();
	synchronize_rcu();
	sites_unregister_kprobes(all);
	llist_for_each_entry_safe (free_item, next, all, node) {
		if (free_item->site) {
			bool holding = free_item->site->module;

			site_release(free_item->site);
			if (holding)
				atomic_dec(&nr_holding);
		} else {
			shk_probe_free(free_item->probe);
		}
		atomic_dec(&nr_to_free);
	}
}

static void sites_free_work_fn(struct work_struct *work)
{
	shk_free_pass_run(&free_passes, &free_list, sites_free_queued);
}

bool shk_sites_settle(bool all)
{
	u64 pass = shk_free_pass_next(&free_passes);

	if (!atomic_read(all ? &nr_to_free : &nr_holding))
		return false;
	queue_work(system_long_wq, &sites_free_work);
	return !shk_free_pass_wait(&free_passes, pass);
}

void shk_sites_exit(void)
{
	flush_work(&sites_free_work);
	sites_free_work_fn(NULL);
}

static struct shk_site *site_find(struct shk_shadow *shadow, unsigned long addr)
{
	struct shk_site *site;

	hash_for_each_possible (shadow->sites, site, by_addr, addr)
		if (site->edit.addr == addr)
			return site;
	return NULL;
}

/* Returns true if the byte at @addr can be read. */
static bool is_mapped(unsigned long addr)
{
	u8 byte;
	bool mapped = false;

	pagefault_disable();
	__get_kernel_nofault(&byte, (void *)addr, u8, unmapped);
	mapped = true;
unmapped:
	pagefault_enable();
	return mapped;
}

/*
 * Returns true if the kernel would read unmapped memory when a kprobe is registered at @addr.
 *
 * can_optimize() decodes the function at @addr up to its end. For kallsyms the last function of a
 * module's text ends at the end of the last page, so the decoder meets padding. The last
 * instruction of the padding may need bytes of the next page, where 6.12 maps nothing.
 */
static bool is_decoded_too_far(unsigned long addr)
{
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];

	return !shk_is_kernel_text(addr) && !shk_symbol_of(addr, name, &offset, &size) &&
	       !is_mapped(addr - offset + size);
}

int shk_kprobe_register(struct kprobe *kp)
{
	return is_decoded_too_far((unsigned long)kp->addr) ? SHK_E(MODULE_END)
							   : register_kprobe(kp);
}

int shk_kprobe_refused(int err)
{
	switch (err) {
	case -EILSEQ:
		return SHK_E(NOT_INSTRUCTION);
	case -EOPNOTSUPP:
		return SHK_E(CANNOT_STEP);
	case -ENOMEM:
	case SHK_E(MODULE_END):
		return err;
	default: /* blacklist, reserved text */
		return SHK_E(FORBIDDEN);
	}
}

static struct shk_func *site_top_func(struct shk_site *site)
{
	return list_first_entry_or_null(&site->funcs, struct shk_func, in_site);
}

/* Makes the stub of the topmost function fast or slow, as shk_site_refresh() says. */
static void site_choose_stub(struct shk_site *site)
{
	struct shk_func *func = site_top_func(site);

	lockdep_assert_held(shk_symbols.text_mutex);
	/* A function that changes one of these without text_mutex then calls shk_site_refresh(). */
	if (func)
		shk_stub_set_fast(func->stub, READ_ONCE(func->patch->state) == SHK_PATCH_FAST &&
						      list_empty(&site->probes) && !site->chain &&
						      !READ_ONCE(site->shadow->asks_threads));
}

void shk_site_refresh(struct shk_site *site)
{
	mutex_lock(shk_symbols.text_mutex);
	site_choose_stub(site);
	mutex_unlock(shk_symbols.text_mutex);
}

void shk_sites_ask_threads(struct shk_shadow *shadow, bool ask)
{
	struct shk_site *site;
	int bucket;

	lockdep_assert_held(&shadow->lock);
	if (shadow->asks_threads == ask)
		return;
	WRITE_ONCE(shadow->asks_threads, ask);
	hash_for_each (shadow->sites, bucket, site, by_addr)
		shk_site_refresh(site);
}

/*
 * Updates shk_site.chain after the base's __fentry__ site under @edit has changed: to a nop, or to
 * a call of ftrace. Callback shk_edit.changed of CALL sites; text_mutex is held.
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
 * Replaces the jump of @edit by a breakpoint when another user's kprobe puts a breakpoint under it
 * in the base. shk_hook_int3() then hits the probes, and lets the kernel's handler serve the
 * kprobe. The breakpoint stays until the site is removed. Callback shk_edit.changed of JUMP sites;
 * text_mutex is held.
 */
static void site_jump_changed(struct shk_edit *edit)
{
	struct shk_site *site = container_of(edit, struct shk_site, edit);
	static const u8 int3 = INT3_INSN_OPCODE;

	if (edit->base[0] == site->kp.opcode)
		return;
	edit->bytes[0] = int3;
	shk_page_write(edit->page, edit->addr, &int3, 1);
}

/*
 * Restores the instructions under the jump of an optimised kprobe that begins at @edit, or at most
 * 4 bytes before it. Without that, the edit would be put into the middle of the jump, or the jump's
 * last bytes would follow it. The private page gets the kprobe's breakpoint and the original bytes
 * behind it. Callback shk_edit.prepare of JUMP and INT3 sites; text_mutex is held.
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

bool shk_kprobe_alone(unsigned long addr, const struct kprobe *own)
{
	bool alone = true;
	struct kprobe *kp;
	int i;

	rcu_read_lock();
	for (i = 1 - JMP32_INSN_SIZE; i < JMP32_INSN_SIZE && alone; i++) {
		kp = shk_call(get_kprobe)((void *)(addr + i));
		alone = !kp || kp == own || kprobe_disabled(kp);
	}
	rcu_read_unlock();
	return alone;
}

/*
 * Chooses the arm of a new site, takes its slot or detour, and sets its edit, which is not applied.
 * @probe is NULL for a patch, whose site is a __fentry__ site. Returns 0 or NO_ROOM.
 */
static int site_choose_arm(struct shk_site *site, struct shk_probe *probe, unsigned long addr)
{
	bool is_entry = shk_call(ftrace_location)(addr) == addr;

	if (is_entry) {
		site->slot = shk_slot_get(site);
		if (site->slot < 0)
			return site->slot;
		site->arm = SHK_ARM_CALL;
		site->edit.changed = site_call_changed;
		shk_edit_branch(&site->edit, addr, CALL_INSN_OPCODE, shk_slot_text(site->slot));
		return 0;
	}

	site->detour = shk_detour_get(site);
	if (site->detour && site->kp.ainsn.size >= JMP32_INSN_SIZE && !probe->rethook &&
	    !(probe->flags & SHK_PROBE_FORCE_INT3) && shk_kprobe_alone(addr, &site->kp) &&
	    !shk_branch_spans_pages(addr)) {
		site->arm = SHK_ARM_JUMP;
		site->edit.prepare = site_undo_jump;
		site->edit.changed = site_jump_changed;
		shk_edit_branch(&site->edit, addr, JMP32_INSN_OPCODE, (unsigned long)site->detour);
		return 0;
	}
	site->arm = SHK_ARM_INT3;
	site->edit.prepare = site_undo_jump;
	site->edit.addr = addr;
	site->edit.len = INT3_INSN_SIZE;
	site->edit.bytes[0] = INT3_INSN_OPCODE;
	return 0;
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

/* Returns true if @addr is in preempt_schedule_notrace(). preempt_enable_notrace() calls that. */
static bool site_gives_up_cpu(unsigned long addr)
{
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];

	return shk_symbols.preempt_schedule_notrace && !shk_symbol_of(addr, name, &offset, &size) &&
	       addr - offset == shk_symbols.preempt_schedule_notrace;
}

/*
 * Allocates a site at @addr for @probe (NULL: for a patch), registers its kprobe and chooses its
 * arm. It is in no list and not applied. Returns it, or an ERR_PTR() of shk_site_add().
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
	removable->free_item.site = site;
	site->shadow = shadow;
	site->slot = -1;
	INIT_LIST_HEAD(&site->probes);
	INIT_LIST_HEAD(&site->others);
	INIT_LIST_HEAD(&site->funcs);
	site->module = shk_module_get_at(addr);
	if (IS_ERR(site->module)) {
		ret = PTR_ERR(site->module);
		goto free;
	}
	site->gives_up_cpu = site_gives_up_cpu(addr);
	site->kp.addr = (kprobe_opcode_t *)addr;
	site->kp.flags = KPROBE_FLAG_DISABLED;
	ret = shk_kprobe_register(&site->kp);
	if (ret) {
		ret = shk_kprobe_refused(ret);
		goto module;
	}
	ret = site_choose_arm(site, probe, (unsigned long)site->kp.addr);
	if (ret) {
		site_free(site);
		return ERR_PTR(ret);
	}
	return site;
module :
	module_put(site->module);
free:
	kfree(removable);
	return ERR_PTR(ret);
}

int shk_site_check(unsigned long addr)
{
	struct kprobe kp = { .addr = (kprobe_opcode_t *)addr, .flags = KPROBE_FLAG_DISABLED };
	struct module *module = shk_module_get_at(addr);
	int ret;

	if (IS_ERR(module))
		return PTR_ERR(module);
	ret = shk_kprobe_register(&kp);
	if (!ret)
		unregister_kprobe(&kp);
	module_put(module);
	return ret ? shk_kprobe_refused(ret) : 0;
}

/*
 * Reverts the edit of @site, which has no user, and queues the site. The caller holds the lock of
 * the site's shadow. Tasks may still be on their way to the slot, whose hits report nothing then.
 */
static void site_remove(struct shk_site *site)
{
	shk_edit_revert(site->shadow, &site->edit);
	hash_del_rcu(&site->by_addr);
	if (site->slot >= 0)
		shk_slot_mute(site->slot);
	if (site->module)
		atomic_inc(&nr_holding);
	free_item_add(&container_of(site, struct removable_site, site)->free_item);
	/* The long queue: a pass waits until each task has slept or left the kernel. */
	queue_work(system_long_wq, &sites_free_work);
}

/*
 * Publishes and applies the new @site, whose list of probes has one node, @first. After an error
 * removes @first from the list, waits for hits, and frees @site. Returns 0 or an error of
 * shk_edit_apply().
 */
static int site_arm_first(struct shk_site *site, struct list_head *first)
{
	int ret;

	hash_add_rcu(site->shadow->sites, &site->by_addr, site->edit.addr);
	ret = shk_edit_apply(site->shadow, &site->edit);
	if (!ret)
		return 0;
	hash_del_rcu(&site->by_addr);
	list_del_rcu(first);
	synchronize_rcu();
	site_free(site);
	return ret;
}

/* Does the work of union_join() in the union @all, which is locked. */
static int union_join_locked(struct shk_shadow *all, struct shk_probe *probe, unsigned long addr)
{
	struct shk_site *site = site_find(all, addr);
	bool found = site;
	int ret;

	if (!found)
		site = site_create(all, probe, addr);
	if (IS_ERR(site))
		return PTR_ERR(site);
	list_add_tail_rcu(&probe->in_union, &site->others);
	ret = found ? 0 : site_arm_first(site, &probe->in_union);
	if (ret)
		return ret;
	probe->union_site = site;
	WRITE_ONCE(all->nr_probes, all->nr_probes + 1);
	return 0;
}

/*
 * Lets executions of @addr by the union count for @probe: adds it to the union's site there, or
 * makes that. The union stays meanwhile, since the caller of shk_probe_add() is one of its users.
 * The lock of the probe's shadow is held. Returns 0 or an error of shk_site_add().
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
 * Removes @probe from the union's site, if it is at one, and removes a site without probes. Hits
 * may count for @probe until a grace period has passed.
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
	if (list_empty(&site->others))
		site_remove(site);
	/* shk_union_settle() destroys a union without probes, and takes the lock for that. */
	WRITE_ONCE(all->nr_probes, all->nr_probes - 1);
	shk_shadow_unlock_hidden(all);
}

/*
 * Adds @probe to the site of @shadow at @addr, or makes one. Returns 0 or an error of
 * shk_site_add().
 */
static int site_join(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr)
{
	struct shk_site *site;
	int ret;

	site = site_find(shadow, addr);
	if (site) {
		/* Where a jump edit is there is no return address to hook. */
		if (probe->rethook && site->arm == SHK_ARM_JUMP)
			return SHK_E(JUMP_THERE);
		probe->site = site;
		list_add_tail_rcu(&probe->in_site, &site->probes);
		shk_site_refresh(site);
		return 0;
	}

	site = site_create(shadow, probe, addr);
	if (IS_ERR(site))
		return PTR_ERR(site);
	probe->site = site;
	list_add_tail_rcu(&probe->in_site, &site->probes);
	ret = site_arm_first(site, &probe->in_site);
	if (ret)
		probe->site = NULL;
	return ret;
}

int shk_site_add(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr, bool entry)
{
	unsigned long fentry = shk_call(ftrace_location)(addr);
	int ret;

	lockdep_assert_held(&shadow->lock);
	if (entry && fentry)
		addr = fentry;
	/* The __fentry__ site cannot be used, or is not wanted: use the next instruction. */
	if (addr == fentry && ((probe->flags & SHK_PROBE_FORCE_INT3) || shk_is_hook_at(addr) ||
			       shk_branch_spans_pages(addr)))
		addr += CALL_INSN_SIZE;
	if (shk_is_hook_at(addr))
		return SHK_E(FORBIDDEN);
	/*
	 * The kernel's trampoline of hooked returns calls this function at its end. A hook on its
	 * return would run the trampoline again, without end.
	 */
	if (probe->rethook && site_gives_up_cpu(addr))
		return SHK_E(FORBIDDEN);
	ret = shadow->flags & SHK_ASYNC_UNION ? union_join(probe, addr) : 0;
	if (ret)
		return ret;
	ret = site_join(shadow, probe, addr);
	if (ret && probe->union_site) {
		union_leave(probe);
		/* Hits of the union count for @probe until then, and the caller frees it. */
		synchronize_rcu();
	}
	return ret;
}

void shk_site_remove(struct shk_probe *probe)
{
	struct removable_probe *removable = container_of(probe, struct removable_probe, probe);
	struct shk_site *site = probe->site;

	lockdep_assert_held(&site->shadow->lock);
	union_leave(probe);
	list_del_rcu(&probe->in_site);
	shk_returns_exit(probe);
	removable->free_item.probe = probe;
	free_item_add(&removable->free_item);
	if (!list_empty(&site->probes) || !list_empty(&site->funcs))
		shk_site_refresh(site);
	else
		site_remove(site);
	/* The long queue: a pass waits until each task has slept or left the kernel. */
	queue_work(system_long_wq, &sites_free_work);
}

int shk_site_patch(struct shk_shadow *shadow, struct shk_func *func, unsigned long addr)
{
	struct shk_site *site = site_find(shadow, addr);
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
		ret = shk_stub_get(func, addr + CALL_INSN_SIZE);
		if (ret < 0)
			goto free;
		func->stub = ret;
	}
	func->site = site;
	list_add_rcu(&func->in_site, &site->funcs);
	if (found) {
		shk_edit_change(shadow, &site->edit, JMP32_INSN_OPCODE, shk_stub_text(func->stub),
				shk_stub_text(func->stub));
		return 0;
	}
	hash_add_rcu(shadow->sites, &site->by_addr, site->edit.addr);
	shk_edit_branch(&site->edit, addr, JMP32_INSN_OPCODE, shk_stub_text(func->stub));
	ret = shk_edit_apply(shadow, &site->edit);
	if (!ret)
		return 0;
	hash_del_rcu(&site->by_addr);
	list_del_rcu(&func->in_site);
	synchronize_rcu();
	if (!had_stub) {
		shk_stub_put(func->stub);
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
				shk_slot_text(site->slot), shk_stub_text(func->stub));
	shk_site_refresh(site);
}

struct shk_probe *shk_probe_alloc(void)
{
	struct removable_probe *removable = kzalloc(sizeof(*removable), GFP_KERNEL_ACCOUNT);

	return removable ? &removable->probe : NULL;
}

void shk_probe_free(struct shk_probe *probe)
{
	shk_counts_free(probe);
	free_percpu(probe->histogram);
	kfree(container_of(probe, struct removable_probe, probe));
}
