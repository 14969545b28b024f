/* SPDX-License-Identifier: Apache-2.0
 * executor_metrics_test.c - what heartbeats carry: all that changed and nothing else, whatever
 * becomes of the heartbeats. */
#include "tests/lib/cmocka_header.h"

#include "common/base/mem.h"
#include "taskmanager/exec/executor_priv.h"
#include "tests/lib/task_rig.h"

#define TASKS_MAX 8000
#define IDS_MAX 4096

static struct task_rig rig;
static struct task_executor executor;
static struct arena *arena;
static struct executor_task *tasks[TASKS_MAX];
static uint32_t tasks_count;
static uint64_t model[TASK_RIG_TASKS_MAX][IDS_MAX]; /* what a JobManager would have */
static uint64_t model_sequence[TASK_RIG_TASKS_MAX];

static void add_task(struct task *task, uint32_t number)
{
	struct executor_task *added = MEM_NEW(struct executor_task);

	added->executor = &executor;
	added->task = task;
	added->execution_id.bytes[0] = (uint8_t)number;
	added->execution_id.bytes[1] = (uint8_t)(number >> 8);
	tasks[tasks_count++] = added;
	map_put(executor.tasks, map_key_id(&added->execution_id), added);
}

static void open_rig(uint64_t seed)
{
	memset(model, 0, sizeof(model));
	memset(model_sequence, 0, sizeof(model_sequence));
	task_rig_open(&rig, seed, "heartbeats");
	executor = (struct task_executor){ .tasks = map_create() };
	arena = arena_create("test");
	tasks_count = 0;
}

static void close_rig(void)
{
	for (uint32_t i = 0; i < tasks_count; i++) {
		executor_told_fini(&tasks[i]->told);
		mem_free(tasks[i]);
	}
	map_destroy(&executor.tasks);
	arena_destroy(&arena);
	task_rig_cancel_all(&rig);
	task_rig_run_to_end(&rig);
	task_rig_close(&rig);
}

static Flink__HeartbeatRequest tell(void)
{
	Flink__HeartbeatRequest request = FLINK__HEARTBEAT_REQUEST__INIT;

	arena_reset(arena);
	executor_metrics_tell(&executor, arena, &request);
	return request;
}

static void receive(const Flink__HeartbeatRequest *request)
{
	for (size_t i = 0; i < request->n_tasks; i++) {
		const Flink__TaskMetrics *told = request->tasks[i];
		uint32_t number = told->execution_id.data[0];

		assert_int_equal(told->n_ids, told->n_values);
		if (told->sequence <= model_sequence[number])
			continue;
		model_sequence[number] = told->sequence;
		for (size_t v = 0; v < told->n_ids; v++)
			model[number][told->ids[v]] = told->values[v];
	}
}

static void expect_model(void)
{
	struct metric_value values[LIMIT_TASK_METRICS_MAX];

	for (uint32_t i = 0; i < rig.tasks_count; i++) {
		uint32_t count = task_values(rig.tasks[i].task, values);

		for (uint32_t v = 0; v < count; v++)
			if (model[i][values[v].id] != values[v].value)
				fail_msg("task %u, id %u: %llu is known of %llu", i, values[v].id,
					 (unsigned long long)model[i][values[v].id],
					 (unsigned long long)values[v].value);
	}
}

static void lost_and_repeated_heartbeats_lose_nothing(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		Flink__HeartbeatRequest request;

		open_rig(seed);
		task_rig_word_count(&rig, 2, 2, "repeat=forever interval_us=500", NULL);
		task_rig_deploy_all(&rig);
		for (uint32_t i = 0; i < rig.tasks_count; i++)
			add_task(rig.tasks[i].task, i);
		for (int beat = 0; beat < 60; beat++) {
			task_rig_run_ms(&rig, 3);
			request = tell();
			switch (sim_random(rig.sim) % 4) {
			case 0: break; /* lost */
			case 1: receive(&request); break; /* its answer is lost */
			case 2: /* it comes twice */
				receive(&request);
				receive(&request);
				executor_metrics_answered(&executor);
				break;
			default:
				receive(&request);
				executor_metrics_answered(&executor);
			}
		}
		request = tell();
		receive(&request);
		executor_metrics_answered(&executor);
		expect_model();
		request = tell();
		assert_int_equal(request.n_tasks, 0); /* nothing has changed */
		close_rig();
	}
}

/* What one second of an idle task and of a busy one costs on the wire. */
static void a_task_tells_little(void **state)
{
	Flink__HeartbeatRequest request;

	open_rig(1);
	task_rig_word_count(&rig, 1, 1, "repeat=forever interval_us=1000", NULL);
	task_rig_deploy_all(&rig);
	add_task(rig.tasks[0].task, 0);
	task_rig_run_ms(&rig, 5000);
	request = tell();
	executor_metrics_answered(&executor);
	task_rig_run_ms(&rig, 1000);
	request = tell();
	assert_int_equal(request.n_tasks, 1);
	assert_in_range(flink__heartbeat_request__get_packed_size(&request), 60, 180);
	executor_metrics_answered(&executor);
	close_rig();
}

/* Thousands of tasks in one TaskManager: none is forgotten, and no heartbeat is too large. */
static void numbers_that_do_not_fit_come_with_the_next(void **state)
{
	uint32_t told = 0, beats = 0;

	open_rig(1);
	task_rig_word_count(&rig, 1, 1, "repeat=forever interval_us=500", NULL);
	task_rig_deploy_all(&rig);
	task_rig_run_ms(&rig, 50); /* and no further: what changes is told once */
	for (uint32_t i = 0; i < TASKS_MAX; i++)
		add_task(rig.tasks[1].task, i);
	for (; told < TASKS_MAX; beats++) {
		Flink__HeartbeatRequest request = tell();
		size_t numbers = 0;

		assert_true(request.n_tasks > 0);
		for (size_t i = 0; i < request.n_tasks; i++)
			numbers += request.tasks[i]->n_ids;
		assert_true(numbers <= LIMIT_HEARTBEAT_METRICS_MAX);
		assert_true(flink__heartbeat_request__get_packed_size(&request) <
			    LIMIT_RPC_FRAME_BYTES_MAX / 16);
		told += (uint32_t)request.n_tasks;
		executor_metrics_answered(&executor);
	}
	assert_int_equal(told, TASKS_MAX); /* each once */
	assert_true(beats > 1 && executor.metrics_late > 0);
	assert_int_equal(tell().n_tasks, 0);
	close_rig();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_and_repeated_heartbeats_lose_nothing),
		cmocka_unit_test(a_task_tells_little),
		cmocka_unit_test(numbers_that_do_not_fit_come_with_the_next),
	};

	return cmocka_run_group_tests_name("executor_metrics", tests, NULL, NULL);
}
