// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "source_files.h"

/* Functions before and behind a function in the kernel image that tell its file. */
#define NEIGHBOURS 8
/* Names that can be in one declaration and are followed by parentheses. */
#define DECLARED_MAX 16

/* Other folders have no files, or files of which the kernel's modules consist. */
static const char *const folders[] = {
	"arch/x86", "block", "crypto", "drivers/char", "drivers/tty", "fs",  "init",
	"io_uring", "ipc",   "kernel", "lib",	       "mm",	      "net", "security",
};

/* A name of the kernel's functions, without the compiler's suffix, such as ".isra.0". */
struct name {
	const char *text;
	size_t len;
	size_t place; /* of the function in the kernel image */
};

/* Several functions can have one name. Its number is the index of the first of them in names[]. */
struct definition {
	size_t name, file;
};

struct source_index {
	const char *tree;
	size_t nr;	    /* of functions */
	struct name *names; /* sorted */
	size_t *name_of;    /* of each place: the number of its name */
	size_t nr_paths, room_paths;
	char **paths;
	size_t nr_definitions, room_definitions;
	struct definition *definitions; /* source_index_open() sorts them, by name and by file */
};

/* The declaration outside of functions that is being read. */
struct declaration {
	size_t nr;
	size_t names[DECLARED_MAX];
	bool value; /* it has a "=": braces are an initialiser */
};

static int text_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int name_compare(const void *a, const void *b)
{
	const struct name *one = a, *other = b;
	int order = text_compare(one->text, one->len, other->text, other->len);

	return order ? order : (one->place > other->place) - (one->place < other->place);
}

static int definition_compare(const void *a, const void *b)
{
	const struct definition *one = a, *other = b;

	if (one->name != other->name)
		return one->name > other->name ? 1 : -1;
	return (one->file > other->file) - (one->file < other->file);
}

static void names_init(struct source_index *index, const char *const *names)
{
	index->names = need_memory(calloc(index->nr + 1, sizeof(*index->names)));
	index->name_of = need_memory(calloc(index->nr + 1, sizeof(*index->name_of)));
	for (size_t i = 0; i < index->nr; i++)
		index->names[i] = (struct name){ names[i], strcspn(names[i], "."), i };
	qsort(index->names, index->nr, sizeof(*index->names), name_compare);
	for (size_t i = 0, first = 0; i < index->nr; i++) {
		const struct name *name = &index->names[i], *before = &index->names[first];

		if (text_compare(name->text, name->len, before->text, before->len))
			first = i;
		index->name_of[name->place] = first;
	}
}

/* Returns the number of the name, or index->nr if no function has it. */
static size_t name_find(const struct source_index *index, const char *text, size_t len)
{
	size_t low = 0, high = index->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct name *name = &index->names[middle];

		if (text_compare(name->text, name->len, text, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < index->nr &&
	    !text_compare(index->names[low].text, index->names[low].len, text, len))
		return low;
	return index->nr;
}

static void declare(const struct source_index *index, struct declaration *declaration,
		    const char *text, size_t len)
{
	size_t name = name_find(index, text, len);

	if (name < index->nr && declaration->nr < DECLARED_MAX)
		declaration->names[declaration->nr++] = name;
}

/* Declares the functions that SYSCALL_DEFINE3(NAME, ...) defines. @text is behind the "(". */
static void declare_syscall(const struct source_index *index, struct declaration *declaration,
			    const char *text, const char *end)
{
	static const char *const prefixes[] = { "__x64_sys_", "__se_sys_", "__do_sys_" };
	char name[128];
	int len = 0;

	while (text < end && isspace((unsigned char)*text))
		text++;
	while (text + len < end && (isalnum((unsigned char)text[len]) || text[len] == '_'))
		len++;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		snprintf(name, sizeof(name), "%s%.*s", prefixes[i], len, text);
		declare(index, declaration, name, strlen(name));
	}
}

static void define(struct source_index *index, const struct declaration *declaration)
{
	for (size_t i = 0; !declaration->value && i < declaration->nr; i++) {
		if (index->nr_definitions == index->room_definitions) {
			index->room_definitions = 2 * index->room_definitions + 1024;
			index->definitions = need_memory(reallocarray(index->definitions,
								      index->room_definitions,
								      sizeof(*index->definitions)));
		}
		index->definitions[index->nr_definitions++] =
			(struct definition){ declaration->names[i], index->nr_paths };
	}
}

/*
 * Returns the end of the comment, text, character or preprocessor line that begins at @at. If
 * none begins there, returns @at.
 */
static const char *skip(const char *at, const char *end, bool line_begins)
{
	char quote = *at;

	if (quote == '/' && at + 1 < end && at[1] == '/')
		return memchr(at, '\n', end - at) ?: end;
	if (quote == '/' && at + 1 < end && at[1] == '*') {
		at = memmem(at + 2, end - at - 2, "*/", 2);
		return at ? at + 2 : end;
	}
	if (quote == '#' && line_begins) {
		while ((at = memchr(at, '\n', end - at)) && at[-1] == '\\')
			at++;
		return at ?: end;
	}
	if (quote != '"' && quote != '\'')
		return at;
	for (at++; at < end && *at != quote && *at != '\n'; at++)
		at += *at == '\\' && at + 1 < end;
	return at < end ? at + 1 : end;
}

/* Notes the functions that the text of a file defines. */
static void text_read(struct source_index *index, const char *at, const char *end)
{
	struct declaration declaration = { 0 };
	int braces = 0, parentheses = 0;
	bool line_begins = true;

	while (at < end) {
		const char *next = skip(at, end, line_begins);

		if (next != at) {
			at = next;
			continue;
		}
		if (isalpha((unsigned char)*at) || *at == '_') {
			const char *word = at;

			while (at < end && (isalnum((unsigned char)*at) || *at == '_'))
				at++;
			next = at;
			while (next < end && isblank((unsigned char)*next))
				next++;
			if (!braces && !parentheses && next < end && *next == '(') {
				if (!strncmp(word, "SYSCALL_DEFINE", strlen("SYSCALL_DEFINE")))
					declare_syscall(index, &declaration, next + 1, end);
				else
					declare(index, &declaration, word, at - word);
			}
			line_begins = false;
			continue;
		}
		switch (*at) {
		case '(':
			parentheses++;
			break;
		case ')':
			parentheses -= parentheses > 0;
			break;
		case '{':
			/* Branches of #if may open more than they close. */
			if (line_begins)
				braces = parentheses = 0;
			if (!braces && !parentheses)
				define(index, &declaration);
			braces++;
			break;
		case '}':
			braces = line_begins ? 0 : braces - (braces > 0);
			if (line_begins)
				parentheses = 0;
			if (!braces)
				declaration = (struct declaration){ 0 };
			break;
		case ';':
			if (!braces && !parentheses)
				declaration = (struct declaration){ 0 };
			break;
		case '=':
			declaration.value |= !braces && !parentheses;
			break;
		default:
			break;
		}
		line_begins = *at == '\n';
		at++;
	}
}

/* Returns the path of @name below @folder, for free(). */
static char *path_join(const char *folder, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		path = NULL;
	return need_memory(path);
}

static void file_read(struct source_index *index, const char *path)
{
	char *full __cleanup(text_free) = path_join(index->tree, path);
	struct stat st;
	char *text;
	int fd;

	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	text = !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size
		       ? mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
		       : MAP_FAILED;
	close(fd);
	if (text == MAP_FAILED)
		return;
	if (index->nr_paths == index->room_paths) {
		index->room_paths = 2 * index->room_paths + 256;
		index->paths = need_memory(
			reallocarray(index->paths, index->room_paths, sizeof(*index->paths)));
	}
	text_read(index, text, text + st.st_size);
	index->paths[index->nr_paths++] = need_memory(strdup(path));
	munmap(text, st.st_size);
}

/* Reads the C files of a folder and below. */
static void folder_read(struct source_index *index, const char *folder)
{
	char *full __cleanup(text_free) = path_join(index->tree, folder);
	DIR *dir = opendir(full);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *path __cleanup(text_free) = path_join(folder, entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type == DT_DIR)
			folder_read(index, path);
		else if (text_ends_with(path, ".c"))
			file_read(index, path);
	}
	if (dir)
		closedir(dir);
}

static bool is_definition(const struct source_index *index, size_t name, size_t file)
{
	struct definition wanted = { name, file };

	return bsearch(&wanted, index->definitions, index->nr_definitions, sizeof(wanted),
		       definition_compare);
}

/* Returns the index of the first definition of the name, or of that which would be behind it. */
static size_t definition_first(const struct source_index *index, size_t name)
{
	size_t low = 0, high = index->nr_definitions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->definitions[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Returns the number of neighbours of the function that the file defines. */
static size_t neighbours_count(const struct source_index *index, size_t place, size_t file)
{
	size_t begin = place > NEIGHBOURS ? place - NEIGHBOURS : 0, found = 0;

	for (size_t i = begin; i <= place + NEIGHBOURS && i < index->nr; i++)
		found += i != place && is_definition(index, index->name_of[i], file);
	return found;
}

/* Returns the number of the file that defines the function, or nr_paths. */
static size_t file_of(const struct source_index *index, size_t place)
{
	size_t name = index->name_of[place], best = 0, file = index->nr_paths;

	for (size_t i = definition_first(index, name);
	     i < index->nr_definitions && index->definitions[i].name == name; i++) {
		size_t found = neighbours_count(index, place, index->definitions[i].file) + 1;

		if (found > best) {
			best = found;
			file = index->definitions[i].file;
		}
	}
	return file;
}

static int file_compare(const void *a, const void *b)
{
	const struct source_file *one = a, *other = b;

	if (one->calls != other->calls)
		return one->calls < other->calls ? 1 : -1;
	return strcmp(one->path, other->path);
}

void source_files_find(struct source_files *files, const struct source_index *index,
		       const uint64_t *calls)
{
	struct source_file *all = need_memory(calloc(index->nr_paths + 1, sizeof(*files->file)));

	for (size_t i = 0; i < index->nr; i++) {
		size_t file = calls[i] ? file_of(index, i) : index->nr_paths;

		if (file == index->nr_paths)
			continue;
		files->calls += calls[i];
		all[file].calls += calls[i];
		all[file].called++;
	}
	for (size_t i = 0; i < index->nr_definitions; i++)
		all[index->definitions[i].file].functions++;
	for (size_t i = 0; i < index->nr_paths; i++) {
		if (!all[i].calls)
			continue;
		all[i].path = need_memory(strdup(index->paths[i]));
		all[files->count++] = all[i];
	}
	files->file = all;
	qsort(all, files->count, sizeof(*all), file_compare);
}

void source_index_close(struct source_index **index)
{
	struct source_index *old = *index;

	if (!old)
		return;
	for (size_t i = 0; i < old->nr_paths; i++)
		free(old->paths[i]);
	free(old->paths);
	free(old->names);
	free(old->name_of);
	free(old->definitions);
	free(old);
	*index = NULL;
}

int source_index_open(struct source_index **result, const char *tree, const char *const *names,
		      size_t nr)
{
	struct source_index *index = need_memory(calloc(1, sizeof(*index)));
	size_t kept = 0;

	*result = index;
	index->tree = tree;
	index->nr = nr;
	names_init(index, names);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		folder_read(index, folders[i]);
	if (!index->nr_definitions) {
		report("'%s' has no files with functions of this kernel", tree);
		return STATUS_REFUSED;
	}
	qsort(index->definitions, index->nr_definitions, sizeof(*index->definitions),
	      definition_compare);
	for (size_t i = 0; i < index->nr_definitions; i++)
		if (!kept ||
		    definition_compare(&index->definitions[kept - 1], &index->definitions[i]))
			index->definitions[kept++] = index->definitions[i];
	index->nr_definitions = kept;
	return STATUS_DONE;
}

bool source_index_has(const struct source_index *index, size_t function)
{
	size_t first = definition_first(index, index->name_of[function]);

	return first < index->nr_definitions &&
	       index->definitions[first].name == index->name_of[function];
}

void source_files_limit(struct source_files *files, size_t max, size_t functions)
{
	uint64_t all = 0, calls = 0;
	size_t kept = 0, used = 0;

	for (size_t i = 0; i < files->count; i++)
		all += files->file[i].calls;
	for (size_t i = 0; i < files->count; i++) {
		struct source_file *file = &files->file[i];

		if (kept == max || calls >= all - all / 20 || used + file->functions > functions) {
			free(file->path);
			continue;
		}
		calls += file->calls;
		used += file->functions;
		files->file[kept++] = *file;
	}
	files->count = kept;
	files->paths = need_memory(calloc(kept + 1, sizeof(*files->paths)));
	for (size_t i = 0; i < kept; i++)
		files->paths[i] = files->file[i].path;
}

void source_files_free(struct source_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->file[i].path);
	free(files->file);
	free(files->paths);
	*files = (struct source_files){ 0 };
}
