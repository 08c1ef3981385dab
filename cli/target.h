/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_TARGET_H
#define SHADOWCTL_TARGET_H

/*
 * target.c: the processes that a verb looks at, in a shadow that the verb makes for them.
 *
 *	struct target target __cleanup(target_close) = { 0 };
 *	static const struct option options[] = { TARGET_OPTIONS, { ...own options }, { 0 } };
 *	int own = target_command(&target, argc, argv);
 *
 *	while ((opt = option_next(cli, own, argv, options)))
 *		if (!target_option(&target, cli, opt))
 *			...own options;
 *	...argv[optind] to argv[own - 1] are the arguments
 *	target_check(&target, cli);
 *	status = target_open(&target);			makes the shadow, finds the processes
 *	...add probes to target.session.shadow		no process is inside yet
 *	if (!status)
 *		status = target_begin(&target);		attaches, starts the command
 *	while (!status && target_wait(&target, until, -1) < TARGET_OVER)
 *		...print an interval
 *	...read the last numbers
 *	return target_end(&target, status);		detaches, waits for the command
 *
 * However shadowctl ends, a second process of it detaches the processes.
 */

#include <stdbool.h>

#include "cli.h"

/* Values of TARGET_OPTIONS. They are no characters, so a verb can use all of those. */
enum {
	TARGET_OPTION_PID = 256,
	TARGET_OPTION_CGROUP,
	TARGET_OPTION_UNIT,
	TARGET_OPTION_CONTAINER,
	TARGET_OPTION_DURATION,
};

/* Elements of an array of struct option. */
#define TARGET_OPTIONS                                                             \
	{ "pid", required_argument, NULL, TARGET_OPTION_PID },                     \
		{ "cgroup", required_argument, NULL, TARGET_OPTION_CGROUP },       \
		{ "unit", required_argument, NULL, TARGET_OPTION_UNIT },           \
		{ "container", required_argument, NULL, TARGET_OPTION_CONTAINER }, \
	{                                                                          \
		"duration", required_argument, NULL, TARGET_OPTION_DURATION        \
	}

/* Lines of verb.options. */
#define TARGET_HELP                                                                               \
	"  --pid PID,...     TARGET: these processes and their later children; can be repeated\n" \
	"  --cgroup PATH     TARGET: all processes of this cgroup and below, now and later\n"     \
	"  --unit NAME       TARGET: the processes of this systemd unit\n"                        \
	"  --container ID    TARGET: the processes of this container of podman, docker,\n"        \
	"                    containerd, crun, runc, LXC or systemd-nspawn\n"                     \
	"  -- COMMAND...     TARGET: this command, which ends it; last on the line\n"             \
	"  --duration S      end after S seconds; otherwise with the target, or with Ctrl-C\n"

struct target {
	/* The command line. */
	struct pids pids;
	const char *cgroup;
	const char *unit;
	const char *container;
	char **command;	 /* ended by NULL, or NULL */
	double duration; /* seconds, or 0 */

	/*
	 * Set by the verb before target_open(), or NULL. At the end, a patch of this name is
	 * removed from the shadow, and the module of this name is unloaded.
	 */
	const char *module;
	/*
	 * Set by the verb before target_open(), or NULL: the name of the shadow. At the end, the
	 * shadow is destroyed.
	 */
	const char *name;

	/* Set by target_open(). */
	struct session session; /* with the shadow that was made */
	char *path;		/* the cgroup of --cgroup, --unit and --container, or NULL */

	/* Private to target.c. */
	struct target_state *state;
};

/* Why target_wait() has returned. */
enum target_event {
	TARGET_TIMEOUT,	 /* the time @until has come */
	TARGET_READABLE, /* @fd is readable */
	/* The verb is to end: */
	TARGET_OVER,	/* --duration is over */
	TARGET_ENDED,	/* all processes of --pid, those of the cgroup, or the command have ended */
	TARGET_SIGNALED /* SIGINT or SIGTERM */
};

/*
 * Notes the command behind "--", if there is one. Returns the number of words before that, which
 * replaces @argc for option_next().
 */
int target_command(struct target *target, int argc, char **argv);
/* Handles an option of TARGET_OPTIONS. Returns false if @opt is another one. */
bool target_option(struct target *target, const struct cli *cli, int opt);
/* Exits by usage() if the command line has no target, or several kinds of targets. */
void target_check(const struct target *target, const struct cli *cli);

/* Sets @to, for another target_open(), to what the command line says. */
void target_copy(struct target *to, const struct target *from);
/*
 * Makes a shadow, with the name .name if that is not NULL, and finds the processes or the cgroup.
 * Attaches nothing. Reports an error. Returns a status.
 */
int target_open(struct target *target);
/*
 * Attaches the processes, or starts the command inside. From now on, SIGINT and SIGTERM are
 * blocked, and target_wait() returns them. Reports an error. Returns a status, or what a shell
 * would return for a command that cannot be executed.
 */
int target_begin(struct target *target);
/*
 * Waits until the first of the events. @until is a time of target_now(), or INFINITY. @fd is a
 * descriptor to read from, or -1.
 */
enum target_event target_wait(struct target *target, double until, int fd);
/* Returns CLOCK_MONOTONIC in seconds. */
double target_now(void);
/*
 * Detaches the processes, and then waits for the command. Does nothing if target_open() was not
 * called. Returns @status if that is an error, or else the exit status of the command, or
 * STATUS_DONE.
 */
int target_end(struct target *target, int status);
/*
 * Ends, and leaves the processes inside the shadow, which needs a name. From here on, nothing is
 * taken back, also if this process is killed. Reports an error, after which target_end() takes all
 * back. Returns a status.
 */
int target_keep(struct target *target);
/* Frees everything, after target_end(). For __cleanup(). */
void target_close(struct target *target);

#endif /* SHADOWCTL_TARGET_H */
