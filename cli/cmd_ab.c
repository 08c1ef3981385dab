// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"

static unsigned int percent_parse(const struct cli *cli, const char *text)
{
	size_t len = strlen(text);
	unsigned int percent = 0;

	if (len < 3 && strspn(text, "0123456789") == len)
		percent = (unsigned int)strtoul(text, NULL, 10);
	if (!percent)
		usage(cli, "'%s' is not a percentage; give a number from 1 to 99", text);
	return percent;
}

static void print_done(const char *const *names, const char *cgroup, unsigned int percent)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *shares = json_object_new_object();

	json_object_object_add(shares, names[0], json_object_new_int(100 - (int)percent));
	json_object_object_add(shares, names[1], json_object_new_int((int)percent));
	json_object_object_add(object, "cgroup", json_text(cgroup));
	json_object_object_add(object, "percent", shares);
	json_print(&object, false);
}

static int cmd_ab(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "cgroup", required_argument, NULL, 'c' },
		{ "split", required_argument, NULL, 's' },
		{ 0 },
	};
	struct session session __cleanup(session_close) = { 0 };
	struct session other __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	unsigned int percent = 50;
	const char *const *names;
	int opt, err, status;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 's')
			percent = percent_parse(cli, optarg);
		else
			subject.cgroup = optarg;
	}
	names = (const char *const *)arguments(cli, argc, argv, 2,
					       (const char *[]){ "SHADOW_A", "SHADOW_B" });
	if (!subject.cgroup)
		usage(cli, "--cgroup PATH is missing");
	if (!strcmp(names[0], names[1]))
		usage(cli, "'%s' and '%s' are one shadow; name two", names[0], names[1]);
	subject.shadow = names[0];
	status = session_open_shadow(&session, names[0]);
	if (!status)
		status = session_open_shadow(&other, names[1]);
	if (status)
		return status;
	err = shadowk_cgroup_split(session.shadow, other.shadow, subject.cgroup, percent);
	if (err)
		return refuse(SHADOWK_OP_CGROUP_SPLIT, err, &subject);
	if (cli->json)
		print_done(names, subject.cgroup, percent);
	return STATUS_DONE;
}

const struct verb verb_ab = {
	.name = "ab",
	.group = GROUP_INSIDE,
	.args = "SHADOW_A SHADOW_B --cgroup PATH [--split PERCENT]",
	.summary = "Split the processes of a cgroup between two shadows",
	.options =
		"  --cgroup PATH     split the processes of this cgroup and below, now and later\n"
		"  --split PERCENT   put this share into SHADOW_B, from 1 to 99; 50 without it\n",
	.help = "The processes take turns: first those in the cgroup, then each process that is moved or\n"
		"forked into it. A process keeps its shadow when it executes a program. 'shadowctl stat\n"
		"SHADOW_A SHADOW_B' compares the two. 'shadowctl detach --cgroup PATH' ends the split.\n",
	.run = cmd_ab,
};
