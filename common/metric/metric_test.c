/* SPDX-License-Identifier: Apache-2.0
 * metric_test.c - what stopwatches cost and tell, and how metrics are numbered. */
#include "tests/lib/cmocka_header.h"

#include "common/base/compiler.h"
#include "common/metric/metric.h"

static uint64_t random_state = 88172645463325252ull;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

/* What calls would take, given to the watch as the chain does: it is asked before each call. */
static uint64_t measured_calls(struct stopwatch *watch, uint64_t units, uint64_t ns)
{
	if (!stopwatch_due(watch)) {
		stopwatch_skip(watch, units);
		return 0;
	}
	stopwatch_measured(watch, units, ns);
	return 1;
}

static void slow_calls_are_measured_every_time(void **state)
{
	struct stopwatch watch = { .skip = 0 };

	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(measured_calls(&watch, 2, STOPWATCH_EVERY_NS + i), 1);
	assert_int_equal(counter_get(&watch.ns), 1000 * STOPWATCH_EVERY_NS + 999 * 1000 / 2);
}

/* Whatever the size of a call, clock reads (50 ns) stay within about half a percent of the work. */
static void short_calls_cost_little_and_count_in_full(void **state)
{
	static const struct {
		uint64_t units_max, ns_per_unit;
	} rows[] = { { 2, 40 }, { 2, 300 }, { 100, 5 }, { 1025, 3 }, { 1025, 20 }, { 1, 1 } };

	for (size_t row = 0; row < ARRAY_COUNT(rows); row++) {
		struct stopwatch watch = { .skip = 0 };
		uint64_t reads = 0, spent = 0;

		for (int i = 0; i < 200000; i++) {
			uint64_t units = 1 + draw(rows[row].units_max),
				 ns = units * rows[row].ns_per_unit;

			spent += ns;
			reads += measured_calls(&watch, units, ns);
		}
		if (reads * 50 > spent / 150 + 100)
			fail_msg("row %zu: %llu clock reads for %llu ns of work", row,
				 (unsigned long long)reads, (unsigned long long)spent);
		uint64_t told = counter_get(&watch.ns);

		if (told > spent || told < spent - spent / 50 - 2 * STOPWATCH_EVERY_NS)
			fail_msg("row %zu: %llu ns told of %llu", row, (unsigned long long)told,
				 (unsigned long long)spent);
	}
}

static void a_call_that_was_interrupted_speaks_for_itself(void **state)
{
	struct stopwatch watch = { .skip = 0 };

	for (int i = 0; i < 100000; i++)
		measured_calls(&watch, 2, 100);
	uint64_t before = counter_get(&watch.ns);

	while (!stopwatch_due(&watch))
		stopwatch_skip(&watch, 2);
	uint64_t skipped = watch.skipped;

	stopwatch_measured(&watch, 2, 4000000); /* 4 ms, where 100 ns are usual */
	/* The skipped ones count four times as usual, not forty thousand times. */
	assert_in_range(counter_get(&watch.ns) - before, 4000000, 4000000 + skipped * 50 * 4);
}

static void a_call_of_weeks_is_no_overflow(void **state)
{
	struct stopwatch watch = { .skip = 0 };

	stopwatch_measured(&watch, 1, UINT64_MAX);
	stopwatch_skip(&watch, 3);
	stopwatch_measured(&watch, 1, UINT64_MAX);
	assert_in_range(counter_get(&watch.ns), 1, UINT64_C(1) << 52);
	stopwatch_measured(&watch, 1, 0);
	assert_int_equal(watch.skip, STOPWATCH_EVERY_NS);
}

/* Scopes do not overlap, whatever is told of a task. */
static void ids_are_unique(void **state)
{
	assert_true(TASK_METRICS <= METRIC_SCOPE_KINDS);
	assert_true(OPERATOR_METRICS <= METRIC_SCOPE_KINDS && EDGE_METRICS <= METRIC_SCOPE_KINDS);
	assert_int_equal(metric_id(METRIC_SCOPE_OPERATOR, 0), 32);
	assert_int_equal(metric_id(METRIC_SCOPE_OPERATOR + 63, 31) + 1,
			 metric_id(METRIC_SCOPE_EDGE, 0));
	const uint32_t ids[] = { 3, 40, 5 };
	const uint64_t values[] = { 7, 8, 9 };

	assert_int_equal(metric_find(ids, values, 3, 40), 8);
	assert_int_equal(metric_find(ids, values, 3, 41), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_calls_are_measured_every_time),
		cmocka_unit_test(short_calls_cost_little_and_count_in_full),
		cmocka_unit_test(a_call_that_was_interrupted_speaks_for_itself),
		cmocka_unit_test(a_call_of_weeks_is_no_overflow),
		cmocka_unit_test(ids_are_unique),
	};

	return cmocka_run_group_tests_name("metric", tests, NULL, NULL);
}
