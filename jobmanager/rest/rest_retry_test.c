/* SPDX-License-Identifier: Apache-2.0
 * rest_retry_test.c - submits that are sent again with their Idempotency-Key. */
#include "jobmanager/rest/rest_test_bed.h"

#include "jobmanager/rest/rest_priv.h"

#define STORM 100

static size_t count_jobs(void)
{
	struct reply reply = get("/jobs");
	size_t count = json_array_size(at(reply.json, "/jobs"));

	reply_free(&reply);
	return count;
}

static bool is_replayed(const struct reply *reply)
{
	return strstr(reply->head.data, "Idempotent-Replayed: true") != NULL;
}

/* All sent before the first answer is read, as clients behind a slow network do. */
static void a_storm_of_retries_is_one_job(void **state)
{
	Flink__SubmitJobRequest message = FLINK__SUBMIT_JOB_REQUEST__INIT;
	int fds[STORM];
	struct buf request;
	char first[512];
	uint32_t replayed = 0;

	message.graph = make_graph("once", 1, 1);
	size_t size = flink__submit_job_request__get_packed_size(&message);
	uint8_t *bytes = arena_alloc(arena, size);

	flink__submit_job_request__pack(&message, bytes);
	buf_init(&request);
	buf_printf(&request,
		   "POST /jobs HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n"
		   "Idempotency-Key: storm\r\nContent-Length: %zu\r\n\r\n",
		   port, size);
	buf_add(&request, bytes, size);
	for (int i = 0; i < STORM; i++) {
		fds[i] = dial(port);
		assert_int_equal(send_all(fds[i], request.data, request.size_bytes),
				 request.size_bytes);
	}
	for (int i = 0; i < STORM; i++) {
		struct reply reply;

		read_reply(fds[i], false, &reply);
		close(fds[i]);
		assert_int_equal(reply.status, 202);
		if (i == 0)
			snprintf(first, sizeof(first), "%s", reply.body.data);
		assert_string_equal(reply.body.data, first);
		replayed += is_replayed(&reply);
		reply_free(&reply);
	}
	assert_int_equal(replayed, STORM - 1);
	assert_int_equal(count_jobs(), 1);
	buf_fini(&request);
}

static void another_request_needs_another_key(void **state)
{
	static const char key[] = "Idempotency-Key: one\r\n";
	static const char other_key[] = "Idempotency-Key: two\r\n";
	struct reply reply = post_graph_with(make_graph("a", 1, 1), key);

	assert_int_equal(reply.status, 202);
	assert_false(is_replayed(&reply));
	reply_free(&reply);
	reply = post_graph_with(make_graph("b", 1, 1), key);
	expect_error(&reply, 422, "Idempotency-Key \"one\" was used within the last 24 hours for "
				  "another request.");
	assert_int_equal(count_jobs(), 1);
	reply = post_graph_with(make_graph("b", 1, 1), other_key);
	assert_int_equal(reply.status, 202);
	reply_free(&reply);
	assert_int_equal(count_jobs(), 2);
	reply = post_graph_with(make_graph("c", 1, 1), "Idempotency-Key:\r\n");
	expect_error(&reply, 400, "Idempotency-Key has 0 characters; 1 to 255 are allowed.");
	char *long_key = arena_alloc(arena, 400);

	memset(long_key, 'k', 300);
	reply = post_graph_with(make_graph("c", 1, 1), url_of("Idempotency-Key: %s\r\n", long_key));
	expect_error(&reply, 400, "has 300 characters");
	assert_int_equal(count_jobs(), 2);
	reply = ask_with("GET", "/jobs", key, NULL, 0); /* a route that takes none */
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
}

static void a_failure_leaves_the_key_free(void **state)
{
	static const char key[] = "Idempotency-Key: again\r\n";
	Flink__JobGraph *graph = make_graph("bad", 1, 1);
	struct reply reply;

	graph->vertices[0]->parallelism = 0;
	reply = post_graph_with(graph, key);
	assert_int_equal(reply.status, 400);
	reply_free(&reply);
	graph->vertices[0]->parallelism = 1;
	reply = post_graph_with(graph, key);
	assert_int_equal(reply.status, 202);
	assert_false(is_replayed(&reply));
	reply_free(&reply);
}

/* ---- without a socket: what is under way, and what is old ----------------------------------- */

static const struct rest_route *submit_route(void)
{
	for (const struct rest_route *route = rest_routes; route->method != NULL; route++)
		if (strcmp(route->method, "POST") == 0 && strcmp(route->pattern, "/jobs") == 0)
			return route;
	return NULL;
}

/* The test holds it too, to see the answer. */
static struct rest_request *request_with(struct rest *rest, const char *key, const char *body)
{
	struct rest_request *request = rest_request_create(rest);

	atomic_fetch_add(&request->holders, 1);
	request->route = submit_route();
	for (size_t i = 0; i < DOOR_PASSED_MAX; i++)
		if (strcmp(door_passed[i], "Idempotency-Key") == 0)
			request->headers[i] = mem_strdup(key);
	buf_add_text(&request->body, body);
	return request;
}

static void whoever_comes_while_it_is_under_way_waits_for_it(void **state)
{
	struct rest rest = { .web_directory = NULL };
	struct rest_request *first, *second, *other;

	atomic_store(&rest.stopping, true); /* late answers go nowhere */
	idempotency_init(&rest.idempotency);
	first = request_with(&rest, "k", "x");
	second = request_with(&rest, "k", "x");
	other = request_with(&rest, "k", "y");
	assert_false(idempotency_took(&rest, first, 0));
	assert_true(idempotency_took(&rest, second, 0));
	assert_int_equal(second->stage, REST_LATER);
	assert_int_equal(second->status, 0);
	assert_true(idempotency_took(&rest, other, 0));
	assert_int_equal(other->status, 422);
	buf_add_text(&first->answer, "{}");
	first->status = 202;
	idempotency_answered(first, 0);
	assert_int_equal(second->status, 202);
	assert_string_equal(second->answer.data, "{}");
	rest_request_unref(first); /* its handler's */
	rest_request_unref(first);
	rest_request_unref(second);
	rest_request_unref(other);
	idempotency_fini(&rest.idempotency);
	assert_int_equal(mem_bytes_out(), 0);
}

static void submit_once(struct rest *rest, const char *key, mono_t now, bool replayed)
{
	struct rest_request *request = request_with(rest, key, "x");

	assert_int_equal(idempotency_took(rest, request, now), replayed);
	if (!replayed) {
		request->status = 202;
		idempotency_answered(request, now);
		rest_request_unref(request);
	}
	rest_request_unref(request);
}

static void keys_are_forgotten_after_a_day_and_beyond_ten_thousand(void **state)
{
	mono_t day = mono_after_ms(0, (int64_t)24 * 3600 * 1000), wake_at = MONO_NEVER;
	struct rest rest = { .web_directory = NULL };
	char key[32];

	atomic_store(&rest.stopping, true);
	idempotency_init(&rest.idempotency);
	submit_once(&rest, "a", 0, false);
	submit_once(&rest, "a", day - 1, true);
	submit_once(&rest, "a", day, false);
	idempotency_step(&rest.idempotency, day, &wake_at);
	assert_int_equal(wake_at, 2 * day);
	idempotency_step(&rest.idempotency, 2 * day, &wake_at);
	assert_int_equal(map_count(rest.idempotency.by_key), 0);
	for (int i = 0; i < IDEMPOTENCY_KEYS_MAX + 3; i++) {
		snprintf(key, sizeof(key), "%d", i);
		submit_once(&rest, key, 0, false);
	}
	assert_int_equal(map_count(rest.idempotency.by_key), IDEMPOTENCY_KEYS_MAX);
	submit_once(&rest, "3", 0, true);
	submit_once(&rest, "2", 0, false);
	idempotency_fini(&rest.idempotency);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_storm_of_retries_is_one_job),
		WITH_SERVER(another_request_needs_another_key),
		WITH_SERVER(a_failure_leaves_the_key_free),
		cmocka_unit_test(whoever_comes_while_it_is_under_way_waits_for_it),
		cmocka_unit_test(keys_are_forgotten_after_a_day_and_beyond_ten_thousand),
	};

	return cmocka_run_group_tests_name("rest retry", tests, NULL, NULL);
}
