// SPDX-License-Identifier: GPL-2.0-only
/* test: races timeout=900 */
/*
 * Ten thousand times fork, exec and exit inside a shadow, on all CPUs at once. Each child is
 * counted, none remains inside, and the module can be unloaded.
 */
#include "actor.h"
#include "shadows.h"
#include "tiny.h"

#define TINY	   "/tmp/tiny"
#define ACTORS_MAX 8

static _Noreturn void child(bool executes)
{
	char *argv[] = { TINY, NULL };

	if (executes) {
		execv(TINY, argv);
		_exit(1);
	}
	job_getppid(1);
	_exit(0);
}

/* A vfork child gets its own mm only when it executes a program. */
static __attribute__((noinline)) pid_t breed(bool by_vfork, bool executes)
{
	pid_t pid = by_vfork ? vfork() : fork();

	if (!pid)
		child(executes);
	return pid;
}

static long job_breed(long n)
{
	long failed = 0;

	for (long i = 0; i < n; i++)
		failed += wait_for(breed(i % 4, i % 10)) != 0;
	return failed;
}

int main(void)
{
	unsigned int nr = nr_cpus() < ACTORS_MAX ? nr_cpus() : ACTORS_MAX;
	unsigned int children = kernel_is_slow() ? 1000 : 10000;
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor actors[ACTORS_MAX];

	tiny_write(TINY);
	count(shadow, GETPPID);
	for (unsigned int i = 0; i < nr; i++) {
		actor_start(&actors[i], i);
		attach(shadow, actors[i].pid);
	}
	for (unsigned int i = 0; i < nr; i++)
		actor_ask(&actors[i], job_breed, children / nr);
	for (unsigned int i = 0; i < nr; i++)
		expect_eq(actor_answer(&actors[i]), 0, "children that failed");

	expect_eq(hits(shadow, GETPPID), children / nr * nr, "hits");
	expect_eq(shadow_info(shadow).nr_grafts, nr,
		  "processes inside after all children have exited");
	for (unsigned int i = 0; i < nr; i++)
		actor_end(&actors[i]);
	expect_eq(shadow_info(shadow).nr_grafts, 0, "processes inside at the end");
	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy");
	expect_eq(module_info().memory, 0, "bytes of the module's tables and pages");
	shadows_done();
	unlink(TINY);
	expect(eventually(!module_references()), "the module is held %ld times at the end",
	       module_references());
	expect_ret(module_unload("shadowk"), 0, "rmmod");
	return finish();
}
