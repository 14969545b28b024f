/* SPDX-License-Identifier: Apache-2.0
 * metric_table.c - see metric_table.h. Totals go on over the attempts of a subtask; everything per
 * second, and all about buffers, is of the attempt that runs, and 0 when none does. */
#include "jobmanager/rest/metric_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum how {
	TOTAL,
	TOTAL_MS,   /* of microseconds */
	RATE,       /* per second */
	RATE_MS,    /* milliseconds per second, of microseconds */
	GAUGE,
	USAGE,      /* the gauge as a share of the other one */
	USAGE_IN,   /* of all input buffers, whatever their kind */
	PRESSED,    /* METRIC_STATE */
	ALWAYS_ZERO,
};

struct metric_row {
	const char *name;
	enum metric_scope scope;
	enum how how;
	uint32_t kind, of; /* of: USAGE */
};

#define COUNT(name, scope, kind) \
	{ name, scope, TOTAL, kind, 0 }, { name "PerSecond", scope, RATE, kind, 0 }
#define TIME(name, kind) { name "TimeMsPerSecond", METRIC_OF_TASK, RATE_MS, kind, 0 }
#define SPENT(name, kind) { "accumulate" name "TimeMs", METRIC_OF_TASK, TOTAL_MS, kind, 0 }
#define BUFFERS(name, how, kind, of) { "buffers." name, METRIC_OF_TASK, how, kind, of }
#define INPUT(name, how, kind, of) \
	{ "Shuffle.Netty.Input.Buffers." name, METRIC_OF_TASK, how, kind, of }
#define OUTPUT(name, how, kind, of) \
	{ "Shuffle.Netty.Output.Buffers." name, METRIC_OF_TASK, how, kind, of }

static const struct metric_row rows[] = {
	COUNT("numRecordsIn", METRIC_OF_TASK, METRIC_RECORDS_IN),
	COUNT("numRecordsOut", METRIC_OF_TASK, METRIC_RECORDS_OUT),
	COUNT("numBytesIn", METRIC_OF_TASK, METRIC_BYTES_IN),
	COUNT("numBytesOut", METRIC_OF_TASK, METRIC_BYTES_OUT),
	TIME("busy", METRIC_BUSY_US),
	TIME("idle", METRIC_IDLE_US),
	TIME("backPressured", METRIC_BACKPRESSURED_US),
	/* A task that is refused stops and gives its thread away: there is no hard kind. */
	TIME("softBackPressured", METRIC_BACKPRESSURED_US),
	{ "hardBackPressuredTimeMsPerSecond", METRIC_OF_TASK, ALWAYS_ZERO, 0, 0 },
	TIME("waiting", METRIC_WAITING_US), /* ours */
	{ "isBackPressured", METRIC_OF_TASK, PRESSED, METRIC_STATE, 0 },
	SPENT("Busy", METRIC_BUSY_US),
	SPENT("Idle", METRIC_IDLE_US),
	SPENT("BackPressured", METRIC_BACKPRESSURED_US),
	BUFFERS("inputQueueLength", GAUGE, METRIC_IN_QUEUED, 0),
	BUFFERS("outputQueueLength", GAUGE, METRIC_OUT_QUEUED, 0),
	BUFFERS("inPoolUsage", USAGE_IN, 0, 0),
	BUFFERS("outPoolUsage", USAGE, METRIC_OUT_HELD, METRIC_OUT_ALLOWED),
	BUFFERS("inputExclusiveBuffersUsage", USAGE, METRIC_IN_EXCLUSIVE_HELD, METRIC_IN_EXCLUSIVE),
	BUFFERS("inputFloatingBuffersUsage", USAGE, METRIC_IN_FLOATING_HELD, METRIC_IN_FLOATING),
	{ "estimatedTimeToConsumeBuffersMs", METRIC_OF_TASK, GAUGE, METRIC_IN_QUEUED_MS, 0 },
	{ "debloatedBufferSize", METRIC_OF_TASK, GAUGE, METRIC_IN_FILL_BYTES, 0 },
	INPUT("inputQueueLength", GAUGE, METRIC_IN_QUEUED, 0),
	INPUT("inPoolUsage", USAGE_IN, 0, 0),
	INPUT("inputExclusiveBuffersUsage", USAGE, METRIC_IN_EXCLUSIVE_HELD, METRIC_IN_EXCLUSIVE),
	INPUT("inputFloatingBuffersUsage", USAGE, METRIC_IN_FLOATING_HELD, METRIC_IN_FLOATING),
	OUTPUT("outputQueueLength", GAUGE, METRIC_OUT_QUEUED, 0),
	OUTPUT("outPoolUsage", USAGE, METRIC_OUT_HELD, METRIC_OUT_ALLOWED),
	COUNT("numRecordsIn", METRIC_OF_OPERATOR, OPERATOR_RECORDS_IN),
	COUNT("numRecordsOut", METRIC_OF_OPERATOR, OPERATOR_RECORDS_OUT),
	COUNT("numBytesIn", METRIC_OF_OPERATOR, OPERATOR_BYTES_IN),
	COUNT("numBytesOut", METRIC_OF_OPERATOR, OPERATOR_BYTES_OUT),
	{ "busyTimeMsPerSecond", METRIC_OF_OPERATOR, RATE_MS, OPERATOR_BUSY_US, 0 },
	{ "accumulateBusyTimeMs", METRIC_OF_OPERATOR, TOTAL_MS, OPERATOR_BUSY_US, 0 },
	{ "backPressuredTimeMsPerSecond", METRIC_OF_EDGE, RATE_MS, EDGE_BACKPRESSURED_US, 0 },
	{ "accumulateBackPressuredTimeMs", METRIC_OF_EDGE, TOTAL_MS, EDGE_BACKPRESSURED_US, 0 },
};

/* ---- names ---------------------------------------------------------------------------------- */

#define NAME_SIZE 320

static void replace(const char *name, char text[NAME_SIZE])
{
	snprintf(text, NAME_SIZE - 16, "%s", name);
	for (char *c = text; *c != '\0'; c++)
		if (strchr(" .:,", *c) != NULL)
			*c = '_';
}

/* How an id spells an operator's name. */
static void spell(const struct job_vertex *vertex, uint32_t operator, char text[NAME_SIZE])
{
	const char *name = vertex->message->operators[operator]->name;
	uint32_t same = 1;

	for (uint32_t o = 0; o < operator; o++)
		same += strcmp(vertex->message->operators[o]->name, name) == 0;
	replace(name, text);
	if (same > 1)
		snprintf(text + strlen(text), 16, "_%u", same);
}

static bool find_row(enum metric_scope scope, const char *name, size_t length,
		     struct metric *metric)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (rows[i].scope != scope || strlen(rows[i].name) != length ||
		    memcmp(rows[i].name, name, length) != 0)
			continue;
		metric->row = &rows[i];
		return true;
	}
	return false;
}

static bool find_edge(const struct job_vertex *vertex, const char *name, size_t length,
		      struct metric *metric)
{
	static const char prefix[] = "Output.";
	size_t at = sizeof(prefix) - 1;
	uint64_t index = 0;

	if (length <= at || memcmp(name, prefix, at) != 0)
		return false;
	for (; at < length && at < 12 && name[at] >= '0' && name[at] <= '9'; at++)
		index = index * 10 + (uint64_t)(name[at] - '0');
	if (at == sizeof(prefix) - 1 || at == length || name[at] != '.' ||
	    index >= vertex->figures.plan.edges)
		return false;
	metric->index = (uint32_t)index;
	return find_row(METRIC_OF_EDGE, name + at + 1, length - at - 1, metric);
}

bool metric_find_name(const struct job_vertex *vertex, const char *name, size_t length,
		      struct metric *metric)
{
	const char *dot = memchr(name, '.', length);
	char spelled[NAME_SIZE];

	*metric = (struct metric){ .row = NULL };
	if (find_row(METRIC_OF_TASK, name, length, metric))
		return true;
	if (dot == NULL)
		return false;
	for (uint32_t o = 0; o < vertex->figures.plan.operators; o++) {
		spell(vertex, o, spelled);
		if (strlen(spelled) != (size_t)(dot - name) ||
		    memcmp(spelled, name, strlen(spelled)) != 0)
			continue;
		metric->index = o;
		if (find_row(METRIC_OF_OPERATOR, dot + 1, length - strlen(spelled) - 1, metric))
			return true;
	}
	return find_edge(vertex, name, length, metric);
}

static void each_of(enum metric_scope scope, const char *prefix, const char *middle,
		    metric_name_fn *put, void *context)
{
	char id[512];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (rows[i].scope != scope)
			continue;
		snprintf(id, sizeof(id), "%s%s%s%s", prefix, middle, middle[0] ? "." : "",
			 rows[i].name);
		put(context, id);
	}
}

void metric_each_name(const struct job_vertex *vertex, const char *prefix, metric_name_fn *put,
		      void *context)
{
	char middle[NAME_SIZE];

	each_of(METRIC_OF_TASK, prefix, "", put, context);
	for (uint32_t o = 0; o < vertex->figures.plan.operators; o++) {
		spell(vertex, o, middle);
		each_of(METRIC_OF_OPERATOR, prefix, middle, put, context);
	}
	for (uint32_t e = 0; e < vertex->figures.plan.edges; e++) {
		snprintf(middle, sizeof(middle), "Output.%u", e);
		each_of(METRIC_OF_EDGE, prefix, middle, put, context);
	}
}

/* ---- worth ---------------------------------------------------------------------------------- */

static const struct figure *figure_of(const struct figures *figures, const struct metric *metric)
{
	uint32_t kind = metric->row->kind;

	switch (metric->row->scope) {
	case METRIC_OF_OPERATOR:
		return &figures->operators[metric->index * OPERATOR_METRICS + kind];
	case METRIC_OF_EDGE: return &figures->edges[metric->index * EDGE_METRICS + kind];
	case METRIC_OF_TASK: break;
	}
	return &figures->task[kind];
}

static double gauge(const struct figures *figures, uint32_t kind)
{
	return figures->gauges[kind - TASK_COUNTERS];
}

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* Of what runs. */
static double worth_now(const struct figures *figures, const struct metric *metric)
{
	const struct metric_row *row = metric->row;

	switch (row->how) {
	case RATE: return figures_rate(figures, figure_of(figures, metric));
	case RATE_MS: return figures_rate(figures, figure_of(figures, metric)) / 1000;
	case GAUGE: return gauge(figures, row->kind);
	case USAGE_IN:
		return share(gauge(figures, METRIC_IN_EXCLUSIVE_HELD) +
				     gauge(figures, METRIC_IN_FLOATING_HELD),
			     gauge(figures, METRIC_IN_EXCLUSIVE) +
				     gauge(figures, METRIC_IN_FLOATING));
	case USAGE: return share(gauge(figures, row->kind), gauge(figures, row->of));
	case PRESSED: return gauge(figures, row->kind) == METRIC_IS_BACKPRESSURED;
	default: return 0;
	}
}

double metric_worth(const struct execution *execution, const struct metric *metric)
{
	const struct figures *figures = execution_figures(execution);

	if (figures == NULL)
		return 0;
	if (metric->row->how == TOTAL)
		return (double)figure_total(figure_of(figures, metric));
	if (metric->row->how == TOTAL_MS)
		return (double)(figure_total(figure_of(figures, metric)) / 1000);
	if (sm_is_final(&execution_states, execution->state))
		return 0;
	return worth_now(figures, metric);
}

bool metric_is_flag(const struct metric *metric)
{
	return metric->row->how == PRESSED;
}

bool metric_kind_at(size_t row, struct metric_kind *kind)
{
	if (row >= ARRAY_COUNT(rows))
		return false;
	*kind = (struct metric_kind){ { &rows[row], 0 },
				      rows[row].name,
				      rows[row].scope,
				      rows[row].how == TOTAL || rows[row].how == TOTAL_MS };
	return true;
}
