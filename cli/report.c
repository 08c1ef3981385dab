// SPDX-License-Identifier: GPL-2.0-only
/* Messages: one line each, on standard error. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void __printf(1, 0) report_list(const char *format, va_list list)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, list);
	/* Arguments of the user may contain newlines or terminal commands. */
	for (char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	fprintf(stderr, "shadowctl: %s\n", line);
}

void report(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	report_list(format, list);
	va_end(list);
}

int refuse(enum shadowk_op op, int err, const struct shadowk_subject *subject)
{
	char line[1024];

	report("%s", shadowk_explain(line, sizeof(line), op, err, subject));
	return STATUS_REFUSED;
}

void usage(const struct cli *cli, const char *format, ...)
{
	char line[512];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	report("%s; try 'shadowctl %s%s--help'", line, cli->path, cli->path[0] ? " " : "");
	exit(STATUS_USAGE);
}
