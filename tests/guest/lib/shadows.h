/* SPDX-License-Identifier: GPL-2.0-only */
/* libshadowk for tests: what cannot fail here ends the test if it does. */
#ifndef SHADOWK_TEST_SHADOWS_H
#define SHADOWK_TEST_SHADOWS_H

#include <shadowk.h>

#include "check.h"

/* /dev/shadowk, open until shadows_done(). */
struct shadowk *device(void);
/* A shadow without a name, or with one; shadowk_shadow_close() it, or let finish() do it. */
struct shadowk_shadow *shadow_new(const char *name);
/* Interrupts that land on processes inside execute it, too. */
struct shadowk_shadow *shadow_new_async(const char *name);
/* It may own interrupts and kernel threads; skips the test where none can. */
struct shadowk_shadow *shadow_new_owner(const char *name);
/* It is executed by what processes inside raise; skips the test where that cannot be. */
struct shadowk_shadow *shadow_new_causal(const char *name);
/* Its probes count what is executed asynchronously for nobody; likewise. */
struct shadowk_shadow *shadow_new_union(const char *name);
/* With any flags; NULL where the machine cannot have one. */
struct shadowk_shadow *shadow_new_if_possible(const char *name, uint32_t flags);
/* A handle with SHADOWK_RIGHT_*, whose id goes to *@id unless that is NULL. */
struct shadowk_shadow *shadow_derive(struct shadowk_shadow *shadow, uint32_t rights, uint64_t *id);
void shadow_close(struct shadowk_shadow *shadow);
/* Close all that is left of these. */
void shadows_done(void);
struct shadowk_shadow_info shadow_info(struct shadowk_shadow *shadow);
/* It has the probes, pages, bytes and processes that it had. */
void expect_same_info(const struct shadowk_shadow_info *is, const struct shadowk_shadow_info *was,
		      const char *which, const char *when);
/* How many private bytes are neither the base's nor any edit's. */
unsigned int strays(struct shadowk_shadow *shadow);
struct shadowk_info module_info(void);
bool is_xen_pv(void);
/* Do shadows have all text in pages of 4 KB, for this CPU's sake? */
bool text_is_small(void);

void attach(struct shadowk_shadow *shadow, pid_t pid);
void detach(pid_t pid);
/* Id of the shadow that @pid is in, 0 for the base. */
uint64_t shadow_of(pid_t pid);

/* Count hits of @place (SYMBOL, SYMBOL+OFFSET), which is the probe's name, too. */
void count(struct shadowk_shadow *shadow, const char *place);
/* Any probe; the error is the library's. */
long probe_try(struct shadowk_shadow *shadow, const char *name, const char *place,
	       enum shadowk_probe_kind kind, uint32_t flags);
void probe_add(struct shadowk_shadow *shadow, const char *name, const char *place,
	       enum shadowk_probe_kind kind, uint32_t flags);
void probe_remove(struct shadowk_shadow *shadow, const char *name);
struct shadowk_probe_info probe_info(struct shadowk_shadow *shadow, const char *name);
uint64_t hits(struct shadowk_shadow *shadow, const char *name);

/* @seen is what a function of the library returned just before; its reason is compared, too. */
void expect_refused(long seen, long expected, uint32_t reason, const char *what, ...) FORMAT(4);

/* Address of a symbol of the kernel image, 0 if there is none. */
uint64_t kernel_symbol(const char *name);
/* The same of a module. */
uint64_t module_symbol(const char *name);

/* How often the module is held; -1: it is not loaded. */
long module_references(void);
/* insmod and rmmod (which does not wait); -errno. */
int module_load(const char *path, const char *parameters);
int module_unload(const char *name);
/* shadowk.ko of this guest, and a module of tests/victim. */
const char *shadowk_path(void);
const char *victim_path(const char *name);

#endif /* SHADOWK_TEST_SHADOWS_H */
