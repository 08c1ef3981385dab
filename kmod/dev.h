/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHK_DEV_H
#define SHK_DEV_H

int shk_dev_init(void);
void shk_dev_exit(void);

#endif /* SHK_DEV_H */
