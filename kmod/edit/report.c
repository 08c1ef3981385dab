// SPDX-License-Identifier: GPL-2.0-only
/* What a shadow's text has, told by symbols. */
#include <linux/string.h>

#include "edit/probe.h"
#include "edit/report.h"
#include "hooks/hooks.h"

int shk_edit_next(struct shk_shadow *shadow, struct shk_edit_info *info, bool show_addr)
{
	unsigned long from = shk_symbols.text + info->cursor, symbol_len, offset = 0;
	struct shk_difference difference;

	BUILD_BUG_ON(SHK_EDIT_LEN != SHK_EDIT_MAX);
	if (info->flags || info->reserved || from < shk_symbols.text)
		return -EINVAL;
	if (!shk_text_next_difference(&shadow->text, from, &difference))
		return -ENOENT;
	*info = (struct shk_edit_info){ .size = info->size, .len = difference.len };
	/* What is between functions has no symbol. */
	shk_symbol_of(difference.addr, info->symbol, &offset, &symbol_len);
	info->offset = offset;
	info->cursor = difference.addr + difference.len - shk_symbols.text;
	if (shk_is_hook_at(difference.addr))
		info->flags |= SHK_EDIT_HOOK;
	if (difference.stray)
		info->flags |= SHK_EDIT_STRAY;
	if (!show_addr)
		return 0;
	info->addr = difference.addr;
	memcpy(info->base, difference.base, difference.len);
	memcpy(info->bytes, difference.bytes, difference.len);
	return 0;
}

int shk_text_report(struct shk_shadow *shadow, struct shk_text_info *info)
{
	unsigned long addr, offset, symbol_len;
	char name[SHK_SYMBOL_LEN];
	struct shk_location place;
	int ret;

	if (info->flags || info->reserved || info->len || info->symbol_len)
		return -EINVAL;
	if (strnlen(info->symbol, sizeof(info->symbol)) == sizeof(info->symbol) ||
	    !*info->symbol == !info->addr)
		return -EINVAL;
	place = (struct shk_location){
		.symbol = info->symbol,
		.addr = info->addr + (*info->symbol ? 0 : info->offset),
		.offset = *info->symbol ? info->offset : 0,
	};
	ret = shk_location_resolve(&place, name, &addr, &offset, &symbol_len);
	if (ret)
		return ret;
	strscpy(info->symbol, name, sizeof(info->symbol));
	info->addr = addr;
	info->offset = offset;
	info->symbol_len = symbol_len;
	info->len = shk_text_read(&shadow->text, addr, SHK_TEXT_LEN, info->base, info->bytes);
	return info->len ? 0 : -ERANGE;
}
