// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drop-ins of systemd units that sections [Scope] name. systemd makes a new cgroup for a
 * service at each start, so the service itself attaches it, before its first instruction.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "declared.h"

#define DROP_IN "50-shadowk.conf"

bool units_exist(void)
{
	return !access("/run/systemd/system", F_OK);
}

bool unit_has_drop_in(const char *unit)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/run/systemd/generator/%s.d/" DROP_IN, unit);
	return !access(path, F_OK);
}

/* Opens the drop-in of a unit to append to it. Reports an error, and returns NULL. */
static FILE *drop_in_open(const char *folder, const char *unit)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.d", folder, unit);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s.d/" DROP_IN, folder, unit);
	file = fopen(path, "ae");
	if (!file)
		report("cannot write '%s': %s; --units takes a folder that exists", path,
		       strerror(errno));
	return file;
}

/* A slice lives longer than its services: shadowk.service starts and attaches it. */
static int slice_write(const struct scope *scope, const char *folder)
{
	FILE *file __cleanup(file_close) = drop_in_open(folder, "shadowk.service");

	if (!file)
		return STATUS_REFUSED;
	fprintf(file, "[Unit]\nWants=%s\nAfter=%s\n", scope->name, scope->name);
	return STATUS_DONE;
}

static int service_write(const struct declared *declared, const struct scope *scope,
			 const char *folder)
{
	FILE *file __cleanup(file_close) = drop_in_open(folder, scope->name);
	char command[PATH_MAX] = "";

	if (!file)
		return STATUS_REFUSED;
	if (readlink("/proc/self/exe", command, sizeof(command) - 1) < 0) {
		report("cannot read /proc/self/exe: %s; mount /proc", strerror(errno));
		return STATUS_REFUSED;
	}
	/* '+': not as the unit's user; '-': the unit starts without the shadow, too. */
	fprintf(file, "# Made from %s\n[Service]\nExecStartPre=+-%s attach %s --unit %%n\n",
		declared->path, command, declared->name);
	return STATUS_DONE;
}

int units_write(const struct declarations *all, const char *folder)
{
	int status = STATUS_DONE;

	for (size_t i = 0; !status && i < all->count; i++) {
		const struct declared *declared = &all->shadow[i];

		for (size_t s = 0; !status && s < declared->nr_scopes; s++) {
			const struct scope *scope = &declared->scope[s];

			if (scope->is_unit && text_ends_with(scope->name, ".slice"))
				status = slice_write(scope, folder);
			else if (scope->is_unit && text_ends_with(scope->name, ".service"))
				status = service_write(declared, scope, folder);
		}
	}
	return status;
}
