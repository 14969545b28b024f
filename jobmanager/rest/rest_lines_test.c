/* SPDX-License-Identifier: Apache-2.0
 * rest_lines_test.c - pages of lines of log files over HTTP: the JobManager's own and a
 * TaskManager's. What a page holds is log_reader_test.c's to say. */
#include "jobmanager/rest/rest_test_bed.h"

#include <pthread.h>

#define OWN "/jobmanager/logs/jobmanager.log/lines"

static void a_page_tells_where_it_lies(void **state)
{
	struct reply reply = get(OWN);

	expect_shape(&reply, "{name:s size:i from:i next:i begin:b end:b file:s restarted:b "
			     "lines:[{at:i text:s}]}");
	reply = get(OWN "?from=6&max=6");
	assert_string_equal(text_at(&reply, "/name"), "jobmanager.log");
	assert_int_equal(int_at(&reply, "/size"), 19);
	assert_int_equal(int_at(&reply, "/from"), 6);
	assert_int_equal(int_at(&reply, "/next"), 13);
	assert_true(json_is_false(at(reply.json, "/begin")));
	assert_true(json_is_false(at(reply.json, "/end")));
	assert_int_equal(json_array_size(at(reply.json, "/lines")), 1);
	assert_string_equal(text_at(&reply, "/lines/0/text"), "second");
	reply_free(&reply);
	reply = get(OWN "?from=-1&max=11");
	assert_int_equal(int_at(&reply, "/from"), 6);
	assert_int_equal(int_at(&reply, "/lines/1/at"), 13);
	assert_true(json_is_true(at(reply.json, "/end")));
	reply_free(&reply);
	reply = get(OWN "?backwards=true&from=13&max=6");
	assert_string_equal(text_at(&reply, "/lines/0/text"), "second");
	reply_free(&reply);
	reply = get(OWN "?search=IR");
	assert_int_equal(json_array_size(at(reply.json, "/lines")), 2);
	assert_string_equal(text_at(&reply, "/lines/1/text"), "third");
	reply_free(&reply);
	reply = get(OWN "?level=warn");
	assert_int_equal(json_array_size(at(reply.json, "/lines")), 0);
	assert_true(json_is_true(at(reply.json, "/end")));
	reply_free(&reply);
}

static void names_and_queries_are_checked(void **state)
{
	static const char *const strangers[] = { "none.log", "..%2Fsecret", "%2Fetc%2Fpasswd",
						 ".",	     "folder",	    "..%252fsecret" };
	static const char *const crooked[] = { "from=-2",    "from=x",		"max=0",
					       "level=LOUD", "backwards=maybe", "wait_ms=-1" };
	char text[256];
	struct reply reply;

	for (size_t i = 0; i < ARRAY_COUNT(strangers); i++) {
		reply = get("/jobmanager/logs/%s/lines", strangers[i]);
		expect_error(&reply, 404, "There is no log file");
	}
	for (size_t i = 0; i < ARRAY_COUNT(crooked); i++) {
		reply = get(OWN "?%s", crooked[i]);
		expect_error(&reply, 400, i == 3 ? "no level \"LOUD\"" : "query parameter");
	}
	memset(text, 'a', 201);
	text[201] = '\0';
	reply = get(OWN "?search=%s", text);
	expect_error(&reply, 400, "has 201 bytes; 200 are the most");
}

static void a_taskmanager_is_asked_for_its_own(void **state)
{
	static const char wanted[] =
		"{\"name\":\"fake.log\",\"size\":2600000,\"from\":2599961,\"next\":2600000,"
		"\"begin\":false,\"end\":true,\"file\":\"0123456789abcdef\",\"restarted\":false,"
		"\"lines\":[{\"at\":2599961,\"text\":\"line 0199997\"},"
		"{\"at\":2599974,\"text\":\"line 0199998\"},"
		"{\"at\":2599987,\"text\":\"line 0199999\"}]}";
	struct reply reply;

	start_taskmanager("tm1", 1);
	reply = get("/taskmanagers/tm1/logs/fake.log/lines?from=-1");
	expect_body(&reply, 200, wanted);
	reply = get("/taskmanagers/tm1/logs/..%%2Fsecret/lines");
	expect_error(&reply, 404, "There is no log file \"../secret\"");
	reply = get("/taskmanagers/tm1/logs/fake.log/lines?level=LOUD");
	expect_error(&reply, 400, "no level \"LOUD\"");
	reply = get("/taskmanagers/tm2/logs/fake.log/lines");
	expect_error(&reply, 404, "TaskManager tm2 not found");
}

/* ---- following ------------------------------------------------------------------------------ */

static atomic_bool enough;

/* A line now and then, until somebody has seen one. */
static void *append_lines(void *path)
{
	struct timespec moment = { .tv_nsec = 20000000 };
	FILE *file = fopen(path, "a");

	while (!atomic_load(&enough)) {
		fprintf(file, "fourth\n");
		fflush(file);
		nanosleep(&moment, NULL);
	}
	fclose(file);
	return NULL;
}

static void the_end_of_a_file_is_followed(void **state)
{
	char *path = arena_printf(arena, "%s/jobmanager.log", log_directory);
	pthread_t writer;
	struct reply reply;
	char mark[32];

	reply = get(OWN "?from=-1");
	snprintf(mark, sizeof(mark), "%s", text_at(&reply, "/file"));
	reply_free(&reply);
	atomic_store(&enough, false);
	assert_int_equal(pthread_create(&writer, NULL, append_lines, path), 0);
	reply = get(OWN "?from=19&wait_ms=10000&file=%s", mark);
	atomic_store(&enough, true);
	pthread_join(writer, NULL);
	assert_string_equal(text_at(&reply, "/lines/0/text"), "fourth");
	assert_int_equal(int_at(&reply, "/lines/0/at"), 19);
	reply_free(&reply);
	write_file(log_directory, "jobmanager.log", "another\n", 8);
	reply = get(OWN "?from=19&wait_ms=10000&file=%s", mark);
	assert_true(json_is_true(at(reply.json, "/restarted")));
	assert_string_equal(text_at(&reply, "/lines/0/text"), "another");
	reply_free(&reply);
}

/* The server ends while somebody follows. */
static void who_follows_does_not_hold_the_end(void **state)
{
	static const char request[] = "GET " OWN "?from=19&wait_ms=10000 HTTP/1.1\r\n"
				      "Host: localhost\r\n\r\n";
	int fd = dial(port);
	struct reply reply;

	send_all(fd, request, strlen(request));
	reply = get("/overview"); /* it is in by now, or is not taken any more */
	reply_free(&reply);
	jobmanager_destroy(&jobmanager);
	read_reply(fd, false, &reply);
	assert_true(reply.status == 503 || reply.status == 0);
	reply_free(&reply);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_page_tells_where_it_lies),
		WITH_SERVER(names_and_queries_are_checked),
		WITH_SERVER(a_taskmanager_is_asked_for_its_own),
		WITH_SERVER(the_end_of_a_file_is_followed),
		WITH_SERVER(who_follows_does_not_hold_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
