// SPDX-License-Identifier: GPL-2.0-only
/*
 * SHK_OWN, SHK_DISOWN and SHK_OWN_LIST: the list of what a shadow owns. An ownership holds one
 * use of the shadow's carrier mm. irq.c and kthread.c make the line or threads execute the
 * shadow. napi.c makes network interfaces have such threads.
 */
#include <linux/capability.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "graft/carrier.h"
#include "scope/napi.h"
#include "scope/ownership.h"

DEFINE_MUTEX(shk_async_lock);

/*
 * Returns true if @ownership is of the line, pattern or interface that @arg names. The lock of
 * @ownership's shadow is held.
 */
static bool ownership_is_of(const struct shk_ownership *ownership, const struct shk_own_arg *arg)
{
	if (ownership->kind != arg->kind)
		return false;
	if (ownership->napi)
		return shk_napi_is_named(ownership->napi, arg->pattern);
	return ownership->irq == arg->irq && !strcmp(ownership->pattern, arg->pattern);
}

/*
 * Returns @shadow's ownership of the interface @napi. If @napi is NULL, returns that of the line,
 * pattern or interface that @arg names. Returns NULL if there is none. The shadow's lock is held.
 */
static struct shk_ownership *ownership_find(struct shk_shadow *shadow,
					    const struct shk_own_arg *arg,
					    const struct shk_napi *napi)
{
	struct shk_ownership *ownership;

	list_for_each_entry (ownership, &shadow->ownerships, node)
		if (napi ? ownership->napi == napi : ownership_is_of(ownership, arg))
			return ownership;
	return NULL;
}

/* Returns true if @arg is well-formed: its flags, kind, irq and pattern fit together. */
static bool ownership_is_valid(const struct shk_own_arg *arg)
{
	if (arg->flags || strnlen(arg->pattern, sizeof(arg->pattern)) == sizeof(arg->pattern))
		return false;
	switch (arg->kind) {
	case SHK_OWN_IRQ:
		return !*arg->pattern;
	case SHK_OWN_KTHREAD:
	case SHK_OWN_NAPI:
		return *arg->pattern && !arg->irq;
	default:
		return false;
	}
}

/*
 * Frees @ownership, and decrements the count of users of its interface, if it has one. The caller
 * has removed @ownership from all lists. Any context but interrupts.
 */
static void ownership_free(struct shk_ownership *ownership)
{
	if (ownership->napi)
		shk_napi_put(ownership->napi);
	kfree(ownership);
}

/*
 * Allocates an ownership of what @arg names. If @napi is not NULL, increments its count of users.
 * The struct is in no list, and has no effect yet. Sleeps. Returns NULL if memory is short.
 */
static struct shk_ownership *ownership_create(struct shk_shadow *shadow,
					      const struct shk_own_arg *arg, struct shk_napi *napi)
{
	struct shk_ownership *ownership = kzalloc(sizeof(*ownership), GFP_KERNEL_ACCOUNT);

	if (!ownership)
		return NULL;
	ownership->shadow = shadow;
	ownership->kind = arg->kind;
	ownership->irq = arg->irq;
	if (napi) {
		ownership->napi = napi;
		shk_napi_add_user(napi);
	} else {
		strscpy(ownership->pattern, arg->pattern, sizeof(ownership->pattern));
	}
	return ownership;
}

/*
 * Makes the line or the threads of @ownership execute the shadow. The caller has created the
 * shadow's carrier mm, which CPUs load to execute it. Takes shk_async_lock; sleeps. Returns 0, an
 * error of shk_irq_own() or shk_kthread_own(), or -ERESTARTSYS: the caller was killed. After an
 * error nothing has changed.
 */
static int ownership_begin(struct shk_ownership *ownership)
{
	int ret;

	if (mutex_lock_killable(&shk_async_lock))
		return -ERESTARTSYS;
	ret = ownership->kind == SHK_OWN_IRQ ? shk_irq_own(ownership) : shk_kthread_own(ownership);
	mutex_unlock(&shk_async_lock);
	return ret;
}

/*
 * Makes @shadow own what @arg names, unless it does already. @napi: the interface that @arg names;
 * NULL: it names none. The shadow's lock is held; takes shk_async_lock; sleeps. Returns 0 or an
 * error of shk_own_add(), after which nothing has changed.
 */
static int ownership_add(struct shk_shadow *shadow, const struct shk_own_arg *arg,
			 struct shk_napi *napi)
{
	struct shk_prepared was = shk_shadow_prepared(shadow);
	struct shk_ownership *ownership;
	int ret;

	if (shadow->dead)
		return SHK_E(SHADOW_DESTROYED);
	if (ownership_find(shadow, arg, napi))
		return 0;
	ownership = ownership_create(shadow, arg, napi);
	if (!ownership)
		return -ENOMEM;
	ret = shk_carrier_get(shadow);
	if (ret)
		goto free;
	ret = ownership_begin(ownership);
	if (ret)
		goto put;
	ownership->id = ++shadow->last_ownership;
	list_add_tail(&ownership->node, &shadow->ownerships);
	return 0;
put:
	shk_carrier_put(shadow);
	shk_shadow_unprepare(shadow, &was);
free:
	ownership_free(ownership);
	return ret;
}

/*
 * Makes @shadow own what @arg names: takes the shadow's lock, and calls ownership_add(). Sleeps.
 * Returns the result of that, or -ERESTARTSYS: the caller was killed.
 */
static int ownership_add_locking(struct shk_shadow *shadow, const struct shk_own_arg *arg,
				 struct shk_napi *napi)
{
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	ret = ownership_add(shadow, arg, napi);
	shk_shadow_unlock(shadow);
	return ret;
}

/*
 * Makes @shadow own the network interface that @arg names. Takes RTNL, and then the shadow's lock;
 * sleeps. Returns 0 or an error of shk_own_add(). After an error waits until the interface's
 * setting is restored.
 */
static int ownership_add_napi(struct shk_shadow *shadow, const struct shk_own_arg *arg)
{
	struct shk_napi *napi = shk_napi_get(shadow, arg->pattern);
	int ret;

	if (IS_ERR(napi))
		return PTR_ERR(napi);
	ret = ownership_add_locking(shadow, arg, napi);
	shk_napi_put(napi);
	if (ret)
		shk_napi_settle();
	return ret;
}

int shk_own_add(struct shk_shadow *shadow, const struct shk_own_arg *arg)
{
	if (!ownership_is_valid(arg))
		return -EINVAL;
	/* As for the file "threaded". */
	if (arg->kind == SHK_OWN_NAPI && !capable(CAP_NET_ADMIN))
		return SHK_E(CAPABILITY);
	if (!(shadow->flags & SHK_ASYNC_OWNER))
		return SHK_E(POLICY);
	return arg->kind == SHK_OWN_NAPI ? ownership_add_napi(shadow, arg)
					 : ownership_add_locking(shadow, arg, NULL);
}

/*
 * Ends @ownership: on return no CPU executes the shadow for it. Ends its use of the carrier
 * mm, which CPUs load to execute the shadow. Frees the struct. The shadow's lock is held. Takes
 * shk_async_lock; sleeps. Cannot fail.
 */
static void ownership_destroy(struct shk_ownership *ownership)
{
	list_del(&ownership->node);
	mutex_lock(&shk_async_lock);
	if (ownership->kind == SHK_OWN_IRQ)
		shk_irq_disown(ownership);
	else
		shk_kthread_disown(ownership);
	mutex_unlock(&shk_async_lock);
	shk_carrier_put(ownership->shadow);
	ownership_free(ownership);
}

int shk_own_remove(struct shk_shadow *shadow, const struct shk_own_arg *arg)
{
	struct shk_ownership *ownership;
	bool found = false;
	int ret;

	if (!ownership_is_valid(arg))
		return -EINVAL;
	ret = shk_shadow_lock(shadow);
	if (ret)
		return ret;
	/* There may be several: interfaces that are gone, and a new one of that name. */
	while ((ownership = ownership_find(shadow, arg, NULL))) {
		ownership_destroy(ownership);
		found = true;
	}
	shk_shadow_unlock(shadow);
	if (arg->kind == SHK_OWN_NAPI)
		shk_napi_settle();
	return found ? 0 : SHK_E(NOT_OWNED);
}

int shk_own_next(struct shk_shadow *shadow, u64 *cursor, struct shk_own_info *info)
{
	struct shk_ownership *ownership;
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	ret = -ENOENT;
	list_for_each_entry (ownership, &shadow->ownerships, node) {
		if (ownership->id <= *cursor)
			continue;
		*cursor = ownership->id;
		info->kind = ownership->kind;
		info->irq = ownership->irq;
		info->nr_threads = READ_ONCE(ownership->nr_threads);
		if (ownership->napi)
			shk_napi_name(ownership->napi, info->pattern, sizeof(info->pattern));
		else
			strscpy(info->pattern, ownership->pattern, sizeof(info->pattern));
		ret = 0;
		break;
	}
	shk_shadow_unlock(shadow);
	return ret;
}

void shk_ownerships_teardown(struct shk_shadow *shadow)
{
	struct shk_ownership *ownership, *next;

	lockdep_assert_held(&shadow->lock);
	list_for_each_entry_safe (ownership, next, &shadow->ownerships, node)
		ownership_destroy(ownership);
}

int __init shk_ownerships_init(void)
{
	int ret = shk_irqs_init();

	ret = ret ?: shk_kthreads_init();
	if (ret)
		return ret;
	ret = shk_napi_init();
	if (ret)
		shk_kthreads_exit();
	return ret;
}

void shk_ownerships_exit(void)
{
	shk_napi_exit();
	shk_kthreads_exit();
}
