// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "cli.h"
#include "output.h"

static const char *const headings[] = { "NAME",	 "ID",	   "PROCESSES", "PROBES",
					"PAGES", "MEMORY", "DELEGABLE" };

static void row_add(struct table *table, const struct shadowk_shadow_info *info)
{
	char memory[24];

	memory_print(memory, sizeof(memory), info->memory);
	if (info->target)
		table_add(table, "(calls of %" PRIu64 ")", info->target);
	else
		table_add(table, "%s", info->name[0] ? info->name : "(none)");
	table_add(table, "%" PRIu64, info->id);
	table_add(table, "%u", info->nr_grafts);
	table_add(table, "%u", info->nr_probes);
	table_add(table, "%u", info->private_pages);
	table_add(table, "%s", memory);
	table_add(table, "%s", delegable_text(info));
}

static int cmd_list(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_shadow_info info = { .size = sizeof(info) };
	struct json_object *array __cleanup(json_free) = json_object_new_array();
	struct table table __cleanup(table_free);
	int more, status;

	table_init(&table, "lrrrrrl");
	option_next(cli, argc, argv, NULL);
	arguments(cli, argc, argv, 0, NULL);
	status = session_open(&session);
	if (status)
		return status;
	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		table_add(&table, "%s", headings[i]);
	while ((more = shadowk_shadow_next(session.dev, &info)) > 0) {
		json_object_array_add(array, shadow_json(&info));
		row_add(&table, &info);
	}
	if (more < 0)
		return refuse(SHADOWK_OP_SHADOW_NEXT, more, NULL);
	if (cli->json)
		json_print(&array, false);
	else
		table_print(&table, stdout);
	return STATUS_DONE;
}

const struct verb verb_list = {
	.name = "list",
	.group = GROUP_SHADOWS,
	.args = "",
	.summary = "List all shadows",
	.help = "PROCESSES counts address spaces inside, PAGES private pages of text. DELEGABLE tells\n"
		"whether a process without capabilities may use a handle. The name (calls of ID)\n"
		"stands for a shadow that --syscalls made of the shadow with that id.\n",
	.run = cmd_list,
};
