// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes of tracepoints. Terms, which tracepoint.h explains:
 *
 *   keys           static keys of a tracepoint: nops in the base, which are jumps in the shadow
 *   user           a function with its data, which is registered at the tracepoint
 *   places         instructions that load the tracepoint's list of users
 *   calls          instructions that call the users; jumps in a shadow with captured users
 *   captured user  a user that the tracepoint calls in one shadow only
 */
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/rculist.h>
#include <linux/sort.h>
#include <linux/static_call_types.h>
#include <linux/string.h>
#include <linux/trace_events.h>
#include <linux/tracepoint.h>
#include <asm/insn.h>
#include <asm/text-patching.h>

#include "compat/tracepoints.h"
#include "edit/capture.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/returns.h"
#include "edit/slot_entry.h"
#include "edit/tracepoint.h"
#include "hooks/hooks.h"
#include "shadow/edits.h"

/* Bytes of "mov disp32(%rip), %reg" of 64 bits, and of "test %reg, %reg". */
#define LOAD_SIZE 7
#define TEST_SIZE 3

/* ---- the name ---- */

/* A search for a tracepoint of the kernel image by its name. */
struct search {
	const char *name;
	struct tracepoint *found; /* out. NULL: there is none */
};

/*
 * Stores @tracepoint in .found of the struct search at @arg, if its name is .name. Callback of
 * for_each_kernel_tracepoint().
 */
static void search_match(struct tracepoint *tracepoint, void *arg)
{
	struct search *search = arg;

	if (!strcmp(tracepoint->name, search->name))
		search->found = tracepoint;
}

/*
 * Returns true if @tracepoint has a trace event in the system whose name is the @len bytes at
 * @system. Needs no lock.
 */
static bool event_is_in(const struct tracepoint *tracepoint, const char *system, size_t len)
{
	const struct trace_event_call *call;
	char symbol[SHK_SYMBOL_LEN];
	unsigned long addr;

	if (snprintf(symbol, sizeof(symbol), "event_%s", tracepoint->name) >= sizeof(symbol) ||
	    shk_symbol_unique(symbol, &addr) || shk_is_kernel_text(addr))
		return false;
	call = (const struct trace_event_call *)addr;
	return call->flags & TRACE_EVENT_FL_TRACEPOINT && call->tp == tracepoint &&
	       strlen(call->class->system) == len && !memcmp(call->class->system, system, len);
}

/*
 * Returns true if a loaded module has a tracepoint @name. That module may be unloaded at any time.
 * Needs no lock.
 */
static bool is_of_module(const char *name)
{
	char symbol[SHK_SYMBOL_LEN];

	return snprintf(symbol, sizeof(symbol), "__tracepoint_%s", name) < sizeof(symbol) &&
	       shk_symbol_lookup(symbol);
}

/*
 * Returns the tracepoint of the kernel image with the name @name, "SYSTEM:EVENT" or "TRACEPOINT".
 * Takes no reference, since tracepoints of the image are never freed. Returns an ERR_PTR():
 * TRACEPOINT_UNKNOWN, TRACEPOINT_MODULE or TRACEPOINT_REGFUNC (shk_tracepoint_resolve()).
 */
static struct tracepoint *tracepoint_find(const char *name)
{
	const char *colon = strchr(name, ':');
	struct search search = { .name = colon ? colon + 1 : name };

	for_each_kernel_tracepoint(search_match, &search);
	if (!search.found)
		return ERR_PTR(is_of_module(search.name) ? SHK_E(TRACEPOINT_MODULE)
							 : SHK_E(TRACEPOINT_UNKNOWN));
	if (colon && !event_is_in(search.found, name, colon - name))
		return ERR_PTR(SHK_E(TRACEPOINT_UNKNOWN));
	if (shk_tracepoint_has_regfunc(search.found))
		return ERR_PTR(SHK_E(TRACEPOINT_REGFUNC));
	/* The key has a list of modules then; their entries are not in the kernel's table. */
	if (shk_tracepoint_key(search.found)->type & JUMP_TYPE_LINKED)
		return ERR_PTR(SHK_E(TRACEPOINT_MODULE));
	return search.found;
}

/* ---- the keys ---- */

/* Returns true if @entry is a key of @tracepoint, in text that is not freed after boot. */
static bool key_is_of(const struct jump_entry *entry, const struct tracepoint *tracepoint)
{
	return jump_entry_key(entry) == shk_tracepoint_key(tracepoint) &&
	       !jump_entry_is_init(entry);
}

/*
 * Returns 0 if an edit for @tracepoint may be at @addr, else FORBIDDEN. Does not sleep.
 *
 * __schedule() must have the same text in the base and in all shadows, since it switches the page
 * tables while it runs. Only the tracepoint sched_switch may be edited there, which is executed
 * before the switch. Its edits neither move an instruction nor let the CPU leave the function
 * before the next one.
 */
static int check_differs(const struct tracepoint *tracepoint, unsigned long addr)
{
	unsigned long offset, size;
	char symbol[SHK_SYMBOL_LEN];

	if (!shk_is_kernel_text(addr) || shk_symbol_of(addr, symbol, &offset, &size) ||
	    shk_call(within_kprobe_blacklist)(addr) || shk_is_hook_at(addr))
		return SHK_E(FORBIDDEN);
	if (!strcmp(symbol, "__schedule"))
		return strcmp(tracepoint->name, "sched_switch") ? SHK_E(FORBIDDEN) : 0;
	return shk_location_may_differ(addr, symbol) ? 0 : SHK_E(FORBIDDEN);
}

/*
 * Returns the length of the nop or jump that the base has at @addr: 2 or 5. Returns 0 if it has
 * neither. text_mutex is held.
 */
static u8 key_len(unsigned long addr)
{
	static const u8 nop2[] = { 0x66, 0x90 }, nop5[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	const u8 *base = shk_base_bytes(addr);
	size_t room = PAGE_SIZE - offset_in_page(addr);

	lockdep_assert_held(shk_symbols.text_mutex);
	if (*base == JMP8_INSN_OPCODE || !memcmp(base, nop2, min(room, sizeof(nop2))))
		return JMP8_INSN_SIZE;
	if (*base == JMP32_INSN_OPCODE || !memcmp(base, nop5, min(room, sizeof(nop5))))
		return JMP32_INSN_SIZE;
	return 0;
}

/*
 * Sets @edit to the jump that the key @entry of @tracepoint is while the tracepoint is on. Returns
 * 0; FORBIDDEN: its text cannot differ, or has another form; PAGE_EDGE: the key lies in two pages.
 * text_mutex is held.
 */
static int key_set(struct shk_edit *edit, const struct tracepoint *tracepoint,
		   const struct jump_entry *entry)
{
	unsigned long addr = jump_entry_code(entry), target = jump_entry_target(entry);
	int ret = check_differs(tracepoint, addr) ?: check_differs(tracepoint, target);

	if (ret)
		return ret;
	edit->len = key_len(addr);
	/* A branch that jumps while the key is off is of no tracepoint. */
	if (!edit->len || jump_entry_is_branch(entry))
		return SHK_E(FORBIDDEN);
	if (offset_in_page(addr) + edit->len > PAGE_SIZE)
		return SHK_E(PAGE_EDGE);
	if (edit->len == JMP32_INSN_SIZE) {
		shk_edit_branch(edit, addr, JMP32_INSN_OPCODE, target);
		return 0;
	}
	edit->addr = addr;
	edit->bytes[0] = JMP8_INSN_OPCODE;
	edit->bytes[1] = target - (addr + JMP8_INSN_SIZE);
	return target == addr + JMP8_INSN_SIZE + (s8)edit->bytes[1] ? 0 : SHK_E(FORBIDDEN);
}

/*
 * Allocates keys of @tracepoint with room for @nr edits, all zero. The caller frees them by
 * kvfree(). Sleeps. Returns NULL if there is no memory.
 */
static struct shk_tracepoint_keys *keys_alloc(const struct tracepoint *tracepoint, unsigned int nr)
{
	size_t size = nr * (sizeof(struct shk_edit) + sizeof(struct shk_edit *));
	struct shk_tracepoint_keys *keys;

	keys = kvzalloc(sizeof(*keys) + size, GFP_KERNEL_ACCOUNT);
	if (!keys)
		return NULL;
	keys->tracepoint = tracepoint;
	keys->nr = nr;
	keys->sorted = (struct shk_edit **)&keys->edits[nr];
	return keys;
}

/* Orders struct shk_edit by address. Callback of sort(). */
static int key_compare(const void *a, const void *b)
{
	const struct shk_edit *left = a, *right = b;

	return left->addr < right->addr ? -1 : left->addr > right->addr;
}

/*
 * Allocates keys with copies of the edits of @pattern, which are not applied. The caller frees them
 * by kvfree(). Sleeps. Returns NULL if there is no memory.
 */
static struct shk_tracepoint_keys *keys_copy(const struct shk_tracepoint_keys *pattern)
{
	struct shk_tracepoint_keys *keys = keys_alloc(pattern->tracepoint, pattern->nr);
	unsigned int i;

	for (i = 0; keys && i < keys->nr; i++) {
		keys->edits[i] = pattern->edits[i];
		keys->sorted[i] = &keys->edits[i];
	}
	return keys;
}

/*
 * Returns the keys of @tracepoint with their edits, which are sorted by address and not applied.
 * The caller frees them by kvfree(). Takes text_mutex; sleeps. Returns an ERR_PTR() of
 * TRACEPOINT_UNUSED (there is no key), -ENOMEM, or an error of key_set().
 */
static struct shk_tracepoint_keys *keys_find(const struct tracepoint *tracepoint)
{
	const struct jump_entry *entry, *end = shk_symbols.jump_table_end;
	struct shk_tracepoint_keys *keys;
	unsigned int nr = 0;
	int ret = 0;

	for (entry = shk_symbols.jump_table; entry < end; entry++)
		nr += key_is_of(entry, tracepoint);
	if (!nr)
		return ERR_PTR(SHK_E(TRACEPOINT_UNUSED));
	keys = keys_alloc(tracepoint, nr);
	if (!keys)
		return ERR_PTR(-ENOMEM);
	nr = 0;
	mutex_lock(shk_symbols.text_mutex);
	for (entry = shk_symbols.jump_table; entry < end && !ret; entry++)
		if (key_is_of(entry, tracepoint))
			ret = key_set(&keys->edits[nr++], tracepoint, entry);
	mutex_unlock(shk_symbols.text_mutex);
	if (ret) {
		kvfree(keys);
		return ERR_PTR(ret);
	}
	sort(keys->edits, nr, sizeof(keys->edits[0]), key_compare, NULL);
	return keys;
}

/* ---- the places ---- */

/*
 * Returns true if @bytes, the base's bytes at @addr, are an instruction that loads the list of
 * users of @tracepoint, relative to rip and into a register of 64 bits.
 */
static bool is_load(const struct tracepoint *tracepoint, unsigned long addr, const u8 *bytes)
{
	s32 disp;

	/* REX.W, mov, relative to rip */
	if ((bytes[0] & 0xfb) != 0x48 || bytes[1] != 0x8b || (bytes[2] & 0xc7) != 0x05)
		return false;
	memcpy(&disp, bytes + 3, sizeof(disp));
	return addr + LOAD_SIZE + disp == (unsigned long)&tracepoint->funcs;
}

/* Returns true if @bytes test the register that @load, the instruction before them, loads. */
static bool is_test(const u8 *load, const u8 *bytes)
{
	u8 reg = (load[2] >> 3) & 7, high = load[0] & 4 ? 0x4d : 0x48;

	return bytes[0] == high && bytes[1] == 0x85 && bytes[2] == (0xc0 | reg << 3 | reg);
}

/*
 * Adds the places of @tracepoint in one function to @found: the function's loads of the list of
 * users. The function has @size bytes at @start. @found has room for @max places. text_mutex is
 * held. Returns
 *   0          all are added; also if there are none
 *   FORBIDDEN  a place has another form or is in text that cannot differ, or there is no room
 *   PAGE_EDGE  a place is too near to the edge of a page
 */
static int places_find_in(struct shk_tracepoint_probe *found, unsigned int max,
			  const struct tracepoint *tracepoint, unsigned long start,
			  unsigned long size)
{
	u8 bytes[MAX_INSN_SIZE], next[MAX_INSN_SIZE];
	struct insn insn;
	unsigned long at;
	int ret;

	for (at = 0; at < size; at += insn.length) {
		shk_insn_read(start + at, bytes, size - at);
		/* The end of the function: padding, or data. */
		if (shk_call(insn_decode)(&insn, bytes, sizeof(bytes), INSN_MODE_KERN) < 0)
			return 0;
		if (!is_load(tracepoint, start + at, bytes))
			continue;
		if (size - at < LOAD_SIZE + TEST_SIZE || found->nr == max)
			return SHK_E(FORBIDDEN);
		shk_insn_read(start + at + LOAD_SIZE, next, size - at - LOAD_SIZE);
		if (!is_test(bytes, next))
			return SHK_E(FORBIDDEN);
		ret = check_differs(tracepoint, start + at);
		if (ret)
			return ret;
		if (shk_at_page_edge(start + at, at))
			return SHK_E(PAGE_EDGE);
		found->places[found->nr++].addr = start + at;
	}
	return 0;
}

/*
 * Adds all places of the tracepoint of @keys to @found. Searches the functions that have its keys,
 * and the functions or parts (".cold") to which the keys jump. @started: memory for 2 * @keys->nr
 * addresses, those of the functions that were searched. text_mutex is held. Returns 0;
 * TRACEPOINT_UNUSED: there is no place; FORBIDDEN: a key or its target is in no known function; or
 * an error of places_find_in().
 */
static int places_find_all(struct shk_tracepoint_probe *found,
			   const struct shk_tracepoint_keys *keys, unsigned long *started)
{
	unsigned long addr, offset, size;
	unsigned int i, n, nr_started = 0;
	char symbol[SHK_SYMBOL_LEN];
	int ret = 0;

	for (i = 0; i < 2 * keys->nr && !ret; i++) {
		const struct shk_edit *key = &keys->edits[i / 2];

		addr = i % 2 ? shk_edit_resume(key) : key->addr;
		if (shk_symbol_of(addr, symbol, &offset, &size))
			return SHK_E(FORBIDDEN);
		addr -= offset;
		for (n = 0; n < nr_started && started[n] != addr; n++)
			;
		if (n < nr_started)
			continue;
		started[nr_started++] = addr;
		ret = places_find_in(found, keys->nr, keys->tracepoint, addr, size);
	}
	if (!ret && !found->nr)
		ret = SHK_E(TRACEPOINT_UNUSED);
	return ret;
}

/*
 * Returns the places of the tracepoint of @keys, without probes. The caller frees them by kvfree().
 * Takes text_mutex; sleeps. Returns an ERR_PTR() of -ENOMEM or an error of places_find_all().
 */
static struct shk_tracepoint_probe *places_find(const struct shk_tracepoint_keys *keys)
{
	struct shk_tracepoint_probe *found;
	unsigned long *started;
	int ret = -ENOMEM;

	/* Each place has a key that leads to it. */
	found = kvzalloc(struct_size(found, places, keys->nr), GFP_KERNEL_ACCOUNT);
	started = kvcalloc(2 * keys->nr, sizeof(*started), GFP_KERNEL);
	if (found && started) {
		mutex_lock(shk_symbols.text_mutex);
		ret = places_find_all(found, keys, started);
		mutex_unlock(shk_symbols.text_mutex);
	}
	kvfree(started);
	if (!ret)
		return found;
	kvfree(found);
	return ERR_PTR(ret);
}

/*
 * Allocates a helper probe for each place of @probe but the first, which has @probe itself. Sleeps.
 * Returns 0 or -ENOMEM. shk_tracepoint_free() frees them, also after an error.
 */
static int places_alloc_probes(struct shk_probe *probe)
{
	struct shk_tracepoint_probe *tracepoint = probe->tracepoint;
	unsigned int i;

	for (i = 1; i < tracepoint->nr; i++) {
		tracepoint->places[i].probe = shk_probe_alloc();
		if (!tracepoint->places[i].probe)
			return -ENOMEM;
	}
	return 0;
}

int shk_tracepoint_resolve(struct shk_probe *probe, const char *name, unsigned long *addr)
{
	struct shk_tracepoint_keys *keys;
	struct tracepoint *tracepoint;

	tracepoint = tracepoint_find(name);
	if (IS_ERR(tracepoint))
		return PTR_ERR(tracepoint);
	keys = keys_find(tracepoint);
	if (IS_ERR(keys))
		return PTR_ERR(keys);
	probe->tracepoint = places_find(keys);
	if (IS_ERR(probe->tracepoint)) {
		int ret = PTR_ERR(probe->tracepoint);

		probe->tracepoint = NULL;
		kvfree(keys);
		return ret;
	}
	probe->tracepoint->keys = keys;
	probe->load_from = &tracepoint->funcs;
	*addr = probe->tracepoint->places[0].addr;
	/* After an error the caller frees @probe, with @probe->tracepoint. */
	return places_alloc_probes(probe);
}

void shk_tracepoint_free(struct shk_probe *probe)
{
	struct shk_tracepoint_probe *tracepoint = probe->tracepoint;
	unsigned int i;

	if (!tracepoint)
		return;
	for (i = 1; i < tracepoint->nr; i++)
		if (tracepoint->places[i].probe)
			shk_probe_free(tracepoint->places[i].probe);
	kvfree(tracepoint->keys);
	kvfree(tracepoint);
}

/* ---- arming ---- */

/*
 * Reverts those edits of @keys that are applied to @shadow, so that it has the base's instructions
 * there. Changes @keys->sorted, so @keys cannot be applied again. The shadow's lock is held;
 * sleeps. Cannot fail.
 */
static void keys_revert(struct shk_shadow *shadow, struct shk_tracepoint_keys *keys)
{
	unsigned int i, nr = 0;

	for (i = 0; i < keys->nr; i++)
		if (keys->edits[i].page)
			keys->sorted[nr++] = &keys->edits[i];
	if (nr)
		shk_edit_revert_many(shadow, keys->sorted, nr);
}

/*
 * Applies all edits of @keys to @shadow. The shadow's lock is held; sleeps. Returns 0; EDIT_THERE:
 * another edit has a byte of one of them; or an error of shk_edit_apply(). After an error none is
 * applied.
 */
static int keys_apply(struct shk_shadow *shadow, struct shk_tracepoint_keys *keys)
{
	int ret = shk_edit_apply_many(shadow, keys->sorted, keys->nr);
	unsigned int i;

	if (ret)
		return ret;
	for (i = 0; i < keys->nr && keys->edits[i].page; i++)
		;
	if (i == keys->nr)
		return 0;
	keys_revert(shadow, keys);
	return SHK_E(EDIT_THERE);
}

/*
 * Returns the keys of @tracepoint that are applied to @shadow, or NULL. The shadow's lock is held.
 */
static struct shk_tracepoint_keys *keys_of(struct shk_shadow *shadow,
					   const struct tracepoint *tracepoint)
{
	struct shk_tracepoint_keys *keys;

	lockdep_assert_held(&shadow->lock);
	list_for_each_entry (keys, &shadow->tracepoints, node)
		if (keys->tracepoint == tracepoint)
			return keys;
	return NULL;
}

/*
 * Makes the keys of a tracepoint jumps in @shadow, until the call of keys_put() that belongs to
 * this one. @pattern: the keys; copies of its edits are applied. The shadow's lock is held; sleeps.
 * Returns 0, -ENOMEM or an error of keys_apply(), after which nothing is to be put.
 */
static int keys_get(struct shk_shadow *shadow, const struct shk_tracepoint_keys *pattern)
{
	struct shk_tracepoint_keys *keys = keys_of(shadow, pattern->tracepoint);
	int ret;

	if (!keys) {
		keys = keys_copy(pattern);
		if (!keys)
			return -ENOMEM;
		ret = keys_apply(shadow, keys);
		if (ret) {
			kvfree(keys);
			return ret;
		}
		list_add(&keys->node, &shadow->tracepoints);
	}
	keys->users++;
	return 0;
}

/*
 * Ends the effect of one keys_get() with the same arguments. If it was the last one, reverts and
 * frees the keys of @shadow. The shadow's lock is held; sleeps. Cannot fail.
 */
static void keys_put(struct shk_shadow *shadow, const struct shk_tracepoint_keys *pattern)
{
	struct shk_tracepoint_keys *keys = keys_of(shadow, pattern->tracepoint);

	if (WARN_ON_ONCE(!keys) || --keys->users)
		return;
	list_del(&keys->node);
	keys_revert(shadow, keys);
	kvfree(keys);
}

/*
 * Makes the keys of @probe's tracepoint jumps in the union, by keys_get(). The union is a hidden
 * shadow with the probes of all SHK_ASYNC_UNION shadows. @probe is at one of its sites
 * (shk_probe.union_site). Takes the union's lock; sleeps. Returns 0 or an error of keys_get().
 */
static int union_keys_get(struct shk_probe *probe)
{
	struct shk_shadow *all = probe->union_site->shadow;
	int ret;

	shk_shadow_lock_hidden(all);
	ret = keys_get(all, probe->tracepoint->keys);
	shk_shadow_unlock_hidden(all);
	return ret;
}

/*
 * Ends the effect of union_keys_get() for @probe, by keys_put() in the union. Takes the union's
 * lock; sleeps. Cannot fail.
 */
static void union_keys_put(struct shk_probe *probe)
{
	struct shk_shadow *all = probe->union_site->shadow;

	shk_shadow_lock_hidden(all);
	keys_put(all, probe->tracepoint->keys);
	shk_shadow_unlock_hidden(all);
}

/*
 * Disarms @probe at its places number 1 to @nr - 1, those with helper probes, and has a worker free
 * these. They use the counters of @probe, so the caller removes @probe only afterwards. The lock of
 * the probe's shadow is held; sleeps. Cannot fail.
 */
static void places_disarm(struct shk_probe *probe, unsigned int nr)
{
	struct shk_tracepoint_probe *tracepoint = probe->tracepoint;
	struct shk_probe *batch[SHK_REMOVE_CHUNK];
	unsigned int i, nr_batch = 0;

	for (i = 1; i < nr; i++) {
		if (tracepoint->places[i].probe)
			batch[nr_batch++] = tracepoint->places[i].probe;
		tracepoint->places[i].probe = NULL;
		if (nr_batch == ARRAY_SIZE(batch) || (nr_batch && i + 1 == nr)) {
			shk_sites_remove(batch, nr_batch);
			nr_batch = 0;
		}
	}
}

/*
 * Arms the helper probes at all places of @probe but the first in @shadow. The shadow's lock is
 * held; sleeps. Returns 0, -ENOMEM or an error of shk_site_add(). After an error none of these
 * places is armed, and shk_tracepoint_free() frees the helper probes that still exist.
 */
static int places_arm(struct shk_shadow *shadow, struct shk_probe *probe)
{
	struct shk_tracepoint_probe *tracepoint = probe->tracepoint;
	struct shk_new_probe *new;
	unsigned int i;
	int ret = 0;

	if (tracepoint->nr == 1)
		return 0;
	new = kvcalloc(tracepoint->nr, sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	for (i = 1; i < tracepoint->nr; i++) {
		struct shk_probe *other = tracepoint->places[i].probe;

		other->id = probe->id;
		other->kind = probe->kind;
		other->flags = probe->flags;
		other->plain = probe->plain;
		other->counts = probe->counts;
		other->load_from = probe->load_from;
		new[i] = (struct shk_new_probe){ .probe = other,
						 .addr = tracepoint->places[i].addr };
	}
	shk_sites_add(shadow, new, tracepoint->nr);
	for (i = 1; i < tracepoint->nr; i++) {
		if (!new[i].err)
			continue;
		ret = new[i].err;
		shk_probe_free(tracepoint->places[i].probe);
		tracepoint->places[i].probe = NULL;
	}
	kvfree(new);
	if (ret)
		places_disarm(probe, tracepoint->nr);
	return ret;
}

/* ---- captured users ---- */

/*
 * The list that detours load while a user is captured and the base has no user. It is not NULL, so
 * the calls of users are executed, but its elements are not used: in the shadow, the calls lead to
 * shk_users. A task that has loaded the list may continue in the base, if its process leaves the
 * shadow. The call there is that of a tracepoint without users, which reads the base's list itself.
 */
static const struct tracepoint_func no_users[2];

/* Returns the address of the call or jump instruction of @site. */
static unsigned long call_addr(const struct static_call_site *site)
{
	return (long)site->addr + (long)&site->addr;
}

/* Returns true if @site calls users of @tracepoint, in text that is not freed after boot. */
static bool call_is_of(const struct static_call_site *site, const struct tracepoint *tracepoint)
{
	unsigned long key = (long)site->key + (long)&site->key;

	return (key & ~STATIC_CALL_SITE_FLAGS) == (unsigned long)tracepoint->static_call_key &&
	       !(key & STATIC_CALL_SITE_INIT);
}

/*
 * Redirects the instruction at @addr, which calls the users of a tracepoint. Sets @edit to a jump
 * to an element of shk_users, code that calls shk_hit_tracepoint() for @users. Allocates that
 * element; calls_free() frees it. Takes slot_lock and text_mutex; sleeps. Returns 0, or an error,
 * after which no element is allocated:
 *   FORBIDDEN  the text at @addr cannot differ, or is not a call
 *   PAGE_EDGE  the call lies in two pages
 *   NO_ROOM    all elements are in use
 */
static int call_set(struct shk_edit *edit, struct shk_tracepoint_users *users, unsigned long addr)
{
	int ret = check_differs(users->tracepoint, addr);

	if (ret)
		return ret;
	if (shk_branch_spans_pages(addr))
		return SHK_E(PAGE_EDGE);
	mutex_lock(shk_symbols.text_mutex);
	/* A call at the end of a function may be a jump. */
	if (*(const u8 *)shk_base_bytes(addr) != CALL_INSN_OPCODE)
		ret = SHK_E(FORBIDDEN);
	mutex_unlock(shk_symbols.text_mutex);
	if (ret)
		return ret;
	ret = shk_users_alloc(users, addr);
	if (ret < 0)
		return ret;
	shk_edit_branch(edit, addr, JMP32_INSN_OPCODE, shk_users_text(ret));
	return 0;
}

/*
 * Frees @calls, edits of calls of a tracepoint's users, and the elements of shk_users to which they
 * jump. The caller ensures that no edit is applied, and that no CPU is in such an element. Takes
 * slot_lock; sleeps.
 */
static void calls_free(struct shk_tracepoint_keys *calls)
{
	unsigned int i;

	for (i = 0; i < calls->nr; i++)
		if (calls->edits[i].len)
			shk_users_free((shk_edit_resume(&calls->edits[i]) - shk_users_text(0)) /
				       SHK_USERS_SIZE);
	kvfree(calls);
}

/*
 * Returns the edits that replace all calls of the users of @users->tracepoint by jumps to elements
 * of shk_users, which call @users. They are sorted by address and not applied; calls_free() frees
 * them. Takes slot_lock and text_mutex; sleeps. Returns an ERR_PTR():
 *   TRACEPOINT_UNUSED  there is no call
 *   FORBIDDEN          the kernel's table of static calls is not found
 *   -ENOMEM, or an error of call_set()
 */
static struct shk_tracepoint_keys *calls_find(struct shk_tracepoint_users *users)
{
	const struct static_call_site *site, *sites, *end;
	struct shk_tracepoint_keys *calls;
	unsigned int i, nr = 0;
	int ret = 0;

	sites = (const void *)shk_symbol_lookup("__start_static_call_sites");
	end = (const void *)shk_symbol_lookup("__stop_static_call_sites");
	if (!sites || !end)
		return ERR_PTR(SHK_E(FORBIDDEN));
	for (site = sites; site < end; site++)
		nr += call_is_of(site, users->tracepoint);
	if (!nr)
		return ERR_PTR(SHK_E(TRACEPOINT_UNUSED));
	calls = keys_alloc(users->tracepoint, nr);
	if (!calls)
		return ERR_PTR(-ENOMEM);
	nr = 0;
	for (site = sites; site < end && !ret; site++)
		if (call_is_of(site, users->tracepoint))
			ret = call_set(&calls->edits[nr++], users, call_addr(site));
	if (ret) {
		calls_free(calls);
		return ERR_PTR(ret);
	}
	sort(calls->edits, nr, sizeof(calls->edits[0]), key_compare, NULL);
	for (i = 0; i < nr; i++)
		calls->sorted[i] = &calls->edits[i];
	return calls;
}

/*
 * Sets *@nr to the number of arguments that users of @tracepoint get on the stack. Returns 0;
 * FORBIDDEN: the number is not known, or greater than SHK_TRACEPOINT_STACK. Needs no lock.
 */
static int stack_args(const struct tracepoint *tracepoint, unsigned int *nr)
{
	const struct bpf_raw_event_map *map;
	char symbol[SHK_SYMBOL_LEN];
	unsigned long addr;

	if (snprintf(symbol, sizeof(symbol), "__bpf_trace_tp_map_%s", tracepoint->name) >=
		    sizeof(symbol) ||
	    shk_symbol_unique(symbol, &addr))
		return SHK_E(FORBIDDEN);
	map = (const struct bpf_raw_event_map *)addr;
	if (map->tp != tracepoint || map->num_args > SHK_NR_ARGS - 1 + SHK_TRACEPOINT_STACK)
		return SHK_E(FORBIDDEN);
	/* The first register has the user's data. */
	*nr = map->num_args < SHK_NR_ARGS ? 0 : map->num_args - (SHK_NR_ARGS - 1);
	return 0;
}

/*
 * Creates the struct shk_tracepoint_users of @tracepoint in @shadow, without a user, and adds it to
 * @shadow->users. From then on @shadow's calls of the tracepoint's users jump to shk_users, which
 * calls shk_hit_tracepoint(). The shadow's lock is held; sleeps. users_destroy() frees the struct.
 * Returns an ERR_PTR() of -ENOMEM, or of an error of stack_args(), calls_find() or keys_apply().
 */
static struct shk_tracepoint_users *users_create(struct shk_shadow *shadow,
						 const struct tracepoint *tracepoint)
{
	struct shk_tracepoint_users *users = kzalloc(sizeof(*users), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!users)
		return ERR_PTR(-ENOMEM);
	users->tracepoint = tracepoint;
	users->shadow = shadow;
	INIT_LIST_HEAD(&users->captured);
	ret = stack_args(tracepoint, &users->nr_stack);
	if (ret)
		goto free;
	users->calls = calls_find(users);
	if (IS_ERR(users->calls)) {
		ret = PTR_ERR(users->calls);
		goto free;
	}
	ret = keys_apply(shadow, users->calls);
	if (ret)
		goto calls;
	list_add(&users->node, &shadow->users);
	return users;
calls:
	/* CPUs may have executed some of the jumps before they were reverted. */
	tracepoint_synchronize_unregister();
	calls_free(users->calls);
free:
	kfree(users);
	return ERR_PTR(ret);
}

/*
 * Removes @users, which has no captured user, from @shadow, restores the calls, and frees @users.
 * The caller has made the detours load the base's list again (places_set_list()). The shadow's lock
 * is held. Sleeps: waits for grace periods, so that no CPU is in an element of shk_users for
 * @users. Cannot fail.
 */
static void users_destroy(struct shk_shadow *shadow, struct shk_tracepoint_users *users)
{
	list_del(&users->node);
	/* CPUs may have loaded shk_tracepoint_list, and not made their calls yet. */
	tracepoint_synchronize_unregister();
	keys_revert(shadow, users->calls);
	/* CPUs may be in the elements of shk_users. */
	tracepoint_synchronize_unregister();
	calls_free(users->calls);
	kfree(users);
}

/*
 * Returns the struct shk_tracepoint_users of @tracepoint in @shadow; NULL: no user is captured. The
 * shadow's lock is held.
 */
static struct shk_tracepoint_users *users_of(struct shk_shadow *shadow,
					     const struct tracepoint *tracepoint)
{
	struct shk_tracepoint_users *users;

	lockdep_assert_held(&shadow->lock);
	list_for_each_entry (users, &shadow->users, node)
		if (users->tracepoint == tracepoint)
			return users;
	return NULL;
}

/*
 * Returns the site at the place number @i of @probe, which is armed there. The lock of the probe's
 * shadow is held.
 */
static struct shk_site *place_site(const struct shk_probe *probe, unsigned int i)
{
	return i ? probe->tracepoint->places[i].probe->site : probe->site;
}

/*
 * Makes the detours at all places of @probe load @list when the base has no user. @list may be
 * NULL. The lock of the probe's shadow is held. On return, CPUs may still use the list that was set
 * before.
 */
static void places_set_list(const struct shk_probe *probe, const struct tracepoint_func *list)
{
	unsigned int i;

	for (i = 0; i < probe->tracepoint->nr; i++)
		shk_detour_set_list(place_site(probe, i)->detour, list);
}

/*
 * Adds @captured to @users->captured, behind captured users of the same or a higher priority. From
 * now on hits call it. The lock of @users->shadow is held.
 */
static void users_link(struct shk_tracepoint_users *users, struct shk_captured *captured)
{
	struct shk_captured *other;

	list_for_each_entry (other, &users->captured, in_users)
		if (other->prio < captured->prio)
			break;
	list_add_tail_rcu(&captured->in_users, &other->in_users);
}

/*
 * Makes the tracepoint of @probe call the captured user @probe->captured in @shadow. @probe is
 * armed at all places. The shadow's lock is held; sleeps. Returns 0; JUMP_THERE: a probe of another
 * kind is at a place; or an error of users_create(). After an error the user is not called.
 */
static int users_add(struct shk_shadow *shadow, struct shk_probe *probe)
{
	const struct tracepoint *tracepoint = probe->tracepoint->keys->tracepoint;
	struct shk_tracepoint_users *users = users_of(shadow, tracepoint);
	unsigned int i;

	for (i = 0; i < probe->tracepoint->nr; i++)
		if (!place_site(probe, i)->load_from || !place_site(probe, i)->detour)
			return SHK_E(JUMP_THERE);
	if (!users)
		users = users_create(shadow, tracepoint);
	if (IS_ERR(users))
		return PTR_ERR(users);
	users_link(users, probe->captured);
	places_set_list(probe, no_users);
	return 0;
}

/*
 * Ends the effect of users_add() for @probe->captured. If it was the last captured user, restores
 * the calls, and waits for grace periods. Otherwise does not wait: on return CPUs may still call
 * the user. The shadow's lock is held; sleeps. Cannot fail.
 */
static void users_remove(struct shk_shadow *shadow, struct shk_probe *probe)
{
	const struct tracepoint *tracepoint = probe->tracepoint->keys->tracepoint;
	struct shk_tracepoint_users *users = users_of(shadow, tracepoint);

	if (WARN_ON_ONCE(!users))
		return;
	list_del_rcu(&probe->captured->in_users);
	if (!list_empty(&users->captured))
		return;
	places_set_list(probe, NULL);
	users_destroy(shadow, users);
}

/* ---- arming a probe ---- */

int shk_tracepoint_arm(struct shk_shadow *shadow, struct shk_probe *probe)
{
	struct shk_tracepoint_probe *tracepoint = probe->tracepoint;
	int ret;

	lockdep_assert_held(&shadow->lock);
	if (!tracepoint)
		return 0;
	ret = places_arm(shadow, probe);
	if (ret)
		return ret;
	ret = probe->captured ? users_add(shadow, probe) : 0;
	if (ret)
		goto places;
	ret = keys_get(shadow, tracepoint->keys);
	if (ret)
		goto users;
	ret = probe->union_site ? union_keys_get(probe) : 0;
	if (!ret)
		return 0;
	keys_put(shadow, tracepoint->keys);
users:
	if (probe->captured)
		users_remove(shadow, probe);
places:
	places_disarm(probe, tracepoint->nr);
	return ret;
}

void shk_tracepoint_disarm(struct shk_shadow *shadow, struct shk_probe *probe)
{
	struct shk_tracepoint_probe *tracepoint = probe->tracepoint;

	lockdep_assert_held(&shadow->lock);
	if (!tracepoint)
		return;
	if (probe->union_site)
		union_keys_put(probe);
	keys_put(shadow, tracepoint->keys);
	if (probe->captured)
		users_remove(shadow, probe);
	places_disarm(probe, tracepoint->nr);
}
