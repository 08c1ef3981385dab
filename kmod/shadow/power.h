/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHK_SHADOW_POWER_H
#define SHK_SHADOW_POWER_H

int shk_power_init(void);
void shk_power_exit(void);

#endif /* SHK_SHADOW_POWER_H */
