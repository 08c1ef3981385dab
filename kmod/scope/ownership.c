// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <linux/string.h>

#include "graft/carrier.h"
#include "scope/ownership.h"

DEFINE_MUTEX(shk_async_lock);

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

static int ownership_begin(struct shk_ownership *own)
{
	int ret;

	if (mutex_lock_killable(&shk_async_lock))
		return -ERESTARTSYS;
	ret = own->kind == SHK_OWN_IRQ ? shk_irq_own(own) : shk_kthread_own(own);
	mutex_unlock(&shk_async_lock);
	return ret;
}

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
