// SPDX-License-Identifier: GPL-2.0-only
#include "cli.h"
#include "output.h"

static int cmd_destroy(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct json_object *object __cleanup(json_free) = NULL;
	int err, status;

	option_next(cli, argc, argv, NULL);
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "NAME" })[0];
	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	err = shadowk_shadow_destroy(session.shadow);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_DESTROY, err, &subject);
	if (!cli->json)
		return STATUS_DONE;
	object = json_object_new_object();
	json_object_object_add(object, "destroyed", json_text(subject.shadow));
	json_print(&object, false);
	return STATUS_DONE;
}

const struct verb verb_destroy = {
	.name = "destroy",
	.group = GROUP_SHADOWS,
	.args = "SHADOW",
	.summary = "Destroy a shadow and all its edits",
	.help = "The kernel refuses this while processes are inside or cgroups are attached. End or\n"
		"detach them first; 'shadowctl show' lists them.\n",
	.run = cmd_destroy,
};
