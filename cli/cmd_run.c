// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/*
 * Opens the shadow @name, or creates it and sets @created. Reports an error. Returns a status.
 */
static int shadow_open_or_create(struct session *session, const char *name, bool *created)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	int err = shadow_name_check(name);
	int status;

	/* The kernel chooses the id of a shadow that it creates, so "#ID" can only be opened. */
	if (name[0] == '#')
		return session_open_shadow(session, name);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject);
	status = session_open(session);
	if (status)
		return status;
	/*
	 * Another process may create or destroy the shadow between the two calls. Try again then.
	 */
	for (int tries = 0; tries < 100; tries++) {
		err = shadowk_shadow_open(session->dev, name, &session->shadow);
		if (err != -ENOENT)
			return err ? refuse(SHADOWK_OP_SHADOW_OPEN, err, &subject) : STATUS_DONE;
		err = shadowk_shadow_create(session->dev, name, &session->shadow);
		if (!err)
			*created = true;
		if (err != -EEXIST)
			break;
	}
	return err ? refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject) : STATUS_DONE;
}

/* Attaches this process and executes the command. Returns after an error only: a status. */
static int command_become(struct session *session, const struct shadowk_subject *subject,
			  char **command)
{
	int err = shadowk_process_attach(session->inside, 0), status;

	if (err)
		return refuse(SHADOWK_OP_PROCESS_ATTACH, err, subject);
	status = command_exec(command);
	shadowk_process_detach(session->dev, 0);
	return status;
}

static int cmd_run(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "create", no_argument, NULL, 'c' },
		{ "syscalls", required_argument, NULL, 's' },
		{ 0 },
	};
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject), .pid = getpid() };
	char *shell[] = { getenv("SHELL"), NULL }, **command = shell;
	int status, opt, own = command_argc(argc, argv);
	bool create = false, created = false;
	const char *syscalls = NULL;

	while ((opt = option_next(cli, own, argv, options))) {
		if (opt == 'c')
			create = true;
		else
			syscalls = optarg;
	}
	if (own - optind > 1)
		usage(cli, "put -- before the command '%s'", argv[optind + 1]);
	subject.shadow = arguments(cli, own, argv, 1, (const char *[]){ "SHADOW" })[0];
	if (argc - own > 1)
		command = argv + own + 1;
	else if (!shell[0] || !shell[0][0])
		shell[0] = "/bin/sh";

	if (create)
		status = shadow_open_or_create(&session, subject.shadow, &created);
	else
		status = session_open_shadow(&session, subject.shadow);
	if (!status)
		status = session_select_syscalls(&session, subject.shadow, syscalls);
	if (!status)
		status = command_become(&session, &subject, command);
	if (created)
		shadowk_shadow_destroy(session.shadow);
	return status;
}

const struct verb verb_run = {
	.name = "run",
	.group = GROUP_INSIDE,
	.args = "SHADOW [--create] [--syscalls CALL,...] [-- COMMAND...]",
	.summary = "Run a command inside a shadow",
	.options =
		"  COMMAND...        the command; without it, $SHELL or /bin/sh\n"
		"  --create          create the shadow if there is none; it stays afterwards\n"
		"  --syscalls CALL,...\n"
		"                    be inside only during these system calls, by name or number\n",
	.help = "The children of the command are inside, too. The exit status is the command's; 127\n"
		"if there is no such command, 126 if it cannot be executed.\n",
	.run = cmd_run,
	.silent = true,
};
