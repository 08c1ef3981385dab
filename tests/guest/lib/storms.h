/* SPDX-License-Identifier: GPL-2.0-only */
/* What processes do while shadows come and go: one turn each. */
#ifndef SHADOWK_TEST_STORMS_H
#define SHADOWK_TEST_STORMS_H

#include <sys/types.h>

/* A process that ends with this one: @fn(@arg), which does not return, on every CPU at once. */
pid_t fork_on_all_cpus(void *(*fn)(void *), void *arg);
/* @nr such processes, spread over the CPUs, each of which does @work(its number). */
void workers_start(pid_t *workers, int nr, void (*work)(int number));
void workers_end(const pid_t *workers, int nr);

/* A file is written to the disk; every process its own @number. */
void stir_disk(unsigned int number);
void stir_sockets(void);
/* Every context of VICTIM_SYMBOL but VICTIM_IPI, for which two CPUs would wait for each other. */
void stir_victim(unsigned long calls);
/* Text changes, and who changes it waits for all that runs. One process only. */
void stir_text(void);
void stir_forks(void);

#endif /* SHADOWK_TEST_STORMS_H */
