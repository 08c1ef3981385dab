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

/*
 * The results of shadowk_reason(), shadowk_busy() and shadowk_error_subject() in this thread. To
 * "note" a reason is to store it here; the other two are cleared then.
 */
struct shk_error {
	uint32_t reason;
	pid_t busy;
	char subject[SHADOWK_SYMBOL_LEN];
};

extern _Thread_local struct shk_error shk_error;

/* call.c */

/*
 * Makes the ioctl @request, and notes the reason and the busy thread that the kernel returns in
 * @arg. @arg begins with size, flags, reason and busy. Returns the result of the ioctl, or -errno.
 */
int shk_ioctl(int fd, unsigned long request, void *arg);

/*
 * Notes @reason for a result that the library has found without the kernel, or 0 if @ret is no
 * error. Returns @ret.
 */
int shk_return(int ret, uint32_t reason);

/*
 * Copies the struct @from of the program, which begins with its size_t size, to @to. @known: size
 * of the struct in this release. If @from is shorter, the rest of @to becomes zero. Notes the
 * reason 0 of an error. Returns 0, or
 *   -EINVAL  @from is shorter than @least
 *   -E2BIG   @from has more than 4096 bytes, or bytes behind @known that are not 0
 */
int shk_copy_in(void *to, size_t known, const void *from, size_t least);

/*
 * Copies @from to @to, a struct of the program, which begins with its size_t size. The size of @to
 * stays. @known: size of the struct in this release. If @to is longer, its rest becomes zero; if it
 * is shorter, it gets the first bytes of @from.
 */
void shk_copy_out(void *to, const void *from, size_t known);

/* Size of a struct in its first release, in which the last member was LAST. */
#define SHK_LEAST(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

/* Calls shk_copy_in() for a struct *TO, whose last member in its first release was LAST. */
#define SHK_COPY_IN(to, from, last) \
	shk_copy_in(to, sizeof(*(to)), from, SHK_LEAST(__typeof__(*(to)), last))

/*
 * Reads up to @nr elements of a list by the ioctl @request, one of SHK_*_LIST, to @elements.
 * "Lists" in shadowk.h explains @cursor and @element_size. Returns the number of elements, or
 * -errno, with the reason noted.
 */
int shk_list(int fd, unsigned long request, uint64_t *cursor, void *elements, size_t element_size,
	     size_t nr);

/*
 * SHK_SAME_SIZE() and SHK_SAME() assert that a struct of shadowk.h has the size and a member of the
 * uapi's struct. Programs get elements of lists as the kernel writes them.
 */
#define SHK_SAME_SIZE(ours, kernels) \
	_Static_assert(sizeof(struct ours) == sizeof(struct kernels), "uapi")
#define SHK_SAME(ours, kernels, member)                                                     \
	_Static_assert(offsetof(struct ours, member) == offsetof(struct kernels, member) && \
			       sizeof(((struct ours *)0)->member) ==                        \
				       sizeof(((struct kernels *)0)->member),               \
		       "uapi")

/* shadow.c */

/*
 * Makes the ioctl @request with @arg, which returns a descriptor of a shadow. Stores a new handle
 * with that descriptor in *@shadow. Returns 0; or -errno, with the reason noted.
 */
int shk_shadow_get(int fd, unsigned long request, void *arg, struct shadowk_shadow **shadow);

/* Checks @name as shadowk_name_check() does, with the same results, but notes no reason. */
int shk_name_check(const char *name);

/*
 * Checks @name, and copies it to @to. The caller has zeroed @to. Returns 0 or -errno, with the
 * reason noted.
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

/* kallsyms.c: what /proc/kallsyms has under one name. */
struct shk_symbol {
	unsigned int functions;		/* number of functions */
	unsigned int not_functions;	/* number of symbols that are no functions */
	char alike[SHADOWK_SYMBOL_LEN]; /* a variant NAME.SUFFIX that the compiler made, or "" */
	uint64_t address[4];		/* addresses of the first functions, 0 if hidden */
	char module[4][64]; /* modules of the first functions, "" for the kernel image */
};

/*
 * Fills in *@symbol with what @file has under @name, which may be "MODULE:SYMBOL". @file is
 * /proc/kallsyms; NULL, since it cannot be read: all of *@symbol becomes zero.
 */
void shk_kallsyms_find(FILE *file, const char *name, struct shk_symbol *symbol);

/* error.c: an error, and the line of text that explains it. */
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
 * Writes the text of @template to @e->buf. "{word}" in it is replaced by a property of the failed
 * call; words[] in error.c has all words.
 */
void shk_say(const struct shk_explanation *e, const char *template);

/* Returns the name of the capability that the call @op needs; NULL: it needs none. */
const char *shk_capability(enum shadowk_op op);

/* error_reasons.c: explains an error by @e->reason. Returns false if that is 0. */
bool shk_explain_reason(const struct shk_explanation *e);

/*
 * Returns @reason, or 0 if this library does not know it, or if it belongs to an errno other than
 * @err: then another call has noted it.
 */
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
