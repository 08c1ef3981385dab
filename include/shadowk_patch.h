/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patch modules: functions of the kernel replaced in one shadow.
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
 * "shadowctl patch build FILE.c" makes FILE.ko of it, "shadowctl patch add NAME
 * FILE.ko" applies it. Loaded alone it does nothing. All its functions take
 * effect together. A new body must have the old one's type; whatever it does it
 * does in module text, so static keys, tracepoints, exception tables and
 * EXPORT_SYMBOL'ed functions work as in any module. An old body is called
 * through the pointer, which is valid while the patch is applied somewhere.
 *
 * The module stays loaded while a shadow has it or a task may be in it.
 */
#ifndef SHADOWK_PATCH_H
#define SHADOWK_PATCH_H

#include <linux/init.h>
#include <linux/module.h>
#include <linux/types.h>

/**
 * struct shadowk_patch_func - a function and its new body
 * @name: the function, as in /proc/kallsyms; "MODULE:FUNCTION" of a module that is
 *	  loaded when the patch is added, and stays so while it is applied
 * @pos:  which of several with that name, from 1 on; 0 for the only one
 * @body: the new body
 * @old:  out: where to put a pointer to the old body, or NULL
 */
struct shadowk_patch_func {
	const char *name;
	unsigned long pos;
	void *body;
	void **old;
};

/**
 * struct shadowk_patch - what shadowk.ko finds in a patch module
 * @size:      sizeof(struct shadowk_patch)
 * @func_size: sizeof(struct shadowk_patch_func)
 * @owner:     the module
 * @funcs:     the functions
 * @nr_funcs:  how many
 */
struct shadowk_patch {
	u32 size;
	u32 func_size;
	struct module *owner;
	const struct shadowk_patch_func *funcs;
	u32 nr_funcs;
};

/* shadowk.ko finds it by this name. */
#define SHADOWK_PATCH_SYMBOL "shadowk_patch_of_this_module"

#define SHADOWK_REPLACE(function, new_body, old_pointer) \
	SHADOWK_REPLACE_NTH(function, 0, new_body, old_pointer)

/* A function of another module. */
#define SHADOWK_REPLACE_IN(module, function, new_body, old_pointer)                  \
	{                                                                            \
		.name = #module ":" #function, .pos = 0, .body = (void *)(new_body), \
		.old = (void **)&(old_pointer)                                       \
	}

/* The @nth of several functions with that name, in the order of /proc/kallsyms. */
#define SHADOWK_REPLACE_NTH(function, nth, new_body, old_pointer)            \
	{                                                                    \
		.name = #function, .pos = (nth), .body = (void *)(new_body), \
		.old = (void **)&(old_pointer)                               \
	}

/* The old body cannot be called: it may change in place (shadowctl patch add --in-place). */
#define SHADOWK_BODY(function, new_body) SHADOWK_BODY_NTH(function, 0, new_body)

#define SHADOWK_BODY_NTH(function, nth, new_body)                           \
	{                                                                   \
		.name = #function, .pos = (nth), .body = (void *)(new_body) \
	}

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
