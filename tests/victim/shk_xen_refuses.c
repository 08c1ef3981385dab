// SPDX-License-Identifier: GPL-2.0
/*
 * Makes Xen refuse one batch of hypercalls that shadowk submits for the process pid=. One call of
 * the batch gets a number that Xen does not have: the last one, or, with first=Y, the first one.
 * Xen executes the other calls, as it does when it refuses one for a reason of its own.
 */
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <asm/xen/hypercall.h>
#include <xen/interface/xen.h>

#define NO_SUCH_CALL 63
#define CALLS_MAX    4 /* kmod/mmu/xenpv.c: struct batch */

static int pid;
module_param(pid, int, 0400);

/* Which batch to refuse, counted from when this is written. 0: none, or the refusal is over. */
static unsigned int nth;
module_param(nth, uint, 0600);

static bool first;
module_param(first, bool, 0600);

/* Returns true for a flush, which is never refused: its caller cannot handle an error. */
static bool is_flush(const struct multicall_entry *call)
{
	const struct mmuext_op *op = (const void *)call->args[0];

	return call->op == __HYPERVISOR_mmuext_op && op->cmd == MMUEXT_TLB_FLUSH_ALL;
}

static int on_submit(struct kprobe *kp, struct pt_regs *regs)
{
	/* struct batch begins with its calls; unused ones are zero. */
	struct multicall_entry *calls = (void *)regs->di;
	unsigned int last = CALLS_MAX - 1;

	if (current->tgid != pid || !nth || is_flush(calls) || --nth)
		return 0;
	while (last && !calls[last].op)
		last--;
	calls[first ? 0 : last].op = NO_SUCH_CALL;
	return 0;
}
NOKPROBE_SYMBOL(on_submit);

static struct kprobe probe = {
	.symbol_name = "shadowk:batch_submit",
	.pre_handler = on_submit,
};

static int __init refuses_init(void)
{
	return register_kprobe(&probe);
}

static void __exit refuses_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(refuses_init);
module_exit(refuses_exit);

MODULE_DESCRIPTION("Lets Xen refuse hypercalls, for tests");
MODULE_LICENSE("GPL");
