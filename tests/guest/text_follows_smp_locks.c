// SPDX-License-Identifier: GPL-2.0-only
/* test: maxcpus timeout=120 */
/*
 * Booted with one CPU the kernel has no lock prefixes, and patches them in when a
 * second one comes, even by who is inside: private pages have them, too.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define LOCK	0xf0
#define NOTHING 0x3e /* what is in the place of the prefix: a segment that is ignored */
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
	expect(locks > 1000, "%u locks came: this test sees nothing", locks);
	expect_eq(strays(shadow), 0, "private bytes that are nobody's");
	need(actor_do(&inside, job_pin, 1) == 1);
	actor_do(&inside, job_getppid, CALLS);
	expect_eq(hits(shadow, GETPPID), CALLS, "hits on the CPU that came");
	actor_end(&inside);
	return finish();
}
