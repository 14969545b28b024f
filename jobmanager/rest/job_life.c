/* SPDX-License-Identifier: Apache-2.0
 * job_life.c - submitting, following and cancelling a job: what the command line needs. */
#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/logs/log_reader.h"
#include "common/record/record.h"
#include "jobmanager/rest/rest_priv.h"

/* ---- submitting ----------------------------------------------------------------------------- */

static bool may_submit(struct rest *rest, struct rest_request *request)
{
	if (conf_bool(rest->conf, "web.submit.enable"))
		return true;
	rest_answer_error(request, 403,
			  "Submitting over REST is switched off (web.submit.enable: false).");
	return false;
}

static bool parse_sha256(const char *text, uint8_t sha[32])
{
	if (strlen(text) != 64)
		return false;
	for (int half = 0; half < 2; half++) {
		char hex[ID_TEXT_SIZE];
		struct id id;

		memcpy(hex, text + 32 * half, 32);
		hex[32] = '\0';
		if (!id_parse(hex, &id))
			return false;
		memcpy(sha + 16 * half, id.bytes, sizeof(id.bytes));
	}
	return true;
}

/* PUT /artifacts/:sha256?name=N[&offset=N&size=N]: the whole file, or a piece of it at its place.
 *  */
void rest_put_artifact(struct rest *rest, struct rest_request *request)
{
	int64_t offset, size;
	uint64_t received = 0;
	struct err err = ERR_INIT;
	uint8_t sha[32];
	char *name;

	if (!may_submit(rest, request) || !rest_query_int(request, "offset", 0, 0, &offset) ||
	    !rest_query_int(request, "size", 0, (int64_t)request->body.size_bytes, &size))
		return;
	if (!parse_sha256(rest_parameter(request, "sha256"), sha)) {
		rest_answer_error(request, 400,
				  "An artifact is named by the 64 hex digits of its SHA-256.");
		return;
	}
	name = rest_query(request, "name");
	if (blob_put(dispatcher_blobs(rest->dispatcher), sha, name != NULL ? name : "artifact",
		     (uint64_t)size, (uint64_t)offset, buf_bytes(&request->body),
		     world_now(rest->world), &received, &err) != 0) {
		rest_answer_err(request, &err);
	} else {
		json_out_object(&request->json, NULL);
		json_out_count(&request->json, "received", received);
		json_out_close(&request->json);
		rest_answer(request, 200);
	}
	mem_free(name);
}

/* protobuf-c makes hundreds of bytes of two; this arena says no before that hurts. */
#define UNPACK_BYTES_MAX (256 * 1024 * 1024)

struct unpack {
	struct arena *arena;
	size_t left_bytes;
};

static void *unpack_alloc(void *context, size_t size_bytes)
{
	struct unpack *unpack = context;

	if (size_bytes > unpack->left_bytes)
		return NULL;
	unpack->left_bytes -= size_bytes;
	return arena_alloc(unpack->arena, size_bytes);
}

static void unpack_free(void *context, void *memory)
{
	/* the arena's end */
}

Flink__SubmitJobRequest *rest_unpack_submit(struct arena *arena, struct bytes bytes)
{
	struct unpack unpack = { .arena = arena, .left_bytes = UNPACK_BYTES_MAX };
	ProtobufCAllocator allocator = { unpack_alloc, unpack_free, &unpack };
	Flink__SubmitJobRequest *message =
		flink__submit_job_request__unpack(&allocator, bytes.size_bytes, bytes.data);

	return message != NULL && message->graph != NULL ? message : NULL;
}

static void answer_submitted(struct rest_request *request, const struct job *job)
{
	struct json_out *json = &request->json;
	char id[ID_TEXT_SIZE], *url = mem_printf("/jobs/%s", id_format(&job->id, id));

	json_out_object(json, NULL);
	json_out_text(json, "jobUrl", url);
	json_out_text(json, "jobid", id);
	json_out_text(json, "waiting-for", job->waiting_for != NULL ? job->waiting_for : "");
	json_out_close(json);
	mem_free(url);
	rest_answer(request, 202);
}

void rest_submit(struct rest *rest, struct rest_request *request)
{
	struct arena *arena;
	Flink__SubmitJobRequest *message;
	struct err err = ERR_INIT;
	struct job *job;

	if (!may_submit(rest, request))
		return;
	arena = arena_create("submitted job");
	message = rest_unpack_submit(arena, buf_bytes(&request->body));
	if (message == NULL)
		rest_answer_error(request, 400,
				  "The body is not a SubmitJobRequest of proto/dispatcher.proto. A "
				  "serialized Java JobGraph cannot be used; submit with this "
				  "distribution's bin/flink.");
	else if (dispatcher_submit(rest->dispatcher, message->graph, &job, &err) != 0)
		rest_answer_err(request, &err);
	else
		answer_submitted(request, job);
	arena_destroy(&arena);
}

/* ---- cancelling ----------------------------------------------------------------------------- */

void rest_cancel_job(struct rest *rest, struct rest_request *request, struct job *job)
{
	struct err err = ERR_INIT;

	if (!conf_bool(rest->conf, "web.cancel.enable"))
		rest_answer_error(
			request, 403,
			"Cancelling over REST is switched off (web.cancel.enable: false).");
	else if (dispatcher_cancel(rest->dispatcher, &job->id, &err) != 0)
		rest_answer_err(request, &err);
	else
		rest_answer_empty(request, 202);
}

static void cancel(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job != NULL)
		rest_cancel_job(rest, request, job);
}

void rest_refuse_mode_stop(struct rest_request *request)
{
	rest_answer_error(request, 308,
			  "The termination mode \"stop\" has been removed. Please use "
			  "the resource \"/jobs/:jobid/stop\" instead.");
}

void rest_job_cancel(struct rest *rest, struct rest_request *request)
{
	char *mode = rest_query(request, "mode");

	if (mode == NULL || strcasecmp(mode, "cancel") == 0)
		cancel(rest, request);
	else if (strcasecmp(mode, "stop") == 0)
		rest_refuse_mode_stop(request);
	else
		rest_bad_parameter(request, "query", "mode", mode);
	mem_free(mode);
}

void rest_job_yarn_cancel(struct rest *rest, struct rest_request *request)
{
	cancel(rest, request);
}

/* ---- the outcome ---------------------------------------------------------------------------- */

static const char *application_status(const struct job *job)
{
	return job->status == JOB_FINISHED   ? "SUCCEEDED"
	       : job->status == JOB_CANCELED ? "CANCELED"
					     : "FAILED";
}

void rest_put_failure_cause(struct json_out *json, const char *key, const struct err *why)
{
	json_out_object(json, key);
	json_out_text(json, "class", err_name(why->code));
	json_out_text(json, "stack-trace", why->text);
	json_out_text(json, "serialized-throwable", ""); /* only Java could read one */
	json_out_close(json);
}

static void put_result(struct json_out *json, const struct job *job)
{
	json_out_object(json, "job-execution-result");
	json_out_id(json, "id", &job->id);
	json_out_text(json, "name", job->name);
	json_out_text(json, "application-status", application_status(job));
	json_out_object(json, "accumulator-results");
	json_out_close(json);
	json_out_int(json, "net-runtime", job->end_ms - job->start_ms);
	if (job->status == JOB_FAILED)
		rest_put_failure_cause(json, "failure-cause", &job->failure);
	json_out_id(json, "application-id", &job->id);
	json_out_int(json, "start-time", job->start_ms);
	json_out_int(json, "end-time", job->end_ms);
	json_out_close(json);
}

void rest_job_execution_result(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct json_out *json = &request->json;

	if (job == NULL)
		return;
	json_out_object(json, NULL);
	json_out_object(json, "status");
	json_out_text(json, "id", job_is_final(job) ? "COMPLETED" : "IN_PROGRESS");
	json_out_close(json);
	if (job_is_final(job))
		put_result(json, job);
	json_out_close(json);
	rest_answer(request, 200);
}

/* ---- the output
 * --------------------------------------------------------------------------------------- GET
 * /jobs/:jobid/output?from=N&max=N&wait_ms=N&status=S&note=T: the lines that print() wrote, from an
 * offset, with the job's state. With wait_ms it is answered when lines, state or note differ from
 * what the client knows, or when the time is over. Ours, not Flink's. */

static bool has_news(const struct rest_request *request, const struct job *job, int64_t from)
{
	char *status = rest_query(request, "status"), *note_seen = rest_query(request, "note");
	struct buf note;

	buf_init(&note);
	job_note(job, &note);
	bool news = job_output_end(job) > (uint64_t)from || job_is_final(job) ||
		    (status != NULL && strcmp(status, job_status_name(job)) != 0) ||
		    (note_seen != NULL && strcmp(note_seen, note.data) != 0);
	buf_fini(&note);
	mem_free(status);
	mem_free(note_seen);
	return news;
}

/* Where the client should read on: behind what was given, or behind what is lost for good. */
void rest_put_output(struct json_out *json, const struct rest_output *output)
{
	uint64_t next = output->offset + output->lines.size_bytes;

	json_out_object(json, NULL);
	json_out_text(json, "status", output->status);
	json_out_text(json, "note", output->note);
	json_out_bytes(json, "output", output->lines.data, output->lines.size_bytes);
	json_out_count(json, "offset", output->offset);
	json_out_count(json, "next", next);
	json_out_bool(json, "end", output->is_final && next >= output->end);
	json_out_int(json, "start-time", output->start_ms);
	json_out_int(json, "end-time", output->end_ms);
	json_out_int(json, "all-running-time", output->all_running_ms);
	if (output->failure_text != NULL) {
		json_out_object(json, "failure");
		json_out_int(json, "code", output->failure_code);
		json_out_text(json, "text", output->failure_text);
		json_out_text(json, "origin", output->failure_origin);
		json_out_close(json);
	}
	json_out_close(json);
}

static void put_output(struct json_out *json, const struct job *job, const struct buf *lines,
		       uint64_t offset)
{
	bool failed = job->status == JOB_FAILED;
	struct buf note;

	buf_init(&note);
	buf_add_text(&note, "");
	job_note(job, &note);
	rest_put_output(json, &(struct rest_output){
				      .status = job_status_name(job),
				      .note = note.data,
				      .lines = buf_bytes(lines),
				      .offset = offset,
				      .end = job_output_end(job),
				      .is_final = job_is_final(job),
				      .start_ms = job->start_ms,
				      .end_ms = job->end_ms,
				      .all_running_ms = job->all_running_ms,
				      .failure_code = (int64_t)job->failure.code,
				      .failure_text = failed ? job->failure.text : NULL,
				      .failure_origin = job->failure.origin,
			      });
	buf_fini(&note);
}

static void answer_output(struct rest_request *request, const struct job *job, int64_t from,
			  int64_t most)
{
	uint64_t offset = (uint64_t)from;
	struct buf lines;

	most = most < LIMIT_OUTPUT_RING_BYTES ? most : LIMIT_OUTPUT_RING_BYTES;
	buf_init(&lines);
	if (most > 0)
		job_output_read(job, (uint64_t)from, (size_t)most, &lines, &offset);
	put_output(&request->json, job, &lines, offset);
	buf_fini(&lines);
	rest_answer(request, 200);
}

void rest_put_whole_output(struct json_out *json, const struct job *job)
{
	struct buf lines;

	buf_init(&lines);
	put_output(json, job, &lines, rest_whole_output(job, &lines));
	buf_fini(&lines);
}

uint64_t rest_whole_output(const struct job *job, struct buf *lines)
{
	uint64_t next = 0, offset;
	size_t got;

	while ((got = job_output_read(job, next, LIMIT_OUTPUT_RING_BYTES, lines, &offset)) > 0)
		next = offset + got;
	return job_output_end(job) - lines->size_bytes;
}

struct output_query {
	int64_t from, most, wait_ms;
};

/* False: answered with 400. */
static bool parse_output_query(struct rest_request *request, struct output_query *query)
{
	return rest_query_int(request, "from", 0, 0, &query->from) &&
	       rest_query_int(request, "max", 0, 256 * 1024, &query->most) &&
	       rest_query_int(request, "wait_ms", 0, 0, &query->wait_ms);
}

static void output_resume(struct rest_request *request, bool expired)
{
	struct output_query query;
	struct job *job =
		rest_find_job(request->rest, request); /* it may be forgotten by now: 404 */

	if (job != NULL && parse_output_query(request, &query) &&
	    (expired || has_news(request, job, query.from)))
		answer_output(request, job, query.from, query.most);
}

void rest_job_output(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct output_query query;

	if (job == NULL || !parse_output_query(request, &query))
		return;
	if (query.wait_ms == 0 || has_news(request, job, query.from))
		answer_output(request, job, query.from, query.most);
	else
		rest_wait_for_job(request, &job->id, query.wait_ms, output_resume);
}

/* ---- the same by pages of lines -------------------------------------------------------------- */

/* As pages of log files are. False: there is nothing to tell yet. */
static bool answer_lines(struct rest_request *request, const struct job *job,
			 const struct log_query *query, bool must)
{
	struct log_filter filter;
	struct log_page page;
	struct buf lines;

	buf_init(&lines);
	uint64_t at = rest_whole_output(job, &lines);

	log_filter_init(&filter, query->search, LOG_TRACE);
	log_page_of_text(&page, buf_bytes(&lines), at, &filter, query->bytes_max, query->from,
			 query->backwards);
	must = must || page.lines_count > 0 || page.next < page.size_bytes || query->backwards ||
	       query->from < 0;
	if (must) {
		rest_put_page(&request->json, "output", &page);
		rest_answer(request, 200);
	}
	log_page_fini(&page);
	buf_fini(&lines);
	return must;
}

static void lines_resume(struct rest_request *request, bool expired)
{
	struct job *job = rest_find_job(request->rest, request);
	struct log_query query;

	if (job == NULL || !rest_lines_query(request, &query))
		return;
	answer_lines(request, job, &query, expired || job_is_final(job));
	rest_lines_query_free(&query);
}

void rest_job_output_lines(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct log_query query;

	if (job == NULL || !rest_lines_query(request, &query))
		return;
	if (!answer_lines(request, job, &query, query.wait_ms == 0 || job_is_final(job)))
		rest_wait_for_job(request, &job->id, query.wait_ms, lines_resume);
	rest_lines_query_free(&query);
}
