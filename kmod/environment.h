/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Properties of the machine and its kernel that shadows depend on: each is checked, none assumed.
 */
#ifndef SHK_ENVIRONMENT_H
#define SHK_ENVIRONMENT_H

#include <linux/shadowk.h>

/*
 * Checks the properties, and writes to the log the name of each that refuses the module or turns
 * a feature off. With @early it checks those that come before all other initialisation but
 * shk_symbols_init(); else all others, when backend, hooks and vectors have been found. Process
 * context, at load. -EOPNOTSUPP: the module cannot work on this machine.
 */
int shk_environment_check(bool early);
/*
 * Checks property *@cursor (0 at first) again, writes the result to @property, which is zero on
 * entry, and increments *@cursor (SHK_PROPERTY_LIST). Process context, no lock. -ENOENT: there is
 * no further property.
 */
int shk_property_next(u64 *cursor, struct shk_property *property);

#endif /* SHK_ENVIRONMENT_H */
