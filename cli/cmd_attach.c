// SPDX-License-Identifier: GPL-2.0-only
/* The verbs attach and detach. All pids are looked up before the first process is changed. */
#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "output.h"
#include "target_parts.h"

static const struct option options[] = {
	{ "syscalls", required_argument, NULL, 's' },  { "pid", required_argument, NULL, 'p' },
	{ "cgroup", required_argument, NULL, 'c' },    { "unit", required_argument, NULL, 'u' },
	{ "container", required_argument, NULL, 'C' }, { 0 },
};

/* The processes to attach or to detach: pids, or a cgroup. */
struct who {
	struct pids pids;
	const char *cgroup;
	const char *unit;      /* the cgroup is that of this unit */
	const char *container; /* the cgroup is that of this container */
	char *found;	       /* memory of @cgroup if who_find() has found it */
};

static void who_free(struct who *who)
{
	pids_free(&who->pids);
	free(who->found);
}

static void once(const struct cli *cli, const char **value, const char *name)
{
	if (*value)
		usage(cli, "%s can be given only once", name);
	*value = optarg;
}

/*
 * Reads --pid, --cgroup, --unit or --container, and --syscalls unless @syscalls is NULL. Exits on
 * wrong usage.
 */
static void who_parse(struct who *who, const char **syscalls, struct cli *cli, int argc,
		      char **argv)
{
	int opt, kinds;

	while ((opt = option_next(cli, argc, argv, syscalls ? options : options + 1))) {
		if (opt == 's')
			*syscalls = optarg;
		else if (opt == 'p')
			pids_add(&who->pids, pid_parse(cli, optarg));
		else if (opt == 'c')
			once(cli, &who->cgroup, "--cgroup");
		else if (opt == 'u')
			once(cli, &who->unit, "--unit");
		else
			once(cli, &who->container, "--container");
	}
	kinds = !!who->pids.count + !!who->cgroup + !!who->unit + !!who->container;
	if (kinds > 1)
		usage(cli, "give one of --pid, --cgroup, --unit and --container");
	if (!kinds)
		usage(cli, "--pid PID, --cgroup PATH, --unit NAME or --container ID is missing");
}

/* Finds the cgroup of the unit or container. Reports an error. Returns a status. */
static int who_find(struct who *who)
{
	if (!who->unit && !who->container)
		return STATUS_DONE;
	who->cgroup = who->found = who->unit ? cgroup_of_unit(who->unit)
					     : cgroup_of_container(who->container);
	return who->found ? STATUS_DONE : STATUS_REFUSED;
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
	struct who who __cleanup(who_free) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	const char *syscalls = NULL;
	int err, status;

	who_parse(&who, &syscalls, cli, argc, argv);
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	status = session_open_shadow(&session, subject.shadow);
	if (!status)
		status = who_find(&who);
	if (!status)
		status = pids_check(&who.pids, session.dev, &subject, SHADOWK_OP_PROCESS_ATTACH);
	if (!status)
		status = session_select_syscalls(&session, subject.shadow, syscalls);
	if (status)
		return status;
	subject.cgroup = who.cgroup;
	err = subject.cgroup ? shadowk_cgroup_attach(session.inside, subject.cgroup) : 0;
	if (err)
		return refuse(SHADOWK_OP_CGROUP_ATTACH, err, &subject);
	for (size_t i = 0; i < who.pids.count; i++) {
		subject.pid = who.pids.pid[i];
		err = shadowk_process_attach(session.inside, subject.pid);
		if (err)
			return refuse(SHADOWK_OP_PROCESS_ATTACH, err, &subject);
	}
	if (cli->json)
		print_done(&who.pids, &subject, "attached");
	return STATUS_DONE;
}

static int cmd_detach(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct who who __cleanup(who_free) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	int err, status;

	who_parse(&who, NULL, cli, argc, argv);
	arguments(cli, argc, argv, 0, NULL);
	status = session_open(&session);
	if (!status)
		status = who_find(&who);
	if (!status)
		status = pids_check(&who.pids, session.dev, &subject, SHADOWK_OP_PROCESS_DETACH);
	if (status)
		return status;
	subject.cgroup = who.cgroup;
	err = subject.cgroup ? shadowk_cgroup_detach(session.dev, subject.cgroup) : 0;
	if (err)
		return refuse(SHADOWK_OP_CGROUP_DETACH, err, &subject);
	for (size_t i = 0; i < who.pids.count; i++) {
		subject.pid = who.pids.pid[i];
		err = shadowk_process_detach(session.dev, subject.pid);
		if (err)
			return refuse(SHADOWK_OP_PROCESS_DETACH, err, &subject);
	}
	if (cli->json)
		print_done(&who.pids, &subject, "detached");
	return STATUS_DONE;
}

const struct verb verb_attach = {
	.name = "attach",
	.group = GROUP_INSIDE,
	.args = "SHADOW --pid PID... [--syscalls CALL,...]\n"
		"SHADOW --cgroup PATH|--unit NAME|--container ID [--syscalls CALL,...]",
	.summary = "Put running processes, a cgroup or a container into a shadow",
	.options =
		"  --pid PID         attach the process that has this thread; can be repeated\n"
		"  --cgroup PATH     attach all processes of this cgroup and below, now and later;\n"
		"                    PATH is below /sys/fs/cgroup, or as in /proc/PID/cgroup\n"
		"  --unit NAME       attach the cgroup that this systemd unit has now\n"
		"  --container ID    attach the cgroup of this container, by its id, or by its name with\n"
		"                    LXC and systemd-nspawn\n"
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
		"--cgroup PATH|--unit NAME|--container ID",
	.summary = "Let processes, a cgroup or a container run the base again",
	.options = "  --pid PID         detach the process that has this thread; can be repeated\n"
		   "  --cgroup PATH     detach a cgroup that was attached or split\n"
		   "  --unit NAME       detach the cgroup that this systemd unit has now\n"
		   "  --container ID    detach the cgroup of this container\n",
	.help = "If a cgroup above is attached as well, its shadow gets the processes.\n",
	.run = cmd_detach,
};
