// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=90 */
/*
 * While an edit of one shadow comes or goes, its place has a breakpoint for a moment. A CPU that
 * executes another text and meets a breakpoint at the same address must do what its own text says.
 * That holds with interrupts off, too. The argument is the number of rounds.
 */
#include <signal.h>
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"
#include "places.h"
#include "tracefs.h"
#include "victims.h"

#define VALUE 4711
#define CALLS 500 /* with interrupts off, in one system call */

struct seen {
	_Atomic unsigned long calls, wrong;
};

static struct seen *seen;
static struct shadowk_shadow *edited, *other;
static int rounds = 20;

static void look(long is, long expected)
{
	seen->wrong += is != expected;
	seen->calls++;
}

static void call_getuid(void)
{
	look(syscall(SYS_getuid), 0);
}

static void call_getppid(void)
{
	static pid_t parent;

	if (!parent)
		parent = getppid();
	look(syscall(SYS_getppid), parent);
}

static void call_irq_off(void)
{
	look(victim_call(VICTIM_IRQ_OFF, CALLS), CALLS);
}

static long job_call(long n)
{
	return victim_call(VICTIM_SELF, n);
}

/* Starts a process that calls @call all the time, in @shadow, on the last CPU. */
static pid_t caller(struct shadowk_shadow *shadow, void (*call)(void))
{
	pid_t pid;

	seen->calls = seen->wrong = 0;
	pid = fork_tied();
	if (!pid) {
		pin(nr_cpus() - 1);
		for (;;)
			call();
	}
	attach(shadow, pid);
	return pid;
}

static void end_caller(pid_t pid, const char *what)
{
	wait_past(&seen->calls);
	kill(pid, SIGKILL);
	wait_for(pid);
	expect_eq(seen->wrong, 0, "%s: of %lu calls, those with the effect of the edit", what,
		  seen->calls);
}

static void patch(enum shadowk_patch_kind kind, uint32_t flags, const char *symbol,
		  const char *callee)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = kind,
		.flags = flags,
		.value = VALUE,
		.name = "p",
	};

	snprintf(spec.symbol, sizeof(spec.symbol), "%s", symbol);
	snprintf(spec.object, sizeof(spec.object), "%s", callee);
	need_ok(shadowk_patch_add(edited, &spec));
}

static const char *place_at(const char *symbol, uint64_t addr)
{
	static char place[64];

	snprintf(place, sizeof(place), "%s+%" PRIu64, symbol, addr - kernel_symbol(symbol));
	return place;
}

/* A body is replaced in place, while a kprobe is at its first instruction. */
static void body(void)
{
	pid_t pid = caller(other, call_getuid);
	uint64_t addr;

	probe_add(edited, "first", GETUID, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3);
	addr = probe_info(edited, "first").addr;
	probe_remove(edited, "first");
	kprobe_add("everybodys", place_at(GETUID, addr));
	for (int i = 0; i < rounds; i++) {
		patch(SHADOWK_PATCH_RETURN, SHADOWK_PATCH_IN_PLACE, GETUID, "");
		patch_remove(edited, "p");
	}
	end_caller(pid, "a body in place");
	expect_range(kprobe_hits("everybodys"), 1, INT64_MAX, "hits of the kprobe there");
	kprobe_remove("everybodys");
}

/* A skipped call gets a kprobe before the edit goes. */
static void call(void)
{
	pid_t pid = caller(other, call_getppid);
	const char *place = place_at(GETPPID, find_call(GETPPID, "__task_pid_nr_ns"));

	for (int i = 0; i < rounds; i++) {
		patch(SHADOWK_PATCH_SKIP_CALL, SHADOWK_PATCH_VALUE, GETPPID, "__task_pid_nr_ns");
		kprobe_add("everybodys", place);
		patch_remove(edited, "p");
		kprobe_remove("everybodys");
	}
	end_caller(pid, "a skipped call");
}

/* A probe by a jump becomes a breakpoint when a kprobe comes to its place. */
static void jump(struct shadowk_shadow *where, const char *what)
{
	struct place place = find_place(VICTIM_SYMBOL, SHADOWK_ARM_JUMP, job_call);
	pid_t pid = caller(where, call_irq_off);

	for (int i = 0; i < rounds; i++) {
		probe_add(edited, "jump", place.text, SHADOWK_PROBE_COUNT, 0);
		kprobe_add("everybodys", place.text);
		wait_past(&seen->calls);
		probe_remove(edited, "jump");
		kprobe_remove("everybodys");
	}
	end_caller(pid, what);
}

int main(int argc, char **argv)
{
	struct actor inside;

	if (argc > 1)
		rounds = atoi(argv[1]);
	seen = shared_memory(sizeof(*seen));
	kprobes_optimise(false);
	victim_load();
	observer_load();
	edited = shadow_new(NULL);
	other = shadow_new(NULL);
	actor_start(&inside, 0);
	attach(edited, inside.pid);
	/* The other shadow gets private pages at these places. */
	count(other, GETUID);
	count(other, GETPPID);
	count(other, VICTIM_SYMBOL);
	pin(0);

	if (has_frames())
		body();
	call();
	jump(other, "a jump probe, in another shadow");
	jump(edited, "a jump probe, in the shadow itself");

	actor_end(&inside);
	victims_done();
	return finish();
}
