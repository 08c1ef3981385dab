// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"

/* Reads "#" and a decimal number above 0. Returns false if @text is something else. */
static bool id_read(const char *text, uint64_t *id)
{
	size_t digits = text[0] == '#' ? strspn(text + 1, "0123456789") : 0;

	if (!digits || text[1 + digits])
		return false;
	errno = 0;
	*id = strtoull(text + 1, NULL, 10);
	return *id && !errno;
}

int shadow_name_check(const char *text)
{
	uint64_t id;

	return id_read(text, &id) ? 0 : shadowk_name_check(text);
}

int shadow_open(struct shadowk *dev, const char *text, struct shadowk_shadow **shadow)
{
	uint64_t id;

	return id_read(text, &id) ? shadowk_shadow_open_id(dev, id, shadow)
				  : shadowk_shadow_open(dev, text, shadow);
}

static const struct {
	const char *name;
	uint32_t flag;
} policies[] = {
	{ "inherit", SHADOWK_ASYNC_INHERIT },
	{ "owner", SHADOWK_ASYNC_OWNER },
	{ "causal", SHADOWK_ASYNC_CAUSAL },
	{ "union", SHADOWK_ASYNC_UNION },
	{ "base", 0 },
};

bool async_read(const char *name, uint32_t *flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		if (strcmp(name, policies[i].name))
			continue;
		*flags = policies[i].flag;
		return true;
	}
	return false;
}

const char *async_name(uint32_t flags)
{
	size_t i = 0;

	while (policies[i].flag && !(flags & policies[i].flag))
		i++;
	return policies[i].name;
}

const char *async_text(const struct shadowk_shadow_info *info)
{
	return async_name(info->flags);
}

struct json_object *shadow_json(const struct shadowk_shadow_info *info)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "id", json_object_new_uint64(info->id));
	json_object_object_add(object, "name", json_text(info->name));
	json_object_object_add(object, "async", json_text(async_text(info)));
	if (info->flags & (SHADOWK_ASYNC_CAUSAL | SHADOWK_ASYNC_UNION))
		json_object_object_add(object, "unfollowed",
				       json_object_new_uint64(info->nr_unfollowed));
	json_object_object_add(object, "nr_processes", json_object_new_uint64(info->nr_grafts));
	json_object_object_add(object, "nr_probes", json_object_new_uint64(info->nr_probes));
	json_object_object_add(object, "nr_handles", json_object_new_uint64(info->nr_handles));
	json_object_object_add(object, "private_pages",
			       json_object_new_uint64(info->private_pages));
	json_object_object_add(object, "diverged_ranges",
			       json_object_new_uint64(info->diverged_ranges));
	json_object_object_add(object, "huge_ranges", json_object_new_uint64(info->huge_ranges));
	json_object_object_add(object, "memory", json_object_new_uint64(info->memory));
	if (info->target)
		json_object_object_add(object, "target", json_object_new_uint64(info->target));
	return object;
}

void memory_print(char *buf, size_t len, uint64_t bytes)
{
	/* A shadow consists of pages, so KB are exact. */
	if (bytes < 10 << 20)
		snprintf(buf, len, "%uK", (unsigned int)(bytes >> 10));
	else
		snprintf(buf, len, "%.1fM", (double)bytes / (1 << 20));
}
