/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHK_SHADOW_PM_NOTIFIER_H
#define SHK_SHADOW_PM_NOTIFIER_H

int shk_pm_notifier_init(void);
void shk_pm_notifier_exit(void);

#endif /* SHK_SHADOW_PM_NOTIFIER_H */
