// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"
#include "output.h"

static void sleep_until(struct timespec *when, double seconds)
{
	/* Each deadline follows from the last one, so printing does not delay the next sample. */
	when->tv_sec += (time_t)seconds;
	when->tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	if (when->tv_nsec >= 1000000000) {
		when->tv_sec++;
		when->tv_nsec -= 1000000000;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, when, NULL) == EINTR)
		;
}

/* One shadow and its samples. */
struct side {
	struct session session;
	struct shadowk_subject subject;
	struct shadowk_shadow_info info; /* of the last sample */
	struct probes before;		 /* of the last sample */
	struct probes difference;	 /* last sample minus the one before it */
	bool has_name;			 /* the shadow had a name in the last sample */
};

struct sides {
	unsigned int nr; /* one, or two to compare */
	struct side side[2];
};

static void sides_close(struct sides *sides)
{
	for (unsigned int i = 0; i < sides->nr; i++) {
		probes_free(&sides->side[i].before);
		probes_free(&sides->side[i].difference);
		session_close(&sides->side[i].session);
	}
}

static struct json_object *side_json(const struct side *side)
{
	struct json_object *object = shadow_json(&side->info);

	json_object_object_add(object, "probes", probes_json(&side->difference));
	return object;
}

static void sides_print_json(const struct sides *sides, bool repeats)
{
	struct json_object *object __cleanup(json_free) = NULL;

	if (sides->nr == 1) {
		object = side_json(&sides->side[0]);
	} else {
		object = json_object_new_array();
		for (unsigned int i = 0; i < sides->nr; i++)
			json_object_array_add(object, side_json(&sides->side[i]));
	}
	json_print(&object, repeats);
}

static void sides_print(const struct cli *cli, const struct sides *sides, bool repeats)
{
	time_t now = time(NULL);
	char clock[16];

	if (cli->json) {
		sides_print_json(sides, repeats);
		return;
	}
	if (repeats && strftime(clock, sizeof(clock), "%T", localtime(&now)))
		puts(clock);
	if (sides->nr == 1) {
		probes_print_table(&sides->side[0].difference);
		probes_print_histograms(&sides->side[0].difference);
	} else {
		probes_print_comparison(&(struct probes_of){ sides->side[0].subject.shadow,
							     sides->side[0].info.nr_grafts,
							     &sides->side[0].difference },
					&(struct probes_of){ sides->side[1].subject.shadow,
							     sides->side[1].info.nr_grafts,
							     &sides->side[1].difference });
	}
	if (repeats)
		puts("");
	fflush(stdout);
}

/* Reads the shadow and its probes now. Returns a status. */
static int side_read(struct side *side, struct probes *now)
{
	int err = shadowk_shadow_info(side->session.shadow, &side->info, sizeof(side->info));

	/* The handle keeps a shadow that was destroyed, but without its name. */
	if (!err && side->has_name && !side->info.name[0])
		err = -ESTALE;
	side->has_name = side->info.name[0];
	if (err)
		return refuse(SHADOWK_OP_SHADOW_INFO, err, &side->subject);
	return probes_read(now, side->session.shadow, side->subject.shadow);
}

/* Takes a sample, and computes its difference to the last one. Returns a status. */
static int side_sample(struct side *side)
{
	struct probes now = { 0 };
	int status = side_read(side, &now);

	probes_free(&side->difference);
	probes_copy(&side->difference, &now);
	probes_subtract(&side->difference, &side->before);
	probes_free(&side->before);
	side->before = now;
	return status;
}

static int sides_sample(struct sides *sides)
{
	int status = STATUS_DONE;

	for (unsigned int i = 0; !status && i < sides->nr; i++)
		status = side_sample(&sides->side[i]);
	return status;
}

static int sides_open(struct sides *sides, char **names)
{
	int status = STATUS_DONE;

	for (unsigned int i = 0; !status && i < sides->nr; i++) {
		struct side *side = &sides->side[i];

		side->subject.size = sizeof(side->subject);
		side->subject.shadow = names[i];
		status = session_open_shadow(&side->session, names[i]);
	}
	return status;
}

static int cmd_stat(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'c' },
		{ 0 },
	};
	struct sides sides __cleanup(sides_close) = { .nr = 1 };
	uint64_t count = 0;
	double interval = 0;
	struct timespec when;
	int opt, status;
	char **names;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'i')
			interval = seconds_parse(cli, optarg);
		else
			count = count_parse(cli, optarg);
	}
	if (argc - optind == 2)
		sides.nr = 2;
	names = arguments(cli, argc, argv, sides.nr, (const char *[]){ "SHADOW", "OTHER" });
	if (count && !(interval > 0))
		interval = 1;

	status = sides_open(&sides, names);
	clock_gettime(CLOCK_MONOTONIC, &when);
	if (!status)
		status = sides_sample(&sides);
	if (!status && !(interval > 0))
		sides_print(cli, &sides, false);
	for (uint64_t n = 0; !status && interval > 0 && !ferror(stdout) && (!count || n < count);
	     n++) {
		sleep_until(&when, interval);
		status = sides_sample(&sides);
		if (!status)
			sides_print(cli, &sides, true);
	}
	return status;
}

const struct verb verb_stat = {
	.name = "stat",
	.group = GROUP_CHECKS,
	.args = "SHADOW [OTHER] [--interval S] [--count N]",
	.summary = "Print the hits, rates and latencies of a shadow's probes",
	.options =
		"  OTHER             compare with the probes of this shadow that have the same names\n"
		"  --interval S      print the numbers every S seconds, until interrupted\n"
		"  --count N         stop after N intervals; without --interval, these are seconds\n",
	.help = "Without an interval, the numbers since the probes were added are printed once. With\n"
		"--json and an interval, each interval is one line.\n",
	.run = cmd_stat,
};
