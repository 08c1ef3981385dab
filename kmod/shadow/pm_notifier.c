// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspending is safe: memory stays, and CPUs are unplugged and plugged in. Hibernation is not:
 * another kernel restores the image under its own tables, and goes on with the tables that were
 * loaded when the image was taken. So it is refused with EBUSY while an mm is grafted or a shadow
 * has a carrier.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/notifier.h>
#include <linux/suspend.h>

#include "shadow/pm_notifier.h"
#include "shadow/shadow.h"

static int pm_notifier_call(struct notifier_block *self, unsigned long event, void *unused)
{
	struct shk_info info = {};

	if (event != PM_HIBERNATION_PREPARE)
		return NOTIFY_DONE;
	shk_shadows_info(&info);
	if (info.nr_grafts)
		pr_warn("no hibernation while processes are inside shadows: %u are; detach them first\n",
			info.nr_grafts);
	else if (shk_shadows_have_carrier())
		pr_warn("no hibernation while shadows own interrupts or kernel threads, or are --async causal or union\n");
	else
		return NOTIFY_DONE;
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block power = {
	.notifier_call = pm_notifier_call,
};

int __init shk_pm_notifier_init(void)
{
	return register_pm_notifier(&power);
}

void shk_pm_notifier_exit(void)
{
	unregister_pm_notifier(&power);
}
