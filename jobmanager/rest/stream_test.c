/* SPDX-License-Identifier: Apache-2.0
 * stream_test.c - streams from a handler's side, with a door and its clients in simulated time; and
 * the headers that requests and answers carry. */
#include "jobmanager/rest/door_test_bed.h"
#include "jobmanager/rest/rest_priv.h"

static struct rest rest;
static struct runner *jobmanager;
static struct rest_stream *streams[REST_STREAMS_MAX + 1];
static uint32_t gone_count;
static struct rest_request *arrived; /* for the agent's next step */
static const char *first_words;

static void gone(void *context)
{
	struct rest_stream **stream = context;

	assert_non_null(*stream);
	*stream = NULL;
	gone_count++;
}

static enum step agent_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	if (arrived != NULL) {
		struct rest_request *request = arrived;
		struct rest_stream **stream = &streams[request->number];

		arrived = NULL;
		*stream = rest_stream_begin(request, REST_EVENTS, gone, stream);
		if (*stream != NULL && first_words != NULL) {
			rest_stream_send(*stream, first_words, strlen(first_words));
			rest_stream_send(*stream, "\n\n", 2);
		}
	}
	rest_streams_step(&rest);
	return STEP_IDLE;
}

static int begin_rest(void **state)
{
	struct sim_options calm = { .delay_us_min = 20, .delay_us_max = 100 };
	struct err err = ERR_INIT;

	memset(&rest, 0, sizeof(rest));
	memset(streams, 0, sizeof(streams));
	gone_count = 0;
	first_words = "data: one";
	begin_with(1, &calm,
		   (struct door_options){ .stream_over = rest_stream_over, .context = &rest });
	rest.door = door;
	rest.world = server;
	list_init(&rest.streams);
	inbox_init(&rest.streams_over);
	agent_init(&rest.agent, "rest", agent_step);
	jobmanager = runner_create(server, "jobmanager", &err);
	runner_add(jobmanager, &rest.agent);
	return 0;
}

static int end_rest(void **state)
{
	runner_remove(jobmanager, &rest.agent);
	rest_streams_free(&rest);
	runner_destroy(&jobmanager);
	return end(state);
}

/* A client's request, in the hands of a handler. */
static struct talker *ask_for_stream(uint64_t number)
{
	struct rest_request *request = rest_request_create(&rest);
	struct talker *asks = listen_to(number, GET("/events"));

	request->number = number;
	arrived = request;
	agent_wake(&rest.agent);
	pass(10);
	return asks;
}

static void send_text(struct rest_stream *stream, const char *text)
{
	rest_stream_send(stream, text, strlen(text));
}

static void what_one_step_says_is_one_piece(void **state)
{
	struct talker *asks = ask_for_stream(1);

	await(asks, "Content-Type: text/event-stream\r\n");
	await(asks, "Cache-Control: no-store\r\n");
	await(asks, "\r\n\r\nb\r\ndata: one\n\n\r\n");
	send_text(streams[1], "data: ");
	send_text(streams[1], "two\n\n");
	await(asks, "\n\r\nb\r\ndata: two\n\n\r\n");
	send_text(streams[1], "bye");
	rest_stream_end(&streams[1]);
	assert_null(streams[1]);
	await(asks, "\r\n3\r\nbye\r\n0\r\n\r\n");
	await_close(asks, 1000);
	assert_int_equal(gone_count, 0);
	assert_int_equal(rest.streams_count, 0);
}

static void a_stream_may_end_as_it_begins(void **state)
{
	struct rest_request *request = rest_request_create(&rest);
	struct talker *asks = listen_to(1, GET("/events"));
	struct rest_stream *stream;

	request->number = 1;
	stream = rest_stream_begin(request, REST_EVENTS, gone, NULL);
	send_text(stream, "all");
	rest_stream_end(&stream);
	await(asks, "\r\n\r\n3\r\nall\r\n0\r\n\r\n");
	await_close(asks, 1000);
	pass(100);
	assert_int_equal(gone_count, 0);
}

static void the_speaker_learns_that_nobody_listens(void **state)
{
	struct talker *leaves = ask_for_stream(1), *stays = ask_for_stream(2);

	await(leaves, "one");
	talker_close(leaves);
	pass(100);
	assert_null(streams[1]);
	assert_int_equal(gone_count, 1);
	assert_int_equal(rest.streams_count, 1);
	send_text(streams[2], "two");
	await(stays, "two");
	talker_close(stays); /* and the speaker ends it in the same moment */
	rest_stream_end(&streams[2]);
	pass(100);
	assert_int_equal(gone_count, 1);
	assert_int_equal(rest.streams_count, 0);
}

static void beyond_the_most_a_stream_is_refused(void **state)
{
	struct rest_request *request;

	for (uint64_t number = 1; number <= REST_STREAMS_MAX; number++)
		ask_for_stream(number);
	assert_int_equal(rest.streams_count, REST_STREAMS_MAX);
	request = rest_request_create(&rest);
	atomic_fetch_add(&request->holders, 1); /* the thread's */
	assert_null(rest_stream_begin(request, REST_EVENTS, gone, NULL));
	assert_int_equal(request->status, 503);
	assert_non_null(strstr(request->answer_headers.data, "Retry-After: 5\r\n"));
	assert_non_null(strstr(request->answer.data, "64 streams of events"));
	rest_request_unref(request);
	talker_close(client[0]);
	pass(100);
	assert_int_equal(rest.streams_count, REST_STREAMS_MAX - 1);
}

static void at_the_end_every_speaker_is_told(void **state)
{
	struct talker *one = ask_for_stream(1), *two = ask_for_stream(2);

	await(two, "one");
	send_text(streams[1], "not sent any more");
	atomic_store(&rest.stopping, true);
	rest_streams_stop(&rest);
	assert_int_equal(gone_count, 2);
	assert_int_equal(rest.streams_count, 0);
	door_drain(door, 0);
	await(one, "\r\n0\r\n\r\n");
	await_close(one, 100);
	await_close(two, 100);
	assert_int_equal(gone_count, 2);
}

/* ---- headers -------------------------------------------------------------------------------- */

static void tags_are_compared_weakly(void **state)
{
	static const struct {
		const char *sent;
		bool matches;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "\"7\"", true },
		{ "W/\"7\"", true },
		{ "\"6\", W/\"8\" ,\"7\"", true },
		{ "*", true },
		{ "7", false },
		{ "\"7", false },
		{ "\"77\"", false },
		{ "\"7\"\"", true },
		{ "\"a,\"7\"", false },
		{ "W/", false },
		{ "\"", false },
	};
	struct rest_request *request = rest_request_create(&rest);
	size_t at = 0;

	while (strcmp(door_passed[at], "If-None-Match") != 0)
		at++;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		mem_free(request->headers[at]);
		request->headers[at] = mem_strdup(cases[i].sent);
		if (rest_etag_matches(request, "\"7\"") != cases[i].matches)
			fail_msg("%s", cases[i].sent);
	}
	assert_null(rest_header(request, "Authorization"));
	assert_string_equal(rest_header(request, "if-none-match"), "\"");
	rest_request_unref(request);
}

static void an_answer_is_not_kept_unless_it_says_so(void **state)
{
	struct rest_request *request = rest_request_create(&rest);

	atomic_fetch_add(&request->holders, 1);
	rest_answer_header(request, "ETag", "\"7\"");
	rest_answer(request, 304);
	assert_string_equal(request->answer_headers.data,
			    "ETag: \"7\"\r\nCache-Control: no-store\r\n");
	rest_request_unref(request);
	request = rest_request_create(&rest);
	atomic_fetch_add(&request->holders, 1);
	rest_answer_header(request, "Cache-Control", "no-cache");
	rest_answer_empty(request, 200);
	assert_string_equal(request->answer_headers.data, "Cache-Control: no-cache\r\n");
	rest_request_unref(request);
}

#define REST(name) cmocka_unit_test_setup_teardown(name, begin_rest, end_rest)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REST(what_one_step_says_is_one_piece),
		REST(a_stream_may_end_as_it_begins),
		REST(the_speaker_learns_that_nobody_listens),
		REST(beyond_the_most_a_stream_is_refused),
		REST(at_the_end_every_speaker_is_told),
		REST(tags_are_compared_weakly),
		REST(an_answer_is_not_kept_unless_it_says_so),
	};

	cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	return cmocka_run_group_tests_name("rest streams", tests, NULL, NULL);
}
