// SPDX-License-Identifier: GPL-2.0
/*
 * While shk_race.ko is loaded, two kernel threads write one variable without any order: a data
 * race.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>

static unsigned long number;
static struct task_struct *threads[2];

static int write_number(void *unused)
{
	while (!kthread_should_stop()) {
		number++;
		cond_resched();
	}
	return 0;
}

static int __init shk_race_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = kthread_run(write_number, NULL, "shk_race/%u", i);
	return 0;
}

static void __exit shk_race_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		if (!IS_ERR(threads[i]))
			kthread_stop(threads[i]);
}

module_init(shk_race_init);
module_exit(shk_race_exit);

MODULE_DESCRIPTION("A data race");
MODULE_LICENSE("GPL");
