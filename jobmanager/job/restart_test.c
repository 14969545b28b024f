/* SPDX-License-Identifier: Apache-2.0
 * restart_test.c - restart strategies over given times, and the ring of output lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "jobmanager/job/job_output.h"
#include "jobmanager/job/restart.h"

static struct restart_strategy strategy_of(const char *const *settings)
{
	struct restart_strategy strategy;
	struct conf *conf = conf_create();
	struct err err = ERR_INIT;

	for (; *settings != NULL; settings++)
		if (conf_set_pair(conf, *settings, "-D", &err) != 0)
			fail_msg("%s", err.text);
	restart_init(&strategy, conf);
	conf_destroy(&conf);
	return strategy;
}

static void assert_described(const struct restart_strategy *strategy, const char *wanted)
{
	struct buf text;

	buf_init(&text);
	restart_describe(strategy, &text);
	assert_string_equal(text.data, wanted);
	buf_fini(&text);
}

static void unset_is_none_and_checkpoints_change_that(void **state)
{
	static const char *const nothing[] = { NULL };
	static const char *const checkpoints[] = { "execution.checkpointing.interval=1 s", NULL };
	static const char *const off[] = { "restart-strategy.type=off", NULL };
	struct restart_strategy strategy = strategy_of(nothing);
	int64_t delay_ms;

	assert_int_equal(strategy.kind, RESTART_NONE);
	assert_false(strategy.chosen);
	assert_false(restart_charge(&strategy, 1, 0.5, &delay_ms));
	assert_described(&strategy, "none");
	strategy = strategy_of(off);
	assert_int_equal(strategy.kind, RESTART_NONE);
	assert_true(strategy.chosen);
	strategy = strategy_of(checkpoints);
	assert_int_equal(strategy.kind, RESTART_EXPONENTIAL_DELAY);
	restart_fini(&strategy);
}

static void fixed_delay_counts_and_gives_back(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay",
						"restart-strategy.fixed-delay.attempts=2",
						"restart-strategy.fixed-delay.delay=3 s", NULL };
	struct restart_strategy strategy = strategy_of(settings);
	int64_t delay_ms;

	assert_true(restart_charge(&strategy, 1, 0, &delay_ms));
	assert_int_equal(delay_ms, 3000);
	restart_refund(&strategy);
	assert_described(&strategy, "fixed-delay, 0 of 2 restarts used");
	assert_true(restart_charge(&strategy, 2, 0, &delay_ms));
	assert_true(restart_charge(&strategy, 3, 0, &delay_ms));
	assert_false(restart_charge(&strategy, 4, 0, &delay_ms));
	assert_described(&strategy, "fixed-delay, 2 of 2 restarts used");
	restart_fini(&strategy);
}

static void failure_rate_forgets_what_is_older_than_its_interval(void **state)
{
	static const char *const settings[] = {
		"restart-strategy.type=failure-rate",
		"restart-strategy.failure-rate.max-failures-per-interval=2",
		"restart-strategy.failure-rate.failure-rate-interval=10 s",
		"restart-strategy.failure-rate.delay=100 ms", NULL };
	struct restart_strategy strategy = strategy_of(settings);
	int64_t delay_ms;

	assert_true(restart_charge(&strategy, 1 * NS_PER_S, 0, &delay_ms));
	assert_int_equal(delay_ms, 100);
	assert_true(restart_charge(&strategy, 5 * NS_PER_S, 0, &delay_ms));
	assert_true(
		restart_charge(&strategy, 11 * NS_PER_S, 0, &delay_ms)); /* the first is 10 s old */
	assert_false(restart_charge(&strategy, 12 * NS_PER_S, 0, &delay_ms));
	assert_described(&strategy, "failure-rate, at most 2 failures in 10000 ms");
	restart_fini(&strategy);
}

static void exponential_delay_grows_is_bounded_and_starts_again(void **state)
{
	static const char *const settings[] = {
		"restart-strategy.type=exponential-delay",
		"restart-strategy.exponential-delay.initial-backoff=100 ms",
		"restart-strategy.exponential-delay.max-backoff=300 ms",
		"restart-strategy.exponential-delay.backoff-multiplier=2",
		"restart-strategy.exponential-delay.jitter-factor=0.5",
		"restart-strategy.exponential-delay.reset-backoff-threshold=1 min",
		"restart-strategy.exponential-delay.attempts-before-reset-backoff=4", NULL };
	static const int64_t delays[] = { 100, 200, 300, 300 };
	struct restart_strategy strategy = strategy_of(settings);
	int64_t delay_ms;

	for (size_t i = 0; i < ARRAY_COUNT(delays); i++) {
		assert_true(restart_charge(&strategy, 1, 0.5, &delay_ms));
		assert_int_equal(delay_ms, delays[i]);
	}
	assert_false(restart_charge(&strategy, 1, 0.5, &delay_ms));
	assert_described(&strategy, "exponential-delay, 4 of 4 restarts used");
	assert_true(restart_charge(&strategy, 61 * NS_PER_S, 0, &delay_ms));
	assert_int_equal(delay_ms, 50); /* jitter: half of it less */
	restart_refund(&strategy);
	assert_true(restart_charge(&strategy, 62 * NS_PER_S, 1, &delay_ms));
	assert_int_equal(delay_ms, 150);
	restart_fini(&strategy);
}

/* ---- the output ring ------------------------------------------------------------------------ */

static const struct id origin = { { 1 } };

static void the_ring_keeps_the_newest_lines_whole(void **state)
{
	struct job_output *output = job_output_create();
	char line[1001];
	struct buf into;
	uint64_t at, offset = 0, from = 0;
	size_t read = 0;

	memset(line, 'x', 999);
	line[999] = '\n';
	for (int i = 0; i < 3000; i++) {
		job_output_push(output, &origin, 1, offset, 0, bytes_of(line, 1000));
		offset += 1000;
	}
	assert_int_equal(job_output_length(output), 3000000);
	buf_init(&into);
	for (;;) {
		size_t length = job_output_copy(output, from, 4500, &into, &at);

		if (length == 0)
			break;
		assert_int_equal(at % 1000, 0);
		assert_int_equal(length % 1000, 0);
		assert_true(length <= 4500);
		assert_true(from == 0 || at == from); /* only the beginning is missing */
		from = at + length;
		read += length;
	}
	assert_int_equal(from, 3000000);
	assert_in_range(read, LIMIT_OUTPUT_RING_BYTES - LIMIT_OUTPUT_RING_BYTES / 8,
			LIMIT_OUTPUT_RING_BYTES);
	buf_fini(&into);
	job_output_destroy(&output);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_line_longer_than_the_reader_takes_is_cut(void **state)
{
	struct job_output *output = job_output_create();
	struct buf into;
	uint64_t at;

	buf_init(&into);
	job_output_push(output, &origin, 1, 0, 0, bytes_of_text("short\na rather long line\n"));
	assert_int_equal(job_output_copy(output, 0, 10, &into, &at), 6);
	assert_int_equal(job_output_copy(output, 6, 10, &into, &at), 10);
	assert_int_equal(job_output_copy(output, 16, 10, &into, &at), 9);
	assert_string_equal(into.data, "short\na rather long line\n");
	buf_fini(&into);
	job_output_destroy(&output);
	assert_int_equal(mem_bytes_out(), 0);
}

/* A TaskManager that forgot the job and got it again counts its lines from 0 again. */
static void another_stream_begins_anew(void **state)
{
	struct job_output *output = job_output_create();
	struct buf into;
	uint64_t at;

	buf_init(&into);
	job_output_push(output, &origin, 1, 0, 0, bytes_of_text("first\n"));
	job_output_push(output, &origin, 1, 0, 0, bytes_of_text("first\n")); /* repeated */
	job_output_push(output, &origin, 2, 0, 0, bytes_of_text("other\n"));
	job_output_push(output, &origin, 2, 6, 0, bytes_of_text("more\n"));
	assert_int_equal(job_output_copy(output, 0, 100, &into, &at), 17);
	assert_string_equal(into.data, "first\nother\nmore\n");
	buf_fini(&into);
	job_output_destroy(&output);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unset_is_none_and_checkpoints_change_that),
		cmocka_unit_test(fixed_delay_counts_and_gives_back),
		cmocka_unit_test(failure_rate_forgets_what_is_older_than_its_interval),
		cmocka_unit_test(exponential_delay_grows_is_bounded_and_starts_again),
		cmocka_unit_test(the_ring_keeps_the_newest_lines_whole),
		cmocka_unit_test(a_line_longer_than_the_reader_takes_is_cut),
		cmocka_unit_test(another_stream_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
