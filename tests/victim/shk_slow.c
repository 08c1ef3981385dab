// SPDX-License-Identifier: GPL-2.0-only
/* A module whose init function takes delay_ms, and does nothing. */
#include <linux/delay.h>
#include <linux/module.h>

static int delay_ms;
module_param(delay_ms, int, 0444);

static int __init slow_init(void)
{
	msleep(delay_ms);
	return 0;
}
module_init(slow_init);

static void __exit slow_exit(void)
{
}
module_exit(slow_exit);

MODULE_DESCRIPTION("Shadow kernels: a module for tests that starts slowly");
MODULE_LICENSE("GPL");
