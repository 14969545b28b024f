/* SPDX-License-Identifier: Apache-2.0
 * fake_taskmanager.c - the scripted TaskManager of the JobManager's tests. */
#include "tests/lib/fake_taskmanager.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_sim.h"
#include "tests/lib/jobmanager_bed.h"


static struct fake_taskmanager *fake_of(Flink__TaskExecutor_Service *service)
{
	return (struct fake_taskmanager *)service;
}

static void answer_empty(Flink__Empty_Closure closure, void *data)
{
	Flink__Empty empty = FLINK__EMPTY__INIT;

	closure(&empty, data);
}

static void stub_of(struct fake_taskmanager *fake, struct rpc_stub *stub)
{
	struct rpc_fence fence = { .leader_epoch = fake->leader_epoch };

	memcpy(fence.incarnation, fake->incarnation.bytes, sizeof(fence.incarnation));
	rpc_stub_init(stub, fake->peer, &flink__resource_manager__descriptor, &fence);
}

/* ---- reports -------------------------------------------------------------------------------- */

static void reported(const Flink__Empty *answer, void *data)
{
	struct fake_taskmanager *fake = data;

	if (answer == NULL) {
		fake->refused_reports++;
		fake->report_code = rpc_error()->code;
	}
}

static void put_records(struct fake_taskmanager *fake, Flink__TaskMetrics *metrics)
{
	static uint32_t ids[] = { METRIC_RECORDS_IN, METRIC_RECORDS_OUT, METRIC_BUSY_US,
				  METRIC_IDLE_US, METRIC_BACKPRESSURED_US };

	fake->counts[0] = fake->counts[1] = fake->records;
	metrics->sequence = ++fake->sequence;
	metrics->ids = ids;
	metrics->values = fake->counts;
	metrics->n_ids = metrics->n_values = ARRAY_COUNT(ids);
}

static void report(struct fake_taskmanager *fake, struct fake_task *task, const char *state,
		   const struct err *why, struct rpc_stub *stub)
{
	Flink__UpdateTaskStateRequest request = FLINK__UPDATE_TASK_STATE_REQUEST__INIT;
	Flink__ErrorMessage message = FLINK__ERROR_MESSAGE__INIT;
	Flink__TaskMetrics metrics = FLINK__TASK_METRICS__INIT;

	task->state = state;
	request.execution_id = id_to_message(&task->execution_id);
	request.state = (char *)(uintptr_t)state;
	if (why != NULL) {
		err_to_message(why, &message);
		request.failure = &message;
	}
	if (task->operator != NULL)
		request.failed_operator = (char *)(uintptr_t)task->operator;
	if (fake->records > 0) {
		put_records(fake, &metrics);
		request.metrics = &metrics;
	}
	flink__resource_manager__update_task_state(rpc_stub_service(stub), &request, reported,
						   fake);
}

void fake_report(struct fake_taskmanager *fake, struct fake_task *task, const char *state,
		 const struct err *why)
{
	struct rpc_stub stub;

	CHECK(fake->peer != NULL, "%s is not connected", fake->resource_id);
	stub_of(fake, &stub);
	report(fake, task, state, why, &stub);
}

void fake_report_fenced(struct fake_taskmanager *fake, struct fake_task *task, const char *state,
			const struct rpc_fence *fence)
{
	struct rpc_stub stub;

	rpc_stub_init(&stub, fake->peer, &flink__resource_manager__descriptor, fence);
	report(fake, task, state, NULL, &stub);
}

void fake_print(struct fake_taskmanager *fake, const struct id *job_id, uint64_t offset,
		uint64_t dropped, const char *lines)
{
	Flink__PushOutputRequest request = FLINK__PUSH_OUTPUT_REQUEST__INIT;
	struct rpc_stub stub;

	stub_of(fake, &stub);
	request.job_id = id_to_message(job_id);
	request.offset = offset;
	request.dropped_bytes = dropped;
	request.lines = (ProtobufCBinaryData){ strlen(lines), (uint8_t *)(uintptr_t)lines };
	flink__resource_manager__push_output(rpc_stub_service(&stub), &request, reported, fake);
}

void fake_ready(struct fake_taskmanager *fake, const struct fake_task *task, uint32_t operator)
{
	Flink__ReaderReadyRequest request = FLINK__READER_READY_REQUEST__INIT;
	struct rpc_stub stub;

	stub_of(fake, &stub);
	request.execution_id = id_to_message(&task->execution_id);
	request.operator_ = operator;
	flink__resource_manager__reader_ready(rpc_stub_service(&stub), &request, reported, fake);
}

/* ---- the TaskExecutor service --------------------------------------------------------------- */

static void request_slot(Flink__TaskExecutor_Service *service,
			 const Flink__RequestSlotRequest *request, Flink__Empty_Closure closure,
			 void *data)
{
	struct fake_taskmanager *fake = fake_of(service);
	struct fake_slot *slot = &fake->slots[request->slot];
	struct err err = ERR_INIT;
	struct id id;

	CHECK(request->slot < fake->slots_count, "slot %u of %u", request->slot, fake->slots_count);
	CHECK(id_from_message(&request->allocation_id, &id), "no allocation id");
	if (fake->refuse_slots ||
	    (!id_is_none(&slot->allocation_id) && !id_equal(&slot->allocation_id, &id))) {
		err_set(&err, ERR_DEPLOY_FAILED, "slot %u is not free", request->slot);
		rpc_fail(data, &err);
		return;
	}
	slot->allocation_id = id;
	CHECK(id_from_message(&request->job_id, &slot->job_id), "no job id");
	if (fake->ignore_slots) {
		err_set(&err, ERR_NET_TIMEOUT, "it sleeps");
		rpc_fail(data, &err);
		return;
	}
	answer_empty(closure, data);
}

static void free_slot(Flink__TaskExecutor_Service *service, const Flink__FreeSlotRequest *request,
		      Flink__Empty_Closure closure, void *data)
{
	struct fake_taskmanager *fake = fake_of(service);

	for (uint32_t i = 0; i < fake->slots_count; i++)
		if (memcmp(fake->slots[i].allocation_id.bytes, request->allocation_id.data, 16) ==
		    0)
			fake->slots[i] = (struct fake_slot){ ID_NONE, ID_NONE };
	answer_empty(closure, data);
}

static bool has_slot(const struct fake_taskmanager *fake, const ProtobufCBinaryData *allocation_id)
{
	for (uint32_t i = 0; i < fake->slots_count; i++)
		if (memcmp(fake->slots[i].allocation_id.bytes, allocation_id->data, 16) == 0)
			return true;
	return false;
}

static void take_task(struct fake_taskmanager *fake, const Flink__TaskDeployment *deployment)
{
	struct fake_task *task = &fake->tasks[fake->tasks_count++];

	CHECK(fake->tasks_count <= FAKE_TASKS_MAX, "too many tasks");
	CHECK(has_slot(fake, &deployment->allocation_id), "a task for a slot that was not given");
	memset(task, 0, sizeof(*task));
	CHECK(id_from_message(&deployment->execution_id, &task->execution_id), "no execution id");
	CHECK(id_from_message(&deployment->job_id, &task->job_id), "no job id");
	task->vertex = deployment->vertex;
	task->subtask = deployment->subtask;
	task->attempt = deployment->attempt;
	task->job_attempt = deployment->job_attempt;
	task->inputs = (uint32_t)deployment->n_inputs;
	task->outputs = (uint32_t)deployment->n_outputs;
	if (task->inputs > 0) {
		task->producer_first = deployment->inputs[0]->producer_first;
		task->producer_last = deployment->inputs[0]->producer_last;
	}
	task->state = "CREATED";
}

static void take_placement(struct fake_taskmanager *fake, const Flink__SubmitTasksRequest *request)
{
	const Flink__Placement *placement = request->placement;

	CHECK((placement != NULL) != (request->placement_known != 0), "placement_known");
	if (placement == NULL)
		return;
	fake->placements++;
	fake->locations = (uint32_t)placement->n_locations;
	fake->slots_placed = (uint32_t)placement->n_slot_location;
	for (size_t i = 0; i < placement->n_slot_location; i++)
		CHECK(placement->slot_location[i] < placement->n_locations, "locations");
}

/* Refuses every task, or those of the vertex refuse_vertex - 1. */
static bool refuses(const struct fake_taskmanager *fake, const Flink__TaskDeployment *deployment)
{
	return fake->refuse_tasks || deployment->vertex + 1 == fake->refuse_vertex;
}

static void submit_tasks(Flink__TaskExecutor_Service *service,
			 const Flink__SubmitTasksRequest *request,
			 Flink__SubmitTasksResponse_Closure closure, void *data)
{
	struct fake_taskmanager *fake = fake_of(service);
	Flink__SubmitTasksResponse answer = FLINK__SUBMIT_TASKS_RESPONSE__INIT;
	Flink__TaskRefusal refusals[FAKE_TASKS_MAX], *table[FAKE_TASKS_MAX];
	Flink__ErrorMessage why = FLINK__ERROR_MESSAGE__INIT;
	uint32_t first = fake->tasks_count;
	struct err err = ERR_INIT;

	CHECK((request->graph != NULL) != (request->graph_known != 0), "graph and graph_known");
	if (fake->refuse_calls) {
		err_set(&err, ERR_DEPLOY_FAILED, "it is not in the mood");
		rpc_fail(data, &err);
		return;
	}
	take_placement(fake, request);
	fake->graphs += request->graph != NULL;
	fake->submits++;
	err_set(&err, ERR_ARTIFACT_SYMBOL, "symbol frobnicate is not there");
	err_to_message(&err, &why);
	answer.refused = table;
	for (size_t i = 0; i < request->n_tasks; i++) {
		if (!refuses(fake, request->tasks[i])) {
			take_task(fake, request->tasks[i]);
			continue;
		}
		CHECK(answer.n_refused < FAKE_TASKS_MAX, "too many tasks");
		table[answer.n_refused] = &refusals[answer.n_refused];
		flink__task_refusal__init(table[answer.n_refused]);
		table[answer.n_refused]->task = (uint32_t)i;
		table[answer.n_refused++]->why = &why;
	}
	closure(&answer, data);
	for (uint32_t i = first; i < fake->tasks_count && !fake->hold_tasks; i++) {
		fake_report(fake, &fake->tasks[i], "INITIALIZING", NULL);
		fake_report(fake, &fake->tasks[i], "RUNNING", NULL);
		if (fake->readers && fake->tasks[i].vertex == 0)
			fake_ready(fake, &fake->tasks[i], 0);
	}
}

static struct fake_task *find_execution(struct fake_taskmanager *fake,
					const ProtobufCBinaryData *id)
{
	for (uint32_t i = 0; i < fake->tasks_count; i++)
		if (memcmp(fake->tasks[i].execution_id.bytes, id->data, 16) == 0)
			return &fake->tasks[i];
	return NULL;
}

static bool is_final(const struct fake_task *task)
{
	return strcmp(task->state, "FINISHED") == 0 || strcmp(task->state, "CANCELED") == 0 ||
	       strcmp(task->state, "FAILED") == 0;
}

static void cancel_task(Flink__TaskExecutor_Service *service,
			const Flink__CancelTaskRequest *request, Flink__Empty_Closure closure,
			void *data)
{
	struct fake_taskmanager *fake = fake_of(service);
	struct fake_task *task = find_execution(fake, &request->execution_id);
	struct err err = ERR_INIT;

	if (task == NULL) {
		err_set(&err, ERR_FENCED, "there is no such task here");
		rpc_fail(data, &err);
		return;
	}
	task->cancel_asked = true;
	answer_empty(closure, data);
	if (!fake->hold_cancels && !is_final(task))
		fake_report(fake, task, "CANCELED", NULL);
}

static void add_splits(Flink__TaskExecutor_Service *service, const Flink__AddSplitsRequest *request,
		       Flink__Empty_Closure closure, void *data)
{
	struct fake_task *task = find_execution(fake_of(service), &request->execution_id);

	CHECK(task != NULL, "splits for nobody");
	for (size_t i = 0; i < request->n_splits; i++) {
		CHECK(!task->no_more, "a split after the last");
		CHECK(task->splits == 0 || request->splits[i]->id > task->last_split,
		      "splits out of order");
		task->last_split = request->splits[i]->id;
		task->splits++;
	}
	task->no_more |= request->no_more != 0;
	answer_empty(closure, data);
}

static void release_job(Flink__TaskExecutor_Service *service,
			const Flink__ReleaseJobRequest *request, Flink__Empty_Closure closure,
			void *data)
{
	fake_of(service)->released++;
	answer_empty(closure, data);
}

/* ---- files ---------------------------------------------------------------------------------- */

static bool ignores(struct fake_taskmanager *fake, void *data)
{
	if (!fake->ignore_files)
		return false;
	CHECK(fake->ignored_count < ARRAY_COUNT(fake->ignored), "too many calls to ignore");
	fake->ignored[fake->ignored_count++] = data;
	return true;
}

static void list_files(Flink__TaskExecutor_Service *service, const Flink__ListFilesRequest *request,
		       Flink__ListFilesResponse_Closure closure, void *data)
{
	Flink__FileInfo info = FLINK__FILE_INFO__INIT, *infos[] = { &info };
	Flink__ListFilesResponse answer = FLINK__LIST_FILES_RESPONSE__INIT;

	if (ignores(fake_of(service), data))
		return;
	info.name = (char *)(uintptr_t)"fake.log";
	info.size_bytes = FAKE_LOG_LINES * FAKE_LOG_LINE_BYTES;
	info.modified_ms = 1700000000000;
	info.is_log = true;
	answer.n_files = 1;
	answer.files = infos;
	closure(&answer, data);
}

static void read_file(Flink__TaskExecutor_Service *service, const Flink__ReadFileRequest *request,
		      Flink__ReadFileResponse_Closure closure, void *data)
{
	Flink__ReadFileResponse answer = FLINK__READ_FILE_RESPONSE__INIT;
	struct err err = ERR_INIT;
	struct buf text;

	if (ignores(fake_of(service), data))
		return;
	if (strcmp(request->name, "log") != 0 && strcmp(request->name, "fake.log") != 0) {
		err_set(&err, ERR_IO, "there is no log file \"%s\"", request->name);
		rpc_fail(data, &err);
		return;
	}
	buf_init(&text);
	for (uint32_t i = 0; i < FAKE_LOG_LINES; i++)
		buf_printf(&text, "line %07u\n", i);
	answer.size_bytes = text.size_bytes;
	if (request->offset < text.size_bytes) {
		uint64_t left = text.size_bytes - request->offset;

		answer.content.data = (uint8_t *)text.data + request->offset;
		answer.content.len = left < request->max_bytes ? left : request->max_bytes;
	}
	closure(&answer, data);
	buf_fini(&text);
}

/* A page from the line at `from` on, three lines long. */
static void read_lines(Flink__TaskExecutor_Service *service, const Flink__ReadLinesRequest *request,
		       Flink__ReadLinesResponse_Closure closure, void *data)
{
	Flink__ReadLinesResponse answer = FLINK__READ_LINES_RESPONSE__INIT;
	Flink__LogLine lines[3], *table[3];
	char texts[3][16];

	if (ignores(fake_of(service), data))
		return;
	answer.missing = strcmp(request->name, "fake.log") != 0;
	answer.size_bytes = FAKE_LOG_LINES * FAKE_LOG_LINE_BYTES;
	answer.from = request->from < 0 ? answer.size_bytes - sizeof(lines) / sizeof(lines[0]) *
								      FAKE_LOG_LINE_BYTES
					: (uint64_t)request->from;
	answer.mark = (char *)(uintptr_t)"0123456789abcdef";
	answer.lines = table;
	for (uint32_t i = 0; i < 3; i++) {
		table[i] = &lines[i];
		flink__log_line__init(&lines[i]);
		lines[i].at = answer.from + i * FAKE_LOG_LINE_BYTES;
		snprintf(texts[i], sizeof(texts[i]), "line %07u",
			 (unsigned)(lines[i].at / FAKE_LOG_LINE_BYTES));
		lines[i].text = (ProtobufCBinaryData){ strlen(texts[i]), (uint8_t *)texts[i] };
	}
	answer.n_lines = 3;
	answer.next = answer.from + sizeof(lines) / sizeof(lines[0]) * FAKE_LOG_LINE_BYTES;
	closure(&answer, data);
}

static void thread_dump(Flink__TaskExecutor_Service *service, const Flink__Empty *request,
			Flink__ThreadDumpResponse_Closure closure, void *data)
{
	Flink__KeyValue thread = FLINK__KEY_VALUE__INIT, *threads[] = { &thread };
	Flink__ThreadDumpResponse answer = FLINK__THREAD_DUMP_RESPONSE__INIT;

	thread.key = (char *)(uintptr_t)"slot-0";
	thread.value = (char *)(uintptr_t)"\"slot-0\" idle\n";
	answer.n_threads = 1;
	answer.threads = threads;
	closure(&answer, data);
}

/* "Sum" computed in add, seven samples, and waited three; the last node is damaged. */
static void sample_stacks(Flink__TaskExecutor_Service *service,
			  const Flink__SampleStacksRequest *request,
			  Flink__SampleStacksResponse_Closure closure, void *data)
{
	static const struct {
		const char *name;
		uint32_t parent, on, off;
	} rows[] = { { "Sum", 0, 0, 0 }, { "add", 1, 7, 0 }, { "waits in read", 1, 0, 3 },
		     { "adrift", 9, 1, 1 } };
	Flink__SampleStacksResponse answer = FLINK__SAMPLE_STACKS_RESPONSE__INIT;
	Flink__StackNode nodes[ARRAY_COUNT(rows)], *table[ARRAY_COUNT(rows)];
	char names[ARRAY_COUNT(rows)][16];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		flink__stack_node__init(&nodes[i]);
		nodes[i].name = names[i];
		memcpy(names[i], rows[i].name, strlen(rows[i].name) + 1);
		nodes[i].parent = rows[i].parent;
		nodes[i].on_cpu = rows[i].on;
		nodes[i].off_cpu = rows[i].off;
		table[i] = &nodes[i];
	}
	answer.n_nodes = ARRAY_COUNT(rows);
	answer.nodes = table;
	answer.tasks = (uint32_t)request->n_execution_ids;
	closure(&answer, data);
}

static const Flink__TaskExecutor_Service fake_service = {
	.base = { &flink__task_executor__descriptor, protobuf_c_service_invoke_internal, NULL },
	.request_slot = request_slot,
	.free_slot = free_slot,
	.submit_tasks = submit_tasks,
	.cancel_task = cancel_task,
	.add_splits = add_splits,
	.release_job = release_job,
	.list_files = list_files,
	.read_file = read_file,
	.read_lines = read_lines,
	.thread_dump = thread_dump,
	.sample_stacks = sample_stacks,
};

/* ---- membership ----------------------------------------------------------------------------- */

static Flink__SlotReport **slot_reports(struct fake_taskmanager *fake, struct arena *arena)
{
	Flink__SlotReport **table = arena_alloc(arena, fake->slots_count * sizeof(*table));

	for (uint32_t i = 0; i < fake->slots_count; i++) {
		table[i] = arena_alloc(arena, sizeof(*table[i]));
		flink__slot_report__init(table[i]);
		table[i]->slot = i;
		if (!id_is_none(&fake->slots[i].allocation_id)) {
			table[i]->allocation_id = id_to_message(&fake->slots[i].allocation_id);
			table[i]->job_id = id_to_message(&fake->slots[i].job_id);
		}
	}
	return table;
}

static void registered(const Flink__RegisterTaskManagerResponse *answer, void *data)
{
	struct fake_taskmanager *fake = data;

	if (answer == NULL)
		return; /* the connection broke; peer_up comes again */
	fake->leader_epoch = answer->leader_epoch;
	fake->registered = true;
	fake->crash_note = NULL;
	agent_wake(&fake->agent);
}

static void register_now(struct fake_taskmanager *fake)
{
	Flink__RegisterTaskManagerRequest request = FLINK__REGISTER_TASK_MANAGER_REQUEST__INIT;
	Flink__MemoryConfiguration memory = FLINK__MEMORY_CONFIGURATION__INIT;
	struct arena *arena = arena_create("registration");
	struct rpc_stub stub;

	stub_of(fake, &stub);
	request.resource_id = fake->resource_id;
	request.incarnation = id_to_message(&fake->incarnation);
	request.slots = fake->slots_count;
	request.data_host = (char *)(uintptr_t)world_host_name(fake->world);
	request.data_port = 7000;
	request.process_memory_bytes = FAKE_MEMORY_BYTES;
	request.cpu_cores = 2;
	request.managed_memory_bytes = FAKE_MEMORY_BYTES / 4;
	request.network_memory_bytes = FAKE_MEMORY_BYTES / 8;
	request.memory = &memory;
	memory.task_heap = FAKE_MEMORY_BYTES / 2;
	memory.jvm_overhead = FAKE_MEMORY_BYTES / 8;
	memory.total_flink = FAKE_MEMORY_BYTES / 8 * 7;
	request.n_slot_reports = fake->slots_count;
	request.slot_reports = slot_reports(fake, arena);
	if (fake->crash_note != NULL) {
		request.crash_note = (char *)(uintptr_t)fake->crash_note;
		request.crash_operator =
			(char *)(uintptr_t)(fake->crash_operator ? fake->crash_operator : "");
		request.crash_job_id = id_to_message(&fake->crash_job_id);
	}
	flink__resource_manager__register_task_manager(rpc_stub_service(&stub), &request,
						       registered, fake);
	arena_destroy(&arena);
}

static void heartbeat_answered(const Flink__HeartbeatResponse *answer, void *data)
{
	struct fake_taskmanager *fake = data;

	fake->begun_anew += answer != NULL && answer->begin_anew;
	if (answer == NULL && rpc_error()->code == ERR_FENCED && fake->peer != NULL) {
		fake->registered = false;
		register_now(fake);
	}
}

void fake_heartbeat(struct fake_taskmanager *fake)
{
	Flink__HeartbeatRequest request = FLINK__HEARTBEAT_REQUEST__INIT;
	struct arena *arena = arena_create("heartbeat");
	struct rpc_stub stub;

	fake->records += fake->records_each;
	for (size_t i = 0; i < ARRAY_COUNT(fake->times_each); i++)
		fake->counts[2 + i] += fake->times_each[i];
	request.heap_used_bytes = fake->heap_bytes;
	request.cpu_time_ms = fake->cpu_ms += fake->cpu_ms_each;
	stub_of(fake, &stub);
	request.n_slot_reports = fake->slots_count;
	request.slot_reports = slot_reports(fake, arena);
	request.tasks = arena_alloc(arena, fake->tasks_count * sizeof(*request.tasks));
	for (uint32_t i = 0; i < fake->tasks_count; i++) {
		if (strcmp(fake->tasks[i].state, "RUNNING") != 0)
			continue;
		Flink__TaskMetrics *metrics = arena_alloc(arena, sizeof(*metrics));

		flink__task_metrics__init(metrics);
		metrics->execution_id = id_to_message(&fake->tasks[i].execution_id);
		put_records(fake, metrics);
		metrics->status_told = true;
		metrics->status_text = fake->status_text;
		request.tasks[request.n_tasks++] = metrics;
	}
	flink__resource_manager__heartbeat(rpc_stub_service(&stub), &request, heartbeat_answered,
					   fake);
	arena_destroy(&arena);
}

static enum step fake_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct fake_taskmanager *fake = CONTAINER_OF(agent, struct fake_taskmanager, agent);

	if (now >= fake->heartbeat_at) {
		fake->heartbeat_at = mono_after_ms(now, FAKE_HEARTBEAT_MS);
		if (fake->registered && fake->peer != NULL && !fake->mute)
			fake_heartbeat(fake);
	}
	*wake_at = fake->heartbeat_at;
	return STEP_IDLE;
}

static void peer_up(void *context, struct rpc_peer *peer)
{
	struct fake_taskmanager *fake = context;

	fake->peer = peer;
	register_now(fake);
}

static void peer_down(void *context, struct rpc_peer *peer, const struct err *why)
{
	struct fake_taskmanager *fake = context;

	fake->peer = NULL;
	fake->registered = false;
}

struct fake_taskmanager *fake_taskmanager_create(struct world *world, const char *resource_id,
						 uint32_t slots)
{
	return fake_taskmanager_create_at(world, "jobmanager", 6123, resource_id, slots);
}

struct fake_taskmanager *fake_taskmanager_create_at(struct world *world, const char *host,
						    uint16_t port, const char *resource_id,
						    uint32_t slots)
{
	struct fake_taskmanager *fake = MEM_NEW(struct fake_taskmanager);
	struct rpc_options options = {
		/* At "@name" there is nothing to prove, as in taskmanager.c. */
		.secret = host[0] == '@' ? BYTES_EMPTY : bytes_of_text(BED_SECRET),
		.role = "taskmanager",
		.services = { &fake->service.base },
		.services_count = 1,
		.peer_up = peer_up,
		.peer_down = peer_down,
		.context = fake,
	};
	struct err err = ERR_INIT;

	CHECK(slots <= FAKE_SLOTS_MAX, "%u slots", slots);
	fake->service = fake_service;
	fake->world = world;
	fake->slots_count = slots;
	snprintf(fake->resource_id, sizeof(fake->resource_id), "%s", resource_id);
	world_random_bytes(world, &fake->incarnation, sizeof(fake->incarnation));
	options.incarnation = fake->incarnation;
	fake->runner = runner_create(world, "taskmanager", &err);
	CHECK(fake->runner != NULL, "%s", err.text);
	agent_init(&fake->agent, "taskmanager", fake_step);
	runner_add(fake->runner, &fake->agent);
	CHECK(rpc_client_open(fake->runner, host, port, &options, &fake->client, &err) == 0,
	      "%s", err.text);
	return fake;
}

void fake_taskmanager_destroy(struct fake_taskmanager **fake)
{
	struct err gone = ERR_INIT;

	if (*fake == NULL)
		return;
	runner_destroy(&(*fake)->runner);
	rpc_client_close(&(*fake)->client);
	err_set(&gone, ERR_NET_CLOSED, "it is gone");
	for (uint32_t i = 0; i < (*fake)->ignored_count; i++)
		rpc_fail((*fake)->ignored[i], &gone);
	mem_free(*fake);
	*fake = NULL;
}

/* ---- questions ------------------------------------------------------------------------------ */

struct fake_task *fake_task_find(struct fake_taskmanager *fake, uint32_t vertex, uint32_t subtask)
{
	for (uint32_t i = fake->tasks_count; i-- > 0;)
		if (fake->tasks[i].vertex == vertex && fake->tasks[i].subtask == subtask)
			return &fake->tasks[i];
	return NULL;
}

uint32_t fake_slots_held(const struct fake_taskmanager *fake)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < fake->slots_count; i++)
		count += !id_is_none(&fake->slots[i].allocation_id);
	return count;
}

uint32_t fake_tasks_in(const struct fake_taskmanager *fake, const char *state)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < fake->tasks_count; i++)
		count += strcmp(fake->tasks[i].state, state) == 0;
	return count;
}
