// SPDX-License-Identifier: GPL-2.0
/*
 * Watches the mapping of the address at= of kernel text in the process pid=. At each flush by
 * shadowk.ko, of all translations or of that process's, it compares the mapping with that at the
 * flush before. Its size may have changed, or its frame, but not both. Otherwise a CPU could have
 * two translations of different size and frame, which some CPUs answer with a machine check
 * (CVE-2018-12207).
 */
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>

static unsigned long at;
module_param(at, ulong, 0400);

static int pid;
module_param(pid, int, 0400);

/* Between two flushes: changes of the size, of the frame, and of both at once. */
static int sizes, frames, both;
module_param(sizes, int, 0400);
module_param(frames, int, 0400);
module_param(both, int, 0400);

static struct mm_struct *mm;
static DEFINE_SPINLOCK(lock);

struct mapping {
	bool large;
	unsigned long frame;
};

static struct mapping last;

/* Returns how the process maps the address now. */
static struct mapping look(void)
{
	pmd_t *pmd = pmd_offset(pud_offset(p4d_offset(pgd_offset(mm, at), at), at), at);

	if (pmd_leaf(*pmd))
		return (struct mapping){ true, pmd_pfn(*pmd) + pte_index(at) };
	return (struct mapping){ false, pte_pfn(*pte_offset_kernel(pmd, at)) };
}

static struct kprobe probes[] = {
	{ .symbol_name = "shadowk:native_flush_all" },
	{ .symbol_name = "shadowk:native_flush_mm" },
	/*
	 * By stop_machine(). In shadowk.ko this is a static call, which takes no kprobe. Of the calls
	 * only those by modules matter.
	 */
	{ .symbol_name = "__flush_tlb_all" },
};

static int on_flush(struct kprobe *kp, struct pt_regs *regs)
{
	unsigned long caller = *(unsigned long *)regs->sp;
	struct mapping now;
	bool size, frame;

	if (kp == &probes[1] && regs->di != (unsigned long)mm)
		return 0;
	if (kp == &probes[2] && (caller < MODULES_VADDR || caller >= MODULES_END))
		return 0;
	spin_lock(&lock);
	now = look();
	size = now.large != last.large;
	frame = now.frame != last.frame;
	sizes += size;
	frames += frame;
	both += size && frame;
	last = now;
	spin_unlock(&lock);
	return 0;
}

static int __init shk_sizes_init(void)
{
	struct task_struct *task = get_pid_task(find_vpid(pid), PIDTYPE_PID);
	unsigned int i;
	int ret;

	if (!task)
		return -ESRCH;
	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return -ESRCH;
	last = look();
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		probes[i].pre_handler = on_flush;
		ret = register_kprobe(&probes[i]);
		if (ret)
			goto unregister;
	}
	return 0;
unregister:
	while (i--)
		unregister_kprobe(&probes[i]);
	mmput(mm);
	return ret;
}

static void __exit shk_sizes_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		unregister_kprobe(&probes[i]);
	mmput(mm);
}

module_init(shk_sizes_init);
module_exit(shk_sizes_exit);

MODULE_DESCRIPTION("Changes of one mapping between flushes");
MODULE_LICENSE("GPL");
