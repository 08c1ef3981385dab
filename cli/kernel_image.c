// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "kernel_image.h"

#define TOKENS	  256
#define MARKED	  256 /* a marker stands for so many symbols */
#define NAME_LEN  1024
#define SETUP_LEN 0x250

struct format {
	unsigned char magic[4];
	size_t magic_len;
	const char *program;
};

static const struct format formats[] = {
	{ { 0x1f, 0x8b }, 2, "gzip" },
	{ { 0xfd, '7', 'z', 'X' }, 4, "xz" },
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, "zstd" },
	{ { 0x02, 0x21, 0x4c, 0x18 }, 4, "lz4" },
	{ { 'B', 'Z', 'h' }, 3, "bzip2" },
	{ { 0x89, 'L', 'Z', 'O' }, 4, "lzop" },
};

static uint16_t get16(const unsigned char *at)
{
	return at[0] | at[1] << 8;
}

static uint32_t get32(const unsigned char *at)
{
	return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static uint64_t get64(const unsigned char *at)
{
	return get32(at) | (uint64_t)get32(at + 4) << 32;
}

/* Reads all of @file into image->bytes. Returns false after an error. */
static bool image_read(struct kernel_image *image, FILE *file)
{
	size_t room = 1 << 20, len;

	image->size = 0;
	do {
		room *= 2;
		image->bytes = need_memory(realloc(image->bytes, room));
		len = fread(image->bytes + image->size, 1, room - image->size, file);
		image->size += len;
	} while (image->size == room);
	return !ferror(file);
}

/* Replaces a bzImage by the ELF file that it contains, compressed. Returns a status. */
static int image_decompress(struct kernel_image *image, const char *path)
{
	const struct format *format = NULL;
	const unsigned char *payload;
	size_t start, len;
	char command[PATH_MAX + 128];
	FILE *file;

	if (image->size < SETUP_LEN || memcmp(image->bytes + 0x202, "HdrS", 4)) {
		report("'%s' is neither a vmlinuz nor a vmlinux", path);
		return STATUS_REFUSED;
	}
	start = (image->bytes[0x1f1] + 1) * 512 + get32(image->bytes + 0x248);
	len = get32(image->bytes + 0x24c);
	if (start > image->size || image->size - start < len || len < 8) {
		report("'%s' is not complete", path);
		return STATUS_REFUSED;
	}
	payload = image->bytes + start;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!memcmp(payload, formats[i].magic, formats[i].magic_len))
			format = &formats[i];
	if (!format) {
		report("'%s' is compressed in a way that is not known; give --vmlinux", path);
		return STATUS_REFUSED;
	}
	/* The four bytes behind the payload are its size, which makes these programs complain. */
	snprintf(command, sizeof(command), "tail -c +%zu '%s' | head -c %zu | %s -dc 2>/dev/null",
		 start + 1, path, len - 4, format->program);
	file = popen(command, "re");
	if (file && image_read(image, file) && image->size > sizeof(Elf64_Ehdr) &&
	    !memcmp(image->bytes, ELFMAG, SELFMAG)) {
		pclose(file);
		return STATUS_DONE;
	}
	if (file)
		pclose(file);
	report("cannot decompress '%s'; install %s", path, format->program);
	return STATUS_REFUSED;
}

static const Elf64_Shdr *image_sections(const struct kernel_image *image, size_t *nr)
{
	const Elf64_Ehdr *elf = (const Elf64_Ehdr *)image->bytes;

	if (elf->e_shoff > image->size ||
	    (image->size - elf->e_shoff) / sizeof(Elf64_Shdr) < elf->e_shnum)
		*nr = 0;
	else
		*nr = elf->e_shnum;
	return (const Elf64_Shdr *)(image->bytes + elf->e_shoff);
}

const unsigned char *kernel_image_at(const struct kernel_image *image, uint64_t address, size_t len)
{
	size_t nr;
	const Elf64_Shdr *sections = image_sections(image, &nr);

	for (size_t i = 1; i < nr; i++) {
		const Elf64_Shdr *s = &sections[i];

		if (s->sh_flags & SHF_ALLOC && s->sh_type != SHT_NOBITS && address >= s->sh_addr &&
		    address - s->sh_addr < s->sh_size &&
		    s->sh_size - (address - s->sh_addr) >= len && s->sh_offset <= image->size &&
		    image->size - s->sh_offset >= s->sh_size)
			return image->bytes + s->sh_offset + (address - s->sh_addr);
	}
	return NULL;
}

/*
 * The tables of symbols are those that scripts/kallsyms.c writes. Number of symbols, compressed
 * names, offset of each 256th name, in some versions an order by name, 256 tokens, and the offset
 * of each token follow each other. Offsets of addresses and the address that they are relative to
 * come before these (6.1) or behind them (6.12). Each table begins at a multiple of 8.
 */
struct symbol_tables {
	const unsigned char *start, *end; /* the section that has them */
	const unsigned char *names, *tokens, *token_index;
	uint32_t nr;
};

static const unsigned char *align_up(const struct symbol_tables *t, const unsigned char *at)
{
	return t->start + ((at - t->start + 7) & ~7);
}

/* Returns the length of the name at @at, and sets @tokens to its first token. */
static unsigned int name_len(const unsigned char *at, const unsigned char **tokens)
{
	if (*at & 0x80) {
		*tokens = at + 2;
		return (*at & 0x7f) | at[1] << 7;
	}
	*tokens = at + 1;
	return *at;
}

/* Returns the end of @nr names, or NULL if they do not end before @limit. */
static const unsigned char *names_skip(const unsigned char *at, const unsigned char *limit,
				       uint32_t nr)
{
	while (nr--) {
		unsigned int len;

		if (at + 2 > limit)
			return NULL;
		len = name_len(at, &at);
		if (!len || limit - at < len)
			return NULL;
		at += len;
	}
	return at;
}

/* Returns true if the tokens and their index are at @at, and sets @t to them. */
static bool tokens_match(struct symbol_tables *t, const unsigned char *at)
{
	const unsigned char *token[TOKENS], *index, *tokens = at;

	for (int i = 0; i < TOKENS; i++) {
		token[i] = at;
		at = at < t->end ? memchr(at, '\0', t->end - at) : NULL;
		if (!at)
			return false;
		at++;
	}
	index = align_up(t, at);
	if (t->end - index < 2 * TOKENS)
		return false;
	for (int i = 0; i < TOKENS; i++)
		if (get16(index + 2 * i) != token[i] - tokens)
			return false;
	t->tokens = tokens;
	t->token_index = index;
	return true;
}

/* Returns true if the number of symbols is at @at, and sets @t to the tables behind it. */
static bool tables_match(struct symbol_tables *t, const unsigned char *at)
{
	const unsigned char *names = at + 8, *second, *markers, *behind;

	t->nr = get32(at);
	if (get32(at + 4) || t->nr < 2 * MARKED || t->nr > t->end - names)
		return false;
	second = names_skip(names, t->end, MARKED);
	markers = second ? names_skip(second, t->end, t->nr - MARKED) : NULL;
	if (!markers)
		return false;
	markers = align_up(t, markers);
	behind = markers + 4 * ((t->nr + MARKED - 1) / MARKED);
	if (behind > t->end || get32(markers) || get32(markers + 4) != second - names)
		return false;
	t->names = names;
	behind = align_up(t, behind);
	return tokens_match(t, behind) || tokens_match(t, align_up(t, behind + 3 * (size_t)t->nr));
}

static uint64_t symbol_address(const unsigned char *offsets, uint64_t base, uint32_t i)
{
	int32_t offset = get32(offsets + 4 * i);

	/* Offsets that are not negative are addresses, of per-CPU variables. */
	return offset >= 0 ? (uint64_t)offset : base - 1 - offset;
}

/* Returns the offsets of addresses, and sets @base to what they are relative to; or NULL. */
static const unsigned char *offsets_find(const struct symbol_tables *t, uint64_t *base)
{
	size_t len = (4 * (size_t)t->nr + 7) & ~(size_t)7;
	const unsigned char *behind = t->token_index + 2 * TOKENS;

	if (t->names - t->start > (ptrdiff_t)(16 + len)) {
		*base = get64(t->names - 16);
		if (*base >> 31 == 0x1ffffffff)
			return t->names - 16 - len;
	}
	if (behind + len + 8 > t->end)
		return NULL;
	*base = get64(behind + len);
	return *base >> 31 == 0x1ffffffff ? behind : NULL;
}

static int compare_names(const void *a, const void *b)
{
	const struct kernel_symbol *x = *(const struct kernel_symbol *const *)a;
	const struct kernel_symbol *y = *(const struct kernel_symbol *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : x < y ? -1 : x > y;
}

static bool symbols_expand(struct kernel_image *image, const struct symbol_tables *t)
{
	const unsigned char *at = t->names, *offsets;
	size_t used = 0, room = 0;
	uint64_t base;

	offsets = offsets_find(t, &base);
	if (!offsets)
		return false;
	image->nr_symbols = t->nr;
	image->symbols = need_memory(calloc(t->nr, sizeof(*image->symbols)));
	image->by_name = need_memory(calloc(t->nr, sizeof(*image->by_name)));
	for (uint32_t i = 0; i < t->nr; i++) {
		unsigned int len = name_len(at, &at);
		size_t begin;

		if (room - used < NAME_LEN + 64) {
			room = room * 2 + 8 * NAME_LEN;
			image->names = need_memory(realloc(image->names, room));
		}
		begin = used;
		while (len--) {
			const unsigned char *token = t->tokens + get16(t->token_index + 2 * *at++);

			while (*token && used - begin < NAME_LEN)
				image->names[used++] = *token++;
		}
		image->names[used++] = '\0';
		/* The first character is the type. The names may still move. */
		image->symbols[i].type = image->names[begin];
		image->symbols[i].name = (const char *)(begin + 1);
		image->symbols[i].address = symbol_address(offsets, base, i);
	}
	for (uint32_t i = 0; i < t->nr; i++) {
		image->symbols[i].name = image->names + (size_t)image->symbols[i].name;
		image->by_name[i] = &image->symbols[i];
	}
	qsort(image->by_name, t->nr, sizeof(*image->by_name), compare_names);
	return true;
}

static bool symbols_read(struct kernel_image *image)
{
	size_t nr;
	const Elf64_Shdr *sections = image_sections(image, &nr);

	for (size_t i = 1; i < nr; i++) {
		struct symbol_tables t = { .start = image->bytes + sections[i].sh_offset };

		if (sections[i].sh_type != SHT_PROGBITS || sections[i].sh_size < 1 << 16 ||
		    sections[i].sh_flags & SHF_EXECINSTR || sections[i].sh_offset > image->size ||
		    image->size - sections[i].sh_offset < sections[i].sh_size)
			continue;
		t.end = t.start + sections[i].sh_size;
		for (const unsigned char *at = t.start; t.end - at > 16; at += 8)
			if (tables_match(&t, at) && symbols_expand(image, &t))
				return true;
	}
	return false;
}

/* Reads the build id from the section .notes. */
static void build_id_read(struct kernel_image *image)
{
	size_t nr;
	const Elf64_Shdr *sections = image_sections(image, &nr);

	for (size_t i = 1; i < nr; i++) {
		const unsigned char *at = image->bytes + sections[i].sh_offset;
		const unsigned char *end = at + sections[i].sh_size;

		if (sections[i].sh_type != SHT_NOTE || sections[i].sh_offset > image->size ||
		    image->size - sections[i].sh_offset < sections[i].sh_size)
			continue;
		build_id_text(at, end, image->build_id);
	}
}

void build_id_text(const unsigned char *at, const unsigned char *end, char text[41])
{
	while (end - at >= 12) {
		uint32_t name = (get32(at) + 3) & ~3u, len = get32(at + 4), type = get32(at + 8);

		at += 12;
		if ((size_t)(end - at) < (size_t)name + len)
			return;
		if (type == NT_GNU_BUILD_ID && name == 4 && !memcmp(at, "GNU", 4) && len == 20)
			for (uint32_t i = 0; i < len; i++)
				sprintf(text + 2 * i, "%02x", at[name + i]);
		at += name + ((len + 3) & ~3u);
	}
}

int kernel_image_open(struct kernel_image *image, const char *path)
{
	FILE *file __cleanup(file_close) = fopen(path, "re");
	const struct kernel_symbol *const *found;
	int status = STATUS_DONE;
	size_t nr;

	if (!file || !image_read(image, file)) {
		report("cannot read the kernel image '%s': %s", path, strerror(errno));
		return STATUS_REFUSED;
	}
	if (image->size < sizeof(Elf64_Ehdr) || memcmp(image->bytes, ELFMAG, SELFMAG))
		status = image_decompress(image, path);
	if (status)
		return status;
	build_id_read(image);
	if (symbols_read(image)) {
		found = kernel_image_find(image, "_text", &nr);
		if (nr == 1) {
			image->text = found[0]->address;
			return STATUS_DONE;
		}
	}
	report("the kernel image '%s' has no table of symbols that is known", path);
	return STATUS_REFUSED;
}

void kernel_image_close(struct kernel_image *image)
{
	free(image->bytes);
	free(image->symbols);
	free(image->by_name);
	free(image->names);
}

const struct kernel_symbol *const *kernel_image_find(const struct kernel_image *image,
						     const char *name, size_t *nr)
{
	size_t low = 0, high = image->nr_symbols, end;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(image->by_name[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < image->nr_symbols && !strcmp(image->by_name[end]->name, name); end++)
		;
	*nr = end - low;
	return image->by_name + low;
}

bool kernel_image_has(const struct kernel_image *image, const char *name, uint64_t address)
{
	return kernel_image_position(image, name, address);
}

size_t kernel_image_position(const struct kernel_image *image, const char *name, uint64_t address)
{
	size_t nr;
	const struct kernel_symbol *const *found = kernel_image_find(image, name, &nr);

	for (size_t i = 0; i < nr; i++)
		if (found[i]->address == address)
			return i + 1;
	return 0;
}
