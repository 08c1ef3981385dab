// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard is a process that detaches what a verb has attached. It waits for the end of a pipe,
 * which comes when the verb closes its side, and also when a signal kills the verb. A shadow
 * without a name would otherwise live on with the processes inside.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "list.h"
#include "target.h"
#include "target_parts.h"

/* Threads that are in the way are waited for this long. */
#define GUARD_SECONDS 30

/* Detaches the cgroups that are attached to the shadow. Reports an error. Returns a status. */
static int guard_detach_cgroups(struct shadowk_shadow *shadow)
{
	struct shadowk_cgroup *cgroups __cleanup(list_free) = NULL;
	struct shadowk_subject subject = { .size = sizeof(subject) };
	int count = list_read(shadowk_cgroup_list, shadow, &cgroups), status = STATUS_DONE;

	for (int i = 0; i < count; i++) {
		int err = shadowk_cgroup_detach_from(shadow, cgroups[i].path);

		/* The cgroup may have been removed, or detached by another process. */
		if (!err || err == -ENOENT)
			continue;
		subject.cgroup = cgroups[i].path;
		status = refuse(SHADOWK_OP_CGROUP_DETACH, err, &subject);
	}
	return status;
}

/*
 * Detaches each process that is inside now. Returns the number of those that were inside. Sets
 * @error to the last error, and @busy to its process.
 */
static int guard_detach_processes(struct shadowk_shadow *shadow, int *error, pid_t *busy)
{
	struct shadowk_process *inside __cleanup(list_free) = NULL;
	int count = list_read(shadowk_process_list, shadow, &inside);

	*error = count < 0 ? count : 0;
	for (int i = 0; i < count; i++) {
		int err;

		/* The pid 0 is of a process that this pid namespace does not show. */
		err = inside[i].pid ? shadowk_process_detach_from(shadow, inside[i].pid) : -ESRCH;
		if (!err || (inside[i].pid && (err == -ESRCH || err == -ENOENT)))
			continue;
		*error = err;
		*busy = inside[i].pid;
	}
	return count;
}

/* Detaches everything. Processes can fork meanwhile, so it reads the list again. */
static int guard_detach(struct shadowk_shadow *shadow)
{
	struct shadowk_subject subject = { .size = sizeof(subject) };
	double end = target_now() + GUARD_SECONDS;
	int status = guard_detach_cgroups(shadow);
	int error = 0, inside;

	while ((inside = guard_detach_processes(shadow, &error, &subject.pid)) > 0) {
		if (target_now() > end)
			break;
		if (error)
			usleep(100000);
	}
	return error ? refuse(SHADOWK_OP_PROCESS_DETACH_FROM, error, &subject) : status;
}

/*
 * Separates the process from the terminal, so that Ctrl-C and the end of a pipeline do not depend
 * on it. Only SIGKILL ends it. Its name is another one, so that 'pkill shadowctl' leaves it alone.
 */
static void guard_separate(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "shadowk-detach");
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		close(null);
	}
	if (chdir("/"))
		return;
}

/* Removes the patch of a module, and unloads the module. Returns a status. */
static int guard_unload(struct shadowk_shadow *shadow, const char *module)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .patch = module };
	int err = shadowk_patch_remove(shadow, module);

	/* The verb may have ended before it added the patch. */
	if (err && err != -ENOENT)
		return refuse(SHADOWK_OP_PATCH_REMOVE, err, &subject);
	if (module_unload(module))
		return STATUS_DONE;
	report("a task is in a body of module %s still; unload it later: rmmod %s", module, module);
	return STATUS_REFUSED;
}

static int guard_destroy(struct shadowk_shadow *shadow, const char *name)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	int err = shadowk_shadow_destroy(shadow);

	return err ? refuse(SHADOWK_OP_SHADOW_DESTROY, err, &subject) : STATUS_DONE;
}

static void __noreturn guard_run(int alive, struct shadowk_shadow *shadow, const char *module,
				 const char *name)
{
	ssize_t len;
	int status;
	char byte;

	guard_separate();
	while ((len = read(alive, &byte, 1)) < 0 && errno == EINTR)
		;
	/* guard_keep() */
	if (len > 0)
		_exit(STATUS_DONE);
	status = guard_detach(shadow);
	if (module)
		status |= guard_unload(shadow, module);
	if (name)
		status |= guard_destroy(shadow, name);
	_exit(status);
}

int guard_start(struct guard *guard, struct shadowk_shadow *shadow, const char *module,
		const char *name)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		report("cannot make a pipe: %m");
		return STATUS_REFUSED;
	}
	fflush(NULL);
	guard->pid = fork();
	if (!guard->pid) {
		close(ends[1]);
		guard_run(ends[0], shadow, module, name);
	}
	close(ends[0]);
	if (guard->pid < 0) {
		report("cannot fork: %m");
		close(ends[1]);
		guard->pid = 0;
		return STATUS_REFUSED;
	}
	guard->alive = ends[1];
	return STATUS_DONE;
}

int guard_keep(struct guard *guard)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	bool written = write(guard->alive, "", 1) == 1;

	signal(SIGPIPE, old);
	if (written)
		return guard_end(guard);
	report("the process that was to detach was killed");
	return STATUS_REFUSED;
}

int guard_end(struct guard *guard)
{
	int status = 0;
	pid_t pid = guard->pid;

	if (!pid)
		return STATUS_DONE;
	guard->pid = 0;
	close(guard->alive);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return STATUS_REFUSED;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	report("the process that was to detach was killed; 'shadowctl list' shows its shadow");
	return STATUS_REFUSED;
}
