// SPDX-License-Identifier: GPL-2.0-only
/* A patch module for tests: two functions that have to change together, and one that sleeps. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <shadowk_patch.h>

static bool hold;
module_param(hold, bool, 0600);
MODULE_PARM_DESC(hold, "calls of getpgid() wait in the new body");

static long (*old_getpgid)(const struct pt_regs *regs);
static long (*old_getuid)(const struct pt_regs *regs);
static long (*old_getgid)(const struct pt_regs *regs);

static long new_getpgid(const struct pt_regs *regs)
{
	while (READ_ONCE(hold))
		msleep(10);
	return old_getpgid(regs) + 1000000;
}

static long new_getuid(const struct pt_regs *regs)
{
	return old_getuid(regs) + 1000;
}

static long new_getgid(const struct pt_regs *regs)
{
	return old_getgid(regs) + 1000;
}

SHADOWK_PATCH(SHADOWK_REPLACE(__x64_sys_getpgid, new_getpgid, old_getpgid),
	      SHADOWK_REPLACE(__x64_sys_getuid, new_getuid, old_getuid),
	      SHADOWK_REPLACE(__x64_sys_getgid, new_getgid, old_getgid));

MODULE_DESCRIPTION("Shadow kernels: a patch module for tests");
MODULE_LICENSE("GPL");
