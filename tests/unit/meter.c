// SPDX-License-Identifier: GPL-2.0-only
/* A change is better if its median is lower, and if all pairs agree, or all of ten but one. */
#include <math.h>

#include "cli.h"
#include "meter.h"
#include "unit.h"

static void check(const double *before, const double *after, size_t nr, bool possible, bool better)
{
	struct comparison comparison;

	assert_int_equal(comparison_make(&comparison, before, after, nr), possible);
	if (possible)
		assert_int_equal(comparison.is_better, better);
}

static void decides(void **state)
{
	const double base[] = { 10, 12, 11, 10 };

	(void)state;
	check(base, (const double[]){ 9, 11, 10, 9 }, 4, true, true);
	/* One pair of four, and half of the pairs */
	check(base, (const double[]){ 9, 11, 9, 20 }, 4, true, false);
	check(base, (const double[]){ 5, 5, 12, 11 }, 4, true, false);
	check(base, base, 4, true, false);
	check(base, (const double[]){ 11, 13, 12, 11 }, 4, true, false);
}

/* One exception of 9 pairs and more, two never, none of 8. */
static void permits_an_exception(void **state)
{
	const double base[] = { 9, 9, 9, 9, 9, 9, 9, 9, 9, 9 };
	const double one[] = { 8, 8, 8, 8, 8, 8, 8, 8, 8, 10 };
	const double two[] = { 8, 8, 8, 8, 8, 8, 8, 8, 10, 10 };

	(void)state;
	check(base, one, 10, true, true);
	check(base, two, 10, true, false);
	check(base, two, 9, true, true);
	check(base, two + 2, 7, true, false);
	check(base, one + 2, 8, true, false);
	check(base, one, 8, true, true);
}

static void needs_operations(void **state)
{
	const double base[] = { 10, NAN, NAN, 10 }, after[] = { 9, 9, NAN, 9 };
	struct comparison comparison;

	(void)state;
	check(base, after, 4, true, true);
	check(base, (const double[]){ 9, 9, NAN, NAN }, 4, false, false);
	check(NULL, NULL, 0, false, false);
	assert_true(comparison_make(&comparison, base, after, 4));
	assert_int_equal(comparison.pairs, 2);
	assert_int_equal(comparison.better, 2);
	assert_true(comparison.before > 9.9 && comparison.before < 10.1);
	assert_true(comparison.after > 8.9 && comparison.after < 9.1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(permits_an_exception),
		cmocka_unit_test(needs_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
