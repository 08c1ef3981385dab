// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "source_diff.h"

/* Returns the path in a line "--- a/fs/pipe.c", without the first folder, for free(); or NULL. */
static char *path_read(const char *line)
{
	size_t len = strcspn(line + 4, "\t\n");
	const char *slash = memchr(line + 4, '/', len);

	if (!slash || !strncmp(line + 4, "/dev/null", 9))
		return NULL;
	return need_memory(strndup(slash + 1, line + 4 + len - (slash + 1)));
}

/* Returns the element of diff->files that is @path, which it adds if it is new. Frees @path. */
static const char *file_add(struct source_diff *diff, char *path)
{
	for (size_t i = 0; i < diff->nr_files; i++)
		if (!strcmp(diff->files[i], path)) {
			free(path);
			return diff->files[i];
		}
	diff->files =
		need_memory(realloc(diff->files, (diff->nr_files + 1) * sizeof(*diff->files)));
	diff->files[diff->nr_files] = path;
	return diff->files[diff->nr_files++];
}

static void line_add(struct source_diff *diff, struct diff_line line)
{
	diff->lines =
		need_memory(realloc(diff->lines, (diff->nr_lines + 1) * sizeof(*diff->lines)));
	diff->lines[diff->nr_lines++] = line;
}

int source_diff_read(struct source_diff *diff, const char *path)
{
	FILE *in __cleanup(file_close) = fopen(path, "re");
	char *line __cleanup(text_free) = NULL;
	long old = 0, new = 0; /* lines of the hunk that follow */
	size_t old_number = 0, new_number = 0;
	const char *file = NULL;
	size_t size = 0;

	diff->path = path;
	if (!in) {
		report("cannot read '%s': %s", path, strerror(errno));
		return STATUS_REFUSED;
	}
	for (size_t at = 1; getline(&line, &size, in) > 0; at++) {
		if (old > 0 || new > 0) {
			old -= *line != '+' && *line != '\\';
			new -= *line != '-' && *line != '\\';
			if (*line == '+' || *line == '-')
				line_add(diff,
					 (struct diff_line){
						 .file = file,
						 .at = at,
						 .number = *line == '+' ? new_number : old_number,
						 .added = *line == '+',
						 .text = need_memory(strdup(line + 1)) });
			old_number += *line != '+' && *line != '\\';
			new_number += *line != '-' && *line != '\\';
		} else if (!strncmp(line, "--- ", 4) || !strncmp(line, "+++ ", 4)) {
			char *found = path_read(line);

			if (!found) {
				report("%s:%zu: the diff adds or removes a file", path, at);
				return STATUS_REFUSED;
			}
			file = file_add(diff, found);
		} else if (!strncmp(line, "@@ -", 4) && file) {
			char *place = line + 4;

			old = new = 1;
			old_number = strtol(place, &place, 10);
			if (*place == ',')
				old = strtol(place + 1, &place, 10);
			place += strspn(place, " +");
			new_number = strtol(place, &place, 10);
			if (*place == ',')
				new = strtol(place + 1, &place, 10);
		}
	}
	if (diff->nr_lines)
		return STATUS_DONE;
	report("'%s' is not a unified diff, or it changes nothing", path);
	return STATUS_REFUSED;
}

void source_diff_free(struct source_diff *diff)
{
	for (size_t i = 0; i < diff->nr_files; i++)
		free(diff->files[i]);
	for (size_t i = 0; i < diff->nr_lines; i++)
		free(diff->lines[i].text);
	free(diff->files);
	free(diff->lines);
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_')) &&
		    !isalnum((unsigned char)at[len]) && at[len] != '_')
			return true;
	return false;
}

const struct diff_line *source_diff_find(const struct source_diff *diff, const char *file,
					 const char *word)
{
	for (size_t i = 0; i < diff->nr_lines; i++)
		if (!strcmp(diff->lines[i].file, file) &&
		    (!word || has_word(diff->lines[i].text, word)))
			return &diff->lines[i];
	return NULL;
}
