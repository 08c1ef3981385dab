// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/*
 * Users of a tracepoint are captured from two tools, and two users of the base come and go beside
 * them, in many orders. Each user of the base gets all events, and each captured one those of the
 * process inside. It makes no difference in which text the base's users come and go.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor.h"
#include "rawtp.h"
#include "shadows.h"
#include "tracefs.h"

#define SIGNALS 30
#define TRACING "/sys/kernel/tracing/"
#define EVENT	"events/signal/signal_generate/enable"

/* A captured event of an instance, a captured BPF program, two events of the base. */
enum user { EVENT_IN, BPF_IN, FIRST, SECOND, NR_USERS };

static const char *const folders[] = {
	[EVENT_IN] = "instances/shadowk-in/",
	[FIRST] = "instances/shadowk-1/",
	[SECOND] = "instances/shadowk-2/",
};
static bool on[NR_USERS];
static uint64_t bpf_seen; /* by the program, when it was asked last */
static struct actor inside, outside, tools[2], patcher;
static struct shadowk_shadow *target, *helpers[2];

static const struct rawtp_condition is_urgent[2] = { { 0, SIGURG }, { 3, 1 } };

static long job_begin(long user)
{
	char path[128];

	if (user == BPF_IN)
		return rawtp_attach("signal_generate", is_urgent);
	snprintf(path, sizeof(path), "%s" EVENT, folders[user]);
	return tracefs_try(path, "1") ? 0 : -errno;
}

static long job_end(long user)
{
	char path[128];

	if (user == BPF_IN)
		return rawtp_detach();
	snprintf(path, sizeof(path), "%s" EVENT, folders[user]);
	return tracefs_try(path, "0") ? 0 : -errno;
}

static long job_count(long unused)
{
	return rawtp_count();
}

/* Returns the signals in the trace of @user, and empties it. */
static long events(enum user user)
{
	return tracefs_take(folders[user], "sig=23 ");
}

static struct actor *actor_of(enum user user)
{
	return user < FIRST ? &tools[user] : &patcher;
}

static bool are_captured(unsigned int n)
{
	return shadow_info(target).nr_probes == n;
}

static void flip(enum user user)
{
	on[user] = !on[user];
	if (on[user])
		expect_ret(actor_do(actor_of(user), job_begin, user), 0, "begin of %d", user);
	else
		expect(actor_do(actor_of(user), job_end, user) >= 0, "end of %d", user);
	if (user == BPF_IN)
		bpf_seen = 0;
	if (user < FIRST)
		expect(eventually(are_captured(on[EVENT_IN] + on[BPF_IN])), "captured users");
}

static void expect_seen(const char *when)
{
	uint64_t seen;

	actor_ask(&outside, job_signals, SIGNALS);
	actor_do(&inside, job_signals, SIGNALS);
	actor_answer(&outside);
	for (enum user user = 0; user < NR_USERS; user++)
		if (user != BPF_IN)
			expect_eq(events(user), on[user] ? (user < FIRST ? 1 : 2) * SIGNALS : 0,
				  "events of %d, %s", user, when);
	if (!on[BPF_IN])
		return;
	seen = actor_do(&tools[BPF_IN], job_count, 0);
	expect_eq(seen - bpf_seen, SIGNALS, "calls of the program, %s", when);
	bpf_seen = seen;
}

static void in_orders(void)
{
	static const enum user orders[][NR_USERS] = {
		{ EVENT_IN, BPF_IN, FIRST, SECOND },
		{ EVENT_IN, FIRST, SECOND, BPF_IN },
		{ FIRST, BPF_IN, EVENT_IN, SECOND },
		{ FIRST, SECOND, EVENT_IN, BPF_IN },
	};
	char when[64];

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		for (int step = 0; step < 2 * NR_USERS; step++) {
			/* They go in the order of another line. */
			flip(step < NR_USERS ? orders[i][step]
					     : orders[(i * 3 + 1) % 4][step - NR_USERS]);
			snprintf(when, sizeof(when), "order %zu, step %d", i, step);
			expect_seen(when);
		}
	}
}

static atomic_bool *stop;

static long job_signals_until_stop(long unused)
{
	long n = 0;

	for (; !atomic_load(stop); n++)
		job_signals(1);
	return n;
}

/* Signals are sent all the time, and users come and go. A user that stays misses none. */
static void while_running(enum user stays, enum user turns)
{
	long sent, seen;

	flip(stays);
	atomic_store(stop, false);
	actor_ask(&inside, job_signals_until_stop, 0);
	for (int turn = 0; turn < 8; turn++)
		flip(turn % 4 < 2 ? turns : (turns ^ 1));
	atomic_store(stop, true);
	sent = actor_answer(&inside);
	seen = stays == BPF_IN ? actor_do(&tools[BPF_IN], job_count, 0) : events(stays);
	expect_eq(seen, sent, "calls of %d while others come and go", stays);
	expect(sent > 8, "signals were sent meanwhile: %ld", sent);
	flip(stays);
	for (enum user user = 0; user < NR_USERS; user++)
		if (user != BPF_IN)
			events(user);
}

int main(void)
{
	for (enum user user = 0; user < NR_USERS; user++) {
		char path[128];

		if (user == BPF_IN)
			continue;
		snprintf(path, sizeof(path), TRACING "%s", folders[user]);
		need(!mkdir(path, 0700));
		snprintf(path, sizeof(path), "%sbuffer_size_kb", folders[user]);
		tracefs_write(path, "8192");
	}
	stop = shared_memory(sizeof(*stop));
	target = shadow_new("target");
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	actor_start(&patcher, -1);
	attach(target, inside.pid);
	for (int i = 0; i < 2; i++) {
		helpers[i] = shadow_new(NULL);
		expect_ret(shadowk_capture(helpers[i], target, 0), 0, "capture");
		actor_start(&tools[i], -1);
		attach(helpers[i], tools[i].pid);
	}
	in_orders();
	while_running(BPF_IN, FIRST);
	while_running(FIRST, EVENT_IN);
	/* The kernel patches its text while it executes the target's. */
	attach(target, patcher.pid);
	in_orders();
	expect_eq(strays(target), 0, "bytes that are no edit's");
	actor_end(&patcher);
	actor_end(&inside);
	actor_end(&outside);
	for (int i = 0; i < 2; i++) {
		actor_end(&tools[i]);
		expect_ret(shadowk_shadow_destroy(helpers[i]), 0, "destroy a helper");
	}
	expect_ret(shadowk_shadow_destroy(target), 0, "destroy the target");
	shadows_done();
	for (enum user user = 0; user < NR_USERS; user++) {
		char path[128];

		if (user == BPF_IN)
			continue;
		snprintf(path, sizeof(path), TRACING "%s", folders[user]);
		need(!rmdir(path));
	}
	return finish();
}
