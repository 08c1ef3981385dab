/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The modules of tests/victim. A process that uses one opens its device by the
 * way and keeps it; nobody does any more when victims_done() unloads them.
 */
#ifndef SHADOWK_TEST_VICTIMS_H
#define SHADOWK_TEST_VICTIMS_H

#include "../../victim/observer.h"
#include "../../victim/victim.h"
#include "check.h"

void victim_load(void);
void observer_load(void);
void victims_done(void);

/* Calls of VICTIM_SYMBOL in some context: what the ioctl returns. */
long victim_call(unsigned int cmd, unsigned long n);
/* The same as a job. */
#define VICTIM_ORDER(cmd, n) ((long)(cmd) << 32 | (n))
long job_victim(long order);
/* @rounds times, each of which ends before the next begins; what they return together. */
#define VICTIM_ROUNDS(cmd, rounds, n) ((long)(cmd) << 32 | (rounds) << 16 | (n))
long job_victim_rounds(long order);

/* @len bytes at kernel address @addr as this process has them. */
void observe_text(uint64_t addr, void *buf, size_t len);
/* Where in function @symbol of the kernel a direct call of @target is; 0: nowhere. */
uint64_t find_call(const char *symbol, const char *target);
/* See observer.h; free() the array. */
struct observer_entry *observe_tables(uint64_t root, uint64_t from, uint64_t to, size_t *count);
struct observer_entry *observe_tops(uint64_t addr, size_t *count);

#endif /* SHADOWK_TEST_VICTIMS_H */
