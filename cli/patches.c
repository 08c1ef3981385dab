// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "list.h"
#include "output.h"

static bool has_value(const struct shadowk_patch_info *info)
{
	return info->kind == SHADOWK_PATCH_RETURN || info->flags & SHADOWK_PATCH_VALUE;
}

static struct json_object *function_json(const struct shadowk_patch_info *info)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "symbol", json_text(info->symbol));
	json_object_object_add(object, "offset", json_object_new_uint64(info->offset));
	json_object_object_add(object, "address", address_json(info->addr));
	return object;
}

static struct json_object *patch_json(const struct shadowk_patch_info *info)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "id", json_object_new_uint64(info->id));
	json_object_object_add(object, "name", json_text(info->name));
	json_object_object_add(object, "kind", json_text(shadowk_patch_kind_name(info->kind)));
	json_object_object_add(object, "object", info->object[0] ? json_text(info->object) : NULL);
	json_object_object_add(object, "value",
			       has_value(info) ? json_object_new_int64((int64_t)info->value)
					       : NULL);
	json_object_object_add(object, "in_place",
			       json_object_new_boolean(info->flags & SHADOWK_PATCH_IN_PLACE));
	json_object_object_add(object, "promoted",
			       json_object_new_boolean(info->flags & SHADOWK_PATCH_PROMOTED));
	json_object_object_add(object, "functions", json_object_new_array());
	return object;
}

int patches_json(struct shadowk_shadow *shadow, const char *name, struct json_object *array)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	struct shadowk_patch_info *patches __cleanup(list_free) = NULL;
	struct json_object *patch = NULL, *functions = NULL;
	int count = list_read(shadowk_patch_list, shadow, &patches);
	uint64_t last = 0;

	if (count < 0)
		return refuse(SHADOWK_OP_PATCH_LIST, count, &subject);
	for (int i = 0; i < count; i++) {
		if (patches[i].id != last) {
			patch = patch_json(&patches[i]);
			json_object_array_add(array, patch);
			json_object_object_get_ex(patch, "functions", &functions);
		}
		json_object_array_add(functions, function_json(&patches[i]));
		last = patches[i].id;
	}
	return STATUS_DONE;
}

bool patch_has_module(const struct shadowk_patch_info *info)
{
	return info->kind == SHADOWK_PATCH_MODULE || info->kind == SHADOWK_PATCH_LIVEPATCH;
}

void patch_action_print(char *buf, size_t len, const struct shadowk_patch_info *info)
{
	size_t used;

	if (info->kind == SHADOWK_PATCH_RETURN)
		snprintf(buf, len, "return %" PRId64, (int64_t)info->value);
	else if (info->flags & SHADOWK_PATCH_VALUE)
		snprintf(buf, len, "skip-call %s, return %" PRId64, info->object,
			 (int64_t)info->value);
	else if (patch_has_module(info))
		snprintf(buf, len, "%s %s", shadowk_patch_kind_name(info->kind), info->object);
	else if (info->kind == SHADOWK_PATCH_SKIP_CALL)
		snprintf(buf, len, "skip-call %s", info->object);
	else
		snprintf(buf, len, "%s", shadowk_patch_kind_name(info->kind));
	used = strlen(buf);
	if (info->flags & SHADOWK_PATCH_IN_PLACE)
		snprintf(buf + used, len - used, ", in place");
	else if (info->flags & SHADOWK_PATCH_PROMOTED)
		snprintf(buf + used, len - used, ", promoted");
}

int patches_read(struct table *table, struct shadowk_shadow *shadow, const char *name)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	struct shadowk_patch_info *patches __cleanup(list_free) = NULL;
	int count = list_read(shadowk_patch_list, shadow, &patches);
	char action[SHADOWK_SYMBOL_LEN + 64];

	if (count < 0)
		return refuse(SHADOWK_OP_PATCH_LIST, count, &subject);

	table_init(table, "lll");
	table_add(table, "PATCH");
	table_add(table, "FUNCTION");
	table_add(table, "ACTION");
	for (int i = 0; i < count; i++) {
		const struct shadowk_patch_info *info = &patches[i];

		table_add(table, "%s", info->name);
		if (info->offset)
			table_add(table, "%s+0x%" PRIx64, info->symbol, info->offset);
		else
			table_add(table, "%s", info->symbol);
		patch_action_print(action, sizeof(action), info);
		table_add(table, "%s", action);
	}
	return STATUS_DONE;
}
