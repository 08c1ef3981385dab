// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event-parse.h>
#include <tracefs.h>

#include "calls.h"
#include "cli.h"
#include "event_rings.h"
#include "symbols.h"

#define SYSTEM "shadowk"
#define EVENT  "shadowk_call"

/* An event is in its buffer so long after its time, unless something holds the CPU up. */
#define SETTLE_NS 10000000

/* Threads whose names are remembered. */
#define COMMS 256

/* The name of a thread. */
struct comm {
	pid_t tid;
	uint64_t pass; /* of call_events.pass, when it was read */
	char text[SHADOWK_COMM_LEN];
};

/* Members of the event. */
struct fields {
	struct tep_format_field *result, *duration, *depth, *probe;
	struct tep_format_field *argument[REGISTER_ARGUMENTS];
};

/* A call that waits for those of other CPUs that returned before it. */
struct waiting {
	struct call call;
	uint64_t order; /* of its arrival */
};

struct call_events {
	struct tep_handle *tep;
	struct fields fields;
	bool stack;
	struct event_rings rings;
	struct waiting *waiting;
	size_t nr_waiting, room;
	uint64_t arrived; /* calls */
	uint64_t pass;	  /* calls of call_events_read() */
	struct comm comm[COMMS];
};

/* Reads the format of the event. Returns NULL if there is no such event. */
static struct tep_event *format_read(struct tep_handle *tep)
{
	int len;
	char *text __cleanup(text_free) =
		tracefs_event_file_read(NULL, SYSTEM, EVENT, "format", &len);

	/* tracefs_local_events_system() would also read all symbols. */
	if (!text || !tep || tep_parse_event(tep, text, len, SYSTEM))
		return NULL;
	return tep_find_event_by_name(tep, SYSTEM, EVENT);
}

/* Finds the event and its members. Returns its id, or -1 and reports an error. */
static int event_find(struct call_events *events)
{
	struct tep_event *event;
	char name[8];

	tracefs_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	if (!tracefs_tracing_dir()) {
		report("tracefs is not mounted: mount -t tracefs nodev /sys/kernel/tracing");
		return -1;
	}
	events->tep = tep_alloc();
	event = format_read(events->tep);
	if (!event) {
		report("cannot read the format of the event " SYSTEM ":" EVENT "; run as root, and "
		       "load the module of this version");
		return -1;
	}
	events->fields.result = tep_find_field(event, "ret");
	events->fields.duration = tep_find_field(event, "duration");
	events->fields.depth = tep_find_field(event, "depth");
	events->fields.probe = tep_find_field(event, "probe");
	for (int i = 0; i < REGISTER_ARGUMENTS; i++) {
		snprintf(name, sizeof(name), "arg%d", i + 1);
		events->fields.argument[i] = tep_find_field(event, name);
	}
	return event->id;
}

int call_events_open(struct call_events **events, struct shadowk_shadow *shadow, uint64_t buffer_kb,
		     bool stack)
{
	struct call_events *own = calloc(1, sizeof(*own));
	struct shadowk_shadow_info info;
	char filter[48];
	int err, id;

	if (!own) {
		report("out of memory");
		return STATUS_REFUSED;
	}
	*events = own;
	own->rings.epoll = -1;
	own->stack = stack;
	err = shadowk_shadow_info(shadow, &info, sizeof(info));
	if (err)
		return refuse(SHADOWK_OP_SHADOW_INFO, err, NULL);
	id = event_find(own);
	if (id < 0)
		return STATUS_REFUSED;
	snprintf(filter, sizeof(filter), "id == %llu", (unsigned long long)info.id);
	return event_rings_open(&own->rings, id, filter, buffer_kb, stack ? STACK_MAX : 0);
}

int call_events_fd(const struct call_events *events)
{
	return events->rings.epoll;
}

/* Reads the name of a thread, at most once a pass. Keeps the last name of one that has ended. */
static const char *comm_find(struct call_events *events, pid_t tid)
{
	struct comm *comm = &events->comm[tid % COMMS];
	FILE *file __cleanup(file_close) = NULL;
	char path[32], text[SHADOWK_COMM_LEN + 1];

	if (comm->tid == tid && comm->pass == events->pass)
		return comm->text;
	if (comm->tid != tid)
		*comm = (struct comm){ .tid = tid };
	comm->pass = events->pass;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
	file = fopen(path, "re");
	if (file && fgets(text, sizeof(text), file)) {
		text[strcspn(text, "\n")] = '\0';
		snprintf(comm->text, sizeof(comm->text), "%.15s", text);
	}
	return comm->text;
}

static uint64_t field_read(struct tep_format_field *field, void *data)
{
	unsigned long long value = 0;

	if (field)
		tep_read_number_field(field, data, &value);
	return value;
}

/* Reads a member that is a string at an offset, which is in the member with its length. */
static void string_read(char *text, size_t len, struct tep_format_field *field, const uint8_t *data,
			size_t data_len)
{
	uint64_t where = field_read(field, (void *)data);
	size_t offset = where & 0xffff, n = where >> 16;

	text[0] = '\0';
	if (offset + n <= data_len && n <= len)
		snprintf(text, len, "%.*s", (int)n, (const char *)data + offset);
}

/* True if the text is of the module, or of the kernel's hook of returns, which calls the module. */
static bool is_hook(uint64_t addr)
{
	const char *module, *name = symbol_name(addr, &module);

	return !strcmp(module, "shadowk") || strstr(name, "rethook");
}

/* Copies the frames of a stack, except for those that lead from the return to the report. */
static void stack_read(struct call *call, const uint64_t *address, uint64_t nr)
{
	uint64_t i = 0;

	call->has_stack = true;
	call->frame = calloc(nr + 1, sizeof(*call->frame));
	/* The highest addresses are marks: PERF_CONTEXT_KERNEL. */
	while (i < nr && (address[i] >= PERF_CONTEXT_MAX || is_hook(address[i])))
		i++;
	for (; call->frame && i < nr; i++)
		if (address[i] < PERF_CONTEXT_MAX)
			call->frame[call->nr_frames++] = address[i];
}

/* Returns a call that waits, to be filled in. Exits if there is no memory. */
static struct call *waiting_add(struct call_events *events)
{
	struct waiting *waiting;

	if (events->nr_waiting == events->room) {
		events->room = events->room ? 2 * events->room : 1024;
		events->waiting =
			reallocarray(events->waiting, events->room, sizeof(*events->waiting));
		if (!events->waiting) {
			report("out of memory");
			exit(STATUS_REFUSED);
		}
	}
	waiting = &events->waiting[events->nr_waiting++];
	*waiting = (struct waiting){ .order = events->arrived++ };
	return &waiting->call;
}

/* Reads a sample of event_rings_open(). */
static void sample_read(void *context, const struct perf_event_header *header)
{
	const uint8_t *next = (const uint8_t *)(header + 1);
	struct call_events *events = context;
	struct call *call = waiting_add(events);
	uint32_t tid, len;
	uint64_t frames;

	memcpy(&tid, next + 4, sizeof(tid));
	memcpy(&call->time, next + 8, sizeof(call->time));
	next += 16;
	if (events->stack) {
		memcpy(&frames, next, sizeof(frames));
		stack_read(call, (const uint64_t *)next + 1, frames);
		next += 8 + 8 * frames;
	}
	memcpy(&len, next, sizeof(len));
	next += sizeof(len);
	call->tid = (pid_t)tid;
	memcpy(call->comm, comm_find(events, call->tid), sizeof(call->comm));
	call->result = field_read(events->fields.result, (void *)next);
	call->duration = field_read(events->fields.duration, (void *)next);
	call->depth = (unsigned int)field_read(events->fields.depth, (void *)next);
	for (int i = 0; i < REGISTER_ARGUMENTS; i++)
		call->argument[i] = field_read(events->fields.argument[i], (void *)next);
	string_read(call->probe, sizeof(call->probe), events->fields.probe, next, len);
}

static int by_time(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	if (x->call.time != y->call.time)
		return x->call.time < y->call.time ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void call_events_read(struct call_events *events, bool last,
		      void (*handle)(void *context, const struct call *call), void *context)
{
	struct timespec now;
	uint64_t settled;
	size_t done = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	settled = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec - SETTLE_NS;
	events->pass++;
	event_rings_read(&events->rings, sample_read, events);
	qsort(events->waiting, events->nr_waiting, sizeof(*events->waiting), by_time);
	while (done < events->nr_waiting && (last || events->waiting[done].call.time < settled)) {
		struct call *call = &events->waiting[done++].call;

		handle(context, call);
		free(call->frame);
	}
	events->nr_waiting -= done;
	memmove(events->waiting, events->waiting + done,
		events->nr_waiting * sizeof(*events->waiting));
}

uint64_t call_events_lost(const struct call_events *events)
{
	return event_rings_lost(&events->rings);
}

void call_events_close(struct call_events **events)
{
	struct call_events *own = *events;

	if (!own)
		return;
	event_rings_close(&own->rings);
	for (size_t i = 0; i < own->nr_waiting; i++)
		free(own->waiting[i].call.frame);
	tep_free(own->tep);
	free(own->waiting);
	free(own);
	*events = NULL;
}
