// SPDX-License-Identifier: GPL-2.0-only
/* Adds the edits of a profile to a shadow. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "profile.h"

static void close_shadow(struct shadowk_shadow **shadow)
{
	shadowk_shadow_close(*shadow);
}

/* Adds one edit. Returns 0, or -errno with its explanation in @why. */
static int item_add(const struct profile_item *item, struct shadowk_shadow *shadow,
		    const char *name, char *why, size_t len)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	struct shadowk_probe_spec probe = item->probe;
	struct shadowk_patch_spec patch = item->patch;
	int err;

	if (item->is_probe) {
		subject.probe_spec = &probe;
		err = shadowk_probe_add(shadow, &probe);
	} else {
		subject.patch_spec = &patch;
		err = shadowk_patch_add(shadow, &patch);
	}
	if (err)
		shadowk_explain(why, len,
				item->is_probe ? SHADOWK_OP_PROBE_ADD : SHADOWK_OP_PATCH_ADD, err,
				&subject);
	return err;
}

/*
 * Returns true if the error of the last call is permanent: this kernel has no such place, or never
 * permits such an edit there.
 */
static bool is_lacking(int err)
{
	switch (-err) {
	case ENOENT:
	case ERANGE:
	case EOPNOTSUPP:
		return true;
	}
	return shadowk_reason() == SHADOWK_REASON_SYMBOL_AMBIGUOUS ||
	       shadowk_reason() == SHADOWK_REASON_SEVERAL_CALLS;
}

static int refuse_item(const struct profile *profile, const struct profile_item *item,
		       const char *why)
{
	report("%s:%u: %s: %s", profile->path, item->line, item->name, why);
	return STATUS_REFUSED;
}

int profile_try(struct profile *profile, struct shadowk_shadow *trial, const char *shadow)
{
	char why[512];

	for (size_t i = 0; i < profile->count; i++) {
		struct profile_item *item = &profile->item[i];
		bool skip = item->excluded || item->unloaded;
		int err = skip ? 0 : item_add(item, trial, shadow, why, sizeof(why));

		if (!err)
			continue;
		if (!item->optional || !is_lacking(err))
			return refuse_item(profile, item, why);
		item->missing = need_memory(strdup(why));
	}
	return STATUS_DONE;
}

int profile_check(struct profile *profile, struct shadowk *dev, const char *shadow)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = shadow };
	struct shadowk_shadow *trial __cleanup(close_shadow) = NULL;
	int err;

	if (!profile->count)
		return STATUS_DONE;
	err = shadowk_shadow_create(dev, NULL, &trial);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject);
	return profile_try(profile, trial, shadow);
}

int profile_item_apply(const struct profile *profile, const struct profile_item *item,
		       struct shadowk_shadow *shadow, const char *name)
{
	char why[512];

	if (item_add(item, shadow, name, why, sizeof(why)))
		return refuse_item(profile, item, why);
	return STATUS_DONE;
}

int profile_apply(const struct profile *profile, struct shadowk_shadow *shadow, const char *name)
{
	for (size_t i = 0; i < profile->count; i++) {
		const struct profile_item *item = &profile->item[i];

		if (!item->excluded && !item->missing &&
		    profile_item_apply(profile, item, shadow, name))
			return STATUS_REFUSED;
	}
	return STATUS_DONE;
}

void profile_print_missing(const struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++)
		if (profile->item[i].missing)
			printf("left out %s: %s\n", profile->item[i].name,
			       profile->item[i].missing);
}

struct json_object *profile_missing_json(const struct profile *profile)
{
	struct json_object *array = json_object_new_array(), *object;

	for (size_t i = 0; i < profile->count; i++) {
		if (!profile->item[i].missing)
			continue;
		object = json_object_new_object();
		json_object_object_add(object, "item", json_text(profile->item[i].name));
		json_object_object_add(object, "reason", json_text(profile->item[i].missing));
		json_object_array_add(array, object);
	}
	return array;
}
