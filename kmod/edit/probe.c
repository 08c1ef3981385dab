// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds, removes and lists probes, and resolves the places and names of all kinds of edits.
 */
#include <linux/ctype.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <asm/ibt.h>

#include "edit/capture.h"
#include "edit/orc.h"
#include "edit/probe.h"
#include "edit/returns.h"
#include "edit/tracepoint.h"
#include "hooks/hooks.h"

#define MIN_NAMES 16

/*
 * Returns the bucket of @shadow->probe_names, the hash table of the probes by name, for @name. The
 * caller has allocated the buckets (names_reserve()), and holds the shadow's lock.
 */
static struct hlist_head *names_list(struct shk_shadow *shadow, const char *name)
{
	u32 hash = full_name_hash(NULL, name, strlen(name));

	return &shadow->probe_names[hash & (shadow->nr_probe_names - 1)];
}

/*
 * Doubles the number of buckets of @shadow->probe_names. The shadow's lock is held; sleeps. Returns
 * 0 or -ENOMEM.
 */
static int names_grow(struct shk_shadow *shadow)
{
	unsigned int nr = max_t(unsigned int, MIN_NAMES, 2 * shadow->nr_probe_names);
	struct hlist_head *names = kvcalloc(nr, sizeof(*names), GFP_KERNEL_ACCOUNT);
	struct shk_probe *probe;
	unsigned long id;

	if (!names)
		return -ENOMEM;
	kvfree(shadow->probe_names);
	shadow->probe_names = names;
	shadow->nr_probe_names = nr;
	xa_for_each(&shadow->probes, id, probe)
		hlist_add_head(&probe->by_name, names_list(shadow, probe->name));
	return 0;
}

/*
 * Ensures that @shadow->probe_names has a bucket for the name of one more probe. The shadow's lock
 * is held; sleeps. Returns 0 or -ENOMEM.
 */
static int names_reserve(struct shk_shadow *shadow)
{
	if (shadow->nr_probes < shadow->nr_probe_names)
		return 0;
	return names_grow(shadow);
}

/* Frees the buckets of @shadow->probe_names if @shadow has no probe. The shadow's lock is held. */
static void names_release(struct shk_shadow *shadow)
{
	if (shadow->nr_probes)
		return;
	kvfree(shadow->probe_names);
	shadow->probe_names = NULL;
	shadow->nr_probe_names = 0;
}

/* Returns the probe of @shadow with the name @name, or NULL. The shadow's lock is held. */
static struct shk_probe *probe_find_name(struct shk_shadow *shadow, const char *name)
{
	struct shk_probe *probe;

	if (!shadow->nr_probe_names)
		return NULL;
	hlist_for_each_entry (probe, names_list(shadow, name), by_name)
		if (!strcmp(probe->name, name))
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

/*
 * Returns true if @addr is in text of the kernel image or of a module. Needs no lock; the module
 * may be unloaded at any time.
 */
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
 * Returns true if the function @symbol executes while CR3 changes. Such functions are the same in
 * all texts, even where kprobes would accept a probe: CPUs begin them in one text and end them in
 * another.
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

/*
 * Returns true if a probe of @shadow has @name. Callback of shk_name_choose(). The shadow's lock is
 * held.
 */
static bool probe_name_is_taken(struct shk_shadow *shadow, const char *name)
{
	return probe_find_name(shadow, name);
}

/*
 * Sets @probe->name to @wish, or, if @wish is "", to SYMBOL or SYMBOL-OFFSET. The shadow's lock is
 * held. Returns 0; NAME_INVALID: @wish is no valid name; NAME_TAKEN: another probe of the shadow
 * has it.
 */
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

/* Returns true if a probe of @kind with @flags hooks the return of a function. */
static bool wants_return(u32 kind, u32 flags)
{
	return kind == SHK_PROBE_LATENCY || kind == SHK_PROBE_CALL || flags & SHK_PROBE_RETURN;
}

/* Returns true if the kind and flags of @arg permit @condition. */
static bool condition_is_valid(const struct shk_probe_add *arg,
			       const struct shk_condition *condition)
{
	switch (condition->of) {
	case SHK_OF_DURATION:
		if (arg->kind != SHK_PROBE_LATENCY && arg->kind != SHK_PROBE_CALL)
			return false;
		break;
	case SHK_OF_RETURN:
		if (!wants_return(arg->kind, arg->flags))
			return false;
		break;
	default:
		if (condition->of > SHK_OF_ARG6)
			return false;
	}
	return condition->op >= SHK_OP_EQ && condition->op <= SHK_OP_AND &&
	       is_power_of_2(condition->bytes) && condition->bytes <= sizeof(u64) &&
	       condition->is_signed <= 1 && !condition->reserved;
}

/* Returns -EINVAL if the conditions of @arg are malformed, else 0. */
static int probe_check_conditions(const struct shk_probe_add *arg)
{
	unsigned int i;

	if (arg->reserved || arg->nr_conditions > SHK_CONDITIONS_MAX ||
	    memchr_inv(&arg->conditions[arg->nr_conditions], 0,
		       (SHK_CONDITIONS_MAX - arg->nr_conditions) * sizeof(arg->conditions[0])))
		return -EINVAL;
	for (i = 0; i < arg->nr_conditions; i++)
		if (!condition_is_valid(arg, &arg->conditions[i]))
			return -EINVAL;
	return 0;
}

/*
 * Sets @probe->conditions to a copy of the conditions of @arg, those on arguments first. Sleeps.
 * Returns 0 or -ENOMEM.
 */
static int probe_set_conditions(struct shk_probe *probe, const struct shk_probe_add *arg)
{
	struct shk_conditions *conditions;
	unsigned int i, pass;

	if (!arg->nr_conditions)
		return 0;
	conditions = kzalloc(sizeof(*conditions), GFP_KERNEL_ACCOUNT);
	if (!conditions)
		return -ENOMEM;
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < arg->nr_conditions; i++)
			if (pass == (arg->conditions[i].of > SHK_OF_ARG6))
				conditions->condition[conditions->nr++] = arg->conditions[i];
		if (!pass)
			conditions->nr_args = conditions->nr;
	}
	probe->conditions = conditions;
	return 0;
}

/*
 * Returns false if @arg is for a tracepoint (SHK_PROBE_TRACEPOINT), and has a kind, flag, offset or
 * condition that such a probe cannot have.
 */
static bool tracepoint_args_are_valid(const struct shk_probe_add *arg)
{
	if (!(arg->flags & SHK_PROBE_TRACEPOINT))
		return true;
	return arg->kind == SHK_PROBE_COUNT && *arg->symbol && !arg->offset &&
	       !(arg->flags & (SHK_PROBE_RETURN | SHK_PROBE_BELOW)) && !arg->nr_conditions;
}

/* Returns -EINVAL if @arg is malformed, else 0. */
static int probe_check_args(const struct shk_probe_add *arg)
{
	const u32 flags = SHK_PROBE_RETURN | SHK_PROBE_FORCE_INT3 | SHK_PROBE_BELOW |
			  SHK_PROBE_TRACEPOINT;

	if (arg->flags & ~flags || arg->calls > SHK_CALLS_MAX)
		return -EINVAL;
	if (arg->kind < SHK_PROBE_COUNT || arg->kind > SHK_PROBE_CALL)
		return -EINVAL;
	if (strnlen(arg->name, sizeof(arg->name)) == sizeof(arg->name) ||
	    strnlen(arg->symbol, sizeof(arg->symbol)) == sizeof(arg->symbol))
		return -EINVAL;
	if (!*arg->symbol == !arg->addr)
		return -EINVAL;
	if ((arg->addr && arg->offset) || !tracepoint_args_are_valid(arg))
		return -EINVAL;
	return probe_check_conditions(arg);
}

bool shk_probe_wants_return(const struct shk_probe *probe)
{
	return wants_return(probe->kind, probe->flags);
}

/*
 * Returns 0 if the stack pointer points to a return address when the instruction at @addr is about
 * to execute. Otherwise returns NO_RETURN: a return hook would replace another word. .cold parts,
 * ret_from_fork and assembly labels begin as functions do, but without a return address there.
 */
static int probe_check_returns(unsigned long addr, const struct module *module)
{
	return shk_orc_is_entry(addr, module) ? 0 : SHK_E(NO_RETURN);
}

/*
 * Tells whether @probe can be at *@addr, in @module. The caller holds a reference to @module,
 * unless it is NULL. Sets *@entry if the place is a function's entry, and moves *@addr behind an
 * ENDBR there. Returns 0 or
 *   NOT_ENTRY   a return is to be hooked, and the place is no entry
 *   NO_RETURN   a return is to be hooked, and no return address is on the stack there
 *   PAGE_EDGE   a jump there could lie in two pages
 */
static int probe_check_place(struct shk_probe *probe, const struct module *module,
			     unsigned long *addr, bool *entry)
{
	/* An entry is the first byte, the byte behind an ENDBR, or the __fentry__ site. */
	if (!probe->offset && shk_is_endbr(*addr))
		*addr += ENDBR_INSN_SIZE;
	*entry = !probe->offset || shk_call(ftrace_location)(*addr) == *addr;
	if (shk_probe_wants_return(probe) && !*entry)
		return SHK_E(NOT_ENTRY);
	if (!*entry && shk_at_page_edge(*addr, probe->offset))
		return SHK_E(PAGE_EDGE);
	return shk_probe_wants_return(probe) ? probe_check_returns(*addr, module) : 0;
}

/*
 * Finds the place of the tracepoint that @arg names, and sets the members of the probe of @new that
 * @arg decides, and @new->addr. Sleeps. Returns 0, -ENOMEM, or an error of
 * shk_tracepoint_resolve().
 */
static int probe_resolve_tracepoint(const struct shk_probe_add *arg, struct shk_new_probe *new)
{
	struct shk_probe *probe = new->probe;

	probe->symbol = kstrdup(arg->symbol, GFP_KERNEL_ACCOUNT);
	if (!probe->symbol)
		return -ENOMEM;
	probe->kind = arg->kind;
	probe->flags = arg->flags;
	return shk_tracepoint_resolve(probe, arg->symbol, &new->addr);
}

/*
 * Finds the place that @arg names, and checks that the probe of @new can be there. Sets the members
 * of the probe that @arg decides, and .addr and .entry of @new. Sets .module, a reference that the
 * caller drops, also after an error. Returns 0 or an error that struct shk_probe_add lists for
 * places.
 */
static int probe_resolve(const struct shk_probe_add *arg, struct shk_new_probe *new)
{
	struct shk_probe *probe = new->probe;
	struct shk_location place = { arg->symbol, arg->addr, arg->offset };
	unsigned long offset, size;
	char symbol[SHK_SYMBOL_LEN];
	struct module *module;
	int ret;

	if (arg->flags & SHK_PROBE_TRACEPOINT)
		return probe_resolve_tracepoint(arg, new);
	ret = shk_location_resolve(&place, symbol, &new->addr, &offset, &size);
	if (ret)
		return ret;
	if (!shk_location_may_differ(new->addr, symbol))
		return SHK_E(FORBIDDEN);
	probe->symbol = kstrdup(symbol, GFP_KERNEL_ACCOUNT);
	if (!probe->symbol)
		return -ENOMEM;
	probe->kind = arg->kind;
	probe->flags = arg->flags;
	probe->offset = offset;
	module = shk_module_get_at(new->addr);
	if (IS_ERR(module))
		return PTR_ERR(module);
	new->module = module;
	return probe_check_place(probe, module, &new->addr, &new->entry);
}

int shk_probe_check(const struct shk_probe_add *arg)
{
	struct shk_new_probe new = {};
	int ret = probe_check_args(arg);

	if (ret)
		return ret;
	new.probe = shk_probe_alloc();
	if (!new.probe)
		return -ENOMEM;
	ret = probe_resolve(arg, &new) ?: shk_site_check(new.addr, new.probe);
	module_put(new.module);
	shk_probe_free(new.probe);
	return ret;
}

/*
 * Allocates the probe that @arg describes, with its counters, histogram and hooks of returns, and
 * finds its place. Arms nothing. Sets all members of @new. After an error @new->err is set, and
 * @new->probe is NULL. @new->module has a reference, so that no other module's text can be at the
 * place when the probe is armed. Takes no lock of a shadow; sleeps.
 */
static void probe_create(struct shk_shadow *shadow, const struct shk_probe_add *arg,
			 struct shk_new_probe *new)
{
	struct shk_probe *probe = shk_probe_alloc();
	bool plain;

	*new = (struct shk_new_probe){ .probe = probe, .name = arg->name, .err = -ENOMEM };
	if (!probe)
		return;
	new->err = probe_resolve(arg, new)
			   ?: probe_set_conditions(probe, arg)
			   ?: shk_counts_alloc(probe);
	if (!new->err && probe->kind == SHK_PROBE_LATENCY) {
		probe->histogram =
			alloc_percpu_gfp(struct shk_histogram, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		new->err = probe->histogram ? 0 : -ENOMEM;
	}
	if (!new->err && shk_probe_wants_return(probe) && arg->calls) {
		probe->returns = shk_returns_create(shadow, arg->calls);
		probe->own_returns = probe->returns;
		new->err = probe->returns ? 0 : -ENOMEM;
	}
	plain = !probe->conditions && !(probe->flags & (SHK_PROBE_RETURN | SHK_PROBE_BELOW));
	probe->plain = plain && probe->kind == SHK_PROBE_COUNT;
	probe->plain_event = plain && probe->kind == SHK_PROBE_EVENT;
	if (!new->err)
		return;
	shk_probe_free(probe);
	new->probe = NULL;
}

/*
 * Frees the probe of @new, if it is not NULL, and sets it to NULL. The caller ensures that the
 * probe is in no list and has never been armed. Sleeps.
 */
static void probe_cancel(struct shk_new_probe *new)
{
	if (!new->probe)
		return;
	shk_probe_free(new->probe);
	new->probe = NULL;
}

/*
 * Gives @probe its id and its name, and adds it to the probes of @shadow. Does not arm it. The
 * shadow's lock is held; sleeps. @name: the wanted name; "": one is made. Returns 0, NAME_INVALID,
 * NAME_TAKEN or -ENOMEM.
 */
static int probe_register(struct shk_shadow *shadow, struct shk_probe *probe, const char *name)
{
	int ret = names_reserve(shadow) ?: probe_choose_name(shadow, probe, name);

	probe->name_len = strlen(probe->name) + 1;
	probe->name_size = shk_name_size(probe->name_len);
	probe->created_ns = ktime_get_ns();
	ret = ret ?: xa_insert(&shadow->probes, shadow->last_probe + 1, probe, GFP_KERNEL_ACCOUNT);
	if (ret) {
		names_release(shadow);
		return ret;
	}
	probe->id = ++shadow->last_probe;
	hlist_add_head(&probe->by_name, names_list(shadow, probe->name));
	shadow->nr_probes++;
	return 0;
}

/*
 * Removes @probe from the lists of @shadow, by id and by name. It stays armed. The shadow's lock is
 * held. The caller disarms it.
 */
static void probe_unregister(struct shk_shadow *shadow, struct shk_probe *probe)
{
	xa_erase(&shadow->probes, probe->id);
	hlist_del(&probe->by_name);
	shadow->nr_probes--;
	names_release(shadow);
}

/*
 * Disarms @probe, which is armed in @shadow, and queues it for the worker that frees it. The
 * shadow's lock is held; sleeps.
 */
static void probe_remove(struct shk_shadow *shadow, struct shk_probe *probe)
{
	shk_tracepoint_disarm(shadow, probe);
	shk_site_remove(probe);
}

/*
 * Enables the tracepoints of those probes of @new that are of tracepoints, in @shadow only. Their
 * sites are armed. If that fails for a probe, removes it, sets its .err, and sets .probe to NULL.
 * The shadow's lock is held; sleeps.
 */
static void probes_arm_tracepoints(struct shk_shadow *shadow, struct shk_new_probe *new,
				   unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!new[i].probe || new[i].err)
			continue;
		new[i].err = shk_tracepoint_arm(shadow, new[i].probe);
		if (!new[i].err)
			continue;
		probe_unregister(shadow, new[i].probe);
		shk_site_remove(new[i].probe);
		new[i].probe = NULL;
	}
}

/*
 * Gives the probes of the @nr elements of @new their ids and names, and arms them in @shadow. If
 * that fails for a probe, frees it, sets its .err, and sets .probe to NULL. The shadow's lock is
 * held; sleeps. Returns the number of probes that were added.
 */
static unsigned int probes_add_locked(struct shk_shadow *shadow, struct shk_new_probe *new,
				      unsigned int nr)
{
	unsigned int i, added = 0;

	for (i = 0; i < nr; i++) {
		if (!new[i].probe)
			continue;
		new[i].err = probe_register(shadow, new[i].probe, new[i].name);
		if (new[i].err)
			probe_cancel(&new[i]);
	}
	shk_sites_add(shadow, new, nr);
	probes_arm_tracepoints(shadow, new, nr);
	for (i = 0; i < nr; i++) {
		if (!new[i].probe)
			continue;
		added += !new[i].err;
		if (!new[i].err)
			continue;
		probe_unregister(shadow, new[i].probe);
		probe_cancel(&new[i]);
	}
	return added;
}

/*
 * Removes the probes of the @nr elements of @new, which are armed, from @shadow, and queues them
 * for the worker that frees them. Leaves out elements without a probe. The shadow's lock is held;
 * sleeps.
 */
static void probes_undo(struct shk_shadow *shadow, struct shk_new_probe *new, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!new[i].probe)
			continue;
		probe_unregister(shadow, new[i].probe);
		probe_remove(shadow, new[i].probe);
	}
}

/*
 * Returns the first .err of the @nr elements of @new, or 0. @skip: leaves out errors with a reason
 * (compat/reason.h), as SHK_PROBES_SKIP demands.
 */
static int probes_error(const struct shk_new_probe *new, unsigned int nr, bool skip)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (new[i].err && !(skip && shk_reason(new[i].err)))
			return new[i].err;
	return 0;
}

/*
 * Writes the results of the @nr elements of @new to @args: .id and .name of the probes that were
 * added, .reason of the others.
 */
static void probes_put_results(struct shk_probe_add *args, const struct shk_new_probe *new,
			       unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct shk_probe *probe = new[i].probe;

		args[i].reason = shk_reason(new[i].err);
		args[i].busy = 0;
		args[i].id = probe ? probe->id : 0;
		/* The name of a refused probe stays: the caller may try again. */
		if (probe)
			strscpy(args[i].name, probe->name, sizeof(args[i].name));
	}
}

/*
 * Adds probes to @shadow, one for each of the @nr elements of @args, and writes the results to
 * @args. The caller has checked @args (probe_check_args()). This function fills the @nr elements of
 * @new; afterwards the caller drops the reference .module of each, also after an error.
 *
 * Takes the shadow's lock; sleeps. Returns the number of probes that were added, or an error of
 * shk_probes_add(), after which none is added.
 */
static int probes_add(struct shk_shadow *shadow, struct shk_probe_add *args,
		      struct shk_new_probe *new, unsigned int nr)
{
	unsigned int i, added = 0;
	int ret = 0;

	for (i = 0; i < nr; i++) {
		probe_create(shadow, &args[i], &new[i]);
		cond_resched();
	}
	ret = probes_error(new, nr, true) ?: shk_shadow_lock(shadow);
	if (ret)
		goto cancel;
	if (shadow->dead) {
		ret = SHK_E(SHADOW_DESTROYED);
	} else {
		added = probes_add_locked(shadow, new, nr);
		ret = probes_error(new, nr, true);
		if (ret)
			probes_undo(shadow, new, nr);
		else
			probes_put_results(args, new, nr);
	}
	shk_shadow_unlock(shadow);
	if (ret != SHK_E(SHADOW_DESTROYED))
		return ret ?: added;
cancel:
	for (i = 0; i < nr; i++)
		probe_cancel(&new[i]);
	return ret;
}

int shk_probes_add(struct shk_shadow *shadow, struct shk_probe_add *args, unsigned int nr)
{
	struct shk_new_probe one, *new = &one;
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = probe_check_args(&args[i]);
		if (ret)
			return ret;
	}
	if (nr > 1)
		new = kmalloc_array(nr, sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	ret = probes_add(shadow, args, new, nr);
	for (i = 0; i < nr; i++)
		module_put(new[i].module);
	if (new != &one)
		kfree(new);
	return ret;
}

int shk_probe_add(struct shk_shadow *shadow, struct shk_probe_add *arg)
{
	int added = shk_probes_add(shadow, arg, 1);

	if (added < 0)
		return added;
	return added ? 0 : -(int)(SHK_REASON_BASE + arg->reason);
}

/*
 * Arms the probe of @new, a guard, and adds it to @shadow->guards: no call lists or removes it. If
 * that fails, stores the error in @new->err, and frees the probe. The shadow's lock is held;
 * sleeps.
 */
static void probe_add_guard(struct shk_shadow *shadow, struct shk_new_probe *new)
{
	shk_sites_add(shadow, new, 1);
	if (!new->err)
		hlist_add_head(&new->probe->by_name, &shadow->guards);
	else
		probe_cancel(new);
}

void shk_guards_remove_locked(struct shk_shadow *shadow)
{
	struct shk_probe *probe;
	struct hlist_node *next;

	lockdep_assert_held(&shadow->lock);
	hlist_for_each_entry_safe(probe, next, &shadow->guards, by_name)
	{
		hlist_del(&probe->by_name);
		shk_site_remove(probe);
	}
}

/*
 * Sets @arg to the description of a probe whose hits call what @captured describes. @addr: the
 * instruction, or the ftrace site; not used for a tracepoint. Where a call cannot be put at a site,
 * a breakpoint is put behind it. Only these two save all registers.
 */
static void capture_describe(const struct shk_captured *captured, unsigned long addr,
			     struct shk_probe_add *arg)
{
	arg->kind = SHK_PROBE_COUNT;
	if (captured->tracepoint) {
		arg->flags = SHK_PROBE_TRACEPOINT;
		strscpy(arg->symbol, captured->tracepoint->name, sizeof(arg->symbol));
		return;
	}
	arg->addr = addr;
	arg->flags = captured->ftrace && !shk_is_hook_at(addr) && !shk_branch_spans_pages(addr)
			     ? 0
			     : SHK_PROBE_FORCE_INT3;
}

/*
 * Creates a probe as capture_describe() describes it, with a reference to @captured. Arms nothing.
 * Sets all members of @new, as probe_create() does. @arg: memory for the description, which @new
 * may refer to. Sleeps.
 */
static void capture_create(struct shk_shadow *shadow, struct shk_captured *captured,
			   unsigned long addr, struct shk_probe_add *arg, struct shk_new_probe *new)
{
	capture_describe(captured, addr, arg);
	probe_create(shadow, arg, new);
	if (new->err)
		return;
	/* A module may have a tracepoint with the name of one of the kernel. */
	if (captured->tracepoint &&
	    new->probe->tracepoint->keys->tracepoint != captured->tracepoint) {
		probe_cancel(new);
		new->err = SHK_E(TRACEPOINT_MODULE);
		return;
	}
	refcount_inc(&captured->ref);
	new->probe->captured = captured;
	new->probe->flags |= SHK_PROBE_CAPTURED;
}

/*
 * Arms the @nr probes of @new, which capture_create() has created for @captured, in @shadow, and
 * stores their ids in @ids. A guard is alone, and has no id. Takes the shadow's lock; sleeps.
 * Returns 0, or the first error, after which none is armed.
 */
static int capture_new_probes(struct shk_shadow *shadow, struct shk_captured *captured,
			      struct shk_new_probe *new, unsigned int nr, u64 *ids)
{
	unsigned int i;
	int ret;

	shk_shadow_lock_always(shadow, NULL);
	if (shadow->dead) {
		ret = SHK_E(SHADOW_DESTROYED);
	} else if (captured->guard) {
		probe_add_guard(shadow, new);
		ret = new->err;
	} else {
		probes_add_locked(shadow, new, nr);
		ret = probes_error(new, nr, false);
		for (i = 0; i < nr && !ret; i++)
			ids[i] = new[i].probe->id;
		if (ret)
			probes_undo(shadow, new, nr);
	}
	shk_shadow_unlock(shadow);
	if (ret == SHK_E(SHADOW_DESTROYED))
		for (i = 0; i < nr; i++)
			probe_cancel(&new[i]);
	return ret;
}

/*
 * Does the work of shk_probes_capture() for at most SHK_PROBES_CHUNK addresses, and returns the
 * same. @arg and @new: memory for one description and @nr new probes.
 */
static int capture_chunk(struct shk_shadow *shadow, struct shk_captured *captured,
			 const unsigned long *addrs, unsigned int nr, u64 *ids,
			 struct shk_probe_add *arg, struct shk_new_probe *new)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		capture_create(shadow, captured, addrs[i], arg, &new[i]);
		cond_resched();
	}
	ret = probes_error(new, nr, false);
	for (i = 0; i < nr && ret; i++)
		probe_cancel(&new[i]);
	if (!ret)
		ret = capture_new_probes(shadow, captured, new, nr, ids);
	for (i = 0; i < nr; i++)
		if (!ret && !captured->guard && !captured->ftrace)
			captured->module = new[i].module;
		else
			module_put(new[i].module);
	return ret;
}

int shk_probes_capture(struct shk_shadow *shadow, struct shk_captured *captured,
		       const unsigned long *addrs, unsigned int nr, u64 *ids)
{
	unsigned int done, chunk = min_t(unsigned int, nr, SHK_PROBES_CHUNK);
	struct shk_probe_add *arg = kzalloc(sizeof(*arg), GFP_KERNEL_ACCOUNT);
	struct shk_new_probe *new = kvcalloc(chunk, sizeof(*new), GFP_KERNEL_ACCOUNT);
	int ret = arg && new ? 0 : -ENOMEM;

	for (done = 0; done < nr && !ret; done += chunk) {
		chunk = min_t(unsigned int, nr - done, SHK_PROBES_CHUNK);
		ret = capture_chunk(shadow, captured, addrs + done, chunk, ids ? ids + done : NULL,
				    arg, new);
		if (ret)
			break;
	}
	/* Only a worker adds so many that there is something to undo, and it cannot be killed. */
	if (ret && done)
		shk_probes_remove(shadow, ids, done);
	kvfree(new);
	kfree(arg);
	return ret;
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
	probe = arg->id ? xa_load(&shadow->probes, arg->id) : probe_find_name(shadow, arg->name);
	if (probe) {
		probe_unregister(shadow, probe);
		probe_remove(shadow, probe);
	}
	shk_shadow_unlock(shadow);
	return probe ? 0 : SHK_E(ID_UNKNOWN);
}

/*
 * Removes up to @room probes from the lists of @shadow, by id and by name, and stores them in
 * @probes. They stay armed; the caller disarms them. If @ids is not NULL, these are the probes of
 * @ids from index *@next on, and *@next is advanced. Else they are those with the lowest ids. The
 * shadow's lock is held. Returns the number of probes.
 */
static unsigned int probes_take(struct shk_shadow *shadow, const u64 *ids, unsigned int nr,
				unsigned int *next, struct shk_probe **probes, unsigned int room)
{
	struct shk_probe *probe;
	unsigned int taken = 0;
	unsigned long id;

	for (; ids && *next < nr && taken < room; ++*next) {
		probe = xa_load(&shadow->probes, ids[*next]);
		if (!probe)
			continue;
		probe_unregister(shadow, probe);
		probes[taken++] = probe;
	}
	if (ids)
		return taken;
	xa_for_each(&shadow->probes, id, probe)
	{
		if (taken == room)
			break;
		probe_unregister(shadow, probe);
		probes[taken++] = probe;
	}
	return taken;
}

unsigned int shk_probes_remove_locked(struct shk_shadow *shadow, const u64 *ids, unsigned int nr)
{
	struct shk_probe *probes[SHK_REMOVE_CHUNK];
	unsigned int i, taken, next = 0, removed = 0;

	lockdep_assert_held(&shadow->lock);
	do {
		taken = probes_take(shadow, ids, nr, &next, probes, ARRAY_SIZE(probes));
		for (i = 0; i < taken; i++)
			shk_tracepoint_disarm(shadow, probes[i]);
		shk_sites_remove(probes, taken);
		removed += taken;
		cond_resched();
	} while (taken);
	return removed;
}

int shk_probes_remove(struct shk_shadow *shadow, const u64 *ids, unsigned int nr)
{
	unsigned int removed;
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	removed = shk_probes_remove_locked(shadow, ids, nr);
	shk_shadow_unlock(shadow);
	return removed;
}

/*
 * Adds the counters of @probe on all CPUs to those of @info, which the caller has zeroed. Hits go
 * on counting meanwhile.
 */
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
	unsigned long id;
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	id = *cursor + 1;
	probe = xa_find(&shadow->probes, &id, ULONG_MAX, XA_PRESENT);
	if (probe) {
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
	}
	ret = probe ? 0 : -ENOENT;
	shk_shadow_unlock(shadow);
	return ret;
}

void shk_probes_teardown(struct shk_shadow *shadow)
{
	shk_probes_remove_locked(shadow, NULL, 0);
	shk_guards_remove_locked(shadow);
}
