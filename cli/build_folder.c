// SPDX-License-Identifier: GPL-2.0-only
/*
 * The temporary folder of a build, in the cache folder of the user. A second process, the cleaner,
 * removes it when this process and the compilers that it has started have ended, however they end.
 * A later build removes folders whose cleaner was killed.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "rebuild.h"

extern char **environ;

/* Content of shadowk_patch.h, so that a build does not need the installed file. */
asm(".pushsection .rodata\n"
    "patch_header: .incbin \"include/shadowk_patch.h\"\n"
    "patch_header_end:\n"
    ".popsection\n");
extern const char patch_header[], patch_header_end[];

/*
 * The writing end of the pipe that the cleaner reads, or -1. Programs that run() starts have a
 * copy, so that the folder is in place until they have ended.
 */
static int cleaner_alive = -1;
static pid_t cleaner;

int run(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int status, err;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions))
		return 127;
	/* The copy is not closed by exec. */
	if (cleaner_alive >= 0)
		posix_spawn_file_actions_adddup2(&actions, cleaner_alive, cleaner_alive);
	err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return 127;
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int folder_remove(const char *folder)
{
	return run((char *[]){ "rm", "-rf", (char *)folder, NULL });
}

void cache_folder(char *path, size_t room)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache == '/')
		snprintf(path, room, "%s/shadowk", cache);
	else
		snprintf(path, room, "%s/.cache/shadowk", home && *home ? home : "/root");
}

bool folders_make(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return !mkdir(part, 0755) || errno == EEXIST;
}

bool is_plain(const char *path)
{
	for (; *path; path++)
		if (!isalnum((unsigned char)*path) && !strchr("/._-+", *path))
			return false;
	return true;
}

/* Removes the folders of builds that have ended. The cleaner of a build locks its folder. */
static void folders_clean(const char *builds)
{
	DIR *dir = opendir(builds);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX];
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", builds, entry->d_name);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!flock(fd, LOCK_EX | LOCK_NB))
			folder_remove(path);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

/* Waits until a byte comes, or all writers have ended. Then removes the folder. */
static void __noreturn cleaner_run(int alive, const char *folder)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "shadowk-clean");
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (chdir("/"))
		_exit(1);
	while (read(alive, &byte, 1) < 0 && errno == EINTR)
		;
	cleaner_alive = -1;
	_exit(folder_remove(folder));
}

/* Starts the cleaner. It has copies of all descriptors, also of the lock's. Returns a status. */
static int cleaner_start(const char *folder)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		report("cannot make a pipe: %m");
		return STATUS_REFUSED;
	}
	fflush(NULL);
	cleaner = fork();
	if (!cleaner) {
		close(ends[1]);
		cleaner_run(ends[0], folder);
	}
	close(ends[0]);
	if (cleaner < 0) {
		report("cannot fork: %m");
		close(ends[1]);
		return STATUS_REFUSED;
	}
	cleaner_alive = ends[1];
	return STATUS_DONE;
}

void build_clean(struct build *build)
{
	if (cleaner_alive >= 0) {
		/* Someone may have killed the cleaner. */
		void (*action)(int) = signal(SIGPIPE, SIG_IGN);
		int left = write(cleaner_alive, "", 1) != 1;

		signal(SIGPIPE, action);
		close(cleaner_alive);
		cleaner_alive = -1;
		while (!left && waitpid(cleaner, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (build->folder[0])
		folder_remove(build->folder);
	build->folder[0] = '\0';
}

/*
 * Makes the folder, locks it, and starts its cleaner. No other process removes folders meanwhile.
 * Returns a status.
 */
static int folder_begin(struct build *build, const char *builds)
{
	int list = open(builds, O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock = -1, status;

	if (list >= 0 && !flock(list, LOCK_EX)) {
		folders_clean(builds);
		snprintf(build->folder, sizeof(build->folder), "%s/XXXXXX", builds);
		if (mkdtemp(build->folder))
			lock = open(build->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		else
			build->folder[0] = '\0';
	}
	if (lock < 0 || flock(lock, LOCK_EX)) {
		report("cannot create a folder in %s: %s", builds, strerror(errno));
		status = STATUS_REFUSED;
	} else {
		status = cleaner_start(build->folder);
	}
	if (lock >= 0)
		close(lock);
	if (list >= 0)
		close(list);
	return status;
}

int build_folder_make(struct build *build)
{
	char cache[PATH_MAX - 16], builds[PATH_MAX];
	int status;

	cache_folder(cache, sizeof(cache));
	snprintf(builds, sizeof(builds), "%s/build", cache);
	/* make takes no path with blanks. */
	if (strlen(builds) + sizeof("/XXXXXX") > sizeof(build->folder) || !is_plain(builds)) {
		report("the path %s is too long, or has other characters than A-Z a-z 0-9 / . _ - +; "
		       "set XDG_CACHE_HOME to another folder",
		       builds);
		return STATUS_REFUSED;
	}
	if (!folders_make(builds)) {
		report("cannot create the folder %s: %s; set XDG_CACHE_HOME to another one", builds,
		       strerror(errno));
		return STATUS_REFUSED;
	}
	status = folder_begin(build, builds);
	if (status ||
	    file_write(build, "shadowk_patch.h", patch_header, patch_header_end - patch_header))
		return status;
	report("cannot write to %s: %s", build->folder, strerror(errno));
	return STATUS_REFUSED;
}
