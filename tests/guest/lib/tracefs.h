/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own tracing, which is to see all that it did before. */
#ifndef SHADOWK_TEST_TRACEFS_H
#define SHADOWK_TEST_TRACEFS_H

#include "check.h"

/* Write @text to a file below tracefs; ends the test if the kernel refuses. */
void tracefs_write(const char *file, const char *text);
bool tracefs_try(const char *file, const char *text);
/* The trace is empty. */
void tracefs_clear(void);
/* Lines of the trace that contain @text. */
long tracefs_count(const char *text);

/* A kprobe for everybody at SYMBOL+OFFSET, enabled. */
void kprobe_add(const char *name, const char *place);
void kprobe_remove(const char *name);
long kprobe_hits(const char *name);
bool kprobe_is_optimised(uint64_t addr);
/* May the kernel make jumps of breakpoints? False: it cannot be asked to. */
bool kprobes_optimise(bool wanted);

#endif /* SHADOWK_TEST_TRACEFS_H */
