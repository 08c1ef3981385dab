/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_SOURCE_FILES_H
#define SHADOWCTL_SOURCE_FILES_H

/*
 * source_files.c: the files of the kernel's source that define functions which were called.
 *
 * A function is defined where its name is followed by parameters and a body, outside of other
 * functions. Several files can define one name. Then the file that defines the function's
 * neighbours in the kernel image is chosen: the linker puts the functions of a file side by side.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source_file {
	char *path;	  /* below the folder of the source, such as "fs/pipe.c" */
	uint64_t calls;	  /* of its functions */
	size_t called;	  /* number of its functions that were called */
	size_t functions; /* number of names of the kernel's functions that it defines */
};

struct source_files {
	size_t count; /* of files with a function that was called, the most called one first */
	struct source_file *file;
	uint64_t calls; /* of all functions that files define */
	char **paths;	/* of .file, in its order; set by source_files_limit() */
};

struct source_index;

/*
 * Reads the files in the folder @tree. @names are the kernel's functions in the order of their
 * addresses. Reports an error. Returns a status.
 */
int source_index_open(struct source_index **index, const char *tree, const char *const *names,
		      size_t nr);
/* Returns true if a file defines the function with this index. */
bool source_index_has(const struct source_index *index, size_t function);
void source_index_close(struct source_index **index);
/* Finds the files of functions that were called. @calls has the calls of each function. */
void source_files_find(struct source_files *files, const struct source_index *index,
		       const uint64_t *calls);
/*
 * Keeps the files that are called most, until they have 95 % of the calls of all files, or @max
 * files are kept. Leaves a file out with which they would define more than @functions functions.
 */
void source_files_limit(struct source_files *files, size_t max, size_t functions);
void source_files_free(struct source_files *files);

#endif /* SHADOWCTL_SOURCE_FILES_H */
