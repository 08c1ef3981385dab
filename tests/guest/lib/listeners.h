/* SPDX-License-Identifier: GPL-2.0-only */
/* Listeners of the tracepoint shadowk:shadowk_probe, as perf and bpftrace install them. */
#ifndef SHADOWK_TEST_LISTENERS_H
#define SHADOWK_TEST_LISTENERS_H

#include "check.h"

/* Starts a perf event on each CPU, whose samples have a stack, and a BPF program. */
void listeners_start(void);
/* Stops them. *@perf is the number of events that perf counted, *@bpf that of the BPF program. */
void listeners_stop(uint64_t *perf, uint64_t *bpf);

#endif /* SHADOWK_TEST_LISTENERS_H */
