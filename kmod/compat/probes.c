// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions to the headers of the kernel that the module is built for, one a function. If it
 * compiles, its name is 1 in the generated compat/have.h, else 0. The file is compiled once, by
 * compat/configure, which finds the name in the message of each error: #line makes the name of a
 * question the name of a file.
 *
 * A question asks for a prototype, a member or a type, so that the compiler goes on behind an
 * error. No function is declared by a first use of it: the compiler reports that once only, and
 * two questions may ask for the same function. Above each stands the commit that made the
 * difference, and the first release with it; vendors' kernels may have it earlier.
 */
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rethook.h>
#include <linux/sched/task.h>
#include <linux/tracepoint-defs.h>
#include <asm/ibt.h>

/* Always: else the compiler or its flags do not fit the headers, and nothing below is true. */
#line 1 "SHK_HAVE_HEADERS"
static inline void have_headers(void)
{
	struct task_struct *task = current;

	(void)task;
}

/* Never: else the compiler accepts members that are not there. */
#line 1 "SHK_HAVE_NO_MEMBER"
static inline void have_no_member(struct task_struct *task)
{
	task->shadowk_has_no_such_member = 0;
}

/* Never: else the compiler accepts a function for one of another type. */
#line 1 "SHK_HAVE_WRONG_TYPE"
static inline void have_wrong_type(void)
{
	void (*wanted)(struct task_struct *) = register_kprobe;

	(void)wanted;
}

/* "fprobe: Pass return address to the handlers" (6.5): the type of a handler of returns. */
#line 1 "SHK_HAVE_RETHOOK_RETURN_ADDRESS"
static inline void have_rethook_return_address(rethook_handler_t handler)
{
	void (*wanted)(struct rethook_node *, void *, unsigned long, struct pt_regs *) = handler;

	(void)wanted;
}

/* "kprobes: kretprobe scalability improvement" (6.7): rethook_alloc() allocates the nodes. */
#line 1 "SHK_HAVE_RETHOOK_OBJPOOL"
static inline void have_rethook_objpool(void)
{
	struct rethook *(*wanted)(void *, rethook_handler_t, int, int) = rethook_alloc;

	(void)wanted;
}

/*
 * "kallsyms: Delete an unused parameter related to {module_}kallsyms_on_each_symbol()" (6.3), and
 * an argument for the name of a module: module_kallsyms_on_each_symbol().
 */
#line 1 "SHK_HAVE_MODULE_SYMBOLS_OF_ONE"
static inline void have_module_symbols_of_one(void)
{
	int (*wanted)(const char *, int (*)(void *, const char *, unsigned long), void *) =
		module_kallsyms_on_each_symbol;

	(void)wanted;
}

/*
 * "kernel: Allow a kernel thread's name to be set in copy_process" (6.4): "kthread: Pass in the
 * thread's name during creation", of the same series, uses it.
 */
#line 1 "SHK_HAVE_CLONE_ARGS_NAME"
static inline void have_clone_args_name(struct kernel_clone_args *args)
{
	args->name = "";
}

/* "x86/ibt: Clean up is_endbr()" (6.15): it takes an address, and modules cannot call it. */
#line 1 "SHK_HAVE_ENDBR_BY_ADDRESS"
static inline bool have_endbr_by_address(u32 *insn)
{
	return is_endbr(insn); /* a call, since its type has an attribute, too */
}

/* "mm: replace vm_lock and detached flag with a reference count" (6.15) */
#line 1 "SHK_HAVE_VMA_REFCOUNT"
static inline void have_vma_refcount(struct vm_area_struct *vma)
{
	refcount_set(&vma->vm_refcnt, 1);
}

/* "tracing: Introduce tracepoint extended structure" (6.13): it has .regfunc. */
#line 1 "SHK_HAVE_TRACEPOINT_EXT"
static inline struct tracepoint_ext *have_tracepoint_ext(struct tracepoint *tracepoint)
{
	return tracepoint->ext;
}
