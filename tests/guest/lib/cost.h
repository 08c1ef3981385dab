/* SPDX-License-Identifier: GPL-2.0-only */
/* Instructions that things take, which --icount alone can tell. */
#ifndef SHADOWK_TEST_COST_H
#define SHADOWK_TEST_COST_H

/* First in main(): skips the test where nothing counts instructions. */
void cost_main(void);
/* A job: @n calls of getppid(); returns the instructions that they took. */
long job_cost(long n);

#endif /* SHADOWK_TEST_COST_H */
