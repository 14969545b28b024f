/* SPDX-License-Identifier: Apache-2.0
 * latency.h - histograms of milliseconds: fixed buckets, so that they add up exactly wherever they
 * come from (docs/adr/0016-latency-markers.md).
 *
 * Values below 32 have a bucket each; above, sixteen share each doubling, so a bucket is at most
 * 6.25 % wide. What is larger than 2^32 - 1 counts as that. */
#ifndef COMMON_METRIC_LATENCY_H
#define COMMON_METRIC_LATENCY_H

#include "common/metric/metric.h"

#define LATENCY_EXACT 32
#define LATENCY_PER_DOUBLING 16
#define LATENCY_BUCKETS (LATENCY_EXACT + 27 * LATENCY_PER_DOUBLING)
#define LATENCY_MS_MAX UINT32_MAX

static inline uint32_t latency_bucket(uint64_t ms)
{
	if (ms > LATENCY_MS_MAX)
		ms = LATENCY_MS_MAX;
	if (ms < LATENCY_EXACT)
		return (uint32_t)ms;
	uint32_t doubling = 63 - (uint32_t)__builtin_clzll(ms); /* ≥ 5 */

	return LATENCY_EXACT + (doubling - 5) * LATENCY_PER_DOUBLING +
	       ((uint32_t)(ms >> (doubling - 4)) & (LATENCY_PER_DOUBLING - 1));
}
uint64_t latency_bucket_low(uint32_t bucket);
uint64_t latency_bucket_high(uint32_t bucket); /* inclusive */

struct latency_histogram { /* written by one thread, read by any; zeroed: empty */
	struct counter buckets[LATENCY_BUCKETS];
	struct counter count, sum, max, negative;
	struct counter least; /* LATENCY_MS_MAX - the least value; 0 when empty */
};

/* Clocks of machines differ: a negative latency counts as 0, and is counted apart too. */
void latency_record(struct latency_histogram *histogram, int64_t ms);

struct latency_counts { /* of one or several histograms; zeroed: empty */
	uint64_t buckets[LATENCY_BUCKETS];
	uint64_t count, sum, min, max, negative;
};

void latency_counts_read(struct latency_counts *counts, const struct latency_histogram *histogram);
void latency_counts_add(struct latency_counts *sum, const struct latency_counts *more);
/* 0 ≤ share ≤ 1: so large a part of the values is not larger. 0 when there are none. */
double latency_quantile(const struct latency_counts *counts, double share);
double latency_mean(const struct latency_counts *counts);
double latency_deviation(const struct latency_counts *counts); /* as exact as the buckets are */

#endif
