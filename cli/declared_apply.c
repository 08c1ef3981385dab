// SPDX-License-Identifier: GPL-2.0-only
/* Does the actions of a plan, or none of them. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "declared.h"
#include "output.h"

static struct shadowk_subject subject_of(const struct planned *planned)
{
	return (struct shadowk_subject){ .size = sizeof(struct shadowk_subject),
					 .shadow = planned->declared->name };
}

static int create(struct plan *plan, struct planned *planned, uint32_t flags)
{
	struct shadowk_subject subject = subject_of(planned);
	int err = shadowk_shadow_create_flags(plan->dev, subject.shadow, flags, &planned->shadow);

	return err ? refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject) : STATUS_DONE;
}

static int destroy(struct planned *planned)
{
	struct shadowk_subject subject = subject_of(planned);
	int err = shadowk_shadow_destroy(planned->shadow);

	if (err)
		return refuse(SHADOWK_OP_SHADOW_DESTROY, err, &subject);
	shadowk_shadow_close(planned->shadow);
	planned->shadow = NULL;
	return STATUS_DONE;
}

static int probe_remove(struct planned *planned, const struct action *action)
{
	struct shadowk_subject subject = subject_of(planned);
	int err = shadowk_probe_remove(planned->shadow, action->probe.name);

	subject.probe = action->probe.name;
	return err ? refuse(SHADOWK_OP_PROBE_REMOVE, err, &subject) : STATUS_DONE;
}

static int patch_remove(struct planned *planned, const struct action *action)
{
	struct shadowk_subject subject = subject_of(planned);
	int err = shadowk_patch_remove(planned->shadow, action->patch.name);

	subject.patch = action->patch.name;
	return err ? refuse(SHADOWK_OP_PATCH_REMOVE, err, &subject) : STATUS_DONE;
}

static int attach(struct planned *planned, const struct action *action)
{
	struct shadowk_subject subject = subject_of(planned);
	int err = shadowk_cgroup_attach(planned->shadow, action->cgroup);

	subject.cgroup = action->cgroup;
	return err ? refuse(SHADOWK_OP_CGROUP_ATTACH, err, &subject) : STATUS_DONE;
}

static int detach(struct planned *planned, const struct action *action)
{
	struct shadowk_subject subject = subject_of(planned);
	int err = shadowk_cgroup_detach_from(planned->shadow, action->cgroup);

	subject.cgroup = action->cgroup;
	return err ? refuse(SHADOWK_OP_CGROUP_DETACH, err, &subject) : STATUS_DONE;
}

static int own_change(struct planned *planned, const struct action *action, bool own)
{
	int err = wish_do(planned->shadow, &action->wish, own);

	return err ? wish_refuse(own ? SHADOWK_OP_OWN : SHADOWK_OP_DISOWN, err, &action->wish,
				 planned->declared->name)
		   : STATUS_DONE;
}

static int load(struct plan *plan, struct action *action)
{
	bool is_livepatch = action->item->patch.kind == SHADOWK_PATCH_LIVEPATCH;

	if (!module_load(action->item->file, is_livepatch ? plan->dev : NULL, action->patch.object,
			 sizeof(action->patch.object), &action->loaded))
		return STATUS_DONE;
	report("%s:%u: %s: the module cannot be used: see above", action->profile->path,
	       action->item->line, action->item->name);
	return STATUS_REFUSED;
}

static int unload(const struct action *action)
{
	if (!action->loaded || module_unload(action->patch.object))
		return STATUS_DONE;
	report("note: module %s stays loaded, since something uses it", action->patch.object);
	return STATUS_REFUSED;
}

static int cgroup_make(const struct action *action)
{
	if (!mkdir(action->cgroup, 0755) || errno == EEXIST)
		return STATUS_DONE;
	report("cannot make the cgroup '%s': %s; is cgroup2 mounted at /sys/fs/cgroup?",
	       action->cgroup, strerror(errno));
	return STATUS_REFUSED;
}

/* Reports errors. Returns a status. */
static int action_do(struct plan *plan, struct action *action)
{
	struct planned *planned = &plan->planned[action->shadow];
	const char *name = planned->declared->name;

	switch (action->verb) {
	case ACTION_DETACH:
		return detach(planned, action);
	case ACTION_DISOWN:
		return own_change(planned, action, false);
	case ACTION_REMOVE_PROBE:
		return probe_remove(planned, action);
	case ACTION_REMOVE_PATCH:
		return patch_remove(planned, action);
	case ACTION_DESTROY:
		return destroy(planned);
	case ACTION_CREATE:
		return create(plan, planned, action->flags);
	case ACTION_LOAD_MODULE:
		return load(plan, action);
	case ACTION_ADD_PROBE:
	case ACTION_ADD_PATCH:
		return profile_item_apply(action->profile, action->item, planned->shadow, name);
	case ACTION_MAKE_CGROUP:
		return cgroup_make(action);
	case ACTION_ATTACH:
		return attach(planned, action);
	case ACTION_OWN:
		return own_change(planned, action, true);
	}
	return STATUS_REFUSED;
}

/* Does the opposite of an action. Reports errors. Returns a status. */
static int action_undo(struct plan *plan, const struct action *action)
{
	struct planned *planned = &plan->planned[action->shadow];
	struct shadowk_subject subject = subject_of(planned);
	const bool needs_shadow = action->verb != ACTION_DESTROY &&
				  action->verb != ACTION_LOAD_MODULE &&
				  action->verb != ACTION_MAKE_CGROUP;

	/* The shadow could not be made again. */
	if (needs_shadow && !planned->shadow)
		return STATUS_REFUSED;
	switch (action->verb) {
	case ACTION_DETACH:
		return attach(planned, action);
	case ACTION_DISOWN:
		return own_change(planned, action, true);
	case ACTION_REMOVE_PROBE:
		return clone_probe(planned->shadow, &subject, &action->probe);
	case ACTION_REMOVE_PATCH:
		return clone_patch(planned->shadow, &subject, &action->patch);
	case ACTION_DESTROY:
		return create(plan, planned, action->flags);
	case ACTION_CREATE:
		return destroy(planned);
	case ACTION_LOAD_MODULE:
		return unload(action);
	case ACTION_ADD_PROBE:
		return probe_remove(planned, action);
	case ACTION_ADD_PATCH:
		return patch_remove(planned, action);
	case ACTION_MAKE_CGROUP:
		rmdir(action->cgroup);
		return STATUS_DONE;
	case ACTION_ATTACH:
		return detach(planned, action);
	case ACTION_OWN:
		return own_change(planned, action, false);
	}
	return STATUS_REFUSED;
}

/* True if a file declares a patch of this module. */
static bool is_declared(const struct plan *plan, const char *module)
{
	for (size_t i = 0; i < plan->nr_shadows; i++) {
		const struct profile *profile = &plan->planned[i].declared->own;

		for (size_t j = 0; j < profile->count; j++)
			if (profile->item[j].file && !strcmp(profile->item[j].patch.object, module))
				return true;
	}
	return false;
}

/* Unloads the modules of patches that were removed, as 'patch remove' does. */
static void modules_unload(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct action *action = &plan->action[i];

		if (action->verb != ACTION_REMOVE_PATCH || !patch_has_module(&action->patch) ||
		    is_declared(plan, action->patch.object))
			continue;
		if (!module_unload(action->patch.object))
			report("note: another shadow uses module %s, or a task is in it; unload it "
			       "later with rmmod",
			       action->patch.object);
	}
}

int plan_apply(struct plan *plan)
{
	size_t done = 0, left = 0;

	while (done < plan->count && !action_do(plan, &plan->action[done]))
		done++;
	if (done == plan->count) {
		modules_unload(plan);
		return STATUS_DONE;
	}
	while (done--)
		left += action_undo(plan, &plan->action[done]) != STATUS_DONE;
	if (left)
		report("%zu actions could not be undone; 'shadowctl diff-config' lists what differs",
		       left);
	else
		report("nothing is changed: what was done before the error is undone");
	return STATUS_REFUSED;
}
