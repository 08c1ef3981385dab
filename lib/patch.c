// SPDX-License-Identifier: LGPL-2.1-only
/* Patches: new bodies for functions in a shadow. */
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
_Static_assert((int)SHADOWK_PATCH_DIVERT == (int)SHK_PATCH_DIVERT, "uapi");
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
	[SHK_PATCH_DIVERT] = "divert",
};

const char *shadowk_patch_kind_name(uint32_t kind)
{
	return kind < sizeof(kinds) / sizeof(kinds[0]) && kinds[kind] ? kinds[kind] : "unknown";
}

/* Which members of struct shadowk_patch_spec a kind of patch uses, as bits. */
enum {
	USES_FUNCTION = 1 << 0, /* addr, symbol */
	USES_OFFSET = 1 << 1,
	USES_VALUE = 1 << 2,
	USES_OBJECT = 1 << 3,
};

static unsigned int members_used(uint32_t kind)
{
	switch (kind) {
	case SHADOWK_PATCH_NOP:
		return USES_FUNCTION;
	case SHADOWK_PATCH_RETURN:
		return USES_FUNCTION | USES_VALUE;
	case SHADOWK_PATCH_SKIP_CALL:
		return USES_FUNCTION | USES_OFFSET | USES_VALUE | USES_OBJECT;
	case SHADOWK_PATCH_MODULE:
	case SHADOWK_PATCH_LIVEPATCH:
		return USES_OBJECT;
	default:
		return 0;
	}
}

/*
 * Fills in *@arg, which the caller has zeroed, by @spec. Returns false if @spec sets a member that
 * its kind does not use, or if the module's name is too long.
 */
static bool spec_to_arg(struct shk_patch_add *arg, const struct shadowk_patch_spec *spec)
{
	unsigned int used = members_used(spec->kind);

	if ((!(used & USES_FUNCTION) && (spec->addr || spec->symbol[0])) ||
	    (!(used & USES_OFFSET) && spec->offset) || (!(used & USES_VALUE) && spec->value) ||
	    (!(used & USES_OBJECT) && spec->object[0]))
		return false;
	switch (spec->kind) {
	case SHADOWK_PATCH_NOP:
	case SHADOWK_PATCH_RETURN:
		arg->function.addr = spec->addr;
		arg->function.value = spec->value;
		memcpy(arg->function.symbol, spec->symbol, sizeof(arg->function.symbol));
		break;
	case SHADOWK_PATCH_SKIP_CALL:
		arg->call.addr = spec->addr;
		arg->call.offset = spec->offset;
		arg->call.value = spec->value;
		memcpy(arg->call.symbol, spec->symbol, sizeof(arg->call.symbol));
		memcpy(arg->call.callee, spec->object, sizeof(arg->call.callee));
		break;
	case SHADOWK_PATCH_MODULE:
	case SHADOWK_PATCH_LIVEPATCH:
		if (!memchr(spec->object, 0, sizeof(arg->module.name)))
			return false;
		memcpy(arg->module.name, spec->object, sizeof(arg->module.name));
		break;
	}
	arg->flags = spec->flags;
	arg->kind = spec->kind;
	memcpy(arg->name, spec->name, sizeof(arg->name));
	return true;
}

int shadowk_patch_add(struct shadowk_shadow *shadow, struct shadowk_patch_spec *spec)
{
	struct shk_patch_add arg = { .size = sizeof(arg) };
	struct shadowk_patch_spec in;
	int err = SHK_COPY_IN(&in, spec, object);

	if (err)
		return err;
	if (!spec_to_arg(&arg, &in))
		return shk_return(-EINVAL, 0);
	err = shk_ioctl(shadow->fd, SHK_PATCH_ADD, &arg);
	if (err) {
		memcpy(shk_error.subject, arg.subject, sizeof(shk_error.subject));
		return err;
	}
	memcpy(spec->name, arg.name, sizeof(spec->name));
	spec->id = arg.id;
	return 0;
}

int shadowk_patch_remove_flags(struct shadowk_shadow *shadow, const char *name, uint32_t flags)
{
	struct shk_patch_remove arg = { .size = sizeof(arg), .flags = flags };
	int err = shk_name_set(arg.name, name);

	return err ? err : shk_ioctl(shadow->fd, SHK_PATCH_REMOVE, &arg);
}

int shadowk_patch_remove(struct shadowk_shadow *shadow, const char *name)
{
	return shadowk_patch_remove_flags(shadow, name, 0);
}

int shadowk_patch_promote(struct shadowk_shadow *shadow, const char *name)
{
	struct shk_patch_promote arg = { .size = sizeof(arg) };
	int err = shk_name_set(arg.name, name);

	return err ? err : shk_ioctl(shadow->fd, SHK_PATCH_PROMOTE, &arg);
}

SHK_SAME_SIZE(shadowk_patch_info, shk_patch_info);
SHK_SAME(shadowk_patch_info, shk_patch_info, id);
SHK_SAME(shadowk_patch_info, shk_patch_info, kind);
SHK_SAME(shadowk_patch_info, shk_patch_info, flags);
SHK_SAME(shadowk_patch_info, shk_patch_info, index);
SHK_SAME(shadowk_patch_info, shk_patch_info, nr_functions);
SHK_SAME(shadowk_patch_info, shk_patch_info, addr);
SHK_SAME(shadowk_patch_info, shk_patch_info, offset);
SHK_SAME(shadowk_patch_info, shk_patch_info, value);
SHK_SAME(shadowk_patch_info, shk_patch_info, name);
SHK_SAME(shadowk_patch_info, shk_patch_info, symbol);
SHK_SAME(shadowk_patch_info, shk_patch_info, object);

int shadowk_patch_list(struct shadowk_shadow *shadow, uint64_t *cursor,
		       struct shadowk_patch_info *patches, size_t element_size, size_t nr)
{
	return shk_list(shadow->fd, SHK_PATCH_LIST, cursor, patches, element_size, nr);
}

_Static_assert(SHADOWK_CAPTURE_WORKLOAD == SHK_CAPTURE_WORKLOAD, "uapi");

int shadowk_capture(struct shadowk_shadow *helper, struct shadowk_shadow *target, uint32_t flags)
{
	struct shk_capture arg = { .size = sizeof(arg), .flags = flags, .target = target->fd };

	return shk_ioctl(helper->fd, SHK_CAPTURE, &arg);
}
