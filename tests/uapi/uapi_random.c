// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/* Arguments of random bytes, right sizes and wrong ones: errors, not damage. */
#include <time.h>

#include "calls.h"

#define SECONDS 15

static uint64_t seed = 20261122;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Good, but for a few bytes of it. */
static void spoil(const struct one_call *c, unsigned char *buf)
{
	good_arg(c, buf, 2048);
	for (uint64_t n = next() % 4; n; n--)
		buf[next() % c->size] = next() % 3 ? (unsigned char)(next() % 4)
						   : (unsigned char)next();
	if (next() % 8 == 0)
		for (size_t i = 8; i < c->size; i++)
			buf[i] = (unsigned char)next();
	/* No pid but the caller's, so that the guest's other processes are left alone. */
	if (c->nr == SHK_PROCESS_ATTACH || c->nr == SHK_PROCESS_DETACH)
		((struct shk_process *)buf)->pid = next() % 2 ? 0 : NO_PID;
	if (next() % 16)
		((struct head *)buf)->size = c->size;
}

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	time_t end = time(NULL) + SECONDS;
	unsigned long done = 0, passed = 0;
	unsigned char buf[2048];
	char *before;

	need(handle >= 0);
	before = state(dev, -1);
	while (time(NULL) < end) {
		const struct one_call *c = &calls[next() % (ARRAY_SIZE(calls) - 1)];
		struct shk_shadow_create *create = (void *)buf;

		spoil(c, buf);
		/* A name that stayed would only be one more to clean up. */
		if (c->nr == SHK_SHADOW_CREATE)
			create->name[0] = 0;
		passed += call_and_undo(c, fd_of(c, dev, handle), buf) >= 0;
		done++;
	}
	printf("%lu calls, %lu of them not refused\n", done, passed);
	expect_true(passed > 100 && passed < done);
	detach(dev, 0);
	expect(shadow_destroy(handle), 0);
	close(handle);
	handle = (int)shadow_create(dev, "uapi");
	/* The same but for its number. */
	char *now = state(dev, -1), *a = strchr(before, '\''), *b = strchr(now, '\'');

	expect_true(!strcmp(a, b));
	expect(shadow_destroy(handle), 0);
	return finish();
}
