// SPDX-License-Identifier: GPL-2.0-only
/* Marks on the disk: shadows that were applied at boot a short time ago. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "declared.h"

#define SUFFIX	    ".mark"
#define BOOT_ID_LEN 64

/* Reads the first line of a file. Returns false if there is none. */
static bool line_of(const char *path, char *line, size_t len)
{
	FILE *file __cleanup(file_close) = fopen(path, "re");

	if (!file || !fgets(line, (int)len, file))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* Reads what distinguishes this boot from all others. */
static bool boot_id_read(char *id)
{
	return line_of("/proc/sys/kernel/random/boot_id", id, BOOT_ID_LEN);
}

/* Returns true if the mark was written by this boot. */
static bool is_new(const char *path)
{
	char mark[BOOT_ID_LEN] = "", boot[BOOT_ID_LEN] = "";

	return line_of(path, mark, sizeof(mark)) && boot_id_read(boot) && !strcmp(mark, boot);
}

static void path_of(char *path, size_t len, const char *shadow)
{
	snprintf(path, len, "%s/%s%s", MARKS_FOLDER, shadow, SUFFIX);
}

/* Writes the entries of the folder to the disk. Returns true if that succeeded. */
static bool folder_sync(void)
{
	int fd = open(MARKS_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Writes the file to the disk. Returns true if that succeeded, or sets errno. */
static bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t len = strlen(text);
	bool good = fd >= 0 && write(fd, text, len) == (ssize_t)len && !fsync(fd);
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return good;
}

int mark_set(const char *shadow)
{
	char path[PATH_MAX], boot[BOOT_ID_LEN] = "unknown";

	path_of(path, sizeof(path), shadow);
	if (!boot_id_read(boot))
		report("note: cannot read /proc/sys/kernel/random/boot_id; a mark of this boot "
		       "will look like one of an earlier boot");
	(void)mkdir(MARKS_FOLDER, 0700);
	if (file_write(path, boot) && folder_sync())
		return STATUS_DONE;
	report("cannot write '%s': %s; without it, a shadow that panics the machine would do so at "
	       "each boot, so it is not applied: make %s writable",
	       path, strerror(errno), MARKS_FOLDER);
	return STATUS_REFUSED;
}

bool mark_is_old(const char *shadow)
{
	char path[PATH_MAX];

	path_of(path, sizeof(path), shadow);
	return !access(path, F_OK) && !is_new(path);
}

void mark_clear(const char *shadow)
{
	char path[PATH_MAX];

	path_of(path, sizeof(path), shadow);
	if (!unlink(path))
		folder_sync();
}

int marks_clear_new(void)
{
	glob_t found = { 0 };
	int status = STATUS_DONE;

	if (!glob(MARKS_FOLDER "/*" SUFFIX, 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++) {
			if (!is_new(found.gl_pathv[i]) || !unlink(found.gl_pathv[i]))
				continue;
			report("cannot remove '%s': %s; at the next boot its shadow would not be "
			       "applied: remove it",
			       found.gl_pathv[i], strerror(errno));
			status = STATUS_REFUSED;
		}
	globfree(&found);
	folder_sync();
	return status;
}
