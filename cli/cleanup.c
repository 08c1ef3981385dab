// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "cli.h"

void text_free(char **text)
{
	free(*text);
}

void file_close(FILE **file)
{
	if (*file)
		fclose(*file);
}
