/* SPDX-License-Identifier: Apache-2.0
 * task_rig.c - see task_rig.h. */
#include "tests/lib/task_rig.h"

#include <stdio.h>

#include "taskmanager/operator/operators.h"
#include "tests/lib/cmocka_header.h"

#define MODULE_PATH "the test itself"

/* ---- the rig -------------------------------------------------------------------------------- */

static void state_changed(void *context, struct task *task, enum task_state state,
			  const struct err *failure, const char *failed_operator)
{
	struct task_rig_task *owner = context;

	owner->state = state;
	owner->states_seen |= SM_TO(state);
	if (failure != NULL)
		owner->failure = *failure;
	if (failed_operator != NULL)
		snprintf(owner->failed_operator, sizeof(owner->failed_operator), "%s",
			 failed_operator);
	if (sm_is_final(&task_states, state))
		task_destroy(&owner->task); /* at once, as an impatient owner may */
	else if (owner->rig->cancel_in & SM_TO(state))
		task_cancel(task);
}

void task_rig_give_splits(struct task_rig_task *owner)
{
	struct split split = { .id = owner->subtask };

	task_add_splits(owner->task, 0, &split, 1, true);
}

static void reader_ready(void *context, struct task *task, uint32_t operator)
{
	struct task_rig_task *owner = context;

	owner->readers_ready++;
	if (!owner->splits_early && !owner->no_splits)
		task_rig_give_splits(owner);
}

static void keep_line(void *context, struct task *task, const char *line, size_t size_bytes)
{
	struct task_rig *rig = ((struct task_rig_task *)context)->rig;

	snprintf(rig->printed, sizeof(rig->printed), "%.*s", (int)size_bytes, line);
}

static enum step tick(struct agent *agent, mono_t now, mono_t *wake_at)
{
	*wake_at = mono_after_ms(now, 100);
	return STEP_IDLE;
}

void task_rig_open(struct task_rig *rig, uint64_t seed, const char *job_name)
{
	struct sim_options calm = { .step_cost_ns_max = 1000, .shuffle_ties = seed % 2 };
	struct err err = ERR_INIT;

	memset(rig, 0, sizeof(*rig));
	rig->buffer_timeout_ms = 100;
	rig->sim = sim_create(seed, &calm);
	sim_module_add(rig->sim, MODULE_PATH);
	rig->node = sim_node(rig->sim, "node");
	assert_int_equal(module_open(rig->node, MODULE_PATH, NULL, &rig->module, &err), 0);
	rig->network = runner_create(rig->node, "network", &err);
	agent_init(&rig->clock, "clock", tick);
	runner_add(rig->network, &rig->clock);
	for (uint32_t i = 0; i < 4; i++)
		rig->slots[i] = runner_create(rig->node, "slot", &err);
	struct shuffle_options options = {
		.bind_host = "node",
		.pool_bytes = 4 * 1024 * 1024,
		.segment_bytes = TASK_RIG_SEGMENT_BYTES,
		.record_bytes_max = TASK_RIG_RECORD_BYTES_MAX,
		.exclusive_segments_per_channel = 2,
		.floating_segments_per_gate = 2,
	};
	if (shuffle_create(rig->network, &options, &rig->shuffle, &err) != 0)
		fail_msg("%s", err.text);
	operators_register();
	test_connectors_register();
	ledger_reset();
	rig->job = test_job_create(job_name, rig->module);
	rig->line = test_job_type(rig->job, line_type);
	rig->word = test_job_type(rig->job, word_count_type);
	rig->number = test_job_type(rig->job, number_type);
}

static bool no_event(void *context)
{
	return false;
}

void task_rig_close(struct task_rig *rig)
{
	bool stuck;

	for (uint32_t i = 0; i < 4; i++)
		runner_destroy(&rig->slots[i]);
	for (uint32_t i = 0; i < rig->tasks_count; i++)
		task_destroy(&rig->tasks[i].task);
	sim_run(rig->sim, 1000, no_event, NULL, &stuck); /* channels are let go of */
	struct segment_pool *pool = shuffle_pool(rig->shuffle);
	char text[256];

	if (!shuffle_check(rig->shuffle, text, sizeof(text)))
		fail_msg("%s", text);
	assert_int_equal(segment_pool_free(pool), segment_pool_total(pool));
	shuffle_destroy(&rig->shuffle);
	test_job_destroy(&rig->job);
	module_close(&rig->module);
	runner_destroy(&rig->network);
	world_destroy(&rig->node);
	sim_destroy(&rig->sim);
	ledger_reset();
	registry_clear();
	assert_int_equal(mem_bytes_out(), 0);
}

struct task_rig_task *task_rig_deploy(struct task_rig *rig, uint32_t vertex, uint32_t subtask)
{
	struct task_rig_task *owner = &rig->tasks[rig->tasks_count++];
	struct err err = ERR_INIT;

	assert_true(rig->tasks_count <= TASK_RIG_TASKS_MAX);
	*owner = (struct task_rig_task){ .rig = rig, .vertex = vertex, .subtask = subtask };
	struct task_options options = {
		.world = rig->node,
		.runner = rig->slots[subtask % 4],
		.shuffle = rig->shuffle,
		.graph = rig->job->graph,
		.types = rig->job->types,
		.modules = rig->job->modules,
		.deployment = test_job_deploy(rig->job, vertex, subtask, 0),
		.placement = test_job_placement(rig->job),
		.local_resource_id = "local",
		.fire_at_end = !rig->drop_windows,
		.buffer_timeout_ms = rig->buffer_timeout_ms,
		.latency_interval_ms = rig->latency_interval_ms,
		.latency_granularity = rig->latency_granularity,
		.state_changed = state_changed,
		.reader_ready = reader_ready,
		.print = keep_line,
		.context = owner,
	};
	if (task_create(&options, &owner->task, &err) != 0)
		fail_msg("%s", err.text);
	return owner;
}

void task_rig_deploy_all(struct task_rig *rig)
{
	const Flink__JobGraph *graph = rig->job->graph;
	struct err err = ERR_INIT;

	if (job_graph_check(graph, &err) != 0)
		fail_msg("%s", err.text);
	for (uint32_t v = 0; v < graph->n_vertices; v++)
		for (uint32_t s = 0; s < graph->vertices[v]->parallelism; s++)
			task_rig_deploy(rig, v, s);
}

bool task_rig_all_final(void *context)
{
	struct task_rig *rig = context;

	for (uint32_t i = 0; i < rig->tasks_count; i++)
		if (!sm_is_final(&task_states, rig->tasks[i].state))
			return false;
	return true;
}

void task_rig_run_ms(struct task_rig *rig, int64_t ms)
{
	bool stuck;

	sim_run(rig->sim, ms, no_event, NULL, &stuck);
}

void task_rig_run_to_end(struct task_rig *rig)
{
	bool stuck = false;

	if (!sim_run(rig->sim, 3600 * MS_PER_S, task_rig_all_final, rig, &stuck))
		for (uint32_t i = 0; i < rig->tasks_count; i++)
			fprintf(stderr, "%u/%u is %s\n", rig->tasks[i].vertex,
				rig->tasks[i].subtask, sm_name(&task_states, rig->tasks[i].state));
	assert_true(task_rig_all_final(rig));
}

void task_rig_expect_all(const struct task_rig *rig, enum task_state state)
{
	for (uint32_t i = 0; i < rig->tasks_count; i++) {
		const struct task_rig_task *task = &rig->tasks[i];

		if (task->state != state)
			fail_msg("task %u/%u is %s (%s), expected was %s", task->vertex,
				 task->subtask, sm_name(&task_states, task->state),
				 task->failure.text, sm_name(&task_states, state));
	}
}

void task_rig_cancel_all(struct task_rig *rig)
{
	for (uint32_t i = 0; i < rig->tasks_count; i++)
		if (rig->tasks[i].task != NULL) {
			task_cancel(rig->tasks[i].task);
			task_cancel(rig->tasks[i].task); /* twice is no harm */
		}
}

/* ---- graphs --- */

const char *const task_rig_rhyme[TASK_RIG_RHYME_LINES + 1] = {
	"the cat",
	"a dog and a cat",
	"",
	"the long-winded-word of more than sixteen letters",
	"dog",
	"cat and dog and the cat",
	"  spaces   ",
	"a",
	NULL,
};

void task_rig_source(struct task_rig *rig, uint32_t vertex, const char *const *lines,
		       const char *options)
{
	test_job_operator(
		rig->job, vertex,
		&(struct test_operator){ .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
					 .name = "Source: List",
					 .factory = "test-list-source",
					 .input_type = -1,
					 .output_type = rig->line,
					 .key_field = -1,
					 .options = options,
					 .lines = lines });
}

void task_rig_function(struct task_rig *rig, uint32_t vertex, const char *factory, const char *name,
			 void *function, int32_t output_type)
{
	const Flink__Vertex *v = rig->job->graph->vertices[vertex];
	int32_t input = v->n_operators ? v->operators[v->n_operators - 1]->output_type : rig->line;

	test_job_operator(
		rig->job, vertex,
		&(struct test_operator){ .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
					 .name = name,
					 .factory = factory,
					 .input_type = input,
					 .output_type = output_type,
					 .key_field = -1,
					 .function = function });
}

void task_rig_sum(struct task_rig *rig, uint32_t vertex, int64_t window_size_ms)
{
	test_job_operator(
		rig->job, vertex,
		&(struct test_operator){ .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
					 .name = "Sum",
					 .factory = window_size_ms ? "window-sum" : "sum",
					 .input_type = rig->word,
					 .output_type = rig->word,
					 .key_field = 0,
					 .field = 1,
					 .window_size_ms = window_size_ms });
}

void task_rig_sink(struct task_rig *rig, uint32_t vertex, int32_t type, const char *options)
{
	test_job_operator(rig->job, vertex,
			  &(struct test_operator){ .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK,
						   .name = "Sink: Ledger",
						   .factory = "test-ledger-sink",
						   .input_type = type,
						   .output_type = -1,
						   .key_field = -1,
						   .options = options });
}

void task_rig_word_count(struct task_rig *rig, uint32_t sources, uint32_t sums,
			     const char *source_options, const char *sink_options)
{
	uint32_t head = test_job_vertex(rig->job, "Source: List -> Flat Map", sources);
	uint32_t tail = test_job_vertex(rig->job, "Sum -> Sink: Ledger", sums);

	task_rig_source(rig, head, task_rig_rhyme, source_options);
	task_rig_function(rig, head, "flat-map", "Flat Map", (void *)test_split, rig->word);
	task_rig_sum(rig, tail, 0);
	task_rig_sink(rig, tail, rig->word, sink_options);
	test_job_edge(rig->job, head, tail, FLINK__SHIP_STRATEGY__SHIP_HASH, 0);
}

static const struct {
	const char *word;
	uint32_t count;
} rhyme_words[] = {
	{ "the", 3 },	  { "cat", 4 },	    { "a", 3 },
	{ "dog", 3 },	  { "and", 3 },	    { "long-winded-word", 1 },
	{ "of", 1 },	  { "more", 1 },    { "than", 1 },
	{ "sixteen", 1 }, { "letters", 1 }, { "spaces", 1 },
};

void task_rig_expect_word_counts(uint32_t rounds)
{
	struct ledger_line line;
	uint64_t expected_lines = 0;

	for (uint32_t w = 0; w < ARRAY_COUNT(rhyme_words); w++) {
		uint32_t seen = 0, subtask = 0;
		uint64_t at = 0;
		char text[64];

		while (ledger_next(NULL, &at, &line)) {
			snprintf(text, sizeof(text), "(%s,%u)", rhyme_words[w].word, seen + 1);
			if (strcmp(line.text, text) != 0)
				continue;
			if (seen++ == 0)
				subtask = line.subtask;
			assert_int_equal(line.subtask, subtask);
		}
		assert_int_equal(seen, rhyme_words[w].count * rounds);
		expected_lines += seen;
	}
	assert_int_equal(ledger_count(NULL), expected_lines);
}
