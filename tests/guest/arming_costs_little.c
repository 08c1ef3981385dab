// SPDX-License-Identifier: GPL-2.0-only
/* test: icount timeout=240 */
/*
 * To add probes of all kinds of functions by one call takes at most 80,000 instructions for each. In
 * each of 20 parts of the kernel image, 64 functions in a row are probed, among them those that
 * ftrace cannot trace, whose probes need a kprobe.
 */
#include <x86intrin.h>

#include "lists.h"
#include "shadows.h"
#include "sweep.h"

#define PARTS  20
#define IN_ROW 64
#define MOST   80000 /* instructions for a probe */

/* Returns the index of the probed function number @nr. */
static size_t at(const struct sweep_functions *functions, long nr)
{
	return nr / IN_ROW * (functions->count / PARTS) + nr % IN_ROW;
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct sweep_functions functions;
	struct shadowk_probe_spec *specs;
	struct shadowk_probe_info *probes;
	unsigned long long begin, took;
	long nr = 0, others = 0;
	size_t added;

	sweep_begin();
	functions = sweep_functions();
	specs = calloc(PARTS * IN_ROW, sizeof(*specs));
	need(specs);
	for (; nr < PARTS * IN_ROW; nr++)
		specs[nr] = (struct shadowk_probe_spec){
			.size = sizeof(*specs),
			.kind = SHADOWK_PROBE_COUNT,
			.addr = functions.all[at(&functions, nr)].addr
		};
	begin = __rdtsc();
	need_ok(shadowk_probe_add_many(shadow, specs, sizeof(*specs), nr, SHADOWK_PROBES_SKIP,
				       &added));
	took = __rdtsc() - begin;
	nr = need_ok(list_read(shadowk_probe_list, shadow, &probes));
	expect_eq(nr, (int64_t)added, "probes listed");
	for (long i = 0; i < nr; i++)
		others += probes[i].arm != SHADOWK_ARM_CALL;
	printf("# %llu instructions for each of %ld probes, %ld of them with a kprobe\n",
	       took / added, nr, others);
	expect(nr > 500 && others > nr / 20, "%ld of %ld probes have a kprobe", others, nr);
	expect(took / added <= MOST, "%llu instructions for a probe", took / added);
	free(probes);
	free(specs);
	free(functions.all);
	shadow_close(shadow);
	sweep_end();
	return finish();
}
