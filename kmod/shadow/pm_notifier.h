/* SPDX-License-Identifier: GPL-2.0-only */
/* Refuses hibernation while a shadow may be executed (pm_notifier.c). */
#ifndef SHK_SHADOW_PM_NOTIFIER_H
#define SHK_SHADOW_PM_NOTIFIER_H

/*
 * Registers the notifier of suspend and hibernation, at load. May sleep. Returns 0, or the error of
 * register_pm_notifier().
 */
int shk_pm_notifier_init(void);
/* Unregisters the notifier, at unload. At return it is not running. May sleep. */
void shk_pm_notifier_exit(void);

#endif /* SHK_SHADOW_PM_NOTIFIER_H */
