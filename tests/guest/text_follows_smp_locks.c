// SPDX-License-Identifier: GPL-2.0-only
/* test: maxcpus timeout=120 */
/*
 * If the kernel boots with one CPU, it has no lock prefixes, and patches them into its text when a
 * second CPU comes online. Private pages get them, too, also if a process inside switches the CPU
 * on.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define LOCK	0xf0
#define NOTHING 0x3e /* in the place of the prefix: a segment override, which has no effect */
#define CALLS	100

static long job_online(long unused)
{
	return write_file(ONLINE, "1\n") ? 0 : -errno;
}

static long job_pin(long cpu)
{
	pin((int)cpu);
	return cpu;
}

int main(void)
{
	uint64_t from = kernel_symbol("_stext"), len = kernel_symbol("_etext") - from;
	struct shadowk_raw_spec all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };
	unsigned char *before = malloc(len), *after = malloc(len);
	struct shadowk_shadow *shadow;
	unsigned int locks = 0;
	struct actor inside;

	observer_load();
	need(before && after);
	shadow = shadow_new(NULL);
	need_ok(shadowk_raw_add(shadow, &all));
	count(shadow, GETPPID);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	observe_text(from, before, len);
	need_ok(actor_do(&inside, job_online, 0));
	observe_text(from, after, len);
	for (uint64_t i = 0; i < len; i++)
		locks += before[i] == NOTHING && after[i] == LOCK;
	expect(locks > 1000, "only %u lock prefixes came, so the test checks nothing", locks);
	expect_eq(strays(shadow), 0, "stray bytes");
	need(actor_do(&inside, job_pin, 1) == 1);
	actor_do(&inside, job_getppid, CALLS);
	expect_eq(hits(shadow, GETPPID), CALLS, "hits on the second CPU");
	actor_end(&inside);
	return finish();
}
