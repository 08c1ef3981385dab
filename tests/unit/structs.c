// SPDX-License-Identifier: GPL-2.0-only
/*
 * A struct of a program that was built against another release of the library is read correctly, or
 * refused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/internal.h"
#include "unit.h"

struct known {
	size_t size;
	uint32_t first;
	uint32_t second;
	uint32_t newer;
};

#define LEAST SHK_LEAST(struct known, second)

static unsigned char given[8192];

static int copy(size_t size, struct known *to)
{
	memset(to, 0xff, sizeof(*to));
	memcpy(given, &size, sizeof(size));
	return shk_copy_in(to, sizeof(*to), given, LEAST);
}

static void setup(void)
{
	memset(given, 0, sizeof(given));
	for (size_t i = sizeof(size_t); i < sizeof(struct known); i++)
		given[i] = (unsigned char)i;
}

static void as_known(void **state)
{
	struct known to;

	setup();
	assert_int_equal(copy(sizeof(to), &to), 0);
	assert_memory_equal(&to, given, sizeof(to));
}

static void shorter(void **state)
{
	struct known to;

	setup();
	assert_int_equal(copy(LEAST, &to), 0);
	assert_memory_equal(&to, given, LEAST);
	assert_int_equal(to.newer, 0);
	assert_int_equal(copy(LEAST - 1, &to), -EINVAL);
	assert_int_equal(copy(0, &to), -EINVAL);
}

static void longer(void **state)
{
	struct known to;

	setup();
	assert_int_equal(copy(sizeof(to) + 9, &to), 0);
	assert_int_equal(to.size, sizeof(to) + 9);
	for (size_t i = sizeof(to); i < sizeof(to) + 9; i++) {
		given[i] = 1;
		assert_int_equal(copy(sizeof(to) + 9, &to), -E2BIG);
		given[i] = 0;
	}
	given[sizeof(to) + 9] = 1;
	assert_int_equal(copy(sizeof(to) + 9, &to), 0);
}

static void far_longer(void **state)
{
	struct known to;

	setup();
	assert_int_equal(copy(4096, &to), 0);
	assert_int_equal(copy(4097, &to), -E2BIG);
	assert_int_equal(copy(SIZE_MAX, &to), -E2BIG);
}

/*
 * shk_copy_out() writes 0 to members that the library does not know, and nothing behind the struct.
 */
static void copied_out(void **state)
{
	struct known from = { .size = sizeof(from), .first = 1, .second = 2, .newer = 3 }, to;
	unsigned char more[sizeof(from) + 8];
	size_t size = sizeof(more) - 1;

	memset(more, 0xff, sizeof(more));
	memcpy(more, &size, sizeof(size));
	shk_copy_out(more, &from, sizeof(from));
	assert_memory_equal(more, &size, sizeof(size));
	assert_memory_equal(more + sizeof(size), &from.first, sizeof(from) - sizeof(size));
	for (size_t i = sizeof(from); i < size; i++)
		assert_int_equal(more[i], 0);
	assert_int_equal(more[size], 0xff);

	memset(&to, 0xff, sizeof(to));
	to.size = LEAST;
	shk_copy_out(&to, &from, sizeof(from));
	assert_int_equal(to.size, LEAST);
	assert_int_equal(to.second, 2);
	assert_int_equal(to.newer, UINT32_MAX);
}

/* Every call that takes such a struct checks its size by shk_copy_in(). */
static void all_calls(void **state)
{
	struct shadowk_shadow shadow = { .fd = -1 };
	struct shadowk dev = { .fd = -1 };
	union {
		size_t size;
		unsigned char bytes[8192];
		struct shadowk_info info;
		struct shadowk_process_info process;
		struct shadowk_probe_spec probe;
		struct shadowk_patch_spec patch;
		struct shadowk_raw_spec raw;
		struct shadowk_text text;
	} arg;

	memset(&arg, 0, sizeof(arg));
	for (int bad = 0; bad < 2; bad++) {
		int err = bad ? -E2BIG : -EBADF, parsed = bad ? -E2BIG : 0;

		arg.size = 4000;
		arg.bytes[3999] = bad;
		assert_int_equal(shadowk_info(&dev, &arg.info), err);
		assert_int_equal(shadowk_process_info(&dev, 0, &arg.process), err);
		assert_int_equal(shadowk_probe_parse("f", &arg.probe), parsed);
		assert_int_equal(shadowk_probe_add(&shadow, &arg.probe), err);
		memset(arg.bytes + sizeof(size_t), 0, 1000);
		assert_int_equal(shadowk_raw_parse("f", &arg.raw), parsed);
		assert_int_equal(shadowk_raw_add(&shadow, &arg.raw), err);
		memset(arg.bytes + sizeof(size_t), 0, 1000);
		assert_int_equal(shadowk_patch_add(&shadow, &arg.patch), err);
		assert_int_equal(shadowk_text_read(&shadow, &arg.text), err);
	}
}

/* Members that a kind of patch does not use must be 0: the kernel would not get their values. */
static void unused_members(void **state)
{
	struct shadowk_shadow shadow = { .fd = -1 };
	struct shadowk_patch_spec nop = { .size = sizeof(nop), .kind = SHADOWK_PATCH_NOP };
	struct shadowk_patch_spec module = { .size = sizeof(module), .kind = SHADOWK_PATCH_MODULE };

	assert_int_equal(shadowk_patch_add(&shadow, &nop), -EBADF);
	nop.value = 1;
	assert_int_equal(shadowk_patch_add(&shadow, &nop), -EINVAL);
	nop.value = 0;
	nop.object[0] = 'x';
	assert_int_equal(shadowk_patch_add(&shadow, &nop), -EINVAL);
	memset(module.object, 'x', 63);
	assert_int_equal(shadowk_patch_add(&shadow, &module), -EBADF);
	module.object[63] = 'x';
	assert_int_equal(shadowk_patch_add(&shadow, &module), -EINVAL);
	module.object[0] = '\0';
	module.symbol[0] = 'x';
	assert_int_equal(shadowk_patch_add(&shadow, &module), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_known),	  cmocka_unit_test(shorter),
		cmocka_unit_test(longer),	  cmocka_unit_test(far_longer),
		cmocka_unit_test(copied_out),	  cmocka_unit_test(all_calls),
		cmocka_unit_test(unused_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
