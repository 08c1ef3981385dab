// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "object.h"

/* Sets the pointers that lead into object->bytes. Returns false if a part is not in the file. */
static bool object_index(struct object *object)
{
	Elf64_Ehdr *elf = (Elf64_Ehdr *)object->bytes;

	if (object->size < sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) ||
	    elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != EM_X86_64 ||
	    elf->e_shoff > object->size ||
	    (object->size - elf->e_shoff) / sizeof(Elf64_Shdr) < elf->e_shnum ||
	    elf->e_shstrndx >= elf->e_shnum)
		return false;
	object->elf = elf;
	object->sections = (Elf64_Shdr *)(object->bytes + elf->e_shoff);
	object->table = NULL;
	for (size_t i = 0; i < elf->e_shnum; i++) {
		Elf64_Shdr *section = &object->sections[i];

		if (section->sh_type != SHT_NOBITS &&
		    (section->sh_offset > object->size ||
		     object->size - section->sh_offset < section->sh_size))
			return false;
		if (section->sh_type == SHT_SYMTAB && section->sh_link < elf->e_shnum)
			object->table = section;
	}
	if (object->table) {
		object->symbols = (Elf64_Sym *)(object->bytes + object->table->sh_offset);
		object->nr_symbols = object->table->sh_size / sizeof(Elf64_Sym);
	}
	return true;
}

int object_open(struct object *object, const char *path)
{
	FILE *file __cleanup(file_close) = fopen(path, "re");
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0) {
		report("cannot read '%s': %s", path, strerror(errno));
		return STATUS_REFUSED;
	}
	rewind(file);
	object->size = size;
	object->bytes = need_memory(malloc(size + 1));
	if (fread(object->bytes, 1, size, file) == object->size && object_index(object) &&
	    object->table)
		return STATUS_DONE;
	report("'%s' is not an ELF file of the compiler", path);
	return STATUS_REFUSED;
}

void object_close(struct object *object)
{
	free(object->bytes);
	object->bytes = NULL;
}

int object_write(const struct object *object, const char *path)
{
	FILE *file = fopen(path, "we");
	bool done = file && fwrite(object->bytes, 1, object->size, file) == object->size;

	if (file && fclose(file))
		done = false;
	if (!done)
		report("cannot write '%s': %s", path, strerror(errno));
	return done ? STATUS_DONE : STATUS_REFUSED;
}

const char *object_section_name(const struct object *object, size_t section)
{
	const Elf64_Shdr *names = &object->sections[object->elf->e_shstrndx];

	return (const char *)object->bytes + names->sh_offset + object->sections[section].sh_name;
}

const char *object_symbol_name(const struct object *object, const Elf64_Sym *symbol)
{
	const Elf64_Shdr *strings = &object->sections[object->table->sh_link];

	return (const char *)object->bytes + strings->sh_offset + symbol->st_name;
}

bool object_is_defined(const struct object *object, const Elf64_Sym *symbol)
{
	return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx < object->elf->e_shnum;
}

const Elf64_Sym *object_find(const struct object *object, const char *name)
{
	for (size_t i = 1; i < object->nr_symbols; i++)
		if (object_is_defined(object, &object->symbols[i]) &&
		    !strcmp(object_symbol_name(object, &object->symbols[i]), name))
			return &object->symbols[i];
	return NULL;
}

Elf64_Rela *object_relocations(const struct object *object, size_t section, size_t *nr)
{
	*nr = 0;
	for (size_t i = 1; i < object->elf->e_shnum; i++) {
		const Elf64_Shdr *found = &object->sections[i];

		if (found->sh_type != SHT_RELA || found->sh_info != section)
			continue;
		*nr = found->sh_size / sizeof(Elf64_Rela);
		return (Elf64_Rela *)(object->bytes + found->sh_offset);
	}
	return NULL;
}

unsigned int object_relocation_size(const Elf64_Rela *relocation)
{
	switch (ELF64_R_TYPE(relocation->r_info)) {
	case R_X86_64_NONE:
		return 0;
	case R_X86_64_64:
	case R_X86_64_PC64:
		return 8;
	case R_X86_64_16:
	case R_X86_64_PC16:
		return 2;
	case R_X86_64_8:
	case R_X86_64_PC8:
		return 1;
	default:
		return 4;
	}
}

/* Appends @len bytes to the file, at a multiple of 8. Returns their offset. */
static size_t object_append(struct object *object, const void *bytes, size_t len)
{
	size_t at = (object->size + 7) & ~(size_t)7;

	object->bytes = need_memory(realloc(object->bytes, at + len + 1));
	memset(object->bytes + object->size, 0, at - object->size);
	memcpy(object->bytes + at, bytes, len);
	object->size = at + len;
	object_index(object);
	return at;
}

void object_set_symbols(struct object *object, const Elf64_Sym *symbols, size_t nr, size_t nr_local,
			const char *strings, size_t strings_len, const uint32_t *map)
{
	size_t at = object_append(object, symbols, nr * sizeof(*symbols));
	size_t text = object_append(object, strings, strings_len);
	Elf64_Shdr *table = object->table;

	for (size_t i = 1; i < object->elf->e_shnum; i++) {
		Elf64_Shdr *section = &object->sections[i];
		Elf64_Rela *relocations = (Elf64_Rela *)(object->bytes + section->sh_offset);

		if (section->sh_type != SHT_RELA)
			continue;
		for (size_t k = 0; k < section->sh_size / sizeof(*relocations); k++) {
			Elf64_Xword info = relocations[k].r_info;

			relocations[k].r_info = ELF64_R_INFO((Elf64_Xword)map[ELF64_R_SYM(info)],
							     ELF64_R_TYPE(info));
		}
	}
	table->sh_offset = at;
	table->sh_size = nr * sizeof(*symbols);
	table->sh_info = nr_local;
	object->sections[table->sh_link].sh_offset = text;
	object->sections[table->sh_link].sh_size = strings_len;
	object_index(object);
}
