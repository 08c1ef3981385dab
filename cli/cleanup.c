// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

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

bool text_ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}
