// SPDX-License-Identifier: GPL-2.0-only
/*
 * A patch module with one body that cannot be in place. The parameter wrong is its index in
 * all[], where each body has another reason.
 */
#include <linux/jump_label.h>
#include <linux/linkage.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <asm/asm.h>
#include <asm/ibt.h>
#include <shadowk_patch.h>

static unsigned int wrong;
module_param(wrong, uint, 0400);

static DEFINE_STATIC_KEY_FALSE(key);
static long (*old_getuid)(const struct pt_regs *regs);

asmlinkage long wrong_far(const struct pt_regs *regs);
asmlinkage long wrong_frame(const struct pt_regs *regs);

/*
 * wrong_far: a short jump out of the body, to wrong_near(), which is not copied with it.
 * wrong_frame: pushes a register, where the kernel's body has no frame.
 */
asm(".pushsection .text\n"
    ".type wrong_near, @function\n"
    "wrong_near:\n"
    "	xorl %eax, %eax\n"
    "	" ASM_RET ".size wrong_near, . - wrong_near\n"
    ".globl wrong_far\n"
    ".type wrong_far, @function\n"
    "wrong_far:\n"
    "	" ASM_ENDBR "	jmp wrong_near\n"
    ".size wrong_far, . - wrong_far\n"
    ".globl wrong_frame\n"
    ".type wrong_frame, @function\n"
    "wrong_frame:\n"
    "	" ASM_ENDBR "	pushq %rbx\n"
    "	xorl %eax, %eax\n"
    "	popq %rbx\n"
    "	" ASM_RET ".size wrong_frame, . - wrong_frame\n"
    ".popsection\n");

static long wrong_long(const struct pt_regs *regs)
{
	long sum = 0;

	asm(".rept 1000\n incq %0\n .endr" : "+r"(sum));
	return sum;
}

static long wrong_key(const struct pt_regs *regs)
{
	return static_branch_unlikely(&key);
}

static long wrong_trap(const struct pt_regs *regs)
{
	return WARN_ON_ONCE(!regs);
}

static long wrong_exception(const struct pt_regs *regs)
{
	asm volatile("1: testb $0, (%0)\n2:\n" _ASM_EXTABLE(1b, 2b) : : "r"(regs));
	return 0;
}

static long wrong_old(const struct pt_regs *regs)
{
	return 0;
}

static const struct shadowk_patch_func all[] = {
	SHADOWK_BODY(__x64_sys_getuid, wrong_long),
	SHADOWK_BODY(__x64_sys_getuid, wrong_far),
	SHADOWK_BODY(__x64_sys_getuid, wrong_frame),
	SHADOWK_BODY(__x64_sys_getuid, wrong_key),
	SHADOWK_BODY(__x64_sys_getuid, wrong_trap),
	SHADOWK_BODY(__x64_sys_getuid, wrong_exception),
	SHADOWK_REPLACE(__x64_sys_getuid, wrong_old, old_getuid),
	/* A task changes its text inside do_exit(). */
	SHADOWK_BODY(do_exit, wrong_old),
};

static struct shadowk_patch shadowk_patch_of_this_module __used = {
	.size = sizeof(struct shadowk_patch),
	.func_size = sizeof(struct shadowk_patch_func),
	.owner = THIS_MODULE,
	.nr_funcs = 1,
};

static int __init wrong_init(void)
{
	if (wrong >= ARRAY_SIZE(all))
		return -EINVAL;
	shadowk_patch_of_this_module.funcs = &all[wrong];
	return 0;
}
module_init(wrong_init);

static void __exit wrong_exit(void)
{
}
module_exit(wrong_exit);

MODULE_DESCRIPTION("Shadow kernels: bodies that cannot be in place");
MODULE_LICENSE("GPL");
