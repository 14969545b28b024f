/* SPDX-License-Identifier: Apache-2.0
 * task_test.c - whole tasks in the simulated world, over the real shuffle: chains, edges, refusing
 * sinks, back-pressure, timers, the end of input, what others see. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/task_rig.h"

#define FORWARD FLINK__SHIP_STRATEGY__SHIP_FORWARD
#define HASH FLINK__SHIP_STRATEGY__SHIP_HASH
#define REBALANCE FLINK__SHIP_STRATEGY__SHIP_REBALANCE

/* ---- chains and edges ----------------------------------------------------------------------- */

static void a_chain_keeps_records_and_order(void **state)
{
	struct task_rig rig;
	struct ledger_line line;
	uint64_t at = 0;
	const char *const lines[] = { "one", "two", "a third line with a tail", "", NULL };
	const char *const expected[] = { "ONE", "TWO", "A THIRD LINE WITH A TAIL", "" };

	task_rig_open(&rig, 1, "chain");
	uint32_t vertex = test_job_vertex(rig.job, "all", 1);

	task_rig_source(&rig, vertex, lines, NULL);
	task_rig_function(&rig, vertex, "map", "Map", (void *)test_upper, rig.line);
	task_rig_sink(&rig, vertex, rig.line, NULL);
	task_rig_deploy_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	assert_int_equal(rig.tasks[0].states_seen,
			 SM_TO(TASK_DEPLOYING) | SM_TO(TASK_INITIALIZING) | SM_TO(TASK_RUNNING) |
				 SM_TO(TASK_FINISHED));
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(ledger_next(NULL, &at, &line));
		assert_string_equal(line.text, expected[i]);
	}
	assert_false(ledger_next(NULL, &at, &line));
	assert_int_equal(ledger_ends(), 1);
	task_rig_close(&rig);
}

static void words_are_counted_at_every_parallelism(void **state)
{
	static const char *const sinks[] = { NULL, "refuse_every=3",
					     "flush_later=1 refuse_every=2" };

	for (uint32_t sources = 1; sources <= 4; sources++) {
		for (uint32_t sums = 1; sums <= 4; sums++) {
			struct task_rig rig;

			task_rig_open(&rig, sources * 10 + sums, "words");
			task_rig_word_count(&rig, sources, sums, "repeat=50",
					 sinks[(sources + sums) % 3]);
			task_rig_deploy_all(&rig);
			task_rig_run_to_end(&rig);
			task_rig_expect_all(&rig, TASK_FINISHED);
			task_rig_expect_word_counts(50);
			assert_int_equal(ledger_ends(), sums);
			task_rig_close(&rig);
		}
	}
}

/* Consumers first, sources first, or mixed: channels meet in any order. */
static void tasks_may_come_in_any_order(void **state)
{
	for (uint32_t order = 0; order < 2; order++) {
		struct task_rig rig;

		task_rig_open(&rig, 5 + order, "order");
		task_rig_word_count(&rig, 2, 2, "repeat=20", NULL);
		for (uint32_t i = 0; i < 4; i++) {
			uint32_t k = order == 0 ? 3 - i : (i * 2) % 4 + i / 2;

			task_rig_deploy(&rig, k / 2, k % 2);
			task_rig_run_ms(&rig, 10);
		}
		task_rig_run_to_end(&rig);
		task_rig_expect_all(&rig, TASK_FINISHED);
		task_rig_expect_word_counts(20);
		task_rig_close(&rig);
	}
}

static uint32_t lines_of_subtask(uint32_t subtask)
{
	struct ledger_line line;
	uint32_t found = 0;
	uint64_t at = 0;

	while (ledger_next(NULL, &at, &line))
		found += line.subtask == subtask;
	return found;
}

static void every_strategy_ships_what_it_should(void **state)
{
	static const struct {
		Flink__ShipStrategy ship;
		uint32_t sources, sinks, expected[3]; /* lines per sink; 0, 0, 0: all, somehow */
	} cases[] = {
		{ FORWARD, 2, 2, { 400, 400 } },
		{ REBALANCE, 1, 2, { 400, 400 } },
		{ REBALANCE, 2, 3, { 0 } },
		{ FLINK__SHIP_STRATEGY__SHIP_RESCALE, 2, 2, { 400, 400 } },
		{ FLINK__SHIP_STRATEGY__SHIP_BROADCAST, 2, 3, { 800, 800, 800 } },
		{ FLINK__SHIP_STRATEGY__SHIP_GLOBAL, 2, 3, { 800, 0, 0 } },
		{ FLINK__SHIP_STRATEGY__SHIP_SHUFFLE, 2, 3, { 0 } },
		{ HASH, 2, 2, { 0 } },
	};

	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct task_rig rig;

		task_rig_open(&rig, 30 + i, "ship");
		uint32_t head = test_job_vertex(rig.job, "Source: List", cases[i].sources);
		uint32_t tail = test_job_vertex(rig.job, "Sink: Ledger", cases[i].sinks);

		task_rig_source(&rig, head, task_rig_rhyme, "repeat=100");
		task_rig_sink(&rig, tail, rig.line, "refuse_every=5");
		test_job_edge(rig.job, head, tail, cases[i].ship, cases[i].ship == HASH ? 0 : -1);
		task_rig_deploy_all(&rig);
		task_rig_run_to_end(&rig);
		task_rig_expect_all(&rig, TASK_FINISHED);
		if (cases[i].expected[0] == 0)
			assert_int_equal(ledger_count(NULL), TASK_RIG_RHYME_LINES * 100);
		for (uint32_t k = 0; cases[i].expected[0] > 0 && k < cases[i].sinks; k++)
			assert_int_equal(lines_of_subtask(k), cases[i].expected[k]);
		if (cases[i].ship == FLINK__SHIP_STRATEGY__SHIP_SHUFFLE)
			for (uint32_t k = 0; k < 3; k++)
				assert_in_range(lines_of_subtask(k), 150, 400);
		task_rig_close(&rig);
	}
}

/* The function chooses, and a record that its channel refuses is not asked about again. */
static void a_partitioner_of_the_job_ships_where_it_says(void **state)
{
	struct task_rig rig;
	uint32_t expected[3] = { 0 };

	for (const char *const *line = task_rig_rhyme; *line != NULL; line++)
		expected[strlen(*line) % 3] += 100;
	task_rig_open(&rig, 46, "custom");
	uint32_t head = test_job_vertex(rig.job, "Source: List", 1);
	uint32_t tail = test_job_vertex(rig.job, "Sink: Ledger", 3);

	task_rig_source(&rig, head, task_rig_rhyme, "repeat=100");
	task_rig_sink(&rig, tail, rig.line, "refuse_every=5");
	test_job_partitioner(rig.job, test_job_edge(rig.job, head, tail, REBALANCE, -1),
			     (void *)test_partition, NULL);
	task_rig_deploy_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(lines_of_subtask(i), expected[i]);
	assert_true(expected[0] > 0 || expected[1] > 0);
	task_rig_close(&rig);
}

/* source -> (sink, map -> sink), and the source's records to another vertex as well. */
static void a_chain_may_be_a_tree(void **state)
{
	struct task_rig rig;
	struct ledger_line line;
	uint32_t plain = 0, lengths = 0;
	uint64_t at = 0;

	task_rig_open(&rig, 3, "tree");
	uint32_t head = test_job_vertex(rig.job, "tree", 1),
		 tail = test_job_vertex(rig.job, "tail", 2);

	task_rig_source(&rig, head, task_rig_rhyme, "repeat=30");
	test_job_edge(rig.job, head, tail, REBALANCE, -1); /* leaves the source itself */
	task_rig_sink(&rig, head, rig.line, "refuse_every=3");
	test_job_operator(
		rig.job, head,
		&(struct test_operator){ .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
					 .name = "Map",
					 .factory = "map",
					 .input_type = rig.line,
					 .output_type = rig.number,
					 .key_field = -1,
					 .function = (void *)test_length });
	rig.job->graph->vertices[head]->operators[2]->input_operator = 0;
	task_rig_sink(&rig, head, rig.number, "flush_later=1");
	task_rig_sink(&rig, tail, rig.line, NULL);
	task_rig_deploy_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	while (ledger_next(NULL, &at, &line)) {
		bool number = line.text[0] >= '0' && line.text[0] <= '9';

		lengths += number;
		plain += !number;
	}
	assert_int_equal(plain, 2 * 30 * TASK_RIG_RHYME_LINES);
	assert_int_equal(lengths, 30 * TASK_RIG_RHYME_LINES);
	assert_int_equal(ledger_ends(), 4);
	task_rig_close(&rig);
}

static void two_edges_into_one_input_are_a_union(void **state)
{
	struct task_rig rig;

	task_rig_open(&rig, 4, "union");
	uint32_t one = test_job_vertex(rig.job, "one", 1), two = test_job_vertex(rig.job, "two", 2);
	uint32_t sink = test_job_vertex(rig.job, "sink", 1);

	task_rig_source(&rig, one, task_rig_rhyme, "repeat=3");
	task_rig_source(&rig, two, task_rig_rhyme, "repeat=4 interval_us=100");
	task_rig_sink(&rig, sink, rig.line, NULL);
	test_job_edge(rig.job, one, sink, REBALANCE, -1);
	test_job_edge(rig.job, two, sink, REBALANCE, -1);
	task_rig_deploy_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	assert_int_equal(ledger_count(NULL), 7 * TASK_RIG_RHYME_LINES);
	task_rig_close(&rig);
}

/* Lines give their length, numbers themselves, the end of input k gives -(k + 1). */
static int both_process(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
			struct outbox *out, struct err *err)
{
	for (; *taken < batch->count; ++*taken) {
		struct number number;

		if (outbox_full(out))
			return 0;
		if (input == 0)
			number.value = ((const struct line *)batch_at(batch, *taken))->text.len;
		else
			number = *(const struct number *)batch_at(batch, *taken);
		outbox_emit(out, out->run->type, &number);
	}
	return 1;
}

static int both_end(void *self, uint32_t input, struct outbox *out, struct err *err)
{
	struct number number = { .value = -1 - (int64_t)input };

	outbox_emit(out, out->run->type, &number);
	return 1;
}

static void two_inputs_keep_their_types_and_ends(void **state)
{
	static const struct operator_vtable both = { .name = "test-both",
						     .process = both_process,
						     .end_of_input = both_end };
	static const char *const slow[] = { "seven..", NULL }, *const fast[] = { "one two", NULL };
	struct task_rig rig;
	struct ledger_line line;
	uint32_t sevens = 0, ends[2] = { 0 };
	uint64_t at = 0;

	task_rig_open(&rig, 8, "both");
	registry_add_operator(&both);
	uint32_t lines = test_job_vertex(rig.job, "lines", 1);
	uint32_t numbers = test_job_vertex(rig.job, "numbers", 2);
	uint32_t target = test_job_vertex(rig.job, "both", 1);

	task_rig_source(&rig, lines, slow, "repeat=20 interval_us=1000");
	task_rig_source(&rig, numbers, fast, "repeat=30");
	task_rig_function(&rig, numbers, "map", "Map", (void *)test_length, rig.number);
	task_rig_function(&rig, target, "test-both", "Both", NULL, rig.number);
	task_rig_sink(&rig, target, rig.number, NULL);
	test_job_edge(rig.job, lines, target, REBALANCE, -1);
	uint32_t second = test_job_edge(rig.job, numbers, target, REBALANCE, -1);

	rig.job->graph->edges[second]->target_input = 1;
	task_rig_deploy_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	while (ledger_next(NULL, &at, &line)) {
		sevens += strcmp(line.text, "7") == 0;
		ends[0] += strcmp(line.text, "-1") == 0;
		ends[1] += strcmp(line.text, "-2") == 0;
	}
	assert_int_equal(sevens, 20 + 30);
	assert_int_equal(ends[0], 1);
	assert_int_equal(ends[1], 1);
	assert_string_equal(line.text, "-1"); /* the slow input ended last */
	task_rig_close(&rig);
}

static void splits_may_come_before_the_reader_is_open(void **state)
{
	struct task_rig rig;

	task_rig_open(&rig, 6, "early");
	uint32_t vertex = test_job_vertex(rig.job, "all", 1);

	task_rig_source(&rig, vertex, task_rig_rhyme, NULL);
	task_rig_sink(&rig, vertex, rig.line, NULL);
	struct task_rig_task *task = task_rig_deploy(&rig, vertex, 0);

	task->splits_early = true;
	task_rig_give_splits(task);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	assert_int_equal(task->readers_ready, 1);
	assert_int_equal(ledger_count(NULL), TASK_RIG_RHYME_LINES);
	task_rig_close(&rig);
}

/* A line of two to four vertices with chains, edges, parallelisms and sinks by chance. */
static uint32_t random_graph(struct task_rig *rig, uint32_t *rounds)
{
	static const Flink__ShipStrategy ships[] = { FORWARD, HASH, REBALANCE,
						     FLINK__SHIP_STRATEGY__SHIP_SHUFFLE,
						     FLINK__SHIP_STRATEGY__SHIP_RESCALE };
	static const char *const sinks[] = { NULL, "refuse_every=2", "flush_later=1",
					     "flush_later=1 refuse_every=5" };
	uint32_t vertices = 2 + sim_random(rig->sim) % 3, filters = 0;
	static char options[64];

	*rounds = 1 + sim_random(rig->sim) % 300;
	snprintf(options, sizeof(options), "repeat=%u interval_us=%u", *rounds,
		 sim_random(rig->sim) % 3 == 0 ? 50 : 0);
	for (uint32_t v = 0; v < vertices; v++) {
		uint32_t operators = sim_random(rig->sim) % 4;

		test_job_vertex(rig->job, "random", 1 + sim_random(rig->sim) % 4);
		if (v == 0)
			task_rig_source(rig, v, task_rig_rhyme, options);
		for (uint32_t o = 0; o < operators; o++) {
			bool filter = sim_random(rig->sim) % 2;

			filters += filter;
			task_rig_function(rig, v, filter ? "filter" : "map", "Operator",
					  filter ? (void *)test_not_empty : (void *)test_upper,
					  rig->line);
		}
		if (v == vertices - 1)
			task_rig_sink(rig, v, rig->line, sinks[sim_random(rig->sim) % 4]);
		else if (v > 0 && operators == 0)
			task_rig_function(rig, v, "map", "Operator", (void *)test_upper, rig->line);
	}
	for (uint32_t v = 0; v + 1 < vertices; v++) {
		Flink__Vertex *from = rig->job->graph->vertices[v],
			      *to = rig->job->graph->vertices[v + 1];
		Flink__ShipStrategy ship = ships[sim_random(rig->sim) % ARRAY_COUNT(ships)];

		if (ship == FORWARD && from->parallelism != to->parallelism)
			ship = REBALANCE;
		test_job_edge(rig->job, v, v + 1, ship, ship == HASH ? 0 : -1);
	}
	return *rounds * (TASK_RIG_RHYME_LINES - (filters > 0)); /* one line is empty */
}

static void random_jobs_lose_and_double_nothing(void **state)
{
	for (uint64_t seed = 1000; seed < 1060; seed++) {
		struct task_rig rig;
		uint32_t rounds;

		task_rig_open(&rig, seed, "random");
		uint32_t expected = random_graph(&rig, &rounds);

		task_rig_deploy_all(&rig);
		task_rig_run_to_end(&rig);
		task_rig_expect_all(&rig, TASK_FINISHED);
		if (ledger_count(NULL) != expected)
			fail_msg("seed %llu: %llu lines, expected were %u",
				 (unsigned long long)seed, (unsigned long long)ledger_count(NULL),
				 expected);
		task_rig_close(&rig);
	}
}

/* ---- back-pressure -------------------------------------------------------------------------- */

static uint64_t figure(const Flink__TaskMetrics *metrics, uint32_t scope, uint64_t kind)
{
	return metric_find(metrics->ids, metrics->values, metrics->n_ids,
			   metric_id(scope, (uint32_t)kind));
}

static void pressure_reaches_the_source_and_leaves_it(void **state)
{
	struct task_rig rig;

	task_rig_open(&rig, 7, "pressure");
	task_rig_word_count(&rig, 2, 2, "repeat=3000", "block=1");
	ledger_block(true);
	task_rig_deploy_all(&rig);
	task_rig_run_ms(&rig, 2000);
	const struct task_metrics *source = task_metrics_of(rig.tasks[0].task);
	uint64_t out = counter_get(&source->records_out);

	assert_int_equal(ledger_count(NULL), 0);
	assert_true(out > 0);
	task_rig_run_ms(&rig, 2000);
	assert_int_equal(counter_get(&source->records_out),
			 out); /* stands still, without a sleep */
	struct arena *arena = arena_create("test");
	Flink__TaskMetrics metrics;

	task_report(rig.tasks[0].task, arena, &metrics);
	uint64_t pressed_us = figure(&metrics, METRIC_SCOPE_TASK, METRIC_BACKPRESSURED_US);

	assert_in_range(pressed_us, 3900000, 4000000);
	assert_in_range(figure(&metrics, METRIC_SCOPE_TASK, METRIC_BUSY_US) +
				figure(&metrics, METRIC_SCOPE_TASK, METRIC_IDLE_US), 0, 100000);
	/* It was its one edge that refused. */
	assert_int_equal(figure(&metrics, METRIC_SCOPE_EDGE, EDGE_BACKPRESSURED_US), pressed_us);
	assert_int_equal(figure(&metrics, METRIC_SCOPE_TASK, METRIC_STATE),
			 METRIC_IS_BACKPRESSURED);
	assert_int_equal(figure(&metrics, METRIC_SCOPE_TASK, METRIC_WAITING_US), 0);
	assert_true(figure(&metrics, METRIC_SCOPE_TASK, METRIC_OUT_HELD) > 0);
	/* The sink waits for what lies outside: its own slowness, so it is busy. */
	task_report(rig.tasks[2].task, arena, &metrics);
	uint64_t waiting_us = figure(&metrics, METRIC_SCOPE_TASK, METRIC_WAITING_US);

	assert_in_range(waiting_us, 3900000, 4000000);
	assert_in_range(figure(&metrics, METRIC_SCOPE_TASK, METRIC_BUSY_US), waiting_us, 4000000);
	assert_in_range(figure(&metrics, METRIC_SCOPE_OPERATOR + 1, OPERATOR_BUSY_US), waiting_us,
			4000000);
	assert_in_range(figure(&metrics, METRIC_SCOPE_OPERATOR, OPERATOR_BUSY_US), 0, 100000);
	assert_int_equal(figure(&metrics, METRIC_SCOPE_TASK, METRIC_BACKPRESSURED_US), 0);
	assert_true(figure(&metrics, METRIC_SCOPE_TASK, METRIC_IN_QUEUED) > 0);
	arena_destroy(&arena);
	ledger_block(false);
	for (uint32_t i = 0; i < rig.tasks_count; i++)
		task_wake(rig.tasks[i].task);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	task_rig_expect_word_counts(3000);
	task_rig_close(&rig);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void window_graph(struct task_rig *rig, const char *source_options)
{
	static const char *const lines[] = { "x", NULL };
	uint32_t head = test_job_vertex(rig->job, "head", 1),
		 tail = test_job_vertex(rig->job, "tail", 1);

	task_rig_source(rig, head, lines, source_options);
	task_rig_function(rig, head, "flat-map", "Flat Map", (void *)test_split, rig->word);
	task_rig_sum(rig, tail, 1000);
	task_rig_sink(rig, tail, rig->word, NULL);
	test_job_edge(rig->job, head, tail, HASH, 0);
}

static int64_t sum_of_ledger(uint32_t *lines)
{
	struct ledger_line line;
	uint64_t at = 0;
	int64_t sum = 0;

	*lines = 0;
	while (ledger_next(NULL, &at, &line)) {
		assert_memory_equal(line.text, "(x,", 3);
		sum += strtoll(line.text + 3, NULL, 10);
		++*lines;
	}
	return sum;
}

static void windows_fire_by_the_clock_and_at_the_end(void **state)
{
	struct task_rig rig;
	uint32_t lines;

	task_rig_open(&rig, 90, "windows");
	window_graph(&rig, "repeat=45 interval_us=100000"); /* ten a second for 4.5 s */
	task_rig_deploy_all(&rig);
	wall_t wall = world_wall(rig.node);

	task_rig_run_ms(&rig, 1000 - wall % 1000 + 50); /* just after the next full second */
	int64_t first = sum_of_ledger(&lines);

	assert_int_equal(lines, 1); /* fired within 50 ms, and flushed */
	assert_true(first > 0);
	task_rig_run_ms(&rig, 1000);
	assert_in_range(sum_of_ledger(&lines) - first, 9, 11);
	assert_int_equal(lines, 2);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	assert_int_equal(sum_of_ledger(&lines), 45); /* the open window fired at the end */
	assert_in_range(lines, 5, 6);
	task_rig_close(&rig);
}

static void without_fire_at_end_open_windows_are_dropped(void **state)
{
	struct task_rig rig;
	uint32_t lines;

	task_rig_open(&rig, 91, "drop");
	rig.drop_windows = true;
	window_graph(&rig, "repeat=3");
	task_rig_deploy_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	assert_int_equal(sum_of_ledger(&lines), 0);
	task_rig_close(&rig);
}

static void a_clock_that_jumps_fires_what_is_due(void **state)
{
	struct task_rig rig;
	uint32_t lines;

	task_rig_open(&rig, 92, "jump");
	window_graph(&rig, "repeat=forever interval_us=100000");
	task_rig_deploy_all(&rig);
	task_rig_run_ms(&rig, 2500);
	int64_t before = sum_of_ledger(&lines);

	sim_clock_jump(rig.node, 3600 * MS_PER_S);
	task_rig_run_ms(&rig, 200);
	assert_true(sum_of_ledger(&lines) > before);
	sim_clock_jump(rig.node, -3600 * MS_PER_S);
	task_rig_run_ms(&rig, 1500);
	task_rig_cancel_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_close(&rig);
}

static void records_are_visible_when_the_task_goes_idle(void **state)
{
	struct task_rig rig;

	task_rig_open(&rig, 93, "idle");
	rig.buffer_timeout_ms = 10000;
	task_rig_word_count(&rig, 1, 1, "repeat=forever interval_us=1000000", "flush_later=1");
	task_rig_deploy_all(&rig);
	task_rig_run_ms(&rig, 20);
	assert_int_equal(ledger_count(NULL), 2); /* "the cat" went through without waiting */
	assert_int_equal(ledger_flushes(), 1);
	task_rig_cancel_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_close(&rig);
}

/* ---- what others see ------------------------------------------------------------------------ */

/* What leaves one operator enters the next; a source takes in what it emits, and a sink gives out
 * what it is given. */
static void expect_flow(const Flink__TaskMetrics *source, const Flink__TaskMetrics *sink)
{
	const uint64_t in[2] = { OPERATOR_RECORDS_IN, OPERATOR_BYTES_IN },
		       out[2] = { OPERATOR_RECORDS_OUT, OPERATOR_BYTES_OUT };

	for (int i = 0; i < 2; i++) {
		uint64_t lines = figure(source, METRIC_SCOPE_OPERATOR, out[i]),
			 words = figure(source, METRIC_SCOPE_OPERATOR + 1, out[i]),
			 sums = figure(sink, METRIC_SCOPE_OPERATOR, out[i]);

		assert_true(lines >= 5 && words >= 5 && sums >= 5);
		assert_int_equal(figure(source, METRIC_SCOPE_OPERATOR, in[i]), lines);
		assert_int_equal(figure(source, METRIC_SCOPE_TASK, in[i]), lines);
		assert_int_equal(figure(source, METRIC_SCOPE_OPERATOR + 1, in[i]), lines);
		/* In a channel a run may be cut, and each piece has its header. */
		assert_true(figure(source, METRIC_SCOPE_TASK, out[i]) > 0);
		if (i == 0)
			assert_int_equal(figure(source, METRIC_SCOPE_TASK, out[i]), words);
		assert_int_equal(figure(sink, METRIC_SCOPE_TASK, in[i]),
				 figure(sink, METRIC_SCOPE_OPERATOR, in[i]));
		if (i == 0)
			assert_int_equal(figure(sink, METRIC_SCOPE_TASK, in[i]), words);
		assert_int_equal(figure(sink, METRIC_SCOPE_OPERATOR + 1, in[i]), sums);
		assert_int_equal(figure(sink, METRIC_SCOPE_OPERATOR + 1, out[i]), sums);
		assert_int_equal(figure(sink, METRIC_SCOPE_TASK, out[i]), sums);
	}
}

static void the_report_adds_up(void **state)
{
	struct task_rig rig;
	struct arena *arena = arena_create("test");
	Flink__TaskMetrics source, sink;

	task_rig_open(&rig, 95, "report");
	task_rig_word_count(&rig, 1, 1, "repeat=1 interval_us=1000", NULL);
	struct task_rig_task *last = &rig.tasks[1];

	task_rig_deploy_all(&rig);
	rig.tasks[0].no_splits = true;
	task_rig_run_ms(&rig, 1000);
	assert_int_equal(rig.tasks[0].state, TASK_RUNNING);
	assert_string_equal(task_name(rig.tasks[0].task), "Source: List -> Flat Map (1/1)");
	task_report(rig.tasks[0].task, arena, &source);
	assert_string_equal(source.status_text, "0 records emitted");
	assert_in_range(figure(&source, METRIC_SCOPE_TASK, METRIC_IDLE_US), 990000, 1000000);
	assert_int_equal(source.execution_id.len, 16);
	task_rig_give_splits(&rig.tasks[0]);
	task_rig_run_ms(&rig, 5);
	task_report(rig.tasks[0].task, arena, &source);
	task_report(last->task, arena, &sink);
	assert_int_equal(source.n_ids, TASK_METRICS + 2 * OPERATOR_METRICS + EDGE_METRICS);
	assert_int_equal(sink.n_ids, TASK_METRICS + 2 * OPERATOR_METRICS);
	expect_flow(&source, &sink);
	assert_int_equal(figure(&sink, METRIC_SCOPE_OPERATOR + 1, OPERATOR_RECORDS_IN),
			 ledger_count(NULL));
	assert_false(source.blocking);
	task_rig_run_to_end(&rig);
	arena_destroy(&arena);
	task_rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_keeps_records_and_order),
		cmocka_unit_test(words_are_counted_at_every_parallelism),
		cmocka_unit_test(tasks_may_come_in_any_order),
		cmocka_unit_test(every_strategy_ships_what_it_should),
		cmocka_unit_test(a_partitioner_of_the_job_ships_where_it_says),
		cmocka_unit_test(a_chain_may_be_a_tree),
		cmocka_unit_test(two_edges_into_one_input_are_a_union),
		cmocka_unit_test(two_inputs_keep_their_types_and_ends),
		cmocka_unit_test(splits_may_come_before_the_reader_is_open),
		cmocka_unit_test(random_jobs_lose_and_double_nothing),
		cmocka_unit_test(pressure_reaches_the_source_and_leaves_it),
		cmocka_unit_test(windows_fire_by_the_clock_and_at_the_end),
		cmocka_unit_test(without_fire_at_end_open_windows_are_dropped),
		cmocka_unit_test(a_clock_that_jumps_fires_what_is_due),
		cmocka_unit_test(records_are_visible_when_the_task_goes_idle),
		cmocka_unit_test(the_report_adds_up),
	};
	return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
