/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_PROFILE_H
#define SHADOWCTL_PROFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <shadowk.h>

struct json_object;

/* One line of a profile: an edit, which in the shadow is named PROFILE:ITEM. */
struct profile_item {
	unsigned int line;
	bool optional;
	bool excluded; /* the user does without it */
	bool is_probe;
	char *name;    /* of the item alone */
	char *missing; /* why the kernel lacks it, or NULL */
	struct shadowk_probe_spec probe;
	struct shadowk_patch_spec patch;
};

struct profile {
	char name[SHADOWK_NAME_LEN];
	char path[PATH_MAX];
	size_t count;
	struct profile_item *item;
};

/* profile.c: all report what is wrong, and return a status. */
/* @which is a file if it has a '/', else the name of one that came with shadowctl. */
int profile_read(struct profile *profile, const char *which);
int profile_exclude(struct profile *profile, const char *item);
void profile_free(struct profile *profile);

/* profile_apply.c: these report errors, and return a status. */
/*
 * Lets the kernel check all edits, in a shadow without a name. Optional items that the kernel
 * lacks are missing from then on.
 */
int profile_check(struct profile *profile, struct shadowk *dev, const char *shadow);
int profile_apply(const struct profile *profile, struct shadowk_shadow *shadow, const char *name);
void profile_print_missing(const struct profile *profile);
struct json_object *profile_missing_json(const struct profile *profile);

#endif /* SHADOWCTL_PROFILE_H */
