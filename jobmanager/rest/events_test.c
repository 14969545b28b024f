/* SPDX-License-Identifier: Apache-2.0
 * events_test.c - who follows a picture over a real socket sees what a snapshot shows, and all who
 * follow it are told the same. */
#include "jobmanager/rest/rest_test_bed.h"

#include "jobmanager/rest/picture_test_bed.h"

struct ear { /* listens to /events */
	int fd;
	struct buf in;     /* not looked at yet */
	char kind[16];     /* of the last event */
	json_t *event;     /* its data */
	json_t *picture;   /* as it was told: whole, and patches since */
	json_int_t version;
};

/* One chunk's worth of bytes may hold parts of events: chunks are taken apart first. */
static void read_chunk(struct ear *ear)
{
	char line[16] = "", byte;
	size_t size, length = 0;

	while (length < sizeof(line) - 1 && (length < 2 || line[length - 1] != '\n')) {
		if (recv(ear->fd, &byte, 1, 0) != 1)
			fail_msg("the stream has ended or is silent: %s", strerror(errno));
		line[length++] = byte;
	}
	size = strtoul(line, NULL, 16) + 2; /* and its line's end */
	while (size > 0) {
		ssize_t got = recv(ear->fd, buf_reserve(&ear->in, size), size, 0);

		assert_true(got > 0);
		ear->in.size_bytes += (size_t)got;
		size -= (size_t)got;
	}
	ear->in.size_bytes -= 2;
	buf_reserve(&ear->in, 1);
	ear->in.data[ear->in.size_bytes] = '\0';
}

static struct ear listen_to(const char *query)
{
	struct ear ear = { .fd = dial(port) };
	struct buf text;
	char byte;

	buf_init(&ear.in);
	buf_init(&text);
	buf_printf(&text, "GET /events?%s HTTP/1.1\r\nHost: localhost\r\n\r\n", query);
	send_all(ear.fd, text.data, text.size_bytes);
	buf_clear(&text);
	do {
		assert_int_equal(recv(ear.fd, &byte, 1, 0), 1);
		buf_add(&text, &byte, 1);
	} while (strstr(text.data, "\r\n\r\n") == NULL);
	if (strncmp(text.data, "HTTP/1.1 200 ", 13) != 0 ||
	    strstr(text.data, "Content-Type: text/event-stream\r\n") == NULL)
		fail_msg("%s", text.data);
	buf_fini(&text);
	return ear;
}

static void stop_listening(struct ear *ear)
{
	close(ear->fd);
	buf_fini(&ear->in);
	json_decref(ear->event);
	json_decref(ear->picture);
}

static void take_in(struct ear *ear)
{
	json_t *patch = json_object_get(ear->event, "patch");
	json_t *version = json_object_get(ear->event, "version");

	if (strcmp(ear->kind, "picture") == 0) {
		json_decref(ear->picture);
		ear->picture = json_deep_copy(json_object_get(ear->event, "picture"));
		ear->version = json_integer_value(version);
	} else if (strcmp(ear->kind, "patch") == 0) {
		assert_int_equal(json_integer_value(version), ++ear->version);
		assert_true(json_object_size(patch) > 0);
		merge_patch(ear->picture, patch);
	}
}

/* The next event; comments are passed over. */
static void hear(struct ear *ear)
{
	const char *end, *data;

	ear->kind[0] = '\0';
	while (ear->kind[0] == '\0') {
		while (ear->in.data == NULL || (end = strstr(ear->in.data, "\n\n")) == NULL)
			read_chunk(ear);
		if (sscanf(ear->in.data, "event: %15s", ear->kind) == 1) {
			data = strstr(ear->in.data, "\ndata: ") + 7;
			json_decref(ear->event);
			ear->event = json_loadb(data, (size_t)(end - data), JSON_REJECT_DUPLICATES,
						NULL);
			if (ear->event == NULL)
				fail_msg("%.*s", (int)(end - data), data);
		}
		buf_consume(&ear->in, (size_t)(end + 2 - ear->in.data));
	}
	take_in(ear);
}

/* Until what it was told is what the snapshot shows. */
static void hear_until_it_is(struct ear *ear, const char *snapshot)
{
	mono_t until = mono_after_ms(world_now(world), DEADLINE_S * 1000);

	for (;;) {
		struct reply reply = get("%s", snapshot);
		bool equal;

		json_object_del(reply.json, "now");
		equal = json_equal(reply.json, ear->picture);
		reply_free(&reply);
		if (equal)
			return;
		if (world_now(world) > until)
			fail_msg("%s is not what was told", snapshot);
		hear(ear);
	}
}

static const char *run_job(void)
{
	const char *job;

	start_taskmanager("tm:1/+x", 4);
	job = submit("wc", 2, 2);
	await_text(url_of("/jobs/%s", job), "/vertices/1/status", "RUNNING");
	await_text(url_of("/jobs/%s", job), "/vertices/0/status", "RUNNING");
	return job;
}

static const char *sum_of(const char *job)
{
	struct reply reply = get("/jobs/%s", job);
	const char *id = arena_strdup(arena, text_at(&reply, "/vertices/1/id"));

	reply_free(&reply);
	return id;
}

static void count_some(void *context)
{
	taskmanager->records += 1500;
	taskmanager->mute = true; /* what was told last stays */
	fake_heartbeat(taskmanager);
}

static void a_picture_is_followed_by_what_changes_in_it(void **state)
{
	const char *job = run_job();
	struct ear ear = listen_to(url_of("jobs=%s", job));
	char *snapshot = url_of("/jobs/%s/snapshot", job);

	hear(&ear);
	assert_string_equal(ear.kind, "picture");
	assert_string_equal(json_string_value(json_object_get(ear.event, "jid")), job);
	assert_true(json_is_integer(json_object_get(ear.event, "now")));
	hear_until_it_is(&ear, snapshot);
	on_taskmanager(count_some, NULL);
	hear(&ear);
	assert_string_equal(ear.kind, "patch");
	hear_until_it_is(&ear, snapshot);
	struct reply reply = ask("PATCH", url_of("/jobs/%s?mode=cancel", job));

	assert_int_equal(reply.status, 202);
	reply_free(&reply);
	await_text(url_of("/jobs/%s/status", job), "/status", "CANCELED");
	hear_until_it_is(&ear, snapshot);
	assert_string_equal(json_string_value(at(ear.picture, "/job/state")), "CANCELED");
	stop_listening(&ear);
}

static void all_who_follow_are_told_the_same(void **state)
{
	const char *job = run_job();
	struct ear early = listen_to(url_of("jobs=%s", job)), late;
	char *snapshot = url_of("/jobs/%s/snapshot", job);

	hear(&early);
	on_taskmanager(count_some, NULL);
	await_text(url_of("/jobs/%s/vertices/%s/metrics?get=0.numRecordsIn", job, sum_of(job)),
		   "/0/value", "1500");
	late = listen_to(url_of("jobs=%s", job));
	hear(&late);
	assert_string_equal(late.kind, "picture");
	hear_until_it_is(&early, snapshot);
	hear_until_it_is(&late, snapshot);
	assert_int_equal(early.version, late.version);
	on_taskmanager(count_some, NULL);
	hear(&early);
	hear(&late);
	assert_true(json_equal(early.event, late.event));
	stop_listening(&early); /* the other still hears */
	on_taskmanager(count_some, NULL);
	hear(&late);
	hear_until_it_is(&late, snapshot);
	stop_listening(&late);
}

static void one_stream_carries_several_pictures(void **state)
{
	const char *job = run_job();
	struct ear ear = listen_to(
		url_of("cluster=true&jobs=%s,%s,00000000000000000000000000000001", job, job));

	hear(&ear);
	assert_string_equal(ear.kind, "picture");
	assert_null(json_object_get(ear.event, "jid"));
	assert_int_equal(json_object_size(at(ear.event, "/picture/taskmanagers")), 1);
	hear(&ear);
	assert_string_equal(ear.kind, "picture"); /* of the job named twice: once */
	assert_string_equal(json_string_value(json_object_get(ear.event, "jid")), job);
	hear(&ear);
	assert_string_equal(ear.kind, "gone");
	assert_string_equal(json_string_value(json_object_get(ear.event, "jid")),
			    "00000000000000000000000000000001");
	stop_listening(&ear);
}

static int start_forgetful(void **state)
{
	static const char *const settings[] = { "jobstore.max-capacity=0", NULL };

	start_with(settings);
	return 0;
}

static void a_job_that_is_forgotten_is_gone(void **state)
{
	const char *job = submit("wc", 2, 2);
	struct ear ear = listen_to(url_of("jobs=%s", job));
	struct reply reply;

	hear(&ear);
	assert_string_equal(ear.kind, "picture");
	reply = ask("PATCH", url_of("/jobs/%s?mode=cancel", job));
	assert_int_equal(reply.status, 202);
	reply_free(&reply);
	do
		hear(&ear);
	while (strcmp(ear.kind, "patch") == 0);
	assert_string_equal(ear.kind, "gone");
	stop_listening(&ear);
}

static void what_cannot_be_followed_is_refused(void **state)
{
	struct reply reply = get("/events");

	expect_error(&reply, 400, "Nothing is asked for");
	reply = get("/events?cluster=false");
	expect_error(&reply, 400, "Nothing is asked for");
	reply = get("/events?cluster=yes");
	expect_error(&reply, 400, "Cannot resolve query parameter (cluster) from value \"yes\"");
	reply = get("/events?jobs=x");
	expect_error(&reply, 400, "Cannot resolve query parameter (jobs) from value \"x\"");
	reply = get("/events?jobs=000000000000000000000000000000012");
	expect_error(&reply, 400, "Cannot resolve query parameter (jobs)");
	struct buf many;

	buf_init(&many);
	for (int i = 1; i <= 33; i++)
		buf_printf(&many, "%s%032x", i > 1 ? "," : "/events?jobs=", i);
	reply = get("%s", many.data);
	expect_error(&reply, 400, "Cannot resolve query parameter (jobs)");
	buf_fini(&many);
}

static void a_snapshot_that_did_not_change_is_not_sent_again(void **state)
{
	struct reply reply = get("/snapshot"), again;
	const char *line = strstr(reply.head.data, "\r\nETag: ");
	char *header;

	assert_non_null(line);
	header = url_of("If-None-Match: %.18s\r\n", line + 8);
	again = ask_with("GET", "/snapshot", header, NULL, 0);
	assert_int_equal(again.status, 304);
	assert_int_equal(again.body.size_bytes, 0);
	reply_free(&again);
	submit("wc", 2, 2);
	again = ask_with("GET", "/snapshot", header, NULL, 0);
	assert_int_equal(again.status, 200);
	assert_int_equal(json_object_size(at(again.json, "/jobs")), 1);
	reply_free(&again);
	reply_free(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_picture_is_followed_by_what_changes_in_it),
		WITH_SERVER(all_who_follow_are_told_the_same),
		WITH_SERVER(one_stream_carries_several_pictures),
		cmocka_unit_test_setup_teardown(a_job_that_is_forgotten_is_gone, start_forgetful,
						stop),
		WITH_SERVER(what_cannot_be_followed_is_refused),
		WITH_SERVER(a_snapshot_that_did_not_change_is_not_sent_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
