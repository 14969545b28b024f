/* SPDX-License-Identifier: Apache-2.0
 * rpc_storm_test.c - every call is answered exactly once: whoever closes what inside which
 * callback, and whenever connections break. */
#include "common/rpc/rpc_test_bed.h"

/* ---- closing inside callbacks ---------------------------------------------------------------- */

enum closing { CLOSE_CLIENT_PEER, CLOSE_CLIENT, CLOSE_SERVER_PEER, CLOSE_SERVER, CLOSE_KINDS };
enum place {
	IN_CLOSURE, IN_CLIENT_UP, IN_CLIENT_DOWN, IN_SERVER_UP, IN_SERVER_DOWN, IN_FENCE, PLACES
};

static enum closing closing_now;
static enum place place_now;
static uint32_t closings_left;

/* Nodes share one thread, so an end may even be closed inside the other end's callback: a step of
 * an agent of another runner. That is legal for the memory, and the hardest case. */
static void closing_do(struct bed *bed)
{
	if (closings_left == 0)
		return;
	closings_left--;
	switch (closing_now) {
	case CLOSE_CLIENT_PEER:
		if (bed->client != NULL && rpc_client_peer(bed->client) != NULL)
			rpc_peer_close(rpc_client_peer(bed->client), NULL);
		break;
	case CLOSE_CLIENT:
		rpc_client_close(&bed->client);
		break;
	case CLOSE_SERVER_PEER:
		if (bed->server_peer != NULL)
			rpc_peer_close(bed->server_peer, NULL);
		break;
	default:
		rpc_server_close(&bed->server);
		break;
	}
}

static bool closing_is_of_client(enum closing closing)
{
	return closing == CLOSE_CLIENT_PEER || closing == CLOSE_CLIENT;
}

static bool place_is_of_client(enum place place)
{
	return place == IN_CLOSURE || place == IN_CLIENT_UP || place == IN_CLIENT_DOWN;
}

static void closing_in_closure(struct bed_call *call)
{
	if (place_now == IN_CLOSURE)
		closing_do(call->bed);
	/* And calls again at once, through whatever is left. */
	if (call->bed->client != NULL && rpc_client_peer(call->bed->client) != NULL &&
	    call->bed->calls_count < 60)
		bed_put(call->bed, "now", 0)->then = closing_in_closure;
}

static void closing_in_up(struct bed *bed, bool server)
{
	if (place_now == (server ? IN_SERVER_UP : IN_CLIENT_UP))
		closing_do(bed);
}

static void closing_in_down(struct bed *bed, bool server)
{
	if (place_now == (server ? IN_SERVER_DOWN : IN_CLIENT_DOWN))
		closing_do(bed);
}

static void closing_in_fence(struct bed *bed)
{
	if (place_now == IN_FENCE)
		closing_do(bed);
}

static void closing_calls(struct bed *bed)
{
	static const char *const names[] = {
		"now", "hold", "fail", "now", "close peer, answer", "now", "hold",
		"answer, close peer", "now"
	};

	if (bed->client == NULL || rpc_client_peer(bed->client) == NULL)
		return;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(names); i++) {
		bed_put(bed, names[i % ARRAY_COUNT(names)], 2000)->then = closing_in_closure;
		bed_submit(bed)->then = closing_in_closure;
	}
}

static void everything_may_be_closed_everywhere(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < CLOSE_KINDS * PLACES * 2; i++) {
		struct bed *bed = bed_create(i + 1, NULL);

		closing_now = (enum closing)(i % CLOSE_KINDS);
		place_now = (enum place)(i / CLOSE_KINDS % PLACES);
		closings_left = 1 + i / (CLOSE_KINDS * PLACES) * 2; /* once, or three times */
		if (closing_is_of_client(closing_now) != place_is_of_client(place_now)) {
			bed_destroy(bed);
			continue;
		}
		bed->on_up = closing_in_up;
		bed->on_down = closing_in_down;
		bed->on_fence = closing_in_fence;
		bed_do(bed, bed->server_runner, bed_server_open);
		bed_do(bed, bed->client_runner, bed_client_open);
		bed_run(bed, 200, bed_connected);
		bed_do(bed, bed->client_runner, closing_calls);
		bed_run(bed, 5000, bed_all_answered);
		sim_cut_connections(bed->server_world, bed->client_world);
		bed_pass(bed, 500);
		bed_destroy(bed); /* counts the answers */
	}
}

static const char *service_closing;

static void closing_calls_to_service(struct bed *bed)
{
	for (uint32_t i = 0; i < 5; i++) {
		bed_put(bed, "hold", 500);
		bed_submit(bed);
	}
	bed_put(bed, service_closing, 500);
	bed_put(bed, "now", 500);
}

static void service_function_may_close_its_peer_and_its_server(void **state)
{
	const char *const ways[] = { "close peer, answer", "answer, close peer",
				     "close server, answer", "answer, close server" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
		struct bed *bed = bed_create_connected(i + 1, NULL);

		service_closing = ways[i];
		bed_do(bed, bed->client_runner, closing_calls_to_service);
		assert_true(bed_run(bed, 5000, bed_all_answered));
		assert_int_equal(bed->executed[10], 1);
		bed_destroy(bed);
	}
}

/* ---- breaking at random ---------------------------------------------------------------------- */

#define STORM_CALLS 300
#define STORM_SEEDS 200

/* Makes calls at random moments, whenever there is a connection. */
struct storm {
	struct agent agent;
	struct bed *bed;
	uint64_t random;
	mono_t next;
};

static uint32_t storm_random(struct storm *storm, uint32_t below)
{
	storm->random = storm->random * UINT64_C(6364136223846793005) +
			UINT64_C(1442695040888963407);
	return (uint32_t)(storm->random >> 33) % below;
}

static enum step storm_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct storm *storm = (struct storm *)agent;
	struct bed *bed = storm->bed;

	if (bed->calls_count >= STORM_CALLS)
		return STEP_IDLE;
	if (now >= storm->next) {
		uint32_t calls = storm_random(storm, 5);

		for (; calls > 0 && rpc_client_peer(bed->client) != NULL; calls--) {
			switch (storm_random(storm, 4)) {
			case 0:
				bed_submit(bed);
				break;
			case 1:
				bed_put(bed, "hold", 1 + storm_random(storm, 5000));
				break;
			case 2:
				bed_status(bed, storm_random(storm, 50000));
				break;
			default:
				bed_put(bed, "now", 0);
				break;
			}
		}
		storm->next = now + storm_random(storm, 40) * NS_PER_MS;
	}
	*wake_at = storm->next;
	return STEP_IDLE;
}

/* On the server: answers what is held, in any order, some time later; calls back now and then. */
static enum step storm_serve_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct storm *storm = (struct storm *)agent;
	struct bed *bed = storm->bed;

	while (bed->held_count > 0 && storm_random(storm, 3) > 0) {
		uint32_t at = storm_random(storm, bed->held_count);
		struct bed_held held = bed->held[at];

		bed->held[at] = bed->held[--bed->held_count];
		bed_answer_put(held.closure, held.data, held.number + 1);
	}
	if (bed->server_peer != NULL && bed->called_back < 50)
		bed_call_back(bed);
	*wake_at = now + (1 + storm_random(storm, 100)) * NS_PER_MS;
	return STEP_IDLE;
}

static bool storm_over(struct bed *bed)
{
	return bed->calls_count >= STORM_CALLS && bed_all_answered(bed);
}

/* Whether executed or not, each call was answered once, and for one of the reasons there are. */
static void storm_check(struct bed *bed, uint64_t seed, uint32_t *succeeded, uint32_t *again)
{
	for (uint32_t i = 0; i < bed->calls_count; i++) {
		struct bed_call *call = &bed->calls[i];

		if (call->answers != 1)
			fail_msg("seed %llu: call %u was answered %d times",
				 (unsigned long long)seed, i, call->answers);
		if (call->code != ERR_NONE && call->code != ERR_NET_CLOSED &&
		    call->code != ERR_NET_TIMEOUT)
			fail_msg("seed %llu: call %u: %s", (unsigned long long)seed, i,
				 call->err.text);
		if (call->code == ERR_NONE && strcmp(call->method, "JobStatus") != 0 &&
		    bed->executed[i] == 0)
			fail_msg("seed %llu: call %u succeeded and never ran",
				 (unsigned long long)seed, i);
		if (strcmp(call->method, "SubmitJob") == 0 && bed->executed[i] > 1)
			fail_msg("seed %llu: call %u, not idempotent, ran %u times",
				 (unsigned long long)seed, i, bed->executed[i]);
		if (bed->executed[i] > 1)
			++*again;
		if (call->code == ERR_NONE)
			++*succeeded;
	}
}

static uint64_t storm_run(uint64_t seed, uint32_t *succeeded, uint32_t *again,
			  uint32_t *connections)
{
	struct sim_options options = {
		.delay_us_min = 20, .delay_us_max = 3000, .clog_ppm = 2000, .clog_ms_max = 400,
		.connection_cut_ppm = (uint32_t)(seed % 4) * 10000, .short_read_ppm = 50000,
		.chance_ppm = 1000, .step_cost_ns_max = 20000, .shuffle_ties = seed % 2 == 0,
	};
	struct bed *bed = bed_create_connected(seed, &options);
	struct storm client = { .bed = bed, .random = seed };
	struct storm server = { .bed = bed, .random = ~seed };

	agent_init(&client.agent, "storm", storm_step);
	agent_init(&server.agent, "storm server", storm_serve_step);
	runner_add(bed->client_runner, &client.agent);
	runner_add(bed->server_runner, &server.agent);
	for (uint32_t i = 0; i < 40 && !storm_over(bed); i++) {
		bed_run(bed, (int64_t)(sim_random(bed->sim) % 300), storm_over);
		switch (sim_random(bed->sim) % 5) {
		case 0:
			sim_cut(bed->server_world, bed->client_world, true);
			break;
		case 1:
			sim_cut_connections(bed->server_world, bed->client_world);
			break;
		case 2:
			sim_pause(sim_random(bed->sim) % 2 ? bed->server_world : bed->client_world,
				  (int64_t)(sim_random(bed->sim) % 2000));
			break;
		default:
			sim_cut(bed->server_world, bed->client_world, false);
			break;
		}
	}
	sim_heal(bed->sim);
	sim_cut_connections(bed->server_world, bed->client_world);
	if (!bed_run(bed, 60000, storm_over))
		fail_msg("seed %llu: %u of %u calls are answered", (unsigned long long)seed,
			 bed->answers_count, bed->calls_count);
	storm_check(bed, seed, succeeded, again);
	*connections += bed->client_ups;
	runner_remove(bed->client_runner, &client.agent);
	runner_remove(bed->server_runner, &server.agent);
	uint64_t fingerprint = sim_fingerprint(bed->sim);
	bed_destroy(bed);
	return fingerprint;
}

static void every_call_is_answered_once_in_any_storm(void **state)
{
	const char *only = getenv("ONLY_SEED");
	uint64_t first = only ? strtoull(only, NULL, 10) : 1;
	uint64_t last = only ? first : STORM_SEEDS;
	uint32_t succeeded = 0, again = 0, connections = 0;

	(void)state;
	for (uint64_t seed = first; seed <= last; seed++)
		storm_run(seed, &succeeded, &again, &connections);
	print_message("%u calls succeeded, over %u connections; %u were executed again\n",
		      succeeded, connections, again);
	/* The server remembers: what came again was recognised. */
	assert_int_equal(again, 0);
	if (only == NULL) {
		assert_true(succeeded > STORM_SEEDS * STORM_CALLS / 2);
		assert_true(connections > 5 * STORM_SEEDS);
	}
}

static void same_seed_is_the_same_storm(void **state)
{
	uint32_t ignored = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		assert_true(storm_run(seed, &ignored, &ignored, &ignored) ==
			    storm_run(seed, &ignored, &ignored, &ignored));
}

/* The server dies and another takes its name: nothing is remembered, but all is answered. */
static void storm_restart_server(struct bed *bed)
{
	sim_kill(bed->server_world);
	rpc_server_close(&bed->server);
	bed_answer_held(bed);
	runner_destroy(&bed->server_runner);
	world_destroy(&bed->server_world);
	bed->server_world = sim_node(bed->sim, "server");
	struct err err = ERR_INIT;
	bed->server_runner = runner_create(bed->server_world, "server", &err);
	bed->server_options.incarnation.bytes[1]++;
	bed_do(bed, bed->server_runner, bed_server_open);
}

static void server_that_dies_is_found_again(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim_options options = { .delay_us_max = 3000, .short_read_ppm = 50000 };
		struct bed *bed = bed_create_connected(seed, &options);
		struct storm client = { .bed = bed, .random = seed };

		agent_init(&client.agent, "storm", storm_step);
		runner_add(bed->client_runner, &client.agent);
		for (uint32_t i = 0; i < 10 && !storm_over(bed); i++) {
			bed_run(bed, (int64_t)(sim_random(bed->sim) % 1000), storm_over);
			storm_restart_server(bed);
		}
		assert_true(bed_run(bed, 60000, storm_over));
		for (uint32_t i = 0; i < bed->calls_count; i++) {
			assert_int_equal(bed->calls[i].answers, 1);
			/* A new life of the server knows nothing, so only this rule is left. */
			if (strcmp(bed->calls[i].method, "SubmitJob") == 0)
				assert_true(bed->executed[i] <= 1);
		}
		runner_remove(bed->client_runner, &client.agent);
		bed_destroy(bed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_may_be_closed_everywhere),
		cmocka_unit_test(service_function_may_close_its_peer_and_its_server),
		cmocka_unit_test(every_call_is_answered_once_in_any_storm),
		cmocka_unit_test(same_seed_is_the_same_storm),
		cmocka_unit_test(server_that_dies_is_found_again),
	};

	return cmocka_run_group_tests_name("rpc storm", tests, NULL, NULL);
}
