/* SPDX-License-Identifier: Apache-2.0
 * taskmanagers.c - /taskmanagers and below. What only the TaskManager knows (files, threads) is
 * asked from it over RPC, in pieces; the answer comes later. */
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/record/record.h"
#include "jobmanager/rest/door_http.h"
#include "jobmanager/rest/rest_priv.h"
#include "task_executor.pb-c.h"

#define CHUNK_BYTES (1024 * 1024)
#define SLOT_TASKS_MAX 256

/* ---- what the ResourceManager knows --------------------------------------------------------- */

/* So many slots' share of what the TaskManager has, in MiB. */
static void put_resource(struct json_out *json, const char *key,
			 const struct taskmanager_info *info, uint32_t slots)
{
	double share = info->slots_count > 0 ? (double)slots / info->slots_count : 0;

	json_out_object(json, key);
	json_out_real(json, "cpuCores", info->cpu_cores * share);
	json_out_int(json, "taskHeapMemory",
		     (int64_t)((double)(info->memory.task_heap_bytes >> 20) * share));
	json_out_int(json, "taskOffHeapMemory",
		     (int64_t)((double)(info->memory.task_off_heap_bytes >> 20) * share));
	json_out_int(json, "managedMemory",
		     (int64_t)((double)(info->managed_memory_bytes >> 20) * share));
	json_out_int(json, "networkMemory",
		     (int64_t)((double)(info->network_memory_bytes >> 20) * share));
	json_out_object(json, "extendedResources");
	json_out_close(json);
	json_out_close(json);
}

/* None is left out, pages want them all. */
static void put_memory(struct json_out *json, const struct taskmanager_info *info)
{
	json_out_object(json, "memoryConfiguration");
	json_out_count(json, "frameworkHeap", info->memory.framework_heap_bytes);
	json_out_count(json, "taskHeap", info->memory.task_heap_bytes);
	json_out_count(json, "frameworkOffHeap", info->memory.framework_off_heap_bytes);
	json_out_count(json, "taskOffHeap", info->memory.task_off_heap_bytes);
	json_out_count(json, "networkMemory", info->network_memory_bytes);
	json_out_count(json, "managedMemory", info->managed_memory_bytes);
	json_out_count(json, "jvmMetaspace", info->memory.metaspace_bytes);
	json_out_count(json, "jvmOverhead", info->memory.overhead_bytes);
	json_out_count(json, "totalFlinkMemory", info->memory.flink_bytes);
	json_out_count(json, "totalProcessMemory", info->process_memory_bytes);
	json_out_close(json);
}

/* Tasks on each TaskManager: one pass over all there are, whatever the number of TaskManagers. */
struct task_counts {
	struct map *counts; /* struct taskmanager_info *, or struct slot * -> uint32_t * */
	struct arena *arena;
};

static struct bytes counts_key(const void *const *place)
{
	return bytes_of(place, sizeof(*place));
}

static void count(struct task_counts *tasks, const void *place)
{
	uint32_t *sum = map_get(tasks->counts, counts_key(&place));

	if (sum == NULL) {
		sum = arena_alloc(tasks->arena, sizeof(*sum));
		map_put(tasks->counts, counts_key(&place), sum);
	}
	++*sum;
}

static uint32_t tasks_at(const struct task_counts *tasks, const void *place)
{
	const uint32_t *sum = map_get(tasks->counts, counts_key(&place));

	return sum != NULL ? *sum : 0;
}

static void count_job(struct task_counts *tasks, const struct job *job)
{
	for (size_t v = 0; v < job->graph->n_vertices && !job_is_final(job); v++)
		for (uint32_t i = 0; i < job->graph->vertices[v]->parallelism; i++) {
			const struct slot *slot = job->vertices[v].executions[i].slot;

			if (slot == NULL || slot->taskmanager == NULL)
				continue;
			count(tasks, slot->taskmanager);
			count(tasks, slot);
		}
}

static struct task_counts count_tasks(const struct rest *rest)
{
	struct task_counts tasks = { map_create(), arena_create("task counts") };

	LIST_FOR_EACH (dispatcher_jobs(rest->dispatcher), struct job, node, job)
		count_job(&tasks, job);
	return tasks;
}

static void task_counts_fini(struct task_counts *tasks)
{
	map_destroy(&tasks->counts);
	arena_destroy(&tasks->arena);
}

/* Leaves the object open. */
static void begin_taskmanager(struct json_out *json, const struct task_counts *tasks,
			      const struct taskmanager_info *info)
{
	uint32_t available = info->available ? info->slots_free : 0;

	json_out_object(json, NULL);
	json_out_text(json, "id", info->resource_id);
	json_out_text(json, "path", info->rpc_address != NULL ? info->rpc_address : "");
	json_out_int(json, "dataPort", info->data_port);
	json_out_int(json, "jmxPort", -1);
	json_out_int(json, "timeSinceLastHeartbeat",
		     info->last_heartbeat_ms); /* a moment, whatever its name */
	json_out_int(json, "slotsNumber", info->slots_count);
	json_out_int(json, "freeSlots", available);
	json_out_int(json, "assignedTasks", tasks_at(tasks, info));
	put_resource(json, "totalResource", info, info->slots_count);
	put_resource(json, "freeResource", info, available);
	json_out_object(json, "hardware");
	json_out_int(json, "cpuCores", info->cpu_cores);
	json_out_count(json, "physicalMemory", info->physical_memory_bytes);
	json_out_count(json, "freeMemory", /* the heap, whatever its name */
		       info->memory.framework_heap_bytes + info->memory.task_heap_bytes);
	json_out_count(json, "managedMemory", info->managed_memory_bytes);
	json_out_close(json);
	put_memory(json, info);
}

void rest_taskmanagers(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;
	struct task_counts tasks = count_tasks(rest);

	json_out_object(json, NULL);
	json_out_array(json, "taskmanagers");
	LIST_FOR_EACH (resource_manager_taskmanagers(dispatcher_resource_manager(rest->dispatcher)),
		       struct taskmanager_info, node, info) {
		if (!info->available)
			continue;
		begin_taskmanager(json, &tasks, info);
		json_out_close(json);
	}
	task_counts_fini(&tasks);
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

static void put_metrics(struct json_out *json, const struct taskmanager_info *info)
{
	uint64_t used = info->segments_total - info->segments_free, segment = info->segment_bytes;
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "heapUsed", info->heap_used_bytes },
		{ "heapCommitted", info->heap_used_bytes },
		{ "heapMax", info->process_memory_bytes },
		{ "nonHeapUsed", 0 },
		{ "nonHeapCommitted", 0 },
		{ "nonHeapMax", 1 }, /* pages divide by it */
		{ "directCount", 0 },
		{ "directUsed", 0 },
		{ "directMax", 1 },
		{ "mappedCount", 0 },
		{ "mappedUsed", 0 },
		{ "mappedMax", 1 },
		{ "memorySegmentsAvailable", info->segments_free },
		{ "memorySegmentsTotal", info->segments_total },
		{ "nettyShuffleMemorySegmentsAvailable", info->segments_free },
		{ "nettyShuffleMemorySegmentsUsed", used },
		{ "nettyShuffleMemorySegmentsTotal", info->segments_total },
		{ "nettyShuffleMemoryAvailable", info->segments_free * segment },
		{ "nettyShuffleMemoryUsed", used * segment },
		{ "nettyShuffleMemoryTotal", info->segments_total * segment },
	};

	json_out_object(json, "metrics");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		json_out_count(json, rows[i].name, rows[i].value);
	json_out_array(json, "garbageCollectors");
	json_out_close(json);
	json_out_close(json);
}

/* Ours: which subtasks sit in a slot, the first SLOT_TASKS_MAX of them. */
static void put_slot_tasks(struct json_out *json, struct rest *rest, const struct slot *slot)
{
	const struct job *job = dispatcher_find(rest->dispatcher, &slot->job_id);
	uint32_t put = 0;

	json_out_text(json, "jobName", job != NULL ? job->name : "");
	json_out_array(json, "tasks");
	for (size_t v = 0; job != NULL && v < job->graph->n_vertices; v++)
		for (uint32_t i = 0; i < job->vertices[v].message->parallelism; i++) {
			const struct execution *execution = &job->vertices[v].executions[i];

			if (execution->slot != slot || put++ >= SLOT_TASKS_MAX)
				continue;
			json_out_object(json, NULL);
			json_out_id(json, "vertex", &job->vertices[v].id);
			json_out_text(json, "name", job->vertices[v].message->name);
			json_out_int(json, "subtask", i);
			json_out_text(json, "status", sm_name(&execution_states, execution->state));
			json_out_close(json);
		}
	json_out_close(json);
}

void rest_taskmanager(struct rest *rest, struct rest_request *request)
{
	struct taskmanager_info *info = rest_find_taskmanager(rest, request);
	struct json_out *json = &request->json;

	if (info == NULL)
		return;
	struct task_counts tasks = count_tasks(rest);

	begin_taskmanager(json, &tasks, info);
	json_out_array(json, "allocatedSlots");
	for (uint32_t i = 0; i < info->slots_count; i++) {
		if (info->slots[i].state != SLOT_ALLOCATED)
			continue;
		json_out_object(json, NULL);
		json_out_int(json, "index", i); /* ours */
		json_out_id(json, "jobId", &info->slots[i].job_id);
		put_resource(json, "resource", info, 1);
		json_out_int(json, "assignedTasks", tasks_at(&tasks, &info->slots[i]));
		put_slot_tasks(json, rest, &info->slots[i]);
		json_out_close(json);
	}
	json_out_close(json);
	task_counts_fini(&tasks);
	put_metrics(json, info);
	json_out_close(json);
	rest_answer(request, 200);
}

/* ---- what the TaskManager itself must be asked ---------------------------------------------- */

struct rpc_stub rest_taskmanager_stub(const struct taskmanager_info *info)
{
	struct rpc_fence fence = { 0 };
	struct rpc_stub stub;

	memcpy(fence.incarnation, info->incarnation.bytes, sizeof(fence.incarnation));
	rpc_stub_init(&stub, info->peer, &flink__task_executor__descriptor, &fence);
	return stub;
}

/* Whether all of an address is text: in a message to a TaskManager nothing else may stand, or the
 * connection is cut, and its tasks with it. */
static bool is_text(const struct rest_request *request)
{
	char *query = request->query != NULL
			      ? door_decode(request->query, strlen(request->query), true)
			      : NULL;
	bool good = query == NULL || utf8_valid(query, strlen(query));

	for (uint32_t i = 0; i < request->parameters_count; i++)
		good = good && utf8_valid(request->parameters[i].value,
					  strlen(request->parameters[i].value));
	mem_free(query);
	return good;
}

struct taskmanager_info *rest_reachable_taskmanager(struct rest *rest,
						     struct rest_request *request)
{
	struct taskmanager_info *info = rest_find_taskmanager(rest, request);

	if (info != NULL && !is_text(request)) {
		rest_answer_error(request, 400,
				  "Bad request, could not parse parameters: the address is not "
				  "UTF-8.");
		return NULL;
	}
	if (info != NULL && info->peer == NULL) {
		rest_answer_error(request, 503, "TaskManager %s is not connected just now",
				  info->resource_id);
		return NULL;
	}
	return info;
}

static void files_listed(const Flink__ListFilesResponse *answer, void *closure_data)
{
	struct rest_request *request = closure_data;
	struct json_out *json = &request->json;

	if (answer == NULL) {
		rest_answer_err(request, rpc_error());
		return;
	}
	json_out_object(json, NULL);
	json_out_array(json, "logs");
	for (size_t i = 0; i < answer->n_files; i++) {
		json_out_object(json, NULL);
		json_out_text(json, "name", answer->files[i]->name);
		json_out_count(json, "size", answer->files[i]->size_bytes);
		json_out_int(json, "mtime", answer->files[i]->modified_ms);
		rest_put_file_kind(json, answer->files[i]->is_log, answer->files[i]->is_stdout);
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_taskmanager_logs(struct rest *rest, struct rest_request *request)
{
	struct taskmanager_info *info = rest_reachable_taskmanager(rest, request);
	Flink__ListFilesRequest message = FLINK__LIST_FILES_REQUEST__INIT;

	if (info == NULL)
		return;
	struct rpc_stub stub = rest_taskmanager_stub(info);

	rest_defer(request);
	flink__task_executor__list_files(rpc_stub_service(&stub), &message, files_listed, request);
}

/* ---- a file, piece by piece: the first tells how long it is, which settles where to begin --- */

struct file_read {
	struct rest_request *request;
	char *resource_id, *name;
	struct buf content;
	uint64_t tail_bytes, begin, end; /* end 0: not known yet */
};

static void file_read_free(struct file_read *read)
{
	mem_free(read->resource_id);
	mem_free(read->name);
	buf_fini(&read->content);
	mem_free(read);
}

static void ask_for_more(struct file_read *read, const struct taskmanager_info *info);

static bool is_main_file(const struct file_read *read)
{
	return strcmp(read->name, "log") == 0 || strcmp(read->name, "stdout") == 0;
}

static void file_failed(struct file_read *read, const struct err *err)
{
	if (err->code != ERR_IO)
		rest_answer_err(read->request, err);
	else if (is_main_file(read))
		rest_answer_error(
			read->request, 404,
			"TaskManager %s has no file for its %s; see the terminal it was started in.",
			read->resource_id, read->name);
	else
		rest_answer_error(read->request, 404, "%s", err->text);
	file_read_free(read);
}

/* True: there is more to ask for. */
static bool take_part(struct file_read *read, const Flink__ReadFileResponse *part)
{
	if (read->end == 0) {
		read->end = part->size_bytes;
		read->begin = rest_file_skip(part->size_bytes, read->tail_bytes);
		if (read->begin > 0)
			return true; /* this was the beginning of it; the end is wanted */
	}
	uint64_t left = read->end - read->begin - read->content.size_bytes;

	buf_add(&read->content, part->content.data,
		part->content.len < left ? part->content.len : (size_t)left);
	return part->content.len > 0 && part->content.len < left;
}

static void file_part(const Flink__ReadFileResponse *part, void *closure_data)
{
	struct file_read *read = closure_data;
	struct rest *rest = read->request->rest;

	if (part == NULL) {
		file_failed(read, rpc_error());
		return;
	}
	if (!take_part(read, part)) {
		rest_file_finish(&read->content, read->begin, read->tail_bytes);
		rest_answer_text(read->request, &read->content);
		file_read_free(read);
		return;
	}
	struct taskmanager_info *info = resource_manager_find(
		dispatcher_resource_manager(rest->dispatcher), read->resource_id);

	if (info != NULL && info->peer != NULL) {
		ask_for_more(read, info);
		return;
	}
	rest_answer_error(read->request, 503, "TaskManager %s went away while its file was read",
			  read->resource_id);
	file_read_free(read);
}

static void ask_for_more(struct file_read *read, const struct taskmanager_info *info)
{
	Flink__ReadFileRequest message = FLINK__READ_FILE_REQUEST__INIT;
	struct rpc_stub stub = rest_taskmanager_stub(info);

	message.name = read->name;
	message.offset = read->begin + read->content.size_bytes;
	message.max_bytes = CHUNK_BYTES;
	flink__task_executor__read_file(rpc_stub_service(&stub), &message, file_part, read);
}

static void read_file(struct rest *rest, struct rest_request *request, const char *name)
{
	struct taskmanager_info *info = rest_reachable_taskmanager(rest, request);
	struct file_read *read;
	uint64_t tail_bytes;

	if (info == NULL || !rest_file_tail(request, &tail_bytes))
		return;
	read = MEM_NEW(struct file_read);
	read->request = request;
	read->resource_id = mem_strdup(info->resource_id);
	read->name = mem_strdup(name);
	read->tail_bytes = tail_bytes;
	buf_init(&read->content);
	rest_defer(request);
	ask_for_more(read, info);
}

void rest_taskmanager_log(struct rest *rest, struct rest_request *request)
{
	read_file(rest, request, "log");
}

void rest_taskmanager_stdout(struct rest *rest, struct rest_request *request)
{
	read_file(rest, request, "stdout");
}

void rest_taskmanager_file(struct rest *rest, struct rest_request *request)
{
	read_file(rest, request, rest_parameter(request, "filename"));
}

/* ---- threads -------------------------------------------------------------------------------- */

static void threads_dumped(const Flink__ThreadDumpResponse *answer, void *closure_data)
{
	struct rest_request *request = closure_data;
	struct json_out *json = &request->json;

	if (answer == NULL) {
		rest_answer_err(request, rpc_error());
		return;
	}
	json_out_object(json, NULL);
	json_out_array(json, "threadInfos");
	for (size_t i = 0; i < answer->n_threads; i++) {
		json_out_object(json, NULL);
		json_out_text(json, "threadName", answer->threads[i]->key);
		json_out_text(json, "stringifiedThreadInfo", answer->threads[i]->value);
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_taskmanager_thread_dump(struct rest *rest, struct rest_request *request)
{
	struct taskmanager_info *info = rest_reachable_taskmanager(rest, request);
	Flink__Empty message = FLINK__EMPTY__INIT;

	if (info == NULL)
		return;
	struct rpc_stub stub = rest_taskmanager_stub(info);

	rest_defer(request);
	flink__task_executor__thread_dump(rpc_stub_service(&stub), &message, threads_dumped,
					  request);
}
