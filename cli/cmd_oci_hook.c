// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verb oci-hook. An OCI runtime calls it while it creates a container, and passes the state of
 * the container on standard input. The verb attaches the container's cgroup, not its process, so
 * that processes which are executed in the container later are inside, too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "output.h"

#define ANNOTATION "shadowk.shadow"
#define STATE_MAX  (1 << 20)

/* Returns standard input as JSON, or NULL if it is not JSON. */
static struct json_object *state_read(void)
{
	char *text __cleanup(text_free) = malloc(STATE_MAX);
	size_t len = text ? fread(text, 1, STATE_MAX - 1, stdin) : 0;

	if (!len)
		return NULL;
	text[len] = 0;
	return json_tokener_parse(text);
}

/* Returns the member @name of @object, or NULL if it is missing or of another type. */
static struct json_object *member(struct json_object *object, const char *name, enum json_type type)
{
	struct json_object *value;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

/*
 * Writes the path of a process's cgroup in the unified hierarchy. @process is a pid or "self".
 * Returns false if the process is in no such cgroup.
 */
static bool cgroup_read(const char *process, char path[SHADOWK_CGROUP_PATH_LEN])
{
	char name[64], line[SHADOWK_CGROUP_PATH_LEN];
	FILE *file __cleanup(file_close) = NULL;

	snprintf(name, sizeof(name), "/proc/%s/cgroup", process);
	file = fopen(name, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = 0;
		strcpy(path, line + 3);
		return true;
	}
	return false;
}

static int container_attach(const char *name, pid_t pid)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	char path[SHADOWK_CGROUP_PATH_LEN], own[SHADOWK_CGROUP_PATH_LEN], process[16];
	int err, status = session_open_shadow(&session, name);

	if (status)
		return status;
	snprintf(process, sizeof(process), "%d", (int)pid);
	if (!cgroup_read(process, path)) {
		report("process %s of the container is in no cgroup of the unified hierarchy; boot "
		       "with systemd.unified_cgroup_hierarchy=1",
		       process);
		return STATUS_REFUSED;
	}
	/* A cgroup that the runtime is in, or the root, has processes of other containers, too. */
	if (!cgroup_read("self", own) || !strcmp(path, own) || !strcmp(path, "/")) {
		report("the container has no cgroup of its own, but shares '%s'; let the runtime "
		       "create one, and call this hook in the phase createRuntime",
		       path);
		return STATUS_REFUSED;
	}
	subject.cgroup = path;
	err = shadowk_cgroup_attach(session.shadow, path);
	return err ? refuse(SHADOWK_OP_CGROUP_ATTACH, err, &subject) : STATUS_DONE;
}

static int cmd_oci_hook(struct cli *cli, int argc, char **argv)
{
	struct json_object *state __cleanup(json_free) = NULL;
	struct json_object *name, *pid;

	option_next(cli, argc, argv, NULL);
	arguments(cli, argc, argv, 0, NULL);
	state = state_read();
	if (!json_object_is_type(state, json_type_object)) {
		report("standard input is not the state of a container; let an OCI runtime call this "
		       "verb");
		return STATUS_REFUSED;
	}
	name = member(member(state, "annotations", json_type_object), ANNOTATION, json_type_string);
	if (!name)
		return STATUS_DONE;
	pid = member(state, "pid", json_type_int);
	if (!pid || json_object_get_int(pid) <= 0) {
		report("the state of the container has no pid; call this hook in the phase "
		       "createRuntime");
		return STATUS_REFUSED;
	}
	return container_attach(json_object_get_string(name), json_object_get_int(pid));
}

const struct verb verb_oci_hook = {
	.name = "oci-hook",
	.group = GROUP_INSIDE,
	.args = "< STATE",
	.summary = "Attach a container to a shadow, called by its OCI runtime",
	.help = "A container with the annotation\n"
		"  " ANNOTATION "=SHADOW\n"
		"gets its cgroup attached to that shadow, before its first program runs; others are\n"
		"left alone. Configure the command as a hook of the phase createRuntime. If it fails,\n"
		"the container is not started. The runtime removes the cgroup with the container.\n",
	.run = cmd_oci_hook,
	.silent = true,
};
