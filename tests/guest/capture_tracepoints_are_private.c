// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A tool in a helper registers at a tracepoint, in each way that the kernel has. It sees each pass
 * of the process inside the target, with the arguments, and none outside. The base's tracepoint does
 * not change. What cannot be captured is refused, and registered nowhere.
 */
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor.h"
#include "captures.h"
#include "rawtp.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define SIGNALS	  200
#define TRACING	  "/sys/kernel/tracing/"
#define EVENT	  "events/signal/signal_generate/"
#define INSTANCE  "instances/shadowk-test/"
#define PART	  2048 /* bytes of a function that are compared */
#define STRUCTURE 72   /* bytes of struct tracepoint that are compared */
#define PAYLOAD	  777

static struct actor inside, outside, tool;
static struct shadowk_shadow *target, *helper;

static const struct rawtp_condition is_urgent[2] = { { 0, SIGURG }, { 3, 1 } };

/* What the base has, as a process outside sees it. */
static struct base {
	char structure[STRUCTURE], text[PART];
} was, is;

static void read_base(struct base *base)
{
	observe_text(kernel_symbol("__tracepoint_signal_generate"), base->structure, STRUCTURE);
	observe_text(kernel_symbol("__send_signal_locked"), base->text, PART);
}

static void expect_base(const char *when)
{
	read_base(&is);
	expect(!memcmp(is.structure, was.structure, STRUCTURE), "struct tracepoint %s", when);
	expect(!memcmp(is.text, was.text, PART), "the base's text %s", when);
}

/* Returns true if @n probes are captured in the target. */
static bool captured(unsigned int n)
{
	return shadow_info(target).nr_probes == n;
}

/* ---- the ways, as jobs of the tool ---- */

static long raw_begin(long unused)
{
	return rawtp_attach("signal_generate", is_urgent);
}

static long btf_begin(long unused)
{
	return rawtp_attach_btf("signal_generate", is_urgent);
}

static long raw_end(long unused)
{
	return rawtp_detach();
}

static long tracefs_begin(const char *event)
{
	return tracefs_try(event, "1") ? 0 : -errno;
}

/* Switches an event off. Returns the signals in the trace @folder, and empties it. */
static long tracefs_end(const char *folder)
{
	char path[192], line[1024];
	FILE *file;
	long n = 0;

	snprintf(path, sizeof(path), "%s" EVENT "enable", folder);
	tracefs_write(path, "0");
	snprintf(path, sizeof(path), TRACING "%strace", folder);
	file = fopen(path, "re");
	need(file);
	while (fgets(line, sizeof(line), file))
		n += line[0] != '#' && strstr(line, "sig=23 ") && strstr(line, " grp=1 ");
	fclose(file);
	file = fopen(path, "we");
	need(file);
	fclose(file);
	return n;
}

static long instance_begin(long unused)
{
	return tracefs_begin(INSTANCE EVENT "enable");
}

static long instance_end(long unused)
{
	return tracefs_end(INSTANCE);
}

static long top_begin(long unused)
{
	return tracefs_begin(EVENT "enable");
}

static long top_end(long unused)
{
	return tracefs_end("");
}

/* ---- perf events, one on each CPU ---- */

#define CPUS_MAX 8

static int perf_fds[CPUS_MAX], nr_perf_fds;

static int perf_open(int pid, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = read_number(TRACING EVENT "id"),
		.inherit = pid >= 0,
	};
	int fd = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, 0);

	if (fd < 0)
		return -errno;
	need(!ioctl(fd, PERF_EVENT_IOC_SET_FILTER, "sig==23 && group==1"));
	perf_fds[nr_perf_fds++] = fd;
	return 0;
}

static long perf_begin(long unused)
{
	int ret = 0;

	need(nr_cpus() <= CPUS_MAX);
	for (unsigned int cpu = 0; cpu < nr_cpus() && !ret; cpu++)
		ret = perf_open(-1, cpu);
	return ret;
}

static long perf_begin_of(long pid)
{
	return perf_open(pid, -1);
}

static long perf_end(long unused)
{
	uint64_t count;
	long sum = 0;

	while (nr_perf_fds) {
		need(read(perf_fds[--nr_perf_fds], &count, sizeof(count)) == sizeof(count));
		close(perf_fds[nr_perf_fds]);
		sum += count;
	}
	return sum;
}

static const struct way {
	const char *name;
	job_fn begin, end;
} ways[] = {
	{ "raw tracepoint", raw_begin, raw_end },
	{ "event of an instance", instance_begin, instance_end },
	{ "event", top_begin, top_end },
	{ "perf event", perf_begin, perf_end },
};

static void check_way(const struct way *way)
{
	uint64_t hits = 0, cursor = 0;
	struct shadowk_probe_info info;
	long ret = actor_do(&tool, way->begin, 0);

	if (ret == -ENOENT) {
		printf("no %s\n", way->name);
		return;
	}
	expect_ret(ret, 0, "%s: begin", way->name);
	expect(captured(1), "%s: it is captured", way->name);
	actor_do(&outside, job_signals, SIGNALS);
	actor_do(&inside, job_signals, SIGNALS);
	actor_do(&tool, job_signals, SIGNALS);
	expect_base(way->name);
	if (shadowk_probe_list(target, &cursor, &info, sizeof(info), 1) == 1) {
		hits = info.hits;
		expect(info.flags & SHADOWK_PROBE_CAPTURED, "%s: it is listed", way->name);
		expect(!strcmp(info.symbol, "signal_generate"), "%s: its name", way->name);
	}
	expect_eq(hits, SIGNALS, "%s: hits of the probe", way->name);
	expect_eq(actor_do(&tool, way->end, 0), SIGNALS, "%s: events", way->name);
	expect(eventually(captured(0)), "%s: it is gone", way->name);
	actor_do(&inside, job_signals, 1);
}

/* All ways at once: several users of one tracepoint. */
static void check_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		expect_ret(actor_do(&tool, ways[i].begin, 0), 0, "%s of all", ways[i].name);
	expect(captured(ARRAY_SIZE(ways)), "all are captured");
	actor_do(&outside, job_signals, SIGNALS);
	actor_do(&inside, job_signals, SIGNALS);
	expect_base("with all ways");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		expect_eq(actor_do(&tool, ways[i].end, 0), SIGNALS, "%s of all", ways[i].name);
	expect(eventually(captured(0)), "all are gone");
	expect_base("behind all ways");
}

/* ---- perf events of other processes ---- */

static pid_t child;

/* Forks a child that sends @n signals, and stays. */
static long job_child_signals(long n)
{
	int ends[2];
	char done;

	need(!pipe(ends));
	child = fork_tied();
	if (!child) {
		job_signals(n);
		need(write(ends[1], "", 1) == 1);
		pause();
	}
	need(read(ends[0], &done, 1) == 1);
	close(ends[0]);
	close(ends[1]);
	return n;
}

static long job_child_end(long unused)
{
	need(!kill(child, SIGKILL));
	return wait_for(child);
}

/* A perf event of the tool and one of a process outside, of which one comes and goes first. */
static void check_perf(bool tool_comes_first, bool tool_goes_first)
{
	struct actor *first = tool_comes_first ? &tool : &outside;
	struct actor *last = tool_comes_first ? &outside : &tool;
	long in = SIGNALS, out = 2 * SIGNALS;

	expect_ret(actor_do(first, perf_begin, 0), 0, "the first perf event");
	expect_ret(actor_do(last, perf_begin, 0), 0, "the other perf event");
	actor_do(&outside, job_signals, SIGNALS);
	actor_do(&inside, job_signals, SIGNALS);
	if (tool_goes_first) {
		expect_eq(actor_do(&tool, perf_end, 0), in, "perf of the tool");
		expect(eventually(captured(0)), "the tool's perf event is gone");
	} else {
		expect_eq(actor_do(&outside, perf_end, 0), out, "perf outside");
		expect_base("with perf of the tool");
	}
	actor_do(&outside, job_signals, SIGNALS);
	actor_do(&inside, job_signals, SIGNALS);
	if (tool_goes_first)
		expect_eq(actor_do(&outside, perf_end, 0), 2 * out, "perf outside, longer");
	else
		expect_eq(actor_do(&tool, perf_end, 0), 2 * in, "perf of the tool, longer");
	expect(eventually(captured(0)), "no perf event is left");
	expect_base("behind perf");
}

/* A child of the process inside inherits the tool's perf event, which does not reach the base. */
static void check_perf_inherits(void)
{
	expect_ret(actor_do(&tool, perf_begin_of, inside.pid), 0, "perf of a process");
	expect(captured(1), "perf of a process is captured");
	actor_do(&inside, job_child_signals, SIGNALS);
	expect_base("with a child");
	actor_do(&inside, job_child_end, 0);
	expect_eq(actor_do(&tool, perf_end, 0), SIGNALS, "signals of a child");
	expect(eventually(captured(0)), "no perf event of a child is left");
}

/* ---- arguments on the stack ---- */

static long raw_kmalloc(long unused)
{
	/* kmalloc(call_site, ptr, bytes_req, bytes_alloc, gfp_flags, node) */
	static const struct rawtp_condition two[2] = { { 2, PAYLOAD }, { 5, -1 } };

	return rawtp_attach("kmalloc", two);
}

/* Adds @n keys. For each the kernel allocates memory of PAYLOAD bytes, on any node. */
static long job_keys(long n)
{
	static char payload[PAYLOAD];
	long key;

	for (long i = 0; i < n; i++) {
		key = syscall(SYS_add_key, "user", "shadowk-test", payload, sizeof(payload), -2);
		need(key >= 0);
	}
	return n;
}

static void check_stack(void)
{
	long seen, base;

	/* How often the kernel allocates so much for a key is the kernel's affair. */
	need(!actor_do(&outside, raw_kmalloc, 0));
	actor_do(&outside, job_keys, 10);
	base = actor_do(&outside, raw_end, 0);
	expect(base >= 10, "allocations outside");
	expect_ret(actor_do(&tool, raw_kmalloc, 0), 0, "kmalloc");
	actor_do(&outside, job_keys, 10);
	actor_do(&inside, job_keys, 10);
	seen = actor_do(&tool, raw_end, 0);
	expect_eq(seen, base, "allocations inside, with the sixth argument");
	expect(eventually(captured(0)), "kmalloc is gone");
}

/* ---- failures ---- */

static long raw_regfunc(long unused)
{
	static const struct rawtp_condition two[2] = { { 0, 0 }, { 1, 0 } };

	return rawtp_attach("sys_enter", two);
}

static long raw_of_module(long unused)
{
	return rawtp_attach("shadowk_probe", is_urgent);
}

static void check_refusals(void)
{
	expect_ret(actor_do(&tool, raw_regfunc, 0), -EOPNOTSUPP, "a tracepoint with a regfunc");
	expect_ret(actor_do(&tool, raw_of_module, 0), -EOPNOTSUPP, "a tracepoint of a module");
	expect(captured(0), "nothing is captured");
}

/* The tool is killed while its program is called. */
static void check_kill(void)
{
	need(!actor_do(&tool, raw_begin, 0));
	expect_kill_releases(&tool, &inside, job_signals, target);
	expect_base("behind the tool");
	expect_eq(strays(target), 0, "bytes that are no edit's");
}

/* The target goes first. */
static void check_target(void)
{
	tool_start(&tool, helper);
	need(!actor_do(&tool, raw_begin, 0));
	actor_do(&inside, job_signals, SIGNALS);
	actor_end(&inside);
	expect_ret(shadowk_shadow_destroy(target), 0, "destroy the target");
	actor_do(&outside, job_signals, SIGNALS);
	expect_base("without a target");
	expect_eq(actor_do(&tool, raw_end, 0), SIGNALS, "events of a target that is gone");
	expect_ret(actor_do(&tool, raw_begin, 0), -ESTALE, "a target that is gone");
	expect_base("without a target, at the end");
}

int main(void)
{
	need(!mkdir(TRACING INSTANCE, 0700));
	observer_load();
	target = shadow_new("target");
	helper = shadow_new(NULL);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	read_base(&was);
	attach(target, inside.pid);
	expect_ret(shadowk_capture(helper, target, 0), 0, "capture");
	tool_start(&tool, helper);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		check_way(&ways[i]);
	/* The tool has one BPF program at a time. */
	check_way(&(const struct way){ "raw tracepoint with BTF", btf_begin, raw_end });
	check_all();
	for (int i = 0; i < 4; i++)
		check_perf(i & 1, i & 2);
	check_perf_inherits();
	check_stack();
	check_refusals();
	check_kill();
	check_target();
	actor_end(&tool);
	actor_end(&outside);
	expect_ret(shadowk_shadow_destroy(helper), 0, "destroy the helper");
	shadows_done();
	victims_done();
	need(!rmdir(TRACING INSTANCE));
	return finish();
}
