// SPDX-License-Identifier: GPL-2.0-only
/* The verb train: counts which blocks of the kernel's functions a target executes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "hot_files.h"
#include "instrument.h"
#include "rebuild.h"
#include "target.h"

struct train {
	struct target target;
	struct build build;	 /* of the module, if there is none yet */
	const char *folder;	 /* the profile's */
	const char *source;	 /* folder of the kernel's source, or NULL */
	struct source_files hot; /* of --auto */
	char file[PATH_MAX];	 /* of the module */
};

static void train_free(struct train *train)
{
	target_close(&train->target);
	build_clean(&train->build);
	source_files_free(&train->hot);
}

/*
 * Finds the module that @rebuild names, or builds it from the source files that it names. Sets
 * @train->file. Reports errors. Returns a status.
 */
static int module_get(struct train *train, struct rebuild *rebuild)
{
	int status;

	if (text_ends_with(rebuild->files[0], ".ko")) {
		snprintf(train->file, sizeof(train->file), "%s", rebuild->files[0]);
	} else {
		rebuild->instrument = true;
		snprintf(train->build.name, sizeof(train->build.name), "shk_train_%d", getpid());
		status = build_rebuild(&train->build, rebuild, train->source, NULL);
		if (status)
			return status;
		snprintf(train->file, sizeof(train->file), "%s/%s.ko", train->build.folder,
			 train->build.name);
	}
	return STATUS_DONE;
}

/*
 * Finds the source files of which the target calls functions, and sets those of @rebuild to them.
 * Reports errors. Returns a status.
 */
static int files_find(struct train *train, struct rebuild *rebuild)
{
	int status = hot_files_find(&train->hot, &train->target, train->source);

	rebuild->lenient = true;
	rebuild->nr_files = train->hot.count;
	rebuild->files = train->hot.paths;
	return status;
}

static int cmd_train(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		TARGET_OPTIONS,
		{ "o", required_argument, NULL, 'o' },
		{ "source", required_argument, NULL, 's' },
		{ "vmlinux", required_argument, NULL, 'v' },
		{ "only", required_argument, NULL, 'O' },
		{ "auto", no_argument, NULL, 'a' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ 0 },
	};
	struct train train __cleanup(train_free) = { .folder = "shadowk-profile" };
	struct rebuild rebuild __cleanup(rebuild_free) = { 0 };
	int own = target_command(&train.target, argc, argv), opt, status;
	bool automatic = false, dry_run = false, interrupted;

	while ((opt = option_next(cli, own, argv, options))) {
		if (opt == 'o')
			train.folder = optarg;
		else if (opt == 's')
			train.source = optarg;
		else if (opt == 'v')
			rebuild.vmlinux = optarg;
		else if (opt == 'O')
			rebuild.only = optarg;
		else if (opt == 'a')
			automatic = true;
		else if (opt == 'd')
			dry_run = true;
		else
			target_option(&train.target, cli, opt);
	}
	if (automatic)
		arguments(cli, own, argv, 0, NULL);
	else
		rebuild.files = arguments_some(cli, own, argv, "FILE.c", &rebuild.nr_files);
	if (automatic && (rebuild.only || train.target.command))
		usage(cli,
		      "--auto looks at running processes, and trains all functions; leave --only "
		      "and COMMAND out");
	if (dry_run && !automatic)
		usage(cli, "--dry-run prints the files of --auto, which is missing");
	if (!automatic && text_ends_with(rebuild.files[0], ".ko") &&
	    (rebuild.nr_files > 1 || train.source || rebuild.vmlinux || rebuild.only))
		usage(cli, "a module is trained alone, without --source, --vmlinux and --only");
	target_check(&train.target, cli);
	status = automatic ? files_find(&train, &rebuild) : STATUS_DONE;
	if (status || dry_run)
		return status;
	status = module_get(&train, &rebuild);
	return status ? status
		      : train_module(&train.target, train.file, train.folder, &train.build,
				     &interrupted);
}

const struct verb verb_train = {
	.name = "train",
	.group = GROUP_EDITS,
	.args = "TARGET [--duration S] [-o DIR] FILE.ko\n"
		"TARGET [--duration S] [-o DIR] [--source DIR] [--only FUNC,...]\n"
		"[--vmlinux FILE] FILE.c...\n"
		"TARGET --auto [--dry-run] [--duration S] [-o DIR] [--source DIR] [--vmlinux FILE]",
	.summary = "Count which blocks of functions processes execute",
	.options =
		"  FILE.c            a file of the kernel's source, such as fs/pipe.c, whose functions\n"
		"                    are built with counters\n"
		"  FILE.ko           a module of 'shadowctl patch build --instrument'\n" TARGET_HELP
		"  -o DIR            write the profile to this folder; shadowk-profile without it\n"
		"  --source DIR      folder of the kernel's source, see 'shadowctl patch build'\n"
		"  --only FUNC,...   count in these functions; without it, in all that are possible\n"
		"  --vmlinux FILE    image of the kernel, see 'shadowctl patch build'\n"
		"  --auto            count calls for 10 seconds, and find the files whose functions are\n"
		"                    called most\n"
		"  --dry-run         end after that; print the files, and train nothing\n",
	.help = "The processes execute bodies with counters, in a shadow of their own. At the end, they\n"
		"execute the kernel's bodies again, and DIR has a profile for 'shadowctl patch build\n"
		"--profile DIR' and for gcov(1).\n",
	.run = cmd_train,
	.silent = true,
};
