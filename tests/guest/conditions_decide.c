// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=300 */
/*
 * An execution is a hit only if it fulfils the conditions of the probe: on arguments, on the result
 * and on the duration, with each comparison, width and sign. What is expected is computed by other
 * code, from the calls that the process inside makes.
 */
#include <sys/mman.h>

#include "actor.h"
#include "shadows.h"

/* shmem_file_llseek(file, offset, whence): the second argument is known, and so is the result. */
#define FUNCTION "shmem_file_llseek"

static const int64_t offsets[] = {
	-5, 0, 1, 127, 128, 255, 256, 65535, 65543, 0x7fffffff, 0x80000000, 1LL << 40,
};
#define NR_OFFSETS (sizeof(offsets) / sizeof(offsets[0]))

static const uint64_t values[] = { 0, 1, 127, 128, 256, -1ULL, -5ULL, -22ULL, 0x80000000ULL, 7 };
#define NR_VALUES (sizeof(values) / sizeof(values[0]))

static int file;

/* Calls the function once with each offset. */
static long job_seek(long unused)
{
	for (size_t i = 0; i < NR_OFFSETS; i++)
		lseek(file, offsets[i], SEEK_SET);
	return 0;
}

static int64_t result_of(int64_t offset)
{
	return offset < 0 ? -EINVAL : offset;
}

/* The lowest bytes of @value, extended. */
static int64_t part(uint64_t value, int bytes, bool is_signed)
{
	switch (bytes) {
	case 1:
		return is_signed ? (int64_t)(int8_t)value : (int64_t)(uint8_t)value;
	case 2:
		return is_signed ? (int64_t)(int16_t)value : (int64_t)(uint16_t)value;
	case 4:
		return is_signed ? (int64_t)(int32_t)value : (int64_t)(uint32_t)value;
	default:
		return (int64_t)value;
	}
}

static bool holds(const struct shadowk_condition *c, uint64_t value)
{
	int64_t a = part(value, c->bytes, c->is_signed), b = (int64_t)c->value;
	bool less = c->is_signed ? a < b : (uint64_t)a < (uint64_t)b;

	switch (c->op) {
	case SHADOWK_OP_EQ:
		return a == b;
	case SHADOWK_OP_NE:
		return a != b;
	case SHADOWK_OP_LT:
		return less;
	case SHADOWK_OP_LE:
		return less || a == b;
	case SHADOWK_OP_GT:
		return !less && a != b;
	case SHADOWK_OP_GE:
		return !less;
	default:
		return (a & b) != 0;
	}
}

static unsigned int expected(const struct shadowk_condition *c)
{
	unsigned int nr = 0;

	for (size_t i = 0; i < NR_OFFSETS; i++)
		nr += holds(c, c->of == SHADOWK_OF_RETURN ? result_of(offsets[i]) : offsets[i]);
	return nr;
}

static struct shadowk_probe_spec spec_of(uint32_t kind, uint32_t flags)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = kind, .flags = flags };

	strcpy(spec.symbol, FUNCTION);
	return spec;
}

/* Adds one probe for each condition on @of, runs the job, and compares the hits. */
static void each_condition(struct shadowk_shadow *shadow, struct actor *actor, uint8_t of,
			   uint32_t kind, uint32_t flags)
{
	static struct shadowk_probe_spec specs[7 * 4 * 2 * NR_VALUES];
	static struct shadowk_probe_info info[7 * 4 * 2 * NR_VALUES];
	const size_t room = sizeof(specs) / sizeof(specs[0]);
	uint64_t cursor = 0;
	size_t nr = 0;

	for (uint8_t op = SHADOWK_OP_EQ; op <= SHADOWK_OP_AND; op++)
		for (uint8_t bytes = 1; bytes <= 8; bytes *= 2)
			for (uint8_t is_signed = 0; is_signed < 2; is_signed++)
				for (size_t v = 0; v < NR_VALUES; v++) {
					specs[nr] = spec_of(kind, flags);
					specs[nr].calls = 4;
					specs[nr].nr_conditions = 1;
					specs[nr++].conditions[0] = (struct shadowk_condition){
						of, op, bytes, is_signed, 0, values[v]
					};
				}
	need(nr == room);
	need_ok(shadowk_probe_add_many(shadow, specs, sizeof(*specs), nr, 0, NULL));
	actor_do(actor, job_seek, 0);
	expect_eq(shadowk_probe_list(shadow, &cursor, info, sizeof(*info), room), (int64_t)room,
		  "probes listed");
	for (size_t i = 0; i < nr; i++) {
		const struct shadowk_condition *c = &specs[i].conditions[0];

		expect_eq((int64_t)(info[i].hits + info[i].missed), expected(c),
			  "kind %u, flags %u: value %u op %u, %u bytes, signed %u, %#" PRIx64, kind,
			  flags, c->of, c->op, c->bytes, c->is_signed, c->value);
		expect_eq((int64_t)info[i].missed, 0, "missed");
	}
	need(shadowk_probe_remove_many(shadow, NULL, 0) == (int)room);
}

/* Several conditions: all of them have to hold. The duration is above 0, and below an hour. */
static void together(struct shadowk_shadow *shadow, struct actor *actor)
{
	static const uint64_t hour = 3600000000000;
	struct shadowk_condition not_negative = { SHADOWK_OF_ARG2, SHADOWK_OP_GE, 8, 1, 0, 0 };
	struct shadowk_condition small = { SHADOWK_OF_RETURN, SHADOWK_OP_LT, 8, 1, 0, 256 };
	struct shadowk_condition took = { SHADOWK_OF_DURATION, SHADOWK_OP_GT, 8, 0, 0, 0 };
	struct shadowk_condition no_hour = { SHADOWK_OF_DURATION, SHADOWK_OP_LT, 8, 0, 0, hour };
	struct shadowk_condition an_hour = { SHADOWK_OF_DURATION, SHADOWK_OP_GE, 8, 0, 0, hour };
	const struct shadowk_condition sets[3][4] = { { small, took, not_negative, no_hour },
						      { an_hour, not_negative },
						      { not_negative, small } };
	static const uint32_t nr[] = { 4, 2, 2 }, hits_of_set[] = { 5, 0, 5 };
	static const uint32_t kinds[] = { SHADOWK_PROBE_LATENCY, SHADOWK_PROBE_CALL };

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < 3; i++) {
			struct shadowk_probe_spec spec = spec_of(kinds[k], 0);
			struct shadowk_probe_info info;

			strcpy(spec.name, "together");
			spec.nr_conditions = nr[i];
			memcpy(spec.conditions, sets[i], sizeof(spec.conditions));
			need_ok(shadowk_probe_add(shadow, &spec));
			actor_do(actor, job_seek, 0);
			info = probe_info(shadow, "together");
			expect_eq((int64_t)info.hits, hits_of_set[i], "kind %u, set %zu", kinds[k],
				  i);
			expect_eq((int64_t)(info.missed + info.unreturned), 0, "lost calls");
			need_ok(shadowk_probe_remove(shadow, "together"));
		}
}

static void malformed(struct shadowk_shadow *shadow)
{
	static const struct {
		uint32_t kind, nr;
		struct shadowk_condition condition;
	} wrong[] = {
		{ SHADOWK_PROBE_COUNT, 1, { SHADOWK_OF_RETURN, SHADOWK_OP_EQ, 8, 0, 0, 0 } },
		{ SHADOWK_PROBE_EVENT, 1, { SHADOWK_OF_DURATION, SHADOWK_OP_EQ, 8, 0, 0, 0 } },
		{ SHADOWK_PROBE_COUNT, 1, { 8, SHADOWK_OP_EQ, 8, 0, 0, 0 } },
		{ SHADOWK_PROBE_COUNT, 1, { SHADOWK_OF_ARG1, 0, 8, 0, 0, 0 } },
		{ SHADOWK_PROBE_COUNT, 1, { SHADOWK_OF_ARG1, 8, 8, 0, 0, 0 } },
		{ SHADOWK_PROBE_COUNT, 1, { SHADOWK_OF_ARG1, SHADOWK_OP_EQ, 3, 0, 0, 0 } },
		{ SHADOWK_PROBE_COUNT, 1, { SHADOWK_OF_ARG1, SHADOWK_OP_EQ, 0, 0, 0, 0 } },
		{ SHADOWK_PROBE_COUNT, 1, { SHADOWK_OF_ARG1, SHADOWK_OP_EQ, 16, 0, 0, 0 } },
		{ SHADOWK_PROBE_COUNT, 1, { SHADOWK_OF_ARG1, SHADOWK_OP_EQ, 8, 2, 0, 0 } },
		{ SHADOWK_PROBE_COUNT, 1, { SHADOWK_OF_ARG1, SHADOWK_OP_EQ, 8, 0, 1, 0 } },
		{ SHADOWK_PROBE_COUNT, 0, { SHADOWK_OF_ARG1, SHADOWK_OP_EQ, 8, 0, 0, 0 } },
		{ SHADOWK_PROBE_COUNT, 5, { SHADOWK_OF_ARG1, SHADOWK_OP_EQ, 8, 0, 0, 0 } },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct shadowk_probe_spec spec = spec_of(wrong[i].kind, 0);

		spec.nr_conditions = wrong[i].nr;
		spec.conditions[0] = wrong[i].condition;
		expect_ret(shadowk_probe_add(shadow, &spec), -EINVAL, "malformed condition %zu", i);
	}
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor inside, outside;

	file = memfd_create("file", 0);
	need(file >= 0);
	actor_start(&inside, 0);
	actor_start(&outside, nr_cpus() - 1);
	attach(shadow, inside.pid);
	malformed(shadow);
	each_condition(shadow, &inside, SHADOWK_OF_ARG2, SHADOWK_PROBE_COUNT, 0);
	each_condition(shadow, &inside, SHADOWK_OF_ARG2, SHADOWK_PROBE_COUNT,
		       SHADOWK_PROBE_FORCE_INT3);
	each_condition(shadow, &inside, SHADOWK_OF_RETURN, SHADOWK_PROBE_COUNT,
		       SHADOWK_PROBE_RETURN);
	actor_do(&outside, job_seek, 0);
	together(shadow, &inside);
	detach(inside.pid);
	shadow_close(shadow);
	actor_end(&inside);
	actor_end(&outside);
	return finish();
}
