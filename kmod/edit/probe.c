// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds, removes and lists probes, and resolves the places and names of all kinds of edits.
 */
#include <linux/ctype.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <asm/ibt.h>

#include "edit/orc.h"
#include "edit/probe.h"
#include "hooks/hooks.h"

/* Returns the probe of @shadow with the id @id, or with the name @name if @id is 0; or NULL. */
static struct shk_probe *probe_find(struct shk_shadow *shadow, u64 id, const char *name)
{
	struct shk_probe *probe;

	list_for_each_entry (probe, &shadow->probes, node)
		if (id ? probe->id == id : !strcmp(probe->name, name))
			return probe;
	return NULL;
}

int shk_symbol_of(unsigned long addr, char *name, unsigned long *offset, unsigned long *size)
{
	char text[KSYM_SYMBOL_LEN], module[MODULE_NAME_LEN];
	char *plus;

	/* sprint_symbol() writes "name+0xOFF/0xSIZE", and " [module]" behind that for a module. */
	sprint_symbol(text, addr);
	plus = strrchr(text, '+');
	if (!plus)
		return SHK_E(NOT_TEXT);
	*plus = 0;
	switch (sscanf(plus + 1, "0x%lx/0x%lx [%55s", offset, size, module)) {
	case 2:
		strscpy(name, text, SHK_SYMBOL_LEN);
		return 0;
	case 3:
		strreplace(module, ']', 0);
		snprintf(name, SHK_SYMBOL_LEN, "%s:%s", module, text);
		return 0;
	default:
		return SHK_E(NOT_TEXT);
	}
}

/* Returns true if @addr is in text of the kernel image or of a module. */
static bool is_text(unsigned long addr)
{
	bool found = shk_is_kernel_text(addr);

	if (!found) {
		preempt_disable();
		found = shk_call(__module_text_address)(addr);
		preempt_enable();
	}
	return found;
}

int shk_location_resolve(const struct shk_location *place, char *symbol, unsigned long *addr,
			 unsigned long *offset, unsigned long *size)
{
	int ret;

	if (*place->symbol) {
		ret = shk_symbol_unique(place->symbol, addr);
		/* A function of the kernel image has precedence over those of modules. */
		if (ret == SHK_E(SYMBOL_UNKNOWN) && !strchr(place->symbol, ':'))
			ret = shk_symbol_in_modules(place->symbol, addr);
		if (ret)
			return ret;
		if (!is_text(*addr))
			return SHK_E(NOT_TEXT);
		ret = shk_symbol_of(*addr, symbol, offset, size);
		if (ret)
			return ret;
		if (place->offset >= *size)
			return SHK_E(PAST_SYMBOL);
		/* Several symbols may have this address: keep the name that the user has chosen. */
		if (shk_is_kernel_text(*addr))
			strscpy(symbol, place->symbol, SHK_SYMBOL_LEN);
		*addr += place->offset;
		*offset = place->offset;
		return 0;
	}
	*addr = place->addr;
	if (!is_text(*addr))
		return SHK_E(NOT_TEXT);
	return shk_symbol_of(*addr, symbol, offset, size);
}

/*
 * Returns true for functions that execute while CR3 changes. They are the same in all texts, even
 * where kprobes would accept a probe: CPUs begin them in one text and end them in another.
 */
static bool never_differs(const char *symbol)
{
	static const char *const names[] = {
		"__schedule",	      "__switch_to",	 "__switch_to_asm", "switch_mm",
		"switch_mm_irqs_off", "load_new_mm_cr3", "leave_mm",	    "native_write_cr3",
	};

	return match_string(names, ARRAY_SIZE(names), symbol) >= 0;
}

bool shk_location_may_differ(unsigned long addr, const char *symbol)
{
	return !shk_hooks_replace_body(symbol) && !never_differs(symbol) && !shk_thunk_at(addr);
}

int shk_name_choose(struct shk_shadow *shadow, char *name, const char *wish, const char *after,
		    bool (*taken)(struct shk_shadow *shadow, const char *name))
{
	unsigned int i;
	char *c;

	if (*wish) {
		if (!shk_name_valid(wish))
			return SHK_E(NAME_INVALID);
		if (taken(shadow, wish))
			return SHK_E(NAME_TAKEN);
		strscpy(name, wish, SHK_NAME_LEN);
		return 0;
	}
	for (i = 0; i <= shadow->nr_probes + shadow->nr_patches; i++) {
		/* Symbols may be longer than names. The last 8 bytes are for the number. */
		snprintf(name, SHK_NAME_LEN - 8, "%s", after);
		for (c = name; *c; c++)
			if (!isascii(*c) || (!isalnum(*c) && !strchr("._:-", *c)))
				*c = '_';
		if (i)
			sprintf(c, "-%u", i + 1);
		if (!taken(shadow, name))
			return 0;
	}
	return SHK_E(NAME_TAKEN);
}

/* Callback of shk_name_choose(). */
static bool probe_name_is_taken(struct shk_shadow *shadow, const char *name)
{
	return probe_find(shadow, 0, name);
}

/* Sets @probe->name to @wish, or to SYMBOL or SYMBOL-OFFSET. Returns as shk_name_choose(). */
static int probe_choose_name(struct shk_shadow *shadow, struct shk_probe *probe, const char *wish)
{
	char after[SHK_NAME_LEN];

	if (probe->offset)
		snprintf(after, sizeof(after), "%.*s-%llx", SHK_NAME_LEN - 26, probe->symbol,
			 probe->offset);
	else
		snprintf(after, sizeof(after), "%s", probe->symbol);
	return shk_name_choose(shadow, probe->name, wish, after, probe_name_is_taken);
}

/* Returns -EINVAL if @arg is malformed, else 0. */
static int probe_check_args(const struct shk_probe_add *arg)
{
	if (arg->flags & ~(SHK_PROBE_RETURN | SHK_PROBE_FORCE_INT3) || arg->reserved)
		return -EINVAL;
	if (arg->kind != SHK_PROBE_COUNT && arg->kind != SHK_PROBE_LATENCY &&
	    arg->kind != SHK_PROBE_EVENT)
		return -EINVAL;
	if (strnlen(arg->name, sizeof(arg->name)) == sizeof(arg->name) ||
	    strnlen(arg->symbol, sizeof(arg->symbol)) == sizeof(arg->symbol))
		return -EINVAL;
	if (!*arg->symbol == !arg->addr)
		return -EINVAL;
	if (arg->addr && arg->offset)
		return -EINVAL;
	return 0;
}

static bool probe_wants_return(const struct shk_probe *probe)
{
	return probe->kind == SHK_PROBE_LATENCY || probe->flags & SHK_PROBE_RETURN;
}

/*
 * Returns NO_RETURN if the unwinder knows of no return address at the stack pointer at @addr, else
 * 0. A return hook replaces the word there. .cold parts, ret_from_fork and assembly labels begin as
 * functions do, but without a return address there.
 */
static int probe_check_returns(unsigned long addr, const struct module *module)
{
	return shk_orc_is_entry(addr, module) ? 0 : SHK_E(NO_RETURN);
}

/*
 * Tells whether @probe can be at *@addr, in @module, which is held. Sets *@entry if that is a
 * function's entry, and moves *@addr behind an ENDBR there. Returns 0, NOT_ENTRY, NO_RETURN or
 * PAGE_EDGE.
 */
static int probe_check_place(struct shk_probe *probe, const struct module *module,
			     unsigned long *addr, bool *entry)
{
	/* An entry is the first byte, the byte behind an ENDBR, or the __fentry__ site. */
	if (!probe->offset && is_endbr(*(u32 *)*addr))
		*addr += ENDBR_INSN_SIZE;
	*entry = !probe->offset || shk_call(ftrace_location)(*addr) == *addr;
	if (probe_wants_return(probe) && !*entry)
		return SHK_E(NOT_ENTRY);
	if (!*entry && shk_at_page_edge(*addr, probe->offset))
		return SHK_E(PAGE_EDGE);
	return probe_wants_return(probe) ? probe_check_returns(*addr, module) : 0;
}

/*
 * Sets the members of @probe that @arg decides, *@addr to the place, and *@entry to whether that is
 * a function's entry. Returns 0 or an error that struct shk_probe_add lists for places.
 */
static int probe_resolve(const struct shk_probe_add *arg, struct shk_probe *probe,
			 unsigned long *addr, bool *entry)
{
	struct shk_location place = { arg->symbol, arg->addr, arg->offset };
	unsigned long offset, size;
	struct module *module;
	int ret;

	ret = shk_location_resolve(&place, probe->symbol, addr, &offset, &size);
	if (ret)
		return ret;
	if (!shk_location_may_differ(*addr, probe->symbol))
		return SHK_E(FORBIDDEN);
	probe->kind = arg->kind;
	probe->flags = arg->flags;
	probe->offset = offset;
	module = shk_module_get_at(*addr);
	if (IS_ERR(module))
		return PTR_ERR(module);
	ret = probe_check_place(probe, module, addr, entry);
	module_put(module);
	return ret;
}

int shk_probe_check(const struct shk_probe_add *arg)
{
	struct shk_probe *probe;
	unsigned long addr;
	bool entry;
	int ret = probe_check_args(arg);

	if (ret)
		return ret;
	probe = shk_probe_alloc();
	if (!probe)
		return -ENOMEM;
	ret = probe_resolve(arg, probe, &addr, &entry) ?: shk_site_check(addr);
	shk_probe_free(probe);
	return ret;
}

int shk_probe_add(struct shk_shadow *shadow, struct shk_probe_add *arg)
{
	struct shk_probe *probe;
	unsigned long addr;
	bool entry;
	int ret;

	ret = probe_check_args(arg);
	if (ret)
		return ret;
	probe = shk_probe_alloc();
	if (!probe)
		return -ENOMEM;
	ret = probe_resolve(arg, probe, &addr, &entry);
	if (ret)
		goto free;
	ret = shk_counts_alloc(probe);
	if (ret)
		goto free;
	if (probe->kind == SHK_PROBE_LATENCY) {
		ret = -ENOMEM;
		probe->histogram =
			alloc_percpu_gfp(struct shk_histogram, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!probe->histogram)
			goto free;
	}
	if (probe_wants_return(probe)) {
		ret = shk_returns_init(probe);
		if (ret)
			goto free;
	}

	ret = shk_shadow_lock(shadow);
	if (ret)
		goto returns;
	ret = shadow->dead ? SHK_E(SHADOW_DESTROYED) : probe_choose_name(shadow, probe, arg->name);
	if (!ret)
		ret = shk_site_add(shadow, probe, addr, entry);
	if (ret)
		goto unlock;
	probe->id = ++shadow->last_probe;
	probe->created_ns = ktime_get_ns();
	list_add_tail(&probe->node, &shadow->probes);
	shadow->nr_probes++;
	arg->id = probe->id;
	strscpy(arg->name, probe->name, sizeof(arg->name));
	shk_shadow_unlock(shadow);
	return 0;
unlock:
	shk_shadow_unlock(shadow);
returns:
	shk_returns_exit(probe);
free:
	shk_probe_free(probe);
	return ret;
}

/* Removes @probe from @shadow, which is locked. */
static void probe_remove(struct shk_shadow *shadow, struct shk_probe *probe)
{
	list_del(&probe->node);
	shadow->nr_probes--;
	shk_site_remove(probe);
}

int shk_probe_remove(struct shk_shadow *shadow, const struct shk_probe_remove *arg)
{
	struct shk_probe *probe;
	int ret;

	if (arg->flags || strnlen(arg->name, sizeof(arg->name)) == sizeof(arg->name) ||
	    !arg->id == !*arg->name)
		return -EINVAL;
	ret = shk_shadow_lock(shadow);
	if (ret)
		return ret;
	probe = probe_find(shadow, arg->id, arg->name);
	if (probe)
		probe_remove(shadow, probe);
	shk_shadow_unlock(shadow);
	return probe ? 0 : SHK_E(ID_UNKNOWN);
}

/* Adds the counters of all CPUs to @info, which is zero. Hits go on counting meanwhile. */
static void probe_sum_counts(const struct shk_probe *probe, struct shk_probe_info *info)
{
	s64 unreturned = 0;
	unsigned int i;
	int cpu;

	for_each_possible_cpu (cpu) {
		const struct shk_counts *counts = per_cpu_ptr(probe->counts, cpu);

		info->hits += READ_ONCE(counts->hits);
		info->async_hits += READ_ONCE(counts->async_hits);
		info->missed += READ_ONCE(counts->missed);
		info->latency_sum += READ_ONCE(counts->latency_sum);
		unreturned += READ_ONCE(counts->unreturned);
		for (i = 0; probe->histogram && i < SHK_HISTOGRAM_LEN; i++)
			info->histogram[i] +=
				READ_ONCE(per_cpu_ptr(probe->histogram, cpu)->slot[i]);
	}
	/*
	 * A call may be hooked on a CPU that was read already, and return on one that is read
	 * later. Then the sum is too small.
	 */
	info->unreturned = max_t(s64, unreturned, 0);
}

int shk_probe_next(struct shk_shadow *shadow, u64 *cursor, struct shk_probe_info *info,
		   bool show_addr)
{
	struct shk_probe *probe;
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	ret = -ENOENT;
	list_for_each_entry (probe, &shadow->probes, node) {
		if (probe->id <= *cursor)
			continue;
		*cursor = probe->id;
		*info = (struct shk_probe_info){
			.flags = probe->flags,
			.id = probe->id,
			.kind = probe->kind,
			.arm = probe->site->arm,
			.addr = show_addr ? probe->site->edit.addr : 0,
			.offset = probe->offset,
			.created_ns = probe->created_ns,
			.now_ns = ktime_get_ns(),
		};
		strscpy(info->name, probe->name, sizeof(info->name));
		strscpy(info->symbol, probe->symbol, sizeof(info->symbol));
		probe_sum_counts(probe, info);
		ret = 0;
		break;
	}
	shk_shadow_unlock(shadow);
	return ret;
}

void shk_probes_teardown(struct shk_shadow *shadow)
{
	struct shk_probe *probe, *next;

	lockdep_assert_held(&shadow->lock);
	list_for_each_entry_safe (probe, next, &shadow->probes, node)
		probe_remove(shadow, probe);
}
