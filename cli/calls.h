/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of functions that probes of the kind SHADOWK_PROBE_CALL have reported. */
#ifndef SHADOWCTL_CALLS_H
#define SHADOWCTL_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <shadowk.h>

#include "btf.h"

/* Most frames of a stack that are kept. */
#define STACK_MAX 64

struct call {
	uint64_t time;	   /* CLOCK_MONOTONIC of the return, in ns */
	uint64_t duration; /* in ns */
	uint64_t result;   /* the register that has the return value */
	uint64_t argument[REGISTER_ARGUMENTS];
	unsigned int depth; /* calls around it in its task that probes of the shadow follow */
	pid_t tid;
	char comm[SHADOWK_COMM_LEN]; /* of the thread, "" if that has ended */
	char probe[SHADOWK_NAME_LEN];
	bool has_stack; /* with --stack */
	unsigned int nr_frames;
	uint64_t *frame; /* return addresses, the caller's first; NULL if there are none */
};

/* calls.c: calls as text. */

/*
 * Prints a line of the call of the function @name, and a line of each frame of its stack. @clock is
 * CLOCK_REALTIME minus CLOCK_MONOTONIC, in ns.
 */
void call_print(FILE *file, const struct call *call, const char *name,
		const struct prototype *prototype, int64_t clock);

struct json_object;

/* Returns the call as an object. */
struct json_object *call_json(const struct call *call, const char *name,
			      const struct prototype *prototype, int64_t clock);

/*
 * call_events.c: reads the tracepoint shadowk:shadowk_call for one shadow, by perf_event_open(2).
 * The kernel ends that with this process. An instance of tracefs would outlive a process that is
 * killed. An event that is enabled there also makes the kernel do more at each context switch of
 * the machine, to learn the names of tasks.
 */
struct call_events;

/*
 * Begins to receive the calls of @shadow. @buffer_kb is the size of the buffer of each CPU, rounded
 * up to a power of 2. @stack: with the stack of each call. Reports an error. Returns a status.
 */
int call_events_open(struct call_events **events, struct shadowk_shadow *shadow, uint64_t buffer_kb,
		     bool stack);
/* Returns a descriptor that is readable when a buffer is a quarter full. */
int call_events_fd(const struct call_events *events);
/*
 * Calls @handle for each call that the buffers have, in the order of their returns. Without @last,
 * the calls of the last milliseconds wait for the next time.
 */
void call_events_read(struct call_events *events, bool last,
		      void (*handle)(void *context, const struct call *call), void *context);
/* Returns the number of calls that had no room in the buffers. */
uint64_t call_events_lost(const struct call_events *events);
/* For __cleanup(). */
void call_events_close(struct call_events **events);

#endif /* SHADOWCTL_CALLS_H */
