/* SPDX-License-Identifier: GPL-2.0-only */
/* libshadowk for tests. A function that fails ends the test, unless it returns an error. */
#ifndef SHADOWK_TEST_SHADOWS_H
#define SHADOWK_TEST_SHADOWS_H

#include <shadowk.h>

#include "check.h"

/* A connection to /dev/shadowk, open until shadows_done(). */
struct shadowk *device(void);
/* Creates a shadow; @name may be NULL. Close it with shadow_close(), or finish() does. */
struct shadowk_shadow *shadow_new(const char *name);
/*
 * Creates a shadow with SHADOWK_ASYNC_INHERIT: interrupts that land on processes inside execute it.
 */
struct shadowk_shadow *shadow_new_async(const char *name);
/*
 * Creates a shadow that may own interrupts and kernel threads. Skips the test if the machine cannot
 * do that.
 */
struct shadowk_shadow *shadow_new_owner(const char *name);
/*
 * Creates a shadow with SHADOWK_ASYNC_CAUSAL: work that processes inside raise executes it. Skips
 * the test if the machine cannot do that.
 */
struct shadowk_shadow *shadow_new_causal(const char *name);
/*
 * Creates a shadow with SHADOWK_ASYNC_UNION: its probes also count asynchronous work of no process
 * inside. Skips the test if the machine cannot do that.
 */
struct shadowk_shadow *shadow_new_union(const char *name);
/* Creates a shadow with @flags. Returns NULL if the machine cannot have such a shadow. */
struct shadowk_shadow *shadow_new_if_possible(const char *name, uint32_t flags);
/* Derives a handle with @rights. Stores its id in *@id, unless @id is NULL. */
struct shadowk_shadow *shadow_derive(struct shadowk_shadow *shadow, uint32_t rights, uint64_t *id);
void shadow_close(struct shadowk_shadow *shadow);
/* Closes all handles of shadows, and the device. */
void shadows_done(void);
struct shadowk_shadow_info shadow_info(struct shadowk_shadow *shadow);
/* Fails if the shadow's numbers of processes, probes, pages, ranges or bytes have changed. */
void expect_same_info(const struct shadowk_shadow_info *is, const struct shadowk_shadow_info *was,
		      const char *which, const char *when);
/* The number of private bytes that are neither the base's nor an edit's. */
unsigned int strays(struct shadowk_shadow *shadow);
struct shadowk_info module_info(void);
bool is_xen_pv(void);
/* True if shadows map all text by pages of 4 KB, because the CPU has the bug itlb_multihit. */
bool text_is_small(void);
/*
 * True unless the module has switched a feature off because of the machine's property @name, which
 * `shadowctl doctor` lists.
 */
bool property_is_on(const char *name);
/* Skips the test, with the module's sentence, if a feature is off because of that property. */
void need_property(const char *name);

void attach(struct shadowk_shadow *shadow, pid_t pid);
void detach(pid_t pid);
/* The id of the shadow that process @pid is inside, or 0. */
uint64_t shadow_of(pid_t pid);

/* Adds a probe that counts hits of @place (SYMBOL or SYMBOL+OFFSET). @place is its name, too. */
void count(struct shadowk_shadow *shadow, const char *place);
/* Adds a probe. Returns the library's result. */
long probe_try(struct shadowk_shadow *shadow, const char *name, const char *place,
	       enum shadowk_probe_kind kind, uint32_t flags);
void probe_add(struct shadowk_shadow *shadow, const char *name, const char *place,
	       enum shadowk_probe_kind kind, uint32_t flags);
void probe_remove(struct shadowk_shadow *shadow, const char *name);
struct shadowk_probe_info probe_info(struct shadowk_shadow *shadow, const char *name);
uint64_t hits(struct shadowk_shadow *shadow, const char *name);

/* @seen is the result of the library function that was called last. Its reason is compared, too. */
void expect_refused(long seen, long expected, uint32_t reason, const char *what, ...) FORMAT(4);

/* Address of a symbol of the kernel image, or 0. */
uint64_t kernel_symbol(const char *name);
/* Address of a symbol of a module, or 0. */
uint64_t module_symbol(const char *name);

/* The module's reference count, or -1 if it is not loaded. */
long module_references(void);
/* Load and unload a module, without waiting for its references. Return 0 or -errno. */
int module_load(const char *path, const char *parameters);
int module_unload(const char *name);
/* Paths of this guest's shadowk.ko, and of a module of tests/victim. */
const char *shadowk_path(void);
const char *victim_path(const char *name);

#endif /* SHADOWK_TEST_SHADOWS_H */
