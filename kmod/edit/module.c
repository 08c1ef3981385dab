// SPDX-License-Identifier: GPL-2.0-only
/* Finds the functions of patch modules, see include/shadowk_patch.h. */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/shadowk.h>
#include <linux/string.h>
#include <asm/text-patching.h>
#include <shadowk_patch.h>

#include "edit/patch.h"
#include "edit/probe.h"

/*
 * Returns the table of functions of the patch module @name, and takes a reference to the module
 * (.owner). Otherwise returns an ERR_PTR() of NO_PATCH_MODULE (no such module is loaded, or it is
 * no patch module) or PATCH_VERSION (it was built for another release). Does not sleep.
 */
static const struct shadowk_patch *module_get_patch(const char *name)
{
	char symbol[MODULE_NAME_LEN + sizeof(SHADOWK_PATCH_SYMBOL) + 1];
	const struct shadowk_patch *set;
	int ret = 0;

	if (strlen(name) >= MODULE_NAME_LEN)
		return ERR_PTR(SHK_E(NO_PATCH_MODULE));
	snprintf(symbol, sizeof(symbol), "%s:" SHADOWK_PATCH_SYMBOL, name);
	/* The kernel frees modules after a grace period, so this one exists until it is held. */
	preempt_disable();
	set = (const struct shadowk_patch *)shk_symbol_lookup(symbol);
	if (!set)
		ret = SHK_E(NO_PATCH_MODULE);
	else if (set->size != sizeof(*set) || set->func_size != sizeof(*set->funcs) ||
		 !set->owner || !within_module((unsigned long)set, set->owner))
		ret = SHK_E(PATCH_VERSION);
	else if (!shk_module_get_live(set->owner))
		ret = SHK_E(NO_PATCH_MODULE);
	preempt_enable();
	return ret ? ERR_PTR(ret) : set;
}

int shk_func_prepare(struct shk_patch *patch, const char *name, unsigned long pos,
		     unsigned long body, void **old)
{
	struct shk_func *func;
	unsigned long addr;
	int ret;

	strscpy(patch->symbol, name, sizeof(patch->symbol));
	ret = shk_symbol_nth(name, pos, &addr);
	if (ret)
		return ret;
	if (!within_module_core(body, patch->mod))
		return SHK_E(PATCH_VERSION);
	func = shk_func_add(patch, name, addr, body);
	if (IS_ERR(func))
		return PTR_ERR(func);
	if (!old)
		return 0;
	func->old = shk_old_get(shk_call(ftrace_location)(addr) + CALL_INSN_SIZE);
	if (!func->old)
		return SHK_E(NO_ROOM);
	/* All shadows that have the module store the same value. */
	WRITE_ONCE(*old, (void *)func->old);
	return 0;
}

int shk_module_prepare(struct shk_patch *patch)
{
	const struct shadowk_patch *set = module_get_patch(patch->object);
	u32 i;
	int ret;

	if (IS_ERR(set))
		return PTR_ERR(set);
	patch->mod = set->owner;
	__module_get(THIS_MODULE);
	for (i = 0; i < set->nr_funcs; i++) {
		const struct shadowk_patch_func *f = &set->funcs[i];

		ret = shk_func_prepare(patch, f->name, f->pos, (unsigned long)f->body, f->old);
		if (ret)
			return ret;
	}
	*patch->symbol = 0;
	return set->nr_funcs ? 0 : SHK_E(NO_FUNCTIONS);
}
