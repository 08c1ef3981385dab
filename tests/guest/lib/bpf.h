/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWK_TEST_BPF_H
#define SHADOWK_TEST_BPF_H

#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Calls bpf(2). Returns its result, or -errno. */
static inline int bpf(int cmd, union bpf_attr *attr)
{
	int ret = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

/* Instructions that increment the only element, of 64 bits, of the array @_map_fd. */
/* clang-format off */
#define BPF_COUNT(_map_fd) \
	{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4 }, \
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 }, \
	{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4 }, \
	{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_FD, \
	  .imm = _map_fd }, \
	{ 0 }, \
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem }, \
	{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2 }, \
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1 }, \
	{ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1, \
	  .imm = BPF_ADD }
/* clang-format on */

#endif /* SHADOWK_TEST_BPF_H */
