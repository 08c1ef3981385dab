// SPDX-License-Identifier: GPL-2.0-only
/*
 * shk_kprobe.ko has a kprobe of the whole machine at=SYMBOL offset=N, whose handler does nothing.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static char *at;
module_param(at, charp, 0444);

static unsigned int offset;
module_param(offset, uint, 0444);

/* There is no post handler, so the kernel may optimise the kprobe. */
static int on_hit(struct kprobe *p, struct pt_regs *regs)
{
	return 0;
}

static struct kprobe kprobe = { .pre_handler = on_hit };

static int __init shk_kprobe_init(void)
{
	kprobe.symbol_name = at;
	kprobe.offset = offset;
	return register_kprobe(&kprobe);
}

static void __exit shk_kprobe_exit(void)
{
	unregister_kprobe(&kprobe);
}

module_init(shk_kprobe_init);
module_exit(shk_kprobe_exit);

MODULE_DESCRIPTION("A kprobe that does nothing");
MODULE_LICENSE("GPL");
