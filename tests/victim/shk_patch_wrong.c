// SPDX-License-Identifier: GPL-2.0-only
/* A patch module that cannot be applied as a whole: the kernel has no such function. */
#include <linux/module.h>
#include <linux/ptrace.h>
#include <shadowk_patch.h>

static long (*old_body)(const struct pt_regs *regs);

static long new_body(const struct pt_regs *regs)
{
	return old_body(regs) + 1;
}

SHADOWK_PATCH(SHADOWK_REPLACE(__x64_sys_getuid, new_body, old_body),
	      SHADOWK_REPLACE(no_such_function, new_body, old_body));

MODULE_DESCRIPTION("Shadow kernels: a patch module for tests");
MODULE_LICENSE("GPL");
