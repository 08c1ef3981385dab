/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Source of two modules that both have a function shk_twin(). Writing N to a module's parameter
 * "call" calls the module's own function N times.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>

static noinline int shk_twin(int n)
{
	asm volatile("" ::"r"(n));
	return n + 1;
}

static int call_set(const char *value, const struct kernel_param *param)
{
	int i = 0, n, ret = kstrtoint(value, 0, &n);

	while (!ret && i < n)
		i = shk_twin(i);
	return ret;
}

static const struct kernel_param_ops call_ops = { .set = call_set };
module_param_cb(call, &call_ops, NULL, 0200);

static int __init shk_twin_init(void)
{
	return 0;
}

static void __exit shk_twin_exit(void)
{
}

module_init(shk_twin_init);
module_exit(shk_twin_exit);

MODULE_DESCRIPTION("A function whose name another module has, too");
MODULE_LICENSE("GPL");
