// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=240 */
/*
 * Some of a thousand processes fork, and some are moved between two cgroups, while one of the
 * cgroups is attached and detached. In the end exactly the processes in the attached cgroup are
 * inside.
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
	volatile int quiet; /* parents that have stopped forking */
};

static struct shared *shared;
static struct cgroup in, out;

/* Some processes fork all the time. The machine cannot do more than that. */
static bool is_parent(int i)
{
	return i % 128 < 2;
}

/* A process of the storm. */
static _Noreturn void live(int i)
{
	bool forks = is_parent(i);

	/* In an emulator it takes long until one CPU has waited for another. */
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

/* Moves up to @most processes, without those that have exited meanwhile. Returns their number. */
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

/*
 * Returns the number of processes in @cgroup. Adds to *@wrong, unless NULL, the number of those
 * that are not in shadow @id.
 */
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
	expect(eventually(shared->quiet == parents), "the parents did not stop forking");
	/* Children that are about to exit have no mm. */
	expect(eventually(look(&in, 0, NULL) + look(&out, 0, NULL) == PROCESSES),
	       "children are left in the cgroups");
	inside = look(&in, shadow_info(shadow).id, &wrong);
	expect_eq(wrong, 0, "of %d processes in the attached cgroup, number outside", inside);
	outside = look(&out, 0, &wrong);
	expect_eq(wrong, 0, "of %d processes in the other cgroup, number inside", outside);
	expect_eq(shadow_info(shadow).nr_grafts, inside, "processes inside");
	printf("%lu forks, %d inside, %d outside\n", shared->forks, inside, outside);
	for (int i = 0; i < PROCESSES; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < PROCESSES; i++)
		waitpid(pids[i], NULL, 0);
	cgroup_remove(&in);
	cgroup_remove(&out);
	expect(eventually(!shadowk_shadow_destroy(shadow)), "the shadow cannot be destroyed");
	return finish();
}
