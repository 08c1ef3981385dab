// SPDX-License-Identifier: GPL-2.0-only
/* Reads the unwinder's tables. The kernel's own lookup is a static function. */
#include <linux/module.h>
#include <linux/string.h>

#include "compat/symbols.h"
#include "edit/orc.h"

#if IS_ENABLED(CONFIG_UNWINDER_ORC)

/*
 * Returns the entry for @addr in the tables of @mod, or of the kernel image if @mod is NULL.
 * Returns NULL if all entries are for addresses above @addr.
 */
static const struct orc_entry *orc_find(unsigned long addr, const struct module *mod)
{
	const int *ips = (const int *)shk_symbols.orc_ips;
	const struct orc_entry *entries = (const struct orc_entry *)shk_symbols.orc_entries;
	unsigned int low = 0, high = (const int *)shk_symbols.orc_ips_end - ips;

	if (mod) {
		ips = mod->arch.orc_unwind_ip;
		entries = mod->arch.orc_unwind;
		high = mod->arch.num_orcs;
	}
	/* Find the last entry that begins at @addr or before. */
	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if ((unsigned long)&ips[mid] + ips[mid] <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &entries[low - 1] : NULL;
}

bool shk_orc_is_entry(unsigned long addr, const struct module *mod)
{
	const struct orc_entry *entry = orc_find(addr, mod);

	return entry && shk_orc_is_call(entry) && entry->sp_reg == ORC_REG_SP &&
	       entry->sp_offset == sizeof(unsigned long);
}

bool shk_orc_same(unsigned long a, const struct module *a_mod, unsigned long b,
		  const struct module *b_mod)
{
	const struct orc_entry *at_a = orc_find(a, a_mod), *at_b = orc_find(b, b_mod);

	return at_a && at_b && !memcmp(at_a, at_b, sizeof(*at_a));
}

#else

bool shk_orc_is_entry(unsigned long addr, const struct module *mod)
{
	return shk_call(ftrace_location)(addr) == addr;
}

bool shk_orc_same(unsigned long a, const struct module *a_mod, unsigned long b,
		  const struct module *b_mod)
{
	return false;
}

#endif
