// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network interfaces that shadows own. While a shadow owns one, its setting "threaded" is 1. The
 * setting belongs to the interface, so it follows the interface into another network namespace and
 * to another name, and ends with it.
 */
#include <linux/kthread.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat/symbols.h"
#include "mmu/mmu.h"
#include "scope/napi.h"

/* A network interface that a shadow owns. Created and freed with RTNL held. */
struct shk_napi {
	struct list_head node; /* in the list held; under RTNL */
	/*
	 * The interface; NULL once it is unregistered. Written under RTNL. Only holders of RTNL
	 * access the interface; others compare its address.
	 */
	struct net_device *dev;
	bool restore;			/* .dev was not threaded before; under RTNL */
	const struct shk_shadow *owner; /* its address; while there are users; under RTNL */
	unsigned int users;		/* under napi_lock; grows from 0 only under RTNL */
	char name[IFNAMSIZ]; /* its last name; under napi_lock, and written under RTNL, too */
};

/* All struct shk_napi. Under RTNL. */
static LIST_HEAD(held);
/* Protects .name and .users of all struct shk_napi, and nr_unused. Innermost lock. */
static DEFINE_SPINLOCK(napi_lock);
/*
 * The number of struct shk_napi without users. Written under napi_lock; shk_napi_settle() reads it
 * without.
 */
static unsigned int nr_unused;
/* Waiters for nr_unused to be 0. */
static DECLARE_WAIT_QUEUE_HEAD(unused_wait);

static void napi_free_unused(struct work_struct *work);
static DECLARE_WORK(napi_work, napi_free_unused);

static struct shk_napi *napi_find(const struct net_device *dev)
{
	struct shk_napi *napi;

	ASSERT_RTNL();
	list_for_each_entry (napi, &held, node)
		if (napi->dev == dev)
			return napi;
	return NULL;
}

static void napi_set_name(struct shk_napi *napi)
{
	spin_lock(&napi_lock);
	strscpy(napi->name, napi->dev->name, sizeof(napi->name));
	spin_unlock(&napi_lock);
}

/*
 * Makes the NAPI of @dev threaded, unless it is. RTNL is held; sleeps. Returns 0 or an error of
 * shk_napi_get(). dev_set_threaded() takes a bool, or an enum in which 0 and 1 mean the same
 * (6.17).
 */
static int napi_make_threaded(struct net_device *dev)
{
	int ret;

	/* Busy polling is threaded, too. */
	if (dev->threaded)
		return 0;
	ret = dev_set_threaded(dev, 1);
	/* If the caller is killed, the kernel ceases to create threads, and returns -EINTR. */
	return ret == -EINTR ? -ERESTARTSYS : ret;
}

/*
 * Allocates a struct shk_napi for @dev, which the caller is to put (shk_napi_put()), and makes the
 * NAPI of @dev threaded. The caller has made sure that @dev has no such struct yet. RTNL is held;
 * sleeps. Returns the struct, or an ERR_PTR() of an error of shk_napi_get().
 */
static struct shk_napi *napi_create(struct net_device *dev)
{
	struct shk_napi *napi;
	int ret;

	if (list_empty(&dev->napi_list))
		return ERR_PTR(SHK_E(NO_NAPI));
	napi = kzalloc(sizeof(*napi), GFP_KERNEL_ACCOUNT);
	if (!napi)
		return ERR_PTR(-ENOMEM);
	napi->dev = dev;
	napi->users = 1;
	napi->restore = !dev->threaded;
	ret = napi_make_threaded(dev);
	if (ret) {
		kfree(napi);
		return ERR_PTR(ret);
	}
	napi_set_name(napi);
	list_add_tail(&napi->node, &held);
	return napi;
}

/*
 * Increments the count of users of @napi on behalf of @shadow; the count may be 0, since the worker
 * has not freed @napi yet. Makes the interface threaded again if another program has changed that.
 * RTNL is held; sleeps. Returns 0 or an error of shk_napi_get().
 */
static int napi_join(struct shk_napi *napi, const struct shk_shadow *shadow)
{
	int ret;

	if (READ_ONCE(napi->users) && napi->owner != shadow)
		return SHK_E(OWNED_ELSEWHERE);
	ret = napi_make_threaded(napi->dev);
	if (ret)
		return ret;
	spin_lock(&napi_lock);
	if (!napi->users++)
		WRITE_ONCE(nr_unused, nr_unused - 1);
	spin_unlock(&napi_lock);
	wake_up_all(&unused_wait);
	return 0;
}

/*
 * Makes the NAPI of the interface @name threaded, on behalf of @shadow. RTNL is held; sleeps.
 * Returns the struct of the interface, which the caller puts (shk_napi_put()), or an ERR_PTR() of
 * an error of shk_napi_get().
 */
static struct shk_napi *napi_get_locked(const struct shk_shadow *shadow, const char *name)
{
	struct net_device *dev = __dev_get_by_name(current->nsproxy->net_ns, name);
	struct shk_napi *napi;
	int ret = 0;

	if (!dev)
		return ERR_PTR(SHK_E(INTERFACE_UNKNOWN));
	napi = napi_find(dev);
	if (napi)
		ret = napi_join(napi, shadow);
	else
		napi = napi_create(dev);
	if (ret)
		return ERR_PTR(ret);
	if (!IS_ERR(napi))
		napi->owner = shadow;
	return napi;
}

struct shk_napi *shk_napi_get(const struct shk_shadow *shadow, const char *name)
{
	struct shk_napi *napi;

	if (!shk_mmu->carriers)
		return ERR_PTR(SHK_E(NO_CARRIER));
	if (shk_call(rtnl_lock_killable)())
		return ERR_PTR(-ERESTARTSYS);
	napi = napi_get_locked(shadow, name);
	rtnl_unlock();
	return napi;
}

void shk_napi_add_user(struct shk_napi *napi)
{
	spin_lock(&napi_lock);
	napi->users++;
	spin_unlock(&napi_lock);
}

void shk_napi_put(struct shk_napi *napi)
{
	bool last;

	spin_lock(&napi_lock);
	last = !--napi->users;
	if (last)
		WRITE_ONCE(nr_unused, nr_unused + 1);
	spin_unlock(&napi_lock);
	if (last)
		queue_work(system_unbound_wq, &napi_work);
}

void shk_napi_settle(void)
{
	/* Killed: the worker goes on alone. */
	(void)wait_event_killable(unused_wait, !READ_ONCE(nr_unused));
}

/*
 * Restores the setting "threaded" of @napi's interface, if the interface still exists, and frees
 * @napi. The caller has made sure that @napi has no users. RTNL is held; sleeps. Making an
 * interface unthreaded cannot fail.
 */
static void napi_free(struct shk_napi *napi)
{
	if (napi->dev && napi->restore)
		dev_set_threaded(napi->dev, 0);
	list_del(&napi->node);
	kfree(napi);
	spin_lock(&napi_lock);
	WRITE_ONCE(nr_unused, nr_unused - 1);
	spin_unlock(&napi_lock);
}

static void napi_free_unused(struct work_struct *work)
{
	struct shk_napi *napi, *next;

	rtnl_lock();
	list_for_each_entry_safe (napi, next, &held, node)
		if (!READ_ONCE(napi->users))
			napi_free(napi);
	rtnl_unlock();
	wake_up_all(&unused_wait);
}

bool shk_napi_is_named(struct shk_napi *napi, const char *name)
{
	const struct net_device *dev = READ_ONCE(napi->dev);
	bool is_named;

	if (!dev)
		return !strcmp(napi->name, name);
	rcu_read_lock();
	is_named = dev_get_by_name_rcu(current->nsproxy->net_ns, name) == dev;
	rcu_read_unlock();
	return is_named;
}

void shk_napi_name(struct shk_napi *napi, char *name, size_t len)
{
	spin_lock(&napi_lock);
	strscpy(name, napi->name, len);
	spin_unlock(&napi_lock);
}

bool shk_napi_is_served_by(const struct shk_napi *napi, struct task_struct *task)
{
	const struct napi_struct *polled;

	if ((unsigned long)kthread_func(task) != shk_symbols.napi_threaded_poll)
		return false;
	/*
	 * The kernel stops the thread, then waits for a grace period, and then frees this struct.
	 * NULL: the thread is just being created.
	 */
	polled = kthread_data(task);
	return polled && polled->dev == READ_ONCE(napi->dev);
}

/*
 * Notifier of events of interfaces: stores a new name of an interface that a shadow owns, and
 * clears .dev when the interface is unregistered. RTNL is held. Returns NOTIFY_DONE.
 */
static int napi_on_event(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct shk_napi *napi = napi_find(dev);

	if (!napi)
		return NOTIFY_DONE;
	if (event == NETDEV_CHANGENAME || event == NETDEV_REGISTER)
		napi_set_name(napi);
	/* An interface that moves to another network namespace is reported, too, and stays. */
	else if (event == NETDEV_UNREGISTER && dev->reg_state != NETREG_REGISTERED)
		WRITE_ONCE(napi->dev, NULL);
	return NOTIFY_DONE;
}

static struct notifier_block napi_notifier = { .notifier_call = napi_on_event };

int __init shk_napi_init(void)
{
	return register_netdevice_notifier(&napi_notifier);
}

void shk_napi_exit(void)
{
	flush_work(&napi_work);
	WARN_ON_ONCE(!list_empty(&held));
	unregister_netdevice_notifier(&napi_notifier);
}
