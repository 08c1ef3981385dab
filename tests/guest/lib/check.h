/* SPDX-License-Identifier: GPL-2.0-only */
/* What every test in a guest needs: to say what it expected, and what it saw. */
#ifndef SHADOWK_TEST_CHECK_H
#define SHADOWK_TEST_CHECK_H

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define FORMAT(at) __attribute__((format(printf, at, (at) + 1)))

/* The test cannot go on without @what, a system call's success say. */
#define need(what)                                                     \
	do {                                                           \
		if (!(what))                                           \
			need_failed(__FILE__, __LINE__, #what, errno); \
	} while (0)

/* Likewise, of a function that returns -errno. */
#define need_ok(call)                                                  \
	({                                                             \
		long ret_ = (call);                                    \
		if (ret_ < 0)                                          \
			need_failed(__FILE__, __LINE__, #call, -ret_); \
		ret_;                                                  \
	})

/* Zeroes, which children have, too. */
void *shared_memory(size_t len);

_Noreturn void need_failed(const char *file, int line, const char *what, int error);

/* These print what differs, and are counted; the test goes on. */
void expect_eq(int64_t seen, int64_t expected, const char *what, ...) FORMAT(3);
void expect_range(int64_t seen, int64_t lowest, int64_t highest, const char *what, ...) FORMAT(4);
/* @seen is what a function returned: a negative errno is named. */
void expect_ret(long seen, long expected, const char *what, ...) FORMAT(3);
void expect(bool holds, const char *what, ...) FORMAT(2);

/* This guest has no such thing. */
_Noreturn void skip(const char *why, ...) FORMAT(1);

/*
 * The test's exit status. What the test left in the module is a failure too:
 * all its children are gone and its handles closed, unless the module is.
 */
int finish(void);
/* The module is to be held that often at the end, which nothing can change any more. */
void finish_held(long times);

/* make check-debug's: where only the number counts, a tenth will do. */
bool kernel_is_slow(void);

/* Since some moment. */
unsigned long milliseconds(void);

/* Something takes a while: try for as long as is decent. */
#define eventually(what)                           \
	({                                         \
		int tries_ = 0;                    \
		while (!(what) && tries_++ < 1000) \
			usleep(5000);              \
		tries_ <= 1000;                    \
	})

/* One file of a few bytes, a number mostly. */
bool read_file(const char *path, char *buf, size_t room);
long read_number(const char *path);
bool write_file(const char *path, const char *text);

/* A static branch of the kernel is switched on and off that often: its text is patched. */
void patch_text(unsigned int times);

#endif /* SHADOWK_TEST_CHECK_H */
