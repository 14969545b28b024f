/* SPDX-License-Identifier: Apache-2.0
 * latency.c - see latency.h. */
#include "common/metric/latency.h"

#include <math.h>

uint64_t latency_bucket_low(uint32_t bucket)
{
	if (bucket < LATENCY_EXACT)
		return bucket;
	uint32_t doubling = (bucket - LATENCY_EXACT) / LATENCY_PER_DOUBLING + 5;
	uint64_t part = (bucket - LATENCY_EXACT) % LATENCY_PER_DOUBLING;

	return (LATENCY_PER_DOUBLING + part) << (doubling - 4);
}

uint64_t latency_bucket_high(uint32_t bucket)
{
	return latency_bucket_low(bucket + 1) - 1;
}

static void counter_raise(struct counter *counter, uint64_t to)
{
	uint64_t now = counter_get(counter);

	if (to > now)
		counter_add(counter, to - now);
}

void latency_record(struct latency_histogram *histogram, int64_t ms)
{
	uint64_t value = ms < 0 ? 0 : ms > LATENCY_MS_MAX ? LATENCY_MS_MAX : (uint64_t)ms;

	counter_add(&histogram->negative, ms < 0);
	counter_add(&histogram->buckets[latency_bucket(value)], 1);
	counter_add(&histogram->sum, value);
	counter_raise(&histogram->max, value);
	counter_raise(&histogram->least, LATENCY_MS_MAX - value);
	counter_add(&histogram->count, 1);
}

void latency_counts_read(struct latency_counts *counts, const struct latency_histogram *histogram)
{
	*counts = (struct latency_counts){ .sum = counter_get(&histogram->sum),
					   .max = counter_get(&histogram->max),
					   .min = LATENCY_MS_MAX - counter_get(&histogram->least),
					   .negative = counter_get(&histogram->negative) };
	for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
		counts->buckets[i] = counter_get(&histogram->buckets[i]);
		counts->count += counts->buckets[i];
	}
}

void latency_counts_add(struct latency_counts *sum, const struct latency_counts *more)
{
	if (more->count == 0)
		return;
	sum->min = sum->count == 0 || more->min < sum->min ? more->min : sum->min;
	sum->max = more->max > sum->max ? more->max : sum->max;
	sum->count += more->count;
	sum->sum += more->sum;
	sum->negative += more->negative;
	for (uint32_t i = 0; i < LATENCY_BUCKETS; i++)
		sum->buckets[i] += more->buckets[i];
}

double latency_quantile(const struct latency_counts *counts, double share)
{
	double wanted = ceil(share * (double)counts->count), seen = 0;

	for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
		seen += (double)counts->buckets[i];
		if (counts->buckets[i] == 0 || seen < wanted)
			continue;
		uint64_t value = (latency_bucket_low(i) + latency_bucket_high(i)) / 2;

		value = value < counts->min ? counts->min : value;
		return (double)(value > counts->max ? counts->max : value);
	}
	return (double)counts->max;
}

double latency_mean(const struct latency_counts *counts)
{
	return counts->count == 0 ? 0 : (double)counts->sum / (double)counts->count;
}

double latency_deviation(const struct latency_counts *counts)
{
	double mean = latency_mean(counts), squares = 0;

	for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
		double middle = (double)(latency_bucket_low(i) + latency_bucket_high(i)) / 2;

		squares += (double)counts->buckets[i] * (middle - mean) * (middle - mean);
	}
	return counts->count < 2 ? 0 : sqrt(squares / (double)(counts->count - 1));
}
