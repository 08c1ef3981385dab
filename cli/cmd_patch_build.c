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

extern char **environ;

/* Content of shadowk_patch.h, so that a build does not need the installed file. */
asm(".pushsection .rodata\n"
    "patch_header: .incbin \"include/shadowk_patch.h\"\n"
    "patch_header_end:\n"
    ".popsection\n");
extern const char patch_header[], patch_header_end[];

struct build {
	char folder[64];	/* temporary, "" before it exists */
	char source[PATH_MAX];	/* absolute */
	char name[64];		/* name of the module */
	char headers[PATH_MAX]; /* folder of the kernel's headers */
};

/* Runs a program of PATH. Returns its exit status; 127 if it cannot run, 1 after a signal. */
static int run(char *const argv[])
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

/* The name of the module is that of its source, without ".c". Returns a status. */
static int source_set(struct build *build, const char *source)
{
	const char *name = strrchr(source, '/') ? strrchr(source, '/') + 1 : source;
	size_t len = strlen(name);

	if (len < 3 || strcmp(name + len - 2, ".c") || len - 2 >= sizeof(build->name)) {
		report("'%s' is not the name of a C file; give FILE.c", source);
		return STATUS_REFUSED;
	}
	memcpy(build->name, name, len - 2);
	for (char *c = build->name; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr("-_", *c))
			continue;
		report("'%s' cannot be the name of a module; name the file with A-Z a-z 0-9 - _",
		       build->name);
		return STATUS_REFUSED;
	}
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

static bool file_write(const struct build *build, const char *name, const char *text, size_t len)
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

/* Creates the temporary folder with all files that the build needs. Returns a status. */
static int folder_fill(struct build *build)
{
	char kbuild[256], path[160];

	snprintf(build->folder, sizeof(build->folder), "/tmp/shadowctl-XXXXXX");
	if (!mkdtemp(build->folder)) {
		build->folder[0] = 0;
		report("cannot create a folder in /tmp: %s", strerror(errno));
		return STATUS_REFUSED;
	}
	snprintf(kbuild, sizeof(kbuild), "obj-m := %s.o\nccflags-y := -I$(src)\n", build->name);
	snprintf(path, sizeof(path), "%s/%s.c", build->folder, build->name);
	if (file_write(build, "Kbuild", kbuild, strlen(kbuild)) &&
	    file_write(build, "shadowk_patch.h", patch_header, patch_header_end - patch_header) &&
	    !symlink(build->source, path))
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

static int cmd_patch_build(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ 0 },
	};
	struct build build __cleanup(build_clean) = { 0 };
	char folder[80], file[80];
	const char *kernel = NULL;
	int status;

	while (option_next(cli, argc, argv, options))
		kernel = optarg;
	status = source_set(&build, arguments(cli, argc, argv, 1, (const char *[]){ "FILE.c" })[0]);
	if (!status)
		status = headers_set(&build, kernel);
	if (!status)
		status = folder_fill(&build);
	if (status)
		return status;
	snprintf(folder, sizeof(folder), "M=%s", build.folder);
	snprintf(file, sizeof(file), "%s.ko", build.name);
	/* Leave module BTF out: without pahole, make would print a warning. */
	if (run((char *[]){ "make", "-s", "-C", build.headers, folder,
			    "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules", NULL })) {
		report("'%s' could not be built; correct the errors that are printed above",
		       build.source);
		return STATUS_REFUSED;
	}
	return file_fetch(&build, file);
}

const struct verb verb_patch_build = {
	.name = "build",
	.args = "FILE.c [--kernel RELEASE|FOLDER]",
	.summary = "Build a patch module",
	.options =
		"  FILE.c            a source that includes shadowk_patch.h; FILE.ko is written to the\n"
		"                    current folder\n"
		"  --kernel RELEASE|FOLDER\n"
		"                    build for the kernel of this release, or of the headers in this\n"
		"                    folder; without it, for the running one\n",
	.run = cmd_patch_build,
	.silent = true,
};
