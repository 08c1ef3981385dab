// SPDX-License-Identifier: GPL-2.0-only
/* The verb capture: an unmodified tool, whose kprobes and tracepoints are on in one shadow. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"
#include "list.h"
#include "output.h"
#include "target.h"
#include "target_parts.h"

struct capture {
	struct target target;
	struct shadowk_shadow *helper;
	struct started tool;
	sigset_t mask; /* before signals_open() */
	int signals;   /* signalfd, or -1 */
	bool children; /* workloads stay in the helper, too */
};

static void capture_free(struct capture *capture)
{
	shadowk_shadow_close(capture->helper);
	if (capture->signals >= 0)
		close(capture->signals);
	target_close(&capture->target);
}

/* ---- --list ---- */

static void captured_add(struct table *table, const struct shadowk_shadow_info *shadow,
			 const struct shadowk_probe_info *probe)
{
	table_add(table, "%s", shadow->name[0] ? shadow->name : "(none)");
	table_add(table, "%" PRIu64, shadow->id);
	table_add(table, "%" PRIu64, probe->hits);
	table_add(table, "%" PRIu64, probe->async_hits);
	if (probe->flags & SHADOWK_PROBE_TRACEPOINT)
		table_add(table, "tracepoint:%s", probe->symbol);
	else if (probe->offset)
		table_add(table, "%s+0x%" PRIx64, probe->symbol, probe->offset);
	else
		table_add(table, "%s", probe->symbol);
}

static void captured_json(struct json_object *array, const struct shadowk_shadow_info *shadow,
			  const struct shadowk_probe_info *probe)
{
	struct json_object *one = json_object_new_object();

	json_object_object_add(one, "shadow", json_text(shadow->name));
	json_object_object_add(one, "id", json_object_new_uint64(shadow->id));
	json_object_object_add(one, "hits", json_object_new_uint64(probe->hits));
	json_object_object_add(one, "async_hits", json_object_new_uint64(probe->async_hits));
	if (probe->flags & SHADOWK_PROBE_TRACEPOINT) {
		json_object_object_add(one, "tracepoint", json_text(probe->symbol));
	} else {
		json_object_object_add(one, "function", json_text(probe->symbol));
		json_object_object_add(one, "offset", json_object_new_uint64(probe->offset));
	}
	json_object_array_add(array, one);
}

/* Adds the captured probes of one shadow. A shadow that was destroyed meanwhile has none. */
static int captured_of(struct shadowk *dev, const struct shadowk_shadow_info *info,
		       struct table *table, struct json_object *array)
{
	struct shadowk_probe_info *probes __cleanup(list_free) = NULL;
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = info->name };
	struct shadowk_shadow *shadow;
	int count, err = shadowk_shadow_open_id(dev, info->id, &shadow);

	if (err == -ENOENT)
		return STATUS_DONE;
	if (err)
		return refuse(SHADOWK_OP_SHADOW_OPEN, err, &subject);
	count = list_read(shadowk_probe_list, shadow, &probes);
	if (count < 0)
		refuse(SHADOWK_OP_PROBE_LIST, count, &subject);
	for (int i = 0; i < count; i++) {
		if (!(probes[i].flags & SHADOWK_PROBE_CAPTURED))
			continue;
		if (array)
			captured_json(array, info, &probes[i]);
		else
			captured_add(table, info, &probes[i]);
	}
	shadowk_shadow_close(shadow);
	return count < 0 ? STATUS_REFUSED : STATUS_DONE;
}

/* Prints the captured probes of all shadows. Returns a status. */
static int captured_list(const struct cli *cli, struct shadowk *dev)
{
	struct shadowk_shadow_info *shadows __cleanup(list_free) = NULL;
	struct json_object *array __cleanup(json_free) = cli->json ? json_object_new_array() : NULL;
	struct table table __cleanup(table_free);
	int status = STATUS_DONE, count = list_read(shadowk_shadow_list, dev, &shadows);

	table_init(&table, "lrrrl");
	if (count < 0)
		return refuse(SHADOWK_OP_SHADOW_LIST, count, NULL);
	table_add(&table, "SHADOW");
	table_add(&table, "ID");
	table_add(&table, "HITS");
	table_add(&table, "ASYNC");
	table_add(&table, "PLACE");
	for (int i = 0; !status && i < count; i++)
		status = captured_of(dev, &shadows[i], &table, array);
	if (status)
		return status;
	if (array)
		json_print(&array, false);
	else
		table_print(&table, stdout);
	return STATUS_DONE;
}

/* ---- the tool ---- */

/* Makes the helper. No process is in it yet. Returns a status. */
static int helper_create(struct capture *capture, const char *name)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	struct session *session = &capture->target.session;
	int err = shadowk_shadow_create(session->dev, "", &capture->helper);

	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject);
	err = shadowk_capture(capture->helper, session->shadow,
			      capture->children ? 0 : SHADOWK_CAPTURE_WORKLOAD);
	return err ? refuse(SHADOWK_OP_CAPTURE, err, &subject) : STATUS_DONE;
}

/* Forks the process of the tool, which waits, and puts it into the helper. Returns a status. */
static int tool_fork(struct capture *capture, char **command)
{
	static const struct guard none = { .alive = -1 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	int status = started_fork(&capture->tool, command, &capture->mask, &none), err;

	if (status)
		return status;
	subject.pid = capture->tool.pid;
	err = shadowk_process_attach_pidfd(capture->helper, capture->tool.pidfd);
	return err ? refuse(SHADOWK_OP_PROCESS_ATTACH, err, &subject) : STATUS_DONE;
}

/* Waits for the tool, and passes signals on. Returns its exit status. */
static int tool_wait(struct capture *capture)
{
	struct pollfd polls[] = {
		{ .fd = capture->tool.pidfd, .events = POLLIN },
		{ .fd = capture->signals, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	while (poll(polls, ARRAY_SIZE(polls), -1) <= 0 || !polls[0].revents)
		if (read(capture->signals, &info, sizeof(info)) == sizeof(info))
			started_signal(&capture->tool, &info);
	return started_wait(&capture->tool);
}

/* Tells which calls of the tool were refused. */
static void refusals_report(struct capture *capture)
{
	/* The values of these functions include calls that were captured. */
	static const char *const captures[] = { "enable_kprobe", "register_kprobe",
						"register_kretprobe" };
	struct shadowk_patch_info *patches __cleanup(list_free) = NULL;
	int count = list_read(shadowk_patch_list, capture->helper, &patches);

	for (int i = 0; i < count; i++) {
		bool captured = false;

		for (size_t j = 0; j < ARRAY_SIZE(captures); j++)
			captured |= !strcmp(patches[i].symbol, captures[j]);
		if (!captured && patches[i].value)
			report("%s() was refused, %" PRIu64
			       " times: only kprobes, fprobes, and tracepoints that "
			       "need no preparation, can be captured",
			       patches[i].symbol, patches[i].value);
	}
}

/* Runs the tool, with the processes of the target inside. Returns a status. */
static int capture_run(struct capture *capture, const char *name, char **command)
{
	int status = helper_create(capture, name);

	if (!status)
		status = signals_open(&capture->signals, &capture->mask);
	if (!status)
		status = tool_fork(capture, command);
	if (!status && !name)
		status = target_begin(&capture->target);
	if (!status) {
		fputs("shadowctl: kprobes and tracepoints are captured; hardware events, uprobes "
		      "and timers of the tool are not scoped\n",
		      stderr);
		status = started_go(&capture->tool);
	}
	if (!capture->tool.pid)
		return status;
	/* A tool that waits for started_go() ends now. */
	close(capture->tool.socket);
	if (status) {
		started_wait(&capture->tool);
		return status;
	}
	status = tool_wait(capture);
	refusals_report(capture);
	return status;
}

/* Returns true if --children=@where keeps all programs that the tool starts in the helper. */
static bool children_option(const struct cli *cli, const char *where)
{
	if (strcmp(where, "helper") && strcmp(where, "target"))
		usage(cli, "--children is 'target' or 'helper', not '%s'", where);
	return !strcmp(where, "helper");
}

static int cmd_capture(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, TARGET_OPTION_PID },
		{ "cgroup", required_argument, NULL, TARGET_OPTION_CGROUP },
		{ "unit", required_argument, NULL, TARGET_OPTION_UNIT },
		{ "container", required_argument, NULL, TARGET_OPTION_CONTAINER },
		{ "children", required_argument, NULL, 'c' },
		{ "list", no_argument, NULL, 'l' },
		{ 0 },
	};
	struct capture capture __cleanup(capture_free) = { .signals = -1 };
	struct target *target = &capture.target;
	int own = command_argc(argc, argv), opt, status;
	bool list = false, options_given = false, children = false;
	const char *name = NULL;

	while ((opt = option_next(cli, own, argv, options))) {
		list |= opt == 'l';
		if (opt == 'c')
			capture.children = children_option(cli, optarg);
		children |= opt == 'c';
		options_given |= target_option(target, cli, opt);
	}
	if (list || options_given)
		arguments(cli, own, argv, 0, NULL);
	else
		name = arguments(cli, own, argv, 1, (const char *[]){ "SHADOW" })[0];
	if (list && (options_given || children || own < argc))
		usage(cli, "--list has no target, no tool and no --children");
	if (list) {
		status = session_open(&target->session);
		return status ? status : captured_list(cli, target->session.dev);
	}
	if (argc - own < 2)
		usage(cli, "the tool is missing; put it behind --");
	if (!name)
		target_check(target, cli);
	status = name ? session_open_shadow(&target->session, name) : target_open(target);
	target->session.inside = target->session.shadow;
	if (!status)
		status = capture_run(&capture, name, argv + own + 1);
	return target_end(target, status);
}

const struct verb verb_capture = {
	.name = "capture",
	.group = GROUP_CHECKS,
	.args = "SHADOW -- TOOL [ARGUMENT]...\n"
		"TARGET -- TOOL [ARGUMENT]...\n"
		"--list",
	.summary =
		"Run bpftrace, perf or another tool, whose kprobes and tracepoints act on one shadow",
	.options =
		"  --pid PID,...     TARGET: these processes and their later children; can be repeated\n"
		"  --cgroup PATH     TARGET: all processes of this cgroup and below, now and later\n"
		"  --unit NAME       TARGET: the processes of this systemd unit\n"
		"  --container ID    TARGET: the processes of this container of podman, docker,\n"
		"                    containerd, crun, runc, LXC or systemd-nspawn\n"
		"  --children WHERE  where programs run that the tool starts when it has armed a probe:\n"
		"                    in the target, as its workload, or in the helper, as the tool\n"
		"                    (target, helper; default: target)\n"
		"  --list            list what is captured, of all shadows\n",
	.help = "Kprobes, fprobes and tracepoints of the tool are on for the processes of SHADOW or\n"
		"TARGET only. What the tool would arm in another way is refused: ftrace, fentry,\n"
		"system calls' tracepoints. Hardware events, uprobes and timers are not\n"
		"scoped. The exit status is the tool's.\n",
	.run = cmd_capture,
};
