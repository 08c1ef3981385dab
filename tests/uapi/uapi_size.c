// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Every call accepts the size of its struct and, up to 4096, longer ones with a tail of zeros.
 * Other sizes are refused.
 */
#include <sys/mman.h>

#include "calls.h"

#define ROOM 16384

/*
 * The kernel writes as much of @reason and @busy as the caller's struct holds, and nothing behind.
 */
static void too_short(const struct one_call *c, int fd, char *buf)
{
	const uint32_t sizes[] = { 0, 1, 3, 4, 7, 8, 11, 12, 15, 16, c->size / 2, c->size - 1 };
	struct head *head = (struct head *)buf;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint32_t size = sizes[i];

		if (size >= c->size)
			continue;
		good_arg(c, buf, ROOM);
		head->size = size;
		head->reason = GARBAGE;
		head->busy = GARBAGE;
		expect_call(c, "too short", call_raw_and_undo(c, fd, buf), -EINVAL);
		expect(head->size, size);
		expect(head->reason, size < 16 ? GARBAGE : 0);
		expect(head->busy, size < 16 ? GARBAGE : 0);
	}
}

static void with_a_tail(const struct one_call *c, int fd, char *buf)
{
	const uint32_t sizes[] = { c->size + 1, c->size + 8, c->size + 100, 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint32_t size = sizes[i];

		/* The last byte, then the first one, of what the kernel does not know. */
		good_arg(c, buf, ROOM);
		((struct head *)buf)->size = size;
		buf[size - 1] = 1;
		expect_call(c, "last byte of the tail set", call_and_undo(c, fd, buf), -E2BIG);
		good_arg(c, buf, ROOM);
		((struct head *)buf)->size = size;
		buf[c->size] = 1;
		expect_call(c, "first byte of the tail set", call_and_undo(c, fd, buf), -E2BIG);
		if (c->nr == SHK_SHADOW_DESTROY && i != ARRAY_SIZE(sizes) - 1)
			continue;
		good_arg(c, buf, ROOM);
		((struct head *)buf)->size = size;
		buf[size] = 1;
		expect_call(c, "tail of zeros", call_and_undo(c, fd, buf), c->result);
		expect_call(c, "byte behind the tail", buf[size], 1);
	}
}

static void too_long(const struct one_call *c, int fd, char *buf)
{
	static const uint32_t sizes[] = { 4097, 8192, 1U << 31, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		good_arg(c, buf, ROOM);
		((struct head *)buf)->size = sizes[i];
		expect_call(c, "more than a page", call_and_undo(c, fd, buf), -E2BIG);
	}
}

int main(void)
{
	/* Nothing is mapped behind it: a huge size runs off its end. */
	char *buf =
		mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	char *before;

	need(handle >= 0);
	need(!munmap(buf + ROOM, 4096));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct one_call *c = &calls[i];
		int fd = fd_of(c, dev, handle);

		if (allocates_once(c))
			expect_call(c, "good", call_and_undo(c, fd, good_arg(c, buf, ROOM)), 0);
		before = state(dev, handle);
		too_short(c, fd, buf);
		too_long(c, fd, buf);
		if (c->nr != SHK_SHADOW_DESTROY)
			with_a_tail(c, fd, buf);
		expect_state(dev, handle, before);
		free(before);
		if (c->nr == SHK_SHADOW_DESTROY)
			with_a_tail(c, fd, buf);
	}
	return finish();
}
