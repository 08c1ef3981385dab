// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* The walks see everything once, in order, and end; whatever they are told to begin with. */
#include "uapi.h"

#define N 40

static void shadows_in_order(int dev)
{
	struct shk_shadow_info info = { .size = sizeof(info), .id = 0 };
	uint64_t last = 0;
	int handle[N], seen = 0;
	char name[16];

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		handle[i] = (int)expect_ok(shadow_create(dev, name));
	}
	for (; !call(dev, SHK_SHADOW_NEXT, &info); info.id++, seen++) {
		snprintf(name, sizeof(name), "n%d", seen);
		expect_true(info.id > last && !strcmp(info.name, name));
		last = info.id;
	}
	expect(seen, N);
	info.id = last;
	expect(call(dev, SHK_SHADOW_NEXT, &info), 0);
	info.id = last + 1;
	expect(call(dev, SHK_SHADOW_NEXT, &info), -ENOENT);
	info.id = UINT64_MAX;
	expect(call(dev, SHK_SHADOW_NEXT, &info), -ENOENT);
	for (int i = 0; i < N; i++) {
		expect(shadow_destroy(handle[i]), 0);
		close(handle[i]);
	}
	/* Numbers do not come back. */
	handle[0] = (int)expect_ok(shadow_create(dev, ""));
	expect(call(handle[0], SHK_SHADOW_INFO, &info), 0);
	expect_true(info.id > last);
	close(handle[0]);
}

static void probes_in_order(int handle)
{
	struct shk_probe_info info = { .size = sizeof(info), .id = 0 };
	uint64_t last = 0;
	int seen = 0;

	for (int i = 0; i < N; i++)
		expect(probe_add(handle, probe_at(i % 2 ? "vfs_read" : "vfs_write", 0)), 0);
	for (; !call(handle, SHK_PROBE_NEXT, &info); info.id++, info.flags = 0, seen++) {
		expect_true(info.id > last);
		expect_true(!strcmp(info.symbol, seen % 2 ? "vfs_read" : "vfs_write"));
		expect(info.offset, 0);
		expect(info.kind, SHK_PROBE_COUNT);
		expect_true(info.now_ns >= info.created_ns && info.created_ns);
		last = info.id;
	}
	expect(seen, N);
	info.id = UINT64_MAX;
	expect(call(handle, SHK_PROBE_NEXT, &info), -ENOENT);
	for (uint64_t id = 1; id <= last; id++)
		probe_remove(handle, id);
	info.id = 0;
	expect(call(handle, SHK_PROBE_NEXT, &info), -ENOENT);
}

/* Those that stay are seen once, though every other one ends as soon as it was seen. */
static void processes_that_leave(int handle)
{
	struct shk_process_next next = { .size = sizeof(next) };
	int seen[N] = { 0 };
	pid_t pid[N];

	for (int i = 0; i < N; i++) {
		pid[i] = sleeper();
		expect(attach(handle, pid[i]), 0);
	}
	while (!call(handle, SHK_PROCESS_NEXT, &next)) {
		for (int i = 0; i < N; i++) {
			if (next.pid != pid[i])
				continue;
			seen[i]++;
			if (i % 2)
				sleeper_end(pid[i]);
		}
	}
	for (int i = 0; i < N; i += 2) {
		expect(seen[i], 1);
		sleeper_end(pid[i]);
	}
}

static void processes_once(int handle)
{
	struct shk_process_next next = { .size = sizeof(next) };
	static const uint64_t cursors[] = { 1, 7, 1 << 20, INT64_MAX, UINT64_MAX };
	pid_t pid[N];
	int seen[N] = { 0 };

	for (int i = 0; i < N; i++) {
		pid[i] = sleeper();
		expect(attach(handle, pid[i]), 0);
	}
	for (int steps = 0; !call(handle, SHK_PROCESS_NEXT, &next) && steps < 10 * N; steps++)
		for (int i = 0; i < N; i++)
			seen[i] += next.pid == pid[i];
	for (int i = 0; i < N; i++)
		expect(seen[i], 1);
	for (size_t i = 0; i < ARRAY_SIZE(cursors); i++) {
		next.cursor = cursors[i];
		call(handle, SHK_PROCESS_NEXT, &next);
	}
	for (int i = 0; i < N; i++)
		sleeper_end(pid[i]);
}

int main(void)
{
	int dev = device_open(), handle;

	shadows_in_order(dev);
	handle = (int)shadow_create(dev, "");
	need(handle >= 0);
	probes_in_order(handle);
	processes_once(handle);
	processes_that_leave(handle);
	return finish();
}
