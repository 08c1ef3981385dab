// SPDX-License-Identifier: GPL-2.0-only
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

/*
 * A task may have been preempted in a slot, a detour, or the kernel's copy of
 * the instruction. Removed sites wait until each has been seen to sleep or to
 * be in user space, all that have gathered in one go.
 */
#define NR_BATCH 512

struct free_item {
	struct llist_node node;
	struct shk_site *site;
	struct shk_probe *probe;
};

static LLIST_HEAD(free_list);
static void sites_free_work_fn(struct work_struct *work);
static DECLARE_WORK(sites_free_work, sites_free_work_fn);

/* What is needed to remove, allocated when it is added: removing cannot fail. */
struct removable_site {
	struct shk_site site;
	struct free_item free_item;
};

struct removable_probe {
	struct shk_probe probe;
	struct free_item free_item;
};

static atomic_t nr_to_free = ATOMIC_INIT(0);
/* Graves of sites in modules, which cannot be unloaded before. */
static atomic_t nr_holding = ATOMIC_INIT(0);
static struct shk_free_passes free_passes = SHK_FREE_PASSES(free_passes);

static void site_release(struct shk_site *site)
{
	if (site->slot >= 0)
		shk_slot_put(site->slot);
	if (site->detour)
		shk_detour_put(site->detour);
	module_put(site->module);
	kfree(container_of(site, struct removable_site, site));
}

static void site_free(struct shk_site *site)
{
	unregister_kprobe(&site->kp);
	site_release(site);
}

static void free_item_add(struct free_item *free_item)
{
	atomic_inc(&nr_to_free);
	llist_add(&free_item->node, &free_list);
}

/* Each call of unregister_kprobes() waits for a grace period, however many it gets. */
static void sites_unregister_kprobes(struct llist_node *all)
{
	static struct kprobe *batch[NR_BATCH]; /* bury_work is the only user */
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
 * The kernel decodes the function to its end (can_optimize()), and to kallsyms the last one of a
 * module's text ends where the last page does: with padding, whose last instruction may need
 * bytes of the page behind. 6.12 has none there.
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

static void site_choose_stub(struct shk_site *site)
{
	struct shk_func *func = site_top_func(site);

	lockdep_assert_held(shk_symbols.text_mutex);
	/* Whoever changes one of these without text_mutex calls shk_site_refresh() then. */
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

/* The base's __fentry__ site under an edit of ours: a nop, or a call to ftrace. */
static void site_call_changed(struct shk_edit *edit)
{
	struct shk_site *site = container_of(edit, struct shk_site, edit);
	unsigned long chain = 0;
	s32 rel;

	/* In the middle of a change both the old and the new target are right. */
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
 * Somebody puts a breakpoint of his own under a jump edit: from now on a
 * breakpoint here too, after which the kernel's handler serves him.
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
 * Somebody's optimised kprobe covers the instruction: a jump whose tail has
 * overwritten it, or at least what follows it.
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
	/* The jump begins here or up to 4 bytes before, and not before the function. */
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

/* @probe is NULL for a patch, which is at an entry. */
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

/* Text that is freed after the module's start is none to probe. */
struct module *shk_module_get_at(unsigned long addr)
{
	struct module *module;

	if (shk_is_kernel_text(addr))
		return NULL;
	preempt_disable();
	module = shk_call(__module_text_address)(addr);
	if (!module)
		module = ERR_PTR(SHK_E(NOT_TEXT));
	else if (module == THIS_MODULE || within_module_init(addr, module))
		module = ERR_PTR(SHK_E(FORBIDDEN));
	else if (!shk_module_get_live(module))
		module = ERR_PTR(SHK_E(MODULE_BUSY));
	preempt_enable();
	return module;
}

/* Is @addr in the function that preempt_enable_notrace() calls? */
static bool site_gives_up_cpu(unsigned long addr)
{
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];

	return shk_symbols.preempt_schedule_notrace && !shk_symbol_of(addr, name, &offset, &size) &&
	       addr - offset == shk_symbols.preempt_schedule_notrace;
}

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

static void site_remove(struct shk_site *site)
{
	shk_edit_revert(site->shadow, &site->edit);
	hash_del_rcu(&site->by_addr);
	if (site->slot >= 0)
		shk_slot_mute(site->slot);
	if (site->module)
		atomic_inc(&nr_holding);
	free_item_add(&container_of(site, struct removable_site, site)->free_item);
	/* It waits for as long as some task does not sleep. */
	queue_work(system_long_wq, &sites_free_work);
}

/* A new site takes effect, for the probe at @first on its list; or it is freed. */
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

/* What executes the union counts for @probe, too. It stays: the caller is one of its users. */
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
	/* Without one it is given up, as soon as its lock is free. */
	WRITE_ONCE(all->nr_probes, all->nr_probes - 1);
	shk_shadow_unlock_hidden(all);
}

static int site_join(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr)
{
	struct shk_site *site;
	int ret;

	site = site_find(shadow, addr);
	if (site) {
		/* A jump has no return address at hand. */
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
	/* Behind a place that is taken or in two pages, or by wish: the next instruction. */
	if (addr == fentry && ((probe->flags & SHK_PROBE_FORCE_INT3) || shk_is_hook_at(addr) ||
			       shk_branch_spans_pages(addr)))
		addr += CALL_INSN_SIZE;
	if (shk_is_hook_at(addr))
		return SHK_E(FORBIDDEN);
	/* It ends the kernel's trampoline of returns, which would not end. */
	if (probe->rethook && site_gives_up_cpu(addr))
		return SHK_E(FORBIDDEN);
	ret = shadow->flags & SHK_ASYNC_UNION ? union_join(probe, addr) : 0;
	if (ret)
		return ret;
	ret = site_join(shadow, probe, addr);
	if (ret && probe->union_site) {
		union_leave(probe);
		/* Nobody counts there any more. */
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
	/* It waits for as long as some task does not sleep. */
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
	/* A body in place is the only one; so is one that is about to be. */
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
	/* Meanwhile by way of its stub, which finds the probes and the other patches. */
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
