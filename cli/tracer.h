/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_TRACER_H
#define SHADOWCTL_TRACER_H

/*
 * tracer.c: prints the calls of functions that have probes of the kind SHADOWK_PROBE_CALL.
 *
 *	struct tracer tracer __cleanup(tracer_free) = { 0 };
 *
 *	status = target_open(&target);
 *	...add the probes of @places
 *	if (!status)
 *		status = tracer_begin(&tracer, target.session.shadow, &places);
 *	if (!status)
 *		status = target_begin(&target);
 *	if (!status)
 *		status = tracer_run(&tracer, &target);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "btf.h"
#include "calls.h"
#include "functions.h"
#include "target.h"

/* Lines of verb.options. */
#define TRACER_HELP                                                                   \
	"  --stack           print the kernel's stack of each call\n"                 \
	"  --buffer KB       keep KB of calls for each CPU until they are printed;\n" \
	"                    without it, 1024\n"

struct tracer {
	/* Set by the verb. */
	uint64_t buffer_kb; /* 0: the default */
	bool stack;
	bool json;

	/* Private to tracer.c. */
	struct shadowk_shadow *shadow;
	const struct places *places;
	struct types *types;
	struct prototype *prototype; /* of each place */
	struct call_events *events;
	int64_t clock; /* CLOCK_REALTIME minus CLOCK_MONOTONIC, in ns */
};

/* Returns the KB of --buffer. Exits by usage() on a wrong number. */
uint64_t buffer_parse(const struct cli *cli, const char *text);
/*
 * Writes what to do after calls were lost in buffers of @kb: a larger --buffer, unless that is the
 * highest one. The caller adds the other remedy. Returns @text.
 */
const char *buffer_advice(char *text, size_t len, uint64_t kb);
/* Finds the prototype of a place by its name. It is valid until tracer_free(). */
void tracer_prototype(struct tracer *tracer, const char *name, struct prototype *prototype);
/*
 * Begins to receive the calls of @places, whose probes are in the shadow. Reports an error. Returns
 * a status.
 */
int tracer_begin(struct tracer *tracer, struct shadowk_shadow *shadow, struct places *places);
/*
 * Prints calls until the target ends. Then reports how many could not be printed. Returns a status.
 */
int tracer_run(struct tracer *tracer, struct target *target);
void tracer_free(struct tracer *tracer);

#endif /* SHADOWCTL_TRACER_H */
