/* SPDX-License-Identifier: Apache-2.0
 * rest_history_test.c - a JobManager ends and another begins in the same folder: what the first one
 * answered about a job that had ended, the second one answers too, byte for byte. */
#include "jobmanager/rest/rest_test_bed.h"

#include "jobmanager/rest/rest_priv.h"

static void restart(void)
{
	struct err err = ERR_INIT;

	jobmanager_destroy(&jobmanager);
	fake_taskmanager_destroy(&taskmanager);
	if (create_jobmanager(&err) != 0)
		fail_msg("%s", err.text);
	port = jobmanager_rest_port(jobmanager);
}

static bool file_is_there(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", archive_directory, name);
	return access(path, F_OK) == 0;
}

static void await_file(const char *name, bool there)
{
	struct timespec moment = { .tv_nsec = 2000000 };
	mono_t until = mono_after_ms(world_now(world), DEADLINE_S * 1000);

	while (file_is_there(name) != there) {
		if (world_now(world) > until)
			fail_msg("%s/%s is %s", archive_directory, name,
				 there ? "not there" : "still there");
		nanosleep(&moment, NULL);
	}
}

static void print_lines(void *context)
{
	fake_print(taskmanager, context, 0, 0, "one\n1> two\nthree \xc3\xa9\n");
}

/* Runs, prints, and is cancelled; its archive is written when this returns. */
static const char *end_job(const char *name)
{
	const char *job = submit(name, 2, 2);
	struct reply reply;
	struct id id;

	assert_true(id_parse(job, &id));
	await_text(url_of("/jobs/%s", job), "/vertices/1/status", "RUNNING");
	on_taskmanager(print_lines, &id);
	await_text(url_of("/jobs/%s/output", job), "/output", "one\n1> two\nthree \xc3\xa9\n");
	reply = ask("PATCH", url_of("/jobs/%s", job));
	assert_int_equal(reply.status, 202);
	reply_free(&reply);
	await_text(url_of("/jobs/%s", job), "/state", "CANCELED");
	await_file(job, true);
	return job;
}

/* ---- answers before and after --------------------------------------------------------------- */

/* What the clock alone has changed. */
static char *without_now(const struct reply *reply)
{
	static const char *const moments[] = { "\"now\":", "\"end-timestamp\":" };
	char *text = arena_strdup(arena, reply->body.data);

	for (size_t i = 0; i < ARRAY_COUNT(moments); i++)
		for (char *moment = text; (moment = strstr(moment, moments[i])) != NULL;)
			for (moment += strlen(moments[i]); *moment >= '0' && *moment <= '9';
			     moment++)
				*moment = '0';
	return text;
}

static const char *const paths[] = {
	"/jobs/overview",
	"/jobs",
	"/overview",
	"/jobs/J",
	"/v1/jobs/J",
	"/jobs/J/status",
	"/jobs/J/config",
	"/jobs/J/plan",
	"/jobs/J/exceptions",
	"/jobs/J/execution-result",
	"/jobs/J/accumulators",
	"/jobs/J/checkpoints",
	"/jobs/J/checkpoints/config",
	"/jobs/J/resource-requirements",
	"/jobs/J/snapshot",
	"/jobs/J/output",
	"/jobs/J/output?from=4",
	"/jobs/J/output?from=4&max=9",
	"/jobs/J/output?from=1000",
	"/jobs/J/output/lines",
	"/jobs/J/output/lines?search=1%3E",
	"/jobs/J/output/lines?from=-1&max=5",
	"/jobs/J/output/lines?from=4&backwards=true",
	"/jobs/J/vertices/V",
	"/jobs/J/vertices/V/subtasktimes",
	"/jobs/J/vertices/V/taskmanagers",
	"/jobs/J/vertices/V/accumulators",
	"/jobs/J/vertices/V/watermarks",
	"/jobs/J/vertices/V/backpressure",
	"/jobs/J/vertices/V/subtasks/accumulators",
	"/jobs/J/vertices/V/subtasks/1",
	"/jobs/J/vertices/V/subtasks/1/attempts/0",
	"/jobs/J/vertices/V/subtasks/1/attempts/0/accumulators",
};

static const char *filled(const char *path, const char *job, const char *vertex)
{
	struct buf url;

	buf_init(&url);
	for (; *path != '\0'; path++) {
		if (*path == 'J')
			buf_add_text(&url, job);
		else if (*path == 'V')
			buf_add_text(&url, vertex);
		else
			buf_add(&url, path, 1);
	}
	char *kept = arena_strdup(arena, url.data);

	buf_fini(&url);
	return kept;
}

static const char *answer_to(const char *url)
{
	struct reply reply = get("%s", url);
	const char *text = without_now(&reply);

	if (reply.status != 200)
		fail_msg("GET %s: %d %s", url, reply.status, text);
	reply_free(&reply);
	return text;
}

static const char *first_vertex(const char *job)
{
	struct reply reply = get("/jobs/%s", job);
	const char *vertex = arena_strdup(arena, text_at(&reply, "/vertices/0/id"));

	reply_free(&reply);
	return vertex;
}

static void an_ended_job_answers_as_before_a_restart(void **state)
{
	const char *before[ARRAY_COUNT(paths)], *job, *vertex;

	start_taskmanager("tm1", 4);
	job = end_job("word \"count\" \xe2\x82\xac");
	vertex = first_vertex(job);
	fake_taskmanager_destroy(&taskmanager);
	await_text("/overview", "/flink-version", "1.19.3");
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		before[i] = strcmp(paths[i], "/overview") != 0
				    ? answer_to(filled(paths[i], job, vertex))
				    : NULL;
	restart();
	await_text("/jobs/overview", "/jobs/0/jid", job);
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		if (before[i] != NULL)
			assert_string_equal(answer_to(filled(paths[i], job, vertex)), before[i]);
	struct reply reply = get("/overview");

	assert_int_equal(int_at(&reply, "/jobs-cancelled"), 1);
	reply_free(&reply);
	reply = get("/snapshot");
	assert_string_equal(text_at(&reply, url_of("/jobs/%s/state", job)), "CANCELED");
	reply_free(&reply);
}

static void series_are_kept_and_cut(void **state)
{
	const char *job;
	struct reply reply;

	start_taskmanager("tm1", 4);
	job = end_job("series");
	restart();
	await_text("/jobs/overview", "/jobs/0/jid", job);
	reply = get("/jobs/%s/series?get=numRestarts", job);
	if (reply.status == 200) { /* it ran long enough to be looked at */
		assert_int_equal(json_object_size(at(reply.json, "/series")), 1);
		reply_free(&reply);
		reply = get("/jobs/%s/series", job);
		assert_true(json_array_size(at(reply.json, "/names")) > 1);
		reply_free(&reply);
		reply = get("/jobs/%s/series?get=numRestarts&from=1&to=2", job);
		assert_int_equal(json_array_size(at(reply.json, "/series/numRestarts")), 0);
		reply_free(&reply);
	} else {
		expect_error(&reply, 404, "the job has ended");
	}
}

static void what_would_change_it_says_that_it_has_ended(void **state)
{
	const char *job;
	struct reply reply;

	start_taskmanager("tm1", 4);
	job = end_job("ended");
	restart();
	await_text("/jobs/overview", "/jobs/0/jid", job);
	reply = ask("PATCH", url_of("/jobs/%s", job)); /* it is cancelled, as it is to be */
	assert_int_equal(reply.status, 202);
	reply_free(&reply);
	reply = ask("POST", url_of("/jobs/%s/savepoints", job));
	expect_error(&reply, 409, "'ended'");
	reply = ask("POST", url_of("/jobs/%s/stop", job));
	expect_error(&reply, 409, "CANCELED already");
	reply = ask("PATCH", url_of("/jobs/%s/clientHeartbeat", job));
	expect_error(&reply, 400, "JobClientHeartbeatRequestBody");
	reply = get("/jobs/%s/vertices/%s", job, job);
	expect_error(&reply, 404, "it was not kept when the job ended");
	reply = get("/jobs/%s/vertices/%s/flamegraph", job, job);
	expect_error(&reply, 404, "it was not kept when the job ended");
	reply = get("/jobs/%s/metrics?get=numRestarts", job);
	expect_body(&reply, 200, "[]");
	reply = get("/jobs/%s/output?from=x", job);
	expect_error(&reply, 400, "query parameter (from)");
	reply = get("/jobs/%s/vertices/..%%2F..%%2Fsecret", job);
	expect_error(&reply, 404, "it was not kept when the job ended");
	reply = get("/jobs/00000000000000000000000000000001/plan");
	expect_error(&reply, 404, "not found");
}

/* ---- files that are none -------------------------------------------------------------------- */

static void damage(const char *name, size_t offset, char byte)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", archive_directory, name);
	FILE *file = fopen(path, "r+b");

	assert_non_null(file);
	assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
	assert_int_equal(fputc(byte, file), byte);
	fclose(file);
}

static void cut_off(const char *name, size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", archive_directory, name);
	assert_int_equal(truncate(path, (off_t)size), 0);
}

static void what_is_no_whole_archive_is_left_out(void **state)
{
	static const char flinks[] =
		"{\"archive\":[{\"path\":\"/jobs/0123456789abcdef0123456789abcdef\",\"json\":\"{}\"},"
		"{\"path\":\"/jobs/overview\",\"json\":\"{\\\"jobs\\\":[{\\\"jid\\\":"
		"\\\"0123456789abcdef0123456789abcdef\\\",\\\"name\\\":\\\"Flink's \\\\u20ac\\\","
		"\\\"state\\\":\\\"FINISHED\\\",\\\"start-time\\\":1,\\\"end-time\\\":3,"
		"\\\"duration\\\":2,\\\"tasks\\\":{\\\"total\\\":1,\\\"finished\\\":1}}]}\"}]}";
	const char *flipped, *torn, *good;
	struct reply reply;

	start_taskmanager("tm1", 4);
	flipped = end_job("flipped");
	torn = end_job("torn");
	good = end_job("good");
	jobmanager_destroy(&jobmanager);
	damage(flipped, 1000, '#');
	cut_off(torn, 2000);
	write_file(archive_directory, "readme.txt", "hello", 5);
	write_file(archive_directory, "00000000000000000000000000000001", "", 0);
	write_file(archive_directory, "00000000000000000000000000000002.tmp", "{\"arch", 7);
	write_file(archive_directory, "0123456789abcdef0123456789abcdef", flinks, strlen(flinks));
	restart();
	await_text(url_of("/jobs/%s/status", good), "/status", "CANCELED");
	await_text("/jobs/0123456789abcdef0123456789abcdef/status", "/status", "FINISHED");
	await_file("00000000000000000000000000000002.tmp", false);
	reply = get("/jobs/0123456789abcdef0123456789abcdef");
	expect_body(&reply, 200, "{}");
	reply = get("/jobs/overview");
	assert_int_equal(json_array_size(at(reply.json, "/jobs")), 2);
	reply_free(&reply);
	reply = get("/jobs/%s", torn);
	expect_error(&reply, 404, "not found");
	reply = get("/jobs/%s", flipped);
	expect_error(&reply, 404, "not found");
	assert_true(file_is_there(torn)); /* somebody may want to look at it */
	/* One that goes bad while it is known. */
	cut_off(good, 2000);
	reply = get("/jobs/%s/plan", good);
	expect_error(&reply, 500, "Internal server error");
}

/* Nothing is reckoned from them: under the sanitizers a sum too large ends the test. */
static void numbers_that_cannot_be_are_none(void **state)
{
#define ABSURD "00000000000000000000000000000003"
	static const char text[] =
		"{\"archive\":[{\"path\":\"/jobs/overview\",\"json\":\""
		"{\\\"jobs\\\":[{\\\"jid\\\":\\\""
		ABSURD
		"\\\",\\\"name\\\":\\\"absurd\\\",\\\"state\\\":\\\"FINISHED\\\","
		"\\\"start-time\\\":-9223372036854775808,"
		"\\\"end-time\\\":9223372036854775807}]}"
		"\"},"
		"{\"path\":\"/jobs/"
		ABSURD
		"/output\",\"json\":\""
		"{\\\"output\\\":\\\"one\\\\n\\\",\\\"offset\\\":-5,"
		"\\\"start-time\\\":-9223372036854775808}"
		"\"},"
		"{\"path\":\"/jobs/"
		ABSURD
		"/series\",\"json\":\""
		"{\\\"from\\\":9223372036854775807,"
		"\\\"step\\\":-9223372036854775808,"
		"\\\"series\\\":{\\\"a\\\":[1,2,3]}}"
		"\"}]}";
	struct reply reply;

	jobmanager_destroy(&jobmanager);
	write_file(archive_directory, ABSURD, text, strlen(text));
	restart();
	await_text("/jobs/" ABSURD "/status", "/status", "FINISHED");
	reply = get("/jobs/overview");
	assert_int_equal(json_integer_value(at(reply.json, "/jobs/0/start-time")), -1);
	assert_int_equal(json_integer_value(at(reply.json, "/jobs/0/end-time")), -1);
	reply_free(&reply);
	reply = get("/jobs/" ABSURD "/output");
	assert_int_equal(json_integer_value(at(reply.json, "/offset")), 0);
	assert_string_equal(json_string_value(at(reply.json, "/output")), "one\n");
	reply_free(&reply);
	reply = get("/jobs/" ABSURD "/output/lines?from=-1");
	assert_int_equal(json_integer_value(at(reply.json, "/next")), 4);
	reply_free(&reply);
	reply = get("/jobs/" ABSURD "/series?get=a&from=1&to=10");
	assert_int_equal(json_integer_value(at(reply.json, "/from")), 1);
	assert_int_equal(json_array_size(at(reply.json, "/series/a")), 2);
	reply_free(&reply);
}

/* ---- wide jobs ------------------------------------------------------------------------------ */

/* Two times 4000 subtasks that never got a slot. */
static void of_a_wide_vertex_the_jobs_answers_are_kept(void **state)
{
	const char *job = submit("wide", 4000, 4000), *vertex = first_vertex(job);
	struct reply reply = ask("PATCH", url_of("/jobs/%s", job));

	assert_int_equal(reply.status, 202);
	reply_free(&reply);
	await_file(job, true);
	restart();
	await_text("/jobs/overview", "/jobs/0/jid", job);
	reply = get("/jobs/%s", job);
	assert_int_equal(int_at(&reply, "/vertices/0/tasks/CANCELED"), 4000);
	reply_free(&reply);
	reply = get("/jobs/%s/snapshot", job);
	assert_int_equal(reply.status, 200);
	assert_int_equal(json_object_size(at(reply.json, url_of("/vertices/%s/subtasks", vertex))),
			 4000);
	reply_free(&reply);
	reply = get("/jobs/%s/vertices/%s/subtasktimes", job, vertex);
	expect_error(&reply, 404, "the job has ended, and the vertex had 4000 subtasks");
}

/* ---- bounds --------------------------------------------------------------------------------- */

static int start_small(void **state)
{
	static const char *const settings[] = { "jobstore.max-capacity=2",
						"jobmanager.archive.max-size=100mb", NULL };

	start_with(settings);
	return 0;
}

static void the_oldest_archives_go(void **state)
{
	const char *jobs[3];
	struct reply reply;

	start_taskmanager("tm1", 4);
	for (size_t i = 0; i < 3; i++)
		jobs[i] = end_job("one of three");
	await_file(jobs[0], false);
	assert_true(file_is_there(jobs[1]) && file_is_there(jobs[2]));
	restart();
	await_text("/jobs/overview", "/jobs/1/jid", jobs[2]);
	reply = get("/jobs/%s", jobs[0]);
	expect_error(&reply, 404, "not found");
}

static int start_forgetful(void **state)
{
	static const char *const settings[] = { "jobstore.cache-size=0", NULL };

	start_with(settings);
	return 0;
}

/* What memory has no room for is answered from its archive, with no restart. */
static void a_job_that_memory_forgets_is_answered_from_its_archive(void **state)
{
	const char *job;
	struct reply reply;

	start_taskmanager("tm1", 4);
	job = end_job("soon forgotten");
	await_text(url_of("/jobs/%s/vertices/%s/flamegraph", job, job), "/errors/0",
		   url_of("org.apache.flink.runtime.rest.NotFoundException: "
			  "/jobs/%s/vertices/%s/flamegraph: the job has ended, and it was not kept "
			  "when the job ended.",
			  job, job));
	reply = get("/jobs/%s", job);
	assert_string_equal(text_at(&reply, "/name"), "soon forgotten");
	reply_free(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(an_ended_job_answers_as_before_a_restart),
		WITH_SERVER(series_are_kept_and_cut),
		WITH_SERVER(what_would_change_it_says_that_it_has_ended),
		WITH_SERVER(what_is_no_whole_archive_is_left_out),
		WITH_SERVER(numbers_that_cannot_be_are_none),
		WITH_SERVER(of_a_wide_vertex_the_jobs_answers_are_kept),
		cmocka_unit_test_setup_teardown(the_oldest_archives_go, start_small, stop),
		cmocka_unit_test_setup_teardown(
			a_job_that_memory_forgets_is_answered_from_its_archive, start_forgetful,
			stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
