// SPDX-License-Identifier: GPL-2.0-only
/* The verbs apply and diff-config. */
#include <stdio.h>

#include "cli.h"
#include "declared.h"
#include "output.h"

#define TEXT_LEN 2048

struct order {
	bool dry_run;
	bool boot;
	bool survived;
	const char *units; /* the folder of --units */
	char **files;
	size_t nr;
};

static void order_parse(struct cli *cli, int argc, char **argv, struct order *order)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'd' },
		{ "boot", no_argument, NULL, 'b' },
		{ "survived", no_argument, NULL, 's' },
		{ "units", required_argument, NULL, 'u' },
		{ 0 },
	};
	int opt;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'd')
			order->dry_run = true;
		else if (opt == 'b')
			order->boot = true;
		else if (opt == 's')
			order->survived = true;
		else
			order->units = optarg;
	}
	if (order->dry_run + order->boot + order->survived + !!order->units > 1)
		usage(cli, "give one of --dry-run, --boot, --survived and --units");
	order->files = argv + optind;
	order->nr = (size_t)(argc - optind);
	if (order->nr && (order->boot || order->survived || order->units))
		usage(cli, "'%s' is one argument too many: only --dry-run takes files",
		      order->files[0]);
}

/* Prints the actions and notes. @outcome is the line for people behind them. */
static void plan_print(const struct cli *cli, const struct plan *plan, const char *outcome)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *actions = json_object_new_array(), *notes = json_object_new_array();
	char text[TEXT_LEN];

	for (size_t i = 0; i < plan->count; i++) {
		const char *name = plan->planned[plan->action[i].shadow].declared->name;
		struct json_object *action = json_object_new_object();

		action_text(text, sizeof(text), &plan->action[i]);
		if (!cli->json)
			printf("%s: %s\n", name, text);
		json_object_object_add(action, "shadow", json_text(name));
		json_object_object_add(action, "action", json_text(text));
		json_object_array_add(actions, action);
	}
	for (size_t i = 0; i < plan->nr_notes; i++) {
		if (!cli->json)
			printf("%s\n", plan->note[i]);
		json_object_array_add(notes, json_text(plan->note[i]));
	}
	json_object_object_add(object, "actions", actions);
	json_object_object_add(object, "notes", notes);
	if (cli->json)
		json_print(&object, false);
	else if (outcome)
		puts(outcome);
}

/*
 * Blocks the shadows that have a mark of an earlier boot, and marks the others. Returns a status,
 * which is an error if some are blocked.
 */
static int marks_begin(struct declarations *all)
{
	int status = STATUS_DONE;

	for (size_t i = 0; i < all->count; i++) {
		struct declared *declared = &all->shadow[i];

		declared->blocked = mark_is_old(declared->name);
		if (declared->blocked)
			report("%s: shadow '%s' is not applied: the machine ended within a minute "
			       "after it was applied at an earlier boot; look for a panic in "
			       "'journalctl -k -b -1', mend the file, and run 'shadowctl apply'",
			       declared->path, declared->name);
		else if (mark_set(declared->name))
			declared->blocked = true;
		if (declared->blocked)
			status = STATUS_REFUSED;
	}
	return status;
}

/* Removes the marks of shadows that were not applied after all. */
static void marks_revert(const struct declarations *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (!all->shadow[i].blocked)
			mark_clear(all->shadow[i].name);
}

/* Removes old marks, after the user has applied the shadows. */
static void marks_forget(const struct declarations *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (!mark_is_old(all->shadow[i].name))
			continue;
		mark_clear(all->shadow[i].name);
		report("note: shadow '%s' was blocked, because the machine ended within a minute "
		       "after it was applied; it is applied at the next boot again",
		       all->shadow[i].name);
	}
}

static const char *outcome(const struct plan *plan, const struct declarations *all, bool dry_run)
{
	if (!all->count)
		return "nothing is declared: there is no file " DECLARED_FOLDER "/*.shadow";
	if (!plan->count)
		return "nothing changed";
	return dry_run ? "nothing changed, because of --dry-run" : NULL;
}

static int apply(const struct cli *cli, const struct order *order, struct declarations *all)
{
	struct session session __cleanup(session_close) = { 0 };
	struct plan plan __cleanup(plan_free) = { 0 };
	int status = session_open(&session);

	if (!status)
		status = plan_make(&plan, session.dev, all);
	if (!status && !order->dry_run)
		status = plan_apply(&plan);
	if (status)
		return status;
	if (!order->dry_run && !order->boot)
		marks_forget(all);
	plan_print(cli, &plan, outcome(&plan, all, order->dry_run));
	return STATUS_DONE;
}

static int cmd_apply(struct cli *cli, int argc, char **argv)
{
	struct declarations all __cleanup(declared_free) = { 0 };
	int lock __cleanup(declared_unlock) = -1;
	struct order order = { 0 };
	int status, marked = STATUS_DONE;

	order_parse(cli, argc, argv, &order);
	if (order.survived)
		return marks_clear_new();
	status = declared_read(&all, order.files, order.nr);
	if (status)
		return status;
	if (order.units)
		return units_write(&all, order.units);
	/* Before the marks: an 'apply --boot' that is refused would remove those of another one. */
	if (!order.dry_run)
		status = declared_lock(&lock);
	if (status)
		return status;
	if (order.boot)
		marked = marks_begin(&all);
	status = apply(cli, &order, &all);
	if (status && order.boot)
		marks_revert(&all);
	return status ? status : marked;
}

/* Exit statuses of 'diff-config', as those of diff(1). */
enum {
	DIFF_SAME = 0,
	DIFF_DIFFERS = 1,
	DIFF_ERROR = 2,
};

static int cmd_diff_config(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct declarations all __cleanup(declared_free) = { 0 };
	struct plan plan __cleanup(plan_free) = { 0 };

	option_next(cli, argc, argv, NULL);
	if (declared_read(&all, argv + optind, (size_t)(argc - optind)) || session_open(&session) ||
	    plan_make(&plan, session.dev, &all))
		return DIFF_ERROR;
	plan_print(cli, &plan, NULL);
	return plan.count ? DIFF_DIFFERS : DIFF_SAME;
}

const struct verb verb_apply = {
	.name = "apply",
	.group = GROUP_SHADOWS,
	.args = "[--dry-run] [FILE...]\n"
		"--boot\n"
		"--survived\n"
		"--units FOLDER",
	.summary = "Make the shadows that files declare",
	.options =
		"  FILE              a file as in shadowk.shadow(5); without it, all files\n"
		"                    " DECLARED_FOLDER "/*.shadow\n"
		"  --dry-run         print what would change, and change nothing\n"
		"  --boot            mark the shadows, and leave those out that have a mark of an\n"
		"                    earlier boot; for shadowk.service\n"
		"  --survived        remove the marks of this boot; for shadowk-survived.service\n"
		"  --units FOLDER    write drop-ins for the units that the files name; for systemd's\n"
		"                    generator\n",
	.help = "Changes only what differs, and prints a line for each change. If a file has a\n"
		"mistake, or an edit is refused, nothing is changed. Waits for another 'apply'.\n",
	.run = cmd_apply,
};

const struct verb verb_diff_config = {
	.name = "diff-config",
	.group = GROUP_SHADOWS,
	.args = "[FILE...]",
	.summary = "Show what 'apply' would change",
	.options = "  FILE              a file as in shadowk.shadow(5); without it, all files\n"
		   "                    " DECLARED_FOLDER "/*.shadow\n",
	.help = "The exit status is 0 if nothing differs, 1 if something does, and 2 after an error.\n",
	.run = cmd_diff_config,
};
