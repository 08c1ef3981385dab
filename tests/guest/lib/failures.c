// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/mman.h>

#include "failures.h"
#include "lists.h"
#include "victims.h"

#define CALLS 3
#define TRIES 20000
/*
 * Paths with more allocations have a loop, for example one that allocates a thousand rethook nodes.
 * A walk tests only each STRIDE-th allocation behind this one.
 */
#define LONGEST 400
#define STRIDE	37

int fail_fd;

void fail_open(void)
{
	static pid_t owner;

	if (owner == getpid())
		return;
	owner = getpid();
	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	need(fail_fd >= 0);
}

void fail_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	need(pwrite(fail_fd, text, len, 0) == len);
}

unsigned int fail_left(int fd)
{
	char text[16] = "";

	need(pread(fd, text, sizeof(text) - 1, 0) > 0);
	return atoi(text);
}

static void injection_setup(void)
{
	if (access("/proc/self/fail-nth", F_OK))
		skip("this kernel cannot let allocations fail (that of make check-debug can)");
	/*
	 * Allocations that may wait for memory fail, too, and the kernel does not log each failure.
	 */
	need(write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N"));
	need(write_file("/sys/kernel/debug/failslab/verbose", "0"));
	need(write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N"));
	need(write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0"));
	need(write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0"));
	fail_open();
}

struct shadowk_shadow *shadow, *other, *fresh;
struct actor inside, mover, outside;
bool injected;

/* The state that an operation that fails must not change. */
struct state {
	struct shadowk_info module;
	struct shadowk_shadow_info shadow, other, fresh;
	uint64_t where[3];
	char probes[1024];
};

static void list_probes(struct shadowk_shadow *of, char *text, size_t room)
{
	struct shadowk_probe_info *probes;
	long nr = need_ok(list_read(shadowk_probe_list, of, &probes));
	size_t len = strlen(text);

	for (long i = 0; i < nr; i++)
		len += snprintf(text + len, room - len, "%s %u %u %u %" PRIx64 "; ", probes[i].name,
				probes[i].kind, probes[i].arm, probes[i].flags, probes[i].addr);
	free(probes);
	need(len < room);
}

static struct state look(void)
{
	struct state state = {};

	state.module = module_info();
	state.shadow = shadow_info(shadow);
	state.other = shadow_info(other);
	state.fresh = shadow_info(fresh);
	state.where[0] = shadow_of(inside.pid);
	state.where[1] = shadow_of(mover.pid);
	state.where[2] = shadow_of(outside.pid);
	list_probes(shadow, state.probes, sizeof(state.probes));
	list_probes(fresh, state.probes, sizeof(state.probes));
	return state;
}

static void expect_state(const struct state *expected, const char *when)
{
	struct state seen = look();

	expect_eq(seen.module.nr_shadows, expected->module.nr_shadows, "shadows, %s", when);
	expect_eq(seen.module.nr_grafts, expected->module.nr_grafts, "processes inside, %s", when);
	expect_eq(seen.module.memory, expected->module.memory, "bytes of the module, %s", when);
	expect_same_info(&seen.shadow, &expected->shadow, "the shadow", when);
	expect_same_info(&seen.other, &expected->other, "the other shadow", when);
	expect_same_info(&seen.fresh, &expected->fresh, "the fresh shadow", when);
	for (int i = 0; i < 2; i++)
		expect_eq(seen.where[i], expected->where[i], "shadow of process %d, %s", i, when);
	expect_eq(seen.where[2], expected->where[2], "shadow of the process outside, %s", when);
	expect(!strcmp(seen.probes, expected->probes), "probes, %s: %s, expected %s", when,
	       seen.probes, expected->probes);
}

static void expect_runs(struct actor *actor, uint64_t probed, const char *who, const char *when)
{
	uint64_t before = hits(shadow, GETPPID);

	actor_do(actor, job_getppid, CALLS);
	expect_eq(hits(shadow, GETPPID) - before, probed, "hits of the process %s, %s", who, when);
}

void walk(const struct operation *op)
{
	struct state before = look();
	unsigned int n, tried = 0, failed = 0;
	char when[128];

	for (n = 1; n < TRIES; n += n < LONGEST ? 1 : STRIDE) {
		long ret = op->run(n);
		bool last = !injected;

		tried += !last;
		snprintf(when, sizeof(when), "after failure %u of %s", n, op->name);
		if (ret < 0) {
			failed++;
			expect(injected && (ret == -ENOMEM || ret == -EAGAIN), "%s, %s: error %s",
			       when, injected ? "injected" : "not injected", strerrorname_np(-ret));
			expect_state(&before, when);
			expect_runs(&inside, CALLS, "inside", when);
			expect_runs(&outside, 0, "outside", when);
			ret = op->run(0);
			expect_ret(ret, 0, "%s again, without a failure", op->name);
		}
		op->undo();
		if (last)
			break;
	}
	expect(n < TRIES, "the walk of %s did not reach its last allocation", op->name);
	expect_state(&before, op->name);
	printf("%s: %u of %u failing allocations made it fail\n", op->name, failed, tried);
	fflush(stdout);
}

void renew_fresh(void)
{
	shadow_close(fresh);
	fresh = shadow_new("fresh");
}

void failures_setup(void)
{
	injection_setup();
	/* Thousands of operations wait for grace periods. */
	write_file("/sys/kernel/rcu_expedited", "1\n");
	shadow = shadow_new("shadow");
	other = shadow_new(NULL);
	fresh = shadow_new("fresh");
	count(shadow, GETPPID);
	count(other, GETUID);
	actor_start(&inside, -1);
	actor_start(&mover, -1);
	actor_start(&outside, -1);
	attach(shadow, inside.pid);
	attach(shadow, mover.pid);
	/* Two moves allocate all that the process needs in each shadow, and it stays allocated. */
	attach(other, mover.pid);
	attach(shadow, mover.pid);
	need(!mlockall(MCL_CURRENT | MCL_FUTURE));
}

void failures_done(void)
{
	actor_end(&inside);
	actor_end(&mover);
	actor_end(&outside);
	need_ok(shadowk_shadow_destroy(shadow));
	need_ok(shadowk_shadow_destroy(fresh));
}
