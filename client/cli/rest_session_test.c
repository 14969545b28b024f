/* SPDX-License-Identifier: Apache-2.0
 * rest_session_test.c - the same calls over REST and over RPC, to a whole JobManager with its HTTP
 * port, in the real world: civetweb's threads are not the simulator's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/api/env.h"
#include "client/cli/cli.h"
#include "client/cli/http.h"
#include "client/cli/waiter.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "connectors/connectors.h"
#include "jobmanager/jobmanager.h"

static struct world *world;
static struct conf *conf;
static struct jobmanager *jobmanager;
static struct session *rest_session, *rpc_session;

static struct session *connect(uint16_t port, bool rest)
{
	struct session_options options = {
		.world = world, .host = "localhost", .port = port, .rest = rest
	};
	struct session *session;
	struct err err = ERR_INIT;

	assert_int_equal(session_open(&options, &session, &err), 0);
	return session;
}

static int open_all(void **state)
{
	struct err err = ERR_INIT;

	waiter_open();
	log_set_level(LOG_ERROR);
	connectors_register_all();
	world = world_os_create(&err);
	conf = conf_create();
	if (world == NULL || conf_set(conf, "jobmanager.rpc.bind-port", "0", "test", &err) < 0 ||
	    conf_set(conf, "rest.bind-port", "0", "test", &err) < 0)
		return -1;
	struct jobmanager_options options = { .world = world, .conf = conf };

	if (jobmanager_create(&options, &jobmanager, &err) < 0)
		return -1;
	rest_session = connect(jobmanager_rest_port(jobmanager), true);
	rpc_session = connect(jobmanager_rpc_port(jobmanager), false);
	return 0;
}

static int close_all(void **state)
{
	session_close(&rest_session);
	session_close(&rpc_session);
	jobmanager_destroy(&jobmanager);
	conf_destroy(&conf);
	world_destroy(&world);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

/* ---- a job ---------------------------------------------------------------------------------- */

struct submission {
	struct session *session;
	struct id id;
	struct err err;
	const char *artifact;
};

static int submit(void *context, const Flink__JobGraph *graph, struct err *err)
{
	struct submission *submission = context;
	Flink__JobGraph full = *graph;
	Flink__Artifact artifact = FLINK__ARTIFACT__INIT, *list[1] = { &artifact };
	uint8_t sha256[32];
	struct call call;

	memcpy(submission->id.bytes, graph->job_id.data, 16);
	call_init(&call, CALL_SUBMIT, NULL, NULL);
	call.graph = &full;
	call.artifact = bytes_of_text(submission->artifact);
	hash_sha256(call.artifact.data, call.artifact.size_bytes, sha256);
	artifact.name = (char *)(uintptr_t)"a job & more.so";
	artifact.sha256 = (ProtobufCBinaryData){ sizeof(sha256), sha256 };
	artifact.size_bytes = call.artifact.size_bytes;
	artifact.abi = FLINK_ABI;
	full.artifacts = list;
	full.n_artifacts = 1;
	int result = cli_call(submission->session, &call, err);

	call_fini(&call);
	return result;
}

/* A job of two vertices that waits for slots that never come. */
static struct id submit_job(struct session *session, const char *name_text, const char *artifact)
{
	static const char *const lines[] = { "one", "two" };
	struct submission submission = { .session = session, .artifact = artifact };
	struct flink_executor executor = { submit, &submission };
	struct flink_env_options options = { .world = world, .executor = &executor };
	struct flink_env *env = flink_env_create(&options);

	print(key_by(from_lines(env, lines, 2), "text"));
	int result = flink_execute(env, name_text, &submission.err);

	assert_string_equal(submission.err.text, "");
	assert_int_equal(result, 0);
	flink_env_destroy(&env);
	return submission.id;
}

static void list(struct session *session, struct call *call)
{
	struct err err = ERR_INIT;

	call_init(call, CALL_LIST, NULL, NULL);
	assert_int_equal(cli_call(session, call, &err), 0);
}

static int cancel(struct session *session, const struct id *id, struct err *err)
{
	struct call call;

	call_init(&call, CALL_CANCEL, NULL, NULL);
	call.job_id = *id;
	int result = cli_call(session, &call, err);

	call_fini(&call);
	return result;
}

static void get_status(struct session *session, const struct id *id, struct call *call,
		       const char *status_seen, const char *note_seen, uint32_t wait_ms)
{
	struct err err = ERR_INIT;

	call_init(call, CALL_STATUS, NULL, NULL);
	call->job_id = *id;
	call->status_seen = status_seen;
	call->note_seen = note_seen;
	call->wait_ms = wait_ms;
	assert_int_equal(cli_call(session, call, &err), 0);
}

static void jobs_that_came_either_way_are_listed_alike_both_ways(void **state)
{
	struct call rest, rpc;
	struct id ids[2] = { submit_job(rest_session, "by REST", "artifact"),
			     submit_job(rpc_session, "by RPC \xC3\xBC", "artifact") };

	list(rest_session, &rest);
	list(rpc_session, &rpc);
	assert_int_equal(rest.jobs_count, 2);
	assert_int_equal(rpc.jobs_count, 2);
	for (int i = 0; i < 2; i++) {
		assert_true(id_equal(&rest.jobs[i].id, &ids[i]));
		assert_true(id_equal(&rpc.jobs[i].id, &ids[i]));
		assert_string_equal(rest.jobs[i].name, rpc.jobs[i].name);
		assert_string_equal(rest.jobs[i].status, rpc.jobs[i].status);
		assert_string_equal(rest.jobs[i].note, rpc.jobs[i].note);
		assert_non_null(strstr(rpc.jobs[i].note, "0 free"));
		assert_int_equal(rest.jobs[i].start_ms, rpc.jobs[i].start_ms);
		assert_int_equal(rest.jobs[i].end_ms, -1);
	}
	assert_string_equal(rest.jobs[1].name, "by RPC \xC3\xBC");
	call_fini(&rest);
	call_fini(&rpc);
}

static void a_status_that_is_known_is_waited_for_and_a_cancel_ends_the_wait(void **state)
{
	struct id id = submit_job(rest_session, "Waited for", "artifact");
	struct call first, second;
	struct err err = ERR_INIT;

	get_status(rest_session, &id, &first, NULL, NULL, 0);
	assert_non_null(strstr(first.state.note, "0 free"));
	mono_t begin = world_now(world);

	get_status(rest_session, &id, &second, first.state.status, first.state.note, 300);
	assert_true(world_now(world) - begin >= 250 * NS_PER_MS);
	assert_string_equal(second.state.status, first.state.status);
	call_fini(&second);
	assert_int_equal(cancel(rest_session, &id, &err), 0);
	while (strcmp(first.state.status, "CANCELED") != 0) { /* each answer is news */
		char seen[SESSION_STATUS_BYTES];

		memcpy(seen, first.state.status, sizeof(seen));
		call_fini(&first);
		get_status(rest_session, &id, &first, seen, "", 10000);
	}
	assert_true(first.state.end_ms >= first.state.start_ms);
	assert_true(first.state.output_end);
	call_fini(&first);
}

static void errors_are_the_same_both_ways(void **state)
{
	struct id nobody = { { 1, 2, 3 } };
	struct err by_rest = ERR_INIT, by_rpc = ERR_INIT;

	assert_int_equal(cancel(rest_session, &nobody, &by_rest), -1);
	assert_int_equal(cancel(rpc_session, &nobody, &by_rpc), -1);
	assert_int_equal(by_rest.code, ERR_JOB_NOT_FOUND);
	assert_int_equal(by_rpc.code, ERR_JOB_NOT_FOUND);
}

static void what_is_no_rest_address_is_told_so(void **state)
{
	struct session *session = connect(jobmanager_rpc_port(jobmanager), true);
	struct call call;
	struct err err = ERR_INIT;

	call_init(&call, CALL_LIST, NULL, NULL);
	assert_int_equal(cli_call(session, &call, &err), -1);
	assert_int_equal(err.code, ERR_NET_PROTOCOL);
	assert_non_null(strstr(err.text, "is no REST address of a cluster"));
	call_fini(&call);
	session_close(&session);
}

static void who_has_no_token_is_told_how_to_have_it(void **state)
{
	struct err err = ERR_INIT;
	struct conf *guarded = conf_create();
	struct jobmanager *second;
	struct call call;
	char file[] = "/tmp/rest_session_test.XXXXXX";
	int fd = mkstemp(file); /* of mode 0600 */

	assert_int_equal(write(fd, "0123456789abcdef\n", 17), 17);
	close(fd);
	if (conf_set(guarded, "jobmanager.rpc.bind-port", "0", "test", &err) < 0 ||
	    conf_set(guarded, "rest.bind-port", "0", "test", &err) < 0 ||
	    conf_set(guarded, "rest.auth", "token", "test", &err) < 0 ||
	    conf_set(guarded, "rest.auth.token-file", file, "test", &err) < 0)
		fail_msg("%s", err.text);
	struct jobmanager_options options = { .world = world, .conf = guarded };
	static const char *const tokens[] = { NULL, "0123456789abcdeF", "0123456789abcdef" };

	if (jobmanager_create(&options, &second, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_COUNT(tokens); i++) {
		struct session_options to = { .world = world,
					      .host = "localhost",
					      .port = jobmanager_rest_port(second),
					      .rest = true,
					      .token = tokens[i] };
		struct session *session;

		assert_int_equal(session_open(&to, &session, &err), 0);
		call_init(&call, CALL_LIST, NULL, NULL);
		err_clear(&err);
		int result = cli_call(session, &call, &err);

		assert_int_equal(err.code, i == 2 ? ERR_NONE : ERR_REST_TOKEN);
		assert_int_equal(result, i == 2 ? 0 : -1);
		call_fini(&call);
		session_close(&session);
	}
	jobmanager_destroy(&second);
	conf_destroy(&guarded);
	unlink(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_that_came_either_way_are_listed_alike_both_ways),
		cmocka_unit_test(a_status_that_is_known_is_waited_for_and_a_cancel_ends_the_wait),
		cmocka_unit_test(errors_are_the_same_both_ways),
		cmocka_unit_test(what_is_no_rest_address_is_told_so),
		cmocka_unit_test(who_has_no_token_is_told_how_to_have_it),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
