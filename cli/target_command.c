// SPDX-License-Identifier: GPL-2.0-only
/* Starts a command in two steps, so that it is attached before it executes. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "target_parts.h"

static bool is_executable(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/*
 * Returns the path of a command in $PATH, for free(). Returns a copy of @name if it has a slash, or
 * if there is no such command. So the process executes one execve(2) inside, rather than one for
 * each folder.
 */
static char *command_path(const char *name)
{
	const char *path = getenv("PATH");

	for (size_t len; path && *path && !strchr(name, '/'); path += len + !!path[len]) {
		char *full = NULL;

		len = strcspn(path, ":");
		if (len && asprintf(&full, "%.*s/%s", (int)len, path, name) > 0 &&
		    is_executable(full))
			return full;
		free(full);
	}
	return strdup(name);
}

/* Waits for started_go(). Returns after an error only: what a shell would return. */
static int child_run(int socket, const char *path, char **command)
{
	char byte;
	ssize_t got;

	do
		got = read(socket, &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		return STATUS_REFUSED;
	execv(path, command);
	/* Scripts without an interpreter, and the message. */
	return command_exec(command);
}

static void __noreturn child(int socket, const char *path, char **command)
{
	unsigned char status = (unsigned char)child_run(socket, path, command);

	_exit(write(socket, &status, 1) == 1 ? status : STATUS_REFUSED);
}

int started_fork(struct started *started, char **command, const sigset_t *mask,
		 const struct guard *guard)
{
	char *path __cleanup(text_free) = command_path(command[0]);
	int ends[2];

	if (!path || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
		report("cannot start '%s': %m", command[0]);
		return STATUS_REFUSED;
	}
	fflush(NULL);
	started->pid = fork();
	if (!started->pid) {
		/* A copy of these would hide the end of the verb from the guard and the child. */
		close(ends[0]);
		close(guard->alive);
		sigprocmask(SIG_SETMASK, mask, NULL);
		child(ends[1], path, command);
	}
	close(ends[1]);
	started->socket = ends[0];
	started->pidfd = -1;
	if (started->pid > 0)
		started->pidfd = (int)syscall(SYS_pidfd_open, started->pid, 0);
	if (started->pidfd >= 0)
		return STATUS_DONE;
	report("cannot start '%s': %m", command[0]);
	if (started->pid < 0)
		started->pid = 0;
	return STATUS_REFUSED;
}

int started_go(struct started *started)
{
	unsigned char status = 0;
	ssize_t got = write(started->socket, "g", 1);

	/* The end of the stream means that the command is executed, and has closed its end. */
	do
		got = got == 1 || errno == EINTR ? read(started->socket, &status, 1) : -1;
	while (got < 0 && errno == EINTR);
	if (got == 1)
		return status;
	if (!got)
		return STATUS_DONE;
	report("cannot start the command: %m");
	return STATUS_REFUSED;
}

void started_signal(const struct started *started, const struct signalfd_siginfo *info)
{
	/* SI_USER and the other codes of processes are not above 0. */
	if (started->pid && info->ssi_code <= 0)
		kill(started->pid, (int)info->ssi_signo);
}

int started_wait(struct started *started)
{
	int status = 0;

	while (waitpid(started->pid, &status, 0) < 0)
		if (errno != EINTR)
			return STATUS_REFUSED;
	started->pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
