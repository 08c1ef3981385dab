// SPDX-License-Identifier: GPL-2.0-only
/*
 * An object of a file of the kernel has its functions and its data. A patch module needs the
 * functions only, which must use the data of the running kernel. So a symbol of the object is
 * either kept, or becomes an absolute symbol: the address that the kernel image has of it. Sections
 * of data then have no user, and are left out. Tables that describe the code, such as __ex_table,
 * are kept as a whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "rebuild.h"

/* shadowctl patch add finds symbols of the kernel by this prefix, see module.c. */
#define PREFIX MODULE_KERNEL_SYMBOL

static const char *const tables[] = {
	"__ex_table",	"__bug_table",	      "__jump_table",	  ".altinstructions",
	".smp_locks",	".parainstructions",  ".retpoline_sites", ".return_sites",
	".call_sites",	".static_call_sites", ".ibt_endbr_seal",  "__mcount_loc",
	".orc_unwind",	".orc_unwind_ip",     ".orc_header",	  "shk_funcs",
	"shk_counters",
};

enum fate {
	FATE_KEPT,   /* stays in the object */
	FATE_KERNEL, /* becomes the kernel's address */
	FATE_BOTH,   /* calls lead to the object's, pointers to the kernel's */
	FATE_GONE,   /* its section is left out */
};

struct rebinding {
	struct object *object;
	const struct source *source;
	const struct kernel_image *image;
	bool *dropped;	   /* for each section */
	enum fate *fates;  /* for each symbol */
	uint64_t *address; /* for each symbol, by the kernel image */
};

static bool begins(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static bool section_is_dropped(const struct object *object, size_t section)
{
	const Elf64_Shdr *header = &object->sections[section];
	const char *name = object_section_name(object, section);

	if (begins(name, ".discard") || begins(name, ".note.gnu") || !strcmp(name, ".modinfo"))
		return true;
	if (!(header->sh_flags & SHF_ALLOC))
		return !strcmp(name, ".export_symbol");
	if (header->sh_flags & SHF_EXECINSTR || begins(name, ".rodata"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (!strcmp(name, tables[i]))
			return false;
	return true;
}

static bool is_replaced(const struct source *source, const char *name)
{
	for (size_t i = 0; i < source->nr_replaced; i++)
		if (!strcmp(source->replaced[i].name, name))
			return true;
	return false;
}

/* Returns the address of what the file refers to, but does not define; or 0. */
static uint64_t external_address(const struct rebinding *r, const char *name)
{
	size_t nr;
	const struct kernel_symbol *const *found = kernel_image_find(r->image, name, &nr);
	const struct kernel_symbol *global = NULL;

	if (nr == 1)
		return found[0]->address;
	/* Static symbols may have the same name. */
	for (size_t i = 0; i < nr; i++) {
		if (found[i]->type < 'A' || found[i]->type > 'Z')
			continue;
		if (global)
			return 0;
		global = found[i];
	}
	return global ? global->address : 0;
}

/* An address may be 0: that of the first per-CPU variable. */
static bool external_exists(const struct rebinding *r, const char *name)
{
	return external_address(r, name) || kernel_image_has(r->image, name, 0);
}

/* Decides about a symbol that the object defines. Returns false if that is not possible. */
static bool defined_decide(struct rebinding *r, size_t i, const char *name)
{
	const Elf64_Sym *symbol = &r->object->symbols[i], *base;
	bool code = r->object->sections[symbol->st_shndx].sh_flags & SHF_EXECINSTR &&
		    !r->dropped[symbol->st_shndx];

	r->fates[i] = r->dropped[symbol->st_shndx] ? FATE_GONE : FATE_KEPT;
	if (ELF64_ST_TYPE(symbol->st_info) == STT_SECTION || !*name || begins(name, ".L") ||
	    begins(name, "__pfx_") || begins(name, "__gcov0.") || is_private_constant(name))
		return true;
	if (ELF64_ST_TYPE(symbol->st_info) == STT_NOTYPE &&
	    ELF64_ST_BIND(symbol->st_info) == STB_LOCAL)
		return true;
	base = object_find(&r->source->base, changes_old_name(&r->source->changes, name));
	r->address[i] = base ? identity_address(&r->source->identity, base) : 0;
	if (is_replaced(r->source, name)) {
		r->fates[i] = FATE_BOTH;
		return true;
	}
	/* The compiler has given other arguments to a function with such a name. */
	if (code && (!base || strchr(name, '.')))
		return true;
	if (!r->address[i] && code && !identity_find(&r->source->identity, name))
		return true;
	if (!r->address[i])
		return false;
	r->fates[i] = FATE_KERNEL;
	return true;
}

static int symbols_decide(struct rebinding *r)
{
	for (size_t i = 1; i < r->object->nr_symbols; i++) {
		const Elf64_Sym *symbol = &r->object->symbols[i];
		const char *name = object_symbol_name(r->object, symbol);
		const Elf64_Sym *base;

		if (object_is_defined(r->object, symbol)) {
			if (defined_decide(r, i, name))
				continue;
		} else if (symbol->st_shndx == SHN_UNDEF) {
			r->fates[i] = FATE_KERNEL;
			r->address[i] = external_address(r, name);
			if (external_exists(r, name))
				continue;
		} else if (symbol->st_shndx == SHN_COMMON) {
			base = object_find(&r->source->base,
					   changes_old_name(&r->source->changes, name));
			r->fates[i] = FATE_KERNEL;
			r->address[i] = base ? identity_address(&r->source->identity, base) : 0;
			if (r->address[i])
				continue;
		} else {
			continue;
		}
		/* An unused symbol of a section that vanishes does not matter. */
		r->fates[i] = FATE_GONE;
	}
	return STATUS_DONE;
}

/* Returns true if the relocation is that of a direct call or jump. */
static bool is_branch(const struct object *object, size_t section, const Elf64_Rela *relocation)
{
	const unsigned char *at =
		object->bytes + object->sections[section].sh_offset + relocation->r_offset;

	if (!(object->sections[section].sh_flags & SHF_EXECINSTR) ||
	    (ELF64_R_TYPE(relocation->r_info) != R_X86_64_PC32 &&
	     ELF64_R_TYPE(relocation->r_info) != R_X86_64_PLT32))
		return false;
	if (relocation->r_offset >= 1 && (at[-1] == 0xe8 || at[-1] == 0xe9))
		return true;
	return relocation->r_offset >= 2 && at[-2] == 0x0f && (at[-1] & 0xf0) == 0x80;
}

static const char *function_at(const struct object *object, size_t section, uint64_t offset)
{
	for (size_t i = 1; i < object->nr_symbols; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];

		if (symbol->st_shndx == section && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
		    offset >= symbol->st_value && offset - symbol->st_value < symbol->st_size)
			return object_symbol_name(object, symbol);
	}
	return object_section_name(object, section);
}

/*
 * Directs pointers to replaced functions to the kernel's: to the symbol of index @kernel[i].
 * Refuses references to what has vanished. Returns a status.
 */
static int references_rebind(struct rebinding *r, const uint32_t *kernel)
{
	struct object *object = r->object;
	int status = STATUS_DONE;

	for (size_t section = 1; section < object->elf->e_shnum; section++) {
		const char *name = object_section_name(object, section);
		size_t nr;
		Elf64_Rela *relocations;

		if (r->dropped[section] || !(object->sections[section].sh_flags & SHF_ALLOC))
			continue;
		relocations = object_relocations(object, section, &nr);
		for (size_t i = 0; i < nr; i++) {
			size_t symbol = ELF64_R_SYM(relocations[i].r_info);

			switch (r->fates[symbol]) {
			case FATE_BOTH:
				if (strcmp(name, "shk_funcs") &&
				    !is_branch(object, section, &relocations[i]))
					relocations[i].r_info =
						ELF64_R_INFO((Elf64_Xword)kernel[symbol],
							     ELF64_R_TYPE(relocations[i].r_info));
				break;
			case FATE_GONE:
				/* No function that is replaced runs at boot. */
				if (begins(name, ".init") || begins(name, ".exit")) {
					relocations[i].r_info = R_X86_64_NONE;
					break;
				}
				report("%s: %s() refers to %s, of which the kernel's address is not "
				       "certain",
				       r->source->file,
				       function_at(object, section, relocations[i].r_offset),
				       *object_symbol_name(object, &object->symbols[symbol])
					       ? object_symbol_name(object,
								    &object->symbols[symbol])
					       : object_section_name(
							 object, object->symbols[symbol].st_shndx));
				status = STATUS_REFUSED;
				break;
			default:
				break;
			}
		}
	}
	return status;
}

/* The new symbols and their names. */
struct symbol_list {
	size_t nr, len;
	Elf64_Sym *symbols;
	char *strings;
};

static uint32_t symbol_add(struct symbol_list *list, Elf64_Sym symbol, const char *prefix,
			   const char *name)
{
	size_t len = strlen(prefix) + strlen(name) + 1;

	list->strings = need_memory(realloc(list->strings, list->len + len));
	list->symbols =
		need_memory(realloc(list->symbols, (list->nr + 1) * sizeof(*list->symbols)));
	snprintf(list->strings + list->len, len, "%s%s", prefix, name);
	symbol.st_name = list->len;
	/* Objects of several files are linked, whose static functions may have the same name. */
	symbol.st_info = ELF64_ST_INFO(STB_LOCAL, ELF64_ST_TYPE(symbol.st_info));
	list->symbols[list->nr] = symbol;
	list->len += len;
	return list->nr++;
}

static uint32_t symbol_add_kernel(struct symbol_list *list, uint64_t address, const char *name)
{
	Elf64_Sym symbol = { .st_info = ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE),
			     .st_shndx = SHN_ABS,
			     .st_value = address };

	return symbol_add(list, symbol, PREFIX, name);
}

/* Replaces the table of symbols. Returns a status. */
static int symbols_rebind(struct rebinding *r)
{
	struct object *object = r->object;
	uint32_t *map = need_memory(calloc(object->nr_symbols, sizeof(*map)));
	uint32_t *kernel = need_memory(calloc(object->nr_symbols, sizeof(*kernel)));
	struct symbol_list list = { 0 };
	size_t nr_old = object->nr_symbols;
	int status;

	symbol_add(&list, (Elf64_Sym){ 0 }, "", "");
	for (size_t i = 1; i < nr_old; i++) {
		const Elf64_Sym *symbol = &object->symbols[i];
		const char *name = object_symbol_name(object, symbol);

		if (r->fates[i] == FATE_KERNEL)
			map[i] = symbol_add_kernel(&list, r->address[i], name);
		else if (r->fates[i] != FATE_GONE)
			map[i] = symbol_add(&list, *symbol, "", name);
	}
	/* A number above those of the old symbols stands for the new symbol itself. */
	map = need_memory(realloc(map, (nr_old * 2) * sizeof(*map)));
	for (size_t i = 1; i < nr_old; i++) {
		if (r->fates[i] != FATE_BOTH)
			continue;
		kernel[i] = nr_old + i;
		map[nr_old + i] = symbol_add_kernel(
			&list, r->address[i], object_symbol_name(object, &object->symbols[i]));
	}
	status = references_rebind(r, kernel);
	if (!status)
		object_set_symbols(object, list.symbols, list.nr, list.nr, list.strings, list.len,
				   map);
	free(map);
	free(kernel);
	free(list.symbols);
	free(list.strings);
	return status;
}

static void sections_drop(struct rebinding *r)
{
	struct object *object = r->object;

	for (size_t i = 1; i < object->elf->e_shnum; i++) {
		Elf64_Shdr *section = &object->sections[i];

		if (r->dropped[i] ||
		    (section->sh_type == SHT_RELA && section->sh_info < object->elf->e_shnum &&
		     r->dropped[section->sh_info]))
			*section = (Elf64_Shdr){ .sh_name = section->sh_name };
	}
}

int rebind(struct object *object, const struct source *source, const struct kernel_image *image)
{
	struct rebinding r = { .object = object, .source = source, .image = image };
	int status;

	r.dropped = need_memory(calloc(object->elf->e_shnum, sizeof(*r.dropped)));
	r.fates = need_memory(calloc(object->nr_symbols, sizeof(*r.fates)));
	r.address = need_memory(calloc(object->nr_symbols, sizeof(*r.address)));
	for (size_t i = 1; i < object->elf->e_shnum; i++)
		r.dropped[i] = section_is_dropped(object, i);
	status = symbols_decide(&r);
	if (!status)
		status = symbols_rebind(&r);
	if (!status)
		sections_drop(&r);
	free(r.dropped);
	free(r.fates);
	free(r.address);
	return status;
}
