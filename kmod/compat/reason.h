/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors that carry a reason of the uapi header.
 *
 * A function that returns a negative errno may return -(SHK_REASON_BASE + reason) instead. Such a
 * value is above all errnos of the kernel and below MAX_ERRNO, so ERR_PTR() and IS_ERR() work.
 * dev.c splits it into the errno and the reason before user space sees it. Nothing else may hand
 * it to the kernel: shk_errno() makes an errno of it.
 */
#ifndef SHK_REASON_H
#define SHK_REASON_H

#include <linux/shadowk.h>

#define SHK_REASON_BASE 1024
/* Above all reasons: an errno of livepatch, with SHK_REASON_LIVEPATCH. */
#define SHK_LIVEPATCH_BASE 3072

/* The error with that reason: SHK_E(TASK_BUSY). */
#define SHK_E(reason) (-(SHK_REASON_BASE + SHK_REASON_##reason))

/* The error with the errno @err, which is negative or 0, and SHK_REASON_LIVEPATCH. 0 remains 0. */
int shk_livepatch_error(int err);
/* The negative errno of @err; a value that is no error with a reason is returned unchanged. */
long shk_errno(long err);
/* The reason of @err, or SHK_REASON_NONE. */
u32 shk_reason(long err);

#endif /* SHK_REASON_H */
