/* SPDX-License-Identifier: Apache-2.0
 * session_test.c - a client and a whole JobManager in the simulator: submitting, listing,
 * cancelling, following a job to its end, and what becomes of each when the network or the user
 * interferes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/follow.h"
#include "common/base/hash.h"
#include "tests/lib/jobmanager_bed.h"

struct client {
	struct bed *bed;
	struct session *session;
	struct follower follower;
	bool ended;
	struct buf notes;
	struct call call;
	bool finished;
};

static void client_open(struct client *client, uint64_t seed, const char *host, const char *secret)
{
	struct err err = ERR_INIT;

	memset(client, 0, sizeof(*client));
	buf_init(&client->notes);
	client->bed = bed_create(seed, NULL);
	struct session_options options = { .world = client->bed->client_world,
					   .host = host,
					   .port = 6123,
					   .secret = bytes_of_text(secret) };

	assert_int_equal(session_open(&options, &client->session, &err), 0);
}

static void client_close(struct client *client)
{
	session_close(&client->session);
	follower_fini(&client->follower);
	call_fini(&client->call);
	buf_fini(&client->notes);
	bed_destroy(client->bed); /* checks the memory */
}

static void call_finished(struct call *call)
{
	((struct client *)call->context)->finished = true;
}

static bool is_finished(struct bed *bed, void *context)
{
	return ((struct client *)context)->finished;
}

/* Makes client->call again, ready to be filled in. */
static struct call *new_call(struct client *client, enum call_kind kind)
{
	if (client->call.finished != NULL)
		call_fini(&client->call);
	client->finished = false;
	call_init(&client->call, kind, call_finished, client);
	return &client->call;
}

static void do_call(struct client *client, int64_t budget_ms)
{
	session_post(client->session, &client->call);
	bed_until(client->bed, budget_ms, is_finished, client);
}

static struct id submit(struct client *client, const char *name)
{
	Flink__JobGraph *graph = bed_graph(client->bed, name, 1, 1, NULL);
	struct id id;

	memcpy(id.bytes, graph->job_id.data, 16);
	new_call(client, CALL_SUBMIT)->graph = graph;
	do_call(client, 5000);
	assert_string_equal(client->call.err.text, "");
	return id;
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void jobs_are_submitted_listed_and_cancelled(void **state)
{
	struct client client;

	client_open(&client, 1, "jobmanager", BED_SECRET);
	struct id first = submit(&client, "First");

	submit(&client, "Second");
	new_call(&client, CALL_LIST);
	do_call(&client, 1000);
	assert_int_equal(client.call.jobs_count, 2);
	assert_true(id_equal(&client.call.jobs[0].id, &first));
	assert_string_equal(client.call.jobs[0].name, "First");
	assert_non_null(strstr(client.call.jobs[1].note, "0 free"));
	new_call(&client, CALL_CANCEL)->job_id = first;
	do_call(&client, 1000);
	assert_int_equal(client.call.err.code, ERR_NONE);
	bed_pass(client.bed, 100);
	new_call(&client, CALL_LIST);
	do_call(&client, 1000);
	assert_string_equal(client.call.jobs[0].status, "CANCELED");
	memset(&new_call(&client, CALL_CANCEL)->job_id, 0x77, sizeof(struct id));
	do_call(&client, 1000);
	assert_int_equal(client.call.err.code, ERR_JOB_NOT_FOUND);
	client_close(&client);
}

static void an_artifact_goes_in_chunks_and_once(void **state)
{
	struct client client;
	size_t size_bytes = 2500000;

	client_open(&client, 2, "jobmanager", BED_SECRET);
	uint8_t *content = mem_alloc(size_bytes);
	uint8_t sha256[32];

	for (size_t i = 0; i < size_bytes; i++)
		content[i] = (uint8_t)(i * 31 >> 3);
	hash_sha256(content, size_bytes, sha256);
	for (int round = 0; round < 2; round++) {
		Flink__JobGraph *made = bed_graph(client.bed, "Job", 1, 1, NULL), graph = *made;
		Flink__Artifact artifact = FLINK__ARTIFACT__INIT, *list[1] = { &artifact };

		artifact.name = (char *)(uintptr_t)"job.so";
		artifact.sha256 = (ProtobufCBinaryData){ 32, sha256 };
		artifact.size_bytes = size_bytes;
		artifact.abi = 1;
		graph.artifacts = list;
		graph.n_artifacts = 1;
		struct call *call = new_call(&client, CALL_SUBMIT);

		call->graph = &graph;
		call->artifact = bytes_of(content, size_bytes);
		do_call(&client, 20000);
		assert_string_equal(client.call.err.text, "");
	}
	const struct bytes *blob = blob_get(dispatcher_blobs(client.bed->dispatcher), sha256);

	assert_non_null(blob);
	assert_int_equal(blob->size_bytes, size_bytes);
	assert_memory_equal(blob->data, content, size_bytes);
	mem_free(content);
	client_close(&client);
}

static void no_cluster_is_told_within_two_seconds(void **state)
{
	struct client client;
	mono_t begin;

	client_open(&client, 3, "client", BED_SECRET); /* nothing listens on this machine */
	begin = sim_now(client.bed->sim);
	new_call(&client, CALL_LIST);
	do_call(&client, 2000);
	assert_true(sim_now(client.bed->sim) - begin >= NS_PER_S);
	assert_int_equal(client.call.err.code, ERR_CLUSTER_UNREACHABLE);
	assert_memory_equal(client.call.err.text, "no cluster answers at client:6123 (", 35);
	client_close(&client);
}

static void a_wrong_secret_is_told_at_once(void **state)
{
	struct client client;

	client_open(&client, 4, "jobmanager", "another secret");
	new_call(&client, CALL_LIST);
	do_call(&client, 1000);
	assert_int_equal(client.call.err.code, ERR_NET_SECRET);
	client_close(&client);
}

static void calls_under_way_are_dropped_by_a_close(void **state)
{
	struct client client;

	for (int64_t ms = 0; ms < 20; ms += 3) {
		client_open(&client, 5, "jobmanager", BED_SECRET);
		new_call(&client, CALL_LIST);
		session_post(client.session, &client.call);
		bed_pass(client.bed, ms);
		session_close(&client.session);
		bed_pass(client.bed, 100);
		client_close(&client);
	}
}

/* ---- following ------------------------------------------------------------------------------ */

static void note(void *context, const char *text)
{
	struct client *client = context;

	buf_printf(&client->notes, "%s\n", text);
}

static void ended(void *context)
{
	((struct client *)context)->ended = true;
}

static bool has_ended(struct bed *bed, void *context)
{
	return ((struct client *)context)->ended;
}

static void follow(struct client *client, const struct id *id)
{
	client->follower = (struct follower){ .session = client->session,
					      .job_id = *id,
					      .command = "flink",
					      .note = note,
					      .ended = ended,
					      .context = client };
	follower_start(&client->follower);
}

static void finish_job(struct fake_taskmanager *tm)
{
	for (uint32_t vertex = 0; vertex < 2; vertex++)
		fake_report(tm, fake_task_find(tm, vertex, 0), "FINISHED", NULL);
}

static void expect_stdout(struct client *client, const char *text)
{
	size_t size_bytes = 0;
	const char *content = sim_file(client->bed->client_world, "stdout", &size_bytes);

	assert_int_equal(size_bytes, strlen(text));
	assert_memory_equal(content, text, size_bytes);
}

static void a_followed_job_shows_its_output_its_notes_and_its_end(void **state)
{
	struct client client;

	client_open(&client, 6, "jobmanager", BED_SECRET);
	struct id id = submit(&client, "Job");

	follow(&client, &id);
	bed_pass(client.bed, 1500);
	assert_non_null(strstr(client.notes.data, "needs 1 slot, 0 free"));
	struct fake_taskmanager *tm = bed_taskmanager(client.bed, 0, 1);

	bed_until_running(client.bed, dispatcher_find(client.bed->dispatcher, &id), 5000);
	fake_print(tm, &id, 0, 0, "one\ntwo\n");
	bed_pass(client.bed, 200);
	expect_stdout(&client, "one\ntwo\n");
	fake_print(tm, &id, 8, 0, "three\n");
	finish_job(tm);
	bed_until(client.bed, 5000, has_ended, &client);
	expect_stdout(&client, "one\ntwo\nthree\n");
	assert_int_equal(client.follower.err.code, ERR_NONE);
	assert_false(client.follower.let_go);
	assert_true(client.follower.runtime_ms > 1000);
	client_close(&client);
}

static void a_failed_job_ends_with_its_cause(void **state)
{
	struct client client;
	struct err why = ERR_INIT;

	client_open(&client, 7, "jobmanager", BED_SECRET);
	struct fake_taskmanager *tm = bed_taskmanager(client.bed, 0, 1);
	struct id id = submit(&client, "Job");

	follow(&client, &id);
	bed_until_running(client.bed, dispatcher_find(client.bed->dispatcher, &id), 5000);
	err_set(&why, ERR_SINK_EXISTS, "the output file /x exists already");
	fake_report(tm, fake_task_find(tm, 1, 0), "FAILED", &why);
	bed_until(client.bed, 10000, has_ended, &client);
	assert_int_not_equal(client.follower.err.code, ERR_NONE);
	assert_non_null(strstr(client.follower.err.text, "the output file /x exists already"));
	client_close(&client);
}

static void an_interrupt_leaves_the_job_running(void **state)
{
	struct client client;

	client_open(&client, 8, "jobmanager", BED_SECRET);
	bed_taskmanager(client.bed, 0, 1);
	struct id id = submit(&client, "Job");
	struct job *job = dispatcher_find(client.bed->dispatcher, &id);

	follow(&client, &id);
	bed_until_running(client.bed, job, 5000);
	follower_interrupt(&client.follower);
	bed_pass(client.bed, 4900);
	assert_false(client.ended);
	assert_non_null(strstr(client.notes.data, "The job goes on running."));
	assert_non_null(strstr(client.notes.data, "  flink cancel "));
	bed_until(client.bed, 200, has_ended, &client);
	assert_true(client.follower.let_go);
	assert_int_equal(job->status, JOB_RUNNING);
	client_close(&client);
}

static void a_second_interrupt_cancels_and_waits_for_the_end(void **state)
{
	for (int at_once = 0; at_once <= 1; at_once++) {
		struct client client;

		client_open(&client, 9, "jobmanager", BED_SECRET);
		bed_taskmanager(client.bed, 0, 1);
		struct id id = submit(&client, "Job");

		follow(&client, &id);
		bed_until_running(client.bed, dispatcher_find(client.bed->dispatcher, &id), 5000);
		follower_interrupt(&client.follower);
		if (!at_once)
			bed_pass(client.bed, 3000);
		follower_interrupt(&client.follower);
		bed_until(client.bed, 2000, has_ended, &client);
		assert_false(client.follower.let_go);
		assert_true(client.follower.cancelled_here);
		assert_int_equal(client.follower.err.code, ERR_CANCELED);
		client_close(&client);
	}
}

static void a_broken_connection_costs_no_output(void **state)
{
	struct client client;

	client_open(&client, 10, "jobmanager", BED_SECRET);
	struct fake_taskmanager *tm = bed_taskmanager(client.bed, 0, 1);
	struct id id = submit(&client, "Job");

	follow(&client, &id);
	bed_until_running(client.bed, dispatcher_find(client.bed->dispatcher, &id), 5000);
	fake_print(tm, &id, 0, 0, "before\n");
	bed_pass(client.bed, 500);
	sim_cut_connections(client.bed->client_world, client.bed->jobmanager_world);
	fake_print(tm, &id, 7, 0, "after\n");
	bed_pass(client.bed, 2000);
	finish_job(tm);
	bed_until(client.bed, 15000, has_ended, &client);
	assert_string_equal(client.follower.err.text, "");
	expect_stdout(&client, "before\nafter\n");
	client_close(&client);
}

/* Seconds, not as long as its call might wait; and calls after that are answered too. */
static void a_jobmanager_that_does_not_come_back_is_given_up(void **state)
{
	struct client client;

	client_open(&client, 11, "jobmanager", BED_SECRET);
	struct id id = submit(&client, "Job");

	follow(&client, &id);
	bed_pass(client.bed, 500);
	sim_cut(client.bed->client_world, client.bed->jobmanager_world, true);
	sim_cut_connections(client.bed->client_world, client.bed->jobmanager_world);
	bed_until(client.bed, SESSION_RECONNECT_MS + 1000, has_ended, &client);
	assert_int_equal(client.follower.err.code, ERR_CLUSTER_UNREACHABLE);
	assert_non_null(strstr(client.follower.err.text, "can no longer be seen"));
	new_call(&client, CALL_LIST);
	do_call(&client, 1000);
	assert_int_equal(client.call.err.code, ERR_CLUSTER_UNREACHABLE);
	client_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_are_submitted_listed_and_cancelled),
		cmocka_unit_test(an_artifact_goes_in_chunks_and_once),
		cmocka_unit_test(no_cluster_is_told_within_two_seconds),
		cmocka_unit_test(a_wrong_secret_is_told_at_once),
		cmocka_unit_test(calls_under_way_are_dropped_by_a_close),
		cmocka_unit_test(a_followed_job_shows_its_output_its_notes_and_its_end),
		cmocka_unit_test(a_failed_job_ends_with_its_cause),
		cmocka_unit_test(an_interrupt_leaves_the_job_running),
		cmocka_unit_test(a_second_interrupt_cancels_and_waits_for_the_end),
		cmocka_unit_test(a_broken_connection_costs_no_output),
		cmocka_unit_test(a_jobmanager_that_does_not_come_back_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
