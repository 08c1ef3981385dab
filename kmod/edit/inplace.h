/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patches with SHK_PATCH_IN_PLACE: new bodies are copied over the base's bodies.
 *
 * Such a patch is added in three steps (patch.c: patch_turn_on()):
 *
 *   1. The entry of each function jumps to its new body in a module, as for any other patch, and
 *      the patch is switched on. All its functions change at this instant, and from then on no
 *      call enters a body that is to be replaced.
 *   2. When no thread of the processes inside is in such a body, the bytes change
 *      (shk_inplace_put()).
 *   3. The jumps are removed.
 *
 * It is removed in reverse order: the jumps are added, the base's bytes are restored, the jumps
 * are removed. The jumps are left out if no process is inside.
 *
 * The replaced bytes begin behind the __fentry__ site, which stays for probes and tracers. A CPU
 * that reaches the first of them while they change continues in the body in the module.
 */
#ifndef SHK_INPLACE_H
#define SHK_INPLACE_H

#include "edit/patch.h"

/* Most parts that the compiler may have split off one function (symbols FUNCTION.cold). */
#define SHK_NR_COLD 4

/*
 * The new body of one function, which is copied over the base's body. shk_inplace_prepare() sets
 * all members; they are constant from then on, unless a remark says otherwise.
 */
struct shk_inplace {
	unsigned long start; /* address of the first byte that is replaced */
	unsigned long end;   /* address behind the function's last byte */
	unsigned long twin;  /* address in the module's body that corresponds to .start */
	/* The bytes of [.start, .end): the relocated body, then int3. Applied under text_mutex. */
	struct shk_edit *edits;
	unsigned int nr_edits;
	/*
	 * Text in which no thread may be when the bytes change: the base's body and the parts that
	 * were split off it. They are in shk_shadow.bodies while the new body is copied over the
	 * base's.
	 */
	struct shk_body bodies[1 + SHK_NR_COLD];
	unsigned int nr_bodies;
	bool pinned; /* shk_inplace_pin() has pinned its pages; the shadow's lock */
};

/*
 * Returns true if the base has a static key in [@from, @to). No text may differ there. Takes
 * text_mutex; sleeps.
 */
bool shk_base_has_keys(unsigned long from, unsigned long to);

/* ---- relocate.c ---- */

/* A body and its new place: the argument of shk_relocate(). */
struct shk_move {
	const struct module *mod; /* has the body; the caller holds a reference */
	unsigned long from;	  /* address of the body in the text of .mod */
	unsigned int from_len;	  /* bytes from there on, padding included */
	unsigned long to;	  /* address in the kernel image where the body is to run */
	unsigned int room;	  /* bytes that may be used there */
	u8 *bytes;		  /* out: .room bytes, which the caller has allocated */
	unsigned int len;	  /* out: bytes of the body without padding behind it */
};

/*
 * Fills @move->bytes with the body at @move->from, changed so that it can run at @move->to, and
 * with int3 behind it; sets @move->len. Adjusts branches and operands relative to rip that lead out
 * of the body. Called in process context; takes no lock. Changes no text. Returns 0, or
 *   BODY_TOO_LONG      the body is longer than @move->room
 *   BODY_OUT_OF_REACH  a branch or operand cannot reach its target from @move->to
 *   BODY_FIXED         an instruction cannot be decoded, or the kernel finds one by its address: by
 *                      a static key or call, an exception table, WARN(), BUG() or UBSAN
 *   BODY_FRAMES        for some byte the unwinder has different frames at the two places, or lacks
 *                      one of them; always returned without CONFIG_UNWINDER_ORC
 *   KPROBE_THERE       a kprobe is in the body, enabled or not
 */
int shk_relocate(struct shk_move *move);

/* ---- inplace.c ---- */

/*
 * Appends the range [@from, @to), text in which no thread may be when it changes, to the *@nr
 * elements of @bodies, and increments *@nr. The new element is in no list. The caller has allocated
 * @bodies with room for it. Takes no lock.
 */
void shk_body_add(struct shk_body *bodies, unsigned int *nr, unsigned long from, unsigned long to);

/*
 * Appends the range of each function named "@symbol.cold", which the compiler has split off
 * @symbol, to the *@nr elements of @bodies, and adds their number to *@nr. The caller has allocated
 * @bodies with room for SHK_NR_COLD more elements. Process context; takes no lock. Returns 0, or
 * BODY_FIXED: there are more than SHK_NR_COLD, or the size of one is unknown. After an error some
 * ranges have been added.
 */
int shk_bodies_add_cold(struct shk_body *bodies, unsigned int *nr, const char *symbol);

/*
 * Checks whether @shadow may have patches of two kinds: SHK_PATCH_IN_PLACE, and LIVEPATCH without
 * SHK_PATCH_UNSAFE_NOW. Both need waits until no thread is in a replaced function. So a shadow that
 * tasks or interrupts enter or leave without such a wait may not have them.
 *
 * Does not sleep. The answer is reliable only while the caller holds the shadow's lock; a caller
 * without it asks again later.
 * Returns 0, or
 *   NO_STACKS      this kernel has no reliable stack traces, or its exec function was not found
 *   POLICY         the shadow is SHK_ASYNC_OWNER or SHK_ASYNC_CAUSAL: interrupts and kernel
 *                  threads change their text at any time
 *   SHARED         a handle with SHK_RIGHT_ATTACH was derived: a task that gains privileges leaves
 *                  the shadow in exec
 *   SYSCALLS_ONLY  the shadow has a target: chosen system calls change the text when they begin or
 *                  end
 *   HAS_CALLERS    the shadow is a target, whose text such system calls execute
 */
int shk_inplace_allowed(const struct shk_shadow *shadow);

/*
 * Allocates shk_func.inplace of each function of @patch, relocates its body, and fills
 * @patch->replacements. Applies nothing. Needs no lock, since no other task knows @patch yet.
 * Sleeps. After an error the caller frees @patch, and @patch->symbol is the function that the error
 * is about.
 * Returns 0, -ENOMEM, an error of shk_relocate(), or
 *   CHANGES_TEXT   tasks change their text inside the function, do_exit() for instance
 *   BODY_FIXED     the function is in a module, has exception table entries, or too many .cold
 *                  parts; or @patch calls its old body
 *   BODY_TOO_LONG  the function has no byte behind its __fentry__ site
 *   NOT_TEXT       no symbol contains the function's address
 */
int shk_inplace_prepare(struct shk_patch *patch);

/*
 * Frees what shk_inplace_prepare() has allocated for @func, or nothing if @func->inplace is NULL.
 * The caller ensures that the body is not copied over the base's. Takes no lock; does not sleep.
 */
void shk_inplace_free(struct shk_func *func);

/*
 * Makes the pages of all bodies of @patch private. Counts each body in shk_shadow.nr_common, so
 * that no SHK_THREAD stretch begins in the shadow. The caller holds the shadow's lock. It calls
 * shk_inplace_unpin() later, also after an error: some pages may be private then. Sleeps. Returns
 * 0, or an error of shk_edit_pin(): -ENOMEM, XEN, or one of ftrace.
 */
int shk_inplace_pin(struct shk_patch *patch);

/*
 * Ends the effect of shk_inplace_pin() for @patch: pages that no edit needs become the base's
 * again. Does nothing for bodies that are not pinned. The caller holds the shadow's lock, and
 * ensures that the bodies are not copied over the base's. Sleeps.
 */
void shk_inplace_unpin(struct shk_patch *patch);

/*
 * Copies the bodies of all functions of @patch over the base's bodies in the shadow's text (@in),
 * or restores the base's bytes (!@in). Sets @patch->in_place to @in.
 *
 * If a process is inside the shadow, the caller has made the entry of each function jump to its
 * body in the module. If the text is live (shk_text.live), this function stops the machine and
 * examines the kernel stacks of the threads of processes inside. If one of them may be in a body of
 * @patch, nothing changes.
 *
 * The caller holds the shadow's lock. Takes cpus_read_lock(), text_mutex and shk_graft_lock.
 * Sleeps, but does not wait for threads.
 * Returns 0, or an error after which the text is unchanged:
 *   -EAGAIN     thread *@busy is in a body, is in exec, or has a stack that the unwinder cannot
 *               walk reliably; call again after shk_busy_task_wait()
 *   EDIT_THERE  (only if @in) another edit is in one of the bodies
 *   others      (only if @in) errors of shk_inplace_allowed()
 *
 * After -EAGAIN *@busy is the thread's id in current's pid namespace, or -1 if it has none there.
 * An error of shk_inplace_allowed() leaves *@busy as it was. In all other cases *@busy is 0.
 */
int shk_inplace_put(struct shk_patch *patch, bool in, pid_t *busy);

/*
 * Returns true if a SHK_PATCH_IN_PLACE patch of @shadow has overwritten the body of the function
 * whose __fentry__ site is @site. The caller holds the shadow's lock. Does not sleep.
 */
bool shk_inplace_at(const struct shk_shadow *shadow, unsigned long site);

#endif /* SHK_INPLACE_H */
