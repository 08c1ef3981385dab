// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "disassembly.h"
#include "function_text.h"
#include "list.h"
#include "output.h"

/* The output of the command. */
struct diff {
	bool json;		       /* print nothing before the end */
	bool all;		       /* print equal instructions, too */
	struct json_object *functions; /* an array, which grows also without @json */
	struct json_object *changes;   /* array of the function that is being compared */
	struct json_object *change;    /* its last element, or NULL */
	char mark;		       /* of the last instruction */
};

static struct json_object *change_begin(struct diff *diff, size_t offset)
{
	struct json_object *change = json_object_new_object();

	json_object_object_add(change, "offset", json_object_new_uint64(offset));
	json_object_object_add(change, "base", json_object_new_array());
	json_object_object_add(change, "shadow", json_object_new_array());
	json_object_array_add(diff->changes, change);
	return change;
}

static void insn_tell(struct json_object *change, const char *side, const char *insn)
{
	struct json_object *array;

	json_object_object_get_ex(change, side, &array);
	json_object_array_add(array, json_text(insn));
}

/* Prints or collects one instruction, see function_text_line. */
static void insn_handle(void *context, char mark, size_t offset, const char *insn)
{
	struct diff *diff = context;

	if (mark == '-' && diff->mark != '-')
		diff->change = change_begin(diff, offset);
	if (mark != ' ')
		insn_tell(diff->change, mark == '-' ? "base" : "shadow", insn);
	if (!diff->json && (mark != ' ' || diff->all))
		printf("%c +0x%-5zx %s\n", mark, offset, insn);
	diff->mark = mark;
}

static void function_tell(struct diff *diff, const struct function_text *text)
{
	struct json_object *object = json_object_new_object();

	diff->changes = json_object_new_array();
	diff->mark = ' ';
	json_object_object_add(object, "symbol", json_text(text->symbol));
	json_object_object_add(object, "address", address_json(text->addr));
	json_object_object_add(object, "size", json_object_new_uint64(text->len));
	json_object_object_add(object, "changes", diff->changes);
	if (!diff->json)
		printf("%s%s, 0x%" PRIx64 ":\n",
		       json_object_array_length(diff->functions) ? "\n" : "", text->symbol,
		       text->addr);
	json_object_array_add(diff->functions, object);
	function_text_lines(text, insn_handle, diff);
}

static int one_diff(struct diff *diff, struct shadowk_shadow *shadow, const char *symbol,
		    uint64_t addr, struct shadowk_subject *subject)
{
	struct function_text text __cleanup(function_text_free) = { 0 };
	struct shadowk_text place = { .size = sizeof(place), .addr = addr };
	int err;

	snprintf(place.symbol, sizeof(place.symbol), "%s", symbol);
	subject->text = &place;
	err = function_text_read(&text, shadow, symbol, addr);
	if (err)
		return refuse(SHADOWK_OP_TEXT_READ, err, subject);
	function_tell(diff, &text);
	return STATUS_DONE;
}

/* Compares each function that has an edit other than a hook of the module. Returns a status. */
static int all_diffs(struct diff *diff, struct shadowk_shadow *shadow,
		     struct shadowk_subject *subject)
{
	struct shadowk_edit_info *edits __cleanup(list_free) = NULL;
	int count = list_read(shadowk_edit_list, shadow, &edits);
	uint64_t last = 0;
	int status;

	if (count < 0)
		return refuse(SHADOWK_OP_EDIT_LIST, count, subject);
	for (int i = 0; i < count; i++) {
		const struct shadowk_edit_info *edit = &edits[i];
		uint64_t start = edit->addr - edit->offset;

		if (edit->flags & SHADOWK_EDIT_HOOK || (start == last && edit->addr))
			continue;
		last = start;
		status = one_diff(diff, shadow, edit->addr ? "" : edit->symbol, start, subject);
		if (status)
			return status;
	}
	return STATUS_DONE;
}

/* Returns the number behind "0x", or 0 if @text is a name. Exits on wrong usage. */
static uint64_t address_parse(const struct cli *cli, const char *text)
{
	char *end;
	uint64_t addr;

	if (strncmp(text, "0x", 2) || !isxdigit((unsigned char)text[2]))
		return 0;
	errno = 0;
	addr = strtoull(text, &end, 16);
	if (*end || errno || !addr)
		usage(cli, "'%s' is not an address", text);
	return addr;
}

static int cmd_diff(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct json_object *functions __cleanup(json_free) = NULL;
	struct diff diff = { 0 };
	const char *function = NULL;
	uint64_t addr = 0;
	int status;

	option_next(cli, argc, argv, NULL);
	if (argc - optind == 2) {
		function = argv[optind + 1];
		addr = address_parse(cli, function);
		if (strlen(function) >= SHADOWK_SYMBOL_LEN)
			usage(cli, "'%.32s...' is too long for the name of a function", function);
		argc--;
	}
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	status = session_open_shadow(&session, subject.shadow);
	if (!status)
		status = disassembly_init();
	if (status)
		return status;
	functions = json_object_new_array();
	diff.json = cli->json;
	diff.functions = functions;
	diff.all = function;
	if (function)
		status = one_diff(&diff, session.shadow, addr ? "" : function, addr, &subject);
	else
		status = all_diffs(&diff, session.shadow, &subject);
	if (!status && cli->json)
		json_print(&functions, false);
	return status;
}

const struct verb verb_diff = {
	.name = "diff",
	.group = GROUP_CHECKS,
	.args = "SHADOW [FUNC]",
	.summary = "Show the instructions that differ between a shadow and the base",
	.options =
		"  FUNC              print the whole of this function, a name or 0xADDRESS; without\n"
		"                    it, the changed instructions of all functions\n",
	.help = "Lines with '-' are instructions of the base, lines with '+' those of the shadow.\n"
		"Needs libcapstone4.\n",
	.run = cmd_diff,
};
