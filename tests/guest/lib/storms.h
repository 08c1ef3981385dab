/* SPDX-License-Identifier: GPL-2.0-only */
/* Load for tests in which shadows come and go. Each stir function makes one round. */
#ifndef SHADOWK_TEST_STORMS_H
#define SHADOWK_TEST_STORMS_H

#include <sys/types.h>

/*
 * Forks a process that calls @fn(@arg) on every CPU at the same time. @fn does not return. The
 * process is killed when the test ends.
 */
pid_t fork_on_all_cpus(void *(*fn)(void *), void *arg);
/* Forks @nr such processes, spread over the CPUs. Each calls @work(its number). */
void workers_start(pid_t *workers, int nr, void (*work)(int number));
void workers_end(const pid_t *workers, int nr);

/* Writes a file to the disk. @number must be different for each process. */
void stir_disk(unsigned int number);
void stir_sockets(void);
/* Calls VICTIM_SYMBOL in every context, except VICTIM_IPI: two CPUs would wait for each other. */
void stir_victim(unsigned long calls);
/*
 * Patches kernel text: a kprobe is registered and removed, which waits for all CPUs. Only one
 * process may call this.
 */
void stir_text(void);
void stir_forks(void);

#endif /* SHADOWK_TEST_STORMS_H */
