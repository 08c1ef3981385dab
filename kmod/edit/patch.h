/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A patch is a set of functions of one shadow that have other bodies there, or
 * one call left out of a function. Functions take effect together: their sites
 * lead to stubs, and every stub asks the one word of the patch.
 *
 * patch.c	adds, removes, tells
 * call.c	finds the call to leave out
 * module.c	patches whose bodies are in a module
 * livepatch.c	patches that livepatch modules have
 * thunk.c	thunks of mitigations
 * inplace.c	bodies in the place of the base's
 * livepatch_switch.c	livepatches, switched while no task is in their bodies
 * module_stacks.c	who may still be in such a module
 * site.c	the entry that a function shares with probes and other patches
 *
 * Locking: the shadow's, but for calls in progress, which read
 * shk_site.funcs, shk_func.patch and shk_patch.state under RCU.
 */
#ifndef SHK_PATCH_H
#define SHK_PATCH_H

#include <linux/list.h>
#include <linux/llist.h>
#include <linux/module.h>

#include "shadow/shadow.h"

enum shk_patch_state {
	SHK_PATCH_OFF,	/* stubs pass on to the old body */
	SHK_PATCH_ON,	/* stubs ask, and find the new body */
	SHK_PATCH_FAST, /* stubs that nobody else uses go to the new body unasked */
};

struct shk_inplace;

struct shk_func {
	struct list_head node;	  /* shk_patch.funcs */
	struct list_head in_site; /* shk_site.funcs, RCU */
	struct shk_patch *patch;
	struct shk_site *site;
	unsigned long addr;   /* of the function */
	struct module *owner; /* whose text that is, held; NULL: the kernel's own */
	unsigned long body;
	int stub;
	unsigned long old;	     /* a pointer to the old body, or 0 */
	struct shk_inplace *inplace; /* IN_PLACE, else NULL */
	char symbol[SHK_SYMBOL_LEN];
};

struct shk_patch {
	struct list_head node; /* shk_shadow.patches */
	struct shk_shadow *shadow;
	u64 id;
	u64 value;
	u32 kind;
	u32 flags;
	enum shk_patch_state state;
	struct list_head funcs;
	/* What is changed elsewhere than at entries: a call, thunks. */
	struct shk_edit *edits;
	unsigned int nr_edits;
	u8 *detour;	      /* SKIP_CALL: where the call leads if it sets a value */
	struct module *owner; /* SKIP_CALL: whose text that is in, held; NULL: the kernel's own */
	u64 offset;
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
	char object[SHK_SYMBOL_LEN];
	struct module *mod;    /* where the bodies are; held, as is this module */
	struct klp_patch *klp; /* LIVEPATCH */
	bool was_on;	       /* its callbacks prepared it, and are to undo that */
	/* LIVEPATCH: modules of which it has objects, held. */
	struct module **objects;
	unsigned int nr_objects;
	/* IN_PLACE: one of each function; are they in? */
	struct shk_replacement *replacements;
	unsigned int nr_replacements;
	bool in_place;
	/* LIVEPATCH, unless UNSAFE_NOW: where no task may be when it is switched, the old first. */
	struct shk_body *bodies;
	unsigned int nr_bodies;
	unsigned int nr_olds;
	/* A caller waits for tasks to leave these, without the shadow's lock. */
	bool switching;
	struct llist_node free_node;
};

/* Counts the functions of @patch. list_count_nodes() would, but early releases of 6.1 lack it. */
static inline unsigned int shk_patch_nr_funcs(const struct shk_patch *patch)
{
	const struct shk_func *func;
	unsigned int nr = 0;

	list_for_each_entry (func, &patch->funcs, node)
		nr++;
	return nr;
}

/*
 * Holds a module that has started. One whose init runs still is freed if that fails, whoever
 * holds it. Preemption is off, or something else keeps @mod.
 */
static inline bool shk_module_get_live(struct module *mod)
{
	return READ_ONCE(mod->state) == MODULE_STATE_LIVE && try_module_get(mod);
}

/* ---- patch.c ---- */

int shk_patch_add(struct shk_shadow *shadow, struct shk_patch_add *arg);
int shk_patch_remove(struct shk_shadow *shadow, struct shk_patch_remove *arg);
int shk_patch_promote(struct shk_shadow *shadow, const struct shk_patch_promote *arg);
int shk_patch_next(struct shk_shadow *shadow, u64 *cursor, struct shk_patch_info *info,
		   bool show_addr);
void shk_patches_teardown(struct shk_shadow *shadow);
/* At its return no module is held for the sake of a function of its that was patched. */
bool shk_patches_settle(bool all);
/* All that was removed is freed. */
void shk_patches_exit(void);

/*
 * A function to be patched, whose module is held; @body is its new one. It is the
 * patch's to free, whatever comes of it. Or an error of struct shk_patch_add.
 */
struct shk_func *shk_func_add(struct shk_patch *patch, const char *symbol, unsigned long addr,
			      unsigned long body);

/* ---- module.c ---- */

/*
 * The functions of the module that @patch->object names, which is held from here
 * on. If one of them cannot be patched, its name is in @patch->symbol.
 */
int shk_module_prepare(struct shk_patch *patch);

/*
 * A function by its name (a module's: "MODULE:FUNCTION") and which of that name, to have @body, of @patch->mod;
 * a pointer to the old body goes to @old. Its name is in @patch->symbol then.
 */
int shk_func_prepare(struct shk_patch *patch, const char *name, unsigned long pos,
		     unsigned long body, void **old);

/* ---- livepatch.c ---- */

enum shk_callback {
	SHK_POST_PATCH,
	SHK_PRE_UNPATCH,
	SHK_POST_UNPATCH,
};

int shk_livepatch_init(void);
void shk_livepatch_exit(void);
/* klp_enable_patch() is to keep the patch for us. */
int shk_capture_prepare(struct shk_patch *patch);
/* As shk_module_prepare(), of a livepatch module that was captured. */
int shk_livepatch_prepare(struct shk_patch *patch);
/*
 * Calls pre_patch of each object of a patch that has some. If one fails, post_unpatch of the
 * objects before it is called and its error is returned.
 */
int shk_livepatch_pre_patch(struct shk_patch *patch);
/* Calls another callback of each object of a patch that has some. */
void shk_livepatch_call(struct shk_patch *patch, enum shk_callback which);
/* Errors of struct shk_patch_promote. The shadow is locked. */
int shk_livepatch_promote(struct shk_patch *patch);
/* True if the kernel has had the patch from this module, whatever became of it there. */
bool shk_livepatch_promoted(const struct shk_patch *patch);
/* True if the kernel has it, so that tasks which leave the shadow keep the bodies. */
bool shk_livepatch_enabled(const struct shk_patch *patch);

/* ---- livepatch_switch.c ---- */

/*
 * Finds the bodies of @patch. -ENOMEM, -ENOENT (no symbol), -EPROTO (too many parts); the
 * function is in @patch->symbol then.
 */
int shk_livepatch_switch_prepare(struct shk_patch *patch);
/* Its functions have their stubs, which lead to the old bodies. */
void shk_livepatch_switch_begin(struct shk_patch *patch);
/*
 * Switches @patch on if it is off, or off if its stubs ask; the shadow is locked. -EAGAIN:
 * the task @busy is in a body, wait (shk_busy_task_wait()) without locks. -EOPNOTSUPP.
 */
int shk_livepatch_switch(struct shk_patch *patch, pid_t *busy);
/* No task is kept out of the shadow, or in it, for the sake of @patch. Likewise. */
void shk_livepatch_switch_forget(struct shk_patch *patch);

/* ---- thunk.c ---- */

/* The edits of such a patch. -ENOMEM, -EOPNOTSUPP: this CPU has no use for the thunks. */
int shk_retpolines_prepare(struct shk_patch *patch);
int shk_returns_prepare(struct shk_patch *patch);

/* ---- module_stacks.c ---- */

/* Is no task in the text of @mod, nor will it return there? Sleeps. */
bool shk_module_stacks_clear(const struct module *mod);

/* ---- call.c ---- */

/*
 * The direct call of @callee (a module's: "MODULE:FUNCTION") in [@addr, @addr + @size): that at @offset, or the
 * only one if @offset is 0. Returns its offset, -ENXIO (there is none),
 * -EMLINK (there are several), -EBUSY (a kprobe is there).
 */
long shk_call_find(unsigned long addr, unsigned long size, const char *callee, u64 offset);

#endif /* SHK_PATCH_H */
