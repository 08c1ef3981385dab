// SPDX-License-Identifier: GPL-2.0-only
/* What --help prints, and the end of standard output. */
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

static void verbs_print(const struct verb *const *verbs, const char *prefix)
{
	for (; *verbs; verbs++) {
		const struct verb *verb = *verbs;

		if (verb->verbs)
			verbs_print(verb->verbs, verb->name);
		else
			printf("  %s%s%s%s%s\n        %s\n", prefix, *prefix ? " " : "", verb->name,
			       *verb->args ? " " : "", verb->args, verb->summary);
	}
}

void help_print(const struct cli *cli)
{
	const struct verb *verb = cli->verb;

	if (verb->verbs) {
		printf("usage: shadowctl %s VERB ...\n\n%s.\n\n", cli->path, verb->summary);
		verbs_print(verb->verbs, cli->path);
		printf("\n'shadowctl %s VERB --help' says more.\n", cli->path);
		return;
	}
	printf("usage: shadowctl %s%s%s%s\n\n%s.\n\n", cli->path, *verb->args ? " " : "",
	       verb->args, verb->silent ? "" : " [--json]", verb->summary);
	if (verb->help)
		printf("%s", verb->help);
	if (!verb->silent)
		printf("  --json            print JSON\n");
	printf("  --help            print this\n");
}

void help_print_all(const struct verb *const *verbs)
{
	printf("usage: shadowctl VERB ...\n\n"
	       "Private variants of the running kernel's text for chosen processes.\n\n");
	verbs_print(verbs, "");
	printf("\n  --json            print JSON; all verbs that print take it\n"
	       "  --help            'shadowctl VERB --help' says more\n"
	       "  --version\n\n"
	       "Exit status: 0 done, 1 refused or failed, 2 wrong usage; that of 'run' is its\n"
	       "command's.\n");
}

/* A full disk behind standard output is a failure too. */
int stdout_finish(void)
{
	bool failed = ferror(stdout);

	if (fclose(stdout) == 0 && !failed)
		return STATUS_DONE;
	report("cannot write standard output: %s", strerror(errno));
	return STATUS_REFUSED;
}
