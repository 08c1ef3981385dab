// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "check.h"
#include "shadows.h"

/* Counts the failures in all processes of the test. */
static atomic_uint *failures;

void *shared_memory(size_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	need(mem != MAP_FAILED);
	return mem;
}

static void __attribute__((constructor)) failures_init(void)
{
	failures = shared_memory(sizeof(*failures));
}

_Noreturn void need_failed(const char *file, int line, const char *what, int error)
{
	printf("%s:%d: cannot go on without %s: %s\n", file, line, what, strerror(error));
	fflush(stdout);
	_exit(1);
}

static const char *value(int64_t v, bool is_error)
{
	static char text[4][32];
	static unsigned int turn;
	char *buf = text[turn++ % ARRAY_SIZE(text)];

	if (is_error && v < 0 && strerrorname_np(-v))
		return strerrorname_np(-v);
	snprintf(buf, sizeof(text[0]), "%" PRId64, v);
	return buf;
}

/* Prints one line by one call, since several processes of the test print. */
static void fail(const char *what, va_list args, const char *rest, ...) FORMAT(3);

static void fail(const char *what, va_list args, const char *rest, ...)
{
	char line[512];
	va_list more;
	int len;

	len = vsnprintf(line, sizeof(line), what, args);
	va_start(more, rest);
	vsnprintf(line + len, sizeof(line) - len, rest, more);
	va_end(more);
	printf("FAIL: %s\n", line);
	fflush(stdout);
	(*failures)++;
}

void expect_eq(int64_t seen, int64_t expected, const char *what, ...)
{
	va_list args;

	if (seen == expected)
		return;
	va_start(args, what);
	fail(what, args, ": %s, expected %s", value(seen, false), value(expected, false));
	va_end(args);
}

void expect_range(int64_t seen, int64_t lowest, int64_t highest, const char *what, ...)
{
	va_list args;

	if (seen >= lowest && seen <= highest)
		return;
	va_start(args, what);
	fail(what, args, ": %s, expected %s to %s", value(seen, false), value(lowest, false),
	     value(highest, false));
	va_end(args);
}

void expect_ret(long seen, long expected, const char *what, ...)
{
	va_list args;

	if (seen == expected)
		return;
	va_start(args, what);
	fail(what, args, ": %s, expected %s", value(seen, true), value(expected, true));
	va_end(args);
}

void expect(bool holds, const char *what, ...)
{
	va_list args;

	if (holds)
		return;
	va_start(args, what);
	fail(what, args, "%s", "");
	va_end(args);
}

_Noreturn void skip(const char *why, ...)
{
	va_list args;

	va_start(args, why);
	vprintf(why, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(77);
}

static long held_for_good;

void finish_held(long times)
{
	held_for_good = times;
}

int finish(void)
{
	shadows_done();
	if (!access("/sys/module/shadowk", F_OK) &&
	    !eventually(module_references() <= held_for_good)) {
		printf("FAIL: the module is held %ld times, expected %ld\n", module_references(),
		       held_for_good);
		(*failures)++;
	}
	if (*failures)
		printf("%u failures\n", *failures);
	fflush(stdout);
	return *failures ? 1 : 0;
}

bool kernel_is_slow(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

bool read_file(const char *path, char *buf, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len, have = 0;

	if (fd < 0)
		return false;
	while ((len = read(fd, buf + have, room - 1 - have)) > 0)
		have += len;
	close(fd);
	buf[have] = 0;
	return len >= 0;
}

long read_number(const char *path)
{
	char text[64];

	return read_file(path, text, sizeof(text)) ? strtol(text, NULL, 0) : -1;
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = -1;
	int error;

	if (fd < 0)
		return false;
	len = write(fd, text, strlen(text));
	error = errno;
	close(fd);
	errno = error;
	return len == (ssize_t)strlen(text);
}

void patch_text(unsigned int times)
{
	static const char branch[] = "/proc/sys/kernel/sched_schedstats";

	while (times--)
		need(write_file(branch, "1\n") && write_file(branch, "0\n"));
}

unsigned long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
