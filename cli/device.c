// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt lines of a device, and the kernel threads that serve it. */
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static struct wish *wish_add(struct wishes *wishes, uint32_t kind)
{
	struct wish *wish = reallocarray(wishes->wish, wishes->count + 1, sizeof(*wishes->wish));

	if (!wish)
		err(STATUS_REFUSED, NULL);
	wishes->wish = wish;
	wish += wishes->count++;
	*wish = (struct wish){ .kind = kind };
	return wish;
}

struct wish *wishes_add_irq(struct wishes *wishes, uint32_t irq)
{
	struct wish *wish = wish_add(wishes, SHADOWK_OWN_IRQ);

	wish->irq = irq;
	return wish;
}

struct wish *wishes_add_kthreads(struct wishes *wishes, const char *pattern)
{
	struct wish *wish = wish_add(wishes, SHADOWK_OWN_KTHREAD);

	snprintf(wish->pattern, sizeof(wish->pattern), "%s", pattern);
	return wish;
}

void wishes_free(struct wishes *wishes)
{
	free(wishes->wish);
}

/* Returns true if there is a process, such as a kernel thread, whose name begins with @prefix. */
static bool has_thread(const char *prefix)
{
	DIR *dir __cleanup(dir_close) = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[300], comm[80] = "";
		FILE *file __cleanup(file_close) = NULL;

		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(comm, sizeof(comm), file) &&
		    !strncmp(comm, prefix, strlen(prefix)))
			return true;
	}
	return false;
}

static void add_interface(struct wishes *wishes, const char *interface, bool optional)
{
	struct wish *wish = wish_add(wishes, SHADOWK_OWN_NAPI);

	snprintf(wish->pattern, sizeof(wish->pattern), "%.*s", SHADOWK_PATTERN_LEN - 1, interface);
	wish->optional = optional;
}

/*
 * Appends the kernel threads of a line. A driver creates them when it requests the line. So a line
 * without threads gets no pattern to own, which would slow down each context switch in vain. To
 * disown, the pattern is appended in any case, since the threads may have ended.
 */
static void add_line_threads(struct wishes *wishes, unsigned long irq, bool own)
{
	char prefix[32], pattern[40];

	snprintf(prefix, sizeof(prefix), "irq/%lu-", irq);
	if (own && !has_thread(prefix))
		return;
	snprintf(pattern, sizeof(pattern), "%s*", prefix);
	wishes_add_kthreads(wishes, pattern)->optional = !own;
}

/* Appends a line and its threads. Returns false if no driver has requested the line. */
static bool add_line(struct wishes *wishes, unsigned long irq, bool own)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/irq/%lu", irq);
	if (!irq || stat(path, &st))
		return false;
	wishes_add_irq(wishes, (uint32_t)irq)->optional = !own;
	add_line_threads(wishes, irq, own);
	return true;
}

/*
 * Appends the message-signalled interrupts of the device at @folder, or otherwise the line that it
 * may share with other devices. Returns false if it has neither.
 */
static bool add_lines(struct wishes *wishes, const char *folder, bool own)
{
	char path[PATH_MAX + 16], line[32];
	DIR *dir __cleanup(dir_close) = NULL;
	FILE *file __cleanup(file_close) = NULL;
	struct dirent *entry;
	bool found = false;

	snprintf(path, sizeof(path), "%s/msi_irqs", folder);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		found |= add_line(wishes, strtoul(entry->d_name, NULL, 10), own);
	if (found)
		return true;
	snprintf(path, sizeof(path), "%s/irq", folder);
	file = fopen(path, "re");
	return file && fgets(line, sizeof(line), file) &&
	       add_line(wishes, strtoul(line, NULL, 10), own);
}

/*
 * Appends the pattern of an interface's NAPI threads. The interface's name may contain characters
 * of patterns. Returns false if there are no such threads now.
 */
static bool add_napi_pattern(struct wishes *wishes, const char *interface, bool own)
{
	char prefix[SHADOWK_PATTERN_LEN], pattern[SHADOWK_PATTERN_LEN];
	size_t len = (size_t)snprintf(pattern, sizeof(pattern), "napi/");
	bool is_there;

	for (const char *c = interface; *c && len < sizeof(pattern) - 5; c++) {
		if (strchr("*?[]\\", *c))
			pattern[len++] = '\\';
		pattern[len++] = *c;
	}
	snprintf(pattern + len, sizeof(pattern) - len, "-*");
	snprintf(prefix, sizeof(prefix), "napi/%.40s-", interface);
	is_there = has_thread(prefix);
	wishes_add_kthreads(wishes, pattern)->optional = !own || !is_there;
	return is_there;
}

/*
 * Appends the NAPI threads of an interface. To disown, appends both ownerships that there may be.
 * Returns false if there is nothing to own now.
 */
static bool add_napi(struct wishes *wishes, const char *interface, enum device_use use)
{
	if (use == DEVICE_OWN)
		return add_napi_pattern(wishes, interface, true);
	if (use == DEVICE_DISOWN)
		add_napi_pattern(wishes, interface, false);
	add_interface(wishes, interface, use == DEVICE_DISOWN);
	return true;
}

static bool is_within(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return !strncmp(path, folder, len) && (!path[len] || path[len] == '/');
}

/*
 * Appends the NAPI threads of each interface below @folder. The kernel creates these threads when 1
 * is written to the interface's file "threaded". Returns false if there is nothing to own now.
 */
static bool add_interfaces(struct wishes *wishes, const char *folder, enum device_use use)
{
	DIR *dir __cleanup(dir_close) = opendir("/sys/class/net");
	struct dirent *entry;
	bool found = false;

	while (dir && (entry = readdir(dir))) {
		char path[300], is[PATH_MAX];

		snprintf(path, sizeof(path), "/sys/class/net/%s", entry->d_name);
		if (*entry->d_name != '.' && realpath(path, is) && is_within(is, folder))
			found |= add_napi(wishes, entry->d_name, use);
	}
	return found;
}

/* Writes the folder of a device below /sys/devices. Returns false if there is no such device. */
static bool device_find(const char *name, char *folder)
{
	static const char *const places[] = { "/sys/class/net", "/sys/class/block",
					      "/sys/class/tty", "/sys/bus/pci/devices",
					      "/sys/bus/virtio/devices" };

	if (strchr(name, '/'))
		return !strncmp(name, "/sys/devices/", 13) && realpath(name, folder);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		if (realpath(path, folder))
			return true;
	}
	return false;
}

/*
 * Appends the lines of the device at @folder, or of its controller in a folder above: a disk or a
 * port has none of its own. Changes @folder. Returns false if there are none.
 */
static bool add_nearest_lines(struct wishes *wishes, char *folder, bool own)
{
	char *slash;

	while (!add_lines(wishes, folder, own)) {
		slash = strrchr(folder, '/');
		if (!slash || slash - folder <= (ptrdiff_t)strlen("/sys/devices"))
			return false;
		*slash = '\0';
	}
	return true;
}

enum device_found wishes_add_device(struct wishes *wishes, const char *name, enum device_use use)
{
	char folder[PATH_MAX];
	bool found;

	if (!*name || !device_find(name, folder))
		return DEVICE_UNKNOWN;
	found = add_interfaces(wishes, folder, use);
	if (use == DEVICE_OWN_NAPI && !found)
		return DEVICE_NO_INTERFACE;
	found |= add_nearest_lines(wishes, folder, use != DEVICE_DISOWN);
	return found ? DEVICE_FOUND : DEVICE_UNKNOWN;
}
