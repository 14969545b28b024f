/* SPDX-License-Identifier: Apache-2.0
 * task_large_test.c - records larger than a segment, through tasks: every ship strategy, chains,
 * keyed state, pressure, memory that does not suffice for all at once, ends in their middle. */
#include "tests/lib/cmocka_header.h"

#include <stdlib.h>

#include "common/base/mark.h"
#include "tests/lib/task_rig.h"

#define FORWARD FLINK__SHIP_STRATEGY__SHIP_FORWARD
#define HASH FLINK__SHIP_STRATEGY__SHIP_HASH
#define REBALANCE FLINK__SHIP_STRATEGY__SHIP_REBALANCE
#define BROADCAST FLINK__SHIP_STRATEGY__SHIP_BROADCAST
#define CUSTOM FLINK__SHIP_STRATEGY__SHIP_CUSTOM

/* Around what fits a segment of 4096 bytes, and far beyond. */
static const uint32_t lengths[] = { 5,	  4000, 4055, 4056, 4057, 4064, 40,   4072,  4100, 8000, 3,
				    8176, 8192, 9000, 20,   4064, 1,	30000, 7,	  150000 };
#define LINES ARRAY_COUNT(lengths)

/* Line i: its number, then letters that follow from it. */
static void make_lines(char *lines[LINES + 1])
{
	for (uint32_t i = 0; i < LINES; i++) {
		lines[i] = mem_alloc(lengths[i] + 1);
		for (uint32_t j = 0; j < lengths[i]; j++)
			lines[i][j] = (char)('a' + (i + j * (i + 1)) % 26);
	}
	lines[LINES] = NULL;
}

static void free_lines(char *lines[LINES + 1])
{
	for (uint32_t i = 0; i < LINES; i++)
		mem_free(lines[i]);
}

/* Each line came `times` times, whole; lengths are nearly always enough to know which it is. */
static void expect_lines(char *const lines[LINES + 1], uint32_t times)
{
	uint32_t seen[LINES] = { 0 };
	struct ledger_line line;
	uint64_t at = 0;

	while (ledger_next(NULL, &at, &line)) {
		uint32_t i = 0;

		while (i < LINES && strcmp(line.text, lines[i]) != 0)
			i++;
		if (i == LINES)
			fail_msg("a line of %zu bytes that nobody sent", strlen(line.text));
		seen[i]++;
	}
	for (uint32_t i = 0; i < LINES; i++)
		if (seen[i] != times)
			fail_msg("the line of %u bytes came %u times instead of %u", lengths[i],
				 seen[i], times);
}

static uint64_t mark_hits(const char *text)
{
	const struct mark *mark;
	uint64_t hits = 0;
	size_t at = 0;

	while ((mark = mark_next(&at)) != NULL)
		if (strcmp(mark->name, text) == 0)
			hits += atomic_load(&((struct mark *)(uintptr_t)mark)->hits);
	return hits;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void every_strategy_ships_them_whole(void **state)
{
	static const struct {
		Flink__ShipStrategy ship;
		uint32_t sources, sinks, copies;
	} cases[] = {
		{ FORWARD, 2, 2, 1 },	{ REBALANCE, 2, 3, 1 },
		{ BROADCAST, 2, 3, 3 }, { HASH, 2, 3, 1 },
		{ HASH, 1, 1, 1 },	{ CUSTOM, 2, 3, 1 },
		{ FLINK__SHIP_STRATEGY__SHIP_RESCALE, 2, 2, 1 },
		{ FLINK__SHIP_STRATEGY__SHIP_GLOBAL, 2, 3, 1 },
		{ FLINK__SHIP_STRATEGY__SHIP_SHUFFLE, 2, 3, 1 },
	};

	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct task_rig rig;
		char *lines[LINES + 1];

		make_lines(lines);
		task_rig_open(&rig, 60 + i, "large");
		uint32_t head = test_job_vertex(rig.job, "Source: List", cases[i].sources);
		uint32_t tail = test_job_vertex(rig.job, "Sink: Ledger", cases[i].sinks);

		task_rig_source(&rig, head, (const char *const *)lines, "repeat=7");
		task_rig_sink(&rig, tail, rig.line, "refuse_every=5");
		uint32_t edge = test_job_edge(rig.job, head, tail,
					      cases[i].ship == CUSTOM ? FORWARD : cases[i].ship,
					      cases[i].ship == HASH ? 0 : -1);

		if (cases[i].ship == CUSTOM)
			test_job_partitioner(rig.job, edge, (void *)test_partition, NULL);
		task_rig_deploy_all(&rig);
		task_rig_run_to_end(&rig);
		task_rig_expect_all(&rig, TASK_FINISHED);
		expect_lines(lines, 7 * cases[i].copies);
		free_lines(lines);
		task_rig_close(&rig);
	}
	assert_true(mark_hits("a record came in pieces") > 0);
	assert_true(mark_hits("a channel refuses within a record") > 0);
}

/* Whoever has begun to put a record together holds memory that others may wait for: its last bytes
 * do not wait for a segment to be full, not even where everything else does. */
static void the_last_piece_goes_at_once(void **state)
{
	struct task_rig rig;
	char *large = mem_alloc(3 * TASK_RIG_SEGMENT_BYTES);
	const char *const lines[] = { large, NULL };

	memset(large, 'x', 3 * TASK_RIG_SEGMENT_BYTES - 1);
	large[3 * TASK_RIG_SEGMENT_BYTES - 1] = '\0';
	task_rig_open(&rig, 90, "last piece");
	rig.buffer_timeout_ms = -1;
	uint32_t head = test_job_vertex(rig.job, "Source: List", 1);
	uint32_t tail = test_job_vertex(rig.job, "Sink: Ledger", 1);

	task_rig_source(&rig, head, lines, "repeat=2 interval_us=500000");
	task_rig_sink(&rig, tail, rig.line, NULL);
	test_job_edge(rig.job, head, tail, REBALANCE, -1);
	task_rig_deploy_all(&rig);
	task_rig_run_ms(&rig, 100);
	assert_int_equal(ledger_count(NULL), 1);
	task_rig_run_to_end(&rig);
	assert_int_equal(ledger_count(NULL), 2);
	mem_free(large);
	task_rig_close(&rig);
}

static void same_line(const struct line *in, struct line *out)
{
	out->text = str_copy(&in->text);
}

static void a_chain_passes_them_on(void **state)
{
	struct task_rig rig;
	char *lines[LINES + 1];

	make_lines(lines);
	task_rig_open(&rig, 70, "chain");
	uint32_t vertex = test_job_vertex(rig.job, "all", 1);

	task_rig_source(&rig, vertex, (const char *const *)lines, "repeat=3");
	for (uint32_t i = 0; i < 5; i++)
		task_rig_function(&rig, vertex, "map", "Map", (void *)same_line, rig.line);
	task_rig_sink(&rig, vertex, rig.line, "refuse_every=2");
	task_rig_deploy_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	expect_lines(lines, 3);
	free_lines(lines);
	task_rig_close(&rig);
}

/* Keys of state, and what the state gives back: the running sums of each, from 1 on. */
static void keyed_state_takes_them_as_keys(void **state)
{
	struct task_rig rig;
	char *lines[LINES + 1];
	uint64_t at = 0;
	int64_t counts[LINES] = { 0 };
	struct ledger_line line;

	make_lines(lines);
	task_rig_open(&rig, 71, "keys");
	uint32_t head = test_job_vertex(rig.job, "head", 2),
		 tail = test_job_vertex(rig.job, "tail", 3);

	task_rig_source(&rig, head, (const char *const *)lines, "repeat=4");
	task_rig_function(&rig, head, "flat-map", "Flat Map", (void *)test_split, rig.word);
	task_rig_sum(&rig, tail, 0);
	task_rig_sink(&rig, tail, rig.word, NULL);
	test_job_edge(rig.job, head, tail, HASH, 0);
	task_rig_deploy_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	while (ledger_next(NULL, &at, &line)) { /* "(word,count)" */
		size_t length = strrchr(line.text, ',') - line.text - 1;
		uint32_t i = 0;

		while (i < LINES && (strlen(lines[i]) != length ||
				     memcmp(line.text + 1, lines[i], length) != 0))
			i++;
		assert_true(i < LINES);
		assert_int_equal(strtoll(line.text + length + 2, NULL, 10), ++counts[i]);
	}
	for (uint32_t i = 0; i < LINES; i++)
		assert_int_equal(counts[i], 4);
	free_lines(lines);
	task_rig_close(&rig);
}

/* Eight producers, and memory for one such record at a time. */
static void who_finds_no_memory_waits_and_comes_in_the_end(void **state)
{
	struct task_rig rig;
	char *text = mem_alloc(400001);
	uint64_t waits = mark_hits("a record in pieces waits for memory");

	memset(text, 'm', 400000);
	task_rig_open(&rig, 72, "budget");
	uint32_t head = test_job_vertex(rig.job, "head", 8),
		 tail = test_job_vertex(rig.job, "tail", 1);

	task_rig_source(&rig, head, (const char *const[]){ text, text, text, text, text, text, text,
							    text, "short", NULL }, "repeat=5");
	task_rig_sink(&rig, tail, rig.line, "refuse_every=3");
	test_job_edge(rig.job, head, tail, REBALANCE, -1);
	task_rig_deploy_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	assert_int_equal(ledger_count(NULL), 45);
	assert_true(mark_hits("a record in pieces waits for memory") > waits);
	mem_free(text);
	task_rig_close(&rig);
}

static void a_blocked_sink_holds_a_record_in_its_middle_and_lets_it_go(void **state)
{
	struct task_rig rig;
	char *lines[LINES + 1];

	make_lines(lines);
	task_rig_open(&rig, 73, "pressure");
	uint32_t head = test_job_vertex(rig.job, "head", 2),
		 tail = test_job_vertex(rig.job, "tail", 2);

	task_rig_source(&rig, head, (const char *const *)lines, "repeat=20");
	task_rig_sink(&rig, tail, rig.line, "block=1");
	test_job_edge(rig.job, head, tail, HASH, 0);
	ledger_block(true);
	task_rig_deploy_all(&rig);
	task_rig_run_ms(&rig, 1000);
	const struct task_metrics *source = task_metrics_of(rig.tasks[0].task);
	uint64_t out = counter_get(&source->bytes_out);

	assert_int_equal(ledger_count(NULL), 0);
	task_rig_run_ms(&rig, 1000);
	assert_int_equal(counter_get(&source->bytes_out), out);
	ledger_block(false);
	for (uint32_t i = 0; i < rig.tasks_count; i++)
		task_wake(rig.tasks[i].task);
	task_rig_run_to_end(&rig);
	task_rig_expect_all(&rig, TASK_FINISHED);
	expect_lines(lines, 20);
	free_lines(lines);
	task_rig_close(&rig);
}

/* Cancelled at any moment: task_rig_close finds every byte and every segment back. */
static void an_end_in_the_middle_leaves_nothing_behind(void **state)
{
	for (uint32_t i = 0; i < 16; i++) {
		struct task_rig rig;
		char *lines[LINES + 1];

		make_lines(lines);
		task_rig_open(&rig, 100 + i, "end");
		uint32_t head = test_job_vertex(rig.job, "head", 2),
			 tail = test_job_vertex(rig.job, "tail", 2);

		task_rig_source(&rig, head, (const char *const *)lines, "repeat=forever");
		task_rig_sink(&rig, tail, rig.line,
			      i % 4 == 3 ? "fail_after=30" : i % 4 == 2 ? "block=1" : NULL);
		test_job_edge(rig.job, head, tail, i % 2 == 0 ? HASH : BROADCAST,
			      i % 2 == 0 ? 0 : -1);
		ledger_block(true);
		task_rig_deploy_all(&rig);
		task_rig_run_ms(&rig, 1 + i);
		task_rig_cancel_all(&rig);
		task_rig_run_to_end(&rig);
		free_lines(lines);
		task_rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_strategy_ships_them_whole),
		cmocka_unit_test(the_last_piece_goes_at_once),
		cmocka_unit_test(a_chain_passes_them_on),
		cmocka_unit_test(keyed_state_takes_them_as_keys),
		cmocka_unit_test(who_finds_no_memory_waits_and_comes_in_the_end),
		cmocka_unit_test(a_blocked_sink_holds_a_record_in_its_middle_and_lets_it_go),
		cmocka_unit_test(an_end_in_the_middle_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("large records", tests, NULL, NULL);
}
