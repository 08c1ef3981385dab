// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the kernel function symbol= fail once for the process pid=: instead of its body the CPU
 * waits for delay_ms=, and the caller gets result=. To the caller that looks like an allocation
 * that waits for memory and then fails.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

static char *symbol;
module_param(symbol, charp, 0400);

static int pid;
module_param(pid, int, 0400);

static int result;
module_param(result, int, 0400);

static int delay_ms;
module_param(delay_ms, int, 0400);

/* Writing Y ends the delay. */
static bool go;
module_param(go, bool, 0600);

/* 1 once the process has called the function. */
static int entered;
module_param(entered, int, 0400);

static noinline void do_nothing(void)
{
	barrier();
}

static int on_call(struct kprobe *kp, struct pt_regs *regs)
{
	int left;

	if (current->tgid != pid || xchg(&entered, 1))
		return 0;
	for (left = delay_ms; left > 0 && !READ_ONCE(go); left--)
		mdelay(1);
	/* do_nothing() is executed instead of the function. */
	regs->ip = (unsigned long)do_nothing;
	regs->ax = (long)result;
	return 1;
}
NOKPROBE_SYMBOL(on_call);

static struct kprobe probe = { .pre_handler = on_call };

static int __init stillborn_init(void)
{
	probe.symbol_name = symbol;
	return register_kprobe(&probe);
}

static void __exit stillborn_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(stillborn_init);
module_exit(stillborn_exit);

MODULE_DESCRIPTION("Lets a function fail, for tests");
MODULE_LICENSE("GPL");
