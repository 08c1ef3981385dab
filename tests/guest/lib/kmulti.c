// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>

#include "bpf.h"
#include "kmulti.h"

/* Offsets in struct pt_regs. */
#define REGS_AX 80
#define REGS_DX 96

/* clang-format off */
#define MOV(_dst, _src) { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = _dst, .src_reg = _src }
#define MOV_IMM(_dst, _imm) { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = _dst, .imm = _imm }
#define ADD_IMM(_dst, _imm) { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = _dst, .imm = _imm }
#define STORE(_off, _src) \
	{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = _src, .off = _off }
#define LOAD(_dst, _src, _off) \
	{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = _dst, .src_reg = _src, .off = _off }
#define CALL(_func) { .code = BPF_JMP | BPF_CALL, .imm = _func }
#define MAP(_dst, _fd) \
	{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = _dst, .src_reg = BPF_PSEUDO_MAP_FD, \
	  .imm = _fd }, { 0 }
/* clang-format on */

/* Sets 5 instructions that let r0 be the extra word; r6 is the context. */
static void set_extra(struct bpf_insn *at, enum kmulti_extra extra, int stacks)
{
	const struct bpf_insn none[] = { MOV_IMM(BPF_REG_0, 0), MOV_IMM(BPF_REG_0, 0),
					 MOV_IMM(BPF_REG_0, 0), MOV_IMM(BPF_REG_0, 0),
					 MOV_IMM(BPF_REG_0, 0) };
	const struct bpf_insn stack[] = { MOV(BPF_REG_1, BPF_REG_6), MAP(BPF_REG_2, stacks),
					  MOV_IMM(BPF_REG_3, 0), CALL(BPF_FUNC_get_stackid) };

	memcpy(at, extra == KMULTI_STACK ? stack : none, sizeof(none));
	if (extra == KMULTI_ARG3 || extra == KMULTI_RESULT)
		at[4] = (struct bpf_insn)LOAD(BPF_REG_0, BPF_REG_6,
					      extra == KMULTI_ARG3 ? REGS_DX : REGS_AX);
}

/* Loads the program. On its stack is a struct kmulti_calls without .count, at -32. */
static int load_program(const struct kmulti *multi, enum kmulti_extra extra)
{
	struct bpf_insn insns[] = {
		MOV(BPF_REG_6, BPF_REG_1),
		CALL(BPF_FUNC_get_func_ip),
		STORE(-32, BPF_REG_0),
		MOV(BPF_REG_1, BPF_REG_6),
		CALL(BPF_FUNC_get_attach_cookie),
		STORE(-24, BPF_REG_0),
		CALL(BPF_FUNC_get_current_pid_tgid),
		{ .code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = BPF_REG_0, .imm = 32 },
		STORE(-16, BPF_REG_0),
		{ 0 },
		{ 0 },
		{ 0 },
		{ 0 },
		{ 0 }, /* set_extra() */
		STORE(-8, BPF_REG_0),
		MAP(BPF_REG_1, multi->map),
		MOV(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -32),
		CALL(BPF_FUNC_map_lookup_elem),
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 4 },
		MOV_IMM(BPF_REG_1, 1),
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .dst_reg = BPF_REG_0,
		  .src_reg = BPF_REG_1,
		  .imm = BPF_ADD },
		MOV_IMM(BPF_REG_0, 0),
		{ .code = BPF_JMP | BPF_EXIT },
		MOV_IMM(BPF_REG_1, 1),
		STORE(-40, BPF_REG_1),
		MAP(BPF_REG_1, multi->map),
		MOV(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -32),
		MOV(BPF_REG_3, BPF_REG_10),
		ADD_IMM(BPF_REG_3, -40),
		MOV_IMM(BPF_REG_4, BPF_ANY),
		CALL(BPF_FUNC_map_update_elem),
		MOV_IMM(BPF_REG_0, 0),
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_KPROBE,
				.expected_attach_type = BPF_TRACE_KPROBE_MULTI,
				.insns = (uintptr_t)insns,
				.insn_cnt = ARRAY_SIZE(insns),
				.license = (uintptr_t) "GPL" };

	set_extra(&insns[9], extra, multi->stacks);
	return bpf(BPF_PROG_LOAD, &attr);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void map_create(int *fd, uint32_t type, uint32_t key_size, uint32_t value_size)
{
	union bpf_attr attr = { .map_type = type,
				.key_size = key_size,
				.value_size = value_size,
				.max_entries = 4096 };

	*fd = bpf(BPF_MAP_CREATE, &attr);
	need(*fd >= 0);
}

int kmulti_attach(struct kmulti *multi, const char **names, unsigned int nr, bool returns,
		  enum kmulti_extra extra)
{
	uint64_t cookies[KMULTI_FUNCTIONS_MAX];
	union bpf_attr attr = { .link_create.attach_type = BPF_TRACE_KPROBE_MULTI };
	int program;

	need(nr <= KMULTI_FUNCTIONS_MAX);
	map_create(&multi->map, BPF_MAP_TYPE_HASH, offsetof(struct kmulti_calls, count),
		   sizeof(uint64_t));
	map_create(&multi->stacks, BPF_MAP_TYPE_STACK_TRACE, sizeof(uint32_t),
		   KMULTI_STACK_MAX * sizeof(uint64_t));
	program = load_program(multi, extra);
	need(program >= 0);
	qsort(names, nr, sizeof(*names), compare_names);
	for (unsigned int i = 0; i < nr; i++)
		cookies[i] = 1000 + i;
	attr.link_create.prog_fd = program;
	attr.link_create.kprobe_multi.flags = returns ? BPF_F_KPROBE_MULTI_RETURN : 0;
	attr.link_create.kprobe_multi.cnt = nr;
	attr.link_create.kprobe_multi.syms = (uintptr_t)names;
	attr.link_create.kprobe_multi.cookies = (uintptr_t)cookies;
	multi->link = bpf(BPF_LINK_CREATE, &attr);
	close(program);
	if (multi->link >= 0)
		return 0;
	kmulti_close(multi);
	return multi->link;
}

unsigned int kmulti_read(const struct kmulti *multi, struct kmulti_calls *calls, unsigned int room)
{
	const struct kmulti_calls *before = NULL;
	unsigned int nr = 0;

	for (; nr < room; before = &calls[nr++]) {
		union bpf_attr next = { .map_fd = multi->map,
					.key = (uintptr_t)before,
					.next_key = (uintptr_t)&calls[nr] };
		union bpf_attr look = { .map_fd = multi->map,
					.key = (uintptr_t)&calls[nr],
					.value = (uintptr_t)&calls[nr].count };

		if (bpf(BPF_MAP_GET_NEXT_KEY, &next))
			break;
		need(!bpf(BPF_MAP_LOOKUP_ELEM, &look));
	}
	return nr;
}

unsigned int kmulti_stack(const struct kmulti *multi, uint64_t id, uint64_t stack[KMULTI_STACK_MAX])
{
	uint32_t key = id;
	union bpf_attr attr = { .map_fd = multi->stacks,
				.key = (uintptr_t)&key,
				.value = (uintptr_t)stack };
	unsigned int nr = 0;

	memset(stack, 0, KMULTI_STACK_MAX * sizeof(*stack));
	need(!bpf(BPF_MAP_LOOKUP_ELEM, &attr));
	while (nr < KMULTI_STACK_MAX && stack[nr])
		nr++;
	return nr;
}

void kmulti_detach(struct kmulti *multi)
{
	close(multi->link);
}

void kmulti_close(struct kmulti *multi)
{
	close(multi->map);
	close(multi->stacks);
}

int kmulti_pin(const struct kmulti *multi, const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path, .bpf_fd = multi->link };

	return bpf(BPF_OBJ_PIN, &attr);
}
