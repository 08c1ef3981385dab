// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "identity.h"

/* A place where a section may begin in the kernel image. */
struct candidate {
	uint64_t base;
	double weight; /* a name that few symbols have counts more */
};

struct candidates {
	size_t nr;
	struct candidate *candidate;
};

static void candidates_free(struct candidates *candidates)
{
	free(candidates->candidate);
}

static void candidates_add(struct candidates *candidates, uint64_t base, double weight)
{
	for (size_t i = 0; i < candidates->nr; i++)
		if (candidates->candidate[i].base == base) {
			candidates->candidate[i].weight += weight;
			return;
		}
	candidates->candidate = need_memory(realloc(
		candidates->candidate, (candidates->nr + 1) * sizeof(*candidates->candidate)));
	candidates->candidate[candidates->nr++] = (struct candidate){ base, weight };
}

bool is_private_constant(const char *name)
{
	static const char *const stems[] = { "CSWTCH", "__func__", "__FUNCTION__",
					     "__PRETTY_FUNCTION__" };

	for (size_t i = 0; i < ARRAY_SIZE(stems); i++) {
		size_t len = strlen(stems[i]);

		if (!strncmp(name, stems[i], len) && name[len] == '.' &&
		    isdigit((unsigned char)name[len + 1]))
			return true;
	}
	return false;
}

static const Elf64_Shdr *section_of(const struct identity *identity, size_t section)
{
	return &identity->object->sections[section];
}

/* Adds the places of @section that the names of the symbols in it allow. */
static void candidates_add_names(const struct identity *identity, size_t section,
				 struct candidates *found)
{
	const struct object *object = identity->object;

	for (size_t i = 1; i < object->nr_symbols; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];
		const struct kernel_symbol *const *same;
		size_t nr;

		if (symbol->st_shndx != section || ELF64_ST_TYPE(symbol->st_info) == STT_SECTION)
			continue;
		same = kernel_image_find(identity->image, object_symbol_name(object, symbol), &nr);
		for (size_t k = 0; k < nr; k++)
			candidates_add(found, same[k]->address - symbol->st_value, 1.0 / nr);
	}
}

/* Returns how many symbols of @section the kernel has there if it is at @base. */
static size_t names_matched(const struct identity *identity, size_t section, uint64_t base)
{
	const struct object *object = identity->object;
	size_t matched = 0;

	for (size_t i = 1; i < object->nr_symbols; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];

		if (symbol->st_shndx == section && ELF64_ST_TYPE(symbol->st_info) != STT_SECTION)
			matched += kernel_image_has(identity->image,
						    object_symbol_name(object, symbol),
						    base + symbol->st_value);
	}
	return matched;
}

/* Returns the likeliest place of @section, or 0: the one with the most names, then references. */
static uint64_t candidates_best(const struct identity *identity, size_t section,
				const struct candidates *candidates)
{
	const struct candidate *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < candidates->nr; i++) {
		const struct candidate *candidate = &candidates->candidate[i];
		size_t matched = names_matched(identity, section, candidate->base);

		if (best &&
		    (matched < most || (matched == most && candidate->weight <= best->weight)))
			continue;
		best = candidate;
		most = matched;
	}
	return best ? best->base : 0;
}

/* Finds where the kernel has each section of functions, by the names in it. */
static void text_bases(struct identity *identity)
{
	for (size_t i = 1; i < identity->object->elf->e_shnum; i++) {
		struct candidates found __cleanup(candidates_free) = { 0 };

		if (!(section_of(identity, i)->sh_flags & SHF_EXECINSTR))
			continue;
		candidates_add_names(identity, i, &found);
		identity->bases[i] = candidates_best(identity, i, &found);
	}
}

uint64_t identity_address(const struct identity *identity, const Elf64_Sym *symbol)
{
	const char *name = object_symbol_name(identity->object, symbol);
	const struct kernel_symbol *const *found;
	uint64_t base = identity->bases[symbol->st_shndx];
	size_t nr;

	if (base && kernel_image_has(identity->image, name, base + symbol->st_value))
		return base + symbol->st_value;
	found = kernel_image_find(identity->image, name, &nr);
	if (nr == 1)
		return found[0]->address;
	/* A function that is not in the kernel's table is at no address that is certain. */
	if (base && !nr && ELF64_ST_TYPE(symbol->st_info) == STT_OBJECT)
		return base + symbol->st_value;
	return 0;
}

/* A relocation, and what the kernel image has in its place. */
struct reference {
	const Elf64_Sym *symbol;
	int64_t addend;
	uint64_t target; /* address of @symbol, by the bytes of the image */
	bool narrow;	 /* only 32 bits of the address are known */
	int64_t bias;	 /* an instruction's reference is relative to its end */
};

static int64_t get_signed(const unsigned char *at, size_t len)
{
	int64_t value;
	int32_t value32;

	if (len == 8) {
		memcpy(&value, at, sizeof(value));
		return value;
	}
	memcpy(&value32, at, sizeof(value32));
	return value32;
}

/* Returns false if this kind of relocation is not known. */
static bool reference_read(const struct object *object, const Elf64_Rela *relocation,
			   const unsigned char *at, uint64_t place, struct reference *reference)
{
	unsigned int len = object_relocation_size(relocation);

	reference->symbol = &object->symbols[ELF64_R_SYM(relocation->r_info)];
	reference->addend = relocation->r_addend;
	reference->narrow = false;
	reference->bias = 0;
	if (len < 4)
		return false;
	reference->target = get_signed(at, len) - relocation->r_addend;
	switch (ELF64_R_TYPE(relocation->r_info)) {
	case R_X86_64_64:
	case R_X86_64_32S:
		return true;
	case R_X86_64_PC64:
		reference->target += place;
		return true;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		reference->target += place;
		reference->narrow = true;
		/* Few instructions have bytes behind the reference. */
		reference->bias = 4;
		return true;
	case R_X86_64_32:
		reference->narrow = true;
		return true;
	default:
		return false;
	}
}

static bool same_address(const struct reference *reference, uint64_t address)
{
	return reference->narrow ? (uint32_t)reference->target == (uint32_t)address
				 : reference->target == address;
}

/* Returns the symbol at an offset of a section that has a name in the kernel, or NULL. */
static const Elf64_Sym *symbol_at(const struct object *object, size_t section, uint64_t offset)
{
	for (size_t i = 1; i < object->nr_symbols; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];

		if (symbol->st_shndx == section && symbol->st_size && offset >= symbol->st_value &&
		    offset - symbol->st_value < symbol->st_size)
			return symbol;
	}
	return NULL;
}

/*
 * Compares a string or another constant that the linker merges. @offset is in @section. Returns
 * true if the kernel has it at @address.
 */
static bool same_constant(struct identity *identity, size_t section, uint64_t offset,
			  uint64_t address)
{
	const Elf64_Shdr *header = section_of(identity, section);
	const unsigned char *mine = identity->object->bytes + header->sh_offset + offset;
	const unsigned char *theirs;
	size_t len;

	if (offset >= header->sh_size)
		return false;
	if (header->sh_flags & SHF_STRINGS)
		len = strnlen((const char *)mine, header->sh_size - offset) + 1;
	else
		len = header->sh_entsize;
	if (len > header->sh_size - offset)
		return false;
	theirs = kernel_image_at(identity->image, address, len);
	return theirs && !memcmp(mine, theirs, len);
}

/* Returns true if the reference in the kernel leads to where the object's leads. */
static bool reference_same(struct identity *identity, const struct reference *reference)
{
	const struct object *object = identity->object;
	const Elf64_Sym *symbol = reference->symbol, *named;
	const Elf64_Shdr *header;
	uint64_t address;

	if (!object_is_defined(object, symbol)) {
		const struct kernel_symbol *const *found;
		size_t nr;

		found = kernel_image_find(identity->image, object_symbol_name(object, symbol), &nr);
		for (size_t i = 0; i < nr; i++)
			if (same_address(reference, found[i]->address))
				return true;
		return false;
	}
	header = section_of(identity, symbol->st_shndx);
	if (header->sh_flags & SHF_MERGE)
		return same_constant(identity, symbol->st_shndx,
				     symbol->st_value + reference->addend + reference->bias,
				     reference->target + reference->addend + reference->bias);
	address = identity->bases[symbol->st_shndx];
	if (address && same_address(reference, address + symbol->st_value))
		return true;
	/* The functions before this one may have other lengths in the kernel. */
	named = symbol_at(object, symbol->st_shndx,
			  symbol->st_value + reference->addend + reference->bias);
	if (ELF64_ST_TYPE(symbol->st_info) != STT_SECTION)
		named = symbol;
	if (!named)
		return false;
	address = identity_address(identity, named);
	return address && same_address(reference, address - named->st_value + symbol->st_value);
}

/*
 * The assembler resolves calls within a section. If functions in between have another length in the
 * kernel, the distance of such a call differs. Returns the end of the distance, within a part of a
 * section at @offset, if byte @i belongs to one and both calls lead to the same function. Else 0.
 */
static size_t same_call(const struct identity *identity, size_t section, uint64_t offset, size_t i,
			size_t len, const unsigned char *mine, const unsigned char *theirs,
			uint64_t address)
{
	const struct object *object = identity->object;

	for (size_t at = i < 4 ? 1 : i - 3; at <= i && at + 4 <= len; at++) {
		bool call = mine[at - 1] == 0xe8 || mine[at - 1] == 0xe9 ||
			    (at >= 2 && mine[at - 2] == 0x0f && (mine[at - 1] & 0xf0) == 0x80);
		uint64_t target = offset + at + 4 + get_signed(mine + at, 4);

		for (size_t k = 1; call && k < object->nr_symbols; k++) {
			const Elf64_Sym *symbol = &object->symbols[k];

			if (symbol->st_shndx == section && symbol->st_value == target &&
			    ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
			    identity_address(identity, symbol) ==
				    address + at + 4 + get_signed(theirs + at, 4))
				return at + 4;
		}
	}
	return 0;
}

/*
 * Compares a part of a section with the kernel image at @address. Returns the offset of the first
 * difference, or @len if there is none. Writes what differs to @reason.
 */
static size_t difference(struct identity *identity, size_t section, uint64_t offset, uint64_t len,
			 uint64_t address, char *reason, size_t room)
{
	const struct object *object = identity->object;
	const unsigned char *theirs = kernel_image_at(identity->image, address, len);
	const unsigned char *mine;
	char *mask __cleanup(text_free) = need_memory(calloc(len + 8, 1));
	Elf64_Rela *relocations;
	size_t nr;

	if (!theirs || offset + len > section_of(identity, section)->sh_size) {
		snprintf(reason, room, "the kernel's file does not have it");
		return 0;
	}
	mine = object->bytes + section_of(identity, section)->sh_offset + offset;
	relocations = object_relocations(object, section, &nr);
	for (size_t i = 0; i < nr; i++)
		if (relocations[i].r_offset >= offset && relocations[i].r_offset < offset + len)
			memset(mask + relocations[i].r_offset - offset, 1,
			       object_relocation_size(&relocations[i]));
	for (size_t i = 0; i < len; i++) {
		size_t end;

		if (mask[i] || mine[i] == theirs[i])
			continue;
		end = same_call(identity, section, offset, i, len, mine, theirs, address);
		if (!end) {
			snprintf(reason, room, "its code differs at +0x%zx", i);
			return i;
		}
		i = end - 1;
	}
	for (size_t i = 0; i < nr; i++) {
		uint64_t at = relocations[i].r_offset - offset;
		struct reference reference;
		const char *name;

		if (at >= len || !object_relocation_size(&relocations[i]))
			continue;
		if (reference_read(object, &relocations[i], theirs + at, address + at,
				   &reference) &&
		    reference_same(identity, &reference))
			continue;
		name = ELF64_ST_TYPE(reference.symbol->st_info) == STT_SECTION
			       ? object_section_name(object, reference.symbol->st_shndx)
			       : object_symbol_name(object, reference.symbol);
		snprintf(reason, room, "at +0x%zx it does not refer to %.48s", (size_t)at, name);
		return at;
	}
	return len;
}

/* Returns true for the code that alternatives share, in which no symbol is. */
static bool is_auxiliary(const struct identity *identity, size_t section)
{
	return !strcmp(object_section_name(identity->object, section), ".altinstr_aux");
}

static bool is_placed_by_references(const struct identity *identity, size_t section)
{
	const Elf64_Shdr *header = section_of(identity, section);

	if (!(header->sh_flags & SHF_ALLOC) || header->sh_flags & SHF_MERGE)
		return false;
	return !(header->sh_flags & SHF_EXECINSTR) || is_auxiliary(identity, section);
}

/*
 * Finds where the kernel has each section of data. Names are not enough, since hundreds of objects
 * have the name __already_done.1, so the references of functions are considered, too.
 */
static void data_bases(struct identity *identity)
{
	const struct object *object = identity->object;
	struct candidates *found = need_memory(calloc(object->elf->e_shnum, sizeof(*found)));

	for (size_t i = 0; i < identity->nr_functions; i++) {
		struct identity_function *function = &identity->functions[i];
		const Elf64_Sym *symbol = object_find(object, function->name);
		size_t nr;
		Elf64_Rela *relocations = object_relocations(object, symbol->st_shndx, &nr);

		for (size_t k = 0; function->address && k < nr; k++) {
			uint64_t at = relocations[k].r_offset - symbol->st_value;
			const unsigned char *theirs;
			struct reference reference;

			if (at >= symbol->st_size)
				continue;
			theirs = kernel_image_at(identity->image, function->address + at, 8);
			if (theirs &&
			    reference_read(object, &relocations[k], theirs, function->address + at,
					   &reference) &&
			    object_is_defined(object, reference.symbol) &&
			    is_placed_by_references(identity, reference.symbol->st_shndx))
				candidates_add(&found[reference.symbol->st_shndx],
					       reference.target - reference.symbol->st_value, 1);
		}
	}
	for (size_t i = 1; i < object->elf->e_shnum; i++) {
		if (is_placed_by_references(identity, i)) {
			candidates_add_names(identity, i, &found[i]);
			identity->bases[i] = candidates_best(identity, i, &found[i]);
		}
		candidates_free(&found[i]);
	}
	free(found);
}

/*
 * Compares the objects of read-only sections to which the function refers, and the code that its
 * alternatives share with others.
 */
static bool constants_same(struct identity *identity, const Elf64_Sym *function, char *reason,
			   size_t room)
{
	const struct object *object = identity->object;
	size_t nr;
	Elf64_Rela *relocations = object_relocations(object, function->st_shndx, &nr);

	for (size_t i = 0; i < nr; i++) {
		const Elf64_Sym *symbol = &object->symbols[ELF64_R_SYM(relocations[i].r_info)];
		bool relative = ELF64_R_TYPE(relocations[i].r_info) == R_X86_64_PC32;
		const char *name;
		char inner[112];
		uint64_t offset, size;

		if (relocations[i].r_offset - function->st_value >= function->st_size ||
		    !object_is_defined(object, symbol) || !identity->bases[symbol->st_shndx])
			continue;
		name = object_section_name(object, symbol->st_shndx);
		if (is_auxiliary(identity, symbol->st_shndx)) {
			offset = 0;
			size = section_of(identity, symbol->st_shndx)->sh_size;
		} else if (!strncmp(name, ".rodata", 7) &&
			   is_placed_by_references(identity, symbol->st_shndx)) {
			if (ELF64_ST_TYPE(symbol->st_info) == STT_SECTION)
				symbol = symbol_at(object, symbol->st_shndx,
						   relocations[i].r_addend + (relative ? 4 : 0));
			if (!symbol || !symbol->st_size)
				continue;
			name = object_symbol_name(object, symbol);
			offset = symbol->st_value;
			size = symbol->st_size;
		} else {
			continue;
		}
		if (difference(identity, symbol->st_shndx, offset, size,
			       identity->bases[symbol->st_shndx] + offset, inner,
			       sizeof(inner)) == size)
			continue;
		snprintf(reason, room, "the kernel has another %.48s", name);
		return false;
	}
	return true;
}

static void function_check(struct identity *identity, struct identity_function *function)
{
	const Elf64_Sym *symbol = object_find(identity->object, function->name);

	if (!function->address) {
		snprintf(function->reason, sizeof(function->reason),
			 "the kernel does not have it, or has several");
		return;
	}
	if (difference(identity, symbol->st_shndx, symbol->st_value, symbol->st_size,
		       function->address, function->reason,
		       sizeof(function->reason)) == symbol->st_size)
		constants_same(identity, symbol, function->reason, sizeof(function->reason));
}

struct identity_function *identity_find(const struct identity *identity, const char *name)
{
	for (size_t i = 0; i < identity->nr_functions; i++)
		if (!strcmp(identity->functions[i].name, name))
			return &identity->functions[i];
	return NULL;
}

/* A function is not the kernel's if its unlikely part is not. */
static void check_cold_parts(struct identity *identity)
{
	char name[256];

	for (size_t i = 0; i < identity->nr_functions; i++) {
		struct identity_function *function = &identity->functions[i], *cold;

		snprintf(name, sizeof(name), "%s.cold", function->name);
		cold = identity_find(identity, name);
		if (cold && *cold->reason && !*function->reason)
			snprintf(function->reason, sizeof(function->reason), "%s", cold->reason);
	}
}

void identity_check(struct identity *identity, const struct kernel_image *image,
		    struct object *object)
{
	*identity = (struct identity){ .image = image, .object = object };
	identity->bases = need_memory(calloc(object->elf->e_shnum, sizeof(*identity->bases)));
	identity->functions = need_memory(calloc(object->nr_symbols, sizeof(*identity->functions)));
	text_bases(identity);
	for (size_t i = 1; i < object->nr_symbols; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];
		struct identity_function *function = &identity->functions[identity->nr_functions];

		if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || !symbol->st_size ||
		    !object_is_defined(object, symbol) ||
		    !strncmp(object_symbol_name(object, symbol), "__pfx_", 6))
			continue;
		function->name = object_symbol_name(object, symbol);
		function->address = identity_address(identity, symbol);
		identity->nr_functions++;
	}
	data_bases(identity);
	for (size_t i = 0; i < identity->nr_functions; i++)
		function_check(identity, &identity->functions[i]);
	check_cold_parts(identity);
	for (size_t i = 0; i < identity->nr_functions; i++)
		identity->nr_same += !*identity->functions[i].reason;
}

void identity_free(struct identity *identity)
{
	free(identity->bases);
	free(identity->functions);
}
