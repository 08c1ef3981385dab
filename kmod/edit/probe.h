/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A probe is a wish (this instruction, that kind); a site is the edit that
 * serves all probes of one shadow at one address.
 *
 * probe.c	adds, removes, tells
 * site.c	arms: which edit, with which kprobe behind it
 * hit.c	what runs when the edit executes
 * counts.c	what hits count in
 * slot.c	the module's text that edits lead to
 * patch.c	patches, whose functions share the sites of entries; see patch.h
 *
 * Locking: the shadow's, but for hits, which read shk_shadow.sites,
 * shk_site.probes and the slots under RCU (preemption is off in them).
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

struct shk_counts {
	u64 hits;
	u64 async_hits;
	u64 missed;
	u64 latency_sum;
	/* Calls hooked here minus those that returned here: its sum over the CPUs counts. */
	s64 unreturned;
};

struct shk_histogram {
	u64 slot[SHK_HISTOGRAM_LEN];
};

struct shk_probe {
	struct list_head node;	  /* shk_shadow.probes */
	struct list_head in_site; /* shk_site.probes, RCU */
	struct shk_site *site;
	/* SHK_ASYNC_UNION: likewise, shk_site.others of the union's site there. */
	struct list_head in_union;
	struct shk_site *union_site;
	u64 id;
	u64 offset;
	u64 created_ns;
	enum shk_probe_kind kind;
	u32 flags;
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
	struct rethook *rethook; /* LATENCY, RETURN */
	struct shk_counts __percpu *counts;
	struct shk_counts_block *counts_block;	  /* that has them */
	struct shk_histogram __percpu *histogram; /* LATENCY */
};

struct shk_site {
	struct hlist_node by_addr; /* shk_shadow.sites, RCU */
	struct list_head probes;   /* RCU */
	/* The union's: probes of other shadows, which all count a hit; RCU. Else empty. */
	struct list_head others;
	/* CALL: functions of patches, the topmost first; RCU. */
	struct list_head funcs;
	struct shk_shadow *shadow;
	struct module *module; /* that has the text, held; NULL: the kernel's own */
	struct shk_edit edit;
	enum shk_probe_arm arm;
	/*
	 * The kernel's word that this instruction may be probed, its decoded
	 * form and its out-of-line copy. Registered and KPROBE_FLAG_DISABLED
	 * for good: the kernel never arms it, and whoever else registers a
	 * kprobe there finds it no obstacle.
	 */
	struct kprobe kp;
	int slot; /* CALL: index, else -1 */
	/*
	 * CALL: where the base's own call at this address leads (ftrace), which
	 * is due after us; 0 if it has none.
	 */
	unsigned long chain;
	u8 *detour;	   /* INT3, JUMP: boosted copy, or NULL */
	bool gives_up_cpu; /* in preempt_schedule_notrace(): see hit.c */
};

/* ---- probe.c ---- */

int shk_probe_add(struct shk_shadow *shadow, struct shk_probe_add *arg);
/* Would it be refused because of what it asks for, or where? Its errors. */
int shk_probe_check(const struct shk_probe_add *arg);
int shk_probe_remove(struct shk_shadow *shadow, const struct shk_probe_remove *arg);
/* The first probe whose id is not below @info->id. -ENOENT. */
int shk_probe_next(struct shk_shadow *shadow, u64 *cursor, struct shk_probe_info *info,
		   bool show_addr);
void shk_probes_teardown(struct shk_shadow *shadow);

/* ---- for whoever places edits ---- */

/* Where a user wants something: SYMBOL+OFFSET, or, if @symbol is "", @addr. */
struct shk_location {
	const char *symbol;
	unsigned long addr;
	unsigned long offset;
};

/*
 * The address, and the symbol that it lies in: its name (SHK_SYMBOL_LEN), how
 * far behind its beginning, and its size. -ENOENT, -ENOTUNIQ, -ERANGE.
 */
int shk_location_resolve(const struct shk_location *place, char *symbol, unsigned long *addr,
			 unsigned long *offset, unsigned long *size);
/* May a shadow's text differ at @addr, in the function of that name? */
bool shk_location_may_differ(unsigned long addr, const char *symbol);
/* The symbol that holds @addr; "MODULE:SYMBOL" if it is a module's. -ERANGE. */
int shk_symbol_of(unsigned long addr, char *name, unsigned long *offset, unsigned long *size);
/* @wish, or a name after @after that is not taken in @shadow. -EINVAL, -EEXIST. */
int shk_name_choose(struct shk_shadow *shadow, char *name, const char *wish, const char *after,
		    bool (*taken)(struct shk_shadow *shadow, const char *name));

/* ---- site.c ---- */

/*
 * The site at @addr, armed for @probe. @entry: it is a function's entry.
 * Errors of struct shk_probe_add.
 */
int shk_site_add(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr,
		 bool entry);
/* May there be a site at @addr? Waits for a grace period. Errors of struct shk_probe_add. */
int shk_site_check(unsigned long addr);
/*
 * Let @func be what the function entered at the __fentry__ site @addr leads to,
 * before those of patches that came earlier; if its patch is on. Errors of struct
 * shk_patch_add.
 */
int shk_site_patch(struct shk_shadow *shadow, struct shk_func *func, unsigned long addr);
/* A task may be in @func's stub, and in its body, for a grace period of RCU tasks. */
void shk_site_unpatch(struct shk_func *func);
/* May the stub go to its body without asking? After something of that changed. */
void shk_site_refresh(struct shk_site *site);
/* Does each stub ask whether the thread is to act, before it goes to its body? */
void shk_sites_ask_threads(struct shk_shadow *shadow, bool ask);
/*
 * True if the jump of an optimised kprobe that reaches over the instruction at @addr, @offset
 * bytes into its function, may lie in two pages. A text that has only one of these pages for
 * itself would execute half of the jump.
 */
bool shk_at_page_edge(unsigned long addr, unsigned long offset);
/* A branch at @addr lies in two pages: no edit does. */
static inline bool shk_branch_spans_pages(unsigned long addr)
{
	return offset_in_page(addr) > PAGE_SIZE - JMP32_INSN_SIZE;
}
/* Nobody's kprobe but @own at, or with its jump reaching to, the bytes at @addr. */
bool shk_kprobe_alone(unsigned long addr, const struct kprobe *own);
/*
 * The module that has text at @addr, held; NULL for the kernel's own. -ERANGE: there is no
 * text; -EADDRNOTAVAIL; -EBUSY: it is just coming or going.
 */
struct module *shk_module_get_at(unsigned long addr);
/* register_kprobe(), but where the kernel would fault: -EADDRNOTAVAIL. The module there is held. */
int shk_kprobe_register(struct kprobe *kp);
/* The kernel's answer to a kprobe there, in the terms of struct shk_probe_add. */
int shk_kprobe_refused(int err);
/* Disarm; probe and site are freed when nothing can be in them any more. */
void shk_site_remove(struct shk_probe *probe);
/*
 * Waits until the slots of removed probes (@all), or at least the modules that they held, are
 * free. Takes no lock; ends early when the caller is killed. True if it has waited and something
 * may have become free.
 */
bool shk_sites_settle(bool all);
void shk_sites_exit(void);
struct shk_probe *shk_probe_alloc(void);
void shk_probe_free(struct shk_probe *probe);

/* ---- thunk.c ---- */

/* Is that in a thunk of returns or indirect branches? */
bool shk_thunk_at(unsigned long addr);
void shk_thunks_init(void);

/* ---- counts.c ---- */

/* Zeroes in probe->counts. -ENOMEM. */
int shk_counts_alloc(struct shk_probe *probe);
/* Nobody counts there any more. */
void shk_counts_free(struct shk_probe *probe);

/* ---- hit.c ---- */

/* Return hooks of a probe. -ENOMEM. */
int shk_returns_init(struct shk_probe *probe);
/* No return is reported any more, once a grace period has passed. */
void shk_returns_exit(struct shk_probe *probe);

/* ---- slot.c ---- */

int shk_slot_get(struct shk_site *site);
void shk_slot_put(int slot);
/* Address that a call edit leads to. */
unsigned long shk_slot_text(int slot);
/* No hit in @slot is reported from here on. */
void shk_slot_mute(int slot);
/* Read under RCU; a site outlives its place here by a grace period. */
extern struct shk_site *shk_slot_sites[];
struct shk_site *shk_stub_site(unsigned long stub_return);

/*
 * Out-of-line copy of the kprobe's instruction that jumps back by itself, or
 * NULL if that instruction cannot be copied or no room is left.
 */
u8 *shk_detour_get(struct shk_site *site);
void shk_detour_put(u8 *detour);
/* One per detour, read as shk_slot_sites. */
extern struct shk_site *shk_detour_sites[];
unsigned long shk_detour_insn(u8 *detour);
/* Sets rax to @value and goes to @back, NULL if no room is left. */
u8 *shk_detour_get_value(u64 value, unsigned long back);

/* The stub of @func, whose function goes on at @site. -ENOSPC, -ENOEXEC (out of reach). */
int shk_stub_get(struct shk_func *func, unsigned long site);
void shk_stub_put(int stub);
unsigned long shk_stub_text(int stub);
/* In it, where the body is gone to. */
unsigned long shk_stub_jump(int stub);
/* text_mutex held. */
void shk_stub_set_fast(int stub, bool fast);

/* A function that goes on at @behind_site, behind a __fentry__ site; 0 if no room is left. */
unsigned long shk_old_get(unsigned long behind_site);
void shk_old_put(unsigned long old);

/* A function that returns @value; 0 if no room is left. */
unsigned long shk_body_get(u64 value);
void shk_body_put(unsigned long body);

#endif /* SHK_PROBE_H */
