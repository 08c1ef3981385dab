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
 *   returns.c hooks returns of functions, see returns.h
 *   counts.c  allocates the per-CPU counters of probes
 *   slot.c    hands out text of the module that edits lead to, see slot_entry.h
 *   tracepoint.c  finds and arms the places of tracepoints, see tracepoint.h
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
#include <asm/text-patching.h>

#include "shadow/shadow.h"

struct shk_captured;
struct shk_func;
struct shk_counts_block;
struct shk_returns;
struct shk_tracepoint_probe;
struct shk_tracepoint_users;

/* Counters of one probe on one CPU. Hits on that CPU write them; readers add up all CPUs. */
struct shk_counts {
	u64 hits;	 /* executions in process context; with a return hook: returns */
	u64 async_hits;	 /* executions in interrupts, softirqs and NMIs, and all by the union */
	u64 missed;	 /* calls whose return could not be hooked, or not be reported */
	u64 latency_sum; /* LATENCY: ns */
	s64 unreturned;	 /* calls hooked here minus calls returned here; only the sum counts */
};

/* LATENCY: the histogram of one probe on one CPU. Hits on that CPU write it. */
struct shk_histogram {
	/* [n]: number of latencies in [2^n, 2^(n+1)) ns; [0] also has those of 0 ns. */
	u64 slot[SHK_HISTOGRAM_LEN];
};

/* The conditions of a probe. Fixed. */
struct shk_conditions {
	unsigned int nr;      /* all conditions */
	unsigned int nr_args; /* those on arguments, which are the first ones */
	struct shk_condition condition[SHK_CONDITIONS_MAX];
};

/*
 * One probe. Members without a remark are constant once shk_probe_add() has returned.
 */
struct shk_probe {
	struct hlist_node by_name; /* in shk_shadow.probe_names; the shadow's lock */
	struct list_head in_site;  /* in shk_site.probes; the shadow's lock, read under RCU */
	struct shk_site *site;	   /* NULL until it is armed; the shadow's lock */
	/*
	 * If the shadow's policy is SHK_ASYNC_UNION: node in the list shk_site.union_probes of
	 * .union_site. Written under the union's lock, read by hits under RCU.
	 */
	struct list_head in_union;
	/*
	 * If the shadow's policy is SHK_ASYNC_UNION: the site at this address of the union, the
	 * text that interrupts and kernel threads execute. Else NULL. Written under the lock of the
	 * probe's shadow and the union's lock, read under either.
	 */
	struct shk_site *union_site;
	u64 id;
	u64 offset;	/* bytes from .symbol to the instruction that was asked for */
	u64 created_ns; /* CLOCK_MONOTONIC when it was added */
	enum shk_probe_kind kind;
	u32 flags; /* SHK_PROBE_* */
	/*
	 * The probe is of a function's entry, but its edit is behind the __fentry__ site. Each call
	 * of the function is a hit, also if it executes a patch's body instead of the old one.
	 */
	bool at_entry;
	/* A hit is counted, and nothing else: COUNT, without RETURN, BELOW and conditions. */
	bool plain;
	/* A hit is counted and reported: EVENT, without RETURN, BELOW and conditions. */
	bool plain_event;
	char name[SHK_NAME_LEN];
	u16 name_len;			   /* bytes of .name, with the 0 behind it */
	unsigned int name_size;		   /* shk_name_size() of .name_len */
	char *symbol;			   /* allocated with kmalloc() */
	struct shk_conditions *conditions; /* allocated with kmalloc(); NULL: there are none */
	/*
	 * LATENCY, CALL, RETURN: hooks of returns, the probe's own if .own_returns, else its
	 * shadow's. NULL for other probes, and until shk_returns_join() sets it.
	 */
	struct shk_returns *returns;
	bool own_returns;
	/* SHK_PROBE_TRACEPOINT: see edit/tracepoint.h; else NULL. The probe's own */
	struct shk_tracepoint_probe *tracepoint;
	/* SHK_PROBE_TRACEPOINT: &tracepoint.funcs, which the probed load reads; else NULL */
	const void *load_from;
	struct shk_counts __percpu *counts;
	struct shk_counts_block *counts_block;	  /* has .counts; NULL if there are none */
	struct shk_histogram __percpu *histogram; /* LATENCY, else NULL */
	/*
	 * The captured kprobe, ftrace_ops or user of a tracepoint (capture.h): hits of this probe
	 * call it. NULL: none. Holds a reference.
	 */
	struct shk_captured *captured;
};

/*
 * The edit at one address of a shadow, and the probes and patches that share it. The site is made
 * for the first of them and removed with the last. Members without a remark are constant. Lists are
 * written under the shadow's lock, unless a remark says otherwise, and read by hits under RCU.
 */
struct shk_site {
	struct list_head probes; /* shk_probe.in_site */
	/*
	 * Counters of the only probe, if a hit of it is only counted (shk_probe.plain) and .funcs
	 * is empty. They spare the hit a walk of the lists. NULL in all other cases. Written under
	 * the shadow's lock, read by hits.
	 */
	struct shk_counts __percpu *only;
	/*
	 * The only probe, if a hit of it is only counted and reported (shk_probe.plain_event) and
	 * .funcs is empty; else NULL. Written and read as .only is.
	 */
	struct shk_probe *only_event;
	/*
	 * If the site is the union's (scope/union.h): the probes of all SHK_ASYNC_UNION shadows at
	 * this address. Else empty. The nodes are shk_probe.in_union. A hit counts for each of
	 * these probes. Written under the union's lock.
	 */
	struct list_head union_probes;
	struct list_head funcs; /* CALL: shk_func.in_site, the topmost function first */
	struct shk_shadow *shadow;
	/* The module that has the text; the site holds a reference. NULL: the kernel image. */
	struct module *module;
	struct shk_edit edit; /* its bytes change under text_mutex */
	enum shk_probe_arm arm;
	bool has_captured; /* CALL or INT3: a probe has been .captured; once set, it stays */
	bool has_entry;	   /* a probe has been .at_entry; once set, it stays */
	bool gives_up_cpu; /* the address is in preempt_schedule_notrace(): hit.c, hit_leave() */
	/*
	 * Sites armed by JUMP or INT3: a kprobe that is registered and disabled as long as the site
	 * exists. Else NULL. By registering it, the module lets the kernel check the address, and
	 * decode and copy the instruction. The kernel puts no breakpoint into the base for a
	 * disabled kprobe. When a CPU hits the edit's int3, the kernel's handler finds the kprobe
	 * by its address and can step the copy. Other users may register kprobes at the same
	 * address.
	 */
	struct kprobe *kp;
	/*
	 * CALL: the ftrace trampoline that the base calls at this address; 0 if the base has a nop
	 * there. A slot or stub, the module's code to which the edit leads, continues in the
	 * trampoline after a hit. If the hit chooses a patch's body, the stub continues at
	 * shk_full() instead. Written under text_mutex, read by hits without a lock.
	 */
	unsigned long chain;
	u8 *detour; /* JUMP: its detour. INT3: one to continue in, or NULL. CALL: NULL */
	/*
	 * The site is at the load of a tracepoint's list: the address of the list's pointer. The
	 * detour loads that, or what shk_detour_set_list() has set. NULL: another site. Fixed.
	 */
	const void *load_from;
};

/* ---- probe.c ---- */

/*
 * Adds the probe that @arg describes to @shadow and arms it: applies an edit at its address, so
 * that executions are hits. Sets @arg->id and @arg->name. Takes the shadow's lock. If the shadow's
 * policy is SHK_ASYNC_UNION, the caller has called shk_union_get(), which keeps the union's text,
 * and calls shk_union_put() after the return.
 *
 * Returns 0, or
 *   -EINVAL           @arg is malformed
 *   -ERESTARTSYS      the caller was killed
 *   SHADOW_DESTROYED  the shadow was destroyed
 *   others            see struct shk_probe_add
 */
int shk_probe_add(struct shk_shadow *shadow, struct shk_probe_add *arg);

/*
 * Adds probes to @shadow whose hits call what @captured describes, and arms them. @captured
 * (capture.h) is one of these:
 * - a kprobe of a tool, which the kernel has registered and not armed. A breakpoint is put at its
 *   address, the only element of @addrs.
 * - a function that a tool registers at a tracepoint. The only element of @addrs is not used.
 * - a struct ftrace_ops that a tool registers. @addrs has its @nr ftrace sites, which are armed by
 *   calls. The edits are applied SHK_PROBES_CHUNK at a time, with one flush for each.
 *
 * Hits may call the handler of a kprobe, or a user, before the return. They call the function of a
 * ftrace_ops only when @captured->arming is false. Stores the ids of the probes in @ids. Each probe
 * has a reference to @captured.
 *
 * If @captured is a guard, a breakpoint of the module itself, the probe is in @shadow->guards. No
 * call lists or removes it, and @ids may be NULL. Takes the shadow's lock; sleeps.
 *
 * Returns 0, or an error, after which no probe is armed. Then hits may call the kprobe's handler or
 * the user until a grace period of RCU has passed.
 *   SHADOW_DESTROYED   the shadow was destroyed
 *   TRACEPOINT_MODULE  the tracepoint is a module's
 *   JUMP_THERE         the shadow has a jump at the address, which does not save all registers; or
 *                      a probe of another kind is at a place of the tracepoint
 *   others             see struct shk_probe_add
 */
int shk_probes_capture(struct shk_shadow *shadow, struct shk_captured *captured,
		       const unsigned long *addrs, unsigned int nr, u64 *ids);

/*
 * Removes the guards of @shadow: probes that make functions fail for workloads (capture.h). A
 * worker frees them. The shadow's lock is held; sleeps. Cannot fail.
 */
void shk_guards_remove_locked(struct shk_shadow *shadow);

/* Probes that one call of shk_probes_add() adds at most. */
#define SHK_PROBES_CHUNK 256

/*
 * Adds the probes that the @nr elements of @args describe to @shadow and arms them, with one flush
 * for all. @nr is SHK_PROBES_CHUNK at most. An element that cannot be added gets the .id 0 and the
 * .reason, and keeps its .name. Takes the shadow's lock. If the shadow's policy is SHK_ASYNC_UNION,
 * the caller has called shk_union_get(), and calls shk_union_put() after the return.
 *
 * Returns the number of probes that were added; or an error, after which none is added:
 *   -EINVAL           an element is malformed
 *   SHADOW_DESTROYED  the shadow was destroyed
 *   others            errors without a reason: -ERESTARTSYS, -ENOMEM, errors of Xen and ftrace
 */
int shk_probes_add(struct shk_shadow *shadow, struct shk_probe_add *args, unsigned int nr);

/*
 * Tells whether a probe as @arg describes it is possible: checks the members of @arg and the place
 * that they name. Adds nothing. Takes no lock of a shadow; may wait for a grace period.
 *
 * Returns 0, or the error that shk_probe_add() would return for every shadow. After 0
 * shk_probe_add() may still fail: the name may be taken or invalid, another edit or a hook may be
 * at the place, or memory or slots may be exhausted.
 */
int shk_probe_check(const struct shk_probe_add *arg);

/*
 * Removes the probes of @shadow whose ids are the @nr elements of @ids. After the return, only hits
 * that began earlier may still count for them; a worker frees them after grace periods. If @ids is
 * NULL, removes all probes. Leaves out ids without a probe. Takes the shadow's lock. Returns the
 * number of probes that were removed, or -ERESTARTSYS: the caller was killed, and none was removed.
 */
int shk_probes_remove(struct shk_shadow *shadow, const u64 *ids, unsigned int nr);

/*
 * Removes the probes of @shadow whose ids are the @nr elements of @ids; leaves out ids without a
 * probe. If @ids is NULL, removes all probes. A worker frees them after grace periods. The caller
 * holds the lock of @shadow. Sleeps. Returns the number of probes that were removed. Cannot fail.
 */
unsigned int shk_probes_remove_locked(struct shk_shadow *shadow, const u64 *ids, unsigned int nr);

/*
 * Removes the probe of @shadow that @arg names. After the return, only hits that began earlier may
 * still count for the probe. A worker frees the probe after grace periods, see shk_sites_settle().
 * Takes the shadow's lock.
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
 * Removes all probes of @shadow, when the shadow is destroyed. A worker frees them after grace
 * periods. The caller holds the shadow's lock. Sleeps. Cannot fail.
 */
void shk_probes_teardown(struct shk_shadow *shadow);

/*
 * Returns true if hits of @probe hook the return of its function: its kind is LATENCY or CALL, or
 * it has SHK_PROBE_RETURN. Any context.
 */
bool shk_probe_wants_return(const struct shk_probe *probe);

/* ---- probe.c: places and names of all kinds of edits ---- */

/* A place as a user names it: .offset bytes behind .symbol, or .addr if .symbol is "". */
struct shk_location {
	const char *symbol;
	unsigned long addr;
	unsigned long offset; /* bytes from .symbol; no effect on .addr */
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
 * Returns false if the text at @addr, in the function @symbol, must be the base's in every shadow:
 * - The function executes while CR3 changes, so CPUs begin it in one text and end it in another.
 * - No shadow executes the body of the function: a hook lets the base execute it
 *   (shk_hooks_replace_body()). An edit would have no effect.
 * - @addr is in a thunk of returns or indirect branches.
 *
 * True does not say that an edit is allowed at @addr: kprobes' blacklist may contain it, or a hook
 * may be there (shk_is_hook_at()). Any context.
 */
bool shk_location_may_differ(unsigned long addr, const char *symbol);

/*
 * Finds the symbol that contains @addr. Copies its name, "MODULE:SYMBOL" in a module, to @name,
 * which has room for SHK_SYMBOL_LEN. Sets *@offset to the number of bytes from the symbol's
 * beginning to @addr, and *@size to the symbol's size. Takes no lock and holds no module; does not
 * sleep. Returns 0, or NOT_TEXT: no symbol contains @addr.
 */
int shk_symbol_of(unsigned long addr, char *name, unsigned long *offset, unsigned long *size);

/*
 * Chooses the name of a new edit of @shadow, and copies it to @name, which has room for
 * SHK_NAME_LEN. @taken tells whether another edit of the same kind has a name.
 * - If @wish is not "", the name is @wish.
 * - If @wish is "", the name is @after, shortened if it is too long. Characters that names cannot
 *   have become "_". If @taken(@shadow, name) is true, "-2" is appended, or "-3" and so on.
 *
 * The caller holds the shadow's lock. Does not sleep.
 *
 * Returns 0, or
 *   NAME_INVALID  @wish is not a valid name (shk_name_valid())
 *   NAME_TAKEN    @taken(@shadow, @wish) is true
 */
int shk_name_choose(struct shk_shadow *shadow, char *name, const char *wish, const char *after,
		    bool (*taken)(struct shk_shadow *shadow, const char *name));

/* ---- site.c ---- */

/*
 * Arms @probe at @addr: adds the probe to the shadow's site there, the edit that all probes at an
 * address share. If there is no site, makes one and applies its edit. Sets @probe->site. If the
 * shadow's policy is SHK_ASYNC_UNION, also arms the probe in the union, the text that interrupts
 * and kernel threads execute; the caller has called shk_union_get().
 *
 * @entry: @addr is the entry of a function. If the function has a __fentry__ site, the probe is put
 * there instead of at @addr. The probe is put behind the __fentry__ site in three cases: the probe
 * has SHK_PROBE_FORCE_INT3, a hook is at the site, or the site lies in two pages.
 *
 * The caller holds the shadow's lock. May take the union's lock. After an error the probe is armed
 * in no text and no hit refers to it; the caller frees it by shk_probe_free().
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
 *   JUMP_THERE       a return hook or a captured kprobe is wanted, and the shadow's site there is
 *                    armed as JUMP
 *   EDIT_THERE       another edit has one of the bytes
 *   NO_ROOM          all slots are taken
 *   -EIO             the union is missing, with a warning
 *   also FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 */
int shk_site_add(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr,
		 bool entry);

/* A probe for shk_sites_add(), with the arguments of shk_site_add(), and its result. */
struct shk_new_probe {
	struct shk_probe *probe; /* NULL: this element is left out */
	const char *name;	 /* the wanted name, for probe.c only; "": one is made */
	unsigned long addr;
	bool entry;
	struct module *module; /* has the text at .addr, with a reference. NULL: kernel image */
	int err;	       /* out: what shk_site_add() would return */
};

/*
 * Arms the probes of the @nr elements of @new, as described at shk_site_add(), but applies all
 * edits together, with one flush. Stores the result for each element in its .err; the caller frees
 * the probes that were not armed. The caller holds the shadow's lock. May take the lock of the
 * union, the hidden shadow that interrupts and kernel threads execute. Sleeps.
 */
void shk_sites_add(struct shk_shadow *shadow, struct shk_new_probe *new, unsigned int nr);

/*
 * Tells whether kprobes and the text's module allow an edit at @addr: for @probe, or for a patch if
 * @probe is NULL. At a __fentry__ site asks kprobes' blacklist only. Functions that are in the
 * blacklist because they are kprobes' own accept COUNT and EVENT probes at their entry, without
 * return hooks. Elsewhere registers a disabled kprobe and unregisters it, which waits for a grace
 * period. Takes no lock of a shadow.
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
int shk_site_check(unsigned long addr, const struct shk_probe *probe);

/*
 * Makes @func the topmost patch of the function whose __fentry__ site is @addr. Makes the entry
 * jump to a stub: code in the module that leads to the body. Makes one for @func unless it has one.
 * Sets @func->site and @func->stub.
 *
 * After the return, a call of the function in the shadow enters the body of the topmost patch that
 * is not SHK_PATCH_OFF. If all patches are off, or the calling thread does not see the shadow's
 * edits (shk_thread_sees_edits()), the call enters the old body.
 *
 * The caller holds the shadow's lock. After an error @func is at no site, and has a stub only if it
 * had one before.
 *
 * Returns 0, or
 *   FORBIDDEN     a hook of the module is there, or kprobes forbids the place
 *   EDIT_THERE    one of these; the first two only if shk_patch.in_place of @func is false:
 *                 - a SHK_PATCH_IN_PLACE patch has replaced the bytes of the function's body
 *                 - the function has a patch, and that or @func is SHK_PATCH_IN_PLACE
 *                 - another edit has one of the bytes
 *   NO_ROOM       all slots or stubs are taken
 *   OUT_OF_REACH  a jump from the stub does not reach @func->body
 *   MODULE_END    kprobes would read past the end of the module's text
 *   MODULE_BUSY   the module is being unloaded
 *   also FTRACE_DISABLED, FTRACE_DEAD, XEN, -ENOMEM
 */
int shk_site_patch(struct shk_shadow *shadow, struct shk_func *func, unsigned long addr);

/*
 * Removes @func, a function of a patch, from its site, the edit at the function's entry. The caller
 * holds the shadow's lock. At return the edit of the site depends on the users that the site still
 * has:
 *
 *   functions    a jump to the stub of the topmost function
 *   only probes  a call of the site's slot
 *   none         reverted; a worker frees the site after grace periods, see shk_sites_settle()
 *
 * @func->site and @func->stub stay set. The caller must not free the stub or the body before a
 * grace period of RCU tasks. Tasks may be in the stub or on their way to the body.
 */
void shk_site_unpatch(struct shk_func *func);

/*
 * Makes the stub of the topmost function of @site fast or slow. A fast stub jumps to the new body
 * at once; a slow one calls shk_hit_call(), which hits probes and chooses the body. The stub
 * becomes fast if all of these are true, else slow:
 * - the patch of the function is SHK_PATCH_FAST
 * - the site has no probes
 * - no probe of the function's entry is at the site behind: shk_probe.at_entry
 * - the base does not call ftrace here: shk_site.chain is 0
 * - shk_shadow.asks_threads is false
 *
 * Called after one of these has changed. Does nothing if @site has no function. Takes text_mutex;
 * the caller holds the shadow's lock.
 */
void shk_site_refresh(struct shk_site *site);

/*
 * Sets shk_shadow.asks_threads to @ask, and makes stubs, to which entries of patched functions
 * jump, slow or fast accordingly. While it is true, no stub of @shadow is fast: each entry tests
 * whether the current thread sees the shadow's edits. The caller holds the shadow's lock. Takes
 * text_mutex.
 */
void shk_sites_ask_threads(struct shk_shadow *shadow, bool ask);

/*
 * Returns true if the jump of an optimised kprobe could cover @addr and lie in two pages. Such a
 * jump has 5 bytes and begins at @addr or up to 4 bytes before it, in the same function. @offset is
 * the number of bytes from the function's beginning to @addr.
 *
 * No edit may be at such an address: a shadow with a private copy of one of the two pages would
 * execute half of the jump. Any context.
 */
bool shk_at_page_edge(unsigned long addr, unsigned long offset);

/*
 * Returns true if a branch of 5 bytes at @addr would lie in two pages. No edit may do that. Any
 * context.
 */
static inline bool shk_branch_spans_pages(unsigned long addr)
{
	return offset_in_page(addr) > PAGE_SIZE - JMP32_INSN_SIZE;
}

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
 * Disarms @probe: removes it from its site. Also removes it from its site in the union, the hidden
 * shadow that interrupts and kernel threads execute, if it has one there. If a site has no other
 * user, its edit is reverted: at return every CPU executes the base's bytes there. Ends the probe's
 * use of hooks of returns. A worker frees the probe and the reverted sites after grace periods, see
 * shk_sites_settle(). Cannot fail. May take the union's lock; the caller holds the shadow's lock.
 */
void shk_site_remove(struct shk_probe *probe);

/* Probes that one call of shk_sites_remove() removes at most. */
#define SHK_REMOVE_CHUNK 64

/*
 * Disarms the probes of the @nr elements of @probes: removes them from their sites, and reverts the
 * edits of sites without other users together, with one flush. A worker frees the probes and sites
 * after grace periods. Cannot fail. @nr is SHK_REMOVE_CHUNK at most, and all probes are of one
 * shadow. The caller holds that shadow's lock.
 */
void shk_sites_remove(struct shk_probe **probes, unsigned int nr);

/*
 * Waits until the worker has freed all probes and sites that were removed before the call. Returns
 * at once if nothing is left to free. If @all is false, it waits only if a removed site in a module
 * is left, which keeps that module from being unloaded. The caller holds no lock.
 *
 * Returns true if it has waited, so that slots, detours and modules may be free. Returns false if
 * there was nothing to wait for, or the caller was killed.
 */
bool shk_sites_settle(bool all);

/*
 * Frees the removed probes and sites that the worker has not freed. Called when this module is
 * unloaded, when no shadow is left. Sleeps.
 */
void shk_sites_exit(void);

/*
 * Allocates a probe, all zero. It is part of a larger struct of site.c, which also has the list
 * node by which shk_site_remove() queues the probe; so removal needs no memory and cannot fail.
 * Takes no lock. Returns the probe; NULL if there is no memory.
 */
struct shk_probe *shk_probe_alloc(void);

/*
 * Frees @probe, its counters, its histogram, and its own hooks of returns. The caller ensures that
 * no hit refers to @probe: it was never armed, or grace periods have passed. Sleeps.
 */
void shk_probe_free(struct shk_probe *probe);

/* ---- kprobe.c ---- */

/*
 * Returns true if no enabled kprobe but @except (or NULL) is at an address from @addr - 4 to @addr
 * + 4. Then no other user's kprobe conflicts with a branch of 5 bytes at @addr. An optimised kprobe
 * before @addr is a jump of 5 bytes that reaches @addr, and the branch would cover a kprobe behind
 * @addr.
 *
 * Disabled kprobes do not count. The answer is about this moment: other users may register and
 * enable kprobes at any time. Takes the RCU read lock; does not sleep.
 */
bool shk_kprobe_alone(unsigned long addr, const struct kprobe *except);

/*
 * Registers @kp, which only has an address and flags, as register_kprobe() does, unless that would
 * read past the end of a module's text. A disabled kprobe may be registered such that the kernel
 * does not prepare to optimise it. The caller holds the module that has the text. Takes
 * kprobe_mutex and text_mutex. Returns 0, MODULE_END, or an errno of register_kprobe();
 * shk_kprobe_refused() translates both.
 */
int shk_kprobe_register(struct kprobe *kp);

/*
 * Returns the error for the caller that stands for @err, an error of shk_kprobe_register() or
 * register_kprobe(). Any context. Returns
 *   NOT_INSTRUCTION  for -EILSEQ
 *   CANNOT_STEP      for -EOPNOTSUPP
 *   @err             for -ENOMEM and MODULE_END
 *   FORBIDDEN        for any other: the address is in kprobes' blacklist or in reserved text
 */
int shk_kprobe_refused(int err);

/* ---- thunk.c ---- */

/* Returns true if @addr is in a thunk of returns or indirect branches. Any context. */
bool shk_thunk_at(unsigned long addr);

/* Finds the text ranges of thunks for shk_thunk_at(). Called once, when the module loads. */
void shk_thunks_init(void);

/* ---- counts.c ---- */

/*
 * Allocates @probe->counts, all zero, and sets @probe->counts_block. Takes no lock of a shadow; one
 * may be held. Returns 0 or -ENOMEM.
 */
int shk_counts_alloc(struct shk_probe *probe);

/*
 * Frees @probe->counts, if there are any. The caller ensures that no CPU still increments them: the
 * probe was never armed, or grace periods have passed since it was disarmed. Takes blocks_lock of
 * counts.c; sleeps.
 */
void shk_counts_free(struct shk_probe *probe);

/* ---- slot.c: see slot_entry.h ---- */

/*
 * Allocates a slot for @shadow: code in the module's text that reports a hit. All calls that edits
 * of @shadow put at __fentry__ sites lead to it. Takes slot_lock; the caller may hold locks of
 * shadows. Returns the index of the slot, or NO_ROOM: all slots are taken.
 */
int shk_slot_alloc(struct shk_shadow *shadow);

/*
 * Makes the slot number @slot free for another shadow. The caller has called shk_slot_mute() for
 * it, and ensures that no task is in it and no edit leads to it. Takes slot_lock.
 */
void shk_slot_free(int slot);

/*
 * Returns the address of slot number @slot: code in the module that the calls at a shadow's
 * __fentry__ sites lead to. Any context.
 */
unsigned long shk_slot_text(int slot);

/*
 * Makes slot number @slot count no hits any longer: those that begin in it from now on find no
 * shadow. Called when the last edit that leads to the slot is removed, since tasks may still be on
 * their way to the slot then. Any context.
 */
void shk_slot_mute(int slot);

/*
 * The shadow of each slot; NULL if the slot is muted or free. slot.c writes it; hits read it with
 * preemption off, and a shadow is freed grace periods after its slot was muted.
 */
extern struct shk_shadow *shk_slot_shadows[];

/*
 * Returns the site, the edit at a function's entry, whose function has stub number @stub. Returns
 * NULL if the stub is free or its function is at no site. Called by hits, with preemption off.
 */
struct shk_site *shk_stub_site(unsigned int stub);

/*
 * Allocates a detour for @site: an element of the module's text to which the site's jump leads.
 * Writes its code: a call of shk_detour_common, a copy of the instruction of @site->kp, and a jump
 * to the instruction behind it. Takes slot_lock and text_mutex. Returns the detour; NULL if the
 * instruction cannot be executed at another address, or no detour is free.
 */
u8 *shk_detour_alloc(struct shk_site *site);

/*
 * Frees @detour, code that shk_detour_alloc() or shk_detour_alloc_value() has made. The caller
 * ensures that no task is in it and no edit leads to it. Takes slot_lock.
 */
void shk_detour_free(u8 *detour);

/*
 * Makes the copied load in @detour load @list where the base's load would load NULL, from now on.
 * @list may be NULL. @detour belongs to a site with shk_site.load_from. On return, CPUs may still
 * use the list that was set before. Any context.
 */
void shk_detour_set_list(const u8 *detour, const void *list);

/* The site of each detour; NULL if it has none. slot.c writes it; hits read it under RCU. */
extern struct shk_site *shk_detour_sites[];

/*
 * Returns the address of the copied instruction in @detour, a result of shk_detour_alloc(). An
 * execution that begins there is no hit. Any context.
 */
unsigned long shk_detour_insn(u8 *detour);

/*
 * Allocates a detour and writes its code, which sets rax to @value and jumps to @back. No hit is
 * reported there. Takes slot_lock and text_mutex. Returns the detour, or NULL if none is free.
 */
u8 *shk_detour_alloc_value(u64 value, unsigned long back);

/*
 * Allocates a stub for @func, an element of the module's text to which the function's entry will
 * jump, and writes its code. A fast stub jumps to @func->body, a slow one calls shk_hit_call(). The
 * new stub is slow. @behind_site is the address behind the function's __fentry__ site, where the
 * old body begins. Takes slot_lock and text_mutex. shk_stub_free() frees the stub.
 *
 * Returns the index of the stub, or
 *   NO_ROOM       all stubs are taken
 *   OUT_OF_REACH  a jump does not reach @func->body, or a push of 32 bits cannot express
 *                 @behind_site
 */
int shk_stub_alloc(struct shk_func *func, unsigned long behind_site);

/*
 * Makes the stub number @stub, a result of shk_stub_alloc(), free for another function. The caller
 * ensures that no task is in it and no edit leads to it. Takes slot_lock.
 */
void shk_stub_free(int stub);

/*
 * Returns the address of stub number @stub: code in the module to which the entry of a patched
 * function jumps. Any context.
 */
unsigned long shk_stub_text(int stub);

/*
 * Returns the address of the instruction in stub number @stub that jumps to the patch's body
 * (shk_func.body). Any context.
 */
unsigned long shk_stub_jump(int stub);

/*
 * Makes stub number @stub fast or slow. A fast stub jumps to its body without a check. A slow stub
 * calls shk_hit_call(), which chooses the body. The caller holds text_mutex. Does not sleep.
 */
void shk_stub_set_fast(int stub, bool fast);

/*
 * Returns the address of a function that jumps to @behind_site, the address behind a __fentry__
 * site, and so executes the old body. Returns 0 if no room is left. Calls with the same
 * @behind_site return the same function. Each call increments the function's count of uses, which
 * shk_old_put() decrements. Takes slot_lock and text_mutex.
 */
unsigned long shk_old_get(unsigned long behind_site);

/*
 * Decrements the count of uses of @old, a result of shk_old_get(). If it becomes 0, the function
 * @old is free for another use; before that call the caller ensures that no task executes @old.
 * Takes slot_lock.
 */
void shk_old_put(unsigned long old);

/*
 * Allocates an element of shk_users, and writes its code, which calls shk_hit_tracepoint() for
 * @users and returns behind the call instruction at @call. Takes slot_lock and text_mutex; sleeps.
 * Returns the number of the element, which shk_users_free() frees; or NO_ROOM: all are in use.
 */
int shk_users_alloc(struct shk_tracepoint_users *users, unsigned long call);

/*
 * Frees the element number @i of shk_users: the code in the module that a tracepoint's call in the
 * shadow jumps to, and that calls the tracepoint's users. The caller ensures that no CPU executes
 * the element, and that no edit leads to it. Takes slot_lock; sleeps.
 */
void shk_users_free(int i);

/* Returns the address of element number @i of shk_users, to which an edit jumps. Any context. */
unsigned long shk_users_text(int i);

/* For each element of shk_users, what it calls; NULL: it is free. slot.c writes, hits read it. */
extern struct shk_tracepoint_users *shk_users_of[];

/*
 * Returns the address of a new function, in the module's text, that returns @value. Returns 0 if no
 * room is left. Takes slot_lock and text_mutex.
 */
unsigned long shk_body_alloc(u64 value);

/*
 * Frees @body, a result of shk_body_alloc(). The caller ensures that no task is in it. Takes
 * slot_lock.
 */
void shk_body_free(unsigned long body);

#endif /* SHK_PROBE_H */
