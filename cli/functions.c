// SPDX-License-Identifier: GPL-2.0-only
/* Reads the functions of the kernel and of its modules. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "functions.h"

#define KALLSYMS "/proc/kallsyms"

/* The text of the kernel image. The text of its initialisation, which is gone, is elsewhere. */
struct image {
	uint64_t begin, end;
};

/* Reads a file into a new array, which ends with a NUL. Returns NULL after an error. */
static char *file_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0, room = 0;
	char *text = NULL;
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0) {
		if (room - len < 65536) {
			char *grown = realloc(text, room = 2 * room + (1 << 20));

			if (!grown) {
				got = -1;
				break;
			}
			text = grown;
		}
		got = read(fd, text + len, room - len - 1);
		len += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	if (got < 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

static bool begins_with_text(const char *text, const char *begin)
{
	return !strncmp(text, begin, strlen(begin));
}

/* Symbols of text that are not the entry of a function: padding, fragments, borders of sections. */
static bool is_label(const char *name)
{
	return name[0] == '.' || begins_with_text(name, "__pfx_") ||
	       begins_with_text(name, "__cfi_") || strstr(name, ".cold") ||
	       text_ends_with(name, "_text_start") || text_ends_with(name, "_text_end") ||
	       !strcmp(name, "_text") || !strcmp(name, "_stext") || !strcmp(name, "_etext");
}

/* Text that the kernel lists beside modules, and the module of shadows itself. */
static bool is_left_out(const char *module)
{
	return !strcmp(module, "bpf") || begins_with_text(module, "__builtin__") ||
	       !strcmp(module, "shadowk");
}

/*
 * Reads the line at @line, ends its words by NULs, and sets @next to the next line. Returns false
 * if it is not a line of kallsyms.
 */
static bool line_read(char *line, struct function *function, char **next)
{
	char *end = strchrnul(line, '\n'), *name, *module;

	*next = *end ? end + 1 : end;
	*end = '\0';
	function->addr = strtoull(line, &name, 16);
	if (name == line || name[0] != ' ' || !name[1] || name[2] != ' ')
		return false;
	function->type = name[1];
	function->name = name + 3;
	module = strchr(name + 3, '\t');
	function->module = "";
	if (!module)
		return true;
	*module++ = '\0';
	if (*module != '[')
		return false;
	function->module = module + 1;
	module[strcspn(module, "]")] = '\0';
	return true;
}

static void image_note(struct image *image, const struct function *function)
{
	if (!strcmp(function->name, "_text"))
		image->begin = function->addr;
	else if (!strcmp(function->name, "_etext"))
		image->end = function->addr;
}

/* Appends all symbols of text that can be functions. Exits if there is no memory. */
static void functions_parse(struct functions *functions, struct image *image)
{
	struct function function;
	size_t room = 0;

	for (char *line = functions->text, *next; *line; line = next) {
		if (!line_read(line, &function, &next) || !strchr("tTwW", function.type))
			continue;
		if (!function.module[0])
			image_note(image, &function);
		if (is_label(function.name) || is_left_out(function.module))
			continue;
		if (functions->count == room) {
			struct function *grown;

			room = 2 * room + 65536;
			grown = reallocarray(functions->function, room, sizeof(*grown));
			if (!grown) {
				report("out of memory");
				exit(STATUS_REFUSED);
			}
			functions->function = grown;
		}
		functions->function[functions->count++] = function;
	}
}

/* Removes functions of the kernel that are outside its text. */
static void functions_limit(struct functions *functions, const struct image *image)
{
	size_t count = 0;

	if (!image->begin || !image->end)
		return;
	for (size_t i = 0; i < functions->count; i++) {
		const struct function *function = &functions->function[i];

		if (function->module[0] ||
		    (function->addr >= image->begin && function->addr < image->end))
			functions->function[count++] = *function;
	}
	functions->count = count;
}

/* Global names come before weak ones, and these before local ones. */
static int type_rank(char type)
{
	return type == 'T' ? 0 : type == 'W' || type == 'w' ? 1 : 2;
}

static int function_compare(const void *a, const void *b)
{
	const struct function *one = a, *other = b;
	int order;

	if (one->addr != other->addr)
		return one->addr < other->addr ? -1 : 1;
	if (one->addr && type_rank(one->type) != type_rank(other->type))
		return type_rank(one->type) - type_rank(other->type);
	order = strcmp(one->module, other->module);
	return order ? order : strcmp(one->name, other->name);
}

int functions_read(struct functions *functions)
{
	struct image image = { 0 };

	functions->text = file_read(KALLSYMS);
	if (!functions->text) {
		report("cannot read %s: %m", KALLSYMS);
		return STATUS_REFUSED;
	}
	functions_parse(functions, &image);
	functions_limit(functions, &image);
	qsort(functions->function, functions->count, sizeof(*functions->function),
	      function_compare);
	if (functions->count)
		return STATUS_DONE;
	report("%s has no functions; the kernel needs CONFIG_KALLSYMS", KALLSYMS);
	return STATUS_REFUSED;
}

void functions_free(struct functions *functions)
{
	free(functions->function);
	free(functions->text);
}
