/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/shadowk: the ioctls of include/uapi/linux/shadowk.h. */
#ifndef SHK_DEV_H
#define SHK_DEV_H

/*
 * Creates the device. From here on user space can call the module. Returns 0 or misc_register()'s
 * error.
 */
int shk_dev_init(void);
/* Removes the device. Called at unload, when no handle is open, since each holds the module. */
void shk_dev_exit(void);

#endif /* SHK_DEV_H */
