/* SPDX-License-Identifier: GPL-2.0-only */
/* A BPF program at a raw tracepoint, as libbpf and bpftrace attach it. One in each process. */
#ifndef SHADOWK_TEST_RAWTP_H
#define SHADOWK_TEST_RAWTP_H

#include "check.h"

/* The program counts calls whose argument number @arg, from 0 on, has the lower 32 bits @value. */
struct rawtp_condition {
	int arg;
	int32_t value;
};

/*
 * Attaches the program to @tracepoint. It counts calls that fulfil both conditions of @two. Returns
 * 0 or -errno.
 */
int rawtp_attach(const char *tracepoint, const struct rawtp_condition *two);
/*
 * Does the same with a program whose arguments have the types of the kernel's BTF. Returns -ENOENT
 * if this kernel has no BTF.
 */
int rawtp_attach_btf(const char *tracepoint, const struct rawtp_condition *two);
/* Detaches the program. Returns its count. */
uint64_t rawtp_detach(void);
/* Returns the count of the program, which is attached. */
uint64_t rawtp_count(void);

#endif /* SHADOWK_TEST_RAWTP_H */
