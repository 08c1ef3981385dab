// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module must refuse a machine on which vmemmap shares a top-level page-table entry with text.
 * shk_shares_top_entry() finds such layouts, with four and with five levels.
 */
#include <stdbool.h>

#include "../../kmod/compat/machine.h"
#include "unit.h"

#define TEXT	 0xffffffff81000000UL
#define TERABYTE (1UL << 40)

static void four_levels(void **state)
{
	assert_false(shk_shares_top_entry(0xffffea0000000000, TERABYTE, TEXT, 39));
	/* the highest address that KASLR can choose for vmemmap */
	assert_false(shk_shares_top_entry(0xfffffd0000000000, TERABYTE, TEXT, 39));
}

static void five_levels(void **state)
{
	assert_false(shk_shares_top_entry(0xffd4000000000000, 64 * TERABYTE, TEXT, 48));
	assert_false(shk_shares_top_entry(0xfffec00000000000, 64 * TERABYTE, TEXT, 48));
	assert_true(shk_shares_top_entry(0xfffec00040000000, 64 * TERABYTE, TEXT, 48));
	assert_true(shk_shares_top_entry(0xffff000000000000, 64 * TERABYTE, TEXT, 48));
	assert_true(shk_shares_top_entry(0xfffffd0000000000, 64 * TERABYTE, TEXT, 48));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_levels),
		cmocka_unit_test(five_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
