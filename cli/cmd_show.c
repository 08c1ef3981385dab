// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "cli.h"
#include "list.h"
#include "output.h"

/* Adds the processes inside to @array and to @table. Returns a status. */
static int processes_read(struct session *session, const struct shadowk_subject *subject,
			  struct json_object *array, struct table *table)
{
	struct shadowk_process *processes __cleanup(list_free) = NULL;
	int count = list_read(shadowk_process_list, session->shadow, &processes);

	if (count < 0)
		return refuse(SHADOWK_OP_PROCESS_LIST, count, subject);
	table_add(table, "PID");
	table_add(table, "COMMAND");
	for (int i = 0; i < count; i++) {
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "pid", json_object_new_int(processes[i].pid));
		json_object_object_add(object, "comm", json_text(processes[i].comm));
		json_object_array_add(array, object);
		table_add(table, "%d", (int)processes[i].pid);
		table_add(table, "%s", processes[i].comm);
	}
	return STATUS_DONE;
}

static void cgroup_print(const struct shadowk_cgroup *cgroup)
{
	printf("  cgroup     %s", *cgroup->path ? cgroup->path : "?");
	if (cgroup->percent < 100)
		printf(", %u%% of its processes", cgroup->percent);
	puts("");
}

/* Adds the attached cgroups to @array, or prints them if @array is NULL. Returns a status. */
static int cgroups_read(struct session *session, const struct shadowk_subject *subject,
			struct json_object *array)
{
	struct shadowk_cgroup *cgroups __cleanup(list_free) = NULL;
	int count = list_read(shadowk_cgroup_list, session->shadow, &cgroups);

	if (count < 0)
		return refuse(SHADOWK_OP_CGROUP_LIST, count, subject);
	for (int i = 0; i < count; i++) {
		if (array)
			json_object_array_add(array, json_text(cgroups[i].path));
		else
			cgroup_print(&cgroups[i]);
	}
	return STATUS_DONE;
}

static void own_print(const struct shadowk_own *own)
{
	if (own->kind == SHADOWK_OWN_IRQ)
		printf("  owns       irq %u\n", own->irq);
	else if (own->kind == SHADOWK_OWN_NAPI)
		printf("  owns       NAPI threads of '%s', %u now\n", own->pattern,
		       own->nr_threads);
	else
		printf("  owns       kernel threads '%s', %u now\n", own->pattern, own->nr_threads);
}

static struct json_object *own_json(const struct shadowk_own *own)
{
	struct json_object *object = json_object_new_object();

	if (own->kind == SHADOWK_OWN_IRQ) {
		json_object_object_add(object, "irq", json_object_new_uint64(own->irq));
	} else {
		json_object_object_add(object, own->kind == SHADOWK_OWN_NAPI ? "napi" : "kthread",
				       json_text(own->pattern));
		json_object_object_add(object, "nr_threads",
				       json_object_new_uint64(own->nr_threads));
	}
	return object;
}

/* Adds what the shadow owns to @array, or prints it if @array is NULL. Returns a status. */
static int owns_read(struct session *session, const struct shadowk_subject *subject,
		     struct json_object *array)
{
	struct shadowk_own *owns __cleanup(list_free) = NULL;
	int count = list_read(shadowk_own_list, session->shadow, &owns);

	if (count < 0)
		return refuse(SHADOWK_OP_OWN_LIST, count, subject);
	for (int i = 0; i < count; i++) {
		if (array)
			json_object_array_add(array, own_json(&owns[i]));
		else
			own_print(&owns[i]);
	}
	return STATUS_DONE;
}

static void info_print(const struct shadowk_shadow_info *info)
{
	char memory[24], huge[40] = "";

	memory_print(memory, sizeof(memory), info->memory);
	if (info->huge_ranges)
		snprintf(huge, sizeof(huge), " (%u private as a whole)", info->huge_ranges);
	printf("%s\n  id         %" PRIu64 "\n  async      %s\n  processes  %u\n"
	       "  probes     %u\n  handles    %u\n"
	       "  memory     %s, %u private pages of text in %u ranges of 2 MB%s\n",
	       info->name[0] ? info->name : "(none)", info->id, async_text(info), info->nr_grafts,
	       info->nr_probes, info->nr_handles, memory, info->private_pages,
	       info->diverged_ranges, huge);
	if (info->flags & (SHADOWK_ASYNC_CAUSAL | SHADOWK_ASYNC_UNION))
		printf("  unfollowed %" PRIu64 "\n", info->nr_unfollowed);
}

static int cmd_show(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_shadow_info info;
	struct json_object *array = NULL, *object __cleanup(json_free) = NULL;
	struct probes probes __cleanup(probes_free) = { 0 };
	struct table table __cleanup(table_free), patches __cleanup(table_free) = { 0 };
	int err, status;

	table_init(&table, "rl");
	option_next(cli, argc, argv, NULL);
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	err = shadowk_shadow_info(session.shadow, &info, sizeof(info));
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
		array = json_object_new_array();
		json_object_object_add(object, "patches", array);
		status = patches_json(session.shadow, subject.shadow, array);
		array = json_object_new_array();
		json_object_object_add(object, "cgroups", array);
		if (!status)
			status = cgroups_read(&session, &subject, array);
		array = json_object_new_array();
		json_object_object_add(object, "owns", array);
		if (!status)
			status = owns_read(&session, &subject, array);
		if (status)
			return status;
		json_print(&object, false);
		return STATUS_DONE;
	}
	info_print(&info);
	status = cgroups_read(&session, &subject, NULL);
	if (!status)
		status = owns_read(&session, &subject, NULL);
	if (status)
		return status;
	if (table.cells > table.columns) {
		puts("");
		table_print(&table, stdout);
	}
	if (probes.count) {
		puts("");
		probes_print_table(&probes);
	}
	status = patches_read(&patches, session.shadow, subject.shadow);
	if (!status && patches.cells > patches.columns) {
		puts("");
		table_print(&patches, stdout);
	}
	return status;
}

const struct verb verb_show = {
	.name = "show",
	.group = GROUP_SHADOWS,
	.args = "SHADOW",
	.summary = "Show one shadow: its processes, its edits and its memory",
	.help = "A process with pid 0 is in a pid namespace that yours does not show.\n",
	.run = cmd_show,
};
