/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts instructions. Only guests that run with --icount can do that. */
#ifndef SHADOWK_TEST_COST_H
#define SHADOWK_TEST_COST_H

/* Must come first in main(). Skips the test on guests that do not count instructions. */
void cost_main(void);
/* A job: makes @n calls of getppid() and returns the number of instructions that they took. */
long job_cost(long n);

#endif /* SHADOWK_TEST_COST_H */
