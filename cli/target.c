// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "target.h"
#include "target_parts.h"

struct target_state {
	struct guard guard;
	struct started started;
	sigset_t mask;	/* of signals, before target_begin() */
	int signals;	/* signalfd, -1 before target_begin() */
	int events;	/* cgroup.events of the cgroup, or -1 */
	bool populated; /* the cgroup has had processes */
	double end;	/* of --duration, or INFINITY */
	size_t alive;	/* pidfds that are not readable */
	/*
	 * Descriptors for target_wait(): fixed ones, and then the pidfds of --pid. A pidfd is -1
	 * when its process has ended.
	 */
	struct pollfd *poll;
};

/* Indices of target_state.poll. */
enum {
	POLL_SIGNALS,
	POLL_FD,
	POLL_COMMAND,
	POLL_CGROUP,
	POLL_PIDS,
};

double target_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Opens the processes of --pid. Reports an error. Returns a status. */
static int pids_open(struct target *target)
{
	struct shadowk_process_info info = { .size = sizeof(info) };
	struct target_state *state = target->state;
	struct shadowk_subject subject = { .size = sizeof(subject) };
	int err;

	for (size_t i = 0; i < target->pids.count; i++) {
		pid_t pid = process_of(target->pids.pid[i]);
		int fd = (int)syscall(SYS_pidfd_open, pid, 0), status;

		subject.pid = target->pids.pid[i];
		if (fd < 0) {
			/* The library says why. */
			err = shadowk_process_info(target->session.dev, subject.pid, &info);
			return refuse(SHADOWK_OP_PROCESS_ATTACH, err ? err : -errno, &subject);
		}
		state->poll[POLL_PIDS + i].fd = fd;
		state->alive++;
		status = process_check(target->session.dev, fd, subject.pid);
		if (status)
			return status;
	}
	return STATUS_DONE;
}

/* Returns the folder of a cgroup that is named as shadowk_cgroup_attach() takes it, or NULL. */
static char *cgroup_folder(const char *name)
{
	char *below __cleanup(text_free) = NULL;

	if (!access(name, F_OK))
		return strdup(name);
	if (asprintf(&below, "/sys/fs/cgroup/%s", name) < 0 || access(below, F_OK))
		return NULL;
	return strdup(below);
}

/* Finds the cgroup. Reports an error. Returns a status. */
static int cgroup_open(struct target *target)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .cgroup = target->cgroup };
	char *events __cleanup(text_free) = NULL;

	if (target->unit)
		target->path = cgroup_of_unit(target->unit);
	else if (target->container)
		target->path = cgroup_of_container(target->container);
	else if (!(target->path = cgroup_folder(target->cgroup)))
		refuse(SHADOWK_OP_CGROUP_ATTACH, -ENOENT, &subject);
	if (!target->path || asprintf(&events, "%s/cgroup.events", target->path) < 0)
		return STATUS_REFUSED;
	/* The root cgroup has no such file, and never ends. */
	target->state->events = open(events, O_RDONLY | O_CLOEXEC);
	return cgroup_check(target->session.dev, target->path);
}

static int state_init(struct target *target)
{
	size_t nr = POLL_PIDS + target->pids.count;
	struct target_state *state = calloc(1, sizeof(*state));

	target->state = state;
	if (state)
		state->poll = calloc(nr, sizeof(*state->poll));
	if (!state || !state->poll) {
		report("out of memory");
		return STATUS_REFUSED;
	}
	for (size_t i = 0; i < nr; i++)
		state->poll[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	state->signals = -1;
	state->events = -1;
	return STATUS_DONE;
}

void target_copy(struct target *to, const struct target *from)
{
	*to = (struct target){
		.cgroup = from->cgroup,
		.unit = from->unit,
		.container = from->container,
		.command = from->command,
		.duration = from->duration,
	};
	for (size_t i = 0; i < from->pids.count; i++)
		pids_add(&to->pids, from->pids.pid[i]);
}

int target_open(struct target *target)
{
	struct shadowk_subject subject = { .size = sizeof(subject) };
	int status = session_open(&target->session), err;

	if (!status)
		status = state_init(target);
	if (!status)
		status = pids_open(target);
	if (!status && (target->cgroup || target->unit || target->container))
		status = cgroup_open(target);
	if (status)
		return status;
	subject.shadow = target->name;
	err = shadowk_shadow_create(target->session.dev, target->name, &target->session.shadow);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err, target->name ? &subject : NULL);
	target->session.inside = target->session.shadow;
	status = guard_start(&target->state->guard, target->session.shadow, target->module,
			     target->name);
	if (status && target->name)
		shadowk_shadow_destroy(target->session.shadow);
	return status;
}

int signals_open(int *signals, sigset_t *mask)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, mask);
	*signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (*signals >= 0)
		return STATUS_DONE;
	report("cannot make a signalfd: %m");
	return STATUS_REFUSED;
}

static int pids_attach(struct target *target)
{
	struct shadowk_subject subject = { .size = sizeof(subject) };

	for (size_t i = 0; i < target->pids.count; i++) {
		int err = shadowk_process_attach_pidfd(target->session.shadow,
						       target->state->poll[POLL_PIDS + i].fd);

		/* target_wait() sees that a process has ended. */
		if (!err || err == -ESRCH)
			continue;
		subject.pid = target->pids.pid[i];
		return refuse(SHADOWK_OP_PROCESS_ATTACH, err, &subject);
	}
	return STATUS_DONE;
}

/* Starts the command inside. Reports an error. Returns a status. */
static int command_begin(struct target *target)
{
	struct target_state *state = target->state;
	struct shadowk_subject subject = { .size = sizeof(subject) };
	int status, err;

	status = started_fork(&state->started, target->command, &state->mask, &state->guard);
	if (status)
		return status;
	subject.pid = state->started.pid;
	/* It has inherited the shadow of this process, if there is one. */
	status = process_check(target->session.dev, state->started.pidfd, subject.pid);
	if (status)
		return status;
	err = shadowk_process_attach_pidfd(target->session.shadow, state->started.pidfd);
	if (err)
		return refuse(SHADOWK_OP_PROCESS_ATTACH, err, &subject);
	return started_go(&state->started);
}

int target_begin(struct target *target)
{
	struct target_state *state = target->state;
	struct shadowk_subject subject = { .size = sizeof(subject), .cgroup = target->path };
	int status = signals_open(&state->signals, &state->mask), err;

	if (status)
		return status;
	if (target->path) {
		err = shadowk_cgroup_attach(target->session.shadow, target->path);
		if (err)
			status = refuse(SHADOWK_OP_CGROUP_ATTACH, err, &subject);
	} else if (target->command) {
		status = command_begin(target);
	} else {
		status = pids_attach(target);
	}
	state->end = target->duration > 0 ? target_now() + target->duration : INFINITY;
	return status;
}

/* Returns true if the cgroup has had processes and has none now, or was removed. */
static bool cgroup_ended(struct target_state *state)
{
	char text[128];
	ssize_t len = pread(state->events, text, sizeof(text) - 1, 0);

	if (len < 0)
		return errno == ENODEV;
	text[len] = '\0';
	if (strstr(text, "populated 1")) {
		state->populated = true;
		return false;
	}
	return state->populated;
}

/* Returns true if the target has ended. Looks at what poll() has found. */
static bool target_ended(struct target *target)
{
	struct target_state *state = target->state;

	if (target->command)
		return state->poll[POLL_COMMAND].revents;
	if (target->path)
		return state->events >= 0 && cgroup_ended(state);
	for (size_t i = POLL_PIDS; i < POLL_PIDS + target->pids.count; i++) {
		struct pollfd *poll = &state->poll[i];

		if (poll->fd < 0 || !poll->revents)
			continue;
		close(poll->fd);
		poll->fd = -1;
		state->alive--;
	}
	return !state->alive;
}

/* Returns true if a signal was read, which it passes on to the command. */
static bool signal_read(struct target_state *state)
{
	struct signalfd_siginfo info;

	if (read(state->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	started_signal(&state->started, &info);
	return true;
}

/* Calls poll(2) until the time @until of target_now(). */
static void target_poll(struct target *target, double until)
{
	struct target_state *state = target->state;
	double left = until - target_now();
	struct timespec timeout = { 0 };

	if (left > 0 && isfinite(left)) {
		timeout.tv_sec = (time_t)left;
		timeout.tv_nsec = (long)((left - (double)timeout.tv_sec) * 1e9);
	}
	if (ppoll(state->poll, POLL_PIDS + target->pids.count, isfinite(left) ? &timeout : NULL,
		  NULL) < 0)
		for (size_t i = 0; i < POLL_PIDS + target->pids.count; i++)
			state->poll[i].revents = 0;
}

enum target_event target_wait(struct target *target, double until, int fd)
{
	struct target_state *state = target->state;

	state->poll[POLL_SIGNALS].fd = state->signals;
	state->poll[POLL_FD].fd = fd;
	state->poll[POLL_COMMAND].fd = state->started.pid ? state->started.pidfd : -1;
	state->poll[POLL_CGROUP].fd = state->events;
	state->poll[POLL_CGROUP].events = POLLPRI;
	while (1) {
		bool ended;

		target_poll(target, until < state->end ? until : state->end);
		ended = target_ended(target);
		if (state->poll[POLL_SIGNALS].revents && signal_read(state))
			return TARGET_SIGNALED;
		if (target_now() >= state->end)
			return TARGET_OVER;
		if (ended && !state->poll[POLL_FD].revents)
			return TARGET_ENDED;
		if (target_now() >= until)
			return TARGET_TIMEOUT;
		if (state->poll[POLL_FD].revents)
			return TARGET_READABLE;
	}
}

/* Waits for the command, and passes signals on. Returns its exit status. */
static int command_end(struct target_state *state)
{
	struct pollfd polls[] = {
		{ .fd = state->started.pidfd, .events = POLLIN },
		{ .fd = state->signals, .events = POLLIN },
	};

	while (poll(polls, ARRAY_SIZE(polls), -1) <= 0 || !polls[0].revents)
		signal_read(state);
	return started_wait(&state->started);
}

int target_end(struct target *target, int status)
{
	struct target_state *state = target->state;
	int detached, ended = STATUS_DONE;

	if (!state)
		return status;
	detached = guard_end(&state->guard);
	if (state->started.pid) {
		/* A command that waits for started_go() ends now. */
		close(state->started.socket);
		state->started.socket = -1;
		ended = command_end(state);
	}
	if (status || detached)
		return status ? status : detached;
	return ended;
}

int target_keep(struct target *target)
{
	return guard_keep(&target->state->guard);
}

static void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

void target_close(struct target *target)
{
	struct target_state *state = target->state;

	target_end(target, STATUS_DONE);
	session_close(&target->session);
	for (size_t i = 0; state && state->poll && i < target->pids.count; i++)
		fd_close(state->poll[POLL_PIDS + i].fd);
	if (state) {
		fd_close(state->events);
		if (state->signals >= 0)
			sigprocmask(SIG_SETMASK, &state->mask, NULL);
		fd_close(state->signals);
		free(state->poll);
	}
	free(state);
	free(target->path);
	pids_free(&target->pids);
}
