/* SPDX-License-Identifier: GPL-2.0-only */
/* What of the machine and its kernel shadows depend on: asked, not assumed. */
#ifndef SHK_ENVIRONMENT_H
#define SHK_ENVIRONMENT_H

#include <linux/shadowk.h>

/*
 * @early: after shk_symbols_init(); and again when all else was found. -EOPNOTSUPP: shadows are not
 * for this machine, and the log says why. It also says what is off.
 */
int shk_environment_check(bool early);
/* SHK_PROPERTY_NEXT. -ENOENT at the end, -EINVAL. */
int shk_property_next(u64 *cursor, struct shk_property *property);

#endif /* SHK_ENVIRONMENT_H */
