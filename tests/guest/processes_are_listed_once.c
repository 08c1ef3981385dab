// SPDX-License-Identifier: GPL-2.0-only
/* test: races once timeout=60 */
/*
 * A walk of a shadow's processes lists each process once, whether it is in the shadow always or
 * during some system calls, and in whatever order they were attached. It lists no process that was
 * detached.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"

#define ACTORS	6
#define CALLERS 2

static struct actor actors[ACTORS];
static unsigned int told[ACTORS];

static void walk(struct shadowk_shadow *shadow)
{
	struct shadowk_process process;
	uint64_t cursor = 0;
	long ret;

	memset(told, 0, sizeof(told));
	/* Reads one element at a time, so that the walk has many steps. */
	while ((ret = shadowk_process_list(shadow, &cursor, &process, sizeof(process), 1)) > 0) {
		unsigned int i = 0;

		while (i < ACTORS && actors[i].pid != process.pid)
			i++;
		expect(i < ACTORS, "process %d is listed, but is in no shadow", process.pid);
		if (i < ACTORS)
			told[i]++;
	}
	expect_ret(ret, 0, "result at the end of the walk");
}

int main(void)
{
	static const unsigned int calls[] = { SYS_getppid };
	struct shadowk_shadow *shadow = shadow_new(NULL), *callers[CALLERS];

	for (unsigned int i = 0; i < CALLERS; i++)
		need_ok(shadowk_syscalls_create(shadow, calls, ARRAY_SIZE(calls), &callers[i],
						NULL));
	/*
	 * The processes are attached in turn to the first caller shadow, the second one, and the
	 * shadow itself.
	 */
	for (unsigned int i = 0; i < ACTORS; i++) {
		actor_start(&actors[i], -1);
		attach(i % 3 < CALLERS ? callers[i % 3] : shadow, actors[i].pid);
	}
	walk(shadow);
	for (unsigned int i = 0; i < ACTORS; i++)
		expect_eq(told[i], 1, "times that process %u is listed", i);
	walk(callers[1]);
	for (unsigned int i = 0; i < ACTORS; i++)
		expect_eq(told[i], i % 3 == 1,
			  "times that process %u is listed for the second caller shadow", i);

	detach(actors[2].pid);
	detach(actors[3].pid);
	walk(shadow);
	for (unsigned int i = 0; i < ACTORS; i++)
		expect_eq(told[i], i != 2 && i != 3,
			  "times that process %u is listed after two were detached", i);
	for (unsigned int i = 0; i < CALLERS; i++)
		shadowk_shadow_close(callers[i]);
	for (unsigned int i = 0; i < ACTORS; i++)
		actor_end(&actors[i]);
	return finish();
}
