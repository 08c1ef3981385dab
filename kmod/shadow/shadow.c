// SPDX-License-Identifier: GPL-2.0-only
/* Shadows: their locks, which there are, their names, and how they begin and end. */
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/xarray.h>

#include "shadow/shadow.h"

/*
 * Protects the two tables below, and shk_shadow.name. The holder waits for nothing, allocates
 * nothing and takes no other lock. A shadow in a table may have lost its last reference; it stays
 * until shadow_unpublish().
 */
static DEFINE_MUTEX(names_lock);
/*
 * All shadows, hidden ones too, by id, from shadow_publish() to shadow_unpublish(). Under
 * names_lock.
 */
static DEFINE_XARRAY(shadows);
/* Shadows that have a name, by its hash. Under names_lock. */
static DEFINE_HASHTABLE(names, 8);
struct shk_shadow *shk_union;
static atomic64_t last_id = ATOMIC64_INIT(0);

/* ---- locks ---- */

/* The shadows whose locks are to be taken, each once, in the order in which all tasks take them. */
struct locks {
	struct shk_shadow *shadows[SHK_SHADOW_LOCKS];
	unsigned int nr;
};

/*
 * Returns true if @one is locked before @other: shadows with a target come before shadows that may
 * be targets, then addresses decide.
 */
static bool shadow_locks_before(const struct shk_shadow *one, const struct shk_shadow *other)
{
	if (!one->target != !other->target)
		return one->target;
	return one < other;
}

/*
 * Inserts @shadow into @locks, at its place in the order. Does nothing if it is NULL or in @locks
 * already.
 */
static void add_lock(struct locks *locks, struct shk_shadow *shadow)
{
	unsigned int i = locks->nr;

	if (!shadow)
		return;
	while (i && shadow_locks_before(shadow, locks->shadows[i - 1]))
		i--;
	if (i && locks->shadows[i - 1] == shadow)
		return;
	memmove(&locks->shadows[i + 1], &locks->shadows[i],
		(locks->nr - i) * sizeof(*locks->shadows));
	locks->shadows[i] = shadow;
	locks->nr++;
}

/*
 * Fills @locks with @shadow, @other, which may be NULL, and the shadows' targets
 * (shk_shadow.target), if they have some. Each is in @locks once, in the order in which all tasks
 * take the locks.
 */
static void locks_of(struct locks *locks, struct shk_shadow *shadow, struct shk_shadow *other)
{
	locks->nr = 0;
	add_lock(locks, shadow);
	add_lock(locks, shadow->target);
	add_lock(locks, other);
	add_lock(locks, other ? other->target : NULL);
}

#ifdef CONFIG_LOCKDEP
/*
 * A lock that exists for lockdep only: a task holds it while it has the lock of any shadow that is
 * not hidden.
 */
static struct lock_class_key any_key;
static struct lockdep_map any_map = STATIC_LOCKDEP_MAP_INIT("shk_shadow", &any_key);

static void shadow_note_locked(void)
{
	lock_map_acquire(&any_map);
}

static void shadow_note_unlocked(void)
{
	lock_map_release(&any_map);
}

void shk_shadow_assert_none_locked(void)
{
	lockdep_assert(lock_is_held(&any_map) != LOCK_STATE_HELD);
}
#else
static void shadow_note_locked(void)
{
}

static void shadow_note_unlocked(void)
{
}

void shk_shadow_assert_none_locked(void)
{
}
#endif

enum lock_mode { SHADOW_LOCK_TRY, SHADOW_LOCK_KILLABLE, SHADOW_LOCK_ALWAYS };

/*
 * Takes the lock of @shadow, in the way that @mode says. @nr: how many locks of shadows the caller
 * holds already. Returns false if the lock was not taken.
 */
static bool shadow_lock_one(struct shk_shadow *shadow, unsigned int nr, enum lock_mode mode)
{
	if (mode == SHADOW_LOCK_TRY)
		return mutex_trylock(&shadow->lock);
	if (mode == SHADOW_LOCK_KILLABLE)
		return !mutex_lock_killable_nested(&shadow->lock, nr);
	mutex_lock_nested(&shadow->lock, nr);
	return true;
}

/*
 * Takes the locks of @shadow, @other, which may be NULL, and the shadows' targets, in the way that
 * @mode says. Returns false if another task holds one of the locks and @mode does not wait, or if
 * the caller was killed. No lock is held then.
 */
static bool shadow_lock_mode(struct shk_shadow *shadow, struct shk_shadow *other,
			     enum lock_mode mode)
{
	struct locks locks;
	unsigned int i;

	locks_of(&locks, shadow, other);
	for (i = 0; i < locks.nr; i++)
		if (!shadow_lock_one(locks.shadows[i], i, mode))
			goto unlock;
	shadow_note_locked();
	return true;
unlock:
	while (i--)
		mutex_unlock(&locks.shadows[i]->lock);
	return false;
}

int shk_shadow_lock_both(struct shk_shadow *shadow, struct shk_shadow *other)
{
	return shadow_lock_mode(shadow, other, SHADOW_LOCK_KILLABLE) ? 0 : -ERESTARTSYS;
}

bool shk_shadow_trylock_both(struct shk_shadow *shadow, struct shk_shadow *other)
{
	return shadow_lock_mode(shadow, other, SHADOW_LOCK_TRY);
}

/*
 * Takes the locks of @shadow and of its target. A shadow without a target, as most are, has one
 * lock, which is taken directly, without a struct locks. Returns 0 or -ERESTARTSYS: the caller was
 * killed.
 */
int shk_shadow_lock(struct shk_shadow *shadow)
{
	if (shadow->target)
		return shk_shadow_lock_both(shadow, NULL);
	if (mutex_lock_killable(&shadow->lock))
		return -ERESTARTSYS;
	shadow_note_locked();
	return 0;
}

void shk_shadow_lock_always(struct shk_shadow *shadow, struct shk_shadow *other)
{
	shadow_lock_mode(shadow, other, SHADOW_LOCK_ALWAYS);
}

void shk_shadow_unlock_both(struct shk_shadow *shadow, struct shk_shadow *other)
{
	struct locks locks;

	locks_of(&locks, shadow, other);
	shadow_note_unlocked();
	while (locks.nr--)
		mutex_unlock(&locks.shadows[locks.nr]->lock);
}

int shk_shadow_wait_both(struct shk_shadow *shadow, struct shk_shadow *other)
{
	int ret = shk_shadow_lock_both(shadow, other);

	if (!ret)
		shk_shadow_unlock_both(shadow, other);
	return ret;
}

bool shk_shadow_trylock(struct shk_shadow *shadow)
{
	if (shadow->target)
		return shk_shadow_trylock_both(shadow, NULL);
	if (!mutex_trylock(&shadow->lock))
		return false;
	shadow_note_locked();
	return true;
}

void shk_shadow_unlock(struct shk_shadow *shadow)
{
	if (shadow->target) {
		shk_shadow_unlock_both(shadow, NULL);
		return;
	}
	shadow_note_unlocked();
	mutex_unlock(&shadow->lock);
}

/* ---- names, and which shadows there are ---- */

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

/* Returns the shadow with @name, or NULL. names_lock is held. */
static struct shk_shadow *shadow_find_by_name(const char *name)
{
	struct shk_shadow *shadow;

	hash_for_each_possible (names, shadow, by_name, hash_of(name))
		if (!strcmp(shadow->name, name))
			return shadow;
	return NULL;
}

/*
 * Allocates a shadow with one reference. @flags: SHK_ASYNC_*. @teardown: see struct shk_shadow. No
 * other task knows it yet. Sleeps. Returns NULL if there is no memory.
 */
static struct shk_shadow *shadow_alloc(u32 flags, void (*teardown)(struct shk_shadow *))
{
	struct shk_shadow *shadow = kzalloc(sizeof(*shadow), GFP_KERNEL_ACCOUNT);

	if (!shadow)
		return NULL;
	refcount_set(&shadow->ref, 1);
	shadow->name_len = 1;
	shadow->name_size = shk_name_size(shadow->name_len);
	mutex_init(&shadow->lock);
	shk_text_setup(&shadow->text);
	shadow->hooks.flags = flags;
	INIT_LIST_HEAD(&shadow->handles);
	INIT_LIST_HEAD(&shadow->grafts);
	xa_init(&shadow->probes);
	INIT_LIST_HEAD(&shadow->patches);
	INIT_LIST_HEAD(&shadow->bodies);
	INIT_LIST_HEAD(&shadow->raws);
	INIT_LIST_HEAD(&shadow->tracepoints);
	INIT_LIST_HEAD(&shadow->users);
	INIT_LIST_HEAD(&shadow->ownerships);
	INIT_LIST_HEAD(&shadow->callers);
	INIT_LIST_HEAD(&shadow->caller);
	shadow->flags = flags;
	shadow->teardown = teardown;
	return shadow;
}

/*
 * Gives @shadow its id, and reserves its entry in the table, so that shadow_publish() needs no
 * memory. Until then other tasks do not find the shadow. Sleeps. Returns 0 or -ENOMEM.
 */
static int shadow_reserve_id(struct shk_shadow *shadow)
{
	shadow->id = atomic64_inc_return(&last_id);
	return xa_reserve(&shadows, shadow->id, GFP_KERNEL_ACCOUNT);
}

/* Stores @shadow in the table, so that other tasks find it by its id. names_lock is held. */
static void shadow_publish(struct shk_shadow *shadow)
{
	lockdep_assert_held(&names_lock);
	WARN_ON_ONCE(xa_is_err(xa_store(&shadows, shadow->id, shadow, GFP_NOWAIT)));
}

struct shk_shadow *shk_shadow_create(const char *name, u32 flags,
				     void (*teardown)(struct shk_shadow *),
				     struct shk_shadow *target)
{
	struct shk_shadow *shadow;
	int ret;

	if (*name && !shk_name_valid(name))
		return ERR_PTR(SHK_E(NAME_INVALID));
	shadow = shadow_alloc(flags, teardown);
	if (!shadow)
		return ERR_PTR(-ENOMEM);
	strscpy(shadow->name, name, sizeof(shadow->name));
	shadow->name_len = strlen(shadow->name) + 1;
	shadow->name_size = shk_name_size(shadow->name_len);
	ret = shadow_reserve_id(shadow);
	if (ret) {
		kfree(shadow);
		return ERR_PTR(ret);
	}
	shadow->target = target ? shk_shadow_get(target) : NULL;
	return shadow;
}

int shk_shadow_publish(struct shk_shadow *shadow)
{
	int ret = 0;

	if (mutex_lock_killable(&names_lock))
		return -ERESTARTSYS;
	if (shadow_find_by_name(shadow->name)) {
		ret = SHK_E(NAME_TAKEN);
		goto unlock;
	}
	shadow_publish(shadow);
	if (*shadow->name) {
		shk_shadow_get(shadow); /* for the name; the caller has the first one */
		hash_add(names, &shadow->by_name, hash_of(shadow->name));
	}
unlock:
	mutex_unlock(&names_lock);
	return ret;
}

struct shk_shadow *shk_shadow_find(u64 id, const char *name)
{
	struct shk_shadow *shadow;

	if (mutex_lock_killable(&names_lock))
		return ERR_PTR(-ERESTARTSYS);
	shadow = id ? xa_load(&shadows, id) : shadow_find_by_name(name);
	if (shadow &&
	    (shadow->hidden || READ_ONCE(shadow->dead) || !refcount_inc_not_zero(&shadow->ref)))
		shadow = NULL;
	mutex_unlock(&names_lock);
	return shadow ?: ERR_PTR(SHK_E(SHADOW_UNKNOWN));
}

struct shk_shadow *shk_shadow_next(u64 id)
{
	struct shk_shadow *shadow;
	unsigned long index;

	if (mutex_lock_killable(&names_lock))
		return ERR_PTR(-ERESTARTSYS);
	xa_for_each_start (&shadows, index, shadow, id)
		if (!shadow->hidden && refcount_inc_not_zero(&shadow->ref))
			break;
	mutex_unlock(&names_lock);
	return shadow ?: ERR_PTR(-ENOENT);
}

int shk_shadow_name(const struct shk_shadow *shadow, char *name)
{
	if (mutex_lock_killable(&names_lock))
		return -ERESTARTSYS;
	strscpy(name, shadow->name, SHK_NAME_LEN);
	mutex_unlock(&names_lock);
	return 0;
}

int shk_shadow_prepare(struct shk_shadow *shadow, struct shk_prepared *was)
{
	int ret;

	lockdep_assert_held(&shadow->lock);
	*was = shk_shadow_prepared(shadow);
	if (shk_shadow_is_gone(shadow))
		return SHK_E(SHADOW_DESTROYED);
	ret = shk_text_build(&shadow->text);
	if (ret)
		return ret;
	shk_shadow_update_live(shadow);
	ret = shk_hooks_apply(&shadow->hooks, &shadow->text);
	if (ret)
		shk_shadow_unprepare(shadow, was);
	return ret;
}

void shk_shadow_unprepare(struct shk_shadow *shadow, const struct shk_prepared *was)
{
	lockdep_assert_held(&shadow->lock);
	shk_shadow_update_live(shadow);
	if (!was->hooked)
		shk_hooks_revert(&shadow->hooks, &shadow->text);
	if (!was->built)
		shk_text_destroy(&shadow->text);
}

/*
 * Removes the edits, hooks and tables of @shadow. The caller holds the shadow's lock, and ensures
 * that no mm is grafted to it and that no carrier mm will be loaded. May sleep.
 */
static void shadow_remove_edits(struct shk_shadow *shadow)
{
	lockdep_assert_held(&shadow->lock);
	shadow->teardown(shadow);
	shk_shadow_update_live(shadow);
	shk_hooks_revert(&shadow->hooks, &shadow->text);
	if (shadow->text.built) {
		/* An int3 handler may still read the tables of its CPU: shk_current_shadow(). */
		synchronize_rcu();
		shk_text_destroy(&shadow->text);
	}
}

/*
 * Destroys @shadow: marks it as dead, removes its edits, hooks, tables and name, and drops the
 * name's reference. The caller has a reference of its own. The shadow's lock is held; sleeps.
 * Returns 0; SHADOW_DESTROYED: it was destroyed before; SHADOW_IN_USE: an mm is grafted to it, or a
 * cgroup is bound to it.
 */
static int shadow_destroy_locked(struct shk_shadow *shadow)
{
	if (shadow->dead)
		return SHK_E(SHADOW_DESTROYED);
	if (shk_shadow_users(shadow) || READ_ONCE(shadow->nr_cgroups))
		return SHK_E(SHADOW_IN_USE);

	/* Read by tasks that return to the shadow from a stretch: shk_stretch_find_live(). */
	WRITE_ONCE(shadow->dead, true);
	shadow_remove_edits(shadow);
	if (*shadow->name) {
		mutex_lock(&names_lock);
		hash_del(&shadow->by_name);
		*shadow->name = 0;
		mutex_unlock(&names_lock);
		shk_shadow_put(shadow); /* the name's, not the last: the caller has one */
	}
	return 0;
}

int shk_shadow_destroy(struct shk_shadow *shadow)
{
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	ret = shadow_destroy_locked(shadow);
	shk_shadow_unlock(shadow);
	return ret;
}

int shk_shadow_share(struct shk_shadow *shadow)
{
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	if (!list_empty(&shadow->bodies)) {
		ret = SHK_E(EDITS_IN_PLACE);
		goto unlock;
	}
	shk_shadow_update_live(shadow);
	ret = shk_hooks_add_exec(&shadow->hooks, &shadow->text);
	if (!ret)
		WRITE_ONCE(shadow->shared, true);
unlock:
	shk_shadow_unlock(shadow);
	return ret;
}

struct shk_shadow *shk_shadow_get(struct shk_shadow *shadow)
{
	refcount_inc(&shadow->ref);
	return shadow;
}

static void shadow_free_rcu_tasks(struct rcu_head *head)
{
	kfree(container_of(head, struct shk_shadow, rcu));
}

/*
 * Removes @shadow from the table, and frees it after a grace period of RCU tasks: a task that was
 * preempted on its way to a hit may still read it. The caller has removed all its edits. Takes
 * names_lock.
 */
static void shadow_unpublish(struct shk_shadow *shadow)
{
	mutex_lock(&names_lock);
	xa_erase(&shadows, shadow->id);
	mutex_unlock(&names_lock);
	call_rcu_tasks(&shadow->rcu, shadow_free_rcu_tasks);
}

void shk_shadow_put(struct shk_shadow *shadow)
{
	struct shk_shadow *target;

	if (!refcount_dec_and_mutex_lock(&shadow->ref, &names_lock))
		return;
	hash_del(&shadow->by_name);
	mutex_unlock(&names_lock);
	shk_shadow_lock_always(shadow, NULL);
	shadow_remove_edits(shadow);
	shk_shadow_unlock(shadow);
	target = shadow->target;
	shadow_unpublish(shadow);
	/* Does not recurse further: a target has no target. */
	if (target)
		shk_shadow_put(target);
}

static void teardown_nothing(struct shk_shadow *shadow)
{
}

struct shk_shadow *shk_shadow_create_hidden(u32 flags)
{
	struct shk_shadow *shadow = shadow_alloc(flags, teardown_nothing);
	int ret;

	if (!shadow)
		return ERR_PTR(-ENOMEM);
	shadow->hidden = true;
	/* No thread acts on its edits: hits ask shk_thread_is_listed(), which checks .hidden. */
	shadow->nr_threads = 1;
	ret = shadow_reserve_id(shadow);
	if (ret) {
		kfree(shadow);
		return ERR_PTR(ret);
	}
	mutex_lock(&names_lock);
	shadow_publish(shadow);
	mutex_unlock(&names_lock);
	return shadow;
}

void shk_shadow_destroy_hidden(struct shk_shadow *shadow)
{
	shk_shadow_lock_hidden(shadow);
	shadow_remove_edits(shadow);
	shk_shadow_unlock_hidden(shadow);
	shadow_unpublish(shadow);
}

bool shk_shadow_live(const struct shk_shadow *shadow)
{
	lockdep_assert_held(&shadow->lock);
	return shadow->carrier || shk_shadow_users(shadow);
}

void shk_shadow_update_live(struct shk_shadow *shadow)
{
	shadow->text.live = shk_shadow_live(shadow);
}

/*
 * Returns the number of work items, timers and softirqs that should have executed @shadow and did
 * not (shk_shadow.nr_unfollowed). The union counts for all shadows that are SHK_ASYNC_UNION; 0 if
 * there is no union. Needs no lock.
 */
static u64 nr_unfollowed(const struct shk_shadow *shadow)
{
	const struct shk_shadow *all;
	u64 nr = 0;

	if (!(shadow->flags & SHK_ASYNC_UNION))
		return atomic64_read(&shadow->nr_unfollowed);
	rcu_read_lock();
	all = READ_ONCE(shk_union);
	if (all)
		nr = atomic64_read(&all->nr_unfollowed);
	rcu_read_unlock();
	return nr;
}

int shk_shadow_info(const struct shk_shadow *shadow, struct shk_shadow_info *info)
{
	int ret = shk_shadow_name(shadow, info->name);

	if (ret)
		return ret;
	info->flags = shadow->flags;
	info->id = shadow->id;
	info->nr_grafts = shk_shadow_users(shadow);
	/* If another task changes the shadow, these are those of any moment of the change. */
	data_race(({
		info->nr_probes = shadow->nr_probes;
		info->private_pages = shadow->text.nr_pages;
		info->diverged_ranges = shadow->text.nr_ranges;
		info->huge_ranges = shadow->text.nr_huge;
		info->memory = shk_text_memory(&shadow->text);
	}));
	info->nr_handles = READ_ONCE(shadow->nr_handles);
	info->nr_unfollowed = nr_unfollowed(shadow);
	info->target = shadow->target ? shadow->target->id : 0;
	return 0;
}

int shk_shadows_info(struct shk_info *info)
{
	struct shk_shadow *shadow;
	unsigned long id;

	if (mutex_lock_killable(&names_lock))
		return -ERESTARTSYS;
	xa_for_each(&shadows, id, shadow)
	{
		info->nr_shadows += !shadow->hidden;
		/* Grafts of a shadow with a target are contained in the target's number. */
		if (!shadow->target)
			info->nr_grafts += shk_shadow_users(shadow);
		/* If another task changes the shadow, it is that of any moment of the change. */
		info->memory += data_race(shk_text_memory(&shadow->text));
	}
	mutex_unlock(&names_lock);
	strscpy(info->mmu, shk_mmu->name, sizeof(info->mmu));
	strscpy(info->version, THIS_MODULE->version, sizeof(info->version));
	return 0;
}

bool shk_shadows_have_carrier(void)
{
	struct shk_shadow *shadow;
	bool carried = false;
	unsigned long id;

	mutex_lock(&names_lock);
	xa_for_each(&shadows, id, shadow) carried |= !!READ_ONCE(shadow->carrier);
	mutex_unlock(&names_lock);
	return carried;
}

void shk_shadows_exit(void)
{
	struct shk_shadow *shadow;
	unsigned long id;

	/*
	 * Handles and grafts hold the module, so only names keep shadows, and their probes the
	 * union.
	 */
	xa_for_each(&shadows, id, shadow) if (!shadow->hidden) shk_shadow_put(shadow);
	WARN_ON_ONCE(!xa_empty(&shadows));
	rcu_barrier_tasks();
}
