// SPDX-License-Identifier: GPL-2.0-only
/* attach and detach: several pids are looked up first, so that a wrong one changes nothing. */
#include <errno.h>

#include "cli.h"
#include "output.h"

static const struct option options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ 0 },
};

static void pids_parse(struct pids *pids, struct cli *cli, int argc, char **argv)
{
	while (option_next(cli, argc, argv, options))
		pids_add(pids, pid_parse(cli, optarg));
}

static int pids_check(const struct pids *pids, struct shadowk *dev, struct shadowk_subject *subject,
		      enum shadowk_op op)
{
	struct shadowk_process_info info = { .size = sizeof(info) };

	for (size_t i = 0; i < pids->count; i++) {
		int err = shadowk_process_info(dev, pids->pid[i], &info);

		if (!err || (err == -ENOENT && op == SHADOWK_OP_PROCESS_ATTACH))
			continue;
		subject->pid = pids->pid[i];
		return refuse(op, err, subject);
	}
	return STATUS_DONE;
}

static void print_done(const struct pids *pids, const char *shadow, const char *done)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < pids->count; i++)
		json_object_array_add(array, json_object_new_int(pids->pid[i]));
	if (shadow)
		json_object_object_add(object, "shadow", json_text(shadow));
	json_object_object_add(object, done, array);
	json_print(&object, false);
}

static int cmd_attach(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct pids pids __cleanup(pids_free) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	int err, status;

	pids_parse(&pids, cli, argc, argv);
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "NAME" })[0];
	if (!pids.count)
		usage(cli, "--pid PID is missing");
	status = session_open_shadow(&session, subject.shadow);
	if (!status)
		status = pids_check(&pids, session.dev, &subject, SHADOWK_OP_PROCESS_ATTACH);
	if (status)
		return status;
	for (size_t i = 0; i < pids.count; i++) {
		subject.pid = pids.pid[i];
		err = shadowk_process_attach(session.shadow, subject.pid);
		if (err)
			return refuse(SHADOWK_OP_PROCESS_ATTACH, err, &subject);
	}
	if (cli->json)
		print_done(&pids, subject.shadow, "attached");
	return STATUS_DONE;
}

static int cmd_detach(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct pids pids __cleanup(pids_free) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	int err, status;

	pids_parse(&pids, cli, argc, argv);
	arguments(cli, argc, argv, 0, NULL);
	if (!pids.count)
		usage(cli, "--pid PID is missing");
	status = session_open(&session);
	if (!status)
		status = pids_check(&pids, session.dev, &subject, SHADOWK_OP_PROCESS_DETACH);
	if (status)
		return status;
	for (size_t i = 0; i < pids.count; i++) {
		subject.pid = pids.pid[i];
		err = shadowk_process_detach(session.dev, subject.pid);
		if (err)
			return refuse(SHADOWK_OP_PROCESS_DETACH, err, &subject);
	}
	if (cli->json)
		print_done(&pids, NULL, "detached");
	return STATUS_DONE;
}

const struct verb verb_attach = {
	.name = "attach",
	.args = "NAME --pid PID [--pid PID]...",
	.summary = "Put running processes into a shadow",
	.help = "  --pid PID         any thread of the process; can be repeated\n\n"
		"All threads of a process move together, and what it forks from then on is\n"
		"inside too. A process that is in another shadow moves. If one pid is wrong,\n"
		"none is attached.\n\n",
	.run = cmd_attach,
};

const struct verb verb_detach = {
	.name = "detach",
	.args = "--pid PID [--pid PID]...",
	.summary = "Let processes run the base again",
	.help = "  --pid PID         any thread of the process; can be repeated\n\n",
	.run = cmd_detach,
};
