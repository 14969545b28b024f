/* SPDX-License-Identifier: Apache-2.0
 * latency_test.c - buckets lie side by side, sums of histograms are those of all their values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "common/metric/latency.h"

static void buckets_lie_side_by_side(void **state)
{
	assert_int_equal(latency_bucket_low(0), 0);
	for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
		uint64_t low = latency_bucket_low(i), high = latency_bucket_high(i);

		assert_int_equal(latency_bucket(low), i);
		assert_int_equal(latency_bucket(high), i);
		assert_true((high - low) * LATENCY_PER_DOUBLING <= low);
	}
	assert_int_equal(latency_bucket_high(LATENCY_BUCKETS - 1), LATENCY_MS_MAX);
	assert_int_equal(latency_bucket(UINT64_MAX), LATENCY_BUCKETS - 1);
}

static void quantiles_are_within_a_bucket(void **state)
{
	static struct latency_histogram histogram;
	static struct latency_counts counts;

	latency_counts_read(&counts, &histogram);
	assert_true(latency_quantile(&counts, 0.5) == 0 && latency_mean(&counts) == 0);
	for (int i = 1; i <= 1000; i++)
		latency_record(&histogram, i);
	latency_counts_read(&counts, &histogram);
	assert_int_equal(counts.count, 1000);
	assert_int_equal(counts.min, 1);
	assert_int_equal(counts.max, 1000);
	assert_true(latency_mean(&counts) == 500.5);
	assert_true(latency_quantile(&counts, 0.01) == 10);
	assert_in_range((uint64_t)latency_quantile(&counts, 0.5), 485, 515);
	assert_in_range((uint64_t)latency_quantile(&counts, 0.99), 960, 1000);
	assert_true(latency_quantile(&counts, 1) <= 1000);
	assert_in_range((uint64_t)latency_deviation(&counts), 280, 297); /* 288.8 */
}

static void what_was_before_it_began_counts_as_nothing(void **state)
{
	static struct latency_histogram histogram;
	static struct latency_counts counts;

	latency_record(&histogram, -5);
	latency_record(&histogram, 7);
	latency_record(&histogram, INT64_MAX);
	latency_counts_read(&counts, &histogram);
	assert_int_equal(counts.negative, 1);
	assert_int_equal(counts.min, 0);
	assert_int_equal(counts.max, LATENCY_MS_MAX);
	assert_true(latency_quantile(&counts, 0.5) == 7);
}

static void sums_are_exact(void **state)
{
	static struct latency_histogram parts[3], whole;
	static struct latency_counts sum, part, all;

	for (uint32_t i = 0; i < 3000; i++) {
		int64_t ms = (int64_t)(i * 2654435761u % 100000);

		latency_record(&parts[i % 3], ms);
		latency_record(&whole, ms);
	}
	for (uint32_t i = 0; i < 3; i++) {
		latency_counts_read(&part, &parts[i]);
		latency_counts_add(&sum, &part);
	}
	latency_counts_add(&sum, &(struct latency_counts){ .min = 0 }); /* nothing */
	latency_counts_read(&all, &whole);
	assert_memory_equal(&sum, &all, sizeof(sum));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_lie_side_by_side),
		cmocka_unit_test(quantiles_are_within_a_bucket),
		cmocka_unit_test(what_was_before_it_began_counts_as_nothing),
		cmocka_unit_test(sums_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
