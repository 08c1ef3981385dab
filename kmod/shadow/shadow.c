// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/xarray.h>

#include "shadow/shadow.h"

DEFINE_MUTEX(shk_config_lock);

/* All shadows that are not gone, by id; those that have a name, by that. Under shk_config_lock. */
static DEFINE_XARRAY(shadows);
static DEFINE_HASHTABLE(names, 8);
static u64 last_id;

bool shk_name_valid(const char *name)
{
	const char *c;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (c = name; *c; c++)
		if (!isascii(*c) || !(isalnum(*c) || strchr("._:-", *c)))
			return false;
	return c != name;
}

static u32 hash_of(const char *name)
{
	return full_name_hash(NULL, name, strlen(name));
}

static struct shk_shadow *find(const char *name)
{
	struct shk_shadow *shadow;

	hash_for_each_possible (names, shadow, by_name, hash_of(name))
		if (!strcmp(shadow->name, name))
			return shadow;
	return NULL;
}

struct shk_shadow *shk_shadow_create(const char *name, u32 flags,
				     void (*teardown)(struct shk_shadow *))
{
	struct shk_shadow *shadow;
	int ret;

	if (*name && !shk_name_valid(name))
		return ERR_PTR(-EINVAL);
	shadow = kzalloc(sizeof(*shadow), GFP_KERNEL_ACCOUNT);
	if (!shadow)
		return ERR_PTR(-ENOMEM);

	/* The caller's reference, and the name's. */
	refcount_set(&shadow->ref, *name ? 2 : 1);
	strscpy(shadow->name, name, sizeof(shadow->name));
	shk_text_setup(&shadow->text);
	INIT_LIST_HEAD(&shadow->grafts);
	INIT_LIST_HEAD(&shadow->probes);
	hash_init(shadow->sites);
	shadow->flags = flags;
	shadow->teardown = teardown;

	mutex_lock(&shk_config_lock);
	ret = -EEXIST;
	if (find(name))
		goto unlock;
	shadow->id = last_id + 1;
	ret = xa_insert(&shadows, shadow->id, shadow, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto unlock;
	last_id = shadow->id;
	if (*name)
		hash_add(names, &shadow->by_name, hash_of(name));
	mutex_unlock(&shk_config_lock);
	return shadow;
unlock:
	mutex_unlock(&shk_config_lock);
	kfree(shadow);
	return ERR_PTR(ret);
}

struct shk_shadow *shk_shadow_find(const char *name)
{
	struct shk_shadow *shadow;

	mutex_lock(&shk_config_lock);
	shadow = find(name);
	if (shadow)
		shk_shadow_get(shadow);
	mutex_unlock(&shk_config_lock);
	return shadow ?: ERR_PTR(-ENOENT);
}

struct shk_shadow *shk_shadow_next(u64 id)
{
	unsigned long index = id;

	lockdep_assert_held(&shk_config_lock);
	return xa_find(&shadows, &index, ULONG_MAX, XA_PRESENT);
}

/* Back to what it was when it was created. */
static void clear(struct shk_shadow *shadow)
{
	lockdep_assert_held(&shk_config_lock);
	shadow->teardown(shadow);
	shk_hooks_revert(shadow);
	if (shadow->text.built) {
		/* A breakpoint handler may still look at the tables of its CPU. */
		synchronize_rcu();
		shk_text_destroy(&shadow->text);
	}
}

int shk_shadow_destroy(struct shk_shadow *shadow)
{
	int ret = 0;

	mutex_lock(&shk_config_lock);
	if (shadow->dead)
		ret = -ESTALE;
	else if (shk_graft_count(shadow))
		ret = -EBUSY;
	if (ret)
		goto unlock;

	shadow->dead = true;
	clear(shadow);
	if (*shadow->name) {
		hash_del(&shadow->by_name);
		*shadow->name = 0;
		shk_shadow_put(shadow); /* the name's; the caller has one too */
	}
unlock:
	mutex_unlock(&shk_config_lock);
	return ret;
}

struct shk_shadow *shk_shadow_get(struct shk_shadow *shadow)
{
	refcount_inc(&shadow->ref);
	return shadow;
}

void shk_shadow_put(struct shk_shadow *shadow)
{
	if (!refcount_dec_and_mutex_lock(&shadow->ref, &shk_config_lock))
		return;
	clear(shadow);
	hash_del(&shadow->by_name);
	xa_erase(&shadows, shadow->id);
	mutex_unlock(&shk_config_lock);
	kfree(shadow);
}

void shk_shadow_info(struct shk_shadow *shadow, struct shk_shadow_info *info)
{
	lockdep_assert_held(&shk_config_lock);
	info->flags = shadow->flags;
	info->id = shadow->id;
	info->nr_grafts = shk_graft_count(shadow);
	info->nr_probes = shadow->nr_probes;
	info->private_pages = shadow->text.nr_pages;
	info->diverged_ranges = shadow->text.nr_ranges;
	info->memory = shk_text_memory(&shadow->text);
	strscpy(info->name, shadow->name, sizeof(info->name));
}

void shk_shadows_info(struct shk_info *info)
{
	struct shk_shadow *shadow;
	unsigned long id;

	mutex_lock(&shk_config_lock);
	xa_for_each(&shadows, id, shadow)
	{
		info->nr_shadows++;
		info->nr_grafts += shk_graft_count(shadow);
		info->memory += shk_text_memory(&shadow->text);
	}
	mutex_unlock(&shk_config_lock);
	strscpy(info->mmu, shk_mmu->name, sizeof(info->mmu));
	strscpy(info->version, THIS_MODULE->version, sizeof(info->version));
}

void shk_shadows_exit(void)
{
	struct shk_shadow *shadow;
	unsigned long id;

	/* Handles and grafts hold the module: what is left is only named. */
	xa_for_each(&shadows, id, shadow) shk_shadow_put(shadow);
	WARN_ON_ONCE(!xa_empty(&shadows));
}
