// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kprobes.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <asm/text-patching.h>

#include "edit/probe.h"

/*
 * A task may have been preempted in a slot, a detour, or the kernel's copy of
 * the instruction. Removed sites wait until each has been seen to sleep or to
 * be in user space, all that have gathered in one go.
 */
struct grave {
	struct llist_node node;
	struct shk_site *site;
	struct shk_probe *probe;
};

static LLIST_HEAD(graves);
static void bury(struct work_struct *work);
static DECLARE_WORK(bury_work, bury);

/* What is needed to remove, allocated when it is added: removing cannot fail. */
struct buried_site {
	struct shk_site site;
	struct grave grave;
};

struct buried_probe {
	struct shk_probe probe;
	struct grave grave;
};

/* Graves of sites in modules, which cannot be unloaded before. */
static atomic_t nr_holding = ATOMIC_INIT(0);

static void site_free(struct shk_site *site)
{
	unregister_kprobe(&site->kp);
	if (site->slot >= 0)
		shk_slot_put(site->slot);
	if (site->detour)
		shk_detour_put(site->detour);
	module_put(site->module);
	kfree(container_of(site, struct buried_site, site));
}

static void bury(struct work_struct *work)
{
	struct llist_node *all = llist_del_all(&graves);
	struct grave *grave, *next;

	if (!all)
		return;
	synchronize_rcu_tasks();
	synchronize_rcu();
	llist_for_each_entry_safe (grave, next, all, node) {
		if (grave->site) {
			if (grave->site->module)
				atomic_dec(&nr_holding);
			site_free(grave->site);
		} else {
			shk_probe_free(grave->probe);
		}
	}
}

void shk_sites_settle(void)
{
	if (atomic_read(&nr_holding))
		flush_work(&bury_work);
}

void shk_sites_exit(void)
{
	flush_work(&bury_work);
	bury(NULL);
}

static struct shk_site *find_site(struct shk_shadow *shadow, unsigned long addr)
{
	struct shk_site *site;

	hash_for_each_possible (shadow->sites, site, by_addr, addr)
		if (site->edit.addr == addr)
			return site;
	return NULL;
}

/* The kernel's answer in the terms of struct shk_probe_add. */
static int refuse_kprobe(int err)
{
	switch (err) {
	case -EILSEQ: /* not an instruction's first byte */
	case -ENOMEM:
	case -EOPNOTSUPP: /* cannot be stepped out of line */
		return err;
	default: /* blacklist, reserved text */
		return -EADDRNOTAVAIL;
	}
}

/* The base's __fentry__ site under a call edit: a nop, or a call to ftrace. */
static void call_changed(struct shk_edit *edit)
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
}

/*
 * Somebody puts a breakpoint of his own under a jump edit: from now on a
 * breakpoint here too, after which the kernel's handler serves him.
 */
static void jump_changed(struct shk_edit *edit)
{
	struct shk_site *site = container_of(edit, struct shk_site, edit);
	static const u8 int3 = INT3_INSN_OPCODE;

	if (edit->base[0] != site->kp.opcode)
		shk_page_write(edit->page, edit->addr, &int3, 1);
}

/*
 * Somebody's optimised kprobe covers the instruction: a jump whose tail has
 * overwritten it, or at least what follows it.
 */
static void undo_jump(struct shk_edit *edit)
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

/* Nobody's kprobe at, or with its jump reaching to, these bytes. */
static bool is_alone(const struct shk_site *site, unsigned long addr)
{
	bool alone = true;
	struct kprobe *kp;
	int i;

	rcu_read_lock();
	for (i = 1 - JMP32_INSN_SIZE; i < JMP32_INSN_SIZE && alone; i++) {
		kp = shk_call(get_kprobe)((void *)(addr + i));
		alone = !kp || kp == &site->kp || kprobe_disabled(kp);
	}
	rcu_read_unlock();
	return alone;
}

static int choose_arm(struct shk_site *site, struct shk_probe *probe, unsigned long addr)
{
	bool is_entry = shk_call(ftrace_location)(addr) == addr;

	if (is_entry) {
		site->slot = shk_slot_get(site);
		if (site->slot < 0)
			return site->slot;
		site->arm = SHK_ARM_CALL;
		site->edit.changed = call_changed;
		shk_edit_branch(&site->edit, addr, CALL_INSN_OPCODE, shk_slot_text(site->slot));
		return 0;
	}

	site->detour = shk_detour_get(site);
	if (site->detour && site->kp.ainsn.size >= JMP32_INSN_SIZE && !probe->rethook &&
	    !(probe->flags & SHK_PROBE_FORCE_INT3) && is_alone(site, addr) &&
	    offset_in_page(addr) <= PAGE_SIZE - JMP32_INSN_SIZE) {
		site->arm = SHK_ARM_JUMP;
		site->edit.prepare = undo_jump;
		site->edit.changed = jump_changed;
		shk_edit_branch(&site->edit, addr, JMP32_INSN_OPCODE, (unsigned long)site->detour);
		return 0;
	}
	site->arm = SHK_ARM_INT3;
	site->edit.prepare = undo_jump;
	site->edit.addr = addr;
	site->edit.len = INT3_INSN_SIZE;
	site->edit.bytes[0] = INT3_INSN_OPCODE;
	return 0;
}

/*
 * The module that has text at @addr, held; NULL for the kernel's own. Text that
 * is freed after the module's start is none to probe.
 */
static struct module *module_get_at(unsigned long addr)
{
	struct module *module;

	if (shk_is_kernel_text(addr))
		return NULL;
	preempt_disable();
	module = shk_call(__module_text_address)(addr);
	if (!module)
		module = ERR_PTR(-ERANGE);
	else if (module == THIS_MODULE || within_module_init(addr, module))
		module = ERR_PTR(-EADDRNOTAVAIL);
	else if (module->state != MODULE_STATE_LIVE || !try_module_get(module))
		module = ERR_PTR(-EBUSY);
	preempt_enable();
	return module;
}

static struct shk_site *site_create(struct shk_shadow *shadow, struct shk_probe *probe,
				    unsigned long addr)
{
	struct buried_site *buried = kzalloc(sizeof(*buried), GFP_KERNEL_ACCOUNT);
	struct shk_site *site;
	int ret;

	if (!buried)
		return ERR_PTR(-ENOMEM);
	site = &buried->site;
	buried->grave.site = site;
	site->shadow = shadow;
	site->slot = -1;
	INIT_LIST_HEAD(&site->probes);
	site->module = module_get_at(addr);
	if (IS_ERR(site->module)) {
		ret = PTR_ERR(site->module);
		goto free;
	}
	site->kp.addr = (kprobe_opcode_t *)addr;
	site->kp.flags = KPROBE_FLAG_DISABLED;
	ret = register_kprobe(&site->kp);
	if (ret) {
		ret = refuse_kprobe(ret);
		goto module;
	}
	ret = choose_arm(site, probe, (unsigned long)site->kp.addr);
	if (ret) {
		site_free(site);
		return ERR_PTR(ret);
	}
	return site;
module :
	module_put(site->module);
free:
	kfree(buried);
	return ERR_PTR(ret);
}

int shk_site_add(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr, bool entry)
{
	unsigned long fentry = shk_call(ftrace_location)(addr);
	struct shk_site *site;
	int ret;

	lockdep_assert_held(&shk_config_lock);
	if (entry && fentry)
		addr = fentry;
	/* Behind a place that is taken, or by wish: the next instruction. */
	if (addr == fentry && ((probe->flags & SHK_PROBE_FORCE_INT3) || shk_hooks_own(addr)))
		addr += CALL_INSN_SIZE;
	if (shk_hooks_own(addr))
		return -EADDRNOTAVAIL;

	site = find_site(shadow, addr);
	if (site) {
		/* A jump has no return address at hand. */
		if (probe->rethook && site->arm == SHK_ARM_JUMP)
			return -EADDRINUSE;
		probe->site = site;
		list_add_tail_rcu(&probe->in_site, &site->probes);
		return 0;
	}

	site = site_create(shadow, probe, addr);
	if (IS_ERR(site))
		return PTR_ERR(site);
	probe->site = site;
	list_add_tail_rcu(&probe->in_site, &site->probes);
	hash_add_rcu(shadow->sites, &site->by_addr, site->edit.addr);
	ret = shk_edit_apply(shadow, &site->edit);
	if (ret) {
		hash_del_rcu(&site->by_addr);
		list_del_rcu(&probe->in_site);
		synchronize_rcu();
		site_free(site);
		probe->site = NULL;
	}
	return ret;
}

void shk_site_remove(struct shk_probe *probe)
{
	struct buried_probe *buried = container_of(probe, struct buried_probe, probe);
	struct shk_site *site = probe->site;

	lockdep_assert_held(&shk_config_lock);
	list_del_rcu(&probe->in_site);
	shk_returns_exit(probe);
	buried->grave.probe = probe;
	llist_add(&buried->grave.node, &graves);
	if (list_empty(&site->probes)) {
		shk_edit_revert(site->shadow, &site->edit);
		hash_del_rcu(&site->by_addr);
		if (site->slot >= 0)
			shk_slot_mute(site->slot);
		if (site->module)
			atomic_inc(&nr_holding);
		llist_add(&container_of(site, struct buried_site, site)->grave.node, &graves);
	}
	/* It waits for as long as some task does not sleep. */
	queue_work(system_long_wq, &bury_work);
}

struct shk_probe *shk_probe_alloc(void)
{
	struct buried_probe *buried = kzalloc(sizeof(*buried), GFP_KERNEL_ACCOUNT);

	return buried ? &buried->probe : NULL;
}

void shk_probe_free(struct shk_probe *probe)
{
	free_percpu(probe->counts);
	free_percpu(probe->histogram);
	kfree(container_of(probe, struct buried_probe, probe));
}
