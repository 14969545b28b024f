/* SPDX-License-Identifier: Apache-2.0
 * door_test.c - the door alone, in simulated time: every deadline, what a broken server inside
 * leads to, late answers in every order, bounds on connections, memory and requests inside; and
 * everything again in pieces of one byte. */
#include "jobmanager/rest/door_test_bed.h"

/* ---- requests and answers ------------------------------------------------------------------- */

static void a_request_is_written_anew_and_its_answer_passed_on(void **state)
{
	struct talker *asks = call(
		"PUT /a%20b?c=%2F HTTP/1.1\r\nHost: server\r\nX-Door-Key: stolen\r\nConnection: close, x\r\n"
		"Content-Type: text/odd\r\nX-Other: y\r\nIf-None-Match: \"a\"\r\nContent-Length: 5\r\n\r\nhello");
	struct talker *gets = await_inside(0);

	await(gets, "\r\n\r\nhello");
	assert_string_equal(
		gets->in.data,
		"PUT /a%20b?c=%2F HTTP/1.1\r\nX-Door-Key: the key\r\nX-Door-Number: 1\r\n"
		"Content-Length: 5\r\nHost: server\r\nContent-Type: text/odd\r\nIf-None-Match: \"a\"\r\n\r\nhello");
	say(gets,
	    "HTTP/1.1 201 Whatever\r\nCache-Control: a\r\nContent-Type: text/plain\r\n"
	    "Cache-Control: b\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nyes");
	await_close(asks, 1000);
	assert_string_equal(
		asks->in.data,
		"HTTP/1.1 201 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
		"Cache-Control: b\r\n"
		"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
		"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
		"Connection: close\r\n\r\nyes");
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
		  "Etag: x\r\nContent-Length: 9\r\nX-Content-Type-Options: nosniff\r\n"
		  "Referrer-Policy: no-referrer\r\nConnection: keep-alive\r\n\r\n",
		  false },
		{ "HEAD /4 HTTP/1.1\r\nHost: server\r\n\r\n",
		  "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", "Content-Length: 1234\r\n",
		  false },
		{ GET("/5"),
		  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfour",
		  "\r\n\r\nfour", false },
		{ GET("/6"),
		  "HTTP/1.1 304 Not Modified\r\nCache-Control: x\r\nContent-Security-Policy: y\r\n\r\n",
		  "HTTP/1.1 304 Not Modified\r\nContent-Security-Policy: y\r\nX-Content-Type-Options: nosniff\r\n"
		  "Referrer-Policy: no-referrer\r\nConnection: keep-alive\r\n\r\n",
		  false },
		{ GET("/7"), "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
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

static void a_late_answer_brings_its_headers(void **state)
{
	struct talker *asks = call(GET("/1"));
	struct door_answer *answer = door_answer_create(1, "text/plain");

	await(await_inside(0), "/1");
	say(inside[0], LATER);
	answer->status = 304;
	buf_add_text(&answer->headers, "ETag: \"7\"\r\n");
	buf_add_text(&answer->body, "not shown");
	door_answer(door, answer);
	await(asks, "HTTP/1.1 304 Not Modified\r\nETag: \"7\"\r\nX-Content-Type-Options: ");
	assert_null(strstr(asks->in.data, "Content-Security-Policy"));
	say(asks, GET("/2")); /* nothing of a body lies in between */
	await(inside[0], "/2");
	buf_clear(&asks->in);
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
	await(asks, "HTTP/1.1 200 OK");
	assert_ptr_equal(strstr(asks->in.data, "HTTP"), asks->in.data);
	assert_null(strstr(asks->in.data, "not shown"));
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

static void a_head_must_be_whole_within_five_seconds(void **state)
{
	struct talker *asks = call("GET /slow");

	for (int i = 0; i < 4; i++) { /* a byte a second does not help */
		pass(1000);
		say(asks, "x");
	}
	expect_408(asks, 500, 1500);
}

static void who_says_nothing_at_all_is_closed_without_a_word(void **state)
{
	struct talker *asks = call("");

	pass(59000); /* a browser opens connections before it needs them */
	assert_false(asks->closed);
	await_close(asks, 2000);
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
	struct talker *waits = call(GET("/1")), *works, *idle, *streams;

	await(await_inside(0), "/1");
	say(inside[0], LATER);
	pass(10);
	streams = listen_to(2, GET("/stream"));
	speak(2, DOOR_STREAM, "one");
	await(streams, "one");
	works = call(GET("/2"));
	await(inside[0], "/2");
	idle = call("");
	pass(10);
	door_drain(door, 0);
	await(waits, "HTTP/1.1 503 Service Unavailable");
	await(waits, "shutting down");
	await(streams, "\r\n0\r\n\r\n");
	await_close(streams, 100);
	assert_int_equal(over_count, 1);
	await_close(idle, 100);
	assert_false(works->closed);
	say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
	await(works, "Connection: close\r\n\r\ntwo"); /* what was under way is finished */
	await_close(works, 100);
	await_close(inside[0], 100); /* so that its thread waits for no other request */
	await_inside(3);	     /* and the port has news again and again */
	answer_later(1, "too late");
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
		TEST(a_late_answer_brings_its_headers),
		NARROW(requests_queue_for_the_connections_inside),
		NARROW(above_the_most_the_one_that_said_least_goes),
		TEST(a_body_over_the_limit_is_refused_and_read_away),
		IN_BYTES(a_body_over_the_limit_is_refused_and_read_away),
		cmocka_unit_test_setup_teardown(bodies_and_answers_share_bounded_memory,
						begin_small, end),
		TEST(a_head_must_be_whole_within_five_seconds),
		TEST(who_says_nothing_at_all_is_closed_without_a_word),
		TEST(a_body_must_move),
		TEST(a_kept_connection_may_be_silent_for_a_while),
		NARROW(an_answer_that_does_not_come_is_told),
		TEST(at_the_end_who_waits_is_told_and_civetweb_is_woken),
	};

	cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
