/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shadow: a text, a name, references, and who is grafted to it.
 *
 * Locking
 *
 * shk_config_lock	serialises everything that a user asks for: names,
 *			edits, attach, detach. Sleeping; outermost.
 * graft_lock		(graft.c) which mm is grafted to which shadow. A
 *			spinlock, so that fork and exit, which must not wait for
 *			a user, need nothing else.
 * text_mutex		(text.h) inside shk_config_lock.
 */
#ifndef SHK_SHADOW_H
#define SHK_SHADOW_H

#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/shadowk.h>

#include "text/text.h"

#define SHK_SITE_BITS 6

/* Text the module itself needs in every shadow, see hooks.c. */
enum shk_hook {
	SHK_HOOK_ENTER_LAZY_TLB,
	SHK_HOOK_PGD_ALLOC,
	SHK_HOOK_PGD_FREE,
	SHK_HOOK_INT3,
	SHK_HOOK_EXEC,
	SHK_HOOK_FAULT,
	SHK_HOOK_TEXT_POKE,
	SHK_HOOK_FTRACE_VERIFY,
	SHK_HOOK_JUMP_LABEL,
	SHK_HOOK_STATIC_CALL,
	SHK_HOOK_CAN_PROBE,
	SHK_HOOK_COPY_INSN,
	SHK_HOOK_CAN_OPTIMIZE,
	SHK_HOOK_INTERRUPT,
	SHK_HOOK_TIMER,
	SHK_HOOK_CALL_FUNCTION,
	SHK_HOOK_CALL_FUNCTION_SINGLE,
	SHK_HOOK_IRQ_WORK,
	SHK_HOOK_SOFTIRQ,
	SHK_NR_HOOKS
};

struct shk_shadow {
	refcount_t ref; /* its name, handles, grafts */
	u64 id;
	char name[SHK_NAME_LEN]; /* "" if it has none */
	struct hlist_node by_name;
	u32 flags; /* SHK_ASYNC_INHERIT, SHK_DELEGABLE */
	bool dead; /* destroyed: handles only */
	struct shk_text text;
	struct shk_edit hooks[SHK_NR_HOOKS];
	bool hooked;

	/* Under graft_lock. */
	struct list_head grafts;
	unsigned int nr_grafts;

	/* edit/'s; written under shk_config_lock, sites read under RCU. */
	DECLARE_HASHTABLE(sites, SHK_SITE_BITS);
	struct list_head probes; /* by id */
	unsigned int nr_probes;
	u64 last_probe;
	/* Remove all edits. Under shk_config_lock, nothing is grafted. */
	void (*teardown)(struct shk_shadow *shadow);
};

extern struct mutex shk_config_lock;

/* ---- shadow.c ---- */

/* A reference to a new shadow; @name may be "". -EEXIST, -EINVAL, -ENOMEM. */
struct shk_shadow *shk_shadow_create(const char *name, u32 flags,
				     void (*teardown)(struct shk_shadow *));
/* A reference to the shadow of that name. -ENOENT. */
struct shk_shadow *shk_shadow_find(const char *name);
/* The shadow with the lowest id that is not below @id, NULL. shk_config_lock held. */
struct shk_shadow *shk_shadow_next(u64 id);
/* Give up the name and the edits. -EBUSY: something is grafted. */
int shk_shadow_destroy(struct shk_shadow *shadow);
struct shk_shadow *shk_shadow_get(struct shk_shadow *shadow);
/* Not under shk_config_lock, unless the caller holds another reference. */
void shk_shadow_put(struct shk_shadow *shadow);
void shk_shadow_info(struct shk_shadow *shadow, struct shk_shadow_info *info);
void shk_shadows_info(struct shk_info *info);
/* Destroy what nobody holds: idle shadows that only their names keep alive. */
void shk_shadows_exit(void);
bool shk_name_valid(const char *name);

/* ---- edits.c ---- */

/* Apply and revert an edit; shk_config_lock held. Errors as shk_text_apply(). */
int shk_edit_apply(struct shk_shadow *shadow, struct shk_edit *edit);
void shk_edit_revert(struct shk_shadow *shadow, struct shk_edit *edit);
/* @bytes: a call or jump (@opcode) at @addr to @target. */
void shk_edit_branch(struct shk_edit *edit, unsigned long addr, u8 opcode, unsigned long target);

/* ---- graft.c ---- */

int shk_graft_init(void);
void shk_graft_exit(void);
/*
 * @mm executes @shadow from here on; it moves if it was in another. The caller
 * holds shk_config_lock and a user of @mm (mmget). What it left, if anything,
 * is in @left, to be put when the lock is dropped. @delegated: by the right of
 * the handle, which does not reach a graft that was made without it. -ENOMEM,
 * -ESTALE, -EPERM.
 */
int shk_graft_attach(struct shk_shadow *shadow, struct mm_struct *mm, bool delegated,
		     struct shk_shadow **left);
/*
 * @mm executes the base, once no fork or exec in it can fail any more without
 * exit_mmap(). -ENOENT: it is not in @from, or, if that is NULL, in none.
 * -ERESTARTSYS: a signal came first. -EPERM and locks as above.
 */
int shk_graft_detach(struct mm_struct *mm, const struct shk_shadow *from, bool delegated);
/* The same for current's mm, which nobody else runs in, if it is in by delegation. No locks. */
void shk_graft_leave(struct mm_struct *mm);
/* A reference to the shadow that @mm is grafted to, or NULL. */
struct shk_shadow *shk_graft_shadow(struct mm_struct *mm);
/*
 * The mm that came into the shadow next after the one that @cursor says (0: the
 * first), with a reference on it (mmput), or NULL. Sets @cursor.
 */
struct mm_struct *shk_graft_next(struct shk_shadow *shadow, u64 *cursor);
unsigned int shk_graft_count(struct shk_shadow *shadow);
/* The mm that a process inside is making joins its shadow. -ENOMEM. */
int shk_graft_inherit(struct mm_struct *mm);
/* That mm came to nothing before it was used. */
void shk_graft_abort(struct mm_struct *mm);
/* What ended before is forgotten: its references and the module's are given up. */
void shk_graft_drain(void);
/* The shadow this CPU executes, NULL for the base. Interrupts are off. */
struct shk_shadow *shk_current_shadow(void);

/* ---- hooks.c ---- */

int shk_hooks_init(void);
/* No task is in a hook. Nothing is grafted any more. */
void shk_hooks_exit(void);
/* Put the hooks into a shadow that has none; shk_config_lock held. */
int shk_hooks_apply(struct shk_shadow *shadow);
void shk_hooks_revert(struct shk_shadow *shadow);
/* Has the module an edit of its own at @addr, in every shadow? */
bool shk_hooks_own(unsigned long addr);
/* Does no shadow execute the body of that function? */
bool shk_hooks_replace(const char *symbol);

#endif /* SHK_SHADOW_H */
