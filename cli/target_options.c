// SPDX-License-Identifier: GPL-2.0-only
/* Reads the target from the command line. */
#include <string.h>

#include "cli.h"
#include "target.h"

int target_command(struct target *target, int argc, char **argv)
{
	int own = command_argc(argc, argv);

	if (own < argc)
		target->command = argv + own + 1;
	return own;
}

/* Reads pids that are separated by commas. */
static void pids_parse(struct target *target, const struct cli *cli, const char *list)
{
	char *copy __cleanup(text_free) = strdup(list), *rest = copy, *pid;

	while ((pid = strsep(&rest, ",")))
		pids_add(&target->pids, pid_parse(cli, pid));
}

static void once(const struct cli *cli, const char **value, const char *name)
{
	if (*value)
		usage(cli, "%s can be given only once", name);
	if (!*optarg)
		usage(cli, "%s needs a value that is not empty", name);
	*value = optarg;
}

bool target_option(struct target *target, const struct cli *cli, int opt)
{
	switch (opt) {
	case TARGET_OPTION_PID:
		pids_parse(target, cli, optarg);
		return true;
	case TARGET_OPTION_CGROUP:
		once(cli, &target->cgroup, "--cgroup");
		return true;
	case TARGET_OPTION_UNIT:
		once(cli, &target->unit, "--unit");
		return true;
	case TARGET_OPTION_CONTAINER:
		once(cli, &target->container, "--container");
		return true;
	case TARGET_OPTION_DURATION:
		target->duration = seconds_parse(cli, optarg);
		return true;
	default:
		return false;
	}
}

void target_check(const struct target *target, const struct cli *cli)
{
	int kinds = !!target->pids.count + !!target->cgroup + !!target->unit + !!target->container +
		    !!target->command;

	if (target->command && !target->command[0])
		usage(cli, "the command is missing behind --");
	if (!kinds)
		usage(cli,
		      "say which processes: --pid, --cgroup, --unit, --container or -- COMMAND");
	if (kinds > 1)
		usage(cli, "give only one of --pid, --cgroup, --unit, --container and -- COMMAND");
}
