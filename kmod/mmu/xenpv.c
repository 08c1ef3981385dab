// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of a paravirtualised Xen guest, dom0 or domU. They have four levels and text in pages
 * of 4 KB. No kernel entry is global, since Xen keeps that bit for user pages.
 *
 * Entries hold machine frames. They are copied from the base as they are, with bits that Xen has
 * added, and only their frames are replaced. Functions of the kernel that convert an entry would
 * lose those bits.
 *
 * Xen keeps a type and a count of uses for each page, and refuses a change that contradicts them.
 *
 * - A page becomes a table when it is linked or pinned. Xen checks all tables below it first, and
 *   no entry may map it writable.
 * - So a table is filled as ordinary memory, made read-only in the direct map, and linked. If Xen
 *   refuses, it is not linked, and is made ordinary memory again.
 * - The private PUD is pinned, so it stays a table while no process is grafted; it holds the tables
 *   below.
 * - A table at which an entry still points cannot be made writable. It is leaked, not freed.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/tlbflush.h>

#include "mmu/modules.h"

#ifdef CONFIG_XEN_PV
#include <asm/xen/hypercall.h>
#include <asm/xen/page.h>
#include <xen/interface/xen.h>

/* Physical address of the top-level table that each CPU has loaded (arch/x86/xen/mmu_pv.c). */
static unsigned long __percpu *xen_cr3 __ro_after_init;

static int xenpv_init(void)
{
	xen_cr3 = (unsigned long __percpu *)shk_symbol_lookup("xen_cr3");
	if (xen_cr3)
		return 0;
	pr_err("symbols: this kernel has no xen_cr3; is CONFIG_KALLSYMS_ALL set?\n");
	return -EOPNOTSUPP;
}

/* Returns the base's PMD entry for @range. */
static pmd_t *xenpv_base_pmd(unsigned int range)
{
	return shk_base_pmd(shk_range_start(range));
}

static pte_t *xenpv_base_pte(unsigned long addr)
{
	return pte_offset_kernel(xenpv_base_pmd(shk_range_of(addr)), addr);
}

/* Returns the table that has @entry. */
static void *table_of(void *entry)
{
	return PTR_ALIGN_DOWN(entry, PAGE_SIZE);
}

/*
 * Returns @entry with the machine frame of @page instead of its own. The kernel's functions that
 * make an entry expect physical frames, so this function cannot call them.
 */
static u64 xenpv_redirect(u64 entry, struct page *page)
{
	u64 frame = pfn_to_mfn(page_to_pfn(page));

	return (entry & ~XEN_PTE_MFN_MASK) | frame << PAGE_SHIFT;
}

/* Hypercalls that go to Xen together. Xen executes all of them, also after one that fails. */
struct batch {
	struct multicall_entry calls[4];
	struct mmu_update update;
	struct mmuext_op op;
	unsigned int nr;
};

/*
 * Adds the hypercall @op to @batch, and returns it; the caller sets its arguments. The caller
 * ensures that @batch has room.
 */
static struct multicall_entry *batch_add(struct batch *batch, unsigned long op)
{
	struct multicall_entry *call = &batch->calls[batch->nr++];

	call->op = op;
	return call;
}

/*
 * Adds a hypercall to @batch that changes the direct map's permissions for @page to @prot.
 * batch_submit() makes the hypercall, and returns its error.
 */
static void batch_protect(struct batch *batch, struct page *page, pgprot_t prot)
{
	struct multicall_entry *call = batch_add(batch, __HYPERVISOR_update_va_mapping);

	call->args[0] = (unsigned long)page_address(page);
	call->args[1] = pfn_pte(page_to_pfn(page), prot).pte;
	call->args[2] = UVMF_INVLPG | UVMF_ALL;
}

/*
 * Adds a hypercall to @batch that writes @val to the page-table entry @entry. A batch has room for
 * one of these. batch_submit() makes it, and returns its error.
 */
static void batch_write(struct batch *batch, void *entry, u64 val)
{
	struct multicall_entry *call = batch_add(batch, __HYPERVISOR_mmu_update);

	batch->update.ptr = virt_to_machine(entry).maddr | MMU_NORMAL_PT_UPDATE;
	batch->update.val = val;
	call->args[0] = (unsigned long)&batch->update;
	call->args[1] = 1;
	call->args[3] = DOMID_SELF;
}

/*
 * Adds a hypercall to @batch for the operation @cmd (MMUEXT_*) on @page, or on no page if @page is
 * NULL. A batch has room for one of these. batch_submit() makes it, and returns its error.
 */
static void batch_op(struct batch *batch, unsigned int cmd, struct page *page)
{
	struct multicall_entry *call = batch_add(batch, __HYPERVISOR_mmuext_op);

	batch->op.cmd = cmd;
	if (page)
		batch->op.arg1.mfn = pfn_to_mfn(page_to_pfn(page));
	call->args[0] = (unsigned long)&batch->op;
	call->args[1] = 1;
	call->args[3] = DOMID_SELF;
}

/* Submits @batch. Returns 0; XEN, with a line in the log: at least one of the calls failed. */
static int batch_submit(struct batch *batch)
{
	int ret = HYPERVISOR_multicall(batch->calls, batch->nr);
	unsigned int i;

	for (i = 0; i < batch->nr && !ret; i++)
		ret = batch->calls[i].result;
	if (!ret)
		return 0;
	pr_warn_ratelimited("Xen refused a change of page tables (error %d)\n", ret);
	return SHK_E(XEN);
}

static int xenpv_entry_write(void *entry, u64 val)
{
	struct batch batch = {};

	batch_write(&batch, entry, val);
	return batch_submit(&batch);
}

/*
 * Writes @new to @entry. Xen does not compare the entry with @old, so the caller ensures that no
 * other CPU writes it meanwhile.
 */
static int xenpv_write(void *entry, u64 old, u64 new)
{
	return old == new ? 0 : xenpv_entry_write(entry, new);
}

/*
 * Frees a page that was a table. If Xen still uses it as one, the page is leaked, with a warning.
 */
static void xenpv_table_free(struct page *page)
{
	struct batch batch = {};

	batch_protect(&batch, page, PAGE_KERNEL);
	if (!WARN_ON_ONCE(batch_submit(&batch)))
		__free_page(page);
}

/*
 * Allocates ordinary memory with the bytes of the table @base. Sleeps. Returns NULL if there is no
 * memory.
 */
static struct page *xenpv_table_alloc(void *base)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);

	if (page)
		memcpy(page_address(page), base, PAGE_SIZE);
	return page;
}

/* Frees the parts of @tables that exist. The caller ensures that the PUD is not pinned. */
static void xenpv_tables_free(struct shk_tables *tables)
{
	shk_modules_destroy(tables);
	if (tables->pud) {
		set_page_private(tables->pud, 0);
		xenpv_table_free(tables->pud);
	}
	if (tables->pmd)
		xenpv_table_free(tables->pmd);
	kfree(tables->pte);
	*tables = (struct shk_tables){};
}

static void xenpv_destroy(struct shk_tables *tables)
{
	struct batch batch = {};

	batch_op(&batch, MMUEXT_UNPIN_TABLE, tables->pud);
	WARN_ON_ONCE(batch_submit(&batch));
	xenpv_tables_free(tables);
}

static int xenpv_create(struct shk_tables *tables)
{
	struct batch batch = {};
	pud_t *pud;
	int ret;

	tables->pte = kcalloc(shk_nr_ranges(), sizeof(*tables->pte), GFP_KERNEL_ACCOUNT);
	tables->pud = xenpv_table_alloc(table_of(shk_base_pud(shk_symbols.text)));
	tables->pmd = xenpv_table_alloc(table_of(xenpv_base_pmd(0)));
	if (!tables->pte || !tables->pud || !tables->pmd) {
		ret = -ENOMEM;
		goto free;
	}
	pud = page_address(tables->pud);
	pud[pud_index(shk_symbols.text)].pud =
		xenpv_redirect(shk_base_pud(shk_symbols.text)->pud, tables->pmd);

	batch_protect(&batch, tables->pud, PAGE_KERNEL_RO);
	batch_protect(&batch, tables->pmd, PAGE_KERNEL_RO);
	batch_op(&batch, MMUEXT_PIN_L3_TABLE, tables->pud);
	ret = batch_submit(&batch);
	if (ret)
		goto free;
	set_page_private(tables->pud, (unsigned long)tables);
	return 0;
free:
	xenpv_tables_free(tables);
	return ret;
}

/* Returns the PMD entry of @tables for @range, a range of the kernel image. */
static pmd_t *xenpv_private_pmd(struct shk_tables *tables, unsigned int range)
{
	return (pmd_t *)page_address(tables->pmd) + pmd_index(shk_range_start(range));
}

static int xenpv_prepare(struct shk_tables *tables, unsigned long addr)
{
	if (!shk_in_module_area(addr))
		return 0;
	return shk_modules_possible() ? shk_modules_create(tables) : SHK_E(NO_MODULE_TEXT);
}

static struct page *xenpv_pte(const struct shk_tables *tables, unsigned int range)
{
	if (shk_range_in_modules(range))
		return shk_modules_pte(tables, shk_range_start(range));
	return tables->pte[range];
}

static int xenpv_link(struct page *table, void *entry, u64 val)
{
	struct batch batch = {};
	int ret;

	batch_protect(&batch, table, PAGE_KERNEL_RO);
	batch_write(&batch, entry, val);
	ret = batch_submit(&batch);
	if (!ret)
		return 0;
	batch = (struct batch){};
	batch_protect(&batch, table, PAGE_KERNEL);
	/* A page that cannot be made writable cannot be used again: it is leaked. */
	if (WARN_ON_ONCE(batch_submit(&batch)))
		get_page(table);
	return ret;
}

static int xenpv_split(struct shk_tables *tables, unsigned int range, struct page *page)
{
	int ret;

	if (shk_range_in_modules(range))
		return shk_modules_split(tables, shk_range_start(range), page);
	memcpy(page_address(page), table_of(xenpv_base_pte(shk_range_start(range))), PAGE_SIZE);
	ret = xenpv_link(page, xenpv_private_pmd(tables, range),
			 xenpv_redirect(xenpv_base_pmd(range)->pmd, page));
	if (!ret)
		tables->pte[range] = page;
	return ret;
}

static struct page *xenpv_merge(struct shk_tables *tables, unsigned int range)
{
	struct page *page;

	if (shk_range_in_modules(range))
		return shk_modules_merge(tables, shk_range_start(range));
	page = tables->pte[range];
	if (WARN_ON_ONCE(xenpv_entry_write(xenpv_private_pmd(tables, range),
					   xenpv_base_pmd(range)->pmd)))
		return NULL;
	tables->pte[range] = NULL;
	return page;
}

static int xenpv_map(struct shk_tables *tables, unsigned long addr, struct page *page)
{
	pte_t *table;
	u64 entry;

	if (shk_in_module_area(addr))
		return shk_modules_map(tables, addr, page);
	table = page_address(tables->pte[shk_range_of(addr)]);
	entry = xenpv_base_pte(addr)->pte;
	return xenpv_entry_write(table + pte_index(addr),
				 page ? xenpv_redirect(entry, page) : entry);
}

static int xenpv_graft(struct mm_struct *mm, const struct shk_tables *tables)
{
	pgd_t *pgd = pgd_offset_pgd(mm->pgd, shk_symbols.text);
	u64 entry = shk_base_pgd()->pgd;
	int ret = 0;

	if (tables)
		entry = xenpv_redirect(entry, tables->pud);
	/*
	 * Before its first use and after its last one the mm is not pinned, and its tables are
	 * ordinary memory. It is pinned and unpinned under page_table_lock.
	 */
	spin_lock(&mm->page_table_lock);
	if (PagePinned(virt_to_page(mm->pgd)))
		ret = xenpv_entry_write(pgd, entry);
	else
		WRITE_ONCE(pgd->pgd, entry);
	spin_unlock(&mm->page_table_lock);
	return ret;
}

static void xenpv_flush_mm_fn(void *info)
{
	struct mm_struct *mm = info;

	/* A kernel thread borrows the mm: load init_mm, as leave_mm() does. */
	if (!current->mm && current->active_mm == mm)
		shk_call(switch_mm_irqs_off)(NULL, shk_symbols.init_mm, NULL);
	else
		shk_call(__flush_tlb_all)();
}

/*
 * Flushes @mm on the CPUs that run it, and makes CPUs that use it lazily load init_mm. Other CPUs
 * need no flush: there are no PCIDs, so a CPU that does not run @mm has dropped its translations.
 */
static void xenpv_flush_mm(struct mm_struct *mm)
{
	on_each_cpu_mask(mm_cpumask(mm), xenpv_flush_mm_fn, mm, 1);
}

static void xenpv_flush_cpu(void)
{
	shk_call(__flush_tlb_all)();
}

static void xenpv_flush_all(void)
{
	struct batch batch = {};

	batch_op(&batch, MMUEXT_TLB_FLUSH_ALL, NULL);
	WARN_ON_ONCE(batch_submit(&batch));
}

/* Returns the machine frame of @pgd. */
static u64 frame_of(pgd_t pgd)
{
	return (pgd.pgd & XEN_PTE_MFN_MASK) >> PAGE_SHIFT;
}

/* Calls no function of the kernel, since any of them may be probed and a hit calls this. */
static struct shk_tables *xenpv_current_tables(void)
{
	pgd_t *pgd = __va(*this_cpu_ptr(xen_cr3));
	u64 frame = frame_of(READ_ONCE(*pgd_offset_pgd(pgd, shk_symbols.text)));

	if (frame == frame_of(*shk_base_pgd()))
		return NULL;
	return (struct shk_tables *)page_private(pfn_to_page(machine_to_phys_mapping[frame]));
}

const struct shk_mmu shk_mmu_xenpv = {
	.name = "xenpv",
	.upcalls = true,
	.init = xenpv_init,
	.create = xenpv_create,
	.destroy = xenpv_destroy,
	.prepare = xenpv_prepare,
	.pte = xenpv_pte,
	.split = xenpv_split,
	.merge = xenpv_merge,
	.free_table = xenpv_table_free,
	.map = xenpv_map,
	.graft = xenpv_graft,
	.flush_mm = xenpv_flush_mm,
	.evict = xenpv_flush_mm,
	.flush_all = xenpv_flush_all,
	.flush_cpu = xenpv_flush_cpu,
	.current_tables = xenpv_current_tables,
	.refresh = shk_modules_refresh,
	.fault = shk_modules_fault_alone,
	.redirect = xenpv_redirect,
	.write = xenpv_write,
	.link = xenpv_link,
};
#endif /* CONFIG_XEN_PV */
