/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sequences of steps: random ones, variants of others, and their text, a line each:
 * "create:0,2 probe:0,5 spawn:1". A number that the text leaves out is 0.
 */
#ifndef SHADOWK_TEST_FUZZ_SEQUENCE_H
#define SHADOWK_TEST_FUZZ_SEQUENCE_H

#include "verbs.h"

#define STEPS_MAX   64
#define ENTRIES_MAX 4096

struct step {
	uint8_t verb, n[NUMBERS];
};

struct sequence {
	unsigned int nr;
	struct step steps[STEPS_MAX];
};

/* A sequence, and the blocks that it reached. */
struct entry {
	struct sequence sequence;
	struct reached reached;
	atomic_bool complete;
};

struct corpus {
	atomic_uint nr;
	unsigned int nr_loaded;
	struct entry entries[ENTRIES_MAX];
};

/* ---- text ---- */

static inline void sequence_print(const struct sequence *s, char *text, size_t room)
{
	size_t len = 0;

	*text = 0;
	for (unsigned int i = 0; i < s->nr; i++) {
		const struct step *step = &s->steps[i];
		int last = NUMBERS - 1;

		while (last >= 0 && !step->n[last])
			last--;
		len += (size_t)snprintf(text + len, room - len, "%s%s", i ? " " : "",
					verbs[step->verb].name);
		for (int n = 0; n <= last; n++)
			len += (size_t)snprintf(text + len, room - len, "%c%d", n ? ',' : ':',
						step->n[n]);
		need(len < room);
	}
}

static inline bool step_parse(char *word, struct step *step)
{
	char *numbers = strchr(word, ':'), *end;

	*step = (struct step){};
	if (numbers)
		*numbers++ = 0;
	while (step->verb < ARRAY_SIZE(verbs) && strcmp(verbs[step->verb].name, word))
		step->verb++;
	if (step->verb == ARRAY_SIZE(verbs))
		return false;
	for (int i = 0; numbers && i < NUMBERS; i++) {
		step->n[i] = (uint8_t)strtoul(numbers, &end, 10);
		numbers = *end == ',' ? end + 1 : NULL;
	}
	return true;
}

static inline bool sequence_parse(const char *text, struct sequence *s)
{
	char copy[TEXT_LEN], *rest = copy, *word;

	s->nr = 0;
	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strtok_r(rest, " \n", &rest)) && *word != '#')
		if (s->nr == STEPS_MAX || !step_parse(word, &s->steps[s->nr++]))
			return false;
	return true;
}

/* ---- chance ---- */

static inline struct step step_make(struct dice *d)
{
	unsigned int all = 0;
	struct step step = {};
	uint64_t at;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		all += verbs[i].weight;
	for (at = roll(d, all); at >= verbs[step.verb].weight; step.verb++)
		at -= verbs[step.verb].weight;
	for (int i = 0; i < NUMBERS; i++)
		step.n[i] = (uint8_t)(roll(d, 3) ? dice_next(d) >> 24 : roll(d, 4));
	return step;
}

static inline void insert(struct sequence *s, unsigned int at, struct step step)
{
	if (s->nr == STEPS_MAX)
		s->nr--;
	if (at > s->nr)
		at = s->nr;
	memmove(&s->steps[at + 1], &s->steps[at], (s->nr - at) * sizeof(step));
	s->steps[at] = step;
	s->nr++;
}

/* It begins with a shadow, without which most steps do nothing. */
static inline void sequence_make(struct dice *d, struct sequence *s)
{
	uint64_t nr = 8 + roll(d, STEPS_MAX - 8);

	s->nr = 0;
	insert(s, 0, (struct step){ 0, { (uint8_t)roll(d, 8), (uint8_t)roll(d, 8) } });
	while (s->nr < nr)
		insert(s, s->nr, step_make(d));
}

static inline void mutate_once(struct dice *d, struct sequence *s, const struct sequence *other)
{
	unsigned int at = s->nr ? (unsigned int)roll(d, s->nr) : 0, from;

	switch (roll(d, 6)) {
	case 0:
		if (s->nr > 1) {
			memmove(&s->steps[at], &s->steps[at + 1],
				(s->nr - at - 1) * sizeof(s->steps[0]));
			s->nr--;
		}
		break;
	case 1:
	case 2:
		insert(s, at + 1, step_make(d));
		break;
	case 3:
		/* Append the end of the other sequence. */
		from = other->nr ? (unsigned int)roll(d, other->nr) : 0;
		while (from < other->nr && s->nr < STEPS_MAX)
			insert(s, s->nr, other->steps[from++]);
		break;
	default:
		if (s->nr)
			s->steps[at].n[roll(d, NUMBERS)] =
				(uint8_t)(roll(d, 2) ? dice_next(d) >> 24 : roll(d, 4));
	}
}

/* A worker may just be writing the last entries. */
static inline const struct sequence *corpus_pick(struct dice *d, const struct corpus *corpus)
{
	unsigned int nr = corpus->nr < ENTRIES_MAX ? corpus->nr : ENTRIES_MAX;
	const struct entry *entry = &corpus->entries[roll(d, nr)];

	return entry->complete ? &entry->sequence : &corpus->entries[0].sequence;
}

/* A quarter is random, the rest are variants of the corpus. */
static inline void sequence_next(struct dice *d, const struct corpus *corpus, struct sequence *s)
{
	if (!corpus->nr || !roll(d, 4)) {
		sequence_make(d, s);
		return;
	}
	*s = *corpus_pick(d, corpus);
	for (uint64_t times = roll(d, 5); times; times--)
		mutate_once(d, s, corpus_pick(d, corpus));
}

/* ---- the corpus ---- */

static inline void corpus_add(struct corpus *corpus, const struct sequence *s,
			      const struct reached *reached)
{
	unsigned int n = corpus->nr++;

	if (n >= ENTRIES_MAX)
		return;
	corpus->entries[n].sequence = *s;
	corpus->entries[n].reached = *reached;
	corpus->entries[n].complete = true;
}

static inline void corpus_load(struct corpus *corpus, const char *path)
{
	FILE *file = fopen(path, "re");
	const struct reached none = {};
	char line[TEXT_LEN];
	struct sequence s;

	need(file);
	while (fgets(line, sizeof(line), file)) {
		expect_true(sequence_parse(line, &s));
		if (s.nr)
			corpus_add(corpus, &s, &none);
	}
	fclose(file);
	corpus->nr_loaded = corpus->nr;
}

/* How many blocks @reached has that @have has not. */
static inline unsigned int count_more(const struct reached *reached, const struct reached *have)
{
	unsigned int more = 0;

	for (unsigned int i = 0; i <= blocks.nr / 64; i++)
		more += (unsigned int)__builtin_popcountll(reached->words[i] & ~have->words[i]);
	return more;
}

/* Prints about the fewest sequences that together reach all blocks which any of them reached. */
static inline void corpus_keep(const struct corpus *corpus)
{
	unsigned int nr = corpus->nr < ENTRIES_MAX ? corpus->nr : ENTRIES_MAX, more[ENTRIES_MAX];
	struct reached have = {};
	char text[TEXT_LEN];

	for (unsigned int n = 0; n < nr; n++)
		more[n] = UINT32_MAX;
	while (nr) {
		const struct entry *entry;
		unsigned int best = 0, was;

		/* @more can only have become less since it was counted, so count the best again. */
		for (unsigned int n = 1; n < nr; n++)
			if (more[n] > more[best])
				best = n;
		entry = &corpus->entries[best];
		was = more[best];
		more[best] = count_more(&entry->reached, &have);
		if (more[best] < was)
			continue;
		if (!more[best])
			return;
		for (unsigned int i = 0; i <= blocks.nr / 64; i++)
			have.words[i] |= entry->reached.words[i];
		more[best] = 0;
		sequence_print(&entry->sequence, text, sizeof(text));
		printf("keep %s\n", text);
	}
}

#endif /* SHADOWK_TEST_FUZZ_SEQUENCE_H */
