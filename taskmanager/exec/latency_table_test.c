/* SPDX-License-Identifier: Apache-2.0
 * latency_table_test.c - latency markers in simulated time: how many come where, and how long they
 * took; which histograms there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/lib/task_rig.h"

struct seen { /* of one operator of all subtasks of a vertex */
	uint64_t count, sum, max, negative;
	uint32_t histograms, sources; /* bits of source_vertex, source_subtask */
	uint32_t source_subtasks;
};

static struct seen look(struct task_rig *rig, uint32_t vertex, uint32_t operator)
{
	struct arena *arena = arena_create("test");
	struct seen seen = { 0 };

	for (uint32_t i = 0; i < rig->tasks_count; i++) {
		Flink__LatencyHistogram **told;
		uint32_t count = 0;

		if (rig->tasks[i].vertex == vertex && rig->tasks[i].task != NULL)
			count = task_latencies(rig->tasks[i].task, NULL, arena, &told);
		for (uint32_t j = 0; j < count; j++) {
			if (told[j]->operator_ != operator)
				continue;
			seen.histograms++;
			seen.sum += told[j]->sum;
			seen.negative += told[j]->negative;
			seen.max = told[j]->max > seen.max ? told[j]->max : seen.max;
			seen.sources |= UINT32_C(1) << told[j]->source_vertex;
			seen.source_subtasks |= UINT32_C(1) << told[j]->source_subtask;
			for (size_t b = 0; b < told[j]->n_counts; b++)
				seen.count += told[j]->counts[b];
		}
	}
	arena_destroy(&arena);
	return seen;
}

static void open_words(struct task_rig *rig, uint64_t seed, uint32_t sources, uint32_t sums)
{
	task_rig_open(rig, seed, "latency");
	task_rig_word_count(rig, sources, sums, "repeat=1000 interval_us=5000", NULL);
	rig->latency_interval_ms = 10;
	rig->latency_granularity = LATENCY_OPERATOR;
}

static void every_marker_comes_to_one_subtask_of_an_edge(void **state)
{
	struct task_rig rig;

	open_words(&rig, 1, 2, 3);
	task_rig_deploy_all(&rig);
	task_rig_run_ms(&rig, 1000);
	struct seen map = look(&rig, 0, 1), sum = look(&rig, 1, 0), sink = look(&rig, 1, 1);

	assert_int_equal(look(&rig, 0, 0).count, 0); /* a source measures nothing */
	assert_in_range(map.count, 180, 204);	     /* two sources, every 10 ms */
	assert_in_range(sum.count, map.count - 2, map.count);
	assert_int_equal(sink.count, sum.count);
	assert_int_equal(map.histograms, 2);
	assert_int_equal(sum.histograms, 3); /* chance comes to each of them */
	assert_int_equal(sum.sources, 2);    /* source vertex 0, sent as 1 */
	assert_int_equal(sum.source_subtasks, 1);
	/* Nothing holds them up, and steps take no time. */
	assert_in_range(sink.max, 0, 2);
	assert_int_equal(sink.negative, 0);
	task_rig_cancel_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_close(&rig);
}

static void what_waits_in_front_of_a_marker_is_its_latency(void **state)
{
	struct task_rig rig;

	open_words(&rig, 2, 1, 1);
	task_rig_deploy(&rig, 0, 0);
	task_rig_run_ms(&rig, 100); /* nobody takes anything */
	struct task_rig_task *consumer = task_rig_deploy(&rig, 1, 0);

	assert_int_equal(look(&rig, 1, 0).count, 0);
	task_rig_run_ms(&rig, 200);
	assert_int_equal(consumer->state, TASK_RUNNING);
	struct seen sum = look(&rig, 1, 0);

	assert_in_range(sum.count, 28, 31); /* also the ten that waited */
	assert_in_range(sum.max, 98, 102);  /* the first for all of it, the next 10 ms less … */
	assert_in_range(sum.sum, 500, 600);
	task_rig_cancel_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_close(&rig);
}

static void sources_are_told_apart_as_asked(void **state)
{
	static const struct {
		enum latency_granularity granularity;
		uint32_t histograms, sources, source_subtasks;
	} rows[] = { { LATENCY_SINGLE, 1, 1, 1 },
		     { LATENCY_OPERATOR, 1, 2, 1 },
		     { LATENCY_SUBTASK, 3, 2, 2 | 4 | 8 } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct task_rig rig;

		open_words(&rig, 3 + i, 3, 1);
		rig.latency_granularity = rows[i].granularity;
		task_rig_deploy_all(&rig);
		task_rig_run_ms(&rig, 100);
		struct seen sum = look(&rig, 1, 0);

		assert_int_equal(sum.histograms, rows[i].histograms);
		assert_int_equal(sum.sources, rows[i].sources);
		assert_int_equal(sum.source_subtasks, rows[i].source_subtasks);
		task_rig_cancel_all(&rig);
		task_rig_run_to_end(&rig);
		task_rig_close(&rig);
	}
}

static void there_are_none_unless_asked_for(void **state)
{
	struct task_rig rig;

	open_words(&rig, 9, 1, 1);
	rig.latency_interval_ms = 0;
	task_rig_deploy_all(&rig);
	task_rig_run_ms(&rig, 100);
	assert_false(task_has_latencies(rig.tasks[1].task));
	task_rig_run_to_end(&rig);
	task_rig_expect_word_counts(1000);
	task_rig_close(&rig);
}

/* Records, order and the end of a job are the same with markers between them. */
static void markers_change_nothing_else(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct task_rig rig;

		task_rig_open(&rig, seed, "latency");
		task_rig_word_count(&rig, 2, 3, "repeat=50", seed % 2 ? "refuse_every=7" : NULL);
		rig.latency_interval_ms = 1;
		task_rig_deploy_all(&rig);
		task_rig_run_to_end(&rig);
		task_rig_expect_all(&rig, TASK_FINISHED);
		task_rig_expect_word_counts(50);
		task_rig_close(&rig);
	}
}

static void more_histograms_than_there_is_room_for(void **state)
{
	static struct latency_table table = { .granularity = LATENCY_SUBTASK };
	struct arena *arena = arena_create("test");
	static uint64_t told[LATENCY_ENTRIES_MAX];
	Flink__LatencyHistogram **histograms;

	for (uint32_t i = 0; i < LATENCY_ENTRIES_MAX + 10; i++)
		latency_table_record(&table, 0, latency_source(1, i), i);
	assert_int_equal(counter_get(&table.left_out), 10);
	assert_int_equal(latency_table_tell(&table, told, arena, &histograms), LATENCY_ENTRIES_MAX);
	assert_int_equal(latency_table_tell(&table, told, arena, &histograms), 0);
	latency_table_record(&table, 0, latency_source(1, 5), -1);
	assert_int_equal(latency_table_tell(&table, told, arena, &histograms), 1);
	assert_int_equal(histograms[0]->source_subtask, 6);
	assert_int_equal(histograms[0]->negative, 1);
	latency_table_fini(&table);
	arena_destroy(&arena);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_marker_comes_to_one_subtask_of_an_edge),
		cmocka_unit_test(what_waits_in_front_of_a_marker_is_its_latency),
		cmocka_unit_test(sources_are_told_apart_as_asked),
		cmocka_unit_test(there_are_none_unless_asked_for),
		cmocka_unit_test(markers_change_nothing_else),
		cmocka_unit_test(more_histograms_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
