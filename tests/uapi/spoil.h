/* SPDX-License-Identifier: GPL-2.0-only */
/* Pseudo-random arguments that are almost good. */
#ifndef SHADOWK_TEST_SPOIL_H
#define SHADOWK_TEST_SPOIL_H

#include "calls.h"

struct dice {
	uint64_t seed; /* not 0 */
};

static inline uint64_t dice_next(struct dice *d)
{
	d->seed ^= d->seed << 13;
	d->seed ^= d->seed >> 7;
	d->seed ^= d->seed << 17;
	return d->seed;
}

static inline uint64_t roll(struct dice *d, uint64_t sides)
{
	return (dice_next(d) >> 16) % sides;
}

/* Numbers at which ranges end. */
static inline uint64_t edge(struct dice *d)
{
	static const uint64_t edges[] = {
		0,
		1,
		0x7f,
		0xff,
		0x1000,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000,
		0x7fffffffffffffff,
		0x8000000000000000,
		0xffffffff80000000,
		0xffffffff81000000,
		0xfffffffffffff000,
		0xffffffffffffffff,
	};

	return edges[roll(d, ARRAY_SIZE(edges))];
}

/* Writes a good argument of which some bytes, a word, or all bytes are random. */
static inline void spoil(struct dice *d, const struct one_call *c, unsigned char *buf, size_t room)
{
	unsigned char arg[4096];
	size_t len = room < sizeof(arg) ? room : sizeof(arg);

	good_arg(c, arg, sizeof(arg));
	for (uint64_t n = roll(d, 4); n; n--)
		arg[roll(d, c->size)] = (unsigned char)(roll(d, 3) ? roll(d, 4) : dice_next(d));
	if (!roll(d, 4)) {
		uint64_t value = edge(d);

		memcpy(arg + roll(d, c->size / 8) * 8, &value, sizeof(value));
	}
	if (!roll(d, 8))
		for (size_t i = sizeof(struct head); i < c->size; i++)
			arg[i] = (unsigned char)dice_next(d);
	if (roll(d, 16))
		((struct head *)arg)->size = c->size;
	else if (roll(d, 2))
		((struct head *)arg)->size = (uint32_t)edge(d);

	if (c->element) {
		struct shk_list *list = (struct shk_list *)arg;

		/* The kernel must not write to other memory of the test. */
		list->elements =
			roll(d, 8) ? (uintptr_t)elements_room()
				   : (uintptr_t)elements_room() + ELEMENTS_LEN - roll(d, 4096);
		if (roll(d, 2)) {
			list->element_size = (uint32_t)(roll(d, 3) ? c->element : roll(d, 4200));
			list->nr = (uint32_t)roll(d, 100);
		}
		if (!roll(d, 8))
			list->elements = 0;
	}
	switch (c->nr) {
	case SHK_PROCESS_ATTACH:
	case SHK_PROCESS_DETACH: {
		struct shk_process *process = (struct shk_process *)arg;

		/* The guest's other processes are left alone. */
		if (roll(d, 2))
			process->flags = SHK_PROCESS_SELF, process->pidfd = 0;
		else
			process->pidfd = pidfd_exited();
		break;
	}
	case SHK_SHADOW_CREATE:
		/* A name would keep the shadow. */
		((struct shk_shadow_create *)arg)->name[0] = 0;
		break;
	case SHK_RAW_ADD:
		/* Otherwise random instructions would be executed. */
		((struct shk_raw_add *)arg)->flags |= SHK_RAW_IDENTITY;
		break;
	}
	memcpy(buf, arg, len);
}

#endif /* SHADOWK_TEST_SPOIL_H */
