/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_METRICS_H
#define SHADOWCTL_METRICS_H

#include <stdbool.h>
#include <stdio.h>

#include <shadowk.h>

#include "output.h"

/* metrics.c: the module, all shadows and their probes as metrics for Prometheus. */

enum metrics_format {
	METRICS_OPENMETRICS, /* OpenMetrics 1.0 */
	METRICS_PROMETHEUS,  /* text format 0.0.4, which files of node-exporter have */
};

struct metrics_shadow {
	struct shadowk_shadow_info info;
	struct probes probes; /* none if the shadow has no name */
};

struct metrics {
	bool loaded; /* the members below are set only if the module is loaded */
	struct shadowk_info info;
	size_t count;
	struct metrics_shadow *shadow; /* in the order of their ids */
};

/* Reads everything. Reports an error. Returns a status. The caller frees @metrics in any case. */
int metrics_read(struct metrics *metrics, struct shadowk *dev);
void metrics_print(const struct metrics *metrics, FILE *file, enum metrics_format format);
void metrics_free(struct metrics *metrics);

#endif /* SHADOWCTL_METRICS_H */
