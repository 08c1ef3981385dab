// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"
#include "output.h"

static void sleep_until(struct timespec *when, double seconds)
{
	/* From one deadline to the next, so that printing takes no time. */
	when->tv_sec += (time_t)seconds;
	when->tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	if (when->tv_nsec >= 1000000000) {
		when->tv_sec++;
		when->tv_nsec -= 1000000000;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, when, NULL) == EINTR)
		;
}

static void sample_print(const struct cli *cli, const struct shadowk_shadow_info *info,
			 const struct probes *probes, bool repeats)
{
	struct json_object *object __cleanup(json_free) = NULL;
	time_t now = time(NULL);
	char clock[16];

	if (cli->json) {
		object = shadow_json(info);
		json_object_object_add(object, "probes", probes_json(probes));
		json_print(&object, repeats);
		return;
	}
	if (repeats && strftime(clock, sizeof(clock), "%T", localtime(&now)))
		puts(clock);
	probes_print_table(probes);
	probes_print_histograms(probes);
	if (repeats)
		puts("");
	fflush(stdout);
}

static int sample_read(struct session *session, const struct shadowk_subject *subject,
		       struct shadowk_shadow_info *info, struct probes *probes)
{
	int err = shadowk_shadow_info(session->shadow, info);

	/* Our handle keeps what is left of a shadow that somebody destroyed. */
	if (!err && !info->name[0])
		err = -ESTALE;
	if (err)
		return refuse(SHADOWK_OP_SHADOW_INFO, err, subject);
	return probes_read(probes, session->shadow, subject->shadow);
}

/* Print what happened since @before, and make it what is to be compared with next. */
static int sample(const struct cli *cli, struct session *session,
		  const struct shadowk_subject *subject, struct probes *before, bool repeats)
{
	struct shadowk_shadow_info info = { .size = sizeof(info) };
	struct probes now = { 0 }, difference __cleanup(probes_free) = { 0 };
	int status = sample_read(session, subject, &info, &now);

	for (size_t i = 0; !status && i < now.count; i++)
		probes_add(&difference, &now.info[i]);
	if (!status) {
		probes_subtract(&difference, before);
		sample_print(cli, &info, &difference, repeats);
	}
	probes_free(before);
	*before = now;
	return status;
}

static int cmd_stat(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'c' },
		{ 0 },
	};
	struct session session __cleanup(session_close) = { 0 };
	struct probes before __cleanup(probes_free) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	uint64_t count = 0;
	double interval = 0;
	struct timespec when;
	int opt, status;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'i')
			interval = seconds_parse(cli, optarg);
		else
			count = count_parse(cli, optarg);
	}
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "NAME" })[0];
	if (count && !(interval > 0))
		interval = 1;

	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	if (!(interval > 0))
		return sample(cli, &session, &subject, &before, false);

	clock_gettime(CLOCK_MONOTONIC, &when);
	status = probes_read(&before, session.shadow, subject.shadow);
	for (uint64_t n = 0; !status && !ferror(stdout) && (!count || n < count); n++) {
		sleep_until(&when, interval);
		status = sample(cli, &session, &subject, &before, true);
	}
	return status;
}

const struct verb verb_stat = {
	.name = "stat",
	.args = "NAME [--interval S] [--count N]",
	.summary = "Print counts, rates and latencies of a shadow's probes",
	.help = "  --interval S      every S seconds, what happened in them, until interrupted\n"
		"  --count N         N times; every second if there is no --interval\n\n"
		"Without either, once, since the probes were added. With --json and an interval,\n"
		"each sample is one line.\n\n",
	.run = cmd_stat,
};
