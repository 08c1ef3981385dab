// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork and exec pass the graft of an mm on to the mm that they create. Hooks in the shadow's own
 * text do that:
 *
 *   pgd_alloc()                       grafts the new mm, before any CPU can execute it. In exec
 *                                     grafts the mm of a workload, a program that a tool traces, to
 *                                     the target of the tool's helper (edit/capture.h)
 *   pgd_free()                        frees the graft of a new mm whose creation failed
 *   exec_mm_release()                 exec is about to take its new mm into use: if the process was
 *                                     attached or moved since pgd_alloc(), the new mm follows
 *   security_bprm_committing_creds()  detaches the new mm of a program that gains privileges, if it
 *                                     is inside by delegation
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
 * Returns true if a child of @graft is not complete, that is, has no mapping yet (dup_mmap() and
 * __bprm_mm_init() make the first one). Such a child's mm cannot be freed while shk_graft_lock is
 * held: shk_graft_abort() takes that lock first.
 */
bool shk_graft_has_unfinished_child(struct shk_graft *graft)
{
	struct shk_graft *child, *next;
	bool found = false;

	lockdep_assert_held(&shk_graft_lock);
	list_for_each_entry_safe (child, next, &graft->children, sibling) {
		/* dup_mmap() may increase map_count meanwhile: any value but 0 means a mapping. */
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
		/* An mm whose exec has failed is exiting: graft_on_invalidate() detaches it. */
		if (!child->exec || !mmget_not_zero(child->mm))
			continue;
		shk_graft_detach_entry(child);
		list_add(&child->sibling, gone);
	}
}

void shk_graft_queue_free_execs(struct list_head *gone)
{
	struct shk_graft *child, *next;

	list_for_each_entry_safe (child, next, gone, sibling) {
		struct mm_struct *mm = child->mm;

		shk_graft_flush_and_queue_free(child);
		/* Not mmput(): if this is the last user, the exit of the mm may wait for I/O. */
		mmput_async(mm);
	}
}

/*
 * Returns the graft from which the new mm of current's fork or exec inherits. Returns NULL if the
 * new mm is to be outside, since
 *   - current is a kernel thread, creates a carrier (an mm without a process), or is outside
 *     itself;
 *   - current's mm is being detached;
 *   - current is in no SHK_THREAD stretch (SHK_ENTER by a single thread), but other threads are,
 *     and without these the process would be in the base.
 *
 * shk_graft_lock is held.
 */
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

/*
 * Returns true if the program that current is about to execute is a workload: a tool in the helper
 * @parent->shadow traces it. @parent is the graft of current's mm. The program is a workload if
 * current is a child, by fork or vfork, of a process that has armed something, before the fork or
 * since. perf forks its workload first; bpftrace and trace-cmd arm first. shk_graft_lock is held.
 */
static bool inherit_is_workload(const struct shk_graft *parent)
{
	const struct shk_graft *graft;
	struct mm_struct *mm;

	if (!parent->shadow->workload)
		return false;
	if (parent->role == SHK_ROLE_FORKED)
		return true;
	rcu_read_lock();
	mm = READ_ONCE(rcu_dereference(current->real_parent)->mm);
	rcu_read_unlock();
	/* If this is current's mm, current is a vfork child. The pointer is only compared. */
	graft = mm ? shk_graft_find(mm) : NULL;
	return graft && graft->role == SHK_ROLE_ARMED && graft->shadow == parent->shadow;
}

/*
 * Returns the shadow to which current's exec moves the program, if that is a workload: the target
 * of the helper in which current's mm is. Takes a reference to it, and its lock. The caller passes
 * the result to inherit_unlock_workload(). Takes shk_graft_lock; sleeps. Returns NULL if the
 * program stays in the shadow of current's mm:
 *   - it is no workload;
 *   - the target was destroyed, or replaces code of functions in place (shk_shadow.bodies), which a
 *     task in exec may be executing;
 *   - current is being killed.
 */
static struct shk_shadow *inherit_lock_workload(void)
{
	struct shk_shadow *workload = NULL;
	struct shk_graft *parent;

	spin_lock(&shk_graft_lock);
	parent = inherit_find_parent();
	if (parent && inherit_is_workload(parent))
		workload = shk_shadow_get(parent->shadow->workload);
	spin_unlock(&shk_graft_lock);
	if (!workload)
		return NULL;
	if (!shk_shadow_lock(workload)) {
		/* shk_capture_add() has created its tables and hooks. */
		if (!workload->dead && list_empty(&workload->bodies) &&
		    !WARN_ON_ONCE(!workload->hooks.applied))
			return workload;
		shk_shadow_unlock(workload);
	}
	shk_shadow_put(workload);
	return NULL;
}

/*
 * Releases the lock of @workload, a result of inherit_lock_workload(), and drops the reference.
 * Does nothing if it is NULL. Sleeps.
 */
static void inherit_unlock_workload(struct shk_shadow *workload)
{
	if (!workload)
		return;
	shk_shadow_unlock(workload);
	shk_shadow_put(workload);
}

/*
 * Returns the role (enum shk_tool_role) that a new mm gets. @parent is the graft of its parent, in
 * whose shadow it is. @exec: exec creates the mm, otherwise fork does. shk_graft_lock is held.
 *
 * A role belongs to a capture, by which kprobes of tools in one shadow hit in another shadow only
 * (edit/capture.h). It tells tools that have armed something from programs that these trace.
 */
static enum shk_tool_role inherit_role(const struct shk_graft *parent, bool exec)
{
	if (parent->role == SHK_ROLE_WORKLOAD)
		return SHK_ROLE_WORKLOAD;
	if (exec)
		return parent->role == SHK_ROLE_ARMED && !shk_borrows_mm(current) ? SHK_ROLE_ARMED
										  : SHK_ROLE_NONE;
	return parent->role == SHK_ROLE_NONE ? SHK_ROLE_NONE : SHK_ROLE_FORKED;
}

/*
 * Grafts @mm, which current's fork or exec creates, to the shadow that current's mm is in, or to
 * @workload, the result of inherit_lock_workload(). Does nothing if inherit_find_parent() finds no
 * graft to inherit.
 *
 * The new graft gets copies of the parent's .origin (on whose behalf it is inside) and .previous
 * (where it was before a binding on trial). In fork it also gets the parent's stretches, the times
 * from SHK_ENTER to SHK_LEAVE. If the process is in SHK_THREAD stretches and current is not, edits
 * act on no thread of the new mm. Otherwise they act on all its threads.
 *
 * Takes shk_graft_lock; sleeps. Returns 0; or -ENOMEM or XEN, after which the caller makes the fork
 * or exec fail with ENOMEM.
 */
static int inherit_mm(struct mm_struct *mm, struct shk_shadow *workload)
{
	struct shk_graft *graft, *parent;
	struct shk_thread *nobody = NULL;
	int ret = 0;

	spin_lock(&shk_graft_lock);
	parent = inherit_find_parent();
	spin_unlock(&shk_graft_lock);
	if (!parent)
		return 0;

	graft = shk_graft_alloc(mm);
	if (IS_ERR(graft))
		return PTR_ERR(graft);
	/* fork copies an mm that has a program, and so a task_size. exec creates it empty. */
	graft->exec = mm->task_size ? NULL : current;
	graft->borrowing = graft->exec && shk_borrows_mm(current);

	spin_lock(&shk_graft_lock);
	/* current's mm may have been detached or moved meanwhile. */
	parent = inherit_find_parent();
	/* Another thread may begin a SHK_THREAD stretch at any time. */
	if (parent && shk_threads_exclude_current(&parent->threads)) {
		spin_unlock(&shk_graft_lock);
		nobody = shk_thread_alloc(NULL);
		spin_lock(&shk_graft_lock);
		parent = inherit_find_parent();
		ret = nobody ? 0 : -ENOMEM;
	}
	if (parent && parent->shadow->workload != workload)
		workload = NULL;
	if (parent && !ret)
		ret = shk_graft_attach_entry(graft, workload ?: parent->shadow, true);
	if (parent && !ret) {
		graft->role = workload ? SHK_ROLE_WORKLOAD : inherit_role(parent, graft->exec);
		list_add(&graft->sibling, &parent->children);
		shk_graft_set_origin(graft, parent->origin);
		graft->previous = shk_previous_inherit(&parent->previous, graft->exec);
		if (shk_threads_exclude_current(&parent->threads)) {
			shk_threads_add(&graft->threads, nobody, mm, parent->shadow);
			nobody = NULL;
		}
		/* A new program has begun no stretch. */
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

/*
 * Returns the graft of the mm that current's exec has created, if it is a child of @parent. Returns
 * NULL if there is none. shk_graft_lock is held.
 */
static struct shk_graft *inherit_find_exec(struct shk_graft *parent)
{
	struct shk_graft *child;

	list_for_each_entry (child, &parent->children, sibling)
		if (child->exec == current)
			return child;
	return NULL;
}

/*
 * Brings current's new mm, which its exec is about to take into use, to the shadow of current->mm,
 * the old one. fork and exec graft the new mm when they create it. An attach or a move of the
 * process since then has changed the old mm only.
 *
 * If the new mm is in another shadow than the old one, this function detaches it. Then it returns
 * true if the caller is to attach the new mm to the old mm's shadow. If @pending is not NULL,
 * @pending is queued for that. It then holds references to the shadow and the module, until
 * pending_attach_free(). If @pending is NULL, nothing is queued, and the caller kills current.
 *
 * Returns false if nothing is left to do:
 * - both mms are in the same shadow, or the new mm is that of a workload (enum shk_tool_role);
 * - the old mm is outside, or SHK_BY_DELEGATE or SHK_BY_CGROUP has put it inside;
 * - the process is in SHK_THREAD stretches, those of single threads, and current has none: edits do
 *   not act on current.
 *
 * Runs in exec with cred_guard_mutex held. Waits for IPIs.
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
	if (child && (child->shadow == parent->shadow || child->shadow == parent->shadow->workload))
		child = NULL;
	/*
	 * SHK_BY_DELEGATE: the process attached itself, while another thread of it began this
	 * exec: the program is outside. SHK_BY_CGROUP: cgroup_on_exec() asks for the program's
	 * cgroup, which may be another one by then.
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
		shk_graft_flush_and_queue_free(child);
	return arrives;
}

/*
 * Attaches @mm, current's new mm, to the shadow of @pending, by @graft, which must be UNUSED. Takes
 * text_mutex, waits for IPIs. Returns 0; 1: the process was attached or detached meanwhile, and
 * @graft is not used; or XEN.
 */
static int pending_attach_mm(struct mm_struct *mm, struct shk_graft *graft,
			     const struct shk_pending_attach *pending)
{
	int ret = 1;

	/* shk_graft_change_text() holds it, too, when it attaches the mm at the same time. */
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

/*
 * Returns true if @pending is still queued: the process was not attached or detached meanwhile.
 * Takes shk_graft_lock.
 */
static bool pending_attach_is_queued(const struct shk_pending_attach *pending)
{
	bool awaited;

	spin_lock(&shk_graft_lock);
	awaited = !list_empty(&pending->node);
	spin_unlock(&shk_graft_lock);
	return awaited;
}

/*
 * Attaches current's new mm to the shadow of @pending. Sleeps. Returns 0 if that was done, or if
 * there is nothing to attach: @pending was cancelled, or exec has failed. Otherwise returns
 * -ENOMEM, XEN, or -ERESTARTSYS: current was killed.
 */
static int pending_attach_try(const struct shk_pending_attach *pending)
{
	struct mm_struct *mm = current->mm;
	struct shk_graft *graft;
	int ret;

	/*
	 * The old mm: exec was killed before it took the new one into use, and other tasks may run
	 * in this one.
	 */
	if (!mm || mm == pending->from || !pending_attach_is_queued(pending))
		return 0;
	/* This does not wait long: the program has not run, so no page fault is in progress. */
	graft = shk_graft_alloc_any(mm, true);
	if (IS_ERR(graft))
		return PTR_ERR(graft);
	ret = pending_attach_mm(mm, graft, pending);
	if (ret)
		shk_graft_free(graft);
	return min(ret, 0);
}

/*
 * Frees @pending, and drops its references to the shadow and the module. Cancels it before if it is
 * still queued. Sleeps; no shadow's lock is held.
 */
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

/*
 * Attaches current's new mm to the shadow of the pending attach, and frees that. Task work of
 * current after exec, on its way back to user space. If the attach fails, kills the program, since
 * exec cannot return an error past its point of no return. Sleeps. The test is
 * failure_of_births_is_undone.c.
 */
static void pending_attach_work(struct callback_head *work)
{
	struct shk_pending_attach *pending = container_of(work, struct shk_pending_attach, work);

	if (pending_attach_try(pending) && pending_attach_is_queued(pending))
		send_sig(SIGKILL, current, 1);
	pending_attach_free(pending);
	shk_hook_end();
}

/*
 * An mm for which shk_hook_pgd_alloc() calls pgd_alloc() itself. The hook is called in that call,
 * too, and does nothing then. The struct is on the stack of the task.
 */
struct allocating {
	struct mm_struct *mm;
	struct list_head node; /* in the list allocating */
};

static LIST_HEAD(allocating);
/* Protects allocating. No lock is taken inside it. */
static DEFINE_SPINLOCK(allocating_lock);

/* Returns true if shk_hook_pgd_alloc() is calling pgd_alloc() for @mm. */
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

/*
 * Allocates the PGD of @mm and grafts @mm: hook in pgd_alloc(), called by fork and exec inside.
 * Returns true if pgd_alloc() is to return *@pgd, which is NULL after an error: the fork or exec
 * then fails with ENOMEM. Returns false if pgd_alloc() is to go on as in the base. Sleeps.
 */
asmlinkage bool shk_hook_pgd_alloc(struct mm_struct *mm, pgd_t **pgd);
asmlinkage bool shk_hook_pgd_alloc(struct mm_struct *mm, pgd_t **pgd)
{
	struct allocating self = { .mm = mm };
	struct shk_shadow *workload;

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

	/* Only exec creates an mm without a program. It holds no lock here. */
	workload = *pgd && !mm->task_size ? inherit_lock_workload() : NULL;
	if (*pgd && inherit_mm(mm, workload)) {
		shk_call(pgd_free)(mm, *pgd);
		*pgd = NULL;
	}
	inherit_unlock_workload(workload);
	shk_hook_end();
	return true;
}

/*
 * Frees the graft of @mm if the creation of @mm has failed. Hook in pgd_free() of the shadows'
 * text, so only tasks inside call it. Sleeps if @mm has a graft.
 */
asmlinkage void shk_hook_pgd_free(struct mm_struct *mm);
asmlinkage void shk_hook_pgd_free(struct mm_struct *mm)
{
	shk_hook_begin();
	shk_graft_abort(mm);
	shk_hook_end();
}

/*
 * Hook in exec_mm_release(), when current's exec is about to take its new mm into use. Detaches
 * that mm if it is in another shadow than the old one, and queues a pending attach if it is to
 * follow the old one (inherit_exec_mm()). If there is no memory for that, or current is exiting,
 * kills current: exec cannot return an error past its point of no return. Sleeps.
 *
 * If an attach is queued, pending_attach_work() calls shk_hook_end(), not this function. So the
 * module stays until that work has run.
 */
asmlinkage void shk_hook_exec_mm(void);
asmlinkage void shk_hook_exec_mm(void)
{
	struct shk_pending_attach *pending;

	/* mm_exit_exec_release() is called by exit, too, which has set the flag before. */
	if (current->flags & PF_EXITING)
		return;
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
 * Detaches @mm, current's new mm in exec, if the process is inside by delegation. Waits for IPIs.
 *
 * Does not take text_mutex. Other changes of a text take it, so that no task of the mm is in a
 * function that hooks/hooks.c makes run in the base. Here the only task of the mm is current. A
 * task that attaches the process waits for cred_guard_mutex, which exec holds.
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
		shk_graft_flush_and_queue_free(graft);
}

/*
 * Detaches current's mm if it is inside by delegation and the program @bprm gains privileges: hook
 * in security_bprm_committing_creds(), when exec is about to set the credentials of @bprm. Then the
 * hook returns into the base's text. Sleeps.
 *
 * bprm->secureexec covers set-id programs and file capabilities. The second condition covers root,
 * which gets capabilities back that it had dropped.
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
