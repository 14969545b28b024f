/* SPDX-License-Identifier: Apache-2.0
 * jobmanager_views.c - /jobmanager: settings in force (secrets masked), figures of the process. */
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

void rest_jobmanager_metrics(struct rest *rest, struct rest_request *request)
{
	uint32_t taskmanagers, slots, free_slots, running = 0;
	int64_t memory_max = conf_memory_bytes(rest->conf, "jobmanager.memory.process.size");

	resource_manager_counts(dispatcher_resource_manager(rest->dispatcher), &taskmanagers,
				&slots, &free_slots);
	LIST_FOR_EACH (dispatcher_jobs(rest->dispatcher), struct job, node, job)
		running += !job_is_final(job);
	const struct rest_metric metrics[] = {
		{ "taskSlotsTotal", slots },
		{ "taskSlotsAvailable", free_slots },
		{ "numRegisteredTaskManagers", taskmanagers },
		{ "numRunningJobs", running },
		{ "Status.JVM.Memory.Heap.Used", (double)mem_bytes_out() },
		{ "Status.JVM.Memory.Heap.Max",
		  memory_max > 0 ? (double)memory_max : 1 }, /* pages divide by it */
	};

	rest_answer_metrics(request, metrics, ARRAY_COUNT(metrics));
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
	put_thread(json, rest, "rest", door_runner(rest->door));
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}
