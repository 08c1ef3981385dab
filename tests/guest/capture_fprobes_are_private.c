// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * A tool in a helper attaches BPF programs by kprobe_multi links, at entries and returns. They see
 * each call of the process inside the target, and none outside, with what a program of the whole
 * machine sees: the function, the cookie, arguments, results and stacks. The base does not change.
 * Hundreds of functions are armed at once. What fails half way leaves nothing.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor.h"
#include "captures.h"
#include "kmulti.h"
#include "shadows.h"
#include "tracefs.h"
#include "victims.h"

#define CALLS	300
#define PART	32 /* bytes of a function that are compared */
#define PINS	"/run/shadowk-pins"
#define PINNED	PINS "/link"
#define TRACING "/sys/kernel/tracing/"

static struct actor inside, outside, tool;
static struct shadowk_shadow *target, *helper;

static const char *const syscalls[] = { GETPID, GETPPID, GETUID };

/* What the tool or the process outside tells the test. */
static struct shared {
	struct kmulti_calls calls[64];
	unsigned int nr;
	uint64_t stack[KMULTI_STACK_MAX];
	unsigned int nr_stack;
} * shared;

/* Returns true if @n probes are captured in the target. */
static bool captured(unsigned int n)
{
	return shadow_info(target).nr_probes == n;
}

/* ---- jobs ---- */

static struct kmulti entry, exits, many;

static long job_syscalls(long n)
{
	return job_getpid(n) + job_getppid(n) + job_getuid(n);
}

static long begin_entry(long extra)
{
	const char *names[ARRAY_SIZE(syscalls)];

	memcpy(names, syscalls, sizeof(names));
	return kmulti_attach(&entry, names, ARRAY_SIZE(names), false, extra);
}

static long begin_exits(long unused)
{
	const char *names[ARRAY_SIZE(syscalls)];

	memcpy(names, syscalls, sizeof(names));
	return kmulti_attach(&exits, names, ARRAY_SIZE(names), true, KMULTI_RESULT);
}

static long begin_read(long extra)
{
	const char *name = "vfs_read";

	return kmulti_attach(&entry, &name, 1, false, extra);
}

static long end_of(struct kmulti *multi)
{
	kmulti_detach(multi);
	shared->nr = kmulti_read(multi, shared->calls, ARRAY_SIZE(shared->calls));
	kmulti_close(multi);
	return shared->nr;
}

static long end_entry(long unused)
{
	return end_of(&entry);
}

static long end_exits(long unused)
{
	return end_of(&exits);
}

/* Ends a program with KMULTI_STACK; tells the stack of @pid. */
static long end_stack(long pid)
{
	shared->nr = kmulti_read(&entry, shared->calls, ARRAY_SIZE(shared->calls));
	shared->nr_stack = 0;
	for (unsigned int i = 0; i < shared->nr; i++)
		if ((long)shared->calls[i].pid == pid)
			shared->nr_stack =
				kmulti_stack(&entry, shared->calls[i].extra, shared->stack);
	kmulti_detach(&entry);
	kmulti_close(&entry);
	return shared->nr_stack;
}

/* Attaches to up to @nr functions that begin with "__x64_sys_". Returns their number or -errno. */
static long begin_many(long nr)
{
	static char names[KMULTI_FUNCTIONS_MAX][64];
	const char *list[KMULTI_FUNCTIONS_MAX];
	FILE *file = fopen(TRACING "available_filter_functions", "re");
	char line[256], name[64];
	long found = 0, ret;

	need(file);
	while (found < nr && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s", name) == 1 && !strncmp(name, "__x64_sys_", 10))
			list[found] = strcpy(names[found], name), found++;
	fclose(file);
	need(found > 256);
	ret = kmulti_attach(&many, list, found, false, KMULTI_NOTHING);
	return ret ? ret : found;
}

static long end_many(long unused)
{
	return end_of(&many);
}

/* ---- checks ---- */

/* What the base has, as a process outside sees it. */
static char was[ARRAY_SIZE(syscalls)][PART];

static void expect_base(const char *when)
{
	char is[PART], path[] = TRACING "enabled_functions", line[512];
	FILE *file = fopen(path, "re");

	for (size_t i = 0; i < ARRAY_SIZE(syscalls); i++) {
		observe_text(kernel_symbol(syscalls[i]), is, PART);
		expect(!memcmp(is, was[i], PART), "the base's %s %s", syscalls[i], when);
	}
	need(file);
	while (fgets(line, sizeof(line), file))
		expect(strncmp(line, "__x64_sys_", 10) && strncmp(line, "vfs_read ", 9),
		       "enabled_functions %s: %s", when, line);
	fclose(file);
}

/* The calls of @name by @pid that the test was told. Checks the cookie. */
static uint64_t calls_of(const char *name, pid_t pid, uint64_t cookie, const uint64_t *extra)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < shared->nr; i++) {
		const struct kmulti_calls *calls = &shared->calls[i];

		if (calls->func != kernel_symbol(name) || (pid_t)calls->pid != pid)
			continue;
		expect_eq(calls->cookie, cookie, "cookie of %s", name);
		if (extra)
			expect_eq(calls->extra, *extra, "value of %s", name);
		sum += calls->count;
	}
	return sum;
}

static void act(void)
{
	actor_do(&outside, job_syscalls, CALLS);
	actor_do(&inside, job_syscalls, CALLS);
	actor_do(&tool, job_syscalls, CALLS);
}

static void check_entry_and_exit(void)
{
	const uint64_t results[] = { inside.pid, getpid(), 0 };

	expect_ret(actor_do(&tool, begin_entry, KMULTI_NOTHING), 0, "entries");
	expect(captured(3), "entries are captured");
	expect_ret(actor_do(&tool, begin_exits, 0), 0, "returns");
	expect(captured(6), "returns are captured");
	act();
	expect_base("with entries and returns");
	expect_eq(actor_do(&tool, end_entry, 0), 3, "functions and processes at entries");
	for (size_t i = 0; i < ARRAY_SIZE(syscalls); i++)
		expect_eq(calls_of(syscalls[i], inside.pid, 1000 + i, NULL), CALLS, "calls of %s",
			  syscalls[i]);
	act();
	expect_eq(actor_do(&tool, end_exits, 0), 3, "functions and processes at returns");
	for (size_t i = 0; i < ARRAY_SIZE(syscalls); i++)
		expect_eq(calls_of(syscalls[i], inside.pid, 1000 + i, &results[i]), 2 * CALLS,
			  "returns of %s", syscalls[i]);
	expect(eventually(captured(0)), "nothing is captured");
	expect_base("behind entries and returns");
	act();
}

/* An argument, and the stack, are those that a program of the whole machine sees. */
static void check_values(void)
{
	const uint64_t one = 1;
	struct shared ours;

	expect_ret(actor_do(&tool, begin_read, KMULTI_ARG3), 0, "vfs_read");
	actor_do(&outside, job_read_zero, CALLS);
	actor_do(&inside, job_read_zero, CALLS);
	actor_do(&tool, end_entry, 0);
	expect(calls_of("vfs_read", inside.pid, 1000, NULL) >= CALLS, "calls of vfs_read");
	expect_eq(calls_of("vfs_read", outside.pid, 1000, NULL), 0, "vfs_read outside");
	shared->nr = 1;
	for (unsigned int i = 0; i < ARRAY_SIZE(shared->calls); i++)
		if (shared->calls[i].count == CALLS)
			shared->calls[0] = shared->calls[i];
	expect_eq(calls_of("vfs_read", inside.pid, 1000, &one), CALLS, "reads of one byte");

	expect_ret(actor_do(&tool, begin_entry, KMULTI_STACK), 0, "stacks inside");
	actor_do(&inside, job_getppid, 1);
	expect(actor_do(&tool, end_stack, inside.pid) > 2, "a stack inside");
	ours = *shared;
	expect(eventually(captured(0)), "no stack is left");
	expect_ret(actor_do(&outside, begin_entry, KMULTI_STACK), 0, "stacks outside");
	actor_do(&inside, job_getppid, 1);
	actor_do(&outside, end_stack, inside.pid);
	expect_eq(ours.nr_stack, shared->nr_stack, "length of the stack");
	expect(!memcmp(ours.stack, shared->stack, sizeof(ours.stack)), "the stack");
}

/* A program of the whole machine at the same functions; either comes first and goes first. */
static void check_global(bool tool_first, bool tool_ends_first)
{
	struct actor *first = tool_first ? &tool : &outside, *last = tool_first ? &outside : &tool;

	expect_ret(actor_do(first, begin_entry, KMULTI_NOTHING), 0, "the first program");
	expect_ret(actor_do(last, begin_entry, KMULTI_NOTHING), 0, "the last program");
	act();
	if (tool_ends_first)
		actor_do(&tool, end_entry, 0);
	else
		actor_do(&outside, end_entry, 0);
	if (!tool_ends_first)
		expect_eq(calls_of(GETPPID, outside.pid, 1001, NULL), CALLS, "global, outside");
	expect_eq(calls_of(GETPPID, inside.pid, 1001, NULL), CALLS, "inside, of the first to end");
	act();
	actor_do(tool_ends_first ? &outside : &tool, end_entry, 0);
	expect_eq(calls_of(GETPPID, inside.pid, 1001, NULL), 2 * CALLS, "inside, of the last");
	expect_eq(calls_of(GETPPID, outside.pid, 1001, NULL), tool_ends_first ? 2 * CALLS : 0,
		  "outside, of the last");
	expect(eventually(captured(0)), "nothing is captured");
	expect_base("behind both");
}

static void check_many(void)
{
	unsigned long begin = milliseconds(), armed;
	long nr = actor_do(&tool, begin_many, KMULTI_FUNCTIONS_MAX);
	uint64_t reads = 0;

	armed = milliseconds();
	expect(nr > 256, "%ld functions at once", nr);
	expect(captured(nr), "%ld functions are captured", nr);
	actor_do(&outside, job_read_zero, CALLS);
	actor_do(&inside, job_read_zero, CALLS);
	actor_do(&tool, job_read_zero, CALLS);
	expect_base("with many functions");
	actor_do(&tool, end_many, 0);
	for (unsigned int i = 0; i < shared->nr; i++) {
		expect_eq(shared->calls[i].pid, inside.pid, "process of many functions");
		if (shared->calls[i].func == kernel_symbol("__x64_sys_read"))
			reads += shared->calls[i].count;
	}
	expect(reads >= CALLS, "reads, with many functions: %" PRIu64, reads);
	expect(eventually(captured(0)), "many functions are released");
	printf("%ld functions: armed in %lu ms, disarmed in %lu ms\n", nr, armed - begin,
	       milliseconds() - armed);
	expect_base("behind many functions");
}

/* One function of three can have no edit. */
static long begin_impossible(long unused)
{
	const char *names[] = { GETPPID, "switch_mm_irqs_off", GETUID };

	return kmulti_attach(&entry, names, ARRAY_SIZE(names), false, KMULTI_NOTHING);
}

static void check_failure(void)
{
	expect_ret(actor_do(&tool, begin_impossible, 0), -EOPNOTSUPP, "a function in all texts");
	expect(captured(0), "nothing is captured after a failure");
	expect_base("behind a failure");
	actor_do(&inside, job_syscalls, 1);
}

/* ---- life ---- */

static long job_pin(long unused)
{
	return kmulti_pin(&entry, PINNED);
}

/* The tool is killed while its programs are called. */
static void check_kill(void)
{
	need(!actor_do(&tool, begin_entry, KMULTI_NOTHING));
	need(!actor_do(&tool, begin_exits, 0));
	expect_kill_releases(&tool, &inside, job_syscalls, target);
	expect_base("behind the tool");
	expect_eq(strays(target), 0, "bytes that are no edit's");
}

/* A pinned link outlives the tool, and keeps the module. */
static void check_pin(void)
{
	struct shadowk_probe_info info;
	uint64_t cursor = 0, hits;

	need(!mkdir(PINS, 0700));
	need(!mount("bpf", PINS, "bpf", 0, NULL));
	tool_start(&tool, helper);
	need(!actor_do(&tool, begin_entry, KMULTI_NOTHING));
	expect_ret(actor_do(&tool, job_pin, 0), 0, "pin");
	actor_end(&tool);
	actor_do(&inside, job_syscalls, CALLS);
	expect(captured(3), "a pinned link is captured");
	hits = shadowk_probe_list(target, &cursor, &info, sizeof(info), 1) == 1 ? info.hits : 0;
	expect_eq(hits, CALLS, "hits of a pinned link");
	need(!unlink(PINNED));
	expect(eventually(captured(0)), "a link is not pinned any longer");
	need(!umount(PINS));
	need(!rmdir(PINS));
}

static long job_enable_event(long unused)
{
	return tracefs_try("events/shk/f_read/enable", "1") ? 0 : -errno;
}

static long job_make_event(long unused)
{
	return tracefs_try("dynamic_events", "f:shk/f_write vfs_write") ? 0 : -errno;
}

static long job_make_kprobe_event(long unused)
{
	return tracefs_try("dynamic_events", "p:shk/p_write vfs_write") ? 0 : -errno;
}

/* What would arm in the base, or let captured fprobes be unregistered unseen, is refused. */
static void check_refusals(void)
{
	expect(!write_file("/sys/kernel/debug/kprobes/enabled", "0"),
	       "kprobes are not disarmed while a helper exists");
	expect_ret(actor_do(&tool, job_make_kprobe_event, 0), 0, "make an event of a kprobe");
	tracefs_write("dynamic_events", "-:shk/p_write");
	if (!kernel_symbol("trace_fprobe_create"))
		return;
	expect_ret(actor_do(&tool, job_make_event, 0), -EOPNOTSUPP, "make an event of an fprobe");
	expect(captured(0), "no event is captured when it is made");
	tracefs_write("dynamic_events", "f:shk/f_read vfs_read");
	expect_ret(actor_do(&tool, job_enable_event, 0), -EOPNOTSUPP, "an event of an fprobe");
	expect_eq(read_number(TRACING "events/shk/f_read/enable"), 0, "the event");
	expect(captured(0), "no event is captured");
	tracefs_write("dynamic_events", "-:shk/f_read");
}

/* The target goes first. */
static void check_target(void)
{
	tool_start(&tool, helper);
	need(!actor_do(&tool, begin_entry, KMULTI_NOTHING));
	actor_do(&inside, job_syscalls, CALLS);
	actor_end(&inside);
	expect_ret(shadowk_shadow_destroy(target), 0, "destroy the target");
	actor_do(&outside, job_syscalls, CALLS);
	expect_base("without a target");
	expect_eq(actor_do(&tool, end_entry, 0), 3, "calls of a target that is gone");
	expect_ret(actor_do(&tool, begin_entry, KMULTI_NOTHING), -ESTALE, "a target that is gone");
	expect_base("without a target, at the end");
}

int main(void)
{
	if (!kernel_symbol("fprobe_handler"))
		skip("this kernel has no fprobe that uses ftrace_ops");
	shared = shared_memory(sizeof(*shared));
	observer_load();
	target = shadow_new("target");
	helper = shadow_new(NULL);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	for (size_t i = 0; i < ARRAY_SIZE(syscalls); i++)
		observe_text(kernel_symbol(syscalls[i]), was[i], PART);
	attach(target, inside.pid);
	expect_ret(shadowk_capture(helper, target, 0), 0, "capture");
	tool_start(&tool, helper);
	check_entry_and_exit();
	check_values();
	for (int i = 0; i < 4; i++)
		check_global(i & 1, i & 2);
	check_many();
	check_refusals();
	check_failure();
	check_kill();
	check_pin();
	check_target();
	actor_end(&tool);
	actor_end(&outside);
	expect_ret(shadowk_shadow_destroy(helper), 0, "destroy the helper");
	shadows_done();
	victims_done();
	return finish();
}
