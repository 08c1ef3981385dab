// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switches livepatches on and off.
 *
 * The author of a livepatch relies on livepatch's consistency model: no system call executes an old
 * body of one function and a new body of another. So the state of the patch changes while the
 * machine is stopped, and while no thread of the processes inside has one of the bodies on its
 * kernel stack. All stubs read the state then, so one store changes all functions for all threads.
 * While the patch is on, its bodies are in shk_shadow.bodies. So processes enter and leave the
 * shadow by the same rule, see graft/change_text.c.
 *
 * A task may be in a stub, or in a function that a stub has called. If shk_hit_call() has chosen
 * the old body, the address behind the __fentry__ site is on its stack, which is in the old body.
 * If it has chosen the new body, an address in the stub is there. Therefore stubs count as new
 * bodies.
 */
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/text-patching.h>

#include "edit/inplace.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/slot_entry.h"
#include "graft/graft.h"
#include "graft/stack_check.h"

/* An old body and a new one, each with parts that the compiler has split off, and a stub. */
#define BODIES_PER_FUNC (2 * (1 + SHK_NR_COLD) + 1)

/*
 * Adds ranges in which no thread may be when @patch is switched to @patch->bodies: the function
 * that contains @addr, from @from to its end, and its .cold parts. Returns 0, NOT_TEXT: no symbol
 * contains @addr, or BODY_FIXED: it has too many parts.
 */
static int switch_add_function(struct shk_patch *patch, unsigned long addr, unsigned long from)
{
	char name[SHK_SYMBOL_LEN];
	unsigned long offset, size;
	int ret = shk_symbol_of(addr, name, &offset, &size);

	if (ret)
		return ret;
	shk_body_add(patch->bodies, &patch->nr_bodies, from, addr - offset + size);
	return shk_bodies_add_cold(patch->bodies, &patch->nr_bodies, name);
}

int shk_livepatch_switch_prepare(struct shk_patch *patch)
{
	struct shk_func *func;
	int ret;

	patch->bodies = kcalloc(shk_patch_nr_funcs(patch) * BODIES_PER_FUNC, sizeof(*patch->bodies),
				GFP_KERNEL_ACCOUNT);
	if (!patch->bodies)
		return -ENOMEM;
	list_for_each_entry (func, &patch->funcs, node) {
		ret = switch_add_function(patch, func->addr,
					  shk_call(ftrace_location)(func->addr) + CALL_INSN_SIZE);
		if (ret)
			goto blame;
	}
	patch->nr_olds = patch->nr_bodies;
	list_for_each_entry (func, &patch->funcs, node) {
		ret = switch_add_function(patch, func->body, func->body);
		if (ret)
			goto blame;
	}
	return 0;
blame:
	strscpy(patch->symbol, func->symbol, sizeof(patch->symbol));
	return ret;
}

void shk_livepatch_switch_begin(struct shk_patch *patch)
{
	struct shk_func *func;

	list_for_each_entry (func, &patch->funcs, node) {
		unsigned long stub = shk_stub_text(func->stub);

		shk_body_add(patch->bodies, &patch->nr_bodies, stub, stub + SHK_STUB_SIZE);
	}
}

/*
 * Adds the elements [@first, @end) of @patch->bodies to @checked, the list .extra_bodies of a
 * struct shk_stack_check, so that the check looks for threads in them. The caller removes them by
 * shk_stack_check_clear_extra().
 */
static void switch_list_bodies(struct shk_patch *patch, unsigned int first, unsigned int end,
			       struct list_head *checked)
{
	for (; first < end; first++)
		list_add(&patch->bodies[first].in_check, checked);
}

/*
 * Adds all bodies of @patch to shk_shadow.bodies. From now on no process enters or leaves the
 * shadow while one of its threads is in one of these bodies. text_mutex and shk_graft_lock are
 * held.
 */
static void switch_add_shadow_bodies(struct shk_patch *patch)
{
	unsigned int i;

	for (i = 0; i < patch->nr_bodies; i++)
		list_add(&patch->bodies[i].node, &patch->shadow->bodies);
}

/* Removes all bodies of @patch from shk_shadow.bodies. text_mutex and shk_graft_lock are held. */
static void switch_remove_shadow_bodies(struct shk_patch *patch)
{
	unsigned int i;

	for (i = 0; i < patch->nr_bodies; i++)
		list_del_init(&patch->bodies[i].node);
}

/*
 * Switches the patch @arg on if it is off, else off: its functions' entries choose the other bodies
 * from now on. Called while the machine is stopped and no thread is in a body, or while nothing
 * executes the shadow. text_mutex is held; takes shk_graft_lock. Returns 0.
 */
static int switch_flip_state(void *arg)
{
	struct shk_patch *patch = arg;
	bool on = patch->state == SHK_PATCH_OFF;

	WRITE_ONCE(patch->state, on ? SHK_PATCH_ON : SHK_PATCH_OFF);
	spin_lock(&shk_graft_lock);
	if (on)
		switch_add_shadow_bodies(patch);
	else
		switch_remove_shadow_bodies(patch);
	spin_unlock(&shk_graft_lock);
	return 0;
}

void shk_livepatch_switch_forget(struct shk_patch *patch)
{
	if (!patch->nr_bodies)
		return;
	mutex_lock(shk_symbols.text_mutex);
	spin_lock(&shk_graft_lock);
	switch_remove_shadow_bodies(patch);
	spin_unlock(&shk_graft_lock);
	mutex_unlock(shk_symbols.text_mutex);
}

/*
 * Switches @patch on if it is off, else off. If a CPU may execute the shadow, stops the machine for
 * that, and first checks by @check that no thread is in a body. The shadow's lock is held. Takes
 * cpus_read_lock() and text_mutex; sleeps. Returns 0, or -EAGAIN: the thread @check->busy is in a
 * body, and nothing has changed.
 */
static int switch_try_flip(struct shk_patch *patch, struct shk_stack_check *check)
{
	/* If it is false it stays so, since the shadow is locked. */
	bool live = shk_shadow_live(patch->shadow);
	int ret;

	cpus_read_lock(); /* before text_mutex, as in the kernel */
	mutex_lock(shk_symbols.text_mutex);
	ret = live ? shk_stack_check_and_change(check, switch_flip_state, patch)
		   : switch_flip_state(patch);
	mutex_unlock(shk_symbols.text_mutex);
	cpus_read_unlock();
	return ret;
}

int shk_livepatch_switch(struct shk_patch *patch, pid_t *busy)
{
	bool on = patch->state == SHK_PATCH_OFF;
	struct shk_stack_check check = { .shadow = patch->shadow,
					 .extra_bodies = LIST_HEAD_INIT(check.extra_bodies) };
	int ret;

	lockdep_assert_held(&patch->shadow->lock);
	/* The answer may have changed while a thread was waited for, without the lock. */
	ret = on ? shk_inplace_allowed(patch->shadow) : 0;
	if (ret)
		return ret;
	switch_list_bodies(patch, on ? 0 : patch->nr_olds, on ? patch->nr_olds : patch->nr_bodies,
			   &check.extra_bodies);
	ret = switch_try_flip(patch, &check);
	*busy = check.busy;
	shk_stack_check_clear_extra(&check);
	return ret;
}
