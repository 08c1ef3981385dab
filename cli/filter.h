/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patterns of functions with a filter behind them, such as "vfs_read(count > 4096) == -EAGAIN":
 *
 *	PATTERN
 *	PATTERN(ARGUMENT OPERATOR VALUE && ...)
 *	PATTERN(...) OPERATOR VALUE && ...		about the return value
 */
#ifndef SHADOWCTL_FILTER_H
#define SHADOWCTL_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shadowk.h>

#include "btf.h"

/* One comparison of a filter. */
struct comparison {
	char argument[64]; /* its name; "" for the return value */
	char value[64];
	uint8_t op; /* enum shadowk_condition_op */
};

struct filter {
	char *pattern;
	unsigned int nr;
	struct comparison comparison[SHADOWK_CONDITIONS_MAX];
};

/*
 * Reads a pattern and its filter. Returns false and writes what is wrong to @error if @text is not
 * of the form above. The caller frees @filter in any case.
 */
bool filter_parse(struct filter *filter, const char *text, char *error, size_t len);
void filter_free(struct filter *filter);
/* True if the pattern has wildcards. */
bool filter_is_glob(const struct filter *filter);
/*
 * Makes conditions of the filter for the function @name. Writes filter->nr elements to @conditions.
 * Returns false and writes what is wrong to @error if the function lacks an argument, or if a value
 * does not fit its type.
 */
bool filter_resolve(const struct filter *filter, const struct prototype *prototype,
		    const char *name, struct shadowk_condition *conditions, char *error,
		    size_t len);

#endif /* SHADOWCTL_FILTER_H */
