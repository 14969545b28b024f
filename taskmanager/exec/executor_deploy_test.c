/* SPDX-License-Identifier: Apache-2.0
 * executor_deploy_test.c - SubmitTasks as a whole TaskManager takes it: what is told once and then
 * known, what is refused for itself, and what nobody may send. The JobManager is scripted. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <string.h>

#include "resource_manager.pb-c.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "common/rpc/rpc.h"
#include "common/world/world_sim.h"
#include "taskmanager/operator/operators.h"
#include "taskmanager/taskmanager.h"
#include "tests/lib/test_connectors.h"
#include "tests/lib/test_functions.h"
#include "tests/lib/test_job.h"

#define SECRET "the bed's secret"
#define EPOCH 77
#define SUBTASKS 2

struct bed {
	Flink__ResourceManager_Service service; /* first */
	struct sim *sim;
	struct world *jobmanager_world, *taskmanager_world;
	struct runner *runner;
	struct rpc_server *server;
	struct rpc_peer *peer;
	struct rpc_fence fence;
	struct conf *conf;
	struct taskmanager *taskmanager;
	struct test_job *job;
	Flink__SubmitTasksRequest request;
	Flink__TaskDeployment *tasks[2 * SUBTASKS];
	/* the last answer */
	bool answered;
	struct err err;
	uint32_t refused_count, refused[2 * SUBTASKS];
	char why[2 * SUBTASKS][256];
	uint32_t running; /* reports of it */
};

static struct bed *bed_of(Flink__ResourceManager_Service *service)
{
	return (struct bed *)service;
}

/* ---- a JobManager that only listens ---------------------------------------------------------- */

static void register_task_manager(Flink__ResourceManager_Service *service,
				  const Flink__RegisterTaskManagerRequest *request,
				  Flink__RegisterTaskManagerResponse_Closure closure, void *data)
{
	Flink__RegisterTaskManagerResponse answer = FLINK__REGISTER_TASK_MANAGER_RESPONSE__INIT;
	struct bed *bed = bed_of(service);

	bed->peer = rpc_call_peer(data);
	bed->fence.leader_epoch = answer.leader_epoch = EPOCH;
	memcpy(bed->fence.incarnation, request->incarnation.data, 16);
	answer.heartbeat_interval_ms = 1000;
	answer.heartbeat_timeout_ms = 5000;
	closure(&answer, data);
}

static void heartbeat(Flink__ResourceManager_Service *service,
		      const Flink__HeartbeatRequest *request,
		      Flink__HeartbeatResponse_Closure closure, void *data)
{
	Flink__HeartbeatResponse answer = FLINK__HEARTBEAT_RESPONSE__INIT;

	closure(&answer, data);
}

static void answer_empty(Flink__Empty_Closure closure, void *data)
{
	Flink__Empty empty = FLINK__EMPTY__INIT;

	closure(&empty, data);
}

static void update_task_state(Flink__ResourceManager_Service *service,
			      const Flink__UpdateTaskStateRequest *request,
			      Flink__Empty_Closure closure, void *data)
{
	bed_of(service)->running += strcmp(request->state, "RUNNING") == 0;
	answer_empty(closure, data);
}

static void push_output(Flink__ResourceManager_Service *service,
			const Flink__PushOutputRequest *request, Flink__Empty_Closure closure,
			void *data)
{
	answer_empty(closure, data);
}

static void reader_ready(Flink__ResourceManager_Service *service,
			 const Flink__ReaderReadyRequest *request, Flink__Empty_Closure closure,
			 void *data)
{
	answer_empty(closure, data);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void stub_of(struct bed *bed, struct rpc_stub *stub)
{
	rpc_stub_init(stub, bed->peer, &flink__task_executor__descriptor, &bed->fence);
}

static void answered(const Flink__SubmitTasksResponse *answer, void *data)
{
	struct bed *bed = data;

	bed->answered = true;
	bed->err = *rpc_error();
	bed->refused_count = 0;
	for (size_t i = 0; answer != NULL && i < answer->n_refused; i++) {
		uint32_t at = bed->refused_count++;

		assert_true(at < ARRAY_COUNT(bed->refused));
		bed->refused[at] = answer->refused[i]->task;
		snprintf(bed->why[at], sizeof(bed->why[at]), "%s", answer->refused[i]->why->text);
	}
}

static void slot_given(const Flink__Empty *answer, void *data)
{
	assert_non_null(answer);
	((struct bed *)data)->answered = true;
}

static bool is_answered(void *context)
{
	return ((struct bed *)context)->answered;
}

static void await_answer(struct bed *bed)
{
	assert_true(sim_run(bed->sim, 1000, is_answered, bed, NULL));
	bed->answered = false;
}

static void submit(struct bed *bed)
{
	struct rpc_stub stub;

	stub_of(bed, &stub);
	flink__task_executor__submit_tasks(rpc_stub_service(&stub), &bed->request, answered, bed);
	await_answer(bed);
}

/* The call is refused as a whole. */
static void submit_refused(struct bed *bed, enum err_code code, const char *words)
{
	submit(bed);
	assert_int_equal(bed->err.code, code);
	assert_non_null(strstr(bed->err.text, words));
	assert_int_equal(taskmanager_tasks_count(bed->taskmanager), 0);
}

static void give_slot(struct bed *bed, uint32_t number)
{
	Flink__RequestSlotRequest request = FLINK__REQUEST_SLOT_REQUEST__INIT;
	struct rpc_stub stub;

	stub_of(bed, &stub);
	request.slot = number;
	request.allocation_id = bed->tasks[0]->allocation_id;
	request.job_id = bed->request.job_id;
	flink__task_executor__request_slot(rpc_stub_service(&stub), &request, slot_given, bed);
	await_answer(bed);
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool is_registered(void *context)
{
	return taskmanager_registered(((struct bed *)context)->taskmanager);
}

static void set(struct conf *conf, const char *pair)
{
	struct err err = ERR_INIT;

	CHECK(conf_set_pair(conf, pair, "-D", &err) == 0, "%s", err.text);
}

static void start_jobmanager(struct bed *bed)
{
	static const Flink__ResourceManager_Service service = {
		.base = FLINK__RESOURCE_MANAGER__BASE_INIT,
		.register_task_manager = register_task_manager,
		.heartbeat = heartbeat,
		.update_task_state = update_task_state,
		.push_output = push_output,
		.reader_ready = reader_ready,
	};
	struct rpc_options options = {
		.secret = bytes_of_text(SECRET),
		.role = "jobmanager",
		.services = { &bed->service.base },
		.services_count = 1,
		.context = bed,
	};
	struct err err = ERR_INIT;

	bed->service = service;
	bed->jobmanager_world = sim_node(bed->sim, "jm");
	bed->runner = runner_create(bed->jobmanager_world, "jobmanager", &err);
	if (rpc_server_open(bed->runner, "0.0.0.0", 6123, &options, &bed->server, &err) != 0)
		fail_msg("%s", err.text);
}

static void start_taskmanager(struct bed *bed)
{
	struct taskmanager_options options = { 0 };
	struct err err = ERR_INIT;

	bed->taskmanager_world = sim_node(bed->sim, "tm");
	sim_env_put(bed->taskmanager_world, "FLINK_CLUSTER_SECRET", SECRET);
	bed->conf = conf_create();
	set(bed->conf, "jobmanager.rpc.address=jm");
	set(bed->conf, "taskmanager.bind-host=0.0.0.0");
	set(bed->conf, "taskmanager.resource-id=local");
	set(bed->conf, "taskmanager.numberOfTaskSlots=2");
	set(bed->conf, "taskmanager.memory.network.min=4m");
	set(bed->conf, "taskmanager.memory.network.max=4m");
	options.world = bed->taskmanager_world;
	options.conf = bed->conf;
	if (taskmanager_create(&options, &bed->taskmanager, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(sim_run(bed->sim, 5000, is_registered, bed, NULL));
}

/* Source -> REBALANCE -> sink, two subtasks each. */
static void make_job(struct bed *bed)
{
	static const char *const lines[] = { "one", "two", NULL };

	bed->job = test_job_create("deployed", NULL);
	int32_t line = test_job_type(bed->job, line_type);
	uint32_t source = test_job_vertex(bed->job, "Source: Lines", SUBTASKS);
	uint32_t sink = test_job_vertex(bed->job, "Sink: Ledger", SUBTASKS);

	test_job_operator(bed->job, source,
			  &(struct test_operator){
				  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
				  .name = "Source: Lines",
				  .factory = "test-list-source",
				  .input_type = -1,
				  .output_type = line,
				  .key_field = -1,
				  .options = "repeat=forever interval_us=1000",
				  .lines = lines });
	test_job_operator(bed->job, sink,
			  &(struct test_operator){
				  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK,
				  .name = "Sink: Ledger",
				  .factory = "test-ledger-sink",
				  .input_type = line,
				  .output_type = -1,
				  .key_field = -1 });
	test_job_edge(bed->job, source, sink, FLINK__SHIP_STRATEGY__SHIP_REBALANCE, -1);
	flink__submit_tasks_request__init(&bed->request);
	bed->request.job_id = bed->job->graph->job_id;
	bed->request.job_attempt = 0;
	bed->request.graph = bed->job->graph;
	bed->request.placement = test_job_placement(bed->job);
	bed->request.tasks = bed->tasks;
	bed->request.n_tasks = ARRAY_COUNT(bed->tasks);
	for (uint32_t i = 0; i < ARRAY_COUNT(bed->tasks); i++)
		bed->tasks[i] = test_job_deploy(bed->job, i / SUBTASKS, i % SUBTASKS, 0);
}

static struct bed *bed_create(uint64_t seed)
{
	struct sim_options calm = { .delay_us_min = 20, .delay_us_max = 200 };
	struct bed *bed = MEM_NEW(struct bed);

	operators_register();
	test_connectors_register();
	ledger_reset();
	bed->sim = sim_create(seed, &calm);
	start_jobmanager(bed);
	start_taskmanager(bed);
	make_job(bed);
	return bed;
}

static void bed_destroy(struct bed *bed)
{
	taskmanager_destroy(&bed->taskmanager);
	runner_destroy(&bed->runner);
	rpc_server_close(&bed->server);
	test_job_destroy(&bed->job);
	conf_destroy(&bed->conf);
	world_destroy(&bed->taskmanager_world);
	world_destroy(&bed->jobmanager_world);
	sim_destroy(&bed->sim);
	mem_free(bed);
	ledger_reset();
	registry_clear();
	assert_int_equal(mem_bytes_out(), 0);
}

static bool all_run(void *context)
{
	return ((struct bed *)context)->running >= 2 * SUBTASKS;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void tasks_come_together_and_what_they_share_once(void **state)
{
	struct bed *bed = bed_create(1);

	give_slot(bed, 0);
	bed->request.n_tasks = 3;
	submit(bed);
	assert_int_equal(bed->err.code, ERR_NONE);
	assert_int_equal(bed->refused_count, 0);
	assert_int_equal(taskmanager_tasks_count(bed->taskmanager), 3);
	/* The rest, without what is known; and the same again, as after a lost answer. */
	bed->request.graph = NULL;
	bed->request.placement = NULL;
	bed->request.graph_known = bed->request.placement_known = true;
	bed->request.n_tasks = 4;
	submit(bed);
	assert_int_equal(bed->refused_count, 0);
	assert_int_equal(taskmanager_tasks_count(bed->taskmanager), 4);
	assert_true(sim_run(bed->sim, 5000, all_run, bed, NULL));
	bed_destroy(bed);
}

static void what_is_not_known_must_come_with_the_tasks(void **state)
{
	struct bed *bed = bed_create(2);

	submit_refused(bed, ERR_DEPLOY_FAILED, "the allocation holds no slot here");
	give_slot(bed, 0);
	bed->request.graph = NULL;
	submit_refused(bed, ERR_DEPLOY_FAILED, "came without its graph");
	bed->request.graph = bed->job->graph;
	bed->request.placement = NULL;
	submit_refused(bed, ERR_DEPLOY_FAILED, "came without its placement");
	bed->request.n_tasks = 0;
	submit_refused(bed, ERR_DEPLOY_FAILED, "the allocation holds no slot here");
	bed_destroy(bed);
}

static void a_placement_must_fit_its_graph(void **state)
{
	struct bed *bed = bed_create(3);
	Flink__Placement *placement = bed->request.placement;
	uint32_t last = (uint32_t)placement->n_slot_location - 1;

	give_slot(bed, 0);
	placement->slot_location[last] = 1;
	submit_refused(bed, ERR_NET_PROTOCOL, "slot 3 is at location 1 of 1");
	placement->slot_location[last] = 0;
	placement->vertex_slot_first[1] = UINT32_MAX;
	submit_refused(bed, ERR_NET_PROTOCOL, "vertex 1 has slots 4294967295 and on, 2 of them");
	placement->vertex_slot_first[1] = 2;
	placement->n_vertex_slot_first = 1;
	submit_refused(bed, ERR_NET_PROTOCOL, "a placement of 1 vertices for 2");
	placement->n_vertex_slot_first = 2;
	placement->locations[0]->data_port = 65536;
	submit_refused(bed, ERR_NET_PROTOCOL, "has data port 65536");
	placement->locations[0]->data_port = 1;
	submit(bed); /* nothing of all that was kept */
	assert_int_equal(bed->err.code, ERR_NONE);
	assert_int_equal(bed->refused_count, 0);
	bed_destroy(bed);
}

/* One after the other breaks a rule; the others are taken. */
static void a_task_is_refused_for_itself(void **state)
{
	struct bed *bed = bed_create(4);
	uint32_t saved;

	give_slot(bed, 0);
	bed->tasks[0]->subtask = SUBTASKS;
	bed->tasks[1]->outputs[0]->consumer_last = UINT32_MAX;
	bed->tasks[2]->inputs[0]->edge = 1;
	submit(bed);
	assert_int_equal(bed->err.code, ERR_NONE);
	assert_int_equal(bed->refused_count, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(bed->refused[i], i);
	assert_string_equal(bed->why[0], "vertex 0 subtask 2 is not in the graph");
	assert_string_equal(bed->why[1], "output 0 joins subtasks 0 to 4294967295 of 2");
	assert_string_equal(bed->why[2], "edge 1 does not lead to vertex 1");
	assert_int_equal(taskmanager_tasks_count(bed->taskmanager), 1);

	bed->tasks[0]->subtask = 0;
	saved = bed->tasks[0]->job_attempt;
	bed->tasks[0]->job_attempt = 5;
	bed->tasks[1]->outputs[0]->consumer_last = SUBTASKS - 1;
	bed->tasks[1]->execution_id.len = 15;
	bed->tasks[2]->inputs[0]->edge = 0;
	bed->tasks[2]->inputs[0]->producer_first = 1;
	bed->tasks[2]->inputs[0]->producer_last = 0;
	submit(bed);
	assert_int_equal(bed->refused_count, 3);
	assert_string_equal(bed->why[0], "a task of attempt 5 with those of 0");
	assert_non_null(strstr(bed->why[1], "not 16 bytes"));
	assert_string_equal(bed->why[2], "input 0 joins subtasks 1 to 0 of 2");
	assert_int_equal(taskmanager_tasks_count(bed->taskmanager), 1);
	bed->tasks[0]->job_attempt = saved;
	bed->tasks[1]->execution_id.len = 16;
	bed_destroy(bed);
}

static void an_attempt_that_is_over_does_not_come_back(void **state)
{
	struct bed *bed = bed_create(5);

	give_slot(bed, 0);
	bed->request.n_tasks = 1;
	bed->request.job_attempt = bed->tasks[0]->job_attempt = 3;
	submit(bed);
	assert_int_equal(bed->err.code, ERR_NONE);
	assert_int_equal(taskmanager_tasks_count(bed->taskmanager), 1);
	bed->tasks[0] = bed->tasks[1];
	bed->request.job_attempt = 2;
	submit(bed);
	assert_int_equal(bed->err.code, ERR_FENCED);
	assert_string_equal(bed->err.text, "attempt 2 of the job is over, it is at 3");
	assert_int_equal(taskmanager_tasks_count(bed->taskmanager), 1);
	bed_destroy(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_come_together_and_what_they_share_once),
		cmocka_unit_test(what_is_not_known_must_come_with_the_tasks),
		cmocka_unit_test(a_placement_must_fit_its_graph),
		cmocka_unit_test(a_task_is_refused_for_itself),
		cmocka_unit_test(an_attempt_that_is_over_does_not_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
