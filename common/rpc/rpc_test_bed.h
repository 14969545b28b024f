/* SPDX-License-Identifier: Apache-2.0
 * rpc_test_bed.h - what the tests of common/rpc share: two nodes, a server that does as it is told,
 * a client whose calls are counted. Included by the tests only.
 *
 * The same bed stands in world_sim and in world_os; all rpc functions are called on the runner's
 * thread, by bed_do. PutArtifact is the idempotent method; its `name` says what the server does
 * with the call, its `offset` is the call's number. SubmitJob is declared not idempotent here. */
#ifndef COMMON_RPC_RPC_TEST_BED_H
#define COMMON_RPC_RPC_TEST_BED_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/rpc/rpc.h"
#include "common/world/world_sim.h"
#include "dispatcher.pb-c.h"
#include "task_executor.pb-c.h"

#define BED_CALLS_MAX 2000
#define BED_PORT 6123

static const struct rpc_method bed_methods[] = {
	{ 101, "Dispatcher", "PutArtifact", true, 10000, 2 * 1024 * 1024 },
	{ 102, "Dispatcher", "SubmitJob", false, 10000, 64 * 1024 },
	{ 105, "Dispatcher", "JobStatus", true, 20000, 4 * 1024 * 1024 },
	{ 304, "TaskExecutor", "CancelTask", true, 10000, 4096 },
	{ 305, "TaskExecutor", "AddSplits", true, 10000, 4096 },
};

struct bed_call { /* one call of the client, as its closure saw it */
	struct bed *bed;
	const char *method;
	uint32_t number;
	int answers;
	enum err_code code;
	struct err err;
	uint64_t value;
	void (*then)(struct bed_call *call); /* inside the closure */
};

struct bed_held { /* a call that the server keeps */
	ProtobufCClosure closure;
	void *data;
	uint64_t number;
};

struct bed {
	struct sim *sim; /* NULL: world_os */
	struct world *server_world, *client_world;
	struct runner *server_runner, *client_runner;
	struct rpc_options server_options, client_options;
	struct rpc_server *server;
	struct rpc_client *client;
	const char *server_host; /* NULL: the default of the world */
	uint16_t port;
	bool server_dead;

	Flink__Dispatcher_Service dispatcher;
	struct rpc_peer *server_peer; /* newest peer of the server */
	uint32_t server_ups, server_downs;
	struct err server_down_why;
	uint32_t executed[BED_CALLS_MAX];
	uint64_t order[BED_CALLS_MAX]; /* numbers, as they were executed */
	uint32_t order_count;
	struct bed_held held[BED_CALLS_MAX];
	uint32_t held_count;
	uint64_t leader_epoch; /* calls of another epoch are refused, unless 0 */

	Flink__TaskExecutor_Service executor;
	uint32_t client_ups, client_downs;
	struct err client_down_why;
	uint32_t called_back;
	uint32_t called_back_answers;
	enum err_code called_back_code;

	struct bed_call calls[BED_CALLS_MAX];
	uint32_t calls_count;
	_Atomic uint32_t answers_count; /* read by the waiting thread in world_os */
	_Atomic uint32_t ups_count;

	void (*on_up)(struct bed *bed, bool server);   /* inside peer_up */
	void (*on_down)(struct bed *bed, bool server); /* inside peer_down */
	void (*on_fence)(struct bed *bed);
};

/* ---- waiting --------------------------------------------------------------------------------- */

typedef bool bed_until_fn(struct bed *bed);

struct bed_wait {
	struct bed *bed;
	bed_until_fn *until;
};

static bool bed_wait_over(void *context)
{
	struct bed_wait *wait = context;

	return wait->until(wait->bed);
}

/* Runs until the condition holds; false: not within the time (simulated, or real in world_os). */
static UNUSED bool bed_run(struct bed *bed, int64_t budget_ms, bed_until_fn *until)
{
	struct bed_wait wait = { bed, until };
	struct timespec pause = { 0, 1000000 };

	if (bed->sim != NULL)
		return sim_run(bed->sim, budget_ms, bed_wait_over, &wait, NULL);
	for (mono_t end = mono_after_ms(world_now(bed->client_world), budget_ms);;) {
		if (until(bed))
			return true;
		if (world_now(bed->client_world) >= end)
			return false;
		nanosleep(&pause, NULL);
	}
}

/* Does something on the runner's thread, and waits until it is done. */
struct bed_doer {
	struct agent agent;
	struct bed *bed;
	void (*what)(struct bed *bed);
	atomic_bool done;
};

static enum step bed_doer_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct bed_doer *doer = (struct bed_doer *)agent;

	(void)now;
	(void)wake_at;
	doer->what(doer->bed);
	return STEP_DONE;
}

static void bed_doer_done(struct agent *agent)
{
	atomic_store(&((struct bed_doer *)agent)->done, true);
}

static bool bed_doer_over(void *context)
{
	return atomic_load(&((struct bed_doer *)context)->done);
}

static void bed_do(struct bed *bed, struct runner *runner, void (*what)(struct bed *bed))
{
	struct bed_doer doer = { .bed = bed, .what = what };
	struct timespec pause = { 0, 1000000 };

	agent_init(&doer.agent, "test", bed_doer_step);
	doer.agent.done = bed_doer_done;
	runner_add(runner, &doer.agent);
	if (bed->sim != NULL) {
		assert_true(sim_run(bed->sim, 60000, bed_doer_over, &doer, NULL));
		return;
	}
	while (!atomic_load(&doer.done))
		nanosleep(&pause, NULL);
}

/* Lets time pass, also where nothing else would happen meanwhile. */
struct bed_sleeper {
	struct agent agent;
	mono_t until;
	int64_t ms;
	atomic_bool done;
};

static enum step bed_sleeper_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct bed_sleeper *sleeper = (struct bed_sleeper *)agent;

	if (sleeper->until == 0)
		sleeper->until = mono_after_ms(now, sleeper->ms);
	*wake_at = sleeper->until;
	if (now < sleeper->until)
		return STEP_IDLE;
	atomic_store(&sleeper->done, true);
	return STEP_DONE;
}

static bool bed_sleeper_over(void *context)
{
	return atomic_load(&((struct bed_sleeper *)context)->done);
}

static UNUSED void bed_pass(struct bed *bed, int64_t ms)
{
	struct bed_sleeper sleeper = { .ms = ms };

	agent_init(&sleeper.agent, "sleeper", bed_sleeper_step);
	runner_add(bed->client_runner, &sleeper.agent);
	assert_true(sim_run(bed->sim, 2 * ms + 10000, bed_sleeper_over, &sleeper, NULL));
}

/* ---- the server ------------------------------------------------------------------------------ */

static void bed_answer_put(ProtobufCClosure closure, void *data, uint64_t value)
{
	Flink__PutArtifactResponse answer = FLINK__PUT_ARTIFACT_RESPONSE__INIT;

	answer.received_bytes = value;
	closure(&answer.base, data);
}

static struct bed *bed_of_dispatcher(Flink__Dispatcher_Service *service)
{
	return CONTAINER_OF(service, struct bed, dispatcher);
}

static void bed_executed(struct bed *bed, uint64_t number)
{
	if (number < BED_CALLS_MAX)
		bed->executed[number]++;
	if (bed->order_count < BED_CALLS_MAX)
		bed->order[bed->order_count++] = number;
}

static void bed_server_close_now(struct bed *bed)
{
	rpc_server_close(&bed->server);
}

/* The call's `name` tells what is to be done with it. */
static void bed_put_artifact(Flink__Dispatcher_Service *service,
			     const Flink__PutArtifactRequest *request,
			     Flink__PutArtifactResponse_Closure closure, void *data)
{
	struct bed *bed = bed_of_dispatcher(service);
	ProtobufCClosure answer = (ProtobufCClosure)closure;
	struct err err = ERR_INIT;

	bed_executed(bed, request->offset);
	if (strcmp(request->name, "hold") == 0) {
		CHECK(bed->held_count < BED_CALLS_MAX, "too many calls are held");
		bed->held[bed->held_count++] = (struct bed_held){ answer, data, request->offset };
		return;
	}
	if (strcmp(request->name, "fail") == 0) {
		err_set(&err, ERR_JOB_NOT_FOUND, "no job %llu",
			(unsigned long long)request->offset);
		snprintf(err.origin, sizeof(err.origin), "TaskManager h:1");
		rpc_fail(data, &err);
		return;
	}
	if (strcmp(request->name, "nothing") == 0) {
		answer(NULL, data);
		return;
	}
	if (strcmp(request->name, "close peer, answer") == 0)
		rpc_peer_close(rpc_call_peer(data), NULL);
	if (strcmp(request->name, "close server, answer") == 0)
		bed_server_close_now(bed);
	bed_answer_put(answer, data, request->offset + 1);
	if (strcmp(request->name, "answer, close peer") == 0 && bed->server_peer != NULL)
		rpc_peer_close(bed->server_peer, NULL);
	if (strcmp(request->name, "answer, close server") == 0)
		bed_server_close_now(bed);
	/* The request stays to the end of the function, answered or not. */
	CHECK(request->offset < UINT64_MAX && request->name[0] != 1, "the request is gone");
}

static void bed_submit_job(Flink__Dispatcher_Service *service,
			   const Flink__SubmitJobRequest *request,
			   Flink__SubmitJobResponse_Closure closure, void *data)
{
	struct bed *bed = bed_of_dispatcher(service);
	Flink__SubmitJobResponse answer = FLINK__SUBMIT_JOB_RESPONSE__INIT;

	bed_executed(bed, request->graph->default_parallelism);
	closure(&answer, data);
}

static void bed_job_status(Flink__Dispatcher_Service *service,
			   const Flink__JobStatusRequest *request,
			   Flink__JobStatusResponse_Closure closure, void *data)
{
	Flink__JobStatusResponse answer = FLINK__JOB_STATUS_RESPONSE__INIT;
	uint8_t *output = mem_alloc(request->output_max_bytes);

	(void)service;
	answer.output.data = output;
	answer.output.len = request->output_max_bytes;
	closure(&answer, data);
	mem_free(output);
}

static void bed_server_up(void *context, struct rpc_peer *peer)
{
	struct bed *bed = context;

	bed->server_ups++;
	bed->server_peer = peer;
	if (bed->on_up != NULL)
		bed->on_up(bed, true);
}

static void bed_server_down(void *context, struct rpc_peer *peer, const struct err *why)
{
	struct bed *bed = context;

	bed->server_downs++;
	bed->server_down_why = *why;
	if (bed->server_peer == peer)
		bed->server_peer = NULL;
	if (bed->on_down != NULL)
		bed->on_down(bed, true);
}

static int bed_fence_check(void *context, struct rpc_peer *peer, const struct rpc_fence *fence,
			   const char *method, struct err *err)
{
	struct bed *bed = context;

	(void)peer;
	if (bed->on_fence != NULL)
		bed->on_fence(bed);
	if (bed->leader_epoch == 0 || fence->leader_epoch == bed->leader_epoch)
		return 0;
	return err_set(err, ERR_FENCED, "%s of leader epoch %llu; it is %llu now", method,
		       (unsigned long long)fence->leader_epoch,
		       (unsigned long long)bed->leader_epoch);
}

/* ---- the client ------------------------------------------------------------------------------ */

static void bed_cancel_task(Flink__TaskExecutor_Service *service,
			    const Flink__CancelTaskRequest *request, Flink__Empty_Closure closure,
			    void *data)
{
	struct bed *bed = CONTAINER_OF(service, struct bed, executor);
	Flink__Empty answer = FLINK__EMPTY__INIT;

	(void)request;
	bed->called_back++;
	closure(&answer, data);
}

static void bed_client_up(void *context, struct rpc_peer *peer)
{
	struct bed *bed = context;

	(void)peer;
	bed->client_ups++;
	atomic_fetch_add(&bed->ups_count, 1);
	if (bed->on_up != NULL)
		bed->on_up(bed, false);
}

static void bed_client_down(void *context, struct rpc_peer *peer, const struct err *why)
{
	struct bed *bed = context;

	(void)peer;
	bed->client_downs++;
	bed->client_down_why = *why;
	if (bed->on_down != NULL)
		bed->on_down(bed, false);
}

static void bed_answered(const ProtobufCMessage *answer, void *data)
{
	struct bed_call *call = data;

	call->answers++;
	if (answer == NULL) {
		call->err = *rpc_error();
		call->code = call->err.code;
		CHECK(call->code != ERR_NONE, "a call failed without a reason");
	} else if (answer->descriptor == &flink__put_artifact_response__descriptor) {
		call->value = ((const Flink__PutArtifactResponse *)answer)->received_bytes;
	} else if (answer->descriptor == &flink__job_status_response__descriptor) {
		call->value = ((const Flink__JobStatusResponse *)answer)->output.len;
	}
	atomic_fetch_add(&call->bed->answers_count, 1);
	if (call->then != NULL)
		call->then(call);
}

static struct bed_call *bed_call_new(struct bed *bed, const char *method)
{
	struct bed_call *call = &bed->calls[bed->calls_count];

	CHECK(bed->calls_count < BED_CALLS_MAX, "too many calls in one test");
	call->bed = bed;
	call->method = method;
	call->number = bed->calls_count++;
	return call;
}

static struct rpc_stub bed_stub(struct bed *bed, const ProtobufCServiceDescriptor *service)
{
	struct rpc_fence fence = { .leader_epoch = 7, .attempt = 3 };
	struct rpc_stub stub;

	rpc_stub_init(&stub, rpc_client_peer(bed->client), service, &fence);
	return stub;
}

/* To be called on the client's runner. deadline_ms 0: the method's. */
static struct bed_call *bed_put(struct bed *bed, const char *name, uint32_t deadline_ms)
{
	Flink__PutArtifactRequest request = FLINK__PUT_ARTIFACT_REQUEST__INIT;
	struct rpc_stub stub = bed_stub(bed, &flink__dispatcher__descriptor);
	struct bed_call *call = bed_call_new(bed, "PutArtifact");

	stub.deadline_ms = deadline_ms;
	request.name = (char *)(uintptr_t)name;
	request.offset = call->number;
	flink__dispatcher__put_artifact(rpc_stub_service(&stub), &request,
					(Flink__PutArtifactResponse_Closure)bed_answered, call);
	CHECK(call->answers == 0, "a closure came inside the call");
	return call;
}

static UNUSED struct bed_call *bed_submit(struct bed *bed)
{
	Flink__SubmitJobRequest request = FLINK__SUBMIT_JOB_REQUEST__INIT;
	Flink__JobGraph graph = FLINK__JOB_GRAPH__INIT;
	struct rpc_stub stub = bed_stub(bed, &flink__dispatcher__descriptor);
	struct bed_call *call = bed_call_new(bed, "SubmitJob");

	graph.default_parallelism = call->number;
	request.graph = &graph;
	flink__dispatcher__submit_job(rpc_stub_service(&stub), &request,
				      (Flink__SubmitJobResponse_Closure)bed_answered, call);
	return call;
}

static UNUSED struct bed_call *bed_status(struct bed *bed, uint32_t output_bytes)
{
	Flink__JobStatusRequest request = FLINK__JOB_STATUS_REQUEST__INIT;
	struct rpc_stub stub = bed_stub(bed, &flink__dispatcher__descriptor);
	struct bed_call *call = bed_call_new(bed, "JobStatus");

	request.output_max_bytes = output_bytes;
	flink__dispatcher__job_status(rpc_stub_service(&stub), &request,
				      (Flink__JobStatusResponse_Closure)bed_answered, call);
	return call;
}

static void bed_called_back(const Flink__Empty *answer, void *data)
{
	struct bed *bed = data;

	bed->called_back_answers++;
	bed->called_back_code = answer == NULL ? rpc_error()->code : ERR_NONE;
}

/* The server calls the client over the connection that the client opened. */
static UNUSED void bed_call_back(struct bed *bed)
{
	Flink__CancelTaskRequest request = FLINK__CANCEL_TASK_REQUEST__INIT;
	struct rpc_stub stub;

	rpc_stub_init(&stub, bed->server_peer, &flink__task_executor__descriptor, NULL);
	flink__task_executor__cancel_task(rpc_stub_service(&stub), &request, bed_called_back, bed);
}

/* ---- begin and end --------------------------------------------------------------------------- */

static void bed_server_open(struct bed *bed)
{
	const char *host = bed->server_host ? bed->server_host : bed->sim ? "server" : "127.0.0.1";
	struct err err = ERR_INIT;

	if (rpc_server_open(bed->server_runner, host, bed->port, &bed->server_options, &bed->server,
			    &err) != 0)
		check_failed(__FILE__, __LINE__, "rpc_server_open", "%s", err.text);
	bed->port = rpc_server_port(bed->server);
}

static void bed_client_open(struct bed *bed)
{
	const char *host = bed->sim ? "server" : "127.0.0.1";
	struct err err = ERR_INIT;

	if (rpc_client_open(bed->client_runner, host, bed->port, &bed->client_options, &bed->client,
			    &err) != 0)
		check_failed(__FILE__, __LINE__, "rpc_client_open", "%s", err.text);
}

static UNUSED void bed_server_close(struct bed *bed)
{
	rpc_server_close(&bed->server);
}

static UNUSED void bed_client_close(struct bed *bed)
{
	rpc_client_close(&bed->client);
}

static UNUSED bool bed_connected(struct bed *bed)
{
	return bed->client != NULL && rpc_client_peer(bed->client) != NULL &&
	       bed->server_peer != NULL;
}

static UNUSED bool bed_all_answered(struct bed *bed)
{
	return atomic_load(&bed->answers_count) >= bed->calls_count;
}

static UNUSED bool bed_something_held(struct bed *bed)
{
	return bed->held_count > 0;
}

static UNUSED void bed_answer_held(struct bed *bed)
{
	for (uint32_t i = 0; i < bed->held_count; i++)
		bed_answer_put(bed->held[i].closure, bed->held[i].data, bed->held[i].number + 1);
	bed->held_count = 0;
}

static void bed_options(struct bed *bed)
{
	static const Flink__Dispatcher_Service dispatcher = {
		.base = { .descriptor = &flink__dispatcher__descriptor,
			  .invoke = protobuf_c_service_invoke_internal },
		.put_artifact = bed_put_artifact,
		.submit_job = bed_submit_job,
		.job_status = bed_job_status,
	};
	static const Flink__TaskExecutor_Service executor = {
		.base = { .descriptor = &flink__task_executor__descriptor,
			  .invoke = protobuf_c_service_invoke_internal },
		.cancel_task = bed_cancel_task,
	};

	bed->dispatcher = dispatcher;
	bed->executor = executor;
	bed->server_options = (struct rpc_options){
		.open_without_secret = true,
		.role = "jobmanager",
		.incarnation = { { 1 } },
		.services = { &bed->dispatcher.base },
		.services_count = 1,
		.methods = bed_methods,
		.methods_count = ARRAY_COUNT(bed_methods),
		.peer_up = bed_server_up,
		.peer_down = bed_server_down,
		.fence_check = bed_fence_check,
		.context = bed,
	};
	bed->client_options = (struct rpc_options){
		.role = "taskmanager",
		.incarnation = { { 2 } },
		.services = { &bed->executor.base },
		.services_count = 1,
		.methods = bed_methods,
		.methods_count = ARRAY_COUNT(bed_methods),
		.peer_up = bed_client_up,
		.peer_down = bed_client_down,
		.context = bed,
	};
}

/* Two simulated nodes, nothing opened yet. options NULL: a calm world. */
static UNUSED struct bed *bed_create(uint64_t seed, const struct sim_options *options)
{
	struct sim_options calm = { .delay_us_min = 50, .delay_us_max = 200 };
	struct bed *bed = mem_alloc(sizeof(*bed));
	struct err err = ERR_INIT;

	bed->sim = sim_create(seed, options ? options : &calm);
	bed->server_world = sim_node(bed->sim, "server");
	bed->client_world = sim_node(bed->sim, "client");
	bed->server_runner = runner_create(bed->server_world, "server", &err);
	bed->client_runner = runner_create(bed->client_world, "client", &err);
	bed->port = BED_PORT;
	bed_options(bed);
	return bed;
}

static UNUSED struct bed *bed_create_connected(uint64_t seed, const struct sim_options *options)
{
	struct bed *bed = bed_create(seed, options);

	bed_do(bed, bed->server_runner, bed_server_open);
	bed_do(bed, bed->client_runner, bed_client_open);
	assert_true(bed_run(bed, 10000, bed_connected));
	return bed;
}

/* Closes what is open, answers what is held, and looks for leaks. */
static void bed_destroy(struct bed *bed)
{
	if (bed->sim != NULL) { /* in world_os nothing sets them, and both runners read them */
		bed->on_up = NULL;
		bed->on_down = NULL;
		bed->on_fence = NULL;
	}
	bed_do(bed, bed->client_runner, bed_client_close);
	if (bed->server_dead)
		bed_server_close(bed);
	else
		bed_do(bed, bed->server_runner, bed_server_close);
	assert_int_equal(bed->client_ups, bed->client_downs);
	if (!bed->server_dead)
		assert_int_equal(bed->server_ups, bed->server_downs);
	bed_answer_held(bed);
	for (uint32_t i = 0; i < bed->calls_count; i++) {
		if (bed->calls[i].answers != 1)
			fail_msg("call %u was answered %d times", i, bed->calls[i].answers);
	}
	runner_destroy(&bed->client_runner);
	if (bed->server_runner != NULL)
		runner_destroy(&bed->server_runner);
	if (bed->server_world != bed->client_world)
		world_destroy(&bed->server_world);
	world_destroy(&bed->client_world);
	if (bed->sim != NULL)
		sim_destroy(&bed->sim);
	mem_free(bed);
	assert_int_equal(mem_bytes_out(), 0);
}

#endif
