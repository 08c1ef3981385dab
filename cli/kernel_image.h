/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_KERNEL_IMAGE_H
#define SHADOWCTL_KERNEL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A symbol of the kernel's own table, at the address for which the kernel was linked. */
struct kernel_symbol {
	uint64_t address;
	const char *name;
	char type; /* as nm prints it */
};

/*
 * kernel_image.c: the kernel as its file has it, before a boot moves and patches it. The symbols
 * are those that /proc/kallsyms prints. They come from the tables in the image, since the file has
 * no others.
 */
struct kernel_image {
	size_t size;
	unsigned char *bytes; /* an ELF file */
	size_t nr_symbols;
	struct kernel_symbol *symbols;	      /* in the order of /proc/kallsyms */
	const struct kernel_symbol **by_name; /* the same, by name, then in that order */
	char *names;
	uint64_t text;	   /* address of _text */
	char build_id[41]; /* hexadecimal */
};

/* Reads vmlinuz or vmlinux from @file. Reports errors. Returns a status. */
int kernel_image_open(struct kernel_image *image, const char *file);
void kernel_image_close(struct kernel_image *image);
/* Returns @len bytes at the address @address, or NULL if the file does not have them. */
const unsigned char *kernel_image_at(const struct kernel_image *image, uint64_t address,
				     size_t len);
/* Returns the symbols with this name, and sets @nr to their number, which may be 0. */
const struct kernel_symbol *const *kernel_image_find(const struct kernel_image *image,
						     const char *name, size_t *nr);
/* Returns true if a symbol @name is at @address. */
/* Writes the build id in the notes from @at to @end, if they have one, as hexadecimal digits. */
void build_id_text(const unsigned char *at, const unsigned char *end, char text[41]);
bool kernel_image_has(const struct kernel_image *image, const char *name, uint64_t address);
/* Returns the number of the symbol at @address among those with its name, from 1 on; else 0. */
size_t kernel_image_position(const struct kernel_image *image, const char *name, uint64_t address);

#endif /* SHADOWCTL_KERNEL_IMAGE_H */
