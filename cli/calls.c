// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "calls.h"
#include "cli.h"
#include "output.h"
#include "symbols.h"

/* Writes the time of day of the return, such as "12:04:05.123456". */
static void time_print(char *buf, size_t len, const struct call *call, int64_t clock)
{
	uint64_t ns = call->time + clock;
	time_t seconds = (time_t)(ns / 1000000000);
	char text[16] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%T", &tm);
	snprintf(buf, len, "%s.%06" PRIu64, text, ns % 1000000000 / 1000);
}

/* Prints the name of the thread. Processes choose theirs, so control characters become '?'. */
static void comm_print(FILE *file, const struct call *call)
{
	for (const char *c = call->comm[0] ? call->comm : "<...>"; *c; c++)
		fputc(iscntrl((unsigned char)*c) ? '?' : *c, file);
}

/* Writes an address of the text, such as "ksys_read+0x6b". */
static void frame_print(char *buf, size_t len, uint64_t addr)
{
	if (!symbol_print(buf, len, addr))
		snprintf(buf, len, "0x%" PRIx64, addr);
}

/* Prints the arguments in parentheses, and the return value. */
static void values_print(FILE *file, const struct call *call, const struct prototype *prototype)
{
	char value[128];

	fputc('(', file);
	for (unsigned int i = 0; i < prototype->nr; i++)
		fprintf(file, "%s%s=%s", i ? ", " : "", prototype->argument[i].name,
			value_print(value, sizeof(value), &prototype->argument[i].type,
				    call->argument[i], false));
	fputc(')', file);
	if (prototype->result.class == TYPE_VOID)
		return;
	fprintf(file, "%s%s", prototype->known ? " = " : " ret=",
		value_print(value, sizeof(value), &prototype->result, call->result, true));
}

void call_print(FILE *file, const struct call *call, const char *name,
		const struct prototype *prototype, int64_t clock)
{
	char text[SYMBOL_PRINT_LEN];

	time_print(text, sizeof(text), call, clock);
	fprintf(file, "%s ", text);
	comm_print(file, call);
	fprintf(file, "-%d %s", call->tid, name);
	values_print(file, call, prototype);
	fprintf(file, "  %.1f us\n", (double)call->duration / 1000);
	for (unsigned int i = 0; i < call->nr_frames; i++) {
		frame_print(text, sizeof(text), call->frame[i]);
		fprintf(file, "        %s\n", text);
	}
}

static struct json_object *stack_json(const struct call *call)
{
	struct json_object *array = json_object_new_array();
	char text[SYMBOL_PRINT_LEN];

	for (unsigned int i = 0; i < call->nr_frames; i++) {
		frame_print(text, sizeof(text), call->frame[i]);
		json_object_array_add(array, json_text(text));
	}
	return array;
}

struct json_object *call_json(const struct call *call, const char *name,
			      const struct prototype *prototype, int64_t clock)
{
	struct json_object *object = json_object_new_object();
	struct json_object *arguments = json_object_new_object();

	for (unsigned int i = 0; i < prototype->nr; i++)
		json_object_object_add(arguments, prototype->argument[i].name,
				       value_json(&prototype->argument[i].type, call->argument[i],
						  false));
	json_object_object_add(object, "time_ns", json_object_new_uint64(call->time + clock));
	json_object_object_add(object, "comm", json_text(call->comm));
	json_object_object_add(object, "tid", json_object_new_int(call->tid));
	json_object_object_add(object, "function", json_text(name));
	json_object_object_add(object, "arguments", arguments);
	json_object_object_add(object, "return",
			       value_json(&prototype->result, call->result, true));
	json_object_object_add(object, "duration_ns", json_object_new_uint64(call->duration));
	if (call->has_stack)
		json_object_object_add(object, "stack", stack_json(call));
	return object;
}
