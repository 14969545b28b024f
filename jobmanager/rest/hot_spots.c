/* SPDX-License-Identifier: Apache-2.0
 * hot_spots.c - /jobs/:jobid/metrics/top-n: of all subtasks and operators of a job those to look at
 * first, each with a sentence. What is 0 is no hot spot. */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/picture.h"
#include "jobmanager/rest/rest_priv.h"

#define TOP_DEFAULT 5
#define TOP_MAX 100

struct spot {
	double value;
	const struct job_vertex *vertex;
	uint32_t index; /* of the subtask, or of the operator */
};

struct ranking { /* largest first; of equals those that came first */
	struct spot spots[TOP_MAX];
	uint32_t count, top;
};

static void rank(struct ranking *ranking, double value, const struct job_vertex *vertex,
		 uint32_t index)
{
	uint32_t at = ranking->count;

	if (value <= 0 || (ranking->count == ranking->top && value <= ranking->spots[at - 1].value))
		return;
	if (ranking->count < ranking->top)
		ranking->count++;
	else
		at--;
	for (; at > 0 && ranking->spots[at - 1].value < value; at--)
		ranking->spots[at] = ranking->spots[at - 1];
	ranking->spots[at] = (struct spot){ value, vertex, index };
}

/* ---- values ---------------------------------------------------------------------------------- */

static double busy_of(const struct execution *execution)
{
	struct pressure_shares shares;

	execution_shares(execution, &shares);
	return shares.busy;
}

static double pressed_of(const struct execution *execution)
{
	struct pressure_shares shares;

	execution_shares(execution, &shares);
	return shares.pressured;
}

/* How long it will take for what waits at its gate, in milliseconds. */
static double lag_of(const struct execution *execution)
{
	const struct figures *figures = execution_figures(execution);

	return figures != NULL && execution->state == EXECUTION_RUNNING
		       ? figures->gauges[METRIC_IN_QUEUED_MS - TASK_COUNTERS]
		       : 0;
}

static double records_of(const struct execution *execution)
{
	const struct figures *figures = execution_figures(execution);

	return figures != NULL && execution->state == EXECUTION_RUNNING
		       ? figures_rate(figures, &figures->task[METRIC_RECORDS_IN])
		       : 0;
}

static double skew_of(const struct job_vertex *vertex)
{
	struct rest_aggregates sum = { .count = 0 };

	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		rest_aggregate(&sum, records_of(&vertex->executions[i]));
	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		rest_aggregate_again(&sum, records_of(&vertex->executions[i]));
	return rest_aggregate_skew(&sum);
}

/* Of its busiest subtask's time. */
static double operator_busy(const struct job_vertex *vertex, uint32_t operator)
{
	double most = 0;

	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		const struct execution *execution = &vertex->executions[i];
		const struct figures *figures = execution_figures(execution);
		double busy;

		if (figures == NULL || execution->state != EXECUTION_RUNNING)
			continue;
		busy = figures_rate(figures, &figures->operators[operator * OPERATOR_METRICS +
								 OPERATOR_BUSY_US]);
		most = busy > most ? busy : most;
	}
	return most / 1e6;
}

/* ---- sentences ------------------------------------------------------------------------------- */

static void add_subtask(struct buf *text, const struct spot *spot)
{
	buf_printf(text, "`%s` (%u/%u)", spot->vertex->message->name, spot->index + 1,
		   spot->vertex->message->parallelism);
}

static void say_busy(struct buf *text, const struct spot *spot)
{
	struct pressure_shares shares;

	execution_shares(&spot->vertex->executions[spot->index], &shares);
	add_subtask(text, spot);
	buf_printf(text, " is busy %.0f %%", spot->value * 100);
	if (shares.waiting >= 0.005)
		buf_printf(text, ", %.0f %% of that waiting for what lies outside",
			   shares.waiting / spot->value * 100);
}

static void say_pressed(struct buf *text, const struct spot *spot)
{
	add_subtask(text, spot);
	buf_printf(text, " is held back %.0f %% of its time", spot->value * 100);
}

static void say_lag(struct buf *text, const struct spot *spot)
{
	add_subtask(text, spot);
	buf_printf(text, " has work for %.0f ms waiting at its input", spot->value);
}

static void say_skew(struct buf *text, const struct spot *spot)
{
	const struct job_vertex *vertex = spot->vertex;
	double all = 0, most = 0;
	uint32_t which = 0;

	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		double records = records_of(&vertex->executions[i]);

		all += records;
		if (records > most) {
			most = records;
			which = i;
		}
	}
	buf_printf(text, "`%s` gets its records unevenly (skew %.0f %%): subtask %u of %u gets %.0f %% of them",
		   vertex->message->name, spot->value, which + 1, vertex->message->parallelism,
		   all > 0 ? most / all * 100 : 0);
}

static void say_operator(struct buf *text, const struct spot *spot)
{
	buf_printf(text, "`%s` takes %.0f %% of its busiest subtask's time",
		   spot->vertex->message->operators[spot->index]->name, spot->value * 100);
}

/* ---- the answer ------------------------------------------------------------------------------ */

enum about { A_SUBTASK, A_VERTEX, AN_OPERATOR };

static void put_ranking(struct json_out *json, const char *key, const struct ranking *ranking,
			enum about about, void (*say)(struct buf *text, const struct spot *spot))
{
	struct buf text;

	buf_init(&text);
	json_out_array(json, key);
	for (uint32_t i = 0; i < ranking->count; i++) {
		const struct spot *spot = &ranking->spots[i];
		const char *resource_id = spot->vertex->executions[spot->index %
						spot->vertex->message->parallelism].resource_id;

		json_out_object(json, NULL);
		json_out_id(json, "vertex", &spot->vertex->id);
		json_out_text(json, "name",
			      about == AN_OPERATOR
				      ? spot->vertex->message->operators[spot->index]->name
				      : spot->vertex->message->name);
		if (about == A_SUBTASK)
			json_out_int(json, "subtask", spot->index);
		if (about == A_SUBTASK && resource_id != NULL)
			json_out_text(json, "taskmanager-id", resource_id);
		if (about == AN_OPERATOR)
			json_out_int(json, "operator", spot->index);
		json_out_rounded(json, "value", spot->value, PICTURE_RATE_DIGITS);
		buf_clear(&text);
		say(&text, spot);
		json_out_bytes(json, "text", text.data, text.size_bytes);
		json_out_close(json);
	}
	json_out_close(json);
	buf_fini(&text);
}

static void put_subtasks(struct json_out *json, const char *key, const struct job *job,
			 struct ranking *ranking, double (*value)(const struct execution *),
			 void (*say)(struct buf *text, const struct spot *spot))
{
	ranking->count = 0;
	for (size_t v = 0; v < job->graph->n_vertices; v++)
		for (uint32_t i = 0; i < job->vertices[v].message->parallelism; i++)
			rank(ranking, value(&job->vertices[v].executions[i]), &job->vertices[v], i);
	put_ranking(json, key, ranking, A_SUBTASK, say);
}

void rest_job_hot_spots(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct json_out *json = &request->json;
	struct ranking *ranking;
	int64_t top;

	if (job == NULL || !rest_query_int(request, "top", 1, TOP_DEFAULT, &top))
		return;
	ranking = MEM_NEW(struct ranking);
	ranking->top = top < TOP_MAX ? (uint32_t)top : TOP_MAX;
	json_out_object(json, NULL);
	put_subtasks(json, "busy", job, ranking, busy_of, say_busy);
	put_subtasks(json, "backpressured", job, ranking, pressed_of, say_pressed);
	ranking->count = 0;
	for (size_t v = 0; v < job->graph->n_vertices; v++)
		rank(ranking, skew_of(&job->vertices[v]), &job->vertices[v], 0);
	put_ranking(json, "skewed", ranking, A_VERTEX, say_skew);
	put_subtasks(json, "lagging", job, ranking, lag_of, say_lag);
	ranking->count = 0;
	for (size_t v = 0; v < job->graph->n_vertices; v++)
		for (uint32_t o = 0; o < job->vertices[v].figures.plan.operators; o++)
			rank(ranking, operator_busy(&job->vertices[v], o), &job->vertices[v], o);
	put_ranking(json, "operators", ranking, AN_OPERATOR, say_operator);
	json_out_close(json);
	mem_free(ranking);
	rest_answer(request, 200);
}
