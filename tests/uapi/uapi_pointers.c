// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* A pointer that cannot be read or written is EFAULT, and the call did nothing. */
#include <sys/mman.h>

#include "calls.h"

static char *pages; /* two, and a hole behind them */

static void unreadable(const struct one_call *c, int fd)
{
	void *const bad[] = {
		NULL,
		(void *)1,
		(void *)4095,
		pages + 8192,
		(void *)0xffffffff81000000,
		(void *)0xffff888000000000,
		(void *)0x8000000000000000,
		(void *)-1L,
		(void *)-8L,
		(void *)0x7ffffffff000,
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_call(c, "unreadable", call_and_undo(c, fd, bad[i]), -EFAULT);

	need(!mprotect(pages, 4096, PROT_NONE));
	expect_call(c, "PROT_NONE", call_and_undo(c, fd, pages), -EFAULT);
	need(!mprotect(pages, 4096, PROT_READ | PROT_WRITE));
}

/* Its size can be read, its end cannot. */
static void cut_off(const struct one_call *c, int fd)
{
	char buf[4096];
	size_t room = c->size - 4;

	good_arg(c, buf, sizeof(buf));
	memcpy(pages + 8192 - room, buf, room);
	expect_call(c, "runs off its page", call_and_undo(c, fd, pages + 8192 - room), -EFAULT);
}

static void read_only(const struct one_call *c, int fd)
{
	if (!c->answers)
		return;
	good_arg(c, pages, 4096);
	need(!mprotect(pages, 4096, PROT_READ));
	expect_call(c, "read-only", call_and_undo(c, fd, pages), -EFAULT);
	need(!mprotect(pages, 4096, PROT_READ | PROT_WRITE));
}

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	char *before, buf[4096];

	need(handle >= 0);
	pages = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(pages != MAP_FAILED && !munmap(pages + 8192, 4096));

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct one_call *c = &calls[i];
		int fd = fd_of(c, dev, handle);

		if (allocates_once(c))
			expect_call(c, "good", call_and_undo(c, fd, good_arg(c, buf, sizeof(buf))),
				    0);
		before = state(dev, handle);
		unreadable(c, fd);
		cut_off(c, fd);
		read_only(c, fd);
		expect_state(dev, handle, before);
		free(before);
		for (uint64_t id = 1; id < 10; id++)
			probe_remove(handle, id);
	}
	expect(shadow_destroy(handle), 0);
	return finish();
}
