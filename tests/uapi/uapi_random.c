// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=180 */
/*
 * Two threads make calls with random arguments: right and wrong sizes, all kinds of descriptors and
 * pointers. Calls fail, and nothing breaks. "uapi_random SECONDS SEED" runs longer, or repeats a
 * run: the seed and the number of the thread decide all calls of a thread.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

#include "spoil.h"

#define SECONDS 8
#define LEAST	101 /* calls that are not refused, or it goes on */
#define SEED	20261122
#define ROOM	8192
#define NR_FDS	12
#define OURS	5 /* of these are of shadowk */
#define THREADS 2

struct fuzzer {
	pthread_t thread;
	struct dice dice;
	time_t end;
	unsigned long done, passed;
	int fds[NR_FDS];
	/* A page to write to, one that can only be read, and a hole. */
	unsigned char *mem;
};

/*
 * Returns a pointer; @room: bytes of the argument to write there. @whole: all of it can be
 * written.
 */
static void *pointer(struct fuzzer *f, const struct one_call *c, size_t *room, bool *whole)
{
	*room = 0;
	*whole = false;
	switch (roll(&f->dice, 12)) {
	case 0:
		return (void *)edge(&f->dice);
	case 1:
		return f->mem + 4096; /* cannot be written */
	case 2:
		*room = roll(&f->dice, c->size);
		return f->mem + 4096 - *room; /* runs into that */
	case 3:
		return f->mem + 8192 - roll(&f->dice, c->size); /* runs into nothing */
	case 4:
		*room = 4096 - 256;
		*whole = true;
		return f->mem + roll(&f->dice, 256); /* not aligned */
	default:
		*room = 4096;
		*whole = true;
		return f->mem;
	}
}

static void one(struct fuzzer *f)
{
	/* The last call ends the shadow. */
	const struct one_call *c = &calls[roll(&f->dice, ARRAY_SIZE(calls) - 1)];
	uint64_t n = roll(&f->dice, 6) ? c->on_handle : roll(&f->dice, NR_FDS);
	int fd = f->fds[n];
	unsigned long nr = roll(&f->dice, 32) ? c->nr : _IO(SHK_IOC, roll(&f->dice, 256));
	struct one_call as = *c;
	bool whole;
	size_t room;
	void *arg = pointer(f, c, &room, &whole);

	/* After that, all calls would be refused. */
	if (nr == SHK_SHADOW_DESTROY)
		return;
	if (room)
		spoil(&f->dice, c, arg, room);
	/* The argument of one call may do harm as that of another one. */
	if (nr != c->nr && room)
		memset(arg, 0, room);
	as.nr = nr;
	/* call_and_undo() checks @reason and @busy. */
	if (n < OURS && whole)
		f->passed += call_and_undo(&as, fd, arg) >= 0;
	else
		f->passed += call_raw_and_undo(&as, fd, arg) >= 0;
	f->done++;
}

static void *fuzz(void *arg)
{
	struct fuzzer *f = arg;

	while (time(NULL) < f->end || f->passed < LEAST)
		one(f);
	return NULL;
}

static void fuzzer_start(struct fuzzer *f, unsigned int n, uint64_t seed, int seconds, int dev,
			 int handle)
{
	int ends[2];

	need(!pipe2(ends, O_CLOEXEC));
	f->dice.seed = seed + n * 1000003;
	f->end = time(NULL) + seconds;
	f->done = f->passed = 0;
	f->mem = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(f->mem != MAP_FAILED);
	need(!mprotect(f->mem + 4096, 4096, PROT_READ) && !munmap(f->mem + 8192, 4096));
	const int fds[NR_FDS] = {
		dev,
		handle,
		handle,
		(int)shadow_create(dev, ""),
		(int)handle_derive(handle, SHK_RIGHT_READ, NULL),
		pidfd_of(getpid()),
		ends[0],
		ends[1],
		eventfd(0, EFD_CLOEXEC),
		open("/dev/null", O_RDWR | O_CLOEXEC),
		-1,
		1000000,
	};

	memcpy(f->fds, fds, sizeof(fds));
	need(!pthread_create(&f->thread, NULL, fuzz, f));
}

static void fuzzer_end(struct fuzzer *f)
{
	pthread_join(f->thread, NULL);
	for (int i = 3; i < NR_FDS - 2; i++)
		close(f->fds[i]);
	munmap(f->mem, 2 * 4096);
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : SECONDS;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : SEED;
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	struct fuzzer fuzzers[THREADS];
	char *before, *now;

	need(handle >= 0);
	printf("seed %" PRIu64 "\n", seed);
	before = state(dev, -1);
	for (unsigned int n = 0; n < THREADS; n++)
		fuzzer_start(&fuzzers[n], n, seed, seconds, dev, handle);
	for (unsigned int n = 0; n < THREADS; n++) {
		fuzzer_end(&fuzzers[n]);
		printf("%lu calls, %lu of them not refused\n", fuzzers[n].done, fuzzers[n].passed);
		expect_true(fuzzers[n].passed < fuzzers[n].done);
	}
	detach(dev, SELF);
	expect(shadow_destroy(handle), 0);
	close(handle);
	handle = (int)shadow_create(dev, "uapi");
	/* All but the id is the same. */
	now = state(dev, -1);
	expect_true(!strcmp(strchr(before, '\''), strchr(now, '\'')));
	expect(shadow_destroy(handle), 0);
	return finish();
}
