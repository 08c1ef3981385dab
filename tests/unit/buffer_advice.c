// SPDX-License-Identifier: GPL-2.0-only
/* After lost calls, trace and graph advise a larger --buffer, but none that --buffer refuses. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "tracer.h"
#include "unit.h"

static const struct {
	uint64_t kb;
	const char *text;
} cases[] = {
	{ 4, "add --buffer 32, or" },
	{ 1024, "add --buffer 8192, or" },
	{ 131072, "add --buffer 1048576, or" },
	{ 131073, "add --buffer 1048576, or" },
	{ 1048575, "add --buffer 1048576, or" },
	{ 1048576, "the buffer is as large as it can be: give" },
};

static void advice_is_accepted(void **state)
{
	const struct cli cli = { .path = "trace" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[64];
		uint64_t kb;

		assert_string_equal(buffer_advice(text, sizeof(text), cases[i].kb), cases[i].text);
		if (sscanf(text, "add --buffer %" SCNu64, &kb) != 1)
			continue;
		snprintf(text, sizeof(text), "%" PRIu64, kb);
		assert_true(buffer_parse(&cli, text) > cases[i].kb);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(advice_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
