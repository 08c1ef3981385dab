/* SPDX-License-Identifier: LGPL-2.1-only */
#ifndef SHADOWK_INTERNAL_H
#define SHADOWK_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shadowk.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct shadowk {
	int fd;
};

struct shadowk_shadow {
	int fd;
};

/* Results of shadowk_reason(), shadowk_busy() and shadowk_error_subject(). */
struct shk_error {
	uint32_t reason;
	pid_t busy;
	char subject[SHADOWK_SYMBOL_LEN];
};

extern _Thread_local struct shk_error shk_error;

/* call.c */

/*
 * Calls the kernel and notes the reason. @arg begins with size, flags, reason and busy. Returns
 * what the ioctl returns, or -errno.
 */
int shk_ioctl(int fd, unsigned long request, void *arg);

/* Notes the reason of a result that the library itself found. Returns @ret. */
int shk_return(int ret, uint32_t reason);

/*
 * Copies a struct of the caller, which begins with its size_t size, to @to of @known bytes.
 * A shorter struct is filled up with zeros. Returns 0; -E2BIG if a longer one has bytes that are
 * not 0, or is above 4096 bytes; -EINVAL if it is shorter than @least.
 */
int shk_copy_in(void *to, size_t known, const void *from, size_t least);

/*
 * Copies @from of @known bytes to a struct of the caller, except for its size. A longer struct
 * is filled up with zeros.
 */
void shk_copy_out(void *to, const void *from, size_t known);

/* Size of a struct's first release, in which @last was the last member. */
#define SHK_LEAST(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

/* shk_copy_in() to the struct @to. */
#define SHK_COPY_IN(to, from, last) \
	shk_copy_in(to, sizeof(*(to)), from, SHK_LEAST(__typeof__(*(to)), last))

/* Reads elements of a list by SHK_*_LIST; see "Lists" in shadowk.h. */
int shk_list(int fd, unsigned long request, uint64_t *cursor, void *elements, size_t element_size,
	     size_t nr);

/* Assert that a struct has the kernel's layout: its elements are passed on unchanged. */
#define SHK_SAME_SIZE(ours, kernels) \
	_Static_assert(sizeof(struct ours) == sizeof(struct kernels), "uapi")
#define SHK_SAME(ours, kernels, member)                                                     \
	_Static_assert(offsetof(struct ours, member) == offsetof(struct kernels, member) && \
			       sizeof(((struct ours *)0)->member) ==                        \
				       sizeof(((struct kernels *)0)->member),               \
		       "uapi")

/* shadow.c */

/* Makes a handle of the descriptor that the ioctl returns. Returns 0 or -errno. */
int shk_shadow_get(int fd, unsigned long request, void *arg, struct shadowk_shadow **shadow);

/* Returns what shadowk_name_check() returns, but does not note a reason. */
int shk_name_check(const char *name);

/*
 * Checks @name and copies it to @to, which is zeroed. Returns 0 or -errno, with the reason noted.
 */
int shk_name_set(char to[SHADOWK_NAME_LEN], const char *name);

/*
 * probe.c: reads the place @text, as shadowk_probe_parse() does, into the members of a spec.
 * Returns 0 or -errno, with the reason noted. After an error nothing is written.
 */
int shk_place_parse(const char *text, uint64_t *addr, uint64_t *offset,
		    char symbol[SHADOWK_SYMBOL_LEN]);

/*
 * pidfd.c: opens a pidfd of the process that thread @pid belongs to. Returns it, -ESRCH, or an
 * error of pidfd_open(2), with the reason noted.
 */
int shk_pidfd_open(pid_t pid);

/* kallsyms.c: the symbols of one name in /proc/kallsyms */
struct shk_symbol {
	unsigned int functions;		/* number of functions */
	unsigned int not_functions;	/* number of symbols that are no functions */
	char alike[SHADOWK_SYMBOL_LEN]; /* a variant NAME.SUFFIX that the compiler made, or "" */
	uint64_t address[4];		/* addresses of the first functions, 0 if hidden */
	char module[4][64]; /* modules of the first functions, "" for the kernel image */
};

/* @file is /proc/kallsyms, or NULL if it cannot be read. @name may be "MODULE:SYMBOL". */
void shk_kallsyms_find(FILE *file, const char *name, struct shk_symbol *symbol);

/* error.c: one explanation while it is written. */
struct shk_explanation {
	char *buf;
	size_t len;
	enum shadowk_op op;
	int err; /* positive */
	uint32_t reason;
	struct shadowk_subject subject;
	const char *symbol; /* of the place that the call was about, "" if it has none */
	uint64_t addr;
	uint64_t offset;
};

/*
 * Writes a template to the explanation's line. "{word}" stands for something that the call was
 * about; words[] in error.c has all words.
 */
void shk_say(const struct shk_explanation *e, const char *template);

/* Returns the capability that a call needs, or NULL. */
const char *shk_capability(enum shadowk_op op);

/* error_reasons.c: explains an error by its reason. Returns false if it has none. */
bool shk_explain_reason(const struct shk_explanation *e);

/* Returns @reason, or 0 if it is not known or belongs to another errno. */
uint32_t shk_reason_check(uint32_t reason, int err);

/* error_proc.c: explanations that look into /proc and /sys. */
void shk_explain_busy(const struct shk_explanation *e);
void shk_explain_capability(const struct shk_explanation *e);
void shk_explain_lockdown(const struct shk_explanation *e);
void shk_explain_no_device(const struct shk_explanation *e);
void shk_explain_process_exited(const struct shk_explanation *e);

/* error_place.c: explanations of names and places. */
void shk_explain_name(const struct shk_explanation *e);
void shk_explain_no_return(const struct shk_explanation *e);
void shk_explain_not_text(const struct shk_explanation *e);
void shk_explain_symbol_ambiguous(const struct shk_explanation *e);
void shk_explain_symbol_unknown(const struct shk_explanation *e);

#endif /* SHADOWK_INTERNAL_H */
