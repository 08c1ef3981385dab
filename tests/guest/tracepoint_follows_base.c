// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/*
 * A tracepoint that is on in one shadow has users in the base as well, which come and go in every
 * order. Each user gets all of its events, from inside and outside, and the probe those from inside.
 */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor.h"
#include "shadows.h"
#include "tracefs.h"

#define SIGNALS	 50
#define PLACE	 "tracepoint:signal:signal_generate"
#define EVENT	 "events/signal/signal_generate/enable"
#define TRACING	 "/sys/kernel/tracing/"
#define INSTANCE "instances/shadowk-test/"

static struct actor inside, outside, patcher;
static struct shadowk_shadow *shadow;

/* The users: the probe, and two of the base. With two the kernel calls them through a loop. */
enum user { PROBE, FIRST, SECOND, NR_USERS };
static bool on[NR_USERS];

static const char *const folders[] = { [FIRST] = "", [SECOND] = INSTANCE };

/* Returns the path of @file in the trace of @user. */
static const char *in_trace(enum user user, const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s%s", folders[user], file);
	return path;
}

static long job_enable(long user)
{
	tracefs_write(in_trace(user, EVENT), "1");
	return 0;
}

static long job_disable(long user)
{
	tracefs_write(in_trace(user, EVENT), "0");
	return 0;
}

/* Returns the signals in the trace of @user, and empties it. */
static long events(enum user user)
{
	return tracefs_take(folders[user], "sig=23 ");
}

/* Signals are sent inside and outside, and each user that is on sees its own. */
static void expect_seen(const char *when)
{
	uint64_t before = on[PROBE] ? hits(shadow, "signals") : 0;

	actor_ask(&outside, job_signals, SIGNALS);
	actor_do(&inside, job_signals, SIGNALS);
	actor_answer(&outside);
	if (on[PROBE])
		expect_eq(hits(shadow, "signals") - before, SIGNALS, "hits, %s", when);
	for (enum user user = FIRST; user < NR_USERS; user++)
		expect_eq(events(user), on[user] ? 2 * SIGNALS : 0, "events of %d, %s", user, when);
}

/* @user comes or goes. The base's users are made by @patcher, which may be inside. */
static void flip(enum user user)
{
	on[user] = !on[user];
	if (user != PROBE)
		actor_do(&patcher, on[user] ? job_enable : job_disable, user);
	else if (on[PROBE])
		probe_add(shadow, "signals", PLACE, SHADOWK_PROBE_COUNT, 0);
	else
		probe_remove(shadow, "signals");
}

/* Users come in the order @in and go in the order @out. */
static void in_order(const enum user *in, const enum user *out)
{
	char when[32];

	for (int i = 0; i < 2 * NR_USERS; i++) {
		flip(i < NR_USERS ? in[i] : out[i - NR_USERS]);
		snprintf(when, sizeof(when), "orders %d%d%d %d%d%d, step %d", in[0], in[1], in[2],
			 out[0], out[1], out[2], i);
		expect_seen(when);
	}
}

static void in_all_orders(void)
{
	static const enum user orders[][NR_USERS] = {
		{ PROBE, FIRST, SECOND },
		{ FIRST, PROBE, SECOND },
		{ FIRST, SECOND, PROBE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
		for (size_t k = 0; k < ARRAY_SIZE(orders); k++)
			in_order(orders[i], orders[k]);
}

static atomic_bool *stop;

/* Sends signals until *stop. Returns how many. */
static long job_signals_until_stop(long unused)
{
	long n = 0;

	for (; !atomic_load(stop); n++)
		job_signals(1);
	return n;
}

/* Users of the base come and go while the process inside passes the tracepoint. */
static void while_running(void)
{
	long sent;

	flip(PROBE);
	actor_ask(&inside, job_signals_until_stop, 0);
	for (int turn = 0; turn < 12; turn++)
		flip(turn % 2 ? SECOND : FIRST);
	atomic_store(stop, true);
	sent = actor_answer(&inside);
	expect_eq(hits(shadow, "signals"), sent, "hits while users come and go");
	expect(sent > 12, "signals were sent meanwhile: %ld", sent);
	flip(PROBE);
	/* The probe comes and goes. */
	atomic_store(stop, false);
	actor_ask(&inside, job_signals_until_stop, 0);
	for (int turn = 0; turn < 6; turn++)
		flip(PROBE);
	atomic_store(stop, true);
	actor_answer(&inside);
	events(FIRST);
	events(SECOND);
}

int main(void)
{
	need(!mkdir(TRACING INSTANCE, 0700));
	stop = shared_memory(sizeof(*stop));
	tracefs_clear();
	shadow = shadow_new("traced");
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	actor_start(&patcher, -1);
	attach(shadow, inside.pid);
	in_all_orders();
	while_running();
	/* The kernel patches its text while it executes the shadow's. */
	attach(shadow, patcher.pid);
	in_all_orders();
	expect_eq(strays(shadow), 0, "bytes that are no edit's");
	actor_end(&patcher);
	actor_end(&inside);
	actor_end(&outside);
	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy");
	shadows_done();
	need(!rmdir(TRACING INSTANCE));
	return finish();
}
