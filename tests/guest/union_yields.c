// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * Work that belongs to a shadow does not execute the union, whichever of the two came first. That
 * is work of lines and kernel threads that the shadow owns, work that its processes raise (--async
 * causal), and work that lands on them (--async inherit). Before and after it executes the union.
 */
#include <fcntl.h>
#include <termios.h>

#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define ROUNDS 10
#define CALLS  5
#define ALL    (ROUNDS * CALLS)

#define HANDLER "serial8250_interrupt"
#define PORT	"/dev/ttyS0"
#define LINE	4

static struct shadowk_shadow *all;
static struct actor actor, outside;

struct numbers {
	int64_t hits, async;
};

static struct numbers numbers(struct shadowk_shadow *shadow, const char *name)
{
	struct shadowk_probe_info info = probe_info(shadow, name);

	return (struct numbers){ (int64_t)info.hits, (int64_t)info.async_hits };
}

/*
 * @by makes such calls. @owner must count @hits and @async of them, and the union the others as
 * async hits.
 */
static void check(struct actor *by, unsigned int cmd, struct shadowk_shadow *owner, long hits,
		  long async, const char *what)
{
	struct numbers was = numbers(all, VICTIM_SYMBOL), is;
	struct numbers owner_was = numbers(owner, VICTIM_SYMBOL), owner_is;

	actor_do(by, job_victim_rounds, VICTIM_ROUNDS(cmd, ROUNDS, CALLS));
	is = numbers(all, VICTIM_SYMBOL);
	owner_is = numbers(owner, VICTIM_SYMBOL);
	expect_eq(owner_is.hits - owner_was.hits, hits, "hits of the other shadow by %s", what);
	expect_eq(owner_is.async - owner_was.async, async, "async hits of the other shadow by %s",
		  what);
	expect_eq(is.hits - was.hits, 0, "the union's hits by %s", what);
	expect_eq(is.async - was.async, ALL - hits - async, "the union's async hits by %s", what);
}

static struct shadowk_shadow *make(bool first, struct shadowk_shadow *(*create)(const char *))
{
	struct shadowk_shadow *other;

	if (!first)
		other = create(NULL);
	all = shadow_new_union(NULL);
	count(all, VICTIM_SYMBOL);
	if (first)
		other = create(NULL);
	count(other, VICTIM_SYMBOL);
	return other;
}

static void unmake(struct shadowk_shadow *other)
{
	shadow_close(all);
	shadow_close(other);
}

static void yields_to_causal(bool first)
{
	struct shadowk_shadow *causal = make(first, shadow_new_causal);

	attach(causal, actor.pid);
	check(&actor, VICTIM_WORK, causal, ALL, 0, "work items of its process");
	check(&actor, VICTIM_DELAYED, causal, ALL, 0, "delayed work items of its process");
	check(&actor, VICTIM_TIMER, causal, 0, ALL, "timers of its process");
	check(&actor, VICTIM_HARDIRQ, causal, 0, ALL, "high-resolution timers of its process");
	check(&outside, VICTIM_WORK, causal, 0, 0, "work items of a process outside");
	check(&outside, VICTIM_TIMER, causal, 0, 0, "timers of a process outside");
	check(&outside, VICTIM_BH, causal, 0, 0, "softirqs of a process outside");
	detach(actor.pid);
	check(&actor, VICTIM_WORK, causal, 0, 0, "work items of a process that was detached");
	unmake(causal);
}

static void yields_to_inherit(bool first)
{
	struct shadowk_shadow *inherit = make(first, shadow_new_async);

	attach(inherit, actor.pid);
	check(&actor, VICTIM_HARDIRQ, inherit, 0, ALL, "timers that land on its process");
	check(&actor, VICTIM_IRQ_WORK, inherit, 0, ALL, "interrupts that land on its process");
	check(&actor, VICTIM_WORK, inherit, 0, 0, "work items of its process");
	check(&outside, VICTIM_HARDIRQ, inherit, 0, 0, "timers that land on a process outside");
	detach(actor.pid);
	unmake(inherit);
}

static void yields_to_owner_of_threads(bool first)
{
	struct shadowk_shadow *owner = make(first, shadow_new_owner);

	check(&outside, VICTIM_WORK, owner, 0, 0, "work items of workers before");
	need_ok(shadowk_own_kthreads(owner, "kworker/*"));
	check(&outside, VICTIM_WORK, owner, ALL, 0, "work items of owned workers");
	check(&outside, VICTIM_HARDIRQ, owner, 0, 0, "timers");
	need_ok(shadowk_disown_kthreads(owner, "kworker/*"));
	check(&outside, VICTIM_WORK, owner, 0, 0, "work items of workers after");
	unmake(owner);
}

static void write_port(int port)
{
	for (int i = 0; i < ROUNDS; i++) {
		need(write(port, "interrupt me\n", 13) == 13);
		tcdrain(port);
	}
}

static void line(int port, struct shadowk_shadow *owner, struct shadowk_shadow *whose)
{
	struct shadowk_shadow *not = whose == all ? owner : all;
	struct numbers was = numbers(whose, HANDLER), not_was;

	usleep(20000); /* earlier interrupts are over by then */
	not_was = numbers(not, HANDLER);
	write_port(port);
	expect(numbers(whose, HANDLER).async > was.async,
	       "the line had no interrupts, so the test checks nothing");
	expect_eq(numbers(not, HANDLER).async - not_was.async, 0,
		  "async hits of %s by interrupts that are not its own",
		  not == all ? "the union" : "the line's shadow");
}

static void yields_to_owner_of_line(bool first)
{
	struct shadowk_shadow *owner = make(first, shadow_new_owner);
	int port = open(PORT, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	need(port >= 0);
	count(all, HANDLER);
	count(owner, HANDLER);
	line(port, owner, all);
	need_ok(shadowk_own_irq(owner, LINE));
	line(port, owner, owner);
	need_ok(shadowk_disown_irq(owner, LINE));
	line(port, owner, all);
	/* The line stays owned while the union goes and comes. */
	need_ok(shadowk_own_irq(owner, LINE));
	probe_remove(all, HANDLER);
	probe_remove(all, VICTIM_SYMBOL);
	count(all, HANDLER);
	line(port, owner, owner);
	close(port);
	unmake(owner);
}

int main(void)
{
	int cpu = (int)nr_cpus() - 1;

	victim_load();
	actor_start(&actor, cpu);
	actor_start(&outside, cpu);
	for (int first = 0; first < 2; first++) {
		yields_to_causal(first);
		yields_to_inherit(first);
		yields_to_owner_of_threads(first);
		yields_to_owner_of_line(first);
	}
	actor_end(&outside);
	actor_end(&actor);
	victims_done();
	return finish();
}
