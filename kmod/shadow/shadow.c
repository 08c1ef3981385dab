// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/xarray.h>

#include "shadow/shadow.h"

DEFINE_MUTEX(shk_config_lock);

/* All shadows that are not gone, by id; those that have a name, by that. Under shk_config_lock. */
static DEFINE_XARRAY(shadows);
static DEFINE_HASHTABLE(names, 8);
struct shk_shadow *shk_union;
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

/* With one reference. */
static struct shk_shadow *alloc(u32 flags, void (*teardown)(struct shk_shadow *))
{
	struct shk_shadow *shadow = kzalloc(sizeof(*shadow), GFP_KERNEL_ACCOUNT);

	if (!shadow)
		return NULL;
	refcount_set(&shadow->ref, 1);
	shk_text_setup(&shadow->text);
	shadow->hooks.flags = flags;
	INIT_LIST_HEAD(&shadow->grafts);
	INIT_LIST_HEAD(&shadow->probes);
	INIT_LIST_HEAD(&shadow->patches);
	INIT_LIST_HEAD(&shadow->bodies);
	INIT_LIST_HEAD(&shadow->raws);
	INIT_LIST_HEAD(&shadow->owns);
	INIT_LIST_HEAD(&shadow->callers);
	INIT_LIST_HEAD(&shadow->caller);
	hash_init(shadow->sites);
	shadow->flags = flags;
	shadow->teardown = teardown;
	return shadow;
}

static int publish(struct shk_shadow *shadow)
{
	int ret;

	lockdep_assert_held(&shk_config_lock);
	shadow->id = last_id + 1;
	ret = xa_insert(&shadows, shadow->id, shadow, GFP_KERNEL_ACCOUNT);
	if (!ret)
		last_id = shadow->id;
	return ret;
}

struct shk_shadow *shk_shadow_create(const char *name, u32 flags,
				     void (*teardown)(struct shk_shadow *))
{
	struct shk_shadow *shadow;
	int ret;

	if (*name && !shk_name_valid(name))
		return ERR_PTR(-EINVAL);
	shadow = alloc(flags, teardown);
	if (!shadow)
		return ERR_PTR(-ENOMEM);
	strscpy(shadow->name, name, sizeof(shadow->name));

	ret = shk_config_lock_killable();
	if (ret)
		goto free;
	ret = -EEXIST;
	if (find(name))
		goto unlock;
	ret = publish(shadow);
	if (ret)
		goto unlock;
	if (*name) {
		shk_shadow_get(shadow); /* the name's; the caller has one too */
		hash_add(names, &shadow->by_name, hash_of(name));
	}
	mutex_unlock(&shk_config_lock);
	return shadow;
unlock:
	mutex_unlock(&shk_config_lock);
free:
	kfree(shadow);
	return ERR_PTR(ret);
}

struct shk_shadow *shk_shadow_find(const char *name)
{
	struct shk_shadow *shadow;
	int ret = shk_config_lock_killable();

	if (ret)
		return ERR_PTR(ret);
	shadow = find(name);
	if (shadow)
		shk_shadow_get(shadow);
	mutex_unlock(&shk_config_lock);
	return shadow ?: ERR_PTR(-ENOENT);
}

struct shk_shadow *shk_shadow_next(u64 id)
{
	struct shk_shadow *shadow;
	unsigned long index;

	lockdep_assert_held(&shk_config_lock);
	xa_for_each_start(&shadows, index, shadow, id) if (!shadow->hidden) return shadow;
	return NULL;
}

int shk_shadow_prepare(struct shk_shadow *shadow, struct shk_prepared *was)
{
	int ret;

	lockdep_assert_held(&shk_config_lock);
	*was = shk_shadow_prepared(shadow);
	if (shadow->dead || (shadow->target && shadow->target->dead))
		return -ESTALE;
	ret = shk_text_build(&shadow->text);
	if (ret)
		return ret;
	shk_shadow_note_live(shadow);
	ret = shk_hooks_apply(&shadow->hooks, &shadow->text);
	if (ret)
		shk_shadow_unprepare(shadow, was);
	return ret;
}

void shk_shadow_unprepare(struct shk_shadow *shadow, const struct shk_prepared *was)
{
	lockdep_assert_held(&shk_config_lock);
	shk_shadow_note_live(shadow);
	if (!was->hooked)
		shk_hooks_revert(&shadow->hooks, &shadow->text);
	if (!was->built)
		shk_text_destroy(&shadow->text);
}

/* Back to what it was when it was created. */
static void clear(struct shk_shadow *shadow)
{
	lockdep_assert_held(&shk_config_lock);
	shadow->teardown(shadow);
	shk_shadow_note_live(shadow);
	shk_hooks_revert(&shadow->hooks, &shadow->text);
	if (shadow->text.built) {
		/* A breakpoint handler may still look at the tables of its CPU. */
		synchronize_rcu();
		shk_text_destroy(&shadow->text);
	}
}

static int destroy(struct shk_shadow *shadow)
{
	if (shadow->dead)
		return -ESTALE;
	if (shk_shadow_users(shadow) || shadow->nr_cgroups)
		return -EBUSY;

	shadow->dead = true;
	clear(shadow);
	if (*shadow->name) {
		hash_del(&shadow->by_name);
		*shadow->name = 0;
		shk_shadow_put(shadow); /* the name's; the caller has one too */
	}
	return 0;
}

int shk_shadow_destroy(struct shk_shadow *shadow)
{
	int ret = shk_config_lock_killable();

	if (ret)
		return ret;
	ret = destroy(shadow);
	mutex_unlock(&shk_config_lock);
	return ret;
}

void shk_shadow_abort(struct shk_shadow *shadow)
{
	mutex_lock(&shk_config_lock);
	destroy(shadow);
	mutex_unlock(&shk_config_lock);
}

struct shk_shadow *shk_shadow_get(struct shk_shadow *shadow)
{
	refcount_inc(&shadow->ref);
	return shadow;
}

static void free_rcu_tasks(struct rcu_head *head)
{
	kfree(container_of(head, struct shk_shadow, rcu));
}

/* A task that was preempted on its way to a hit has yet to look at it. */
static void unpublish(struct shk_shadow *shadow)
{
	lockdep_assert_held(&shk_config_lock);
	xa_erase(&shadows, shadow->id);
	call_rcu_tasks(&shadow->rcu, free_rcu_tasks);
}

void shk_shadow_put(struct shk_shadow *shadow)
{
	struct shk_shadow *target;

	if (!refcount_dec_and_mutex_lock(&shadow->ref, &shk_config_lock))
		return;
	clear(shadow);
	hash_del(&shadow->by_name);
	target = shadow->target;
	unpublish(shadow);
	mutex_unlock(&shk_config_lock);
	/* Which has none itself. */
	if (target)
		shk_shadow_put(target);
}

static void teardown_nothing(struct shk_shadow *shadow)
{
}

struct shk_shadow *shk_shadow_create_hidden(u32 flags)
{
	struct shk_shadow *shadow = alloc(flags, teardown_nothing);
	int ret;

	if (!shadow)
		return ERR_PTR(-ENOMEM);
	shadow->hidden = true;
	/* None acts on it: who hits it is found so, at no cost where it is not. */
	shadow->nr_threads = 1;
	ret = publish(shadow);
	if (!ret)
		return shadow;
	kfree(shadow);
	return ERR_PTR(ret);
}

void shk_shadow_destroy_hidden(struct shk_shadow *shadow)
{
	clear(shadow);
	unpublish(shadow);
}

bool shk_shadow_live(const struct shk_shadow *shadow)
{
	lockdep_assert_held(&shk_config_lock);
	return shadow->carrier || shk_shadow_users(shadow);
}

void shk_shadow_note_live(struct shk_shadow *shadow)
{
	shadow->text.live = shk_shadow_live(shadow);
}

void shk_shadow_info(struct shk_shadow *shadow, struct shk_shadow_info *info)
{
	lockdep_assert_held(&shk_config_lock);
	info->flags = shadow->flags;
	info->id = shadow->id;
	info->nr_grafts = shk_shadow_users(shadow);
	info->nr_probes = shadow->nr_probes;
	info->private_pages = shadow->text.nr_pages;
	info->diverged_ranges = shadow->text.nr_ranges;
	info->huge_ranges = shadow->text.nr_huge;
	info->memory = shk_text_memory(&shadow->text);
	if (shadow->flags & SHK_ASYNC_UNION)
		info->nr_unfollowed = shk_union ? atomic64_read(&shk_union->nr_unfollowed) : 0;
	else
		info->nr_unfollowed = atomic64_read(&shadow->nr_unfollowed);
	strscpy(info->name, shadow->name, sizeof(info->name));
	info->target = shadow->target ? shadow->target->id : 0;
}

int shk_shadows_info(struct shk_info *info)
{
	struct shk_shadow *shadow;
	unsigned long id;
	int ret = shk_config_lock_killable();

	if (ret)
		return ret;
	xa_for_each(&shadows, id, shadow)
	{
		info->nr_shadows += !shadow->hidden;
		/* Those of callers count for their target. */
		if (!shadow->target)
			info->nr_grafts += shk_shadow_users(shadow);
		info->memory += shk_text_memory(&shadow->text);
	}
	mutex_unlock(&shk_config_lock);
	strscpy(info->mmu, shk_mmu->name, sizeof(info->mmu));
	strscpy(info->version, THIS_MODULE->version, sizeof(info->version));
	return 0;
}

bool shk_shadows_carried(void)
{
	struct shk_shadow *shadow;
	bool carried = false;
	unsigned long id;

	mutex_lock(&shk_config_lock);
	xa_for_each(&shadows, id, shadow) carried |= !!shadow->carrier;
	mutex_unlock(&shk_config_lock);
	return carried;
}

void shk_shadows_exit(void)
{
	struct shk_shadow *shadow;
	unsigned long id;

	/* Handles and grafts hold the module: what is left is only named, or is its union. */
	xa_for_each(&shadows, id, shadow) if (!shadow->hidden) shk_shadow_put(shadow);
	WARN_ON_ONCE(!xa_empty(&shadows));
	rcu_barrier_tasks();
}
