/* SPDX-License-Identifier: Apache-2.0
 * pages.c - asks the REST handlers for one page after the other. */
#include "tests/sim/pages.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mark.h"
#include "jobmanager/job/job.h"
#include "jobmanager/job/latencies.h"
#include "jobmanager/rest/rest.h"
#include "tests/sim/archived.h"
#include "tests/sim/cluster.h"
#include "tests/sim/past.h"

/* J: a job, V: a vertex, S: a subtask, T: a TaskManager. Those that wait for something, or do
 * something, are left out. */
static const char *const pages[] = {
	"/overview",
	"/snapshot",
	"/jobs",
	"/jobs/overview",
	"/jobs/J",
	"/jobs/J/snapshot",
	"/jobs/J/operators",
	"/jobs/J/metrics/top-n",
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

/* ---- pictures ------------------------------------------------------------------------------- */

/* Where a subtask's row has what; the picture's own columns say so too. */
#define COLUMN_STATUS 0
#define COLUMN_TASKMANAGER 2
#define COLUMN_RECORDS_IN 5
#define COLUMN_BUSY 13
#define COLUMN_WAITING 16

static double cell(const json_t *row, size_t column)
{
	return json_number_value(json_array_get(row, column));
}

static const char *bad_row(const json_t *picture, const json_t *row)
{
	const json_t *columns = json_object_get(picture, "columns");
	double share, time = 0;
	char place[16];

	if (json_array_size(row) <= COLUMN_WAITING ||
	    json_array_size(row) > json_array_size(columns))
		return "a row is too long or too short";
	for (size_t c = COLUMN_BUSY; c <= COLUMN_WAITING; c++) {
		share = cell(row, c);
		time += c < COLUMN_WAITING ? share : 0;
		if (share < 0 || share > 1)
			return "a share of time is not one";
	}
	if (time > 1.002 || (time < 0.998 && time > 0)) /* each is rounded */
		return "busy, idle and back-pressured are not all of the time";
	snprintf(place, sizeof(place), "%d", (int)cell(row, COLUMN_TASKMANAGER));
	if (cell(row, COLUMN_TASKMANAGER) >= 0 &&
	    json_object_get(json_object_get(picture, "taskmanagers"), place) == NULL)
		return "a row's TaskManager is not in the picture";
	return NULL;
}

/* The vertex is what its rows add up to. */
static const char *bad_vertex(const json_t *picture, const json_t *vertex)
{
	const json_t *rows = json_object_get(vertex, "subtasks");
	const json_t *tasks = json_object_get(vertex, "tasks");
	double records = 0, counts[EXECUTION_STATE_COUNT] = { 0 };
	const char *key, *bad;
	json_t *row;

	json_object_foreach((json_t *)(uintptr_t)rows, key, row)
	{
		if ((bad = bad_row(picture, row)) != NULL)
			return bad;
		records += cell(row, COLUMN_RECORDS_IN);
		counts[(size_t)cell(row, COLUMN_STATUS) % EXECUTION_STATE_COUNT]++;
	}
	for (size_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		if (counts[i] != cell(tasks, i))
			return "its tasks are not what its rows say";
	if (records != json_number_value(json_object_get(vertex, "records-in")))
		return "its records are not the sum of its rows'";
	return json_integer_value(json_object_get(vertex, "parallelism")) !=
			       (json_int_t)json_object_size(rows)
		       ? "it has not as many rows as subtasks"
		       : NULL;
}

/* The job's page, asked at the same moment, tells the same. */
static const char *differs(const json_t *picture, const json_t *page)
{
	const json_t *vertices = json_object_get(picture, "vertices");
	json_t *told;
	size_t i;

	if (!json_equal(json_object_get(json_object_get(picture, "job"), "state"),
			json_object_get(page, "state")) ||
	    !json_equal(json_object_get(json_object_get(picture, "job"), "bottleneck"),
			json_object_get(page, "bottleneck")))
		return "the job's page tells another state or bottleneck";
	json_array_foreach(json_object_get(page, "vertices"), i, told)
	{
		const char *id = json_string_value(json_object_get(told, "id"));
		const json_t *vertex = json_object_get(vertices, id), *io;

		io = json_object_get(told, "metrics");
		if (!json_equal(json_object_get(vertex, "status"),
				json_object_get(told, "status")) ||
		    !json_equal(json_object_get(vertex, "records-in"),
				json_object_get(io, "read-records")) ||
		    !json_equal(json_object_get(vertex, "bytes-out"),
				json_object_get(io, "write-bytes")))
			return "the job's page tells another status or other totals of a vertex";
	}
	return NULL;
}

static void judge_picture(struct cluster *cluster, struct dispatcher *dispatcher, const char *path,
			  const struct buf *answer)
{
	json_t *picture = json_loadb(answer->data, answer->size_bytes, 0, NULL), *vertex, *page;
	size_t length = strlen(path) - strlen("/snapshot");
	char page_path[64] = "";
	const char *key, *bad = NULL;
	struct buf text;

	buf_init(&text);
	memcpy(page_path, path, length < sizeof(page_path) ? length : sizeof(page_path) - 1);
	rest_look(dispatcher, page_path, &text);
	page = json_loadb(text.data, text.size_bytes, 0, NULL);
	json_object_foreach(json_object_get(picture, "vertices"), key, vertex)
	{
		if (bad == NULL)
			bad = bad_vertex(picture, vertex);
	}
	if (bad == NULL)
		bad = differs(picture, page);
	if (bad != NULL)
		err_set(&cluster->breach, ERR_BUG, "GET %s: %s", path, bad);
	SOMETIMES("a picture of a simulated job is looked at");
	json_decref(picture);
	json_decref(page);
	buf_fini(&text);
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
	archived_look(cluster, number);
	buf_init(&path);
	buf_init(&answer);
	if (fill_in(dispatcher, pages[number % ARRAY_COUNT(pages)], number / ARRAY_COUNT(pages),
		    &path)) {
		int status = rest_look(dispatcher, path.data, &answer);

		judge(cluster, path.data, status, &answer);
		if (status == 200 && strncmp(path.data, "/jobs/", 6) == 0 &&
		    strstr(path.data, "/snapshot") != NULL)
			judge_picture(cluster, dispatcher, path.data, &answer);
	}
	buf_fini(&path);
	buf_fini(&answer);
}
