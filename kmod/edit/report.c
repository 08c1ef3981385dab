// SPDX-License-Identifier: GPL-2.0-only
/* Reports differences and bytes of a shadow's text, by symbols. */
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/string.h>

#include "edit/probe.h"
#include "edit/report.h"
#include "hooks/hooks.h"

/*
 * Key of cursors. A cursor of SHK_EDIT_LIST stands for an address, which user space may not learn.
 * A Feistel network with this key turns the address into an opaque number and back.
 */
static siphash_key_t cursor_key __ro_after_init;

#define CURSOR_ROUNDS 4

/* Returns the cursor that stands for @addr. */
static u64 cursor_of(u64 addr)
{
	u32 left = upper_32_bits(addr), right = lower_32_bits(addr), next;
	int i;

	for (i = 0; i < CURSOR_ROUNDS; i++) {
		next = left ^ (u32)siphash_2u32(i, right, &cursor_key);
		left = right;
		right = next;
	}
	return (u64)left << 32 | right;
}

/* Returns the address that @cursor stands for. */
static u64 cursor_addr(u64 cursor)
{
	u32 left = upper_32_bits(cursor), right = lower_32_bits(cursor), previous;
	int i;

	for (i = CURSOR_ROUNDS - 1; i >= 0; i--) {
		previous = right ^ (u32)siphash_2u32(i, left, &cursor_key);
		right = left;
		left = previous;
	}
	return (u64)left << 32 | right;
}

void __init shk_cursors_init(void)
{
	get_random_bytes(&cursor_key, sizeof(cursor_key));
}

int shk_edit_next(struct shk_shadow *shadow, u64 *cursor, struct shk_edit_info *info,
		  bool show_addr)
{
	unsigned long from = shk_symbols.text, symbol_len, offset = 0;
	struct shk_difference difference;

	BUILD_BUG_ON(SHK_EDIT_LEN != SHK_EDIT_MAX);
	if (*cursor)
		from = cursor_addr(*cursor);
	if (from < shk_symbols.text)
		return -EINVAL;
	if (!shk_text_next_difference(&shadow->text, from, &difference))
		return fatal_signal_pending(current) ? -ERESTARTSYS : -ENOENT;
	info->len = difference.len;
	/* Leaves the symbol "" between functions. */
	shk_symbol_of(difference.addr, info->symbol, &offset, &symbol_len);
	info->offset = offset;
	*cursor = cursor_of(difference.addr + difference.len);
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

int shk_text_report(struct shk_shadow *shadow, struct shk_text_read *info)
{
	unsigned long addr, offset, symbol_len;
	char name[SHK_SYMBOL_LEN];
	struct shk_location place;
	int ret;

	if (info->flags || info->reserved)
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
	memset(info->base, 0, sizeof(info->base));
	memset(info->bytes, 0, sizeof(info->bytes));
	info->len = shk_text_read(&shadow->text, addr, SHK_TEXT_LEN, info->base, info->bytes);
	return info->len ? 0 : SHK_E(NOT_TEXT);
}
