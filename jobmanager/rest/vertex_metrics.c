/* SPDX-License-Identifier: Apache-2.0
 * vertex_metrics.c - metrics, watermarks and back-pressure of a vertex.
 *
 * Flink's page joins these calls for all vertices and drops the batch if one fails, so a job or
 * vertex that is not there (any more) gives an empty list. Ids are "numRecordsIn" for the task and
 * "Flat_Map.numRecordsIn" for an operator of its chain, with "3." in front where all subtasks are
 * listed. A request may name thousands: each is looked up by its parts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "jobmanager/rest/metric_table.h"
#include "jobmanager/rest/rest_priv.h"

/* ---- names ---------------------------------------------------------------------------------- */

static void put_name(void *json, const char *id)
{
	rest_put_metric_name(json, id);
}

static void put_all_names(struct json_out *json, const struct job_vertex *vertex)
{
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		char prefix[16];

		snprintf(prefix, sizeof(prefix), "%u.", i);
		metric_each_name(vertex, prefix, put_name, json);
	}
}

/* ---- values of subtasks --------------------------------------------------------------------- */

/* Takes "3." off the front. False: there is no such subtask. */
static bool take_subtask(const struct job_vertex *vertex, const char **name, size_t *length,
			 uint32_t *subtask)
{
	uint64_t number = 0;
	size_t digits = 0;

	while (digits < *length && digits < 9 && (*name)[digits] >= '0' && (*name)[digits] <= '9')
		number = number * 10 + (uint64_t)((*name)[digits++] - '0');
	if (digits == 0 || digits == *length || (*name)[digits] != '.' ||
	    number >= vertex->message->parallelism)
		return false;
	*subtask = (uint32_t)number;
	*name += digits + 1;
	*length -= digits + 1;
	return true;
}

static void put_worth(struct json_out *json, const char *id, size_t length,
		      const struct metric *metric, const struct execution *execution)
{
	double worth = metric_worth(execution, metric);

	if (!metric_is_flag(metric)) {
		rest_put_value(json, id, length, worth);
		return;
	}
	json_out_object(json, NULL);
	json_out_bytes(json, "id", id, length);
	json_out_text(json, "value", worth > 0 ? "true" : "false");
	json_out_close(json);
}

/* only: the subtask whose metrics are asked for without a number; UINT32_MAX: ids carry it. */
static void put_values(struct json_out *json, const struct job_vertex *vertex, const char *get,
		       uint32_t only)
{
	const char *item;
	size_t length;

	while (rest_list_next(&get, &item, &length)) {
		const char *name = item;
		size_t name_length = length;
		uint32_t subtask = only;
		struct metric metric;

		if (only == UINT32_MAX && !take_subtask(vertex, &name, &name_length, &subtask))
			continue;
		if (metric_find_name(vertex, name, name_length, &metric))
			put_worth(json, item, length, &metric, &vertex->executions[subtask]);
	}
}

static void answer_nothing(struct rest_request *request)
{
	json_out_array(&request->json, NULL);
	json_out_close(&request->json);
	rest_answer(request, 200);
}

/* /metrics and /subtasks/:subtaskindex/metrics */
void rest_vertex_metrics(struct rest *rest, struct rest_request *request)
{
	struct job_vertex *vertex = rest_known_vertex(rest, request);
	bool of_one = rest_parameter(request, "subtaskindex")[0] != '\0';
	struct json_out *json = &request->json;
	uint32_t only = UINT32_MAX;
	char *get;

	if (vertex == NULL) {
		answer_nothing(request);
		return;
	}
	if (of_one && !rest_find_subtask(vertex, request, &only))
		return;
	get = rest_query(request, "get");
	json_out_array(json, NULL);
	if (get != NULL)
		put_values(json, vertex, get, only);
	else if (of_one)
		metric_each_name(vertex, "", put_name, json);
	else
		put_all_names(json, vertex);
	json_out_close(json);
	mem_free(get);
	rest_answer(request, 200);
}

bool rest_find_subtask(const struct job_vertex *vertex, struct rest_request *request,
		       uint32_t *index)
{
	const char *text = rest_parameter(request, "subtaskindex");
	size_t digits = strspn(text, "0123456789");
	unsigned long value = strtoul(text, NULL, 10);

	if (digits == 0 || digits > 9 || text[digits] != '\0') {
		rest_bad_parameter(request, "path", "subtaskindex", text);
		return false;
	}
	if (value >= vertex->message->parallelism) {
		rest_answer_error(request, 404,
				  "Invalid subtask index for vertex %s: %lu, its parallelism is %u",
				  vertex->message->name, value, vertex->message->parallelism);
		return false;
	}
	*index = (uint32_t)value;
	return true;
}

/* ---- over subtasks -------------------------------------------------------------------------- */

/* Which subtasks count: "1,3,5-9". One bit each in `chosen`; false: not a list of that form. */
static bool choose_subtasks(const char *list, uint32_t parallelism, uint8_t *chosen)
{
	const char *item;
	size_t length;

	while (rest_list_next(&list, &item, &length)) {
		char *end;
		unsigned long first = strtoul(item, &end, 10), last = first;

		if (item[0] < '0' || item[0] > '9')
			return false;
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return false;
			last = strtoul(end + 1, &end, 10);
		}
		if (end != item + length || last < first)
			return false;
		for (unsigned long i = first; i <= last && i < parallelism; i++)
			chosen[i] = 1;
	}
	return true;
}

static struct rest_aggregates aggregate(const struct job_vertex *vertex, const uint8_t *chosen,
					const struct metric *metric)
{
	struct rest_aggregates sum = { .count = 0 };

	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		if (chosen[i])
			rest_aggregate(&sum, metric_worth(&vertex->executions[i], metric));
	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		if (chosen[i])
			rest_aggregate_again(&sum, metric_worth(&vertex->executions[i], metric));
	return sum;
}

/* At most so many (metric, subtask) pairs are looked at for one request: a bound for the runner,
 * not for users, whose page asks for a handful of metrics. */
#define AGGREGATED_MAX 4000000

static void put_aggregated(struct json_out *json, const struct job_vertex *vertex, const char *get,
			   const char *agg, const uint8_t *chosen)
{
	uint64_t looked_at = 0;
	const char *item;
	size_t length;

	while (rest_list_next(&get, &item, &length) && looked_at < AGGREGATED_MAX) {
		struct rest_aggregates aggregates;
		struct metric metric;

		if (!metric_find_name(vertex, item, length, &metric) || metric_is_flag(&metric))
			continue;
		looked_at += vertex->message->parallelism;
		aggregates = aggregate(vertex, chosen, &metric);
		if (aggregates.count > 0)
			rest_put_aggregates(json, item, length, agg, &aggregates);
	}
}

void rest_vertex_subtasks_metrics(struct rest *rest, struct rest_request *request)
{
	struct job_vertex *vertex = rest_known_vertex(rest, request);
	char *get, *agg, *subtasks;
	uint8_t *chosen;

	if (vertex == NULL) {
		answer_nothing(request);
		return;
	}
	get = rest_query(request, "get");
	agg = rest_query(request, "agg");
	subtasks = rest_query(request, "subtasks");
	chosen = mem_alloc(vertex->message->parallelism);
	memset(chosen, subtasks == NULL, vertex->message->parallelism);
	if (subtasks != NULL && !choose_subtasks(subtasks, vertex->message->parallelism, chosen)) {
		rest_bad_parameter(request, "query", "subtasks", subtasks);
	} else if (!rest_aggregates_known(agg)) {
		rest_bad_parameter(request, "query", "agg", agg);
	} else {
		json_out_array(&request->json, NULL);
		if (get == NULL)
			metric_each_name(vertex, "", put_name, &request->json);
		else
			put_aggregated(&request->json, vertex, get, agg, chosen);
		json_out_close(&request->json);
		rest_answer(request, 200);
	}
	mem_free(get);
	mem_free(agg);
	mem_free(subtasks);
	mem_free(chosen);
}

/* ---- watermarks and back-pressure ----------------------------------------------------------- */

void rest_vertex_watermarks(struct rest *rest, struct rest_request *request)
{
	struct job_vertex *vertex = rest_known_vertex(rest, request);
	struct json_out *json = &request->json;
	bool is_source = vertex == NULL || vertex->message->operators[0]->kind ==
						   FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE;

	json_out_array(json, NULL);
	/* No job has watermarks before event time is built: every subtask says "none"
	 * (Long.MIN_VALUE). Sources have no input. */
	for (uint32_t i = 0; !is_source && i < vertex->message->parallelism; i++) {
		char id[64];

		snprintf(id, sizeof(id), "%u.currentInputWatermark", i);
		json_out_object(json, NULL);
		json_out_text(json, "id", id);
		json_out_text(json, "value", "-9223372036854775808");
		json_out_close(json);
	}
	json_out_close(json);
	rest_answer(request, 200);
}

static const char *level_of(double ratio)
{
	return ratio <= 0.10 ? "ok" : ratio <= 0.5 ? "low" : "high";
}

/* Both spellings: pages differ. */
static void put_level(struct json_out *json, double ratio)
{
	json_out_text(json, "backpressureLevel", level_of(ratio));
	json_out_text(json, "backpressure-level", level_of(ratio));
}

static bool has_run(const struct job_vertex *vertex)
{
	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		if (vertex->executions[i].entered_ms[EXECUTION_RUNNING] > 0)
			return true;
	return false;
}

static void put_subtask_pressure(struct json_out *json, const struct job_vertex *vertex,
				 uint32_t subtask)
{
	const struct execution *execution = &vertex->executions[subtask];
	struct pressure_shares shares;

	execution_shares(execution, &shares);
	json_out_object(json, NULL);
	json_out_int(json, "subtask", subtask);
	json_out_int(json, "attempt-number", execution->attempt);
	put_level(json, shares.pressured);
	json_out_real(json, "ratio", shares.pressured);
	json_out_real(json, "idleRatio", shares.idle);
	json_out_real(json, "busyRatio", shares.busy);
	json_out_real(json, "waitingRatio", shares.waiting); /* ours */
	json_out_array(json, "edges");
	for (uint32_t e = 0; e < vertex->figures.plan.edges; e++)
		json_out_real(json, NULL, execution_edge_share(execution, e));
	json_out_close(json);
	json_out_close(json);
}

/* Where the shares of a subtask's edges lead to. */
static void put_edges(struct json_out *json, const struct job_vertex *vertex)
{
	const struct job *job = vertex->job;

	json_out_array(json, "edges");
	for (uint32_t e = 0; e < vertex->figures.plan.edges; e++) {
		const Flink__Edge *edge = metric_edge(job->graph, vertex->index, e);
		const struct job_vertex *target = &job->vertices[edge->target_vertex];

		json_out_object(json, NULL);
		json_out_id(json, "target", &target->id);
		json_out_text(json, "name", target->message->name);
		json_out_close(json);
	}
	json_out_close(json);
}

static void put_pressure(struct json_out *json, const struct job_vertex *vertex, wall_t now)
{
	struct pressure_shares shares;
	double highest = 0;

	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		execution_shares(&vertex->executions[i], &shares);
		highest = fmax(highest, shares.pressured);
	}
	put_level(json, highest);
	json_out_int(json, "end-timestamp", now);
	json_out_array(json, "subtasks");
	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		put_subtask_pressure(json, vertex, i);
	json_out_close(json);
	rest_put_vertex_cause(json, "cause", vertex); /* from here on ours */
	put_edges(json, vertex);
}

void rest_vertex_backpressure(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct job_vertex *vertex = job != NULL ? rest_find_vertex(job, request) : NULL;
	struct json_out *json = &request->json;

	if (vertex == NULL)
		return;
	json_out_object(json, NULL);
	json_out_text(json, "status",
		      has_run(vertex) ? "ok" : "deprecated"); /* Flink's word for "nothing yet" */
	if (has_run(vertex))
		put_pressure(json, vertex, world_wall(rest->world));
	json_out_close(json);
	rest_answer(request, 200);
}

