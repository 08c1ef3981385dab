// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* Writes @text to the new file that @fd is. Returns 0 or -errno. */
static int text_write(int fd, const char *text, size_t len, mode_t mode)
{
	while (len) {
		ssize_t written = write(fd, text, len);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			text += written;
			len -= (size_t)written;
		}
	}
	return fchmod(fd, mode) ? -errno : 0;
}

static int file_make(const char *path, const char *text, size_t len, mode_t mode)
{
	char *aside __cleanup(text_free) = NULL;
	int fd, err;

	/* The suffix matters: node-exporter reads all files whose names end in .prom. */
	if (asprintf(&aside, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(aside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = text_write(fd, text, len, mode);
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(aside, path))
		err = -errno;
	if (err)
		unlink(aside);
	return err;
}

int file_replace(const char *path, const char *text, size_t len, mode_t mode)
{
	struct stat stat;
	int err;

	/* A device, or a link such as /dev/stdout, must not become a file. */
	if (!lstat(path, &stat) && !S_ISREG(stat.st_mode)) {
		report("'%s' is not a regular file; give another path", path);
		return STATUS_REFUSED;
	}
	err = file_make(path, text, len, mode);
	if (!err)
		return STATUS_DONE;
	report("cannot write '%s': %s", path, strerror(-err));
	return STATUS_REFUSED;
}
