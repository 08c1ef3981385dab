/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls as a scope: whoever is in a shadow that is made here executes
 * another one's text, its target's, during those calls.
 */
#ifndef SHK_SYSCALLS_H
#define SHK_SYSCALLS_H

#include "shadow/shadow.h"

void shk_syscalls_init(void);
/* Has this kernel one place that all system calls pass? */
bool shk_syscalls_possible(void);
/* A reference to a new shadow. Errors as in struct shk_syscalls. */
struct shk_shadow *shk_syscalls_create(struct shk_shadow *target, struct shk_syscalls *arg);
/* Undo what that did to @shadow, and to its target. Both are locked. */
void shk_syscalls_teardown(struct shk_shadow *shadow);

#endif /* SHK_SYSCALLS_H */
