/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_OBJECT_H
#define SHADOWCTL_OBJECT_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* object.c: an ELF file of the compiler, in memory. The pointers lead into @bytes. */
struct object {
	size_t size;
	unsigned char *bytes;
	Elf64_Ehdr *elf;
	Elf64_Shdr *sections; /* elf->e_shnum of them */
	Elf64_Shdr *table;    /* the section .symtab */
	Elf64_Sym *symbols;
	size_t nr_symbols;
};

/* Reads @path. Reports errors. Returns a status. */
int object_open(struct object *object, const char *path);
void object_close(struct object *object);
/* Writes the object to @path. Reports errors. Returns a status. */
int object_write(const struct object *object, const char *path);

const char *object_section_name(const struct object *object, size_t section);
const char *object_symbol_name(const struct object *object, const Elf64_Sym *symbol);
/* Returns the symbol that has this name and is defined in a section, or NULL. */
const Elf64_Sym *object_find(const struct object *object, const char *name);
/* Returns true if the symbol is defined in a section, not absolute or common. */
bool object_is_defined(const struct object *object, const Elf64_Sym *symbol);
/* Returns the relocations of @section, and sets @nr to their number. */
Elf64_Rela *object_relocations(const struct object *object, size_t section, size_t *nr);
/* Returns the number of bytes that a relocation changes. */
unsigned int object_relocation_size(const Elf64_Rela *relocation);

/*
 * Replaces the symbols by @symbols, whose st_name are offsets in @strings. @map[i] is the new index
 * of the old symbol i. Local symbols must come first: @nr_local of them.
 */
void object_set_symbols(struct object *object, const Elf64_Sym *symbols, size_t nr, size_t nr_local,
			const char *strings, size_t strings_len, const uint32_t *map);

#endif /* SHADOWCTL_OBJECT_H */
