// SPDX-License-Identifier: GPL-2.0-only
/* The verb 'probe add' for functions that patterns select. */
#include "cli.h"
#include "functions.h"
#include "output.h"

/* Gives all places the kind, flags and conditions of @spec. */
static void places_apply(struct places *places, const struct shadowk_probe_spec *spec)
{
	for (size_t i = 0; i < places->count; i++) {
		struct shadowk_probe_spec place = *spec;

		place.addr = places->spec[i].addr;
		place.offset = places->spec[i].offset;
		snprintf(place.symbol, sizeof(place.symbol), "%s", places->spec[i].symbol);
		places->spec[i] = place;
	}
}

static void print_json(const struct places *places, const char *shadow, bool dry_run)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < places->count; i++) {
		const struct shadowk_probe_spec *spec = &places->spec[i];
		struct json_object *one;

		if (!spec->id)
			continue;
		one = json_object_new_object();
		json_object_object_add(one, "function", json_text(places->name[i]));
		if (!dry_run) {
			json_object_object_add(one, "id", json_object_new_uint64(spec->id));
			json_object_object_add(one, "name", json_text(spec->name));
		}
		json_object_array_add(array, one);
	}
	json_object_object_add(object, "shadow", json_text(shadow));
	json_object_object_add(object, "probes", array);
	json_print(&object, false);
}

static void print(const struct cli *cli, const struct places *places, const char *shadow,
		  bool dry_run)
{
	if (cli->json) {
		print_json(places, shadow, dry_run);
		return;
	}
	for (size_t i = 0; i < places->count; i++)
		if (places->spec[i].id)
			puts(dry_run ? places->name[i] : places->spec[i].name);
}

static void shadow_close(struct shadowk_shadow **shadow)
{
	shadowk_shadow_close(*shadow);
}

/*
 * Adds the probes to a shadow without a name, which ends with this function. So the kernel itself
 * says which functions can be probed. Returns a status.
 */
static int places_try(struct places *places, struct shadowk *dev)
{
	struct shadowk_shadow *shadow __cleanup(shadow_close) = NULL;
	int err = shadowk_shadow_create(dev, "", &shadow);

	return err ? refuse(SHADOWK_OP_SHADOW_CREATE, err, NULL) : places_arm(places, shadow, NULL);
}

int probes_add_patterns(const struct cli *cli, const struct patterns *patterns,
			const struct shadowk_probe_spec *spec)
{
	struct session session __cleanup(session_close) = { 0 };
	struct places places __cleanup(places_free) = { 0 };
	const char *shadow = patterns->shadow;
	int status = session_open_shadow(&session, shadow);

	if (!status)
		status = places_read(&places, patterns->pattern, patterns->nr, patterns->variants);
	if (status)
		return status;
	places_apply(&places, spec);
	if (patterns->dry_run)
		status = places_try(&places, session.dev);
	else
		status = places_arm(&places, session.shadow, shadow);
	if (!status)
		print(cli, &places, shadow, patterns->dry_run);
	return status;
}
