/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patches: functions that have another body in one shadow, a call that is left out of a function,
 * or thunks that are bypassed.
 *
 *   patch.c             adds, removes and lists patches
 *   call.c              finds the call to leave out
 *   module.c            patches whose bodies are in a patch module
 *   livepatch.c         patches whose bodies are in a livepatch module
 *   capture.c           patches of helpers, see capture.h
 *   livepatch_switch.c  switches livepatches while no thread is in their bodies
 *   thunk.c             thunks of mitigations
 *   inplace.c           bodies that are copied over the base's, see inplace.h
 *   relocate.c          makes a body run at another address
 *   module_stacks.c     tells whether a task may still be in a module's text
 *   site.c              the entry of a function, which patches and probes share, see probe.h
 *
 * The entry of a patched function jumps to a stub of the topmost patch (slot_entry.S). A slow stub
 * calls shk_hit_call(), which hits probes, calls ftrace's users, and chooses the body by
 * shk_patch.state. A fast stub jumps to the body.
 *
 * Life of a patch (struct shk_patch):
 *
 *   prepared   bodies are found, memory is allocated; no other task knows the patch
 *   applied    its functions have stubs, which lead to the old bodies; the state is OFF
 *   on         the state is ON or FAST; in shk_shadow.patches, where it is before if a call waits
 *   removed    the state is OFF, its edits are reverted; queued for the worker
 *   freed      by the worker, after a grace period of RCU tasks, and once no task is in its module
 *
 * Locking: the shadow's lock protects all members, except where it is said. Hits read
 * shk_site.funcs, and .patch, .site and .stub of struct shk_func, and shk_patch.state, with
 * preemption off. No lock is needed before the patch is applied.
 *
 * Functions run in process context and may sleep, except where it is said.
 */
#ifndef SHK_PATCH_H
#define SHK_PATCH_H

#include <linux/list.h>
#include <linux/llist.h>
#include <linux/module.h>

#include "shadow/shadow.h"

/*
 * Which bodies the functions of a patch have. All slow stubs read this one word, so one store
 * changes all functions.
 *
 *   OFF --> ON <--> FAST     patch_switch_on():   OFF, ON, FAST
 *    ^      |                patch_switch_off():  FAST, ON, OFF
 *    '------'                shk_livepatch_switch(): OFF to ON, ON to OFF
 *
 * After FAST is left, shk_site_refresh() makes all stubs slow before OFF is stored.
 */
enum shk_patch_state {
	SHK_PATCH_OFF,	/* stubs are slow and lead to the bodies that the functions had before */
	SHK_PATCH_ON,	/* stubs are slow and lead to the new bodies */
	SHK_PATCH_FAST, /* stubs lead to the new bodies, and may be fast: shk_site_refresh() */
};

struct shk_diversion;
struct shk_inplace;

/*
 * One function of a patch and its new body. Members without a remark are constant once the patch
 * is prepared.
 */
struct shk_func {
	struct list_head node;	  /* in shk_patch.funcs */
	struct list_head in_site; /* in .site->funcs; the shadow's lock, hits read it under RCU */
	struct shk_patch *patch;
	struct shk_site *site; /* NULL before it is applied and while its body is in place */
	unsigned long addr;    /* address of the function */
	struct module *owner;  /* has the function; holds a reference. NULL: kernel image */
	unsigned long body;    /* address of the new body */
	int stub;	       /* index of its stub, which it keeps until it is freed; or -1 */
	unsigned long old;     /* function that calls the old body (shk_old_get()), or 0 */
	struct shk_inplace *inplace; /* IN_PLACE; else NULL */
	char symbol[SHK_SYMBOL_LEN];
};

/* One patch of a shadow. Members without a remark are constant once the patch is on. */
struct shk_patch {
	struct list_head node; /* in shk_shadow.patches; the shadow's lock */
	struct shk_shadow *shadow;
	u64 id;
	u64 value; /* RETURN, SKIP_CALL: rax */
	u32 kind;  /* enum shk_patch_kind */
	u32 flags; /* SHK_PATCH_* */
	/*
	 * Which bodies execute: the old or the new ones. Written under the shadow's lock;
	 * shk_livepatch_switch() holds text_mutex, too. Hits read it with preemption off.
	 */
	enum shk_patch_state state;
	struct list_head funcs; /* shk_func.node */
	/*
	 * Edits of patches that do not replace a whole function at its __fentry__ site. SKIP_CALL:
	 * one, at the call. RETPOLINES, RETURNS: at the thunks. DIVERT: at functions without a
	 * __fentry__ site. NULL for other kinds.
	 */
	struct shk_edit *edits;
	unsigned int nr_edits;
	u8 *detour;	      /* SKIP_CALL with a value: sets rax; else NULL */
	struct module *owner; /* SKIP_CALL: has the call; holds a reference. NULL: kernel image */
	u64 offset;	      /* SKIP_CALL: bytes from .symbol to the call */
	char name[SHK_NAME_LEN];
	/*
	 * NOP, RETURN, SKIP_CALL: the function. While a patch is added: the function that an error
	 * is about.
	 */
	char symbol[SHK_SYMBOL_LEN];
	char object[SHK_SYMBOL_LEN]; /* SKIP_CALL: the callee. MODULE, LIVEPATCH: the module */
	/*
	 * MODULE, LIVEPATCH: the module that has the bodies. The patch holds a reference to it, and
	 * one to this module.
	 */
	struct module *mod;
	struct klp_patch *klp; /* LIVEPATCH: its init's argument to klp_enable_patch() */
	/*
	 * LIVEPATCH: the callbacks pre_patch were called, so post_unpatch has to be called when the
	 * patch is freed. shk_livepatch_promote() clears it: from then on the kernel calls
	 * post_unpatch.
	 */
	bool was_on;
	struct module **objects; /* LIVEPATCH: modules that it changes; holds references */
	unsigned int nr_objects;
	struct shk_replacement *replacements; /* IN_PLACE: one for each function */
	unsigned int nr_replacements;
	bool in_place; /* the bodies are in place; the shadow's lock and text_mutex */
	/*
	 * LIVEPATCH without UNSAFE_NOW: text in which no thread may be when the patch is switched.
	 * The first .nr_olds elements are old bodies, the others new bodies and stubs. While the
	 * patch is on, all are in shk_shadow.bodies, so no thread enters or leaves the shadow while
	 * it is in one of them.
	 */
	struct shk_body *bodies;
	unsigned int nr_bodies;
	unsigned int nr_olds;
	/* DIVERT: where calls are diverted to, see capture.h; the patch owns it. Else NULL. */
	struct shk_diversion *diversion;
	/*
	 * True while another call is adding or removing the patch. That call may have released the
	 * shadow's lock to wait for a thread. Other calls fail with PATCH_BUSY. Only
	 * shk_patches_teardown() removes the patch meanwhile. Protected by the shadow's lock.
	 */
	bool switching;
	struct llist_node free_node; /* in the worker's queue, once it is removed */
};

/*
 * Returns the number of functions of @patch. Does not sleep. (list_count_nodes() is missing in
 * early releases of 6.1.)
 */
static inline unsigned int shk_patch_nr_funcs(const struct shk_patch *patch)
{
	const struct shk_func *func;
	unsigned int nr = 0;

	list_for_each_entry (func, &patch->funcs, node)
		nr++;
	return nr;
}

/*
 * Takes a reference to @mod if its init has returned and it is not being unloaded. While the init
 * runs, a reference does not protect the module: if the init fails, the kernel frees it
 * nevertheless. The caller keeps @mod from being freed, by disabled preemption or another
 * reference. Does not sleep. Returns true if the reference was taken.
 */
static inline bool shk_module_get_live(struct module *mod)
{
	return READ_ONCE(mod->state) == MODULE_STATE_LIVE && try_module_get(mod);
}

/* ---- patch.c ---- */

/*
 * Allocates a patch of @shadow, without functions and edits. No other task knows it. Returns NULL
 * if there is no memory.
 */
struct shk_patch *shk_patch_alloc(struct shk_shadow *shadow, u32 kind, u32 flags);

/*
 * Frees @patch, with its stubs, bodies and detour in the module's text, and drops its references to
 * modules. Calls post_unpatch of a livepatch, if pre_patch was called. The caller ensures that no
 * edit leads to the patch, and that no task is in its stubs, bodies and detour. Sleeps.
 */
void shk_patch_free(struct shk_patch *patch);

/*
 * Applies the edits of @patch, whose bodies the caller has prepared, and switches it on: from then
 * on its new bodies execute in the shadow. Takes the shadow's lock; may wait for threads. Returns 0
 * or an error of shk_patch_add(). After an error nothing of the patch is left in the shadow, and
 * the worker frees it; the caller does not touch it.
 */
int shk_patch_install(struct shk_patch *patch);

/*
 * Adds the patch that @arg describes to @shadow and switches it on. Sets @arg->id and @arg->name.
 * After an error it sets @arg->subject, and nothing of the patch is left in the shadow; the worker
 * frees it later.
 *
 * Takes the shadow's lock. An IN_PLACE patch, and a LIVEPATCH without UNSAFE_NOW, may wait up to
 * SHK_BUSY_TASK_TIMEOUT until no thread of a process inside is in a function that changes. The lock
 * is released meanwhile, and other calls refuse the patch with PATCH_BUSY.
 *
 * Returns 0, or
 *   -EINVAL           @arg is malformed
 *   -ERESTARTSYS      the caller was killed, or a signal came while it waited for a thread
 *   TASK_BUSY         thread @arg->busy was in such a function all the time
 *   SHADOW_DESTROYED  the shadow was destroyed, before the call or while it waited
 *   others            see struct shk_patch_add
 */
int shk_patch_add(struct shk_shadow *shadow, struct shk_patch_add *arg);

/*
 * Removes the patch of @shadow that @arg names. The worker frees it later, after a grace period of
 * RCU tasks and once no task is in the patch's module. After an error the patch is still on.
 *
 * Takes the shadow's lock. May wait, up to SHK_BUSY_TASK_TIMEOUT, until no thread is in a function
 * that changes, if the patch is
 *   IN_PLACE
 *   LIVEPATCH  unless it was added or is removed with UNSAFE_NOW, or the kernel has the livepatch
 *              enabled (shk_livepatch_enabled())
 *
 * Returns 0, also if the shadow is destroyed during a wait, or
 *   -EINVAL           @arg is malformed
 *   -ERESTARTSYS      the caller was killed, or a signal came while it waited for a thread
 *   ID_UNKNOWN        @shadow has no such patch
 *   PATCH_BUSY        another call adds or removes the patch
 *   PROCESSES_INSIDE  the patch is RETPOLINES, RETURNS or DIVERT, and the shadow may be
 *                     executed
 *   NOT_LIVEPATCH     UNSAFE_NOW is set, and the patch is no LIVEPATCH
 *   TASK_BUSY         thread @arg->busy was in such a function all the time
 *   others            errors of shk_site_patch(): the jumps of an IN_PLACE patch could not be added
 */
int shk_patch_remove(struct shk_shadow *shadow, struct shk_patch_remove *arg);

/*
 * Promotes the livepatch of @shadow that @arg names: gives it to the kernel, which applies it to
 * the base (shk_livepatch_promote()). Takes the shadow's lock.
 *
 * Returns 0, or
 *   -EINVAL       @arg is malformed
 *   -ERESTARTSYS  the caller was killed
 *   ID_UNKNOWN    @shadow has no such patch
 *   PATCH_BUSY    another call adds or removes the patch
 *   others        errors of shk_livepatch_promote()
 */
int shk_patch_promote(struct shk_shadow *shadow, const struct shk_patch_promote *arg);

/*
 * Lists the patches of @shadow: each call fills @info with the next function of a patch, and
 * advances *@cursor, which is 0 at first. For SKIP_CALL, RETPOLINES and RETURNS, which have no
 * functions, it lists the edits. Patches that are not on are left out. The address in @info is 0
 * unless @show_addr. Takes the shadow's lock.
 *
 * Returns 0, or
 *   -ENOENT       there is no further function
 *   -ERESTARTSYS  the caller was killed
 */
int shk_patch_next(struct shk_shadow *shadow, u64 *cursor, struct shk_patch_info *info,
		   bool show_addr);

/*
 * Removes all patches of @shadow, the newest first, when the shadow is destroyed. The worker frees
 * them later. Does not wait for threads. The caller holds the shadow's lock, and ensures that no
 * process is inside. Sleeps. Cannot fail.
 */
void shk_patches_teardown(struct shk_shadow *shadow);

/*
 * Waits until the worker has freed the patches that were removed before the call, and has released
 * their modules. Does not wait for a patch whose module a task may still be in: the worker tries
 * that one again every tenth of a second.
 *
 * With @all, the call waits if any removed patch is left. Without @all, it waits only if some
 * patch, removed or not, holds a reference to a module that it changes. The caller holds no lock.
 * Returns true if it has waited; false if there was nothing to wait for, or the caller was killed.
 */
bool shk_patches_settle(bool all);

/*
 * Frees all removed patches. Called when this module is unloaded. No shadow is left then, and no
 * patch with a .mod, since such a patch holds a reference to this module. Sleeps.
 */
void shk_patches_exit(void);

/*
 * Adds the function @symbol at @addr to @patch->funcs, with the new body @body; 0: the caller sets
 * shk_func.body later. Takes a reference to the module that has the function. Called before @patch
 * is applied, without a lock. Sleeps. After an error the function may be in the list; it is freed
 * with @patch.
 *
 * Returns the function, or an ERR_PTR():
 *   FORBIDDEN       the function is in the scheduler's text, in kprobes' blacklist, or in text
 *                   that this module relies on
 *   NO_FENTRY       the function has no __fentry__ site
 *   PAGE_EDGE       its __fentry__ site lies in two pages
 *   SYMBOL_UNKNOWN  another function is at @addr by now, since its module was unloaded
 *   NOT_TEXT        no text is there by now
 *   MODULE_BUSY     the module is being loaded or unloaded
 *   -ENOMEM
 */
struct shk_func *shk_func_add(struct shk_patch *patch, const char *symbol, unsigned long addr,
			      unsigned long body);

/* ---- module.c ---- */

/*
 * Prepares a MODULE patch: finds the patch module @patch->object, takes a reference to it
 * (@patch->mod) and to this module, and adds the functions that it replaces to @patch. Called
 * before @patch is applied, without a lock. Sleeps. After an error the references stay until @patch
 * is freed, and @patch->symbol is the function that the error is about, or "".
 *
 * Returns 0, or
 *   NO_PATCH_MODULE  no such module is loaded, or it is no patch module
 *   PATCH_VERSION    the module was built for another release of shadowk
 *   NO_FUNCTIONS     the module replaces no function
 *   others           errors of shk_func_prepare()
 */
int shk_module_prepare(struct shk_patch *patch);

/*
 * Adds the function @name ("MODULE:FUNCTION" in a module) to @patch, with the new body @body in
 * @patch->mod. @pos says which of several functions with that name, from 1 on; 0: the only one.
 * Sets @patch->symbol to @name. Called before @patch is applied, without a lock. Sleeps.
 *
 * If @old is not NULL, sets *@old to a function that calls the old body; for that it uses an
 * element of a fixed array (shk_old_get()). Several shadows may have patches of one module: all of
 * them write the same value to *@old.
 *
 * Returns 0, or
 *   SYMBOL_UNKNOWN    no function has that name, or fewer than @pos have it
 *   SYMBOL_AMBIGUOUS  @pos is 0, and several functions have that name
 *   PATCH_VERSION     @body is not in the core memory of @patch->mod
 *   NO_ROOM           no room for functions that call old bodies is left
 *   others            errors of shk_func_add()
 */
int shk_func_prepare(struct shk_patch *patch, const char *name, unsigned long pos,
		     unsigned long body, void **old);

/* ---- livepatch.c ---- */

/* Callbacks of livepatch objects that cannot fail. */
enum shk_callback {
	SHK_POST_PATCH,
	SHK_PRE_UNPATCH,
	SHK_POST_UNPATCH,
};

/*
 * Registers a module notifier. When a livepatch module is unloaded, the notifier frees the record
 * of its livepatch, which a CAPTURE patch has made (shk_capture_prepare()). Called when this module
 * is loaded. Sleeps. Returns 0 or an errno.
 */
int shk_livepatch_init(void);

/*
 * Unregisters the notifier of shk_livepatch_init(), and frees all records of livepatches that
 * CAPTURE patches have made. Called when this module is unloaded, when no shadow is left. Sleeps.
 */
void shk_livepatch_exit(void);

/*
 * Prepares a CAPTURE patch: adds klp_enable_patch() to @patch, with a new body. A livepatch module
 * calls that function in its init. The new body enables nothing. It captures the livepatch: it
 * records the struct klp_patch, and shk_livepatch_prepare() finds the record by the name of the
 * module. Called before @patch is applied, without a lock. Sleeps.
 *
 * Returns 0, or
 *   NO_LIVEPATCH  the kernel has no livepatch
 *   others        errors of shk_func_add()
 */
int shk_capture_prepare(struct shk_patch *patch);

/*
 * Prepares a LIVEPATCH patch: finds the record that a CAPTURE patch has made of the livepatch
 * module @patch->object, and adds the livepatch's functions. Takes references to the livepatch
 * module (@patch->mod), to this module, and to each module that the livepatch changes
 * (@patch->objects). Called before @patch is applied, without a lock. Sleeps. After an error the
 * references stay until @patch is freed, and @patch->symbol is the function or module that the
 * error is about, or "".
 *
 * Returns 0, or
 *   NO_PATCH_MODULE     no livepatch of that module was captured, or the module is being loaded or
 *                       unloaded
 *   OBJECT_MISSING      a module to be changed is not loaded, or is being loaded or unloaded
 *   OBJECT_RELOCATIONS  the livepatch module has .klp.rela sections for a module to be changed
 *   CALLBACKS           the livepatch has callbacks, and SHK_PATCH_CALLBACKS is not set
 *   NO_FUNCTIONS        the livepatch changes no function
 *   NO_LIVEPATCH        the kernel has no livepatch
 *   others              -ENOMEM, and errors of shk_func_prepare()
 */
int shk_livepatch_prepare(struct shk_patch *patch);

/*
 * Calls the pre_patch callbacks of a LIVEPATCH patch, one object after the other. If a callback
 * fails, calls the post_unpatch callbacks of the objects before. Does nothing for other kinds of
 * patches. The caller holds the shadow's lock. Takes callbacks_lock, so that callbacks run one at a
 * time. Sleeps as long as callbacks do.
 *
 * Returns 0, or
 *   -ERESTARTSYS  the caller was killed while it waited for callbacks_lock
 *   LIVEPATCH     pre_patch has failed; the error carries its errno
 */
int shk_livepatch_pre_patch(struct shk_patch *patch);

/*
 * Calls the callbacks @which of a LIVEPATCH patch, one object after the other. Does nothing for
 * other kinds of patches. For SHK_POST_UNPATCH the caller is the worker that frees the patch, and
 * holds no shadow's lock; for the others the caller holds the shadow's lock. Takes callbacks_lock.
 * Sleeps as long as callbacks do.
 */
void shk_livepatch_call(struct shk_patch *patch, enum shk_callback which);

/*
 * Promotes the livepatch @patch: gives it to the kernel by the base's klp_enable_patch(), which
 * begins a transition of the base. The kernel does not call pre_patch and post_patch, which were
 * called for the shadow. It calls the other callbacks when it disables the livepatch. The shadow
 * keeps the patch. The caller holds the shadow's lock. Takes callbacks_lock, and the kernel's
 * klp_mutex. Sleeps.
 *
 * Returns 0, or
 *   NOT_LIVEPATCH    @patch is no LIVEPATCH
 *   PROMOTED         the livepatch was promoted before, by this shadow or another one
 *   NO_PATCH_MODULE  the module is being unloaded
 *   NO_ROOM          no room for a function that calls the base's klp_enable_patch()
 *   LIVEPATCH        klp_enable_patch() has failed; the error carries its errno
 *   -ENOMEM
 */
int shk_livepatch_promote(struct shk_patch *patch);

/*
 * Returns true if the livepatch of @patch was promoted (shk_livepatch_promote()), by any shadow, or
 * is being promoted now. The result stays true when the kernel disables the livepatch. Takes
 * captured_lock.
 */
bool shk_livepatch_promoted(const struct shk_patch *patch);

/*
 * Returns true if @patch was promoted and the kernel has the livepatch enabled, so that tasks that
 * leave the shadow execute the same bodies. Takes captured_lock.
 */
bool shk_livepatch_enabled(const struct shk_patch *patch);

/* ---- livepatch_switch.c ---- */

/*
 * Finds the text in which no thread may be when @patch is switched, and fills @patch->bodies.
 * Called after shk_livepatch_prepare(), before @patch is applied, without a lock. Sleeps. After an
 * error other than -ENOMEM @patch->symbol is the function that the error is about.
 *
 * Returns 0, or
 *   BODY_FIXED  a function has more than SHK_NR_COLD parts
 *   NOT_TEXT    no symbol contains a function or a body
 *   -ENOMEM
 */
int shk_livepatch_switch_prepare(struct shk_patch *patch);

/*
 * Adds the stubs of all functions of @patch to @patch->bodies, the text in which no thread may be
 * when the patch is switched off. A stub is the code to which the entry of a patched function
 * jumps. Called once, after the patch was applied and before it is switched on. The caller holds
 * the shadow's lock. Does not sleep.
 */
void shk_livepatch_switch_begin(struct shk_patch *patch);

/*
 * Changes @patch->state from OFF to ON, or from ON to OFF. If the shadow may be executed, this
 * stops the machine and reads the kernel stacks of the threads inside. It changes nothing if a
 * thread is in an old body (OFF to ON), or in a new body or a stub (ON to OFF). A stub is the code
 * to which the function's entry jumps.
 *
 * While the patch is on, all its bodies are in shk_shadow.bodies. So no process enters or leaves
 * the shadow while one of its threads is in a body.
 *
 * The caller holds the shadow's lock, and has made all stubs of @patch slow (shk_stub_set_fast()),
 * so that each entry of a function reads the state. Takes cpus_read_lock(), text_mutex and
 * shk_graft_lock. Sleeps, but does not wait for threads.
 *
 * Returns
 *   0        the state has changed; *@busy is 0
 *   -EAGAIN  thread *@busy is in a body or in exec, or its stack is not reliable; call again after
 *            shk_busy_task_wait(). *@busy is -1 if current's pid namespace does not show the thread
 *   others   errors of shk_inplace_allowed() (OFF to ON); *@busy is unchanged
 */
int shk_livepatch_switch(struct shk_patch *patch, pid_t *busy);

/*
 * Removes the bodies of @patch from shk_shadow.bodies, so that no process is kept from entering or
 * leaving the shadow because of them. Does nothing if it has none. The caller holds the shadow's
 * lock. Takes text_mutex and shk_graft_lock.
 */
void shk_livepatch_switch_forget(struct shk_patch *patch);

/* ---- thunk.c ---- */

/*
 * Prepares a RETPOLINES patch: for the thunk of each register, makes an edit that replaces the
 * thunk by a jump through the register. Called before @patch is applied, without a lock. Sleeps.
 * Returns 0, -ENOMEM, or NO_THUNKS: the kernel does not use retpolines on this CPU, or needs them
 * for IBT.
 */
int shk_retpolines_prepare(struct shk_patch *patch);

/*
 * Prepares a RETURNS patch: makes an edit that replaces the return thunk in use by a return. Called
 * before @patch is applied, without a lock. Sleeps. Returns 0, -ENOMEM, or NO_THUNKS: the kernel
 * uses no return thunk on this CPU.
 */
int shk_returns_prepare(struct shk_patch *patch);

/* ---- module_stacks.c ---- */

/*
 * Returns true if no task has an address in the text of @mod on its kernel stack. The caller
 * ensures that no task enters that text from outside during the call. Sleeps, and waits for work
 * items on other CPUs. Takes no lock; calls must not overlap.
 *
 * Returns false if a task has such an address, or if that is not known:
 * - a stack trace was not reliable
 * - a task ran whenever its stack was to be read
 * - too many tasks ran, or memory was short
 */
bool shk_module_stacks_clear(const struct module *mod);

/* ---- call.c ---- */

/*
 * Reads the instruction at @addr of the base's text. Fills MAX_INSN_SIZE bytes at @bytes: reads
 * @room of them at most, and sets the others to 0. In the place of bytes that kprobes have changed,
 * stores the original ones. If @addr is in a module, the caller holds a reference to it. The bytes
 * may be those of a patch in progress unless the caller holds text_mutex.
 */
void shk_insn_read(unsigned long addr, u8 *bytes, unsigned long room);

/*
 * Finds the direct call of @callee ("MODULE:FUNCTION" in a module) in the function at @addr, which
 * is @size bytes long. @offset is the offset of the call from @addr; 0: the function has only one
 * such call. Reads the text as it was compiled, without kprobes. If the text is in a module, the
 * caller holds a reference to that module. Takes no lock.
 *
 * Returns the offset of the call from @addr, or
 *   NO_CALL          the function has no such call, or not at @offset
 *   SEVERAL_CALLS    @offset is 0, and the function has several such calls
 *   NOT_INSTRUCTION  no instruction begins at @offset
 *   KPROBE_THERE     an enabled kprobe is within 4 bytes of the call
 */
long shk_call_find(unsigned long addr, unsigned long size, const char *callee, u64 offset);

#endif /* SHK_PATCH_H */
