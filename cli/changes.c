// SPDX-License-Identifier: GPL-2.0-only
/*
 * A shadow can give a process other functions, but not other data: its data are those of the
 * kernel. So a source diff must change functions only. Its effect is found in the objects of the
 * old and the new source, where an object of the source has a name, a size and a content.
 */
#include <bpf/btf.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "cli.h"
#include "identity.h"

/*
 * Reports a change that is refused: "the diff @change NAME@reason". @line is that of the diff, or
 * NULL for the first one of the file.
 */
static int change_refuse(const struct changes *changes, const struct diff_line *line,
			 const char *change, const char *name, const char *reason)
{
	if (!line)
		line = source_diff_find(changes->diff, changes->file, NULL);
	report("%s:%zu: the diff %s %s%s", changes->diff->path, line ? line->at : 1, change, name,
	       reason);
	return STATUS_REFUSED;
}

static int data_refuse(const struct changes *changes, const char *change, const char *name)
{
	return change_refuse(changes, source_diff_find(changes->diff, changes->file, name), change,
			     name, ", and data are those of all processes");
}

/* Returns true if line @number of the file is in the definition of the type @name. */
static bool is_in_type(const char *root, const char *path, size_t number, const char *name)
{
	char text[PATH_MAX];
	FILE *file __cleanup(file_close) = NULL;
	char *line __cleanup(text_free) = NULL;
	bool inside = false;
	size_t size = 0;

	snprintf(text, sizeof(text), "%s/%s", root, path);
	file = fopen(text, "re");
	for (size_t at = 1; file && at <= number && getline(&line, &size, file) > 0; at++) {
		if (*line == '}')
			inside = inside && at == number;
		else if (strchr(line, '{') && strstr(line, name) && !isspace((unsigned char)*line))
			inside = true;
	}
	return inside;
}

static const struct diff_line *type_line(const struct changes *changes, const char *name)
{
	for (size_t i = 0; i < changes->diff->nr_lines; i++) {
		const struct diff_line *line = &changes->diff->lines[i];

		if (!strcmp(line->file, changes->file) &&
		    is_in_type(line->added ? changes->new_root : changes->old_root, line->file,
			       line->number, name))
			return line;
	}
	return source_diff_find(changes->diff, changes->file, name);
}

/* Returns the length of @name without a number at its end, as in "count.3". */
static size_t stem_len(const char *name)
{
	size_t len = strlen(name), end = len;

	while (end && isdigit((unsigned char)name[end - 1]))
		end--;
	if (end && end < len && name[end - 1] == '.')
		return end - 1;
	return !strncmp(name, "__UNIQUE_ID_", 12) ? end : len;
}

static int stems_compare(const char *x, const char *y)
{
	size_t x_len = stem_len(x), y_len = stem_len(y);
	int order = strncmp(x, y, x_len < y_len ? x_len : y_len);

	return order ? order : x_len < y_len ? -1 : x_len > y_len;
}

static int compare_objects(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int order = stems_compare(x, y);

	if (order)
		return order;
	/* A shorter number is lower. */
	if (strlen(x) != strlen(y))
		return strlen(x) < strlen(y) ? -1 : 1;
	return strcmp(x, y);
}

static bool is_data(const struct object *object, const Elf64_Sym *symbol)
{
	static const char *const others[] = { ".discard",	".modinfo",	"__ksymtab",
					      ".export_symbol", "__mcount_loc", ".initcall",
					      ".con_initcall" };
	const char *name = object_symbol_name(object, symbol), *section;

	if (!*name || ELF64_ST_TYPE(symbol->st_info) == STT_SECTION || is_private_constant(name) ||
	    !strncmp(name, ".L", 2))
		return false;
	if (symbol->st_shndx == SHN_COMMON)
		return true;
	if (!object_is_defined(object, symbol) ||
	    !(object->sections[symbol->st_shndx].sh_flags & SHF_ALLOC) ||
	    object->sections[symbol->st_shndx].sh_flags & SHF_EXECINSTR)
		return false;
	section = object_section_name(object, symbol->st_shndx);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strncmp(section, others[i], strlen(others[i])))
			return false;
	return true;
}

/* Returns the names of all objects, in the order of compare_objects(), for free(). */
static const char **data_names(const struct object *object, size_t *nr)
{
	const char **names = need_memory(calloc(object->nr_symbols + 1, sizeof(*names)));

	*nr = 0;
	for (size_t i = 1; i < object->nr_symbols; i++)
		if (is_data(object, &object->symbols[i]))
			names[(*nr)++] = object_symbol_name(object, &object->symbols[i]);
	qsort(names, *nr, sizeof(*names), compare_objects);
	return names;
}

static const Elf64_Sym *symbol_find(const struct object *object, const char *name)
{
	for (size_t i = 1; i < object->nr_symbols; i++)
		if (object->symbols[i].st_shndx != SHN_UNDEF &&
		    !strcmp(object_symbol_name(object, &object->symbols[i]), name))
			return &object->symbols[i];
	return NULL;
}

const char *changes_old_name(const struct changes *changes, const char *name)
{
	for (size_t i = 0; i < changes->nr_renamed; i++)
		if (!strcmp(changes->renamed[i].new, name))
			return changes->renamed[i].old;
	return name;
}

/* Returns the function that has an offset of a section, or NULL. */
static const Elf64_Sym *function_at(const struct object *object, size_t section, uint64_t offset)
{
	for (size_t i = 1; i < object->nr_symbols; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];

		if (symbol->st_shndx == section && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
		    offset >= symbol->st_value && offset - symbol->st_value < symbol->st_size)
			return symbol;
	}
	return NULL;
}

/* Returns true if both relocations lead to the same. */
static bool target_same(const struct changes *changes, const Elf64_Rela *old, const Elf64_Rela *new)
{
	const struct object *a = changes->old, *b = changes->new;
	const Elf64_Sym *x = &a->symbols[ELF64_R_SYM(old->r_info)];
	const Elf64_Sym *y = &b->symbols[ELF64_R_SYM(new->r_info)];
	const Elf64_Shdr *x_section, *y_section;
	uint64_t bias = ELF64_R_TYPE(old->r_info) == R_X86_64_PC32 ||
					ELF64_R_TYPE(old->r_info) == R_X86_64_PLT32
				? 4
				: 0;
	uint64_t x_at = x->st_value + old->r_addend + bias;
	uint64_t y_at = y->st_value + new->r_addend + bias;

	if (ELF64_ST_TYPE(x->st_info) != STT_SECTION || ELF64_ST_TYPE(y->st_info) != STT_SECTION)
		return old->r_addend == new->r_addend &&
		       !strcmp(object_symbol_name(a, x),
			       changes_old_name(changes, object_symbol_name(b, y)));
	if (strcmp(object_section_name(a, x->st_shndx), object_section_name(b, y->st_shndx)))
		return false;
	x_section = &a->sections[x->st_shndx];
	y_section = &b->sections[y->st_shndx];
	if (x_at >= x_section->sh_size || y_at >= y_section->sh_size)
		return false;
	if (x_section->sh_flags & SHF_STRINGS)
		return !strcmp((char *)a->bytes + x_section->sh_offset + x_at,
			       (char *)b->bytes + y_section->sh_offset + y_at);
	if (x_section->sh_flags & SHF_MERGE)
		return !memcmp(a->bytes + x_section->sh_offset + x_at,
			       b->bytes + y_section->sh_offset + y_at, x_section->sh_entsize);
	if (x_section->sh_flags & SHF_EXECINSTR) {
		x = function_at(a, x->st_shndx, x_at);
		y = function_at(b, y->st_shndx, y_at);
		return x && y && x_at - x->st_value == y_at - y->st_value &&
		       !strcmp(object_symbol_name(a, x), object_symbol_name(b, y));
	}
	return false;
}

/* Returns the index of the first relocation at or behind @offset. They are in this order. */
static size_t relocation_at(const Elf64_Rela *relocations, size_t nr, uint64_t offset)
{
	size_t i = 0;

	while (i < nr && relocations[i].r_offset < offset)
		i++;
	return i;
}

/* Returns true if the code or content of both symbols is the same. */
static bool content_same(const struct changes *changes, const Elf64_Sym *x, const Elf64_Sym *y)
{
	const struct object *a = changes->old, *b = changes->new;
	const Elf64_Shdr *x_section, *y_section;
	Elf64_Rela *old, *new;
	size_t nr_old, nr_new, i, k;

	if (x->st_size != y->st_size || object_is_defined(a, x) != object_is_defined(b, y))
		return false;
	if (!object_is_defined(a, x))
		return true;
	x_section = &a->sections[x->st_shndx];
	y_section = &b->sections[y->st_shndx];
	if (x_section->sh_type != y_section->sh_type ||
	    strcmp(object_section_name(a, x->st_shndx), object_section_name(b, y->st_shndx)))
		return false;
	if (x_section->sh_type == SHT_NOBITS)
		return true;
	/* The linker's bytes are 0 before it fills them in. */
	if (memcmp(a->bytes + x_section->sh_offset + x->st_value,
		   b->bytes + y_section->sh_offset + y->st_value, x->st_size))
		return false;
	old = object_relocations(a, x->st_shndx, &nr_old);
	new = object_relocations(b, y->st_shndx, &nr_new);
	i = relocation_at(old, nr_old, x->st_value);
	k = relocation_at(new, nr_new, y->st_value);
	for (; i < nr_old && old[i].r_offset < x->st_value + x->st_size; i++, k++)
		if (k >= nr_new || old[i].r_offset - x->st_value != new[k].r_offset - y->st_value ||
		    ELF64_R_TYPE(old[i].r_info) != ELF64_R_TYPE(new[k].r_info) ||
		    !target_same(changes, &old[i], &new[k]))
			return false;
	return k >= nr_new || new[k].r_offset >= y->st_value + y->st_size;
}

/* Returns true if the function @user refers to the object @name. */
static bool refers_to(const struct object *object, const Elf64_Sym *user, const char *name)
{
	size_t nr;
	Elf64_Rela *relocations = object_relocations(object, user->st_shndx, &nr);

	for (size_t i = relocation_at(relocations, nr, user->st_value);
	     i < nr && relocations[i].r_offset < user->st_value + user->st_size; i++)
		if (!strcmp(object_symbol_name(
				    object, &object->symbols[ELF64_R_SYM(relocations[i].r_info)]),
			    name))
			return true;
	return false;
}

/* Returns true if the same functions refer to both objects. */
static bool users_same(const struct changes *changes, const char *old, const char *new)
{
	for (size_t i = 1; i < changes->new->nr_symbols; i++) {
		const Elf64_Sym *y = &changes->new->symbols[i], *x;

		if (ELF64_ST_TYPE(y->st_info) != STT_FUNC || !object_is_defined(changes->new, y))
			continue;
		x = object_find(changes->old, object_symbol_name(changes->new, y));
		if (x && refers_to(changes->old, x, old) != refers_to(changes->new, y, new))
			return false;
	}
	return true;
}

/* Refuses new, removed and changed objects. Notes those with another number. Returns a status. */
static int data_check(struct changes *changes)
{
	size_t nr_old, nr_new, nr;
	int status = STATUS_DONE;
	const char **old = data_names(changes->old, &nr_old);
	const char **new = data_names(changes->new, &nr_new);
	char word[256];

	nr = nr_old > nr_new ? nr_old : nr_new;
	changes->renamed = need_memory(calloc(nr + 1, sizeof(*changes->renamed)));
	for (size_t i = 0; !status && i < nr; i++) {
		const char *x = i < nr_old ? old[i] : NULL, *y = i < nr_new ? new[i] : NULL;

		if (x && (!y || stems_compare(x, y) < 0)) {
			snprintf(word, sizeof(word), "%.*s", (int)stem_len(x), x);
			status = data_refuse(changes, "removes data:", word);
		} else if (y && (!x || stems_compare(x, y) > 0)) {
			snprintf(word, sizeof(word), "%.*s", (int)stem_len(y), y);
			status = data_refuse(changes, "adds data:", word);
		} else {
			changes->renamed[changes->nr_renamed++] = (struct renamed){ x, y };
		}
	}
	for (size_t i = 0; !status && i < nr; i++) {
		const Elf64_Sym *x, *y;

		snprintf(word, sizeof(word), "%.*s", (int)stem_len(new[i]), new[i]);
		x = symbol_find(changes->old, old[i]);
		y = symbol_find(changes->new, new[i]);
		/* Objects of functions with the same name are told apart by their users. */
		if (stem_len(new[i]) < strlen(new[i]) && !users_same(changes, old[i], new[i]))
			status = data_refuse(changes, "moves data between functions:", word);
		/* The descriptors of pr_debug() have numbers of lines. */
		else if (y->st_shndx != SHN_COMMON &&
			 !strcmp(object_section_name(changes->new, y->st_shndx), "__dyndbg"))
			continue;
		else if (!content_same(changes, x, y))
			status = data_refuse(changes, "changes data:", word);
	}
	free(old);
	free(new);
	return status;
}

/* Writes what a type is: its kind, name and size, and what it points to. */
static void type_text(const struct btf *btf, uint32_t id, char *text, size_t room)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const char *name = type ? btf__name_by_offset(btf, type->name_off) : NULL;
	const char *pointers = "";

	for (int depth = 0; type && depth < 32; depth++) {
		if (btf_is_ptr(type))
			pointers = "*";
		else if (!btf_is_mod(type) && !btf_is_typedef(type))
			break;
		type = btf__type_by_id(btf, type->type);
		name = type ? btf__name_by_offset(btf, type->name_off) : NULL;
	}
	if (!type || !id)
		snprintf(text, room, "%svoid", pointers);
	else if (btf_is_array(type))
		snprintf(text, room, "%s%lld bytes", pointers,
			 (long long)btf__resolve_size(btf, id));
	else
		snprintf(text, room, "%s%u %.64s %lld", pointers, btf_kind(type), name ? name : "",
			 *pointers ? 0LL : (long long)btf__resolve_size(btf, id));
}

static bool type_text_same(const struct btf *old, uint32_t x, const struct btf *new, uint32_t y)
{
	char a[128], b[128];

	type_text(old, x, a, sizeof(a));
	type_text(new, y, b, sizeof(b));
	return !strcmp(a, b);
}

static bool name_same(const struct btf *old, uint32_t x, const struct btf *new, uint32_t y)
{
	return !strcmp(btf__name_by_offset(old, x), btf__name_by_offset(new, y));
}

static bool type_same(const struct btf *old, const struct btf_type *x, const struct btf *new,
		      const struct btf_type *y)
{
	if (btf_vlen(x) != btf_vlen(y))
		return false;
	for (int i = 0; i < btf_vlen(x); i++) {
		if (btf_is_composite(x)) {
			const struct btf_member *a = btf_members(x) + i, *b = btf_members(y) + i;

			if (!name_same(old, a->name_off, new, b->name_off) ||
			    a->offset != b->offset || !type_text_same(old, a->type, new, b->type))
				return false;
		} else if (btf_is_enum(x)) {
			if (!name_same(old, btf_enum(x)[i].name_off, new,
				       btf_enum(y)[i].name_off) ||
			    btf_enum(x)[i].val != btf_enum(y)[i].val)
				return false;
		} else if (btf_is_func_proto(x)) {
			if (!type_text_same(old, btf_params(x)[i].type, new, btf_params(y)[i].type))
				return false;
		}
	}
	return btf_is_func_proto(x) ? type_text_same(old, x->type, new, y->type)
				    : x->size == y->size;
}

/* Refuses changes of structures, unions and enums, and of arguments of functions. */
static int types_check(const struct changes *changes, const char *old_path, const char *new_path)
{
	struct btf *old = btf__parse(old_path, NULL), *new = btf__parse(new_path, NULL);
	int status = STATUS_DONE;

	if (!old || !new) {
		report("the compiler gives no types by -gbtf, which --diff needs; install gcc-12 or later");
		status = STATUS_REFUSED;
	}
	for (uint32_t id = 1; !status && id < btf__type_cnt(new); id++) {
		const struct btf_type *y = btf__type_by_id(new, id), *x;
		const char *name = btf__name_by_offset(new, y->name_off);
		bool function = btf_is_func(y);
		int found;

		if (!*name || !(function || btf_is_composite(y) || btf_is_enum(y)))
			continue;
		found = btf__find_by_name_kind(old, name, btf_kind(y));
		if (found < 0)
			continue;
		x = btf__type_by_id(old, found);
		if (function) {
			x = btf__type_by_id(old, x->type);
			y = btf__type_by_id(new, y->type);
		}
		if (type_same(old, x, new, y))
			continue;
		if (function)
			status = change_refuse(changes,
					       source_diff_find(changes->diff, changes->file, name),
					       "changes the arguments of", name,
					       "(), and calls in progress pass the old ones");
		else
			status = change_refuse(changes, type_line(changes, name),
					       "changes the type", name,
					       ", and data are those of all processes");
	}
	btf__free(old);
	btf__free(new);
	return status;
}

/* Returns the name of the function of which @name is the unlikely part, or @name, in @room. */
static const char *whole_name(const char *name, char *text, size_t room)
{
	snprintf(text, room, "%s", name);
	if (text_ends_with(text, ".cold"))
		text[strlen(text) - strlen(".cold")] = '\0';
	return text;
}

bool changes_has(const struct changes *changes, const char *name)
{
	char whole[256];

	for (size_t i = 1; i < changes->new->nr_symbols; i++)
		if (changes->changed[i] &&
		    !strcmp(whole_name(object_symbol_name(changes->new, &changes->new->symbols[i]),
				       whole, sizeof(whole)),
			    name))
			return true;
	return false;
}

/* Marks functions with other code. Then marks callers of clones, since no clone is replaced. */
static void functions_mark(struct changes *changes)
{
	const struct object *new = changes->new;
	bool more = true;

	changes->changed = need_memory(calloc(new->nr_symbols, sizeof(*changes->changed)));
	for (size_t i = 1; i < new->nr_symbols; i++) {
		const Elf64_Sym *y = &new->symbols[i], *x;
		const char *name = object_symbol_name(new, y);

		if (ELF64_ST_TYPE(y->st_info) != STT_FUNC || !object_is_defined(new, y))
			continue;
		x = object_find(changes->old, name);
		changes->changed[i] = !x || !content_same(changes, x, y);
	}
	while (more) {
		more = false;
		for (size_t i = 1; i < new->nr_symbols; i++) {
			const char *name = object_symbol_name(new, &new->symbols[i]);

			if (!changes->changed[i] || !strchr(name, '.') ||
			    text_ends_with(name, ".cold"))
				continue;
			for (size_t k = 1; k < new->nr_symbols; k++) {
				const Elf64_Sym *user = &new->symbols[k];

				if (changes->changed[k] ||
				    ELF64_ST_TYPE(user->st_info) != STT_FUNC ||
				    !object_is_defined(new, user) || !refers_to(new, user, name))
					continue;
				changes->changed[k] = more = true;
			}
		}
	}
}

int changes_find(struct changes *changes, const char *old_path, const char *new_path)
{
	int status = types_check(changes, old_path, new_path);

	if (!status)
		status = data_check(changes);
	if (!status)
		functions_mark(changes);
	return status;
}

void changes_free(struct changes *changes)
{
	free(changes->renamed);
	free(changes->changed);
}
