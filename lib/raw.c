// SPDX-License-Identifier: LGPL-2.1-only
/* Raw edits: single instructions, and private pages with the bytes of the base. */
#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_RAW_LEN == SHK_RAW_LEN, "uapi");
_Static_assert(SHADOWK_RAW_IDENTITY == SHK_RAW_IDENTITY, "uapi");

int shadowk_raw_parse(const char *text, struct shadowk_raw_spec *spec)
{
	struct shadowk_raw_spec checked;
	int err = SHK_COPY_IN(&checked, spec, symbol);

	return err ? err : shk_place_parse(text, &spec->addr, &spec->offset, spec->symbol);
}

int shadowk_raw_add(struct shadowk_shadow *shadow, struct shadowk_raw_spec *spec)
{
	struct shk_raw_add arg = { .size = sizeof(arg) };
	struct shadowk_raw_spec in;
	int err = SHK_COPY_IN(&in, spec, symbol);

	if (err)
		return err;
	if (in.reserved)
		return shk_return(-EINVAL, 0);
	arg.flags = in.flags;
	arg.addr = in.addr;
	arg.offset = in.offset;
	arg.len = in.len;
	memcpy(arg.bytes, in.bytes, sizeof(arg.bytes));
	memcpy(arg.symbol, in.symbol, sizeof(arg.symbol));
	err = shk_ioctl(shadow->fd, SHK_RAW_ADD, &arg);
	if (!err)
		spec->id = arg.id;
	return err;
}

int shadowk_raw_remove(struct shadowk_shadow *shadow, uint64_t id)
{
	struct shk_raw_remove arg = { .size = sizeof(arg), .id = id };

	return shk_ioctl(shadow->fd, SHK_RAW_REMOVE, &arg);
}

SHK_SAME_SIZE(shadowk_raw_info, shk_raw_info);
SHK_SAME(shadowk_raw_info, shk_raw_info, id);
SHK_SAME(shadowk_raw_info, shk_raw_info, flags);
SHK_SAME(shadowk_raw_info, shk_raw_info, addr);
SHK_SAME(shadowk_raw_info, shk_raw_info, offset);
SHK_SAME(shadowk_raw_info, shk_raw_info, len);
SHK_SAME(shadowk_raw_info, shk_raw_info, bytes);
SHK_SAME(shadowk_raw_info, shk_raw_info, symbol);

int shadowk_raw_list(struct shadowk_shadow *shadow, uint64_t *cursor, struct shadowk_raw_info *raws,
		     size_t element_size, size_t nr)
{
	return shk_list(shadow->fd, SHK_RAW_LIST, cursor, raws, element_size, nr);
}
