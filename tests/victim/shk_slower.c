// SPDX-License-Identifier: GPL-2.0-only
/* A patch module whose body is slower than the kernel's: getppid() takes three milliseconds. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <shadowk_patch.h>

static long new_getppid(const struct pt_regs *regs)
{
	mdelay(3);
	return 1;
}

SHADOWK_PATCH(SHADOWK_BODY(__x64_sys_getppid, new_getppid));

MODULE_DESCRIPTION("Shadow kernels: a body that is slower than the kernel's");
MODULE_LICENSE("GPL");
