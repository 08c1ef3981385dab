/* SPDX-License-Identifier: GPL-2.0-only */
/* Patches for tests. A function that fails ends the test, unless it returns -errno. */
#ifndef SHADOWK_TEST_PATCHES_H
#define SHADOWK_TEST_PATCHES_H

#include "shadows.h"

/* Adds patch @name: @symbol returns @value without executing its body. */
void patch_return(struct shadowk_shadow *shadow, const char *name, const char *symbol, long value);
/* Adds patch @name: the functions of the patch module @module, which is loaded. */
void patch_module(struct shadowk_shadow *shadow, const char *name, const char *module);
/*
 * False on the debug kernel. There, functions of the test modules have other stack frames than the
 * kernel's functions, so none can replace a body in place.
 */
bool has_frames(void);
/* Skips the test on that kernel. */
void need_frames(void);
/*
 * Loads shk_inplace.ko, whose functions can replace bodies in place. Skips the test on the debug
 * kernel.
 */
void inplace_load(void);
/*
 * Skips the test if this kernel's pause() cannot be replaced in place, since it has a static key.
 * shk_inplace.ko replaces only getuid() then.
 */
void need_pause_in_place(void);
/* Adds patch @name from the patch module @module, in place. Returns 0 or -errno. */
int patch_in_place(struct shadowk_shadow *shadow, const char *name, const char *module);
/* @err must be EBUSY with @tid as the task in the way. The task must still sleep in pause(). */
void expect_in_the_way(pid_t tid, int err, const char *what);
void patch_remove(struct shadowk_shadow *shadow, const char *name);
/*
 * Adds patch "p": the functions of the livepatch module @module, which a shadow has captured.
 * Returns 0 or -errno.
 */
int livepatch_try(struct shadowk_shadow *shadow, const char *module, uint32_t flags);
/* A job: makes the system call @nr without arguments. Returns its result, or -errno. */
long job_syscall(long nr);

#endif /* SHADOWK_TEST_PATCHES_H */
