/* SPDX-License-Identifier: Apache-2.0
 * figures.c - see figures.h. */
#include "jobmanager/job/figures.h"

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mem.h"

#define FIGURE_MAX (UINT64_C(1) << 62)
#define WINDOW_HALF_US 2000000

/* ---- tables --------------------------------------------------------------------------------- */

void figures_table_init(struct figures_table *table, struct metric_plan plan, uint32_t subtasks)
{
	*table = (struct figures_table){ .plan = plan, .subtasks = subtasks };
}

static size_t rest_of_one(const struct figures_table *table)
{
	return (size_t)table->plan.operators * OPERATOR_METRICS +
	       (size_t)table->plan.edges * EDGE_METRICS;
}

/* With the first report of any subtask: a job that does not run needs none. */
static void begin(struct figures_table *table)
{
	size_t one = rest_of_one(table);

	if (table->of != NULL)
		return;
	table->of = MEM_NEW_ARRAY(struct figures, table->subtasks);
	table->rest = MEM_NEW_ARRAY(struct figure, table->subtasks * one);
	for (uint32_t i = 0; i < table->subtasks; i++) {
		table->of[i].operators = table->rest + i * one;
		table->of[i].edges =
			table->of[i].operators + table->plan.operators * OPERATOR_METRICS;
	}
}

void figures_table_fini(struct figures_table *table)
{
	mem_free(table->of);
	mem_free(table->rest);
	table->of = NULL;
	table->rest = NULL;
}

size_t figures_table_bytes(const struct figures_table *table)
{
	return table->subtasks *
	       (sizeof(struct figures) + rest_of_one(table) * sizeof(struct figure));
}

/* ---- messages ------------------------------------------------------------------------------- */

/* The counted figure that an id means; NULL: none of those. */
static struct figure *find(const struct figures_table *table, struct figures *figures, uint32_t id)
{
	uint32_t scope = id / METRIC_SCOPE_KINDS, kind = id % METRIC_SCOPE_KINDS;

	if (scope == METRIC_SCOPE_TASK)
		return kind < TASK_COUNTERS ? &figures->task[kind] : NULL;
	if (scope >= METRIC_SCOPE_EDGE)
		return scope - METRIC_SCOPE_EDGE < table->plan.edges && kind < EDGE_METRICS
			       ? &figures->edges[(scope - METRIC_SCOPE_EDGE) * EDGE_METRICS + kind]
			       : NULL;
	return scope - METRIC_SCOPE_OPERATOR < table->plan.operators && kind < OPERATOR_METRICS
		       ? &figures->operators[(scope - METRIC_SCOPE_OPERATOR) * OPERATOR_METRICS +
					     kind]
		       : NULL;
}

static bool take_one(const struct figures_table *table, struct figures *figures, uint32_t id,
		     uint64_t value)
{
	struct figure *figure = find(table, figures, id);

	if (figure == NULL && id >= TASK_COUNTERS && id < TASK_METRICS && value <= UINT32_MAX) {
		figures->gauges[id - TASK_COUNTERS] = (uint32_t)value;
		return true;
	}
	if (figure == NULL || value < figure->now || value > FIGURE_MAX)
		return false;
	figure->now = value;
	return true;
}

static uint64_t time_us(const struct figures *figures, size_t offset)
{
	uint64_t sum = 0;

	for (uint32_t kind = METRIC_BUSY_US; kind <= METRIC_BACKPRESSURED_US; kind++)
		sum += *(const uint64_t *)((const char *)&figures->task[kind] + offset);
	return sum;
}

static uint64_t time_now(const struct figures *figures)
{
	return time_us(figures, offsetof(struct figure, now));
}

static void mark(struct figure *figures, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		figures[i].older = figures[i].newer;
		figures[i].newer = figures[i].now;
	}
}

int figures_take(struct figures_table *table, uint32_t subtask, const Flink__TaskMetrics *message,
		 bool *fresh, struct err *err)
{
	int refused = 0;

	*fresh = false;
	if (message->n_ids != message->n_values || message->n_ids > LIMIT_TASK_METRICS_MAX)
		return err_set(err, ERR_NET_PROTOCOL,
			       "a task's numbers: %zu ids and %zu values; at most %d of both",
			       message->n_ids, message->n_values, LIMIT_TASK_METRICS_MAX);
	begin(table);
	struct figures *figures = &table->of[subtask];

	if (message->sequence <= figures->sequence)
		return 0; /* no TaskManager of ours tells numbers twice */
	*fresh = true;
	figures->sequence = message->sequence;
	for (size_t i = 0; i < message->n_ids; i++)
		refused += !take_one(table, figures, message->ids[i], message->values[i]);
	if (time_now(figures) - time_us(figures, offsetof(struct figure, newer)) >=
	    WINDOW_HALF_US) {
		mark(figures->task, TASK_COUNTERS);
		mark(figures->operators, rest_of_one(table));
	}
	return refused;
}

static void carry_over(struct figure *figures, size_t count)
{
	for (size_t i = 0; i < count; i++)
		figures[i] = (struct figure){ .base = figure_total(&figures[i]) };
}

void figures_next_attempt(struct figures_table *table, uint32_t subtask)
{
	if (table->of == NULL)
		return;
	struct figures *figures = &table->of[subtask];

	figures->sequence = 0;
	carry_over(figures->task, TASK_COUNTERS);
	carry_over(figures->operators, rest_of_one(table));
	memset(figures->gauges, 0, sizeof(figures->gauges));
}

/* ---- rates ---------------------------------------------------------------------------------- */

double figures_per_second(const struct figures *figures)
{
	uint64_t us = time_now(figures) - time_us(figures, offsetof(struct figure, older));

	return us == 0 ? 0 : 1e6 / (double)us;
}

double figures_rate(const struct figures *figures, const struct figure *figure)
{
	return figure_recent(figure, figures_per_second(figures));
}

void figures_task_rates(const struct figures *figures, double rates[TASK_COUNTERS])
{
	uint64_t us = time_now(figures) - time_us(figures, offsetof(struct figure, older));
	double per_second = us == 0 ? 0 : 1e6 / (double)us;

	for (uint32_t i = 0; i < TASK_COUNTERS; i++)
		rates[i] = (double)(figures->task[i].now - figures->task[i].older) * per_second;
}
