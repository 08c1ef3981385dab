// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Names with other characters than [A-Za-z0-9._:-] are refused, and so are names that are taken. A
 * shadow is found by its name and by its id.
 */
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

#define UNKNOWN ERROR(ENOENT, SHK_REASON_SHADOW_UNKNOWN)

static void shadows(int dev)
{
	struct shk_shadow_create arg = { .size = sizeof(arg) };
	struct shk_shadow_open found = { .size = sizeof(found) };
	char *before = state(dev, -1);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		expect(shadow_create(dev, bad[i]), ERROR(EINVAL, SHK_REASON_NAME_INVALID));
		expect(shadow_open(dev, bad[i]), UNKNOWN);
	}
	memset(arg.name, 'a', sizeof(arg.name));
	expect(call(dev, SHK_SHADOW_CREATE, &arg), -EINVAL);
	memset(found.name, 'a', sizeof(found.name));
	expect(call(dev, SHK_SHADOW_OPEN, &found), -EINVAL);
	expect(shadow_open(dev, "nobody"), UNKNOWN);
	expect(shadow_open(dev, ""), -EINVAL);
	expect_state(dev, -1, before);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		long handle = shadow_create(dev, good[i]), other;

		expect_ok(handle);
		expect(shadow_create(dev, good[i]), ERROR(EEXIST, SHK_REASON_NAME_TAKEN));
		other = shadow_open(dev, good[i]);
		expect_ok(other);
		expect_true(!strcmp(shadow_info((int)other).name, good[i]));
		expect(shadow_destroy(handle), 0);
		expect(shadow_open(dev, good[i]), UNKNOWN);
		expect(shadow_destroy(other), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
		/* The name is free at once, though two handles of the destroyed shadow exist. */
		long again = expect_ok(shadow_create(dev, good[i]));

		expect(shadow_destroy(again), 0);
		close(again);
		close(other);
		close(handle);
	}
	expect_state(dev, -1, before);
	free(before);
}

/*
 * The id finds a shadow with and without a name, also a destroyed one, until its last handle is
 * closed.
 */
static void by_id(int dev)
{
	static const uint64_t unknown[] = { 123456, INT64_MAX, 1ULL << 63, UINT64_MAX };
	static const char *const names[] = { "uapi", "" };
	uint64_t last = 0;

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		expect(shadow_open_id(dev, unknown[i]), UNKNOWN);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int handle = (int)shadow_create(dev, names[i]), other;
		uint64_t id = shadow_info(handle).id;

		expect_true(id > last);
		last = id;
		other = (int)expect_ok(shadow_open_id(dev, id));
		expect((long)shadow_info(other).id, (long)id);
		expect_true(!strcmp(shadow_info(other).name, names[i]));
		expect(shadow_open_id(dev, id + 1), UNKNOWN);
		/* It is an owner's handle, too: it keeps the shadow, and destroys it. */
		close(handle);
		expect((long)shadow_info(other).id, (long)id);
		expect(shadow_destroy(other), 0);
		expect(shadow_open_id(dev, id), UNKNOWN);
		expect(attach(other, SELF), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
		close(other);
		expect(shadow_open_id(dev, id), UNKNOWN);
	}
}

static void probes(int handle)
{
	struct shk_probe_remove arg = { .size = sizeof(arg) };
	struct shk_probe_add add = probe_at("vfs_read", 0);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		strcpy(add.name, bad[i]);
		expect(probe_add(handle, add), ERROR(EINVAL, SHK_REASON_NAME_INVALID));
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
	expect(probe_add(handle, add), ERROR(EEXIST, SHK_REASON_NAME_TAKEN));
	add = probe_at("vfs_write", 0);
	strcpy(add.name, "mine");
	expect(probe_add(handle, add), ERROR(EEXIST, SHK_REASON_NAME_TAKEN));
	memset(arg.name, 0, sizeof(arg.name));
	strcpy(arg.name, "mine");
	expect(call(handle, SHK_PROBE_REMOVE, &arg), 0);
	expect(call(handle, SHK_PROBE_REMOVE, &arg), ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
}

/* A name that the kernel makes is valid, unique, and contains the function. */
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
	expect(probe_remove(handle, add[0].id), ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
}

int main(void)
{
	int dev = device_open(), handle;

	shadows(dev);
	by_id(dev);
	handle = (int)shadow_create(dev, "");
	need(handle >= 0);
	probes(handle);
	chosen_names(handle);
	return finish();
}
