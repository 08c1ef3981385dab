// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"

void table_init(struct table *table, const char *align)
{
	*table = (struct table){ .align = align, .columns = strlen(align) };
}

void table_add(struct table *table, const char *format, ...)
{
	char *text = NULL;
	va_list list;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		text = NULL;
	va_end(list);
	table->cell = reallocarray(table->cell, table->cells + 1, sizeof(*table->cell));
	if (!text || !table->cell) {
		report("out of memory");
		exit(STATUS_REFUSED);
	}
	for (char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	table->cell[table->cells++] = text;
}

static int column_width(const struct table *table, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < table->cells; i += table->columns)
		if (strlen(table->cell[i]) > width)
			width = strlen(table->cell[i]);
	return (int)width;
}

void table_print(const struct table *table, FILE *file)
{
	int width[table->columns];

	for (size_t i = 0; i < table->columns; i++)
		width[i] = column_width(table, i);
	for (size_t i = 0; i < table->cells; i++) {
		size_t column = i % table->columns;
		bool last = column == table->columns - 1;

		if (table->align[column] == 'r')
			fprintf(file, "%*s", width[column], table->cell[i]);
		else
			fprintf(file, "%-*s", last ? 0 : width[column], table->cell[i]);
		fputs(last ? "\n" : "  ", file);
	}
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->cells; i++)
		free(table->cell[i]);
	free(table->cell);
}
