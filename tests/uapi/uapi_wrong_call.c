// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* Calls that do not exist, or of the other kind of descriptor, are ENOTTY. */
#include <poll.h>
#include <sys/mman.h>

#include "calls.h"

static bool is_call(unsigned long nr, bool on_handle)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr && calls[i].on_handle == on_handle)
			return true;
	return false;
}

static void every_number(int fd, bool on_handle, void *buf)
{
	for (unsigned int n = 0; n < 256; n++) {
		if (!is_call(_IO(SHK_IOC, n), on_handle))
			expect(call(fd, _IO(SHK_IOC, n), buf), -ENOTTY);
		/* Numbers with a direction and a size, which those of shadowk.h do not have. */
		expect(call(fd, _IOWR(SHK_IOC, n, struct shk_info), buf), -ENOTTY);
		expect(call(fd, _IO(SHK_IOC + 1, n), buf), -ENOTTY);
		expect(call(fd, _IO(SHK_IOC, n) | 0xff0000, buf), -ENOTTY);
	}
}

static void not_a_file(int fd)
{
	char byte = 0;

	expect_true(read(fd, &byte, 1) < 0);
	expect_true(write(fd, &byte, 1) < 0);
	expect_true(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0);
	fsync(fd);
	expect_true(ftruncate(fd, 1) < 0);
	lseek(fd, 1, SEEK_SET);
}

int main(void)
{
	static uint64_t buf[1024];
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	char *before;

	need(handle >= 0);
	before = state(dev, handle);
	every_number(dev, false, buf);
	every_number(handle, true, buf);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!is_call(calls[i].nr, !calls[i].on_handle))
			expect_call(&calls[i], "on the other kind of descriptor",
				    call(fd_of(&calls[i], handle, dev), calls[i].nr,
					 good_arg(&calls[i], buf, sizeof(buf))),
				    -ENOTTY);
	not_a_file(dev);
	not_a_file(handle);
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	return finish();
}
