/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hooks: edits that every shadow has for the module's own sake; hooks.c has the reason for each. At
 * some functions the module is called and the function goes on, or its work is done. At others the
 * base executes the function's body, while the CPU has init_mm loaded.
 */
#ifndef SHK_HOOKS_H
#define SHK_HOOKS_H

#include "hooks/vectors.h"
#include "text/text.h"

/* All hooks, by the function that they are at. */
enum shk_hook {
	/*
	 * Every shadow has these hooks. At some functions the module is called first, and the
	 * function then does its work. At others the module's code does the work, and the function
	 * returns at once. If enter_lazy_tlb() is inline in this kernel, it cannot be hooked:
	 * TASK_SWITCH and LEAVE_MM are applied instead. Otherwise those two are not applied.
	 */
	SHK_HOOK_ENTER_LAZY_TLB, /* enter_lazy_tlb() */
	SHK_HOOK_TASK_SWITCH,	 /* finish_task_switch() */
	SHK_HOOK_LEAVE_MM,	 /* membarrier_update_current_mm() */
	SHK_HOOK_PGD_ALLOC,	 /* pgd_alloc() */
	SHK_HOOK_PGD_FREE,	 /* pgd_free() */
	SHK_HOOK_EXEC_MM,	 /* exec_mm_release(), or mm_exit_exec_release() */
	SHK_HOOK_INT3,		 /* kprobe_int3_handler() */
	SHK_HOOK_EXEC,		 /* security_bprm_committing_creds(), if shk_hooks.exec */
	SHK_HOOK_FAULT,		 /* spurious_kernel_fault() */
	SHK_HOOK_FPU_END,	 /* kernel_fpu_end(), with EFI */
	/*
	 * Every shadow has these hooks. Each function reads or patches kernel text. The hook loads
	 * init_mm and calls the function again, so that the base executes it.
	 */
	SHK_HOOK_TEXT_POKE,	/* __text_poke() */
	SHK_HOOK_FTRACE_VERIFY, /* ftrace_verify_code() */
	SHK_HOOK_JUMP_LABEL,	/* __jump_label_patch() */
	SHK_HOOK_STATIC_CALL,	/* __static_call_validate() */
	SHK_HOOK_CAN_PROBE,	/* can_probe() */
	SHK_HOOK_COPY_INSN,	/* __copy_instruction() */
	SHK_HOOK_CAN_OPTIMIZE,	/* can_optimize() */
	/*
	 * From here on: handlers of interrupts and softirqs. The base executes them, unless the
	 * shadow's policy is SHK_ASYNC_INHERIT.
	 */
	SHK_HOOK_UPCALL,  /* __xen_pv_evtchn_do_upcall(), on Xen PV */
	SHK_HOOK_SOFTIRQ, /* handle_softirqs() */
	SHK_HOOK_VECTOR,  /* the first handler of a system vector: vectors.h */
	SHK_NR_HOOKS = SHK_HOOK_VECTOR + SHK_VECTORS_MAX
};

/* The hooks of one text. Under the lock of the text's owner. */
struct shk_hooks {
	u32 flags;    /* SHK_ASYNC_* of the shadow, by which hooks are chosen. Fixed */
	bool applied; /* the chosen hooks are applied */
	bool exec;    /* SHK_HOOK_EXEC is chosen: shk_hooks_add_exec() */
	struct shk_edit edits[SHK_NR_HOOKS]; /* by enum shk_hook; those not chosen are unused */
};

/*
 * Finds the functions to be hooked. Called at load, after shk_mmu_init(). May sleep. Returns 0 or
 *   -EOPNOTSUPP      a symbol is missing or ambiguous, or lacks the ftrace site that its hook
 *                    needs; or the handler of an interrupt is unknown. The log says which.
 *   -ENOENT, -E2BIG  errors of shk_vectors_find(), which are not logged
 */
int shk_hooks_init(void);
/*
 * Waits until no task is in a hook. Called at unload, after all hooks were reverted. A task may
 * still be in a hook then: preempted, or asleep between shk_hook_begin() and shk_hook_end(). Sleeps
 * until the last such task has left its hook.
 */
void shk_hooks_exit(void);

/*
 * Applies to @text the hooks that @hooks->flags and @hooks->exec choose. Does nothing if they are
 * applied already. The caller calls it before the first CPU can execute @text. The lock of the
 * text's owner is held, text_mutex is not. May sleep. Returns 0, or an error after which no hook is
 * applied:
 *   XEN              Xen refused a change of page tables
 *   FTRACE_DISABLED  kernel.ftrace_enabled is 0
 *   FTRACE_DEAD      ftrace has stopped
 *   others           errors of register_ftrace_function()
 *   -ENOMEM          out of memory
 */
int shk_hooks_apply(struct shk_hooks *hooks, struct shk_text *text);
/*
 * Reverts the hooks of @hooks in @text. Does nothing if they are not applied. The caller ensures
 * that no mm is grafted to @text and no CPU executes it. Called with the owner's lock held, and
 * without text_mutex. May sleep. Tasks may still be preempted in a hook: see shk_hooks_exit().
 */
void shk_hooks_revert(struct shk_hooks *hooks, struct shk_text *text);
/*
 * Chooses SHK_HOOK_EXEC for @text: the hook that detaches a process whose exec gains privileges.
 * Applies it if the other hooks are applied; otherwise shk_hooks_apply() does so later. CPUs may be
 * executing @text. Called with the owner's lock held, and without text_mutex. May sleep. Returns 0,
 * or an error of shk_text_apply(), after which nothing has changed.
 */
int shk_hooks_add_exec(struct shk_hooks *hooks, struct shk_text *text);

/*
 * Returns the number of hooks that a shadow of this machine has at most. Fixed after
 * shk_hooks_init(). Needs no lock.
 */
unsigned int shk_hooks_count(void);
/*
 * Returns true if @addr is within the 5 bytes of a hook that this machine needs, also if only some
 * shadows have the hook. Needs no lock; does not sleep.
 */
bool shk_is_hook_at(unsigned long addr);
/*
 * Returns true if every shadow has a hook by which the base executes the body of the function
 * @symbol. An edit of that body would have no effect. Clones and parts that the compiler made of
 * the function ("NAME.isra.0", "NAME.cold") count as well. __text_poke() is an exception: a shadow
 * executes it for a poke that touches no edit of that shadow. (In such a call the text that it
 * patches is the same in the base and in the shadow.) Needs no lock; does not sleep.
 */
bool shk_hooks_replace_body(const char *symbol);

/*
 * Makes shk_hooks_exit() wait for current until current calls shk_hook_end(). Called by a hook that
 * may sleep. Any context.
 */
void shk_hook_begin(void);
/*
 * Ends the effect of shk_hook_begin(): shk_hooks_exit() no longer waits for current to call this.
 * current may be on another CPU than at that call. The hook then returns by a few more
 * instructions, for which shk_hooks_exit() waits, too. Any context.
 */
void shk_hook_end(void);

/*
 * Returns the text that this CPU executes by its loaded tables; NULL: the base. Interrupts or
 * preemption are off, or current holds text_mutex. Any context, NMI too. Calls no function that can
 * be probed.
 */
struct shk_text *shk_current_text(void);

#endif /* SHK_HOOKS_H */
