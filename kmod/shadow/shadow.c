// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "shadow/shadow.h"

DEFINE_MUTEX(shk_config_lock);

/* All shadows that are not gone, by id. Under shk_config_lock. */
static LIST_HEAD(shadows);
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

static struct shk_shadow *find(const char *name)
{
	struct shk_shadow *shadow;

	list_for_each_entry (shadow, &shadows, node)
		if (*name && !strcmp(shadow->name, name))
			return shadow;
	return NULL;
}

struct shk_shadow *shk_shadow_create(const char *name, u32 flags,
				     void (*teardown)(struct shk_shadow *))
{
	struct shk_shadow *shadow;

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
	if (find(name)) {
		mutex_unlock(&shk_config_lock);
		kfree(shadow);
		return ERR_PTR(-EEXIST);
	}
	shadow->id = ++last_id;
	list_add_tail(&shadow->node, &shadows);
	mutex_unlock(&shk_config_lock);
	return shadow;
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
	struct shk_shadow *shadow;

	lockdep_assert_held(&shk_config_lock);
	list_for_each_entry (shadow, &shadows, node)
		if (shadow->id >= id)
			return shadow;
	return NULL;
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
	list_del(&shadow->node);
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

	mutex_lock(&shk_config_lock);
	list_for_each_entry (shadow, &shadows, node) {
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
	struct shk_shadow *shadow, *next;

	/* Handles and grafts hold the module: what is left is only named. */
	list_for_each_entry_safe (shadow, next, &shadows, node)
		shk_shadow_put(shadow);
	WARN_ON_ONCE(!list_empty(&shadows));
}
