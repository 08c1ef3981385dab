/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes: executions of an instruction by a shadow are counted, measured or reported.
 *
 *   probe  what a user has asked for (struct shk_probe)
 *   site   the edit at one address of one shadow (struct shk_site). All probes there share it, and
 *          at a function's entry so do the function's patches.
 *   hit    one execution of a site's edit
 *   hook   an edit that every shadow has for the module's own use (hooks/hooks.h). No other edit
 *          may be at its address. Hooks of returns are the kernel's rethooks.
 *   union  one more text, which is a hidden shadow (scope/union.h). Interrupts, softirqs and work
 *          items execute it if they belong to no other shadow. It has the probes of all shadows
 *          with the policy SHK_ASYNC_UNION.
 *
 *   probe.c   adds, removes and lists probes; resolves the places of all edits
 *   site.c    chooses the edit of a site, applies it and removes it
 *   hit.c     runs when the edit executes
 *   counts.c  allocates the per-CPU counters of probes
 *   slot.c    hands out text of the module that edits lead to, see slot_entry.h
 *   thunk.c   knows the text that carries no probe, see patch.h
 *
 * How a site is armed (enum shk_probe_arm):
 *
 *   arm   instruction                   edit
 *   CALL  __fentry__ site, no patch     call of a slot, which returns behind the site
 *   CALL  __fentry__ site, patches      jump to the stub of the topmost function of a patch
 *   JUMP  call, or 5 bytes or more      jump to a detour, which executes a copy and jumps back
 *   INT3  any other                     int3: shk_hook_int3() continues in a detour, emulates the
 *                                       instruction, or leaves it to kprobes
 *
 * An edit must lie in one page, since each page of a text is private or the base's on its own.
 *
 * Locking
 *
 *   shk_shadow.lock     lists and members, except where it is said
 *   the union's .lock   the union's sites, shk_probe.in_union and .union_site; taken inside the
 *                       lock of the probe's shadow
 *   text_mutex          bytes of edits, shk_site.chain, which stubs are fast
 *   RCU                 read by hits, in any context, with preemption off: shk_shadow.sites, the
 *                       lists of a site, the sites of slots, stubs and detours
 *
 * A worker frees removed probes and sites after a grace period of RCU tasks and one of RCU. Tasks
 * may have been preempted in a slot or detour, and hits may hold pointers.
 *
 * Functions run in process context and may sleep, except where it is said. Names in capitals, such
 * as NO_ROOM, are errors of compat/reason.h, returned as negative values. XEN, FTRACE_DISABLED and
 * FTRACE_DEAD come from shk_text_apply(), see text/text.h.
 */
#ifndef SHK_PROBE_H
#define SHK_PROBE_H

#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/rethook.h>
#include <asm/text-patching.h>

#include "shadow/shadow.h"

struct shk_func;
struct shk_counts_block;

/* Counters of one probe on one CPU. Hits on that CPU write them; readers add up all CPUs. */
struct shk_counts {
	u64 hits;	/* executions in process context; with a return hook: returns */
	u64 async_hits; /* executions in interrupts, softirqs and NMIs, and all by the union */
	/*
	 * Hits and returns that were not reported, because another one was being reported on this
	 * CPU; and calls whose return could not be hooked.
	 */
	u64 missed;
	u64 latency_sum; /* LATENCY: ns */
	s64 unreturned;	 /* calls hooked here minus calls returned here; only the sum counts */
};

/* LATENCY: the histogram of one probe on one CPU. Hits on that CPU write it. */
struct shk_histogram {
	/* [n]: number of latencies in [2^n, 2^(n+1)) ns; [0] also has those of 0 ns. */
	u64 slot[SHK_HISTOGRAM_LEN];
};

/*
 * One probe. Members without a remark are constant once shk_probe_add() has returned.
 */
struct shk_probe {
	struct list_head node;	  /* in shk_shadow.probes; the shadow's lock */
	struct list_head in_site; /* in shk_site.probes; the shadow's lock, read under RCU */
	struct shk_site *site;	  /* NULL until it is armed; the shadow's lock */
	/* SHK_ASYNC_UNION: in shk_site.others of .union_site; the union's lock, read under RCU. */
	struct list_head in_union;
	/* SHK_ASYNC_UNION: the union's site at this address, or NULL; the union's lock. */
	struct shk_site *union_site;
	u64 id;
	u64 offset;	/* bytes from .symbol to the instruction that was asked for */
	u64 created_ns; /* CLOCK_MONOTONIC when it was added */
	enum shk_probe_kind kind;
	u32 flags; /* SHK_PROBE_* */
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
	struct rethook *rethook; /* LATENCY, RETURN: hooks of returns; else NULL */
	struct shk_counts __percpu *counts;
	struct shk_counts_block *counts_block;	  /* has .counts; NULL if there are none */
	struct shk_histogram __percpu *histogram; /* LATENCY, else NULL */
};

/*
 * The edit at one address of a shadow, and the probes and patches that share it. It is made for
 * the first of them and removed with the last. Members without a remark are constant. Lists are
 * written under the shadow's lock, except where it is said, and read by hits under RCU.
 */
struct shk_site {
	struct hlist_node by_addr; /* in shk_shadow.sites */
	struct list_head probes;   /* shk_probe.in_site */
	/*
	 * In a site of the union: the probes of all SHK_ASYNC_UNION shadows at this address, by
	 * shk_probe.in_union. Each hit counts in every one of them. Written under the union's lock.
	 * Empty in all other sites.
	 */
	struct list_head others;
	struct list_head funcs; /* CALL: shk_func.in_site, the topmost function first */
	struct shk_shadow *shadow;
	/* The module that has the text; the site holds a reference. NULL: the kernel image. */
	struct module *module;
	struct shk_edit edit; /* its bytes change under text_mutex */
	enum shk_probe_arm arm;
	/*
	 * Registered, and KPROBE_FLAG_DISABLED as long as the site exists. So the kernel has
	 * checked the address, and has decoded and copied the instruction, but never arms it. Its
	 * int3 handler finds the kprobe by the address. So it can step the copy when a CPU hits the
	 * edit's int3. Other users may register kprobes at the same address.
	 */
	struct kprobe kp;
	int slot; /* CALL: index of its slot; else -1 */
	/*
	 * CALL: target of the base's own call at this address, which is ftrace's; 0 if the base
	 * has none. Slots and stubs continue there after the hit. Written under text_mutex, read by
	 * hits.
	 */
	unsigned long chain;
	u8 *detour;	   /* JUMP: its detour. INT3: one to continue in, or NULL. CALL: NULL */
	bool gives_up_cpu; /* the address is in preempt_schedule_notrace(): hit.c, hit_leave() */
};

/* ---- probe.c ---- */

/*
 * Adds the probe that @arg describes to @shadow and arms it. Sets @arg->id and @arg->name. Takes
 * the shadow's lock. If the shadow is SHK_ASYNC_UNION, the caller is a user of the union meanwhile
 * (shk_union_get()).
 *
 * Returns 0, or
 *   -EINVAL           @arg is malformed
 *   -ERESTARTSYS      the caller was killed
 *   SHADOW_DESTROYED  the shadow was destroyed
 *   others            see struct shk_probe_add
 */
int shk_probe_add(struct shk_shadow *shadow, struct shk_probe_add *arg);

/*
 * Tells whether shk_probe_add() would refuse @arg whatever the shadow is, because of its members or
 * of the place. Adds nothing. Takes no lock of a shadow; waits for a grace period. Returns the
 * error that shk_probe_add() would return, or 0. After 0 shk_probe_add() may still fail: because of
 * the name, another edit or a hook at the place, or because memory or slots are exhausted.
 */
int shk_probe_check(const struct shk_probe_add *arg);

/*
 * Removes the probe of @shadow that @arg names. On return no execution is a hit, except those that
 * have begun. A worker frees the probe after grace periods, see shk_sites_settle(). Takes the
 * shadow's lock.
 *
 * Returns 0, or
 *   -EINVAL       @arg is malformed
 *   -ERESTARTSYS  the caller was killed
 *   ID_UNKNOWN    @shadow has no such probe
 */
int shk_probe_remove(struct shk_shadow *shadow, const struct shk_probe_remove *arg);

/*
 * Fills @info with the probe of @shadow that has the lowest id above *@cursor, and sets *@cursor to
 * that id. Leaves the address 0 unless @show_addr. Takes the shadow's lock; hits go on counting.
 * Returns 0, -ENOENT: there is none, or -ERESTARTSYS: the caller was killed.
 */
int shk_probe_next(struct shk_shadow *shadow, u64 *cursor, struct shk_probe_info *info,
		   bool show_addr);

/*
 * Removes all probes of @shadow, which is being destroyed. A worker frees them after grace periods.
 * The caller holds the shadow's lock.
 */
void shk_probes_teardown(struct shk_shadow *shadow);

/* ---- probe.c: places and names of all kinds of edits ---- */

/* A place as a user names it: .offset bytes behind .symbol, or .addr if .symbol is "". */
struct shk_location {
	const char *symbol;
	unsigned long addr;
	unsigned long offset; /* has no effect on .addr */
};

/*
 * Finds the address that @place names, and the symbol that contains it. A symbol without "MODULE:"
 * is looked for in the kernel image first, then in all modules. Takes no lock and holds no module:
 * a module may be unloaded at any time until the caller has a reference (shk_module_get_at()).
 *
 * Sets *@addr, *@offset (bytes from the symbol), *@size (bytes of the symbol), and @symbol, which
 * has room for SHK_SYMBOL_LEN: "MODULE:SYMBOL" in a module.
 *
 * Returns 0, or
 *   SYMBOL_UNKNOWN    no symbol has that name
 *   SYMBOL_AMBIGUOUS  several symbols have that name
 *   NOT_TEXT          the address is in no text of the kernel or of a module, or in no symbol
 *   PAST_SYMBOL       @place->offset is not below the symbol's size
 */
int shk_location_resolve(const struct shk_location *place, char *symbol, unsigned long *addr,
			 unsigned long *offset, unsigned long *size);

/*
 * Returns false if @addr, in the function @symbol, must hold the base's text in every shadow:
 * - the function executes while CR3 changes, so CPUs begin it in one text and end it in another;
 * - a hook lets the base execute the body instead, so an edit would have no effect;
 * - it is a thunk of returns or indirect branches.
 *
 * True does not say that an edit is allowed there: the address may be in kprobes' blacklist, or be
 * that of a hook (shk_is_hook_at()). Any context.
 */
bool shk_location_may_differ(unsigned long addr, const char *symbol);

/*
 * Finds the symbol that contains @addr. Copies its name, "MODULE:SYMBOL" in a module, to @name,
 * which has room for SHK_SYMBOL_LEN. Sets *@offset to the bytes from its beginning to @addr, and
 * *@size to its size. Takes no lock and holds no module; does not sleep. Returns 0, or NOT_TEXT: no
 * symbol contains @addr.
 */
int shk_symbol_of(unsigned long addr, char *name, unsigned long *offset, unsigned long *size);

/*
 * Chooses the name of a new edit of @shadow, and copies it to @name, which has room for
 * SHK_NAME_LEN. The name is @wish. If @wish is "", it is made from @after: that is shortened if it
 * is too long, and characters that names cannot have become "_". If @taken(@shadow, name) is true,
 * "-2" is appended, or "-3" and so on. The caller holds the shadow's lock. Does not sleep.
 *
 * Returns 0, or
 *   NAME_INVALID  @wish has a character that names cannot have
 *   NAME_TAKEN    an edit has the name @wish: @taken(@shadow, @wish) is true
 */
int shk_name_choose(struct shk_shadow *shadow, char *name, const char *wish, const char *after,
		    bool (*taken)(struct shk_shadow *shadow, const char *name));

/* ---- site.c ---- */

/*
 * Arms @probe at @addr: adds it to the shadow's site there, or makes and applies one. Sets
 * @probe->site. In a SHK_ASYNC_UNION shadow it arms the probe in the union, too, and in neither
 * text if one of the two fails. The caller is a user of the union then (shk_union_get()).
 *
 * @entry says that the entry of a function is meant: the probe goes to the function's __fentry__
 * site, if it has one. It goes to the instruction behind that site if SHK_PROBE_FORCE_INT3 is set,
 * if a hook is there, or if the site lies in two pages.
 *
 * The caller holds the shadow's lock. After an error no hit refers to @probe, and the caller frees
 * it.
 *
 * Returns 0, or
 *   FORBIDDEN        one of these:
 *                    - a hook is at the address that was chosen
 *                    - kprobes forbids the address
 *                    - it is text of this module, or init text of a module
 *                    - a return hook is wanted in preempt_schedule_notrace()
 *   NOT_TEXT         no text is there
 *   MODULE_BUSY      the module is being loaded or unloaded
 *   MODULE_END       kprobes would read past the end of the module's text
 *   NOT_INSTRUCTION  no instruction begins there
 *   CANNOT_STEP      kprobes cannot step the instruction
 *   JUMP_THERE       a return hook is wanted, and the shadow's site there is armed as JUMP
 *   EDIT_THERE       another edit has one of the bytes
 *   NO_ROOM          all slots are taken
 *   -EIO             the union is missing, with a warning
 *   also FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 */
int shk_site_add(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr,
		 bool entry);

/*
 * Tells whether kprobes accepts a probe at @addr: registers a disabled kprobe and unregisters it,
 * which waits for a grace period. Takes no lock of a shadow.
 *
 * Returns 0, or
 *   FORBIDDEN        kprobes forbids it; or it is text of this module, or init text of a module
 *   NOT_TEXT         no text is there
 *   MODULE_BUSY      the module is being loaded or unloaded
 *   MODULE_END       kprobes would read past the end of the module's text
 *   NOT_INSTRUCTION  no instruction begins there
 *   CANNOT_STEP      kprobes cannot step the instruction
 *   -ENOMEM
 */
int shk_site_check(unsigned long addr);

/*
 * Puts @func on top of the patches of the function whose __fentry__ site is @addr. Makes a stub for
 * @func unless it has one, and lets the entry jump there. Sets @func->site and @func->stub.
 *
 * From the return on, a call of the function in the shadow enters the body of the topmost function
 * of the site whose patch is not SHK_PATCH_OFF. If there is none, or the thread does not see the
 * shadow's edits (shk_thread_sees_edits()), the call enters the old body.
 *
 * The caller holds the shadow's lock. After an error @func is at no site, and has a stub only if it
 * had one before.
 *
 * Returns 0, or
 *   FORBIDDEN     a hook of the module is there, or kprobes forbids the place
 *   EDIT_THERE    one of these:
 *                 - the function has a body in place
 *                 - the function has a patch, and that or @func is SHK_PATCH_IN_PLACE
 *                 - another edit has one of the bytes
 *                 While @func's own body is in place, the first two are not errors.
 *   NO_ROOM       all slots or stubs are taken
 *   OUT_OF_REACH  a jump from the stub does not reach @func->body
 *   MODULE_END    kprobes would read past the end of the module's text
 *   MODULE_BUSY   the module is being unloaded
 *   also FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 */
int shk_site_patch(struct shk_shadow *shadow, struct shk_func *func, unsigned long addr);

/*
 * Removes @func from its site. If it was the topmost function, the entry then jumps to the stub of
 * the next one, or calls the slot if only probes are left. If @func was the last user of the site,
 * the site is removed, and freed later, as by shk_site_remove().
 *
 * @func->site and the stub stay. The caller holds the shadow's lock. It must not free the stub and
 * the body before a grace period of RCU tasks, since tasks may be in the stub or on their way to
 * the body.
 */
void shk_site_unpatch(struct shk_func *func);

/*
 * Makes the stub of the topmost function of @site fast if nothing but its patch wants the entry,
 * else slow (shk_stub_set_fast()). It is fast if the patch is SHK_PATCH_FAST, the base has no
 * active ftrace call here, the site has no probes, and shk_shadow.asks_threads is false. Called
 * after one of these has changed. Does nothing if @site has no function. Takes text_mutex; the
 * caller holds the shadow's lock.
 */
void shk_site_refresh(struct shk_site *site);

/*
 * Sets shk_shadow.asks_threads to @ask, and makes stubs slow or fast accordingly. While it is true,
 * no stub of @shadow is fast: each entry tests whether the current thread sees the shadow's edits.
 * The caller holds the shadow's lock.
 */
void shk_sites_ask_threads(struct shk_shadow *shadow, bool ask);

/*
 * Returns true if an optimised kprobe, wherever it begins in this function, could put a jump over
 * @addr that lies in two pages. @offset is the number of bytes from the function's beginning to
 * @addr; no such jump begins further back. No edit may be at such an address: a shadow with a
 * private copy of one of the two pages would execute half of the jump. Any context.
 */
bool shk_at_page_edge(unsigned long addr, unsigned long offset);

/* Returns true if a branch of 5 bytes at @addr would lie in two pages, so can be no edit. */
static inline bool shk_branch_spans_pages(unsigned long addr)
{
	return offset_in_page(addr) > PAGE_SIZE - JMP32_INSN_SIZE;
}

/*
 * Returns true if no enabled kprobe but @own is at an address from @addr - 4 to @addr + 4. Then no
 * other user's kprobe conflicts with a branch of 5 bytes at @addr. An optimised kprobe before @addr
 * is a jump of 5 bytes that reaches @addr. The branch would cover a kprobe behind @addr.
 *
 * @own is the caller's kprobe, or NULL. Disabled kprobes do not count. The answer is about this
 * moment: other users may register and enable kprobes at any time. Takes the RCU read lock; does
 * not sleep.
 */
bool shk_kprobe_alone(unsigned long addr, const struct kprobe *own);

/*
 * Returns the module that has the text at @addr, with a reference (module_put()); NULL for the
 * kernel image, which needs none. Takes no lock; does not sleep.
 *
 * An error is an ERR_PTR():
 *   NOT_TEXT     no module has text there
 *   FORBIDDEN    it is this module's text, or text that is freed after a module's init
 *   MODULE_BUSY  the module is being loaded or unloaded
 */
struct module *shk_module_get_at(unsigned long addr);

/*
 * Registers @kp by register_kprobe(), unless that would read past the end of a module's text. The
 * caller holds the module that has the text. Takes kprobe_mutex and text_mutex. Returns 0,
 * MODULE_END, or an errno of register_kprobe(); shk_kprobe_refused() translates both.
 */
int shk_kprobe_register(struct kprobe *kp);

/*
 * Translates @err, an error of shk_kprobe_register() or register_kprobe(). Any context.
 * Returns
 *   NOT_INSTRUCTION  for -EILSEQ
 *   CANNOT_STEP      for -EOPNOTSUPP
 *   @err             for -ENOMEM and MODULE_END
 *   FORBIDDEN        for any other: the address is in kprobes' blacklist or in reserved text
 */
int shk_kprobe_refused(int err);

/*
 * Disarms @probe: removes it from its site and from the union's site. Removes each of the two that
 * has no other user, after which every CPU executes the base's bytes there. Releases the hooks of
 * returns (shk_returns_exit()). A worker frees the probe and the sites after grace periods, see
 * shk_sites_settle(). Cannot fail. The caller holds the shadow's lock.
 */
void shk_site_remove(struct shk_probe *probe);

/*
 * Waits until the worker has freed all probes and sites that were removed before the call. @all:
 * waits if anything is left to free. Otherwise waits only if a site in a module is left, since that
 * keeps the module from being unloaded. The caller holds no lock.
 *
 * Returns true if it has waited, so that slots, detours and modules may be free. Returns false if
 * there was nothing to wait for, or the caller was killed.
 */
bool shk_sites_settle(bool all);

/* Frees all that was removed. Called when the module is unloaded: no shadow is left. */
void shk_sites_exit(void);

/*
 * Allocates a probe, all zero. It is part of a larger struct of site.c, which also has the list
 * node by which shk_site_remove() queues the probe; so removal needs no memory and cannot fail.
 * Takes no lock. Returns the probe; NULL if there is no memory.
 */
struct shk_probe *shk_probe_alloc(void);

/*
 * Frees @probe, its counters and its histogram, but not @probe->rethook. No hit refers to @probe:
 * it was never armed, or grace periods have passed.
 */
void shk_probe_free(struct shk_probe *probe);

/* ---- thunk.c ---- */

/* Returns true if @addr is in a thunk of returns or indirect branches. Any context. */
bool shk_thunk_at(unsigned long addr);

/* Finds the thunks of this kernel. Called once, when the module loads. */
void shk_thunks_init(void);

/* ---- counts.c ---- */

/*
 * Allocates @probe->counts, all zero, and sets @probe->counts_block. Takes no lock of a shadow; one
 * may be held. Returns 0 or -ENOMEM.
 */
int shk_counts_alloc(struct shk_probe *probe);

/*
 * Frees @probe->counts, if there are any. The caller ensures that no CPU still increments them: the
 * probe was never armed, or grace periods have passed since it was disarmed.
 */
void shk_counts_free(struct shk_probe *probe);

/* ---- hit.c ---- */

/*
 * Allocates @probe->rethook and its hooks of returns. Each call in progress needs one, so their
 * number limits the calls that can be in progress at once; further ones count as missed. Also keeps
 * kernels before 6.10 from printing their one-time warning about stacks with hooked returns. Takes
 * no lock. Returns 0 or -ENOMEM.
 */
int shk_returns_init(struct shk_probe *probe);

/*
 * Releases @probe->rethook, if there is one. After a grace period no return is reported; calls in
 * progress return through the kernel's own code. The pointer stays valid for hits that use it now:
 * the kernel frees the rethook after a grace period. Takes no lock.
 */
void shk_returns_exit(struct shk_probe *probe);

/* ---- slot.c: see slot_entry.h ---- */

/*
 * Takes a slot for @site. Takes slot_lock, inside any lock of a shadow. Returns the index, or
 * NO_ROOM: all are taken.
 */
int shk_slot_get(struct shk_site *site);

/*
 * Gives @slot back. The caller ensures that no task is in it and no edit leads to it. Takes
 * slot_lock.
 */
void shk_slot_put(int slot);

/* Returns the address of @slot, the target of a call edit. Any context. */
unsigned long shk_slot_text(int slot);

/*
 * Mutes @slot: hits that begin in it from now on report nothing. Called when the slot's edit is
 * removed, since tasks may still be on their way to the slot then. Any context.
 */
void shk_slot_mute(int slot);

/*
 * The site of each slot; NULL if the slot is muted or free. slot.c writes it; hits read it with
 * preemption off, and a site is freed a grace period after it was muted.
 */
extern struct shk_site *shk_slot_sites[];

/*
 * Returns the site of a stub's function. @stub_return is the return address of the stub's call,
 * which leads to shk_hit_call(). Returns NULL if the stub is free or its function is at no site.
 * Called by hits, with preemption off.
 */
struct shk_site *shk_stub_site(unsigned long stub_return);

/*
 * Takes a detour for @site and writes its code: a call of shk_detour_common, a copy of the
 * instruction of @site->kp, and a jump to the instruction behind it. Takes slot_lock and
 * text_mutex. Returns the detour; NULL if the instruction cannot be executed at another address, or
 * no detour is free.
 */
u8 *shk_detour_get(struct shk_site *site);

/*
 * Gives @detour back, a result of shk_detour_get() or shk_detour_get_value(). The caller ensures
 * that no task is in it and no edit leads to it. Takes slot_lock.
 */
void shk_detour_put(u8 *detour);

/* The site of each detour; NULL if it has none. slot.c writes it; hits read it under RCU. */
extern struct shk_site *shk_detour_sites[];

/*
 * Returns the address of the copied instruction in @detour, a result of shk_detour_get(). An
 * execution that begins there is no hit. Any context.
 */
unsigned long shk_detour_insn(u8 *detour);

/*
 * Allocates a detour and writes its code, which sets rax to @value and jumps to @back. Executing
 * it is no hit. Takes slot_lock and text_mutex. Returns the detour, or NULL if none is free.
 */
u8 *shk_detour_get_value(u64 value, unsigned long back);

/*
 * Takes a stub for @func and writes its code: its fast way jumps to @func->body, its slow way calls
 * shk_hit_call(). @site is not the address of the function's __fentry__ site, but the one behind
 * it, where the old body begins. The stub is slow. Takes slot_lock and text_mutex.
 * Returns the index, or
 *   NO_ROOM       all stubs are taken
 *   OUT_OF_REACH  a jump does not reach @func->body, or @site is no sign-extended 32-bit number
 */
int shk_stub_get(struct shk_func *func, unsigned long site);

/*
 * Gives @stub back. The caller ensures that no task is in it and no edit leads to it. Takes
 * slot_lock.
 */
void shk_stub_put(int stub);

/* Returns the address of @stub, the target of a jump edit. Any context. */
unsigned long shk_stub_text(int stub);

/* Returns the address of the jump in @stub that leads to the body. Any context. */
unsigned long shk_stub_jump(int stub);

/*
 * Makes @stub jump to its body without a check (@fast), or call shk_hit_call(). The caller holds
 * text_mutex. Does not sleep.
 */
void shk_stub_set_fast(int stub, bool fast);

/*
 * Returns the address of a function that continues at @behind_site, the address behind a
 * __fentry__ site: to call it is to call the old body. Returns 0 if no room is left. All calls with
 * one @behind_site return the same function, which stays until each call has its shk_old_put().
 * Takes slot_lock and text_mutex.
 */
unsigned long shk_old_get(unsigned long behind_site);

/*
 * Drops one use of @old, a result of shk_old_get(). Before the last one, the caller ensures that no
 * task is in it. Takes slot_lock.
 */
void shk_old_put(unsigned long old);

/*
 * Returns a new function that returns @value, or 0 if no room is left. Takes slot_lock and
 * text_mutex.
 */
unsigned long shk_body_get(u64 value);

/*
 * Gives @body back, a result of shk_body_get(). The caller ensures that no task is in it. Takes
 * slot_lock.
 */
void shk_body_put(unsigned long body);

#endif /* SHK_PROBE_H */
