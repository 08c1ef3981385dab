// SPDX-License-Identifier: GPL-2.0-only
/* Builds of patch modules: the kernel's headers and its source. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli.h"
#include "rebuild.h"

int build_name_set(struct build *build, const char *file, const char *ending)
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

int build_headers_set(struct build *build, const char *kernel)
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
	cache_folder(folder, sizeof(folder));
	/* The time of the archive is that of its package. */
	snprintf(tree, PATH_MAX, "%s/linux-source-%s-%lld", folder, version,
		 (long long)st.st_mtime);
	if (path_check(tree))
		return STATUS_REFUSED;
	if (!access(tree, X_OK))
		return STATUS_DONE;
	report("unpacking %s to %s, which takes minutes and 1 GB", archive, tree);
	/* Under a lock, since two would mix their files. The other may have ended by then. */
	if (!run_shell("mkdir -p '%s' && exec 9>'%s/unpack' && flock 9 && { [ -d '%s' ] || { "
		       "rm -rf '%s.new' && mkdir '%s.new' && "
		       "tar -xJf %s -C '%s.new' --strip-components=1 "
		       "--exclude='*/Documentation' --exclude='*/tools' --exclude='*/arch/[!x]*' "
		       "&& mv '%s.new' '%s'; }; }",
		       folder, folder, tree, tree, tree, archive, tree, tree, tree))
		return STATUS_DONE;
	run_shell("rm -rf '%s.new'", tree);
	report("cannot unpack %s", archive);
	return STATUS_REFUSED;
}

bool file_write(const struct build *build, const char *name, const char *text, size_t len)
{
	char path[256];
	FILE *file;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", build->folder, name);
	file = fopen(path, "we");
	if (!file)
		return false;
	done = fwrite(text, 1, len, file) == len;
	return !fclose(file) && done;
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

/* Finds the headers of @kernel, its release, and the folder of its source. Returns a status. */
static int tree_set(struct build *build, const char *source, const char *kernel, char *release,
		    size_t room)
{
	int status = build_headers_set(build, kernel);

	if (!status)
		status = release_read(build, release, room);
	if (status)
		return status;
	return source ? source_given(source, build->tree) : source_default(release, build->tree);
}

int build_tree_find(struct build *build, const char *source)
{
	char release[128];

	return source ? source_given(source, build->tree)
		      : tree_set(build, NULL, NULL, release, sizeof(release));
}

int build_rebuild(struct build *build, struct rebuild *rebuild, const char *source,
		  const char *kernel)
{
	char release[128];
	int status = rebuild->diff_path ? diff_check(rebuild) : STATUS_DONE;

	if (!status && !build->name[0])
		status = build_name_set(build, rebuild->files[0], ".c");
	if (!status)
		status = tree_set(build, source, kernel, release, sizeof(release));
	rebuild->build = build;
	rebuild->tree = build->tree;
	if (!status)
		status = files_check(rebuild);
	if (!status && !rebuild->vmlinux) {
		snprintf(build->vmlinux, sizeof(build->vmlinux), "/boot/vmlinuz-%s", release);
		rebuild->vmlinux = build->vmlinux;
	}
	if (!status)
		status = path_check(rebuild->vmlinux);
	if (!status && rebuild->profile)
		status = path_check(rebuild->profile);
	if (!status)
		status = path_check(build->headers);
	if (!status)
		status = build_folder_make(build);
	return status ? status : rebuild_run(rebuild);
}
