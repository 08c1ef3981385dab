// SPDX-License-Identifier: GPL-2.0-only
/*
 * The profiles of the tree can be read, and each kind of line has the meaning that shadowctl(1)
 * gives it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "profile.h"
#include "unit.h"

static char path[] = "/tmp/profile_read.XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 || close(fd);
}

static int remove_file(void **state)
{
	return unlink(path);
}

static void write_profile(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static const struct profile_item *find(const struct profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->count; i++)
		if (!strcmp(profile->item[i].name, name))
			return &profile->item[i];
	fail_msg("%s has no item '%s'", profile->path, name);
	return NULL;
}

static void of_the_tree(void **state)
{
	struct profile trusted = { 0 }, locks = { 0 };

	assert_int_equal(profile_read(&trusted, "profiles/trusted"), STATUS_DONE);
	assert_true(find(&trusted, "retpolines")->optional);
	assert_int_equal(find(&trusted, "retpolines")->patch.kind, SHADOWK_PATCH_RETPOLINES);
	assert_string_equal(find(&trusted, "usercopy")->patch.symbol, "__check_object_size");
	assert_int_equal(find(&trusted, "file-open")->patch.kind, SHADOWK_PATCH_RETURN);
	assert_int_equal(profile_read(&locks, "profiles/debug-locks"), STATUS_DONE);
	assert_int_equal(find(&locks, "mutex-wait")->probe.kind, SHADOWK_PROBE_LATENCY);
	assert_string_equal(find(&locks, "mutex-wait")->probe.name, "debug-locks:mutex-wait");
	profile_free(&trusted);
	profile_free(&locks);
}

static void lines(void **state)
{
	struct profile profile = { 0 };
	const struct profile_item *item;

	write_profile("# remark\n\n a\tnop f # remark\nb optional return f -EROFS\n"
		      "c skip-call f+0x10 g\nd skip-call f g 2\ne thunk return=ret\n"
		      "f optional probe m:f+3 count");
	assert_int_equal(profile_read(&profile, path), STATUS_DONE);
	assert_int_equal(profile.count, 6);
	item = find(&profile, "a");
	assert_int_equal(item->line, 3);
	assert_int_equal(item->patch.kind, SHADOWK_PATCH_NOP);
	assert_false(item->optional);
	item = find(&profile, "b");
	assert_true(item->optional);
	assert_int_equal(item->patch.value, (uint64_t)-30);
	item = find(&profile, "c");
	assert_int_equal(item->patch.offset, 16);
	assert_int_equal(item->patch.flags, 0);
	item = find(&profile, "d");
	assert_int_equal(item->patch.flags, SHADOWK_PATCH_VALUE);
	assert_string_equal(item->patch.object, "g");
	assert_int_equal(find(&profile, "e")->patch.kind, SHADOWK_PATCH_RETURNS);
	item = find(&profile, "f");
	assert_true(item->is_probe);
	assert_int_equal(item->probe.offset, 3);
	assert_int_equal(profile_exclude(&profile, "a"), STATUS_DONE);
	assert_true(find(&profile, "a")->excluded);
	assert_int_equal(profile_exclude(&profile, "z"), STATUS_REFUSED);
	profile_free(&profile);
}

static void wrong(void **state)
{
	static const char *const texts[] = {
		"",
		"# none\n",
		"a\n",
		"a nap f\n",
		"a nop\n",
		"a nop f g\n",
		"a nop f+1\n",
		"a nop 12\n",
		"a return f\n",
		"a return f x\n",
		"a/b nop f\n",
		"a nop f\na nop g\n",
		"a thunk x\n",
		"a probe f\n",
		"a probe f x\n",
		"a skip-call f\n",
		"a optional\n",
		"a nop 1 2 3 4 5 6 7 8\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct profile profile = { 0 };

		write_profile(texts[i]);
		if (profile_read(&profile, path) != STATUS_REFUSED)
			fail_msg("'%s' was not refused", texts[i]);
		profile_free(&profile);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_tree),
		cmocka_unit_test(lines),
		cmocka_unit_test(wrong),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
