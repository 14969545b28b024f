/* SPDX-License-Identifier: Apache-2.0
 * door_stream_test.c - answers without an end, in simulated time: how they begin and end, who
 * leaves, who is too slow, and signs of life in silence. */
#include "jobmanager/rest/door_test_bed.h"

static void a_stream_goes_out_piece_by_piece(void **state)
{
	struct talker *asks = listen_to(1, GET("/1"));

	speak(1, DOOR_STREAM, "one\n\n");
	await(asks, "\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n");
	await(asks, "Connection: close\r\n\r\n5\r\none\n\n\r\n");
	pass(1000);
	speak(1, DOOR_PIECE, "two\n\n");
	await(asks, "\n\r\n5\r\ntwo\n\n\r\n");
	pass(20000); /* in silence a sign of life */
	await(asks, "\r\n3\r\n:\n\n\r\n");
	speak(1, DOOR_LAST, "end");
	await(asks, "\r\n3\r\nend\r\n0\r\n\r\n");
	await_close(asks, 1000);
	pass(100);
	assert_int_equal(over_count, 0); /* who ends it needs not be told */
}

static void a_stream_may_begin_before_it_was_announced(void **state)
{
	struct talker *asks = call(GET("/1"));

	await(await_inside(0), "/1");
	speak(1, DOOR_STREAM, "one");
	speak(1, DOOR_PIECE, "two");
	pass(50);
	assert_int_equal(asks->in.size_bytes, 0);
	say(inside[0], LATER);
	await(asks, "\r\n\r\n6\r\nonetwo\r\n");
	speak(1, DOOR_LAST, "");
	await(asks, "0\r\n\r\n");
	asks = call(GET("/2"));
	await(inside[0], "/2");
	speak(2, DOOR_STREAM, "all ");
	speak(2, DOOR_LAST, "of it");
	pass(50);
	say(inside[0], LATER);
	await(asks, "\r\n\r\n9\r\nall of it\r\n0\r\n\r\n");
	await_close(asks, 100);
	assert_int_equal(over_count, 0);
}

static void for_older_clients_a_stream_runs_until_it_closes(void **state)
{
	struct talker *asks = listen_to(1, "GET /1 HTTP/1.0\r\nHost: server\r\n\r\n");

	speak(1, DOOR_STREAM, "one");
	speak(1, DOOR_PIECE, "two");
	await(asks, "\r\n\r\nonetwo");
	speak(1, DOOR_LAST, "");
	await_close(asks, 1000);
	assert_null(strstr(asks->in.data, "chunked"));
	asks = listen_to(2, "HEAD /2 HTTP/1.1\r\nHost: server\r\n\r\n");
	speak(2, DOOR_STREAM, "not shown");
	await_close(asks, 1000);
	assert_null(strstr(asks->in.data, "not shown"));
	assert_int_equal(over_count, 1);
}

static void who_leaves_a_stream_is_told_of(void **state)
{
	struct talker *leaves = listen_to(1, GET("/1")), *late, *early;

	speak(1, DOOR_STREAM, "one");
	await(leaves, "one");
	talker_close(leaves);
	pass(100);
	assert_int_equal(over_count, 1);
	assert_int_equal(over[0], 1);
	speak(1, DOOR_PIECE, "to nobody");
	speak(1, DOOR_LAST, "to nobody");
	late = listen_to(2, GET("/2"));
	talker_close(late); /* before it begins: a request under way is not looked after */
	speak(2, DOOR_STREAM, "one");
	pass(100);
	assert_int_equal(over_count, 2);
	assert_int_equal(over[1], 2);
	early = call(GET("/3"));
	await(inside[0], "/3");
	speak(3, DOOR_STREAM, "one");
	pass(41000); /* civetweb never says "later" */
	await(early, "HTTP/1.1 504 Gateway Timeout");
	assert_int_equal(over_count, 3);
	assert_int_equal(over[2], 3);
}

static void speak_much(uint64_t number, enum door_answer_kind kind, size_t size)
{
	struct door_answer *answer = door_answer_create(number, "text/event-stream");

	answer->kind = kind;
	memset(buf_reserve(&answer->body, size), 'x', size);
	answer->body.size_bytes = size;
	answer->body.data[size] = '\0';
	door_answer(door, answer);
}

static void who_reads_a_stream_too_slowly_is_cut(void **state)
{
	struct talker *slow = listen_to(1, GET("/1")), *other = listen_to(2, GET("/2"));

	slow->deaf = true;
	speak_much(1, DOOR_STREAM, 3000000); /* the beginning may be large */
	speak(2, DOOR_STREAM, "one");
	for (int i = 0; i < 10; i++) {
		speak_much(1, DOOR_PIECE, 100000);
		pass(1000);
	}
	assert_int_equal(over_count, 0);
	for (int i = 0; i < 5; i++) {
		speak_much(1, DOOR_PIECE, 100000);
		pass(1000);
	}
	assert_int_equal(over_count, 1);
	assert_int_equal(over[0], 1);
	slow->deaf = false;
	agent_wake(&slow->agent);
	await_close(slow, 5000);
	speak(2, DOOR_PIECE, "two");
	await(other, "two");
	slow = listen_to(3, GET("/3")); /* who reads nothing for long goes too */
	slow->deaf = true;
	speak_much(3, DOOR_STREAM, 3000000);
	pass(21000);
	assert_int_equal(over_count, 2);
	assert_int_equal(over[1], 3);
}

static void a_stream_is_no_idle_connection(void **state)
{
	struct talker *streams = listen_to(1, GET("/1")), *idle;

	speak(1, DOOR_STREAM, "one");
	await(streams, "one");
	idle = call("");
	pass(10);
	for (int i = 0; i < 3; i++)
		call("");
	await_close(idle, 100);
	assert_false(streams->closed);
	pass(61000);
	speak(1, DOOR_PIECE, "two");
	await(streams, "two");
	for (int i = 0; i < 70; i++) /* what it says meanwhile is nothing to answer */
		say(streams, GET("/more"));
	pass(100);
	assert_false(streams->closed);
	say_many(streams, 'x', 100000);
	await_close(streams, 1000);
	assert_int_equal(over_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_goes_out_piece_by_piece),
		IN_BYTES(a_stream_goes_out_piece_by_piece),
		TEST(a_stream_may_begin_before_it_was_announced),
		TEST(for_older_clients_a_stream_runs_until_it_closes),
		TEST(who_leaves_a_stream_is_told_of),
		TEST(who_reads_a_stream_too_slowly_is_cut),
		NARROW(a_stream_is_no_idle_connection),
	};

	cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	return cmocka_run_group_tests_name("door streams", tests, NULL, NULL);
}
