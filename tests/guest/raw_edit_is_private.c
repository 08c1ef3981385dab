// SPDX-License-Identifier: GPL-2.0-only
/* test: newer core bochs timeout=120 */
/*
 * An instruction that a raw edit puts into a shadow is executed by processes inside only, from the
 * call's return until it is removed. While the edit comes and goes, each execution by other threads
 * inside is one of the two instructions.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define FORGED 4711

static const unsigned char forged[] = { 0xb8, FORGED & 0xff, FORGED >> 8, 0, 0 };

static volatile long *odd; /* results of neither instruction */
static volatile bool *stop;

static long job_uid(long unused)
{
	return syscall(SYS_getuid);
}

static long job_watch(long unused)
{
	long n = 0;

	while (!*stop) {
		long uid = syscall(SYS_getuid);

		*odd += uid != 0 && uid != FORGED;
		n++;
	}
	return n;
}

int main(void)
{
	struct shadowk_raw_spec raw = { .size = sizeof(raw), .len = sizeof(forged) };
	struct actor inside, outside, watcher;
	struct shadowk_shadow *shadow;

	odd = shared_memory(4096);
	stop = (volatile bool *)(odd + 1);
	observer_load();
	/* "mov $FORGED, %eax" is as long as that call. */
	raw.addr = find_call(GETUID, "from_kuid_munged");
	if (!raw.addr)
		skip("getuid() does not call from_kuid_munged()");
	memcpy(raw.bytes, forged, sizeof(forged));

	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	actor_start(&watcher, (int)nr_cpus() - 1);
	attach(shadow, inside.pid);
	attach(shadow, watcher.pid);
	actor_ask(&watcher, job_watch, 0);
	for (int i = 0; i < 20; i++) {
		need_ok(shadowk_raw_add(shadow, &raw));
		expect_eq(actor_do(&inside, job_uid, 0), FORGED, "uid inside, with the edit");
		expect_eq(actor_do(&outside, job_uid, 0), 0, "uid outside, with the edit");
		/* In every second round another edit keeps the page private. */
		if (i % 2)
			count(shadow, GETUID);
		need_ok(shadowk_raw_remove(shadow, raw.id));
		expect_eq(actor_do(&inside, job_uid, 0), 0, "uid inside, without the edit");
		if (i % 2)
			probe_remove(shadow, GETUID);
	}
	*stop = true;
	expect(actor_answer(&watcher) > 0, "the watching process made no call");
	expect_eq(*odd, 0, "uids of neither instruction");
	actor_end(&inside);
	actor_end(&outside);
	actor_end(&watcher);
	victims_done();
	return finish();
}
