// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * The stack of a process that runs in a function with a hooked return can be read, and the kernel
 * logs no warning about it.
 */
#include <fcntl.h>

#include "actor.h"
#include "shadows.h"

#define ROOM (64UL << 20)

static long job_read(long n)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char *buf = malloc(ROOM);

	need(fd >= 0 && buf);
	while (n--)
		need(read(fd, buf, ROOM) == ROOM);
	free(buf);
	close(fd);
	return 0;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	char path[64], stack[4096];
	struct actor inside;
	int seen = 0;

	actor_start(&inside, 0);
	pin(0);
	attach(shadow, inside.pid);
	probe_add(shadow, "read", "vfs_read", SHADOWK_PROBE_LATENCY, 0);
	snprintf(path, sizeof(path), "/proc/%d/stack", inside.pid);
	actor_ask(&inside, job_read, 4);
	while (hits(shadow, "read") < 4) {
		need(read_file(path, stack, sizeof(stack)));
		seen++;
		usleep(1000);
	}
	actor_answer(&inside);
	expect_range(seen, 10, INT32_MAX, "stacks that were read");
	actor_end(&inside);
	return finish();
}
