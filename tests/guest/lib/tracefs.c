// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>

#include "tracefs.h"

#define TRACEFS "/sys/kernel/tracing/"

bool tracefs_try(const char *file, const char *text)
{
	char path[256];
	ssize_t len = strlen(text);
	bool done;
	int fd;

	snprintf(path, sizeof(path), TRACEFS "%s", file);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = write(fd, text, len) == len;
	close(fd);
	return done;
}

void tracefs_write(const char *file, const char *text)
{
	if (tracefs_try(file, text))
		return;
	printf("%s was refused: %s\n", file, text);
	need(!"tracefs");
}

/* Counts the lines of the trace at @path that contain @text. */
static long count_lines(const char *path, const char *text)
{
	FILE *file = fopen(path, "re");
	char line[1024];
	long n = 0;

	need(file);
	while (fgets(line, sizeof(line), file))
		n += line[0] != '#' && strstr(line, text);
	fclose(file);
	return n;
}

/* Empties the trace at @path. */
static void clear(const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	need(fd >= 0);
	close(fd);
}

long tracefs_count(const char *text)
{
	return count_lines(TRACEFS "trace", text);
}

void tracefs_clear(void)
{
	clear(TRACEFS "trace");
}

long tracefs_take(const char *instance, const char *text)
{
	char path[192];
	long n;

	snprintf(path, sizeof(path), TRACEFS "%strace", instance);
	n = count_lines(path, text);
	clear(path);
	return n;
}

static void enable(const char *name, const char *value)
{
	char file[128];

	snprintf(file, sizeof(file), "events/kprobes/%s/enable", name);
	tracefs_write(file, value);
}

void kprobe_add(const char *name, const char *place)
{
	char text[256];

	snprintf(text, sizeof(text), "p:%s %s\n", name, place);
	tracefs_write("kprobe_events", text);
	enable(name, "1");
}

void kprobe_remove(const char *name)
{
	char text[256];

	enable(name, "0");
	snprintf(text, sizeof(text), "-:%s\n", name);
	tracefs_write("kprobe_events", text);
}

long kprobe_hits(const char *name)
{
	FILE *file = fopen(TRACEFS "kprobe_profile", "re");
	long found = -1, n, missed;
	char event[128];

	need(file);
	while (fscanf(file, "%127s %ld %ld", event, &n, &missed) == 3)
		if (!strcmp(event, name))
			found = n;
	fclose(file);
	need(found >= 0);
	return found;
}

bool kprobe_is_optimised(uint64_t addr)
{
	FILE *file = fopen("/sys/kernel/debug/kprobes/list", "re");
	bool found = false;
	char line[512];

	need(file);
	while (fgets(line, sizeof(line), file))
		found |= strtoull(line, NULL, 16) == addr && strstr(line, "[OPTIMIZED]");
	fclose(file);
	return found;
}

bool kprobes_optimise(bool wanted)
{
	return write_file("/proc/sys/debug/kprobes-optimization", wanted ? "1\n" : "0\n");
}
