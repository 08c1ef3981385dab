// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* The command has the handle in this descriptor, and its number in this variable. */
#define SHARED_FD  3
#define SHARED_ENV "SHADOWK_FD"

/* Arguments and options of the command line. */
struct order {
	const char *shadow;
	uint32_t rights;
	bool revoke;
	char **command;
};

static void order_parse(struct cli *cli, int argc, char **argv, struct order *order)
{
	static const struct option options[] = {
		{ "attach", no_argument, NULL, 'a' },
		{ "read", no_argument, NULL, 'r' },
		{ "revoke", no_argument, NULL, 'R' },
		{ 0 },
	};
	int opt, own = command_argc(argc, argv);

	while ((opt = option_next(cli, own, argv, options))) {
		if (opt == 'a')
			order->rights |= SHADOWK_RIGHT_ATTACH;
		else if (opt == 'r')
			order->rights |= SHADOWK_RIGHT_READ;
		else
			order->revoke = true;
	}
	if (own - optind > 1)
		usage(cli, "put -- before the command '%s'", argv[optind + 1]);
	order->shadow = arguments(cli, own, argv, 1, (const char *[]){ "SHADOW" })[0];
	if (order->revoke && (order->rights || own < argc))
		usage(cli, "--revoke takes no other option and no command");
	if (!order->revoke && argc - own < 2)
		usage(cli, "the command is missing: -- COMMAND");
	if (!order->rights)
		order->rights = SHADOWK_RIGHT_ATTACH | SHADOWK_RIGHT_READ;
	order->command = argv + own + 1;
}

/*
 * Makes the handle the command's descriptor 3, and sets SHADOWK_FD in the environment. Returns 0 or
 * -errno.
 */
static int handle_pass(const struct shadowk_shadow *handle)
{
	int fd = shadowk_shadow_fd(handle);
	char text[16];

	/* dup2() of a descriptor to itself does not clear its close-on-exec flag. */
	if (fd == SHARED_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, SHARED_FD) < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d", SHARED_FD);
	return setenv(SHARED_ENV, text, 1) ? -errno : 0;
}

static int cmd_share(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_shadow *handle;
	struct order order = { 0 };
	int err, status;

	order_parse(cli, argc, argv, &order);
	subject.shadow = order.shadow;
	status = session_open_shadow(&session, order.shadow);
	if (status)
		return status;
	if (order.revoke) {
		err = shadowk_handle_revoke(session.shadow, 0);
		return err ? refuse(SHADOWK_OP_HANDLE_REVOKE, err, &subject) : STATUS_DONE;
	}
	err = shadowk_handle_derive(session.shadow, order.rights, &handle, NULL);
	if (err)
		return refuse(SHADOWK_OP_HANDLE_DERIVE, err, &subject);
	err = handle_pass(handle);
	if (err) {
		report("cannot pass the handle to '%s': %s", order.command[0], strerror(-err));
		return STATUS_REFUSED;
	}
	return command_exec(order.command);
}

const struct verb verb_share = {
	.name = "share",
	.group = GROUP_INSIDE,
	.args = "SHADOW [--attach] [--read] -- COMMAND...\nSHADOW --revoke",
	.summary = "Run a command with a restricted handle of a shadow",
	.options =
		"  COMMAND...        the command; it has the handle in descriptor 3, and SHADOWK_FD=3\n"
		"                    in its environment\n"
		"  --attach          let it attach and detach its own process\n"
		"  --read            let it read probes, patches, raw edits and edits\n"
		"  --revoke          take the rights of all such handles of the shadow back\n",
	.help = "Without --attach and --read the handle gives both rights. The rights need no\n"
		"capability. Processes stay inside when they are taken back.\n",
	.run = cmd_share,
	.silent = true,
};
