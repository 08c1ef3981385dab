/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF programs at many functions, by links of the kind kprobe_multi. A process has several. */
#ifndef SHADOWK_TEST_KMULTI_H
#define SHADOWK_TEST_KMULTI_H

#include "check.h"

#define KMULTI_FUNCTIONS_MAX 512
#define KMULTI_STACK_MAX     16

/* What a program stores in addition to the function, for each call. */
enum kmulti_extra {
	KMULTI_NOTHING,
	KMULTI_ARG3,   /* the third argument */
	KMULTI_RESULT, /* the result of the function, at its return */
	KMULTI_STACK,  /* the id of its stack, for kmulti_stack() */
};

struct kmulti {
	int map, stacks, link;
};

/* Calls by one process of one function, with the same .extra. */
struct kmulti_calls {
	uint64_t func;	 /* as bpf_get_func_ip() tells it */
	uint64_t cookie; /* index of the function in the names, and 1000 */
	uint64_t pid;
	uint64_t extra;
	uint64_t count;
};

/*
 * Attaches a program at the @nr functions @names, which it sorts: at their entries, or at their
 * returns if @returns. Returns 0 or -errno.
 */
int kmulti_attach(struct kmulti *multi, const char **names, unsigned int nr, bool returns,
		  enum kmulti_extra extra);
/* Copies up to @room elements to @calls. Returns their number. */
unsigned int kmulti_read(const struct kmulti *multi, struct kmulti_calls *calls, unsigned int room);
/* Copies the addresses of the stack @id to @stack. Returns their number. */
unsigned int kmulti_stack(const struct kmulti *multi, uint64_t id,
			  uint64_t stack[KMULTI_STACK_MAX]);
/* Detaches the program. Its calls can still be read, until kmulti_close(). */
void kmulti_detach(struct kmulti *multi);
void kmulti_close(struct kmulti *multi);
/* Pins the link at @path, in a BPF file system. Returns 0 or -errno. */
int kmulti_pin(const struct kmulti *multi, const char *path);

#endif /* SHADOWK_TEST_KMULTI_H */
