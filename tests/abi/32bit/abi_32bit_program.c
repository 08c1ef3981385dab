// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 32-bit program that uses the ioctls, for tests/guest/abi_32bit.sh. It is built with -m32, and
 * without a C library, since Debian's amd64 has none of 32 bits.
 */
#include <linux/shadowk.h>

/* Layouts are those of 64-bit programs: tests/abi/abi_0_1_ioctls.c. */
_Static_assert(sizeof(struct shk_info) == 88, "info");
_Static_assert(sizeof(struct shk_list) == 40, "list");
_Static_assert(sizeof(struct shk_shadow_info) == 128, "shadow");
_Static_assert(sizeof(struct shk_probe_add) == 696, "probe");
_Static_assert(sizeof(struct shk_probe_info) == 1184, "probe info");
_Static_assert(sizeof(struct shk_patch_add) == 1760, "patch");
_Static_assert(sizeof(struct shk_patch_info) == 1136, "patch info");

#define __NR_exit  1
#define __NR_write 4
#define __NR_open  5
#define __NR_ioctl 54

#define EEXIST 17

static long call3(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

static unsigned int length(const char *text)
{
	unsigned int n = 0;

	while (text[n])
		n++;
	return n;
}

static void say(const char *text)
{
	call3(__NR_write, 1, (long)text, length(text));
}

static void __attribute__((noreturn)) end(int status)
{
	for (;;)
		call3(__NR_exit, status, 0, 0);
}

static void check(int holds, const char *claim)
{
	if (holds)
		return;
	say("does not hold: ");
	say(claim);
	say("\n");
	end(1);
}

static long ioctl(long fd, unsigned long nr, void *arg)
{
	return call3(__NR_ioctl, fd, nr, (long)arg);
}

static void put(char *to, const char *text)
{
	while ((*to++ = *text++))
		;
}

/* The compiler makes calls of these. */
void *memset(void *to, int c, __SIZE_TYPE__ n)
{
	for (char *p = to; n--; p++)
		*(volatile char *)p = c;
	return to;
}

static void try_shadow(long dev)
{
	static struct shk_shadow_create create = { .size = sizeof(create) };
	static struct shk_probe_add add = { .size = sizeof(add), .kind = SHK_PROBE_COUNT };
	static struct shk_probe_info probes[4];
	static struct shk_list list = { .size = sizeof(list), .element_size = sizeof(probes[0]) };
	static struct shk_enter enter = { .size = sizeof(enter) };
	static struct shk_shadow_destroy destroy = { .size = sizeof(destroy) };
	long handle, ret;

	put(create.name, "abi32");
	handle = ioctl(dev, SHK_SHADOW_CREATE, &create);
	check(handle >= 0, "a shadow is created");
	put(add.symbol, "vfs_write");
	check(!ioctl(handle, SHK_PROBE_ADD, &add) && add.id == 1, "a probe is added, with id 1");

	check(!ioctl(handle, SHK_ENTER, &enter), "the process enters");
	say("a hit\n");
	check(!ioctl(handle, SHK_LEAVE, &enter), "the process leaves");

	list.elements = (unsigned long)probes;
	list.nr = 4;
	check(!ioctl(handle, SHK_PROBE_LIST, &list), "probes are listed");
	check(list.nr == 1 && !list.cursor, "the list has one probe and ends");
	check(probes[0].id == add.id && probes[0].hits >= 1, "the probe was hit");

	ret = ioctl(handle, SHK_PROBE_ADD, &add);
	check(ret == -EEXIST && add.reason == SHK_REASON_NAME_TAKEN,
	      "an error comes with its reason");
	check(!ioctl(handle, SHK_SHADOW_DESTROY, &destroy), "the shadow is destroyed");
}

void _start(void)
{
	static struct shk_info info = { .size = sizeof(info) };
	long dev = call3(__NR_open, (long)SHK_DEVICE, 2, 0);

	check(dev >= 0, SHK_DEVICE " opens");
	check(!ioctl(dev, SHK_INFO, &info), "the module answers");
	check(info.features & SHK_FEATURE_PROBE, "it has probes");
	try_shadow(dev);
	end(0);
}
