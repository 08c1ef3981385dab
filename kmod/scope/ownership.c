// SPDX-License-Identifier: GPL-2.0-only
/*
 * SHK_OWN, SHK_DISOWN and SHK_OWN_LIST: the list of what a shadow owns. An ownership holds one
 * use of the shadow's carrier mm. irq.c and kthread.c make the line or threads execute the
 * shadow.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "graft/carrier.h"
#include "scope/ownership.h"

DEFINE_MUTEX(shk_async_lock);

/* Returns @shadow's ownership of what @arg names, or NULL. The shadow's lock is held. */
static struct shk_ownership *ownership_find(struct shk_shadow *shadow,
					    const struct shk_own_arg *arg)
{
	struct shk_ownership *own;

	list_for_each_entry (own, &shadow->ownerships, node)
		if (own->kind == arg->kind && own->irq == arg->irq &&
		    !strcmp(own->pattern, arg->pattern))
			return own;
	return NULL;
}

/* Returns true if flags, kind, irq and pattern of @arg fit together. */
static bool ownership_is_valid(const struct shk_own_arg *arg)
{
	if (arg->flags || strnlen(arg->pattern, sizeof(arg->pattern)) == sizeof(arg->pattern))
		return false;
	switch (arg->kind) {
	case SHK_OWN_IRQ:
		return !*arg->pattern;
	case SHK_OWN_KTHREAD:
		return *arg->pattern && !arg->irq;
	default:
		return false;
	}
}

static struct shk_ownership *ownership_create(struct shk_shadow *shadow,
					      const struct shk_own_arg *arg)
{
	struct shk_ownership *own = kzalloc(sizeof(*own), GFP_KERNEL_ACCOUNT);

	if (!own)
		return NULL;
	own->shadow = shadow;
	own->kind = arg->kind;
	own->irq = arg->irq;
	strscpy(own->pattern, arg->pattern, sizeof(own->pattern));
	return own;
}

/*
 * Makes the line or the threads execute the shadow, whose carrier mm exists. Takes
 * shk_async_lock; sleeps. Errors of shk_irq_own() and shk_kthread_own(); -ERESTARTSYS.
 */
static int ownership_begin(struct shk_ownership *own)
{
	int ret;

	if (mutex_lock_killable(&shk_async_lock))
		return -ERESTARTSYS;
	ret = own->kind == SHK_OWN_IRQ ? shk_irq_own(own) : shk_kthread_own(own);
	mutex_unlock(&shk_async_lock);
	return ret;
}

/* shk_own_add() with the shadow's lock held. */
static int ownership_add(struct shk_shadow *shadow, const struct shk_own_arg *arg)
{
	struct shk_prepared was = shk_shadow_prepared(shadow);
	struct shk_ownership *own;
	int ret;

	if (shadow->dead)
		return SHK_E(SHADOW_DESTROYED);
	if (ownership_find(shadow, arg))
		return 0;
	own = ownership_create(shadow, arg);
	if (!own)
		return -ENOMEM;
	ret = shk_carrier_get(shadow);
	if (ret)
		goto free;
	ret = ownership_begin(own);
	if (ret)
		goto put;
	own->id = ++shadow->last_ownership;
	list_add_tail(&own->node, &shadow->ownerships);
	return 0;
put:
	shk_carrier_put(shadow);
	shk_shadow_unprepare(shadow, &was);
free:
	kfree(own);
	return ret;
}

int shk_own_add(struct shk_shadow *shadow, const struct shk_own_arg *arg)
{
	int ret;

	if (!ownership_is_valid(arg))
		return -EINVAL;
	if (!(shadow->flags & SHK_ASYNC_OWNER))
		return SHK_E(POLICY);
	ret = shk_shadow_lock(shadow);
	if (ret)
		return ret;
	ret = ownership_add(shadow, arg);
	shk_shadow_unlock(shadow);
	return ret;
}

/*
 * Ends and frees @own, and drops its use of the carrier mm. The shadow's lock is held. Takes
 * shk_async_lock; sleeps.
 */
static void ownership_destroy(struct shk_ownership *own)
{
	list_del(&own->node);
	mutex_lock(&shk_async_lock);
	if (own->kind == SHK_OWN_IRQ)
		shk_irq_disown(own);
	else
		shk_kthread_disown(own);
	mutex_unlock(&shk_async_lock);
	shk_carrier_put(own->shadow);
	kfree(own);
}

int shk_own_remove(struct shk_shadow *shadow, const struct shk_own_arg *arg)
{
	struct shk_ownership *own;
	int ret;

	if (!ownership_is_valid(arg))
		return -EINVAL;
	ret = shk_shadow_lock(shadow);
	if (ret)
		return ret;
	own = ownership_find(shadow, arg);
	if (own)
		ownership_destroy(own);
	shk_shadow_unlock(shadow);
	return own ? 0 : SHK_E(NOT_OWNED);
}

int shk_own_next(struct shk_shadow *shadow, u64 *cursor, struct shk_own_info *info)
{
	struct shk_ownership *own;
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	ret = -ENOENT;
	list_for_each_entry (own, &shadow->ownerships, node) {
		if (own->id <= *cursor)
			continue;
		*cursor = own->id;
		info->kind = own->kind;
		info->irq = own->irq;
		info->nr_threads = READ_ONCE(own->nr_threads);
		strscpy(info->pattern, own->pattern, sizeof(info->pattern));
		ret = 0;
		break;
	}
	shk_shadow_unlock(shadow);
	return ret;
}

void shk_ownerships_teardown(struct shk_shadow *shadow)
{
	struct shk_ownership *own, *next;

	lockdep_assert_held(&shadow->lock);
	list_for_each_entry_safe (own, next, &shadow->ownerships, node)
		ownership_destroy(own);
}

int __init shk_ownerships_init(void)
{
	int ret = shk_irqs_init();

	return ret ?: shk_kthreads_init();
}

void shk_ownerships_exit(void)
{
	shk_kthreads_exit();
}
