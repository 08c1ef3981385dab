// SPDX-License-Identifier: GPL-2.0-only
/* list_read() reads the whole list, however few elements each call returns. */
#include <errno.h>

#include "cli.h"
#include "list.h"
#include "unit.h"

struct element {
	int number;
	char rest[100];
};

struct fake {
	int count, step, fail_at;
};

static int fake_list(const struct fake *fake, uint64_t *cursor, struct element *elements,
		     size_t element_size, size_t nr)
{
	int n = 0;

	assert_int_equal(element_size, sizeof(*elements));
	for (; n < fake->step && n < (int)nr && *cursor < (uint64_t)fake->count; n++) {
		if (*cursor == (uint64_t)fake->fail_at)
			return -EINTR;
		elements[n].number = (int)(*cursor)++;
	}
	if (*cursor == (uint64_t)fake->count)
		*cursor = 0;
	return n;
}

static void reads(int count, int step)
{
	struct fake fake = { count, step, -1 };
	struct element *elements __cleanup(list_free) = NULL;

	assert_int_equal(list_read(fake_list, &fake, &elements), count);
	for (int i = 0; i < count; i++)
		assert_int_equal(elements[i].number, i);
}

static void whole(void **state)
{
	reads(0, 1);
	reads(1, 1);
	reads(LIST_STEP, LIST_STEP);
	reads(LIST_STEP + 1, LIST_STEP);
	reads(1000, 7);
	reads(1000, 1000);
}

static void fails(void **state)
{
	struct fake fake = { 1000, 10, 500 };
	struct element *elements __cleanup(list_free) = NULL;

	assert_int_equal(list_read(fake_list, &fake, &elements), -EINTR);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
