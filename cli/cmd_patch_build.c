// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "rebuild.h"

static int source_set(struct build *build, const char *source)
{
	int status = build->name[0] ? STATUS_DONE : build_name_set(build, source, ".c");

	if (status)
		return status;
	if (realpath(source, build->source))
		return STATUS_DONE;
	report("cannot read '%s': %s", source, strerror(errno));
	return STATUS_REFUSED;
}

/*
 * Exits by usage() unless all words of @flags only change code: not macros, types, sections, the
 * use of registers, or what other functions expect of a function.
 */
static void flags_check(const struct cli *cli, const char *flags)
{
	static const char *const possible[] = { "-O", "-f", "-mtune=", "--param=" };
	static const char *const refused[] = {
		"-fpack-struct",
		"-fshort-",
		"-funsigned-",
		"-fsigned-",
		"-fno-",
		"-fplugin",
		"-fprofile",
		"-flto",
		"-fsanitize",
		"-finstrument",
		"-fpic",
		"-fPIC",
		"-fpie",
		"-fPIE",
		"-ffunction-sections",
		"-fdata-sections",
		"-fcf-protection",
		"-fpatchable",
		"-fcall-",
		"-ffixed-",
		"-flive-patching",
		"-fipa-ra",
		"-fcommon",
		"-fabi",
		"-O0",
	};
	static const char *const allowed_no[] = {
		"-fno-inline", "-fno-tree-",	 "-fno-reorder-",	"-fno-unroll-",
		"-fno-ipa-",   "-fno-gcse",	 "-fno-ivopts",		"-fno-stack-protector",
		"-fno-align-", "-fno-schedule-", "-fno-conserve-stack",
	};
	char word[128];
	int len;

	for (const char *at = flags; sscanf(at, " %127s%n", word, &len) == 1; at += len) {
		bool good = false, bad = false;

		for (size_t i = 0; i < ARRAY_SIZE(possible); i++)
			good |= !strncmp(word, possible[i], strlen(possible[i]));
		for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
			bad |= !strncmp(word, refused[i], strlen(refused[i]));
		for (size_t i = 0; i < ARRAY_SIZE(allowed_no); i++)
			if (!strncmp(word, allowed_no[i], strlen(allowed_no[i])))
				bad = false;
		for (const char *c = word; *c; c++)
			good &= isalnum((unsigned char)*c) || strchr("-_=+.,", *c);
		if (good && !bad)
			continue;
		usage(cli,
		      "'%s' may change more than code; --cflags takes -O1 to -O3, -Os, -mtune=, "
		      "--param= and -f flags of optimisation",
		      word);
	}
}

/* Writes the other files that the build of one source needs. Returns a status. */
static int folder_fill(struct build *build)
{
	char kbuild[256], path[192];

	snprintf(kbuild, sizeof(kbuild), "obj-m := %s.o\nccflags-y := -I$(src)\n", build->name);
	snprintf(path, sizeof(path), "%s/%s.c", build->folder, build->name);
	if (file_write(build, "Kbuild", kbuild, strlen(kbuild)) && !symlink(build->source, path))
		return STATUS_DONE;
	report("cannot write to %s: %s", build->folder, strerror(errno));
	return STATUS_REFUSED;
}

/* Copies the module to @to. Returns a status. */
static int file_fetch(const struct build *build, const char *to)
{
	char from[192];
	struct stat st;
	int in, out, done;

	snprintf(from, sizeof(from), "%s/%s.ko", build->folder, build->name);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	done = in >= 0 && out >= 0 && !fstat(in, &st) &&
	       sendfile(out, in, NULL, st.st_size) == st.st_size;
	if (!done)
		report("cannot write '%s': %s", to, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) && done)
		done = false;
	return done ? STATUS_DONE : STATUS_REFUSED;
}

/* Builds the module of a source that includes shadowk_patch.h. Returns a status. */
static int build_source(struct build *build, const char *source, const char *kernel)
{
	char folder[112];
	int status = source_set(build, source);

	if (!status)
		status = build_headers_set(build, kernel);
	if (!status)
		status = build_folder_make(build);
	if (!status)
		status = folder_fill(build);
	if (status)
		return status;
	snprintf(folder, sizeof(folder), "M=%s", build->folder);
	/* Leave module BTF out: without pahole, make would print a warning. */
	if (!run((char *[]){ "make", "-s", "-C", build->headers, folder,
			     "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules", NULL }))
		return STATUS_DONE;
	report("'%s' could not be built; correct the errors that are printed above", build->source);
	return STATUS_REFUSED;
}

static int cmd_patch_build(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "source", required_argument, NULL, 's' },
		{ "vmlinux", required_argument, NULL, 'v' },
		{ "only", required_argument, NULL, 'O' },
		{ "cflags", required_argument, NULL, 'c' },
		{ "diff", required_argument, NULL, 'd' },
		{ "profile", required_argument, NULL, 'p' },
		{ "instrument", no_argument, NULL, 'i' },
		{ "lean", no_argument, NULL, 'l' },
		{ "check", no_argument, NULL, 'C' },
		{ "o", required_argument, NULL, 'o' },
		{ 0 },
	};
	struct build build __cleanup(build_clean) = { 0 };
	struct rebuild rebuild __cleanup(rebuild_free) = { 0 };
	const char *kernel = NULL, *source = NULL, *output = NULL;
	bool of_kernel = false;
	char file[80];
	int opt, status;

	while ((opt = option_next(cli, argc, argv, options))) {
		of_kernel |= opt != 'k' && opt != 'o';
		if (opt == 'k')
			kernel = optarg;
		else if (opt == 's')
			source = optarg;
		else if (opt == 'v')
			rebuild.vmlinux = optarg;
		else if (opt == 'O')
			rebuild.only = optarg;
		else if (opt == 'c')
			rebuild.flags = optarg;
		else if (opt == 'd')
			rebuild.diff_path = optarg;
		else if (opt == 'o')
			output = optarg;
		else if (opt == 'p')
			rebuild.profile = optarg;
		else if (opt == 'i')
			rebuild.instrument = true;
		else if (opt == 'l')
			rebuild.lean = true;
		else
			rebuild.check = true;
	}
	if (!rebuild.diff_path || optind < argc)
		rebuild.files = arguments_some(cli, argc, argv, "FILE.c", &rebuild.nr_files);
	if (!of_kernel && rebuild.nr_files > 1)
		usage(cli, "several files need --source");
	if (rebuild.flags)
		flags_check(cli, rebuild.flags);
	if (rebuild.instrument && (rebuild.diff_path || rebuild.profile))
		usage(cli, "--instrument counts what the kernel's bodies execute; leave --diff and "
			   "--profile out");
	if (rebuild.diff_path && rebuild.profile)
		usage(cli, "a profile is of the kernel's source; leave --diff or --profile out");
	if (rebuild.diff_path && rebuild.only)
		usage(cli, "--diff replaces all functions that it changes; leave --only out");
	status = output ? build_name_set(&build, output, ".ko") : STATUS_DONE;
	if (!status && of_kernel)
		status = build_rebuild(&build, &rebuild, source, kernel);
	else if (!status)
		status = build_source(&build, rebuild.files[0], kernel);
	if (status || rebuild.check)
		return status;
	snprintf(file, sizeof(file), "%s.ko", build.name);
	return file_fetch(&build, output ? output : file);
}

const struct verb verb_patch_build = {
	.name = "build",
	.args = "FILE.c [-o OUT.ko] [--kernel RELEASE|FOLDER]\n"
		"[--source DIR] [--only FUNC,...] [--cflags FLAGS] [--diff FILE.patch]\n"
		"[--profile DIR] [--instrument] [--lean] [--check] [-o OUT.ko] [--kernel RELEASE|FOLDER] [--vmlinux FILE] FILE.c...",
	.summary = "Build a patch module",
	.options =
		"  FILE.c            a source that includes shadowk_patch.h; FILE.ko is written to the\n"
		"                    current folder. With an option from --source to --check: files of\n"
		"                    the kernel, such as fs/pipe.c, whose functions become new bodies\n"
		"  --source DIR      folder of the kernel's source; without it, that of Debian's\n"
		"                    package linux-source-VERSION, which is unpacked in ~/.cache\n"
		"  --only FUNC,...   replace these functions; without it, all that are possible\n"
		"  --cflags FLAGS    compile with these flags, too, such as -O3\n"
		"  --diff FILE.patch change the source by this diff, and replace the functions whose code\n"
		"                    changes; the files are those of the diff if none is given\n"
		"  --profile DIR     optimise for what 'shadowctl train' has counted in DIR; replace the\n"
		"                    functions that were executed\n"
		"  --instrument      count what the bodies execute, for 'shadowctl train'\n"
		"  --lean            leave stack protectors and mitigations of Spectre out, for trusted\n"
		"                    processes\n"
		"  --vmlinux FILE    image of the kernel, with which functions are compared; without it,\n"
		"                    /boot/vmlinuz-RELEASE\n"
		"  --check           only compare; the command fails if a function differs\n"
		"  -o OUT.ko         write the module to this file\n"
		"  --kernel RELEASE|FOLDER\n"
		"                    build for the kernel of this release, or of the headers in this\n"
		"                    folder; without it, for the running one\n",
	.run = cmd_patch_build,
	.silent = true,
};
