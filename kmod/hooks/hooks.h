/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions that differ in every shadow for the module's own sake. */
#ifndef SHK_HOOKS_H
#define SHK_HOOKS_H

#include "hooks/vectors.h"
#include "text/text.h"

enum shk_hook {
	SHK_HOOK_ENTER_LAZY_TLB,
	SHK_HOOK_PGD_ALLOC,
	SHK_HOOK_PGD_FREE,
	SHK_HOOK_EXEC_MM,
	SHK_HOOK_INT3,
	SHK_HOOK_EXEC,
	SHK_HOOK_FAULT,
	SHK_HOOK_FPU_END,
	SHK_HOOK_TEXT_POKE,
	SHK_HOOK_FTRACE_VERIFY,
	SHK_HOOK_JUMP_LABEL,
	SHK_HOOK_STATIC_CALL,
	SHK_HOOK_CAN_PROBE,
	SHK_HOOK_COPY_INSN,
	SHK_HOOK_CAN_OPTIMIZE,
	SHK_HOOK_UPCALL,
	SHK_HOOK_SOFTIRQ,
	SHK_HOOK_VECTOR, /* the first handler of a system vector: vectors.h */
	SHK_NR_HOOKS = SHK_HOOK_VECTOR + SHK_VECTORS_MAX
};

/* Those of one text. */
struct shk_hooks {
	u32 flags; /* the shadow's, SHK_ASYNC_*: they say which */
	bool applied;
	struct shk_edit edits[SHK_NR_HOOKS];
};

/* Finds the functions. -EOPNOTSUPP: this kernel lacks one, which the log names. */
int shk_hooks_init(void);
/* Nobody executes a shadow any more. Waits until no task is in a hook. */
void shk_hooks_exit(void);

/*
 * Both with the shadow locked; nothing happens if it is so already. Nobody executes @text
 * while it has no hooks. Errors as shk_text_apply().
 */
int shk_hooks_apply(struct shk_hooks *hooks, struct shk_text *text);
void shk_hooks_revert(struct shk_hooks *hooks, struct shk_text *text);

/* How many there are. */
unsigned int shk_hooks_count(void);
/* Has the module an edit of its own at @addr, in every shadow? */
bool shk_is_hook_at(unsigned long addr);
/* Does no shadow execute the body of that function? */
bool shk_hooks_replace_body(const char *symbol);

/* A task is in a hook that sleeps. shk_hooks_exit() waits for it. */
void shk_hook_begin(void);
void shk_hook_end(void);

/* The text that this CPU executes, NULL for the base. Interrupts are off. */
struct shk_text *shk_current_text(void);

#endif /* SHK_HOOKS_H */
