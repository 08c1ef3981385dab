// SPDX-License-Identifier: GPL-2.0-only
/* test: newer core timeout=60 */
/*
 * Two processes run alternately on one CPU, one system call each. Only calls of the process inside
 * are hits, and the other process sees no change of text.
 */
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define CALLS 10000
#define PAGE  4096ULL
#define TEXT  (2 * PAGE) /* around the probed address */

struct relay {
	int first; /* whether this process begins */
	int in, out;
};

static struct relay relays[2];

/* Makes one call, and then lets the other process make one. */
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

/* Returns a digest of the text around the probed address, as this process has it. */
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
	expect(after == before, "the text of the process outside has changed");
	expect(private != before, "the text inside is the base's, so the test checks nothing");

	actor_end(&inside);
	actor_end(&outside);
	victims_done();
	return finish();
}
