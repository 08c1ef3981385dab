/* SPDX-License-Identifier: GPL-2.0-only */
/* Types of the kernel's functions, from BTF, and values of these types as text. */
#ifndef SHADOWCTL_BTF_H
#define SHADOWCTL_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BTF_FOLDER "/sys/kernel/btf"

#define REGISTER_ARGUMENTS 6 /* rdi, rsi, rdx, rcx, r8, r9 */

enum type_class {
	TYPE_UNKNOWN, /* a whole register, of a function without BTF */
	TYPE_VOID,
	TYPE_NUMBER,
	TYPE_BOOL,
	TYPE_ENUM,
	TYPE_POINTER,
	TYPE_OTHER, /* a struct or union by value, a floating-point number, more than 8 bytes */
};

struct btf;

struct type {
	enum type_class class;
	uint8_t bytes; /* 1, 2, 4 or 8; 0 for TYPE_VOID and TYPE_OTHER */
	bool is_signed;
	const struct btf *btf; /* TYPE_ENUM: where the enumerators are */
	uint32_t id;	       /* TYPE_ENUM: the type there */
};

struct argument {
	char name[64];
	struct type type;
};

/* Arguments and return value of a function. */
struct prototype {
	/*
	 * False: there is no BTF of the function. Its arguments are then arg1 to arg6, which are
	 * whole registers, as is its return value.
	 */
	bool known;
	bool has_more;	 /* further arguments are not in the registers, or not one in each */
	unsigned int nr; /* of arguments in registers: argument n is in register n */
	struct argument argument[REGISTER_ARGUMENTS];
	struct type result;
};

/* The BTF of the kernel and of the modules that were asked for. */
struct types;

/*
 * Reads the BTF of the kernel from the file vmlinux of @folder. Without that file, no function is
 * known. Exits if there is no memory.
 */
struct types *types_open(const char *folder);
/* Frees *@types, and all prototypes become invalid. For __cleanup(). */
void types_close(struct types **types);
/*
 * Finds the prototype of @function. @module is "" for the kernel itself. A name that several
 * functions of the BTF have is not known.
 */
void prototype_find(struct prototype *prototype, struct types *types, const char *module,
		    const char *function);

/* Returns @value as a type of @bytes has it: extended to 64 bits from its lowest bytes. */
uint64_t value_extend(uint64_t value, uint8_t bytes, bool is_signed);
/* Returns the name of the enumerator, or NULL if @type is no enum or has none of @value. */
const char *enumerator_name(const struct type *type, uint64_t value);
/* Finds the value of the enumerator @name. Returns false if @type is no enum or has no such. */
bool enumerator_find(const struct type *type, const char *name, uint64_t *value);
/*
 * Writes @value, of a register, as a value of @type: a number in decimal, "true", the name of an
 * enumerator, a pointer in hexadecimal. @is_result: numbers and pointers that are negative errnos
 * become their names, such as "-EAGAIN". Returns @buf.
 */
const char *value_print(char *buf, size_t len, const struct type *type, uint64_t value,
			bool is_result);

struct json_object;

/*
 * Returns @value, of a register, as a value of @type: numbers as numbers, true or false, and all
 * others as strings of value_print().
 */
struct json_object *value_json(const struct type *type, uint64_t value, bool is_result);

#endif /* SHADOWCTL_BTF_H */
