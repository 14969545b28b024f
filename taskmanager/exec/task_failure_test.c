/* SPDX-License-Identifier: Apache-2.0
 * task_failure_test.c - tasks that are cancelled in every state, that fail by name, that are
 * refused, and that go with their node. */
#include "tests/lib/cmocka_header.h"

#include "tests/lib/task_rig.h"

#define FORWARD FLINK__SHIP_STRATEGY__SHIP_FORWARD

/* ---- cancellation and failure --------------------------------------------------------------- */

static void a_task_is_cancelled_in_every_state(void **state)
{
	static const uint32_t cancel_in[] = { SM_TO(TASK_DEPLOYING), SM_TO(TASK_INITIALIZING),
					      SM_TO(TASK_RUNNING) };

	for (uint32_t i = 0; i <= ARRAY_COUNT(cancel_in); i++) {
		struct task_rig rig;

		task_rig_open(&rig, 50 + i, "cancel");
		task_rig_word_count(&rig, 2, 2, "repeat=forever", NULL);
		rig.cancel_in = i < ARRAY_COUNT(cancel_in) ? cancel_in[i] : 0;
		task_rig_deploy_all(&rig);
		if (rig.cancel_in == 0) /* before the first step */
			for (uint32_t k = 0; k < rig.tasks_count; k++)
				task_cancel(rig.tasks[k].task);
		task_rig_run_to_end(&rig);
		task_rig_expect_all(&rig, TASK_CANCELED);
		for (uint32_t k = 0; k < rig.tasks_count; k++)
			assert_true(rig.tasks[k].states_seen & SM_TO(TASK_CANCELING));
		task_rig_close(&rig);
	}
}

static void busy_blocked_and_idle_tasks_are_cancelled(void **state)
{
	static const struct {
		const char *source, *sink;
		bool block;
	} cases[] = {
		{ "repeat=forever", NULL, false },
		{ "repeat=forever", "block=1", true },
		{ "repeat=forever interval_us=500000", NULL, false },
	};

	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct task_rig rig;

		task_rig_open(&rig, 60 + i, "cancel");
		task_rig_word_count(&rig, 2, 2, cases[i].source, cases[i].sink);
		ledger_block(cases[i].block);
		task_rig_deploy_all(&rig);
		task_rig_run_ms(&rig, 2);
		task_rig_cancel_all(&rig);
		task_rig_run_ms(&rig, 10); /* at once, not with the next record */
		assert_true(task_rig_all_final(&rig));
		task_rig_expect_all(&rig, TASK_CANCELED);
		task_rig_close(&rig);
	}
}

/* A task that waits for its sink, or for records, sees at once that a channel of its own is
 * broken. */
static void a_broken_channel_ends_whoever_waits_for_something_else(void **state)
{
	static const struct {
		const char *source, *sink;
		bool block;
	} cases[] = {
		{ "repeat=forever", "block=1", true },
		{ "repeat=forever interval_us=500000", NULL, false },
	};

	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct task_rig rig;

		task_rig_open(&rig, 65 + i, "broken");
		task_rig_word_count(&rig, 2, 2, cases[i].source, cases[i].sink);
		ledger_block(cases[i].block);
		task_rig_deploy_all(&rig);
		task_rig_run_ms(&rig, 20);
		assert_false(task_rig_all_final(&rig));
		shuffle_release_job(rig.shuffle, (const struct id *)rig.job->graph->job_id.data);
		task_rig_run_ms(&rig, 1);
		assert_true(task_rig_all_final(&rig));
		task_rig_expect_all(&rig, TASK_FAILED);
		for (uint32_t k = 0; k < rig.tasks_count; k++)
			assert_int_equal(rig.tasks[k].failure.code, ERR_CANCELED);
		task_rig_close(&rig);
	}
}

static void tasks_may_be_destroyed_in_between(void **state)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct task_rig rig;

		task_rig_open(&rig, 70 + i, "dead");
		task_rig_word_count(&rig, 2, 2, "repeat=forever", NULL);
		task_rig_deploy_all(&rig);
		task_rig_run_ms(&rig, i);
		sim_kill(rig.node); /* the node is dead: nobody steps the tasks any more */
		task_rig_close(&rig);
	}
}

static void expect_failure(const struct task_rig *rig, uint32_t index, enum err_code code,
			   const char *text, const char *operator)
{
	const struct task_rig_task *task = &rig->tasks[index];

	assert_int_equal(task->state, TASK_FAILED);
	assert_int_equal(task->failure.code, code);
	if (strstr(task->failure.text, text) == NULL)
		fail_msg("the failure is \"%s\", expected was \"%s\"", task->failure.text, text);
	assert_string_equal(task->failed_operator, operator);
}

/* One source task that runs a function over the lines; a sink task behind it. */
static void failing_graph(struct task_rig *rig, void *function, const char *source_options,
			  const char *sink_options)
{
	static const char *const lines[] = { "fine", "poison", "never", NULL };
	uint32_t head = test_job_vertex(rig->job, "head", 1),
		 tail = test_job_vertex(rig->job, "tail", 1);

	task_rig_source(rig, head, lines, source_options);
	task_rig_function(rig, head, "flat-map", "Flat Map", function, rig->word);
	task_rig_sink(rig, tail, rig->word, sink_options);
	test_job_edge(rig->job, head, tail, FORWARD, -1);
	task_rig_deploy_all(rig);
}

static void a_failing_function_is_named(void **state)
{
	struct task_rig rig;

	task_rig_open(&rig, 80, "fail");
	failing_graph(&rig, (void *)test_fail_on_poison, NULL, NULL);
	task_rig_run_to_end(&rig);
	expect_failure(&rig, 0, ERR_USER_FUNCTION_FAILED, "test_function: the line is \"poison\"",
		       "Flat Map");
	/* The consumer's channel breaks with the producer's reason. */
	expect_failure(&rig, 1, ERR_USER_FUNCTION_FAILED, "task head (1/1) failed: ", "");
	task_rig_close(&rig);
}

static void a_failing_partitioner_is_named(void **state)
{
	static const struct {
		const char *parameter, *text;
	} cases[] = {
		{ "far", "test_function: partition 2 was named; there are 2, from 0 to 1" },
		{ "fail", "test_function: nowhere for \"fine\"" },
	};
	static const char *const lines[] = { "fine", NULL };

	for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct task_rig rig;

		task_rig_open(&rig, 90 + i, "custom");
		uint32_t head = test_job_vertex(rig.job, "head", 1),
			 tail = test_job_vertex(rig.job, "tail", 2);

		task_rig_source(&rig, head, lines, NULL);
		task_rig_sink(&rig, tail, rig.line, NULL);
		test_job_partitioner(rig.job, test_job_edge(rig.job, head, tail, FORWARD, -1),
				     (void *)test_partition, cases[i].parameter);
		task_rig_deploy_all(&rig);
		task_rig_run_to_end(&rig);
		expect_failure(&rig, 0, ERR_USER_FUNCTION_FAILED, cases[i].text, "Source: List");
		task_rig_close(&rig);
	}
}

static void too_much_and_too_large_are_named(void **state)
{
	struct task_rig rig;

	task_rig_open(&rig, 81, "flood");
	failing_graph(&rig, (void *)test_flood, NULL, NULL);
	task_rig_run_to_end(&rig);
	expect_failure(&rig, 0, ERR_USER_FUNCTION_FAILED,
		       "one call emitted more than 67108864 bytes", "Flat Map");
	task_rig_close(&rig);
	task_rig_open(&rig, 82, "giant");
	failing_graph(&rig, (void *)test_giant, NULL, NULL);
	task_rig_run_to_end(&rig);
	expect_failure(&rig, 0, ERR_RECORD_TOO_LARGE,
		       "operator \"Flat Map\" emitted a record word_count of 1048600 bytes; "
		       "taskmanager.network.max-record-size allows 524288",
		       "Flat Map");
	task_rig_close(&rig);
}

static void failing_sources_and_sinks_are_named(void **state)
{
	struct task_rig rig;

	task_rig_open(&rig, 83, "source");
	failing_graph(&rig, (void *)test_split, "repeat=10 fail_after=5", NULL);
	task_rig_run_to_end(&rig);
	expect_failure(&rig, 0, ERR_SOURCE_UNREADABLE, "fails after 5 records", "Source: List");
	task_rig_close(&rig);
	task_rig_open(&rig, 84, "sink");
	failing_graph(&rig, (void *)test_split, "repeat=forever", "fail_after=7");
	task_rig_run_ms(&rig, 100);
	expect_failure(&rig, 1, ERR_SINK_UNWRITABLE, "fails after 7 records", "Sink: Ledger");
	task_rig_cancel_all(&rig); /* what the JobMaster does with the rest */
	task_rig_run_to_end(&rig);
	task_rig_close(&rig);
}

static void a_task_is_failed_from_outside(void **state)
{
	struct task_rig rig;
	struct err why = ERR_INIT;

	task_rig_open(&rig, 85, "outside");
	task_rig_word_count(&rig, 1, 1, "repeat=forever", NULL);
	task_rig_deploy_all(&rig);
	task_rig_run_ms(&rig, 2);
	err_set(&why, ERR_TASKMANAGER_LOST, "somebody said so");
	task_fail(rig.tasks[0].task, &why);
	task_rig_run_ms(&rig, 10);
	expect_failure(&rig, 0, ERR_TASKMANAGER_LOST, "somebody said so", "");
	task_rig_cancel_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_close(&rig);
}

static void never_called(void *context, struct task *task, enum task_state state,
			 const struct err *failure, const char *failed_operator)
{
	fail_msg("a task that was not made is %s", sm_name(&task_states, state));
}

static int create_vertex(struct task_rig *rig, uint32_t vertex, struct err *err)
{
	struct task *task;
	struct task_options options = {
		.world = rig->node,
		.runner = rig->slots[0],
		.shuffle = rig->shuffle,
		.graph = rig->job->graph,
		.types = rig->job->types,
		.modules = rig->job->modules,
		.deployment = test_job_deploy(rig->job, vertex, 0, 0),
		.placement = test_job_placement(rig->job),
		.local_resource_id = "local",
		.state_changed = never_called,
	};
	int answer = task_create(&options, &task, err);

	assert_null(task);
	return answer;
}

static void a_bad_deployment_is_refused_by_name(void **state)
{
	struct task_rig rig;
	struct err err = ERR_INIT;

	task_rig_open(&rig, 86, "bad");
	uint32_t vertex = test_job_vertex(rig.job, "bad", 1);

	task_rig_source(&rig, vertex, task_rig_rhyme, NULL);
	task_rig_sink(&rig, vertex, rig.line, NULL);
	rig.job->graph->vertices[vertex]->operators[1]->factory = (char *)"test-legder-sink";
	assert_int_equal(create_vertex(&rig, vertex, &err), -1);
	assert_int_equal(err.code, ERR_CONNECTOR_MISSING);
	assert_string_equal(err.text,
			    "task bad (1/1): operator \"Sink: Ledger\": there is no sink "
			    "\"test-legder-sink\"; the nearest name is \"test-ledger-sink\"");
	vertex = test_job_vertex(rig.job, "orphan", 1);
	task_rig_sink(&rig, vertex, rig.line, NULL);
	assert_int_equal(create_vertex(&rig, vertex, &err), -1);
	assert_string_equal(err.text, "task orphan (1/1): a task that is no source has 0 inputs");
	task_rig_close(&rig);
}

static void a_function_that_is_missing_fails_at_open(void **state)
{
	struct task_rig rig;

	task_rig_open(&rig, 87, "missing");
	failing_graph(&rig, NULL, NULL, NULL);
	task_rig_run_ms(&rig, 10);
	expect_failure(&rig, 0, ERR_PLAN_INVALID, "operator \"Flat Map\" needs a function",
		       "Flat Map");
	task_rig_cancel_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_is_cancelled_in_every_state),
		cmocka_unit_test(busy_blocked_and_idle_tasks_are_cancelled),
		cmocka_unit_test(a_broken_channel_ends_whoever_waits_for_something_else),
		cmocka_unit_test(tasks_may_be_destroyed_in_between),
		cmocka_unit_test(a_failing_function_is_named),
		cmocka_unit_test(a_failing_partitioner_is_named),
		cmocka_unit_test(too_much_and_too_large_are_named),
		cmocka_unit_test(failing_sources_and_sinks_are_named),
		cmocka_unit_test(a_task_is_failed_from_outside),
		cmocka_unit_test(a_bad_deployment_is_refused_by_name),
		cmocka_unit_test(a_function_that_is_missing_fails_at_open),
	};
	return cmocka_run_group_tests_name("task_failure", tests, NULL, NULL);
}
