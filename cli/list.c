// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "list.h"

void *list_grow(void *elements, int count, size_t element_size)
{
	return need_memory(reallocarray(elements, (size_t)count + LIST_STEP, element_size));
}

void list_free(void *elements)
{
	void *array;

	memcpy(&array, elements, sizeof(array));
	free(array);
}
