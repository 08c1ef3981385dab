// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel threads that a shadow owns by a pattern of their names, or as NAPI threads of a network
 * interface. Both are called patterns here. Each thread has a runner (runner.h).
 * New threads are reported by two tracepoints, and kthread_rescan() looks for them:
 *
 *   task_rename	a thread gets a name
 *   task_newtask	a thread is created; only where threads have their names from then on (6.4)
 *
 * A name that is longer than task_struct.comm is set by the thread itself when it first runs,
 * which no tracepoint reports. So kthread_rescan() comes again while a kernel thread has not run
 * yet.
 */
#include <linux/glob.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "compat/tracepoints.h"
#include "graft/carrier.h"
#include "scope/napi.h"
#include "scope/ownership.h"
#include "scope/runner.h"

/* A kernel thread that executes its owner's shadow. Under shk_async_lock. */
struct owned_thread {
	struct shk_runner runner;  /* holds a reference to its task */
	struct list_head node;	   /* shk_ownership.threads */
	struct hlist_node by_task; /* in the hash table threads */
};

/* All owned threads, by task. Under shk_async_lock. */
static DEFINE_HASHTABLE(threads, 8);
/*
 * All patterns, the oldest first. A thread belongs to the oldest pattern that it matches. Under
 * shk_async_lock.
 */
static LIST_HEAD(patterns);

static struct workqueue_struct *kthreads_wq;
static void kthread_rescan(struct work_struct *work);
static DECLARE_DELAYED_WORK(kthread_rescan_work, kthread_rescan);

static struct owned_thread *kthread_find_owned(const struct task_struct *task)
{
	struct owned_thread *thread;

	hash_for_each_possible (threads, thread, by_task, (unsigned long)task)
		if (thread->runner.task == task)
			return thread;
	return NULL;
}

/*
 * Returns true if @task's full name matches the pattern of @ownership, or @task polls the NAPI of
 * @ownership's network interface. The caller is in an RCU read-side section in which @task was not
 * PF_EXITING.
 */
static bool kthread_matches(const struct shk_ownership *ownership, struct task_struct *task)
{
	char comm[SHK_PATTERN_LEN];

	if (ownership->napi)
		return shk_napi_is_served_by(ownership->napi, task);
	shk_call(get_kthread_comm)(comm, sizeof(comm), task);
	return glob_match(ownership->pattern, comm);
}

/*
 * Returns a kernel thread that matches @ownership and that no shadow owns, with a reference
 * (put_task_struct()), or NULL. shk_async_lock is held.
 */
static struct task_struct *kthread_find_unowned(const struct shk_ownership *ownership)
{
	struct task_struct *task, *found = NULL;

	rcu_read_lock();
	for_each_process (task) {
		if (!(task->flags & PF_KTHREAD) || task->flags & PF_EXITING ||
		    kthread_find_owned(task) || !kthread_matches(ownership, task))
			continue;
		found = get_task_struct(task);
		break;
	}
	rcu_read_unlock();
	return found;
}

/*
 * Makes @task, a kernel thread, execute @ownership's shadow from its next turn on a CPU: adds a
 * runner, the preempt notifier that loads the shadow's carrier mm. On success takes over the
 * caller's reference to @task. shk_async_lock is held; sleeps. Returns 0, or -ENOMEM: the caller
 * still has its reference.
 */
static int kthread_add_owned(struct shk_ownership *ownership, struct task_struct *task)
{
	struct owned_thread *thread = kzalloc(sizeof(*thread), GFP_KERNEL_ACCOUNT);

	if (!thread)
		return -ENOMEM;
	shk_runner_init(&thread->runner, task, ownership->shadow->carrier, NULL);
	preempt_notifier_inc();
	hash_add(threads, &thread->by_task, (unsigned long)task);
	list_add_tail(&thread->node, &ownership->threads);
	WRITE_ONCE(ownership->nr_threads, ownership->nr_threads + 1);
	shk_runner_begin(&thread->runner);
	return 0;
}

/*
 * Makes all kernel threads that match @ownership, and that no shadow owns, execute @ownership's
 * shadow. shk_async_lock is held; sleeps. Returns 0, or -ENOMEM: some of the threads may execute it
 * already.
 */
static int kthread_own_matching(struct shk_ownership *ownership)
{
	struct task_struct *task;
	int ret;

	while ((task = kthread_find_unowned(ownership))) {
		ret = kthread_add_owned(ownership, task);
		if (ret) {
			put_task_struct(task);
			return ret;
		}
	}
	return 0;
}

/*
 * Frees the list @gone of struct owned_thread, and ends the runners in them: the preempt notifiers
 * by which these kernel threads execute a shadow. Drops the references to the threads. Before the
 * call either a thread has exited; or the caller has set .ending of its runner and then called
 * shk_carrier_evict(), so that the thread executes the base. Sleeps, for a grace period.
 */
static void kthreads_put(struct list_head *gone)
{
	struct owned_thread *thread, *next;

	list_for_each_entry (thread, gone, node)
		shk_runner_end(&thread->runner);
	/* A thread that has removed its notifier may stand at it in its list. */
	synchronize_rcu();
	list_for_each_entry_safe (thread, next, gone, node) {
		preempt_notifier_dec();
		put_task_struct(thread->runner.task);
		kfree(thread);
	}
}

/*
 * Frees the struct owned_thread, with their runners, of those threads of @ownership that have
 * exited. shk_async_lock is held; sleeps.
 */
static void kthread_put_exited(struct shk_ownership *ownership)
{
	struct owned_thread *thread, *next;
	LIST_HEAD(gone);

	list_for_each_entry_safe (thread, next, &ownership->threads, node) {
		if (!READ_ONCE(thread->runner.task->exit_state))
			continue;
		hash_del(&thread->by_task);
		list_move(&thread->node, &gone);
		WRITE_ONCE(ownership->nr_threads, ownership->nr_threads - 1);
	}
	if (!list_empty(&gone))
		kthreads_put(&gone);
}

/*
 * Returns true if a kernel thread has not run yet, so that its full name may be unknown. Takes the
 * RCU read lock.
 */
static bool kthread_some_unnamed(void)
{
	struct task_struct *task;
	bool has = false;

	rcu_read_lock();
	for_each_process (task) {
		has = task->flags & PF_KTHREAD && !task->nvcsw && !task->nivcsw;
		if (has)
			break;
	}
	rcu_read_unlock();
	return has;
}

static void kthread_rescan_soon(void)
{
	queue_delayed_work(kthreads_wq, &kthread_rescan_work, 1);
}

/*
 * The worker of kthread.c. Frees what belongs to owned threads that have exited, and makes new
 * threads that match a pattern execute its shadow. Queues itself again while a kernel thread has
 * not run yet, and after a second if memory was short. Takes shk_async_lock; sleeps.
 */
static void kthread_rescan(struct work_struct *work)
{
	struct shk_ownership *ownership;
	int ret = 0;

	mutex_lock(&shk_async_lock);
	list_for_each_entry (ownership, &patterns, by_age) {
		kthread_put_exited(ownership);
		ret |= kthread_own_matching(ownership);
	}
	mutex_unlock(&shk_async_lock);
	if (ret)
		queue_delayed_work(kthreads_wq, &kthread_rescan_work, HZ);
	else if (SHK_KTHREADS_BORN_NAMED && kthread_some_unnamed())
		kthread_rescan_soon();
}

/*
 * Tracepoint probe. The kernel calls it before @task has the new name, so the worker runs a jiffy
 * later.
 */
static void kthread_on_rename(void *unused, struct task_struct *task, const char *name)
{
	if (task->flags & PF_KTHREAD)
		kthread_rescan_soon();
}

static void kthread_on_newtask(void *unused, struct task_struct *task, unsigned long clone_flags)
{
	if (task->flags & PF_KTHREAD)
		kthread_rescan_soon();
}

/* task_newtask is used only where kernel threads have their names when they are created. */
static struct shk_tracepoint tracepoints[] = { { "task_rename", kthread_on_rename },
					       { "task_newtask", kthread_on_newtask } };
enum { NR_TRACEPOINTS = SHK_KTHREADS_BORN_NAMED ? 2 : 1 };

/*
 * Removes @ownership from the list patterns, so that no further threads are added for it. If the
 * list is empty then, unregisters the tracepoints' probes. shk_async_lock is held; sleeps.
 */
static void kthread_pattern_remove(struct shk_ownership *ownership)
{
	list_del(&ownership->by_age);
	if (list_empty(&patterns))
		shk_tracepoints_unregister(tracepoints, NR_TRACEPOINTS);
}

int shk_kthread_own(struct shk_ownership *ownership)
{
	int ret;

	lockdep_assert_held(&shk_async_lock);
	INIT_LIST_HEAD(&ownership->threads);
	if (list_empty(&patterns)) {
		ret = shk_tracepoints_register(tracepoints, NR_TRACEPOINTS);
		if (ret)
			return ret;
	}
	list_add_tail(&ownership->by_age, &patterns);
	ret = kthread_own_matching(ownership);
	if (ret)
		shk_kthread_disown(ownership);
	else if (SHK_KTHREADS_BORN_NAMED && kthread_some_unnamed())
		kthread_rescan_soon();
	return ret;
}

void shk_kthread_disown(struct shk_ownership *ownership)
{
	struct owned_thread *thread;

	lockdep_assert_held(&shk_async_lock);
	kthread_pattern_remove(ownership);
	list_for_each_entry (thread, &ownership->threads, node) {
		WRITE_ONCE(thread->runner.ending, true);
		hash_del(&thread->by_task);
	}
	shk_carrier_evict(ownership->shadow);
	kthreads_put(&ownership->threads);
	WRITE_ONCE(ownership->nr_threads, 0);
	/* Another pattern may match them. */
	if (!list_empty(&patterns))
		kthread_rescan_soon();
}

int __init shk_kthreads_init(void)
{
	int ret = shk_tracepoints_find(tracepoints, NR_TRACEPOINTS);

	if (ret)
		return ret;
	kthreads_wq = alloc_workqueue("shadowk_kthreads", WQ_UNBOUND, 0);
	return kthreads_wq ? 0 : -ENOMEM;
}

void shk_kthreads_exit(void)
{
	cancel_delayed_work_sync(&kthread_rescan_work);
	destroy_workqueue(kthreads_wq);
}
