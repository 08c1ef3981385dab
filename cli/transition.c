// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "transition.h"

/*
 * Look every 100 ms for 30 seconds. Livepatch retries every second, and signals every 15 seconds.
 */
#define TRIES 300
#define PAUSE 100000
/* Report the tasks that the kernel waits for after 3 seconds, and then every 10 seconds. */
#define TELL_FIRST 30
#define TELL_EVERY 100
/* Number of tasks that one message names. */
#define NAMED 8

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	interrupted = 1;
}

void transition_catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}

static void path_of(char *path, size_t len, const char *module, const char *file)
{
	snprintf(path, len, "/sys/kernel/livepatch/%s/%s", module, file);
}

/* Returns the first character of a file of the livepatch, or EOF if there is no such file. */
static int state_of(const char *module, const char *name)
{
	char path[SHADOWK_SYMBOL_LEN + 64];
	FILE *file __cleanup(file_close) = NULL;

	path_of(path, sizeof(path), module, name);
	file = fopen(path, "re");
	return file ? getc(file) : EOF;
}

bool transition_exists(const char *module)
{
	return *module && state_of(module, "enabled") != EOF;
}

bool transition_is_forward(const char *module)
{
	return *module && state_of(module, "enabled") == '1';
}

bool transition_reverse(const char *module)
{
	char path[SHADOWK_SYMBOL_LEN + 64];
	bool written = false;
	int fd;

	/* The transition back is in progress. */
	if (!transition_is_forward(module))
		return true;
	path_of(path, sizeof(path), module, "enabled");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		written = write(fd, "0", 1) == 1;
	if (!written)
		report("cannot write 0 to %s: %s%s", path, strerror(errno),
		       errno == EBUSY ? "; another livepatch is in transition" : "");
	if (fd >= 0)
		close(fd);
	return written;
}

/* Reads the first line of a file of a thread. Returns false if it cannot. */
static bool read_line(char *buf, size_t len, const char *pid, const char *tid, const char *name)
{
	char path[128];
	FILE *file __cleanup(file_close) = NULL;

	snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/%s", pid, tid, name);
	file = fopen(path, "re");
	if (!file || !fgets(buf, len, file))
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

/*
 * Appends threads of process @pid that have not changed yet to @text, until NAMED threads are in
 * it. @count is the number of such threads that were found before. Returns the new number.
 */
static unsigned int name_stalled(char *text, size_t len, const char *pid, bool forward,
				 unsigned int count)
{
	char path[64], state[16], comm[32];
	struct dirent *entry;
	size_t used;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%.20s/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		if (entry->d_name[0] == '.' ||
		    !read_line(state, sizeof(state), pid, entry->d_name, "patch_state") ||
		    strcmp(state, forward ? "0" : "1"))
			continue;
		used = strlen(text);
		if (count++ < NAMED && read_line(comm, sizeof(comm), pid, entry->d_name, "comm"))
			snprintf(text + used, len - used, "%s%s (%s)", used ? ", " : "",
				 entry->d_name, comm);
	}
	if (tasks)
		closedir(tasks);
	return count;
}

/*
 * Reports the tasks that have not changed yet. Their file patch_state is 0 if they execute the old
 * functions, 1 if they execute the new ones, and -1 if there is no transition.
 */
static void tell_stalled(const char *module, bool forward)
{
	char text[NAMED * 64] = "";
	unsigned int count = 0;
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			count = name_stalled(text, sizeof(text), entry->d_name, forward, count);
	if (proc)
		closedir(proc);
	if (count)
		report("%s: the kernel waits for %u %s to leave the %s functions: %s%s; see "
		       "/proc/PID/stack, and wake or end them",
		       module, count, count == 1 ? "task" : "tasks", forward ? "old" : "new", text,
		       count > NAMED ? ", ..." : "");
	else
		report("%s: the kernel waits for idle tasks of CPUs only, or has finished by now",
		       module);
}

/* Returns the state of the transition now. */
static enum transition look(const char *module, bool forward)
{
	int enabled = state_of(module, "enabled");

	if (!forward && enabled == EOF)
		return TRANSITION_DONE;
	if (!forward)
		return enabled == '1' ? TRANSITION_REVERSED : TRANSITION_GOES_ON;
	if (enabled != '1')
		return TRANSITION_REVERSED;
	return state_of(module, "transition") == '0' ? TRANSITION_DONE : TRANSITION_GOES_ON;
}

enum transition transition_wait(const char *module, bool forward)
{
	enum transition seen;

	for (int i = 0; i < TRIES && !interrupted; i++) {
		seen = look(module, forward);
		if (seen != TRANSITION_GOES_ON)
			return seen;
		if (i >= TELL_FIRST && (i - TELL_FIRST) % TELL_EVERY == 0)
			tell_stalled(module, forward);
		usleep(PAUSE);
	}
	seen = look(module, forward);
	if (seen == TRANSITION_GOES_ON)
		tell_stalled(module, forward);
	return seen;
}
