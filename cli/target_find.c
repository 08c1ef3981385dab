// SPDX-License-Identifier: GPL-2.0-only
/* Finds the cgroup of a systemd unit or of a container by the name of its folder. */
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "target_parts.h"

#define CGROUPS "/sys/fs/cgroup"

/* Result of the look at one folder. */
enum match {
	MATCH_NONE,  /* neither it nor a folder below it is the cgroup */
	MATCH_BELOW, /* a folder below it may be the cgroup */
	MATCH_FOUND,
};

typedef enum match (*match_fn)(const char *folder, const char *wanted);

/*
 * systemd has its units in slices, and only those. So a unit of another systemd, in a container or
 * of a user, is not found.
 */
static enum match unit_match(const char *folder, const char *wanted)
{
	if (!strcmp(folder, wanted))
		return MATCH_FOUND;
	return text_ends_with(folder, ".slice") ? MATCH_BELOW : MATCH_NONE;
}

/*
 * Folders of containers: ID or PREFIX-ID, with systemd PREFIX-ID.scope. A container of
 * systemd-nspawn can also be a service.
 */
static const struct {
	const char *prefix, *suffix; /* of the folder, around the id; the suffix may be missing */
} shapes[] = {
	{ "libpod-", ".scope" },  { "docker-", ".scope" },  { "cri-containerd-", ".scope" },
	{ "crio-", ".scope" },	  { "crun-", ".scope" },    { "runc-", ".scope" },
	{ "nerdctl-", ".scope" }, { "machine-", ".scope" }, { "systemd-nspawn@", ".service" },
	{ "lxc.payload.", "" },
};

/* Copies the id of a container out of the name of its folder. Returns false if there is none. */
static bool container_id(char *id, size_t len, const char *folder)
{
	const char *suffix = ".scope";

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (strncmp(folder, shapes[i].prefix, strlen(shapes[i].prefix)))
			continue;
		folder += strlen(shapes[i].prefix);
		suffix = shapes[i].suffix;
		break;
	}
	snprintf(id, len, "%s", folder);
	if (text_ends_with(id, suffix))
		id[strlen(id) - strlen(suffix)] = '\0';
	return *id && !text_ends_with(id, ".slice") && !text_ends_with(id, ".service");
}

/* An id of 64 digits may be shortened, as podman and docker print it. */
static enum match container_match(const char *folder, const char *wanted)
{
	size_t len = strlen(wanted);
	char id[256];

	if (!container_id(id, sizeof(id), folder))
		return MATCH_BELOW;
	if (!strcmp(id, wanted))
		return MATCH_FOUND;
	if (len >= 4 && strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64 &&
	    !strncmp(id, wanted, len))
		return MATCH_FOUND;
	return MATCH_BELOW;
}

static void fts_end(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

/*
 * Searches all cgroups. Returns the first that matches, for free(), and sets @other if there is a
 * second one. A folder below a match is not searched. Returns NULL if none matches.
 */
static char *cgroup_search(match_fn match, const char *wanted, char **other)
{
	char *roots[] = { CGROUPS, NULL }, *found = NULL;
	FTS *fts __cleanup(fts_end) = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *entry;

	while (fts && (entry = fts_read(fts))) {
		enum match is;

		if (entry->fts_info != FTS_D || entry->fts_level == 0)
			continue;
		is = match(entry->fts_name, wanted);
		if (is != MATCH_BELOW)
			fts_set(fts, entry, FTS_SKIP);
		if (is != MATCH_FOUND)
			continue;
		*(found ? other : &found) = strdup(entry->fts_path);
		if (*other)
			break;
	}
	return found;
}

static char *cgroup_find(match_fn match, const char *wanted, const char *what, const char *none)
{
	char *other __cleanup(text_free) = NULL, *found = cgroup_search(match, wanted, &other);

	if (!found)
		report("no %s '%s' has a cgroup below %s; %s", what, wanted, CGROUPS, none);
	if (!other)
		return found;
	report("%s '%s' may be %s or %s; give one of these by --cgroup", what, wanted, found,
	       other);
	free(found);
	return NULL;
}

char *unit_name(const char *unit)
{
	static const char *const types[] = { ".service", ".scope", ".slice",
					     ".socket",	 ".mount", ".swap" };
	bool has_type = false;
	char *name;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		has_type |= text_ends_with(unit, types[i]);
	if (asprintf(&name, "%s%s", unit, has_type ? "" : ".service") < 0)
		need_memory(NULL);
	return name;
}

char *cgroup_of_unit(const char *unit)
{
	char *name __cleanup(text_free) = unit_name(unit);

	return cgroup_find(unit_match, name, "systemd unit",
			   "'systemctl status UNIT' says whether it runs; for a user's unit, give "
			   "--cgroup");
}

bool cgroup_of_unit_that_may_run(const char *unit, char **path)
{
	char *other __cleanup(text_free) = NULL;

	*path = cgroup_search(unit_match, unit, &other);
	if (!other)
		return true;
	report("'%s' may be %s or %s; name one of them by Cgroup=", unit, *path, other);
	return false;
}

char *cgroup_of_container(const char *id)
{
	return cgroup_find(container_match, id, "container",
			   "give the id, not the name, of a running one ('podman ps', 'docker ps', "
			   "'crictl ps', 'crun list'), or the name with LXC and systemd-nspawn");
}
