// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * fork and exec inside a shadow fail with ENOMEM after they have made an mm and before they use it,
 * also while the process is being detached. The process is where it should be afterwards, and no
 * graft remains.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"

#define CALLS 5
#define DELAY "400"

static long job_fork(long unused)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : wait_for(pid);
}

static long job_exec(long unused)
{
	char *argv[] = { "/bin/true", NULL };

	execv(argv[0], argv);
	return -errno;
}

static const struct way {
	const char *name, *symbol;
	int result;
	job_fn job;
} ways[] = {
	{ "fork", "__percpu_counter_init_many", -ENOMEM,
	  job_fork }, /* Linux 6.1 does not have it */
	{ "exec", "vm_area_alloc", 0, job_exec },
};

static void stillborn_load(const struct way *way, pid_t pid, const char *delay)
{
	char params[256];
	int fd = open(victim_path("shk_stillborn"), O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	snprintf(params, sizeof(params), "symbol=%s pid=%d result=%d delay_ms=%s", way->symbol, pid,
		 way->result, delay);
	need(!syscall(SYS_finit_module, fd, params, 0));
	close(fd);
}

static bool entered(void)
{
	return read_number("/sys/module/shk_stillborn/parameters/entered") == 1;
}

static void try_way(const struct way *way, bool detached)
{
	const char *when = detached ? "during detach" : "without detach";
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor actor;
	uint64_t before;

	count(shadow, GETPPID);
	actor_start(&actor, -1);
	attach(shadow, actor.pid);
	stillborn_load(way, actor.pid, detached ? DELAY : "0");
	actor_ask(&actor, way->job, 0);
	if (detached) {
		need(eventually(entered()));
		detach(actor.pid);
	}
	expect_ret(actor_answer(&actor), -ENOMEM, "%s %s", way->name, when);
	need_ok(module_unload("shk_stillborn"));

	expect_eq(shadow_info(shadow).nr_grafts, !detached, "processes inside after %s %s",
		  way->name, when);
	before = hits(shadow, GETPPID);
	actor_do(&actor, job_getppid, CALLS);
	expect_eq(hits(shadow, GETPPID) - before, detached ? 0 : CALLS,
		  "hits of the process after %s %s", way->name, when);
	/* The next fork most likely uses the memory of the mm that was freed. */
	expect_ret(actor_do(&actor, job_fork, 0), 0, "fork after %s %s", way->name, when);
	actor_end(&actor);
	expect_eq(shadow_info(shadow).nr_grafts, 0,
		  "processes inside after the end of the process, %s %s", way->name, when);
	shadow_close(shadow);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!kernel_symbol(ways[i].symbol))
			continue;
		try_way(&ways[i], false);
		try_way(&ways[i], true);
	}
	return finish();
}
