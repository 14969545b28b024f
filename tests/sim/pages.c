/* SPDX-License-Identifier: Apache-2.0
 * pages.c - asks the REST handlers for one page after the other. */
#include "tests/sim/pages.h"

#include <jansson.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mark.h"
#include "jobmanager/job/job.h"
#include "jobmanager/job/latencies.h"
#include "jobmanager/rest/rest.h"
#include "tests/sim/cluster.h"
#include "tests/sim/past.h"

/* J: a job, V: a vertex, S: a subtask, T: a TaskManager. Those that wait for something, or do
 * something, are left out. */
static const char *const pages[] = {
	"/overview",
	"/jobs",
	"/jobs/overview",
	"/jobs/J",
	"/jobs/J/status",
	"/jobs/J/config",
	"/jobs/J/plan",
	"/jobs/J/exceptions",
	"/jobs/J/execution-result",
	"/jobs/J/output",
	"/jobs/J/metrics",
	"/jobs/J/series",
	"/jobs/J/series?get=*,*.*,*.*.*&step=10s",
	"/jobs/J/resource-requirements",
	"/jobs/J/vertices/V",
	"/jobs/J/vertices/V/subtasktimes",
	"/jobs/J/vertices/V/taskmanagers",
	"/jobs/J/vertices/V/watermarks",
	"/jobs/J/vertices/V/backpressure",
	"/jobs/J/vertices/V/flamegraph",
	"/jobs/J/vertices/V/metrics",
	"/jobs/J/vertices/V/subtasks/metrics",
	"/jobs/J/vertices/V/subtasks/S",
	"/jobs/J/vertices/V/subtasks/S/metrics",
	"/taskmanagers",
	"/taskmanagers/T",
	"/taskmanagers/T/metrics",
	"/taskmanagers/T/series?get=*.*.*,*.*.*.*,*",
	"/jobmanager/metrics",
	"/jobmanager/series?get=*.*.*,*.*.*.*,*&step=10s",
};

/* ---- the address ---------------------------------------------------------------------------- */

static const struct job *some_job(struct dispatcher *dispatcher, unsigned long long number)
{
	const struct job *last = NULL;

	LIST_FOR_EACH(dispatcher_jobs(dispatcher), struct job, node, job) {
		last = job;
		if (number-- % 3 == 0)
			break;
	}
	return last;
}

static const struct taskmanager_info *some_taskmanager(struct dispatcher *dispatcher,
						       unsigned long long number)
{
	const struct taskmanager_info *last = NULL;

	LIST_FOR_EACH(resource_manager_taskmanagers(dispatcher_resource_manager(dispatcher)),
		      struct taskmanager_info, node, info) {
		last = info;
		if (number-- % 3 == 0)
			break;
	}
	return last;
}

/* False: there is no such thing now. */
static bool fill_in(struct dispatcher *dispatcher, const char *page, unsigned long long number,
		    struct buf *path)
{
	const struct job *job = some_job(dispatcher, number);
	const struct taskmanager_info *tm = some_taskmanager(dispatcher, number);
	const struct job_vertex *vertex =
		job ? &job->vertices[number % job->graph->n_vertices] : NULL;
	char id[ID_TEXT_SIZE];

	for (; *page != '\0'; page++) {
		if ((strchr("JVS", *page) != NULL && job == NULL) || (*page == 'T' && tm == NULL))
			return false;
		switch (*page) {
		case 'J': buf_add_text(path, id_format(&job->id, id)); break;
		case 'V': buf_add_text(path, id_format(&vertex->id, id)); break;
		case 'S': buf_printf(path, "%u", (unsigned)number % vertex->message->parallelism);
			break;
		case 'T': buf_add_text(path, tm->resource_id); break;
		default: buf_add(path, page, 1);
		}
	}
	return true;
}

/* ---- the answer ----------------------------------------------------------------------------- */

/* -1 stands for "not yet"; below it nothing is meant. Only Flink's sums of durations add up those
 * that are not yet as well. */
static const char *absurd(const json_t *value)
{
	const char *key, *found = NULL;
	json_t *inner;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)value, key, inner)
	{
		/* Of a flame graph, -2 and -3 say why there is none. */
		if (strcmp(key, "status-duration") == 0 || strcmp(key, "endTimestamp") == 0)
			continue;
		if (json_is_number(inner) && json_number_value(inner) < -1)
			return key;
		if ((found = absurd(inner)) != NULL)
			return found;
	}
	json_array_foreach(value, i, inner)
	{
		if ((found = absurd(inner)) != NULL)
			return found;
	}
	return NULL;
}

static void judge(struct cluster *cluster, const char *path, int status, const struct buf *answer)
{
	json_error_t error;
	json_t *root =
		json_loadb(answer->data, answer->size_bytes, JSON_REJECT_DUPLICATES, &error);
	const char *key = absurd(root);

	if (status != 200 || root == NULL)
		err_set(&cluster->breach, ERR_BUG, "GET %s: %d, %.200s", path, status,
			root == NULL ? error.text : answer->data);
	else if (key != NULL)
		err_set(&cluster->breach, ERR_BUG, "GET %s: its \"%s\" is absurd", path, key);
	json_decref(root);
}

/* No marker can have been under way for longer than the simulation, by clocks that differ and jump
 * (at most JUMPS_MS in all). */
#define JUMPS_MS (1000 * 1000)

static void judge_latencies(struct cluster *cluster, const struct job *job)
{
	uint64_t longest_ms = (uint64_t)(sim_now(cluster->sim) / NS_PER_MS) + JUMPS_MS;
	struct map *names = latencies_by_name(job);
	size_t at = 0;
	struct bytes name;
	void *value;

	while (map_next(names, &at, &name, &value)) {
		const struct latency_counts *counts = value;

		SOMETIMES("a latency is told in a simulated cluster");
		if (counts->count == 0 || counts->min > counts->max || counts->max > longest_ms ||
		    counts->negative > counts->count || counts->sum < counts->max)
			err_set(&cluster->breach, ERR_BUG,
				"%.*s: %llu values from %llu to %llu ms, %llu together",
				(int)name.size_bytes, (const char *)name.data,
				(unsigned long long)counts->count, (unsigned long long)counts->min,
				(unsigned long long)counts->max, (unsigned long long)counts->sum);
	}
	latencies_names_free(&names);
}

void pages_look(struct cluster *cluster, unsigned long long number)
{
	struct dispatcher *dispatcher = jobmanager_dispatcher(cluster->jobmanager);
	struct buf path, answer;

	const struct job *job = some_job(dispatcher, number);

	if (job != NULL) {
		judge_latencies(cluster, job);
		past_look(cluster, job);
	}
	buf_init(&path);
	buf_init(&answer);
	if (fill_in(dispatcher, pages[number % ARRAY_COUNT(pages)], number / ARRAY_COUNT(pages),
		    &path)) {
		int status = rest_look(dispatcher, path.data, &answer);

		judge(cluster, path.data, status, &answer);
	}
	buf_fini(&path);
	buf_fini(&answer);
}
