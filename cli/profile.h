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
	char *name;    /* ITEM */
	char *missing; /* message that says why the kernel lacks it, or NULL */
	char *file;    /* the module that has the bodies of the patch, or NULL */
	bool unloaded; /* that module is not loaded, so the edit cannot be tried */
	struct shadowk_probe_spec probe; /* if @is_probe */
	struct shadowk_patch_spec patch; /* if not */
};

struct profile {
	char name[SHADOWK_NAME_LEN]; /* "": the names of the edits are those of the items */
	char path[PATH_MAX];
	size_t count;
	struct profile_item *item;
};

#define PROFILE_WORDS_MAX 8

/* The words of an item, as in a line of a profile, and the line in which each of them is. */
struct profile_words {
	bool modules; /* "module FILE" and "livepatch FILE" are edits, too */
	size_t count; /* at least 1 */
	const char *word[PROFILE_WORDS_MAX];
	unsigned int line[PROFILE_WORDS_MAX];
};

/* profile.c */

/*
 * Appends the item that the words describe. profile->path is for messages. Returns the item, valid
 * until the next is appended. Reports a mistake, and returns NULL.
 */
struct profile_item *profile_add(struct profile *profile, const struct profile_words *given);
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
/* As profile_check(), but skips items that are @unloaded, and leaves the edits in @trial. */
int profile_try(struct profile *profile, struct shadowk_shadow *trial, const char *shadow);
/* Adds the edit of an item to a shadow. Reports an error. Returns a status. */
int profile_item_apply(const struct profile *profile, const struct profile_item *item,
		       struct shadowk_shadow *shadow, const char *name);
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
