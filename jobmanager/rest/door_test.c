/* SPDX-License-Identifier: Apache-2.0
 * door_test.c - the door alone, in simulated time: every deadline, what a broken server inside
 * leads to, late answers in every order, bounds on connections, memory and requests inside; and
 * everything again in pieces of one byte. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/world/world_sim.h"
#include "jobmanager/rest/door.h"

#define TALKERS_MAX 16
#define INNER_PORT 7001

struct talker { /* one connection of a client or of the server inside; the test writes and looks */
	struct agent agent; /* first */
	struct conn *conn;
	struct buf out, in;
	size_t written;
	bool closed; /* by the other side */
};

static struct sim *sim;
static struct world *server, *client_node;
static struct runner *clients, *insides;
static struct door *door;
static struct listener *listener;
static struct agent accepting;
static struct talker *client[TALKERS_MAX], *inside[TALKERS_MAX];
static uint32_t clients_count, insides_count;

/* ---- talkers -------------------------------------------------------------------------------- */

static enum step talker_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct talker *talker = CONTAINER_OF(agent, struct talker, agent);
	struct err err;
	ssize_t moved = 1;

	while (talker->conn != NULL && moved > 0 && talker->written < talker->out.size_bytes) {
		struct bytes piece = { talker->out.data + talker->written,
				       talker->out.size_bytes - talker->written };

		moved = conn_write(talker->conn, &piece, 1, &err);
		if (moved > 0)
			talker->written += (size_t)moved;
	}
	moved = 1;
	while (talker->conn != NULL && moved > 0) {
		struct slice room = { buf_reserve(&talker->in, 4096), 4096 };

		moved = conn_read(talker->conn, &room, 1, &err);
		if (moved > 0) {
			talker->in.size_bytes += (size_t)moved;
			talker->in.data[talker->in.size_bytes] = '\0';
		}
		talker->closed = talker->closed || moved < 0;
	}
	return STEP_IDLE;
}

static struct talker *talker_create(struct runner *runner)
{
	struct talker *talker = MEM_NEW(struct talker);

	buf_init(&talker->out);
	buf_init(&talker->in);
	agent_init(&talker->agent, "talker", talker_step);
	runner_add(runner, &talker->agent);
	return talker;
}

static void talker_close(struct talker *talker)
{
	if (talker->conn != NULL)
		conn_close(&talker->conn);
}

static void say(struct talker *talker, const char *text)
{
	buf_add_text(&talker->out, text);
	agent_wake(&talker->agent);
}

/* A new client that says something. */
static struct talker *call(const char *text)
{
	struct talker *talker = talker_create(clients);
	struct err err = ERR_INIT;

	assert_true(clients_count < TALKERS_MAX);
	if (conn_open(runner_loop(clients), "server", 8081, &talker->agent, &talker->conn, &err) !=
	    0)
		fail_msg("%s", err.text);
	client[clients_count++] = talker;
	say(talker, text);
	return talker;
}

static enum step accept_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct conn *conn;

	while ((conn = listener_accept(listener, agent)) != NULL) {
		struct talker *talker = talker_create(insides);

		assert_true(insides_count < TALKERS_MAX);
		talker->conn = conn;
		conn_set_wake(conn, &talker->agent);
		inside[insides_count++] = talker;
	}
	return STEP_IDLE;
}

/* ---- time ----------------------------------------------------------------------------------- */

static bool never(void *context)
{
	return false;
}

static void pass(int64_t ms)
{
	sim_run(sim, ms, never, NULL, NULL);
}

struct wanted {
	const struct talker *talker;
	const char *text;
};

static bool has_come(void *context)
{
	const struct wanted *wanted = context;

	return strstr(wanted->talker->in.data, wanted->text) != NULL;
}

/* Until the text has come; within a simulated second. */
static void await(const struct talker *talker, const char *text)
{
	struct wanted wanted = { talker, text };

	if (!sim_run(sim, 1000, has_come, &wanted, NULL))
		fail_msg("\"%s\" does not come: %s", text, talker->in.data);
}

static bool has_closed(void *context)
{
	return ((const struct talker *)context)->closed;
}

static void await_close(struct talker *talker, int64_t budget_ms)
{
	if (!sim_run(sim, budget_ms, has_closed, talker, NULL))
		fail_msg("it is not closed after %lld ms: %s", (long long)budget_ms,
			 talker->in.data);
}

static bool count_is(void *context)
{
	return insides_count >= *(uint32_t *)context;
}

static struct talker *await_inside(uint32_t number)
{
	uint32_t count = number + 1;

	if (!sim_run(sim, 1000, count_is, &count, NULL))
		fail_msg("%u connections inside, not %u", insides_count, count);
	return inside[number];
}

/* ---- the bed -------------------------------------------------------------------------------- */

static void begin_with(uint64_t seed, const struct sim_options *world, struct door_options options)
{
	struct listen_options listen = { .host = "localhost", .port = INNER_PORT };
	struct err err = ERR_INIT;

	log_set_level(LOG_ERROR);
	clients_count = insides_count = 0;
	sim = sim_create(seed, world);
	server = sim_node(sim, "server");
	client_node = sim_node(sim, "client");
	clients = runner_create(client_node, "clients", &err);
	insides = runner_create(server, "inside", &err);
	agent_init(&accepting, "accepting", accept_step);
	if (listener_open(runner_loop(insides), &listen, &accepting, &listener, &err) != 0)
		fail_msg("%s", err.text);
	runner_add(insides, &accepting);
	options.world = server;
	options.host = "0.0.0.0";
	options.ports = "8081";
	if (options.inner_connections == 0)
		options.inner_connections = 2;
	if (options.body_bytes_max == 0)
		options.body_bytes_max = 1000;
	if (options.idle_ms == 0)
		options.idle_ms = 60000;
	snprintf(options.key, sizeof(options.key), "the key");
	if (door_open(&options, &door, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(door_port(door), 8081);
	door_start(door, INNER_PORT);
}

static int begin(void **state)
{
	struct sim_options calm = { .delay_us_min = 20, .delay_us_max = 100 };

	begin_with(1, &calm, (struct door_options){ 0 });
	return 0;
}

static int begin_narrow(void **state)
{
	struct sim_options calm = { .delay_us_min = 20, .delay_us_max = 100 };

	begin_with(1, &calm, (struct door_options){ .inner_connections = 1, .connections_max = 3 });
	return 0;
}

/* Everything arrives in single bytes, in an order of the seed's. */
static int begin_in_bytes(void **state)
{
	struct sim_options crumbs = { .delay_us_max = 100,
				      .short_read_ppm = 1000000,
				      .shuffle_ties = true };

	begin_with(7, &crumbs, (struct door_options){ 0 });
	return 0;
}

static void talker_free(struct runner *runner, struct talker *talker)
{
	runner_remove(runner, &talker->agent);
	talker_close(talker);
	buf_fini(&talker->out);
	buf_fini(&talker->in);
	mem_free(talker);
}

static int end(void **state)
{
	door_close(&door);
	for (uint32_t i = 0; i < clients_count; i++)
		talker_free(clients, client[i]);
	for (uint32_t i = 0; i < insides_count; i++)
		talker_free(insides, inside[i]);
	runner_remove(insides, &accepting);
	listener_close(&listener);
	runner_destroy(&clients);
	runner_destroy(&insides);
	world_destroy(&client_node);
	world_destroy(&server);
	sim_destroy(&sim);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: server\r\n\r\n"

/* ---- requests and answers ------------------------------------------------------------------- */

static void a_request_is_written_anew_and_its_answer_passed_on(void **state)
{
	struct talker *asks = call(
		"PUT /a%20b?c=%2F HTTP/1.1\r\nHost: server\r\nX-Door-Key: stolen\r\nConnection: close, x\r\n"
		"Content-Type: text/odd\r\nX-Other: y\r\nAccept-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello");
	struct talker *gets = await_inside(0);

	await(gets, "\r\n\r\nhello");
	assert_string_equal(
		gets->in.data,
		"PUT /a%20b?c=%2F HTTP/1.1\r\nX-Door-Key: the key\r\nX-Door-Number: 1\r\n"
		"Content-Length: 5\r\nHost: server\r\nContent-Type: text/odd\r\n\r\nhello");
	say(gets,
	    "HTTP/1.1 201 Whatever\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nyes");
	await_close(asks, 1000);
	assert_string_equal(
		asks->in.data,
		"HTTP/1.1 201 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
		"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
		"Content-Security-Policy: frame-ancestors 'none'\r\nConnection: close\r\n\r\nyes");
}

static void answers_of_every_framing_are_passed_on(void **state)
{
	static const struct {
		const char *request, *answer, *end;
		bool closes;
	} cases[] = {
		{ GET("/1"), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none", "\r\n\r\none",
		  false },
		{ GET("/2"), "HTTP/1.1 200 OK\r\n\r\nuntil it closes", "Content-Length: 15\r\n",
		  true },
		{ GET("/3"), "HTTP/1.1 304 Not Modified\r\nEtag: x\r\nContent-Length: 9\r\n\r\n",
		  "Etag: x\r\n", false },
		{ "HEAD /4 HTTP/1.1\r\nHost: server\r\n\r\n",
		  "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", "Content-Length: 1234\r\n",
		  false },
		{ GET("/5"),
		  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfour",
		  "\r\n\r\nfour", false },
		{ GET("/6"), "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		  "Connection: keep-alive\r\n\r\n", false },
	};
	struct talker *asks = call("");
	uint32_t number = 0;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char path[8];

		say(asks, cases[i].request);
		snprintf(path, sizeof(path), " /%zu ", i + 1);
		if (number == insides_count || inside[number]->conn == NULL ||
		    inside[number]->closed)
			number = insides_count; /* the one before was not kept */
		await(await_inside(number), path);
		buf_clear(&inside[number]->in);
		say(inside[number], cases[i].answer);
		pass(10);
		if (cases[i].closes)
			talker_close(inside[number]);
		await(asks, cases[i].end);
		buf_clear(&asks->in);
	}
	assert_int_equal(insides_count, 3);
}

static void a_kept_connection_that_was_closed_is_tried_once_more(void **state)
{
	struct talker *asks = call(GET("/1"));

	await(await_inside(0), "/1");
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
	await(asks, "one");
	talker_close(inside[0]);
	say(asks, GET("/2"));
	await(await_inside(1), "GET /2 ");
	talker_close(inside[1]); /* a fresh one that closes is broken */
	await(asks, "HTTP/1.1 502 Bad Gateway");
	say(asks, GET("/3"));
	await(await_inside(2), "/3");
	say(inside[2], "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthree");
	await(asks, "three");
}

static void a_broken_answer_is_told(void **state)
{
	static const char *const answers[] = {
		"nonsense\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
		"HTTP/1.1 200 OK\r\nContent-Le",
	};
	struct talker *asks = call("");

	for (uint32_t i = 0; i < ARRAY_COUNT(answers); i++) {
		say(asks, GET("/"));
		await(await_inside(i), "\r\n\r\n");
		say(inside[i], answers[i]);
		pass(5);
		talker_close(inside[i]);
		await(asks, "HTTP/1.1 502 Bad Gateway");
		await(asks, "The server inside");
		buf_clear(&asks->in);
	}
}

static void bytes_behind_an_answer_spoil_no_other(void **state)
{
	struct talker *asks = call(GET("/1"));

	await(await_inside(0), "/1");
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
	await(asks, "\r\n\r\nno");
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
	pass(10);
	say(asks, GET("/2"));
	await(await_inside(1), "/2"); /* a fresh connection */
	say(inside[1], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
	await(asks, "two");
	assert_null(strstr(asks->in.data, "evil"));
}

/* ---- late answers --------------------------------------------------------------------------- */

static void answer_later(uint64_t number, const char *text)
{
	struct door_answer *answer = MEM_NEW(struct door_answer);

	answer->number = number;
	answer->status = 200;
	answer->content_type = "text/plain";
	buf_init(&answer->body);
	buf_add_text(&answer->body, text);
	door_answer(door, answer);
}

#define LATER "HTTP/1.1 202 Accepted\r\nX-Door-Later: 1\r\nContent-Length: 0\r\n\r\n"

static void a_late_answer_comes_before_or_after_it_was_announced(void **state)
{
	struct talker *asks = call(GET("/1"));

	await(await_inside(0), "X-Door-Number: 1\r\n");
	say(inside[0], LATER);
	pass(50);
	assert_int_equal(asks->in.size_bytes, 0);
	answer_later(77, "of nobody");
	answer_later(1, "after");
	await(asks, "\r\n\r\nafter");
	say(asks, GET("/2"));
	await(inside[0], "X-Door-Number: 2\r\n"); /* the thread was let go, its connection kept */
	answer_later(2, "before");
	answer_later(2, "before, again");
	pass(50);
	assert_null(strstr(asks->in.data, "before"));
	say(inside[0], LATER);
	await(asks, "\r\n\r\nbefore, again");
	answer_later(2, "too often");
	say(asks, "HEAD /3 HTTP/1.1\r\nHost: server\r\n\r\n");
	await(inside[0], "X-Door-Number: 3\r\n");
	buf_clear(&asks->in);
	say(inside[0], LATER);
	answer_later(3, "not shown");
	await(asks, "Content-Length: 9\r\n");
	pass(50);
	assert_null(strstr(asks->in.data, "not shown"));
}

static void who_waits_for_a_late_answer_keeps_nobody_out(void **state)
{
	struct talker *first = call(GET("/1")), *second;

	await(await_inside(0), "/1");
	say(inside[0], LATER);
	second = call(GET("/2"));
	await(inside[0], "/2"); /* over the only connection */
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
	await(second, "two");
	assert_int_equal(first->in.size_bytes, 0);
	talker_close(first);
	pass(100);
	answer_later(1, "nobody listens");
	pass(100);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void requests_queue_for_the_connections_inside(void **state)
{
	struct talker *first = call(GET("/1")), *second;

	await(await_inside(0), "/1");
	second = call(GET("/2"));
	pass(1000);
	assert_int_equal(insides_count, 1);
	assert_null(strstr(inside[0]->in.data, "/2"));
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
	await(first, "one");
	await(inside[0], "/2");
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
	await(second, "two");
}

static void above_the_most_the_one_that_said_least_goes(void **state)
{
	struct talker *works = call(GET("/1")), *silent, *half, *next;

	await(await_inside(0), "/1");
	silent = call("");
	pass(10);
	half = call("GET /half");
	pass(10);
	next = call("PUT /x HTTP/1.1\r\nHost: server\r\nContent-Length: 9\r\n\r\nha");
	await_close(silent, 100);
	assert_false(half->closed || works->closed || next->closed);
	call(GET("/2"));
	await_close(half, 100);
	assert_false(works->closed || next->closed);
	call(GET("/3"));
	await_close(next, 100);
	assert_false(works->closed);
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
	await(works, "one");
}

static void a_body_over_the_limit_is_refused_and_read_away(void **state)
{
	struct talker *asks =
		call("PUT / HTTP/1.1\r\nHost: server\r\nContent-Length: 1001\r\n\r\n");

	await(asks, "HTTP/1.1 413 ");
	await(asks, "allows 1000.");
	assert_false(asks->closed);
	await_close(asks, 3000);
	asks = call(
		"PUT / HTTP/1.1\r\nHost: server\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
	await(asks, "HTTP/1.1 100 Continue\r\n\r\n");
}

static int begin_small(void **state)
{
	struct sim_options calm = { .delay_us_min = 20, .delay_us_max = 100 };

	begin_with(1, &calm,
		   (struct door_options){ .body_bytes_max = 1000000, .held_bytes_max = 2000000 });
	return 0;
}

static void say_many(struct talker *talker, char letter, size_t count)
{
	memset(buf_reserve(&talker->out, count), letter, count);
	talker->out.size_bytes += count;
	talker->out.data[talker->out.size_bytes] = '\0';
	agent_wake(&talker->agent);
}

static void bodies_and_answers_share_bounded_memory(void **state)
{
	static const char upload[] =
		"PUT / HTTP/1.1\r\nHost: server\r\nContent-Length: 900000\r\n\r\n";
	struct talker *first = call(upload), *second;

	say_many(first, 'a', 899999);
	pass(100);
	second = call(upload);
	say_many(second, 'b', 899999);
	await(second, "HTTP/1.1 503 Service Unavailable");
	second = call(GET("/small")); /* small ones get through all the same */
	await(await_inside(0), "/small");
	buf_clear(&inside[0]->in);
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall");
	await(second, "\r\n\r\nsmall");
	say(first, "a");
	await(await_inside(0), "aaaaaaaaaaaa");
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 1500000\r\n\r\n");
	say_many(inside[0], 'x', 1500000);
	await(first, "HTTP/1.1 503 Service Unavailable");
	await(first, "The answer is too large for now");
	second = call(upload); /* everything was given back */
	say_many(second, 'b', 900000);
	await(await_inside(1), "bbbbbbbbbbbb");
	say(inside[1], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	await(second, "\r\n\r\nok");
}

/* ---- deadlines: all in simulated time ------------------------------------------------------- */

static void expect_408(struct talker *asks, int64_t from_ms, int64_t to_ms)
{
	mono_t before = sim_now(sim);

	await_close(asks, to_ms + 3000);
	if (strstr(asks->in.data, "HTTP/1.1 408 Request Timeout") == NULL)
		fail_msg("%s", asks->in.data);
	assert_true(sim_now(sim) - before >= from_ms * NS_PER_MS);
	assert_true(sim_now(sim) - before <= (to_ms + 3000) * NS_PER_MS);
}

static void a_head_must_be_whole_within_ten_seconds(void **state)
{
	struct talker *asks = call("GET /slow");

	for (int i = 0; i < 9; i++) { /* a byte a second does not help */
		pass(1000);
		say(asks, "x");
	}
	expect_408(asks, 500, 1500);
	asks = call(""); /* nothing at all: closed without a word */
	await_close(asks, 11000);
	assert_int_equal(asks->in.size_bytes, 0);
}

static void a_body_must_move(void **state)
{
	struct talker *asks = call("PUT / HTTP/1.1\r\nHost: server\r\nContent-Length: 100\r\n\r\n");

	for (int i = 0; i < 19; i++) {
		pass(1000);
		say(asks, "x");
	}
	expect_408(asks, 500, 1500);
}

static void a_kept_connection_may_be_silent_for_a_while(void **state)
{
	struct talker *asks = call(GET("/1"));
	mono_t before;

	await(await_inside(0), "/1");
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
	await(asks, "one");
	pass(50000);
	assert_false(asks->closed);
	say(asks, GET("/2"));
	await(inside[0], "/2");
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
	await(asks, "two");
	before = sim_now(sim);
	await_close(asks, 61000);
	assert_true(sim_now(sim) - before >= 59900 * NS_PER_MS);
	assert_null(strstr(asks->in.data, "408")); /* it had asked for nothing */
}

static void an_answer_that_does_not_come_is_told(void **state)
{
	struct talker *inner = call(GET("/1")), *queued, *later;

	await(await_inside(0), "/1");
	queued = call(GET("/2"));
	pass(29000);
	assert_int_equal(queued->in.size_bytes, 0);
	pass(1500);
	await(queued, "HTTP/1.1 503 Service Unavailable");
	pass(10000);
	await(inner, "HTTP/1.1 504 Gateway Timeout");
	later = call(GET("/3"));
	await(await_inside(1), "/3"); /* the one that said nothing was given up */
	say(inside[1], LATER);
	pass(59000);
	assert_int_equal(later->in.size_bytes, 0);
	pass(2000);
	await(later, "HTTP/1.1 504 Gateway Timeout");
	answer_later(2, "too late");
	pass(100);
	assert_null(strstr(later->in.data, "too late"));
}

/* ---- the end -------------------------------------------------------------------------------- */

static void at_the_end_who_waits_is_told_and_civetweb_is_woken(void **state)
{
	struct talker *waits = call(GET("/1")), *works, *idle;

	await(await_inside(0), "/1");
	say(inside[0], LATER);
	pass(10);
	works = call(GET("/2"));
	await(inside[0], "/2");
	idle = call("");
	pass(10);
	door_drain(door, 0);
	await(waits, "HTTP/1.1 503 Service Unavailable");
	await(waits, "shutting down");
	await_close(idle, 100);
	assert_false(works->closed);
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
	await(works, "Connection: close\r\n\r\ntwo"); /* what was under way is finished */
	await_close(works, 100);
	await_close(inside[0], 100); /* so that its thread waits for no other request */
	await_inside(3);	     /* and the port has news again and again */
	answer_later(1, "too late");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define NARROW(name) cmocka_unit_test_setup_teardown(name, begin_narrow, end)
#define IN_BYTES(name) \
	{ \
#name " in bytes", name, begin_in_bytes, end, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_written_anew_and_its_answer_passed_on),
		IN_BYTES(a_request_is_written_anew_and_its_answer_passed_on),
		TEST(answers_of_every_framing_are_passed_on),
		IN_BYTES(answers_of_every_framing_are_passed_on),
		TEST(a_kept_connection_that_was_closed_is_tried_once_more),
		TEST(a_broken_answer_is_told),
		IN_BYTES(a_broken_answer_is_told),
		TEST(bytes_behind_an_answer_spoil_no_other),
		TEST(a_late_answer_comes_before_or_after_it_was_announced),
		IN_BYTES(a_late_answer_comes_before_or_after_it_was_announced),
		NARROW(who_waits_for_a_late_answer_keeps_nobody_out),
		NARROW(requests_queue_for_the_connections_inside),
		NARROW(above_the_most_the_one_that_said_least_goes),
		TEST(a_body_over_the_limit_is_refused_and_read_away),
		IN_BYTES(a_body_over_the_limit_is_refused_and_read_away),
		cmocka_unit_test_setup_teardown(bodies_and_answers_share_bounded_memory,
						begin_small, end),
		TEST(a_head_must_be_whole_within_ten_seconds),
		TEST(a_body_must_move),
		TEST(a_kept_connection_may_be_silent_for_a_while),
		NARROW(an_answer_that_does_not_come_is_told),
		TEST(at_the_end_who_waits_is_told_and_civetweb_is_woken),
	};

	cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
