// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "cli.h"
#include "output.h"

static int processes_read(struct session *session, const struct shadowk_subject *subject,
			  struct json_object *array, struct table *table)
{
	struct shadowk_process process = { .size = sizeof(process) };
	int more;

	table_add(table, "PID");
	table_add(table, "COMMAND");
	while ((more = shadowk_process_next(session->shadow, &process)) > 0) {
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "pid", json_object_new_int(process.pid));
		json_object_object_add(object, "comm", json_text(process.comm));
		json_object_array_add(array, object);
		table_add(table, "%d", (int)process.pid);
		table_add(table, "%s", process.comm);
	}
	return more ? refuse(SHADOWK_OP_PROCESS_NEXT, more, subject) : STATUS_DONE;
}

static void info_print(const struct shadowk_shadow_info *info)
{
	char memory[24];

	memory_print(memory, sizeof(memory), info->memory);
	printf("%s\n  id         %" PRIu64 "\n  async      %s\n  delegable  %s\n  processes  %u\n"
	       "  probes     %u\n"
	       "  memory     %s, %u private pages of text in %u ranges of 2 MB\n",
	       info->name, info->id, async_text(info), delegable_text(info), info->nr_grafts,
	       info->nr_probes, memory, info->private_pages, info->diverged_ranges);
}

static int cmd_show(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_shadow_info info = { .size = sizeof(info) };
	struct json_object *array = NULL, *object __cleanup(json_free) = NULL;
	struct probes probes __cleanup(probes_free) = { 0 };
	struct table table __cleanup(table_free);
	int err, status;

	table_init(&table, "rl");
	option_next(cli, argc, argv, NULL);
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "NAME" })[0];
	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	err = shadowk_shadow_info(session.shadow, &info);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_INFO, err, &subject);
	object = shadow_json(&info);
	array = json_object_new_array();
	json_object_object_add(object, "processes", array);
	status = processes_read(&session, &subject, array, &table);
	if (!status)
		status = probes_read(&probes, session.shadow, subject.shadow);
	if (status)
		return status;
	if (cli->json) {
		json_object_object_add(object, "probes", probes_json(&probes));
		json_print(&object, false);
		return STATUS_DONE;
	}
	info_print(&info);
	if (table.cells > table.columns) {
		puts("");
		table_print(&table, stdout);
	}
	if (probes.count) {
		puts("");
		probes_print_table(&probes);
	}
	return STATUS_DONE;
}

const struct verb verb_show = {
	.name = "show",
	.args = "NAME",
	.summary = "Show a shadow, the processes inside it and its probes",
	.help = "A process with pid 0 lives in a pid namespace that cannot be seen from here.\n\n",
	.run = cmd_show,
};
