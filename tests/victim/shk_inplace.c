// SPDX-License-Identifier: GPL-2.0-only
/*
 * A patch module whose bodies can be in place: a shorter one, and one of the same length that
 * sleeps.
 */
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <shadowk_patch.h>

static long new_getuid(const struct pt_regs *unused)
{
	return 4242;
}

/*
 * Where __set_current_state() has a tracepoint, the kernel's pause() has a static key, and cannot be
 * replaced in place.
 */
#ifdef trace_set_current_state
SHADOWK_PATCH(SHADOWK_BODY(__x64_sys_getuid, new_getuid));
#else
/* The kernel's pause(), except that it returns -EPERM. */
static long new_pause(const struct pt_regs *unused)
{
	while (!signal_pending(current)) {
		__set_current_state(TASK_INTERRUPTIBLE);
		schedule();
	}
	return -EPERM;
}

SHADOWK_PATCH(SHADOWK_BODY(__x64_sys_getuid, new_getuid), SHADOWK_BODY(__x64_sys_pause, new_pause));
#endif

MODULE_DESCRIPTION("Shadow kernels: a patch module for tests, in place");
MODULE_LICENSE("GPL");
