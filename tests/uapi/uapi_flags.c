// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* Unknown flags, reserved members that are not zero and contradictions are refused. */
#include "calls.h"

static void flags(const struct one_call *c, int fd, void *buf)
{
	for (int bit = 0; bit < 32; bit++) {
		if (c->flags & 1U << bit)
			continue;
		good_arg(c, buf, c->size);
		((struct head *)buf)->flags = 1U << bit;
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

static void contradictions(int handle)
{
	struct shk_probe_remove remove = { .size = sizeof(remove), .id = 1, .name = "x" };
	struct shk_probe_add add = probe_at("vfs_read", 0);
	static const uint32_t kinds[] = { 0, 4, 5, 255, 256, 1U << 31, UINT32_MAX };

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

	expect(call(handle, SHK_PROBE_REMOVE, &remove), -EINVAL);
	remove.id = 0;
	expect(call(handle, SHK_PROBE_REMOVE, &remove), -ENOENT);
	memset(remove.name, 0, sizeof(remove.name));
	expect(call(handle, SHK_PROBE_REMOVE, &remove), -EINVAL);
}

int main(void)
{
	static uint64_t buf[512];
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	char *before;

	need(handle >= 0);
	before = state(dev, handle);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		flags(&calls[i], fd_of(&calls[i], dev, handle), buf);
		reserved(&calls[i], fd_of(&calls[i], dev, handle), buf);
	}
	contradictions(handle);
	expect_state(dev, handle, before);
	expect(shadow_destroy(handle), 0);
	return finish();
}
