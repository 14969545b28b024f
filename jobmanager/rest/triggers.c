/* SPDX-License-Identifier: Apache-2.0
 * triggers.c - checkpoints, savepoints, stopping with one, disposing of one, cached data sets: what
 * is triggered first and asked about later.
 *
 * Checkpoints are not taken yet. So each such operation completes at once, with a failure-cause
 * that says so, and nothing else happens: a job that was to end with its savepoint goes on. */
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

static const char *text_field(const struct rest_request *request, const char *name)
{
	return json_string_value(json_object_get(request->fields, name));
}

static bool flag_field(const struct rest_request *request, const char *name)
{
	return json_is_true(json_object_get(request->fields, name));
}

/* The client's trigger id, or a new one. */
static struct id trigger_id(struct rest *rest, const struct rest_request *request)
{
	const char *given = text_field(request, "triggerId");
	struct id id;

	if (given == NULL || !id_parse(given, &id))
		id = dispatcher_new_id(rest->dispatcher);
	return id;
}

/* Answers with the operation's id. NULL: the operation is known already, and goes on as it does. */
static struct operation *begin(struct rest *rest, struct rest_request *request,
			       enum operation_kind kind, const struct job *job, int status)
{
	struct id trigger = trigger_id(rest, request);
	bool fresh;
	struct operation *operation = operations_begin(&rest->operations, kind,
						       job ? &job->id : NULL, &trigger, &fresh);

	json_out_object(&request->json, NULL);
	json_out_id(&request->json, "request-id", &trigger);
	json_out_close(&request->json);
	rest_answer(request, status);
	return fresh ? operation : NULL;
}

static void fail(struct rest *rest, struct operation *operation, const struct err *why)
{
	operations_fail(&rest->operations, operation, why,
			 loop_now(runner_loop(rest->runner)),
			 conf_duration_ms(rest->conf, "rest.async.store-duration"));
	agent_wake(&rest->agent); /* so that it sees when that is to be forgotten */
}

/* Why there is no checkpoint or savepoint. */
static void refuse(struct rest *rest, struct operation *operation, const struct job *job,
		   const char *what, const char *and_so)
{
	struct err err = ERR_INIT;
	char id[ID_TEXT_SIZE];

	if (operation == NULL)
		return;
	id_format(&job->id, id);
	if (job_is_final(job))
		err_set(&err, ERR_JOB_ENDED, "job %s is %s: nothing is left to take a %s of", id,
			job_status_name(job), what);
	else
		err_set(&err, ERR_NOT_YET,
			"no %s of job %s was taken: this version takes no checkpoints%s", what, id,
			and_so);
	fail(rest, operation, &err);
}

/* False: neither the request nor the settings name a folder; answered. */
static bool has_target(struct rest *rest, struct rest_request *request, const char *field)
{
	const char *given = text_field(request, field);

	if ((given != NULL && given[0] != '\0') ||
	    conf_text(rest->conf, "state.savepoints.dir")[0] != '\0')
		return true;
	rest_answer_error(request, 400,
			  "Config key [state.savepoints.dir] is not set. Property [%s] must be provided.",
			  field);
	return false;
}

void rest_job_trigger_savepoint(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job == NULL || !has_target(rest, request, "target-directory"))
		return;
	const char *and_so = flag_field(request, "cancel-job") ? ", so the job is not cancelled"
							       : "; the job goes on";

	refuse(rest, begin(rest, request, OPERATION_SAVEPOINT, job, 202), job, "savepoint", and_so);
}

void rest_job_stop(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job == NULL || !has_target(rest, request, "targetDirectory"))
		return;
	refuse(rest, begin(rest, request, OPERATION_SAVEPOINT, job, 202), job, "savepoint",
	       ", so the job is not stopped (cancelling it works without one)");
}

void rest_job_trigger_checkpoint(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job != NULL)
		refuse(rest, begin(rest, request, OPERATION_CHECKPOINT, job, 202), job,
		       "checkpoint", "; the job goes on");
}

void rest_trigger_savepoint_disposal(struct rest *rest, struct rest_request *request)
{
	const char *path = text_field(request, "savepoint-path");
	struct operation *operation;
	struct err err = ERR_INIT;

	if (path == NULL) {
		rest_answer_error(request, 400,
				  "Field savepoint-path must not be omitted or be null.");
		return;
	}
	err_set(&err, ERR_NOT_YET,
		"%.400s was not touched: this version takes no savepoints, and disposes of none",
		path);
	operation = begin(rest, request, OPERATION_DISPOSAL, NULL, 200);
	if (operation != NULL)
		fail(rest, operation, &err);
}

/* ---- how it went ---------------------------------------------------------------------------- */

static void answer_status(struct rest_request *request, const struct operation *operation,
			  const char *failure_key)
{
	struct json_out *json = &request->json;

	json_out_object(json, NULL);
	json_out_object(json, "status");
	json_out_text(json, "id", operation->done ? "COMPLETED" : "IN_PROGRESS");
	json_out_close(json);
	if (operation->done) {
		json_out_object(json, "operation");
		if (operation->failure.code != ERR_NONE)
			rest_put_failure_cause(json, failure_key, &operation->failure);
		json_out_close(json);
	}
	json_out_close(json);
	rest_answer(request, 200);
}

/* job: the text of its id, NULL: the operation is of no job. */
static void status(struct rest *rest, struct rest_request *request, enum operation_kind kind,
		   const char *job_text, const char *failure_key)
{
	const char *text = rest_parameter(request, "triggerid");
	struct operation *operation;
	struct id trigger, job;

	if (job_text != NULL && !id_parse(job_text, &job)) {
		rest_bad_parameter(request, "path", "jobid", job_text);
		return;
	}
	if (!id_parse(text, &trigger)) {
		rest_bad_parameter(request, "path", "triggerid", text);
		return;
	}
	operation = operations_find(&rest->operations, kind, job_text ? &job : NULL, &trigger);
	if (operation == NULL)
		rest_answer_error(
			request, 404,
			"Operation not found under key: %s%s%s. Outcomes are kept for %lld s "
			"(rest.async.store-duration).",
			job_text ? job_text : "", job_text ? "/" : "", text,
			(long long)conf_duration_ms(rest->conf, "rest.async.store-duration") /
				1000);
	else
		answer_status(request, operation, failure_key);
}

void rest_job_savepoint_status(struct rest *rest, struct rest_request *request)
{
	status(rest, request, OPERATION_SAVEPOINT, rest_parameter(request, "jobid"),
	       "failure-cause");
}

void rest_job_checkpoint_status(struct rest *rest, struct rest_request *request)
{
	/* Written apart here and nowhere else in Flink. */
	status(rest, request, OPERATION_CHECKPOINT, rest_parameter(request, "jobid"),
	       "failureCause");
}

void rest_savepoint_disposal_status(struct rest *rest, struct rest_request *request)
{
	status(rest, request, OPERATION_DISPOSAL, NULL, "failure-cause");
}

/* ---- one checkpoint ------------------------------------------------------------------------- */

/* A job of this version has none, so every number is one that is not there. */
static void no_such_checkpoint(struct rest *rest, struct rest_request *request)
{
	const char *text = rest_parameter(request, "checkpointid");
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 || text[digits] != '\0')
		rest_bad_parameter(request, "path", "checkpointid", text);
	else
		rest_answer_error(
			request, 404,
			"Could not find checkpointing statistics for checkpoint %s.", text);
}

void rest_job_checkpoint(struct rest *rest, struct rest_request *request)
{
	if (rest_find_job(rest, request) != NULL)
		no_such_checkpoint(rest, request);
}

void rest_job_checkpoint_subtasks(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job != NULL && rest_find_vertex(job, request) != NULL)
		no_such_checkpoint(rest, request);
}

/* ---- data sets that outlive a job: nothing here makes any ----------------------------------- */

void rest_datasets(struct rest *rest, struct rest_request *request)
{
	json_out_object(&request->json, NULL);
	json_out_array(&request->json, "dataSets");
	json_out_close(&request->json);
	json_out_close(&request->json);
	rest_answer(request, 200);
}

void rest_delete_dataset(struct rest *rest, struct rest_request *request)
{
	const char *text = rest_parameter(request, "datasetid");
	struct id id;

	if (!id_parse(text, &id))
		rest_bad_parameter(request, "path", "datasetid", text);
	else
		rest_answer_error(request, 404, "Cluster data set %s not found", text);
}

void rest_dataset_deletion_status(struct rest *rest, struct rest_request *request)
{
	const char *text = rest_parameter(request, "triggerid");
	struct id id;

	if (!id_parse(text, &id))
		rest_bad_parameter(request, "path", "triggerid", text);
	else
		rest_answer_error(request, 404, "Operation not found under key: %s", text);
}
