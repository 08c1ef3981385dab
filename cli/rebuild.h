/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_REBUILD_H
#define SHADOWCTL_REBUILD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "changes.h"
#include "identity.h"

/* build.c: a build of a patch module, in a temporary folder. */
struct build {
	char folder[96];	/* temporary, "" before it exists */
	char source[PATH_MAX];	/* absolute */
	char name[64];		/* name of the module */
	char headers[PATH_MAX]; /* folder of the kernel's headers */
	char tree[PATH_MAX];	/* folder of the kernel's source */
	char vmlinux[160];	/* default of the kernel image */
};

/* build_folder.c */

/* Writes the path of the user's cache folder of shadowk, which may not exist. */
void cache_folder(char *path, size_t room);
/* Returns true if the path can be a word of a shell command and of a makefile without quotes. */
bool is_plain(const char *path);
/* Makes a folder and those above it. Returns false, and sets errno, after an error. */
bool folders_make(const char *path);
/* Runs a program of PATH. Returns its exit status; 127 if it cannot run, 1 after a signal. */
int run(char *const argv[]);
/* Runs a shell command. Returns as run() does. */
int run_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes a file of the temporary folder. Returns false after an error. */
bool file_write(const struct build *build, const char *name, const char *text, size_t len);

/* These report errors, and return a status. */

/* Names the module as @file, without its ending, such as ".c". */
int build_name_set(struct build *build, const char *file, const char *ending);
/* Finds the headers of @kernel: a release, a folder, or NULL for the running kernel. */
int build_headers_set(struct build *build, const char *kernel);
/* Finds the folder of the source: @source, or that of Debian's package for the running kernel. */
int build_tree_find(struct build *build, const char *source);
/*
 * build_folder.c: creates the temporary folder with the header of patch modules. One build of a
 * process has a folder at a time. The folder is removed also if this process is killed.
 */
int build_folder_make(struct build *build);
/* Removes the temporary folder. For __cleanup(). */
void build_clean(struct build *build);

/* One function of the kernel that the module will have another body of. */
struct replaced {
	char *name;
	uint64_t address; /* in the kernel image */
	size_t position;  /* as struct shadowk_patch_func has it */
};

/* A file of the kernel's source. */
struct source {
	const char *file;   /* its path below the folder of the source */
	char stem[96];	    /* of file names in the temporary folder */
	struct object base; /* compiled with the kernel's own flags */
	struct identity identity;
	/* With a diff: objects of both sources, and what differs. */
	struct object plain, patched;
	struct changes changes;
	char *executed; /* by the profile, as struct rebuild.only; NULL: choose all */
	bool left_out;	/* by struct rebuild.lenient */
	size_t nr_replaced;
	struct replaced *replaced;
};

/* rebuild.c: functions of the kernel's own source as a patch module. */
struct rebuild {
	struct build *build;
	const char *tree;      /* folder of the kernel's source */
	const char *vmlinux;   /* file of the kernel image */
	const char *only;      /* functions, separated by commas; NULL for all that are possible */
	const char *flags;     /* of the compiler, behind the kernel's own; NULL for none */
	const char *diff_path; /* of a diff of the source; NULL for none */
	/*
	 * Folder of .gcda and .gcno files that the compiler uses, or NULL. Without @only, functions
	 * that were executed are replaced.
	 */
	const char *profile;
	bool instrument; /* the bodies count what they execute, see instrument.h */
	bool lenient;	 /* leave files out that cannot be compiled, or are not the kernel's */
	bool lean;	 /* without thunks and stack protectors */
	struct source_diff diff; /* read by the caller, if there is one */
	bool check;		 /* only compare, build nothing */
	size_t nr_files;
	char **files;

	/* The rest is rebuild.c's own. */
	char *compiler, *objtool; /* shell commands without the names of files */
	struct kernel_image image;
	struct source *sources;
	size_t nr_counters;
};

/*
 * build.c: finds the headers of @kernel, and calls rebuild_run(). Without @source, the source is
 * Debian's package. Sets the name of the module and the kernel image if the caller has not.
 */
int build_rebuild(struct build *build, struct rebuild *rebuild, const char *source,
		  const char *kernel);
/*
 * build_cache.c: builds a module for the running kernel, unless the cache has it, and writes the
 * path of its file to @file. Two modules of the same name are the same. Reports errors. Returns a
 * status.
 */
int build_cached(struct rebuild *rebuild, const char *source, char *file, size_t room);
/* Compares, and compiles build->name.ko in build->folder. Reports errors. Returns a status. */
int rebuild_run(struct rebuild *rebuild);
void rebuild_free(struct rebuild *rebuild);

/*
 * rebind.c: makes an object with new bodies of @source's functions refer to the running kernel. The
 * object's own data vanish. Reports errors. Returns a status.
 */
int rebind(struct object *object, const struct source *source, const struct kernel_image *image);

#endif /* SHADOWCTL_REBUILD_H */
