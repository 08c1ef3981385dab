/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The modules of tests/victim. A process that uses a module opens its device and keeps it open. All
 * these processes must have ended when victims_done() unloads the modules.
 */
#ifndef SHADOWK_TEST_VICTIMS_H
#define SHADOWK_TEST_VICTIMS_H

#include "../../victim/observer.h"
#include "../../victim/victim.h"
#include "check.h"

void victim_load(void);
void observer_load(void);
void victims_done(void);

/* Calls VICTIM_SYMBOL in the context @cmd. Returns the result of the ioctl. */
long victim_call(unsigned int cmd, unsigned long n);
/* victim_call() as a job. @order is VICTIM_ORDER(cmd, n). */
#define VICTIM_ORDER(cmd, n) ((long)(cmd) << 32 | (n))
long job_victim(long order);
/*
 * A job that calls victim_call() @rounds times and returns the sum of the results. Each call ends
 * before the next one begins.
 */
#define VICTIM_ROUNDS(cmd, rounds, n) ((long)(cmd) << 32 | (rounds) << 16 | (n))
long job_victim_rounds(long order);

/* Reads @len bytes at kernel address @addr, as this process's page tables map it. */
void observe_text(uint64_t addr, void *buf, size_t len);
/* Returns the address of a direct call of @target in function @symbol, or 0. */
uint64_t find_call(const char *symbol, const char *target);
/* Read page tables; see observer.h. The caller frees the array. */
struct observer_entry *observe_tables(uint64_t root, uint64_t from, uint64_t to, size_t *count);
struct observer_entry *observe_tops(uint64_t addr, size_t *count);

#endif /* SHADOWK_TEST_VICTIMS_H */
