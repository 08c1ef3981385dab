// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "cli.h"
#include "output.h"

static int cmd_create(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_shadow_info info = { .size = sizeof(info) };
	static const struct option options[] = {
		{ "async", required_argument, NULL, 'a' },
		{ "delegable", no_argument, NULL, 'd' },
		{ 0 },
	};
	uint32_t flags = 0;
	int opt, err, status;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'd')
			flags |= SHADOWK_DELEGABLE;
		else if (!strcmp(optarg, "inherit"))
			flags |= SHADOWK_ASYNC_INHERIT;
		else if (!strcmp(optarg, "base"))
			flags &= ~SHADOWK_ASYNC_INHERIT;
		else
			usage(cli, "--async is 'base' or 'inherit', not '%s'", optarg);
	}
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "NAME" })[0];
	/* The kernel takes "" for a shadow that has no name, which would be gone at once. */
	err = shadowk_name_check(subject.shadow);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject);
	status = session_open(&session);
	if (status)
		return status;
	err = shadowk_shadow_create_flags(session.dev, subject.shadow, flags, &session.shadow);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject);
	if (!cli->json)
		return STATUS_DONE;
	err = shadowk_shadow_info(session.shadow, &info);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_INFO, err, &subject);

	struct json_object *object __cleanup(json_free) = shadow_json(&info);

	json_print(&object, false);
	return STATUS_DONE;
}

const struct verb verb_create = {
	.name = "create",
	.args = "NAME [--async base|inherit] [--delegable]",
	.summary = "Make a shadow, equal to the base",
	.help = "  NAME              1 to 63 of A-Z a-z 0-9 . _ : -\n\n"
		"  --async POLICY    what interrupts and softirqs that land on a process inside\n"
		"                    execute: 'base' (default), or 'inherit' its text\n"
		"  --delegable       who is passed a handle may attach itself, without being\n"
		"                    root, and read the probes\n\n"
		"It stays until 'shadowctl destroy NAME'.\n\n",
	.run = cmd_create,
};
