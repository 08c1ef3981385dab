// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=240 */
/*
 * CPUs go offline and come back while processes are inside and edits come and go. A process inside
 * may do the switching. On the CPU that came back, processes inside execute the shadow's current
 * text.
 */
#include "actor.h"
#include "shadows.h"

#define ROUNDS 6
#define CALLS  50

static char online[64];

static long job_switch(long on)
{
	return write_file(online, on ? "1\n" : "0\n") ? 0 : -errno;
}

static long job_pin(long cpu)
{
	pin((int)cpu);
	return cpu;
}

int main(void)
{
	struct shadowk_raw_spec all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };
	struct actor mover, switcher, outside;
	int cpu = (int)nr_cpus() - 1;
	struct shadowk_shadow *shadow;

	snprintf(online, sizeof(online), "/sys/devices/system/cpu/cpu%d/online", cpu);
	if (!cpu || access(online, W_OK))
		skip("no CPU can go offline");
	shadow = shadow_new(NULL);
	actor_start(&mover, -1);
	actor_start(&switcher, 0);
	actor_start(&outside, 0);
	attach(shadow, mover.pid);
	for (int i = 0; i < ROUNDS; i++) {
		struct actor *by = i % 2 ? &switcher : &outside;

		if (i == 2)
			need_ok(shadowk_raw_add(shadow, &all));
		if (i == 3)
			attach(shadow, switcher.pid);
		/* The process runs on that CPU when it goes offline. */
		actor_do(&mover, job_pin, cpu);
		count(shadow, GETPPID);
		actor_do(&mover, job_getppid, CALLS);
		expect_eq(hits(shadow, GETPPID), CALLS, "hits before CPU %d goes offline, round %d",
			  cpu, i);
		need_ok(actor_do(by, job_switch, false));
		actor_do(&mover, job_getppid, CALLS);
		expect_eq(hits(shadow, GETPPID), 2 * CALLS, "hits while it is offline, round %d",
			  i);
		probe_remove(shadow, GETPPID);
		count(shadow, GETUID);
		need_ok(actor_do(by, job_switch, true));
		actor_do(&mover, job_pin, cpu);
		actor_do(&mover, job_getuid, CALLS);
		actor_do(&mover, job_getppid, CALLS);
		expect_eq(hits(shadow, GETUID), CALLS, "hits on the CPU that came back, round %d",
			  i);
		probe_remove(shadow, GETUID);
	}
	actor_end(&mover);
	actor_end(&switcher);
	actor_end(&outside);
	return finish();
}
