// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "cli.h"

void *need_memory(void *memory)
{
	if (memory)
		return memory;
	report("out of memory");
	exit(STATUS_REFUSED);
}

void text_free(char **text)
{
	free(*text);
}

void file_close(FILE **file)
{
	if (*file)
		fclose(*file);
}
