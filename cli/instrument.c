// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "instrument.h"

/*
 * Flags that make gcc identify functions in the same way in each compilation. The identity of a
 * static function includes the path of gcc's output, and the position of a function includes the
 * path of its source.
 */
#define SAME_IDENTITY                                                          \
	"-frandom-seed=%s -dumpdir /shadowk/ -dumpbase %s.c -dumpbase-ext .c " \
	"'-fprofile-prefix-map=%s/='"

/* The counters of one function, as gcc's assembly describes them. */
struct function_info {
	size_t nr_numbers;  /* of .number that were read; more than 4: not gcc's format */
	uint32_t number[4]; /* ident, lineno, cfg, number of counters */
	char counters[256]; /* the symbol, or "" */
};

void training_stem(const char *file, char *stem, size_t room)
{
	snprintf(stem, room, "%.*s", (int)strlen(file) - 2, file);
	for (char *c = stem; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
}

/*
 * Appends @own, flags of one purpose, and SAME_IDENTITY to *@flags, which is reallocated. @root
 * and @stem as in instrument_flags().
 */
static void flags_append(char **flags, const char *own, const char *root, const char *stem)
{
	char *longer;

	if (asprintf(&longer, "%s %s " SAME_IDENTITY, *flags ? *flags : "", own, stem, stem, root) <
	    0)
		longer = NULL;
	need_memory(longer);
	free(*flags);
	*flags = longer;
}

void instrument_flags(char **flags, const char *root, const char *stem, const char *notes)
{
	char *own __cleanup(text_free) = NULL;

	/*
	 * Several CPUs may increment one counter, so the updates are atomic. gcc describes the
	 * counters in a section, so the module has no constructor.
	 */
	if (asprintf(&own,
		     "-fprofile-arcs -ftest-coverage -fprofile-update=atomic -fprofile-info-section "
		     "-fno-tree-loop-im -fprofile-note=%s",
		     notes) < 0)
		own = NULL;
	flags_append(flags, need_memory(own), root, stem);
}

void instrument_use_flags(char **flags, const char *root, const char *stem, const char *profile)
{
	char *own __cleanup(text_free) = NULL;

	/*
	 * A task that sleeps in a function when the counters are read has entered it and not left
	 * it, so counts do not match: gcc is to correct them. gcc 12 regards some executed blocks
	 * of loops as not executed, so it may move no block out of its function.
	 */
	if (asprintf(&own,
		     "-fprofile-use=%s -fprofile-correction -fno-reorder-blocks-and-partition "
		     "-Werror=missing-profile -Werror=coverage-mismatch",
		     profile) < 0)
		own = NULL;
	flags_append(flags, need_memory(own), root, stem);
}

bool instrument_is_counter(const char *line)
{
	char symbol[256];

	return (sscanf(line, " .comm %255[^,]", symbol) == 1 ||
		sscanf(line, " .local %255s", symbol) == 1) &&
	       !strncmp(symbol, "__gcov0.", strlen("__gcov0."));
}

/*
 * Reads the lines ".long N", ".zero N" and ".quad X" that define one object in the assembly @in.
 * Stores up to @max of the numbers of ".long" in @numbers, and the last X in @symbol, or "".
 * Returns how many numbers there are. Afterwards *@line is the line behind the object.
 */
static size_t object_read(FILE *in, char **line, size_t *size, uint32_t *numbers, size_t max,
			  char symbol[256])
{
	size_t nr = 0;
	long long number;
	int zero;

	*symbol = '\0';
	while (getline(line, size, in) > 0) {
		if (sscanf(*line, " .long %lld", &number) == 1) {
			if (nr < max)
				numbers[nr] = (uint32_t)number;
			nr++;
		} else if (sscanf(*line, " .quad %255s", symbol) != 1 &&
			   sscanf(*line, " .zero %d", &zero) != 1) {
			break;
		}
	}
	return nr;
}

/* Writes assembly that defines the counters of one function to @out. */
static void counters_write(FILE *out, const struct function_info *info)
{
	fprintf(out,
		"\t.pushsection shk_counters,\"aw\",@nobits\n\t.balign 8\n\t.globl %s\n"
		"\t.type %s, @object\n\t.size %s, %u\n%s:\n\t.zero %u\n\t.popsection\n",
		info->counters, info->counters, info->counters, info->number[3] * 8, info->counters,
		info->number[3] * 8);
}

bool instrument_write(FILE *in, FILE *out, const char *file, const char *notes, size_t *count)
{
	char *line __cleanup(text_free) = NULL, *functions __cleanup(text_free) = NULL;
	uint32_t unit[3];
	size_t size = 0, len = 0, nr = 0, nr_unit = 0;
	char symbol[256];
	FILE *list = need_memory(open_memstream(&functions, &len));
	bool good = true, more = getline(&line, &size, in) > 0;

	while (more) {
		struct function_info info = { 0 };

		if (!strncmp(line, ".LPBX0:", strlen(".LPBX0:"))) {
			nr_unit = object_read(in, &line, &size, unit, ARRAY_SIZE(unit), symbol);
		} else if (!strncmp(line, "__gcov_.", strlen("__gcov_."))) {
			info.nr_numbers = object_read(in, &line, &size, info.number,
						      ARRAY_SIZE(info.number), info.counters);
			good &= info.nr_numbers == ARRAY_SIZE(info.number) && info.number[3] &&
				!strncmp(info.counters, "__gcov0.", strlen("__gcov0."));
			counters_write(out, &info);
			fprintf(list, "\t.long %u, %u, %u, %u\n", info.number[0], info.number[1],
				info.number[2], info.number[3]);
			*count += info.number[3];
			nr++;
		} else {
			more = getline(&line, &size, in) > 0;
			continue;
		}
		more = !feof(in);
	}
	good &= !fclose(list) && nr && nr_unit >= ARRAY_SIZE(unit);
	if (!good)
		return false;
	/* A struct training_file, with its functions and the .gcno file. */
	fprintf(out,
		"\t.pushsection " TRAINING_SECTION ",\"\",@progbits\n\t.balign 8\n"
		"771:\t.quad 774f-771b\n\t.long %u, %u, %u, %zu\n\t.quad 773f-772f\n"
		"\t.string \"%s\"\n\t.org 771b+%zu\n%s"
		"772:\t.incbin \"%s\"\n773:\t.balign 8\n774:\n\t.popsection\n",
		unit[0], unit[1], unit[2], nr, file, sizeof(struct training_file), functions,
		notes);
	return true;
}
