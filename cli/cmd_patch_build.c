// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "rebuild.h"

extern char **environ;

/* Content of shadowk_patch.h, so that a build does not need the installed file. */
asm(".pushsection .rodata\n"
    "patch_header: .incbin \"include/shadowk_patch.h\"\n"
    "patch_header_end:\n"
    ".popsection\n");
extern const char patch_header[], patch_header_end[];

int run(char *const argv[])
{
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return 127;
	if (waitpid(pid, &status, 0) != pid)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void build_clean(struct build *build)
{
	if (build->folder[0])
		run((char *[]){ "rm", "-rf", build->folder, NULL });
}

/* The name of the module is that of @file, without the ending, such as ".c". Returns a status. */
static int name_set(struct build *build, const char *file, const char *ending)
{
	const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	size_t len = strlen(name), end = strlen(ending);

	if (len <= end || !text_ends_with(name, ending) || len - end >= sizeof(build->name)) {
		report("'%s' is not the name of a %s file; give FILE%s", file,
		       strcmp(ending, ".c") ? "module" : "C", ending);
		return STATUS_REFUSED;
	}
	memcpy(build->name, name, len - end);
	for (char *c = build->name; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr("-_", *c))
			continue;
		report("'%s' cannot be the name of a module; name the file with A-Z a-z 0-9 - _",
		       build->name);
		return STATUS_REFUSED;
	}
	return STATUS_DONE;
}

static int source_set(struct build *build, const char *source)
{
	int status = build->name[0] ? STATUS_DONE : name_set(build, source, ".c");

	if (status)
		return status;
	if (realpath(source, build->source))
		return STATUS_DONE;
	report("cannot read '%s': %s", source, strerror(errno));
	return STATUS_REFUSED;
}

static int headers_set(struct build *build, const char *kernel)
{
	struct utsname running;
	char makefile[PATH_MAX + 16];

	uname(&running);
	if (kernel && strchr(kernel, '/'))
		snprintf(build->headers, sizeof(build->headers), "%s", kernel);
	else
		snprintf(build->headers, sizeof(build->headers), "/lib/modules/%s/build",
			 kernel ? kernel : running.release);
	snprintf(makefile, sizeof(makefile), "%s/Makefile", build->headers);
	if (!access(makefile, R_OK))
		return STATUS_DONE;
	report("the headers of kernel %s are missing (no %s); install linux-headers-%s",
	       kernel ? kernel : running.release, makefile, kernel ? kernel : running.release);
	return STATUS_REFUSED;
}

/* Paths are parts of shell commands, between quotes. */
static int path_check(const char *path)
{
	if (!strchr(path, '\''))
		return STATUS_DONE;
	report("the path %s has a quote, which is not possible here", path);
	return STATUS_REFUSED;
}

/* Reads the release of the kernel from its headers. Returns a status. */
static int release_read(const struct build *build, char *release, size_t len)
{
	char path[PATH_MAX + 40];
	FILE *file __cleanup(file_close) = NULL;

	snprintf(path, sizeof(path), "%s/include/config/kernel.release", build->headers);
	file = fopen(path, "re");
	if (file && fgets(release, len, file)) {
		release[strcspn(release, "\n")] = '\0';
		return STATUS_DONE;
	}
	report("cannot read '%s': %s", path, file ? "it is empty" : strerror(errno));
	return STATUS_REFUSED;
}

static int source_given(const char *source, char tree[PATH_MAX])
{
	if (realpath(source, tree))
		return STATUS_DONE;
	report("cannot read '%s': %s", source, strerror(errno));
	return STATUS_REFUSED;
}

/*
 * Sets @tree to the unpacked source of Debian's package linux-source-VERSION. Unpacks it, without
 * what no file of the kernel includes, if the cache does not have it. Returns a status.
 */
static int source_default(const char *release, char tree[PATH_MAX])
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char version[32], archive[80], folder[PATH_MAX - 160];
	struct stat st;

	if (sscanf(release, "%31[0-9.]", version) != 1)
		snprintf(version, sizeof(version), "%.31s", release);
	/* The package of 6.1.0-57-amd64 and of 6.12.117+deb12 is linux-source-6.1 and -6.12. */
	if (strchr(version, '.') && strchr(strchr(version, '.') + 1, '.'))
		*strchr(strchr(version, '.') + 1, '.') = '\0';
	snprintf(archive, sizeof(archive), "/usr/src/linux-source-%s.tar.xz", version);
	if (stat(archive, &st)) {
		report("the kernel's source is missing (no %s): apt install linux-source-%s, or give "
		       "--source DIR",
		       archive, version);
		return STATUS_REFUSED;
	}
	if (cache && *cache == '/')
		snprintf(folder, sizeof(folder), "%s/shadowk", cache);
	else
		snprintf(folder, sizeof(folder), "%s/.cache/shadowk", home ? home : "/root");
	/* The time of the archive is that of its package. */
	snprintf(tree, PATH_MAX, "%s/linux-source-%s-%lld", folder, version,
		 (long long)st.st_mtime);
	if (path_check(tree))
		return STATUS_REFUSED;
	if (!access(tree, X_OK))
		return STATUS_DONE;
	report("unpacking %s to %s, which takes minutes and 1 GB", archive, tree);
	if (!run_shell("mkdir -p '%s.new' && tar -xJf %s -C '%s.new' --strip-components=1 "
		       "--exclude='*/Documentation' --exclude='*/tools' --exclude='*/arch/[!x]*' "
		       "&& mv '%s.new' '%s'",
		       tree, archive, tree, tree, tree))
		return STATUS_DONE;
	run_shell("rm -rf '%s.new'", tree);
	report("cannot unpack %s", archive);
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

bool file_write(const struct build *build, const char *name, const char *text, size_t len)
{
	char path[128];
	FILE *file;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", build->folder, name);
	file = fopen(path, "we");
	if (!file)
		return false;
	done = fwrite(text, 1, len, file) == len;
	return !fclose(file) && done;
}

/* Creates the temporary folder with the header of patch modules. Returns a status. */
static int folder_make(struct build *build)
{
	snprintf(build->folder, sizeof(build->folder), "/tmp/shadowctl-XXXXXX");
	if (!mkdtemp(build->folder)) {
		build->folder[0] = 0;
		report("cannot create a folder in /tmp: %s", strerror(errno));
		return STATUS_REFUSED;
	}
	if (file_write(build, "shadowk_patch.h", patch_header, patch_header_end - patch_header))
		return STATUS_DONE;
	report("cannot write to %s: %s", build->folder, strerror(errno));
	return STATUS_REFUSED;
}

/* Writes the other files that the build of one source needs. Returns a status. */
static int folder_fill(struct build *build)
{
	char kbuild[256], path[160];

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
	char from[160];
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
	char folder[80];
	int status = source_set(build, source);

	if (!status)
		status = headers_set(build, kernel);
	if (!status)
		status = folder_make(build);
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

/* Reads the diff. It must change no other files than those that are compiled. Returns a status. */
static int diff_check(struct rebuild *rebuild)
{
	struct source_diff *diff = &rebuild->diff;
	int status = source_diff_read(diff, rebuild->diff_path);

	if (!status)
		status = path_check(rebuild->diff_path);
	if (status)
		return status;
	if (!rebuild->nr_files) {
		rebuild->files = diff->files;
		rebuild->nr_files = diff->nr_files;
	}
	for (size_t i = 0; i < diff->nr_files; i++) {
		const struct diff_line *line = source_diff_find(diff, diff->files[i], NULL);
		bool found = false;

		for (size_t k = 0; k < rebuild->nr_files; k++)
			found |= !strcmp(diff->files[i], rebuild->files[k]);
		if (found && text_ends_with(diff->files[i], ".c"))
			continue;
		report("%s:%zu: the diff changes %s; only functions of the given C files can differ",
		       diff->path, line ? line->at : 1, diff->files[i]);
		return STATUS_REFUSED;
	}
	return STATUS_DONE;
}

static int files_check(const struct rebuild *rebuild)
{
	char path[PATH_MAX + 256];

	for (size_t i = 0; i < rebuild->nr_files; i++) {
		const char *file = rebuild->files[i];

		if (!text_ends_with(file, ".c") || *file == '/') {
			report("'%s' is not a C file below the folder of the source, as fs/pipe.c is",
			       file);
			return STATUS_REFUSED;
		}
		snprintf(path, sizeof(path), "%s/%s", rebuild->tree, file);
		if (path_check(path))
			return STATUS_REFUSED;
		if (access(path, R_OK)) {
			report("cannot read '%s': %s", path, strerror(errno));
			return STATUS_REFUSED;
		}
	}
	return STATUS_DONE;
}

/* Builds a module of files of the kernel. Returns a status. */
static int build_rebuild(struct build *build, struct rebuild *rebuild, const char *source,
			 const char *kernel)
{
	char release[128], vmlinux[PATH_MAX], tree[PATH_MAX];
	int status = rebuild->diff_path ? diff_check(rebuild) : STATUS_DONE;

	if (!status && !build->name[0])
		status = name_set(build, rebuild->files[0], ".c");
	if (!status)
		status = headers_set(build, kernel);
	rebuild->build = build;
	rebuild->tree = tree;
	if (!status)
		status = release_read(build, release, sizeof(release));
	if (!status)
		status = source ? source_given(source, tree) : source_default(release, tree);
	if (!status)
		status = files_check(rebuild);
	if (!status && !rebuild->vmlinux) {
		snprintf(vmlinux, sizeof(vmlinux), "/boot/vmlinuz-%s", release);
		rebuild->vmlinux = vmlinux;
	}
	if (!status)
		status = path_check(rebuild->vmlinux);
	if (!status)
		status = path_check(build->headers);
	if (!status)
		status = folder_make(build);
	return status ? status : rebuild_run(rebuild);
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
		else
			rebuild.check = true;
	}
	if (!rebuild.diff_path || optind < argc)
		rebuild.files = arguments_some(cli, argc, argv, "FILE.c", &rebuild.nr_files);
	if (!of_kernel && rebuild.nr_files > 1)
		usage(cli, "several files need --source");
	if (rebuild.flags)
		flags_check(cli, rebuild.flags);
	if (rebuild.diff_path && rebuild.only)
		usage(cli, "--diff replaces all functions that it changes; leave --only out");
	status = output ? name_set(&build, output, ".ko") : STATUS_DONE;
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
		"[--check] [-o OUT.ko] [--kernel RELEASE|FOLDER] [--vmlinux FILE] FILE.c...",
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
