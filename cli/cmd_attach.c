// SPDX-License-Identifier: GPL-2.0-only
/* The verbs attach and detach. All pids are looked up before the first process is changed. */
#include <errno.h>

#include "cli.h"
#include "output.h"
#include "target_parts.h"

static const struct option options[] = {
	{ "syscalls", required_argument, NULL, 's' },
	{ "pid", required_argument, NULL, 'p' },
	{ "cgroup", required_argument, NULL, 'c' },
	{ "unit", required_argument, NULL, 'u' },
	{ 0 },
};

/*
 * Reads --pid, --cgroup or --unit, and --syscalls unless @syscalls is NULL. Exits on wrong usage.
 * Sets @found to the cgroup of --unit, for free(). Reports an error. Returns a status.
 */
static int who_parse(struct pids *pids, const char **cgroup, char **found, const char **syscalls,
		     struct cli *cli, int argc, char **argv)
{
	const char *unit = NULL;
	int opt;

	while ((opt = option_next(cli, argc, argv, syscalls ? options : options + 1))) {
		if (opt == 's')
			*syscalls = optarg;
		else if (opt == 'p')
			pids_add(pids, pid_parse(cli, optarg));
		else if (*cgroup || unit)
			usage(cli, "--cgroup or --unit can be given only once");
		else if (opt == 'u')
			unit = optarg;
		else
			*cgroup = optarg;
	}
	if (pids->count && (*cgroup || unit))
		usage(cli, "give either --pid, --cgroup or --unit");
	if (!pids->count && !*cgroup && !unit)
		usage(cli, "--pid PID, --cgroup PATH or --unit NAME is missing");
	if (unit)
		*cgroup = *found = cgroup_of_unit(unit);
	return unit && !*found ? STATUS_REFUSED : STATUS_DONE;
}

/*
 * Looks up all pids for the call @op. Reports the first process that does not exist, that is a
 * kernel thread, or that is to be detached and is in no shadow. Returns a status.
 */
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

static void print_done(const struct pids *pids, const struct shadowk_subject *subject,
		       const char *done)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < pids->count; i++)
		json_object_array_add(array, json_object_new_int(pids->pid[i]));
	if (subject->shadow)
		json_object_object_add(object, "shadow", json_text(subject->shadow));
	if (subject->cgroup)
		json_object_object_add(object, "cgroup", json_text(subject->cgroup));
	json_object_object_add(object, done, array);
	json_print(&object, false);
}

static int cmd_attach(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct pids pids __cleanup(pids_free) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	char *found __cleanup(text_free) = NULL;
	const char *syscalls = NULL;
	int err, status;

	status = who_parse(&pids, &subject.cgroup, &found, &syscalls, cli, argc, argv);
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	if (!status)
		status = session_open_shadow(&session, subject.shadow);
	if (!status)
		status = pids_check(&pids, session.dev, &subject, SHADOWK_OP_PROCESS_ATTACH);
	if (!status)
		status = session_select_syscalls(&session, subject.shadow, syscalls);
	if (status)
		return status;
	err = subject.cgroup ? shadowk_cgroup_attach(session.inside, subject.cgroup) : 0;
	if (err)
		return refuse(SHADOWK_OP_CGROUP_ATTACH, err, &subject);
	for (size_t i = 0; i < pids.count; i++) {
		subject.pid = pids.pid[i];
		err = shadowk_process_attach(session.inside, subject.pid);
		if (err)
			return refuse(SHADOWK_OP_PROCESS_ATTACH, err, &subject);
	}
	if (cli->json)
		print_done(&pids, &subject, "attached");
	return STATUS_DONE;
}

static int cmd_detach(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct pids pids __cleanup(pids_free) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	char *found __cleanup(text_free) = NULL;
	int err, status;

	status = who_parse(&pids, &subject.cgroup, &found, NULL, cli, argc, argv);
	arguments(cli, argc, argv, 0, NULL);
	if (!status)
		status = session_open(&session);
	if (!status)
		status = pids_check(&pids, session.dev, &subject, SHADOWK_OP_PROCESS_DETACH);
	if (status)
		return status;
	err = subject.cgroup ? shadowk_cgroup_detach(session.dev, subject.cgroup) : 0;
	if (err)
		return refuse(SHADOWK_OP_CGROUP_DETACH, err, &subject);
	for (size_t i = 0; i < pids.count; i++) {
		subject.pid = pids.pid[i];
		err = shadowk_process_detach(session.dev, subject.pid);
		if (err)
			return refuse(SHADOWK_OP_PROCESS_DETACH, err, &subject);
	}
	if (cli->json)
		print_done(&pids, &subject, "detached");
	return STATUS_DONE;
}

const struct verb verb_attach = {
	.name = "attach",
	.group = GROUP_INSIDE,
	.args = "SHADOW --pid PID... [--syscalls CALL,...]\n"
		"SHADOW --cgroup PATH|--unit NAME [--syscalls CALL,...]",
	.summary = "Put running processes or a cgroup into a shadow",
	.options =
		"  --pid PID         attach the process that has this thread; can be repeated\n"
		"  --cgroup PATH     attach all processes of this cgroup and below, now and later;\n"
		"                    PATH is below /sys/fs/cgroup, or as in /proc/PID/cgroup\n"
		"  --unit NAME       attach the cgroup that this systemd unit has now\n"
		"  --syscalls CALL,...\n"
		"                    be inside only during these system calls, by name or number\n",
	.help = "All threads of a process are attached, and so are its later children. A process that\n"
		"is in another shadow moves. A wrong pid changes nothing.\n",
	.run = cmd_attach,
};

const struct verb verb_detach = {
	.name = "detach",
	.group = GROUP_INSIDE,
	.args = "--pid PID...\n"
		"--cgroup PATH|--unit NAME",
	.summary = "Let processes or a cgroup run the base again",
	.options = "  --pid PID         detach the process that has this thread; can be repeated\n"
		   "  --cgroup PATH     detach a cgroup that was attached or split\n"
		   "  --unit NAME       detach the cgroup that this systemd unit has now\n",
	.help = "If a cgroup above is attached as well, its shadow gets the processes.\n",
	.run = cmd_detach,
};
