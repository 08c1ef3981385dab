// SPDX-License-Identifier: GPL-2.0-only
/* shadowctl: the table of verbs, and the selection of one. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct verb *const verbs[] = {
	&verb_create,	&verb_list,	   &verb_show,	&verb_destroy,
	&verb_apply,	&verb_diff_config, &verb_run,	&verb_attach,
	&verb_detach,	&verb_ab,	   &verb_own,	&verb_disown,
	&verb_oci_hook, &verb_share,	   &verb_probe, &verb_patch,
	&verb_train,	&verb_specialise,  &verb_raw,	&verb_count,
	&verb_latency,	&verb_trace,	   &verb_graph, &verb_top,
	&verb_capture,	&verb_stat,	   &verb_diff,	&verb_verify,
	&verb_metrics,	&verb_doctor,	   NULL,
};

static bool is_help(const char *text)
{
	return !strcmp(text, "--help") || !strcmp(text, "-h");
}

/*
 * Selects the verb that the first words of @argv name, and sets cli->verb and cli->path. Returns
 * the number of these words. Exits if they name none.
 */
static int verb_select(struct cli *cli, int argc, char **argv)
{
	const struct verb *const *table = verbs;
	int used = 0;

	while (table) {
		const struct verb *verb;
		size_t len = strlen(cli->path);

		if (used == argc)
			usage(cli, "a verb is missing");
		if (cli->verb && is_help(argv[used]))
			return used;
		verb = verb_find(table, argv[used]);
		if (!verb)
			usage(cli, "there is no verb '%s'", argv[used]);
		snprintf(cli->path + len, sizeof(cli->path) - len, "%s%s", len ? " " : "",
			 verb->name);
		cli->verb = verb;
		table = verb->verbs;
		used++;
	}
	return used;
}

static int cmd_help(struct cli *cli, int argc, char **argv)
{
	const struct verb *const *table = verbs;

	for (int i = 0; i < argc && table; i++) {
		size_t len = strlen(cli->path);

		cli->verb = verb_find(table, argv[i]);
		if (!cli->verb)
			usage(cli, "there is no verb '%s'", argv[i]);
		snprintf(cli->path + len, sizeof(cli->path) - len, "%s%s", len ? " " : "", argv[i]);
		table = cli->verb->verbs;
	}
	if (cli->verb)
		help_print(cli);
	else
		help_print_all(verbs);
	return STATUS_DONE;
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
	int used;

	for (; argc && argv[0][0] == '-'; argc--, argv++) {
		if (is_help(argv[0]))
			return cmd_help(cli, 0, NULL);
		if (!strcmp(argv[0], "--version")) {
			printf("shadowctl %s\n", shadowk_version());
			return STATUS_DONE;
		}
		if (strcmp(argv[0], "--json"))
			usage(cli, "unknown option '%s'", argv[0]);
		cli->json = true;
	}
	if (argc && !strcmp(argv[0], "help"))
		return cmd_help(cli, argc - 1, argv + 1);
	used = verb_select(cli, argc, argv);
	if (cli->verb->verbs) {
		help_print(cli);
		return STATUS_DONE;
	}
	if (cli->json && cli->verb->silent)
		usage(cli, "'%s' takes no --json", cli->path);
	/* getopt_long() expects the program's name first. The last verb is in its place. */
	return cli->verb->run(cli, argc - used + 1, argv + used - 1);
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	int status = dispatch(&cli, argc ? argc - 1 : 0, argv + 1);
	int finish = stdout_finish();

	return status ? status : finish;
}
