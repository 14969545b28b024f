/* SPDX-License-Identifier: Apache-2.0
 * figures_test.c - what is believed of what is told, over attempts, lost and repeated messages. */
#include "tests/lib/cmocka_header.h"

#include "common/base/compiler.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "jobmanager/job/figures.h"

static struct figures_table table;

static int open_table(void **state)
{
	figures_table_init(&table, (struct metric_plan){ .operators = 2, .edges = 1 }, 3);
	return 0;
}

static int close_table(void **state)
{
	figures_table_fini(&table);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

struct told {
	uint32_t id;
	uint64_t value;
};

static bool was_fresh;

/* How many were refused. */
static int tell_some(uint32_t subtask, uint64_t sequence, const struct told *told, size_t count)
{
	Flink__TaskMetrics message = FLINK__TASK_METRICS__INIT;
	uint32_t ids[8];
	uint64_t values[8];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < count; i++) {
		ids[i] = told[i].id;
		values[i] = told[i].value;
	}
	message.sequence = sequence;
	message.ids = ids;
	message.values = values;
	message.n_ids = message.n_values = count;
	int refused = figures_take(&table, subtask, &message, &was_fresh, &err);

	assert_int_equal(err.code, ERR_NONE);
	return refused;
}

#define TELL(subtask, sequence, ...) \
	tell_some(subtask, sequence, (struct told[]){ __VA_ARGS__ }, \
		  sizeof((struct told[]){ __VA_ARGS__ }) / sizeof(struct told))

static uint64_t task(uint32_t subtask, uint32_t kind)
{
	return figure_total(&table.of[subtask].task[kind]);
}

static void what_is_not_told_stays(void **state)
{
	assert_int_equal(TELL(1, 1, { METRIC_RECORDS_IN, 10 }, { METRIC_RECORDS_OUT, 7 },
			      { METRIC_IN_QUEUED, 4 }), 0);
	assert_int_equal(TELL(1, 2, { METRIC_RECORDS_IN, 12 },
			      { metric_id(METRIC_SCOPE_OPERATOR + 1, OPERATOR_BYTES_OUT), 99 },
			      { metric_id(METRIC_SCOPE_EDGE, EDGE_BACKPRESSURED_US), 5 }), 0);
	assert_int_equal(task(1, METRIC_RECORDS_IN), 12);
	assert_int_equal(task(1, METRIC_RECORDS_OUT), 7);
	assert_int_equal(table.of[1].gauges[METRIC_IN_QUEUED - TASK_COUNTERS], 4);
	assert_int_equal(figure_total(
			&table.of[1].operators[OPERATOR_METRICS + OPERATOR_BYTES_OUT]), 99);
	assert_int_equal(figure_total(&table.of[1].edges[EDGE_BACKPRESSURED_US]), 5);
	assert_int_equal(task(0, METRIC_RECORDS_IN), 0);
	assert_int_equal(task(2, METRIC_RECORDS_IN), 0);
}

static void repeated_and_late_messages_change_nothing(void **state)
{
	TELL(0, 5, { METRIC_RECORDS_IN, 10 }, { METRIC_STATE, METRIC_IS_BUSY });
	assert_true(was_fresh);
	TELL(0, 5, { METRIC_RECORDS_IN, 11 });
	assert_false(was_fresh);
	TELL(0, 4, { METRIC_RECORDS_IN, 12 }, { METRIC_STATE, METRIC_IS_IDLE });
	assert_false(was_fresh);
	assert_int_equal(task(0, METRIC_RECORDS_IN), 10);
	assert_int_equal(table.of[0].gauges[0], METRIC_IS_BUSY);
	/* Messages 6 to 8 were lost: the next one has all that changed. */
	TELL(0, 9, { METRIC_RECORDS_IN, 40 });
	assert_int_equal(task(0, METRIC_RECORDS_IN), 40);
}

static void what_cannot_be_is_refused_and_the_rest_taken(void **state)
{
	TELL(0, 1, { METRIC_RECORDS_IN, 10 });
	assert_int_equal(TELL(0, 2, { METRIC_RECORDS_IN, 9 }, { METRIC_RECORDS_OUT, 3 }), 1);
	assert_int_equal(TELL(0, 3, { METRIC_BYTES_IN, UINT64_MAX }), 1);
	assert_int_equal(TELL(0, 4, { METRIC_IN_QUEUED, UINT64_C(1) << 32 }), 1);
	/* Nobody has these: a kind, an operator, an edge, a scope. */
	assert_int_equal(TELL(0, 5, { TASK_METRICS, 1 },
			      { metric_id(METRIC_SCOPE_OPERATOR, OPERATOR_METRICS), 1 },
			      { metric_id(METRIC_SCOPE_OPERATOR + 2, OPERATOR_RECORDS_IN), 1 },
			      { metric_id(METRIC_SCOPE_EDGE + 1, 0), 1 },
			      { metric_id(METRIC_SCOPE_EDGE, EDGE_METRICS), 1 },
			      { UINT32_MAX, 1 }), 6);
	assert_int_equal(task(0, METRIC_RECORDS_IN), 10);
	assert_int_equal(task(0, METRIC_RECORDS_OUT), 3);
	assert_int_equal(task(0, METRIC_BYTES_IN), 0);
}

static void a_message_that_does_not_fit_itself_is_refused(void **state)
{
	static uint32_t ids[LIMIT_TASK_METRICS_MAX + 1];
	static uint64_t values[LIMIT_TASK_METRICS_MAX + 1];
	Flink__TaskMetrics message = FLINK__TASK_METRICS__INIT;
	struct err err = ERR_INIT;

	message.sequence = 1;
	message.ids = ids;
	message.values = values;
	message.n_ids = 2;
	message.n_values = 1;
	assert_int_equal(figures_take(&table, 0, &message, &was_fresh, &err), -1);
	assert_int_equal(err.code, ERR_NET_PROTOCOL);
	message.n_ids = message.n_values = LIMIT_TASK_METRICS_MAX + 1;
	assert_int_equal(figures_take(&table, 0, &message, &was_fresh, &err), -1);
	assert_false(was_fresh);
}

static void counters_go_on_over_attempts_and_gauges_do_not(void **state)
{
	TELL(2, 70, { METRIC_RECORDS_IN, 100 }, { METRIC_BUSY_US, 5000000 },
	     { METRIC_IN_QUEUED, 3 },
	     { metric_id(METRIC_SCOPE_OPERATOR, OPERATOR_RECORDS_IN), 100 });
	figures_next_attempt(&table, 2);
	assert_int_equal(task(2, METRIC_RECORDS_IN), 100);
	assert_int_equal(table.of[2].gauges[METRIC_IN_QUEUED - TASK_COUNTERS], 0);
	/* Another TaskManager counts its messages from one, and the task its records from none. */
	assert_int_equal(TELL(2, 1, { METRIC_RECORDS_IN, 8 },
			      { metric_id(METRIC_SCOPE_OPERATOR, OPERATOR_RECORDS_IN), 9 }), 0);
	assert_true(was_fresh);
	assert_int_equal(task(2, METRIC_RECORDS_IN), 108);
	assert_int_equal(figure_total(&table.of[2].operators[OPERATOR_RECORDS_IN]), 109);
	/* Its rates are those of this attempt. */
	assert_true(figures_rate(&table.of[2], &table.of[2].task[METRIC_RECORDS_IN]) == 0);
	for (int i = 0; i < 5; i++)
		figures_next_attempt(&table, 2);
	assert_int_equal(task(2, METRIC_RECORDS_IN), 108);
}

static double rate(uint32_t kind)
{
	return figures_rate(&table.of[0], &table.of[0].task[kind]);
}

/* The three times are the clock. */
static void rates_are_of_the_last_seconds(void **state)
{
	uint64_t busy = 0, idle = 0, records = 0;

	for (uint64_t second = 1; second <= 20; second++) {
		bool works = second > 10; /* ten idle seconds, then ten busy ones */

		busy += works ? 900000 : 0;
		idle += works ? 100000 : 1000000;
		records += works ? 5000 : 0;
		TELL(0, second, { METRIC_BUSY_US, busy }, { METRIC_IDLE_US, idle },
		     { METRIC_RECORDS_IN, records });
		double sum = rate(METRIC_BUSY_US) + rate(METRIC_IDLE_US) +
			     rate(METRIC_BACKPRESSURED_US);

		assert_true(sum > 999999 && sum < 1000001);
		if (second <= 10)
			assert_true(rate(METRIC_RECORDS_IN) == 0);
		if (second >= 15) { /* after four seconds nothing is left of the idle ones */
			assert_true(rate(METRIC_RECORDS_IN) > 4999 &&
				    rate(METRIC_RECORDS_IN) < 5001);
			assert_true(rate(METRIC_BUSY_US) > 899999 && rate(METRIC_BUSY_US) < 900001);
		}
	}
	/* Five heartbeats are lost: the rate is that of the whole gap, not five times as high. */
	TELL(0, 99, { METRIC_BUSY_US, busy + 5 * 900000 }, { METRIC_IDLE_US, idle + 5 * 100000 },
	     { METRIC_RECORDS_IN, records + 25000 });
	assert_true(rate(METRIC_RECORDS_IN) > 4999 && rate(METRIC_RECORDS_IN) < 5001);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, open_table, close_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLE(what_is_not_told_stays),
		WITH_TABLE(repeated_and_late_messages_change_nothing),
		WITH_TABLE(what_cannot_be_is_refused_and_the_rest_taken),
		WITH_TABLE(a_message_that_does_not_fit_itself_is_refused),
		WITH_TABLE(counters_go_on_over_attempts_and_gauges_do_not),
		WITH_TABLE(rates_are_of_the_last_seconds),
	};

	return cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
