// SPDX-License-Identifier: GPL-2.0
/*
 * While shk_no_ipi.ko is loaded, a flush of an mm sends no IPI to lazy TLB users of that mm.
 * Flushes by Hyper-V, KVM or INVLPGB send none, either. The kernel's flush_tlb_mm_range(mm,
 * start, end, stride, freed_tables) leaves lazy TLB users out if @freed_tables is false, which a
 * kprobe makes it.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static int on_flush(struct kprobe *kp, struct pt_regs *regs)
{
	regs->r8 = 0;
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "flush_tlb_mm_range",
	.pre_handler = on_flush,
};

static int __init shk_no_ipi_init(void)
{
	return register_kprobe(&probe);
}

static void __exit shk_no_ipi_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(shk_no_ipi_init);
module_exit(shk_no_ipi_exit);

MODULE_DESCRIPTION("Flushes of an mm as hypervisors do them");
MODULE_LICENSE("GPL");
