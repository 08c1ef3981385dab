// SPDX-License-Identifier: GPL-2.0-only
/* test: debug timeout=240 */
/*
 * Whatever allocation fails, what was asked for is undone whole: it says
 * ENOMEM, everything is as it was, everybody runs what he ran, and asked again
 * it is done. fork and exec fail, or go on inside; never outside.
 *
 * The kernel lets the n-th allocation of a task fail; n grows until none did.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "actor.h"
#include "places.h"
#include "shadows.h"
#include "tiny.h"

#define CALLS 3
#define TINY  "/tmp/tiny"
#define TRIES 20000

/* ---- the n-th allocation of this task ---- */

static int fail_fd;

/* Every task its own: one that is inherited is the parent's. */
static void fail_open(void)
{
	static pid_t owner;

	if (owner == getpid())
		return;
	owner = getpid();
	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	need(fail_fd >= 0);
}

/* 0: none. */
static void fail_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	need(pwrite(fail_fd, text, len, 0) == len);
}

static unsigned int fail_left(int fd)
{
	char text[16] = "";

	need(pread(fd, text, sizeof(text) - 1, 0) > 0);
	return atoi(text);
}

static void fail_setup(void)
{
	if (access("/proc/self/fail-nth", F_OK))
		skip("this kernel lets no allocation fail (make check-debug has one that does)");
	/* Also those that could wait for memory; and no word about each. */
	need(write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N"));
	need(write_file("/sys/kernel/debug/failslab/verbose", "0"));
	need(write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N"));
	need(write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0"));
	need(write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0"));
	fail_open();
}

/* ---- everything that must be as it was ---- */

/* A shadow with a probe and two processes in it, and a process outside. */
static struct shadowk_shadow *shadow, *other, *fresh;
static struct actor inside, mover, outside;

struct state {
	struct shadowk_info module;
	struct shadowk_shadow_info shadow, other, fresh;
	uint64_t where[3];
	char probes[1024];
};

static void list_probes(struct shadowk_shadow *of, char *text, size_t room)
{
	struct shadowk_probe_info info = { .size = sizeof(info) };
	size_t len = strlen(text);

	while (need_ok(shadowk_probe_next(of, &info)))
		len += snprintf(text + len, room - len, "%s %u %u %u %" PRIx64 "; ", info.name,
				info.kind, info.arm, info.flags, info.addr);
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

static void expect_shadow(const struct shadowk_shadow_info *seen,
			  const struct shadowk_shadow_info *expected, const char *which,
			  const char *when)
{
	expect_eq(seen->nr_grafts, expected->nr_grafts, "processes in %s %s", which, when);
	expect_eq(seen->nr_probes, expected->nr_probes, "probes of %s %s", which, when);
	expect_eq(seen->private_pages, expected->private_pages, "pages of %s %s", which, when);
	expect_eq(seen->diverged_ranges, expected->diverged_ranges, "ranges of %s %s", which, when);
	expect_eq(seen->memory, expected->memory, "bytes of %s %s", which, when);
}

static void expect_state(const struct state *expected, const char *when)
{
	struct state seen = look();

	expect_eq(seen.module.nr_shadows, expected->module.nr_shadows, "shadows %s", when);
	expect_eq(seen.module.nr_grafts, expected->module.nr_grafts, "processes inside %s", when);
	expect_eq(seen.module.memory, expected->module.memory, "bytes of the module %s", when);
	expect_shadow(&seen.shadow, &expected->shadow, "the shadow", when);
	expect_shadow(&seen.other, &expected->other, "the other shadow", when);
	expect_shadow(&seen.fresh, &expected->fresh, "the fresh shadow", when);
	for (int i = 0; i < 2; i++)
		expect_eq(seen.where[i], expected->where[i], "shadow of process %d %s", i, when);
	expect_eq(seen.where[2], expected->where[2], "shadow of the process outside %s", when);
	expect(!strcmp(seen.probes, expected->probes), "probes %s: %s, expected %s", when,
	       seen.probes, expected->probes);
}

static void expect_runs(struct actor *actor, uint64_t probed, const char *who, const char *when)
{
	uint64_t before = hits(shadow, GETPPID);

	actor_do(actor, job_getppid, CALLS);
	expect_eq(hits(shadow, GETPPID) - before, probed, "hits of who is %s %s", who, when);
}

/* ---- calls ---- */

struct operation {
	const char *name;
	/* -errno; @n: which allocation fails, 0: none. Sets injected. */
	long (*run)(unsigned int n);
	void (*undo)(void);
};

static bool injected;

#define DISTURBED(n, call)                             \
	({                                             \
		long ret_;                             \
                                                       \
		fail_nth(n);                           \
		ret_ = (call);                         \
		injected = (n) && !fail_left(fail_fd); \
		fail_nth(0);                           \
		ret_;                                  \
	})

static struct shadowk_shadow *made;

static long run_create(unsigned int n)
{
	return DISTURBED(n, shadowk_shadow_create(device(), NULL, &made));
}

static long run_create_named(unsigned int n)
{
	return DISTURBED(n, shadowk_shadow_create(device(), "made", &made));
}

static long run_open(unsigned int n)
{
	return DISTURBED(n, shadowk_shadow_open(device(), "shadow", &made));
}

static void undo_made(void)
{
	shadowk_shadow_close(made);
}

static void undo_made_named(void)
{
	need_ok(shadowk_shadow_destroy(made));
	shadowk_shadow_close(made);
}

static long run_destroy(unsigned int n)
{
	return DISTURBED(n, shadowk_shadow_destroy(fresh));
}

static void renew_fresh(void)
{
	shadow_close(fresh);
	fresh = shadow_new("fresh");
}

static void probe_fresh(void)
{
	renew_fresh();
	count(fresh, GETPID);
}

static long run_attach_first(unsigned int n)
{
	return DISTURBED(n, shadowk_process_attach(fresh, outside.pid));
}

static void undo_attach_first(void)
{
	detach(outside.pid);
	need_ok(shadowk_shadow_destroy(fresh));
	renew_fresh();
}

static long run_attach(unsigned int n)
{
	return DISTURBED(n, shadowk_process_attach(shadow, outside.pid));
}

static void undo_attach(void)
{
	detach(outside.pid);
}

static long run_move(unsigned int n)
{
	return DISTURBED(n, shadowk_process_attach(other, mover.pid));
}

static void undo_move(void)
{
	attach(shadow, mover.pid);
}

static long run_detach(unsigned int n)
{
	return DISTURBED(n, shadowk_process_detach(device(), mover.pid));
}

/* What the next walk adds and removes, and where. */
static struct shadowk_shadow *probed;
static struct shadowk_probe_spec spec;

static long run_probe_add(unsigned int n)
{
	struct shadowk_probe_spec wish = spec;

	return DISTURBED(n, shadowk_probe_add(probed, &wish));
}

static void undo_probe_add(void)
{
	probe_remove(probed, "walked");
}

static void undo_probe_add_fresh(void)
{
	need_ok(shadowk_shadow_destroy(fresh));
	renew_fresh();
	probed = fresh;
}

static long run_probe_remove(unsigned int n)
{
	return DISTURBED(n, shadowk_probe_remove(probed, "walked"));
}

static void undo_probe_remove(void)
{
	need_ok(run_probe_add(0));
}

/* ---- processes that are made inside ---- */

/* Its hits are told by who waits for it. */
static _Noreturn void child(void)
{
	job_getppid(CALLS);
	_exit(0);
}

static int child_main(void *unused)
{
	child();
}

static pid_t by_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		child();
	return pid;
}

static pid_t by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		child();
	return pid;
}

static pid_t by_clone(void)
{
	static char stack[65536] __attribute__((aligned(64)));

	return clone(child_main, stack + sizeof(stack), CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
}

static pid_t by_clone_vm(void)
{
	static char stack[65536] __attribute__((aligned(64)));

	return clone(child_main, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
}

static pid_t (*const ways[])(void) = { by_fork, by_vfork, by_clone, by_clone_vm };

#define ANSWER(ret, hit) ((long)(ret)*2 + (hit))

/* In who is inside: the allocation to fail, and the way. */
static long job_child(long arg)
{
	unsigned int n = arg / ARRAY_SIZE(ways), left;
	pid_t pid;
	int error;

	fail_open();
	fail_nth(n);
	pid = ways[arg % ARRAY_SIZE(ways)]();
	error = errno;
	left = fail_left(fail_fd);
	fail_nth(0);
	if (pid < 0)
		return ANSWER(-error, n && !left);
	return ANSWER(wait_for(pid), n && !left);
}

/* exec fails (1), kills (256), or executes what makes a call (0). */
static long job_exec(long n)
{
	char *argv[] = { TINY, NULL };
	unsigned int left;
	siginfo_t info;
	char path[64];
	pid_t pid;
	int fd, status;

	pid = fork();
	need(pid >= 0);
	if (!pid) {
		fail_open();
		fail_nth(n);
		execv(TINY, argv);
		fail_nth(0);
		/* Still inside, with the old program. */
		job_getppid(1);
		_exit(1);
	}
	need(!waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0);
	left = fail_left(fd);
	close(fd);
	status = wait_for(pid);
	/* Its own fail_nth(0) has hidden what was left. */
	return ANSWER(status < 0 ? 256 : status, status == 1 || (n && !left));
}

static long run_child(unsigned int way, unsigned int n)
{
	uint64_t before = hits(shadow, GETPPID);
	long answer = actor_do(&inside, job_child, (long)n * ARRAY_SIZE(ways) + way);
	long ret = answer >> 1;

	injected = answer & 1;
	expect(ret <= 0, "the child's exit status is %ld with failure %u", ret, n);
	expect_eq(hits(shadow, GETPPID) - before, ret < 0 ? 0 : CALLS,
		  "hits of the child with failure %u, of %s", n,
		  ret < 0 ? "no child" : "one that was made");
	return ret;
}

static long run_fork(unsigned int n)
{
	return run_child(0, n);
}

static long run_vfork(unsigned int n)
{
	return run_child(1, n);
}

static long run_clone(unsigned int n)
{
	return run_child(2, n);
}

static long run_clone_vm(unsigned int n)
{
	return run_child(3, n);
}

static long run_exec(unsigned int n)
{
	uint64_t before = hits(shadow, GETPPID);
	long answer = actor_do(&inside, job_exec, n);
	long ret = answer >> 1;

	injected = answer & 1;
	/* Past its point of no return exec kills. */
	expect_eq(hits(shadow, GETPPID) - before, ret == 256 ? 0 : 1,
		  "hits of who executed, with failure %u", n);
	/* Its error is E2BIG or others, too: that is the kernel's own. */
	return ret ? -ENOMEM : 0;
}

static void undo_nothing(void)
{
}

/* ---- the walk ---- */

static void walk(const struct operation *op)
{
	struct state before = look();
	unsigned int n, failed = 0;
	char when[128];

	for (n = 1; n < TRIES; n++) {
		long ret = op->run(n);

		snprintf(when, sizeof(when), "after failure %u of %s", n, op->name);
		if (ret < 0) {
			failed++;
			expect(injected && (ret == -ENOMEM || ret == -EAGAIN), "%s, %s: %s", when,
			       injected ? "injected" : "not injected", strerrorname_np(-ret));
			expect_state(&before, when);
			expect_runs(&inside, CALLS, "inside", when);
			expect_runs(&outside, 0, "outside", when);
			ret = op->run(0);
			expect_ret(ret, 0, "the next %s", op->name);
			injected = true;
		}
		op->undo();
		if (!injected)
			break;
	}
	expect(n < TRIES, "the walk of %s ends", op->name);
	expect_state(&before, op->name);
	printf("%s: %u allocations, of which %u make it fail\n", op->name, n - 1, failed);
	fflush(stdout);
}

static void walk_probe(const char *name, const char *place, enum shadowk_probe_kind kind,
		       uint32_t flags)
{
	struct operation add = { name, run_probe_add, undo_probe_add };
	char removal[128];
	struct operation remove = { removal, run_probe_remove, undo_probe_remove };

	snprintf(removal, sizeof(removal), "removing: %s", name);
	spec = (struct shadowk_probe_spec){ .size = sizeof(spec), .kind = kind, .flags = flags };
	need_ok(shadowk_probe_parse(place, &spec));
	strcpy(spec.name, "walked");
	probed = shadow;
	walk(&add);
	need_ok(run_probe_add(0));
	walk(&remove);
	probe_remove(shadow, "walked");
}

static void walk_probes(void)
{
	static const struct operation first = { "a probe of an empty shadow", run_probe_add,
						undo_probe_add_fresh };
	struct place jump = find_place("vfs_read", SHADOWK_ARM_JUMP, job_getuid);
	struct place int3 = find_place(GETUID, SHADOWK_ARM_INT3, job_getuid);

	walk_probe("count, call", "vfs_read", SHADOWK_PROBE_COUNT, 0);
	walk_probe("event, call", "vfs_read", SHADOWK_PROBE_EVENT, 0);
	walk_probe("latency, call", "vfs_read", SHADOWK_PROBE_LATENCY, 0);
	walk_probe("count, return", "vfs_read", SHADOWK_PROBE_COUNT, SHADOWK_PROBE_RETURN);
	walk_probe("latency, int3", "vfs_read", SHADOWK_PROBE_LATENCY, SHADOWK_PROBE_FORCE_INT3);
	walk_probe("count, jump", jump.text, SHADOWK_PROBE_COUNT, jump.flags);
	walk_probe("event, jump", jump.text, SHADOWK_PROBE_EVENT, jump.flags);
	walk_probe("count, int3", int3.text, SHADOWK_PROBE_COUNT, int3.flags);
	walk_probe("event, int3", int3.text, SHADOWK_PROBE_EVENT, int3.flags);
	probed = fresh;
	walk(&first);
}

int main(void)
{
	static const struct operation operations[] = {
		{ "create", run_create, undo_made },
		{ "create with a name", run_create_named, undo_made_named },
		{ "open", run_open, undo_made },
		{ "the first attach", run_attach_first, undo_attach_first },
		{ "attach", run_attach, undo_attach },
		{ "move", run_move, undo_move },
		{ "detach", run_detach, undo_move },
		{ "fork", run_fork, undo_nothing },
		{ "vfork", run_vfork, undo_nothing },
		{ "clone", run_clone, undo_nothing },
		{ "clone(CLONE_VM)", run_clone_vm, undo_nothing },
		{ "exec", run_exec, undo_nothing },
	};
	static const struct operation destroy = { "destroy", run_destroy, probe_fresh };

	fail_setup();
	tiny_write(TINY);
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
	/* What it needs in each shadow is there, and stays. */
	attach(other, mover.pid);
	attach(shadow, mover.pid);
	need(!mlockall(MCL_CURRENT | MCL_FUTURE));

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		walk(&operations[i]);
	walk_probes();
	probe_fresh();
	walk(&destroy);

	actor_end(&inside);
	actor_end(&mover);
	actor_end(&outside);
	need_ok(shadowk_shadow_destroy(shadow));
	need_ok(shadowk_shadow_destroy(fresh));
	return finish();
}
