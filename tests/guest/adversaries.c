// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=400 */
/*
 * Every request about a process that does not respond ends within a bound, or its caller can be
 * killed. Requests about other processes are served meanwhile. A process that responds again can be
 * attached like any other.
 *
 * The table adversaries[] lists ways in which a process does not respond. Each is tried with the
 * process outside and inside a shadow.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lists.h"
#include "actor.h"
#include "cgroups.h"
#include "patches.h"
#include "stuck.h"
#include "tiny.h"

#define TINY	"/tmp/tiny"
#define FREEZER "/tmp/freezer"
#define MEMORY	"/tmp/memory"

#define BOUND \
	6000 /* limit in ms; the module waits for three seconds, and the machine may be slow */
#define KILLED 2000 /* limit in ms for the end of a caller that was killed */
#define OTHERS 5000

static struct cgroup group, bound;
/*
 * @first is the shadow of the process, @second the one to which requests move it. @theirs is the
 * bystander's, and @last is attached to the cgroup @bound.
 */
static struct shadowk_shadow *first, *second, *theirs, *last;

static struct {
	atomic_ulong rounds, longest;
	atomic_int pid; /* of a process or child that cannot answer */
} * shared;

/* ---- ways to keep a process from responding ---- */

static void write_group(const char *file, const char *text)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", group.path, file);
	need(write_file(path, text));
}

static bool is_frozen(void)
{
	char path[400], text[64];

	snprintf(path, sizeof(path), "%s/cgroup.events", group.path);
	return read_file(path, text, sizeof(text)) && strstr(text, "frozen 1");
}

static bool freeze(struct actor *actor)
{
	write_group("cgroup.freeze", "1");
	need(eventually(is_frozen()));
	return true;
}

static void thaw(struct actor *actor)
{
	cgroup_move(&group, actor->pid);
	write_group("cgroup.freeze", "0");
}

static bool freeze_v1(struct actor *actor)
{
	char text[32] = "", pid[16];

	mkdir(FREEZER, 0700);
	if (mount("freezer", FREEZER, "cgroup", 0, "freezer"))
		return false;
	need(!mkdir(FREEZER "/group", 0700));
	snprintf(pid, sizeof(pid), "%d", actor->pid);
	need(write_file(FREEZER "/group/cgroup.procs", pid));
	need(write_file(FREEZER "/group/freezer.state", "FROZEN"));
	need(eventually(read_file(FREEZER "/group/freezer.state", text, sizeof(text)) &&
			!strncmp(text, "FROZEN", 6)));
	return true;
}

static void thaw_v1(struct actor *actor)
{
	char pid[16];

	need(write_file(FREEZER "/group/freezer.state", "THAWED"));
	snprintf(pid, sizeof(pid), "%d", actor->pid);
	need(write_file(FREEZER "/cgroup.procs", pid));
	need(eventually(!rmdir(FREEZER "/group")));
	need(!umount(FREEZER));
}

static bool stop(struct actor *actor)
{
	need(!kill(actor->pid, SIGSTOP));
	need(eventually(has_state(actor->pid, "T")));
	return true;
}

static void cont(struct actor *actor)
{
	need(!kill(actor->pid, SIGCONT));
}

static void seize(pid_t pid, long options)
{
	need(!ptrace(PTRACE_SEIZE, pid, 0, options));
}

static void wait_for_stop(pid_t pid, int event)
{
	int status;

	need(waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
	     (!event || status >> 16 == event));
}

static void untrace(struct actor *actor)
{
	need(!ptrace(PTRACE_DETACH, actor->pid, 0, 0));
}

static bool trace(struct actor *actor)
{
	seize(actor->pid, 0);
	need(!ptrace(PTRACE_INTERRUPT, actor->pid, 0, 0));
	wait_for_stop(actor->pid, 0);
	return true;
}

static long job_fork(long unused)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return wait_for(pid);
}

static bool trace_fork(struct actor *actor)
{
	seize(actor->pid, PTRACE_O_TRACEFORK);
	actor_ask(actor, job_fork, 0);
	wait_for_stop(actor->pid, PTRACE_EVENT_FORK);
	return true;
}

static void untrace_fork(struct actor *actor)
{
	unsigned long child;

	need(!ptrace(PTRACE_GETEVENTMSG, actor->pid, 0, &child));
	wait_for_stop((pid_t)child, 0);
	need(!ptrace(PTRACE_DETACH, (pid_t)child, 0, 0));
	untrace(actor);
	need_ok(actor_answer(actor));
}

static long job_exec(long unused)
{
	char *argv[] = { TINY, NULL };

	execv(TINY, argv);
	return -errno;
}

static bool trace_exec(struct actor *actor)
{
	seize(actor->pid, PTRACE_O_TRACEEXEC);
	actor_ask(actor, job_exec, 0);
	wait_for_stop(actor->pid, PTRACE_EVENT_EXEC);
	return true;
}

static long job_exit(long unused)
{
	_exit(0);
}

static bool trace_exit(struct actor *actor)
{
	seize(actor->pid, PTRACE_O_TRACEEXIT);
	actor_ask(actor, job_exit, 0);
	wait_for_stop(actor->pid, PTRACE_EVENT_EXIT);
	return true;
}

static void *pause_always(void *unused)
{
	for (;;)
		pause();
	return NULL;
}

static bool hold_exec(struct actor *actor)
{
	exec_hold(actor, TINY);
	return true;
}

static void let_exec(struct actor *actor)
{
	exec_release();
}

static bool freeze_files(struct actor *actor)
{
	need_ok(actor_do(actor, job_map_frozen, 0));
	if (!root_freeze(200))
		return false;
	actor_ask(actor, job_write_frozen, true);
	need(eventually(some_thread_has_state(actor->pid, "D")));
	return true;
}

static void thaw_files(struct actor *actor)
{
	root_thaw();
	need_ok(actor_answer(actor));
}

static long job_fault(long unused)
{
	int fd;
	char *page = map_unserved(&fd);

	if (!page)
		return -errno;
	shared->pid = getpid();
	return write_in_thread(page, true);
}

static bool fault(struct actor *actor)
{
	shared->pid = 0;
	actor_ask(actor, job_fault, 0);
	need(eventually(shared->pid));
	usleep(100000);
	return true;
}

static long job_exec_fault(long unused)
{
	int fd;
	char *argv[] = { TINY, map_unserved(&fd), NULL };

	if (!argv[1])
		return -errno;
	shared->pid = getpid();
	execv(TINY, argv);
	return -errno;
}

/* Exec has made its new mm, and copies an argument from a page whose fault no task serves. */
static bool fault_in_exec(struct actor *actor)
{
	shared->pid = 0;
	actor_ask(actor, job_exec_fault, 0);
	need(eventually(shared->pid));
	usleep(100000);
	return true;
}

static long job_fill(long unused)
{
	const size_t len = 16 << 20;
	char *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	for (size_t at = 0; at < len; at += 4096)
		memory[at] = 1;
	munmap(memory, len);
	return 0;
}

/* The process sleeps again and again, since it is above the limit memory.high. */
static bool throttle(struct actor *actor)
{
	if (!write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory"))
		return false;
	write_group("memory.high", "65536");
	actor_ask(actor, job_fill, 0);
	usleep(300000);
	return true;
}

static void unthrottle(struct actor *actor)
{
	write_group("memory.high", "max");
	need_ok(actor_answer(actor));
}

static bool has_run_out(void)
{
	char path[400], text[400];

	snprintf(path, sizeof(path), "%s/memory.events", group.path);
	return read_file(path, text, sizeof(text)) && !strstr(text, "\noom 0\n");
}

/*
 * The process has no memory left, and the OOM killer must not kill it. So its fault is tried for
 * ever.
 */
static bool run_out(struct actor *actor)
{
	char path[64];

	if (!write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory"))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", actor->pid);
	need(write_file(path, "-1000"));
	write_group("memory.max", "4194304");
	actor_ask(actor, job_fill, 0);
	need(eventually(has_run_out()));
	return true;
}

static void give_memory(struct actor *actor)
{
	write_group("memory.max", "max");
	need_ok(actor_answer(actor));
}

static long job_leave_thread(long unused)
{
	pthread_t thread;

	need(!pthread_create(&thread, NULL, pause_always, NULL));
	syscall(SYS_exit, 0);
	return 0;
}

static bool lose_leader(struct actor *actor)
{
	actor_ask(actor, job_leave_thread, 0);
	need(eventually(has_state(actor->pid, "Z")));
	return true;
}

static long job_vfork(long unused)
{
	pid_t pid = vfork();

	if (!pid) {
		shared->pid = getpid();
		for (;;)
			pause();
	}
	waitpid(pid, NULL, 0);
	return 0;
}

static bool hold_vfork(struct actor *actor)
{
	shared->pid = 0;
	actor_ask(actor, job_vfork, 0);
	need(eventually(shared->pid));
	return true;
}

static void let_vfork(struct actor *actor)
{
	need(!kill(shared->pid, SIGKILL));
	need_ok(actor_answer(actor));
}

static const struct adversary {
	const char *name;
	bool (*hold)(struct actor *actor); /* false: not possible here */
	void (*let_go)(struct actor *actor);
	enum { GOES_ON, EXITS, IS_KILLED } then; /* IS_KILLED if there is no let_go() */
} adversaries[] = {
	{ "frozen", freeze, thaw, GOES_ON },
	{ "frozen by cgroup v1", freeze_v1, thaw_v1, GOES_ON },
	{ "stopped", stop, cont, GOES_ON },
	{ "traced", trace, untrace, GOES_ON },
	{ "traced at fork", trace_fork, untrace_fork, GOES_ON },
	{ "traced at exec", trace_exec, untrace, EXITS },
	{ "traced at exit", trace_exit, untrace, EXITS },
	{ "in exec", hold_exec, let_exec, EXITS },
	{ "in a fault on a frozen file system", freeze_files, thaw_files, GOES_ON },
	{ "in a fault that is not served", fault, NULL, IS_KILLED },
	{ "in exec, in a fault that is not served", fault_in_exec, NULL, IS_KILLED },
	{ "throttled for memory", throttle, unthrottle, GOES_ON },
	{ "out of memory", run_out, give_memory, GOES_ON },
	{ "without its leader", lose_leader, NULL, IS_KILLED },
	{ "in vfork", hold_vfork, let_vfork, GOES_ON },
};

/* ---- requests ---- */

static int do_list(pid_t pid)
{
	struct shadowk_process *processes;
	long ret = list_read(shadowk_process_list, first, &processes);

	free(processes);
	shadow_of(pid);
	return ret < 0 ? (int)ret : 0;
}

static int do_attach(pid_t pid)
{
	return shadowk_process_attach(first, pid);
}

static int do_move(pid_t pid)
{
	return shadowk_process_attach(second, pid);
}

static int do_detach(pid_t pid)
{
	return shadowk_process_detach(device(), pid);
}

static int do_edit(pid_t pid)
{
	struct shadowk_probe_spec spec = {
		.size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT, .name = GETPID, .symbol = GETPID
	};

	return shadowk_probe_add(first, &spec) ?: shadowk_probe_remove(first, GETPID);
}

static int do_replace(pid_t pid)
{
	return patch_in_place(first, "replaced", "shk_inplace")
		       ?: shadowk_patch_remove(first, "replaced");
}

static int do_cgroup_attach(pid_t pid)
{
	return shadowk_cgroup_attach(second, group.path);
}

static int do_cgroup_detach(pid_t pid)
{
	return shadowk_cgroup_detach(device(), group.path);
}

static int move_to(const struct cgroup *to, pid_t pid)
{
	char path[400], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", to->path);
	snprintf(text, sizeof(text), "%d", pid);
	return write_file(path, text) ? 0 : -errno;
}

static int do_cgroup_move(pid_t pid)
{
	return move_to(&bound, pid);
}

static int do_cgroup_move_back(pid_t pid)
{
	return move_to(&group, pid);
}

static int do_rmmod(pid_t pid)
{
	return module_unload("shadowk");
}

static int do_destroy(pid_t pid)
{
	return shadowk_shadow_destroy(first);
}

static const struct request {
	const char *name;
	int (*make)(pid_t pid);
	bool works; /* must succeed, whatever the process does */
} requests[] = {
	{ "list", do_list, true },
	{ "edit", do_edit, true },
	{ "replace", do_replace, false },
	{ "rmmod", do_rmmod, false },
	{ "attach", do_attach, false },
	{ "move", do_move, false },
	{ "cgroup-attach", do_cgroup_attach, false },
	{ "cgroup-detach", do_cgroup_detach, false },
	{ "cgroup-move", do_cgroup_move, false },
	{ "cgroup-move-back", do_cgroup_move_back, false },
	{ "attach-again", do_attach, false },
	{ "detach", do_detach, false },
	{ "attach-at-last", do_attach, false },
	{ "destroy", do_destroy, false },
};

static _Noreturn void be_a_bystander(void)
{
	for (;;) {
		struct shadowk_process process;
		struct shadowk_info info = { .size = sizeof(info) };
		unsigned long begun = milliseconds(), took;

		need_ok(shadowk_info(device(), &info));
		need_ok(shadowk_process_attach(theirs, 0));
		need_ok(list_first(shadowk_process_list, theirs, &process));
		need_ok(shadowk_process_detach(device(), 0));
		took = milliseconds() - begun;
		if (took > shared->longest)
			shared->longest = took;
		shared->rounds++;
		usleep(20000);
	}
}

/* The bystander must complete two rounds. */
static void expect_rounds(const char *who, const char *what)
{
	unsigned long was = shared->rounds, until = milliseconds() + OTHERS;

	while (shared->rounds < was + 2 && milliseconds() < until)
		usleep(2000);
	expect(shared->rounds >= was + 2,
	       "the bystander made no progress; process: %s; request: %s", who, what);
}

static void ask(const struct adversary *adversary, const struct request *request, pid_t pid,
		const char *where)
{
	pid_t asker = fork_tied();
	bool killed = false;
	int status = 0;

	if (!asker) {
		int ret = request->make(pid);

		if (ret && request->works)
			fprintf(stderr, "%s\n", strerror(-ret));
		_exit(ret && request->works);
	}
	if (!ends_within(asker, BOUND, &status)) {
		killed = true;
		kill(asker, SIGKILL);
		expect(ends_within(asker, KILLED, NULL),
		       "the caller cannot be killed; process: %s, %s; request: %s", adversary->name,
		       where, request->name);
	}
	if (request->works)
		expect(!killed && !status,
		       "the request failed or did not end; process: %s, %s; request: %s",
		       adversary->name, where, request->name);
	if (killed)
		printf("%s, %s, %s: the caller waited and was killed\n", adversary->name, where,
		       request->name);
	expect_rounds(adversary->name, request->name);
}

static void expect_attachable(struct actor *actor)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);

	cgroup_move(&group, actor->pid);
	count(shadow, GETPPID);
	attach(shadow, actor->pid);
	actor_do(actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID), 10, "hits after the process responds again");
	detach(actor->pid);
	actor_do(actor, job_getppid, 10);
	expect_eq(hits(shadow, GETPPID), 10, "hits after it was detached");
	shadow_close(shadow);
}

static void let_go(const struct adversary *adversary, struct actor *actor)
{
	if (adversary->then == IS_KILLED) {
		need(!kill(actor->pid, SIGKILL));
		expect(ends_within(actor->pid, BOUND, NULL),
		       "SIGKILL does not end a process that is %s", adversary->name);
		return;
	}
	adversary->let_go(actor);
	if (adversary->then == EXITS) {
		expect(ends_within(actor->pid, BOUND, NULL), "a process that was %s does not exit",
		       adversary->name);
		return;
	}
	expect_attachable(actor);
	actor_end(actor);
}

static void meet(const struct adversary *adversary, bool inside)
{
	struct actor actor;

	first = shadow_new(NULL);
	second = shadow_new(NULL);
	count(first, GETPPID);
	count(second, GETPPID);
	actor_start(&actor, -1);
	cgroup_move(&group, actor.pid);
	if (inside)
		attach(first, actor.pid);
	if (!adversary->hold(&actor)) {
		printf("not possible here: a process that is %s\n", adversary->name);
		actor_end(&actor);
	} else {
		for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++)
			ask(adversary, &requests[i], actor.pid, inside ? "inside" : "outside");
		let_go(adversary, &actor);
	}
	/* An attach that was killed may have remained. */
	shadowk_cgroup_detach(device(), group.path);
	shadow_close(first);
	shadow_close(second);
}

int main(void)
{
	pid_t bystander;

	shared = shared_memory(sizeof(*shared));
	stuck_init();
	tiny_write(TINY);
	if (has_frames())
		inplace_load();
	theirs = shadow_new(NULL);
	last = shadow_new(NULL);
	count(theirs, GETPPID);
	count(last, GETPPID);
	cgroup_make(&group, NULL, "group");
	cgroup_make(&bound, NULL, "bound");
	cgroup_attach(last, &bound);
	bystander = fork_tied();
	if (!bystander)
		be_a_bystander();
	for (unsigned int i = 0; i < ARRAY_SIZE(adversaries); i++) {
		meet(&adversaries[i], false);
		meet(&adversaries[i], true);
	}
	kill(bystander, SIGKILL);
	expect_eq(wait_for(bystander), -SIGKILL, "exit status of the bystander");
	expect_range(shared->longest, 0, OTHERS, "longest round of the bystander in ms");
	printf("rounds of the bystander took %lu ms at most; %lu rounds\n", shared->longest,
	       shared->rounds);
	cgroup_detach(&bound);
	cgroup_remove(&group);
	cgroup_remove(&bound);
	unlink(TINY);
	unlink(FROZEN_FILE);
	shadows_done();
	if (has_frames())
		expect(eventually(!module_unload("shk_inplace")), "shk_inplace cannot be unloaded");
	return finish();
}
