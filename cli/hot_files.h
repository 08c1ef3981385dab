/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_HOT_FILES_H
#define SHADOWCTL_HOT_FILES_H

#include "source_files.h"

struct target;

/* Files that are found. A build takes some seconds for each. */
#define HOT_FILES_MAX 12
/* Seconds for which the calls are counted, if the target has no --duration. */
#define HOT_SECONDS 10

/*
 * hot_files.c: counts the calls of the target for a quarter of its --duration, and HOT_SECONDS at
 * most, in a shadow of its own. Sets @files to the files of the kernel's source with the functions
 * that are called most, HOT_FILES_MAX at most. Prints them. @source is as for build_rebuild().
 * Reports an error. Returns a status.
 */
int hot_files_find(struct source_files *files, const struct target *target, const char *source);

#endif /* SHADOWCTL_HOT_FILES_H */
