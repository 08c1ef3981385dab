// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "cli.h"
#include "output.h"
#include "profile.h"

#define WITHOUT_MAX 32

static void close_shadow(struct shadowk_shadow **shadow)
{
	shadowk_shadow_close(*shadow);
}

/* Copies the edits of the shadow @from to session->shadow, which is named @name. */
static int fill_from(struct session *session, const char *name, const char *from)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = from };
	struct shadowk_shadow *other __cleanup(close_shadow) = NULL;
	int err = shadow_open(session->dev, from, &other);

	if (err)
		return refuse(SHADOWK_OP_SHADOW_OPEN, err, &subject);
	return shadow_clone(session->shadow, other, name);
}

/* Arguments and options of the command line. */
struct order {
	const char *name;
	uint32_t flags;
	const char *from;
	const char *profile;
	const char *without[WITHOUT_MAX];
	size_t count;
};

static uint32_t async_parse(struct cli *cli, const char *text)
{
	uint32_t flags;

	if (!async_read(text, &flags))
		usage(cli,
		      "--async takes 'base', 'inherit', 'owner', 'causal' or 'union', not '%s'",
		      text);
	return flags;
}

static void order_parse(struct cli *cli, int argc, char **argv, struct order *order)
{
	static const struct option options[] = {
		{ "async", required_argument, NULL, 'a' },
		{ "from", required_argument, NULL, 'f' },
		{ "profile", required_argument, NULL, 'p' },
		{ "without", required_argument, NULL, 'w' },
		{ 0 },
	};
	int opt;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'f')
			order->from = optarg;
		else if (opt == 'p')
			order->profile = optarg;
		else if (opt == 'w' && order->count < WITHOUT_MAX)
			order->without[order->count++] = optarg;
		else if (opt == 'w')
			usage(cli, "--without can be given at most %d times", WITHOUT_MAX);
		else
			order->flags = async_parse(cli, optarg);
	}
	order->name = arguments(cli, argc, argv, 1, (const char *[]){ "NAME" })[0];
	if (order->count && !order->profile)
		usage(cli, "--without needs --profile");
}

static int profile_prepare(struct profile *profile, const struct order *order)
{
	int status = order->profile ? profile_read(profile, order->profile) : STATUS_DONE;

	for (size_t i = 0; !status && i < order->count; i++)
		status = profile_exclude(profile, order->without[i]);
	return status;
}

/* Creates the shadow with all its edits. If one is refused, destroys it. Returns a status. */
static int make(struct session *session, const struct order *order, struct profile *profile)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = order->name };
	int status = profile_check(profile, session->dev, order->name);
	int err;

	if (status)
		return status;
	err = shadowk_shadow_create_flags(session->dev, order->name, order->flags,
					  &session->shadow);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject);
	if (order->from)
		status = fill_from(session, order->name, order->from);
	if (!status)
		status = profile_apply(profile, session->shadow, order->name);
	if (status)
		shadowk_shadow_destroy(session->shadow);
	return status;
}

static int cmd_create(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_shadow_info info;
	struct profile profile __cleanup(profile_free) = { 0 };
	struct json_object *object __cleanup(json_free) = NULL;
	struct order order = { 0 };
	int err, status;

	order_parse(cli, argc, argv, &order);
	subject.shadow = order.name;
	/*
	 * With the name "", the kernel makes a shadow without a name, which ends with its handle.
	 */
	err = shadowk_name_check(order.name);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject);
	status = profile_prepare(&profile, &order);
	if (!status)
		status = session_open(&session);
	if (!status)
		status = make(&session, &order, &profile);
	if (status)
		return status;
	if (!cli->json) {
		profile_print_missing(&profile);
		return STATUS_DONE;
	}
	err = shadowk_shadow_info(session.shadow, &info, sizeof(info));
	if (err)
		return refuse(SHADOWK_OP_SHADOW_INFO, err, &subject);
	object = shadow_json(&info);
	if (order.profile)
		json_object_object_add(object, "left_out", profile_missing_json(&profile));
	json_print(&object, false);
	return STATUS_DONE;
}

const struct verb verb_create = {
	.name = "create",
	.group = GROUP_SHADOWS,
	.args = "NAME [--async POLICY] [--from SHADOW] [--profile PROFILE [--without ITEM]...]",
	.summary = "Create a shadow",
	.options =
		"  NAME              1 to 63 of A-Z a-z 0-9 . _ : -\n"
		"  --async POLICY    select what interrupts, softirqs and work items execute:\n"
		"                    'base'     the base, also on a process inside (default)\n"
		"                    'inherit'  the shadow of the process that they land on\n"
		"                    'owner'    the base, unless the shadow owns them ('shadowctl own')\n"
		"                    'causal'   the base, unless a process inside raised them\n"
		"                    'union'    the base; probes count those of the whole machine\n"
		"  --from SHADOW     copy the probes, raw edits and patches that SHADOW has now\n"
		"  --profile PROFILE add the edits of a profile: 'trusted', 'debug-locks', or the path\n"
		"                    of a file, with a '/'\n"
		"  --without ITEM    leave this item of the profile out; can be repeated\n",
	.help = "The shadow stays until 'shadowctl destroy NAME'. If an edit is refused, no shadow\n"
		"is created.\n",
	.run = cmd_create,
};
