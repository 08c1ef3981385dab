/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Properties of the machine and its kernel that shadows depend on: each is checked, none assumed.
 */
#ifndef SHK_ENVIRONMENT_H
#define SHK_ENVIRONMENT_H

#include <linux/shadowk.h>

/*
 * Checks the properties of the machine in the table of environment.c. Writes to the log each one
 * that refuses the module or turns a feature off. Process context, at load. Called twice:
 *   @early   after shk_symbols_init(): checks the properties that all other initialisation needs
 *   !@early  when the backend, hooks and vectors have been found: checks all other properties
 *
 * Returns 0, or -EOPNOTSUPP: a property refuses the module.
 */
int shk_environment_check(bool early);
/*
 * Checks property number *@cursor, writes the result to @property, and increments *@cursor
 * (SHK_PROPERTY_LIST). The caller sets *@cursor to 0 before the first call, and zeroes @property
 * before each call. Process context, no lock. Returns 0, or -ENOENT: there is no further property.
 */
int shk_property_next(u64 *cursor, struct shk_property *property);

#endif /* SHK_ENVIRONMENT_H */
