// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the costs of making a shadow with PAGES private pages of text, and of attaching
 * processes to it.
 *
 *   privatise ADDRESS-OF-_stext PAGES...	0: all pages
 *
 * Prints a JSON list for each step:
 * - the number of pages made private, and the step;
 * - the lowest processor time in ns, which are instructions in a guest that counts them;
 * - the bytes of memory that the shadow has then, and its private pages of 2 MB.
 */
#include <err.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shadowk.h>

#include "measure.h"

#define TIMES 15

enum { CREATE, PRIVATISE, FIRST, ANOTHER, DETACH, DESTROY, STEPS };
static const char *const step_names[STEPS] = {
	"create",	  "make pages private", "attach the first process",
	"attach another", "detach one",		"destroy",
};

static struct shadowk *dev;
static uint64_t start, least[STEPS], memory[STEPS];
static unsigned int pages, huge;

static void begin(void)
{
	quiet();
	start = spent_so_far();
}

static void end(int step, struct shadowk_shadow *shadow)
{
	uint64_t spent = spent_so_far() - start;
	struct shadowk_shadow_info info;

	if (!least[step] || spent < least[step])
		least[step] = spent;
	if (!shadow)
		return;
	check(shadowk_shadow_info(shadow, &info, sizeof(info)), "info");
	memory[step] = info.memory;
	if (step != PRIVATISE)
		return;
	pages = info.private_pages;
	huge = info.huge_ranges;
}

static void steps(struct shadowk_raw_spec *raw, pid_t first, pid_t another)
{
	struct shadowk_shadow *shadow;

	begin();
	check(shadowk_shadow_create(dev, "bench", &shadow), "create");
	end(CREATE, shadow);

	begin();
	check(shadowk_raw_add(shadow, raw), "make private");
	end(PRIVATISE, shadow);

	begin();
	check(shadowk_process_attach(shadow, first), "attach");
	end(FIRST, shadow);

	begin();
	check(shadowk_process_attach(shadow, another), "attach");
	end(ANOTHER, shadow);

	begin();
	check(shadowk_process_detach(dev, another), "detach");
	end(DETACH, shadow);
	check(shadowk_process_detach(dev, first), "detach");

	begin();
	check(shadowk_shadow_destroy(shadow), "destroy");
	shadowk_shadow_close(shadow);
	end(DESTROY, NULL);
}

int main(int argc, char **argv)
{
	pid_t first = sleeper(), another = sleeper();

	if (argc < 3)
		errx(2, "usage: privatise ADDRESS PAGES...");
	check(shadowk_open(&dev), "/dev/shadowk");
	for (int i = 2; i < argc; i++) {
		struct shadowk_raw_spec raw = { .size = sizeof(raw),
						.flags = SHADOWK_RAW_IDENTITY };
		unsigned long wanted = strtoul(argv[i], NULL, 0);

		if (wanted) {
			raw.addr = strtoull(argv[1], NULL, 16);
			raw.len = wanted * 4096;
		}
		memset(least, 0, sizeof(least));
		for (int n = 0; n < TIMES; n++)
			steps(&raw, first, another);
		for (int step = 0; step < STEPS; step++)
			printf("[%lu, \"%s\", %lu, %lu, %u]\n", wanted ?: pages, step_names[step],
			       least[step], memory[step], huge);
		fflush(stdout);
	}
	kill(first, SIGKILL);
	kill(another, SIGKILL);
	return 0;
}
