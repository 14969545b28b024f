/* SPDX-License-Identifier: Apache-2.0
 * figures.h - what a job knows of its subtasks in numbers: as last told, over all attempts, and per
 * second.
 *
 * "I keep what I am told, and believe nothing that cannot be." A number that falls, is out of range
 * or that the job's metric plan does not have is refused and counted. Rates are what was added
 * within the last few seconds of the subtask's own time: busy, idle and back-pressured microseconds
 * add up to that time, so lost or late heartbeats bend no rate. */
#ifndef JOBMANAGER_JOB_FIGURES_H
#define JOBMANAGER_JOB_FIGURES_H

#include "resource_manager.pb-c.h"

#include "common/base/err.h"
#include "common/graph/metric_plan.h"
#include "common/metric/metric.h"

struct figure {
	uint64_t base; /* of earlier attempts */
	uint64_t now;  /* of this attempt */
	uint64_t older, newer; /* `now` at two moments, 2 to 4 seconds and 0 to 2 seconds ago */
};

struct figures { /* of one subtask */
	uint64_t sequence; /* of the last message about this attempt */
	struct figure task[TASK_COUNTERS];
	uint32_t gauges[TASK_GAUGES];
	struct figure *operators; /* [plan.operators][OPERATOR_METRICS] */
	struct figure *edges;     /* [plan.edges][EDGE_METRICS] */
};

struct figures_table { /* of a vertex */
	struct metric_plan plan;
	uint32_t subtasks;
	struct figures *of; /* [subtasks]; NULL: nothing was told of any */
	struct figure *rest;
};

void figures_table_init(struct figures_table *table, struct metric_plan plan, uint32_t subtasks);
void figures_table_fini(struct figures_table *table);
size_t figures_table_bytes(const struct figures_table *table);

/* Takes a message about a subtask in. Returns how many of its numbers were refused; -1: all of it,
 * with err. An old or repeated message is not fresh: it is no error and changes nothing. */
MUST_USE int figures_take(struct figures_table *table, uint32_t subtask,
			  const Flink__TaskMetrics *message, bool *fresh, struct err *err);
void figures_next_attempt(struct figures_table *table, uint32_t subtask);

static inline uint64_t figure_total(const struct figure *figure)
{
	uint64_t sum = figure->base + figure->now;

	return sum < figure->base ? UINT64_MAX : sum;
}
/* What was added lately times this is per second of the subtask's time; 0: none has passed. */
double figures_per_second(const struct figures *figures);
static inline double figure_recent(const struct figure *figure, double per_second)
{
	return (double)(figure->now - figure->older) * per_second;
}
/* Both in one, for a single figure. */
double figures_rate(const struct figures *figures, const struct figure *figure);
/* Of all counters of the task at once. */
void figures_task_rates(const struct figures *figures, double rates[TASK_COUNTERS]);

#endif
