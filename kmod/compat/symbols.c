// SPDX-License-Identifier: GPL-2.0-only
/* Resolves symbols that the kernel does not export; see symbols.h. */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/kprobes.h>
#include <asm/ibt.h>
#include "compat/symbols.h"

struct shk_symbols shk_symbols __ro_after_init;

#define SHK_DEFINE(name) DEFINE_STATIC_CALL_NULL(shk_##name, name);
SHK_FUNCTIONS(SHK_DEFINE)
#if !SHK_RETHOOK_OBJPOOL
SHK_DEFINE(rethook_add_node)
#endif

/*
 * Returns the address of kallsyms_lookup_name(), which a disabled kprobe at that function reveals;
 * 0 if there is none. The kprobe's address is behind an ENDBR, so the offset that sprint_symbol()
 * prints is subtracted.
 */
static unsigned long __init find_lookup_name(void)
{
	struct kprobe kp = {
		.symbol_name = "kallsyms_lookup_name",
		.flags = KPROBE_FLAG_DISABLED,
	};
	unsigned long addr, size, offset;
	char name[KSYM_SYMBOL_LEN];

	if (register_kprobe(&kp))
		return 0;
	addr = (unsigned long)kp.addr;
	unregister_kprobe(&kp);
	/* sprint_symbol() prints "name+0xOFF/0xSIZE [...]" */
	if (sprint_symbol(name, addr) <= 0 ||
	    sscanf(name, "kallsyms_lookup_name+0x%lx/0x%lx", &offset, &size) != 2)
		return 0;
	return addr - offset;
}

unsigned long shk_symbol_lookup(const char *name)
{
	return shk_call(kallsyms_lookup_name)(name);
}

/* A search for the symbol at position .pos, or for the only one. */
struct nth {
	unsigned long addr;  /* found; 0: none yet */
	unsigned long pos;   /* wanted, from 1 on; 0: any */
	unsigned long count; /* symbols with that name that were seen */
};

/*
 * Counts a symbol with the name that is searched for, and stores @addr in @data, a struct nth, if
 * it is the symbol at the wanted position. Returns 1 if the search is over, else 0.
 */
static int symbols_note_match(void *data, unsigned long addr)
{
	struct nth *nth = data;

	nth->count++;
	if (!nth->pos || nth->count == nth->pos)
		nth->addr = addr;
	return nth->count == nth->pos;
}

/*
 * Searches a module for a symbol: the module's name is the first @len bytes of @name, the symbol's
 * name is behind the colon that follows. Stores the symbol at position @nth->pos, or any if that is
 * 0, in @nth->addr, and the number of symbols that it has seen in @nth->count. Does not sleep.
 */
static void symbols_find_in_module(const char *name, size_t len, struct nth *nth)
{
	const struct mod_kallsyms *symbols;
	char module[MODULE_NAME_LEN];
	struct module *mod;
	unsigned int i;

	if (len >= sizeof(module))
		return;
	memcpy(module, name, len);
	module[len] = 0;
	preempt_disable();
	mod = shk_call(find_module)(module);
	symbols = mod ? rcu_dereference_sched(mod->kallsyms) : NULL;
	for (i = 0; symbols && i < symbols->num_symtab; i++) {
		const Elf_Sym *symbol = &symbols->symtab[i];

		if (symbol->st_shndx != SHN_UNDEF &&
		    !strcmp(symbols->strtab + symbol->st_name, name + len + 1) &&
		    symbols_note_match(nth, symbol->st_value))
			break;
	}
	preempt_enable();
}

int shk_symbol_nth(const char *name, unsigned long pos, unsigned long *addr)
{
	struct nth nth = { .pos = pos };
	const char *colon = strchr(name, ':');

	if (colon)
		symbols_find_in_module(name, colon - name, &nth);
	else
		shk_call(kallsyms_on_each_match_symbol)(symbols_note_match, name, &nth);
	if (!pos && nth.count > 1)
		return SHK_E(SYMBOL_AMBIGUOUS);
	if (!nth.addr)
		return SHK_E(SYMBOL_UNKNOWN);
	*addr = nth.addr;
	return 0;
}

int shk_symbol_unique(const char *name, unsigned long *addr)
{
	return shk_symbol_nth(name, 0, addr);
}

/* A search for the function @name in all modules. */
struct in_modules {
	const char *name;
	struct nth nth;
};

/*
 * If the symbol has the name for which @data, a struct in_modules, searches, and @addr is in text,
 * counts it and stores @addr there. Callback of shk_each_module_symbol(). Returns 0: the search
 * goes on.
 */
static SHK_MODULE_SYMBOL(note_in_modules, data, symbol, addr)
{
	struct in_modules *in = data;
	bool is_text;

	if (strcmp(symbol, in->name))
		return 0;
	preempt_disable();
	is_text = shk_call(__module_text_address)(addr);
	preempt_enable();
	if (is_text)
		symbols_note_match(&in->nth, addr);
	return 0;
}

int shk_symbol_in_modules(const char *name, unsigned long *addr)
{
	struct in_modules in = { .name = name };

	shk_each_module_symbol(note_in_modules, &in);
	if (in.nth.count > 1)
		return SHK_E(SYMBOL_AMBIGUOUS);
	*addr = in.nth.addr;
	return in.nth.count ? 0 : SHK_E(SYMBOL_UNKNOWN);
}

/* Returns true if a direct call to @to executes the function at @target. */
static bool __init symbols_call_leads(unsigned long to, unsigned long target)
{
#ifdef CONFIG_FUNCTION_PADDING_BYTES
	unsigned long first = target - CONFIG_FUNCTION_PADDING_BYTES;
#else
	unsigned long first = target;
#endif

	return to >= first && to <= target + ENDBR_INSN_SIZE;
}

unsigned int __init shk_symbol_calls(const char *caller, unsigned long target, unsigned long *call)
{
	unsigned long addr, offset, size, at;
	char name[KSYM_SYMBOL_LEN];
	unsigned int count = 0;
	struct insn insn;
	char *place;

	/* sprint_symbol() prints "name+0xOFF/0xSIZE" */
	if (shk_symbol_unique(caller, &addr) || sprint_symbol(name, addr) <= 0)
		return 0;
	place = strrchr(name, '+');
	if (!place || sscanf(place, "+0x%lx/0x%lx", &offset, &size) != 2)
		return 0;
	for (at = addr; at < addr + size; at += insn.length) {
		if (shk_call(insn_decode)(&insn, (void *)at, MAX_INSN_SIZE, INSN_MODE_KERN) < 0)
			return 0;
		if (insn.opcode.bytes[0] == CALL_INSN_OPCODE &&
		    symbols_call_leads(at + insn.length + insn.immediate.value, target)) {
			*call = at;
			count++;
		}
	}
	return count;
}

/* Stores the address of @name in *@addr. If there is none, logs that and returns false. */
static bool __init symbols_resolve(const char *name, void *addr)
{
	unsigned long found = shk_symbol_lookup(name);

	if (!found)
		pr_err("symbols: this kernel has no %s; is CONFIG_KALLSYMS_ALL set?\n", name);
	*(unsigned long *)addr = found;
	return found;
}

/*
 * Stores the address of the ftrace site of @name in *@site. If there is none, logs that and returns
 * false.
 */
static bool __init symbols_resolve_site(const char *name, unsigned long *site)
{
	if (!symbols_resolve(name, site))
		return false;
	*site = shk_call(ftrace_location)(*site);
	if (!*site)
		pr_err("symbols: %s cannot be traced; is CONFIG_DYNAMIC_FTRACE set?\n", name);
	return *site;
}

static bool __init symbols_resolve_flushes(unsigned long *sites)
{
	const char *cpa = shk_symbol_lookup("cpa_flush") ? "cpa_flush" : "__cpa_flush_tlb";

	return symbols_resolve_site("flush_tlb_kernel_range", &sites[SHK_FLUSH_KERNEL_RANGE]) &&
	       symbols_resolve_site("flush_tlb_all", &sites[SHK_FLUSH_ALL]) &&
	       symbols_resolve_site(cpa, &sites[SHK_FLUSH_CPA]) &&
	       symbols_resolve_site("__cpa_flush_all", &sites[SHK_FLUSH_CPA_ALL]);
}

/* Returns kprobes' hash table. NULL: there is none, or it has less than SHK_NR_KPROBE_LISTS. */
static struct hlist_head *__init symbols_find_kprobe_table(void)
{
	unsigned long addr = shk_symbol_lookup("kprobe_table"), size;
	char text[KSYM_SYMBOL_LEN];

	/* sprint_symbol() prints "name+0xOFF/0xSIZE". */
	if (!addr || sprint_symbol(text, addr) <= 0 ||
	    sscanf(text, "kprobe_table+0x0/0x%lx", &size) != 1 ||
	    size < SHK_NR_KPROBE_LISTS * sizeof(struct hlist_head))
		return NULL;
	return (struct hlist_head *)addr;
}

int __init shk_symbols_init(void)
{
	unsigned long addr = find_lookup_name();
	bool ok = true;

	if (!addr) {
		pr_err("symbols: cannot find kallsyms_lookup_name; are CONFIG_KPROBES and CONFIG_KALLSYMS set?\n");
		return -EOPNOTSUPP;
	}
	static_call_update(shk_kallsyms_lookup_name, (typeof(kallsyms_lookup_name) *)addr);

#define SHK_RESOLVE(name)                                             \
	if (symbols_resolve(#name, &addr))                            \
		static_call_update(shk_##name, (typeof(name) *)addr); \
	else                                                          \
		ok = false;
	SHK_FUNCTIONS(SHK_RESOLVE)
#if !SHK_RETHOOK_OBJPOOL
	SHK_RESOLVE(rethook_add_node)
#endif
#undef SHK_RESOLVE
	ok &= symbols_resolve("rethook_find_ret_addr", &shk_symbols.rethook_find_ret_addr);
	ok &= symbols_resolve("init_mm", &shk_symbols.init_mm);
	ok &= symbols_resolve("text_mutex", &shk_symbols.text_mutex);
	ok &= symbols_resolve("modules_disabled", &shk_symbols.modules_disabled);
	ok &= symbols_resolve("cpu_tlbstate", &shk_symbols.loaded_mm);
	ok &= symbols_resolve("cpu_tlbstate_shared", &shk_symbols.is_lazy);
	shk_symbols.efi_mm = (struct mm_struct *)shk_symbol_lookup("efi_mm");
	ok &= symbols_resolve("_text", &shk_symbols.text);
	ok &= symbols_resolve("_stext", &shk_symbols.stext);
	ok &= symbols_resolve("_etext", &shk_symbols.etext);
	ok &= symbols_resolve("__sched_text_start", &shk_symbols.sched_text);
	ok &= symbols_resolve("__sched_text_end", &shk_symbols.sched_text_end);
	if (IS_ENABLED(CONFIG_UNWINDER_ORC)) {
		ok &= symbols_resolve("__start_orc_unwind_ip", &shk_symbols.orc_ips);
		ok &= symbols_resolve("__stop_orc_unwind_ip", &shk_symbols.orc_ips_end);
		ok &= symbols_resolve("__start_orc_unwind", &shk_symbols.orc_entries);
	}
	ok &= symbols_resolve("__start___jump_table", &shk_symbols.jump_table);
	ok &= symbols_resolve("__stop___jump_table", &shk_symbols.jump_table_end);
	ok &= symbols_resolve("ftrace_enabled", &shk_symbols.ftrace_enabled);
	ok &= symbols_resolve("napi_threaded_poll", &shk_symbols.napi_threaded_poll);
	addr = shk_symbol_lookup("kprobe_ctlblk");
	shk_symbols.kprobe_ctlblk = (void __percpu *)addr;
	if (addr)
		shk_symbols.current_kprobe = (void __percpu *)shk_symbol_lookup("current_kprobe");
	shk_symbols.kprobe_mutex = (struct mutex *)shk_symbol_lookup("kprobe_mutex");
	if (shk_symbols.kprobe_mutex)
		shk_symbols.kprobe_table = symbols_find_kprobe_table();
	shk_symbols.preempt_schedule_notrace = shk_symbol_lookup("preempt_schedule_notrace");
	ok = ok && symbols_resolve_site("__text_poke", &shk_symbols.__text_poke) &&
	     symbols_resolve_flushes(shk_symbols.flush_sites);
	return ok ? 0 : -EOPNOTSUPP;
}
