// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules of the kernel's source that were built before. The name of a module has a checksum of
 * what it was built of: the kernel, the compiler, the source files and their folder, the flags and
 * the profile. Headers are not in the checksum.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli.h"
#include "instrument.h"
#include "rebuild.h"

/* Days after its last use for which a module is kept */
#define KEEP_DAYS "30"

/* FNV-1a, of 128 bits. */
struct checksum {
	unsigned __int128 value;
};

static void checksum_init(struct checksum *checksum)
{
	checksum->value = (unsigned __int128)0x6c62272e07bb0142 << 64 | 0x62b821756295c58d;
}

static void checksum_add(struct checksum *checksum, const void *bytes, size_t len)
{
	const unsigned __int128 prime = (unsigned __int128)1 << 88 | 0x13b;

	for (const unsigned char *at = bytes; len; at++, len--)
		checksum->value = (checksum->value ^ *at) * prime;
}

/* Adds a text with its NUL, so that two texts differ from their concatenation. */
static void checksum_add_text(struct checksum *checksum, const char *text)
{
	checksum_add(checksum, text ? text : "", strlen(text ? text : "") + 1);
}

/* Adds what a command or a file has. A file that is absent counts as an empty one. */
static void checksum_add_stream(struct checksum *checksum, FILE *file)
{
	uint64_t size = 0;
	char bytes[4096];
	size_t len;

	while (file && (len = fread(bytes, 1, sizeof(bytes), file))) {
		checksum_add(checksum, bytes, len);
		size += len;
	}
	checksum_add(checksum, &size, sizeof(size));
}

static void checksum_add_file(struct checksum *checksum, const char *folder, const char *file)
{
	char *path __cleanup(text_free) = NULL;
	FILE *in __cleanup(file_close) = NULL;

	if (asprintf(&path, "%s/%s", folder, file) < 0)
		path = NULL;
	in = fopen(need_memory(path), "re");
	checksum_add_stream(checksum, in);
}

/* Adds the time and the size of a file that is too large to be read. */
static void checksum_add_stat(struct checksum *checksum, const char *path)
{
	struct stat st = { 0 };
	char text[80];

	if (stat(path, &st))
		st = (struct stat){ 0 };
	snprintf(text, sizeof(text), "%lld.%09ld %lld", (long long)st.st_mtim.tv_sec,
		 st.st_mtim.tv_nsec, (long long)st.st_size);
	checksum_add_text(checksum, path);
	checksum_add_text(checksum, text);
}

static void checksum_add_compiler(struct checksum *checksum)
{
	FILE *version = popen("gcc --version 2>/dev/null", "re");

	checksum_add_stream(checksum, version);
	if (version)
		pclose(version);
}

static void checksum_add_sources(struct checksum *checksum, const struct rebuild *rebuild,
				 const char *tree)
{
	for (size_t i = 0; i < rebuild->nr_files; i++) {
		char stem[160], counts[170];

		checksum_add_text(checksum, rebuild->files[i]);
		checksum_add_file(checksum, tree, rebuild->files[i]);
		training_stem(rebuild->files[i], stem, sizeof(stem));
		snprintf(counts, sizeof(counts), "%s.gcda", stem);
		if (rebuild->profile)
			checksum_add_file(checksum, rebuild->profile, counts);
	}
}

static void module_name_set(struct build *build, const struct rebuild *rebuild)
{
	struct checksum checksum;
	struct utsname running;
	char image[160], options[64];

	uname(&running);
	snprintf(image, sizeof(image), "/boot/vmlinuz-%s", running.release);
	snprintf(options, sizeof(options), "%d %d %d", rebuild->instrument, rebuild->lenient,
		 rebuild->lean);
	checksum_init(&checksum);
	checksum_add_text(&checksum, shadowk_version());
	checksum_add_stat(&checksum, "/proc/self/exe");
	checksum_add_text(&checksum, running.release);
	checksum_add_text(&checksum, running.version);
	checksum_add_stat(&checksum, rebuild->vmlinux ? rebuild->vmlinux : image);
	checksum_add_compiler(&checksum);
	checksum_add_text(&checksum, options);
	checksum_add_text(&checksum, rebuild->flags);
	checksum_add_text(&checksum, rebuild->only);
	checksum_add_text(&checksum, build->tree);
	checksum_add_sources(&checksum, rebuild, build->tree);
	snprintf(build->name, sizeof(build->name), "shk_%s_%016llx",
		 rebuild->instrument ? "train" : "fast",
		 (unsigned long long)(checksum.value ^ checksum.value >> 64));
}

/* Builds the module, and moves it to @file. Returns a status. */
static int build_new(struct build *build, struct rebuild *rebuild, const char *source,
		     const char *file)
{
	char path[192];
	int status = build_rebuild(build, rebuild, source, NULL);

	if (status)
		return status;
	snprintf(path, sizeof(path), "%s/%s.ko", build->folder, build->name);
	if (!rename(path, file))
		return STATUS_DONE;
	report("cannot write '%s': %s", file, strerror(errno));
	return STATUS_REFUSED;
}

/*
 * Refuses a file or folder that others own or can write: its module would be loaded into the
 * kernel. Returns a status.
 */
static int owner_check(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && st.st_uid == geteuid() && !(st.st_mode & 022))
		return STATUS_DONE;
	report("'%s' belongs to another user, or others can write it; set XDG_CACHE_HOME to another "
	       "folder",
	       path);
	return STATUS_REFUSED;
}

/* Returns true if the cache has @file. An empty one is what a crash of the machine has left. */
static bool is_built(const char *file)
{
	struct stat st;

	return !lstat(file, &st) && st.st_size;
}

int build_cached(struct rebuild *rebuild, const char *source, char *file, size_t room)
{
	struct build build __cleanup(build_clean) = { 0 };
	char cache[PATH_MAX - 200], modules[PATH_MAX - 100];
	int status = build_tree_find(&build, source);

	if (status)
		return status;
	module_name_set(&build, rebuild);
	cache_folder(cache, sizeof(cache));
	snprintf(modules, sizeof(modules), "%s/modules", cache);
	snprintf(file, room, "%s/%s.ko", modules, build.name);
	if (!folders_make(modules)) {
		report("cannot create the folder %s: %s", modules, strerror(errno));
		return STATUS_REFUSED;
	}
	status = owner_check(modules);
	if (status)
		return status;
	if (is_built(file)) {
		/* Its time says when it was last used. */
		utimensat(AT_FDCWD, file, NULL, 0);
		report("%s was built before", file);
		return owner_check(file);
	}
	run((char *[]){ "find", modules, "-name", "shk_*.ko", "-mtime", "+" KEEP_DAYS, "-delete",
			NULL });
	report("building %s", file);
	return build_new(&build, rebuild, source, file);
}
