// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Stretches that cannot begin or end are refused, and so are edits while threads are in stretches.
 */
#include "uapi.h"

#define THREADS_INSIDE ERROR(EBUSY, SHK_REASON_THREADS_INSIDE)
#define THREAD_STRETCH ERROR(EBUSY, SHK_REASON_THREAD_STRETCH)
#define EDITS_FOR_ALL  ERROR(EBUSY, SHK_REASON_EDITS_FOR_ALL)
#define NO_STRETCH     ERROR(ENOENT, SHK_REASON_NO_STRETCH)

static int dev, one, other;

static void nested(void)
{
	expect(leave(one), NO_STRETCH);
	expect(enter(one), 0);
	expect(leave(other), NO_STRETCH);
	expect(enter(other), 0);
	expect(leave(one), NO_STRETCH);
	expect(leave(other), 0);
	expect(leave(one), 0);
	for (int i = 0; i < SHK_ENTER_DEPTH; i++)
		expect(enter(i % 2 ? one : other), 0);
	expect(enter(one), ERROR(ENOSPC, SHK_REASON_STRETCHES_FULL));
	/* Detaching ends all of them. */
	expect(detach(dev, SELF), 0);
	expect(leave(one), NO_STRETCH);
	expect(leave(other), NO_STRETCH);
}

/* A thread alone: no stretch of another kind or in another shadow. */
static void of_a_thread(void)
{
	expect(enter_alone(one), 0);
	expect(enter(one), THREAD_STRETCH);
	expect(enter(other), THREAD_STRETCH);
	expect(enter_alone(other), THREAD_STRETCH);
	expect(leave(other), NO_STRETCH);
	expect(leave(one), 0);
	expect(enter(one), 0);
	expect(leave(one), 0);
}

/* A nop as long as the instruction there, whatever that is, of 1 to 3 bytes. */
static void expect_raw(int handle, long error)
{
	static const char nops[][4] = { "\x90", "\x66\x90", "\x0f\x1f\x00" };
	unsigned int seen = 0;

	for (uint64_t offset = 5; offset < 24; offset++)
		for (uint64_t len = 1; len <= ARRAY_SIZE(nops); len++) {
			struct shk_raw_add arg = {
				.size = sizeof(arg),
				.offset = offset,
				.len = len,
				.symbol = "vfs_read",
			};
			long ret;

			memcpy(arg.bytes, nops[len - 1], len);
			ret = call(handle, SHK_RAW_ADD, &arg);
			seen += ret == error;
			if (ret != error && ret != ERROR(EOPNOTSUPP, SHK_REASON_FORBIDDEN))
				expect(ret, ERROR(EINVAL, SHK_REASON_NOT_INSTRUCTION));
		}
	expect_true(seen > 0);
}

/* Edits that cannot test the thread, and stretches of a thread, exclude each other. */
static void edits_for_all(void)
{
	struct shk_patch_add skip = skip_of("__x64_sys_getppid", "__task_pid_nr_ns");
	struct shk_patch_add in_place = return_of("__x64_sys_getuid", 7);
	bool possible = in_place_is_possible(dev);

	in_place.flags = SHK_PATCH_IN_PLACE;
	expect(enter_alone(one), 0);
	expect(patch_add(one, skip), THREADS_INSIDE);
	if (possible)
		expect(patch_add(one, in_place), THREADS_INSIDE);
	expect_raw(one, THREADS_INSIDE);
	expect(leave(one), 0);

	expect(call(one, SHK_PATCH_ADD, &skip), 0);
	expect(enter_alone(one), EDITS_FOR_ALL);
	expect(patch_remove(one, skip.id), 0);
	if (possible) {
		expect(call(one, SHK_PATCH_ADD, &in_place), 0);
		expect(enter_alone(one), EDITS_FOR_ALL);
		expect(patch_remove(one, in_place.id), 0);
	}
	expect(enter_alone(one), 0);
	expect(leave(one), 0);
}

int main(void)
{
	dev = device_open();
	one = (int)shadow_create(dev, "one");
	other = (int)shadow_create(dev, "other");
	need(one >= 0 && other >= 0);
	nested();
	of_a_thread();
	edits_for_all();
	expect(whereabouts(dev, SELF), ERROR(ENOENT, SHK_REASON_NOT_INSIDE));
	expect(shadow_destroy(one), 0);
	expect(enter(one), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	expect(enter_alone(one), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	expect(leave(one), NO_STRETCH);
	expect(shadow_destroy(other), 0);
	return finish();
}
