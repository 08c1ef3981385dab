// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=300 */
/*
 * SHK_PROBES_ADD adds all probes or none; with SHK_PROBES_SKIP it leaves out those that are refused,
 * each with its reason. SHK_PROBES_REMOVE removes those of its ids, or all.
 */
#include <sys/mman.h>

#include "uapi.h"

#define GOOD	"__x64_sys_getppid"
#define MISSING "no_such_function"
#define MANY	1100 /* more than the kernel takes at a time */

static int dev;

static void element_set(struct shk_probe_add *element, const char *symbol)
{
	*element = probe_at(symbol, 0);
}

static struct shk_probes_add call_of(struct shk_probe_add *elements, uint32_t nr, uint32_t flags)
{
	return (struct shk_probes_add){
		.size = sizeof(struct shk_probes_add),
		.flags = flags,
		.element_size = sizeof(*elements),
		.nr = nr,
		.elements = (uintptr_t)elements,
	};
}

static long probes_remove(int handle, uint64_t *ids, uint32_t nr, uint64_t *nr_done)
{
	struct shk_probes_remove arg = {
		.size = sizeof(arg), .nr = nr, .ids = (uintptr_t)ids, .nr_done = GARBAGE
	};
	long ret = call(handle, SHK_PROBES_REMOVE, &arg);

	*nr_done = arg.nr_done;
	return ret;
}

static size_t nr_probes(int handle)
{
	return list_count(handle, SHK_PROBE_LIST, sizeof(struct shk_probe_info));
}

static size_t nr_edits(int handle)
{
	return list_count(handle, SHK_EDIT_LIST, sizeof(struct shk_edit_info));
}

static void all_or_none(int handle)
{
	static const char *const symbols[] = { GOOD, "vfs_read", MISSING, "vfs_write" };
	struct shk_probe_add elements[4];
	struct shk_probes_add arg = call_of(elements, 4, 0);
	size_t edits = nr_edits(handle);

	for (int i = 0; i < 4; i++)
		element_set(&elements[i], symbols[i]);
	expect(call(handle, SHK_PROBES_ADD, &arg), ERROR(ENOENT, SHK_REASON_SYMBOL_UNKNOWN));
	expect((long)arg.nr_done, 2);
	expect((long)nr_probes(handle), 0);
	expect((long)nr_edits(handle), (long)edits);
}

static void skips(int handle)
{
	static const struct {
		const char *symbol;
		unsigned int reason;
	} cases[] = {
		{ GOOD, 0 },	   { MISSING, SHK_REASON_SYMBOL_UNKNOWN },
		{ "vfs_read", 0 }, { "__switch_to", SHK_REASON_FORBIDDEN },
		{ GOOD, 0 },
	};
	struct shk_probe_add elements[ARRAY_SIZE(cases)];
	struct shk_probes_add arg = call_of(elements, ARRAY_SIZE(cases), SHK_PROBES_SKIP);
	uint64_t last = 0, removed, ids[4] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		element_set(&elements[i], cases[i].symbol);
		elements[i].id = GARBAGE;
		elements[i].reason = GARBAGE;
	}
	expect(call(handle, SHK_PROBES_ADD, &arg), 0);
	expect((long)arg.nr_done, 3);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		expect(elements[i].reason, cases[i].reason);
		expect(!!elements[i].id, !cases[i].reason);
		expect(!!*elements[i].name, !cases[i].reason);
		if (cases[i].reason)
			continue;
		expect_true(elements[i].id > last);
		last = elements[i].id;
	}
	/* Two probes at one place have two names. */
	expect(strcmp(elements[0].name, elements[4].name) != 0, 1);
	expect((long)nr_probes(handle), 3);

	ids[0] = elements[4].id;
	ids[1] = 123456;
	ids[2] = elements[4].id;
	ids[3] = elements[0].id;
	expect(probes_remove(handle, ids, 4, &removed), 0);
	expect((long)removed, 2);
	expect((long)nr_probes(handle), 1);
	expect(probes_remove(handle, NULL, 0, &removed), 0);
	expect((long)removed, 1);
	expect((long)nr_probes(handle), 0);
}

/* A name that is taken, and elements that are malformed, end the call or are left out. */
static void names(int handle)
{
	struct shk_probe_add elements[2];
	struct shk_probes_add arg = call_of(elements, 2, SHK_PROBES_SKIP);
	uint64_t removed;

	for (int i = 0; i < 2; i++) {
		element_set(&elements[i], GOOD);
		strcpy(elements[i].name, "one");
	}
	expect(call(handle, SHK_PROBES_ADD, &arg), 0);
	expect((long)arg.nr_done, 1);
	expect(elements[1].reason, SHK_REASON_NAME_TAKEN);
	expect(probes_remove(handle, NULL, 0, &removed), 0);

	element_set(&elements[0], GOOD);
	element_set(&elements[1], GOOD);
	elements[1].kind = 0;
	expect(call(handle, SHK_PROBES_ADD, &arg), -EINVAL);
	expect((long)nr_probes(handle), 0);
}

static void sizes(int handle)
{
	struct {
		struct shk_probe_add probe;
		uint64_t later;
	} longer[2] = { 0 };
	struct shk_probe_add element;
	struct shk_probes_add arg = call_of(&element, 1, 0);
	uint64_t removed;

	element_set(&element, GOOD);
	arg.element_size--;
	expect(call(handle, SHK_PROBES_ADD, &arg), -EINVAL);
	arg.element_size = 4104;
	expect(call(handle, SHK_PROBES_ADD, &arg), -E2BIG);
	arg.element_size = sizeof(element);
	element.size = sizeof(element) - 8;
	expect(call(handle, SHK_PROBES_ADD, &arg), -EINVAL);
	element.size = sizeof(element);
	arg.nr = 0;
	expect(call(handle, SHK_PROBES_ADD, &arg), -EINVAL);
	arg.nr = SHK_PROBES_MAX + 1;
	expect(call(handle, SHK_PROBES_ADD, &arg), -EINVAL);

	arg = call_of(&longer[0].probe, 2, 0);
	arg.element_size = sizeof(longer[0]);
	for (int i = 0; i < 2; i++) {
		longer[i].probe = probe_at(GOOD, 0);
		longer[i].probe.size = sizeof(longer[0]);
	}
	expect(call(handle, SHK_PROBES_ADD, &arg), 0);
	expect_true(longer[0].probe.id && longer[1].probe.id);
	expect(probes_remove(handle, NULL, 0, &removed), 0);
	longer[1].later = 1;
	expect(call(handle, SHK_PROBES_ADD, &arg), -E2BIG);
	expect((long)nr_probes(handle), 0);
}

/* An element that is refused, alone in its call or in the last piece of it, is left out, too. */
static void skips_the_last(int handle)
{
	static struct shk_probe_add elements[257];
	uint64_t removed;

	for (uint32_t nr = 1; nr <= 257; nr += 256) {
		struct shk_probes_add arg = call_of(elements, nr, SHK_PROBES_SKIP);

		for (uint32_t i = 0; i < nr; i++)
			element_set(&elements[i], i + 1 < nr ? GOOD : MISSING);
		expect(call(handle, SHK_PROBES_ADD, &arg), 0);
		expect((long)arg.nr_done, nr - 1);
		expect(elements[nr - 1].reason, SHK_REASON_SYMBOL_UNKNOWN);
		expect(probes_remove(handle, NULL, 0, &removed), 0);
		expect((long)removed, nr - 1);
	}
}

/* Elements behind which no memory is: nothing stays of the ones before. */
static void unmapped(int handle)
{
	size_t room = (sizeof(struct shk_probe_add) * 512 + 4095) & ~4095UL;
	char *map =
		mmap(NULL, room + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct shk_probe_add *elements;
	struct shk_probes_add arg;

	need(map != MAP_FAILED && !munmap(map + room, 4096));
	elements = (void *)(map + room - sizeof(*elements) * 512);
	for (int i = 0; i < 512; i++)
		element_set(&elements[i], GOOD);
	arg = call_of(elements, 513, SHK_PROBES_SKIP);
	expect(call(handle, SHK_PROBES_ADD, &arg), -EFAULT);
	expect((long)nr_probes(handle), 0);
	munmap(map, room);
}

/* Reads the addresses of system calls' functions. Returns how many. */
static uint32_t addresses(uint64_t *addr, uint32_t room)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512], name[256], type;
	uint32_t nr = 0;

	need(file);
	while (nr < room && fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNx64 " %c %255s", &addr[nr], &type, name) == 3 &&
		    !strncmp(name, "__x64_sys_", 10) && type == 'T')
			nr++;
	fclose(file);
	return nr;
}

/* More probes than the kernel adds at a time, in a shadow that a process executes, or not. */
static void many(int handle)
{
	static struct shk_probe_add elements[MANY];
	static uint64_t addr[MANY], ids[MANY];
	uint32_t functions = addresses(addr, MANY);
	struct shk_probes_add arg = call_of(elements, MANY, 0);
	struct shk_probe_info *infos;
	uint64_t removed;
	size_t count;

	need(functions > 200);
	for (uint32_t i = 0; i < MANY; i++)
		elements[i] = (struct shk_probe_add){ .size = sizeof(elements[i]),
						      .kind = SHK_PROBE_COUNT,
						      .addr = addr[i % functions] };
	expect(call(handle, SHK_PROBES_ADD, &arg), 0);
	expect((long)arg.nr_done, MANY);
	infos = list_all(handle, SHK_PROBE_LIST, sizeof(*infos), &count);
	expect((long)count, MANY);
	for (size_t i = 0; i < count; i++) {
		expect_true(infos[i].id == elements[i].id);
		expect_true(infos[i].addr >= elements[i].addr &&
			    infos[i].addr <= elements[i].addr + 4);
	}
	free(infos);
	/* Every other one goes, of each site some; then the last element is wrong. */
	for (uint32_t i = 0; i < MANY / 2; i++)
		ids[i] = elements[2 * i].id;
	expect(probes_remove(handle, ids, MANY / 2, &removed), 0);
	expect((long)removed, MANY / 2);
	expect((long)nr_probes(handle), MANY - MANY / 2);
	expect(probes_remove(handle, NULL, 0, &removed), 0);

	for (uint32_t i = 0; i < MANY; i++) {
		elements[i].id = 0;
		*elements[i].name = 0;
	}
	element_set(&elements[MANY - 1], MISSING);
	expect(call(handle, SHK_PROBES_ADD, &arg), ERROR(ENOENT, SHK_REASON_SYMBOL_UNKNOWN));
	expect((long)arg.nr_done, MANY - 1);
	expect((long)nr_probes(handle), 0);
}

static void everything(uint32_t flags, bool live)
{
	int handle = (int)shadow_create_flags(dev, flags);
	size_t edits;

	need(handle >= 0);
	if (live)
		expect(attach(handle, SELF), 0);
	edits = nr_edits(handle);
	all_or_none(handle);
	skips(handle);
	skips_the_last(handle);
	names(handle);
	sizes(handle);
	unmapped(handle);
	many(handle);
	expect((long)nr_edits(handle), (long)edits);
	if (live)
		expect(detach(dev, SELF), 0);
	expect(shadow_destroy(handle), 0);
	close(handle);
}

static void destroyed(void)
{
	int handle = (int)shadow_create(dev, "uapi");
	struct shk_probe_add element;
	struct shk_probes_add arg = call_of(&element, 1, 0);
	uint64_t removed;

	need(handle >= 0);
	expect(shadow_destroy(handle), 0);
	element_set(&element, GOOD);
	expect(call(handle, SHK_PROBES_ADD, &arg), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	arg.flags = SHK_PROBES_SKIP;
	expect(call(handle, SHK_PROBES_ADD, &arg), ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	expect(probes_remove(handle, NULL, 0, &removed), 0);
	expect((long)removed, 0);
	close(handle);
}

int main(void)
{
	int probe;

	dev = device_open();
	everything(0, false);
	everything(0, true);
	probe = (int)shadow_create_flags(dev, SHK_ASYNC_UNION);
	if (probe >= 0) {
		close(probe);
		everything(SHK_ASYNC_UNION, false);
	}
	destroyed();
	return finish();
}
