/* SPDX-License-Identifier: Apache-2.0
 * rpc_test.c - calls between two simulated nodes, and over the loopback of this machine. */
#include "common/rpc/rpc_test_bed.h"

/* ---- calls ----------------------------------------------------------------------------------- */

static void call_now(struct bed *bed)
{
	bed_put(bed, "now", 0);
}

static void calls_go_both_ways(void **state)
{
	struct bed *bed = bed_create_connected(1, NULL);

	(void)state;
	assert_string_equal(rpc_peer_role(rpc_client_peer(bed->client)), "jobmanager");
	assert_string_equal(rpc_peer_role(bed->server_peer), "taskmanager");
	assert_true(id_equal(rpc_peer_incarnation(bed->server_peer),
			     &bed->client_options.incarnation));
	assert_int_equal(rpc_client_error(bed->client)->code, ERR_NONE);
	bed_do(bed, bed->client_runner, call_now);
	bed_do(bed, bed->server_runner, bed_call_back);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	bed_pass(bed, 100);
	assert_int_equal(bed->calls[0].code, ERR_NONE);
	assert_int_equal(bed->calls[0].value, 1);
	assert_int_equal(bed->called_back, 1);
	assert_int_equal(bed->called_back_answers, 1);
	assert_int_equal(bed->called_back_code, ERR_NONE);
	bed_destroy(bed);
}

static void call_hundred(struct bed *bed)
{
	for (int i = 0; i < 100; i++)
		bed_put(bed, "now", 0);
}

static void order_is_kept(void **state)
{
	struct bed *bed = bed_create_connected(2, NULL);

	(void)state;
	bed_do(bed, bed->client_runner, call_hundred);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->order_count, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(bed->order[i], i);
	bed_destroy(bed);
}

static void call_failing(struct bed *bed)
{
	bed_put(bed, "fail", 0);
	bed_put(bed, "nothing", 0);
}

static void failure_comes_with_code_text_and_origin(void **state)
{
	struct bed *bed = bed_create_connected(3, NULL);

	(void)state;
	bed_do(bed, bed->client_runner, call_failing);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->calls[0].code, ERR_JOB_NOT_FOUND);
	assert_string_equal(bed->calls[0].err.text, "no job 0");
	assert_string_equal(bed->calls[0].err.origin, "TaskManager h:1");
	assert_int_equal(bed->calls[1].code, ERR_BUG);
	assert_string_equal(bed->calls[1].err.text,
			    "Dispatcher.PutArtifact ended without an answer");
	bed_destroy(bed);
}

static void call_held(struct bed *bed)
{
	bed_put(bed, "hold", 300);
	bed_put(bed, "hold", 0);
}

static bool first_answered(struct bed *bed)
{
	return bed->calls[0].answers > 0;
}

static void call_without_an_answer_times_out(void **state)
{
	struct bed *bed = bed_create_connected(4, NULL);
	mono_t begin = sim_now(bed->sim);

	(void)state;
	bed_do(bed, bed->client_runner, call_held);
	assert_true(bed_run(bed, 1000, first_answered));
	assert_int_equal(bed->calls[0].code, ERR_NET_TIMEOUT);
	assert_string_equal(bed->calls[0].err.text,
			    "Dispatcher.PutArtifact: no answer within 300 ms");
	assert_in_range(sim_now(bed->sim) - begin, 300 * NS_PER_MS, 310 * NS_PER_MS);
	/* The answer comes too late and harms nobody; the other call gets its own. */
	bed_do(bed, bed->server_runner, bed_answer_held);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->calls[1].value, 2);
	assert_int_equal(bed->client_downs, 0);
	/* Left alone, a call lasts as long as its method says. */
	begin = sim_now(bed->sim);
	bed_do(bed, bed->client_runner, call_held);
	assert_true(bed_run(bed, 20000, bed_all_answered));
	assert_int_equal(bed->calls[3].code, ERR_NET_TIMEOUT);
	assert_in_range(sim_now(bed->sim) - begin, 10000 * NS_PER_MS, 10010 * NS_PER_MS);
	bed_destroy(bed);
}

static void call_back_unserved(struct bed *bed)
{
	Flink__AddSplitsRequest request = FLINK__ADD_SPLITS_REQUEST__INIT;
	struct rpc_stub stub;

	/* The other way round: the client's end is asked for a service of the server's. */
	rpc_stub_init(&stub, rpc_client_peer(bed->client), &flink__task_executor__descriptor, NULL);
	flink__task_executor__add_splits(rpc_stub_service(&stub), &request, bed_called_back, bed);
}

static bool called_back(struct bed *bed)
{
	return bed->called_back_answers > 0;
}

static void unserved_method_is_refused_by_name(void **state)
{
	struct bed *bed = bed_create_connected(5, NULL);

	(void)state;
	bed_do(bed, bed->client_runner, call_back_unserved);
	assert_true(bed_run(bed, 1000, called_back));
	assert_int_equal(bed->called_back_code, ERR_NET_PROTOCOL);
	bed_do(bed, bed->client_runner, call_now);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->calls[0].code, ERR_NONE);
	bed_destroy(bed);
}

static void stale_fence_is_refused(void **state)
{
	struct bed *bed = bed_create_connected(6, NULL);

	(void)state;
	bed->leader_epoch = 8;
	bed_do(bed, bed->client_runner, call_now);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->calls[0].code, ERR_FENCED);
	assert_string_equal(bed->calls[0].err.text, "PutArtifact of leader epoch 7; it is 8 now");
	assert_int_equal(bed->executed[0], 0);
	bed->leader_epoch = 7;
	bed_do(bed, bed->client_runner, call_now);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->calls[1].code, ERR_NONE);
	bed_destroy(bed);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void call_too_large(struct bed *bed)
{
	Flink__PutArtifactRequest request = FLINK__PUT_ARTIFACT_REQUEST__INIT;
	struct rpc_stub stub = bed_stub(bed, &flink__dispatcher__descriptor);
	size_t size_bytes = 2 * 1024 * 1024;
	uint8_t *content = mem_alloc(size_bytes);

	request.content.data = content;
	request.content.len = size_bytes;
	flink__dispatcher__put_artifact(rpc_stub_service(&stub), &request,
					(Flink__PutArtifactResponse_Closure)bed_answered,
					bed_call_new(bed, "PutArtifact"));
	mem_free(content);
	bed_status(bed, 4 * 1024 * 1024);
	bed_status(bed, 4 * 1024 * 1024 - 16);
}

static void sizes_are_limited_per_method(void **state)
{
	struct bed *bed = bed_create_connected(7, NULL);

	(void)state;
	bed_do(bed, bed->client_runner, call_too_large);
	assert_true(bed_run(bed, 10000, bed_all_answered));
	assert_int_equal(bed->calls[0].code, ERR_TOO_LARGE);
	assert_string_equal(bed->calls[0].err.text,
			    "Dispatcher.PutArtifact: the request has 2097157 bytes, at most "
			    "2097152 are allowed");
	assert_int_equal(bed->calls[1].code, ERR_TOO_LARGE);
	assert_string_equal(bed->calls[1].err.text,
			    "Dispatcher.JobStatus: the answer has 4194309 bytes, at most 4194304 "
			    "are allowed");
	assert_int_equal(bed->calls[2].code, ERR_NONE);
	assert_int_equal(bed->calls[2].value, 4 * 1024 * 1024 - 16);
	assert_int_equal(bed->client_downs, 0);
	bed_destroy(bed);
}

static void call_held_very_often(struct bed *bed)
{
	for (int i = 0; i <= LIMIT_RPC_CALLS_MAX; i++)
		bed_put(bed, "hold", 5000);
}

static bool all_but_the_last_held(struct bed *bed)
{
	return bed->held_count == LIMIT_RPC_CALLS_MAX &&
	       bed->calls[LIMIT_RPC_CALLS_MAX].answers > 0;
}

static void calls_under_way_are_limited(void **state)
{
	struct bed *bed = bed_create_connected(8, NULL);

	(void)state;
	bed_do(bed, bed->client_runner, call_held_very_often);
	assert_true(bed_run(bed, 2000, all_but_the_last_held));
	assert_int_equal(bed->calls[LIMIT_RPC_CALLS_MAX].code, ERR_NET_TIMEOUT);
	assert_non_null(strstr(bed->calls[LIMIT_RPC_CALLS_MAX].err.text, "1024 calls to "));
	assert_int_equal(bed->order_count, LIMIT_RPC_CALLS_MAX);
	/* All time out here, and the server still holds them: they do not count for ever. */
	assert_true(bed_run(bed, 10000, bed_all_answered));
	bed_do(bed, bed->client_runner, call_now);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->calls[LIMIT_RPC_CALLS_MAX + 1].code, ERR_NONE);
	bed_destroy(bed);
}

/* ---- connecting, and connecting again ------------------------------------------------------- */

static bool client_gone(struct bed *bed)
{
	return rpc_client_peer(bed->client) == NULL;
}

static void call_one_of_each(struct bed *bed)
{
	bed_put(bed, "hold", 0);
	bed_submit(bed);
}

static bool second_answered(struct bed *bed)
{
	return bed->calls[1].answers > 0;
}

static bool two_ups(struct bed *bed)
{
	return bed->client_ups == 2 && bed->server_ups == 2;
}

static void idempotent_call_survives_its_connection(void **state)
{
	struct bed *bed = bed_create_connected(9, NULL);

	(void)state;
	bed_do(bed, bed->client_runner, call_one_of_each);
	sim_cut_connections(bed->server_world, bed->client_world);
	assert_true(bed_run(bed, 1000, second_answered));
	assert_int_equal(bed->calls[1].code, ERR_NET_CLOSED);
	assert_true(bed_run(bed, 1000, two_ups));
	assert_true(bed_run(bed, 1000, bed_something_held));
	bed_do(bed, bed->server_runner, bed_answer_held);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->calls[0].code, ERR_NONE);
	assert_int_equal(bed->executed[0], 1);
	assert_int_equal(bed->executed[1], 0);
	bed_destroy(bed);
}

static void running_call_is_not_run_again(void **state)
{
	struct bed *bed = bed_create_connected(10, NULL);

	(void)state;
	bed_do(bed, bed->client_runner, call_one_of_each);
	assert_true(bed_run(bed, 1000, bed_something_held));
	sim_cut_connections(bed->server_world, bed->client_world);
	assert_true(bed_run(bed, 1000, two_ups));
	bed_pass(bed, 1000);
	assert_int_equal(bed->held_count, 1);
	bed_do(bed, bed->server_runner, bed_answer_held);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->calls[0].code, ERR_NONE);
	assert_int_equal(bed->executed[0], 1);
	bed_destroy(bed);
}

static bool both_gone(struct bed *bed)
{
	return rpc_client_peer(bed->client) == NULL && bed->server_peer == NULL;
}

static void lost_answer_is_sent_again(void **state)
{
	struct bed *bed = bed_create_connected(11, NULL);

	(void)state;
	bed_do(bed, bed->client_runner, call_one_of_each);
	assert_true(bed_run(bed, 1000, bed_something_held));
	sim_cut(bed->server_world, bed->client_world, true);
	sim_cut_connections(bed->server_world, bed->client_world);
	assert_true(bed_run(bed, 1000, both_gone));
	bed_do(bed, bed->server_runner, bed_answer_held);
	sim_cut(bed->server_world, bed->client_world, false);
	assert_true(bed_run(bed, 9000, bed_all_answered));
	assert_int_equal(bed->calls[0].code, ERR_NONE);
	assert_int_equal(bed->executed[0], 1);
	bed_destroy(bed);
}

static void client_waits_for_its_server(void **state)
{
	struct bed *bed = bed_create(12, NULL);
	mono_t begin;

	(void)state;
	bed_do(bed, bed->client_runner, bed_client_open);
	bed_pass(bed, 10000);
	assert_null(rpc_client_peer(bed->client));
	assert_int_equal(rpc_client_error(bed->client)->code, ERR_NET_UNREACHABLE);
	assert_int_equal(bed->client_ups + bed->client_downs, 0);
	bed_do(bed, bed->server_runner, bed_server_open);
	begin = sim_now(bed->sim);
	assert_true(bed_run(bed, 10000, bed_connected));
	assert_in_range(sim_now(bed->sim) - begin, 0, 505 * NS_PER_MS);
	assert_int_equal(rpc_client_error(bed->client)->code, ERR_NONE);
	/* A server that comes back finds its client soon, not after the long waits of before. */
	bed_pass(bed, 1000);
	bed_do(bed, bed->server_runner, bed_server_close);
	assert_true(bed_run(bed, 1000, client_gone));
	assert_int_equal(bed->client_down_why.code, ERR_NET_CLOSED);
	bed_do(bed, bed->server_runner, bed_server_open);
	begin = sim_now(bed->sim);
	assert_true(bed_run(bed, 10000, bed_connected));
	assert_in_range(sim_now(bed->sim) - begin, 0, 100 * NS_PER_MS);
	bed_destroy(bed);
}

static void call_held_briefly(struct bed *bed)
{
	bed_put(bed, "hold", 2000);
}

static void call_without_a_server_ends_at_its_deadline(void **state)
{
	struct bed *bed = bed_create_connected(13, NULL);
	mono_t begin = sim_now(bed->sim);

	(void)state;
	bed_do(bed, bed->client_runner, call_held_briefly);
	sim_kill(bed->server_world);
	bed->server_dead = true;
	assert_true(bed_run(bed, 20000, bed_all_answered));
	assert_int_equal(bed->calls[0].code, ERR_NET_TIMEOUT);
	assert_non_null(strstr(bed->calls[0].err.text, "no answer within 2000 ms; "));
	assert_in_range(sim_now(bed->sim) - begin, 2000 * NS_PER_MS, 2020 * NS_PER_MS);
	bed_destroy(bed);
}

/* ---- the secret ------------------------------------------------------------------------------ */

static bool client_has_an_error(struct bed *bed)
{
	return rpc_client_error(bed->client)->code != ERR_NONE;
}

static void secret_is_needed_and_enough(void **state)
{
	struct {
		const char *client, *server;
		enum err_code code;
		const char *text;
	} cases[] = {
		{ "right", "right", ERR_NONE, "" },
		{ "wrong", "right", ERR_NET_SECRET, "another cluster secret" },
		{ "", "right", ERR_NET_SECRET, "wants the cluster secret" },
		{ "right", "", ERR_NET_SECRET, "has none" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bed *bed = bed_create(14, NULL);

		bed->client_options.secret = bytes_of_text(cases[i].client);
		bed->server_options.secret = bytes_of_text(cases[i].server);
		bed_do(bed, bed->server_runner, bed_server_open);
		bed_do(bed, bed->client_runner, bed_client_open);
		if (cases[i].code == ERR_NONE) {
			assert_true(bed_run(bed, 1000, bed_connected));
		} else {
			assert_true(bed_run(bed, 1000, client_has_an_error));
			assert_int_equal(rpc_client_error(bed->client)->code, cases[i].code);
			if (strstr(rpc_client_error(bed->client)->text, cases[i].text) == NULL)
				fail_msg("\"%s\"", rpc_client_error(bed->client)->text);
			bed_pass(bed, 5000);
			assert_int_equal(bed->client_ups + bed->server_ups, 0);
		}
		bed_destroy(bed);
	}
}

static void server_beyond_this_machine_wants_a_secret(void **state)
{
	const char *const open[] = { "server", "0.0.0.0", "::", "127.evil.example", "10.0.0.1" };
	const char *const closed[] = { "localhost", "127.0.0.1", "@jobmanager" };
	struct bed *bed = bed_create(15, NULL);
	struct err err = ERR_INIT;

	(void)state;
	bed->server_options.open_without_secret = false;
	for (size_t i = 0; i < ARRAY_COUNT(open); i++) {
		assert_int_equal(rpc_server_open(bed->server_runner, open[i], BED_PORT,
						 &bed->server_options, &bed->server, &err), -1);
		assert_int_equal(err.code, ERR_CONF_MISSING);
		assert_null(bed->server);
		assert_non_null(strstr(err.text, open[i]));
	}
	for (size_t i = 0; i < ARRAY_COUNT(closed); i++) {
		assert_int_equal(rpc_server_open(bed->server_runner, closed[i], BED_PORT,
						 &bed->server_options, &bed->server, &err), 0);
		rpc_server_close(&bed->server);
	}
	bed->server_options.secret = bytes_of_text("known");
	assert_int_equal(rpc_server_open(bed->server_runner, "server", BED_PORT,
					 &bed->server_options, &bed->server, &err), 0);
	rpc_server_close(&bed->server);
	bed_destroy(bed);
}

/* ---- the real world -------------------------------------------------------------------------- */

static bool os_up(struct bed *bed)
{
	return atomic_load(&bed->ups_count) > 0;
}

static bool os_up_again(struct bed *bed)
{
	return atomic_load(&bed->ups_count) > 1;
}

static void os_calls(struct bed *bed)
{
	for (int i = 0; i < 40; i++)
		bed_put(bed, "now", 0);
	for (int i = 0; i < 10; i++)
		bed_submit(bed);
	bed_status(bed, 500000);
}

static void os_long_step(struct bed *bed)
{
	mono_t until = mono_after_ms(world_now(bed->client_world), 150);

	while (world_now(bed->client_world) < until)
		CHECK(runner_blocking_count(bed->client_runner) == 0 &&
			      runner_blocking_count(bed->server_runner) == 0,
		      "an agent was evicted from among those it shares its state with");
}

static void os_call_held(struct bed *bed)
{
	bed_put(bed, "hold", 0);
}

static void os_server_peer_close(struct bed *bed)
{
	rpc_peer_close(bed->server_peer, NULL);
}

static void calls_over_the_real_loopback(void **state)
{
	struct bed *bed = mem_alloc(sizeof(*bed));
	struct err err = ERR_INIT;

	(void)state;
	bed_options(bed);
	bed->server_options.open_without_secret = false;
	bed->server_options.secret = bed->client_options.secret = bytes_of_text("the secret");
	bed->server_world = bed->client_world = world_os_create(&err);
	assert_non_null(bed->client_world);
	bed->server_runner = runner_create(bed->server_world, "server", &err);
	bed->client_runner = runner_create(bed->client_world, "client", &err);
	bed_do(bed, bed->server_runner, bed_server_open);
	assert_int_not_equal(bed->port, 0);
	bed_do(bed, bed->client_runner, bed_client_open);
	assert_true(bed_run(bed, 10000, os_up));
	for (int i = 0; i < 10; i++)
		bed_do(bed, bed->client_runner, os_calls);
	assert_true(bed_run(bed, 20000, bed_all_answered));
	for (uint32_t i = 0; i < bed->calls_count; i++)
		assert_int_equal(bed->calls[i].code, ERR_NONE);
	/* A long step evicts nobody: peers and callers share what they have. */
	bed_do(bed, bed->client_runner, os_long_step);
	bed_do(bed, bed->server_runner, os_long_step);
	bed_do(bed, bed->client_runner, os_call_held);
	bed_do(bed, bed->server_runner, os_server_peer_close);
	assert_true(bed_run(bed, 10000, os_up_again));
	bed_do(bed, bed->client_runner, call_now);
	while (atomic_load(&bed->answers_count) < bed->calls_count) {
		bed_do(bed, bed->server_runner, bed_answer_held);
		bed_run(bed, 10, bed_all_answered);
	}
	assert_int_equal(bed->calls[510].code, ERR_NONE); /* the held one */
	assert_int_equal(bed->executed[510], 1);
	bed_destroy(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_go_both_ways),
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(failure_comes_with_code_text_and_origin),
		cmocka_unit_test(call_without_an_answer_times_out),
		cmocka_unit_test(unserved_method_is_refused_by_name),
		cmocka_unit_test(stale_fence_is_refused),
		cmocka_unit_test(sizes_are_limited_per_method),
		cmocka_unit_test(calls_under_way_are_limited),
		cmocka_unit_test(idempotent_call_survives_its_connection),
		cmocka_unit_test(running_call_is_not_run_again),
		cmocka_unit_test(lost_answer_is_sent_again),
		cmocka_unit_test(client_waits_for_its_server),
		cmocka_unit_test(call_without_a_server_ends_at_its_deadline),
		cmocka_unit_test(secret_is_needed_and_enough),
		cmocka_unit_test(server_beyond_this_machine_wants_a_secret),
		cmocka_unit_test(calls_over_the_real_loopback),
	};

	return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
