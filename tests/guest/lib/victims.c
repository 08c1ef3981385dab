// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/ioctl.h>

#include "shadows.h"
#include "victims.h"

#define VICTIM	 "shk_victim"
#define OBSERVER "shk_observer"
#define TOP_BIT	 (1ULL << 63)

static int victim_fd = -1, observer_fd = -1;

static void load(const char *name)
{
	int ret = module_load(victim_path(name), "");

	/* The module may be loaded already, by a test that failed. */
	if (ret != -EEXIST)
		need_ok(ret);
}

void victim_load(void)
{
	load(VICTIM);
}

void observer_load(void)
{
	load(OBSERVER);
}

static void use_up(int *fd, const char *name)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	eventually(module_unload(name) != -EAGAIN);
}

void victims_done(void)
{
	use_up(&victim_fd, VICTIM);
	use_up(&observer_fd, OBSERVER);
}

static int use(int *fd, const char *path)
{
	if (*fd < 0)
		*fd = open(path, O_RDWR | O_CLOEXEC);
	need(*fd >= 0);
	return *fd;
}

long victim_call(unsigned int cmd, unsigned long n)
{
	int ret = ioctl(use(&victim_fd, VICTIM_DEVICE), cmd, n);

	need(ret >= 0);
	return ret;
}

long job_victim(long order)
{
	return victim_call(order >> 32, order & 0xffffffff);
}

long job_victim_rounds(long order)
{
	long calls = 0;

	for (long i = 0; i < (order >> 16 & 0xffff); i++)
		calls += victim_call(order >> 32, order & 0xffff);
	return calls;
}

void observe_text(uint64_t addr, void *buf, size_t len)
{
	need(pread(use(&observer_fd, OBSERVER_DEVICE), buf, len, addr & ~TOP_BIT) == (ssize_t)len);
}

uint64_t find_call(const char *symbol, const char *target)
{
	uint64_t from = kernel_symbol(symbol), to = kernel_symbol(target);
	unsigned char text[128];
	int32_t rel;

	need(from && to);
	observe_text(from, text, sizeof(text));
	for (size_t i = 0; i < sizeof(text) - 5; i++) {
		memcpy(&rel, text + i + 1, sizeof(rel));
		if (text[i] == 0xe8 && from + i + 5 + rel == to)
			return from + i;
	}
	return 0;
}

static struct observer_entry *observe(unsigned int cmd, struct observer_tables *arg, size_t *count)
{
	struct observer_entry *entries = NULL;

	do {
		arg->room = arg->count + 64;
		free(entries);
		entries = calloc(arg->room, sizeof(*entries));
		need(entries);
		arg->entries = (uintptr_t)entries;
		need(!ioctl(use(&observer_fd, OBSERVER_DEVICE), cmd, arg));
	} while (arg->count > arg->room);
	*count = arg->count;
	return entries;
}

struct observer_entry *observe_tables(uint64_t root, uint64_t from, uint64_t to, size_t *count)
{
	struct observer_tables arg = { .root = root, .from = from, .to = to };

	return observe(OBSERVER_TABLES, &arg, count);
}

struct observer_entry *observe_tops(uint64_t addr, size_t *count)
{
	struct observer_tables arg = { .from = addr };

	return observe(OBSERVER_TOPS, &arg, count);
}
