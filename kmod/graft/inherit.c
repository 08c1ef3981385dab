// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fork and exec make of an mm that is inside is inside, from before its
 * first instruction; and what comes to nothing leaves nothing (graft.c).
 */
#include <linux/binfmts.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "graft/carrier.h"
#include "graft/inherit.h"
#include "graft/subscribe.h"

/*
 * What is made has a mapping (dup_mmap(), __bprm_mm_init()). Until then it
 * cannot be freed while shk_graft_lock is held, since shk_graft_abort() comes first.
 */
bool shk_graft_has_unfinished_child(struct shk_graft *graft)
{
	struct shk_graft *child, *next;
	bool found = false;

	lockdep_assert_held(&shk_graft_lock);
	list_for_each_entry_safe (child, next, &graft->children, sibling) {
		/* dup_mmap() counts meanwhile, without a lock of ours: not 0 says enough. */
		if (!data_race(READ_ONCE(child->mm->map_count)))
			found = true;
		else if (!child->exec)
			shk_graft_set_made(child);
	}
	return found;
}

void shk_graft_detach_execs(struct shk_graft *graft, struct list_head *gone)
{
	struct shk_graft *child, *next;

	list_for_each_entry_safe (child, next, &graft->children, sibling) {
		/* One whose exec has failed goes by itself. */
		if (!child->exec || !mmget_not_zero(child->mm))
			continue;
		shk_graft_detach_entry(child);
		list_add(&child->sibling, gone);
	}
}

void shk_graft_put_execs(struct list_head *gone)
{
	struct shk_graft *child, *next;

	list_for_each_entry_safe (child, next, gone, sibling) {
		struct mm_struct *mm = child->mm;

		shk_graft_flush_and_put(child);
		/* The last user would wait for its I/O here. */
		mmput_async(mm);
	}
}

/* The graft that a child of this process inherits, NULL if there is none. */
static struct shk_graft *inherit_find_parent(void)
{
	struct shk_graft *parent =
		current->mm && !shk_carrier_is_being_made() ? shk_graft_find(current->mm) : NULL;
	const struct shk_stretch *alone;

	if (!parent || jiffies < parent->no_inherit_until)
		return NULL;
	if (!shk_threads_exclude_current(&parent->threads))
		return parent;
	alone = shk_stretch_outermost_thread_only(parent->stretch);
	return alone && alone->back ? parent : NULL;
}

/* The mm that a process inside is making joins its shadow. -ENOMEM. */
static int inherit_mm(struct mm_struct *mm)
{
	struct shk_graft *graft, *parent;
	struct shk_thread *nobody;
	int ret = 0;

	spin_lock(&shk_graft_lock);
	parent = inherit_find_parent();
	spin_unlock(&shk_graft_lock);
	if (!parent)
		return 0;

	/* Another thread may enter alone at any time. */
	nobody = shk_thread_alloc(NULL);
	if (!nobody)
		return -ENOMEM;
	graft = shk_graft_alloc(mm);
	if (IS_ERR(graft)) {
		shk_thread_free(nobody);
		return PTR_ERR(graft);
	}
	/* fork's is a copy of one that a program has been loaded into. */
	graft->exec = mm->task_size ? NULL : current;
	graft->borrowing = graft->exec && shk_borrows_mm(current);

	spin_lock(&shk_graft_lock);
	/* It may have been detached or moved meanwhile. */
	parent = inherit_find_parent();
	if (parent)
		ret = shk_graft_attach_entry(graft, parent->shadow, true);
	if (parent && !ret) {
		list_add(&graft->sibling, &parent->children);
		shk_graft_set_origin(graft, parent->origin);
		graft->previous = shk_previous_inherit(&parent->previous, graft->exec);
		if (shk_threads_exclude_current(&parent->threads)) {
			shk_threads_add(&graft->threads, nobody, mm, parent->shadow);
			nobody = NULL;
		}
		/* A program that is executed has nothing to come back from. */
		if (!graft->exec)
			graft->stretch = shk_stretch_get(parent->stretch);
	}
	spin_unlock(&shk_graft_lock);
	shk_thread_free(nobody);
	if (!parent || ret) {
		shk_graft_free(graft);
		shk_mm_forget_subscriptions(mm);
	}
	return ret;
}

/* The mm that this task has made in exec, if that is grafted. */
static struct shk_graft *inherit_find_exec(struct shk_graft *parent)
{
	struct shk_graft *child;

	list_for_each_entry (child, &parent->children, sibling)
		if (child->exec == current)
			return child;
	return NULL;
}

/*
 * current's exec takes the mm that it has made into use. Whoever attaches or moves a process
 * that is in exec reaches the mm that it still runs in, not the one that it has made. Is the
 * latter to arrive where the former is? Then @pending, if not NULL, is known; until that is over
 * the shadow is in use, and the module.
 */
static bool inherit_exec_mm(struct shk_pending_attach *pending)
{
	struct shk_graft *parent, *child = NULL;
	bool arrives = false;

	spin_lock(&shk_graft_lock);
	parent = shk_graft_find(current->mm);
	if (parent)
		child = inherit_find_exec(parent);
	if (child)
		shk_graft_set_made(child);
	if (child && child->shadow == parent->shadow)
		child = NULL;
	/*
	 * Who attached itself does not know what its other thread executes: outside.
	 * By then another cgroup may decide, which is asked (scope/cgroup.c).
	 */
	else if (parent && parent->origin.kind == SHK_BY_USER &&
		 !shk_threads_exclude_current(&parent->threads))
		arrives = true;
	if (child)
		shk_graft_detach_entry(child);
	if (arrives && pending) {
		pending->shadow = shk_shadow_get(parent->shadow);
		shk_graft_count(pending->shadow, 1);
		__module_get(THIS_MODULE);
		shk_pending_attach_add(pending);
	}
	spin_unlock(&shk_graft_lock);
	if (child)
		shk_graft_flush_and_put(child);
	return arrives;
}

/*
 * @mm is current's. 1: somebody has attached or detached it meanwhile, and @graft is not used;
 * -EIO.
 */
static int pending_attach_mm(struct mm_struct *mm, struct shk_graft *graft,
			     const struct shk_pending_attach *pending)
{
	int ret = 1;

	/* Who attaches it at the same time holds that, too. */
	mutex_lock(shk_symbols.text_mutex);
	shk_graft_pre_attach(mm);
	spin_lock(&shk_graft_lock);
	if (!list_empty(&pending->node) && !shk_graft_find(mm))
		ret = shk_graft_attach_entry(graft, pending->shadow, false);
	spin_unlock(&shk_graft_lock);
	if (!ret)
		shk_mmu->flush_mm(mm);
	shk_graft_post_detach(mm);
	mutex_unlock(shk_symbols.text_mutex);
	return ret;
}

/* Nobody has attached or detached the process meanwhile. */
static bool pending_attach_is_queued(const struct shk_pending_attach *pending)
{
	bool awaited;

	spin_lock(&shk_graft_lock);
	awaited = !list_empty(&pending->node);
	spin_unlock(&shk_graft_lock);
	return awaited;
}

/* -ENOMEM, -EIO. */
static int pending_attach_try(const struct shk_pending_attach *pending)
{
	struct mm_struct *mm = current->mm;
	struct shk_graft *graft;
	int ret;

	/* Exec was killed past its point of no return, and others may run in the mm that it has. */
	if (!mm || mm == pending->from || !pending_attach_is_queued(pending))
		return 0;
	/* Of a program that has yet to run nobody has a fault that does not end. */
	graft = shk_graft_alloc_any(mm, true);
	if (IS_ERR(graft))
		return PTR_ERR(graft);
	ret = pending_attach_mm(mm, graft, pending);
	if (ret)
		shk_graft_free(graft);
	return min(ret, 0);
}

static void pending_attach_free(struct shk_pending_attach *pending)
{
	spin_lock(&shk_graft_lock);
	if (!list_empty(&pending->node))
		shk_pending_attach_cancel(pending);
	spin_unlock(&shk_graft_lock);
	shk_shadow_put(pending->shadow);
	kfree(pending);
	module_put(THIS_MODULE);
}

/* Past its point of no return exec kills, see failure_of_births_is_undone.c. */
static void pending_attach_work(struct callback_head *work)
{
	struct shk_pending_attach *pending = container_of(work, struct shk_pending_attach, work);

	if (pending_attach_try(pending) && pending_attach_is_queued(pending))
		send_sig(SIGKILL, current, 1);
	pending_attach_free(pending);
	shk_hook_end();
}

/*
 * The mms for which this hook itself has called pgd_alloc(), which comes by
 * here once more. On the stacks of those tasks.
 */
struct allocating {
	struct mm_struct *mm;
	struct list_head node;
};

static LIST_HEAD(allocating);
static DEFINE_SPINLOCK(allocating_lock);

static bool pgd_is_allocating(struct mm_struct *mm)
{
	struct allocating *a;
	bool found = false;

	spin_lock(&allocating_lock);
	list_for_each_entry (a, &allocating, node)
		found |= a->mm == mm;
	spin_unlock(&allocating_lock);
	return found;
}

/* Returns whether *@pgd is what pgd_alloc() is to return. */
asmlinkage bool shk_hook_pgd_alloc(struct mm_struct *mm, pgd_t **pgd);
asmlinkage bool shk_hook_pgd_alloc(struct mm_struct *mm, pgd_t **pgd)
{
	struct allocating self = { .mm = mm };

	shk_hook_begin();
	if (pgd_is_allocating(mm)) {
		shk_hook_end();
		return false;
	}
	spin_lock(&allocating_lock);
	list_add(&self.node, &allocating);
	spin_unlock(&allocating_lock);

	*pgd = shk_call(pgd_alloc)(mm);

	spin_lock(&allocating_lock);
	list_del(&self.node);
	spin_unlock(&allocating_lock);

	if (*pgd && inherit_mm(mm)) {
		shk_call(pgd_free)(mm, *pgd);
		*pgd = NULL;
	}
	shk_hook_end();
	return true;
}

asmlinkage void shk_hook_pgd_free(struct mm_struct *mm);
asmlinkage void shk_hook_pgd_free(struct mm_struct *mm)
{
	shk_hook_begin();
	shk_graft_abort(mm);
	shk_hook_end();
}

asmlinkage void shk_hook_exec_mm(void);
asmlinkage void shk_hook_exec_mm(void)
{
	struct shk_pending_attach *pending;

	shk_hook_begin();
	pending = kmalloc(sizeof(*pending), GFP_KERNEL_ACCOUNT);
	if (!inherit_exec_mm(pending)) {
		kfree(pending);
		shk_hook_end();
		return;
	}
	if (pending) {
		init_task_work(&pending->work, pending_attach_work);
		if (!shk_call(task_work_add)(current, &pending->work, TWA_RESUME))
			return;
		pending_attach_free(pending);
	}
	send_sig(SIGKILL, current, 1);
	shk_hook_end();
}

/*
 * @mm, current's, executes the base if it is inside by delegation.
 *
 * text_mutex, which would say that nobody in this mm is in what hooks/hooks.c makes
 * run in the base, is not needed: nobody else is in this mm, and we are here. Who attaches
 * this process waits for cred_guard_mutex, which exec holds.
 */
static void inherit_leave_shadow(struct mm_struct *mm)
{
	struct shk_graft *graft;

	spin_lock(&shk_graft_lock);
	graft = shk_graft_find(mm);
	if (graft && graft->origin.kind == SHK_BY_DELEGATE)
		shk_graft_detach_entry(graft);
	else
		graft = NULL;
	spin_unlock(&shk_graft_lock);
	if (graft)
		shk_graft_flush_and_put(graft);
}

/*
 * secureexec says set-id and file capabilities, but not that root is given all
 * those back that it had dropped.
 */
asmlinkage void shk_hook_exec(const struct linux_binprm *bprm);
asmlinkage void shk_hook_exec(const struct linux_binprm *bprm)
{
	shk_hook_begin();
	if (bprm->secureexec ||
	    !cap_issubset(bprm->cred->cap_permitted, current_cred()->cap_permitted))
		inherit_leave_shadow(current->mm);
	shk_hook_end();
}
