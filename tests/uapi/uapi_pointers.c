// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* A pointer that cannot be read or written is EFAULT, and the call does nothing. */
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
		expect_call(c, "unreadable", call_raw_and_undo(c, fd, bad[i]), -EFAULT);

	need(!mprotect(pages, 4096, PROT_NONE));
	expect_call(c, "PROT_NONE", call_raw_and_undo(c, fd, pages), -EFAULT);
	need(!mprotect(pages, 4096, PROT_READ | PROT_WRITE));
}

/* The member @size can be read, the end of the argument cannot. */
static void cut_off(const struct one_call *c, int fd)
{
	char buf[4096];
	size_t room = c->size - 4;

	good_arg(c, buf, sizeof(buf));
	memcpy(pages + 8192 - room, buf, room);
	expect_call(c, "runs off its page", call_raw_and_undo(c, fd, pages + 8192 - room), -EFAULT);
}

/* Every call writes @reason and @busy. A call must not do what it cannot report. */
static void read_only(const struct one_call *c, int fd)
{
	good_arg(c, pages, 4096);
	need(!mprotect(pages, 4096, PROT_READ));
	expect_call(c, "read-only", call_raw_and_undo(c, fd, pages), -EFAULT);
	need(!mprotect(pages, 4096, PROT_READ | PROT_WRITE));
}

/* A list has an element, and nowhere to write it. */
static void no_elements(const struct one_call *c, int fd)
{
	void *const bad[] = {
		NULL,
		(void *)1,
		pages + 8192 - 7, /* runs off its page */
		pages + 8192,
		(void *)0xffffffff81000000,
		(void *)-1L,
	};
	struct shk_list list = {
		.size = sizeof(list),
		.element_size = 8,
		.nr = 1,
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		list.elements = (uintptr_t)bad[i];
		expect_call(c, "elements cannot be written", call(fd, c->nr, &list), -EFAULT);
		expect_call(c, "@cursor after an error", list.cursor != 0, 0);
		expect_call(c, "@nr after an error", list.nr, 1);
	}
	need(!mprotect(pages, 4096, PROT_READ));
	list.elements = (uintptr_t)pages;
	expect_call(c, "elements are read-only", call(fd, c->nr, &list), -EFAULT);
	need(!mprotect(pages, 4096, PROT_READ | PROT_WRITE));
}

/* The second element cannot be written, though the first one can. */
static void too_few_elements(int dev)
{
	struct shk_list list = {
		.size = sizeof(list),
		.element_size = sizeof(struct shk_property),
		.nr = 2,
		.elements = (uintptr_t)(pages + 8192 - sizeof(struct shk_property)),
	};

	expect(call(dev, SHK_PROPERTY_LIST, &list), -EFAULT);
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
	/* So that each list has an element. */
	expect(probe_add(handle, probe_at("vfs_read", 0)), 0);
	expect(patch_add(handle, nop_of("__x64_sys_getppid")), 0);
	expect(call(handle, SHK_RAW_ADD,
		    &(struct shk_raw_add){ .size = sizeof(struct shk_raw_add),
					   .flags = SHK_RAW_IDENTITY,
					   .symbol = "vfs_write" }),
	       0);
	expect(attach(handle, SELF), 0);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].element && calls[i].nr != SHK_OWN_LIST &&
		    calls[i].nr != SHK_CGROUP_LIST)
			no_elements(&calls[i], fd_of(&calls[i], dev, handle));
	too_few_elements(dev);
	expect(detach(dev, SELF), 0);
	expect(shadow_destroy(handle), 0);
	return finish();
}
