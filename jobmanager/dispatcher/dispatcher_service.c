/* SPDX-License-Identifier: Apache-2.0
 * dispatcher_service.c - the Dispatcher service: clients send artifacts and jobs, list, cancel, and
 * follow a job's status and output by long polls. */
#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/version.h"
#include "common/rpc/rpc.h"
#include "jobmanager/dispatcher/dispatcher_priv.h"

#define WAIT_MS_MAX 10000
#define OUTPUT_BYTES_MAX (1024 * 1024)

static struct dispatcher *dispatcher_of(Flink__Dispatcher_Service *service)
{
	return CONTAINER_OF(service, struct dispatcher, service);
}

static char *text_of(const char *text) /* messages do not write to it */
{
	return (char *)(uintptr_t)text;
}

static int job_id_of(const ProtobufCBinaryData *data, struct id *id, struct err *err)
{
	if (id_from_message(data, id))
		return 0;
	return err_set(err, ERR_NET_PROTOCOL, "a job id has %zu bytes, not 16", data->len);
}

/* ---- artifacts and jobs --------------------------------------------------------------------- */

static void put_artifact(Flink__Dispatcher_Service *service,
			 const Flink__PutArtifactRequest *request,
			 Flink__PutArtifactResponse_Closure closure, void *closure_data)
{
	struct dispatcher *dispatcher = dispatcher_of(service);
	Flink__PutArtifactResponse response = FLINK__PUT_ARTIFACT_RESPONSE__INIT;
	struct err err = ERR_INIT;

	if (request->sha256.len != 32)
		err_set(&err, ERR_NET_PROTOCOL, "an artifact's SHA-256 has %zu bytes, not 32",
			request->sha256.len);
	else if (blob_put(dispatcher->blobs, request->sha256.data, request->name,
			  request->size_bytes, request->offset,
			  bytes_of(request->content.data, request->content.len),
			  loop_now(dispatcher->loop), &response.received_bytes, &err) == 0) {
		closure(&response, closure_data);
		return;
	}
	rpc_fail(closure_data, &err);
}

static void submit_job(Flink__Dispatcher_Service *service, const Flink__SubmitJobRequest *request,
		       Flink__SubmitJobResponse_Closure closure, void *closure_data)
{
	struct dispatcher *dispatcher = dispatcher_of(service);
	Flink__SubmitJobResponse response = FLINK__SUBMIT_JOB_RESPONSE__INIT;
	struct err err = ERR_INIT;
	struct job *job = NULL;

	if (request->graph == NULL)
		err_set(&err, ERR_PLAN_INVALID, "the submission holds no job graph");
	if (request->graph == NULL ||
	    dispatcher_submit(dispatcher, request->graph, &job, &err) != 0) {
		log_warn(DISPATCHER_LOGGER, "A job is refused: %s", err.text);
		rpc_fail(closure_data, &err);
		return;
	}
	response.job_id = id_to_message(&job->id);
	if (job->waiting_for != NULL)
		response.waiting_for = job->waiting_for;
	closure(&response, closure_data);
}

static void summarize_archived(const struct history_job *job, Flink__JobSummary *summary)
{
	flink__job_summary__init(summary);
	summary->job_id = id_to_message(&job->id);
	summary->name = job->name;
	summary->status = text_of(sm_name(&job_states, job->status));
	summary->start_ms = job->start_ms;
	summary->end_ms = job->end_ms;
	summary->note = job->note;
}

static void list_jobs(Flink__Dispatcher_Service *service, const Flink__ListJobsRequest *request,
		      Flink__ListJobsResponse_Closure closure, void *closure_data)
{
	struct dispatcher *dispatcher = dispatcher_of(service);
	const struct history_job *archived = NULL;
	size_t count = map_count(dispatcher->records), at = 0;

	while ((archived = dispatcher_next_archived(dispatcher, archived)) != NULL)
		count++;
	Flink__ListJobsResponse response = FLINK__LIST_JOBS_RESPONSE__INIT;
	Flink__JobSummary *summaries = MEM_NEW_ARRAY(Flink__JobSummary, count);
	Flink__JobSummary **table = MEM_NEW_ARRAY(Flink__JobSummary *, count);
	struct buf *notes = MEM_NEW_ARRAY(struct buf, count);

	while ((archived = dispatcher_next_archived(dispatcher, archived)) != NULL) {
		buf_init(&notes[at]);
		summarize_archived(archived, table[at] = &summaries[at]);
		at++;
	}
	LIST_FOR_EACH(&dispatcher->jobs, struct job, node, job) {
		Flink__JobSummary *summary = table[at] = &summaries[at];

		buf_init(&notes[at]);
		job_note(job, &notes[at]);
		flink__job_summary__init(summary);
		summary->job_id = id_to_message(&job->id);
		summary->name = job->name;
		summary->status = text_of(job_status_name(job));
		summary->start_ms = job->start_ms;
		summary->end_ms = job->end_ms;
		if (notes[at].size_bytes > 0)
			summary->note = notes[at].data;
		at++;
	}
	CHECK(at == count, "%zu jobs in the list, %zu in the map", at, count);
	response.n_jobs = count;
	response.jobs = table;
	closure(&response, closure_data);
	while (at > 0)
		buf_fini(&notes[--at]);
	mem_free(notes);
	mem_free(summaries);
	mem_free(table);
}

static void cancel_job(Flink__Dispatcher_Service *service, const Flink__CancelJobRequest *request,
		       Flink__Empty_Closure closure, void *closure_data)
{
	Flink__Empty response = FLINK__EMPTY__INIT;
	struct err err = ERR_INIT;
	struct id id;

	if (job_id_of(&request->job_id, &id, &err) == 0 &&
	    dispatcher_cancel(dispatcher_of(service), &id, &err) == 0)
		closure(&response, closure_data);
	else
		rpc_fail(closure_data, &err);
}

static void cluster_overview(Flink__Dispatcher_Service *service,
			     const Flink__ClusterOverviewRequest *request,
			     Flink__ClusterOverviewResponse_Closure closure, void *closure_data)
{
	struct dispatcher *dispatcher = dispatcher_of(service);
	Flink__ClusterOverviewResponse response = FLINK__CLUSTER_OVERVIEW_RESPONSE__INIT;

	resource_manager_counts(dispatcher->resources, &response.taskmanagers,
				&response.slots_total, &response.slots_free);
	response.rest_port = dispatcher->rest_port;
	response.version = text_of(FLINK_VERSION);
	closure(&response, closure_data);
}

/* ---- long polls ----------------------------------------------------------------------------- */

struct status_call {
	struct list_node node; /* of dispatcher.status_calls */
	const Flink__JobStatusRequest *request; /* stays until the call is answered */
	struct id job_id;
	mono_t until;
	Flink__JobStatusResponse_Closure closure;
	void *closure_data;
};

static bool has_news(const struct job *job, const Flink__JobStatusRequest *request,
		     const char *note)
{
	return job_master_output_ended(job) ||
	       strcmp(request->status_seen, job_status_name(job)) != 0 ||
	       strcmp(request->note_seen, note) != 0 ||
	       (request->output_max_bytes > 0 && job_output_end(job) > request->output_from);
}

static void answer_status(const struct job *job, const struct status_call *call, char *note)
{
	const Flink__JobStatusRequest *request = call->request;
	Flink__JobStatusResponse response = FLINK__JOB_STATUS_RESPONSE__INIT;
	Flink__ErrorMessage failure = FLINK__ERROR_MESSAGE__INIT;
	uint32_t counts[EXECUTION_STATE_COUNT], max_bytes = request->output_max_bytes;
	struct buf output;

	buf_init(&output);
	response.status = text_of(job_status_name(job));
	response.note = note;
	response.start_ms = job->start_ms;
	response.end_ms = job->end_ms;
	if (job->failure.code != ERR_NONE) {
		err_to_message(&job->failure, &failure);
		response.failure = &failure;
	}
	response.output_offset = request->output_from;
	if (max_bytes > 0) {
		job_output_read(job, request->output_from,
				max_bytes < OUTPUT_BYTES_MAX ? max_bytes : OUTPUT_BYTES_MAX,
				&output, &response.output_offset);
		response.output =
			(ProtobufCBinaryData){ output.size_bytes, (uint8_t *)output.data };
		response.output_end =
			job_master_output_ended(job) &&
			response.output_offset + output.size_bytes >= job_output_end(job);
	} else {
		response.output_end = job_master_output_ended(job);
	}
	job_count_states(job, counts);
	response.running_tasks = counts[EXECUTION_RUNNING];
	for (uint32_t state = 0; state < EXECUTION_STATE_COUNT; state++)
		response.total_tasks += counts[state];
	response.running_since_ms = job->all_running_ms;
	call->closure(&response, call->closure_data);
	buf_fini(&output);
}

/* A client that knows how the job ended is told so; its lines are in the archive, for REST. */
static void answer_archived(const struct history_job *job, const struct status_call *call)
{
	Flink__JobStatusResponse response = FLINK__JOB_STATUS_RESPONSE__INIT;

	response.status = text_of(sm_name(&job_states, job->status));
	response.note = job->note;
	response.start_ms = job->start_ms;
	response.end_ms = job->end_ms;
	response.output_offset = call->request->output_from;
	response.output_end = true;
	for (uint32_t state = 0; state < EXECUTION_STATE_COUNT; state++)
		response.total_tasks += job->tasks[state];
	call->closure(&response, call->closure_data);
}

static void answer_without_job(struct dispatcher *dispatcher, const struct status_call *call)
{
	const struct history_job *archived =
		dispatcher_find_archived(dispatcher, &call->job_id);
	struct err err = ERR_INIT;

	if (archived != NULL) {
		answer_archived(archived, call);
		return;
	}
	dispatcher_no_such_job(&call->job_id, &err);
	rpc_fail(call->closure_data, &err);
}

/* True: answered. */
static bool try_answer(struct dispatcher *dispatcher, const struct status_call *call, mono_t now)
{
	const struct job *job = dispatcher_find(dispatcher, &call->job_id);
	struct buf note;
	bool ready;

	if (job == NULL) {
		answer_without_job(dispatcher, call);
		return true;
	}
	buf_init(&note);
	buf_add_text(&note, "");
	job_note(job, &note);
	ready = now >= call->until || has_news(job, call->request, note.data);
	if (ready)
		answer_status(job, call, note.data);
	buf_fini(&note);
	return ready;
}

static void job_status(Flink__Dispatcher_Service *service, const Flink__JobStatusRequest *request,
		       Flink__JobStatusResponse_Closure closure, void *closure_data)
{
	struct dispatcher *dispatcher = dispatcher_of(service);
	mono_t now = loop_now(dispatcher->loop);
	uint32_t wait_ms = request->wait_ms < WAIT_MS_MAX ? request->wait_ms : WAIT_MS_MAX;
	struct status_call call = {
		.request = request,
		.until = mono_after_ms(now, wait_ms),
		.closure = closure,
		.closure_data = closure_data,
	};
	struct err err = ERR_INIT;

	if (job_id_of(&request->job_id, &call.job_id, &err) != 0) {
		rpc_fail(closure_data, &err);
		return;
	}
	if (try_answer(dispatcher, &call, now))
		return;
	struct status_call *kept = mem_dup(&call, sizeof(call));

	list_push_back(&dispatcher->status_calls, &kept->node);
	agent_wake(&dispatcher->agent);
}

void dispatcher_answer_polls(struct dispatcher *dispatcher, mono_t now, mono_t *wake_at)
{
	LIST_FOR_EACH(&dispatcher->status_calls, struct status_call, node, call) {
		if (!try_answer(dispatcher, call, now)) {
			*wake_at = mono_min(*wake_at, call->until);
			continue;
		}
		list_remove(&call->node);
		mem_free(call);
	}
}

void dispatcher_fail_polls(struct dispatcher *dispatcher)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_NET_CLOSED, "the JobManager ends");
	LIST_FOR_EACH(&dispatcher->status_calls, struct status_call, node, call) {
		rpc_fail(call->closure_data, &err);
		list_remove(&call->node);
		mem_free(call);
	}
}

const Flink__Dispatcher_Service dispatcher_service_functions = {
	{ &flink__dispatcher__descriptor, protobuf_c_service_invoke_internal, NULL },
	put_artifact,
	submit_job,
	list_jobs,
	cancel_job,
	job_status,
	cluster_overview,
};
