/* SPDX-License-Identifier: Apache-2.0
 * rest_run_test.c - programs that run for a request, where bin/flink is a script of the test that
 * says whatever it likes to the JobManager: good jobs, half ones, nonsense, nothing. The real one
 * is tried in tests/e2e/jars.sh. */
#include "jobmanager/rest/rest_test_bed.h"

#include <signal.h>
#include <sys/stat.h>

#include "common/wire/hand_over.h"
#include "common/wire/little.h"

#define TYPE "Content-Type: multipart/form-data; boundary=xYz\r\n"
#define JSON "Content-Type: application/json\r\n"

static const char *jar;

/* What bin/flink does: lines of a shell; descriptor 3 is the socket, $home the home. */
static void set_flink(const char *lines)
{
	char *text = url_of("#!/bin/bash\nhome=%s\n[[ $1 == hand-over ]] || exit 9\n"
			    "size=$(head -c 16 <&3 | od -An -tu4 -j8 -N4)\n"
			    "head -c $size <&3 >$home/order\n%s\n",
			    directory, lines);
	char *folder = url_of("%s/bin", directory);

	mkdir(folder, 0700);
	write_file(folder, "flink", text, strlen(text));
	assert_int_equal(chmod(url_of("%s/flink", folder), 0700), 0);
}

static const char *upload_as(const char *name, const char *content)
{
	char *body = url_of("--xYz\r\nContent-Disposition: form-data; name=a; filename=\"%s\"\r\n\r\n"
			    "%s\r\n--xYz--\r\n",
			    name, content);
	struct reply reply = ask_with("POST", "/jars/upload", TYPE, body, strlen(body));
	const char *id;

	assert_int_equal(reply.status, 200);
	id = arena_strdup(arena, strrchr(text_at(&reply, "/filename"), '/') + 1);
	reply_free(&reply);
	return id;
}

static void start_server(const char *const *settings)
{
	start_with(settings);
	jar = upload_as("job.c", "int x;\n");
}

static int start_quick(void **state)
{
	start_server(NULL);
	return 0;
}

static struct reply run_it(const char *body)
{
	return ask_with("POST", url_of("/jars/%s/run", jar), JSON, body, strlen(body));
}

/* Writes a message that hands over this graph, with `more` bytes of an artifact announced. */
static void write_job(const char *name, const Flink__JobGraph *graph, uint32_t more)
{
	Flink__SubmitJobRequest message = FLINK__SUBMIT_JOB_REQUEST__INIT;
	struct hand_over_header header = { .kind = HAND_OVER_JOB, .more = more };
	struct buf bytes;

	message.graph = (Flink__JobGraph *)(uintptr_t)graph;
	header.size_bytes = (uint32_t)flink__submit_job_request__get_packed_size(&message);
	buf_init(&bytes);
	hand_over_put(&bytes, &header);
	flink__submit_job_request__pack(&message,
					(uint8_t *)buf_reserve(&bytes, header.size_bytes));
	bytes.size_bytes += header.size_bytes;
	write_file(directory, name, bytes.data, bytes.size_bytes);
	buf_fini(&bytes);
}

/* The number in an outcome that the script has kept. */
static uint32_t outcome_in(const char *name)
{
	FILE *file = fopen(url_of("%s/%s", directory, name), "rb");
	struct hand_over_header header;
	char bytes[HAND_OVER_HEADER_BYTES];

	assert_non_null(file);
	assert_int_equal(fread(bytes, 1, sizeof(bytes), file), sizeof(bytes));
	fclose(file);
	assert_true(hand_over_get(bytes, HAND_OVER_OUTCOME, &header));
	return header.more;
}

static void await_file(const char *name)
{
	struct timespec moment = { .tv_nsec = 2000000 };
	mono_t until = mono_after_ms(world_now(world), DEADLINE_S * 1000);
	struct stat seen;

	while (stat(url_of("%s/%s", directory, name), &seen) != 0) {
		if (world_now(world) > until)
			fail_msg("%s does not come", name);
		nanosleep(&moment, NULL);
	}
}

#define DO_JOB "cat $home/job >&3; head -c 16 <&3 >$home/outcome.new; " \
	"[[ ! -s $home/outcome.new ]] || mv $home/outcome.new $home/outcome"

static void a_job_is_run_or_planned(void **state)
{
	Flink__JobGraph *graph = make_graph("Handed", 1, 2);
	struct reply reply;

	write_job("job", graph, 0);
	set_flink(DO_JOB);
	reply = ask_with("POST", url_of("/jars/%s/plan", jar), JSON,
			 "{\"jobId\":\"ffffffffffffffffffffffffffffffff\"}", 44);
	assert_int_equal(reply.status, 200);
	assert_string_equal(text_at(&reply, "/plan/name"), "Handed");
	assert_string_equal(text_at(&reply, "/plan/jid"), "ffffffffffffffffffffffffffffffff");
	assert_int_equal(json_array_size(at(reply.json, "/plan/nodes")), 2);
	reply_free(&reply);
	reply = get("/jobs");
	expect_body(&reply, 200, "{\"jobs\":[]}");
	reply = run_it("{\"jobId\":\"0123456789abcdef0123456789abcdef\"}");
	expect_body(&reply, 200, "{\"jobid\":\"0123456789abcdef0123456789abcdef\"}");
	await_file("outcome");
	assert_int_equal(outcome_in("outcome"), ERR_NONE);
	reply = get("/jobs/0123456789abcdef0123456789abcdef");
	assert_string_equal(text_at(&reply, "/name"), "Handed");
	reply_free(&reply);
	reply = run_it("{\"jobId\":\"0123456789abcdef0123456789abcdef\"}");
	expect_error(&reply, 400, "already been submitted");
	reply = run_it("");
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
}

static void a_run_with_a_key_is_asked_for_once(void **state)
{
	static const char key[] = JSON "Idempotency-Key: once\r\n";
	char *url = url_of("/jars/%s/run", jar);
	const char *id;
	struct reply reply;

	write_job("job", make_graph("Once", 1, 1), 0);
	set_flink(DO_JOB);
	reply = ask_with("POST", url, key, "{}", 2);
	assert_int_equal(reply.status, 200);
	id = arena_strdup(arena, text_at(&reply, "/jobid"));
	reply_free(&reply);
	set_flink("exit 1"); /* it is not called again */
	reply = ask_with("POST", url, key, "{}", 2);
	assert_int_equal(reply.status, 200);
	assert_string_equal(text_at(&reply, "/jobid"), id);
	reply_free(&reply);
	reply = ask_with("POST", url, key, "{\"parallelism\":2}", 17);
	assert_int_equal(reply.status, 422);
	reply_free(&reply);
}

static void one_program_hands_over_one_job(void **state)
{
	struct reply reply;

	write_job("job", make_graph("One", 1, 1), 0);
	write_job("more", make_graph("Two", 1, 1), 0);
	set_flink("cat $home/job >&3; head -c 16 <&3 >$home/outcome; cat $home/more >&3; "
		  "head -c 16 <&3 >$home/second.new; mv $home/second.new $home/second");
	reply = run_it("");
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	await_file("second");
	assert_int_equal(outcome_in("outcome"), ERR_NONE);
	assert_int_equal(outcome_in("second"), ERR_USAGE);
	reply = get("/jobs");
	assert_int_equal(json_array_size(at(reply.json, "/jobs")), 1);
	reply_free(&reply);
}

static void an_artifact_comes_in_pieces_and_is_checked(void **state)
{
	Flink__JobGraph *graph = make_graph("With artifact", 1, 1);
	Flink__Artifact artifact = FLINK__ARTIFACT__INIT, *artifacts[] = { &artifact };
	size_t size = 3000000;
	char *content = arena_alloc(arena, size);
	uint8_t sha[32];
	struct reply reply;

	memset(content, 'a', size);
	hash_sha256(content, size, sha);
	artifact.name = arena_strdup(arena, "job.so");
	artifact.size_bytes = size;
	artifact.sha256.data = sha;
	artifact.sha256.len = 32;
	graph->artifacts = artifacts;
	graph->n_artifacts = 1;
	write_job("job", graph, (uint32_t)size);
	write_file(directory, "artifact", content, size);
	set_flink("cat $home/job $home/artifact >&3; head -c 16 <&3 >$home/outcome");
	reply = run_it("");
	if (reply.status != 200)
		fail_msg("%d %s", reply.status, reply.body.data);
	reply_free(&reply);
	set_flink("cat $home/job >&3; tr a b <$home/artifact >&3; head -c 16 <&3 >$home/outcome");
	/* The right one is known by now; another that claims its name is refused. */
	sha[0] ^= 1;
	write_job("job", graph, (uint32_t)size);
	reply = run_it("");
	expect_error(&reply, 400, "does not have the SHA-256 that was announced");
	graph->n_artifacts = 0;
	write_job("job", graph, 10);
	reply = run_it("");
	assert_true(reply.status >= 400);
	reply_free(&reply);
}

static void nonsense_is_no_job(void **state)
{
	static const char *const scripts[] = {
		"head -c 100000 /dev/zero >&3; head -c 16 <&3 >/dev/null",
		"printf 'cho1\\2\\0\\0\\0\\377\\377\\377\\377\\0\\0\\0\\0' >&3; head -c 16 <&3 >/dev/null",
		"printf 'cho1\\1\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0x' >&3; head -c 16 <&3 >/dev/null",
		"printf 'cho1\\2\\0\\0\\0\\4\\0\\0\\0\\0\\0\\0\\0xxxx' >&3; head -c 16 <&3 >/dev/null",
		"printf 'cho1\\2\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' >&3; head -c 16 <&3 >/dev/null",
		"printf 'cho1\\2\\0\\0\\0\\0\\0\\0\\0\\377\\377\\377\\377' >&3; head -c 16 <&3 >/dev/null",
	};
	struct reply reply;

	for (size_t i = 0; i < ARRAY_COUNT(scripts); i++) {
		set_flink(scripts[i]);
		reply = run_it("");
		if (reply.status < 400 || strstr(reply.body.data, "is no job") == NULL)
			fail_msg("%zu: %d %s", i, reply.status, reply.body.data);
		reply_free(&reply);
	}
	/* Half of one, and gone. */
	write_job("job", make_graph("Half", 1, 1), 0);
	set_flink("head -c 40 $home/job >&3; exit 4");
	reply = run_it("");
	expect_error(&reply, 400, "exit code 4");
	reply = get("/jobs");
	expect_body(&reply, 200, "{\"jobs\":[]}");
}

static void how_it_ends_is_told(void **state)
{
	struct reply reply;

	set_flink("exit 0");
	reply = run_it("");
	expect_error(&reply, 400, "The program didn't contain a Flink job.");
	set_flink("echo 'first line'; echo 'second line' >&2; exit 3");
	reply = run_it("");
	expect_error(&reply, 400, "(exit code 3):\nfirst line\nsecond line");
	set_flink("echo cannot; exit 70");
	reply = run_it("");
	assert_int_equal(reply.status, 500);
	assert_non_null(strstr(reply.body.data, "could not be run:\\ncannot"));
	reply_free(&reply);
	set_flink("kill -9 $$");
	reply = run_it("");
	assert_int_equal(reply.status, 500);
	reply_free(&reply);
	/* Much, with bytes that are no text: the end is kept, and is text. */
	set_flink("head -c 300000 /dev/zero | tr '\\0' x; printf '\\377\\0\\033[31m the end'; exit 1");
	reply = run_it("");
	assert_int_equal(reply.status, 400);
	assert_true(reply.body.size_bytes < 100000);
	assert_non_null(strstr(reply.body.data, "the end"));
	assert_non_null(strstr(reply.body.data, "[\xe2\x80\xa6]"));
	reply_free(&reply);
	assert_int_equal(unlink(url_of("%s/bin/flink", directory)), 0);
	reply = run_it("");
	assert_int_equal(reply.status, 500);
	assert_non_null(strstr(reply.body.data, "cannot start"));
	reply_free(&reply);
}

/* The order: the folder, the file, its name, the command line. */
static void the_command_line_is_what_a_user_would_type(void **state)
{
	static const char *const wanted[] = { "job.c", "run", "-d",	 "-p", "3", "-D",
					      "a=b c", "--",  "\x01", "one", "two words" };
	struct reply reply;
	char text[4096];
	FILE *file;

	set_flink("exit 1");
	reply = run_it("{\"entryClass\":\"flink_main\",\"parallelism\":3,\"programArgs\":\"one 'two words'\","
		       "\"flinkConfiguration\":{\"a\":\"b c\"}}");
	assert_int_equal(reply.status, 400);
	reply_free(&reply);
	file = fopen(url_of("%s/order", directory), "rb");
	assert_non_null(file);
	size_t size = fread(text, 1, sizeof(text), file);

	fclose(file);
	const char *at = text;

	assert_non_null(strstr(at, "/flink-submit-"));
	at += strlen(at) + 1;
	assert_string_equal(at, url_of("%s/upload/%s", directory, jar));
	at += strlen(at) + 1;
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++, at += strlen(at) + 1)
		assert_string_equal(at, wanted[i]);
	assert_ptr_equal(at, text + size);
}

static int start_narrow(void **state)
{
	static const char *const settings[] = { "web.submit.processes=1", "web.timeout=400 ms",
						NULL };

	start_server(settings);
	return 0;
}

/* The script's processes end with it: its group is killed when it does not leave by itself. */
static void time_is_limited_and_others_wait(void **state)
{
	struct reply reply;

	set_flink("echo waiting; echo $$ >$home/pid; sleep 1000");
	int first = dial(port);
	char *request = url_of("POST /jars/%s/run HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", jar, port);

	send_all(first, request, strlen(request));
	await_file("pid");
	reply = run_it(""); /* waits for its turn, in vain: the first is not gone yet */
	expect_error(&reply, 503, "turn did not come in time");
	read_reply(first, false, &reply);
	close(first);
	assert_int_equal(reply.status, 500);
	assert_non_null(strstr(reply.body.data, "within 400 ms (web.timeout)"));
	assert_non_null(strstr(reply.body.data, "waiting"));
	reply_free(&reply);
}

static void a_jobmanager_ends_with_programs_under_way(void **state)
{
	char *request = url_of("GET /jars/%s/plan HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", jar, port);
	struct timespec moment = { .tv_nsec = 2000000 };
	int fd = dial(port);
	FILE *file;
	long pid = 0;

	set_flink("echo $$ >$home/pid.new; mv $home/pid.new $home/pid; sleep 1000");
	send_all(fd, request, strlen(request));
	await_file("pid");
	file = fopen(url_of("%s/pid", directory), "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &pid), 1);
	fclose(file);
	jobmanager_destroy(&jobmanager);
	while (kill((pid_t)pid, 0) == 0) /* it was killed, and reaped */
		nanosleep(&moment, NULL);
	close(fd);
}

static void bad_parameters_start_nothing(void **state)
{
	static const char *const bodies[] = {
		"{\"foo\":1}",		      "[]",
		"{\"parallelism\":0}",	      "{\"parallelism\":\"x\"}",
		"{\"parallelism\":32769}",    "{\"jobId\":\"1\"}",
		"{\"programArgs\":1}",	      "{\"programArgs\":\"a\",\"programArgsList\":[\"b\"]}",
		"{\"restoreMode\":\"no\"}",   "{\"allowNonRestoredState\":\"maybe\"}",
		"{\"entryClass\":\"Other\"}", "{\"flinkConfiguration\":{\"a\":[]}}",
	};
	struct reply reply;
	struct stat seen;

	set_flink("touch $home/started");
	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		reply = run_it(bodies[i]);
		if (reply.status != 400)
			fail_msg("%s: %d %s", bodies[i], reply.status, reply.body.data);
		reply_free(&reply);
	}
	reply = run_it("{\"savepointPath\":\"/tmp/x\"}");
	assert_int_equal(reply.status, 501);
	reply_free(&reply);
	reply = get("/jars/nothing/plan");
	expect_error(&reply, 400, "does not exist");
	reply = get("/jars/%s/plan?program-args=a&programArg=b", jar);
	expect_error(&reply, 400, "Confusing request");
	assert_int_not_equal(stat(url_of("%s/started", directory), &seen), 0);
}

#define QUICK(test) cmocka_unit_test_setup_teardown(test, start_quick, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUICK(a_job_is_run_or_planned),
		QUICK(a_run_with_a_key_is_asked_for_once),
		QUICK(one_program_hands_over_one_job),
		QUICK(an_artifact_comes_in_pieces_and_is_checked),
		QUICK(nonsense_is_no_job),
		QUICK(how_it_ends_is_told),
		QUICK(the_command_line_is_what_a_user_would_type),
		QUICK(bad_parameters_start_nothing),
		QUICK(a_jobmanager_ends_with_programs_under_way),
		cmocka_unit_test_setup_teardown(time_is_limited_and_others_wait, start_narrow,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
