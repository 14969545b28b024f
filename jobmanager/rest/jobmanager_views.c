/* SPDX-License-Identifier: Apache-2.0
 * jobmanager_views.c - /jobmanager: settings in force (secrets masked), figures of the process. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

void rest_jobmanager_config(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;
	const char *key, *value;
	size_t at = 0;

	json_out_array(json, NULL);
	while (conf_next(rest->conf, &at, &key, &value)) {
		json_out_object(json, NULL);
		json_out_text(json, "key", key);
		json_out_text(json, "value", conf_mask(key, value));
		json_out_text(json, "origin", conf_origin(rest->conf, key)); /* ours */
		json_out_close(json);
	}
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_jobmanager_environment(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;

	json_out_object(json, NULL);
	json_out_object(json, "jvm");
	json_out_text(json, "version", "none: a native program (" __VERSION__ ")");
#if defined(__x86_64__)
	json_out_text(json, "arch", "amd64");
#elif defined(__aarch64__)
	json_out_text(json, "arch", "aarch64");
#else
	json_out_text(json, "arch", "unknown");
#endif
	json_out_array(json, "options");
	json_out_close(json);
	json_out_close(json);
	json_out_array(json, "classpath");
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

uint64_t rest_memory_max_bytes(struct world *world, const struct conf *conf)
{
	static const char name[] = "MemTotal:";
	int64_t set = conf_memory_bytes(conf, "jobmanager.memory.process.size");
	uint64_t machine = 0;
	struct err ignored;
	char *text, *at;
	size_t size;

	if (set > 0)
		return (uint64_t)set;
	if (world_read_file(world, "/proc/meminfo", 65536, &text, &size, &ignored) == 0) {
		at = strstr(text, name);
		machine = at != NULL ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
		mem_free(text);
	}
	return machine;
}

/* Of what only a Java machine has, pages want numbers as well, and divide by each Max. */
size_t rest_metrics_of_jobmanager(struct rest *rest, struct rest_metric into[REST_METRICS_MAX])
{
	uint32_t taskmanagers, slots, free_slots, running = 0;
	double used = (double)mem_bytes_out();

	resource_manager_counts(dispatcher_resource_manager(rest->dispatcher), &taskmanagers,
				&slots, &free_slots);
	LIST_FOR_EACH (dispatcher_jobs(rest->dispatcher), struct job, node, job)
		running += !job_is_final(job);
	const struct rest_metric metrics[] = {
		{ "taskSlotsTotal", slots },
		{ "taskSlotsAvailable", free_slots },
		{ "numRegisteredTaskManagers", taskmanagers },
		{ "numRunningJobs", running },
		{ "Status.JVM.Memory.Heap.Used", used },
		{ "Status.JVM.Memory.Heap.Committed", used },
		{ "Status.JVM.Memory.Heap.Max",
		  rest->memory_max_bytes > 0 ? (double)rest->memory_max_bytes : used + 1 },
		{ "Status.JVM.Memory.NonHeap.Used", 0 },
		{ "Status.JVM.Memory.NonHeap.Committed", 0 },
		{ "Status.JVM.Memory.NonHeap.Max", 1 },
		{ "Status.JVM.Memory.Metaspace.Used", 0 },
		{ "Status.JVM.Memory.Metaspace.Max", 1 },
		{ "Status.JVM.Memory.Direct.Count", 0 },
		{ "Status.JVM.Memory.Direct.MemoryUsed", 0 },
		{ "Status.JVM.Memory.Direct.TotalCapacity", 0 },
		{ "Status.JVM.Memory.Mapped.Count", 0 },
		{ "Status.JVM.Memory.Mapped.MemoryUsed", 0 },
		{ "Status.JVM.Memory.Mapped.TotalCapacity", 0 },
	};

	_Static_assert(ARRAY_COUNT(metrics) < REST_METRICS_MAX, "room, and for one more");
	memcpy(into, metrics, sizeof(metrics));
	return ARRAY_COUNT(metrics);
}

void rest_jobmanager_metrics(struct rest *rest, struct rest_request *request)
{
	struct rest_metric metrics[REST_METRICS_MAX];

	rest_answer_metrics(request, metrics, rest_metrics_of_jobmanager(rest, metrics));
}

static void put_thread(struct json_out *json, struct rest *rest, const char *name,
		       struct runner *runner)
{
	mono_t since = 0;
	struct agent *current = runner_current(runner, &since);
	int64_t us = current != NULL ? (world_now(rest->world) - since) / NS_PER_US : 0;
	char *text = current != NULL ? mem_printf("\"%s\" in a step of \"%s\" for %lld us\n", name,
						  current->name, (long long)us)
				     : mem_printf("\"%s\" idle\n", name);

	json_out_object(json, NULL);
	json_out_text(json, "threadName", name);
	json_out_text(json, "stringifiedThreadInfo", text);
	json_out_close(json);
	mem_free(text);
}

void rest_jobmanager_thread_dump(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;

	json_out_object(json, NULL);
	json_out_array(json, "threadInfos");
	put_thread(json, rest, "jobmanager", rest->runner); /* in this very step */
	if (rest->door != NULL)
		put_thread(json, rest, "rest", door_runner(rest->door));
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}
