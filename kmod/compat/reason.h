/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors that carry a reason of the uapi header.
 *
 * A function that returns a negative errno may return -(SHK_REASON_BASE + reason) instead. Such a
 * value is above all errnos of the kernel and below MAX_ERRNO, so ERR_PTR() and IS_ERR() work.
 * dev.c splits it into the errno and the reason before user space sees it. Nothing else may hand it
 * to the kernel: shk_errno() makes an errno of it.
 */
#ifndef SHK_REASON_H
#define SHK_REASON_H

#include <linux/shadowk.h>

#define SHK_REASON_BASE 1024
/* -(SHK_LIVEPATCH_BASE + errno) is an errno with SHK_REASON_LIVEPATCH. Above all reasons. */
#define SHK_LIVEPATCH_BASE 3072

/* The error with a reason, named without its prefix: SHK_E(TASK_BUSY). */
#define SHK_E(reason) (-(SHK_REASON_BASE + SHK_REASON_##reason))

/*
 * Converts @err, a return value of livepatch, to an error with SHK_REASON_LIVEPATCH and the errno
 * -@err. The errno is EINVAL if @err is positive, or -ERESTARTSYS or below. Returns 0 if @err is 0.
 * Any context.
 */
int shk_livepatch_error(int err);
/*
 * Returns the negative errno that belongs to the reason in @err. Returns @err if it has no reason.
 * Warns and returns -EINVAL if the table in reason.c lacks the reason. Any context.
 */
long shk_errno(long err);
/* Returns the reason of @err, an enum shk_reason; SHK_REASON_NONE if it has none. Any context. */
u32 shk_reason(long err);

#endif /* SHK_REASON_H */
