/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kcov tells which basic blocks of the module a task executes. Without CONFIG_KCOV, which only
 * the debug kernel has, these functions do nothing.
 *
 * Each block calls the kernel's __sanitizer_cov_trace_pc(); the return address is the block's
 * identity. kcov does not trace interrupts and softirqs, and these tests do not trace kernel
 * threads.
 */
#ifndef SHADOWK_TEST_FUZZ_KCOV_H
#define SHADOWK_TEST_FUZZ_KCOV_H

#include <elf.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <linux/kcov.h>

#include "../uapi.h"

#define KCOV_FILE     "/sys/kernel/debug/kcov"
#define KCOV_WORDS    32768
#define KCOV_TRACE    "__sanitizer_cov_trace_pc"
#define LINK_ADDRESS  0xffffffff81000000UL /* of _text, if the kernel has not moved */
#define BLOCKS_MAX    16384
#define TEXT_MAX      (4UL << 20)
#define FUNCTIONS_MAX 4096

/* A trace buffer, which one task at a time writes to. */
struct kcov {
	int fd; /* -1: there is no kcov */
	uint64_t *area;
};

struct function {
	char name[64];
	uint64_t from, to;
};

/* The blocks of the module, without those that only loading and unloading execute. */
static struct {
	unsigned int nr;
	uint64_t lowest, moved;	   /* kcov reports addresses as if the kernel had not moved */
	uint16_t number[TEXT_MAX]; /* of the block at lowest + i, from 1 on */
	uint64_t addr[BLOCKS_MAX];
	unsigned int nr_functions;
	struct function functions[FUNCTIONS_MAX];
} blocks;

struct reached {
	uint64_t words[BLOCKS_MAX / 64];
};

static inline struct kcov kcov_open(void)
{
	struct kcov kcov = { .fd = open(KCOV_FILE, O_RDWR | O_CLOEXEC) };

	if (kcov.fd < 0)
		return kcov;
	need(!ioctl(kcov.fd, KCOV_INIT_TRACE, KCOV_WORDS));
	kcov.area = mmap(NULL, KCOV_WORDS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, kcov.fd, 0);
	need(kcov.area != MAP_FAILED);
	return kcov;
}

/* Traces the caller until it exits. The task that wrote to the buffer before has exited. */
static inline void kcov_start(const struct kcov *kcov)
{
	if (kcov->fd >= 0)
		need(!ioctl(kcov->fd, KCOV_ENABLE, KCOV_TRACE_PC));
}

/* Adds the blocks of the buffer to @reached, and empties the buffer. */
static inline void kcov_take(const struct kcov *kcov, struct reached *reached)
{
	uint64_t nr;

	if (kcov->fd < 0)
		return;
	nr = __atomic_load_n(&kcov->area[0], __ATOMIC_RELAXED);
	for (uint64_t i = 1; i <= nr && i < KCOV_WORDS; i++) {
		uint64_t at = kcov->area[i] + blocks.moved - blocks.lowest;
		unsigned int block = at < TEXT_MAX ? blocks.number[at] : 0;

		if (block)
			reached->words[block / 64] |= 1ULL << block % 64;
	}
	/* An address that the task writes meanwhile may be lost, or be taken twice. */
	__atomic_store_n(&kcov->area[0], 0, __ATOMIC_RELAXED);
}

static inline bool has_reached(const struct reached *reached, unsigned int block)
{
	return reached->words[block / 64] >> block % 64 & 1;
}

/* ---- the module's file ---- */

static inline uint64_t section_address(const char *name)
{
	char path[128], text[32] = "";
	int fd;

	if (strstr(name, ".init") || strstr(name, ".exit"))
		return 0;
	snprintf(path, sizeof(path), "/sys/module/shadowk/sections/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	need(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoull(text, NULL, 16);
}

static inline uint64_t kernel_text(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512];
	uint64_t addr = 0;

	need(file);
	while (!addr && fgets(line, sizeof(line), file))
		if (strstr(line, " _text\n"))
			addr = strtoull(line, NULL, 16);
	fclose(file);
	return addr;
}

struct elf {
	const char *file;
	const Elf64_Ehdr *header;
	const Elf64_Shdr *sections;
	const Elf64_Sym *symbols;
	const char *symbol_names;
	size_t nr_symbols;
};

static inline struct elf elf_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf elf = {};
	struct stat stat;

	need(fd >= 0 && !fstat(fd, &stat));
	elf.file = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	need(elf.file != MAP_FAILED);
	close(fd);
	elf.header = (const void *)elf.file;
	elf.sections = (const void *)(elf.file + elf.header->e_shoff);
	for (int i = 0; i < elf.header->e_shnum; i++) {
		const Elf64_Shdr *section = &elf.sections[i];

		if (section->sh_type != SHT_SYMTAB)
			continue;
		elf.symbols = (const void *)(elf.file + section->sh_offset);
		elf.nr_symbols = section->sh_size / sizeof(Elf64_Sym);
		elf.symbol_names = elf.file + elf.sections[section->sh_link].sh_offset;
	}
	need(elf.symbols);
	return elf;
}

static inline void functions_add(const struct elf *elf, int section, uint64_t base)
{
	for (size_t i = 0; i < elf->nr_symbols; i++) {
		const Elf64_Sym *symbol = &elf->symbols[i];
		struct function *f = &blocks.functions[blocks.nr_functions];

		if (symbol->st_shndx != section || ELF64_ST_TYPE(symbol->st_info) != STT_FUNC)
			continue;
		need(++blocks.nr_functions < FUNCTIONS_MAX);
		snprintf(f->name, sizeof(f->name), "%s", elf->symbol_names + symbol->st_name);
		f->from = base + symbol->st_value;
		f->to = f->from + symbol->st_size;
	}
}

static inline void blocks_add(const struct elf *elf, const Elf64_Shdr *relocations, uint64_t base)
{
	const Elf64_Rela *rela = (const void *)(elf->file + relocations->sh_offset);

	for (size_t i = 0; i < relocations->sh_size / sizeof(*rela); i++) {
		const Elf64_Sym *symbol = &elf->symbols[ELF64_R_SYM(rela[i].r_info)];

		if (strcmp(elf->symbol_names + symbol->st_name, KCOV_TRACE))
			continue;
		/* Block 0 is none. The relocation is of the last four bytes of the call. */
		need(++blocks.nr < BLOCKS_MAX);
		blocks.addr[blocks.nr] = base + rela[i].r_offset + 4;
	}
}

/* False: the kernel has no kcov, or the module is not instrumented. */
static inline bool blocks_find(const char *module)
{
	const struct elf elf = elf_open(module);
	const char *names = elf.file + elf.sections[elf.header->e_shstrndx].sh_offset;

	if (access(KCOV_FILE, F_OK))
		return false;
	for (int i = 0; i < elf.header->e_shnum; i++) {
		const Elf64_Shdr *relocations = &elf.sections[i], *section;
		uint64_t base;

		if (relocations->sh_type != SHT_RELA)
			continue;
		section = &elf.sections[relocations->sh_info];
		base = section->sh_flags & SHF_EXECINSTR ? section_address(names + section->sh_name)
							 : 0;
		if (!base)
			continue;
		functions_add(&elf, (int)relocations->sh_info, base);
		blocks_add(&elf, relocations, base);
	}
	blocks.moved = kernel_text() - LINK_ADDRESS;
	blocks.lowest = UINT64_MAX;
	for (unsigned int i = 1; i <= blocks.nr; i++)
		if (blocks.addr[i] < blocks.lowest)
			blocks.lowest = blocks.addr[i];
	for (unsigned int i = 1; i <= blocks.nr; i++) {
		need(blocks.addr[i] - blocks.lowest < TEXT_MAX);
		blocks.number[blocks.addr[i] - blocks.lowest] = (uint16_t)i;
	}
	return blocks.nr > 0;
}

static inline unsigned int count_reached(const struct reached *reached)
{
	unsigned int nr = 0;

	for (unsigned int i = 1; i <= blocks.nr; i++)
		nr += has_reached(reached, i);
	return nr;
}

/* The functions that have blocks which were not reached. */
static inline void print_functions(const struct reached *reached)
{
	for (unsigned int n = 0; n < blocks.nr_functions; n++) {
		const struct function *f = &blocks.functions[n];
		unsigned int all = 0, nr = 0;

		for (unsigned int i = 1; i <= blocks.nr; i++) {
			if (blocks.addr[i] <= f->from || blocks.addr[i] > f->to)
				continue;
			all++;
			nr += has_reached(reached, i);
		}
		if (nr < all)
			printf("function %s %u of %u\n", f->name, nr, all);
	}
}

#endif /* SHADOWK_TEST_FUZZ_KCOV_H */
