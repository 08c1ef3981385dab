// SPDX-License-Identifier: GPL-2.0-only
/* Prints the text of --help, and closes standard output. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

const struct verb *verb_find(const struct verb *const *verbs, const char *name)
{
	for (; *verbs; verbs++)
		if (!strcmp((*verbs)->name, name))
			return *verbs;
	return NULL;
}

static const char *const group_titles[] = {
	[GROUP_SHADOWS] = "Shadows",
	[GROUP_INSIDE] = "Processes, interrupts and kernel threads",
	[GROUP_EDITS] = "Edits",
	[GROUP_CHECKS] = "Measuring and checking",
};

/* Prints a line for each verb, and a heading where the group changes. */
static void verbs_print(const struct verb *const *verbs, const char *prefix)
{
	enum verb_group group = GROUP_NONE;

	for (; *verbs; verbs++) {
		const struct verb *verb = *verbs;
		char name[32];

		if (verb->group && verb->group != group)
			printf("%s:\n", group_titles[verb->group]);
		group = verb->group;
		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? " " : "", verb->name);
		if (verb->verbs)
			verbs_print(verb->verbs, verb->name);
		else
			printf("  %-15s %s\n", name, verb->summary);
	}
}

/* Nested verbs share the manual page of the verb that has them. */
static void page_print(const struct cli *cli)
{
	printf("The manual page shadowctl-%.*s(1) has limits and examples.\n",
	       (int)strcspn(cli->path, " "), cli->path);
}

static void usage_print(const struct cli *cli)
{
	const char *form = cli->verb->args, *json = cli->verb->silent ? "" : " [--json]";
	const char *begin = "usage:";
	int len;

	do {
		len = (int)strcspn(form, "\n");
		printf("%-6s shadowctl %s%s%.*s%s\n", begin, cli->path, len ? " " : "", len, form,
		       json);
		begin = "";
		form += len;
	} while (*form++);
}

void help_print(const struct cli *cli)
{
	const struct verb *verb = cli->verb;

	if (verb->verbs) {
		printf("usage: shadowctl %s VERB ...\n\n%s.\n\n", cli->path, verb->summary);
		verbs_print(verb->verbs, cli->path);
		printf("\n'shadowctl help %s VERB' prints the options of a verb.\n", cli->path);
		page_print(cli);
		return;
	}
	usage_print(cli);
	printf("\n%s.\n\n", verb->summary);
	if (strstr(verb->args, "SHADOW"))
		printf("  SHADOW            its name, or '#ID' with the id of 'shadowctl list'\n");
	printf("%s", verb->options ? verb->options : "");
	if (!verb->silent)
		printf("  --json            print JSON\n");
	printf("  --help            print this\n\n");
	if (verb->help)
		printf("%s\n", verb->help);
	page_print(cli);
}

void help_print_all(const struct verb *const *verbs)
{
	printf("usage: shadowctl [--json] VERB [ARGUMENT...]\n\n"
	       "Run chosen processes on private variants of the kernel's text.\n\n");
	verbs_print(verbs, "");
	printf("\nOptions:\n"
	       "  --json          print JSON; each verb that prints a result takes it\n"
	       "  --help          print this; after a verb, its options\n"
	       "  --version       print the version\n\n"
	       "Exit status: 0 done, 1 refused or failed, 2 wrong usage. 'run' ends with the status\n"
	       "of its command.\n\n"
	       "'shadowctl help VERB' prints the options of a verb. The manual pages shadowctl(1)\n"
	       "and shadowctl-VERB(1) have limits and examples.\n");
}

int stdout_finish(void)
{
	bool failed = ferror(stdout);

	if (fclose(stdout) == 0 && !failed)
		return STATUS_DONE;
	report("cannot write standard output: %s", strerror(errno));
	return STATUS_REFUSED;
}
