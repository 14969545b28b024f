/* SPDX-License-Identifier: Apache-2.0
 * schedule_bench.c - how fast the JobManager alone brings a wide job to its tasks.
 *
 *   schedule_bench [PARALLELISM [TASKMANAGERS]]   (10000 100) prints "name value unit" lines
 *
 * Source -> HASH -> map, all to all, both in one slot sharing group. The JobManager is the real one
 * with its RPC server on loopback; another process plays the TaskManagers: they register, offer
 * their slots, take the tasks and report INITIALIZING and RUNNING of each, cancel what is to be
 * cancelled, and do no more.
 *
 *   init          a submission, until it is accepted: checks, ExecutionGraph, slots asked for
 *   slots         until the last slot is offered and the first task goes out
 *   deploy        the first task goes out -> all run
 *   restart_set   a task failed -> known which tasks must restart, and all of them told to end
 *   restart       … -> all run again in their slots
 *   init.cpu, deploy.cpu   the JobManager's thread alone, whatever else the machine does
 *   resident      most that the JobManager's process ever had */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "task_executor.pb-c.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/contract/registry.h"
#include "common/graph/graph.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/job/job_master.h"
#include "jobmanager/jobmanager.h"

#define HEARTBEAT_MS 1000
#define STUB_NETWORK_BYTES (UINT64_C(16) << 30) /* for 2 million channels each */
#define WAIT_MS_MAX 60000

static struct world *world;

static void must(int answer, const struct err *err)
{
	if (answer == 0)
		return;
	fprintf(stderr, "schedule_bench: %s\n", err->text);
	exit(1);
}

/* ---- TaskManagers that only acknowledge ------------------------------------------------------ */

struct stub_taskmanager {
	Flink__TaskExecutor_Service service; /* first */
	struct agent agent;
	struct rpc_client *client;
	struct rpc_peer *peer;
	struct id incarnation;
	uint64_t leader_epoch;
	uint32_t slots;
	mono_t heartbeat_at;
	char name[32];
};

static void stub_fenced(struct stub_taskmanager *stub, struct rpc_stub *to)
{
	struct rpc_fence fence = { .leader_epoch = stub->leader_epoch };

	memcpy(fence.incarnation, stub->incarnation.bytes, sizeof(fence.incarnation));
	rpc_stub_init(to, stub->peer, &flink__resource_manager__descriptor, &fence);
}

static void acknowledge(Flink__Empty_Closure closure, void *data)
{
	Flink__Empty empty = FLINK__EMPTY__INIT;

	closure(&empty, data);
}

static void reported(const Flink__Empty *answer, void *data)
{
	/* refused: of a task that was cancelled meanwhile */
}

static void report(struct stub_taskmanager *stub, const ProtobufCBinaryData *execution_id,
		   const char *state)
{
	Flink__UpdateTaskStateRequest request = FLINK__UPDATE_TASK_STATE_REQUEST__INIT;
	struct rpc_stub to;

	stub_fenced(stub, &to);
	request.execution_id = *execution_id;
	request.state = (char *)(uintptr_t)state;
	flink__resource_manager__update_task_state(rpc_stub_service(&to), &request, reported, stub);
}

static void request_slot(Flink__TaskExecutor_Service *service,
			 const Flink__RequestSlotRequest *request, Flink__Empty_Closure closure,
			 void *data)
{
	acknowledge(closure, data);
}

static void free_slot(Flink__TaskExecutor_Service *service, const Flink__FreeSlotRequest *request,
		      Flink__Empty_Closure closure, void *data)
{
	acknowledge(closure, data);
}

static void submit_tasks(Flink__TaskExecutor_Service *service,
			 const Flink__SubmitTasksRequest *request,
			 Flink__SubmitTasksResponse_Closure closure, void *data)
{
	struct stub_taskmanager *stub = (struct stub_taskmanager *)service;
	Flink__SubmitTasksResponse answer = FLINK__SUBMIT_TASKS_RESPONSE__INIT;

	closure(&answer, data);
	for (size_t i = 0; i < request->n_tasks; i++) {
		report(stub, &request->tasks[i]->execution_id, "INITIALIZING");
		report(stub, &request->tasks[i]->execution_id, "RUNNING");
	}
}

static void cancel_task(Flink__TaskExecutor_Service *service,
			const Flink__CancelTaskRequest *request, Flink__Empty_Closure closure,
			void *data)
{
	acknowledge(closure, data);
	report((struct stub_taskmanager *)service, &request->execution_id, "CANCELED");
}

static void release_job(Flink__TaskExecutor_Service *service,
			const Flink__ReleaseJobRequest *request, Flink__Empty_Closure closure,
			void *data)
{
	acknowledge(closure, data);
}

static const Flink__TaskExecutor_Service stub_service = {
	.base = FLINK__TASK_EXECUTOR__BASE_INIT,
	.request_slot = request_slot,
	.free_slot = free_slot,
	.submit_tasks = submit_tasks,
	.cancel_task = cancel_task,
	.release_job = release_job,
};

static void registered(const Flink__RegisterTaskManagerResponse *answer, void *data)
{
	struct stub_taskmanager *stub = data;

	must(answer == NULL ? -1 : 0, rpc_error());
	stub->leader_epoch = answer->leader_epoch;
	agent_wake(&stub->agent);
}

static void peer_up(void *context, struct rpc_peer *peer)
{
	struct stub_taskmanager *stub = context;
	Flink__RegisterTaskManagerRequest request = FLINK__REGISTER_TASK_MANAGER_REQUEST__INIT;
	struct rpc_stub to;

	stub->peer = peer;
	stub_fenced(stub, &to);
	request.resource_id = stub->name;
	request.incarnation = id_to_message(&stub->incarnation);
	request.slots = stub->slots;
	request.data_host = (char *)(uintptr_t) "127.0.0.1";
	request.data_port = 7000;
	request.network_memory_bytes = STUB_NETWORK_BYTES;
	request.segment_bytes = LIMIT_SEGMENT_BYTES_MAX;
	flink__resource_manager__register_task_manager(rpc_stub_service(&to), &request, registered,
						       stub);
}

static void peer_down(void *context, struct rpc_peer *peer, const struct err *why)
{
	exit(0); /* the JobManager has ended */
}

static void heartbeat_answered(const Flink__HeartbeatResponse *answer, void *data)
{
}

static enum step stub_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct stub_taskmanager *stub = CONTAINER_OF(agent, struct stub_taskmanager, agent);
	Flink__HeartbeatRequest request = FLINK__HEARTBEAT_REQUEST__INIT;
	struct rpc_stub to;

	if (stub->leader_epoch == 0)
		return STEP_IDLE;
	if (now >= stub->heartbeat_at) {
		stub->heartbeat_at = mono_after_ms(now, HEARTBEAT_MS);
		stub_fenced(stub, &to);
		flink__resource_manager__heartbeat(rpc_stub_service(&to), &request,
						   heartbeat_answered, stub);
	}
	*wake_at = stub->heartbeat_at;
	return STEP_IDLE;
}

static void stub_start(struct runner *runner, struct stub_taskmanager *stub, uint16_t port)
{
	struct rpc_options options = {
		.role = "taskmanager",
		.services = { &stub->service.base },
		.services_count = 1,
		.peer_up = peer_up,
		.peer_down = peer_down,
		.context = stub,
	};
	struct err err = ERR_INIT;

	stub->service = stub_service;
	world_random_bytes(world, &stub->incarnation, sizeof(stub->incarnation));
	options.incarnation = stub->incarnation;
	agent_init(&stub->agent, "stub", stub_step);
	runner_add(runner, &stub->agent);
	must(rpc_client_open(runner, "127.0.0.1", port, &options, &stub->client, &err), &err);
}

/* The other process: never comes back. */
static void be_taskmanagers(uint16_t port, uint32_t slots, uint32_t count)
{
	struct stub_taskmanager *stubs = MEM_NEW_ARRAY(struct stub_taskmanager, count);
	struct err err = ERR_INIT;
	struct runner *runner = runner_create(world, "taskmanagers", &err);

	must(runner == NULL ? -1 : 0, &err);
	for (uint32_t i = 0; i < count; i++) {
		stubs[i].slots = slots / count + (i < slots % count);
		snprintf(stubs[i].name, sizeof(stubs[i].name), "tm%u", i);
		stub_start(runner, &stubs[i], port);
	}
	for (;;)
		nanosleep(&(struct timespec){ .tv_sec = 3600 }, NULL);
}

/* ---- the job --------------------------------------------------------------------------------- */

static const struct source_vtable nothing_source = { .name = "nothing" };

static const struct id job_id = { { 1 } };

static Flink__JobGraph *make_graph(uint32_t parallelism)
{
	static const struct field fields[] = { { "key", FIELD_BIGINT, 0 } };
	struct stream_graph *stream = stream_graph_create("10 000 x 10 000", 1);
	struct key_spec key = { .fields_count = 1 };
	Flink__JobGraph *graph = NULL;
	struct err err = ERR_INIT;
	struct record_type *type;

	must(record_type_create("key", NULL, fields, 1, &type, &err), &err);
	struct stream_node nodes[] = {
		{ .name = "Source: Nothing",
		  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
		  .factory = "nothing",
		  .output_type = type },
		{ .name = "Map",
		  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
		  .factory = "map",
		  .input_type = type,
		  .output_type = type,
		  .key = key },
	};
	for (size_t i = 0; i < ARRAY_COUNT(nodes); i++) {
		nodes[i].id = stream_graph_next_id(stream);
		nodes[i].parallelism = parallelism;
		nodes[i].max_parallelism = LIMIT_PARALLELISM_MAX;
		stream_graph_add(stream, &nodes[i]);
	}
	stream_graph_connect(stream, nodes[0].id, nodes[1].id, 0, SHIP_HASH, &key);
	must(job_graph_from_stream(stream, &graph, &err), &err);
	stream_graph_destroy(&stream);
	record_type_destroy(&type);
	graph->job_id = id_to_message(&job_id);
	return graph;
}

/* ---- the run: an agent on the JobManager's runner -------------------------------------------- */

enum stage { WAIT_FOR_SLOTS, WAIT_FOR_RUNNING, WAIT_FOR_RESTART, OVER };

struct run {
	struct agent agent; /* first */
	struct dispatcher *dispatcher;
	Flink__JobGraph *graph;
	struct job *job;
	uint32_t parallelism;
	enum stage stage;
	mono_t submitted_at, failed_at;
	double cpu_ms; /* of the thread, when it was submitted */
	double init_ms, init_cpu_ms, slots_ms, deploy_cpu_ms, deploy_ms, restart_set_ms, restart_ms;
	atomic_bool over;
};

static double ms_since(mono_t then)
{
	return (double)(world_now(world) - then) / NS_PER_MS;
}

static double thread_cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void submit(struct run *run)
{
	struct err err = ERR_INIT;

	run->submitted_at = world_now(world);
	run->cpu_ms = thread_cpu_ms();
	must(dispatcher_submit(run->dispatcher, run->graph, &run->job, &err), &err);
	run->init_ms = ms_since(run->submitted_at);
	run->init_cpu_ms = thread_cpu_ms() - run->cpu_ms;
	if (run->job->waiting_for != NULL) {
		fprintf(stderr, "schedule_bench: the job %s\n", run->job->waiting_for);
		exit(1);
	}
}

/* When the first task was sent, since the submission. Wall clock, milliseconds. */
static double first_deployed_ms(const struct job *job)
{
	wall_t first = INT64_MAX;

	for (size_t v = 0; v < job->graph->n_vertices; v++)
		for (uint32_t i = 0; i < job->graph->vertices[v]->parallelism; i++) {
			wall_t at = job->vertices[v].executions[i].entered_ms[EXECUTION_DEPLOYING];

			if (at < first)
				first = at;
		}
	return (double)(first - job->start_ms);
}

static bool all_run(const struct run *run)
{
	uint32_t counts[EXECUTION_STATE_COUNT];

	job_count_states(run->job, counts);
	return counts[EXECUTION_RUNNING] == 2 * run->parallelism;
}

/* One of its tasks fails: a report as its TaskManager would make it. */
static void fail_a_task(struct run *run)
{
	struct execution *execution = &run->job->vertices[1].executions[run->parallelism / 2];
	Flink__UpdateTaskStateRequest request = FLINK__UPDATE_TASK_STATE_REQUEST__INIT;
	Flink__ErrorMessage failure = FLINK__ERROR_MESSAGE__INIT;
	uint32_t counts[EXECUTION_STATE_COUNT];
	struct err err = ERR_INIT;

	err_set(&err, ERR_USER_FUNCTION_FAILED, "the bench lets it fail");
	err_to_message(&err, &failure);
	request.execution_id = id_to_message(&execution->id);
	request.state = (char *)(uintptr_t) "FAILED";
	request.failure = &failure;
	run->failed_at = world_now(world);
	must(job_master_task_state(execution, execution->slot->taskmanager, &request, &err), &err);
	run->restart_set_ms = ms_since(run->failed_at);
	job_count_states(run->job, counts);
	CHECK(run->job->status == JOB_RESTARTING && counts[EXECUTION_FAILED] == 1 &&
		      counts[EXECUTION_CANCELING] == 2 * run->parallelism - 1,
	      "the job is %s, %u of its tasks are to be cancelled", job_status_name(run->job),
	      counts[EXECUTION_CANCELING]);
}

static enum step run_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct run *run = CONTAINER_OF(agent, struct run, agent);
	uint32_t taskmanagers, slots, slots_free;

	*wake_at = mono_after_ms(now, 1);
	switch (run->stage) {
	case WAIT_FOR_SLOTS:
		resource_manager_counts(dispatcher_resource_manager(run->dispatcher), &taskmanagers,
					&slots, &slots_free);
		if (slots_free < run->parallelism)
			break;
		submit(run);
		run->stage = WAIT_FOR_RUNNING;
		break;
	case WAIT_FOR_RUNNING:
		if (!all_run(run))
			break;
		run->slots_ms = first_deployed_ms(run->job) - run->init_ms;
		run->deploy_ms = ms_since(run->submitted_at) - run->slots_ms - run->init_ms;
		run->deploy_cpu_ms = thread_cpu_ms() - run->cpu_ms - run->init_cpu_ms;
		fail_a_task(run);
		run->stage = WAIT_FOR_RESTART;
		break;
	case WAIT_FOR_RESTART:
		if (run->job->status != JOB_RUNNING || !all_run(run))
			break;
		run->restart_ms = ms_since(run->failed_at);
		run->stage = OVER;
		atomic_store(&run->over, true);
		break;
	case OVER:
		*wake_at = MONO_NEVER;
		break;
	}
	return STEP_IDLE;
}

/* ---- all ------------------------------------------------------------------------------------- */

static double most_resident_mb(void)
{
	size_t size_bytes;
	struct err err = ERR_INIT;
	char *text;

	must(world_read_file(world, "/proc/self/status", 65536, &text, &size_bytes, &err), &err);
	const char *at = strstr(text, "VmHWM:");
	double mb = at ? strtod(at + strlen("VmHWM:"), NULL) / 1024 : 0;

	mem_free(text);
	return mb;
}

static void start_taskmanagers(struct runner *runner, struct agent *agent, uint16_t port,
			       uint32_t slots, uint32_t count, struct process **process)
{
	char texts[3][16];
	const char *argv[] = { "/proc/self/exe", "--taskmanagers", texts[0], texts[1], texts[2],
			       NULL };
	struct process_options options = { .argv = argv };
	struct err err = ERR_INIT;

	snprintf(texts[0], sizeof(texts[0]), "%u", port);
	snprintf(texts[1], sizeof(texts[1]), "%u", slots);
	snprintf(texts[2], sizeof(texts[2]), "%u", count);
	must(process_start(runner_loop(runner), &options, agent, process, &err), &err);
}

static struct jobmanager *start_jobmanager(struct conf **conf)
{
	struct jobmanager_options options = { .world = world, .without_rest = true };
	struct jobmanager *jobmanager;
	struct err err = ERR_INIT;

	*conf = conf_create();
	must(conf_set_pair(*conf, "jobmanager.bind-host=127.0.0.1", "-D", &err), &err);
	must(conf_set_pair(*conf, "jobmanager.rpc.bind-port=0", "-D", &err), &err);
	must(conf_set_pair(*conf, "restart-strategy.type=fixed-delay", "-D", &err), &err);
	must(conf_set_pair(*conf, "restart-strategy.fixed-delay.delay=0ms", "-D", &err), &err);
	options.conf = *conf;
	must(jobmanager_create(&options, &jobmanager, &err), &err);
	return jobmanager;
}

static void print_all(const struct run *run)
{
	printf("init %.3f ms\n", run->init_ms);
	printf("init.cpu %.3f ms\n", run->init_cpu_ms);
	printf("slots %.3f ms\n", run->slots_ms);
	printf("deploy %.3f ms\n", run->deploy_ms);
	printf("deploy.cpu %.3f ms\n", run->deploy_cpu_ms);
	printf("restart_set %.3f ms\n", run->restart_set_ms);
	printf("restart %.3f ms\n", run->restart_ms);
	printf("resident %.3f MB\n", most_resident_mb());
}

static enum step idle_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	return STEP_IDLE;
}

static void measure(uint32_t parallelism, uint32_t taskmanagers)
{
	struct run run = { .parallelism = parallelism, .graph = make_graph(parallelism) };
	struct agent starter;
	struct err err = ERR_INIT;
	struct conf *conf;
	struct jobmanager *jobmanager = start_jobmanager(&conf);
	struct runner *runner = runner_create(world, "starter", &err);
	struct process *process;

	registry_add_source(&nothing_source);
	run.dispatcher = jobmanager_dispatcher(jobmanager);
	agent_init(&starter, "starter", idle_step);
	start_taskmanagers(runner, &starter, jobmanager_rpc_port(jobmanager), parallelism,
			   taskmanagers, &process);
	agent_init(&run.agent, "run", run_step);
	runner_add(dispatcher_runner(run.dispatcher), &run.agent);
	for (int waited_ms = 0; !atomic_load(&run.over); waited_ms++) {
		if (waited_ms == WAIT_MS_MAX) {
			fprintf(stderr, "schedule_bench: not within %d s\n", WAIT_MS_MAX / 1000);
			exit(1);
		}
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	print_all(&run);
	process_close(&process);
	runner_destroy(&runner);
	jobmanager_destroy(&jobmanager);
	conf_destroy(&conf);
	run.graph->job_id = (ProtobufCBinaryData){ 0, NULL }; /* not of the message's heap */
	flink__job_graph__free_unpacked(run.graph, NULL);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	world = world_os_create(&err);
	must(world == NULL ? -1 : 0, &err);
	if (argc == 5 && strcmp(argv[1], "--taskmanagers") == 0)
		be_taskmanagers((uint16_t)strtoul(argv[2], NULL, 10),
				(uint32_t)strtoul(argv[3], NULL, 10),
				(uint32_t)strtoul(argv[4], NULL, 10));
	long parallelism = argc > 1 ? strtol(argv[1], NULL, 10) : 10000;
	long taskmanagers = argc > 2 ? strtol(argv[2], NULL, 10) : 100;

	if (argc > 3 || parallelism < 1 || parallelism > LIMIT_PARALLELISM_MAX ||
	    taskmanagers < 1 || taskmanagers > parallelism ||
	    (parallelism + taskmanagers - 1) / taskmanagers > LIMIT_SLOTS_PER_TASKMANAGER_MAX) {
		fprintf(stderr, "usage: schedule_bench [PARALLELISM [TASKMANAGERS]]; at most %d "
				"slots per TaskManager\n", LIMIT_SLOTS_PER_TASKMANAGER_MAX);
		return 2;
	}
	measure((uint32_t)parallelism, (uint32_t)taskmanagers);
	world_destroy(&world);
	return 0;
}
