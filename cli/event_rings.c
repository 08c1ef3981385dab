// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "event_rings.h"

/* Reports an error of perf_event_open(2) and of what follows it. Returns a status. */
static int event_refuse(const char *what)
{
	if (errno == EACCES || errno == EPERM)
		report("cannot receive events: the kernel does not permit it; run as root, without "
		       "lockdown");
	else if (errno == EMFILE)
		report("cannot receive events: too many open files; raise 'ulimit -n'");
	else
		report("cannot receive events: %s: %m", what);
	return STATUS_REFUSED;
}

static int buffer_refuse(const struct event_rings *rings)
{
	report("cannot make a buffer of %zu KB for each CPU: %m; give a smaller --buffer",
	       rings->size / 1024);
	return STATUS_REFUSED;
}

/*
 * Opens the event on @cpu. A CPU that is offline gets no ring. Reports an error. Returns a status.
 */
static int ring_open(struct event_rings *rings, struct perf_event_attr *attr, int cpu,
		     const char *filter)
{
	struct epoll_event ready = { .events = EPOLLIN };
	struct event_ring *ring = &rings->ring[rings->nr];
	void *map;

	ring->fd = (int)syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return errno == ENODEV ? STATUS_DONE : event_refuse("perf_event_open");
	rings->nr++;
	map = mmap(NULL, rings->page_size + rings->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   ring->fd, 0);
	if (map == MAP_FAILED)
		return buffer_refuse(rings);
	ring->page = map;
	ring->data = (uint8_t *)map + rings->page_size;
	if (ioctl(ring->fd, PERF_EVENT_IOC_SET_FILTER, filter))
		return event_refuse("the filter");
	if (epoll_ctl(rings->epoll, EPOLL_CTL_ADD, ring->fd, &ready))
		return event_refuse("epoll");
	if (ioctl(ring->fd, PERF_EVENT_IOC_ENABLE, 0))
		return event_refuse("enabling the event");
	return STATUS_DONE;
}

int event_rings_open(struct event_rings *rings, int id, const char *filter, uint64_t kb,
		     unsigned int frames)
{
	long nr = sysconf(_SC_NPROCESSORS_CONF);
	int status = STATUS_DONE;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = id,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW |
			       (frames ? PERF_SAMPLE_CALLCHAIN : 0),
		.read_format = PERF_FORMAT_LOST,
		.disabled = 1,
		.exclude_callchain_user = 1,
		.sample_max_stack = frames,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
	};

	rings->page_size = sysconf(_SC_PAGESIZE);
	rings->size = rings->page_size;
	while (rings->size < kb * 1024)
		rings->size *= 2;
	attr.wakeup_watermark = rings->size / 4;
	rings->epoll = epoll_create1(EPOLL_CLOEXEC);
	rings->ring = calloc(nr, sizeof(*rings->ring));
	if (rings->epoll < 0 || !rings->ring)
		return event_refuse("epoll");
	for (int cpu = 0; !status && cpu < nr; cpu++)
		status = ring_open(rings, &attr, cpu, filter);
	return status;
}

/* Returns the record at @at, in one piece. */
static const struct perf_event_header *record_at(struct event_rings *rings,
						 const struct event_ring *ring, uint64_t at)
{
	size_t offset = at & (rings->size - 1), until_end = rings->size - offset;
	const struct perf_event_header *header =
		(const struct perf_event_header *)(ring->data + offset);

	/* Records are aligned to 8 bytes, so the header is in one piece. */
	if (header->size <= until_end)
		return header;
	memcpy(rings->record, header, until_end);
	memcpy(rings->record + until_end, ring->data, header->size - until_end);
	return (const struct perf_event_header *)rings->record;
}

static void ring_read(struct event_rings *rings, struct event_ring *ring,
		      void (*handle)(void *context, const struct perf_event_header *sample),
		      void *context)
{
	/* Pairs with the kernel's barrier between the records and the head. */
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;

	while (tail < head) {
		const struct perf_event_header *header = record_at(rings, ring, tail);

		if (header->type == PERF_RECORD_SAMPLE)
			handle(context, header);
		tail += header->size;
	}
	/* The kernel overwrites the records from here on. */
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

void event_rings_read(struct event_rings *rings,
		      void (*handle)(void *context, const struct perf_event_header *sample),
		      void *context)
{
	for (size_t i = 0; i < rings->nr; i++)
		if (rings->ring[i].page)
			ring_read(rings, &rings->ring[i], handle, context);
}

uint64_t event_rings_lost(const struct event_rings *rings)
{
	struct {
		uint64_t value, lost;
	} count;
	uint64_t lost = 0;

	for (size_t i = 0; i < rings->nr; i++)
		if (read(rings->ring[i].fd, &count, sizeof(count)) == sizeof(count))
			lost += count.lost;
	return lost;
}

void event_rings_close(struct event_rings *rings)
{
	for (size_t i = 0; i < rings->nr; i++) {
		if (rings->ring[i].page)
			munmap(rings->ring[i].page, rings->page_size + rings->size);
		close(rings->ring[i].fd);
	}
	if (rings->epoll >= 0)
		close(rings->epoll);
	free(rings->ring);
}
