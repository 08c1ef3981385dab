/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of /dev/shadowk share. They speak to the ioctls without
 * libshadowk, which would not let most of their input through.
 */
#ifndef SHADOWK_TEST_UAPI_H
#define SHADOWK_TEST_UAPI_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/shadowk.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NO_PID	      4194304 /* PID_MAX_LIMIT: never given out */

static int failures;

static inline const char *outcome(long value)
{
	static char text[4][24];
	static int turn;
	char *buf = text[turn++ % 4];

	if (value < 0 && strerrorname_np(-value))
		return strerrorname_np(-value);
	snprintf(buf, sizeof(text[0]), "%ld", value);
	return buf;
}

/* All checks of a test run, so that one failure does not hide the next. */
#define expect(got, want) expect_at(__FILE__, __LINE__, #got, got, want)
#define expect_ok(got)	  expect_ok_at(__FILE__, __LINE__, #got, got)
#define expect_true(what) expect_at(__FILE__, __LINE__, #what, !!(what), 1)

static inline void __attribute__((unused))
expect_at(const char *file, int line, const char *what, long got, long want)
{
	if (got == want)
		return;
	printf("%s:%d: %s: %s, expected %s\n", file, line, what, outcome(got), outcome(want));
	failures++;
}

static inline long __attribute__((unused))
expect_ok_at(const char *file, int line, const char *what, long got)
{
	if (got < 0) {
		printf("%s:%d: %s: %s\n", file, line, what, outcome(got));
		failures++;
	}
	return got;
}

#define need(what)                                                                                \
	do {                                                                                      \
		if (!(what)) {                                                                    \
			printf("%s:%d: cannot go on without %s: %s\n", __FILE__, __LINE__, #what, \
			       strerror(errno));                                                  \
			exit(1);                                                                  \
		}                                                                                 \
	} while (0)

static inline long call(int fd, unsigned long nr, void *arg)
{
	int ret = ioctl(fd, nr, arg);

	return ret < 0 ? -errno : ret;
}

static inline int device_open(void)
{
	int fd = open(SHK_DEVICE, O_RDWR | O_CLOEXEC);

	need(fd >= 0);
	return fd;
}

/* As much as fits: a name that fills its array has no NUL, which is a test of its own. */
static inline void name_put(char *to, size_t room, const char *name)
{
	for (size_t i = 0; i < room && name[i]; i++)
		to[i] = name[i];
}

static inline long shadow_create(int dev, const char *name)
{
	struct shk_shadow_create arg = { .size = sizeof(arg) };

	name_put(arg.name, sizeof(arg.name), name);
	return call(dev, SHK_SHADOW_CREATE, &arg);
}

static inline long shadow_open(int dev, const char *name)
{
	struct shk_shadow_open arg = { .size = sizeof(arg) };

	name_put(arg.name, sizeof(arg.name), name);
	return call(dev, SHK_SHADOW_OPEN, &arg);
}

static inline long shadow_destroy(int handle)
{
	return call(handle, SHK_SHADOW_DESTROY,
		    &(struct shk_shadow_destroy){ .size = sizeof(struct shk_shadow_destroy) });
}

static inline long attach(int handle, int pid)
{
	return call(handle, SHK_PROCESS_ATTACH,
		    &(struct shk_process){ .size = sizeof(struct shk_process), .pid = pid });
}

static inline long detach(int dev, int pid)
{
	return call(dev, SHK_PROCESS_DETACH,
		    &(struct shk_process){ .size = sizeof(struct shk_process), .pid = pid });
}

static inline long enter(int handle)
{
	return call(handle, SHK_ENTER, &(struct shk_enter){ .size = sizeof(struct shk_enter) });
}

static inline long leave(int handle)
{
	return call(handle, SHK_LEAVE, &(struct shk_enter){ .size = sizeof(struct shk_enter) });
}

static inline long whereabouts(int dev, int pid)
{
	struct shk_process_info arg = { .size = sizeof(arg), .pid = pid };

	return call(dev, SHK_PROCESS_INFO, &arg);
}

/* A wish for a counting probe, to be varied. */
static inline struct shk_probe_add probe_at(const char *symbol, uint64_t offset)
{
	struct shk_probe_add arg = {
		.size = sizeof(arg),
		.kind = SHK_PROBE_COUNT,
		.offset = offset,
	};

	name_put(arg.symbol, sizeof(arg.symbol), symbol);
	return arg;
}

static inline long probe_add(int handle, struct shk_probe_add arg)
{
	return call(handle, SHK_PROBE_ADD, &arg);
}

static inline long probe_remove(int handle, uint64_t id)
{
	struct shk_probe_remove arg = { .size = sizeof(arg), .id = id };

	return call(handle, SHK_PROBE_REMOVE, &arg);
}

static inline long patch_remove(int handle, uint64_t id)
{
	struct shk_patch_remove arg = { .size = sizeof(arg), .id = id };

	return call(handle, SHK_PATCH_REMOVE, &arg);
}

static inline void state_patches(FILE *out, int handle)
{
	struct shk_patch_info p = { .size = sizeof(p) };

	while (!call(handle, SHK_PATCH_NEXT, &p)) {
		fprintf(out, "patch %llu '%s' %s+%llu kind %u flags %u value %llu\n",
			(unsigned long long)p.id, p.name, p.symbol, (unsigned long long)p.offset,
			p.kind, p.flags, (unsigned long long)p.value);
		p.index++;
		p.flags = 0;
	}
}

static inline long raw_remove(int handle, uint64_t id)
{
	struct shk_raw_remove arg = { .size = sizeof(arg), .id = id };

	return call(handle, SHK_RAW_REMOVE, &arg);
}

static inline void state_shadow(FILE *out, const struct shk_shadow_info *s)
{
	fprintf(out, "shadow %llu '%.64s': %u inside, %u probes, %u pages, %u ranges, %llu bytes\n",
		(unsigned long long)s->id, s->name, s->nr_grafts, s->nr_probes, s->private_pages,
		s->diverged_ranges, (unsigned long long)s->memory);
}

static inline void state_probes(FILE *out, int handle)
{
	struct shk_probe_info p = { .size = sizeof(p), .id = 1 };

	while (!call(handle, SHK_PROBE_NEXT, &p)) {
		fprintf(out, "probe %llu '%s' %s+%llu kind %u flags %u\n", (unsigned long long)p.id,
			p.name, p.symbol, (unsigned long long)p.offset, p.kind, p.flags);
		p.id++;
		p.flags = 0;
	}
}

static inline void state_raws(FILE *out, int handle)
{
	struct shk_raw_info r = { .size = sizeof(r), .id = 1 };

	while (!call(handle, SHK_RAW_NEXT, &r)) {
		fprintf(out, "raw %llu %s+%llu, %llu bytes, flags %u\n", (unsigned long long)r.id,
			r.symbol, (unsigned long long)r.offset, (unsigned long long)r.len, r.flags);
		r.id++;
		r.flags = 0;
	}
}

static inline unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* All that a call that fails must leave as it was, as text; @handle's probes too. */
static inline char *state(int dev, int handle)
{
	struct shk_info info = { .size = sizeof(info) };
	struct shk_shadow_info s = { .size = sizeof(s), .id = 1 };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	need(call(dev, SHK_INFO, &info) == 0);
	fprintf(out, "%u shadows, %u grafts, %llu bytes, %u descriptors\n", info.nr_shadows,
		info.nr_grafts, (unsigned long long)info.memory, open_fds());
	for (; !call(dev, SHK_SHADOW_NEXT, &s); s.id++)
		state_shadow(out, &s);
	if (handle >= 0) {
		state_probes(out, handle);
		state_patches(out, handle);
		state_raws(out, handle);
	}
	fclose(out);
	return text;
}

#define expect_state(dev, handle, before) expect_state_at(__FILE__, __LINE__, dev, handle, before)

static inline void __attribute__((unused))
expect_state_at(const char *file, int line, int dev, int handle, const char *before)
{
	char *now = state(dev, handle);

	if (strcmp(now, before)) {
		printf("%s:%d: state was\n%sand is\n%s", file, line, before, now);
		failures++;
	}
	free(now);
}

static inline int finish(void)
{
	if (failures)
		printf("%d failures\n", failures);
	return failures ? 1 : 0;
}

/* A child that waits to be killed; ends with its parent. */
static inline pid_t sleeper(void)
{
	pid_t pid = fork();

	need(pid >= 0);
	if (!pid) {
		for (;;)
			pause();
	}
	return pid;
}

static inline void sleeper_end(pid_t pid)
{
	kill(pid, 9);
	waitpid(pid, NULL, 0);
}

#endif /* SHADOWK_TEST_UAPI_H */
