// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * Handlers of an interrupt line that a shadow owns execute the shadow, for each interrupt of that
 * line and for no other. That holds although both serial ports have the same function as their
 * handler.
 */
#include <fcntl.h>
#include <termios.h>

#include "actor.h"
#include "shadows.h"

#define HANDLER "serial8250_interrupt"
#define PORT	"/dev/ttyS0"
#define ROUNDS	5

enum { FIRST_LINE = 4, SECOND_LINE = 3 };

/* Returns how often the line's handlers were called, on all CPUs. */
static uint64_t interrupts(int line)
{
	FILE *file = fopen("/proc/interrupts", "re");
	char text[4096];
	uint64_t sum = 0;
	int number;

	need(file);
	while (fgets(text, sizeof(text), file)) {
		char *at = strchr(text, ':');

		if (!at || sscanf(text, "%d:", &number) != 1 || number != line)
			continue;
		at++;
		for (unsigned int cpu = 0; cpu < nr_cpus(); cpu++)
			sum += strtoull(at, &at, 10);
	}
	fclose(file);
	return sum;
}

static void write_port(int port)
{
	for (int i = 0; i < ROUNDS; i++) {
		need(write(port, "interrupt me\n", 13) == 13);
		tcdrain(port);
	}
}

struct line {
	int number;
	struct shadowk_shadow *shadow; /* the owner, or NULL */
	uint64_t hits, interrupts;
};

static uint64_t async_hits(const struct line *line)
{
	return probe_info(line->shadow, HANDLER).async_hits;
}

static bool agrees(const struct line *line)
{
	return async_hits(line) - line->hits == interrupts(line->number) - line->interrupts;
}

/*
 * Prints a text. In some machines it leaves the guest by the other port, whose line then has
 * interrupts.
 */
static void print_something(void)
{
	uint64_t was = interrupts(SECOND_LINE);

	puts("interrupt me, too");
	fflush(stdout);
	if (was)
		expect(eventually(interrupts(SECOND_LINE) > was), "no interrupts of line %d",
		       SECOND_LINE);
}

static void check(int port, struct line *lines, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		lines[i].hits = async_hits(&lines[i]);
		lines[i].interrupts = interrupts(lines[i].number);
	}
	write_port(port);
	print_something();
	for (size_t i = 0; i < nr; i++) {
		/* An interrupt may come between the two readings. */
		expect(eventually(agrees(&lines[i])), "line %d: hits differ from interrupts",
		       lines[i].number);
		expect_eq(probe_info(lines[i].shadow, HANDLER).hits, 0,
			  "hits outside of interrupts");
	}
	expect(async_hits(&lines[0]) > lines[0].hits,
	       "the line had no interrupts, so the test checks nothing");
}

int main(void)
{
	struct shadowk_shadow *first = shadow_new_owner(NULL), *second = shadow_new_owner(NULL);
	struct shadowk_shadow *other = shadow_new_owner(NULL);
	struct line lines[] = { { FIRST_LINE, first, 0, 0 }, { SECOND_LINE, second, 0, 0 } };
	int port = open(PORT, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	uint64_t was;

	if (port < 0 || !interrupts(FIRST_LINE))
		skip("no interrupts of a serial port at line %d", FIRST_LINE);
	count(first, HANDLER);
	count(second, HANDLER);
	count(other, HANDLER);
	write_port(port);
	expect_eq(probe_info(first, HANDLER).async_hits, 0, "hits of a line without an owner");

	need_ok(shadowk_own_irq(first, FIRST_LINE));
	check(port, lines, 1);
	need_ok(shadowk_own_irq(second, SECOND_LINE));
	check(port, lines, 2);
	expect_ret(shadowk_own_irq(other, FIRST_LINE), -EBUSY, "own a line of another shadow");

	need_ok(shadowk_disown_irq(first, FIRST_LINE));
	was = probe_info(first, HANDLER).async_hits;
	write_port(port);
	expect_eq(probe_info(first, HANDLER).async_hits - was, 0, "hits after it was disowned");
	need_ok(shadowk_own_irq(other, FIRST_LINE));
	lines[0].shadow = other;
	check(port, lines, 2);
	shadow_close(other);
	write_port(port);
	close(port);
	return finish();
}
