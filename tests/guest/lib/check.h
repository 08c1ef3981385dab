/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions that every test in a guest needs: checks that report what was expected and seen. */
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

/*
 * Ends the test as failed if @what is false, and prints errno. For conditions without which the
 * test makes no sense, for example the success of a system call.
 */
#define need(what)                                                     \
	do {                                                           \
		if (!(what))                                           \
			need_failed(__FILE__, __LINE__, #what, errno); \
	} while (0)

/* Evaluates to the result of @call. Ends the test as failed if it is negative: -errno. */
#define need_ok(call)                                                  \
	({                                                             \
		long ret_ = (call);                                    \
		if (ret_ < 0)                                          \
			need_failed(__FILE__, __LINE__, #call, -ret_); \
		ret_;                                                  \
	})

/* Zeroed memory that children share with the test. */
void *shared_memory(size_t len);

_Noreturn void need_failed(const char *file, int line, const char *what, int error);

/* Each prints a line if the check fails, and counts the failure. The test continues. */
void expect_eq(int64_t seen, int64_t expected, const char *what, ...) FORMAT(3);
void expect_range(int64_t seen, int64_t lowest, int64_t highest, const char *what, ...) FORMAT(4);
/* @seen is the result of a function. A negative value is printed as the name of an errno. */
void expect_ret(long seen, long expected, const char *what, ...) FORMAT(3);
void expect(bool holds, const char *what, ...) FORMAT(2);

/* Ends the test as skipped: this guest lacks something that the test needs. */
_Noreturn void skip(const char *why, ...) FORMAT(1);

/*
 * Returns the test's exit status. Closes the test's handles. It is a failure if the module is still
 * referenced then, so the caller ends all children before.
 */
int finish(void);
/* Permits @times references to the module at the end: references that no call can drop. */
void finish_held(long times);

/* True on the debug kernel, where a test may make fewer rounds. */
bool kernel_is_slow(void);

/* Time of the monotonic clock. */
unsigned long milliseconds(void);

/* Evaluates @what again until it is true, for 5 s at most. Evaluates to false if it never was. */
#define eventually(what)                           \
	({                                         \
		int tries_ = 0;                    \
		while (!(what) && tries_++ < 1000) \
			usleep(5000);              \
		tries_ <= 1000;                    \
	})

/* Files that hold some bytes, mostly one number. */
bool read_file(const char *path, char *buf, size_t room);
long read_number(const char *path);
bool write_file(const char *path, const char *text);

/*
 * Switches a static key of the kernel on and off, @times times, so that the kernel patches its
 * text.
 */
void patch_text(unsigned int times);

#endif /* SHADOWK_TEST_CHECK_H */
