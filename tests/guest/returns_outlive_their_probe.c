// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A call that is in progress when its probe is removed returns, and counts for no other probe at
 * that place, whether the removed probe was the last with hooks of returns or not.
 */
#include <signal.h>
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"

#define FUNCTION "__x64_sys_pause"

static void on_signal(int number)
{
}

static long job_pause(long n)
{
	while (n--)
		pause();
	return 0;
}

static void wake(struct actor *actor)
{
	need(eventually(sleeps_in(actor->pid, SYS_pause)));
	need(!kill(actor->pid, SIGUSR1));
}

static void add(struct shadowk_shadow *shadow, const char *name, const char *symbol, uint32_t calls)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec),
					   .kind = SHADOWK_PROBE_LATENCY,
					   .calls = calls };

	strcpy(spec.name, name);
	strcpy(spec.symbol, symbol);
	need_ok(shadowk_probe_add(shadow, &spec));
}

static void check(struct shadowk_shadow *shadow, struct actor *inside, uint32_t calls)
{
	struct shadowk_probe_info info;

	add(shadow, "first", FUNCTION, calls);
	actor_ask(inside, job_pause, 2);
	need(eventually(sleeps_in(inside->pid, SYS_pause)));
	probe_remove(shadow, "first");
	add(shadow, "second", FUNCTION, calls);
	wake(inside); /* from the call that "first" has hooked */
	need(eventually(probe_info(shadow, "second").unreturned == 1));
	expect_eq((int64_t)hits(shadow, "second"), 0, "hits by the call of the first");
	wake(inside);
	actor_answer(inside);
	info = probe_info(shadow, "second");
	expect_eq((int64_t)info.hits, 1, "hits of the second");
	expect_eq((int64_t)info.unreturned, 0, "unreturned of the second");
	probe_remove(shadow, "second");
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside;

	signal(SIGUSR1, on_signal);
	actor_start(&inside, 0);
	attach(shadow, inside.pid);
	check(shadow, &inside, 0);
	check(shadow, &inside, 5);
	/* Another probe keeps the shadow's hooks. */
	add(shadow, "other", GETPPID, 0);
	check(shadow, &inside, 0);
	actor_end(&inside);
	shadow_close(shadow);
	return finish();
}
