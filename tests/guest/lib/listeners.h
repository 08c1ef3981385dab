/* SPDX-License-Identifier: GPL-2.0-only */
/* Who listens to shadowk:shadowk_probe as perf and bpftrace do. */
#ifndef SHADOWK_TEST_LISTENERS_H
#define SHADOWK_TEST_LISTENERS_H

#include "check.h"

/* On each CPU: samples with a stack, as perf record has them; a BPF program, as bpftrace has one. */
void listeners_start(void);
/* Ends them: how many events the samples' counter saw, and how many the program. */
void listeners_stop(uint64_t *perf, uint64_t *bpf);

#endif /* SHADOWK_TEST_LISTENERS_H */
