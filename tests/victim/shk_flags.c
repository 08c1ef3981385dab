// SPDX-License-Identifier: GPL-2.0-only
/*
 * shk_flags.ko has a kprobe of the whole machine at=SYMBOL. Its parameters report the hits:
 *
 *   calls	their number
 *   any	the CPU's flags that were set in at least one of them
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static char *at;
module_param(at, charp, 0444);

static unsigned long calls, any;
module_param(calls, ulong, 0444);
module_param(any, ulong, 0444);

static int on_hit(struct kprobe *p, struct pt_regs *regs)
{
	WRITE_ONCE(any, any | regs->flags);
	WRITE_ONCE(calls, calls + 1);
	return 0;
}

static struct kprobe kprobe = { .pre_handler = on_hit };

static int __init shk_flags_init(void)
{
	kprobe.symbol_name = at;
	return register_kprobe(&kprobe);
}

static void __exit shk_flags_exit(void)
{
	unregister_kprobe(&kprobe);
}

module_init(shk_flags_init);
module_exit(shk_flags_exit);

MODULE_DESCRIPTION("A kprobe that tells the flags");
MODULE_LICENSE("GPL");
