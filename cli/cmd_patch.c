// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "list.h"
#include "output.h"
#include "transition.h"

static uint64_t value_parse(const struct cli *cli, const char *text)
{
	uint64_t value;

	if (!value_read(text, &value))
		usage(cli,
		      "'%s' is not a value; give a number of 64 bits, or an errno such as -ENOENT",
		      text);
	return value;
}

static void action_set(const struct cli *cli, struct shadowk_patch_spec *spec, uint32_t kind)
{
	if (spec->kind)
		usage(cli,
		      "give one action: --return, --nop, --skip-call with or without --return, "
		      "--livepatch or --thunk");
	spec->kind = kind;
}

static void function_parse(const struct cli *cli, struct shadowk_patch_spec *spec, const char *text)
{
	struct shadowk_probe_spec place = { .size = sizeof(place) };
	struct shadowk_subject subject = { .size = sizeof(subject), .place = text };
	char line[256];
	int err = shadowk_probe_parse(text, &place);

	if (err)
		usage(cli, "%s",
		      shadowk_explain(line, sizeof(line), SHADOWK_OP_PROBE_PARSE, err, &subject));
	if (place.flags & SHADOWK_PROBE_TRACEPOINT)
		usage(cli, "'%s' is a tracepoint; only functions can be patched", text);
	if (place.offset && spec->kind != SHADOWK_PATCH_SKIP_CALL)
		usage(cli, "functions are patched at their entry; leave the offset of '%s' out",
		      text);
	spec->addr = place.addr;
	spec->offset = place.offset;
	memcpy(spec->symbol, place.symbol, sizeof(spec->symbol));
}

static void callee_parse(const struct cli *cli, struct shadowk_patch_spec *spec, const char *text)
{
	if (!*text || strlen(text) >= sizeof(spec->object))
		usage(cli, "'%.32s' is not the name of a function", text);
	memcpy(spec->object, text, strlen(text));
}

static uint32_t thunk_parse(const struct cli *cli, const char *text)
{
	uint32_t kind = thunk_read(text);

	if (!kind)
		usage(cli, "--thunk takes 'retpoline=jmp' or 'return=ret', not '%s'", text);
	return kind;
}

static bool is_module_file(const char *text)
{
	const char *dot = strrchr(text, '.');

	return dot && !strcmp(dot, ".ko");
}

static const char *add_parse(struct cli *cli, int argc, char **argv,
			     struct shadowk_patch_spec *spec, const char **name, const char **file)
{
	static const struct option options[] = {
		{ "return", required_argument, NULL, 'r' },
		{ "nop", no_argument, NULL, 'n' },
		{ "skip-call", no_argument, NULL, 's' },
		{ "name", required_argument, NULL, 'N' },
		{ "livepatch", required_argument, NULL, 'l' },
		{ "callbacks", no_argument, NULL, 'c' },
		{ "thunk", required_argument, NULL, 't' },
		{ "in-place", no_argument, NULL, 'p' },
		{ "unsafe-now", no_argument, NULL, 'u' },
		{ 0 },
	};
	bool skip = false, value = false, callbacks = false, in_place = false, now = false;
	char **args;
	int opt;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'N') {
			*name = optarg;
		} else if (opt == 'n') {
			action_set(cli, spec, SHADOWK_PATCH_NOP);
		} else if (opt == 'l') {
			action_set(cli, spec, SHADOWK_PATCH_LIVEPATCH);
			*file = optarg;
		} else if (opt == 'c') {
			callbacks = true;
		} else if (opt == 'p') {
			in_place = true;
		} else if (opt == 'u') {
			now = true;
		} else if (opt == 's') {
			skip = true;
		} else if (opt == 't') {
			action_set(cli, spec, thunk_parse(cli, optarg));
		} else {
			value = true;
			spec->value = value_parse(cli, optarg);
		}
	}
	if (skip)
		action_set(cli, spec, SHADOWK_PATCH_SKIP_CALL);
	if (skip && value)
		spec->flags = SHADOWK_PATCH_VALUE;
	else if (value)
		action_set(cli, spec, SHADOWK_PATCH_RETURN);
	if (callbacks && spec->kind != SHADOWK_PATCH_LIVEPATCH)
		usage(cli, "--callbacks needs --livepatch");
	if (now && spec->kind != SHADOWK_PATCH_LIVEPATCH)
		usage(cli, "--unsafe-now needs --livepatch");
	if (callbacks)
		spec->flags |= SHADOWK_PATCH_CALLBACKS;
	if (now)
		spec->flags |= SHADOWK_PATCH_UNSAFE_NOW;
	if (in_place && spec->kind > SHADOWK_PATCH_RETURN)
		usage(cli, "--in-place needs --return, --nop or FILE.ko");
	if (in_place)
		spec->flags = SHADOWK_PATCH_IN_PLACE;
	if (spec->kind == SHADOWK_PATCH_LIVEPATCH || spec->kind >= SHADOWK_PATCH_RETPOLINES)
		return arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	if (!spec->kind && argc - optind == 2 && is_module_file(argv[optind + 1])) {
		spec->kind = SHADOWK_PATCH_MODULE;
		*file = argv[optind + 1];
		return argv[optind];
	}
	if (!spec->kind)
		usage(cli,
		      "the action is missing: --return, --nop, --skip-call, --thunk, --livepatch or FILE.ko");
	args = arguments(cli, argc, argv, skip ? 3 : 2,
			 (const char *[]){ "SHADOW", "FUNC", "CALLEE" });
	function_parse(cli, spec, args[1]);
	if (skip)
		callee_parse(cli, spec, args[2]);
	return args[0];
}

static void print_added(const struct cli *cli, const struct shadowk_subject *subject, bool named)
{
	struct json_object *object __cleanup(json_free) = NULL;

	/* The user knows a name that --name gave. */
	if (!cli->json && !named)
		puts(subject->patch_spec->name);
	if (!cli->json)
		return;
	object = json_object_new_object();
	json_object_object_add(object, "shadow", json_text(subject->shadow));
	json_object_object_add(object, "id", json_object_new_uint64(subject->patch_spec->id));
	json_object_object_add(object, "name", json_text(subject->patch_spec->name));
	json_print(&object, false);
}

static int cmd_patch_add(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_patch_spec spec = { .size = sizeof(spec) };
	struct shadowk_subject subject = { .size = sizeof(subject), .patch_spec = &spec };
	const char *name = NULL, *file = NULL;
	bool loaded = false;
	int err, status;

	subject.shadow = add_parse(cli, argc, argv, &spec, &name, &file);
	if (name) {
		subject.patch = name;
		err = shadowk_name_check(name);
		if (err)
			return refuse(SHADOWK_OP_PATCH_ADD, err, &subject);
		memcpy(spec.name, name, strlen(name));
	}
	status = session_open_shadow(&session, subject.shadow);
	if (!status && file)
		status = module_load(file,
				     spec.kind == SHADOWK_PATCH_LIVEPATCH ? session.dev : NULL,
				     spec.object, sizeof(spec.object), &loaded);
	if (status)
		return status;
	err = shadowk_patch_add(session.shadow, &spec);
	if (err) {
		status = refuse(SHADOWK_OP_PATCH_ADD, err, &subject);
		if (loaded)
			module_unload(spec.object);
		return status;
	}
	print_added(cli, &subject, name != NULL);
	return STATUS_DONE;
}

static int cmd_patch_list(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct json_object *array __cleanup(json_free) = NULL;
	struct table table __cleanup(table_free) = { 0 };
	const char *shadow;
	int status;

	option_next(cli, argc, argv, NULL);
	shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	status = session_open_shadow(&session, shadow);
	if (status)
		return status;
	if (cli->json) {
		array = json_object_new_array();
		status = patches_json(session.shadow, shadow, array);
		if (!status)
			json_print(&array, false);
		return status;
	}
	status = patches_read(&table, session.shadow, shadow);
	if (!status)
		table_print(&table, stdout);
	return status;
}

/*
 * Writes an element of the patch @patch to @found, if the bodies of the patch are in a module.
 * Otherwise does not change @found.
 */
static void patch_find(struct shadowk_shadow *shadow, const char *patch,
		       struct shadowk_patch_info *found)
{
	struct shadowk_patch_info *patches __cleanup(list_free) = NULL;
	int count = list_read(shadowk_patch_list, shadow, &patches);

	for (int i = 0; i < count; i++)
		if (patch_has_module(&patches[i]) && !strcmp(patches[i].name, patch))
			*found = patches[i];
}

/*
 * Reads "SHADOW PATCH", and the option @own, which sets @flag. Then opens the shadow, and fills
 * @subject and, by patch_find(), @found. Reports an error as one of the call @op. Returns a status.
 */
static int named_patch(struct cli *cli, int argc, char **argv, enum shadowk_op op,
		       const struct option *own, bool *flag, struct session *session,
		       struct shadowk_subject *subject, struct shadowk_patch_info *found)
{
	char **args;
	int err, status;

	while (option_next(cli, argc, argv, own))
		*flag = true;
	args = arguments(cli, argc, argv, 2, (const char *[]){ "SHADOW", "PATCH" });
	subject->shadow = args[0];
	subject->patch = args[1];
	err = shadowk_name_check(subject->patch);
	if (err)
		return refuse(op, err, subject);
	status = session_open_shadow(session, subject->shadow);
	if (!status)
		patch_find(session->shadow, subject->patch, found);
	return status;
}

static void print_done(const struct cli *cli, const struct shadowk_subject *subject,
		       const char *what, const char *name)
{
	struct json_object *object __cleanup(json_free) = NULL;

	if (!cli->json)
		return;
	object = json_object_new_object();
	json_object_object_add(object, "shadow", json_text(subject->shadow));
	json_object_object_add(object, what, json_text(name));
	json_print(&object, false);
}

static int cmd_patch_remove(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "unsafe-now", no_argument, NULL, 'u' },
		{ 0 },
	};
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_patch_info info = { 0 };
	bool now = false;
	int err, status;

	status = named_patch(cli, argc, argv, SHADOWK_OP_PATCH_REMOVE, options, &now, &session,
			     &subject, &info);
	if (status)
		return status;
	if (now && info.kind != SHADOWK_PATCH_LIVEPATCH) {
		report("patch '%s' was not added with --livepatch, which --unsafe-now needs; leave "
		       "--unsafe-now out",
		       subject.patch);
		return STATUS_REFUSED;
	}
	err = shadowk_patch_remove_flags(session.shadow, subject.patch,
					 now ? SHADOWK_PATCH_UNSAFE_NOW : 0);
	if (err)
		return refuse(SHADOWK_OP_PATCH_REMOVE, err, &subject);
	if (info.object[0] && !module_unload(info.object))
		report("note: another shadow uses module %s, or a task is in it; unload it later "
		       "with rmmod",
		       info.object);
	print_done(cli, &subject, "removed", subject.patch);
	return STATUS_DONE;
}

/* Begins the kernel's transition to the patch. Does not wait for its end. Returns a status. */
static int promote(struct shadowk_shadow *shadow, const struct shadowk_subject *subject,
		   const struct shadowk_patch_info *info)
{
	int err = shadowk_patch_promote(shadow, subject->patch);

	/* An earlier command has begun the transition, and was interrupted. */
	if (err && shadowk_reason() == SHADOWK_REASON_PROMOTED &&
	    transition_is_forward(info->object))
		err = 0;
	return err ? refuse(SHADOWK_OP_PATCH_PROMOTE, err, subject) : STATUS_DONE;
}

/*
 * Begins the kernel's transition back from the patch. A patch with callbacks is removed from the
 * shadow first, since the transition calls callbacks that revert what its functions need. Returns a
 * status.
 */
static int take_back(struct shadowk_shadow *shadow, const struct shadowk_subject *subject,
		     const struct shadowk_patch_info *info)
{
	int err;

	if (!transition_exists(info->object)) {
		report("patch '%s' is not promoted, since the kernel has no livepatch '%s'; "
		       "'shadowctl patch remove %s %s' removes it from the shadow",
		       subject->patch, info->object[0] ? info->object : subject->patch,
		       subject->shadow, subject->patch);
		return STATUS_REFUSED;
	}
	if (info->flags & SHADOWK_PATCH_CALLBACKS) {
		err = shadowk_patch_remove(shadow, subject->patch);
		if (err)
			return refuse(SHADOWK_OP_PATCH_REMOVE, err, subject);
		report("note: shadow '%s' has lost patch '%s', too, because its callbacks revert "
		       "what it needs",
		       subject->shadow, subject->patch);
	}
	return transition_reverse(info->object) ? STATUS_DONE : STATUS_REFUSED;
}

static int cmd_patch_promote(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "cancel", no_argument, NULL, 'c' },
		{ 0 },
	};
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_patch_info info = { 0 };
	bool cancel = false;
	int err, status;

	status = named_patch(cli, argc, argv, SHADOWK_OP_PATCH_PROMOTE, options, &cancel, &session,
			     &subject, &info);
	if (status)
		return status;
	transition_catch_signals();
	status = cancel ? take_back(session.shadow, &subject, &info)
			: promote(session.shadow, &subject, &info);
	if (status)
		return status;
	switch (transition_wait(info.object, !cancel)) {
	case TRANSITION_DONE:
		break;
	case TRANSITION_REVERSED:
		report("another user has reversed the transition of livepatch %s; shadow '%s' keeps "
		       "the patch until 'shadowctl patch remove %s %s'",
		       info.object, subject.shadow, subject.shadow, subject.patch);
		return STATUS_REFUSED;
	case TRANSITION_GOES_ON:
		report("the kernel's transition goes on; 'shadowctl patch promote %s%s %s' waits "
		       "for its end%s",
		       cancel ? "--cancel " : "", subject.shadow, subject.patch,
		       cancel ? "" : ", and with --cancel reverses it");
		return STATUS_REFUSED;
	}
	if (cancel) {
		print_done(cli, &subject, "cancelled", info.object);
		return STATUS_DONE;
	}
	err = shadowk_patch_remove(session.shadow, subject.patch);
	if (err)
		return refuse(SHADOWK_OP_PATCH_REMOVE, err, &subject);
	print_done(cli, &subject, "promoted", info.object);
	return STATUS_DONE;
}

static const struct verb verb_patch_promote = {
	.name = "promote",
	.args = "[--cancel] SHADOW PATCH",
	.summary = "Make a livepatch of a shadow the kernel's own",
	.options = "  PATCH             a patch that was added with --livepatch\n"
		   "  --cancel          let the kernel revert it; the shadow keeps the patch\n",
	.help = "The command waits until all tasks execute the livepatch, names the tasks that the\n"
		"kernel waits for, and removes the patch from the shadow. After half a minute, or when it\n"
		"is interrupted, it ends, but the kernel's transition goes on. The same command waits\n"
		"again.\n",
	.run = cmd_patch_promote,
};

static const struct verb verb_patch_add = {
	.name = "add",
	.args = "SHADOW FUNC --return VALUE|--nop [--in-place] [--name NAME]\n"
		"SHADOW --skip-call FUNC[+OFFSET] CALLEE [--return VALUE] [--name NAME]\n"
		"SHADOW FILE.ko [--in-place] [--name NAME]\n"
		"SHADOW --livepatch FILE.ko [--callbacks] [--unsafe-now] [--name NAME]\n"
		"SHADOW --thunk THUNK [--name NAME]",
	.summary = "Give functions another body in a shadow",
	.options =
		"  FUNC              a function of /proc/kallsyms, MODULE:NAME, or its 0xADDRESS\n"
		"  --return VALUE    return VALUE at once: a number, or an errno as -EACCES\n"
		"  --nop             return at once, with an undefined result\n"
		"  --skip-call       leave the call of CALLEE in FUNC out, as if it returned VALUE;\n"
		"                    FUNC+OFFSET selects one of several calls\n"
		"  FILE.ko           use the bodies in this patch module, see 'shadowctl patch build'\n"
		"  --livepatch FILE.ko\n"
		"                    use the bodies in this livepatch module, for this shadow only\n"
		"  --callbacks       call the callbacks of the livepatch, which affect all processes\n"
		"  --unsafe-now      do not wait until no thread is in the livepatch's functions; a call\n"
		"                    may then execute old and new functions\n"
		"  --thunk THUNK     leave a mitigation out, for trusted processes: 'retpoline=jmp' or\n"
		"                    'return=ret'; possible while no process is inside\n"
		"  --in-place        copy the new body over the old one; with --return, --nop or FILE.ko\n"
		"  --name NAME       name the patch; without it, the kernel chooses a name, which is\n"
		"                    printed\n",
	.help = "The kernel does not check whether callers need what the old body does.\n",
	.run = cmd_patch_add,
};

static const struct verb verb_patch_list = {
	.name = "list",
	.args = "SHADOW",
	.summary = "List the patches of a shadow",
	.run = cmd_patch_list,
};

static const struct verb verb_patch_remove = {
	.name = "remove",
	.args = "[--unsafe-now] SHADOW PATCH",
	.summary = "Remove a patch",
	.options =
		"  PATCH             its name, as 'shadowctl patch list' prints it\n"
		"  --unsafe-now      do not wait until no thread is in a livepatch's functions\n",
	.run = cmd_patch_remove,
};

static const struct verb *const patch_verbs[] = {
	&verb_patch_add,    &verb_patch_build,	 &verb_patch_list,
	&verb_patch_remove, &verb_patch_promote, NULL,
};

const struct verb verb_patch = {
	.name = "patch",
	.group = GROUP_EDITS,
	.args = "",
	.summary = "Build, add, list, promote and remove patches",
	.verbs = patch_verbs,
};
