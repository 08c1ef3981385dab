// SPDX-License-Identifier: GPL-2.0-only
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "actor.h"
#include "bpf.h"
#include "listeners.h"

#define CPUS_MAX   8
#define RING_PAGES 16

static int map_fd = -1, program_fd = -1, event_fds[CPUS_MAX];
static void *rings[CPUS_MAX];

static int need_bpf(int cmd, union bpf_attr *attr)
{
	int fd = bpf(cmd, attr);

	need(fd >= 0);
	return fd;
}

static int make_map(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY,
				.key_size = sizeof(uint32_t),
				.value_size = sizeof(uint64_t),
				.max_entries = 1 };

	return need_bpf(BPF_MAP_CREATE, &attr);
}

/*
 * The program reads the clock and increments the map's value. It returns 1, so perf samples the
 * event, too.
 */
static int load_program(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns },
		BPF_COUNT(map_fd),
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_TRACEPOINT,
				.insns = (uintptr_t)insns,
				.insn_cnt = ARRAY_SIZE(insns),
				.license = (uintptr_t) "GPL" };

	return need_bpf(BPF_PROG_LOAD, &attr);
}

void listeners_start(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = read_number("/sys/kernel/tracing/events/shadowk/shadowk_probe/id"),
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW | PERF_SAMPLE_CALLCHAIN,
	};

	need(nr_cpus() <= CPUS_MAX);
	map_fd = make_map();
	program_fd = load_program();
	for (unsigned int cpu = 0; cpu < nr_cpus(); cpu++) {
		event_fds[cpu] = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, 0);
		need(event_fds[cpu] >= 0);
		/* A read-only mapping: the kernel overwrites old samples. */
		rings[cpu] = mmap(NULL, (1 + RING_PAGES) * 4096, PROT_READ, MAP_SHARED,
				  event_fds[cpu], 0);
		need(rings[cpu] != MAP_FAILED);
	}
	/* The tracepoint calls the program for events of all CPUs, so one event suffices. */
	need(!ioctl(event_fds[0], PERF_EVENT_IOC_SET_BPF, program_fd));
}

void listeners_stop(uint64_t *perf, uint64_t *bpf_hits)
{
	uint32_t key = 0;
	union bpf_attr attr = { .map_fd = map_fd,
				.key = (uintptr_t)&key,
				.value = (uintptr_t)bpf_hits };
	uint64_t count;

	*perf = 0;
	need_bpf(BPF_MAP_LOOKUP_ELEM, &attr);
	for (unsigned int cpu = 0; cpu < nr_cpus(); cpu++) {
		need(read(event_fds[cpu], &count, sizeof(count)) == sizeof(count));
		*perf += count;
		munmap(rings[cpu], (1 + RING_PAGES) * 4096);
		close(event_fds[cpu]);
	}
	close(program_fd);
	close(map_fd);
}
