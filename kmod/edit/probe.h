/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A probe is a wish (this instruction, that kind); a site is the edit that
 * serves all probes of one shadow at one address.
 *
 * probe.c	adds, removes, tells
 * site.c	arms: which edit, with which kprobe behind it
 * hit.c	what runs when the edit executes
 * slot.c	the module's text that edits lead to
 *
 * Locking: shk_config_lock, but for hits, which read shk_shadow.sites,
 * shk_site.probes and the slots under RCU (preemption is off in them).
 */
#ifndef SHK_PROBE_H
#define SHK_PROBE_H

#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/rethook.h>

#include "shadow/shadow.h"

struct shk_counts {
	u64 hits;
	u64 async_hits;
	u64 missed;
	u64 latency_sum;
};

struct shk_histogram {
	u64 slot[SHK_HISTOGRAM_LEN];
};

struct shk_probe {
	struct list_head node;	  /* shk_shadow.probes */
	struct list_head in_site; /* shk_site.probes, RCU */
	struct shk_site *site;
	u64 id;
	u64 offset;
	u64 created_ns;
	enum shk_probe_kind kind;
	u32 flags;
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
	struct rethook *rethook; /* LATENCY, RETURN */
	struct shk_counts __percpu *counts;
	struct shk_histogram __percpu *histogram; /* LATENCY */
};

struct shk_site {
	struct hlist_node by_addr; /* shk_shadow.sites, RCU */
	struct list_head probes;   /* RCU */
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
	u8 *detour; /* INT3, JUMP: boosted copy, or NULL */
};

/* ---- probe.c ---- */

int shk_probe_add(struct shk_shadow *shadow, struct shk_probe_add *arg);
int shk_probe_remove(struct shk_shadow *shadow, const struct shk_probe_remove *arg);
/* The first probe whose id is not below @info->id. -ENOENT. */
int shk_probe_next(struct shk_shadow *shadow, struct shk_probe_info *info, bool show_addr);
void shk_probes_teardown(struct shk_shadow *shadow);
void shk_probes_exit(void);

/* ---- site.c ---- */

/*
 * The site at @addr, armed for @probe. @entry: it is a function's entry.
 * Errors of struct shk_probe_add.
 */
int shk_site_add(struct shk_shadow *shadow, struct shk_probe *probe, unsigned long addr,
		 bool entry);
/* Disarm; probe and site are freed when nothing can be in them any more. */
void shk_site_remove(struct shk_probe *probe);
/* At its return no module is held for the sake of a probe that is gone. */
void shk_sites_settle(void);
void shk_sites_exit(void);
struct shk_probe *shk_probe_alloc(void);
void shk_probe_free(struct shk_probe *probe);

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
struct shk_site *shk_slot_site(unsigned long slot_return);

/*
 * Out-of-line copy of the kprobe's instruction that jumps back by itself, or
 * NULL if that instruction cannot be copied or no room is left.
 */
u8 *shk_detour_get(struct shk_site *site);
void shk_detour_put(u8 *detour);
struct shk_site *shk_detour_site(unsigned long detour_return);
unsigned long shk_detour_insn(u8 *detour);

#endif /* SHK_PROBE_H */
