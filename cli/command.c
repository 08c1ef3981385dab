// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* As shells have it. */
enum {
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
};

int command_argc(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			return i;
	return argc;
}

int command_exec(char **command)
{
	execvp(command[0], command);
	if (errno == ENOENT || errno == ENOTDIR) {
		report("no command '%s' (or no interpreter that it names); give its path, "
		       "or mend PATH",
		       command[0]);
		return STATUS_NOT_FOUND;
	}
	report("cannot execute '%s': %s", command[0], strerror(errno));
	return STATUS_NOT_EXECUTABLE;
}
