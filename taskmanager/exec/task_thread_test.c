/* SPDX-License-Identifier: Apache-2.0
 * task_thread_test.c - tasks on real threads: a count over three runners, cancellation and reports
 * from another thread, and a function that sleeps while the others of its slot go on. For TSan
 * above all. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <time.h>

#include "common/world/world.h"
#include "taskmanager/exec/task.h"
#include "taskmanager/operator/operators.h"
#include "tests/lib/test_connectors.h"
#include "tests/lib/test_functions.h"
#include "tests/lib/test_job.h"

#define TASKS_MAX 16
#define RUNNERS 3
#define DEADLINE_S 60

struct owner {
	_Atomic uint32_t state;
	struct task *task;
	uint32_t subtask;
};

struct bed {
	struct world *world;
	struct runner *network, *slots[RUNNERS];
	struct shuffle *shuffle;
	struct test_job *job;
	int32_t line, word;
	struct owner owners[TASKS_MAX];
	uint32_t tasks_count;
};

/* ---- an operator of the test's own: no module can be opened on a program that runs ---------- */

static atomic_uint sleeping, may_go_on, lines_split;

static void pause_ms(int64_t ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS };

	nanosleep(&pause, NULL);
}

static int split_process(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
			 struct outbox *out, struct err *err)
{
	for (; *taken < batch->count; ++*taken) {
		if (outbox_full(out))
			return 0;
		test_split(batch_at(batch, *taken), out);
		atomic_fetch_add(&lines_split, 1);
	}
	return 1;
}

static const struct operator_vtable split_operator = { .name = "test-split",
						       .process = split_process };

/* Holds its thread until the test lets it go: what a user function must not do. */
static int sleep_process(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
			 struct outbox *out, struct err *err)
{
	atomic_fetch_add(&sleeping, 1);
	for (int64_t waited = 0; atomic_load(&may_go_on) == 0 && waited < DEADLINE_S * MS_PER_S;
	     waited++)
		pause_ms(1);
	return split_process(self, input, batch, taken, out, err);
}

static const struct operator_vtable sleep_operator = { .name = "test-sleep",
						       .process = sleep_process };

/* ---- the bed -------------------------------------------------------------------------------- */

static void state_changed(void *context, struct task *task, enum task_state state,
			  const struct err *failure, const char *failed_operator)
{
	struct owner *owner = context;

	if (failure != NULL)
		fprintf(stderr, "%s: %s\n", failed_operator ? failed_operator : "?", failure->text);
	atomic_store(&owner->state, state);
}

static void reader_ready(void *context, struct task *task, uint32_t operator)
{
	struct owner *owner = context;
	struct split split = { .id = owner->subtask };

	task_add_splits(task, operator, &split, 1, true);
}

static void bed_open(struct bed *bed)
{
	struct err err = ERR_INIT;

	memset(bed, 0, sizeof(*bed));
	bed->world = world_os_create(&err);
	assert_non_null(bed->world);
	bed->network = runner_create(bed->world, "network", &err);
	for (uint32_t i = 0; i < RUNNERS; i++)
		bed->slots[i] = runner_create(bed->world, "slot", &err);
	struct shuffle_options options = {
		.bind_host = "@task_thread_test",
		.pool_bytes = 8 * 1024 * 1024,
		.segment_bytes = 4096,
		.exclusive_segments_per_channel = 2,
		.floating_segments_per_gate = 4,
		.debloat = { .enabled = true,
			     .target_ms = 1,
			     .period_ms = 1,
			     .samples = 3,
			     .threshold_percent = 10,
			     .segment_bytes_min = 64 },
	};
	if (shuffle_create(bed->network, &options, &bed->shuffle, &err) != 0)
		fail_msg("%s", err.text);
	operators_register();
	test_connectors_register();
	registry_add_operator(&split_operator);
	registry_add_operator(&sleep_operator);
	ledger_reset();
	atomic_store(&sleeping, 0);
	atomic_store(&may_go_on, 0);
	bed->job = test_job_create("threads", NULL);
	bed->line = test_job_type(bed->job, line_type);
	bed->word = test_job_type(bed->job, word_count_type);
}

static void bed_close(struct bed *bed)
{
	for (uint32_t i = 0; i < RUNNERS; i++)
		runner_destroy(&bed->slots[i]);
	for (uint32_t i = 0; i < bed->tasks_count; i++)
		task_destroy(&bed->owners[i].task);
	runner_destroy(&bed->network);
	shuffle_destroy(&bed->shuffle);
	test_job_destroy(&bed->job);
	world_destroy(&bed->world);
	ledger_reset();
	registry_clear();
	assert_int_equal(mem_bytes_out(), 0);
}

static void deploy(struct bed *bed, uint32_t vertex, uint32_t subtask, uint32_t slot)
{
	struct owner *owner = &bed->owners[bed->tasks_count++];
	struct err err = ERR_INIT;

	owner->subtask = subtask;
	struct task_options options = {
		.world = bed->world,
		.runner = bed->slots[slot],
		.shuffle = bed->shuffle,
		.graph = bed->job->graph,
		.types = bed->job->types,
		.deployment = test_job_deploy(bed->job, vertex, subtask, 0),
		.placement = test_job_placement(bed->job),
		.local_resource_id = "local",
		.fire_at_end = true,
		.buffer_timeout_ms = 1,
		.state_changed = state_changed,
		.reader_ready = reader_ready,
		.context = owner,
	};
	if (task_create(&options, &owner->task, &err) != 0)
		fail_msg("%s", err.text);
}

/* Waits for a final state of tasks from … to, with a deadline, and reports them all the while. */
static void wait_final(struct bed *bed, uint32_t from, uint32_t to, enum task_state expected)
{
	struct arena *arena = arena_create("test");

	for (uint32_t i = from; i < to; i++) {
		struct owner *owner = &bed->owners[i];

		for (int64_t waited = 0; !sm_is_final(&task_states, atomic_load(&owner->state));
		     waited++) {
			Flink__TaskMetrics metrics;

			task_report(owner->task, arena, &metrics);
			arena_reset(arena);
			if (waited > DEADLINE_S * MS_PER_S)
				fail_msg("task %u is still %s", i,
					 sm_name(&task_states, atomic_load(&owner->state)));
			pause_ms(1);
		}
		assert_int_equal(atomic_load(&owner->state), expected);
	}
	arena_destroy(&arena);
}

static const char *const lines[] = { "to be or not to be", "that is the question", "to", NULL };

static void graph(struct bed *bed, uint32_t sources, uint32_t sums, const char *factory,
		  const char *options)
{
	uint32_t head = test_job_vertex(bed->job, "head", sources);
	uint32_t tail = test_job_vertex(bed->job, "tail", sums);

	test_job_operator(
		bed->job, head,
		&(struct test_operator){ .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
					 .name = "Source",
					 .factory = "test-list-source",
					 .input_type = -1,
					 .output_type = bed->line,
					 .key_field = -1,
					 .options = options,
					 .lines = lines });
	test_job_operator(
		bed->job, head,
		&(struct test_operator){ .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
					 .name = "Split",
					 .factory = factory,
					 .input_type = bed->line,
					 .output_type = bed->word,
					 .key_field = -1 });
	test_job_operator(
		bed->job, tail,
		&(struct test_operator){ .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
					 .name = "Sum",
					 .factory = "sum",
					 .input_type = bed->word,
					 .output_type = bed->word,
					 .key_field = 0,
					 .field = 1 });
	test_job_operator(bed->job, tail,
			  &(struct test_operator){ .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK,
						   .name = "Sink",
						   .factory = "test-ledger-sink",
						   .input_type = bed->word,
						   .output_type = -1,
						   .key_field = -1 });
	test_job_edge(bed->job, head, tail, FLINK__SHIP_STRATEGY__SHIP_HASH, 0);
}

static uint64_t lines_with(const char *text)
{
	struct ledger_line line;
	uint64_t at = 0, found = 0;

	while (ledger_next(NULL, &at, &line))
		found += strcmp(line.text, text) == 0;
	return found;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void a_count_over_three_threads_is_exact(void **state)
{
	struct bed bed;

	bed_open(&bed);
	graph(&bed, 3, 3, "test-split", "repeat=2000");
	for (uint32_t i = 0; i < 3; i++) {
		deploy(&bed, 1, i, i);
		deploy(&bed, 0, i, (i + 1) % RUNNERS);
	}
	wait_final(&bed, 0, 6, TASK_FINISHED);
	assert_int_equal(ledger_count(NULL), 11 * 2000);
	assert_int_equal(lines_with("(to,6000)"), 1);
	assert_int_equal(lines_with("(be,4000)"), 1);
	assert_int_equal(lines_with("(question,2000)"), 1);
	bed_close(&bed);
}

static void tasks_are_cancelled_from_another_thread(void **state)
{
	for (uint32_t round = 0; round < 5; round++) {
		struct bed bed;

		bed_open(&bed);
		graph(&bed, 2, 2, "test-split", "repeat=forever");
		for (uint32_t i = 0; i < 4; i++)
			deploy(&bed, i / 2, i % 2, i % RUNNERS);
		pause_ms(round);
		for (uint32_t i = 0; i < 4; i++)
			task_cancel(bed.owners[i].task);
		/* A task may hear of its neighbour's end first. */
		for (uint32_t i = 0; i < 4; i++)
			for (int64_t waited = 0;
			     !sm_is_final(&task_states, atomic_load(&bed.owners[i].state));
			     waited++) {
				assert_true(waited < DEADLINE_S * MS_PER_S);
				pause_ms(1);
			}
		bed_close(&bed);
	}
}

static void a_cancelled_task_is_given_no_other_record(void **state)
{
	struct bed bed;

	bed_open(&bed);
	graph(&bed, 1, 1, "test-sleep", "repeat=100");
	deploy(&bed, 1, 0, 0);
	deploy(&bed, 0, 0, 1);
	for (int64_t waited = 0; atomic_load(&sleeping) == 0; waited++) {
		assert_true(waited < DEADLINE_S * MS_PER_S);
		pause_ms(1);
	}
	uint32_t before = atomic_load(&lines_split);

	for (uint32_t i = 0; i < 2; i++)
		task_cancel(bed.owners[i].task);
	atomic_store(&may_go_on, 1); /* the batch is in its hands */
	wait_final(&bed, 1, 2, TASK_CANCELED);
	assert_int_equal(atomic_load(&lines_split), before);
	bed_close(&bed);
}

static void a_function_that_sleeps_stops_nobody_else(void **state)
{
	struct arena *arena = arena_create("test");
	Flink__TaskMetrics metrics;
	struct bed bed;

	bed_open(&bed);
	graph(&bed, 1, 1, "test-sleep", "repeat=1");
	graph(&bed, 1, 1, "test-split",
	      "repeat=100"); /* another pair of vertices, in the same slot */
	deploy(&bed, 1, 0, 0);
	deploy(&bed, 0, 0, 0);
	for (int64_t waited = 0; atomic_load(&sleeping) == 0; waited++) {
		assert_true(waited < DEADLINE_S * MS_PER_S);
		pause_ms(1);
	}
	deploy(&bed, 3, 0, 0);
	deploy(&bed, 2, 0, 0);
	wait_final(&bed, 2, 4, TASK_FINISHED); /* while the first still sleeps */
	assert_int_equal(atomic_load(&bed.owners[1].state), TASK_RUNNING);
	for (int64_t waited = 0;; waited++) { /* ten milliseconds in one step are told */
		task_report(bed.owners[1].task, arena, &metrics);
		if (metrics.blocking)
			break;
		assert_true(waited < DEADLINE_S * MS_PER_S);
		pause_ms(1);
	}
	assert_string_equal(task_current_operator(bed.owners[1].task), "Split");
	atomic_store(&may_go_on, 1);
	wait_final(&bed, 0, 2, TASK_FINISHED);
	assert_int_equal(ledger_count(NULL), 11 * 101);
	arena_destroy(&arena);
	bed_close(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_count_over_three_threads_is_exact),
		cmocka_unit_test(tasks_are_cancelled_from_another_thread),
		cmocka_unit_test(a_cancelled_task_is_given_no_other_record),
		cmocka_unit_test(a_function_that_sleeps_stops_nobody_else),
	};
	return cmocka_run_group_tests_name("task_thread", tests, NULL, NULL);
}
