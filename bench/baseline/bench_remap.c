// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mechanism of the paper "Shadow Kernels" (Chick et al.), with which the figures compare. There
 * is one mapping of the kernel's text, and each context switch to or from the process inside remaps
 * PAGES pages of it.
 *
 *   insmod bench_remap.ko pages=N	N pages from _stext on, or all if there are fewer
 *   echo 1 >.../parameters/inside	the process that writes this comes inside
 *   echo 0 >.../parameters/inside	it leaves; another process may write this when it is dead
 *
 * Under Xen, one multicall of update_va_mapping remaps the pages. Natively, entries of 4 KB are
 * written, and large ones are split while the module is loaded. Flushes are those of the kernel:
 * page by page up to 33 pages, and of everything above that.
 *
 * The copies are made when the process comes inside, and do not follow the base. The machine must
 * have one CPU, since all processes share the mapping.
 */
#define pr_fmt(fmt) "bench_remap: " fmt

#include <linux/cpu.h>
#include <linux/io.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>
#include <asm/cpufeature.h>
#include <asm/pgtable.h>
#include <asm/tlbflush.h>
#include <xen/xen.h>
#ifdef CONFIG_XEN_PV
#include <asm/xen/hypercall.h>
#include <asm/xen/page.h>
#include <xen/interface/xen.h>
#endif

#define FLUSH_EACH 33 /* tlb_single_page_flush_ceiling */

static unsigned int pages = 1;
module_param(pages, uint, 0444);
static unsigned long switches;
module_param(switches, ulong, 0444);

struct text_page {
	unsigned long addr;
	struct page *copy;
	pte_t *entry;
	pte_t base, shadow;
};

static struct text_page *text;
static DEFINE_MUTEX(lock);
static struct task_struct *inside;
static bool remapped;

/* ---- native ---- */

struct split {
	pmd_t *pmd;
	pmd_t was;
	struct page *table;
};
static struct split *splits;
static unsigned int nr_splits;

static void native_remap(bool shadow)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		set_pte(text[i].entry, shadow ? text[i].shadow : text[i].base);
	if (pages > FLUSH_EACH)
		__flush_tlb_all();
	else
		for (i = 0; i < pages; i++)
			asm volatile("invlpg (%0)" ::"r"(text[i].addr) : "memory");
}

static int split(pmd_t *pmd)
{
	struct page *table = alloc_page(GFP_KERNEL);
	pte_t *pte;
	int i;

	if (!table)
		return -ENOMEM;
	pte = page_address(table);
	for (i = 0; i < PTRS_PER_PTE; i++)
		pte[i] = pfn_pte(pmd_pfn(*pmd) + i, pgprot_large_2_4k(pmd_pgprot(*pmd)));
	splits[nr_splits++] = (struct split){ pmd, *pmd, table };
	smp_wmb(); /* the table is filled before it is walked */
	set_pmd(pmd, __pmd(_KERNPG_TABLE | page_to_phys(table)));
	return 0;
}

static int native_find(struct text_page *page)
{
	unsigned int level;
	pte_t *pte = lookup_address(page->addr, &level);
	int ret;

	if (pte && level == PG_LEVEL_2M) {
		ret = split((pmd_t *)pte);
		if (ret)
			return ret;
		pte = lookup_address(page->addr, &level);
	}
	if (!pte || level != PG_LEVEL_4K)
		return -EOPNOTSUPP;
	page->entry = pte;
	page->base = *pte;
	page->shadow = pfn_pte(page_to_pfn(page->copy), pte_pgprot(*pte));
	return 0;
}

static void native_undo(void)
{
	while (nr_splits--)
		set_pmd(splits[nr_splits].pmd, splits[nr_splits].was);
	preempt_disable();
	__flush_tlb_all();
	preempt_enable();
	for (nr_splits = 0; splits[nr_splits].table; nr_splits++)
		__free_page(splits[nr_splits].table);
}

/* ---- Xen ---- */

#ifdef CONFIG_XEN_PV
static struct multicall_entry *calls[2]; /* to the base, to the copies */

static void xen_remap(bool shadow)
{
	struct multicall_entry *call = calls[shadow];
	unsigned int i;
	int ret = HYPERVISOR_multicall(call, pages);

	for (i = 0; i < pages && !ret; i++)
		ret = call[i].result;
	WARN_ON_ONCE(ret);
}

static int xen_find(struct text_page *page)
{
	unsigned int level;
	pte_t *pte = lookup_address(page->addr, &level);
	u64 frame = pfn_to_mfn(page_to_pfn(page->copy));

	if (!pte || level != PG_LEVEL_4K)
		return -EOPNOTSUPP;
	page->base = *pte;
	page->shadow.pte = (pte->pte & ~XEN_PTE_MFN_MASK) | frame << PAGE_SHIFT;
	return 0;
}

static unsigned long flush_of(unsigned int page)
{
	if (pages <= FLUSH_EACH)
		return UVMF_INVLPG | UVMF_LOCAL;
	return page + 1 == pages ? UVMF_TLB_FLUSH | UVMF_LOCAL : UVMF_NONE;
}

static int xen_prepare(void)
{
	unsigned int i, to;

	for (to = 0; to < 2; to++) {
		calls[to] = vcalloc(pages, sizeof(**calls));
		if (!calls[to])
			return -ENOMEM;
		for (i = 0; i < pages; i++) {
			calls[to][i].op = __HYPERVISOR_update_va_mapping;
			calls[to][i].args[0] = text[i].addr;
			calls[to][i].args[1] = to ? text[i].shadow.pte : text[i].base.pte;
			calls[to][i].args[2] = flush_of(i);
		}
	}
	return 0;
}

static void xen_undo(void)
{
	vfree(calls[0]);
	vfree(calls[1]);
}
#else
static void xen_remap(bool shadow)
{
}
static int xen_find(struct text_page *page)
{
	return -EOPNOTSUPP;
}
static int xen_prepare(void)
{
	return -EOPNOTSUPP;
}
static void xen_undo(void)
{
}
#endif

/* ---- both ---- */

static void remap(bool shadow)
{
	unsigned long flags;

	local_irq_save(flags);
	if (remapped != shadow) {
		if (xen_pv_domain())
			xen_remap(shadow);
		else
			native_remap(shadow);
		remapped = shadow;
		switches++;
	}
	local_irq_restore(flags);
}

static void on_sched_in(struct preempt_notifier *notifier, int cpu)
{
	remap(true);
}

static void on_sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	remap(false);
}

static struct preempt_ops ops = { .sched_in = on_sched_in, .sched_out = on_sched_out };
static struct preempt_notifier notifier;

static void enter(void)
{
	unsigned int i;

	preempt_notifier_inc(); /* patches text: before it is copied */
	for (i = 0; i < pages; i++)
		memcpy(page_address(text[i].copy), (void *)text[i].addr, PAGE_SIZE);
	preempt_notifier_init(&notifier, &ops);
	preempt_disable();
	preempt_notifier_register(&notifier);
	remap(true);
	preempt_enable();
	inside = get_task_struct(current);
	__module_get(THIS_MODULE);
}

/* Called by the process inside, or after its last switch when it is dead. */
static void leave(void)
{
	preempt_disable();
	remap(false);
	preempt_notifier_unregister(&notifier);
	preempt_enable();
	preempt_notifier_dec();
	put_task_struct(inside);
	inside = NULL;
	module_put(THIS_MODULE);
}

static int inside_set(const char *value, const struct kernel_param *param)
{
	bool wanted;
	int ret = kstrtobool(value, &wanted);

	if (ret || !text)
		return ret ?: -EBUSY;
	mutex_lock(&lock);
	if (wanted && !inside)
		enter();
	else if (!wanted && inside &&
		 (inside == current || READ_ONCE(inside->__state) == TASK_DEAD))
		leave();
	else
		ret = -EBUSY;
	mutex_unlock(&lock);
	return ret;
}

static const struct kernel_param_ops inside_ops = { .set = inside_set };
module_param_cb(inside, &inside_ops, NULL, 0200);

static void undo(void)
{
	unsigned int i;

	if (xen_pv_domain())
		xen_undo();
	else if (splits)
		native_undo();
	for (i = 0; i < pages; i++)
		if (text[i].copy)
			__free_page(text[i].copy);
	kfree(splits);
	vfree(text);
}

static int __init find_text(unsigned long from, unsigned long to)
{
	unsigned int i;
	int ret = 0;

	pages = min_t(unsigned long, pages, (to - from) >> PAGE_SHIFT);
	text = vcalloc(pages, sizeof(*text));
	splits = kcalloc(DIV_ROUND_UP(to - from, PMD_SIZE) + 2, sizeof(*splits), GFP_KERNEL);
	if (!text || !splits)
		return -ENOMEM;
	for (i = 0; i < pages && !ret; i++) {
		text[i].addr = from + i * PAGE_SIZE;
		text[i].copy = alloc_page(GFP_KERNEL);
		if (!text[i].copy)
			return -ENOMEM;
		ret = xen_pv_domain() ? xen_find(&text[i]) : native_find(&text[i]);
	}
	if (!ret && xen_pv_domain())
		ret = xen_prepare();
	return ret;
}

static unsigned long __init address(const char *symbol)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name",
				.flags = KPROBE_FLAG_DISABLED };
	unsigned long (*lookup)(const char *);

	if (register_kprobe(&probe))
		return 0;
	lookup = (void *)probe.addr;
	unregister_kprobe(&probe);
	return lookup(symbol);
}

static int __init bench_init(void)
{
	unsigned long from = address("_stext"), to = address("_etext");
	int ret;

	if (!from || !to || !pages)
		return -EINVAL;
	if (num_online_cpus() > 1 || cpu_feature_enabled(X86_FEATURE_PTI)) {
		pr_err("for one CPU without page-table isolation\n");
		return -EOPNOTSUPP;
	}
	ret = find_text(from, to);
	if (ret)
		undo();
	return ret;
}

static void __exit bench_exit(void)
{
	undo();
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("Text remapped at each context switch");
MODULE_LICENSE("GPL");
