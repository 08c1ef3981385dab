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
#include "functions.h"

/* Most frames of a stack that are kept. */
#define STACK_MAX 64

struct call {
	uint64_t time;	   /* CLOCK_MONOTONIC of the return, in ns */
	uint64_t duration; /* in ns */
	uint64_t result;   /* the register that has the return value */
	uint64_t argument[REGISTER_ARGUMENTS];
	pid_t tid;
	char comm[SHADOWK_COMM_LEN]; /* of the thread, "" if that has ended */
	char probe[SHADOWK_NAME_LEN];
	unsigned int nr_stack;
	uint64_t *stack; /* of the caller, innermost first; NULL without --stack */
};

/* calls.c: calls as text. */

/*
 * Prints a line of the call of the function @name, and a line of each frame of its stack, with the
 * names of @functions. @clock is CLOCK_REALTIME minus CLOCK_MONOTONIC, in ns.
 */
void call_print(FILE *file, const struct call *call, const char *name,
		const struct prototype *prototype, const struct functions *functions,
		int64_t clock);

struct json_object;

/* Returns the call as an object. */
struct json_object *call_json(const struct call *call, const char *name,
			      const struct prototype *prototype, const struct functions *functions,
			      int64_t clock);

/*
 * call_events.c: an instance of tracefs that this process makes, in which only calls of one shadow
 * are recorded.
 */
struct call_events;

/*
 * Makes the instance. @buffer_kb is the size of its buffer of each CPU. @stack: with the stack of
 * each call. Removes the instances that killed processes have left. Reports an error. Returns a
 * status.
 */
int call_events_open(struct call_events **events, uint64_t shadow, uint64_t buffer_kb, bool stack);
/*
 * Reads what has been recorded, and calls @handle for each call, in the order of their returns.
 * Without @last, the calls of the last milliseconds wait for the next time. Reports an error.
 * Returns a status.
 */
int call_events_read(struct call_events *events, bool last,
		     void (*handle)(void *context, const struct call *call), void *context);
/* Reports how many events were overwritten before they were read, if there were any. */
void call_events_report_lost(struct call_events *events, uint64_t buffer_kb);
/* Removes the instance. For __cleanup(). */
void call_events_close(struct call_events **events);

#endif /* SHADOWCTL_CALLS_H */
