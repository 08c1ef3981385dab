// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=240 */
/*
 * Of a thousand processes some fork, and some are moved between two cgroups, while
 * one of these is attached and detached: in the end who is in the attached one is
 * inside, and nobody else is.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "actor.h"
#include "cgroups.h"

#define PROCESSES (kernel_is_slow() ? 100 : 1000)
#define TURNS	  (kernel_is_slow() ? 4 : 8)
#define MOVES	  10

struct shared {
	volatile int over;
	volatile unsigned long forks;
	volatile int quiet; /* who forks no more */
};

static struct shared *shared;
static struct cgroup in, out;

/* Some fork all the time, more than that this machine cannot do. */
static bool is_parent(int i)
{
	return i % 128 < 2;
}

/* A member. */
static _Noreturn void live(int i)
{
	bool forks = is_parent(i);

	/* An emulator takes long to have one CPU wait for another. */
	pin(i / 2 % nr_cpus());
	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (forks && !shared->over) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid > 0)
			__atomic_add_fetch(&shared->forks, 1, __ATOMIC_RELAXED);
		usleep(300000);
	}
	if (forks)
		__atomic_add_fetch(&shared->quiet, 1, __ATOMIC_RELAXED);
	for (;;)
		pause();
}

/* Moves up to @most members; who has died meanwhile is gone. */
static int move_some(const struct cgroup *from, const struct cgroup *to, int most)
{
	char name[400], line[32];
	int moved = 0;
	FILE *list;

	snprintf(name, sizeof(name), "%s/cgroup.procs", from->path);
	list = fopen(name, "re");
	need(list);
	while (moved < most && fgets(line, sizeof(line), list)) {
		snprintf(name, sizeof(name), "%s/cgroup.procs", to->path);
		moved += write_file(name, line);
	}
	fclose(list);
	return moved;
}

/* How many are in @cgroup; with @wrong, and how many of those in another shadow than @id. */
static int look(const struct cgroup *cgroup, uint64_t id, int *wrong)
{
	char name[400], line[32];
	int all = 0;
	FILE *list;

	snprintf(name, sizeof(name), "%s/cgroup.procs", cgroup->path);
	list = fopen(name, "re");
	need(list);
	for (; fgets(line, sizeof(line), list); all++)
		if (wrong)
			*wrong += shadow_of(atoi(line)) != id;
	fclose(list);
	return all;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new("storm");
	pid_t pids[PROCESSES];
	int inside, outside, wrong = 0, parents = 0;

	shared = shared_memory(4096);
	count(shadow, GETPPID);
	cgroup_make(&in, NULL, "in");
	cgroup_make(&out, NULL, "out");
	for (int i = 0; i < PROCESSES; i++) {
		if (!i || i == PROCESSES / 2)
			cgroup_move(i ? &out : &in, 0);
		parents += is_parent(i);
		pids[i] = fork();
		need(pids[i] >= 0);
		if (!pids[i])
			live(i);
	}
	cgroup_move_to_root(getpid());
	for (int i = 0; i < TURNS; i++) {
		cgroup_attach(shadow, &in);
		move_some(&out, &in, MOVES);
		move_some(&in, &out, MOVES);
		if (i < TURNS - 1)
			cgroup_detach(&in);
	}
	shared->over = 1;
	expect(eventually(shared->quiet == parents), "the parents fork no more");
	/* Children that are just ending have no text any more. */
	expect(eventually(look(&in, 0, NULL) + look(&out, 0, NULL) == PROCESSES),
	       "all the parents");
	inside = look(&in, shadow_info(shadow).id, &wrong);
	expect_eq(wrong, 0, "of %d processes in the attached cgroup, outside", inside);
	outside = look(&out, 0, &wrong);
	expect_eq(wrong, 0, "of %d processes in the other one, inside", outside);
	expect_eq(shadow_info(shadow).nr_grafts, inside, "processes inside");
	printf("%lu forks, %d inside, %d outside\n", shared->forks, inside, outside);
	for (int i = 0; i < PROCESSES; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < PROCESSES; i++)
		waitpid(pids[i], NULL, 0);
	cgroup_remove(&in);
	cgroup_remove(&out);
	expect(eventually(!shadowk_shadow_destroy(shadow)), "destroy");
	return finish();
}
