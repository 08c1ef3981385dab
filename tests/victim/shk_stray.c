// SPDX-License-Identifier: GPL-2.0-only
/*
 * When shk_stray.ko is loaded, it flips the bits of the byte of text at=ADDRESS, in the shadow of
 * the process that loads it.
 */
#include <linux/irqflags.h>
#include <linux/module.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

static unsigned long at;
module_param(at, ulong, 0444);

/* write_cr0() would refuse to clear WP, which the kernel pins. */
static void set_cr0(unsigned long cr0)
{
	asm volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

static int __init shk_stray_init(void)
{
	unsigned long flags, cr0;

	local_irq_save(flags);
	cr0 = read_cr0();
	set_cr0(cr0 & ~X86_CR0_WP);
	*(volatile u8 *)at ^= 0xff;
	set_cr0(cr0);
	local_irq_restore(flags);
	return 0;
}

static void __exit shk_stray_exit(void)
{
}

module_init(shk_stray_init);
module_exit(shk_stray_exit);

MODULE_DESCRIPTION("A byte of private text that no edit accounts for");
MODULE_LICENSE("GPL");
