// SPDX-License-Identifier: GPL-2.0-only
/* Shows text and page tables as the calling process has them: observer.h has the interface. */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/cpufeature.h>
#include <asm/special_insns.h>

#include "observer.h"

#define TOP_BIT	 BIT_ULL(63)
#define ROOM_MAX (1 << 20)

/* Copies what the kernel reads at address *@pos, with TOP_BIT set, to @to. */
static ssize_t observer_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	unsigned long addr = *pos | TOP_BIT;
	ssize_t done = 0;
	void *page;

	page = (void *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	while (len) {
		size_t chunk = min_t(size_t, len, PAGE_SIZE - offset_in_page(addr));

		if (copy_from_kernel_nofault(page, (void *)addr, chunk) ||
		    copy_to_user(to, page, chunk))
			break;
		addr += chunk;
		to += chunk;
		done += chunk;
		len -= chunk;
	}
	free_page((unsigned long)page);
	*pos += done;
	return done ?: -EFAULT;
}

/* Entries for OBSERVER_TABLES and OBSERVER_TOPS. .count goes on where .room ends. */
struct list {
	struct observer_entry *entries;
	u64 room, count;
};

static void put(struct list *list, u64 addr, u64 value, unsigned int level, u32 reserved)
{
	if (list->count < list->room)
		list->entries[list->count] = (struct observer_entry){
			.addr = addr,
			.value = value,
			.level = level,
			.reserved = reserved,
		};
	list->count++;
}

static bool mapped(u64 value)
{
	return value & _PAGE_PRESENT;
}

static bool leaf(u64 value)
{
	return value & _PAGE_PSE;
}

static void walk_pte(struct list *list, pmd_t *pmd, unsigned long addr, unsigned long to)
{
	for (; addr < to; addr += PAGE_SIZE)
		put(list, addr, pte_val(*pte_offset_kernel(pmd, addr)), 1, 0);
}

/* Lists the entries of all levels that map [@addr, @to), which one PUD entry maps. */
static void walk(struct list *list, pgd_t *root, unsigned long addr, unsigned long to)
{
	pgd_t *pgd = pgd_offset_pgd(root, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	put(list, addr, pgd_val(*pgd), 5, 0);
	if (!mapped(pgd_val(*pgd)))
		return;
	p4d = p4d_offset(pgd, addr);
	if (pgtable_l5_enabled()) {
		put(list, addr, p4d_val(*p4d), 4, 0);
		if (!mapped(p4d_val(*p4d)))
			return;
	}
	pud = pud_offset(p4d, addr);
	put(list, addr, pud_val(*pud), 3, 0);
	if (!mapped(pud_val(*pud)) || leaf(pud_val(*pud)))
		return;
	for (addr &= PMD_MASK; addr < to; addr += PMD_SIZE) {
		pmd = pmd_offset(pud, addr);
		put(list, addr, pmd_val(*pmd), 2, 0);
		if (mapped(pmd_val(*pmd)) && !leaf(pmd_val(*pmd)))
			walk_pte(list, pmd, addr, min(to, addr + PMD_SIZE));
	}
}

static int walk_root(struct list *list, const struct observer_tables *arg)
{
	pgd_t *root = arg->root > 1 ? (pgd_t *)arg->root : __va(read_cr3_pa());

	if (arg->from >= arg->to || (arg->from ^ (arg->to - 1)) & PUD_MASK)
		return -EINVAL;
	if (arg->root == 1) {
		if (!cpu_feature_enabled(X86_FEATURE_PTI))
			return 0;
		root = kernel_to_user_pgdp(root);
	}
	walk(list, root, arg->from, arg->to);
	return 0;
}

static void tops(struct list *list, unsigned long addr)
{
	struct task_struct *task;

	rcu_read_lock();
	for_each_process (task) {
		struct mm_struct *mm;
		pgd_t *pgd;

		/* The task's lock keeps its mm. */
		task_lock(task);
		mm = task->flags & PF_KTHREAD ? NULL : task->mm;
		if (mm) {
			pgd = pgd_offset_pgd(mm->pgd, addr);
			put(list, task->pid, pgd_val(*pgd), 5, 0);
			if (cpu_feature_enabled(X86_FEATURE_PTI))
				put(list, task->pid, pgd_val(*kernel_to_user_pgdp(pgd)), 5, 1);
		}
		task_unlock(task);
	}
	rcu_read_unlock();
}

static long observer_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct observer_tables arg;
	struct list list = {};
	long ret = 0;

	if (copy_from_user(&arg, (void __user *)user, sizeof(arg)))
		return -EFAULT;
	if (arg.room > ROOM_MAX)
		return -EINVAL;
	list.room = arg.room;
	list.entries = vzalloc(array_size(list.room, sizeof(*list.entries)) ?: 1);
	if (!list.entries)
		return -ENOMEM;

	if (cmd == OBSERVER_TABLES)
		ret = walk_root(&list, &arg);
	else if (cmd == OBSERVER_TOPS)
		tops(&list, arg.from);
	else
		ret = -ENOTTY;

	arg.count = list.count;
	if (!ret && (copy_to_user((void __user *)arg.entries, list.entries,
				  min(list.count, list.room) * sizeof(*list.entries)) ||
		     copy_to_user((void __user *)user, &arg, sizeof(arg))))
		ret = -EFAULT;
	vfree(list.entries);
	return ret;
}

static const struct file_operations observer_fops = {
	.owner = THIS_MODULE,
	.read = observer_read,
	.unlocked_ioctl = observer_ioctl,
};

static struct miscdevice observer = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "shk_observer",
	.fops = &observer_fops,
};

module_misc_device(observer);

MODULE_DESCRIPTION("Shows text and page tables as the caller has them");
MODULE_LICENSE("GPL");
