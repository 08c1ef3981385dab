// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares declared shadows with those that exist. The kernel adds the declared edits to a shadow
 * without a name first. So it checks them, and both sides of the comparison are as it lists them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "declared.h"
#include "list.h"
#include "output.h"
#include "target_parts.h"

#define CGROUPS "/sys/fs/cgroup"

/* The edits, cgroups and ownerships of one shadow, as the kernel lists them. */
struct content {
	int nr_probes, nr_patches, nr_raws, nr_cgroups, nr_owns;
	struct shadowk_probe_info *probe;
	struct shadowk_patch_info *patch; /* the first function of each patch */
	struct shadowk_cgroup *cgroup;
	struct shadowk_own *own;
};

static void content_free(struct content *content)
{
	free(content->probe);
	free(content->patch);
	free(content->cgroup);
	free(content->own);
}

static void shadow_close(struct shadowk_shadow **shadow)
{
	shadowk_shadow_close(*shadow);
}

static int content_read(struct content *content, struct shadowk_shadow *shadow, const char *name)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	struct shadowk_raw_info *raws __cleanup(list_free) = NULL;
	int count;

	content->nr_probes = list_read(shadowk_probe_list, shadow, &content->probe);
	if (content->nr_probes < 0)
		return refuse(SHADOWK_OP_PROBE_LIST, content->nr_probes, &subject);
	count = list_read(shadowk_patch_list, shadow, &content->patch);
	if (count < 0)
		return refuse(SHADOWK_OP_PATCH_LIST, count, &subject);
	for (int i = 0; i < count; i++)
		if (!content->patch[i].index)
			content->patch[content->nr_patches++] = content->patch[i];
	content->nr_raws = list_read(shadowk_raw_list, shadow, &raws);
	if (content->nr_raws < 0)
		return refuse(SHADOWK_OP_RAW_LIST, content->nr_raws, &subject);
	content->nr_cgroups = list_read(shadowk_cgroup_list, shadow, &content->cgroup);
	if (content->nr_cgroups < 0)
		return refuse(SHADOWK_OP_CGROUP_LIST, content->nr_cgroups, &subject);
	content->nr_owns = list_read(shadowk_own_list, shadow, &content->own);
	if (content->nr_owns < 0)
		return refuse(SHADOWK_OP_OWN_LIST, content->nr_owns, &subject);
	return STATUS_DONE;
}

/* ---- the plan ---- */

static struct action *action_add(struct plan *plan, enum action_verb verb)
{
	struct action *action;

	plan->action =
		need_memory(reallocarray(plan->action, plan->count + 1, sizeof(*plan->action)));
	action = &plan->action[plan->count++];
	*action = (struct action){ .verb = verb, .shadow = plan->nr_shadows - 1 };
	return action;
}

static void __printf(2, 3) note_add(struct plan *plan, const char *format, ...)
{
	va_list list;
	char *note;

	va_start(list, format);
	if (vasprintf(&note, format, list) < 0)
		need_memory(NULL);
	va_end(list);
	plan->note = need_memory(reallocarray(plan->note, plan->nr_notes + 1, sizeof(note)));
	plan->note[plan->nr_notes++] = note;
}

/* ---- edits ---- */

/* True if a file can declare such a patch. Others were added by hand, and stay. */
static bool is_declarable(const struct shadowk_patch_info *info)
{
	return info->kind != SHADOWK_PATCH_CAPTURE && info->kind != SHADOWK_PATCH_DIVERT &&
	       !(info->flags & SHADOWK_PATCH_CALLBACKS);
}

/* The flags that a file can declare. */
static uint32_t declared_flags(const struct shadowk_patch_info *info)
{
	return info->flags & ~(SHADOWK_PATCH_PROMOTED | SHADOWK_PATCH_UNSAFE_NOW);
}

static bool probes_equal(const struct shadowk_probe_info *a, const struct shadowk_probe_info *b)
{
	return a->kind == b->kind && a->flags == b->flags && a->addr == b->addr &&
	       a->offset == b->offset && !strcmp(a->symbol, b->symbol);
}

/* A module that is not loaded has no functions yet, so its name stands for them. */
static bool patches_equal(const struct shadowk_patch_info *a, const struct shadowk_patch_info *b)
{
	if (a->kind != b->kind || declared_flags(a) != declared_flags(b))
		return false;
	if (patch_has_module(a))
		return !strcmp(a->object, b->object);
	return a->addr == b->addr && a->offset == b->offset && a->value == b->value &&
	       !strcmp(a->symbol, b->symbol) && !strcmp(a->object, b->object);
}

static const struct shadowk_probe_info *probe_find(const struct content *content, const char *name)
{
	for (int i = 0; i < content->nr_probes; i++)
		if (!strcmp(content->probe[i].name, name))
			return &content->probe[i];
	return NULL;
}

static const struct shadowk_patch_info *patch_find(const struct content *content, const char *name)
{
	for (int i = 0; i < content->nr_patches; i++)
		if (!strcmp(content->patch[i].name, name))
			return &content->patch[i];
	return NULL;
}

/* True if the shadow has the edit of the file under its name. */
static bool is_there(const struct content *content, const struct shadowk_probe_info *probe,
		     const struct shadowk_patch_info *patch)
{
	const struct shadowk_probe_info *has_probe = probe ? probe_find(content, probe->name)
							   : NULL;
	const struct shadowk_patch_info *has_patch = patch ? patch_find(content, patch->name)
							   : NULL;

	return (has_probe && probes_equal(has_probe, probe)) ||
	       (has_patch && patches_equal(has_patch, patch));
}

/* Removes the edits that the file does not declare, or all of them. Captured kprobes stay. */
static void plan_removals(struct plan *plan, const struct content *has,
			  const struct content *wanted, bool all)
{
	for (int i = 0; i < has->nr_probes; i++)
		if (!(has->probe[i].flags & SHADOWK_PROBE_CAPTURED) &&
		    (all || !is_there(wanted, &has->probe[i], NULL)))
			action_add(plan, ACTION_REMOVE_PROBE)->probe = has->probe[i];
	/* From the newest on, so that patches of one function are taken off in order. */
	for (int i = has->nr_patches - 1; i >= 0; i--) {
		const struct shadowk_patch_info *patch = &has->patch[i];

		if (all || (!is_there(wanted, NULL, patch) &&
			    (is_declarable(patch) || patch_find(wanted, patch->name))))
			action_add(plan, ACTION_REMOVE_PATCH)->patch = *patch;
	}
}

/* Plans to load the module of an item, unless an action before does. */
static void plan_load(struct plan *plan, const struct profile *profile,
		      const struct profile_item *item)
{
	struct action *action;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->action[i].verb == ACTION_LOAD_MODULE &&
		    !strcmp(plan->action[i].patch.object, item->patch.object))
			return;
	action = action_add(plan, ACTION_LOAD_MODULE);
	action->profile = profile;
	action->item = item;
	snprintf(action->patch.object, sizeof(action->patch.object), "%s", item->patch.object);
}

static void plan_additions(struct plan *plan, const struct profile *profile,
			   const struct content *has, const struct content *wanted)
{
	for (size_t i = 0; i < profile->count; i++) {
		const struct profile_item *item = &profile->item[i];
		const struct shadowk_probe_info *probe = NULL;
		const struct shadowk_patch_info *patch = NULL;
		struct action *action;

		if (item->excluded || item->missing)
			continue;
		if (item->is_probe)
			probe = probe_find(wanted, item->probe.name);
		else
			patch = patch_find(wanted, item->patch.name);
		if ((!probe && !patch) || is_there(has, probe, patch))
			continue;
		if (item->unloaded)
			plan_load(plan, profile, item);
		action = action_add(plan, probe ? ACTION_ADD_PROBE : ACTION_ADD_PATCH);
		action->profile = profile;
		action->item = item;
		if (probe)
			action->probe = *probe;
		else
			action->patch = *patch;
	}
}

/* Finds the names of modules, and which of them are loaded. Reports errors. Returns a status. */
static int modules_find(struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++) {
		struct profile_item *item = &profile->item[i];

		if (!item->file)
			continue;
		if (module_name(item->file, item->patch.object, sizeof(item->patch.object))) {
			report("%s:%u: %s: the module cannot be used: see above", profile->path,
			       item->line, item->name);
			return STATUS_REFUSED;
		}
		item->unloaded = module_users(item->patch.object) < 0;
	}
	return STATUS_DONE;
}

/* Adds the patches that could not be tried, since their modules are not loaded. */
static void wanted_add_unloaded(struct content *wanted, const struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++) {
		const struct shadowk_patch_spec *spec = &profile->item[i].patch;
		struct shadowk_patch_info *info;

		if (!profile->item[i].unloaded)
			continue;
		wanted->patch = need_memory(reallocarray(wanted->patch, wanted->nr_patches + 1,
							 sizeof(*wanted->patch)));
		info = &wanted->patch[wanted->nr_patches++];
		*info = (struct shadowk_patch_info){ .kind = spec->kind, .flags = spec->flags };
		memcpy(info->name, spec->name, sizeof(info->name));
		memcpy(info->object, spec->object, sizeof(info->object));
	}
}

/* Adds the declared edits to a shadow without a name, and reads them. Returns a status. */
static int wanted_read(struct content *wanted, struct shadowk *dev, struct declared *declared)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = declared->name };
	struct shadowk_shadow *trial __cleanup(shadow_close) = NULL;
	int err = shadowk_shadow_create_flags(dev, NULL, declared->flags, &trial);
	char why[512];
	int status;

	if (err) {
		shadowk_explain(why, sizeof(why), SHADOWK_OP_SHADOW_CREATE, err, &subject);
		report("%s:%u: %s", declared->path, declared->line, why);
		return STATUS_REFUSED;
	}
	status = modules_find(&declared->own);
	if (!status)
		status = profile_try(&declared->profile, trial, declared->name);
	if (!status)
		status = profile_try(&declared->own, trial, declared->name);
	if (!status)
		status = content_read(wanted, trial, declared->name);
	if (!status)
		wanted_add_unloaded(wanted, &declared->own);
	return status;
}

static void note_missing(struct plan *plan, const struct declared *declared,
			 const struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++)
		if (profile->item[i].missing)
			note_add(plan, "%s: left out %s: %s", declared->name, profile->item[i].name,
				 profile->item[i].missing);
}

/* ---- scopes ---- */

/* Returns true if the shadow has the cgroup of this folder. */
static bool is_attached(const struct content *has, const char *folder)
{
	struct stat st;

	for (int i = 0; !stat(folder, &st) && i < has->nr_cgroups; i++)
		if (has->cgroup[i].id == st.st_ino && has->cgroup[i].percent == 100)
			return true;
	return false;
}

/* Sets @folder to that of a scope, or to NULL if the unit does not run. Returns a status. */
static int scope_find(struct plan *plan, const struct declared *declared, const struct scope *scope,
		      char **folder)
{
	bool starts_inside;

	if (!scope->is_unit) {
		if (asprintf(folder, "%s%s", CGROUPS, scope->name) < 0)
			need_memory(NULL);
		return STATUS_DONE;
	}
	if (!cgroup_of_unit_that_may_run(scope->name, folder)) {
		report("%s:%u: Unit=%s is not one cgroup: see above", declared->path, scope->line,
		       scope->name);
		return STATUS_REFUSED;
	}
	starts_inside = unit_has_drop_in(scope->name);
	if (!*folder)
		note_add(plan, "%s: unit %s does not run; %s", declared->name, scope->name,
			 starts_inside ? "it attaches itself when it starts"
				       : "when it runs, apply again");
	if (!starts_inside && units_exist())
		note_add(plan,
			 "%s: unit %s does not attach itself when it starts again; if it is a "
			 "service, run 'systemctl daemon-reload'",
			 declared->name, scope->name);
	return STATUS_DONE;
}

/* Plans to make the folder, which does not exist yet, unless an action before does. */
static void plan_folder(struct plan *plan, const char *folder)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->action[i].verb == ACTION_MAKE_CGROUP &&
		    !strcmp(plan->action[i].cgroup, folder))
			return;
	action_add(plan, ACTION_MAKE_CGROUP)->cgroup = need_memory(strdup(folder));
}

/* Plans to make and to attach the cgroups that the shadow lacks. */
static void plan_attach(struct plan *plan, const struct declared *declared,
			const struct content *has, char **folder)
{
	for (size_t i = 0; i < declared->nr_scopes; i++) {
		struct stat st;

		if (!folder[i] || is_attached(has, folder[i]))
			continue;
		for (char *end = folder[i] + strlen(CGROUPS); end;) {
			end = strchr(end + 1, '/');
			if (end)
				*end = '\0';
			if (stat(folder[i], &st))
				plan_folder(plan, folder[i]);
			if (end)
				*end = '/';
		}
		action_add(plan, ACTION_ATTACH)->cgroup = need_memory(strdup(folder[i]));
	}
}

static bool is_declared(const struct declared *declared, char **folder, uint64_t id)
{
	struct stat st;

	for (size_t i = 0; i < declared->nr_scopes; i++)
		if (folder[i] && !stat(folder[i], &st) && st.st_ino == id)
			return true;
	return false;
}

/* Detaches the cgroups that the file does not declare, or all of them. */
static void plan_detach(struct plan *plan, const struct declared *declared,
			const struct content *has, char **folder, bool all)
{
	for (int i = 0; i < has->nr_cgroups; i++) {
		const struct shadowk_cgroup *cgroup = &has->cgroup[i];

		if (!all && (!declared->has_scopes || is_declared(declared, folder, cgroup->id)))
			continue;
		if (asprintf(&action_add(plan, ACTION_DETACH)->cgroup, "%s%s", CGROUPS,
			     cgroup->path) < 0)
			need_memory(NULL);
	}
}

/* ---- ownerships ---- */

static bool is_owned(const struct content *has, const struct wish *wish)
{
	for (int i = 0; i < has->nr_owns; i++)
		if (wish_is(wish, &has->own[i]))
			return true;
	return false;
}

/* Appends what one word names. A device that is absent is a note, as a unit that does not run. */
static void wishes_add(struct wishes *wishes, struct plan *plan, const struct declared *declared,
		       const struct ownership *word)
{
	if (word->of == OWN_IRQ)
		wishes_add_irq(wishes, word->irq);
	else if (word->of == OWN_KTHREAD)
		wishes_add_kthreads(wishes, word->name);
	else if (wishes_add_device(wishes, word->name, word->napi ? DEVICE_OWN_NAPI : DEVICE_OWN))
		note_add(plan, "%s: there is no device %s %s; when there is, apply again",
			 declared->name, word->name,
			 word->napi ? "with a network interface" : "with interrupts");
}

static void plan_own(struct plan *plan, const struct content *has, const struct wishes *wishes)
{
	for (size_t i = 0; i < wishes->count; i++) {
		bool repeated = is_owned(has, &wishes->wish[i]);

		/* Devices may share a line. */
		for (size_t before = 0; before < i; before++)
			repeated |= wishes_equal(&wishes->wish[before], &wishes->wish[i]);
		if (!repeated)
			action_add(plan, ACTION_OWN)->wish = wishes->wish[i];
	}
}

/* Disowns what the file does not declare, or all. */
static void plan_disown(struct plan *plan, const struct declared *declared,
			const struct content *has, const struct wishes *wishes, bool all)
{
	for (int i = 0; i < has->nr_owns; i++) {
		struct wish wish = { .kind = has->own[i].kind, .irq = has->own[i].irq };
		bool wanted = !declared->has_ownerships;

		for (size_t w = 0; w < wishes->count; w++)
			wanted |= wish_is(&wishes->wish[w], &has->own[i]);
		if (wanted && !all)
			continue;
		memcpy(wish.pattern, has->own[i].pattern, sizeof(wish.pattern));
		action_add(plan, ACTION_DISOWN)->wish = wish;
	}
}

/* ---- shadows ---- */

/*
 * Sets @again if the shadow has another policy than the file, and must be created again. Then
 * nothing is lost but the numbers of its probes. Otherwise reports an error. Returns a status.
 */
static int policy_check(const struct planned *planned, const struct content *has, bool *again)
{
	const struct declared *declared = planned->declared;
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = declared->name };
	struct shadowk_shadow_info info;
	int err;

	*again = planned->flags != declared->flags;
	if (!*again)
		return STATUS_DONE;
	err = shadowk_shadow_info(planned->shadow, &info, sizeof(info));
	if (err)
		return refuse(SHADOWK_OP_SHADOW_INFO, err, &subject);
	for (int i = 0; i < has->nr_patches; i++)
		if (!is_declarable(&has->patch[i]))
			info.nr_handles++;
	if (!info.nr_grafts && !info.nr_handles && !has->nr_raws)
		return STATUS_DONE;
	report("%s:%u: shadow '%s' has the policy '%s', not '%s', and cannot be created again while it "
	       "has processes, handles, raw edits or livepatches with callbacks; see 'shadowctl "
	       "show %s', remove them, and apply again",
	       declared->path, declared->line, declared->name, async_name(planned->flags),
	       async_name(declared->flags), declared->name);
	return STATUS_REFUSED;
}

/* Opens the shadow if it exists. Returns a status. */
static int planned_open(struct planned *planned, struct shadowk *dev)
{
	const char *name = planned->declared->name;
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	struct shadowk_shadow_info info;
	int err = shadowk_shadow_open(dev, name, &planned->shadow);

	if (err == -ENOENT)
		return STATUS_DONE;
	if (err)
		return refuse(SHADOWK_OP_SHADOW_OPEN, err, &subject);
	err = shadowk_shadow_info(planned->shadow, &info, sizeof(info));
	if (err)
		return refuse(SHADOWK_OP_SHADOW_INFO, err, &subject);
	planned->flags = info.flags;
	return STATUS_DONE;
}

static int plan_shadow(struct plan *plan, struct planned *planned)
{
	struct declared *declared = planned->declared;
	struct content has __cleanup(content_free) = { 0 }, wanted __cleanup(content_free) = { 0 };
	struct content none = { 0 };
	struct wishes wishes __cleanup(wishes_free) = { 0 };
	char *folder[declared->nr_scopes + 1];
	bool again = false;
	int status;

	memset(folder, 0, sizeof(folder));
	status = planned_open(planned, plan->dev);
	if (!status)
		status = wanted_read(&wanted, plan->dev, declared);
	if (!status && planned->shadow)
		status = content_read(&has, planned->shadow, declared->name);
	if (!status && planned->shadow)
		status = policy_check(planned, &has, &again);
	for (size_t i = 0; !status && i < declared->nr_scopes; i++)
		status = scope_find(plan, declared, &declared->scope[i], &folder[i]);
	if (!status) {
		note_missing(plan, declared, &declared->profile);
		note_missing(plan, declared, &declared->own);
		for (size_t i = 0; i < declared->nr_ownerships; i++)
			wishes_add(&wishes, plan, declared, &declared->ownership[i]);
		plan_disown(plan, declared, &has, &wishes, again);
		plan_detach(plan, declared, &has, folder, again);
		plan_removals(plan, &has, &wanted, again);
		if (again)
			action_add(plan, ACTION_DESTROY)->flags = planned->flags;
		if (again || !planned->shadow)
			action_add(plan, ACTION_CREATE)->flags = declared->flags;
		plan_additions(plan, &declared->profile, again ? &none : &has, &wanted);
		plan_additions(plan, &declared->own, again ? &none : &has, &wanted);
		plan_attach(plan, declared, again ? &none : &has, folder);
		plan_own(plan, again ? &none : &has, &wishes);
	}
	for (size_t i = 0; i < declared->nr_scopes; i++)
		free(folder[i]);
	return status;
}

/* All shadows give cgroups and interrupts up first, and get them last, so that these can move. */
static int phase(const struct action *action)
{
	return action->verb <= ACTION_DISOWN ? 0 : action->verb < ACTION_MAKE_CGROUP ? 1 : 2;
}

/* Sorts the actions by their phases, and keeps the order within each. */
static void plan_sort(struct plan *plan)
{
	struct action *sorted = need_memory(calloc(plan->count + 1, sizeof(*sorted)));
	size_t used = 0;

	for (int now = 0; now < 3; now++)
		for (size_t i = 0; i < plan->count; i++)
			if (phase(&plan->action[i]) == now)
				sorted[used++] = plan->action[i];
	free(plan->action);
	plan->action = sorted;
}

int plan_make(struct plan *plan, struct shadowk *dev, struct declarations *all)
{
	int status = STATUS_DONE;

	plan->dev = dev;
	plan->planned = need_memory(calloc(all->count + 1, sizeof(*plan->planned)));
	for (size_t i = 0; i < all->count; i++) {
		struct planned *planned = &plan->planned[plan->nr_shadows];

		if (all->shadow[i].blocked)
			continue;
		planned->declared = &all->shadow[i];
		plan->nr_shadows++;
		if (plan_shadow(plan, planned))
			status = STATUS_REFUSED;
	}
	plan_sort(plan);
	return status;
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->nr_shadows; i++)
		shadowk_shadow_close(plan->planned[i].shadow);
	for (size_t i = 0; i < plan->count; i++)
		free(plan->action[i].cgroup);
	for (size_t i = 0; i < plan->nr_notes; i++)
		free(plan->note[i]);
	free(plan->planned);
	free(plan->action);
	free(plan->note);
}

/* ---- the text of an action ---- */

static void place_text(char *buf, size_t len, const char *symbol, uint64_t offset)
{
	if (offset)
		snprintf(buf, len, "%s+0x%" PRIx64, symbol, offset);
	else
		snprintf(buf, len, "%s", symbol);
}

static void probe_text(char *buf, size_t len, const char *verb,
		       const struct shadowk_probe_info *info)
{
	char place[SHADOWK_SYMBOL_LEN + 20];

	place_text(place, sizeof(place), info->symbol, info->offset);
	snprintf(buf, len, "%s probe %s: %s%s, %s%s%s%s", verb, info->name,
		 info->flags & SHADOWK_PROBE_TRACEPOINT ? "tracepoint:" : "", place,
		 shadowk_kind_name(info->kind),
		 info->flags & SHADOWK_PROBE_RETURN ? ", return" : "",
		 info->flags & SHADOWK_PROBE_FORCE_INT3 ? ", int3" : "",
		 info->flags & SHADOWK_PROBE_BELOW ? ", below" : "");
}

static void patch_text(char *buf, size_t len, const char *verb,
		       const struct shadowk_patch_info *info)
{
	char place[SHADOWK_SYMBOL_LEN + 20], what[SHADOWK_SYMBOL_LEN + 64];

	place_text(place, sizeof(place), info->symbol, info->offset);
	patch_action_print(what, sizeof(what), info);
	if (patch_has_module(info))
		snprintf(buf, len, "%s patch %s: %s", verb, info->name, what);
	else
		snprintf(buf, len, "%s patch %s: %s, %s", verb, info->name, place, what);
}

static void own_text(char *buf, size_t len, const char *verb, const struct wish *wish)
{
	char name[WISH_NAME_LEN];

	wish_name(name, wish);
	snprintf(buf, len, "%s %s", verb, name);
}

void action_text(char *buf, size_t len, const struct action *action)
{
	switch (action->verb) {
	case ACTION_DETACH:
		snprintf(buf, len, "detach cgroup %s", action->cgroup + strlen(CGROUPS));
		break;
	case ACTION_DISOWN:
		own_text(buf, len, "disown", &action->wish);
		break;
	case ACTION_OWN:
		own_text(buf, len, "own", &action->wish);
		break;
	case ACTION_LOAD_MODULE:
		snprintf(buf, len, "load module %s from %s", action->patch.object,
			 action->item->file);
		break;
	case ACTION_REMOVE_PROBE:
		probe_text(buf, len, "remove", &action->probe);
		break;
	case ACTION_REMOVE_PATCH:
		patch_text(buf, len, "remove", &action->patch);
		break;
	case ACTION_DESTROY:
		snprintf(buf, len, "destroy the shadow, policy %s", async_name(action->flags));
		break;
	case ACTION_CREATE:
		snprintf(buf, len, "create the shadow, policy %s", async_name(action->flags));
		break;
	case ACTION_ADD_PROBE:
		probe_text(buf, len, "add", &action->probe);
		break;
	case ACTION_ADD_PATCH:
		patch_text(buf, len, "add", &action->patch);
		break;
	case ACTION_MAKE_CGROUP:
		snprintf(buf, len, "make cgroup %s", action->cgroup + strlen(CGROUPS));
		break;
	case ACTION_ATTACH:
		snprintf(buf, len, "attach cgroup %s", action->cgroup + strlen(CGROUPS));
		break;
	}
}
