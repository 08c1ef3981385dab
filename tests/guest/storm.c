// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=400 */
/*
 * Processes on all CPUs create, open and destroy the same few shadows, edit them, attach and detach
 * each other, enter and leave. Meanwhile they fork, execute and exit, and are killed at any time.
 * Every call succeeds or returns an error that has a reason, and nothing remains.
 *
 * "storm SECONDS SEED" runs longer, or repeats a run.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lists.h"
#include "actor.h"
#include "shadows.h"
#include "tiny.h"

#define SECONDS	   20
#define NR_SHADOWS 3
#define NR_WORKERS 6
#define NR_STORMS  6
#define TINY	   "/tmp/storm-tiny"

enum { CREATE, OPEN, DESTROY, ATTACH, DETACH, ENTER, LEAVE, ADD, REMOVE, PIN, UNPIN, WALK, NR_OPS };

static const struct {
	const char *name;
	int errors[6]; /* errors that calls of other processes can cause */
} ops[NR_OPS] = {
	[CREATE] = { "create", { EEXIST } },
	[OPEN] = { "open", { ENOENT } },
	[DESTROY] = { "destroy", { EBUSY, ESTALE } },
	[ATTACH] = { "attach", { ESRCH, ESTALE } },
	[DETACH] = { "detach", { ESRCH, ENOENT } },
	[ENTER] = { "enter", { ESTALE, ENOSPC } },
	[LEAVE] = { "leave", { ENOENT } },
	[ADD] = { "probe", { ESTALE, EEXIST, EBUSY } },
	[REMOVE] = { "remove a probe", { ENOENT } },
	[PIN] = { "privatise", { ESTALE } },
	[UNPIN] = { "give pages back", { ENOENT } },
	[WALK] = { "walk", { 0 } },
};

static const char *const symbols[] = {
	GETPPID, "vfs_read", "kernel_clone", "do_exit", "__fput", "schedule", "handle_mm_fault",
};

/* Shared by all processes. */
static struct shared {
	_Atomic unsigned long done[NR_OPS], refused[NR_OPS], wrong;
	_Atomic unsigned long forks, execs, kills;
	_Atomic pid_t workers[NR_WORKERS];
	_Atomic bool over;
} * shared;

static uint64_t seed = 1;

static unsigned int dice(unsigned int sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 16) % sides;
}

static bool note(int op, long ret)
{
	if (ret >= 0) {
		shared->done[op]++;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ops[op].errors); i++) {
		if (ops[op].errors[i] == -ret) {
			shared->refused[op]++;
			return false;
		}
	}
	printf("%s: %s\n", ops[op].name, strerrorname_np(-ret));
	shared->wrong++;
	return false;
}

static void edit(struct shadowk_shadow *shadow)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = 1 + dice(3) };
	struct shadowk_raw_spec raw = { .size = sizeof(raw), .flags = SHADOWK_RAW_IDENTITY };
	char name[16];

	sprintf(name, "p%u", dice(8));
	switch (dice(5)) {
	case 0:
		note(REMOVE, shadowk_probe_remove(shadow, name));
		break;
	case 1:
		strcpy(raw.symbol, symbols[dice(ARRAY_SIZE(symbols))]);
		note(PIN, shadowk_raw_add(shadow, &raw));
		break;
	case 2:
		note(UNPIN, shadowk_raw_remove(shadow, 1 + dice(5)));
		break;
	default:
		strcpy(spec.symbol, symbols[dice(ARRAY_SIZE(symbols))]);
		strcpy(spec.name, name);
		spec.flags = dice(2) ? SHADOWK_PROBE_FORCE_INT3 : 0;
		note(ADD, shadowk_probe_add(shadow, &spec));
	}
}

static void walk(struct shadowk_shadow *shadow)
{
	struct shadowk_process *processes;
	struct shadowk_probe_info *probes;
	long ret = list_read(shadowk_probe_list, shadow, &probes);

	free(probes);
	note(WALK, ret < 0 ? ret : 0);
	ret = list_read(shadowk_process_list, shadow, &processes);
	free(processes);
	note(WALK, ret < 0 ? ret : 0);
}

static void one_shadow(struct shadowk *dev, const char *name)
{
	struct shadowk_shadow *shadow;

	if (dice(2) ? !note(CREATE, shadowk_shadow_create_flags(dev, name,
								dice(2) ? SHADOWK_ASYNC_INHERIT : 0,
								&shadow))
		    : !note(OPEN, shadowk_shadow_open(dev, name, &shadow)))
		return;
	for (unsigned int n = dice(12); n; n--) {
		pid_t pid = dice(8) ? shared->workers[dice(NR_WORKERS)] : 0;

		switch (dice(6)) {
		case 0:
			note(ATTACH, shadowk_process_attach(shadow, pid));
			break;
		case 1:
			note(DETACH, shadowk_process_detach(dev, pid));
			break;
		case 2:
			edit(shadow);
			break;
		case 3:
			note(ENTER, shadowk_enter(shadow));
			break;
		case 4:
			note(LEAVE, shadowk_leave(shadow));
			break;
		default:
			walk(shadow);
		}
	}
	if (!dice(3))
		note(DESTROY, shadowk_shadow_destroy(shadow));
	shadowk_shadow_close(shadow);
}

static void storm(void)
{
	char name[16];

	while (!shared->over) {
		sprintf(name, "storm-%u", dice(NR_SHADOWS));
		one_shadow(device(), name);
		sched_yield();
	}
}

static void *idle_thread(void *unused)
{
	job_getppid(20);
	return NULL;
}

static void work(void)
{
	pthread_t thread;

	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			job_getppid(10);
			if (dice(2))
				execl(TINY, TINY, NULL);
			_exit(0);
		}
		shared->forks++;
		if (!pthread_create(&thread, NULL, idle_thread, NULL))
			pthread_join(thread, NULL);
		dice(2);
		job_getppid(100);
		while (waitpid(-1, NULL, 0) > 0)
			shared->execs++;
	}
}

static pid_t start(void (*job)(void), unsigned int n)
{
	pid_t pid = fork_tied();

	if (!pid) {
		seed += 1000003 * (n + 1);
		pin((int)(n % nr_cpus()));
		job();
		exit(0);
	}
	return pid;
}

/*
 * The storm ends after @seconds if every operation has succeeded once, and after twelve times as
 * long otherwise, since the machine may be busy.
 */
static bool is_over(time_t begun, int seconds)
{
	time_t now = time(NULL) - begun;
	bool all = true;

	for (int op = 0; op < NR_OPS; op++)
		all &= shared->done[op] > 0;
	return now >= (all ? seconds : 12 * seconds);
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : SECONDS;
	time_t begun = time(NULL);
	pid_t storms[NR_STORMS], workers[NR_WORKERS];
	struct shadowk_shadow *shadow;
	char name[16];

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	printf("seed %" PRIu64 "\n", seed);
	tiny_write(TINY);
	shared = shared_memory(sizeof(*shared));
	for (unsigned int n = 0; n < NR_WORKERS; n++)
		shared->workers[n] = workers[n] = start(work, n);
	for (unsigned int n = 0; n < NR_STORMS; n++)
		storms[n] = start(storm, NR_WORKERS + n);

	/* Kills one worker after the other, at any moment, and replaces it. */
	for (unsigned int n = 0; !is_over(begun, seconds); n++) {
		usleep(50000);
		kill(workers[n % NR_WORKERS], SIGKILL);
		expect_eq(wait_for(workers[n % NR_WORKERS]), -SIGKILL, "exit status of a worker");
		workers[n % NR_WORKERS] = start(work, n);
		shared->workers[n % NR_WORKERS] = workers[n % NR_WORKERS];
		shared->kills++;
	}
	shared->over = true;
	for (unsigned int n = 0; n < NR_STORMS; n++)
		expect_eq(wait_for(storms[n]), 0, "exit status of a storm");
	for (unsigned int n = 0; n < NR_WORKERS; n++) {
		kill(workers[n], SIGKILL);
		wait_for(workers[n]);
	}

	for (int op = 0; op < NR_OPS; op++) {
		printf("%s: %lu done, %lu refused\n", ops[op].name, shared->done[op],
		       shared->refused[op]);
		expect(shared->done[op] > 0, "no call managed to %s", ops[op].name);
	}
	printf("%lu forks, %lu ends, %lu kills\n", shared->forks, shared->execs, shared->kills);
	expect(shared->forks && shared->kills, "no process forked or was killed");
	expect_eq(shared->wrong, 0, "errors without a reason");
	for (unsigned int n = 0; n < NR_SHADOWS; n++) {
		sprintf(name, "storm-%u", n);
		if (shadowk_shadow_open(device(), name, &shadow))
			continue;
		/* Children of killed workers may take a moment to exit. */
		expect(eventually(shadowk_shadow_destroy(shadow) != -EBUSY),
		       "a process remains inside %s", name);
		shadowk_shadow_close(shadow);
	}
	unlink(TINY);
	return finish();
}
