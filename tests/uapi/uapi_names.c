// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* Names that are not names are refused, and so are those that are taken. */
#include "uapi.h"

static const char *const bad[] = {
	".",  "..", "a/b",  "/",   "../x", "a b", " ",	"a\n", "\x01", "\x7f", "\xc3\xa4",
	"%s", "a*", "a\\b", "a,b", "a=b",  "~",	  "$x", "#",   "(x)",  "a+b",
};

static const char *const good[] = {
	"a",
	"...",
	".a",
	"A-Z.0_9:x",
	"-",
	"0",
	"123456789012345678901234567890123456789012345678901234567890abc",
};

static void shadows(int dev)
{
	struct shk_shadow_create arg = { .size = sizeof(arg) };
	struct shk_shadow_open found = { .size = sizeof(found) };
	char *before = state(dev, -1);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		expect(shadow_create(dev, bad[i]), -EINVAL);
		expect_true(shadow_open(dev, bad[i]) == -ENOENT || errno == EINVAL);
	}
	memset(arg.name, 'a', sizeof(arg.name));
	expect(call(dev, SHK_SHADOW_CREATE, &arg), -EINVAL);
	memset(found.name, 'a', sizeof(found.name));
	expect(call(dev, SHK_SHADOW_OPEN, &found), -EINVAL);
	expect(shadow_open(dev, "nobody"), -ENOENT);
	expect_true(shadow_open(dev, "") < 0);
	expect_state(dev, -1, before);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		long handle = shadow_create(dev, good[i]), other;

		expect_ok(handle);
		expect(shadow_create(dev, good[i]), -EEXIST);
		other = shadow_open(dev, good[i]);
		expect_ok(other);
		expect(shadow_destroy(handle), 0);
		expect(shadow_open(dev, good[i]), -ENOENT);
		expect(shadow_destroy(other), -ESTALE);
		/* Free at once, though two handles still hold what had the name. */
		long again = expect_ok(shadow_create(dev, good[i]));

		expect(shadow_destroy(again), 0);
		close(again);
		close(other);
		close(handle);
	}
	expect_state(dev, -1, before);
	free(before);
}

static void probes(int handle)
{
	struct shk_probe_remove arg = { .size = sizeof(arg) };
	struct shk_probe_add add = probe_at("vfs_read", 0);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		strcpy(add.name, bad[i]);
		expect(probe_add(handle, add), -EINVAL);
	}
	memset(add.name, 'a', sizeof(add.name));
	expect(probe_add(handle, add), -EINVAL);
	memset(add.name, 0, sizeof(add.name));
	memset(add.symbol, 'a', sizeof(add.symbol));
	expect(probe_add(handle, add), -EINVAL);
	memset(arg.name, 'a', sizeof(arg.name));
	expect(call(handle, SHK_PROBE_REMOVE, &arg), -EINVAL);

	add = probe_at("vfs_read", 0);
	strcpy(add.name, "mine");
	expect(probe_add(handle, add), 0);
	expect(probe_add(handle, add), -EEXIST);
	add = probe_at("vfs_write", 0);
	strcpy(add.name, "mine");
	expect(probe_add(handle, add), -EEXIST);
	memset(arg.name, 0, sizeof(arg.name));
	strcpy(arg.name, "mine");
	expect(call(handle, SHK_PROBE_REMOVE, &arg), 0);
	expect(call(handle, SHK_PROBE_REMOVE, &arg), -ENOENT);
}

/* Names that the kernel chooses are legal, unique and tell the function. */
static void chosen_names(int handle)
{
	struct shk_probe_add add[3];

	for (int i = 0; i < 3; i++) {
		add[i] = probe_at("vfs_read", 0);
		expect(call(handle, SHK_PROBE_ADD, &add[i]), 0);
		expect_true(strstr(add[i].name, "vfs_read") != NULL);
		for (int j = 0; j < i; j++)
			expect_true(strcmp(add[i].name, add[j].name) && add[i].id != add[j].id);
	}
	for (int i = 0; i < 3; i++)
		expect(probe_remove(handle, add[i].id), 0);
	expect(probe_remove(handle, add[0].id), -ENOENT);
}

int main(void)
{
	int dev = device_open(), handle;

	shadows(dev);
	handle = (int)shadow_create(dev, "");
	need(handle >= 0);
	probes(handle);
	chosen_names(handle);
	return finish();
}
