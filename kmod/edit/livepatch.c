// SPDX-License-Identifier: GPL-2.0-only
/*
 * Livepatch modules, unchanged, for one shadow. Their init hands a klp_patch to
 * klp_enable_patch(). The process that loads one is in a shadow of its own in
 * which that function has another body: livepatch_capture(), which keeps the patch for
 * whoever asks for it by the module's name.
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

struct captured {
	struct list_head node;
	struct module *mod;
	struct klp_patch *klp; /* which the exit of .mod may free: not without a reference to that */
	bool promoted;	       /* the kernel's for good: it is not enabled twice */
};

/* Nothing is taken inside, and nothing is called that may sleep for long. */
static DEFINE_MUTEX(captured_lock);
/* Several shadows may have one module, whose callbacks expect no other at the same time. */
static DEFINE_MUTEX(callbacks_lock);
static LIST_HEAD(captured);

static struct captured *captured_find(const struct module *mod)
{
	struct captured *found;

	lockdep_assert_held(&captured_lock);
	list_for_each_entry (found, &captured, node)
		if (found->mod == mod)
			return found;
	return NULL;
}

static struct captured *captured_find_name(const char *name)
{
	struct captured *found;

	lockdep_assert_held(&captured_lock);
	list_for_each_entry (found, &captured, node)
		if (!strcmp(found->mod->name, name))
			return found;
	return NULL;
}

/* In the place of klp_enable_patch(), in the init of a livepatch module. */
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
		return -EOPNOTSUPP;
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
 * Holds the module @name for @patch: its callbacks are called for it, even if no function
 * of it changes. OBJECT_MISSING: it is not loaded, has not started yet, or is being unloaded.
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

/* Does @mod have relocations that are made when livepatch has found the module @name? */
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

static int check_object(struct shk_patch *patch, const char *name)
{
	return has_relocations(patch->mod, name) ? SHK_E(OBJECT_RELOCATIONS)
						 : livepatch_get_object(patch, name);
}

/* What one shadow alone cannot have is refused. The modules that @patch changes are held. */
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
	/* As livepatch does it: in the order of the objects, the failed one left out. */
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
 * Calls the body that the base has: current may be in a shadow whose klp_enable_patch()
 * is livepatch_capture().
 */
static int livepatch_enable(struct klp_patch *klp)
{
	unsigned long site = shk_call(ftrace_location)((unsigned long)klp_enable_patch);
	int (*base)(struct klp_patch * klp);
	int ret;

	/* livepatch_capture() replaces nothing that has no site. */
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
 * What was prepared for the shadow is the kernel's from now on: not prepared twice, and
 * for the kernel to undo.
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
	/* @patch holds the module, so @found stays. */
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
	return -EOPNOTSUPP;
}

int shk_livepatch_prepare(struct shk_patch *patch)
{
	return -EOPNOTSUPP;
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
