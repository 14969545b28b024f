/* SPDX-License-Identifier: Apache-2.0
 * picture_job.c - the picture of a job: header, vertices with their operators and subtasks, edges,
 * TaskManagers. docs/rest.md names every member. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "jobmanager/rest/picture.h"
#include "jobmanager/rest/rest_priv.h"

/* Of a subtask's row. What stands at its end is left out while it says nothing. */
static const char *const columns[] = {
	"status",	   "attempt",	     "taskmanager",   "start-time",	"end-time",
	"records-in",	   "records-out",    "bytes-in",      "bytes-out",	"records-in-rate",
	"records-out-rate", "bytes-in-rate",  "bytes-out-rate", "busy",		"idle",
	"backpressured",   "waiting",	     "in-queue",      "out-queue",	"in-usage",
	"out-usage",	   "watermark",	     "status-text",   "blocking",
};

struct subtask { /* looked at once, told of in several places */
	const struct figures *figures; /* NULL: nothing was told */
	double per_second;             /* 0: it does not run */
	struct pressure_shares shares;
};

struct drawing {
	const struct job *job;
	struct picture_out *out;
	struct job_pressure *pressure;
	struct subtask *subtasks;    /* [largest parallelism] */
	double *operator_rates;      /* records out of each operator of the job; < 0: not told */
	uint32_t *operators_before;  /* [vertices]: where a vertex's begin in that */
	struct map *taskmanagers;    /* endpoint's address -> struct place in the arena */
	struct place *first, **last; /* in the order in which they are numbered */
	struct place *recent;        /* neighbours are often in the same place */
	struct arena *arena;
	struct buf text;
};

struct place {
	const char *resource_id, *endpoint; /* the job's */
	uint32_t number;
	struct place *next;
};

/* ---- pieces ---------------------------------------------------------------------------------- */

void picture_put_states(struct json_out *json, const char *key)
{
	json_out_array(json, key);
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		json_out_text(json, NULL, sm_name(&execution_states, i));
	json_out_close(json);
}

void picture_put_tasks(struct json_out *json, const char *key,
		       const uint32_t counts[EXECUTION_STATE_COUNT])
{
	json_out_array(json, key);
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		json_out_int(json, NULL, counts[i]);
	json_out_close(json);
}

static void put_share(struct json_out *json, const char *key, double share)
{
	json_out_rounded(json, key, share, PICTURE_SHARE_DIGITS);
}

/* ---- the header ------------------------------------------------------------------------------ */

static void put_sentences(const struct drawing *drawing, struct buf *text)
{
	const struct job *job = drawing->job;
	struct json_out *json = drawing->out->json;

	rest_put_note(json, job);
	buf_clear(text);
	job_pressure_of_job(drawing->pressure, text);
	json_out_bytes(json, "bottleneck", text->data, text->size_bytes);
	json_out_text(json, "waiting-for", job->waiting_for != NULL ? job->waiting_for : "");
}

static void draw_header(struct drawing *drawing)
{
	const struct job *job = drawing->job;
	struct json_out *json = drawing->out->json;

	picture_unit(drawing->out);
	json_out_object(json, "job");
	json_out_id(json, "jid", &job->id);
	json_out_text(json, "name", job->name);
	json_out_text(json, "state", job_status_name(job));
	json_out_text(json, "job-type", rest_job_type(job));
	json_out_int(json, "start-time", job->start_ms);
	json_out_int(json, "end-time", job->end_ms);
	json_out_int(json, "all-running-time", job->all_running_ms);
	json_out_int(json, "last-modification", job->last_modified_ms);
	json_out_int(json, "parallelism", job->graph->default_parallelism);
	json_out_int(json, "maxParallelism", -1);
	json_out_int(json, "slots", job_graph_slots_needed(job->graph));
	json_out_int(json, "restarts", job->restarts);
	json_out_int(json, "failures", job->failures_count);
	put_sentences(drawing, &drawing->text);
	json_out_count(json, "output-end", job_output_end(job));
	json_out_count(json, "metrics-dropped", job->metrics_dropped);
	json_out_object(json, "timestamps");
	for (uint32_t i = 0; i < JOB_STATUS_COUNT; i++)
		json_out_int(json, sm_name(&job_states, i), job->entered_ms[i]);
	json_out_close(json);
	json_out_close(json);
	picture_unit_end(drawing->out);
}

/* ---- TaskManagers: numbered as the rows name them -------------------------------------------- */

static int64_t place_number(struct drawing *drawing, const struct execution *execution)
{
	const char *endpoint = execution->endpoint;

	if (endpoint == NULL)
		return -1;
	if (drawing->recent != NULL && drawing->recent->endpoint == endpoint)
		return drawing->recent->number;
	/* A TaskManager's name and endpoint are one text each in the whole job. */
	struct bytes key = bytes_of(&endpoint, sizeof(endpoint));
	struct place *place = map_get(drawing->taskmanagers, key);

	if (place == NULL) {
		place = arena_alloc(drawing->arena, sizeof(*place));
		place->resource_id = execution->resource_id;
		place->endpoint = endpoint;
		place->number = (uint32_t)map_count(drawing->taskmanagers);
		map_put(drawing->taskmanagers, key, place);
		*drawing->last = place;
		drawing->last = &place->next;
	}
	drawing->recent = place;
	return place->number;
}

/* ---- vertices -------------------------------------------------------------------------------- */

static void look_at_subtasks(struct drawing *drawing, const struct job_vertex *vertex)
{
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		const struct execution *execution = &vertex->executions[i];
		struct subtask *subtask = &drawing->subtasks[i];

		subtask->figures = execution_figures(execution);
		subtask->per_second = 0;
		if (subtask->figures != NULL && !sm_is_final(&execution_states, execution->state))
			subtask->per_second = figures_per_second(subtask->figures);
		execution_shares(execution, &subtask->shares);
	}
}

static void put_shares(struct json_out *json, const struct subtask *subtasks, uint32_t count,
		       uint32_t running)
{
	static const struct {
		const char *most, *mean;
		size_t offset;
	} rows[] = {
		{ "busy-max", "busy-mean", offsetof(struct pressure_shares, busy) },
		{ "idle-max", "idle-mean", offsetof(struct pressure_shares, idle) },
		{ "backpressured-max", "backpressured-mean",
		  offsetof(struct pressure_shares, pressured) },
		{ "waiting-max", "waiting-mean", offsetof(struct pressure_shares, waiting) },
	};

	for (size_t r = 0; r < ARRAY_COUNT(rows); r++) {
		double most = 0, sum = 0;

		for (uint32_t i = 0; i < count; i++) {
			double share = *(const double *)((const char *)&subtasks[i].shares +
							 rows[r].offset);

			sum += share;
			most = fmax(most, share);
		}
		put_share(json, rows[r].most, most);
		put_share(json, rows[r].mean, running > 0 ? sum / running : 0);
	}
}

/* Numbers of the edges that end there, by input. */
static void put_inputs(struct json_out *json, const struct job_vertex *vertex)
{
	json_out_array(json, "inputs");
	for (uint32_t i = 0; i < vertex->edges_count; i++)
		if (vertex->job->graph->edges[vertex->edges[i]]->target_vertex == vertex->index)
			json_out_int(json, NULL, vertex->edges[i]);
	json_out_close(json);
}

/* The members of a vertex that stand beside its parts. */
static void draw_vertex_itself(struct drawing *drawing, const struct job_vertex *vertex)
{
	struct rest_times times = rest_vertex_times(vertex, 0);
	uint32_t parallelism = vertex->message->parallelism, counts[EXECUTION_STATE_COUNT];
	struct json_out *json = drawing->out->json;
	struct picture_flows sum = { { 0 }, { 0 } };

	for (uint32_t i = 0; i < parallelism; i++)
		if (drawing->subtasks[i].figures != NULL)
			picture_add_flows(&sum, drawing->subtasks[i].figures->task,
				  drawing->subtasks[i].per_second);
	job_vertex_count_states(vertex, counts);
	picture_unit(drawing->out);
	json_out_text(json, "name", vertex->message->name);
	json_out_int(json, "parallelism", parallelism);
	json_out_int(json, "maxParallelism", vertex->message->max_parallelism);
	json_out_text(json, "status", sm_name(&execution_states, rest_aggregate_state(counts)));
	picture_put_tasks(json, "tasks", counts);
	json_out_int(json, "start-time", times.start);
	json_out_int(json, "end-time", times.end);
	put_inputs(json, vertex);
	picture_put_flows(json, &sum);
	put_shares(json, drawing->subtasks, parallelism, counts[EXECUTION_RUNNING]);
	buf_clear(&drawing->text);
	job_pressure_of_vertex(drawing->pressure, vertex->index, &drawing->text);
	json_out_bytes(json, "cause", drawing->text.data, drawing->text.size_bytes);
	picture_unit_end(drawing->out);
}

/* ---- operators ------------------------------------------------------------------------------- */

static void draw_operators(struct drawing *drawing, const struct job_vertex *vertex)
{
	struct json_out *json = drawing->out->json;

	picture_open(drawing->out, "operators");
	for (uint32_t o = 0; o < vertex->message->n_operators; o++) {
		const Flink__Operator *operator = vertex->message->operators[o];
		char number[16];

		snprintf(number, sizeof(number), "%u", o);
		picture_unit(drawing->out);
		json_out_object(json, number);
		json_out_text(json, "name", operator->name);
		json_out_text(json, "kind", rest_operator_kind(operator));
		json_out_array(json, "inputs");
		if (o > 0)
			json_out_int(json, NULL, operator->input_operator);
		json_out_close(json);
		drawing->operator_rates[drawing->operators_before[vertex->index] + o] =
			rest_put_operator(json, vertex, o);
		json_out_close(json);
		picture_unit_end(drawing->out);
	}
	picture_close(drawing->out);
}

/* ---- subtasks -------------------------------------------------------------------------------- */

static double usage(const uint32_t *gauges, uint32_t held, uint32_t more_held, uint32_t of,
		    uint32_t more_of)
{
	double all = (double)gauges[of - TASK_COUNTERS] + gauges[more_of - TASK_COUNTERS];

	return all > 0 ? ((double)gauges[held - TASK_COUNTERS] +
			  gauges[more_held - TASK_COUNTERS]) / all
		       : 0;
}

/* A row is written in one piece: there are thousands, of twenty numbers each. */
#define ROW_NUMBERS 21
struct row {
	char text[ROW_NUMBERS * (JSON_NUMBER_SIZE + 1)], *end;
};

static void add_int(struct row *row, int64_t value)
{
	row->end = json_write_int(row->end, value);
	*row->end++ = ',';
}

static void add_total(struct row *row, uint64_t value)
{
	row->end = json_write_count(row->end, value > INT64_MAX ? INT64_MAX : value);
	*row->end++ = ',';
}

static void add_rounded(struct row *row, double value, uint32_t digits)
{
	row->end = json_write_rounded(row->end, value < JSON_ROUNDED_MAX ? value : 0, digits);
	*row->end++ = ',';
}

static void add_buffers(struct row *row, const struct subtask *subtask, bool runs)
{
	static const uint32_t none[TASK_GAUGES];
	const uint32_t *gauges = subtask->figures != NULL && runs ? subtask->figures->gauges : none;
	double allowed = gauges[METRIC_OUT_ALLOWED - TASK_COUNTERS];
	double held = gauges[METRIC_OUT_HELD - TASK_COUNTERS];

	add_int(row, gauges[METRIC_IN_QUEUED - TASK_COUNTERS]);
	add_int(row, gauges[METRIC_OUT_QUEUED - TASK_COUNTERS]);
	add_rounded(row, usage(gauges, METRIC_IN_EXCLUSIVE_HELD, METRIC_IN_FLOATING_HELD,
			       METRIC_IN_EXCLUSIVE, METRIC_IN_FLOATING),
		    PICTURE_SHARE_DIGITS);
	add_rounded(row, allowed > 0 ? held / allowed : 0, PICTURE_SHARE_DIGITS);
}

static void add_flows_and_shares(struct row *row, const struct subtask *subtask)
{
	const double shares[] = { subtask->shares.busy, subtask->shares.idle,
				  subtask->shares.pressured, subtask->shares.waiting };
	struct picture_flows flows = { { 0 }, { 0 } };

	if (subtask->figures != NULL)
		picture_add_flows(&flows, subtask->figures->task, subtask->per_second);
	for (uint32_t i = 0; i < FLOWS; i++)
		add_total(row, flows.totals[i]);
	for (uint32_t i = 0; i < FLOWS; i++)
		add_rounded(row, flows.rates[i], PICTURE_RATE_DIGITS);
	for (size_t i = 0; i < ARRAY_COUNT(shares); i++)
		add_rounded(row, shares[i], PICTURE_SHARE_DIGITS);
}

/* In the order of `columns`. */
static void put_row(struct drawing *drawing, const char *key, const struct execution *execution,
		    const struct subtask *subtask)
{
	struct rest_times times = rest_execution_times(execution, 0);
	struct json_out *json = drawing->out->json;
	struct row row;

	row.end = row.text;
	add_int(&row, execution->state);
	add_int(&row, execution->attempt);
	add_int(&row, place_number(drawing, execution));
	add_int(&row, times.start);
	add_int(&row, times.end);
	add_flows_and_shares(&row, subtask);
	add_buffers(&row, subtask, !sm_is_final(&execution_states, execution->state));
	json_out_array(json, key);
	json_out_raw(json, NULL, row.text, (size_t)(row.end - 1 - row.text));
	if (execution->status_text[0] != '\0' || execution->blocking) {
		json_out_null(json, NULL); /* there are no watermarks yet */
		json_out_text(json, NULL, execution->status_text);
	}
	if (execution->blocking)
		json_out_bool(json, NULL, true);
	json_out_close(json);
}

static void draw_subtasks(struct drawing *drawing, const struct job_vertex *vertex)
{
	picture_open(drawing->out, "subtasks");
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		char number[JSON_NUMBER_SIZE];

		*json_write_count(number, i) = '\0';
		picture_unit(drawing->out);
		put_row(drawing, number, &vertex->executions[i], &drawing->subtasks[i]);
		picture_unit_end(drawing->out);
	}
	picture_close(drawing->out);
}

static void draw_vertices(struct drawing *drawing)
{
	const struct job *job = drawing->job;

	picture_open(drawing->out, "vertices");
	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		const struct job_vertex *vertex = &job->vertices[v];
		char id[ID_TEXT_SIZE];

		look_at_subtasks(drawing, vertex);
		picture_open(drawing->out, id_format(&vertex->id, id));
		draw_vertex_itself(drawing, vertex);
		draw_operators(drawing, vertex);
		draw_subtasks(drawing, vertex);
		picture_close(drawing->out);
	}
	picture_close(drawing->out);
}

/* ---- edges ----------------------------------------------------------------------------------- */

/* How much of a producing subtask's time it refused, at most. */
static double edge_share(const struct job_vertex *source, uint32_t number)
{
	double most = 0;

	for (uint32_t i = 0; i < source->message->parallelism; i++)
		most = fmax(most, execution_edge_share(&source->executions[i], number));
	return most;
}

static void draw_edges(struct drawing *drawing)
{
	const Flink__JobGraph *graph = drawing->job->graph;
	struct json_out *json = drawing->out->json;
	uint32_t *leaving = MEM_NEW_ARRAY(uint32_t, graph->n_vertices); /* so far, of each */

	picture_open(drawing->out, "edges");
	for (size_t e = 0; e < graph->n_edges; e++) {
		const Flink__Edge *edge = graph->edges[e];
		const struct job_vertex *source = &drawing->job->vertices[edge->source_vertex];
		double rate = drawing->operator_rates[drawing->operators_before[source->index] +
						      edge->source_operator];
		char number[24];

		snprintf(number, sizeof(number), "%zu", e);
		picture_unit(drawing->out);
		json_out_object(json, number);
		json_out_id(json, "source", &source->id);
		json_out_int(json, "source-operator", edge->source_operator);
		json_out_id(json, "target", &drawing->job->vertices[edge->target_vertex].id);
		json_out_int(json, "target-operator", 0);
		json_out_int(json, "input", edge->target_input);
		json_out_text(json, "ship_strategy", ship_name(edge->ship_strategy));
		json_out_text(json, "exchange", "pipelined_bounded");
		if (rate >= 0)
			json_out_rounded(json, "records-rate", rate, PICTURE_RATE_DIGITS);
		put_share(json, "backpressured",
			  edge_share(source, leaving[edge->source_vertex]++));
		json_out_close(json);
		picture_unit_end(drawing->out);
	}
	picture_close(drawing->out);
	mem_free(leaving);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void draw_taskmanagers(struct drawing *drawing)
{
	struct json_out *json = drawing->out->json;

	picture_open(drawing->out, "taskmanagers");
	for (const struct place *place = drawing->first; place != NULL; place = place->next) {
		char number[16];

		snprintf(number, sizeof(number), "%u", place->number);
		picture_unit(drawing->out);
		json_out_object(json, number);
		json_out_text(json, "id", place->resource_id);
		json_out_text(json, "endpoint", place->endpoint);
		json_out_close(json);
		picture_named_end(drawing->out, PICTURE_TASKMANAGERS, number);
	}
	picture_forget_gone(drawing->out, PICTURE_TASKMANAGERS);
	picture_close(drawing->out);
}

/* Flink's counts; there are no checkpoints yet. */
static void draw_checkpoints(struct drawing *drawing)
{
	static const char *const counts[] = { "restored", "total", "in_progress", "completed",
					      "failed" };
	struct json_out *json = drawing->out->json;

	picture_unit(drawing->out);
	json_out_object(json, "checkpoints");
	json_out_object(json, "counts");
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
		json_out_int(json, counts[i], 0);
	json_out_close(json);
	json_out_close(json);
	picture_unit_end(drawing->out);
}

static void put_legend(struct json_out *json)
{
	picture_put_states(json, "states");
	json_out_array(json, "columns");
	for (size_t i = 0; i < ARRAY_COUNT(columns); i++)
		json_out_text(json, NULL, columns[i]);
	json_out_close(json);
}

static void prepare(struct drawing *drawing)
{
	const Flink__JobGraph *graph = drawing->job->graph;
	uint32_t widest = 0, operators = 0;

	drawing->operators_before = MEM_NEW_ARRAY(uint32_t, graph->n_vertices);
	for (size_t v = 0; v < graph->n_vertices; v++) {
		drawing->operators_before[v] = operators;
		operators += (uint32_t)graph->vertices[v]->n_operators;
		if (graph->vertices[v]->parallelism > widest)
			widest = graph->vertices[v]->parallelism;
	}
	drawing->operator_rates = MEM_NEW_ARRAY(double, operators);
	drawing->subtasks = MEM_NEW_ARRAY(struct subtask, widest);
	drawing->pressure = job_pressure_look(drawing->job);
	drawing->taskmanagers = map_create();
	drawing->arena = arena_create("picture");
	drawing->last = &drawing->first;
	buf_init(&drawing->text);
}

static void tidy_up(struct drawing *drawing)
{
	mem_free(drawing->operators_before);
	mem_free(drawing->operator_rates);
	mem_free(drawing->subtasks);
	job_pressure_forget(&drawing->pressure);
	map_destroy(&drawing->taskmanagers);
	arena_destroy(&drawing->arena);
	buf_fini(&drawing->text);
}

void picture_of_job(const struct job *job, struct picture_out *out)
{
	struct drawing drawing = { .job = job, .out = out };

	prepare(&drawing);
	if (out->whole)
		put_legend(out->json);
	draw_header(&drawing);
	draw_vertices(&drawing);
	draw_edges(&drawing);
	draw_checkpoints(&drawing);
	draw_taskmanagers(&drawing);
	tidy_up(&drawing);
}
