// SPDX-License-Identifier: LGPL-2.1-only
/* What a shadow's text has that the base's has not. */
#include <linux/shadowk.h>

#include "internal.h"

_Static_assert((int)SHADOWK_EDIT_HOOK == (int)SHK_EDIT_HOOK, "uapi");
_Static_assert((int)SHADOWK_EDIT_STRAY == (int)SHK_EDIT_STRAY, "uapi");
_Static_assert((int)SHADOWK_EDIT_LEN == (int)SHK_EDIT_LEN, "uapi");
_Static_assert((int)SHADOWK_TEXT_LEN == (int)SHK_TEXT_LEN, "uapi");

int shadowk_edit_next(struct shadowk_shadow *shadow, struct shadowk_edit_info *info)
{
	struct shk_edit_info in = { .size = sizeof(in) };
	struct shadowk_edit_info out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(info, symbol))
		return -EINVAL;
	in.cursor = info->cursor;
	err = shk_ioctl(shadow->fd, SHK_EDIT_NEXT, &in);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	out.cursor = in.cursor;
	out.addr = in.addr;
	out.offset = in.offset;
	out.flags = in.flags;
	out.len = in.len;
	memcpy(out.base, in.base, sizeof(out.base));
	memcpy(out.bytes, in.bytes, sizeof(out.bytes));
	memcpy(out.symbol, in.symbol, sizeof(out.symbol));
	shk_copy_out(info, &out, sizeof(out));
	return 1;
}

int shadowk_text_read(struct shadowk_shadow *shadow, struct shadowk_text *text)
{
	struct shk_text_info arg = { .size = sizeof(arg) };
	int err;

	if (!shk_size_ok(text, symbol))
		return -EINVAL;
	arg.addr = text->symbol[0] ? 0 : text->addr;
	arg.offset = text->offset;
	memcpy(arg.symbol, text->symbol, sizeof(arg.symbol));
	err = shk_ioctl(shadow->fd, SHK_TEXT_READ, &arg);
	if (err < 0)
		return err;
	text->addr = arg.addr;
	text->offset = arg.offset;
	text->symbol_len = arg.symbol_len;
	text->len = arg.len;
	memcpy(text->base, arg.base, sizeof(text->base));
	memcpy(text->bytes, arg.bytes, sizeof(text->bytes));
	memcpy(text->symbol, arg.symbol, sizeof(text->symbol));
	return 0;
}
