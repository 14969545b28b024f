/* SPDX-License-Identifier: Apache-2.0
 * applications.c - Flink 2.x groups jobs into applications. Here each job is an application of its
 * own, with the job's id and name. */
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

enum application_state { /* Flink's ApplicationState */
	APPLICATION_CREATED, APPLICATION_RUNNING, APPLICATION_FAILING, APPLICATION_CANCELING,
	APPLICATION_FINISHED, APPLICATION_CANCELED, APPLICATION_FAILED, APPLICATION_STATE_COUNT,
};

static const char *const state_names[APPLICATION_STATE_COUNT] = {
	[APPLICATION_CREATED] = "CREATED",   [APPLICATION_RUNNING] = "RUNNING",
	[APPLICATION_FAILING] = "FAILING",   [APPLICATION_CANCELING] = "CANCELING",
	[APPLICATION_FINISHED] = "FINISHED", [APPLICATION_CANCELED] = "CANCELED",
	[APPLICATION_FAILED] = "FAILED",
};

/* What a job's status is for its application; a restart is no state of it. */
static const enum application_state state_of[JOB_STATUS_COUNT] = {
	[JOB_INITIALIZING] = APPLICATION_CREATED,  [JOB_CREATED] = APPLICATION_CREATED,
	[JOB_RUNNING] = APPLICATION_RUNNING,	   [JOB_FAILING] = APPLICATION_FAILING,
	[JOB_FAILED] = APPLICATION_FAILED,	   [JOB_CANCELLING] = APPLICATION_CANCELING,
	[JOB_CANCELED] = APPLICATION_CANCELED,	   [JOB_FINISHED] = APPLICATION_FINISHED,
	[JOB_RESTARTING] = APPLICATION_RUNNING,	   [JOB_SUSPENDED] = APPLICATION_RUNNING,
	[JOB_RECONCILING] = APPLICATION_RUNNING,
};

static struct job *find(struct rest *rest, struct rest_request *request)
{
	const char *text = rest_parameter(request, "applicationid");
	struct job *job;
	struct id id;

	if (!id_parse(text, &id)) {
		rest_bad_parameter(request, "path", "applicationid", text);
		return NULL;
	}
	job = dispatcher_find(rest->dispatcher, &id);
	if (job == NULL)
		rest_answer_error(request, 404, "Application %s not found", text);
	return job;
}

/* What the list and the single answer share; leaves the object open. */
static void begin(struct json_out *json, const struct job *job, wall_t now)
{
	int64_t duration = (job->end_ms < 0 ? now : job->end_ms) - job->start_ms;

	json_out_object(json, NULL);
	json_out_id(json, "id", &job->id);
	json_out_text(json, "name", job->name);
	json_out_text(json, "status", state_names[state_of[job->status]]);
	json_out_int(json, "start-time", job->start_ms);
	json_out_int(json, "end-time", job->end_ms);
	json_out_int(json, "duration", duration < 0 ? 0 : duration);
}

void rest_applications(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;
	wall_t now = world_wall(rest->world);

	json_out_object(json, NULL);
	json_out_array(json, "applications");
	LIST_FOR_EACH (dispatcher_jobs(rest->dispatcher), struct job, node, job) {
		begin(json, job, now);
		json_out_object(json, "jobs");
		for (uint32_t i = 0; i < JOB_STATUS_COUNT; i++)
			json_out_int(json, sm_name(&job_states, i), i == job->status);
		json_out_close(json);
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

/* When the application entered each of its states: the first of the job's moments that mean it. */
static void put_timestamps(struct json_out *json, const struct job *job)
{
	wall_t entered[APPLICATION_STATE_COUNT] = { 0 };

	for (uint32_t i = 0; i < JOB_STATUS_COUNT; i++) {
		wall_t *at = &entered[state_of[i]];

		if (job->entered_ms[i] > 0 && (*at == 0 || job->entered_ms[i] < *at))
			*at = job->entered_ms[i];
	}
	json_out_object(json, "timestamps");
	for (uint32_t i = 0; i < APPLICATION_STATE_COUNT; i++)
		json_out_int(json, state_names[i], entered[i]);
	json_out_close(json);
}

void rest_application(struct rest *rest, struct rest_request *request)
{
	struct job *job = find(rest, request);
	struct json_out *json = &request->json;
	wall_t now = world_wall(rest->world);

	if (job == NULL)
		return;
	begin(json, job, now);
	put_timestamps(json, job);
	json_out_array(json, "jobs");
	rest_put_job_details(json, job, now);
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_application_cancel(struct rest *rest, struct rest_request *request)
{
	struct job *job = find(rest, request);

	if (job != NULL)
		rest_cancel_job(rest, request, job);
}

/* Why it failed; what its jobs survived is told at them. */
void rest_application_exceptions(struct rest *rest, struct rest_request *request)
{
	struct job *job = find(rest, request);
	struct json_out *json = &request->json;

	if (job == NULL)
		return;
	json_out_object(json, NULL);
	json_out_object(json, "exceptionHistory");
	json_out_array(json, "entries");
	if (job->status == JOB_FAILED) {
		json_out_object(json, NULL);
		json_out_text(json, "exceptionName", err_name(job->failure.code));
		json_out_text(json, "stacktrace", job->failure.text);
		json_out_int(json, "timestamp", job->entered_ms[JOB_FAILED]);
		json_out_id(json, "jobId", &job->id);
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

void rest_application_jobmanager_config(struct rest *rest, struct rest_request *request)
{
	if (find(rest, request) != NULL)
		rest_jobmanager_config(rest, request);
}
