// SPDX-License-Identifier: GPL-2.0-only
/* The edits of one shadow for another. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static int clone_probe(struct shadowk_shadow *to, struct shadowk_subject *subject,
		       const struct shadowk_probe_info *info)
{
	struct shadowk_probe_spec spec = {
		.size = sizeof(spec),
		.flags = info->flags,
		.kind = info->kind,
		.offset = info->offset,
	};
	int err;

	memcpy(spec.name, info->name, sizeof(spec.name));
	memcpy(spec.symbol, info->symbol, sizeof(spec.symbol));
	subject->spec = &spec;
	err = shadowk_probe_add(to, &spec);
	if (err == -ENOTUNIQ && info->addr) {
		memset(spec.symbol, 0, sizeof(spec.symbol));
		spec.offset = 0;
		spec.addr = info->addr;
		err = shadowk_probe_add(to, &spec);
	}
	return err ? refuse(SHADOWK_OP_PROBE_ADD, err, subject) : STATUS_DONE;
}

static int clone_patch(struct shadowk_shadow *to, struct shadowk_subject *subject,
		       const struct shadowk_patch_info *info)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.flags = info->flags & ~SHADOWK_PATCH_PROMOTED,
		.kind = info->kind,
		.value = info->value,
	};
	bool by_symbol = info->kind == SHADOWK_PATCH_NOP || info->kind == SHADOWK_PATCH_RETURN ||
			 info->kind == SHADOWK_PATCH_SKIP_CALL;
	int err;

	memcpy(spec.name, info->name, sizeof(spec.name));
	memcpy(spec.object, info->object, sizeof(spec.object));
	if (by_symbol)
		memcpy(spec.symbol, info->symbol, sizeof(spec.symbol));
	if (info->kind == SHADOWK_PATCH_SKIP_CALL)
		spec.offset = info->offset;
	subject->patch_spec = &spec;
	err = shadowk_patch_add(to, &spec);
	return err ? refuse(SHADOWK_OP_PATCH_ADD, err, subject) : STATUS_DONE;
}

static int clone_probes(struct shadowk_shadow *to, struct shadowk_shadow *from,
			struct shadowk_subject *subject)
{
	struct shadowk_probe_info info = { .size = sizeof(info) };
	int more, status = STATUS_DONE;

	while (!status && (more = shadowk_probe_next(from, &info)) > 0)
		status = clone_probe(to, subject, &info);
	return status || !more ? status : refuse(SHADOWK_OP_PROBE_NEXT, more, subject);
}

static int clone_patches(struct shadowk_shadow *to, struct shadowk_shadow *from,
			 struct shadowk_subject *subject)
{
	struct shadowk_patch_info info = { .size = sizeof(info) };
	int more, status = STATUS_DONE;

	/* A patch is told once for each of its functions. */
	while (!status && (more = shadowk_patch_next(from, &info)) > 0)
		if (!info.index)
			status = clone_patch(to, subject, &info);
	return status || !more ? status : refuse(SHADOWK_OP_PATCH_NEXT, more, subject);
}

static int clone_raws(struct shadowk_shadow *to, struct shadowk_shadow *from,
		      struct shadowk_subject *subject)
{
	struct shadowk_raw raw = { .size = sizeof(raw) }, copy;
	char id[24];
	int err = 0, more;

	subject->probe = id;
	while ((more = shadowk_raw_next(from, &raw)) > 0) {
		snprintf(id, sizeof(id), "%" PRIu64, raw.id);
		copy = raw;
		if (copy.addr) {
			memset(copy.symbol, 0, sizeof(copy.symbol));
			copy.offset = 0;
		}
		err = shadowk_raw_add(to, &copy);
		if (err)
			return refuse(SHADOWK_OP_RAW_ADD, err, subject);
	}
	return more ? refuse(SHADOWK_OP_RAW_NEXT, more, subject) : STATUS_DONE;
}

int shadow_clone(struct shadowk_shadow *to, struct shadowk_shadow *from, const char *name)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	int status = clone_probes(to, from, &subject);

	if (!status)
		status = clone_raws(to, from, &subject);
	/* In the order of their ids, so that they stack as they did. */
	return status ? status : clone_patches(to, from, &subject);
}
