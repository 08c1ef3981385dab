// SPDX-License-Identifier: GPL-2.0-only
/* The numbers of probes that measure latencies. */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "output.h"

uint64_t histogram_count(const uint64_t *slots)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < SHADOWK_HISTOGRAM_LEN; i++)
		count += slots[i];
	return count;
}

uint64_t histogram_bound(const uint64_t *slots, unsigned int percent)
{
	uint64_t wanted = (histogram_count(slots) * percent + 99) / 100, sum = 0;

	for (unsigned int i = 0; i < SHADOWK_HISTOGRAM_LEN - 1; i++) {
		sum += slots[i];
		if (sum >= wanted)
			return 2ULL << i;
	}
	return UINT64_MAX;
}

const char *histogram_bound_text(char *buf, size_t len, const uint64_t *slots, unsigned int percent)
{
	if (histogram_count(slots))
		snprintf(buf, len, "< %" PRIu64, histogram_bound(slots, percent));
	else
		snprintf(buf, len, "-");
	return buf;
}

uint64_t latency_mean(const struct shadowk_probe_info *info)
{
	uint64_t count = histogram_count(info->histogram);

	return count ? info->latency_sum / count : 0;
}

void latency_json(struct json_object *object, const struct shadowk_probe_info *info)
{
	number_add(object, "count", info->hits);
	number_add(object, "sum", info->latency_sum);
	number_add(object, "mean", latency_mean(info));
	if (histogram_count(info->histogram)) {
		number_add(object, "p50_below", histogram_bound(info->histogram, 50));
		number_add(object, "p99_below", histogram_bound(info->histogram, 99));
		number_add(object, "max_below", histogram_bound(info->histogram, 100));
	}
	number_add(object, "async_hits", info->async_hits);
	number_add(object, "missed", info->missed);
	number_add(object, "unreturned", info->unreturned);
	json_object_object_add(object, "histogram", histogram_json(info->histogram));
}
