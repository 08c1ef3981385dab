/* SPDX-License-Identifier: GPL-2.0-only */
/* Patches for tests: what cannot fail here ends the test if it does. */
#ifndef SHADOWK_TEST_PATCHES_H
#define SHADOWK_TEST_PATCHES_H

#include "shadows.h"

/* The patch @name: @symbol returns @value at once. */
void patch_return(struct shadowk_shadow *shadow, const char *name, const char *symbol, long value);
/* The patch @name: what the patch module @module has, which is loaded. */
void patch_module(struct shadowk_shadow *shadow, const char *name, const char *module);
/* May bodies be in place? Not on the debug kernel, where none has the frames of another. */
bool has_frames(void);
/* Skips there. */
void need_frames(void);
/* Load that one, whose bodies fit where the base's are, but on the debug kernel: skips there. */
void inplace_load(void);
/* The same as patch_module(), in place; -errno. */
int patch_in_place(struct shadowk_shadow *shadow, const char *name, const char *module);
/* @err says that thread @tid is in the way of that, which sleeps on in pause(). */
void expect_in_the_way(pid_t tid, int err, const char *what);
void patch_remove(struct shadowk_shadow *shadow, const char *name);
/* The patch "p": what the livepatch module @module has, which was captured; -errno. */
int livepatch_try(struct shadowk_shadow *shadow, const char *module, uint32_t flags);
/* What a system call of the actor's returns, errors as -errno. */
long job_syscall(long nr);

#endif /* SHADOWK_TEST_PATCHES_H */
