// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "functions.h"
#include "output.h"

static void kind_parse(const struct cli *cli, struct shadowk_probe_spec *spec, const char *text)
{
	int kind = shadowk_kind_parse(text);

	if (kind < 0)
		usage(cli, "'%s' is not a kind; give count, latency, event or call", text);
	spec->kind = kind;
}

/* Reads a place. Exits if it is none. */
static void place_parse(const struct cli *cli, struct shadowk_probe_spec *spec, const char *place)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .place = place };
	int err = shadowk_probe_parse(place, spec);
	char line[256];

	if (err)
		usage(cli, "%s",
		      shadowk_explain(line, sizeof(line), SHADOWK_OP_PROBE_PARSE, err, &subject));
}

/* Reads the name of a tracepoint, which is given without "tracepoint:". */
static void tracepoint_parse(const struct cli *cli, struct shadowk_probe_spec *spec,
			     const char *name)
{
	char place[SHADOWK_SYMBOL_LEN + 16];

	snprintf(place, sizeof(place), "tracepoint:%s", name);
	place_parse(cli, spec, place);
}

/* Exits if a probe of a tracepoint cannot be as the options say. */
static void tracepoint_check(const struct cli *cli, const struct shadowk_probe_spec *spec)
{
	if (!(spec->flags & SHADOWK_PROBE_TRACEPOINT))
		return;
	if (spec->kind != SHADOWK_PROBE_COUNT || spec->flags & SHADOWK_PROBE_RETURN)
		usage(cli, "tracepoints are counted; leave --kind and --return out");
}

/* Returns true if the words are not one place, as shadowk_probe_parse() reads it. */
static bool are_patterns(const struct patterns *patterns)
{
	return patterns->nr > 1 || patterns->variants || patterns->dry_run ||
	       strpbrk(patterns->pattern[0], "*?[");
}

/*
 * Reads the command line. Without patterns, @spec gets the place. Returns true if there are
 * patterns.
 */
static bool add_parse(struct cli *cli, int argc, char **argv, struct shadowk_probe_spec *spec,
		      const char **name, struct patterns *patterns)
{
	static const struct option options[] = {
		{ "kind", required_argument, NULL, 'k' },
		{ "return", no_argument, NULL, 'r' },
		{ "int3", no_argument, NULL, 'i' },
		{ "below", no_argument, NULL, 'b' },
		{ "name", required_argument, NULL, 'n' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ "variants", no_argument, NULL, 'v' },
		{ "tracepoint", required_argument, NULL, 't' },
		{ 0 },
	};
	const char *tracepoint = NULL;
	int opt;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'k')
			kind_parse(cli, spec, optarg);
		else if (opt == 'r')
			spec->flags |= SHADOWK_PROBE_RETURN;
		else if (opt == 'i')
			spec->flags |= SHADOWK_PROBE_FORCE_INT3;
		else if (opt == 'b')
			spec->flags |= SHADOWK_PROBE_BELOW;
		else if (opt == 'd')
			patterns->dry_run = true;
		else if (opt == 'v')
			patterns->variants = true;
		else if (opt == 't')
			tracepoint = optarg;
		else
			*name = optarg;
	}
	if (tracepoint) {
		patterns->shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
		if (patterns->variants || patterns->dry_run)
			usage(cli, "--variants and --dry-run are for patterns of functions");
		tracepoint_parse(cli, spec, tracepoint);
		tracepoint_check(cli, spec);
		return false;
	}
	if (argc - optind < 2)
		arguments(cli, argc, argv, 2, (const char *[]){ "SHADOW", "PLACE" });
	patterns->shadow = argv[optind++];
	patterns->pattern = arguments_some(cli, argc, argv, "PLACE", &patterns->nr);
	if (spec->kind == SHADOWK_PROBE_LATENCY && spec->flags & SHADOWK_PROBE_RETURN)
		usage(cli, "--kind latency measures from entry to return; leave --return out");
	if (!are_patterns(patterns)) {
		place_parse(cli, spec, patterns->pattern[0]);
		tracepoint_check(cli, spec);
		return false;
	}
	if (*name)
		usage(cli,
		      "--name names one probe; leave it out, and the kernel chooses the names");
	return true;
}

static void print_added(const struct cli *cli, const struct shadowk_subject *subject, bool named)
{
	struct json_object *object __cleanup(json_free) = NULL;

	/* The user knows a name that --name gave. */
	if (!cli->json && !named)
		puts(subject->probe_spec->name);
	if (!cli->json)
		return;
	object = json_object_new_object();
	json_object_object_add(object, "shadow", json_text(subject->shadow));
	json_object_object_add(object, "id", json_object_new_uint64(subject->probe_spec->id));
	json_object_object_add(object, "name", json_text(subject->probe_spec->name));
	json_print(&object, false);
}

static int cmd_probe_add(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT };
	struct shadowk_subject subject = { .size = sizeof(subject), .probe_spec = &spec };
	struct patterns patterns = { 0 };
	const char *name = NULL;
	int err, status;
	char hint[512];

	if (add_parse(cli, argc, argv, &spec, &name, &patterns))
		return probes_add_patterns(cli, &patterns, &spec);
	subject.shadow = patterns.shadow;
	if (name) {
		subject.probe = name;
		err = shadowk_name_check(name);
		if (err)
			return refuse(SHADOWK_OP_PROBE_ADD, err, &subject);
		memcpy(spec.name, name, strlen(name));
	}
	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	err = shadowk_probe_add(session.shadow, &spec);
	if (err)
		return refuse(SHADOWK_OP_PROBE_ADD, err, &subject);
	print_added(cli, &subject, name != NULL);
	if (shadowk_probe_hint(hint, sizeof(hint), &spec))
		report("note: %s", hint);
	return STATUS_DONE;
}

static int cmd_probe_list(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct probes probes __cleanup(probes_free) = { 0 };
	struct json_object *array __cleanup(json_free) = NULL;
	const char *shadow;
	int status;

	option_next(cli, argc, argv, NULL);
	shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	status = session_open_shadow(&session, shadow);
	if (!status)
		status = probes_read(&probes, session.shadow, shadow);
	if (status)
		return status;
	if (cli->json) {
		array = probes_json(&probes);
		json_print(&array, false);
		return STATUS_DONE;
	}
	probes_print_table(&probes);
	probes_print_histograms(&probes);
	return STATUS_DONE;
}

static int cmd_probe_remove(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct json_object *object __cleanup(json_free) = NULL;
	char **args;
	int err, status;

	option_next(cli, argc, argv, NULL);
	args = arguments(cli, argc, argv, 2, (const char *[]){ "SHADOW", "PROBE" });
	subject.shadow = args[0];
	subject.probe = args[1];
	err = shadowk_name_check(subject.probe);
	if (err)
		return refuse(SHADOWK_OP_PROBE_REMOVE, err, &subject);
	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	err = shadowk_probe_remove(session.shadow, subject.probe);
	if (err)
		return refuse(SHADOWK_OP_PROBE_REMOVE, err, &subject);
	if (!cli->json)
		return STATUS_DONE;
	object = json_object_new_object();
	json_object_object_add(object, "shadow", json_text(subject.shadow));
	json_object_object_add(object, "removed", json_text(subject.probe));
	json_print(&object, false);
	return STATUS_DONE;
}

static const struct verb verb_probe_add = {
	.name = "add",
	.args = "SHADOW PLACE [--kind KIND] [--return] [--int3] [--below] [--name NAME]\n"
		"SHADOW PATTERN... [--kind KIND] [--return] [--int3] [--below] [--variants] [--dry-run]\n"
		"SHADOW --tracepoint NAME [--int3] [--name NAME]",
	.summary = "Add probes to a shadow",
	.options =
		"  PLACE             SYMBOL          the entry of a function of /proc/kallsyms\n"
		"                    MODULE:SYMBOL   the entry of a function of a module\n"
		"                    SYMBOL+OFFSET   an instruction of it; OFFSET is decimal, or\n"
		"                                    hexadecimal after 0x\n"
		"                    0xADDRESS       an instruction of the kernel or of a module\n" PATTERN_HELP
		"  --tracepoint NAME count a tracepoint, which stays off outside: SYSTEM:EVENT as in\n"
		"                    /sys/kernel/tracing/available_events. tracepoint:NAME is the\n"
		"                    same as a PLACE\n"
		"  --dry-run         print the functions that can be probed, and add nothing\n"
		"  --kind count      count the executions; this is the default\n"
		"  --kind latency    measure the time from entry to return, in ns\n"
		"  --kind event      fire the tracepoint shadowk:shadowk_probe\n"
		"  --kind call       fire the tracepoint shadowk:shadowk_call at the return\n"
		"  --return          report the function's return, for count and event\n"
		"  --int3            use a breakpoint, even where a call or a jump is possible\n"
		"  --below           be hit only in calls that a probe of kind call has seen begin\n"
		"  --name NAME       name the probe at PLACE; without it, the kernel chooses a name,\n"
		"                    which is printed\n",
	.run = cmd_probe_add,
};

static const struct verb verb_probe_list = {
	.name = "list",
	.args = "SHADOW",
	.summary = "List the probes of a shadow and their numbers",
	.help = "HITS are executions by the processes inside, ASYNC those in interrupts, softirqs and\n"
		"NMIs. MISSED are seen, but not measured. UNRETURNED are calls of latency and --return\n"
		"that have not returned. RATE/S is HITS per second since the probe was added.\n",
	.run = cmd_probe_list,
};

static const struct verb verb_probe_remove = {
	.name = "remove",
	.args = "SHADOW PROBE",
	.summary = "Remove a probe",
	.options = "  PROBE             its name, as 'shadowctl probe list' prints it\n",
	.run = cmd_probe_remove,
};

static const struct verb *const probe_verbs[] = {
	&verb_probe_add,
	&verb_probe_list,
	&verb_probe_remove,
	NULL,
};

const struct verb verb_probe = {
	.name = "probe",
	.group = GROUP_EDITS,
	.args = "",
	.summary = "Add, list and remove probes",
	.verbs = probe_verbs,
};
