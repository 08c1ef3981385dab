// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* Statuses that shells use. */
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
		report("there is no command '%s', or not its interpreter; give its path, or "
		       "correct PATH",
		       command[0]);
		return STATUS_NOT_FOUND;
	}
	report("cannot execute '%s': %s", command[0], strerror(errno));
	return STATUS_NOT_EXECUTABLE;
}
