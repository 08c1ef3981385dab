/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_TARGET_PARTS_H
#define SHADOWCTL_TARGET_PARTS_H

/*
 * The parts of target.c. Verbs that have a TARGET include target.h only, and others the search for
 * cgroups.
 */

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include <shadowk.h>

/*
 * target_guard.c: a second process that detaches everything from the shadow when guard_end() is
 * called, or when this process ends. If @module is not NULL, it then removes the patch of that
 * name, and unloads the module. If @name is not NULL, it destroys the shadow, which has that name.
 * The functions report errors and return a status.
 */
struct guard {
	pid_t pid; /* 0: there is none */
	int alive; /* the guard acts when all copies of this descriptor are closed */
};

int guard_start(struct guard *guard, struct shadowk_shadow *shadow, const char *module,
		const char *name);
/* Ends the guard, which leaves everything as it is. */
int guard_keep(struct guard *guard);
/* Returns when everything is detached. */
int guard_end(struct guard *guard);

/* target_command.c: the command of the target */
struct started {
	pid_t pid;  /* 0: there is none */
	int pidfd;  /* readable when the command has ended */
	int socket; /* its other end is the process's until that executes the command */
};

/*
 * Blocks SIGINT and SIGTERM, and sets *@signals to a signalfd that reads them. Stores the mask of
 * before in *@mask. Reports an error. Returns a status.
 */
int signals_open(int *signals, sigset_t *mask);

/*
 * Forks a process that waits for started_go() and then executes the command. The process has the
 * signal mask @mask and does not keep @guard. Reports an error. Returns a status.
 */
int started_fork(struct started *started, char **command, const sigset_t *mask,
		 const struct guard *guard);
/* Returns 0, or what a shell returns for a command that could not be executed, and was reported. */
int started_go(struct started *started);
/* Passes a signal on, unless the kernel has sent it to both, as for Ctrl-C. */
void started_signal(const struct started *started, const struct signalfd_siginfo *info);
/* Returns the exit status of the command that has ended, as a shell. */
int started_wait(struct started *started);

/* target_processes.c */

/* Returns the process that the thread belongs to, or 0 if there is no such thread. */
pid_t process_of(pid_t thread);
/*
 * Refuses a process that is in a shadow: attaching would take that shadow's edits from it, and
 * detaching would not give them back. Reports an error. Returns a status.
 */
int process_check(struct shadowk *dev, int pidfd, pid_t pid);
/* Refuses such a process in the cgroup at @path or below. Reports an error. Returns a status. */
int cgroup_check(struct shadowk *dev, char *path);

/* target_find.c */

/*
 * Returns the folder below /sys/fs/cgroup of a systemd unit, or of a container, for free(). Reports
 * an error and returns NULL if there is none, or if there are several.
 */
char *cgroup_of_unit(const char *unit);
/* Returns the unit with its type, which is ".service" unless it has one, for free(). */
char *unit_name(const char *unit);
/*
 * Sets @path to the folder of a unit, for free(), or to NULL if the unit does not run. @unit has
 * its type. Returns false if there are several, which it reports.
 */
bool cgroup_of_unit_that_may_run(const char *unit, char **path);
char *cgroup_of_container(const char *id);

#endif /* SHADOWCTL_TARGET_PARTS_H */
