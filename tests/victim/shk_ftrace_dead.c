// SPDX-License-Identifier: GPL-2.0
/*
 * When shk_ftrace_dead.ko is loaded, it calls ftrace_kill(), as ftrace does where it finds a
 * fault of its own. From then on ftrace removes no call from the kernel's text.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static struct kprobe probe = { .symbol_name = "ftrace_kill" };

static int __init shk_ftrace_dead_init(void)
{
	void (*kill)(void);
	int ret = register_kprobe(&probe);

	if (ret)
		return ret;
	kill = (void (*)(void))probe.addr;
	unregister_kprobe(&probe);
	kill();
	return 0;
}

static void __exit shk_ftrace_dead_exit(void)
{
}

module_init(shk_ftrace_dead_init);
module_exit(shk_ftrace_dead_exit);

MODULE_DESCRIPTION("The end of ftrace");
MODULE_LICENSE("GPL");
