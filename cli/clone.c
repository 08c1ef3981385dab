// SPDX-License-Identifier: GPL-2.0-only
/* Copies the edits of one shadow to another. */
#include <string.h>

#include "cli.h"
#include "list.h"

int clone_probe(struct shadowk_shadow *to, struct shadowk_subject *subject,
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
	subject->probe_spec = &spec;
	err = shadowk_probe_add(to, &spec);
	if (err && shadowk_reason() == SHADOWK_REASON_SYMBOL_AMBIGUOUS && info->addr) {
		memset(spec.symbol, 0, sizeof(spec.symbol));
		spec.offset = 0;
		spec.addr = info->addr;
		err = shadowk_probe_add(to, &spec);
	}
	return err ? refuse(SHADOWK_OP_PROBE_ADD, err, subject) : STATUS_DONE;
}

int clone_patch(struct shadowk_shadow *to, struct shadowk_subject *subject,
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

static int clone_raw(struct shadowk_shadow *to, struct shadowk_subject *subject,
		     const struct shadowk_raw_info *info)
{
	struct shadowk_raw_spec spec = {
		.size = sizeof(spec),
		.flags = info->flags,
		.addr = info->addr,
		.offset = info->addr ? 0 : info->offset,
		.len = info->len,
	};
	int err;

	memcpy(spec.bytes, info->bytes, sizeof(spec.bytes));
	if (!info->addr)
		memcpy(spec.symbol, info->symbol, sizeof(spec.symbol));
	subject->raw_spec = &spec;
	err = shadowk_raw_add(to, &spec);
	return err ? refuse(SHADOWK_OP_RAW_ADD, err, subject) : STATUS_DONE;
}

static int clone_probes(struct shadowk_shadow *to, struct shadowk_shadow *from,
			struct shadowk_subject *subject)
{
	struct shadowk_probe_info *probes __cleanup(list_free) = NULL;
	int count = list_read(shadowk_probe_list, from, &probes);
	int status = STATUS_DONE;

	if (count < 0)
		return refuse(SHADOWK_OP_PROBE_LIST, count, subject);
	/* Captured kprobes belong to the tool that has armed them. */
	for (int i = 0; !status && i < count; i++)
		if (!(probes[i].flags & SHADOWK_PROBE_CAPTURED))
			status = clone_probe(to, subject, &probes[i]);
	return status;
}

static int clone_patches(struct shadowk_shadow *to, struct shadowk_shadow *from,
			 struct shadowk_subject *subject)
{
	struct shadowk_patch_info *patches __cleanup(list_free) = NULL;
	int count = list_read(shadowk_patch_list, from, &patches);
	int status = STATUS_DONE;

	if (count < 0)
		return refuse(SHADOWK_OP_PATCH_LIST, count, subject);
	/* The list has an element for each function of a patch. The first has index 0. */
	for (int i = 0; !status && i < count; i++)
		if (!patches[i].index && patches[i].kind != SHADOWK_PATCH_DIVERT)
			status = clone_patch(to, subject, &patches[i]);
	return status;
}

static int clone_raws(struct shadowk_shadow *to, struct shadowk_shadow *from,
		      struct shadowk_subject *subject)
{
	struct shadowk_raw_info *raws __cleanup(list_free) = NULL;
	int count = list_read(shadowk_raw_list, from, &raws);
	int status = STATUS_DONE;

	if (count < 0)
		return refuse(SHADOWK_OP_RAW_LIST, count, subject);
	for (int i = 0; !status && i < count; i++)
		status = clone_raw(to, subject, &raws[i]);
	return status;
}

int shadow_clone(struct shadowk_shadow *to, struct shadowk_shadow *from, const char *name)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	int status = clone_probes(to, from, &subject);

	if (!status)
		status = clone_raws(to, from, &subject);
	/* Lists are in the order of ids, so patches of one function stack as in @from. */
	return status ? status : clone_patches(to, from, &subject);
}
