/* SPDX-License-Identifier: Apache-2.0
 * operators.c - /jobs/:jobid/operators: the program's operators as it wrote them, whatever they
 * were chained to; and what an operator did, which pictures tell too. */
#include <math.h>
#include <string.h>

#include "jobmanager/rest/picture.h"
#include "jobmanager/rest/rest_priv.h"

#include "common/graph/graph.h"

const char *const picture_totals[FLOWS] = { "records-in", "records-out", "bytes-in", "bytes-out" };
const char *const picture_rates[FLOWS] = { "records-in-rate", "records-out-rate", "bytes-in-rate",
					   "bytes-out-rate" };

void picture_put_flows(struct json_out *json, const struct picture_flows *flows)
{
	for (uint32_t i = 0; i < FLOWS; i++)
		json_out_count(json, picture_totals[i], flows->totals[i]);
	for (uint32_t i = 0; i < FLOWS; i++)
		json_out_rounded(json, picture_rates[i], flows->rates[i], PICTURE_RATE_DIGITS);
}

void picture_add_flows(struct picture_flows *sum, const struct figure *figures, double per_second)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		uint64_t total = figure_total(&figures[i]);

		sum->totals[i] =
			sum->totals[i] + total < total ? UINT64_MAX : sum->totals[i] + total;
		sum->rates[i] += figure_recent(&figures[i], per_second);
	}
}

const char *rest_operator_kind(const Flink__Operator *operator)
{
	static const char *const kinds[] = { "operator", "source", "operator", "sink" };

	return kinds[operator->kind];
}

double rest_put_operator(struct json_out *json, const struct job_vertex *vertex, uint32_t operator)
{
	struct picture_flows sum = { { 0 }, { 0 } };
	uint32_t running = vertex->counts[EXECUTION_RUNNING];
	double busy_sum = 0, busy_max = 0;

	if (operator >= vertex->figures.plan.operators)
		return -1;
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		const struct execution *execution = &vertex->executions[i];
		const struct figures *figures = execution_figures(execution);
		const struct figure *of;
		double per_second, busy;

		if (figures == NULL)
			continue;
		of = &figures->operators[operator * OPERATOR_METRICS];
		per_second = sm_is_final(&execution_states, execution->state)
				     ? 0
				     : figures_per_second(figures);
		picture_add_flows(&sum, of, per_second);
		busy = figure_recent(&of[OPERATOR_BUSY_US], per_second / 1e6);
		busy_sum += busy;
		busy_max = fmax(busy_max, busy);
	}
	picture_put_flows(json, &sum);
	json_out_rounded(json, "busy-max", busy_max, PICTURE_SHARE_DIGITS);
	json_out_rounded(json, "busy-mean", running > 0 ? busy_sum / running : 0,
			 PICTURE_SHARE_DIGITS);
	return sum.rates[FLOW_RECORDS_OUT];
}

/* ---- all of a job ---------------------------------------------------------------------------- */

static void put_id(struct json_out *json, const Flink__Operator *operator)
{
	struct id id = ID_NONE;

	if (operator->id.len == sizeof(id.bytes))
		memcpy(id.bytes, operator->id.data, sizeof(id.bytes));
	json_out_id(json, "id", &id);
}

static void put_input(struct json_out *json, const struct job_vertex *vertex, uint32_t operator,
		      Flink__ShipStrategy ship)
{
	json_out_object(json, NULL);
	put_id(json, vertex->message->operators[operator]);
	json_out_id(json, "vertex", &vertex->id);
	json_out_int(json, "index", operator);
	json_out_text(json, "ship_strategy", ship_name(ship));
	json_out_close(json);
}

/* Inside the chain the one in front; of its head the ends of the edges. */
static void put_inputs(struct json_out *json, const struct job_vertex *vertex, uint32_t operator)
{
	const struct job *job = vertex->job;

	json_out_array(json, "inputs");
	if (operator > 0)
		put_input(json, vertex, vertex->message->operators[operator]->input_operator,
			  FLINK__SHIP_STRATEGY__SHIP_FORWARD);
	for (uint32_t i = 0; operator == 0 && i < vertex->edges_count; i++) {
		const Flink__Edge *edge = job->graph->edges[vertex->edges[i]];

		if (edge->target_vertex == vertex->index)
			put_input(json, &job->vertices[edge->source_vertex], edge->source_operator,
				  edge->ship_strategy);
	}
	json_out_close(json);
}

static void put_operator(struct json_out *json, const struct job_vertex *vertex, uint32_t index)
{
	const Flink__Operator *operator = vertex->message->operators[index];

	json_out_object(json, NULL);
	put_id(json, operator);
	json_out_text(json, "name", operator->name);
	json_out_text(json, "uid", operator->uid);
	json_out_text(json, "kind", rest_operator_kind(operator));
	json_out_id(json, "vertex", &vertex->id);
	json_out_int(json, "index", index);
	json_out_int(json, "parallelism", vertex->message->parallelism);
	put_inputs(json, vertex, index);
	(void)rest_put_operator(json, vertex, index);
	json_out_close(json);
}

void rest_job_operators(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job == NULL)
		return;
	json_out_object(&request->json, NULL);
	json_out_array(&request->json, "operators");
	for (size_t v = 0; v < job->graph->n_vertices; v++)
		for (uint32_t o = 0; o < job->vertices[v].message->n_operators; o++)
			put_operator(&request->json, &job->vertices[v], o);
	json_out_close(&request->json);
	json_out_close(&request->json);
	rest_answer(request, 200);
}
