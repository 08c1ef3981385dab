// SPDX-License-Identifier: LGPL-2.1-only
/* Raw edits: text of the caller's own. */
#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_RAW_LEN == SHK_RAW_LEN, "uapi");
_Static_assert(SHADOWK_RAW_IDENTITY == SHK_RAW_IDENTITY, "uapi");

int shadowk_raw_parse(const char *text, struct shadowk_raw *raw)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec) };
	int err;

	if (!shk_size_ok(raw, symbol))
		return -EINVAL;
	err = shadowk_probe_parse(text, &spec);
	if (err)
		return err;
	raw->addr = spec.addr;
	raw->offset = spec.offset;
	memcpy(raw->symbol, spec.symbol, sizeof(raw->symbol));
	return 0;
}

int shadowk_raw_add(struct shadowk_shadow *shadow, struct shadowk_raw *raw)
{
	struct shk_raw_add arg = { .size = sizeof(arg) };
	int err;

	if (!shk_size_ok(raw, symbol))
		return -EINVAL;
	arg.flags = raw->flags;
	arg.addr = raw->addr;
	arg.offset = raw->offset;
	arg.len = raw->len;
	memcpy(arg.bytes, raw->bytes, sizeof(arg.bytes));
	memcpy(arg.symbol, raw->symbol, sizeof(arg.symbol));
	err = shk_ioctl(shadow->fd, SHK_RAW_ADD, &arg);
	if (err < 0)
		return err;
	raw->id = arg.id;
	return 0;
}

int shadowk_raw_remove(struct shadowk_shadow *shadow, uint64_t id)
{
	struct shk_raw_remove arg = { .size = sizeof(arg), .id = id };

	return shk_ioctl(shadow->fd, SHK_RAW_REMOVE, &arg);
}

int shadowk_raw_next(struct shadowk_shadow *shadow, struct shadowk_raw *raw)
{
	struct shk_raw_info in = { .size = sizeof(in), .id = raw->id + 1 };
	struct shadowk_raw out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(raw, symbol))
		return -EINVAL;
	err = shk_ioctl(shadow->fd, SHK_RAW_NEXT, &in);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	out.id = in.id;
	out.flags = in.flags;
	out.addr = in.addr;
	out.offset = in.offset;
	out.len = in.len;
	memcpy(out.bytes, in.bytes, sizeof(out.bytes));
	memcpy(out.symbol, in.symbol, sizeof(out.symbol));
	shk_copy_out(raw, &out, sizeof(out));
	return 1;
}
