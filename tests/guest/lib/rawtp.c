// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/btf.h>
#include <sys/stat.h>

#include "bpf.h"
#include "rawtp.h"

static int map_fd = -1, link_fd = -1;

/* Instructions that end the program unless @condition holds. @left instructions are behind them. */
static void add_condition(struct bpf_insn *at, const struct rawtp_condition *condition, int left)
{
	at[0] = (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_DW,
				   .dst_reg = BPF_REG_2,
				   .src_reg = BPF_REG_1,
				   .off = 8 * condition->arg };
	at[1] = (struct bpf_insn){ .code = BPF_JMP32 | BPF_JNE | BPF_K,
				   .dst_reg = BPF_REG_2,
				   .off = left - 2,
				   .imm = condition->value };
}

/* Bytes behind @type, of the kernel's BTF, that belong to it. */
static size_t btf_more(const struct btf_type *type)
{
	unsigned int n = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return 12 * n;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return 8 * n;
	default:
		return 0;
	}
}

/* The id of the type of @tracepoint in the kernel's BTF, or 0. */
static uint32_t btf_id(const char *tracepoint)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	const struct btf_header *header;
	const char *at, *end, *names;
	uint32_t id = 0, found = 0;
	char name[64], *data;
	struct stat stat;
	ssize_t got = 0;

	if (fd < 0)
		return 0;
	need(!fstat(fd, &stat));
	data = malloc(stat.st_size);
	need(data);
	while (got < stat.st_size) {
		ssize_t more = read(fd, data + got, stat.st_size - got);

		need(more > 0);
		got += more;
	}
	close(fd);
	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	header = (const struct btf_header *)data;
	at = data + header->hdr_len + header->type_off;
	end = at + header->type_len;
	names = data + header->hdr_len + header->str_off;
	while (at < end && !found) {
		const struct btf_type *type = (const struct btf_type *)at;

		id++;
		if (BTF_INFO_KIND(type->info) == BTF_KIND_TYPEDEF &&
		    !strcmp(names + type->name_off, name))
			found = id;
		at += sizeof(*type) + btf_more(type);
	}
	free(data);
	return found;
}

/* Loads the program: of the type @btf_id of the kernel's BTF, unless that is 0. */
static int load_program(const struct rawtp_condition *two, uint32_t btf_id)
{
	struct bpf_insn insns[] = {
		{ 0 },
		{ 0 },
		{ 0 },
		{ 0 },
		BPF_COUNT(map_fd),
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
				.insns = (uintptr_t)insns,
				.insn_cnt = ARRAY_SIZE(insns),
				.license = (uintptr_t) "GPL" };

	if (btf_id) {
		attr.prog_type = BPF_PROG_TYPE_TRACING;
		attr.expected_attach_type = BPF_TRACE_RAW_TP;
		attr.attach_btf_id = btf_id;
	}
	for (int i = 0; i < 2; i++)
		add_condition(insns + 2 * i, &two[i], ARRAY_SIZE(insns) - 2 - 2 * i);
	return bpf(BPF_PROG_LOAD, &attr);
}

/* Attaches the program to @tracepoint, which is NULL for one of the type @btf_id. */
static int attach_program(const char *tracepoint, uint32_t btf_id,
			  const struct rawtp_condition *two)
{
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY,
			       .key_size = sizeof(uint32_t),
			       .value_size = sizeof(uint64_t),
			       .max_entries = 1 };
	union bpf_attr attr = { .raw_tracepoint.name = (uintptr_t)tracepoint };
	int program;

	map_fd = bpf(BPF_MAP_CREATE, &map);
	need(map_fd >= 0);
	program = load_program(two, btf_id);
	need(program >= 0);
	attr.raw_tracepoint.prog_fd = program;
	link_fd = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	close(program);
	if (link_fd >= 0)
		return 0;
	close(map_fd);
	return link_fd;
}

int rawtp_attach(const char *tracepoint, const struct rawtp_condition *two)
{
	return attach_program(tracepoint, 0, two);
}

int rawtp_attach_btf(const char *tracepoint, const struct rawtp_condition *two)
{
	uint32_t id = btf_id(tracepoint);

	return id ? attach_program(NULL, id, two) : -ENOENT;
}

uint64_t rawtp_count(void)
{
	uint32_t key = 0;
	uint64_t count = 0;
	union bpf_attr attr = { .map_fd = map_fd,
				.key = (uintptr_t)&key,
				.value = (uintptr_t)&count };

	need(!bpf(BPF_MAP_LOOKUP_ELEM, &attr));
	return count;
}

uint64_t rawtp_detach(void)
{
	uint64_t count;

	close(link_fd);
	count = rawtp_count();
	close(map_fd);
	return count;
}
