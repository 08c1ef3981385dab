// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "list.h"
#include "output.h"

static void place_parse(const struct cli *cli, const char *text, struct shadowk_raw_spec *spec)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .place = text };
	int err = shadowk_raw_parse(text, spec);
	char line[256];

	if (err)
		usage(cli, "%s",
		      shadowk_explain(line, sizeof(line), SHADOWK_OP_RAW_PARSE, err, &subject));
}

static void bytes_parse(const struct cli *cli, const char *text, struct shadowk_raw_spec *spec)
{
	size_t digits = strlen(text);

	if (!digits || digits % 2 || strspn(text, "0123456789abcdefABCDEF") != digits)
		usage(cli, "'%s' is not a list of bytes; give two hexadecimal digits for each byte",
		      text);
	if (digits / 2 > SHADOWK_RAW_LEN)
		usage(cli, "'%s' is longer than an instruction, which has at most %d bytes", text,
		      SHADOWK_RAW_LEN - 1);
	for (size_t i = 0; i < digits; i += 2)
		sscanf(text + i, "%2hhx", &spec->bytes[i / 2]);
	spec->len = digits / 2;
}

static int add(const struct cli *cli, const struct shadowk_subject *subject,
	       struct shadowk_raw_spec *spec)
{
	struct session session __cleanup(session_close) = { 0 };
	struct json_object *object __cleanup(json_free) = NULL;
	int status = session_open_shadow(&session, subject->shadow);
	int err;

	if (status)
		return status;
	err = shadowk_raw_add(session.shadow, spec);
	if (err)
		return refuse(SHADOWK_OP_RAW_ADD, err, subject);
	if (!cli->json) {
		printf("%" PRIu64 "\n", spec->id);
		return STATUS_DONE;
	}
	object = json_object_new_object();
	json_object_object_add(object, "shadow", json_text(subject->shadow));
	json_object_object_add(object, "id", json_object_new_uint64(spec->id));
	json_print(&object, false);
	return STATUS_DONE;
}

static int cmd_raw_add(struct cli *cli, int argc, char **argv)
{
	struct shadowk_raw_spec spec = { .size = sizeof(spec) };
	struct shadowk_subject subject = { .size = sizeof(subject), .raw_spec = &spec };
	char **args;

	option_next(cli, argc, argv, NULL);
	args = arguments(cli, argc, argv, 3, (const char *[]){ "SHADOW", "PLACE", "HEX" });
	place_parse(cli, args[1], &spec);
	bytes_parse(cli, args[2], &spec);
	subject.shadow = args[0];
	subject.place = args[1];
	return add(cli, &subject, &spec);
}

static int cmd_raw_privatise(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "length", required_argument, NULL, 'l' },
		{ 0 },
	};
	struct shadowk_raw_spec spec = { .size = sizeof(spec), .flags = SHADOWK_RAW_IDENTITY };
	struct shadowk_subject subject = {
		.size = sizeof(subject),
		.raw_spec = &spec,
		.place = "the text",
	};
	bool all = false;
	char **args;
	int opt;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'a')
			all = true;
		else
			spec.len = count_parse(cli, optarg);
	}
	args = arguments(cli, argc, argv, all ? 1 : 2, (const char *[]){ "SHADOW", "PLACE" });
	if (all && spec.len)
		usage(cli, "--all makes the whole text private; leave --length out");
	if (!all) {
		place_parse(cli, args[1], &spec);
		subject.place = args[1];
	}
	subject.shadow = args[0];
	return add(cli, &subject, &spec);
}

/* Writes the bytes in hexadecimal. @text has room for 2 * SHADOWK_RAW_LEN + 1 characters. */
static void bytes_print(char *text, const struct shadowk_raw_info *raw)
{
	*text = 0;
	for (uint64_t i = 0; i < raw->len && i < SHADOWK_RAW_LEN; i++)
		sprintf(text + 2 * i, "%02x", raw->bytes[i]);
}

static void raw_print(struct table *table, const struct shadowk_raw_info *raw)
{
	char bytes[2 * SHADOWK_RAW_LEN + 1];

	bytes_print(bytes, raw);
	table_add(table, "%" PRIu64, raw->id);
	if (!raw->symbol[0])
		table_add(table, "(the text)");
	else if (raw->offset)
		table_add(table, "%s+0x%" PRIx64, raw->symbol, raw->offset);
	else
		table_add(table, "%s", raw->symbol);
	table_add(table, "%" PRIu64, raw->len);
	table_add(table, "%s", raw->flags & SHADOWK_RAW_IDENTITY ? "(the base's)" : bytes);
}

static struct json_object *raw_json(const struct shadowk_raw_info *raw)
{
	struct json_object *object = json_object_new_object();
	bool identity = raw->flags & SHADOWK_RAW_IDENTITY;
	char text[2 * SHADOWK_RAW_LEN + 1];

	json_object_object_add(object, "id", json_object_new_uint64(raw->id));
	json_object_object_add(object, "symbol", json_text(raw->symbol));
	json_object_object_add(object, "offset", json_object_new_uint64(raw->offset));
	snprintf(text, sizeof(text), "0x%" PRIx64, raw->addr);
	json_object_object_add(object, "address", raw->addr ? json_text(text) : NULL);
	json_object_object_add(object, "length", json_object_new_uint64(raw->len));
	bytes_print(text, raw);
	json_object_object_add(object, "bytes", identity ? NULL : json_text(text));
	return object;
}

int raws_json(struct shadowk_shadow *shadow, const char *name, struct json_object *array)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	struct shadowk_raw_info *raws __cleanup(list_free) = NULL;
	int count = list_read(shadowk_raw_list, shadow, &raws);

	if (count < 0)
		return refuse(SHADOWK_OP_RAW_LIST, count, &subject);
	for (int i = 0; i < count; i++)
		json_object_array_add(array, raw_json(&raws[i]));
	return STATUS_DONE;
}

static int cmd_raw_list(struct cli *cli, int argc, char **argv)
{
	static const char *const headings[] = { "ID", "PLACE", "LENGTH", "BYTES" };
	struct session session __cleanup(session_close) = { 0 };
	struct json_object *array __cleanup(json_free) = json_object_new_array();
	struct table table __cleanup(table_free);
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_raw_info *raws __cleanup(list_free) = NULL;
	int count, status;

	table_init(&table, "rlrl");
	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		table_add(&table, "%s", headings[i]);
	option_next(cli, argc, argv, NULL);
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	count = list_read(shadowk_raw_list, session.shadow, &raws);
	if (count < 0)
		return refuse(SHADOWK_OP_RAW_LIST, count, &subject);
	for (int i = 0; i < count; i++) {
		raw_print(&table, &raws[i]);
		json_object_array_add(array, raw_json(&raws[i]));
	}
	if (cli->json)
		json_print(&array, false);
	else
		table_print(&table, stdout);
	return STATUS_DONE;
}

static int cmd_raw_remove(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct json_object *object __cleanup(json_free) = NULL;
	struct shadowk_subject subject = { .size = sizeof(subject) };
	char **args;
	uint64_t id;
	int err, status;

	option_next(cli, argc, argv, NULL);
	args = arguments(cli, argc, argv, 2, (const char *[]){ "SHADOW", "ID" });
	subject.shadow = args[0];
	id = count_parse(cli, args[1]);
	subject.raw = id;
	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	err = shadowk_raw_remove(session.shadow, id);
	if (err)
		return refuse(SHADOWK_OP_RAW_REMOVE, err, &subject);
	if (!cli->json)
		return STATUS_DONE;
	object = json_object_new_object();
	json_object_object_add(object, "shadow", json_text(subject.shadow));
	json_object_object_add(object, "removed", json_object_new_uint64(id));
	json_print(&object, false);
	return STATUS_DONE;
}

static const struct verb verb_raw_add = {
	.name = "add",
	.args = "SHADOW PLACE HEX",
	.summary = "Replace an instruction in a shadow",
	.options =
		"  PLACE             SYMBOL, SYMBOL+OFFSET or 0xADDRESS, as for 'probe add'\n"
		"  HEX               the bytes of one instruction, two digits each, as many as the\n"
		"                    instruction at PLACE has\n",
	.help = "The kernel does not check what the new instruction does.\n",
	.run = cmd_raw_add,
};

static const struct verb verb_raw_privatise = {
	.name = "privatise",
	.args = "SHADOW PLACE [--length N]\n"
		"SHADOW --all",
	.summary = "Give a shadow private pages whose bytes stay the base's",
	.options =
		"  --all             make the kernel's whole text private\n"
		"  PLACE             SYMBOL, SYMBOL+OFFSET or 0xADDRESS, as for 'probe add'\n"
		"  --length N        make the pages of N bytes private; without it, up to the end of\n"
		"                    the function\n",
	.run = cmd_raw_privatise,
};

static const struct verb verb_raw_list = {
	.name = "list",
	.args = "SHADOW",
	.summary = "List the raw edits of a shadow",
	.run = cmd_raw_list,
};

static const struct verb verb_raw_remove = {
	.name = "remove",
	.args = "SHADOW ID",
	.summary = "Remove a raw edit",
	.options = "  ID                its id, as 'shadowctl raw list' prints it\n",
	.run = cmd_raw_remove,
};

static const struct verb *const raw_verbs[] = {
	&verb_raw_add, &verb_raw_privatise, &verb_raw_list, &verb_raw_remove, NULL,
};

const struct verb verb_raw = {
	.name = "raw",
	.group = GROUP_EDITS,
	.args = "",
	.summary = "Add, list and remove raw edits",
	.verbs = raw_verbs,
};
