// SPDX-License-Identifier: GPL-2.0-only
/* Numbers on the command line are read strictly. Blanks, signs and units are wrong usage. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "unit.h"

static const struct verb verb = { .name = "test", .args = "" };
static struct cli cli = { .verb = &verb, .path = "test" };

static void as_pid(const char *text)
{
	pid_parse(&cli, text);
}

static void as_count(const char *text)
{
	count_parse(&cli, text);
}

static void as_seconds(const char *text)
{
	seconds_parse(&cli, text);
}

/* parse() ends the process with STATUS_USAGE if the argument is wrong. */
static void refused(void (*parse)(const char *text), const char *text)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		close(STDERR_FILENO);
		parse(text);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != STATUS_USAGE)
		fail_msg("'%s' was not refused", text);
}

static void pids(void **state)
{
	static const char *const bad[] = {
		"",
		"0",
		"00",
		"-1",
		"+1",
		"1x",
		"x",
		" 1",
		"1 ",
		"0x1",
		"1.0",
		"2147483648",
		"99999999999999999999999",
		"1\n",
		"self",
		"1,2",
	};

	assert_int_equal(pid_parse(&cli, "1"), 1);
	assert_int_equal(pid_parse(&cli, "0012"), 12);
	assert_int_equal(pid_parse(&cli, "4194304"), 4194304);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused(as_pid, bad[i]);
}

static void counts(void **state)
{
	static const char *const bad[] = { "", "0", "-1", "1k", "18446744073709551616", "0x4" };

	assert_int_equal(count_parse(&cli, "18446744073709551615"), UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused(as_count, bad[i]);
}

static void seconds(void **state)
{
	static const char *const bad[] = {
		"",    "0",   "0.0", "-1",    "nan", "inf",	"1s",
		"1e3", "0x1", ".",   "1.2.3", " 1",  "1000001", "1,5",
	};

	assert_true(seconds_parse(&cli, "0.5") == 0.5);
	assert_true(seconds_parse(&cli, ".5") == 0.5);
	assert_true(seconds_parse(&cli, "10") == 10);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused(as_seconds, bad[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pids),
		cmocka_unit_test(counts),
		cmocka_unit_test(seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
