// SPDX-License-Identifier: GPL-2.0-only
/*
 * Only one 'shadowctl apply' at a time: from its look at the machine to its last action, no other
 * one changes a shadow.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "declared.h"

#define FOLDER "/run/shadowk"
#define PATH   FOLDER "/apply.lock"

/* Another command has this many tenths of a second to end. */
#define TRIES 100

/* Reads the pid that the holder of the lock has written. Returns false if there is none yet. */
static bool holder_read(int fd, char *pid, size_t len)
{
	ssize_t used = pread(fd, pid, len - 1, 0);

	if (used <= 0)
		return false;
	pid[used] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return *pid != '\0';
}

static void holder_write(int fd)
{
	char pid[24];
	int len = snprintf(pid, sizeof(pid), "%d\n", getpid());

	/* Without the pid, a message of another command names no process. */
	if (!ftruncate(fd, 0))
		(void)!pwrite(fd, pid, (size_t)len, 0);
}

/* Waits until this process has the lock. Returns a status. */
static int lock_wait(int fd)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	char pid[24];

	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK) {
			report("cannot lock " PATH ": %s", strerror(errno));
			return STATUS_REFUSED;
		}
		if (i == TRIES) {
			bool known = holder_read(fd, pid, sizeof(pid));

			report("another 'shadowctl apply' is at work%s%s%s, and %d seconds were not "
			       "enough for it; apply again when it has ended",
			       known ? " (process " : "", known ? pid : "", known ? ")" : "",
			       TRIES / 10);
			return STATUS_REFUSED;
		}
		nanosleep(&pause, NULL);
	}
	holder_write(fd);
	return STATUS_DONE;
}

int declared_lock(int *lock)
{
	/* A user who could open the file could lock it, and hold root up. */
	(void)mkdir(FOLDER, 0700);
	*lock = open(PATH, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*lock < 0) {
		report("cannot open " PATH ": %s; run as root", strerror(errno));
		return STATUS_REFUSED;
	}
	return lock_wait(*lock);
}

void declared_unlock(int *lock)
{
	if (*lock >= 0)
		close(*lock);
}
