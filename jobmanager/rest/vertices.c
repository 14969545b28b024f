/* SPDX-License-Identifier: Apache-2.0
 * vertices.c - /jobs/:jobid/vertices/:vertexid and below. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

struct found {
	struct job *job;
	struct job_vertex *vertex;
	wall_t now;
};

static bool find(struct rest *rest, struct rest_request *request, struct found *found)
{
	found->now = world_wall(rest->world);
	found->job = rest_find_job(rest, request);
	found->vertex = found->job ? rest_find_vertex(found->job, request) : NULL;
	return found->vertex != NULL;
}

static wall_t started(const struct execution *execution)
{
	return execution->entered_ms[EXECUTION_DEPLOYING] > 0 ? execution->entered_ms[EXECUTION_DEPLOYING] : -1;
}

static int64_t duration(const struct execution *execution, wall_t now)
{
	wall_t start = started(execution), end = rest_execution_end(execution);

	return start < 0 ? -1 : (end < 0 ? now : end) - start;
}

/* How long the execution was in a state: until the next one it entered. */
static int64_t time_in(const struct execution *execution, enum execution_state state, wall_t now)
{
	wall_t from = execution->entered_ms[state], until = now;

	if (from == 0)
		return -1;
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		if (i != state && execution->entered_ms[i] >= from && execution->entered_ms[i] < until &&
		    !(execution->entered_ms[i] == from && i < state))
			until = execution->entered_ms[i];
	return until - from;
}

static const enum execution_state shown[] = { EXECUTION_CREATED, EXECUTION_SCHEDULED, EXECUTION_DEPLOYING,
					      EXECUTION_INITIALIZING, EXECUTION_RUNNING };

static json_t *status_durations(const struct execution *execution, wall_t now)
{
	json_t *root = json_object();

	for (size_t i = 0; i < ARRAY_COUNT(shown); i++)
		json_object_set_new(root, sm_name(&execution_states, shown[i]),
				    json_integer(time_in(execution, shown[i], now)));
	return root;
}

static const char *host_of(const struct execution *execution, char text[256])
{
	snprintf(text, 256, "%s", execution->endpoint ? execution->endpoint : "(unassigned)");
	char *colon = strrchr(text, ':');
	if (colon != NULL)
		*colon = '\0';
	return text;
}

static json_t *subtask_json(const struct execution *execution, uint32_t index, wall_t now)
{
	struct io_metrics io = execution_metrics(execution);
	char host[256];

	return json_pack("{s:i,s:s,s:i,s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:s,s:o,s:s,s:b}", "subtask", (int)index, "status",
			 sm_name(&execution_states, execution->state), "attempt", (int)execution->attempt, "endpoint",
			 execution->endpoint ? execution->endpoint : "(unassigned)", "host", host_of(execution, host),
			 "start-time", (json_int_t)started(execution), "start_time", (json_int_t)started(execution),
			 "end-time", (json_int_t)rest_execution_end(execution), "duration",
			 (json_int_t)duration(execution, now), "metrics", rest_io_metrics(&io, true), "taskmanager-id",
			 execution->resource_id ? execution->resource_id : "(unassigned)", "status-duration",
			 status_durations(execution, now), "status-text",
			 execution->status_text ? execution->status_text : "", "blocking", execution->blocking);
}

/* ---- min, max, … over subtasks ------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static json_t *statistics(int64_t *values, uint32_t count)
{
	int64_t sum = 0;

	qsort(values, count, sizeof(*values), by_value);
	for (uint32_t i = 0; i < count; i++)
		sum += values[i];
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "min", (json_int_t)values[0], "max",
			 (json_int_t)values[count - 1], "avg", (json_int_t)(sum / count), "sum", (json_int_t)sum,
			 "median", (json_int_t)values[count / 2], "p25", (json_int_t)values[count / 4], "p75",
			 (json_int_t)values[count * 3 / 4], "p95", (json_int_t)values[count * 95 / 100]);
}

static int64_t metric_at(const struct io_metrics *io, int which)
{
	const uint64_t values[] = { io->bytes_in, io->bytes_out, io->records_in, io->records_out,
				    io->backpressured_ms, io->idle_ms, io->busy_ms };

	return (int64_t)values[which];
}

static json_t *aggregated(const struct job_vertex *vertex, wall_t now)
{
	static const char *const names[] = { "read-bytes", "write-bytes", "read-records", "write-records",
					     "accumulated-backpressured-time", "accumulated-idle-time",
					     "accumulated-busy-time" };
	uint32_t count = vertex->message->parallelism;
	int64_t *values = MEM_NEW_ARRAY(int64_t, count);
	json_t *metrics = json_object(), *durations = json_object();

	for (size_t m = 0; m < ARRAY_COUNT(names); m++) {
		for (uint32_t i = 0; i < count; i++) {
			struct io_metrics io = execution_metrics(&vertex->executions[i]);
			values[i] = metric_at(&io, (int)m);
		}
		json_object_set_new(metrics, names[m], statistics(values, count));
	}
	for (size_t s = 0; s < ARRAY_COUNT(shown); s++) {
		for (uint32_t i = 0; i < count; i++)
			values[i] = time_in(&vertex->executions[i], shown[s], now);
		json_object_set_new(durations, sm_name(&execution_states, shown[s]), statistics(values, count));
	}
	mem_free(values);
	return json_pack("{s:o,s:o}", "metrics", metrics, "status-duration", durations);
}

static json_t *operators_json(const struct job_vertex *vertex)
{
	json_t *root = json_array();

	for (size_t o = 0; o < vertex->message->n_operators; o++) {
		uint64_t in = 0, out = 0;

		for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
			const struct execution *execution = &vertex->executions[i];
			if (execution->operators == NULL)
				continue;
			in += execution->operators[o].records_in;
			out += execution->operators[o].records_out;
		}
		json_array_append_new(root, json_pack("{s:s,s:I,s:I}", "name", vertex->message->operators[o]->name,
						      "records-in", (json_int_t)in, "records-out", (json_int_t)out));
	}
	return root;
}

void rest_vertex(struct rest *rest, struct rest_request *request)
{
	struct found at;
	json_t *subtasks;

	if (!find(rest, request, &at))
		return;
	subtasks = json_array();
	for (uint32_t i = 0; i < at.vertex->message->parallelism; i++)
		json_array_append_new(subtasks, subtask_json(&at.vertex->executions[i], i, at.now));
	rest_answer_json(request, 200, json_pack("{s:o,s:s,s:i,s:i,s:I,s:o,s:o,s:o}", "id", rest_id(&at.vertex->id), "name",
		at.vertex->message->name, "parallelism", (int)at.vertex->message->parallelism, "maxParallelism",
		(int)at.vertex->message->max_parallelism, "now", (json_int_t)at.now, "subtasks", subtasks, "aggregated",
		aggregated(at.vertex, at.now), "operators", operators_json(at.vertex)));
}

static const struct execution *find_subtask(const struct found *at, struct rest_request *request, uint32_t *index)
{
	const char *text = rest_parameter(request, "subtaskindex");
	char *end = NULL;
	unsigned long value = text ? strtoul(text, &end, 10) : 0;

	if (text == NULL || end == text || *end != '\0') {
		rest_answer_error(request, 400,
				  "Bad request, could not parse parameters: Cannot resolve path parameter (subtaskindex) from value \"%.50s\".",
				  text ? text : "");
		return NULL;
	}
	if (value >= at->vertex->message->parallelism) {
		rest_answer_error(request, 404, "Subtask %lu of vertex %s not found: its parallelism is %u", value,
				  at->vertex->message->name, at->vertex->message->parallelism);
		return NULL;
	}
	*index = (uint32_t)value;
	return &at->vertex->executions[value];
}

void rest_vertex_subtask(struct rest *rest, struct rest_request *request)
{
	struct found at;
	uint32_t index;
	const struct execution *execution;

	if (!find(rest, request, &at) || (execution = find_subtask(&at, request, &index)) == NULL)
		return;
	rest_answer_json(request, 200, subtask_json(execution, index, at.now));
}

void rest_vertex_subtasktimes(struct rest *rest, struct rest_request *request)
{
	struct found at;
	json_t *subtasks;

	if (!find(rest, request, &at))
		return;
	subtasks = json_array();
	for (uint32_t i = 0; i < at.vertex->message->parallelism; i++) {
		const struct execution *execution = &at.vertex->executions[i];
		json_t *timestamps = json_object();
		char host[256];

		for (uint32_t s = 0; s < EXECUTION_STATE_COUNT; s++)
			json_object_set_new(timestamps, sm_name(&execution_states, s),
					    json_integer(execution->entered_ms[s]));
		json_array_append_new(subtasks, json_pack("{s:i,s:s,s:s,s:I,s:o}", "subtask", (int)i, "endpoint",
			execution->endpoint ? execution->endpoint : "(unassigned)", "host", host_of(execution, host),
			"duration", (json_int_t)duration(execution, at.now), "timestamps", timestamps));
	}
	rest_answer_json(request, 200, json_pack("{s:o,s:s,s:I,s:o}", "id", rest_id(&at.vertex->id), "name",
		at.vertex->message->name, "now", (json_int_t)at.now, "subtasks", subtasks));
}

static json_t *taskmanager_group(const struct found *at, const char *resource_id)
{
	uint32_t counts[EXECUTION_STATE_COUNT] = { 0 };
	struct io_metrics sum = { 0 };
	wall_t start = -1, end = -1;
	bool all_ended = true;
	const struct execution *some = NULL;
	char host[256];

	for (uint32_t i = 0; i < at->vertex->message->parallelism; i++) {
		const struct execution *execution = &at->vertex->executions[i];
		struct io_metrics io = execution_metrics(execution);

		if (strcmp(execution->resource_id ? execution->resource_id : "(unassigned)", resource_id) != 0)
			continue;
		some = execution;
		counts[execution->state]++;
		io_metrics_add(&sum, &io);
		if (started(execution) > 0 && (start < 0 || started(execution) < start))
			start = started(execution);
		if (rest_execution_end(execution) < 0)
			all_ended = false;
		else if (rest_execution_end(execution) > end)
			end = rest_execution_end(execution);
	}
	if (!all_ended)
		end = -1;
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:s}", "endpoint",
			 some->endpoint ? some->endpoint : "(unassigned)", "host", host_of(some, host), "status",
			 sm_name(&execution_states, some->state), "start-time", (json_int_t)start, "end-time",
			 (json_int_t)end, "duration", (json_int_t)(start < 0 ? -1 : (end < 0 ? at->now : end) - start),
			 "metrics", rest_io_metrics(&sum, true), "status-counts", rest_states_upper(counts),
			 "taskmanager-id", resource_id);
}

void rest_vertex_taskmanagers(struct rest *rest, struct rest_request *request)
{
	struct found at;
	json_t *groups;

	if (!find(rest, request, &at))
		return;
	groups = json_array();
	for (uint32_t i = 0; i < at.vertex->message->parallelism; i++) {
		const char *id = at.vertex->executions[i].resource_id ? at.vertex->executions[i].resource_id :
									  "(unassigned)";
		bool seen = false;

		for (size_t g = 0; g < json_array_size(groups) && !seen; g++)
			seen = strcmp(json_string_value(json_object_get(json_array_get(groups, g), "taskmanager-id")),
				      id) == 0;
		if (!seen)
			json_array_append_new(groups, taskmanager_group(&at, id));
	}
	rest_answer_json(request, 200, json_pack("{s:o,s:s,s:I,s:o}", "id", rest_id(&at.vertex->id), "name",
		at.vertex->message->name, "now", (json_int_t)at.now, "taskmanagers", groups));
}

void rest_vertex_accumulators(struct rest *rest, struct rest_request *request)
{
	struct found at;

	if (find(rest, request, &at))
		rest_answer_json(request, 200, json_pack("{s:o,s:[]}", "id", rest_id(&at.vertex->id),
							 "user-accumulators"));
}

void rest_vertex_subtasks_accumulators(struct rest *rest, struct rest_request *request)
{
	struct found at;
	json_t *subtasks;

	if (!find(rest, request, &at))
		return;
	subtasks = json_array();
	for (uint32_t i = 0; i < at.vertex->message->parallelism; i++) {
		const struct execution *execution = &at.vertex->executions[i];
		char host[256];

		json_array_append_new(subtasks, json_pack("{s:i,s:i,s:s,s:s,s:[]}", "subtask", (int)i, "attempt",
			(int)execution->attempt, "endpoint", execution->endpoint ? execution->endpoint : "(unassigned)",
			"host", host_of(execution, host), "user-accumulators"));
	}
	rest_answer_json(request, 200, json_pack("{s:o,s:i,s:o}", "id", rest_id(&at.vertex->id), "parallelism",
						 (int)at.vertex->message->parallelism, "subtasks", subtasks));
}

void rest_vertex_watermarks(struct rest *rest, struct rest_request *request)
{
	struct found at;

	/* No job has watermarks before event time is built: every subtask says "none". */
	if (!find(rest, request, &at))
		return;
	json_t *root = json_array();
	bool source = at.vertex->message->operators[0]->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE;

	for (uint32_t i = 0; !source && i < at.vertex->message->parallelism; i++) {
		char id[64];

		snprintf(id, sizeof(id), "%u.currentInputWatermark", i);
		json_array_append_new(root, json_pack("{s:s,s:s}", "id", id, "value", "-9223372036854775808"));
	}
	rest_answer_json(request, 200, root);
}

/* ---- ratios and metrics ---------------------------------------------------------------------------- */

struct ratios {
	double busy, idle, pressured;
};

/* Over the attempt's life so far; the time series of a later issue makes this a rate per second. */
static struct ratios ratios_of(const struct execution *execution)
{
	double total = (double)(execution->now.busy_ms + execution->now.idle_ms + execution->now.backpressured_ms);

	if (total <= 0)
		return (struct ratios){ 0, 0, 0 };
	return (struct ratios){ (double)execution->now.busy_ms / total, (double)execution->now.idle_ms / total,
				(double)execution->now.backpressured_ms / total };
}

static const char *level_of(double ratio)
{
	return ratio <= 0.10 ? "ok" : ratio <= 0.5 ? "low" : "high";
}

void rest_vertex_backpressure(struct rest *rest, struct rest_request *request)
{
	struct found at;
	json_t *subtasks;
	double highest = 0;

	if (!find(rest, request, &at))
		return;
	subtasks = json_array();
	for (uint32_t i = 0; i < at.vertex->message->parallelism; i++) {
		struct ratios r = ratios_of(&at.vertex->executions[i]);

		highest = fmax(highest, r.pressured);
		json_array_append_new(subtasks, json_pack("{s:i,s:i,s:s,s:s,s:f,s:f,s:f}", "subtask", (int)i,
			"attempt-number", (int)at.vertex->executions[i].attempt, "backpressureLevel",
			level_of(r.pressured), "backpressure-level", level_of(r.pressured), "ratio", r.pressured,
			"idleRatio", r.idle, "busyRatio", r.busy));
	}
	rest_answer_json(request, 200, json_pack("{s:s,s:s,s:s,s:I,s:o}", "status", "ok", "backpressureLevel",
		level_of(highest), "backpressure-level", level_of(highest), "end-timestamp", (json_int_t)at.now,
		"subtasks", subtasks));
}

static const char *const metric_names[] = {
	"numRecordsIn", "numRecordsOut", "numBytesIn", "numBytesOut", "busyTimeMsPerSecond", "idleTimeMsPerSecond",
	"backPressuredTimeMsPerSecond", "accumulateBusyTimeMs", "accumulateIdleTimeMs", "accumulateBackPressuredTimeMs",
};

static double metric_value(const struct execution *execution, size_t which)
{
	struct io_metrics io = execution_metrics(execution);
	struct ratios r = ratios_of(execution);
	const double values[] = { (double)io.records_in, (double)io.records_out, (double)io.bytes_in,
				  (double)io.bytes_out, r.busy * 1000, r.idle * 1000, r.pressured * 1000,
				  (double)io.busy_ms, (double)io.idle_ms, (double)io.backpressured_ms };

	return values[which];
}

static bool wanted(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; *at != '\0';) {
		size_t item = strcspn(at, ",");

		if (item == length && memcmp(at, name, length) == 0)
			return true;
		at += item + (at[item] == ',');
	}
	return false;
}

static void add_metric(json_t *root, const char *get, const char *id, double value)
{
	char text[64];

	if (get == NULL) {
		json_array_append_new(root, json_pack("{s:s}", "id", id));
	} else if (wanted(get, id)) {
		snprintf(text, sizeof(text), value == floor(value) ? "%.0f" : "%.3f", value);
		json_array_append_new(root, json_pack("{s:s,s:s}", "id", id, "value", text));
	}
}

void rest_vertex_metrics(struct rest *rest, struct rest_request *request)
{
	struct found at;
	uint32_t first = 0, last;
	bool prefixed = rest_parameter(request, "subtaskindex") == NULL;

	if (!find(rest, request, &at))
		return;
	last = at.vertex->message->parallelism - 1;
	if (!prefixed) {
		if (find_subtask(&at, request, &first) == NULL)
			return;
		last = first;
	}
	char *get = rest_query(request, "get");
	json_t *root = json_array();

	for (uint32_t i = first; i <= last; i++)
		for (size_t m = 0; m < ARRAY_COUNT(metric_names); m++) {
			char id[96];

			if (prefixed)
				snprintf(id, sizeof(id), "%u.%s", i, metric_names[m]);
			else
				snprintf(id, sizeof(id), "%s", metric_names[m]);
			add_metric(root, get, id, metric_value(&at.vertex->executions[i], m));
		}
	mem_free(get);
	rest_answer_json(request, 200, root);
}

static json_t *aggregate_metric(const struct job_vertex *vertex, size_t which, const char *agg)
{
	double low = INFINITY, high = -INFINITY, sum = 0;
	uint32_t count = vertex->message->parallelism;
	json_t *root = json_pack("{s:s}", "id", metric_names[which]);

	for (uint32_t i = 0; i < count; i++) {
		double value = metric_value(&vertex->executions[i], which);

		low = fmin(low, value);
		high = fmax(high, value);
		sum += value;
	}
	if (agg == NULL || wanted(agg, "min"))
		json_object_set_new(root, "min", json_real(low));
	if (agg == NULL || wanted(agg, "max"))
		json_object_set_new(root, "max", json_real(high));
	if (agg == NULL || wanted(agg, "avg"))
		json_object_set_new(root, "avg", json_real(sum / count));
	if (agg == NULL || wanted(agg, "sum"))
		json_object_set_new(root, "sum", json_real(sum));
	return root;
}

void rest_vertex_subtasks_metrics(struct rest *rest, struct rest_request *request)
{
	struct found at;

	if (!find(rest, request, &at))
		return;
	char *get = rest_query(request, "get"), *agg = rest_query(request, "agg");
	json_t *root = json_array();

	for (size_t m = 0; m < ARRAY_COUNT(metric_names); m++) {
		if (get == NULL)
			json_array_append_new(root, json_pack("{s:s}", "id", metric_names[m]));
		else if (wanted(get, metric_names[m]))
			json_array_append_new(root, aggregate_metric(at.vertex, m, agg));
	}
	mem_free(get);
	mem_free(agg);
	rest_answer_json(request, 200, root);
}

void rest_job_metrics(struct rest *rest, struct rest_request *request)
{
	struct id id;
	struct job *job = id_parse(rest_parameter(request, "jobid"), &id) ?
			  dispatcher_find(rest->dispatcher, &id) : NULL;
	json_t *root = json_array();

	if (job != NULL) { /* unknown: an empty list, as Flink's */
		char *get = rest_query(request, "get");
		wall_t end = job->end_ms < 0 ? world_wall(rest->world) : job->end_ms;

		add_metric(root, get, "numRestarts", job->restarts);
		add_metric(root, get, "fullRestarts", job->restarts);
		add_metric(root, get, "uptime", job->status == JOB_RUNNING ?
			   (double)(end - job->entered_ms[JOB_RUNNING]) : 0);
		mem_free(get);
	}
	rest_answer_json(request, 200, root);
}
