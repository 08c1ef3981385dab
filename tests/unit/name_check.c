// SPDX-License-Identifier: GPL-2.0-only
/* shadowk_name_check() accepts the names that the kernel accepts, and no others. */
#include <errno.h>
#include <string.h>

#include <shadowk.h>

#include "unit.h"

static void good(void **state)
{
	static const char *const names[] = { "a", "web", "A-Z.0_9:x", "...", ".a", "-", "0" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (shadowk_name_check(names[i]))
			fail_msg("'%s' was refused", names[i]);
}

static void bad(void **state)
{
	static const char *const names[] = {
		"",    ".",    "..",	   "a/b", "/",	"a b",	" ",
		"a\n", "\x7f", "\xc3\xa4", "a*",  "%s", "a\\b",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (shadowk_name_check(names[i]) != -EINVAL)
			fail_msg("'%s' was not refused", names[i]);
}

static void length(void **state)
{
	char name[301];

	memset(name, 'a', sizeof(name));
	name[300] = '\0';
	assert_int_equal(shadowk_name_check(name), -ENAMETOOLONG);
	name[SHADOWK_NAME_LEN] = '\0';
	assert_int_equal(shadowk_name_check(name), -ENAMETOOLONG);
	name[SHADOWK_NAME_LEN - 1] = '\0';
	assert_int_equal(shadowk_name_check(name), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
