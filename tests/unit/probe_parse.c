// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places in the kernel's text are read strictly. Text that has none of the three forms SYMBOL,
 * SYMBOL+OFFSET and 0xADDRESS is refused.
 */
#include <errno.h>
#include <string.h>

#include <shadowk.h>

#include "unit.h"

static int parse(const char *text, struct shadowk_probe_spec *spec)
{
	*spec = (struct shadowk_probe_spec){ .size = sizeof(*spec), .addr = 7, .offset = 7 };
	strcpy(spec->symbol, "untouched");
	return shadowk_probe_parse(text, spec);
}

static void symbol_alone(void **state)
{
	struct shadowk_probe_spec spec;

	assert_int_equal(parse("vfs_read", &spec), 0);
	assert_string_equal(spec.symbol, "vfs_read");
	assert_int_equal(spec.offset, 0);
	assert_int_equal(spec.addr, 0);
	assert_int_equal(parse("foo.isra.0", &spec), 0);
	assert_string_equal(spec.symbol, "foo.isra.0");
}

static void symbol_and_offset(void **state)
{
	struct shadowk_probe_spec spec;

	assert_int_equal(parse("ext4:ext4_sync_file+16", &spec), 0);
	assert_string_equal(spec.symbol, "ext4:ext4_sync_file");
	assert_int_equal(parse("vfs_read+16", &spec), 0);
	assert_int_equal(spec.offset, 16);
	assert_int_equal(parse("vfs_read+0x1f", &spec), 0);
	assert_int_equal(spec.offset, 0x1f);
	assert_int_equal(parse("vfs_read+010", &spec), 0);
	assert_int_equal(spec.offset, 10);
}

static void address(void **state)
{
	struct shadowk_probe_spec spec;

	assert_int_equal(parse("0xffffffff81000000", &spec), 0);
	assert_int_equal(spec.addr, 0xffffffff81000000);
	assert_string_equal(spec.symbol, "");
	assert_int_equal(spec.offset, 0);
}

static void tracepoint(void **state)
{
	struct shadowk_probe_spec spec;

	assert_int_equal(parse("tracepoint:sched:sched_switch", &spec), 0);
	assert_string_equal(spec.symbol, "sched:sched_switch");
	assert_int_equal(spec.flags, SHADOWK_PROBE_TRACEPOINT);
	assert_int_equal(spec.addr, 0);
	assert_int_equal(spec.offset, 0);
	spec.flags |= SHADOWK_PROBE_FORCE_INT3;
	assert_int_equal(shadowk_probe_parse("tracepoint:sched_switch", &spec), 0);
	assert_string_equal(spec.symbol, "sched_switch");
	assert_int_equal(spec.flags, SHADOWK_PROBE_TRACEPOINT | SHADOWK_PROBE_FORCE_INT3);
	assert_int_equal(shadowk_probe_parse("tracepoints:f", &spec), 0);
	assert_int_equal(spec.flags, SHADOWK_PROBE_FORCE_INT3);
}

static void garbage(void **state)
{
	static const char *const bad[] = {
		"tracepoint:",
		"tracepoint:sched:",
		"tracepoint:sched:sched_switch:x",
		"tracepoint:sched:sched_switch+4",
		"tracepoint:0xffffffff81000000",
		"",
		"+",
		"+4",
		"vfs_read+",
		"vfs_read+zz",
		":vfs_read",
		"ext4:",
		"ext4:+4",
		"a:b:c",
		"vfs_read+-4",
		"vfs_read+ 4",
		"vfs read",
		" vfs_read",
		"vfs_read ",
		"vfs_read-4",
		"vfs_read+0x",
		"vfs_read+0x0x4",
		"vfs_read+4k",
		"vfs_read+4+4",
		"0x",
		"0x0",
		"0xzz",
		"0x12+4",
		"12345",
		"4read",
		"vfs/read",
		"\n",
		"vfs_read\n",
		"vfs_read+4\n",
		"vfs_read+0x-4",
		"0x 1",
		"vfs_read+0x+4",
	};
	struct shadowk_probe_spec spec;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i], &spec) != -EINVAL)
			fail_msg("'%s' was not refused", bad[i]);
		assert_string_equal(spec.symbol, "untouched");
		assert_int_equal(spec.addr, 7);
	}
}

static void too_big(void **state)
{
	struct shadowk_probe_spec spec;
	char text[SHADOWK_SYMBOL_LEN + 1];

	assert_int_equal(parse("vfs_read+0x1ffffffffffffffff", &spec), -ERANGE);
	assert_int_equal(parse("0x1ffffffffffffffff", &spec), -ERANGE);
	memset(text, 'a', sizeof(text));
	text[SHADOWK_SYMBOL_LEN] = '\0';
	assert_int_equal(parse(text, &spec), -ENAMETOOLONG);
	text[SHADOWK_SYMBOL_LEN - 1] = '\0';
	assert_int_equal(parse(text, &spec), 0);
	assert_string_equal(spec.symbol, text);
}

static void size_is_checked(void **state)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec) - 64 };

	assert_int_equal(shadowk_probe_parse("vfs_read", &spec), -EINVAL);
}

static void kinds(void **state)
{
	assert_int_equal(shadowk_kind_parse("latency"), SHADOWK_PROBE_LATENCY);
	assert_int_equal(shadowk_kind_parse("Latency"), -EINVAL);
	assert_int_equal(shadowk_kind_parse(""), -EINVAL);
	assert_string_equal(shadowk_kind_name(SHADOWK_PROBE_EVENT), "event");
	assert_string_equal(shadowk_kind_name(0), "unknown");
	assert_string_equal(shadowk_kind_name(UINT32_MAX), "unknown");
	assert_string_equal(shadowk_arm_name(SHADOWK_ARM_CALL), "call");
	assert_string_equal(shadowk_arm_name(99), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbol_alone),	   cmocka_unit_test(symbol_and_offset),
		cmocka_unit_test(address),	   cmocka_unit_test(tracepoint),
		cmocka_unit_test(garbage),	   cmocka_unit_test(too_big),
		cmocka_unit_test(size_is_checked), cmocka_unit_test(kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
