// SPDX-License-Identifier: GPL-2.0-only
/* Prints a histogram of latencies in the format of bpftrace's hist(). */
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "output.h"

#define BAR_WIDTH 52

static void bound_print(char *buf, size_t len, unsigned int power)
{
	static const char suffix[][2] = { "", "K", "M", "G", "T", "P", "E" };

	snprintf(buf, len, "%u%s", 1U << power % 10, suffix[power / 10]);
}

void histogram_label(char *buf, size_t len, unsigned int slot)
{
	char from[8] = "0", to[8];

	if (slot)
		bound_print(from, sizeof(from), slot);
	bound_print(to, sizeof(to), slot + 1);
	snprintf(buf, len, "[%s, %s)", from, to);
}

void histogram_print(FILE *file, const uint64_t *slots)
{
	static const char full[BAR_WIDTH + 1] =
		"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";
	unsigned int first = SHADOWK_HISTOGRAM_LEN, last = 0;
	uint64_t most = 0;
	char label[24];

	for (unsigned int i = 0; i < SHADOWK_HISTOGRAM_LEN; i++) {
		if (!slots[i])
			continue;
		first = first < i ? first : i;
		last = i;
		most = most > slots[i] ? most : slots[i];
	}
	for (unsigned int i = first; i <= last && most; i++) {
		int bar = (int)((double)slots[i] / (double)most * BAR_WIDTH);

		histogram_label(label, sizeof(label), i);
		fprintf(file, "%-16s%8" PRIu64 " |%-*.*s|\n", label, slots[i], BAR_WIDTH, bar,
			full);
	}
}
