/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_IDENTITY_H
#define SHADOWCTL_IDENTITY_H

#include "kernel_image.h"
#include "object.h"

/* A function of an object that was compiled with the kernel's own flags. */
struct identity_function {
	const char *name;
	uint64_t address; /* in the kernel image */
	char reason[112]; /* why it is not the kernel's function; "" if it is */
};

/*
 * identity.c: compares the functions of an object with those of the kernel image: their bytes, what
 * they refer to, and the constants that they refer to.
 */
struct identity {
	const struct kernel_image *image;
	struct object *object;
	uint64_t *bases; /* address of each section in the kernel image; 0 if it is not known */
	size_t nr_functions, nr_same;
	struct identity_function *functions;
};

void identity_check(struct identity *identity, const struct kernel_image *image,
		    struct object *object);
void identity_free(struct identity *identity);
/* Returns the function with this name, or NULL. */
struct identity_function *identity_find(const struct identity *identity, const char *name);
/*
 * Returns the address that the kernel has of @symbol, which is defined in the object, or 0 if the
 * kernel has it not, or if it is not certain where.
 */
uint64_t identity_address(const struct identity *identity, const Elf64_Sym *symbol);
/* Returns true if the compiler makes such objects, each file has its own, and none changes. */
bool is_private_constant(const char *name);

#endif /* SHADOWCTL_IDENTITY_H */
