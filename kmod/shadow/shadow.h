/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A shadow: a text, a name, references, the mms that are grafted to it, and its edits.
 *
 *   create -> [first graft or carrier: prepare] -> destroy -> last put -> freed
 *
 * "destroy" takes the name and the edits away, so it needs a shadow without users. A shadow whose
 * last reference goes without it loses both then.
 *
 * Locks, outermost first:
 *
 *   shk_shadow.lock  Serialises what users ask of one shadow: edits, mms that come into it, its
 *                    end. A mutex. Taken by the functions below, together with that of its target.
 *                    Shadows that have a target come first, then addresses decide; then come
 *                    hidden shadows.
 *   names_lock       shadow.c: names, and which shadows there are. A mutex; no lock is taken and
 *                    nothing is allocated inside.
 *   text_mutex       (text/text.h) the text's tables and bytes.
 *   shk_graft_lock   (graft/graft.h) which mm is grafted to which shadow. A spinlock, so that fork
 *                    and exit do not wait for users of shadows.
 */
#ifndef SHK_SHADOW_H
#define SHK_SHADOW_H

#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/shadowk.h>
#include <linux/xarray.h>

#include "hooks/hooks.h"
#include "text/text.h"

/*
 * Shadows that one task has locked at most: two and their targets; and the subclass of hidden ones.
 */
#define SHK_SHADOW_LOCKS 4

struct shk_site_table;
struct shk_diversion;
struct shk_slot;
struct shk_returns;

/*
 * One shadow. Members are under .lock, unless a member's comment says otherwise. "Fixed" members do
 * not change after creation.
 */
struct shk_shadow {
	/*
	 * References. Held by
	 * - its name
	 * - each handle, owner's and derived (handle.c); a creator, until it has made the handle
	 * - each graft that is neither unused nor parked (struct shk_graft.shadow)
	 * - each exec on its way into it (struct shk_pending_attach.shadow)
	 * - each stretch that returns to it (struct shk_stretch.back)
	 * - each graft that is to come back to it if a cgroup's attach fails (struct shk_previous)
	 * - each cgroup binding to it (struct shk_binding)
	 * - each shadow whose target it is
	 * - each helper that arms kprobes in it, and each captured kprobe (edit/capture.h)
	 * - for a moment: shk_shadow_find(), shk_shadow_next(), shk_graft_get_shadow(), and changes
	 *   of a graft (struct shk_deferred_put)
	 *
	 * Edits, the carrier and ownerships (scope/ownership.h) hold none: the put of the last
	 * reference removes them. CPUs hold none: a graft keeps its reference until all CPUs have
	 * flushed. The count of a hidden shadow stays 1.
	 */
	refcount_t ref;
	u64 id; /* from 1 on, never reused. Fixed */
	struct mutex lock;
	char name[SHK_NAME_LEN];   /* "" if it has none. Under names_lock; see shk_shadow_name() */
	u16 name_len;		   /* bytes of the name that it got, with the 0 behind it. Fixed */
	unsigned int name_size;	   /* shk_name_size() of .name_len. Fixed */
	struct hlist_node by_name; /* shadow.c's. Under names_lock */
	u32 flags;		   /* SHK_ASYNC_*. Fixed */
	bool dead;		   /* destroyed. Never cleared; read without .lock, too */
	bool hidden;		   /* of shk_shadow_create_hidden(). Fixed */
	struct shk_text text;	   /* see text/text.h; this struct is its owner */
	struct shk_hooks hooks;	   /* the module's own edits of the text */

	/*
	 * Handles with fewer rights that were derived from an owner's handle, and not revoked:
	 * struct shk_handle.node. Under handle.c's handles_lock.
	 */
	struct list_head handles;
	unsigned int nr_handles;
	u64 last_handle;
	bool shared; /* a handle with SHK_RIGHT_ATTACH was derived. Never cleared */

	/*
	 * The grafts to this shadow: struct shk_graft.node, by ascending shk_graft.attach_seq.
	 * Under shk_graft_lock.
	 */
	struct list_head grafts;
	/*
	 * Number of mms that are grafted to the shadow, plus mms that were detached and await a
	 * flush, plus execs on their way into it. A shadow's count is contained in that of its
	 * target. Written under shk_graft_lock; read by shk_shadow_users().
	 */
	unsigned int nr_grafts;
	/*
	 * Number of entries (struct shk_thread) for this shadow in the table of graft/thread.c. If
	 * it is 0, edits act on all threads inside. Otherwise each hit calls shk_thread_is_listed()
	 * to find out whether edits act on current. A hidden shadow has no entries, but always 1
	 * here: each hit makes that call, which returns false. Written under shk_graft_lock; while
	 * .lock is held 0 stays 0. Hits read it without a lock.
	 */
	unsigned int nr_threads;

	/*
	 * Number of edits that cannot test whether they act on current: raw edits, edits of patches
	 * inside functions, and bodies of IN_PLACE patches, also of those that are switched off.
	 * While it is not 0, SHK_ENTER refuses SHK_THREAD stretches.
	 */
	unsigned int nr_common;
	/*
	 * True if stubs of patches test whether the patch acts on current. It becomes true before
	 * the first SHK_THREAD stretch begins. Read without .lock, too.
	 */
	bool asks_threads;

	/*
	 * Number of cgroups that are bound to this shadow, or to a shadow whose target this is.
	 * Written under cgroups_lock and shk_graft_lock; while .lock is held 0 stays 0.
	 */
	unsigned int nr_cgroups;

	/*
	 * The carrier mm (graft/carrier.h): interrupts and kernel threads load it to execute the
	 * shadow. NULL: none. Written under .lock; read without it, too.
	 */
	struct mm_struct *carrier;
	unsigned int carrier_users;
	struct list_head ownerships; /* struct shk_ownership, by id */
	u64 last_ownership;

	/*
	 * True if work that processes inside raise executes the shadow (scope/causal.h): work
	 * items, timers and softirqs. Read without .lock, too.
	 */
	bool causal;
	/*
	 * Number of work items, timers and softirqs that processes inside raised, and that did not
	 * execute the shadow. The union (scope/union.h) counts its own work here. Reasons:
	 * - another task had raised the same softirq, too
	 * - there was no memory, or no free entry in the table that remembers the work's shadow
	 * - the CPU executed work of the same kind in a shadow already
	 */
	atomic64_t nr_unfollowed;

	/*
	 * The target of a shadow that SHK_SYSCALLS_CREATE has made; NULL in other shadows. An mm
	 * that is grafted to this shadow executes the text of @target during the system calls in
	 * @calls, and counts for both. Holds a reference. Fixed.
	 */
	struct shk_shadow *target;
	/*
	 * Shadows whose target this is. Written under .lock and shk_graft_lock, read with either.
	 */
	struct list_head callers;
	/* In .callers of the target. Written under the target's lock and shk_graft_lock. */
	struct list_head caller;
	/*
	 * The chosen system calls, by number. If the shadow has a target, they are fixed. If it is
	 * a target, they are the chosen calls of all .callers, and scope/syscalls.c writes them
	 * under .lock. Readers without .lock have interrupts off or hold shk_graft_lock.
	 */
	unsigned long calls[SHK_SYSCALLS_WORDS];
	/*
	 * The jump at x64_sys_call(), or at its call, by scope/syscalls.c. It is applied in a
	 * shadow that has a target, and in a target while that has callers.
	 */
	struct shk_edit redirect;

	/*
	 * Members from .sites to .last_raw belong to edit/; other layers only read .nr_probes and
	 * .bodies. Hits read .sites with preemption off. So a removed site is freed after grace
	 * periods of RCU tasks and of RCU.
	 */
	struct shk_site_table *sites; /* struct shk_site, by address; NULL: there are none */
	struct shk_slot *slot;	      /* where its call edits lead; NULL: it has none */
	unsigned int nr_calls;	      /* sites that are armed by a call or jump at an entry */
	/* Hooks of returns for probes without a limit of their own; NULL: there are none. */
	struct shk_returns *returns;
	unsigned int nr_returns;	/* probes that use .returns */
	struct xarray probes;		/* struct shk_probe, by id */
	struct hlist_head *probe_names; /* struct shk_probe, by name: nr_probe_names lists */
	unsigned int nr_probe_names;	/* a power of two; 0: there are none */
	unsigned int nr_probes;		/* read without .lock, too */
	u64 last_probe;
	struct list_head patches; /* by id */
	unsigned int nr_patches;
	u64 last_patch;
	/*
	 * Set if the shadow is a helper: a shadow in which a tracing tool runs, whose kprobes hit
	 * only in another shadow (edit/capture.h). Names that other shadow. NULL: the shadow is no
	 * helper. It belongs to a patch, and is freed after a grace period. Read with interrupts
	 * off.
	 */
	struct shk_diversion *diversion;
	/*
	 * If the shadow is a helper: the shadow to which exec moves workloads, the programs that
	 * its tools trace. That is .target of the diversion. NULL: they stay in the helper. Changes
	 * with .diversion. Read under shk_graft_lock while a process is inside.
	 */
	struct shk_shadow *workload;
	/*
	 * .guards has a guard for each function that arms a kprobe, a user of a tracepoint or a
	 * tracer. Never cleared. Written and read under capture_add_lock of edit/capture.c.
	 */
	bool guarded;
	/*
	 * If workloads run in the shadow: probes that make functions fail for them, see
	 * guards_add() in edit/capture.c. Linked by shk_probe.by_name. Under .lock.
	 */
	struct hlist_head guards;
	/*
	 * Ranges of text in which no task may be when text changes: those of IN_PLACE and LIVEPATCH
	 * patches that are in effect. Linked by struct shk_body.node. Written under .lock,
	 * text_mutex and shk_graft_lock; read with any of them.
	 */
	struct list_head bodies;
	struct list_head raws;	      /* by id */
	struct list_head tracepoints; /* struct shk_tracepoint_keys, in no order */
	struct list_head users;	      /* struct shk_tracepoint_users, in no order */
	u64 last_raw;
	/*
	 * Removes everything that was added to the shadow, its edits included. Called once or
	 * several times, with .lock held, when the shadow has no users. May sleep. Fixed.
	 */
	void (*teardown)(struct shk_shadow *shadow);
	struct rcu_head rcu; /* shadow.c's, to free it */
};

/*
 * A range of text that no checked task may have on its stack when text changes
 * (graft/stack_check.h). It is a body that an IN_PLACE or LIVEPATCH patch replaces, a .cold part of
 * one, or the body or stub of such a patch.
 */
struct shk_body {
	struct list_head node;	   /* shk_shadow.bodies, or in no list */
	struct list_head in_check; /* struct shk_stack_check.extra_bodies, or in no list */
	unsigned long from;	   /* first byte. Fixed */
	unsigned long to;	   /* behind the last byte. Fixed */
};

/* ---- locks ---- */

/*
 * Takes the locks of @shadow and of its target, if it has one. The wait is killable: for a caller
 * that has nothing to revert. Called with no shadow's lock held. May sleep. Returns 0;
 * -ERESTARTSYS: the caller was killed, and no lock is held. The caller releases the locks by
 * shk_shadow_unlock().
 */
int __must_check shk_shadow_lock(struct shk_shadow *shadow);
/*
 * Takes the locks of @shadow, of @other, which may be NULL, and of their targets; each once, if
 * some are the same. Called with no shadow's lock held. May sleep. Returns 0; -ERESTARTSYS: the
 * caller was killed, and no lock is held. The caller releases the locks by
 * shk_shadow_unlock_both().
 */
int __must_check shk_shadow_lock_both(struct shk_shadow *shadow, struct shk_shadow *other);
/*
 * Waits until the locks of @shadow, of @other, which may be NULL, and of their targets are free:
 * takes and releases them. Called without other locks that tasks wait for, such as a process's
 * cred_guard_mutex. Afterwards the caller takes such a lock and then tries the shadows' locks.
 * Called with no shadow's lock held. May sleep. Returns 0; -ERESTARTSYS: the caller was killed.
 */
int __must_check shk_shadow_wait_both(struct shk_shadow *shadow, struct shk_shadow *other);
/*
 * Takes the locks of @shadow and of its target, if it has one, if both are free. For a caller that
 * holds a lock for which other tasks wait, such as another process's cred_guard_mutex. Does not
 * sleep. Returns true if it has taken them; false: no lock is held. The caller releases the locks
 * by shk_shadow_unlock().
 */
bool __must_check shk_shadow_trylock(struct shk_shadow *shadow);
/*
 * Takes the locks of @shadow, of @other, which may be NULL, and of their targets, if all are free.
 * Does not sleep. Returns true if it has taken them; false: no lock is held. The caller releases
 * the locks by shk_shadow_unlock_both().
 */
bool __must_check shk_shadow_trylock_both(struct shk_shadow *shadow, struct shk_shadow *other);
/*
 * Takes the locks of @shadow, of @other, which may be NULL, and of their targets. The wait is not
 * killable: for a caller that must complete or revert a change. Called with no shadow's lock held.
 * May sleep. The caller releases the locks by shk_shadow_unlock_both(), or by shk_shadow_unlock()
 * if @other is NULL.
 */
void shk_shadow_lock_always(struct shk_shadow *shadow, struct shk_shadow *other);
/* Releases the locks of @shadow and of its target, if it has one. */
void shk_shadow_unlock(struct shk_shadow *shadow);
/* Releases the locks of @shadow, of @other, which may be NULL, and of their targets. */
void shk_shadow_unlock_both(struct shk_shadow *shadow, struct shk_shadow *other);
/*
 * Warns if current holds the lock of a shadow, except of a hidden one (shk_shadow.hidden). Called
 * when current is about to wait for a process. Does nothing without lockdep.
 */
void shk_shadow_assert_none_locked(void);

/*
 * Takes the lock of @shadow, a hidden shadow: one that the module made for its own use
 * (shk_shadow_create_hidden()). The caller may hold locks of shadows that are not hidden. May
 * sleep, not killable. The caller releases the lock by shk_shadow_unlock_hidden().
 */
static inline void shk_shadow_lock_hidden(struct shk_shadow *shadow)
{
	mutex_lock_nested(&shadow->lock, SHK_SHADOW_LOCKS);
}

/* Releases the lock of @shadow, which shk_shadow_lock_hidden() has taken. */
static inline void shk_shadow_unlock_hidden(struct shk_shadow *shadow)
{
	mutex_unlock(&shadow->lock);
}

/* ---- life and names ---- */

/*
 * The union: a hidden shadow with the probes of all SHK_ASYNC_UNION shadows, which interrupts and
 * kernel threads execute. NULL: there is none. See scope/union.h. Written under shk_async_lock. It
 * exists while it has probes or scope/union.c counts users; other readers hold rcu_read_lock().
 */
extern struct shk_shadow *shk_union;

/*
 * Returns @len rounded up to words; @len is the number of bytes of a name with the 0 behind it. A
 * name is in an array of SHK_NAME_LEN bytes, so it can be copied by words.
 */
static inline unsigned int shk_name_size(unsigned int len)
{
	return round_up(len, sizeof(u64));
}

/*
 * Makes a shadow whose text equals the base. No other task finds it before shk_shadow_publish().
 *   @name      its name, or ""
 *   @flags     SHK_ASYNC_*, at most one
 *   @teardown  see struct shk_shadow
 *   @target    the shadow whose text executes during system calls, or NULL. This function takes a
 *              reference to it. It must not have a target itself.
 *
 * May sleep. Returns the shadow, with a reference for the caller, or an ERR_PTR():
 *   NAME_INVALID  @name has a character that names do not have, or is "." or ".."
 *   -ENOMEM       out of memory
 */
struct shk_shadow *shk_shadow_create(const char *name, u32 flags,
				     void (*teardown)(struct shk_shadow *),
				     struct shk_shadow *target);
/*
 * Lets other tasks find @shadow by its id, and by its name if it has one. The name gets a reference
 * of its own. Called last by the creator of @shadow, since other tasks may use it at once. After an
 * error the creator drops its reference by shk_shadow_put(). Takes names_lock; may sleep. Returns 0
 * or
 *   NAME_TAKEN    a shadow has that name
 *   -ERESTARTSYS  the caller was killed
 */
int shk_shadow_publish(struct shk_shadow *shadow);
/*
 * Creates a hidden shadow, for the module's own use. It has no name, shk_shadow_find() and
 * shk_shadow_next() do not find it, and SHK_INFO shows nothing of it but its memory. It exists
 * until shk_shadow_destroy_hidden(); references to it are not counted. It is locked by
 * shk_shadow_lock_hidden().
 *
 * Edits of a hidden shadow act on no thread: shk_thread_sees_edits() returns false. So a hit at one
 * of its sites increments the counters of probes in shk_site.union_probes, and does nothing else.
 * @flags is SHK_ASYNC_*.
 *
 * Takes names_lock; may sleep. Returns the shadow or ERR_PTR(-ENOMEM).
 */
struct shk_shadow *shk_shadow_create_hidden(u32 flags);
/*
 * Destroys @shadow, a hidden shadow. The caller has made sure that it has no carrier mm, which CPUs
 * load to execute it, and no probes, and that no CPU executes it. Takes the shadow's lock and, in
 * it, text_mutex. Takes names_lock after it has released the shadow's lock. May sleep, for a grace
 * period of RCU.
 *
 * A callback frees the struct after a grace period of RCU tasks: a task that was preempted in a
 * slot or detour, before its hit, may still read it. Cannot fail.
 */
void shk_shadow_destroy_hidden(struct shk_shadow *shadow);
/*
 * Finds the shadow with the id @id, or with the name @name if @id is 0. Takes names_lock; may
 * sleep. Returns the shadow with a reference, or an ERR_PTR():
 *   SHADOW_UNKNOWN  there is none, or it is hidden or loses its last reference
 *   -ERESTARTSYS    the caller was killed
 */
struct shk_shadow *shk_shadow_find(u64 id, const char *name);
/*
 * Finds the shadow with the lowest id that is not below @id. Hidden shadows are left out. Takes
 * names_lock; may sleep. Returns the shadow with a reference, or an ERR_PTR():
 *   -ENOENT       there is none
 *   -ERESTARTSYS  the caller was killed
 */
struct shk_shadow *shk_shadow_next(u64 id);
/*
 * Destroys @shadow: removes its edits, tables and name, and drops the name's reference. The caller
 * has a reference to @shadow; the struct stays until the last reference is dropped. Takes the locks
 * of @shadow and its target; with these held it takes text_mutex and names_lock, one after the
 * other. Sleeps, for grace periods of RCU. Returns 0 or
 *   SHADOW_DESTROYED  it was destroyed before
 *   SHADOW_IN_USE     an mm is grafted to it or on the way, or a cgroup is bound to it
 *   -ERESTARTSYS      the caller was killed
 */
int shk_shadow_destroy(struct shk_shadow *shadow);
/*
 * Prepares @shadow for processes that attach themselves by a derived handle, without privileges:
 * sets shk_shadow.shared, which is never cleared. After that, exec detaches such a process if it
 * gains privileges. IN_PLACE and LIVEPATCH patches are refused from then on: a detach would have to
 * wait until no thread is in their bodies, and exec cannot wait. Takes the shadow's lock and
 * text_mutex; may sleep. Returns 0, or an error after which nothing has changed:
 *   EDITS_IN_PLACE   an IN_PLACE or LIVEPATCH patch is in effect
 *   XEN              Xen refused a change of page tables for exec's hook
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped
 *   -ENOMEM          out of memory
 *   -ERESTARTSYS     the caller was killed
 */
int shk_shadow_share(struct shk_shadow *shadow);
/*
 * Takes a reference to @shadow. The caller makes sure that another reference exists during the
 * call. Returns @shadow. Any context.
 */
struct shk_shadow *shk_shadow_get(struct shk_shadow *shadow);
/*
 * Drops a reference to @shadow. The put of the last reference removes the shadow's name, edits and
 * tables, and drops the reference to its target. For that it takes names_lock, the locks of @shadow
 * and its target, and text_mutex, and waits for grace periods of RCU. A callback frees the struct
 * after a grace period of RCU tasks. May sleep. Called with no shadow's lock held, unless the
 * caller knows that this is not the last reference.
 */
void shk_shadow_put(struct shk_shadow *shadow);
/*
 * Copies the name of @shadow to @name, which has SHK_NAME_LEN bytes; "" if it has none. Takes
 * names_lock; may sleep. Returns 0; -ERESTARTSYS: the caller was killed.
 */
int shk_shadow_name(const struct shk_shadow *shadow, char *name);
/*
 * Fills in *@info, which the caller has zeroed. Takes names_lock only, not the shadow's lock. So if
 * another task changes the shadow meanwhile, some numbers may be of before the change and some of
 * after it. May sleep. Returns 0; -ERESTARTSYS: the caller was killed.
 */
int shk_shadow_info(const struct shk_shadow *shadow, struct shk_shadow_info *info);
/*
 * Fills in those members of *@info that are about all shadows: backend, version, numbers and
 * memory. The caller has set numbers and memory to zero. Takes names_lock only, no shadow's lock.
 * May sleep. Returns 0; -ERESTARTSYS: the caller was killed, and *@info is unchanged.
 */
int shk_shadows_info(struct shk_info *info);
/*
 * Returns true if a shadow, also a hidden one, has a carrier: an mm that interrupts or kernel
 * threads load to execute the shadow. Takes names_lock; may sleep.
 */
bool shk_shadows_have_carrier(void);
/*
 * Frees all shadows. Called at unload. Handles, grafts and bindings hold the module, so none of
 * them is left, and only the names have references to shadows. This function drops these. May
 * sleep; waits for callbacks of RCU tasks.
 */
void shk_shadows_exit(void);
/*
 * Returns true if @name is one that a shadow, probe or patch can have: characters of
 * [A-Za-z0-9._:-], at least one, and neither "." nor "..".
 */
bool shk_name_valid(const char *name);

/* ---- readiness and users ---- */

/* Whether a shadow had tables and hooks before shk_shadow_prepare(). */
struct shk_prepared {
	bool built;  /* it had tables */
	bool hooked; /* it had hooks */
};

/* Returns whether @shadow has tables and hooks. Its lock is held. */
static inline struct shk_prepared shk_shadow_prepared(const struct shk_shadow *shadow)
{
	return (struct shk_prepared){ shadow->text.built, shadow->hooks.applied };
}

/*
 * Makes tables and hooks of @shadow, unless they exist. The caller calls it before the first mm is
 * grafted to the shadow, and before the shadow gets a carrier mm, which interrupts and kernel
 * threads load. Stores in *@was, also on error, which of them existed. Called with the locks of
 * @shadow and its target held, and without text_mutex. May sleep. Returns 0, or an error after
 * which @shadow is as it was:
 *   SHADOW_DESTROYED  it or its target was destroyed
 *   XEN               Xen refused a change of page tables
 *   FTRACE_DISABLED   kernel.ftrace_enabled is 0
 *   FTRACE_DEAD       ftrace has stopped
 *   others            errors of register_ftrace_function()
 *   -ENOMEM           out of memory
 */
int shk_shadow_prepare(struct shk_shadow *shadow, struct shk_prepared *was);
/*
 * Undoes shk_shadow_prepare(): removes the tables and hooks of @shadow that *@was says it did not
 * have before. The caller ensures that since then no mm was grafted to it and it got no carrier
 * (shk_shadow.carrier). The caller has reverted the edits that were added since. Called with the
 * locks of @shadow and its target held, and without text_mutex. May sleep. Cannot fail.
 */
void shk_shadow_unprepare(struct shk_shadow *shadow, const struct shk_prepared *was);
/*
 * Returns shk_shadow.nr_grafts. Needs no lock.
 *
 * While the shadow's lock is held, 0 stays 0. Only the holder of that lock attaches a first mm;
 * fork and exec only add to a shadow that counts one.
 *
 * An mm that was detached counts until every CPU has flushed. An mm that moves to another shadow
 * stops counting earlier: when its entry is written, before the flush. The mover holds text_mutex
 * until after the flush. So a caller that takes text_mutex waits for that flush.
 */
static inline unsigned int shk_shadow_users(const struct shk_shadow *shadow)
{
	/* Pairs with shk_graft_count(). */
	return smp_load_acquire(&shadow->nr_grafts);
}
/*
 * Returns true if @shadow or its target was destroyed. True is final. False is reliable only while
 * the caller holds the shadow's lock, which includes the target's. Needs no lock otherwise.
 */
static inline bool shk_shadow_is_gone(const struct shk_shadow *shadow)
{
	return READ_ONCE(shadow->dead) || (shadow->target && READ_ONCE(shadow->target->dead));
}
/*
 * Returns true if @shadow is a helper: its tools trace another shadow (edit/capture.h). That does
 * not change while a process is inside. Needs no lock.
 */
static inline bool shk_shadow_is_helper(const struct shk_shadow *shadow)
{
	return READ_ONCE(shadow->diversion);
}
/*
 * Returns true if a CPU executes the text of @shadow, or may begin to at any time. That is so if an
 * mm is grafted to it, or it has a carrier mm, which interrupts and kernel threads load. Called
 * with the shadow's lock held. Until that lock is released, only the caller can change false to
 * true.
 */
bool shk_shadow_live(const struct shk_shadow *shadow);
/*
 * Sets shk_text.live of @shadow: true if a CPU executes the text or may begin to
 * (shk_shadow_live()). Called before each change of the text, with the shadow's lock held. Does not
 * sleep.
 */
void shk_shadow_update_live(struct shk_shadow *shadow);

#endif /* SHK_SHADOW_H */
