/* SPDX-License-Identifier: Apache-2.0
 * job_master.c - the life of one job: every move of its status and of its executions, the step that
 * decides what comes next, and cancelling. */
#include "common/base/check.h"
#include "common/base/mark.h"
#include "jobmanager/job/job_priv.h"

const char *job_id_text(const struct job_master *master, char text[ID_TEXT_SIZE])
{
	return id_format(&master->job.id, text);
}

void job_changed(struct job_master *master)
{
	master->options.changed(master->options.context, &master->job);
}

void job_say(struct job_master *master, char *text)
{
	const char *before = master->job.waiting_for;
	bool same = text == NULL ? before == NULL : before != NULL && strcmp(before, text) == 0;

	if (same) {
		mem_free(text);
		return;
	}
	mem_free(master->job.waiting_for);
	master->job.waiting_for = text;
	job_changed(master);
}

/* ---- moves ---------------------------------------------------------------------------------- */

void job_move(struct job_master *master, enum job_status to)
{
	struct job *job = &master->job;
	wall_t now = world_wall(master->options.world);
	uint32_t from = job->status;
	char id[ID_TEXT_SIZE];

	sm_move(&job_states, &job->status, to, job);
	if (now > job->entered_ms[from]) /* the wall clock may step back */
		job->spent_ms[from] += now - job->entered_ms[from];
	job->entered_ms[to] = job->last_modified_ms = now;
	log_info(JOB_LOGGER, "Job %s (%s) switched from state %s to %s.", job->name,
		 job_id_text(master, id), sm_name(&job_states, from), job_status_name(job));
	agent_wake(&master->agent);
	job_changed(master);
}

static bool counts_as_running(uint32_t state)
{
	return state == EXECUTION_RUNNING || state == EXECUTION_FINISHED;
}

static void execution_ended(struct execution *execution)
{
	struct job_master *master = job_master_of(execution->vertex->job);
	uint32_t number = execution_slot_number(execution);

	master->final_count++;
	execution->slot = NULL;
	execution->place = NULL;
	list_remove(&execution->call_node);
	execution->call_wanted = CALL_NONE;
	execution_set_status_text(execution, "");
	execution->blocking = false;
	CHECK(master->slot_users[number] > 0, "slot %u has no user to lose", number);
	if (--master->slot_users[number] == 0)
		job_slot_unused(master, number);
}

void execution_move(struct execution *execution, enum execution_state to, const struct err *why)
{
	struct job_vertex *vertex = execution->vertex;
	struct job_master *master = job_master_of(vertex->job);
	uint32_t from = execution->state;
	char id[ID_TEXT_SIZE];

	sm_move(&execution_states, &execution->state, to, execution);
	vertex->counts[from]--;
	vertex->counts[to]++;
	master->running_count += counts_as_running(to);
	master->running_count -= counts_as_running(from);
	execution->entered_ms[to] = master->job.last_modified_ms =
		world_wall(master->options.world);
	log_info(GRAPH_LOGGER, "%s (%u/%u) (%s) switched from %s to %s%s%s.", vertex->message->name,
		 execution_subtask(execution) + 1, vertex->message->parallelism,
		 id_format(&execution->id, id), sm_name(&execution_states, from),
		 sm_name(&execution_states, to), why ? ": " : "", why ? why->text : "");
	if (to == EXECUTION_FAILED && why != NULL)
		execution->failure = mem_strdup(why->text);
	if (sm_is_final(&execution_states, to))
		execution_ended(execution);
	agent_wake(&master->agent);
	job_changed(master);
}

/* ---- beginning and end ---------------------------------------------------------------------- */

void job_master_start(struct job *job)
{
	struct job_master *master = job_master_of(job);

	job_move(master, JOB_CREATED);
	job_move(master, JOB_RUNNING);
	job_schedule(master);
}

static void released(const Flink__Empty *answer, void *data)
{
	struct job_place *place = data;
	struct job_master *master = place->master;

	/* Whatever the answer: it knows nothing of the job any more, or it is gone. */
	place->calls--;
	master->calls--;
	master->releases_open--;
	place->taskmanager = NULL;
	job_place_unref(place);
	job_changed(master);
}

/* The TaskManagers forget the job; before they answer they hand in what it printed last. */
static void release_job(struct job_master *master)
{
	LIST_FOR_EACH(&master->places, struct job_place, node, place) {
		Flink__ReleaseJobRequest request = FLINK__RELEASE_JOB_REQUEST__INIT;
		struct rpc_stub stub;

		if (place->taskmanager == NULL || !place->told)
			continue;
		place->calls++;
		master->calls++;
		master->releases_open++;
		resource_manager_stub(master->options.resources, place->taskmanager,
				      master->job.job_attempt, &stub);
		request.job_id = id_to_message(&master->job.id);
		flink__task_executor__release_job(rpc_stub_service(&stub), &request, released,
						  place);
	}
}

static void job_end(struct job_master *master, enum job_status how)
{
	struct job *job = &master->job;

	job_move(master, how);
	job->end_ms = job->entered_ms[how];
	if (job->end_ms < job->start_ms)
		job->end_ms = job->start_ms; /* the clock was set back: no run is shorter than 0 */
	job_sources_close(master);
	job_say(master, NULL);
	job_slots_give_back(master, "the job has ended");
	release_job(master);
	arena_destroy(&master->attempt_arena);
	master->idle_next = master->cancel_until = MONO_NEVER;
	master->options.ended(master->options.context, job);
}

bool job_master_busy(const struct job *job)
{
	return job_master_of(job)->calls > 0;
}

bool job_master_output_ended(const struct job *job)
{
	return job_is_final(job) && job_master_of(job)->releases_open == 0;
}

/* ---- cancelling ----------------------------------------------------------------------------- */

void job_master_cancel(struct job *job)
{
	struct job_master *master = job_master_of(job);

	CHECK(!job_is_final(job), "job '%s' is %s", job->name, job_status_name(job));
	if (job->status == JOB_CANCELLING)
		return;
	job_move(master, JOB_CANCELLING);
	master->verdict_open = false;
	err_clear(&job->failure);
	job_sources_close(master);
	job_say(master, NULL);
	job_cancel_executions(master);
}

/* Tasks that do not end: their TaskManagers are given up, and with them their connections. */
static void check_cancellation(struct job_master *master, mono_t now, mono_t *wake_at)
{
	struct err err = ERR_INIT;

	if (master->final_count == master->executions_count)
		master->cancel_until = MONO_NEVER;
	if (now < master->cancel_until) {
		*wake_at = mono_min(*wake_at, master->cancel_until);
		return;
	}
	FOR_EACH_EXECUTION(master, execution) {
		if (execution->state != EXECUTION_CANCELING)
			continue;
		SOMETIMES("a TaskManager that does not cancel is given up");
		err_set(&err, ERR_TASKMANAGER_LOST,
			"TaskManager %s has not cancelled task %s (%u/%u) of job '%s' within "
			"task.cancellation.timeout (%lld ms)", execution->resource_id,
			execution->vertex->message->name, execution_subtask(execution) + 1,
			execution->vertex->message->parallelism, master->job.name,
			(long long)conf_duration_ms(master->job.conf, "task.cancellation.timeout"));
		resource_manager_give_up(master->options.resources, execution->place->taskmanager,
					 &err);
	}
	master->cancel_until = MONO_NEVER;
}

/* ---- the step ------------------------------------------------------------------------------- */

static void check_running(struct job_master *master)
{
	struct job *job = &master->job;

	if (job->all_running_ms < 0 && master->running_count == master->executions_count) {
		job->all_running_ms = job->last_modified_ms;
		job_changed(master);
	}
	if (master->final_count == master->executions_count)
		job_end(master, JOB_FINISHED); /* a failure would have moved the job */
}

static void advance(struct job_master *master, mono_t now, mono_t *wake_at)
{
	bool all_final = master->final_count == master->executions_count;

	switch ((enum job_status)master->job.status) {
	case JOB_RUNNING:
		check_running(master);
		break;
	case JOB_CANCELLING:
		if (all_final)
			job_end(master, JOB_CANCELED);
		break;
	case JOB_FAILING:
		if (all_final)
			job_end(master, JOB_FAILED);
		break;
	case JOB_RESTARTING:
		job_failover_step(master, now, wake_at);
		break;
	default:
		break;
	}
}

static void check_demand(struct job_master *master, mono_t now, mono_t *wake_at)
{
	const char *waiting_for = master->demand ? slot_demand_waiting_for(master->demand) : NULL;
	struct err err = ERR_INIT;

	if (waiting_for == NULL || master->job.status != JOB_RUNNING)
		return;
	if (now < master->demand_until) {
		*wake_at = mono_min(*wake_at, master->demand_until);
		return;
	}
	SOMETIMES("a job gives up waiting for slots");
	err_set(&err, ERR_NO_SLOTS, "job '%s' %s; waited for slot.request.timeout (%lld ms)",
		master->job.name, waiting_for,
		(long long)conf_duration_ms(master->job.conf, "slot.request.timeout"));
	job_fail(master, CAUSE_TASK, &err, NULL, 0);
}

enum step job_master_step(struct job_master *master, mono_t now, mono_t *wake_at)
{
	bool more = false;

	if (job_is_final(&master->job))
		return STEP_IDLE;
	if (master->granted && master->job.status == JOB_RUNNING)
		job_deploy(master);
	check_demand(master, now, wake_at);
	more |= job_sources_step(master, now, wake_at);
	more |= job_places_pump(master);
	check_cancellation(master, now, wake_at);
	advance(master, now, wake_at);
	if (job_is_final(&master->job))
		return STEP_IDLE;
	job_slots_step(master, now, wake_at);
	return more ? STEP_WORKED : STEP_IDLE;
}
