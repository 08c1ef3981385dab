// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * Two processes take turns on one CPU, system call by system call; the one
 * inside is counted, the other is not, nor does it see text that differs.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define CALLS 10000
#define PAGE  4096ULL
#define TEXT  (2 * PAGE) /* around what is probed */

struct relay {
	int first; /* begins */
	int in, out;
};

static struct relay relays[2];

/* One call, then the other process's turn. */
static long job_take_turns(long self)
{
	struct relay *relay = &relays[self];
	char token = 0;

	for (int i = 0; i < CALLS; i++) {
		if (i || !relay->first)
			need(read(relay->in, &token, 1) == 1);
		job_getppid(1);
		if (i < CALLS - 1 || relay->first)
			need(write(relay->out, &token, 1) == 1);
	}
	return CALLS;
}

static uint64_t text_at;

/* A digest of what this process sees there. */
static long job_digest(long unused)
{
	unsigned char bytes[TEXT];
	uint64_t digest = 14695981039346656037ULL;

	observe_text(text_at, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		digest = (digest ^ bytes[i]) * 1099511628211ULL;
	return digest;
}

int main(void)
{
	struct actor inside, outside;
	struct shadowk_shadow *shadow;
	long before, after, private;
	int there[2], back[2];

	observer_load();
	text_at = kernel_symbol(GETPPID) & ~(PAGE - 1);
	need(text_at);
	need(!pipe(there) && !pipe(back));
	relays[0] = (struct relay){ 1, back[0], there[1] };
	relays[1] = (struct relay){ 0, there[0], back[1] };

	shadow = shadow_new(NULL);
	actor_start(&inside, 0);
	actor_start(&outside, 0);
	before = actor_do(&outside, job_digest, 0);

	count(shadow, GETPPID);
	attach(shadow, inside.pid);
	actor_ask(&inside, job_take_turns, 0);
	actor_ask(&outside, job_take_turns, 1);
	expect_eq(actor_answer(&inside), CALLS, "calls inside");
	expect_eq(actor_answer(&outside), CALLS, "calls outside");
	expect_eq(hits(shadow, GETPPID), CALLS, "hits");
	expect_eq(probe_info(shadow, GETPPID).missed, 0, "missed hits");

	after = actor_do(&outside, job_digest, 0);
	private = actor_do(&inside, job_digest, 0);
	expect(after == before, "the outsider's text has changed");
	expect(private != before, "the text inside is the base's: this test sees nothing");

	actor_end(&inside);
	actor_end(&outside);
	victims_done();
	return finish();
}
