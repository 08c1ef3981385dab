/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_PROFILE_H
#define SHADOWCTL_PROFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <shadowk.h>

struct json_object;

/* One line of a profile: an edit. Its name in the shadow is PROFILE:ITEM. */
struct profile_item {
	unsigned int line;
	bool optional; /* the shadow is created without it if the kernel lacks it */
	bool excluded; /* by --without */
	bool is_probe;
	char *name;			 /* ITEM */
	char *missing;			 /* message that says why the kernel lacks it, or NULL */
	struct shadowk_probe_spec probe; /* if @is_probe */
	struct shadowk_patch_spec patch; /* if not */
};

struct profile {
	char name[SHADOWK_NAME_LEN];
	char path[PATH_MAX];
	size_t count;
	struct profile_item *item;
};

/* profile.c */

/*
 * Reads a profile. @which is the path of a file if it has a '/', otherwise the name of an installed
 * profile. Reports errors. Returns a status.
 */
int profile_read(struct profile *profile, const char *which);
/* Excludes the item named @item. Reports an error if there is none. Returns a status. */
int profile_exclude(struct profile *profile, const char *item);
void profile_free(struct profile *profile);

/* profile_apply.c */

/*
 * Lets the kernel check the edits that are not excluded: adds them to a shadow without a name,
 * which it closes. Sets @missing of optional items that the kernel lacks. Reports any other error.
 * @shadow is the name for messages. Returns a status.
 */
int profile_check(struct profile *profile, struct shadowk *dev, const char *shadow);
/*
 * Adds the edits that are neither excluded nor missing. Reports an error, and leaves the edits that
 * were added before it. @name is the name of the shadow, for messages. Returns a status.
 */
int profile_apply(const struct profile *profile, struct shadowk_shadow *shadow, const char *name);
/* Prints a line for each missing item. */
void profile_print_missing(const struct profile *profile);
/* Returns an array of the missing items and their messages. */
struct json_object *profile_missing_json(const struct profile *profile);

#endif /* SHADOWCTL_PROFILE_H */
