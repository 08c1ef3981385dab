// SPDX-License-Identifier: LGPL-2.1-only
/* Reads the text of a shadow and the base's. */
#include <linux/shadowk.h>

#include "internal.h"

_Static_assert((int)SHADOWK_EDIT_HOOK == (int)SHK_EDIT_HOOK, "uapi");
_Static_assert((int)SHADOWK_EDIT_STRAY == (int)SHK_EDIT_STRAY, "uapi");
_Static_assert((int)SHADOWK_EDIT_LEN == (int)SHK_EDIT_LEN, "uapi");
_Static_assert((int)SHADOWK_TEXT_LEN == (int)SHK_TEXT_LEN, "uapi");

SHK_SAME_SIZE(shadowk_edit_info, shk_edit_info);
SHK_SAME(shadowk_edit_info, shk_edit_info, flags);
SHK_SAME(shadowk_edit_info, shk_edit_info, len);
SHK_SAME(shadowk_edit_info, shk_edit_info, addr);
SHK_SAME(shadowk_edit_info, shk_edit_info, offset);
SHK_SAME(shadowk_edit_info, shk_edit_info, base);
SHK_SAME(shadowk_edit_info, shk_edit_info, bytes);
SHK_SAME(shadowk_edit_info, shk_edit_info, symbol);

int shadowk_edit_list(struct shadowk_shadow *shadow, uint64_t *cursor,
		      struct shadowk_edit_info *edits, size_t element_size, size_t nr)
{
	return shk_list(shadow->fd, SHK_EDIT_LIST, cursor, edits, element_size, nr);
}

int shadowk_text_read(struct shadowk_shadow *shadow, struct shadowk_text *text)
{
	struct shk_text_read arg = { .size = sizeof(arg) };
	struct shadowk_text io;
	int err = SHK_COPY_IN(&io, text, symbol);

	if (err)
		return err;
	arg.addr = io.symbol[0] ? 0 : io.addr;
	arg.offset = io.offset;
	memcpy(arg.symbol, io.symbol, sizeof(arg.symbol));
	err = shk_ioctl(shadow->fd, SHK_TEXT_READ, &arg);
	if (err)
		return err;
	io.addr = arg.addr;
	io.offset = arg.offset;
	io.symbol_len = arg.symbol_len;
	io.len = arg.len;
	memcpy(io.base, arg.base, sizeof(io.base));
	memcpy(io.bytes, arg.bytes, sizeof(io.bytes));
	memcpy(io.symbol, arg.symbol, sizeof(io.symbol));
	shk_copy_out(text, &io, sizeof(io));
	return 0;
}
