/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own tracing. It must see the same events with and without shadows. */
#ifndef SHADOWK_TEST_TRACEFS_H
#define SHADOWK_TEST_TRACEFS_H

#include "check.h"

/* Writes @text to a file below tracefs. Ends the test if the kernel refuses it. */
void tracefs_write(const char *file, const char *text);
bool tracefs_try(const char *file, const char *text);
/* Empties the trace. */
void tracefs_clear(void);
/* The number of lines of the trace that contain @text. */
long tracefs_count(const char *text);
/*
 * The number of such lines in the trace of an instance, which it empties. @instance is "", or ends
 * with a slash.
 */
long tracefs_take(const char *instance, const char *text);

/* Registers and enables a kprobe of the whole machine at @place, SYMBOL+OFFSET. */
void kprobe_add(const char *name, const char *place);
void kprobe_remove(const char *name);
long kprobe_hits(const char *name);
bool kprobe_is_optimised(uint64_t addr);
/* Permits or forbids optimised kprobes. Returns false if the kernel does not have them. */
bool kprobes_optimise(bool wanted);

#endif /* SHADOWK_TEST_TRACEFS_H */
