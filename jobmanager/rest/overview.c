/* SPDX-License-Identifier: Apache-2.0
 * overview.c - /config, /overview and the lists of jobs. */
#include <ctype.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/version.h"
#include "jobmanager/rest/rest_priv.h"

void rest_config(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;

	json_out_object(json, NULL);
	json_out_int(json, "refresh-interval",
		     conf_duration_ms(rest->conf, "web.refresh-interval"));
	json_out_text(json, "timezone-name", "UTC");
	json_out_int(json, "timezone-offset", 0);
	json_out_text(json, "flink-version", FLINK_VERSION);
	json_out_text(json, "flink-revision", CFLINK_COMMIT " @ " CFLINK_VERSION);
	json_out_object(json, "features");
	json_out_bool(json, "web-submit", conf_bool(rest->conf, "web.submit.enable"));
	json_out_bool(json, "web-cancel", conf_bool(rest->conf, "web.cancel.enable"));
	json_out_bool(json, "web-rescale", false);
	json_out_bool(json, "web-history", false);
	json_out_close(json);
	json_out_int(json, "ended-jobs-shown", conf_int(rest->conf, "web.history")); /* ours */
	json_out_close(json);
	rest_answer(request, 200);
}

/* Members of an object that is open. */
void rest_put_counters(struct json_out *json, struct dispatcher *dispatcher)
{
	uint32_t taskmanagers, slots, free_slots;
	int64_t running = 0, finished = 0, cancelled = 0, failed = 0;

	resource_manager_counts(dispatcher_resource_manager(dispatcher), &taskmanagers, &slots,
				&free_slots);
	LIST_FOR_EACH (dispatcher_jobs(dispatcher), struct job, node, job) {
		switch (job->status) {
		case JOB_FINISHED: finished++; break;
		case JOB_CANCELED: cancelled++; break;
		case JOB_FAILED: failed++; break;
		default: running++;
		}
	}
	for (const struct history_job *job = NULL;
	     (job = dispatcher_next_archived(dispatcher, job)) != NULL;) {
		finished += job->status == JOB_FINISHED;
		cancelled += job->status == JOB_CANCELED;
		failed += job->status == JOB_FAILED;
	}
	json_out_int(json, "taskmanagers", taskmanagers);
	json_out_int(json, "slots-total", slots);
	json_out_int(json, "slots-available", free_slots);
	json_out_int(json, "jobs-running", running);
	json_out_int(json, "jobs-finished", finished);
	json_out_int(json, "jobs-cancelled",
		     cancelled); /* two l here, one in CANCELED: Flink's spelling */
	json_out_int(json, "jobs-failed", failed);
	json_out_text(json, "flink-version", FLINK_VERSION);
	json_out_text(json, "flink-commit", CFLINK_COMMIT);
}

void rest_overview(struct rest *rest, struct rest_request *request)
{
	json_out_object(&request->json, NULL);
	rest_put_counters(&request->json, rest->dispatcher);
	json_out_close(&request->json);
	rest_answer(request, 200);
}

void rest_jobs(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;

	json_out_object(json, NULL);
	json_out_array(json, "jobs");
	for (const struct history_job *job = NULL;
	     (job = dispatcher_next_archived(rest->dispatcher, job)) != NULL;) {
		json_out_object(json, NULL);
		json_out_id(json, "id", &job->id);
		json_out_text(json, "status", sm_name(&job_states, job->status));
		json_out_close(json);
	}
	LIST_FOR_EACH (dispatcher_jobs(rest->dispatcher), struct job, node, job) {
		json_out_object(json, NULL);
		json_out_id(json, "id", &job->id);
		json_out_text(json, "status", job_status_name(job));
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}

/* Lower case here, upper case in /jobs/:jobid: Flink's. */
static void put_tasks(struct json_out *json, const uint32_t counts[EXECUTION_STATE_COUNT])
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		total += counts[i];
	json_out_object(json, "tasks");
	json_out_int(json, "total", total);
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++) {
		char name[32] = "";
		const char *upper = sm_name(&execution_states, i);

		for (size_t c = 0; upper[c] != '\0' && c + 1 < sizeof(name); c++)
			name[c] = (char)tolower((unsigned char)upper[c]);
		json_out_int(json, name, counts[i]);
	}
	json_out_close(json);
}

/* Leaves the object open. */
static void begin_details(struct json_out *json, const struct history_job *job, wall_t now)
{
	int64_t duration = (job->end_ms < 0 ? now : job->end_ms) - job->start_ms;

	json_out_object(json, NULL);
	json_out_id(json, "jid", &job->id);
	json_out_text(json, "name", job->name);
	json_out_int(json, "start-time", job->start_ms);
	json_out_int(json, "end-time", job->end_ms);
	json_out_int(json, "duration", duration < 0 ? 0 : duration);
	json_out_text(json, "state", sm_name(&job_states, job->status));
	json_out_int(json, "last-modification", job->last_modified_ms);
	put_tasks(json, job->tasks);
	json_out_text(json, "jobType", job->job_type);
	json_out_text(json, "schedulerType", "Default");
	json_out_int(json, "pending-operators", 0);
}

void rest_put_job_details(struct json_out *json, const struct job *job, wall_t now)
{
	struct history_job summary = {
		.id = job->id,
		.name = job->name,
		.job_type = (char *)(uintptr_t)rest_job_type(job),
		.status = job->status,
		.start_ms = job->start_ms,
		.end_ms = job->end_ms,
		.last_modified_ms = job->last_modified_ms,
	};

	job_count_states(job, summary.tasks);
	begin_details(json, &summary, now);
	rest_put_note(json, job);
	rest_put_bottleneck(json, job);
	json_out_close(json);
}

/* Nothing holds it back any more. */
void rest_put_archived_details(struct json_out *json, const struct history_job *job)
{
	begin_details(json, job, job->end_ms);
	json_out_text(json, "note", job->note);
	json_out_text(json, "bottleneck", "");
	json_out_close(json);
}

void rest_jobs_overview(struct rest *rest, struct rest_request *request)
{
	struct json_out *json = &request->json;
	wall_t now = world_wall(rest->world);

	json_out_object(json, NULL);
	json_out_array(json, "jobs");
	for (const struct history_job *job = NULL;
	     (job = dispatcher_next_archived(rest->dispatcher, job)) != NULL;)
		rest_put_archived_details(json, job);
	LIST_FOR_EACH (dispatcher_jobs(rest->dispatcher), struct job, node, job)
		rest_put_job_details(json, job, now);
	json_out_close(json);
	json_out_close(json);
	rest_answer(request, 200);
}
