/* SPDX-License-Identifier: Apache-2.0
 * vertices.c - /jobs/:jobid/vertices/:vertexid and below, but for metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "jobmanager/job/attempts.h"
#include "jobmanager/rest/rest_priv.h"

#define UNASSIGNED "(unassigned)"

static struct job_vertex *find(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	return job != NULL ? rest_find_vertex(job, request) : NULL;
}

static const char *known(const char *place)
{
	return place != NULL ? place : UNASSIGNED;
}

static const char *resource_id_of(const struct execution *execution)
{
	return known(execution->resource_id);
}

/* 1.x knows only the host, later ones host and port: both are given. */
static void put_endpoint(struct json_out *json, const char *endpoint)
{
	const char *colon = strrchr(endpoint, ':');

	json_out_text(json, "endpoint", endpoint);
	json_out_bytes(json, "host", endpoint,
		       colon ? (size_t)(colon - endpoint) : strlen(endpoint));
}

static void put_place(struct json_out *json, const struct execution *execution)
{
	put_endpoint(json, known(execution->endpoint));
}

static const char *state_name(uint32_t state)
{
	return sm_name(&execution_states, state);
}

/* ---- how long in which state ---------------------------------------------------------------- */

static const enum execution_state shown[] = { EXECUTION_CREATED, EXECUTION_SCHEDULED,
					      EXECUTION_DEPLOYING, EXECUTION_INITIALIZING,
					      EXECUTION_RUNNING };

/* Until the next state that was entered; states later in the enum come later at the same moment. */
static int64_t time_in(const wall_t *entered_ms, enum execution_state state, wall_t now)
{
	wall_t from = entered_ms[state], until = now;

	if (from == 0)
		return -1;
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++) {
		wall_t entered = entered_ms[i];

		if (i != state && (entered > from || (entered == from && i > state)) &&
		    entered < until)
			until = entered;
	}
	return until > from ? until - from : 0;
}

static void put_status_durations(struct json_out *json, const wall_t *entered_ms, wall_t now)
{
	json_out_object(json, "status-duration");
	for (size_t i = 0; i < ARRAY_COUNT(shown); i++)
		json_out_int(json, state_name(shown[i]), time_in(entered_ms, shown[i], now));
	json_out_close(json);
}

/* ---- min, max, … over subtasks -------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
static void put_statistics(struct json_out *json, const char *key, int64_t *values, uint32_t count)
{
	double sum = 0;

	qsort(values, count, sizeof(*values), by_value);
	for (uint32_t i = 0; i < count; i++)
		sum += (double)values[i];
	json_out_object(json, key);
	json_out_int(json, "min", values[0]);
	json_out_int(json, "max", values[count - 1]);
	json_out_int(json, "avg", (int64_t)(sum / count));
	json_out_int(json, "sum", (int64_t)sum);
	json_out_int(json, "median", values[count / 2]);
	json_out_int(json, "p25", values[count / 4]);
	json_out_int(json, "p75", values[(uint64_t)count * 3 / 4]);
	json_out_int(json, "p95", values[(uint64_t)count * 95 / 100]);
	json_out_close(json);
}

static const char *const io_names[] = { "read-bytes",
					"write-bytes",
					"read-records",
					"write-records",
					"accumulated-backpressured-time",
					"accumulated-idle-time",
					"accumulated-busy-time" };

static int64_t io_value(const struct execution *execution, size_t which)
{
	struct io_metrics io = execution_metrics(execution);
	const uint64_t values[] = { io.bytes_in,    io.bytes_out,	 io.records_in,
				    io.records_out, io.backpressured_ms, io.idle_ms,
				    io.busy_ms };

	return (int64_t)values[which];
}

/* The executions to look at, and room for a number of each. */
struct group {
	const struct execution **executions;
	int64_t *values;
	uint32_t count;
};

/* All of the vertex. */
static struct group group_create(const struct job_vertex *vertex)
{
	struct group group = {
		.executions = MEM_NEW_ARRAY(const struct execution *, vertex->message->parallelism),
		.values = MEM_NEW_ARRAY(int64_t, vertex->message->parallelism),
	};

	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		group.executions[group.count++] = &vertex->executions[i];
	return group;
}

static void group_destroy(struct group *group)
{
	mem_free(group->executions);
	mem_free(group->values);
}

static void put_aggregated(struct json_out *json, const struct group *group, wall_t now)
{
	json_out_object(json, "aggregated");
	json_out_object(json, "metrics");
	for (size_t m = 0; m < ARRAY_COUNT(io_names); m++) {
		for (uint32_t i = 0; i < group->count; i++)
			group->values[i] = io_value(group->executions[i], m);
		put_statistics(json, io_names[m], group->values, group->count);
	}
	json_out_close(json);
	json_out_object(json, "status-duration");
	for (size_t s = 0; s < ARRAY_COUNT(shown); s++) {
		for (uint32_t i = 0; i < group->count; i++)
			group->values[i] = time_in(group->executions[i]->entered_ms, shown[s], now);
		put_statistics(json, state_name(shown[s]), group->values, group->count);
	}
	json_out_close(json);
	json_out_close(json);
}

/* ---- the vertex ----------------------------------------------------------------------------- */

/* What an answer shows of an attempt, the current or an earlier one. */
struct seen {
	uint32_t subtask, number, state;
	const wall_t *entered_ms;
	const char *endpoint, *resource_id, *status_text, *failure; /* failure NULL: none */
	bool blocking;
	struct io_metrics metrics;
};

static struct seen see(const struct execution *execution)
{
	return (struct seen){
		.subtask = execution_subtask(execution),
		.number = execution->attempt,
		.state = execution->state,
		.entered_ms = execution->entered_ms,
		.endpoint = known(execution->endpoint),
		.resource_id = resource_id_of(execution),
		.status_text = execution->status_text,
		.failure = execution->failure,
		.blocking = execution->blocking,
		.metrics = execution_metrics(execution),
	};
}

static struct seen see_attempt(const struct attempt *attempt)
{
	return (struct seen){
		.subtask = execution_subtask(attempt->execution),
		.number = attempt->number,
		.state = attempt->state,
		.entered_ms = attempt->entered_ms,
		.endpoint = known(attempt->endpoint),
		.resource_id = known(attempt->resource_id),
		.status_text = "",
		.failure = attempt->failure,
		.metrics = attempt->metrics,
	};
}

static void put_subtask(struct json_out *json, const struct seen *seen, wall_t now)
{
	struct rest_times times = rest_times_entered(seen->entered_ms, now);

	json_out_object(json, NULL);
	json_out_int(json, "subtask", seen->subtask);
	json_out_text(json, "status", state_name(seen->state));
	json_out_int(json, "attempt", seen->number);
	put_endpoint(json, seen->endpoint);
	json_out_int(json, "start-time", times.start);
	json_out_int(json, "start_time", times.start); /* as old pages spell it */
	json_out_int(json, "end-time", times.end);
	json_out_int(json, "duration", times.duration);
	rest_put_io(json, "metrics", &seen->metrics);
	json_out_text(json, "taskmanager-id", seen->resource_id);
	put_status_durations(json, seen->entered_ms, now);
	json_out_text(json, "status-text", seen->status_text); /* ours */
	json_out_bool(json, "blocking", seen->blocking);
	if (seen->failure != NULL)
		json_out_text(json, "failure", seen->failure);
	json_out_close(json);
}

static uint64_t operator_sum(const struct job_vertex *vertex, uint32_t operator,
			     enum operator_metric kind)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		sum += execution_operator_total(&vertex->executions[i], operator, kind);
	return sum;
}

static void put_operators(struct json_out *json, const struct job_vertex *vertex)
{
	json_out_array(json, "operators");
	for (uint32_t o = 0; o < vertex->message->n_operators; o++) {
		json_out_object(json, NULL);
		json_out_text(json, "name", vertex->message->operators[o]->name);
		json_out_count(json, "records-in", operator_sum(vertex, o, OPERATOR_RECORDS_IN));
		json_out_count(json, "records-out", operator_sum(vertex, o, OPERATOR_RECORDS_OUT));
		json_out_count(json, "bytes-in", operator_sum(vertex, o, OPERATOR_BYTES_IN));
		json_out_count(json, "bytes-out", operator_sum(vertex, o, OPERATOR_BYTES_OUT));
		json_out_count(json, "busy-time",
			       operator_sum(vertex, o, OPERATOR_BUSY_US) / 1000);
		json_out_close(json);
	}
	json_out_close(json);
}

static void begin_vertex(struct json_out *json, const struct job_vertex *vertex)
{
	json_out_object(json, NULL);
	json_out_id(json, "id", &vertex->id);
	json_out_text(json, "name", vertex->message->name);
}

void rest_vertex(struct rest *rest, struct rest_request *request)
{
	struct job_vertex *vertex = find(rest, request);
	wall_t now = world_wall(rest->world);
	struct json_out *json = &request->json;
	struct group all;

	if (vertex == NULL)
		return;
	begin_vertex(json, vertex);
	json_out_int(json, "parallelism", vertex->message->parallelism);
	json_out_int(json, "maxParallelism", vertex->message->max_parallelism);
	json_out_int(json, "now", now);
	json_out_array(json, "subtasks");
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		struct seen seen = see(&vertex->executions[i]);

		put_subtask(json, &seen, now);
	}
	json_out_close(json);
	all = group_create(vertex);
	put_aggregated(json, &all, now);
	group_destroy(&all);
	put_operators(json, vertex); /* ours */
	rest_put_vertex_cause(json, "cause", vertex);
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_vertex_subtask(struct rest *rest, struct rest_request *request)
{
	struct job_vertex *vertex = find(rest, request);
	uint32_t index;

	if (vertex == NULL || !rest_find_subtask(vertex, request, &index))
		return;
	struct seen seen = see(&vertex->executions[index]);

	put_subtask(&request->json, &seen, world_wall(rest->world));
	rest_answer(request, 200);
}

/* False: there is no such attempt, or not any more; answered. *id: the attempt's own. */
static bool find_attempt(struct rest *rest, struct rest_request *request, struct seen *seen,
			 struct id *id)
{
	struct job_vertex *vertex = find(rest, request);
	uint32_t index;

	if (vertex == NULL || !rest_find_subtask(vertex, request, &index))
		return false; /* answered: the request is gone */
	const char *text = rest_parameter(request, "attempt");
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 9 || text[digits] != '\0') {
		rest_bad_parameter(request, "path", "attempt", text);
		return false;
	}
	const struct execution *execution = &vertex->executions[index];
	uint32_t number = (uint32_t)strtoul(text, NULL, 10);
	const struct attempt *attempt = attempts_find(execution, number);

	if (number == execution->attempt) {
		*seen = see(execution);
		seen->metrics = attempts_metrics_now(execution);
		*id = execution->id;
	} else if (attempt != NULL) {
		*seen = see_attempt(attempt);
		*id = attempt->id;
	} else {
		rest_answer_error(request, 404,
				  "Attempt %s of subtask %u is not there; %u is the current one, "
				  "and %u before it are kept "
				  "(jobmanager.execution.attempts-history-size)",
				  text, index, execution->attempt, execution->attempts_count);
		return false;
	}
	return true;
}

/* Its numbers are its own; those of the subtask go on over all attempts. */
void rest_vertex_attempt(struct rest *rest, struct rest_request *request)
{
	struct seen seen;
	struct id id;

	if (!find_attempt(rest, request, &seen, &id))
		return;
	put_subtask(&request->json, &seen, world_wall(rest->world));
	rest_answer(request, 200);
}

void rest_vertex_subtasktimes(struct rest *rest, struct rest_request *request)
{
	struct job_vertex *vertex = find(rest, request);
	wall_t now = world_wall(rest->world);
	struct json_out *json = &request->json;

	if (vertex == NULL)
		return;
	begin_vertex(json, vertex);
	json_out_int(json, "now", now);
	json_out_array(json, "subtasks");
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		const struct execution *execution = &vertex->executions[i];

		json_out_object(json, NULL);
		json_out_int(json, "subtask", i);
		put_place(json, execution);
		json_out_int(json, "duration", rest_execution_times(execution, now).duration);
		json_out_object(json, "timestamps");
		for (uint32_t s = 0; s < EXECUTION_STATE_COUNT; s++)
			json_out_int(json, state_name(s), execution->entered_ms[s]);
		json_out_close(json);
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

/* ---- by TaskManager ------------------------------------------------------------------------- */

static void put_taskmanager(struct json_out *json, const struct group *group, wall_t now)
{
	struct rest_times times = rest_times_of(group->executions, group->count, now);
	uint32_t counts[EXECUTION_STATE_COUNT] = { 0 };
	struct io_metrics sum = { 0 };

	for (uint32_t i = 0; i < group->count; i++) {
		struct io_metrics io = execution_metrics(group->executions[i]);

		counts[group->executions[i]->state]++;
		io_metrics_add(&sum, &io);
	}
	json_out_object(json, NULL);
	put_place(json, group->executions[0]);
	json_out_text(json, "status", state_name(rest_aggregate_state(counts)));
	json_out_int(json, "start-time", times.start);
	json_out_int(json, "end-time", times.end);
	json_out_int(json, "duration", times.duration);
	rest_put_io(json, "metrics", &sum);
	rest_put_states(json, "status-counts", counts);
	json_out_text(json, "taskmanager-id", resource_id_of(group->executions[0]));
	put_aggregated(json, group, now);
	json_out_close(json);
}

/* Sorts the group's executions by TaskManager, in the order in which those first occur. ends: where
 * each one's end; returns how many there are. */
static uint32_t group_by_taskmanager(struct group *group, uint32_t *ends)
{
	const struct execution **sorted = MEM_NEW_ARRAY(const struct execution *, group->count);
	uint32_t *places = MEM_NEW_ARRAY(uint32_t, group->count), count = 0;
	struct map *seen = map_create();

	for (uint32_t i = 0; i < group->count; i++) {
		struct bytes id = bytes_of_text(resource_id_of(group->executions[i]));
		uint32_t *end = map_get(seen, id);

		if (end == NULL)
			map_put(seen, id, end = &ends[count++]);
		places[i] = (uint32_t)(end - ends);
		++*end;
	}
	for (uint32_t i = 1; i < count; i++)
		ends[i] += ends[i - 1];
	for (uint32_t i = group->count; i-- > 0;)
		sorted[--ends[places[i]]] = group->executions[i];
	for (uint32_t i = 0; i < count; i++) /* they are where each begins now */
		ends[i] = i + 1 < count ? ends[i + 1] : group->count;
	map_destroy(&seen);
	mem_free(places);
	mem_free(group->executions);
	group->executions = sorted;
	return count;
}

void rest_vertex_taskmanagers(struct rest *rest, struct rest_request *request)
{
	struct job_vertex *vertex = find(rest, request);
	wall_t now = world_wall(rest->world);
	struct json_out *json = &request->json;
	struct group all;

	if (vertex == NULL)
		return;
	all = group_create(vertex);
	uint32_t *ends = MEM_NEW_ARRAY(uint32_t, all.count);
	uint32_t count = group_by_taskmanager(&all, ends);

	begin_vertex(json, vertex);
	json_out_int(json, "now", now);
	json_out_array(json, "taskmanagers");
	for (uint32_t i = 0, from = 0; i < count; from = ends[i++]) {
		struct group one = { all.executions + from, all.values, ends[i] - from };

		put_taskmanager(json, &one, now);
	}
	json_out_close(json);
	json_out_close(json);
	mem_free(ends);
	group_destroy(&all);
	rest_answer(request, 200);
}

/* ---- accumulators: there are none yet ------------------------------------------------------- */

void rest_vertex_accumulators(struct rest *rest, struct rest_request *request)
{
	struct job_vertex *vertex = find(rest, request);
	struct json_out *json = &request->json;

	if (vertex == NULL)
		return;
	json_out_object(json, NULL);
	json_out_id(json, "id", &vertex->id);
	json_out_array(json, "user-accumulators");
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_vertex_subtasks_accumulators(struct rest *rest, struct rest_request *request)
{
	struct job_vertex *vertex = find(rest, request);
	struct json_out *json = &request->json;

	if (vertex == NULL)
		return;
	json_out_object(json, NULL);
	json_out_id(json, "id", &vertex->id);
	json_out_int(json, "parallelism", vertex->message->parallelism);
	json_out_array(json, "subtasks");
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		json_out_object(json, NULL);
		json_out_int(json, "subtask", i);
		json_out_int(json, "attempt", vertex->executions[i].attempt);
		put_place(json, &vertex->executions[i]);
		json_out_array(json, "user-accumulators");
		json_out_close(json);
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_vertex_attempt_accumulators(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;
	struct seen seen;
	struct id id;

	if (!find_attempt(rest, request, &seen, &id))
		return;
	json_out_object(json, NULL);
	json_out_int(json, "subtask", seen.subtask);
	json_out_int(json, "attempt", seen.number);
	json_out_id(json, "id", &id);
	json_out_array(json, "user-accumulators");
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}
