/* SPDX-License-Identifier: Apache-2.0
 * taskmanagers.c - /taskmanagers and below. Log files are asked from the TaskManager over RPC, in
 * pieces; the answer waits for it. */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"
#include "task_executor.pb-c.h"

#define LOG_BYTES_MAX (64 * 1024 * 1024)
#define LOG_CHUNK_BYTES (1024 * 1024)

static json_t *resource(uint64_t cores, uint64_t task_heap, uint64_t managed, uint64_t network)
{
	return json_pack("{s:f,s:I,s:I,s:I,s:I,s:{}}", "cpuCores", (double)cores, "taskHeapMemory",
			 (json_int_t)(task_heap >> 20), "taskOffHeapMemory", (json_int_t)0, "managedMemory",
			 (json_int_t)(managed >> 20), "networkMemory", (json_int_t)(network >> 20),
			 "extendedResources");
}

static uint32_t free_slots(const struct taskmanager_info *info)
{
	uint32_t count = 0;

	for (uint32_t i = 0; info->available && i < info->slots_count; i++)
		count += info->slots[i].state == SLOT_FREE;
	return count;
}

static json_t *taskmanager_json(const struct taskmanager_info *info)
{
	uint32_t available = free_slots(info);
	uint64_t flink = info->managed_memory_bytes + info->network_memory_bytes;
	uint64_t heap = info->process_memory_bytes > flink ? info->process_memory_bytes - flink : 0;
	uint64_t slots = info->slots_count ? info->slots_count : 1;

	return json_pack(
		"{s:s,s:s,s:i,s:i,s:I,s:i,s:i,s:o,s:o,s:{s:i,s:I,s:I,s:I},s:{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}}",
		"id", info->resource_id, "path", info->rpc_address ? info->rpc_address : "", "dataPort",
		(int)info->data_port, "jmxPort", -1, "timeSinceLastHeartbeat", (json_int_t)info->last_heartbeat_ms,
		"slotsNumber", (int)info->slots_count, "freeSlots", (int)available, "totalResource",
		resource(info->cpu_cores, heap, info->managed_memory_bytes, info->network_memory_bytes),
		"freeResource",
		resource((uint64_t)info->cpu_cores * available / slots, heap * available / slots,
			 info->managed_memory_bytes * available / slots, info->network_memory_bytes * available / slots),
		"hardware", "cpuCores", (int)info->cpu_cores, "physicalMemory",
		(json_int_t)info->physical_memory_bytes, "freeMemory", (json_int_t)info->physical_memory_free_bytes,
		"managedMemory", (json_int_t)info->managed_memory_bytes, "memoryConfiguration", "frameworkHeap",
		(json_int_t)0, "taskHeap", (json_int_t)heap, "frameworkOffHeap", (json_int_t)0, "taskOffHeap",
		(json_int_t)0, "networkMemory", (json_int_t)info->network_memory_bytes, "managedMemory",
		(json_int_t)info->managed_memory_bytes, "jvmMetaspace", (json_int_t)0, "jvmOverhead", (json_int_t)0,
		"totalFlinkMemory", (json_int_t)(heap + flink), "totalProcessMemory",
		(json_int_t)info->process_memory_bytes);
}

void rest_taskmanagers(struct rest *rest, struct rest_request *request)
{
	json_t *root = json_array();

	LIST_FOR_EACH(resource_manager_taskmanagers(dispatcher_resource_manager(rest->dispatcher)),
		      struct taskmanager_info, node, info)
		if (info->available)
			json_array_append_new(root, taskmanager_json(info));
	rest_answer_json(request, 200, json_pack("{s:o}", "taskmanagers", root));
}

static json_t *tm_metrics(const struct taskmanager_info *info)
{
	uint64_t used = info->segments_total - info->segments_free, segment = info->segment_bytes;
	json_t *root = json_object();
	const struct { const char *name; uint64_t value; } rows[] = {
		{ "heapUsed", info->heap_used_bytes }, { "heapCommitted", info->heap_used_bytes },
		{ "heapMax", info->process_memory_bytes }, { "nonHeapUsed", 0 }, { "nonHeapCommitted", 0 },
		{ "nonHeapMax", 1 }, { "directCount", 0 }, { "directUsed", 0 }, { "directMax", 1 }, { "mappedCount", 0 },
		{ "mappedUsed", 0 }, { "mappedMax", 1 }, { "memorySegmentsAvailable", info->segments_free },
		{ "memorySegmentsTotal", info->segments_total },
		{ "nettyShuffleMemorySegmentsAvailable", info->segments_free },
		{ "nettyShuffleMemorySegmentsUsed", used },
		{ "nettyShuffleMemorySegmentsTotal", info->segments_total },
		{ "nettyShuffleMemoryAvailable", info->segments_free * segment },
		{ "nettyShuffleMemoryUsed", used * segment },
		{ "nettyShuffleMemoryTotal", info->segments_total * segment },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		json_object_set_new(root, rows[i].name, json_integer((json_int_t)rows[i].value));
	json_object_set_new(root, "garbageCollectors", json_array());
	return root;
}

void rest_taskmanager(struct rest *rest, struct rest_request *request)
{
	struct taskmanager_info *info = rest_find_taskmanager(rest, request);
	json_t *root, *slots = json_array();

	if (info == NULL) {
		json_decref(slots);
		return;
	}
	for (uint32_t i = 0; i < info->slots_count; i++)
		if (info->slots[i].state == SLOT_ALLOCATED)
			json_array_append_new(slots, json_pack("{s:i,s:o,s:o}", "index", (int)i, "jobId",
				rest_id(&info->slots[i].job_id), "resource", resource(1, 0, 0, 0)));
	root = taskmanager_json(info);
	json_object_set_new(root, "allocatedSlots", slots);
	json_object_set_new(root, "metrics", tm_metrics(info));
	rest_answer_json(request, 200, root);
}

static void metric(json_t *root, const char *get, const char *id, uint64_t value)
{
	char text[32];
	const char *found = get ? strstr(get, id) : NULL;

	if (get == NULL) {
		json_array_append_new(root, json_pack("{s:s}", "id", id));
		return;
	}
	size_t length = strlen(id);

	for (; found != NULL; found = strstr(found + 1, id))
		if ((found == get || found[-1] == ',') && (found[length] == ',' || found[length] == '\0'))
			break;
	if (found == NULL)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	json_array_append_new(root, json_pack("{s:s,s:s}", "id", id, "value", text));
}

void rest_taskmanager_metrics(struct rest *rest, struct rest_request *request)
{
	struct taskmanager_info *info = resource_manager_find(dispatcher_resource_manager(rest->dispatcher),
							      rest_parameter(request, "taskmanagerid"));
	json_t *root = json_array();

	if (info != NULL) {
		char *get = rest_query(request, "get");
		uint64_t segment = info->segment_bytes, used = info->segments_total - info->segments_free;

		metric(root, get, "Status.JVM.Memory.Heap.Used", info->heap_used_bytes);
		metric(root, get, "Status.JVM.Memory.Heap.Max", info->process_memory_bytes);
		metric(root, get, "Status.JVM.Memory.Metaspace.Used", 0);
		metric(root, get, "Status.JVM.Memory.Metaspace.Max", 1);
		metric(root, get, "Status.JVM.Threads.Count", info->threads);
		metric(root, get, "Status.JVM.CPU.Time", info->cpu_time_ms * 1000000);
		metric(root, get, "Status.Flink.Memory.Managed.Used", 0);
		metric(root, get, "Status.Flink.Memory.Managed.Total", info->managed_memory_bytes);
		metric(root, get, "Status.Shuffle.Netty.UsedMemory", used * segment);
		metric(root, get, "Status.Shuffle.Netty.TotalMemory", info->segments_total * segment);
		metric(root, get, "Status.Shuffle.Netty.AvailableMemory", info->segments_free * segment);
		mem_free(get);
	}
	rest_answer_json(request, 200, root);
}

/* ---- what the TaskManager itself must be asked ------------------------------------------------------- */

static struct rpc_stub stub_of(struct taskmanager_info *info)
{
	struct rpc_fence fence = { 0 };
	struct rpc_stub stub;

	memcpy(fence.incarnation, info->incarnation.bytes, sizeof(fence.incarnation));
	rpc_stub_init(&stub, info->peer, &flink__task_executor__descriptor, &fence);
	return stub;
}

static struct taskmanager_info *reachable(struct rest *rest, struct rest_request *request)
{
	struct taskmanager_info *info = rest_find_taskmanager(rest, request);

	if (info != NULL && info->peer == NULL) {
		rest_answer_error(request, 503, "TaskManager %s is not connected just now", info->resource_id);
		return NULL;
	}
	return info;
}

static void files_listed(const Flink__ListFilesResponse *answer, void *closure_data)
{
	struct rest_request *request = closure_data;
	json_t *logs = json_array();

	if (answer == NULL) {
		json_decref(logs);
		rest_answer_err(request, rpc_error());
		return;
	}
	for (size_t i = 0; i < answer->n_files; i++)
		json_array_append_new(logs, json_pack("{s:s,s:I,s:I}", "name", answer->files[i]->name, "size",
			(json_int_t)answer->files[i]->size_bytes, "mtime", (json_int_t)answer->files[i]->modified_ms));
	rest_answer_json(request, 200, json_pack("{s:o}", "logs", logs));
}

void rest_taskmanager_logs(struct rest *rest, struct rest_request *request)
{
	struct taskmanager_info *info = reachable(rest, request);
	Flink__ListFilesRequest message = FLINK__LIST_FILES_REQUEST__INIT;

	if (info == NULL)
		return;
	struct rpc_stub stub = stub_of(info);

	rest_defer(request);
	flink__task_executor__list_files(rpc_stub_service(&stub), &message, files_listed, request);
}

struct file_read {
	struct rest_request *request;
	char *resource_id, *name;
	struct buf content;
	uint64_t offset;
};

static void file_read_destroy(struct file_read *read)
{
	mem_free(read->resource_id);
	mem_free(read->name);
	buf_fini(&read->content);
	mem_free(read);
}

static void read_more(struct file_read *read, struct taskmanager_info *info);

static void file_part(const Flink__ReadFileResponse *answer, void *closure_data)
{
	struct file_read *read = closure_data;
	struct rest_request *request = read->request;
	struct rest *rest = request->rest;

	if (answer == NULL) {
		if (rpc_error()->code == ERR_IO)
			rest_answer_error(request, 404, "%s", rpc_error()->text);
		else
			rest_answer_err(request, rpc_error());
		file_read_destroy(read);
		return;
	}
	buf_add(&read->content, answer->content.data, answer->content.len);
	read->offset += answer->content.len;
	struct taskmanager_info *info =
		resource_manager_find(dispatcher_resource_manager(rest->dispatcher), read->resource_id);

	if (answer->content.len > 0 && read->offset < answer->size_bytes && info != NULL && info->peer != NULL &&
	    read->content.size_bytes < LOG_BYTES_MAX) {
		read_more(read, info);
		return;
	}
	rest_answer_text(request, 200, read->content.data, read->content.size_bytes);
	file_read_destroy(read);
}

static void read_more(struct file_read *read, struct taskmanager_info *info)
{
	Flink__ReadFileRequest message = FLINK__READ_FILE_REQUEST__INIT;
	struct rpc_stub stub = stub_of(info);

	message.name = read->name;
	message.offset = read->offset;
	message.max_bytes = LOG_CHUNK_BYTES;
	flink__task_executor__read_file(rpc_stub_service(&stub), &message, file_part, read);
}

static void read_file(struct rest *rest, struct rest_request *request, const char *name)
{
	struct taskmanager_info *info = reachable(rest, request);
	struct file_read *read;

	if (info == NULL)
		return;
	read = MEM_NEW(struct file_read);
	read->request = request;
	read->resource_id = mem_strdup(info->resource_id);
	read->name = mem_strdup(name);
	buf_init(&read->content);
	rest_defer(request);
	read_more(read, info);
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

static void threads_dumped(const Flink__ThreadDumpResponse *answer, void *closure_data)
{
	struct rest_request *request = closure_data;
	json_t *threads = json_array();

	if (answer == NULL) {
		json_decref(threads);
		rest_answer_err(request, rpc_error());
		return;
	}
	for (size_t i = 0; i < answer->n_threads; i++)
		json_array_append_new(threads, json_pack("{s:s,s:s}", "threadName", answer->threads[i]->key,
							 "stringifiedThreadInfo", answer->threads[i]->value));
	rest_answer_json(request, 200, json_pack("{s:o}", "threadInfos", threads));
}

void rest_taskmanager_thread_dump(struct rest *rest, struct rest_request *request)
{
	struct taskmanager_info *info = reachable(rest, request);
	Flink__Empty message = FLINK__EMPTY__INIT;

	if (info == NULL)
		return;
	struct rpc_stub stub = stub_of(info);

	rest_defer(request);
	flink__task_executor__thread_dump(rpc_stub_service(&stub), &message, threads_dumped, request);
}
