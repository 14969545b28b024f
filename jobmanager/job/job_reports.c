/* SPDX-License-Identifier: Apache-2.0
 * job_reports.c - what TaskManagers say about executions. A report counts only if it is about the
 * current attempt and comes from the TaskManager that the attempt was given to; all else is refused
 * with ERR_FENCED and changes nothing. */
#include <stdio.h>

#include "jobmanager/job/job_priv.h"
#include "jobmanager/job/latencies.h"

#include "common/base/mark.h"

/* How long a task that only lost its peer waits for a better explanation. */
#define SYMPTOM_WAIT_MS 1000

static int check_sender(const struct execution *execution, const struct taskmanager_info *from,
			struct err *err)
{
	if (execution->place != NULL && execution->place->taskmanager == from &&
	    execution->submitted)
		return 0;
	SOMETIMES("a report of a task that is somewhere else is refused");
	return err_set(err, ERR_FENCED,
		       "task %s (%u/%u) of job '%s' is %s and not on TaskManager %s",
		       execution->vertex->message->name, execution_subtask(execution) + 1,
		       execution->vertex->message->parallelism, execution->vertex->job->name,
		       sm_name(&execution_states, execution->state), from->resource_id);
}

/* ---- metrics -------------------------------------------------------------------------------- */

/* Once for each job: whoever tells what cannot be does so every second. */
static void refused(struct job *job, const struct execution *execution, int count,
		    const struct err *err)
{
	if (job->metrics_refused == 0 && count < 0)
		log_warn(JOB_LOGGER, "TaskManager %s: %s", execution->resource_id, err->text);
	else if (job->metrics_refused == 0)
		log_warn(JOB_LOGGER,
			 "%d numbers of task %s (%u/%u) from TaskManager %s cannot be (they fall, or nobody has them) and are not taken.",
			 count, execution->vertex->message->name, execution_subtask(execution) + 1,
			 execution->vertex->message->parallelism, execution->resource_id);
	job->metrics_refused += count < 0 ? 1 : (uint64_t)count;
}

static void take_metrics(struct execution *execution, const Flink__TaskMetrics *metrics)
{
	struct job_vertex *vertex = execution->vertex;
	struct job_master *master = job_master_of(vertex->job);
	struct err err = ERR_INIT;
	bool fresh;
	int count = figures_take(&vertex->figures, execution_subtask(execution), metrics, &fresh,
				 &err);

	if (count != 0)
		refused(vertex->job, execution, count, &err);
	if (fresh && metrics->n_latencies > 0)
		vertex->job->metrics_refused +=
			latencies_take(&execution->latencies, vertex, metrics);
	if (!fresh || !metrics->status_told)
		return;
	if (strcmp(execution->status_text, metrics->status_text) != 0) {
		execution_set_status_text(execution, metrics->status_text);
		job_changed(master);
	}
	if (execution->blocking != metrics->blocking) {
		execution->blocking = metrics->blocking;
		job_changed(master);
	}
}

void job_master_task_metrics(struct execution *execution, struct taskmanager_info *from,
			     const Flink__TaskMetrics *metrics)
{
	struct err err = ERR_INIT;

	if (check_sender(execution, from, &err) == 0)
		take_metrics(execution, metrics);
}

/* ---- states --------------------------------------------------------------------------------- */

/* Through the states in between, which a report may have left out. */
static void move_up_to(struct execution *execution, enum execution_state to)
{
	static const enum execution_state way[] = { EXECUTION_INITIALIZING, EXECUTION_RUNNING };

	for (size_t i = 0; i < ARRAY_COUNT(way) && execution->state != to; i++)
		if (sm_may_move(&execution_states, execution->state, way[i]))
			execution_move(execution, way[i], NULL);
}

/* A task that lost its connection to another one, or whose peer was cancelled (its TaskManager
 * stops, or has given this JobManager up), tells an effect; the cause may be on its way. */
static bool is_symptom(enum err_code code)
{
	return code == ERR_CANCELED || code == ERR_NET_CLOSED || code == ERR_NET_UNREACHABLE ||
	       code == ERR_NET_TIMEOUT || code == ERR_PARTITION_NOT_FOUND;
}

static void task_failed(struct execution *execution, const Flink__UpdateTaskStateRequest *request)
{
	struct job_master *master = job_master_of(execution->vertex->job);
	struct err err = ERR_INIT;
	bool symptom;

	if (request->failure != NULL)
		err_from_message(&err, request->failure);
	if (err.code == ERR_NONE)
		err_set(&err, ERR_BUG, "it failed without saying why");
	if (request->failed_operator[0] != '\0')
		err_wrap(&err, "%s", request->failed_operator);
	if (err.origin[0] == '\0')
		job_name_origin(&err, execution->resource_id);
	symptom = is_symptom(err.code);
	execution_move(execution,
		       execution->state == EXECUTION_CANCELING ? EXECUTION_CANCELED
							       : EXECUTION_FAILED,
		       &err);
	job_fail(master, symptom ? CAUSE_SYMPTOM : CAUSE_TASK, &err, execution,
		 symptom ? SYMPTOM_WAIT_MS : 0);
}

static void task_canceled(struct execution *execution)
{
	struct job_master *master = job_master_of(execution->vertex->job);
	struct err err = ERR_INIT;

	if (execution->state == EXECUTION_CANCELING) {
		execution_move(execution, EXECUTION_CANCELED, NULL);
		return;
	}
	err_set(&err, ERR_TASKMANAGER_LOST, "TaskManager %s is stopping and cancelled it",
		execution->resource_id);
	execution_move(execution, EXECUTION_FAILED, &err);
	job_fail(master, CAUSE_TASKMANAGER_LOST, &err, execution, 0);
}

int job_master_task_state(struct execution *execution, struct taskmanager_info *from,
			  const Flink__UpdateTaskStateRequest *request, struct err *err)
{
	int state = sm_find(&execution_states, request->state);

	if (check_sender(execution, from, err) != 0)
		return -1;
	if (request->metrics != NULL)
		take_metrics(execution, request->metrics);
	switch (state) {
	case EXECUTION_DEPLOYING:
		break;
	case EXECUTION_INITIALIZING:
		/* Later reports of a task that is being cancelled do not call it back. */
		if (execution->state == EXECUTION_DEPLOYING)
			execution_move(execution, EXECUTION_INITIALIZING, NULL);
		break;
	case EXECUTION_RUNNING:
		move_up_to(execution, EXECUTION_RUNNING);
		break;
	case EXECUTION_FINISHED:
		move_up_to(execution, EXECUTION_RUNNING);
		execution_move(execution,
			       execution->state == EXECUTION_CANCELING ? EXECUTION_CANCELED
								       : EXECUTION_FINISHED, NULL);
		break;
	case EXECUTION_CANCELED:
		task_canceled(execution);
		break;
	case EXECUTION_FAILED:
		task_failed(execution, request);
		break;
	default:
		return err_set(err, ERR_NET_PROTOCOL, "a task cannot be reported as '%.32s'",
			       request->state);
	}
	return 0;
}

void job_master_output(struct job *job, struct taskmanager_info *from,
		       const Flink__PushOutputRequest *request)
{
	job_output_push(job->output, &from->incarnation, request->stream, request->offset,
			request->dropped_bytes, bytes_of(request->lines.data, request->lines.len));
	job_changed(job_master_of(job));
}
