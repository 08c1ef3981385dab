// SPDX-License-Identifier: LGPL-2.1-only
/* Patches: functions that have another body in a shadow. */
#include <linux/shadowk.h>

#include "internal.h"

_Static_assert((int)SHADOWK_PATCH_NOP == (int)SHK_PATCH_NOP, "uapi");
_Static_assert((int)SHADOWK_PATCH_RETURN == (int)SHK_PATCH_RETURN, "uapi");
_Static_assert((int)SHADOWK_PATCH_SKIP_CALL == (int)SHK_PATCH_SKIP_CALL, "uapi");
_Static_assert((int)SHADOWK_PATCH_MODULE == (int)SHK_PATCH_MODULE, "uapi");
_Static_assert((int)SHADOWK_PATCH_LIVEPATCH == (int)SHK_PATCH_LIVEPATCH, "uapi");
_Static_assert((int)SHADOWK_PATCH_CAPTURE == (int)SHK_PATCH_CAPTURE, "uapi");
_Static_assert((int)SHADOWK_PATCH_RETPOLINES == (int)SHK_PATCH_RETPOLINES, "uapi");
_Static_assert((int)SHADOWK_PATCH_RETURNS == (int)SHK_PATCH_RETURNS, "uapi");
_Static_assert((int)SHADOWK_PATCH_CALLBACKS == (int)SHK_PATCH_CALLBACKS, "uapi");
_Static_assert((int)SHADOWK_PATCH_IN_PLACE == (int)SHK_PATCH_IN_PLACE, "uapi");
_Static_assert((int)SHADOWK_PATCH_UNSAFE_NOW == (int)SHK_PATCH_UNSAFE_NOW, "uapi");
_Static_assert((int)SHADOWK_PATCH_PROMOTED == (int)SHK_PATCH_PROMOTED, "uapi");
_Static_assert((int)SHADOWK_PATCH_VALUE == (int)SHK_PATCH_VALUE, "uapi");

static const char *const kinds[] = {
	[SHK_PATCH_NOP] = "nop",
	[SHK_PATCH_RETURN] = "return",
	[SHK_PATCH_SKIP_CALL] = "skip-call",
	[SHK_PATCH_MODULE] = "module",
	[SHK_PATCH_LIVEPATCH] = "livepatch",
	[SHK_PATCH_CAPTURE] = "capture",
	[SHK_PATCH_RETPOLINES] = "retpoline=jmp",
	[SHK_PATCH_RETURNS] = "return=ret",
};

const char *shadowk_patch_kind_name(uint32_t kind)
{
	return kind < sizeof(kinds) / sizeof(kinds[0]) && kinds[kind] ? kinds[kind] : "unknown";
}

int shadowk_patch_add(struct shadowk_shadow *shadow, struct shadowk_patch_spec *spec)
{
	struct shk_patch_add arg = { .size = sizeof(arg) };
	int err;

	if (!shk_size_ok(spec, object))
		return -EINVAL;
	arg.flags = spec->flags;
	arg.kind = spec->kind;
	arg.addr = spec->addr;
	arg.offset = spec->offset;
	arg.value = spec->value;
	memcpy(arg.name, spec->name, sizeof(arg.name));
	memcpy(arg.symbol, spec->symbol, sizeof(arg.symbol));
	memcpy(arg.object, spec->object, sizeof(arg.object));
	err = shk_ioctl(shadow->fd, SHK_PATCH_ADD, &arg);
	shk_busy = arg.busy;
	if (err < 0) {
		memcpy(spec->symbol, arg.symbol, sizeof(spec->symbol));
		return err;
	}
	memcpy(spec->name, arg.name, sizeof(spec->name));
	spec->id = arg.id;
	return 0;
}

int shadowk_patch_remove_flags(struct shadowk_shadow *shadow, const char *name, uint32_t flags)
{
	struct shk_patch_remove arg = { .size = sizeof(arg), .flags = flags };
	int err = shadowk_name_check(name);

	if (err)
		return err;
	memcpy(arg.name, name, strlen(name));
	err = shk_ioctl(shadow->fd, SHK_PATCH_REMOVE, &arg);
	shk_busy = arg.busy;
	return err;
}

int shadowk_patch_remove(struct shadowk_shadow *shadow, const char *name)
{
	return shadowk_patch_remove_flags(shadow, name, 0);
}

int shadowk_patch_promote(struct shadowk_shadow *shadow, const char *name)
{
	struct shk_patch_promote arg = { .size = sizeof(arg) };
	int err = shadowk_name_check(name);

	if (err)
		return err;
	memcpy(arg.name, name, strlen(name));
	return shk_ioctl(shadow->fd, SHK_PATCH_PROMOTE, &arg);
}

int shadowk_patch_next(struct shadowk_shadow *shadow, struct shadowk_patch_info *info)
{
	struct shk_patch_info in = { .size = sizeof(in) };
	struct shadowk_patch_info out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(info, object))
		return -EINVAL;
	in.id = info->id;
	in.index = info->id ? info->index + 1 : 0;
	err = shk_ioctl(shadow->fd, SHK_PATCH_NEXT, &in);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	out.id = in.id;
	out.flags = in.flags;
	out.kind = in.kind;
	out.index = in.index;
	out.nr_functions = in.nr_functions;
	out.addr = in.addr;
	out.offset = in.offset;
	out.value = in.value;
	memcpy(out.name, in.name, sizeof(out.name));
	memcpy(out.symbol, in.symbol, sizeof(out.symbol));
	memcpy(out.object, in.object, sizeof(out.object));
	shk_copy_out(info, &out, sizeof(out));
	return 1;
}
