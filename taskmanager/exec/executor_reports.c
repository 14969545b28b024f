/* SPDX-License-Identifier: Apache-2.0
 * executor_reports.c - what the TaskManager tells the JobManager: that it is there, that it lives,
 * and what became of its tasks.
 *
 * A state report is sent again until it is acknowledged (the JobMaster takes duplicates); a final
 * state waits for the job's printed lines, so that whoever sees the end has seen the output. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "common/metric/cpu.h"
#include "taskmanager/exec/executor_priv.h"

#define LOOK_AT_TRIES_MS 50

struct peer_call { /* a call whose answer only counts on the connection it was made on */
	struct task_executor *executor;
	struct rpc_peer *peer;
};

static struct peer_call *peer_call_create(struct task_executor *executor)
{
	struct peer_call *call = MEM_NEW(struct peer_call);

	*call = (struct peer_call){ executor, executor->peer };
	return call;
}

static void slot_reports(struct task_executor *executor, struct arena *arena,
			 Flink__SlotReport ***reports, size_t *count)
{
	uint32_t slots = executor->options.slots;

	*reports = arena_alloc(arena, slots * sizeof(**reports));
	*count = slots;
	for (uint32_t i = 0; i < slots; i++) {
		struct executor_slot *slot = &executor->slots[i];
		Flink__SlotReport *report = arena_alloc(arena, sizeof(*report));

		flink__slot_report__init(report);
		report->slot = i;
		if (slot->allocated) {
			report->allocation_id = id_to_message(&slot->allocation_id);
			report->job_id = id_to_message(&slot->job_id);
		}
		(*reports)[i] = report;
	}
}

/* ---- registration ---------------------------------------------------------------------------- */

/* Whoever leads now has counted as lost all that this TaskManager had: by a new leader it was never
 * known, and by the same one it was given up with the connection. */
static void begin_anew(struct task_executor *executor, uint64_t epoch)
{
	if (executor->leader_epoch != 0)
		executor_cancel_all(executor, executor->leader_epoch == epoch
						      ? "the JobManager had counted them as lost"
						      : "the JobManager was started anew");
	executor->leader_epoch = epoch;
}

static void registration_answered(const Flink__RegisterTaskManagerResponse *answer,
				  void *closure_data)
{
	struct peer_call *call = closure_data;
	struct task_executor *executor = call->executor;
	bool current = call->peer == executor->peer && executor->peer != NULL;

	mem_free(call);
	if (!current)
		return;
	executor->registering = false;
	if (answer == NULL && rpc_error()->code == ERR_NET_CLOSED)
		return; /* peer_down follows */
	if (answer == NULL) {
		log_warn(EXECUTOR_LOGGER, "The JobManager refused the registration: %s",
			 rpc_error()->text);
		executor->register_at =
			mono_after_ms(loop_now(runner_loop(executor->options.runner)), 500);
		agent_wake(&executor->agent);
		return;
	}
	begin_anew(executor, answer->leader_epoch);
	executor->heartbeat_interval_ms =
		answer->heartbeat_interval_ms > 0 ? answer->heartbeat_interval_ms : 1000;
	executor->heartbeat_timeout_ms =
		answer->heartbeat_timeout_ms > 0 ? answer->heartbeat_timeout_ms : 5000;
	executor->heartbeat_answered = loop_now(runner_loop(executor->options.runner));
	executor->heartbeat_at = executor->heartbeat_answered;
	executor->heartbeating = false;
	executor->lost_at = MONO_NEVER;
	executor->crash_told = true;
	atomic_store(&executor->registered, true);
	log_info(EXECUTOR_LOGGER,
		 "Successful registration at resource manager %s under leader epoch %016llx.",
		 rpc_peer_name(executor->peer), (unsigned long long)executor->leader_epoch);
	agent_wake(&executor->agent);
}

/* A number behind "NAME:" in a file of /proc, times 1 KiB; 0 when it cannot be read (the
 * simulator). */
static uint64_t proc_kib(struct task_executor *executor, const char *path, const char *name)
{
	struct err err;
	uint64_t value = 0;
	char *text;
	size_t size;

	if (world_is_sim(executor->world) ||
	    world_read_file(executor->world, path, 65536, &text, &size, &err) != 0)
		return 0;
	const char *at = strstr(text, name);

	if (at != NULL)
		value = strtoull(at + strlen(name), NULL, 10) * 1024;
	mem_free(text);
	return value;
}

void executor_watch_tries(struct task_executor *executor, mono_t now, mono_t *wake_at)
{
	if (executor->client == NULL || atomic_load(&executor->registered))
		return;
	pthread_mutex_lock(&executor->trouble_lock);
	executor->trouble = *rpc_client_error(executor->client);
	pthread_mutex_unlock(&executor->trouble_lock);
	*wake_at = mono_min(*wake_at, mono_after_ms(now, LOOK_AT_TRIES_MS)); /* nobody tells us */
}

bool task_executor_trouble(struct task_executor *executor, struct err *err)
{
	pthread_mutex_lock(&executor->trouble_lock);
	*err = executor->trouble;
	pthread_mutex_unlock(&executor->trouble_lock);
	return err->code != ERR_NONE && !atomic_load(&executor->registered);
}

static void describe_memory(const struct memory_budget *budget, Flink__MemoryConfiguration *into)
{
	flink__memory_configuration__init(into);
	into->framework_heap = budget->framework_heap_bytes;
	into->task_heap = budget->task_heap_bytes;
	into->framework_off_heap = budget->framework_off_heap_bytes;
	into->task_off_heap = budget->task_off_heap_bytes;
	into->jvm_metaspace = budget->metaspace_bytes;
	into->jvm_overhead = budget->overhead_bytes;
	into->total_flink = budget->flink_bytes;
}

void executor_register(struct task_executor *executor, struct rpc_peer *peer)
{
	Flink__RegisterTaskManagerRequest request = FLINK__REGISTER_TASK_MANAGER_REQUEST__INIT;
	struct arena *arena = arena_create("registration");
	const struct task_executor_options *options = &executor->options;
	struct rpc_fence fence = executor_fence(executor);
	Flink__MemoryConfiguration memory;
	struct rpc_stub stub;

	executor->peer = peer;
	executor->registering = true;
	executor->register_at = MONO_NEVER;
	request.resource_id = (char *)(uintptr_t)options->resource_id;
	request.incarnation = id_to_message(&options->incarnation);
	request.slots = options->slots;
	request.data_host = (char *)(uintptr_t)options->data_host;
	request.data_port = shuffle_port(options->shuffle);
	request.cpu_cores = world_cpu_count(executor->world);
	request.physical_memory_bytes = options->physical_memory_bytes;
	request.process_memory_bytes = options->budget.process_bytes;
	request.managed_memory_bytes = options->budget.managed_bytes;
	request.network_memory_bytes = options->budget.network_bytes;
	describe_memory(&options->budget, &memory);
	request.memory = &memory;
	request.segment_bytes = options->segment_bytes;
	request.rpc_address = (char *)(uintptr_t)arena_printf(
		arena, "%s:%u", options->data_host, (unsigned)shuffle_port(options->shuffle));
	if (executor->base.crash_note != NULL && !executor->crash_told) {
		request.crash_note = (char *)(uintptr_t)executor->base.crash_note;
		request.crash_operator = (char *)(uintptr_t)(executor->base.crash_operator ?
							     executor->base.crash_operator : "");
		request.crash_job_id = id_to_message(&executor->base.crash_job_id);
		request.crash_ms = executor->base.crash_at;
	}
	slot_reports(executor, arena, &request.slot_reports, &request.n_slot_reports);
	rpc_stub_init(&stub, peer, &flink__resource_manager__descriptor, &fence);
	flink__resource_manager__register_task_manager(rpc_stub_service(&stub), &request,
						       registration_answered,
						       peer_call_create(executor));
	arena_destroy(&arena);
}

/* ---- heartbeats ------------------------------------------------------------------------------ */

static void heartbeat_answered(const Flink__HeartbeatResponse *answer, void *closure_data)
{
	struct peer_call *call = closure_data;
	struct task_executor *executor = call->executor;
	bool current = call->peer == executor->peer && executor->peer != NULL;

	mem_free(call);
	if (!current)
		return;
	executor->heartbeating = false;
	if (answer != NULL) {
		executor->heartbeat_answered = loop_now(runner_loop(executor->options.runner));
		executor_metrics_answered(executor);
		if (answer->begin_anew)
			executor_cancel_all(executor, "the JobManager had given this "
						      "TaskManager up for its silence");
	} else if (rpc_error()->code == ERR_FENCED) {
		/* The JobManager has forgotten it altogether. */
		atomic_store(&executor->registered, false);
		executor_cancel_all(executor, "the JobManager had forgotten this TaskManager");
		executor->register_at = executor->heartbeat_answered;
	}
	agent_wake(&executor->agent);
}

/* 0: not known. */
static uint64_t cpu_time_ms(struct task_executor *executor)
{
	struct err err;
	uint64_t ms;
	char *text;
	size_t size;

	if (world_is_sim(executor->world) || world_read_file(executor->world, CPU_STAT_PATH,
							     CPU_STAT_BYTES_MAX, &text, &size,
							     &err) != 0)
		return 0;
	ms = cpu_ms_of_stat(text, sysconf(_SC_CLK_TCK));
	mem_free(text);
	return ms;
}

static void process_figures(struct task_executor *executor, Flink__HeartbeatRequest *request)
{
	struct segment_pool *pool = shuffle_pool(executor->options.shuffle);
	uint64_t resident = proc_kib(executor, "/proc/self/status", "VmRSS:");

	request->heap_used_bytes = resident > 0 ? resident : (uint64_t)mem_bytes_out();
	request->physical_memory_free_bytes = proc_kib(executor, "/proc/meminfo", "MemAvailable:");
	request->threads = (uint32_t)(proc_kib(executor, "/proc/self/status", "Threads:") / 1024);
	request->cpu_time_ms = cpu_time_ms(executor);
	request->segments_total = segment_pool_total(pool);
	request->segments_free = segment_pool_free(pool);
	for (uint32_t i = 0; i < executor->options.slots; i++)
		request->managed_used_bytes += managed_memory_used(&executor->slots[i].managed);
}

static void send_heartbeat(struct task_executor *executor)
{
	Flink__HeartbeatRequest request = FLINK__HEARTBEAT_REQUEST__INIT;
	struct arena *arena = arena_create("heartbeat");
	struct rpc_fence fence = executor_fence(executor);
	struct rpc_stub stub;

	slot_reports(executor, arena, &request.slot_reports, &request.n_slot_reports);
	executor_metrics_tell(executor, arena, &request);
	for (uint32_t i = 0; i < executor->options.slots; i++)
		if (executor->slots[i].runner != NULL)
			request.blocking_agents += runner_blocking_count(executor->slots[i].runner);
	process_figures(executor, &request);
	executor->heartbeating = true;
	rpc_stub_init(&stub, executor->peer, &flink__resource_manager__descriptor, &fence);
	stub.deadline_ms = executor->heartbeat_timeout_ms;
	flink__resource_manager__heartbeat(rpc_stub_service(&stub), &request, heartbeat_answered,
					   peer_call_create(executor));
	arena_destroy(&arena);
}

void executor_heartbeat(struct task_executor *executor, mono_t now, mono_t *wake_at)
{
	if (!atomic_load(&executor->registered) || executor->peer == NULL)
		return;
	mono_t overdue =
		mono_after_ms(executor->heartbeat_answered, executor->heartbeat_timeout_ms);

	if (now >= overdue) {
		struct err err;

		SOMETIMES("the JobManager does not answer heartbeats");
		err_set(&err, ERR_NET_TIMEOUT, "no heartbeat answer from the JobManager for %u ms",
			executor->heartbeat_timeout_ms);
		rpc_peer_close(executor->peer, &err);
		executor->heartbeat_answered = now; /* once; peer_down follows */
		return;
	}
	if (!executor->heartbeating && now >= executor->heartbeat_at) {
		executor->heartbeat_at = mono_after_ms(now, executor->heartbeat_interval_ms);
		send_heartbeat(executor);
	}
	*wake_at = mono_min(*wake_at, mono_min(overdue, executor->heartbeating ? MONO_NEVER :
							       executor->heartbeat_at));
}

/* ---- task states ---------------------------------------------------------------------------- */

struct report_call {
	struct task_executor *executor;
	struct id execution_id;
	uint32_t state; /* the one that was told */
};

static void report_answered(const Flink__Empty *answer, void *closure_data)
{
	struct report_call *call = closure_data;
	struct executor_task *task =
		map_get(call->executor->tasks, map_key_id(&call->execution_id));
	struct task_executor *executor = call->executor;
	uint32_t told = call->state;

	mem_free(call);
	if (task == NULL)
		return;
	task->sending = false;
	if (answer != NULL) {
		task->reported_state = told;
	} else if (rpc_error()->code == ERR_FENCED || rpc_error()->code == ERR_JOB_NOT_FOUND) {
		SOMETIMES("a task learns that nobody wants it any more");
		task->reported_state = told; /* nobody wants to know any more … */
		task->cancel_asked = true;
		if (task->task != NULL)
			task_cancel(task->task); /* … so nobody needs the task either */
	}
	agent_wake(&executor->agent);
}

void executor_report(struct executor_task *task)
{
	struct task_executor *executor = task->executor;
	bool final = sm_is_final(&task_states, task->state);

	if (task->sending || task->state == task->reported_state || executor->peer == NULL ||
	    !atomic_load(&executor->registered))
		return;
	if (final && !executor_output_drained(task->job)) {
		executor_output_push(task->job);
		return; /* tried again when the push is answered */
	}
	Flink__UpdateTaskStateRequest request = FLINK__UPDATE_TASK_STATE_REQUEST__INIT;
	Flink__ErrorMessage failure = FLINK__ERROR_MESSAGE__INIT;
	Flink__TaskMetrics metrics = FLINK__TASK_METRICS__INIT;
	struct arena *arena = arena_create("task report");
	struct rpc_fence fence = executor_fence(executor);
	struct report_call *call = MEM_NEW(struct report_call);
	struct rpc_stub stub;

	*call = (struct report_call){ executor, task->execution_id, task->state };
	fence.attempt = task->deployment->job_attempt;
	request.execution_id = id_to_message(&task->execution_id);
	request.state = (char *)(uintptr_t)sm_name(&task_states, task->state);
	if (task->state == TASK_FAILED) {
		err_to_message(&task->failure, &failure);
		request.failure = &failure;
		request.failed_operator =
			task->failed_operator ? task->failed_operator : (char *)(uintptr_t) "";
	}
	if (task->task != NULL) {
		task_report(task->task, arena, &metrics);
		metrics.sequence = ++executor->metrics_sequence;
		request.metrics = &metrics;
	}
	task->sending = true;
	rpc_stub_init(&stub, executor->peer, &flink__resource_manager__descriptor, &fence);
	flink__resource_manager__update_task_state(rpc_stub_service(&stub), &request,
						   report_answered, call);
	arena_destroy(&arena);
}

static void readers_told(const Flink__Empty *answer, void *closure_data)
{
	struct report_call *call = closure_data;
	struct executor_task *task =
		map_get(call->executor->tasks, map_key_id(&call->execution_id));
	struct task_executor *executor = call->executor;

	mem_free(call);
	if (task == NULL)
		return;
	task->reader_telling = false;
	if (answer != NULL || rpc_error()->code == ERR_FENCED ||
	    rpc_error()->code == ERR_JOB_NOT_FOUND)
		task->readers_ready &= task->readers_ready - 1; /* the lowest was told */
	agent_wake(&executor->agent);
}

void executor_tell_readers(struct executor_task *task)
{
	struct task_executor *executor = task->executor;

	if (task->readers_ready == 0 || task->reader_telling || executor->peer == NULL ||
	    !atomic_load(&executor->registered))
		return;
	Flink__ReaderReadyRequest request = FLINK__READER_READY_REQUEST__INIT;
	struct rpc_fence fence = executor_fence(executor);
	struct report_call *call = MEM_NEW(struct report_call);
	struct rpc_stub stub;

	*call = (struct report_call){ executor, task->execution_id, task->state };
	fence.attempt = task->deployment->job_attempt;
	request.execution_id = id_to_message(&task->execution_id);
	request.operator_ = (uint32_t)__builtin_ctz(task->readers_ready);
	task->reader_telling = true;
	rpc_stub_init(&stub, executor->peer, &flink__resource_manager__descriptor, &fence);
	flink__resource_manager__reader_ready(rpc_stub_service(&stub), &request, readers_told,
					      call);
}
