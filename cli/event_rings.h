/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers of each CPU in which the kernel writes the events of a tracepoint. */
#ifndef SHADOWCTL_EVENT_RINGS_H
#define SHADOWCTL_EVENT_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/perf_event.h>

/* The buffer of one CPU. */
struct event_ring {
	int fd;
	struct perf_event_mmap_page *page; /* the data is behind it; NULL if it is not mapped */
	uint8_t *data;
};

struct event_rings {
	size_t page_size;
	size_t size; /* of ring.data, a power of 2 */
	size_t nr;
	struct event_ring *ring;
	int epoll;			/* readable when a ring is a quarter full */
	uint8_t record[UINT16_MAX + 1]; /* one that the end of a ring has split */
};

/*
 * Receives the tracepoint @id, of which @filter selects events, in rings of @kb KB, rounded up to a
 * power of 2. A sample has PERF_SAMPLE_TID, TIME (of CLOCK_MONOTONIC), CALLCHAIN if @frames is not
 * 0, of the kernel only and at most so long, and RAW. Reports an error. Returns a status. The
 * caller calls event_rings_close() in any case.
 */
int event_rings_open(struct event_rings *rings, int id, const char *filter, uint64_t kb,
		     unsigned int frames);
/* Calls @handle for each sample that the rings have. The samples of one CPU come in their order. */
void event_rings_read(struct event_rings *rings,
		      void (*handle)(void *context, const struct perf_event_header *sample),
		      void *context);
/* Returns the number of events that had no room. */
uint64_t event_rings_lost(const struct event_rings *rings);
void event_rings_close(struct event_rings *rings);

#endif /* SHADOWCTL_EVENT_RINGS_H */
