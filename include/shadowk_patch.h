/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the source of a patch module: new bodies for functions of the kernel, which one shadow, or
 * several, use in the place of the old ones.
 *
 *	#include <linux/module.h>
 *	#include <shadowk_patch.h>
 *
 *	static int (*old_show)(struct seq_file *m, void *v);
 *
 *	static int new_show(struct seq_file *m, void *v)
 *	{
 *		...
 *		return old_show(m, v);
 *	}
 *
 *	SHADOWK_PATCH(SHADOWK_REPLACE(cmdline_proc_show, new_show, old_show));
 *	MODULE_LICENSE("GPL");
 *
 * "shadowctl patch build FILE.c" builds FILE.ko from it. "shadowctl patch add SHADOW FILE.ko" loads
 * it and applies it to the shadow. A module that is only loaded has no effect.
 *
 * - All functions of a module change at one instant.
 * - A new body has the same type as the old one. It is text of an ordinary module: static keys,
 *   tracepoints, exception tables and exported functions work.
 * - The pointer to an old body is valid while a shadow has the patch. A new body may call it.
 * - The module cannot be unloaded while a shadow has the patch, or while a task may be in its text.
 */
#ifndef SHADOWK_PATCH_H
#define SHADOWK_PATCH_H

#include <linux/init.h>
#include <linux/module.h>
#include <linux/types.h>

/**
 * struct shadowk_patch_func - a function and its new body
 * @name: the function, as in /proc/kallsyms; "MODULE:FUNCTION" in a module, which must be loaded
 *	  when the patch is added, and cannot be unloaded before the patch is removed
 * @pos:  number of the function among those with that name, from 1 on, in the order of
 *	  /proc/kallsyms; 0 if there is only one
 * @body: the new body, in the text of the patch module
 * @old:  variable in which shadowk.ko stores a pointer to the old body, or NULL
 */
struct shadowk_patch_func {
	const char *name;
	unsigned long pos;
	void *body;
	void **old;
};

/**
 * struct shadowk_patch - the table of a patch module, which shadowk.ko reads
 * @size:      sizeof(struct shadowk_patch); shadowk.ko refuses a table of another size
 * @func_size: sizeof(struct shadowk_patch_func); shadowk.ko refuses another one
 * @owner:     the patch module
 * @funcs:     array of its functions
 * @nr_funcs:  number of elements of @funcs, 1 or more
 */
struct shadowk_patch {
	u32 size;
	u32 func_size;
	struct module *owner;
	const struct shadowk_patch_func *funcs;
	u32 nr_funcs;
};

/* shadowk.ko finds the table by this name. */
#define SHADOWK_PATCH_SYMBOL "shadowk_patch_of_this_module"

/*
 * Entry of SHADOWK_PATCH(): a shadow executes @new_body in the place of @function, which is the
 * only function of that name in the kernel image. shadowk.ko stores a pointer to the old body in
 * the variable @old_pointer.
 */
#define SHADOWK_REPLACE(function, new_body, old_pointer) \
	SHADOWK_REPLACE_NTH(function, 0, new_body, old_pointer)

/* Entry of SHADOWK_PATCH(), like SHADOWK_REPLACE(), for a function of the module @module. */
#define SHADOWK_REPLACE_IN(module, function, new_body, old_pointer)                  \
	{                                                                            \
		.name = #module ":" #function, .pos = 0, .body = (void *)(new_body), \
		.old = (void **)&(old_pointer)                                       \
	}

/*
 * Entry of SHADOWK_PATCH(), like SHADOWK_REPLACE(), for the @nth of several functions with that
 * name, from 1 on, in the order of /proc/kallsyms.
 */
#define SHADOWK_REPLACE_NTH(function, nth, new_body, old_pointer)            \
	{                                                                    \
		.name = #function, .pos = (nth), .body = (void *)(new_body), \
		.old = (void **)&(old_pointer)                               \
	}

/*
 * Entry of SHADOWK_PATCH(), like SHADOWK_REPLACE(), without a pointer to the old body. A patch with
 * only such entries can be added in place (shadowctl patch add --in-place).
 */
#define SHADOWK_BODY(function, new_body) SHADOWK_BODY_NTH(function, 0, new_body)

/* Entry of SHADOWK_PATCH(), like SHADOWK_BODY(), for the @nth of several functions. */
#define SHADOWK_BODY_NTH(function, nth, new_body)                           \
	{                                                                   \
		.name = #function, .pos = (nth), .body = (void *)(new_body) \
	}

/*
 * Defines the table of the patch module, and its init and exit functions, which do nothing. The
 * arguments are entries, separated by commas. Use it once, at file scope, and add MODULE_LICENSE().
 */
#define SHADOWK_PATCH(...)                                                              \
	static const struct shadowk_patch_func shadowk_patch_funcs[] = { __VA_ARGS__ }; \
	static struct shadowk_patch shadowk_patch_of_this_module __used = {             \
		.size = sizeof(struct shadowk_patch),                                   \
		.func_size = sizeof(struct shadowk_patch_func),                         \
		.owner = THIS_MODULE,                                                   \
		.funcs = shadowk_patch_funcs,                                           \
		.nr_funcs = ARRAY_SIZE(shadowk_patch_funcs),                            \
	};                                                                              \
	static int __init shadowk_patch_load(void)                                      \
	{                                                                               \
		return 0;                                                               \
	}                                                                               \
	module_init(shadowk_patch_load);                                                \
	static void __exit shadowk_patch_unload(void)                                   \
	{                                                                               \
	}                                                                               \
	module_exit(shadowk_patch_unload)

#endif /* SHADOWK_PATCH_H */
