/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_SOURCE_DIFF_H
#define SHADOWCTL_SOURCE_DIFF_H

#include <stdbool.h>
#include <stddef.h>

/* A line that a diff adds or removes. */
struct diff_line {
	const char *file; /* one of source_diff.files */
	size_t at;	  /* its number in the diff */
	size_t number;	  /* its number in the new file if it is added, else in the old one */
	bool added;
	char *text;
};

/* source_diff.c: a unified diff of the kernel's source, with paths such as a/fs/pipe.c. */
struct source_diff {
	const char *path;
	size_t nr_files, nr_lines;
	char **files; /* without the first folder of the path */
	struct diff_line *lines;
};

/* Reads a diff that changes files, and neither adds nor removes any. Returns a status. */
int source_diff_read(struct source_diff *diff, const char *path);
void source_diff_free(struct source_diff *diff);
/* Returns the first line for @file that has @word as a word, or NULL. NULL stands for any word. */
const struct diff_line *source_diff_find(const struct source_diff *diff, const char *file,
					 const char *word);

#endif /* SHADOWCTL_SOURCE_DIFF_H */
