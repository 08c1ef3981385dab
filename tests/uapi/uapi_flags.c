// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Unknown flags, reserved members that are not 0, and members that contradict each other are
 * refused. Members that are out only may hold anything.
 */
#include "calls.h"

static void flags(const struct one_call *c, int fd, void *buf)
{
	for (int bit = 0; bit < 32; bit++) {
		if (c->flags & 1U << bit)
			continue;
		good_arg(c, buf, c->size);
		((struct head *)buf)->flags |= 1U << bit;
		expect_call(c, "unknown flag", call_and_undo(c, fd, buf), -EINVAL);
	}
}

static void reserved(const struct one_call *c, int fd, void *buf)
{
	if (!c->reserved)
		return;
	for (int bit = 0; bit < 32; bit++) {
		good_arg(c, buf, c->size);
		*(uint32_t *)((char *)buf + c->reserved) = 1U << bit;
		expect_call(c, "reserved", call_and_undo(c, fd, buf), -EINVAL);
	}
}

/* Each @outs member holds garbage on entry: the call does what it does without. */
static void garbage(const struct one_call *c, int fd, void *buf)
{
	static const unsigned char bytes[] = { 0xff, 0x01, 0x80 };

	for (size_t i = 0; i < ARRAY_SIZE(bytes) && c->nr != SHK_SHADOW_DESTROY; i++) {
		good_arg(c, buf, c->size);
		for (size_t out = 0; out < ARRAY_SIZE(c->outs); out++)
			memset((char *)buf + c->outs[out].offset, bytes[i], c->outs[out].len);
		expect_call(c, "garbage in members that are out", call_and_undo(c, fd, buf),
			    c->result);
	}
}

/* Both of @id and @name, or neither. */
static void id_or_name(int dev, int handle)
{
	struct shk_shadow_open open = { .size = sizeof(open), .id = 1, .name = "uapi" };
	struct shk_probe_remove remove = { .size = sizeof(remove), .id = 1, .name = "x" };
	struct shk_patch_remove unpatch = { .size = sizeof(unpatch), .id = 1, .name = "x" };
	struct shk_patch_promote promote = { .size = sizeof(promote), .id = 1, .name = "x" };

	expect(call(dev, SHK_SHADOW_OPEN, &open), -EINVAL);
	expect(call(handle, SHK_PROBE_REMOVE, &remove), -EINVAL);
	expect(call(handle, SHK_PATCH_REMOVE, &unpatch), -EINVAL);
	expect(call(handle, SHK_PATCH_PROMOTE, &promote), -EINVAL);
	open.id = remove.id = unpatch.id = promote.id = 0;
	expect(call(handle, SHK_PROBE_REMOVE, &remove), ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
	expect(call(handle, SHK_PATCH_REMOVE, &unpatch), ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
	expect(call(handle, SHK_PATCH_PROMOTE, &promote), ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
	*open.name = *remove.name = *unpatch.name = *promote.name = 0;
	expect(call(dev, SHK_SHADOW_OPEN, &open), -EINVAL);
	expect(call(handle, SHK_PROBE_REMOVE, &remove), -EINVAL);
	expect(call(handle, SHK_PATCH_REMOVE, &unpatch), -EINVAL);
	expect(call(handle, SHK_PATCH_PROMOTE, &promote), -EINVAL);
}

static void contradictions(int handle)
{
	struct shk_probe_add add = probe_at("vfs_read", 0);
	static const uint32_t kinds[] = { 0, 5, 6, 255, 256, 1U << 31, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		add.kind = kinds[i];
		expect(probe_add(handle, add), -EINVAL);
	}
	expect(probe_add(handle, probe_at("", 0)), -EINVAL);
	expect(probe_add(handle, probe_at("", 4)), -EINVAL);
	add = probe_at("vfs_read", 0);
	add.addr = 0xffffffff81000000;
	expect(probe_add(handle, add), -EINVAL);
	add = probe_at("", 4);
	add.addr = 0xffffffff81000000;
	expect(probe_add(handle, add), -EINVAL);
}

/* A reserved member of an element is no input: the kernel writes 0. */
static void reserved_of_elements(int dev, int handle)
{
	struct shk_property property;
	struct shk_shadow_info shadow;

	memset(&property, 0xff, sizeof(property));
	expect(list_first(dev, SHK_PROPERTY_LIST, &property, sizeof(property)), 1);
	expect(property.reserved, 0);
	memset(&shadow, 0xff, sizeof(shadow));
	expect(list_first(handle, SHK_SHADOW_LIST, &shadow, sizeof(shadow)), 1);
	expect(shadow.reserved, 0);
}

int main(void)
{
	static uint64_t buf[1024];
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	char *before;

	need(handle >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		garbage(&calls[i], fd_of(&calls[i], dev, handle), buf);
	/* From here on all is refused. */
	before = state(dev, handle);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		flags(&calls[i], fd_of(&calls[i], dev, handle), buf);
		reserved(&calls[i], fd_of(&calls[i], dev, handle), buf);
	}
	id_or_name(dev, handle);
	contradictions(handle);
	reserved_of_elements(dev, handle);
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	return finish();
}
