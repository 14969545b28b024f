/* SPDX-License-Identifier: Apache-2.0
 * rest_life_test.c - what takes time: following a job's output, cancelling, log files here and on
 * TaskManagers, starting on a port and stopping while somebody waits. */
#include "jobmanager/rest/rest_test_bed.h"

#include "jobmanager/rest/rest_priv.h"

#define HOST "Host: localhost\r\n"

static const char *run(const char *name)
{
	const char *job = submit(name, 1, 1);

	start_taskmanager("tm1", 1);
	await_text(url_of("/jobs/%s", job), "/vertices/1/status", "RUNNING");
	await_text(url_of("/jobs/%s", job), "/vertices/0/status", "RUNNING");
	return job;
}

/* Sends a request and leaves its answer to read_reply. */
static int ask_later(const char *path)
{
	struct buf request;
	int fd = dial(port);

	buf_init(&request);
	buf_printf(&request, "GET %s HTTP/1.1\r\n" HOST "\r\n", path);
	send_all(fd, request.data, request.size_bytes);
	buf_fini(&request);
	return fd;
}

/* ---- output --------------------------------------------------------------------------------- */

struct lines {
	const char *job, *text;
	uint64_t offset, dropped;
};

static void print_lines(void *context)
{
	const struct lines *lines = context;
	struct id id;

	assert_true(id_parse(lines->job, &id));
	fake_print(taskmanager, &id, lines->offset, lines->dropped, lines->text);
}

static void the_output_is_read_from_any_offset(void **state)
{
	const char *job = run("prints"), *url = url_of("/jobs/%s/output", job);
	struct lines lines = { job, "one\ntwo\nthr\xff\x65\n", 0, 0 };
	struct reply reply;

	on_taskmanager(print_lines, &lines);
	await_text(url, "/output", "one\ntwo\nthr\xef\xbf\xbd\x65\n"); /* bytes that are no text */
	reply = get("%s", url);
	assert_int_equal(int_at(&reply, "/offset"), 0);
	assert_int_equal(int_at(&reply, "/next"), 14);
	assert_true(json_is_false(at(reply.json, "/end")));
	reply_free(&reply);
	reply = get("%s?from=4&max=5", url);
	assert_string_equal(text_at(&reply, "/output"), "two\n");
	assert_int_equal(int_at(&reply, "/next"), 8);
	reply_free(&reply);
	reply = get("%s?from=4&max=0", url);
	assert_string_equal(text_at(&reply, "/output"), "");
	assert_int_equal(int_at(&reply, "/next"), 4);
	reply_free(&reply);
	reply = get("%s?from=999999999999999999", url);
	assert_string_equal(text_at(&reply, "/output"), "");
	reply_free(&reply);
}

static void a_long_poll_waits_for_lines_and_state(void **state)
{
	const char *job = run("polled"),
		   *url = url_of("/jobs/%s/output?wait_ms=9000&status=RUNNING&note=", job);
	struct lines lines = { job, "line\n", 0, 0 };
	struct reply reply;
	mono_t before = world_now(world);
	int fd = ask_later(url);

	on_taskmanager(print_lines, &lines);
	read_reply(fd, false, &reply);
	assert_string_equal(text_at(&reply, "/output"), "line\n");
	reply_free(&reply);
	close(fd);
	fd = ask_later(url_of("%s&from=5", url));
	reply = ask("PATCH", url_of("/jobs/%s?mode=CANCEL", job));
	expect_body(&reply, 202, "{}");
	read_reply(fd, false, &reply);
	assert_string_not_equal(text_at(&reply, "/status"), "RUNNING");
	reply_free(&reply);
	close(fd);
	await_text(url_of("/jobs/%s/output?from=5", job), "/status", "CANCELED");
	assert_true(world_now(world) - before <
		    8 * NS_PER_S); /* nobody waited for the time to be over */
	reply = get("/jobs/%s/output?from=5&wait_ms=9000&status=CANCELED",
		    job); /* nothing more can come */
	assert_true(json_is_true(at(reply.json, "/end")));
	reply_free(&reply);
}

static void a_long_poll_ends_when_its_time_is_over(void **state)
{
	const char *job = run("quiet");
	mono_t before = world_now(world);
	struct reply reply = get("/jobs/%s/output?wait_ms=150&status=RUNNING&note=", job);

	assert_string_equal(text_at(&reply, "/status"), "RUNNING");
	assert_true(world_now(world) - before >= 150 * NS_PER_MS);
	reply_free(&reply);
	reply = get("/jobs/%s/output?wait_ms=9000&status=CREATED",
		    job); /* it is another state already */
	assert_string_equal(text_at(&reply, "/status"), "RUNNING");
	reply_free(&reply);
}

/* ---- the end of a job ----------------------------------------------------------------------- */

static void fail_task(void *context)
{
	struct err why = ERR_INIT;

	err_set(&why, ERR_USER_FUNCTION_FAILED, "no \"words\" \xe2\x86\x92 here\nsecond line");
	taskmanager->tasks[0].operator= "Source: Numbers";
	fake_report(taskmanager, &taskmanager->tasks[0], "FAILED", &why);
}

static int start_without_restarts(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=none", NULL };

	start_with(settings);
	return 0;
}

static void a_failure_is_told_with_its_place(void **state)
{
	const char *job = run("fails");
	struct reply reply;

	on_taskmanager(fail_task, NULL);
	await_text(url_of("/jobs/%s/status", job), "/status", "FAILED");
	reply = get("/jobs/%s/exceptions", job);
	assert_non_null(strstr(text_at(&reply, "/exceptionHistory/entries/0/stacktrace"),
			       "no \"words\" \xe2\x86\x92 here\nsecond line"));
	assert_string_equal(text_at(&reply, "/exceptionHistory/entries/0/exceptionName"),
			    "ERR_USER_FUNCTION_FAILED");
	assert_non_null(strstr(text_at(&reply, "/exceptionHistory/entries/0/taskName"),
			       "Source: Numbers (1/1)"));
	assert_string_equal(text_at(&reply, "/exceptionHistory/entries/0/taskManagerId"), "tm1");
	assert_non_null(strstr(text_at(&reply, "/root-exception"), "no \"words\""));
	assert_true(json_is_object(at(reply.json, "/exceptionHistory/entries/0/failureLabels")));
	reply_free(&reply);
	reply = get("/jobs/%s/exceptions?maxExceptions=0", job);
	assert_true(json_is_true(at(reply.json, "/exceptionHistory/truncated")));
	assert_int_equal(json_array_size(at(reply.json, "/exceptionHistory/entries")), 0);
	reply_free(&reply);
	reply = get("/jobs/%s/execution-result", job);
	assert_string_equal(text_at(&reply, "/status/id"), "COMPLETED");
	assert_string_equal(text_at(&reply, "/job-execution-result/application-status"), "FAILED");
	assert_non_null(strstr(text_at(&reply, "/job-execution-result/failure-cause/stack-trace"),
			       "words"));
	reply_free(&reply);
	reply = get("/jobs/%s/output", job);
	assert_true(int_at(&reply, "/failure/code") > 0);
	reply_free(&reply);
	reply = ask("PATCH", url_of("/jobs/%s", job));
	assert_int_equal(int_at(&reply, "/code"), ERR_JOB_ENDED);
	expect_error(&reply, 409, "is FAILED already");
}

static void a_cancelled_job_is_cancelled_once(void **state)
{
	const char *job = run("goes");
	struct reply reply = get("/jobs/%s/yarn-cancel", job);

	expect_body(&reply, 202, "{}");
	await_text(url_of("/jobs/%s/status", job), "/status", "CANCELED");
	reply = get("/jobs/%s/yarn-cancel", job);
	expect_body(&reply, 202, "{}");
	reply = get("/overview");
	assert_int_equal(int_at(&reply, "/jobs-cancelled"), 1);
	assert_int_equal(int_at(&reply, "/jobs-running"), 0);
	reply_free(&reply);
	reply = get("/jobs/%s", job);
	assert_true(int_at(&reply, "/end-time") >= int_at(&reply, "/start-time"));
	assert_int_equal(int_at(&reply, "/vertices/0/tasks/CANCELED"), 1);
	assert_string_equal(text_at(&reply, "/vertices/0/status"), "CANCELED");
	reply_free(&reply);
}

static int start_read_only(void **state)
{
	static const char *const settings[] = { "web.cancel.enable=false",
						"web.submit.enable=false", NULL };

	start_with(settings);
	return 0;
}

static void submitting_and_cancelling_can_be_switched_off(void **state)
{
	struct reply reply = post_graph(make_graph("refused", 1, 1));

	expect_error(&reply, 403, "web.submit.enable");
	reply = ask("PUT", "/artifacts/00");
	expect_error(&reply, 403, "web.submit.enable");
	reply = ask("PATCH", "/jobs/00000000000000000000000000000001");
	expect_error(&reply, 404, "not found");
	reply = get("/config");
	assert_true(json_is_false(at(reply.json, "/features/web-cancel")));
	reply_free(&reply);
}

/* ---- log files ------------------------------------------------------------------------------ */

static void own_log_files_are_listed_and_read(void **state)
{
	struct reply reply = get("/jobmanager/logs");

	assert_int_equal(json_array_size(at(reply.json, "/logs")), 2); /* the folder is no file */
	assert_string_equal(text_at(&reply, "/logs/0/name"), "jobmanager.log");
	assert_int_equal(int_at(&reply, "/logs/0/size"), 19);
	assert_true(int_at(&reply, "/logs/0/mtime") > 1600000000000);
	assert_string_equal(text_at(&reply, "/logs/1/name"),
			    "old \xef\xbf\xbd+%.log.1"); /* no UTF-8, still JSON */
	reply_free(&reply);
	reply = get("/jobmanager/log");
	assert_non_null(strstr(reply.head.data, "\r\nContent-Type: text/plain; charset=UTF-8\r\n"));
	expect_body(&reply, 200, "first\nsecond\nthird\n");
	reply = get("/jobmanager/logs/jobmanager.log?tail=9");
	expect_body(&reply, 200, "third\n"); /* from the beginning of a line */
	reply = get("/jobmanager/log?tail=0");
	expect_body(&reply, 200, "");
	reply = get("/jobmanager/log?tail=-1");
	expect_error(&reply, 400, "query parameter (tail)");
	reply = get("/jobmanager/logs/old%%20%%ff+%%25.log.1");
	expect_body(&reply, 200, "before\n");
	reply = get("/jobmanager/stdout"); /* there is none: a sentence, as Flink's */
	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(reply.body.data, "terminal"));
	reply_free(&reply);
	reply = get("/jobmanager/logs/none.log");
	expect_error(&reply, 404, "There is no log file \"none.log\"");
	write_file(log_directory, "empty", "", 0);
	reply = get("/jobmanager/logs/empty");
	expect_body(&reply, 200, "");
}

static void of_a_huge_file_the_end_is_shown(void **state)
{
	size_t size = REST_FILE_BYTES_MAX + 1000;
	char *text = mem_alloc(size);
	struct reply reply;

	memset(text, 'x', size);
	for (size_t i = 99; i < size; i += 100)
		text[i] = '\n';
	write_file(log_directory, "huge", text, size);
	mem_free(text);
	reply = get("/jobmanager/logs/huge");
	assert_int_equal(reply.status, 200);
	assert_true(strncmp(reply.body.data,
			    "[the first 1000 bytes of this file are left out]\nxxx", 52) == 0);
	assert_true(reply.body.size_bytes > REST_FILE_BYTES_MAX - 200);
	assert_true(reply.body.size_bytes <= REST_FILE_BYTES_MAX + 60);
	reply_free(&reply);
}

static atomic_bool enough;

static void *append_lines(void *path)
{
	FILE *file = fopen(path, "a");

	/* less than REST_FILE_BYTES_MAX */
	for (int i = 0; i < 100000 && !atomic_load(&enough); i++) {
		fprintf(file, "line %d of a file that grows\n", i);
		fflush(file);
	}
	fclose(file);
	return NULL;
}

/* Each answer is as long as it said, and begins where the file begins. */
static void a_file_may_grow_while_it_is_read(void **state)
{
	char *path = arena_printf(arena, "%s/grows", log_directory);
	size_t before = 0;
	pthread_t writer;

	write_file(log_directory, "grows", "first\n", 6);
	atomic_store(&enough, false);
	assert_int_equal(pthread_create(&writer, NULL, append_lines, path), 0);
	bool good = true;

	for (int i = 0; i < 30; i++) {
		struct reply reply = get("/jobmanager/logs/grows");

		good = good && reply.status == 200 &&
		       content_length(&reply.head) == reply.body.size_bytes &&
		       strncmp(reply.body.data, "first\n", 6) == 0 &&
		       reply.body.size_bytes >= before;
		before = reply.body.size_bytes;
		reply_free(&reply);
	}
	atomic_store(&enough, true);
	pthread_join(writer, NULL); /* before anything can end the test */
	assert_true(good && before > 6);
}

static void log_files_of_a_taskmanager_come_in_pieces(void **state)
{
	struct reply reply;

	start_taskmanager("tm1", 1);
	reply = get("/taskmanagers/tm1/logs");
	expect_body(
		&reply, 200,
		"{\"logs\":[{\"name\":\"fake.log\",\"size\":2600000,\"mtime\":1700000000000,\"kind\":\"log\"}]}");
	reply = get("/taskmanagers/tm1/log");
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.body.size_bytes, FAKE_LOG_LINES * FAKE_LOG_LINE_BYTES);
	for (uint32_t i = 0; i < FAKE_LOG_LINES; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %07u\n", i);
		assert_memory_equal(reply.body.data + (size_t)i * FAKE_LOG_LINE_BYTES, line,
				    FAKE_LOG_LINE_BYTES);
	}
	reply_free(&reply);
	reply = get("/taskmanagers/tm1/logs/fake.log?tail=30");
	expect_body(&reply, 200, "line 0199998\nline 0199999\n");
	reply = get("/taskmanagers/tm1/stdout");
	expect_error(&reply, 404, "TaskManager tm1 has no file for its stdout");
	reply = get("/taskmanagers/tm1/logs/..%%2Fsecret");
	expect_error(&reply, 404, "there is no log file \"../secret\"");
	reply = get("/taskmanagers/tm1/thread-dump");
	expect_body(
		&reply, 200,
		"{\"threadInfos\":[{\"threadName\":\"slot-0\",\"stringifiedThreadInfo\":\"\\\"slot-0\\\" idle\\n\"}]}");
	reply = get("/taskmanagers/gone/log");
	expect_error(&reply, 404, "TaskManager gone not found");
}

static void ignore_files(void *context)
{
	taskmanager->ignore_files = true;
}

static void a_taskmanager_that_dies_is_told(void **state)
{
	struct reply reply;
	int fd;

	start_taskmanager("tm1", 1);
	on_taskmanager(ignore_files, NULL);
	fd = ask_later("/taskmanagers/tm1/log");
	reply = get(
		"/taskmanagers/tm1"); /* behind it on the same runner: it has been asked by now */
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	fake_taskmanager_destroy(&taskmanager);
	read_reply(fd, false, &reply);
	assert_int_equal(reply.status, 503);
	assert_int_equal(int_at(&reply, "/code"), ERR_NET_CLOSED);
	reply_free(&reply);
	close(fd);
}

/* ---- beginning and end of the server -------------------------------------------------------- */

/* A second server in the same world, which must not come up; gives the error. */
static struct err refused(const char *const *settings)
{
	struct err err = ERR_INIT;
	struct conf *first = conf;
	struct jobmanager *running = jobmanager;

	set_all(settings);
	if (create_jobmanager(&err) == 0)
		fail_msg("a server that may not be there is");
	conf_destroy(&conf);
	conf = first;
	jobmanager = running;
	return err;
}

static void a_port_that_is_taken_names_its_holder(void **state)
{
	const char *const settings[] = { url_of("rest.bind-port=%u", port), NULL };
	char holder[64];
	struct err err = refused(settings);

	snprintf(holder, sizeof(holder), "process %d (rest_life_test", (int)getpid());
	assert_int_equal(err.code, ERR_CONF_PORT_TAKEN);
	if (strstr(err.text, url_of("localhost:%u", port)) == NULL ||
	    strstr(err.text, holder) == NULL)
		fail_msg("%s", err.text);
}

static void what_is_no_token_and_no_origin_is_refused(void **state)
{
	const char *const settings[] = { "rest.bind-address=0.0.0.0",
					 url_of("rest.auth.token-file=%s/token", directory), NULL };
	static const char *const origin[] = { "web.access-control-allow-origin=a\r\nb", NULL };
	struct err err;

	write_file(directory, "token", "short\n", 6);
	err = refused(settings);
	assert_int_equal(err.code, ERR_CONF_BAD_VALUE);
	assert_non_null(strstr(err.text, "chmod 600"));
	err = refused(origin);
	assert_int_equal(err.code, ERR_CONF_BAD_VALUE);
	assert_non_null(strstr(err.text, "not an origin like"));
}

static void the_next_port_of_a_list_is_taken(void **state)
{
	const char *const settings[] = { url_of("rest.bind-port=%u,0", port),
					 "rest.bind-address=0.0.0.0", "rest.auth=none", NULL };
	struct err err = ERR_INIT;
	struct conf *first = conf;
	struct jobmanager *running = jobmanager;
	uint16_t first_port = port;
	struct reply reply;

	set_all(settings);
	if (create_jobmanager(&err) != 0)
		fail_msg("%s", err.text);
	port = jobmanager_rest_port(jobmanager);
	assert_int_not_equal(port, first_port);
	reply = ask_with("GET", "/config", NULL, NULL, 0);
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	jobmanager_destroy(&jobmanager);
	conf_destroy(&conf);
	conf = first;
	jobmanager = running;
	port = first_port;
}

static void who_waits_at_the_end_is_told(void **state)
{
	static const char half[] = "POST /jobs HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nhalf";
	const char *job = run("abandoned");
	int poll = ask_later(url_of("/jobs/%s/output?wait_ms=9000&status=RUNNING&note=", job)),
	    file, idle = dial(port), upload = dial(port);
	struct reply reply;

	on_taskmanager(ignore_files, NULL);
	file = ask_later("/taskmanagers/tm1/log");
	send_all(upload, half, strlen(half));
	reply = get("/config"); /* they were posted before this one */
	reply_free(&reply);
	jobmanager_destroy(&jobmanager);
	read_reply(poll, false, &reply);
	expect_error(&reply, 503, "shutting down");
	read_reply(file, false, &reply);
	expect_error(&reply, 503, "shutting down");
	assert_true(is_closed(idle));
	assert_true(is_closed(upload));
	close(poll);
	close(file);
	close(idle);
	close(upload);
}

#define WITH(begin, test) cmocka_unit_test_setup_teardown(test, begin, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(the_output_is_read_from_any_offset),
		WITH_SERVER(a_long_poll_waits_for_lines_and_state),
		WITH_SERVER(a_long_poll_ends_when_its_time_is_over),
		WITH(start_without_restarts, a_failure_is_told_with_its_place),
		WITH_SERVER(a_cancelled_job_is_cancelled_once),
		WITH(start_read_only, submitting_and_cancelling_can_be_switched_off),
		WITH_SERVER(own_log_files_are_listed_and_read),
		WITH_SERVER(of_a_huge_file_the_end_is_shown),
		WITH_SERVER(a_file_may_grow_while_it_is_read),
		WITH_SERVER(log_files_of_a_taskmanager_come_in_pieces),
		WITH_SERVER(a_taskmanager_that_dies_is_told),
		WITH_SERVER(a_port_that_is_taken_names_its_holder),
		WITH_SERVER(what_is_no_token_and_no_origin_is_refused),
		WITH_SERVER(the_next_port_of_a_list_is_taken),
		WITH_SERVER(who_waits_at_the_end_is_told),
	};

	cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	return cmocka_run_group_tests_name("rest life", tests, NULL, NULL);
}
