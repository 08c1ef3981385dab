/* SPDX-License-Identifier: LGPL-2.1-only */
#ifndef SHADOWK_INTERNAL_H
#define SHADOWK_INTERNAL_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "shadowk.h"

struct shadowk {
	int fd;
};

struct shadowk_shadow {
	int fd;
};

/* Of the thread: see shadowk_busy(). */
extern _Thread_local pid_t shk_busy;

/* shadow.c: what a call that returns a handle returns. */
int shk_shadow_get(int fd, unsigned long request, void *arg, struct shadowk_shadow **shadow);

static inline int shk_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/*
 * Hand a struct to a caller that may know a shorter or a longer one. Both begin
 * with their size_t size; the caller's stays as it is.
 */
static inline void shk_copy_out(void *to, const void *from, size_t known)
{
	size_t size = *(size_t *)to;

	if (size > known)
		memset((char *)to + known, 0, size - known);
	memcpy((char *)to + sizeof(size_t), (const char *)from + sizeof(size_t),
	       (size < known ? size : known) - sizeof(size_t));
}

/* The first release of a struct, which ended with @last, is the least a caller can know. */
#define shk_size_ok(ptr, last) \
	((ptr)->size >= offsetof(__typeof__(*(ptr)), last) + sizeof((ptr)->last))

/* kallsyms.c: what the kernel says of a symbol's name. */
struct shk_symbol {
	unsigned int functions;		/* that have the name */
	unsigned int others;		/* that have it and are no functions */
	char alike[SHADOWK_SYMBOL_LEN]; /* a function called NAME.SUFFIX by the compiler, or "" */
	uint64_t address[4];		/* of the first functions, 0 where hidden */
	char module[4][64];		/* that have them, "": the kernel image */
};

void shk_kallsyms_find(FILE *file, const char *name, struct shk_symbol *symbol);

/* error.c; false if there is nobody. */
_Bool shk_explain_busy(char *buf, size_t len);

/* error_patch.c */
_Bool shk_explain_patch_add(char *buf, size_t len, int err, const struct shadowk_subject *subject);

/* error_probe.c; ENOENT, ENOTUNIQ or ERANGE of a function that is to be patched. */
void shk_explain_function(char *buf, size_t len, int err, const char *symbol, uint64_t addr);
/* Both return false if they have nothing to say about @err. */
_Bool shk_explain_probe_add(char *buf, size_t len, int err, const struct shadowk_subject *subject);
_Bool shk_explain_name(char *buf, size_t len, const char *noun, const char *name);
/* error_raw.c; likewise. */
_Bool shk_explain_raw(char *buf, size_t len, enum shadowk_op op, int err,
		      const struct shadowk_subject *subject);

#endif /* SHADOWK_INTERNAL_H */
