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

/* Without @array, it prints them. */
static void cgroup_print(const struct shadowk_cgroup *cgroup)
{
	printf("  cgroup     %s", *cgroup->path ? cgroup->path : "?");
	if (cgroup->percent < 100)
		printf(", %u%% of its processes", cgroup->percent);
	puts("");
}

static int cgroups_read(struct session *session, const struct shadowk_subject *subject,
			struct json_object *array)
{
	struct shadowk_cgroup cgroup = { .size = sizeof(cgroup) };
	int more;

	while ((more = shadowk_cgroup_next(session->shadow, &cgroup)) > 0) {
		if (array)
			json_object_array_add(array, json_text(cgroup.path));
		else
			cgroup_print(&cgroup);
	}
	return more ? refuse(SHADOWK_OP_CGROUP_NEXT, more, subject) : STATUS_DONE;
}

/* Without @array, it prints them. */
static int owns_read(struct session *session, const struct shadowk_subject *subject,
		     struct json_object *array)
{
	struct shadowk_own own = { .size = sizeof(own) };
	int more;

	while ((more = shadowk_own_next(session->shadow, &own)) > 0) {
		struct json_object *object;

		if (!array && own.kind == SHADOWK_OWN_IRQ)
			printf("  owns       irq %u\n", own.irq);
		else if (!array)
			printf("  owns       kernel threads '%s', %u now\n", own.pattern,
			       own.nr_threads);
		if (!array)
			continue;
		object = json_object_new_object();
		if (own.kind == SHADOWK_OWN_IRQ) {
			json_object_object_add(object, "irq", json_object_new_uint64(own.irq));
		} else {
			json_object_object_add(object, "kthread", json_text(own.pattern));
			json_object_object_add(object, "nr_threads",
					       json_object_new_uint64(own.nr_threads));
		}
		json_object_array_add(array, object);
	}
	return more ? refuse(SHADOWK_OP_OWN_NEXT, more, subject) : STATUS_DONE;
}

static void info_print(const struct shadowk_shadow_info *info)
{
	char memory[24], huge[40] = "";

	memory_print(memory, sizeof(memory), info->memory);
	if (info->huge_ranges)
		snprintf(huge, sizeof(huge), " (%u private as a whole)", info->huge_ranges);
	printf("%s\n  id         %" PRIu64 "\n  async      %s\n  delegable  %s\n  processes  %u\n"
	       "  probes     %u\n"
	       "  memory     %s, %u private pages of text in %u ranges of 2 MB%s\n",
	       info->name, info->id, async_text(info), delegable_text(info), info->nr_grafts,
	       info->nr_probes, memory, info->private_pages, info->diverged_ranges, huge);
	if (info->flags & (SHADOWK_ASYNC_CAUSAL | SHADOWK_ASYNC_UNION))
		printf("  unfollowed %" PRIu64 "\n", info->nr_unfollowed);
}

static int cmd_show(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_shadow_info info = { .size = sizeof(info) };
	struct json_object *array = NULL, *object __cleanup(json_free) = NULL;
	struct probes probes __cleanup(probes_free) = { 0 };
	struct table table __cleanup(table_free), patches __cleanup(table_free) = { 0 };
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
	.help = "A process with pid 0 is in a pid namespace that cannot be seen from this one.\n",
	.run = cmd_show,
};
