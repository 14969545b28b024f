/* SPDX-License-Identifier: Apache-2.0
 * dispatcher_test.c - clients over RPC: artifacts, submissions, lists, cancelling, long polls; and
 * how long ended jobs stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "jobmanager/job/job_master.h"
#include "tests/lib/jobmanager_bed.h"

static void finish(struct bed *bed)
{
	bed_destroy(bed);
	assert_int_equal(mem_bytes_out(), 0);
}

/* What the last answers said. */
static struct {
	bool done;
	struct err err;
	uint64_t received;
	struct id job_id;
	char waiting_for[300];
	size_t jobs;
	char first[200], last[200]; /* "NAME STATUS NOTE" */
	char status[32], note[200], output[200], failure[300];
	uint64_t output_offset;
	bool output_end;
	uint32_t running, total, taskmanagers, slots_total, slots_free;
	int64_t running_since, end;
} got;

static ProtobufCService *client_stub(struct bed *bed, struct rpc_stub *stub)
{
	memset(&got, 0, sizeof(got));
	rpc_stub_init(stub, rpc_client_peer(bed->client), &flink__dispatcher__descriptor, NULL);
	return rpc_stub_service(stub);
}

static bool is_done(struct bed *bed, void *context)
{
	return got.done;
}

static void await(struct bed *bed, int64_t budget_ms)
{
	bed_until(bed, budget_ms, is_done, NULL);
}

static bool failed(const void *answer)
{
	got.done = true;
	if (answer == NULL)
		got.err = *rpc_error();
	return answer == NULL;
}

/* ---- artifacts and submissions -------------------------------------------------------------- */

static void put_answered(const Flink__PutArtifactResponse *answer, void *data)
{
	if (!failed(answer))
		got.received = answer->received_bytes;
}

static void put_artifact(struct bed *bed, const char *content, uint64_t offset, size_t length)
{
	Flink__PutArtifactRequest request = FLINK__PUT_ARTIFACT_REQUEST__INIT;
	uint8_t sha256[32];
	struct rpc_stub stub;

	hash_sha256(content, strlen(content), sha256);
	request.sha256 = (ProtobufCBinaryData){ sizeof(sha256), sha256 };
	request.name = (char *)(uintptr_t)"job.so";
	request.size_bytes = strlen(content);
	request.offset = offset;
	request.content = (ProtobufCBinaryData){ length, (uint8_t *)(uintptr_t)content + offset };
	flink__dispatcher__put_artifact(client_stub(bed, &stub), &request, put_answered, NULL);
	await(bed, 1000);
}

static void submit_answered(const Flink__SubmitJobResponse *answer, void *data)
{
	if (failed(answer))
		return;
	assert_true(id_from_message(&answer->job_id, &got.job_id));
	snprintf(got.waiting_for, sizeof(got.waiting_for), "%s", answer->waiting_for);
}

static struct job *submit(struct bed *bed, Flink__JobGraph *graph)
{
	Flink__SubmitJobRequest request = FLINK__SUBMIT_JOB_REQUEST__INIT;
	struct rpc_stub stub;

	request.graph = graph;
	flink__dispatcher__submit_job(client_stub(bed, &stub), &request, submit_answered, NULL);
	await(bed, 1000);
	return dispatcher_find(bed->dispatcher, &got.job_id);
}

static void add_artifact(struct bed *bed, Flink__JobGraph *graph, const char *content)
{
	Flink__Artifact *artifact = arena_alloc(bed->arena, sizeof(*artifact));

	flink__artifact__init(artifact);
	artifact->name = arena_strdup(bed->arena, "job.so");
	artifact->sha256 = (ProtobufCBinaryData){ 32, arena_alloc(bed->arena, 32) };
	hash_sha256(content, strlen(content), artifact->sha256.data);
	artifact->size_bytes = strlen(content);
	graph->artifacts = arena_alloc(bed->arena, sizeof(graph->artifacts[0]));
	graph->artifacts[0] = artifact;
	graph->n_artifacts = 1;
}

static void a_job_needs_its_artifacts_whole(void **state)
{
	static const char program[] = "the bytes of a program";
	static const char *const patient[] = { "slot.request.timeout=100 h", NULL };
	struct bed *bed = bed_create(1, patient);
	struct err err = ERR_INIT;
	Flink__JobGraph *graph = bed_graph(bed, "With program", 1, 1, NULL);
	struct job *job;

	add_artifact(bed, graph, program);
	bed_pass(bed, 100);
	assert_null(submit(bed, graph));
	assert_int_equal(got.err.code, ERR_ARTIFACT_UNREADABLE);
	assert_string_equal(got.err.text,
			    "job.so was not sent, or not to its end, before the job that "
			    "needs it");
	put_artifact(bed, program, 0, 10);
	assert_int_equal(got.received, 10);
	assert_null(submit(bed, graph));
	put_artifact(bed, program, 10, strlen(program) - 10);
	assert_int_equal(got.received, strlen(program));
	graph->artifacts[0]->size_bytes = 5;
	assert_null(submit(bed, graph));
	assert_int_equal(got.err.code, ERR_PLAN_INVALID);
	graph->artifacts[0]->size_bytes = strlen(program);
	job = submit(bed, graph);
	assert_non_null(job);
	assert_string_equal(job->name, "With program");
	/* It stays as long as the job, and an hour longer. */
	bed_pass(bed, 3 * 3600 * 1000);
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &job->id, &err), 0);
	bed_pass(bed, 3590 * 1000);
	assert_non_null(
		blob_get(dispatcher_blobs(bed->dispatcher), graph->artifacts[0]->sha256.data));
	bed_pass(bed, 100 * 1000);
	assert_null(blob_get(dispatcher_blobs(bed->dispatcher), graph->artifacts[0]->sha256.data));
	finish(bed);
}

static void a_submission_that_is_sent_again_starts_nothing_new(void **state)
{
	struct bed *bed = bed_create(2, NULL);
	Flink__JobGraph *graph = bed_graph(bed, "Once", 1, 1, NULL);
	struct job *job;

	bed_pass(bed, 100);
	job = submit(bed, graph);
	assert_non_null(job);
	assert_string_equal(got.waiting_for,
			    "needs 1 slot, 0 free: no TaskManager is registered, start one "
			    "(./bin/taskmanager.sh start)");
	assert_ptr_equal(submit(bed, graph), job);
	assert_true(list_empty(dispatcher_jobs(bed->dispatcher)) == false);
	assert_ptr_equal(dispatcher_jobs(bed->dispatcher)->head.next,
			 dispatcher_jobs(bed->dispatcher)->head.previous);
	finish(bed);
}

static void what_cannot_run_is_refused_with_the_reason(void **state)
{
	static const char *const bad_setting[] = { "restart-strategy.type=sometimes", NULL };
	struct bed *bed = bed_create(3, NULL);
	Flink__JobGraph *graph = bed_graph(bed, "Bad setting", 1, 1, bad_setting);

	bed_pass(bed, 100);
	assert_null(submit(bed, graph));
	assert_int_equal(got.err.code, ERR_CONF_BAD_VALUE);
	assert_non_null(strstr(got.err.text, "restart-strategy.type"));
	assert_non_null(strstr(got.err.text, "sometimes"));

	graph = bed_graph(bed, "No source", 1, 1, NULL);
	graph->vertices[0]->operators[0]->factory = arena_strdup(bed->arena, "number");
	assert_null(submit(bed, graph));
	assert_int_equal(got.err.code, ERR_CONNECTOR_MISSING);
	assert_non_null(strstr(got.err.text, "Source: Numbers"));

	graph = bed_graph(bed, "Crooked", 1, 1, NULL);
	graph->edges[0]->target_vertex = 7;
	assert_null(submit(bed, graph));
	assert_int_equal(got.err.code, ERR_PLAN_INVALID);
	graph->job_id.len = 15;
	assert_null(submit(bed, graph));
	assert_int_equal(got.err.code, ERR_PLAN_INVALID);

	assert_null(submit(bed, NULL));
	assert_int_equal(got.err.code, ERR_PLAN_INVALID);
	assert_true(list_empty(dispatcher_jobs(bed->dispatcher)));
	finish(bed);
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void list_answered(const Flink__ListJobsResponse *answer, void *data)
{
	if (failed(answer))
		return;
	got.jobs = answer->n_jobs;
	for (size_t i = 0; i < answer->n_jobs; i++) {
		const Flink__JobSummary *job = answer->jobs[i];

		snprintf(got.last, sizeof(got.last), "%s %s %.40s", job->name, job->status,
			 job->note);
		if (i == 0)
			memcpy(got.first, got.last, sizeof(got.first));
		assert_int_equal(job->job_id.len, 16);
	}
}

static void list(struct bed *bed)
{
	Flink__ListJobsRequest request = FLINK__LIST_JOBS_REQUEST__INIT;
	struct rpc_stub stub;

	flink__dispatcher__list_jobs(client_stub(bed, &stub), &request, list_answered, NULL);
	await(bed, 1000);
}

static void cancel_answered(const Flink__Empty *answer, void *data)
{
	failed(answer);
}

static void cancel(struct bed *bed, const uint8_t *job_id, size_t length)
{
	Flink__CancelJobRequest request = FLINK__CANCEL_JOB_REQUEST__INIT;
	struct rpc_stub stub;

	request.job_id = (ProtobufCBinaryData){ length, (uint8_t *)(uintptr_t)job_id };
	flink__dispatcher__cancel_job(client_stub(bed, &stub), &request, cancel_answered, NULL);
	await(bed, 1000);
}

static void overview_answered(const Flink__ClusterOverviewResponse *answer, void *data)
{
	if (failed(answer))
		return;
	got.taskmanagers = answer->taskmanagers;
	got.slots_total = answer->slots_total;
	got.slots_free = answer->slots_free;
}

static void jobs_are_listed_and_cancelled(void **state)
{
	struct bed *bed = bed_create(10, NULL);
	Flink__ClusterOverviewRequest request = FLINK__CLUSTER_OVERVIEW_REQUEST__INIT;
	struct job *first, *second;
	struct rpc_stub stub;

	bed_taskmanager(bed, 0, 2);
	bed_until_slots(bed, 2, 1000);
	list(bed);
	assert_int_equal(got.jobs, 0);
	first = bed_submit(bed, "First", 1, 2, NULL);
	second = bed_submit(bed, "Second", 1, 1, NULL);
	bed_until_running(bed, first, 1000);
	list(bed);
	assert_int_equal(got.jobs, 2);
	assert_string_equal(got.first, "First RUNNING ");
	assert_string_equal(got.last, "Second RUNNING needs 1 slot, 0 free: start another Task");
	flink__dispatcher__cluster_overview(client_stub(bed, &stub), &request, overview_answered,
					    NULL);
	await(bed, 100);
	assert_int_equal(got.taskmanagers, 1);
	assert_int_equal(got.slots_total, 2);
	assert_int_equal(got.slots_free, 0);
	cancel(bed, first->id.bytes, 16);
	assert_int_equal(got.err.code, ERR_NONE);
	bed_until_status(bed, first, JOB_CANCELED, 100);
	bed_until_running(bed, second, 1000);
	cancel(bed, first->id.bytes, 16); /* a repeated call */
	assert_int_equal(got.err.code, ERR_NONE);
	cancel(bed, (const uint8_t *)"0123456789abcdef", 16);
	assert_int_equal(got.err.code, ERR_JOB_NOT_FOUND);
	assert_string_equal(got.err.text, "there is no job 30313233343536373839616263646566 here");
	cancel(bed, first->id.bytes, 3);
	assert_int_equal(got.err.code, ERR_NET_PROTOCOL);
	finish(bed);
}

/* ---- long polls ----------------------------------------------------------------------------- */

static void status_answered(const Flink__JobStatusResponse *answer, void *data)
{
	if (failed(answer))
		return;
	snprintf(got.status, sizeof(got.status), "%s", answer->status);
	snprintf(got.note, sizeof(got.note), "%s", answer->note);
	snprintf(got.output, sizeof(got.output), "%.*s", (int)answer->output.len,
		 (const char *)answer->output.data);
	if (answer->failure != NULL)
		snprintf(got.failure, sizeof(got.failure), "%s", answer->failure->text);
	got.output_offset = answer->output_offset;
	got.output_end = answer->output_end;
	got.running = answer->running_tasks;
	got.total = answer->total_tasks;
	got.running_since = answer->running_since_ms;
	got.end = answer->end_ms;
}

static void ask_status(struct bed *bed, const struct id *job_id, const char *status_seen,
		       uint64_t output_from, uint32_t wait_ms)
{
	Flink__JobStatusRequest request = FLINK__JOB_STATUS_REQUEST__INIT;
	struct rpc_stub stub;

	request.job_id = id_to_message(job_id);
	request.status_seen = (char *)(uintptr_t)status_seen;
	request.output_from = output_from;
	request.output_max_bytes = 1000;
	request.wait_ms = wait_ms;
	flink__dispatcher__job_status(client_stub(bed, &stub), &request, status_answered, NULL);
}

static void a_status_is_told_when_it_changes(void **state)
{
	struct bed *bed = bed_create(20, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 2);
	struct id none = { { 5 } };
	struct job *job;

	bed_until_slots(bed, 2, 1000);
	job = bed_submit(bed, "Followed", 1, 2, NULL);
	bed_until_running(bed, job, 1000);
	ask_status(bed, &job->id, "", 0, 10000);
	await(bed, 50); /* at once: nothing was seen yet */
	assert_string_equal(got.status, "RUNNING");
	assert_int_equal(got.running, 3);
	assert_int_equal(got.total, 3);
	assert_int_equal(got.running_since, job->all_running_ms);
	assert_int_equal(got.end, -1);
	ask_status(bed, &job->id, "RUNNING", 0, 2000);
	bed_pass(bed, 1900);
	assert_false(got.done);
	await(bed, 200); /* wait_ms is over */
	ask_status(bed, &job->id, "RUNNING", 0, 10000);
	bed_pass(bed, 500);
	fake_print(fake, &job->id, 0, 0, "hello : 2\n");
	await(bed, 50);
	assert_string_equal(got.output, "hello : 2\n");
	assert_false(got.output_end);
	ask_status(bed, &job->id, "RUNNING", 10, 10000);
	bed_pass(bed, 500);
	assert_false(got.done);
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &job->id, &bed->err), 0);
	await(bed, 50);
	assert_string_equal(got.status, "CANCELLING");
	bed_until_status(bed, job, JOB_CANCELED, 100);
	ask_status(bed, &job->id, "CANCELLING", 10, 10000);
	await(bed, 50);
	assert_string_equal(got.status, "CANCELED");
	bed_pass(bed, 100);
	ask_status(bed, &job->id, "CANCELED", 10, 10000);
	await(bed, 50);
	assert_true(got.output_end);
	assert_int_equal(got.end, job->end_ms);
	ask_status(bed, &none, "", 0, 10000);
	await(bed, 50);
	assert_int_equal(got.err.code, ERR_JOB_NOT_FOUND);
	finish(bed);
}

static void the_last_lines_come_before_the_end_is_told(void **state)
{
	struct bed *bed = bed_create(21, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 1);
	struct job *job;

	bed_until_slots(bed, 1, 1000);
	job = bed_submit(bed, "Talkative", 1, 1, NULL);
	bed_until_running(bed, job, 1000);
	fake_print(fake, &job->id, 0, 0, "a\nb\n");
	fake_report(fake, fake_task_find(fake, 0, 0), "FINISHED", NULL);
	fake_report(fake, fake_task_find(fake, 1, 0), "FINISHED", NULL);
	bed_until_status(bed, job, JOB_FINISHED, 100);
	ask_status(bed, &job->id, "RUNNING", 0, 10000);
	await(bed, 50);
	assert_string_equal(got.output, "a\nb\n");
	ask_status(bed, &job->id, "FINISHED", 4, 10000);
	await(bed, 100);
	assert_true(got.output_end);
	assert_string_equal(got.output, "");
	finish(bed);
}

static void a_failure_is_told_with_its_cause(void **state)
{
	struct bed *bed = bed_create(22, NULL);
	struct fake_taskmanager *fake = bed_taskmanager(bed, 0, 1);
	struct err err = ERR_INIT;
	struct job *job;

	bed_until_slots(bed, 1, 1000);
	job = bed_submit(bed, "Fails", 1, 1, NULL);
	bed_until_running(bed, job, 1000);
	err_set(&err, ERR_USER_FUNCTION_FAILED, "word too short");
	fake_report(fake, fake_task_find(fake, 1, 0), "FAILED", &err);
	bed_until_status(bed, job, JOB_FAILED, 100);
	ask_status(bed, &job->id, "RUNNING", 0, 10000);
	await(bed, 50);
	assert_string_equal(got.status, "FAILED");
	assert_string_equal(got.failure, "Sum -> Sink: Print (1/1): word too short; no restart "
					 "(restart-strategy.type: none)");
	finish(bed);
}

/* ---- watching and forgetting ---------------------------------------------------------------- */

static struct job_watch *watches[2];
static uint32_t told[2];

static void changed(void *context)
{
	uint32_t which = (uint32_t)(uintptr_t)context;

	told[which]++;
	dispatcher_unwatch(&watches[which]);
	if (which == 0)
		dispatcher_unwatch(&watches[1]); /* another one's, before its turn */
}

static void watchers_may_stop_themselves_and_others(void **state)
{
	struct bed *bed = bed_create(30, NULL);
	struct job *job = bed_submit(bed, "Watched", 1, 1, NULL);
	struct job_watch *orphan;

	bed_pass(bed, 10);
	told[0] = told[1] = 0;
	for (uintptr_t i = 0; i < 2; i++)
		watches[i] = dispatcher_watch(bed->dispatcher, &job->id, changed, (void *)i);
	orphan = dispatcher_watch(bed->dispatcher, &(struct id){ { 3 } }, changed, NULL);
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &job->id, &bed->err), 0);
	bed_pass(bed, 100);
	assert_int_equal(told[0], 1);
	assert_int_equal(told[1], 0);
	dispatcher_unwatch(&orphan);
	finish(bed);
}

static void ended_jobs_are_forgotten_after_a_while_and_beyond_a_number(void **state)
{
	static const char *const settings[] = { "jobstore.expiration-time=60",
						"jobstore.max-capacity=2", NULL };
	struct bed *bed = bed_create(31, settings);
	struct job *jobs[4], *running;
	struct job_watch *watch;
	struct id ids[4];

	for (uint32_t i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "Job %u", i);
		jobs[i] = bed_submit(bed, name, 1, 1, NULL);
		ids[i] = jobs[i]->id;
	}
	running = bed_submit(bed, "Running", 1, 1, NULL);
	watch = dispatcher_watch(bed->dispatcher, &ids[3], changed, NULL);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(dispatcher_cancel(bed->dispatcher, &ids[i], &bed->err), 0);
		bed_pass(bed, 1000);
	}
	assert_null(dispatcher_find(bed->dispatcher, &ids[0]));
	assert_null(dispatcher_find(bed->dispatcher, &ids[1]));
	assert_non_null(dispatcher_find(bed->dispatcher, &ids[2]));
	bed_pass(bed, 58500);
	assert_null(dispatcher_find(bed->dispatcher, &ids[2]));
	assert_non_null(dispatcher_find(bed->dispatcher, &ids[3]));
	bed_pass(bed, 2000);
	assert_null(dispatcher_find(bed->dispatcher, &ids[3]));
	assert_int_equal(running->status, JOB_RUNNING);
	dispatcher_unwatch(&watch);
	finish(bed);
}

static void ended_jobs_are_forgotten_beyond_their_memory(void **state)
{
	static const char *const settings[] = { "jobstore.cache-size=60000", NULL };
	struct bed *bed = bed_create(32, settings);
	struct id ids[12];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < ARRAY_COUNT(ids); i++) {
		struct job *job = bed_submit(bed, "Small", 1, 1, NULL);

		ids[i] = job->id;
		assert_in_range(job_master_bytes(job), 8192, 20000);
		assert_int_equal(dispatcher_cancel(bed->dispatcher, &ids[i], &bed->err), 0);
		bed_pass(bed, 1000);
	}
	for (uint32_t i = 0; i < ARRAY_COUNT(ids); i++) {
		bool there = dispatcher_find(bed->dispatcher, &ids[i]) != NULL;

		assert_true(there || kept == 0); /* the oldest went */
		kept += there;
	}
	assert_in_range(kept, 3, 7);
	finish(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_needs_its_artifacts_whole),
		cmocka_unit_test(a_submission_that_is_sent_again_starts_nothing_new),
		cmocka_unit_test(what_cannot_run_is_refused_with_the_reason),
		cmocka_unit_test(jobs_are_listed_and_cancelled),
		cmocka_unit_test(a_status_is_told_when_it_changes),
		cmocka_unit_test(the_last_lines_come_before_the_end_is_told),
		cmocka_unit_test(a_failure_is_told_with_its_cause),
		cmocka_unit_test(watchers_may_stop_themselves_and_others),
		cmocka_unit_test(ended_jobs_are_forgotten_after_a_while_and_beyond_a_number),
		cmocka_unit_test(ended_jobs_are_forgotten_beyond_their_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
