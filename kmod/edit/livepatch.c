// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmodified livepatch modules for one shadow.
 *
 * The init of a livepatch module passes a struct klp_patch to klp_enable_patch(). The process that
 * loads the module is in a shadow with a CAPTURE patch, in which livepatch_capture() replaces that
 * function. It keeps the struct in a list. shk_livepatch_prepare() finds it there, by the name of
 * the module, and makes a LIVEPATCH patch of it, in any number of shadows. shk_livepatch_promote()
 * passes it to the base's klp_enable_patch().
 */
#include <linux/list.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/text-patching.h>

#include "edit/patch.h"
#include "edit/probe.h"

#define KLP_ENABLE "klp_enable_patch"

#if IS_ENABLED(CONFIG_LIVEPATCH)

/* The livepatch of a loaded module. Freed when the module is unloaded. */
struct captured {
	struct list_head node; /* in captured; captured_lock */
	struct module *mod;
	struct klp_patch *klp; /* valid while the caller holds a reference to .mod */
	bool promoted;	       /* the kernel has it, or is about to; captured_lock */
};

/* Protects the list captured and its elements. No lock of the module is inside. */
static DEFINE_MUTEX(captured_lock);
/*
 * Held while callbacks are called. Several shadows may have a patch of one module, whose callbacks
 * expect to be called one at a time. Inside the shadow's lock.
 */
static DEFINE_MUTEX(callbacks_lock);
static LIST_HEAD(captured);

/*
 * Returns the record that livepatch_capture() has made for the module @mod, or NULL. captured_lock
 * is held.
 */
static struct captured *captured_find(const struct module *mod)
{
	struct captured *found;

	lockdep_assert_held(&captured_lock);
	list_for_each_entry (found, &captured, node)
		if (found->mod == mod)
			return found;
	return NULL;
}

/*
 * Returns the record that livepatch_capture() has made for the module @name, or NULL. captured_lock
 * is held.
 */
static struct captured *captured_find_name(const char *name)
{
	struct captured *found;

	lockdep_assert_held(&captured_lock);
	list_for_each_entry (found, &captured, node)
		if (!strcmp(found->mod->name, name))
			return found;
	return NULL;
}

/*
 * Records @klp for shk_livepatch_prepare(), and enables nothing. In shadows with a CAPTURE patch
 * this function is the body of klp_enable_patch(), which the init of a livepatch module calls.
 * Takes captured_lock; sleeps. Returns 0, -EINVAL: @klp is malformed, or -ENOMEM. The init returns
 * the error.
 */
static int livepatch_capture(struct klp_patch *klp)
{
	struct captured *new;

	if (!klp || !klp->mod || !klp->objs || !is_livepatch_module(klp->mod))
		return -EINVAL;
	new = kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	new->klp = klp;
	new->mod = klp->mod;
	mutex_lock(&captured_lock);
	list_add(&new->node, &captured);
	mutex_unlock(&captured_lock);
	return 0;
}

static void captured_free(struct captured *gone)
{
	list_del(&gone->node);
	kfree(gone);
}

/*
 * Notifier callback for each change of a module's state. If the module is being unloaded, frees the
 * record that livepatch_capture() has made for it. Takes captured_lock.
 */
static int livepatch_on_module(struct notifier_block *nb, unsigned long event, void *data)
{
	struct captured *gone;

	if (event != MODULE_STATE_GOING)
		return NOTIFY_DONE;
	mutex_lock(&captured_lock);
	while ((gone = captured_find(data)))
		captured_free(gone);
	mutex_unlock(&captured_lock);
	return NOTIFY_OK;
}

static struct notifier_block module_nb = { .notifier_call = livepatch_on_module };

int shk_livepatch_init(void)
{
	return register_module_notifier(&module_nb);
}

void shk_livepatch_exit(void)
{
	struct captured *left, *next;

	unregister_module_notifier(&module_nb);
	list_for_each_entry_safe (left, next, &captured, node)
		captured_free(left);
}

int shk_capture_prepare(struct shk_patch *patch)
{
	unsigned long addr;
	int ret = shk_symbol_unique(KLP_ENABLE, &addr);

	if (ret)
		return SHK_E(NO_LIVEPATCH);
	strscpy(patch->symbol, KLP_ENABLE, sizeof(patch->symbol));
	return PTR_ERR_OR_ZERO(
		shk_func_add(patch, KLP_ENABLE, addr, (unsigned long)livepatch_capture));
}

static bool has_callbacks(const struct klp_object *obj)
{
	const struct klp_callbacks *c = &obj->callbacks;

	return c->pre_patch || c->post_patch || c->pre_unpatch || c->post_unpatch;
}

/*
 * Takes a reference to the module @name, for which @patch's livepatch has an object, and adds it to
 * @patch->objects. Needed even if no function of the module changes, since callbacks are called.
 * Returns 0, or OBJECT_MISSING: the module is not loaded, its init has not returned, or it is being
 * unloaded.
 */
static int livepatch_get_object(struct shk_patch *patch, const char *name)
{
	struct module *mod;
	int ret = 0;

	preempt_disable();
	mod = shk_call(find_module)(name);
	if (!mod || !shk_module_get_live(mod))
		ret = SHK_E(OBJECT_MISSING);
	preempt_enable();
	if (!ret)
		patch->objects[patch->nr_objects++] = mod;
	return ret;
}

/*
 * Returns true if @mod has relocations to the module @name, in a section ".klp.rela.NAME.".
 * livepatch would apply them to the one copy of @mod in memory, so they would act on all tasks.
 */
static bool has_relocations(const struct module *mod, const char *name)
{
	const struct klp_modinfo *info = mod->klp_info;
	char prefix[MODULE_NAME_LEN + 16];
	unsigned int i;

	snprintf(prefix, sizeof(prefix), ".klp.rela.%s.", name);
	for (i = 1; i < info->hdr.e_shnum; i++)
		if (info->sechdrs[i].sh_flags & SHF_RELA_LIVEPATCH &&
		    strstarts(info->secstrings + info->sechdrs[i].sh_name, prefix))
			return true;
	return false;
}

/*
 * Takes a reference to the module @name, which the livepatch changes, and adds it to
 * @patch->objects. Returns 0; OBJECT_RELOCATIONS: the livepatch module has relocations for it;
 * OBJECT_MISSING: it is not loaded, or is being loaded or unloaded.
 */
static int check_object(struct shk_patch *patch, const char *name)
{
	return has_relocations(patch->mod, name) ? SHK_E(OBJECT_RELOCATIONS)
						 : livepatch_get_object(patch, name);
}

/*
 * Refuses a livepatch whose effect cannot be limited to one shadow, and takes references to the
 * modules that @patch changes. Sleeps. Returns 0; CALLBACKS: it has callbacks, which the user has
 * not permitted; an error of check_object(); or -ENOMEM. After an error @patch keeps the references
 * until it is freed.
 */
static int livepatch_check_scope(struct shk_patch *patch)
{
	struct klp_object *obj;
	unsigned int nr = 0;
	int ret;

	klp_for_each_object_static (patch->klp, obj)
		nr++;
	patch->objects = kcalloc(nr, sizeof(*patch->objects), GFP_KERNEL_ACCOUNT);
	if (!patch->objects)
		return -ENOMEM;
	klp_for_each_object_static (patch->klp, obj) {
		strscpy(patch->symbol, obj->name ?: "", sizeof(patch->symbol));
		ret = obj->name ? check_object(patch, obj->name) : 0;
		if (ret)
			return ret;
		if (has_callbacks(obj) && !(patch->flags & SHK_PATCH_CALLBACKS))
			return SHK_E(CALLBACKS);
	}
	return 0;
}

/*
 * Adds the function that @wanted replaces, in the kernel image or in the module of @obj, to @patch,
 * with its new body. Sleeps. Returns 0 or an error of shk_func_prepare().
 */
static int livepatch_prepare_func(struct shk_patch *patch, const struct klp_object *obj,
				  const struct klp_func *wanted)
{
	char name[SHK_SYMBOL_LEN];

	snprintf(name, sizeof(name), "%s%s%s", obj->name ?: "", obj->name ? ":" : "",
		 wanted->old_name);
	return shk_func_prepare(patch, name, wanted->old_sympos, (unsigned long)wanted->new_func,
				NULL);
}

int shk_livepatch_prepare(struct shk_patch *patch)
{
	struct captured *found;
	struct klp_object *obj;
	struct klp_func *func;
	int ret = SHK_E(NO_PATCH_MODULE);

	mutex_lock(&captured_lock);
	found = captured_find_name(patch->object);
	if (found && shk_module_get_live(found->mod)) {
		patch->klp = found->klp;
		patch->mod = found->mod;
		ret = 0;
	}
	mutex_unlock(&captured_lock);
	if (ret)
		return ret;
	__module_get(THIS_MODULE);
	ret = livepatch_check_scope(patch);
	if (ret)
		return ret;
	klp_for_each_object_static (patch->klp, obj) {
		klp_for_each_func_static (obj, func) {
			ret = livepatch_prepare_func(patch, obj, func);
			if (ret)
				return ret;
		}
	}
	*patch->symbol = 0;
	return list_empty(&patch->funcs) ? SHK_E(NO_FUNCTIONS) : 0;
}

int shk_livepatch_pre_patch(struct shk_patch *patch)
{
	struct klp_object *obj, *done;
	int ret = 0;

	if (!patch->klp)
		return 0;
	if (mutex_lock_killable(&callbacks_lock))
		return -ERESTARTSYS;
	klp_for_each_object_static (patch->klp, obj) {
		if (obj->callbacks.pre_patch)
			ret = obj->callbacks.pre_patch(obj);
		if (ret)
			break;
	}
	if (!ret)
		goto unlock;
	/* In the order of the objects, without the failed one, as livepatch does. */
	klp_for_each_object_static (patch->klp, done) {
		if (done == obj)
			break;
		if (done->callbacks.post_unpatch)
			done->callbacks.post_unpatch(done);
	}
unlock:
	mutex_unlock(&callbacks_lock);
	return shk_livepatch_error(ret);
}

void shk_livepatch_call(struct shk_patch *patch, enum shk_callback which)
{
	struct klp_object *obj;

	if (!patch->klp)
		return;
	mutex_lock(&callbacks_lock);
	klp_for_each_object_static (patch->klp, obj) {
		const struct klp_callbacks *c = &obj->callbacks;

		if (which == SHK_POST_PATCH && c->post_patch)
			c->post_patch(obj);
		else if (which == SHK_PRE_UNPATCH && c->pre_unpatch)
			c->pre_unpatch(obj);
		else if (which == SHK_POST_UNPATCH && c->post_unpatch)
			c->post_unpatch(obj);
	}
	mutex_unlock(&callbacks_lock);
}

/*
 * Calls the base's klp_enable_patch(), even if current is in a shadow in which livepatch_capture()
 * replaces it. Sleeps. Returns 0; NO_ROOM: no room for a function that calls the base's; or the
 * errno of klp_enable_patch() with the reason LIVEPATCH.
 */
static int livepatch_enable(struct klp_patch *klp)
{
	unsigned long site = shk_call(ftrace_location)((unsigned long)klp_enable_patch);
	int (*base)(struct klp_patch * klp);
	int ret;

	/* Without a __fentry__ site livepatch_capture() cannot have replaced it. */
	if (!site)
		return shk_livepatch_error(klp_enable_patch(klp));
	base = (void *)shk_old_get(site + CALL_INSN_SIZE);
	if (!base)
		return SHK_E(NO_ROOM);
	ret = shk_livepatch_error(base(klp));
	shk_old_put((unsigned long)base);
	return ret;
}

/*
 * Passes the livepatch of @patch to the kernel's own klp_enable_patch(), which applies it to the
 * base. Before that, removes the callbacks pre_patch and post_patch, since they were called for the
 * shadow already. From then on the kernel calls pre_unpatch and post_unpatch, and this module does
 * not. After an error all callbacks are restored. Takes callbacks_lock; sleeps. Returns 0, -ENOMEM,
 * or an error of livepatch_enable().
 */
static int livepatch_hand_over(struct shk_patch *patch)
{
	struct klp_callbacks *were;
	struct klp_object *obj;
	unsigned int nr = 0;
	int ret;

	klp_for_each_object_static (patch->klp, obj)
		nr++;
	were = kcalloc(nr, sizeof(*were), GFP_KERNEL);
	if (!were)
		return -ENOMEM;
	mutex_lock(&callbacks_lock);
	klp_for_each_object_static (patch->klp, obj) {
		were[obj - patch->klp->objs] = obj->callbacks;
		obj->callbacks.pre_patch = NULL;
		obj->callbacks.post_patch = NULL;
	}
	ret = livepatch_enable(patch->klp);
	if (!ret)
		patch->was_on = false;
	else
		klp_for_each_object_static (patch->klp, obj)
			obj->callbacks = were[obj - patch->klp->objs];
	mutex_unlock(&callbacks_lock);
	kfree(were);
	return ret;
}

bool shk_livepatch_promoted(const struct shk_patch *patch)
{
	struct captured *found;
	bool promoted;

	if (!patch->klp)
		return false;
	mutex_lock(&captured_lock);
	found = captured_find(patch->mod);
	promoted = found && found->promoted;
	mutex_unlock(&captured_lock);
	return promoted;
}

bool shk_livepatch_enabled(const struct shk_patch *patch)
{
	return shk_livepatch_promoted(patch) && READ_ONCE(patch->klp->enabled);
}

int shk_livepatch_promote(struct shk_patch *patch)
{
	struct captured *found;
	int ret = 0;

	lockdep_assert_held(&patch->shadow->lock);
	if (!patch->klp)
		return SHK_E(NOT_LIVEPATCH);
	mutex_lock(&captured_lock);
	found = captured_find(patch->mod);
	if (!found)
		ret = SHK_E(NO_PATCH_MODULE);
	else if (found->promoted)
		ret = SHK_E(PROMOTED);
	else
		found->promoted = true;
	mutex_unlock(&captured_lock);
	if (ret)
		return ret;
	/* @patch holds the module, so @found is not freed without the lock. */
	ret = livepatch_hand_over(patch);
	if (ret)
		WRITE_ONCE(found->promoted, false);
	return ret;
}

#else /* !CONFIG_LIVEPATCH */

int shk_livepatch_init(void)
{
	return 0;
}

void shk_livepatch_exit(void)
{
}

int shk_capture_prepare(struct shk_patch *patch)
{
	return SHK_E(NO_LIVEPATCH);
}

int shk_livepatch_prepare(struct shk_patch *patch)
{
	return SHK_E(NO_LIVEPATCH);
}

int shk_livepatch_pre_patch(struct shk_patch *patch)
{
	return 0;
}

void shk_livepatch_call(struct shk_patch *patch, enum shk_callback which)
{
}

bool shk_livepatch_promoted(const struct shk_patch *patch)
{
	return false;
}

bool shk_livepatch_enabled(const struct shk_patch *patch)
{
	return false;
}

int shk_livepatch_promote(struct shk_patch *patch)
{
	return -EINVAL;
}

#endif
