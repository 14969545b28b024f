/* SPDX-License-Identifier: Apache-2.0
 * job_states.c - the machines of jobs and executions as tables, and what is read off them. */
#include "common/base/compiler.h"
#include "jobmanager/job/job.h"

static const struct sm_state job_state_rows[] = {
	[JOB_INITIALIZING] = { "INITIALIZING", SM_TO(JOB_CREATED), false },
	[JOB_CREATED] = { "CREATED",
			  SM_TO(JOB_RUNNING) | SM_TO(JOB_CANCELLING) | SM_TO(JOB_FAILING), false },
	[JOB_RUNNING] = { "RUNNING",
			  SM_TO(JOB_FINISHED) | SM_TO(JOB_RESTARTING) | SM_TO(JOB_CANCELLING) |
				  SM_TO(JOB_FAILING),
			  false },
	[JOB_FAILING] = { "FAILING", SM_TO(JOB_FAILED) | SM_TO(JOB_CANCELLING), false },
	[JOB_FAILED] = { "FAILED", 0, true },
	[JOB_CANCELLING] = { "CANCELLING", SM_TO(JOB_CANCELED), false },
	[JOB_CANCELED] = { "CANCELED", 0, true },
	[JOB_FINISHED] = { "FINISHED", 0, true },
	[JOB_RESTARTING] = { "RESTARTING",
			     SM_TO(JOB_RUNNING) | SM_TO(JOB_CANCELLING) | SM_TO(JOB_FAILING),
			     false },
	[JOB_SUSPENDED] = { "SUSPENDED", 0, false },
	[JOB_RECONCILING] = { "RECONCILING", 0, false },
};
const struct sm_table job_states = { "job", ARRAY_COUNT(job_state_rows), job_state_rows };

#define ENDED_EARLY (SM_TO(EXECUTION_CANCELED) | SM_TO(EXECUTION_FAILED))
#define DEPLOYED_ENDS (SM_TO(EXECUTION_CANCELING) | SM_TO(EXECUTION_FAILED))

static const struct sm_state execution_state_rows[] = {
	[EXECUTION_CREATED] = { "CREATED", SM_TO(EXECUTION_SCHEDULED) | ENDED_EARLY, false },
	[EXECUTION_SCHEDULED] = { "SCHEDULED", SM_TO(EXECUTION_DEPLOYING) | ENDED_EARLY, false },
	[EXECUTION_DEPLOYING] = { "DEPLOYING", SM_TO(EXECUTION_INITIALIZING) | DEPLOYED_ENDS,
				  false },
	[EXECUTION_INITIALIZING] = { "INITIALIZING", SM_TO(EXECUTION_RUNNING) | DEPLOYED_ENDS,
				     false },
	[EXECUTION_RUNNING] = { "RUNNING", SM_TO(EXECUTION_FINISHED) | DEPLOYED_ENDS, false },
	[EXECUTION_FINISHED] = { "FINISHED", 0, true },
	[EXECUTION_CANCELING] = { "CANCELING", SM_TO(EXECUTION_CANCELED), false },
	[EXECUTION_CANCELED] = { "CANCELED", 0, true },
	[EXECUTION_FAILED] = { "FAILED", 0, true },
	[EXECUTION_RECONCILING] = { "RECONCILING", 0, false },
};
const struct sm_table execution_states = { "execution", ARRAY_COUNT(execution_state_rows),
					   execution_state_rows };

uint32_t execution_subtask(const struct execution *execution)
{
	return (uint32_t)(execution - execution->vertex->executions);
}

void execution_name(const struct execution *execution, struct buf *into)
{
	const struct job_vertex *vertex = execution->vertex;

	buf_printf(into, "%s (%u/%u)", vertex->message->name, execution_subtask(execution) + 1,
		   vertex->message->parallelism);
}

const char *job_status_name(const struct job *job)
{
	return sm_name(&job_states, job->status);
}

bool job_is_final(const struct job *job)
{
	return sm_is_final(&job_states, job->status);
}

static void first_status_text(const struct job *job, struct buf *into)
{
	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		const struct job_vertex *vertex = &job->vertices[v];

		for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
			if (vertex->executions[i].status_text[0] != '\0') {
				buf_add_text(into, vertex->executions[i].status_text);
				return;
			}
		}
	}
}

void job_note(const struct job *job, struct buf *into)
{
	if (job->waiting_for != NULL)
		buf_add_text(into, job->waiting_for);
	else if (job->status == JOB_RUNNING && job->notes_count > 0)
		first_status_text(job, into);
	else if (job->status == JOB_FAILED || job->status == JOB_FAILING)
		buf_add_text(into, job->failure.text);
}

void job_vertex_count_states(const struct job_vertex *vertex,
			     uint32_t counts[EXECUTION_STATE_COUNT])
{
	for (uint32_t state = 0; state < EXECUTION_STATE_COUNT; state++)
		counts[state] = vertex->counts[state];
}

void job_count_states(const struct job *job, uint32_t counts[EXECUTION_STATE_COUNT])
{
	for (uint32_t state = 0; state < EXECUTION_STATE_COUNT; state++) {
		counts[state] = 0;
		for (size_t v = 0; v < job->graph->n_vertices; v++)
			counts[state] += job->vertices[v].counts[state];
	}
}

enum execution_state job_vertex_state(const struct job_vertex *vertex)
{
	static const enum execution_state first_of[] = { EXECUTION_FAILED, EXECUTION_CANCELING,
							 EXECUTION_CANCELED, EXECUTION_INITIALIZING,
							 EXECUTION_RUNNING };

	for (size_t i = 0; i < ARRAY_COUNT(first_of); i++)
		if (vertex->counts[first_of[i]] > 0)
			return first_of[i];
	if (vertex->counts[EXECUTION_FINISHED] == vertex->message->parallelism)
		return EXECUTION_FINISHED;
	return vertex->counts[EXECUTION_FINISHED] > 0 ? EXECUTION_RUNNING : EXECUTION_CREATED;
}

void io_metrics_add(struct io_metrics *sum, const struct io_metrics *more)
{
	sum->records_in += more->records_in;
	sum->records_out += more->records_out;
	sum->bytes_in += more->bytes_in;
	sum->bytes_out += more->bytes_out;
	sum->busy_ms += more->busy_ms;
	sum->idle_ms += more->idle_ms;
	sum->backpressured_ms += more->backpressured_ms;
}

struct io_metrics execution_metrics(const struct execution *execution)
{
	const struct figures *figures = execution_figures(execution);
	uint64_t totals[TASK_COUNTERS];

	if (figures == NULL)
		return (struct io_metrics){ 0 };
	for (uint32_t kind = 0; kind < TASK_COUNTERS; kind++)
		totals[kind] = figure_total(&figures->task[kind]);
	return (struct io_metrics){
		.records_in = totals[METRIC_RECORDS_IN],
		.records_out = totals[METRIC_RECORDS_OUT],
		.bytes_in = totals[METRIC_BYTES_IN],
		.bytes_out = totals[METRIC_BYTES_OUT],
		.busy_ms = totals[METRIC_BUSY_US] / 1000,
		.idle_ms = totals[METRIC_IDLE_US] / 1000,
		.backpressured_ms = totals[METRIC_BACKPRESSURED_US] / 1000,
	};
}

const struct figures *execution_figures(const struct execution *execution)
{
	const struct figures_table *table = &execution->vertex->figures;

	return table->of ? &table->of[execution_subtask(execution)] : NULL;
}

uint64_t execution_operator_total(const struct execution *execution, uint32_t operator,
				  enum operator_metric kind)
{
	const struct figures *figures = execution_figures(execution);

	if (figures == NULL || operator >= execution->vertex->figures.plan.operators)
		return 0;
	return figure_total(&figures->operators[operator * OPERATOR_METRICS + kind]);
}
