// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * Lists have each element once and end, in calls of any size. Element sizes and cursors that are
 * wrong are refused, or do no harm.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "calls.h"

#define N	40
#define CGROUPS "/sys/fs/cgroup"

/* On which descriptor each list of calls[] has several elements. */
static int fds[ARRAY_SIZE(calls)];

static struct shk_list list_arg(size_t element_size, size_t nr, void *elements)
{
	return (struct shk_list){
		.size = sizeof(struct shk_list),
		.element_size = (uint32_t)element_size,
		.nr = (uint32_t)nr,
		.elements = (uintptr_t)elements,
	};
}

/* ---- each list, in calls of any size ---- */

/* Numbers that change between two calls are made equal. */
static void without_clock(const struct one_call *c, void *element)
{
	if (c->nr == SHK_PROBE_LIST) {
		struct shk_probe_info *probe = element;

		probe->now_ns = 0;
		probe->hits = probe->async_hits = probe->missed = probe->unreturned = 0;
	}
}

/* All elements, read @room at a time. Returns how many there are. */
static size_t read_by(const struct one_call *c, int fd, size_t room, char *elements, size_t most)
{
	uint64_t cursor = 0;
	size_t n = 0;

	do {
		long more = list_some(fd, c->nr, elements + n * c->element, c->element,
				      room < most - n ? room : most - n, &cursor);

		if (expect_ok(more) < 0)
			break;
		n += (size_t)more;
	} while (cursor && n < most);
	for (size_t i = 0; i < n; i++)
		without_clock(c, elements + i * c->element);
	return n;
}

static void rooms(const struct one_call *c, int fd)
{
	static const size_t rooms[] = { 1, 2, 3, 7, 64, 1000 };
	const size_t most = 1000;
	char *all = calloc(most, c->element), *again = calloc(most, c->element);
	size_t n;

	need(all && again);
	n = read_by(c, fd, most, all, most);
	expect_call(c, "several elements", n > 1, 1);
	expect_call(c, "the end", n < most, 1);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			expect_call(c, "an element twice",
				    memcmp(all + i * c->element, all + j * c->element, c->element)
					    ? 1
					    : 0,
				    1);
	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		memset(again, 0xff, most * c->element);
		expect_call(c, "as many elements in calls of another size",
			    (long)read_by(c, fd, rooms[i], again, most), (long)n);
		expect_call(c, "the same elements in calls of another size",
			    memcmp(all, again, n * c->element) ? 0 : 1, 1);
	}
	free(all);
	free(again);
}

/* A list cannot be read without room: it would not get on. */
static void no_room(const struct one_call *c, int fd)
{
	struct shk_list list = list_arg(c->element, 0, elements_room());

	expect_call(c, "no room", call(fd, c->nr, &list), -EINVAL);
	expect(list.nr, 0);
	expect((long)list.cursor, 0);
}

/* An array with more room than there are elements ends the list in one call. */
static void much_room(const struct one_call *c, int fd)
{
	static const uint32_t rooms[] = { 1000, INT32_MAX, UINT32_MAX };
	char *elements = calloc(1000, c->element);

	need(elements);
	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		struct shk_list list = list_arg(c->element, rooms[i], elements);

		/* One call may return fewer elements than there is room for. */
		do
			list.nr = rooms[i];
		while (!call(fd, c->nr, &list) && list.cursor);
		expect_call(c, "much room", list.nr < 1000, 1);
		expect((long)list.cursor, 0);
	}
	free(elements);
}

/* ---- element_size ---- */

static void sizes(const struct one_call *c, int fd)
{
	static const uint32_t wrong[] = { 0, 1, 4, 7, 4097, 8192, INT32_MAX, 1U << 31, UINT32_MAX };
	const uint32_t good[] = { 8,
				  9,
				  12,
				  (uint32_t)c->element - 1,
				  (uint32_t)c->element + 1,
				  (uint32_t)c->element + 8,
				  4095,
				  4096 };
	static unsigned char whole[4096], got[2][4096], zeros[4096];
	uint64_t cursor = 0;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct shk_list list = list_arg(wrong[i], 1, got);

		expect_call(c, "element_size", call(fd, c->nr, &list), -EINVAL);
		expect(list.nr, 1);
	}
	expect_call(c, "one element", list_some(fd, c->nr, whole, c->element, 1, &cursor), 1);
	without_clock(c, whole);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		size_t size = good[i], known = size < c->element ? size : c->element;
		unsigned char full[4096] = {};

		cursor = 0;
		memset(got, 0xa5, sizeof(got));
		expect_call(c, "another element_size", list_some(fd, c->nr, got, size, 1, &cursor),
			    1);
		/* Cut off, or filled with zeros; nothing is written behind. */
		memcpy(full, got, known);
		without_clock(c, full);
		if (c->nr != SHK_PROBE_LIST || known == c->element)
			expect_call(c, "the element", memcmp(full, whole, known) ? 0 : 1, 1);
		if (size > c->element)
			expect_call(c, "zeros behind the element",
				    memcmp(got[0] + c->element, zeros, size - c->element) ? 0 : 1,
				    1);
		expect_call(c, "the byte behind", got[size / 4096][size % 4096], 0xa5);
	}
}

/* The second element begins where the first one ends. */
static void odd_array(const struct one_call *c, int fd)
{
	const size_t sizes[] = { 8, 13, c->element, c->element + 5 };
	unsigned char *elements = malloc(2 * (c->element + 5)), *one = malloc(c->element + 5);

	need(elements && one);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t cursor = 0;
		long n = list_some(fd, c->nr, elements, sizes[i], 2, &cursor);

		if (c->nr == SHK_PROBE_LIST)
			continue;
		/* One call may return fewer elements than there is room for. */
		cursor = 0;
		for (long at = 0; at < n; at++) {
			expect(list_some(fd, c->nr, one, sizes[i], 1, &cursor), 1);
			expect_call(c, "an element of an array",
				    memcmp(elements + at * (long)sizes[i], one, sizes[i]) ? 0 : 1,
				    1);
		}
	}
	free(elements);
	free(one);
}

/* ---- cursors ---- */

static void cursors(const struct one_call *c, int fd)
{
	static const uint64_t odd[] = {
		1,
		7,
		1 << 20,
		UINT32_MAX,
		1ULL << 32,
		INT64_MAX,
		1ULL << 63,
		0xffffffff81000000,
		UINT64_MAX - 1,
		UINT64_MAX,
	};

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		uint64_t cursor = odd[i];
		size_t calls_made = 0;
		long n;

		/* Any elements, or EINVAL; but there is an end. */
		do {
			n = list_some(fd, c->nr, elements_room(), c->element, 4, &cursor);
			if (n < 0)
				expect_call(c, "a cursor of garbage", n, -EINVAL);
		} while (n >= 0 && cursor && ++calls_made < 1000);
		expect_call(c, "the end from a cursor of garbage", calls_made < 1000, 1);
	}
}

static void every_list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (!calls[i].element || fds[i] < 0)
			continue;
		/* A handle lists its own shadow alone. */
		if (calls[i].nr != SHK_SHADOW_LIST || !calls[i].on_handle)
			rooms(&calls[i], fds[i]);
		no_room(&calls[i], fds[i]);
		much_room(&calls[i], fds[i]);
		sizes(&calls[i], fds[i]);
		odd_array(&calls[i], fds[i]);
		cursors(&calls[i], fds[i]);
	}
}

/* ---- the elements of some lists ---- */

static void shadows(int dev)
{
	struct shk_shadow_info *info;
	uint64_t last = 0;
	int handle[N], seen[N] = { 0 };
	size_t n, before = list_count(dev, SHK_SHADOW_LIST, sizeof(*info));
	char name[16];

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		handle[i] = (int)expect_ok(shadow_create(dev, name));
	}
	info = list_all(dev, SHK_SHADOW_LIST, sizeof(*info), &n);
	expect((long)n, (long)before + N);
	for (size_t i = 0; i < n; i++) {
		int nr;

		if (sscanf(info[i].name, "n%d", &nr) == 1)
			seen[nr]++;
		last = info[i].id > last ? info[i].id : last;
	}
	free(info);
	for (int i = 0; i < N; i++) {
		expect(seen[i], 1);
		/* A handle lists its own shadow. */
		snprintf(name, sizeof(name), "n%d", i);
		expect_true(!strcmp(shadow_info(handle[i]).name, name));
		expect((long)list_count(handle[i], SHK_SHADOW_LIST, sizeof(*info)), 1);
		expect(shadow_destroy(handle[i]), 0);
		close(handle[i]);
	}
	/* An id is never used again. */
	handle[0] = (int)expect_ok(shadow_create(dev, ""));
	expect_true(shadow_info(handle[0]).id > last);
	close(handle[0]);
}

static void probes(int handle)
{
	struct shk_probe_info *info;
	uint64_t last = 0;
	size_t n;

	for (int i = 0; i < N; i++)
		expect(probe_add(handle, probe_at(i % 2 ? "vfs_read" : "vfs_write", 0)), 0);
	info = list_all(handle, SHK_PROBE_LIST, sizeof(*info), &n);
	expect((long)n, N);
	for (size_t i = 0; i < n; i++) {
		expect_true(!strcmp(info[i].symbol, info[i].id % 2 ? "vfs_write" : "vfs_read"));
		expect(info[i].offset, 0);
		expect(info[i].kind, SHK_PROBE_COUNT);
		expect(info[i].flags | info[i].reserved, 0);
		expect_true(info[i].now_ns >= info[i].created_ns && info[i].created_ns);
		last = info[i].id > last ? info[i].id : last;
		expect(probe_remove(handle, info[i].id), 0);
	}
	free(info);
	expect((long)last, N);
	expect((long)list_count(handle, SHK_PROBE_LIST, sizeof(*info)), 0);
}

static void edits(int handle)
{
	struct shk_edit_info *info;
	size_t n;

	info = list_all(handle, SHK_EDIT_LIST, sizeof(*info), &n);
	for (size_t i = 1; i < n; i++)
		expect_true(info[i].addr >= info[i - 1].addr + info[i - 1].len);
	free(info);
}

/* Processes that stay are listed once, though every other one ends as soon as it was listed. */
static void processes_that_end(int handle)
{
	struct shk_process_entry entry;
	uint64_t cursor = 0;
	int seen[N] = { 0 };
	pid_t pid[N];

	for (int i = 0; i < N; i++) {
		int pidfd;

		pid[i] = sleeper();
		pidfd = pidfd_of(pid[i]);
		expect(attach(handle, pidfd), 0);
		close(pidfd);
	}
	do {
		if (list_some(handle, SHK_PROCESS_LIST, &entry, sizeof(entry), 1, &cursor) < 1)
			break;
		expect(entry.reserved, 0);
		for (int i = 0; i < N; i++) {
			if (entry.pid != pid[i])
				continue;
			seen[i]++;
			if (i % 2)
				sleeper_end(pid[i]);
		}
	} while (cursor);
	for (int i = 0; i < N; i++) {
		if (!(i % 2) || !seen[i])
			sleeper_end(pid[i]);
		if (i % 2 == 0)
			expect(seen[i], 1);
	}
}

/* ---- */

/* A shadow that has several elements in each list of a handle. */
static int shadow_full(int dev, pid_t *inside)
{
	static const char *const functions[] = { "vfs_read", "vfs_write", "vfs_open" };
	static const char *const patched[] = { "__x64_sys_getppid", "__x64_sys_getuid" };
	int handle = (int)expect_ok(shadow_create(dev, "uapi"));

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		struct shk_raw_add raw = { .size = sizeof(raw), .flags = SHK_RAW_IDENTITY };

		strcpy(raw.symbol, functions[i]);
		expect(probe_add(handle, probe_at(functions[i], 0)), 0);
		expect(call(handle, SHK_RAW_ADD, &raw), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(patched); i++)
		expect(patch_add(handle, nop_of(patched[i])), 0);
	for (int i = 0; i < 3; i++) {
		int pidfd;

		inside[i] = sleeper();
		pidfd = pidfd_of(inside[i]);
		expect(attach(handle, pidfd), 0);
		close(pidfd);
	}
	return handle;
}

/* A shadow that owns kernel threads. */
static int shadow_owner(int dev)
{
	static const char *const patterns[] = { "no_such_*", "no_other_*" };
	int handle = (int)expect_ok(shadow_create_flags(dev, SHK_ASYNC_OWNER));

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_KTHREAD };

		strcpy(arg.pattern, patterns[i]);
		expect(call(handle, SHK_OWN, &arg), 0);
	}
	return handle;
}

static const char *const cgroups[] = { CGROUPS "/uapi-a", CGROUPS "/uapi-b" };

static void cgroups_attach(int handle)
{
	if (access(CGROUPS "/cgroup.procs", F_OK))
		need(!mount("cgroup2", CGROUPS, "cgroup2", 0, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
		struct shk_cgroup arg = { .size = sizeof(arg) };

		need(!mkdir(cgroups[i], 0755));
		arg.fd = open(cgroups[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		expect(call(handle, SHK_CGROUP_ATTACH, &arg), 0);
		close(arg.fd);
	}
}

int main(void)
{
	int dev = device_open(), handle, owner = -1, empty;
	pid_t inside[3];

	shadows(dev);
	empty = (int)shadow_create(dev, "empty");
	need(empty >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].element && calls[i].on_handle && calls[i].nr != SHK_SHADOW_LIST)
			expect_call(&calls[i], "of an empty shadow",
				    (long)list_count(empty, calls[i].nr, calls[i].element), 0);
	probes(empty);
	processes_that_end(empty);

	handle = shadow_full(dev, inside);
	edits(handle);
	cgroups_attach(handle);
	if (module_info(dev).features & SHK_FEATURE_OWN)
		owner = shadow_owner(dev);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		fds[i] = !calls[i].on_handle ? dev : calls[i].nr == SHK_OWN_LIST ? owner : handle;
	every_list();
	for (int i = 0; i < 3; i++)
		sleeper_end(inside[i]);
	/* A cgroup's end detaches it. */
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++)
		expect(rmdir(cgroups[i]), 0);
	close(owner);
	usleep(200000);
	expect(shadow_destroy(handle), 0);
	expect(shadow_destroy(empty), 0);
	return finish();
}
