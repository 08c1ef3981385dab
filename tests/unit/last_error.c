// SPDX-License-Identifier: GPL-2.0-only
/* Each thread has its own last error, with reason and subject. The thread's next call resets it. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/internal.h"
#include "unit.h"

static struct shadowk_shadow shadow = { .fd = -1 };
static struct shadowk dev = { .fd = -1 };

static void error_set(void)
{
	shk_error = (struct shk_error){ SHADOWK_REASON_XEN, 7, "subject" };
}

static void assert_reset(void)
{
	assert_int_equal(shadowk_reason(), 0);
	assert_int_equal(shadowk_busy(), 0);
	assert_string_equal(shadowk_error_subject(), "");
}

static void by_success(void **state)
{
	error_set();
	assert_int_equal(shadowk_name_check("web"), 0);
	assert_reset();
	error_set();
	assert_int_equal(shadowk_syscall_number("read"), 0);
	assert_reset();
}

static void by_errors_of_the_library(void **state)
{
	struct shadowk_probe_spec spec = { .size = 1 };

	error_set();
	assert_int_equal(shadowk_probe_parse("1", &spec), -EINVAL);
	assert_reset();
	error_set();
	assert_int_equal(shadowk_own_kthreads(&shadow, "0123456789012345678901234567890123456789"
						       "012345678901234567890123456789"),
			 -ENAMETOOLONG);
	assert_reset();
	error_set();
	assert_int_equal(shadowk_cgroup_attach(&shadow, "/no/such"), -ENOENT);
	assert_reset();
}

/* The kernel writes no reason if the call or the descriptor is unknown to the module. */
static void by_errors_without_reason(void **state)
{
	error_set();
	assert_int_equal(shadowk_shadow_destroy(&shadow), -EBADF);
	assert_reset();
}

static void as_the_kernel_says(void **state)
{
	struct shadowk_shadow *made;

	assert_int_equal(shadowk_shadow_open(&dev, "a/b", &made), -EINVAL);
	assert_int_equal(shadowk_reason(), SHADOWK_REASON_NAME_INVALID);
	assert_int_equal(shadowk_process_attach(&shadow, 4194304), -ESRCH);
	assert_int_equal(shadowk_reason(), SHADOWK_REASON_PROCESS_EXITED);
	assert_int_equal(shadowk_process_attach(&shadow, -1), -ESRCH);
	assert_int_equal(shadowk_reason(), SHADOWK_REASON_PROCESS_EXITED);
	assert_int_equal(shadowk_syscalls_create(&shadow, &(unsigned int){ 512 }, 1, &made, NULL),
			 -EINVAL);
	assert_int_equal(shadowk_reason(), SHADOWK_REASON_SYSCALL_UNKNOWN);
}

static void *other_thread(void *unused)
{
	assert_reset();
	error_set();
	return NULL;
}

static void of_the_thread(void **state)
{
	pthread_t thread;

	error_set();
	assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(shadowk_reason(), SHADOWK_REASON_XEN);
}

static pid_t tid;
static int ends[2];

static void *thread_wait(void *unused)
{
	char c;

	tid = (pid_t)syscall(SYS_gettid);
	assert_int_equal(write(ends[1], "", 1), 1);
	assert_int_equal(read(ends[1], &c, 1), 1);
	return NULL;
}

/* The pidfd of a thread that is not the first of its process is a pidfd of the process. */
static void pidfd_of_any_thread(void **state)
{
	char path[64], line[64] = "";
	pthread_t thread;
	FILE *file;
	int fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(pthread_create(&thread, NULL, thread_wait, NULL), 0);
	assert_int_equal(read(ends[0], line, 1), 1);
	fd = shk_pidfd_open(tid);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (fgets(line, sizeof(line), file) && strncmp(line, "Pid:", 4))
		;
	fclose(file);
	assert_int_equal(atoi(line + 4), getpid());
	close(fd);
	assert_int_equal(write(ends[0], "", 1), 1);
	pthread_join(thread, NULL);
	/* The thread has exited, and its process is still running. */
	assert_int_equal(shk_pidfd_open(tid), -ESRCH);
	assert_int_equal(shadowk_reason(), SHADOWK_REASON_PROCESS_EXITED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_success),
		cmocka_unit_test(by_errors_of_the_library),
		cmocka_unit_test(by_errors_without_reason),
		cmocka_unit_test(as_the_kernel_says),
		cmocka_unit_test(of_the_thread),
		cmocka_unit_test(pidfd_of_any_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
