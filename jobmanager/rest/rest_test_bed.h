/* SPDX-License-Identifier: Apache-2.0
 * rest_test_bed.h - what the REST tests share: a JobManager of the real world with its REST port, a
 * scripted TaskManager, small jobs, and a client that sends bytes as they are. Included by one
 * *_test.c each. */
#ifndef JOBMANAGER_REST_REST_TEST_BED_H
#define JOBMANAGER_REST_REST_TEST_BED_H

#include "tests/lib/cmocka_header.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/contract/registry.h"
#include "common/graph/graph.h"
#include "jobmanager/jobmanager.h"
#include "tests/lib/fake_taskmanager.h"
#include "tests/lib/jobmanager_bed.h"

#define DEADLINE_S 20
#define LOCAL "@rest-test"

static struct world *world;
static struct conf *conf;
static struct jobmanager *jobmanager;
static struct fake_taskmanager *taskmanager;
static struct arena *arena;
static char directory[64], log_directory[80], web_directory[80], archive_directory[80];
static uint16_t port;
static void (*ask_stop)(void); /* for the next JobManager */

/* ---- a source for jobs ---------------------------------------------------------------------- */

static int nothing_open(void **self, const struct job_context *context, struct state_reader *from,
			struct err *err)
{
	*self = NULL;
	return 0;
}

static int nothing_step(void *self, mono_t now, struct split_assigner *to, mono_t *wake_at,
			struct err *err)
{
	return 1;
}

static int nothing_reader(void *self, uint32_t subtask, const struct split *owned, uint32_t count,
			  struct err *err)
{
	return 0;
}

static void nothing_close(void **self)
{
}

static const struct source_vtable nothing_source = {
	.name = "test-nothing",
	.enumerator_open = nothing_open,
	.enumerator_step = nothing_step,
	.enumerator_reader = nothing_reader,
	.enumerator_close = nothing_close,
};

/* ---- the JobManager ------------------------------------------------------------------------- */

static void write_file(const char *folder, const char *name, const char *text, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	fclose(file);
}

static void write_files(void)
{
	char command[256];

	snprintf(directory, sizeof(directory), "/tmp/rest_test.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(log_directory, sizeof(log_directory), "%s/log", directory);
	snprintf(web_directory, sizeof(web_directory), "%s/web", directory);
	snprintf(archive_directory, sizeof(archive_directory), "%s/history", directory);
	snprintf(command, sizeof(command), "mkdir %s %s %s/folder", log_directory, web_directory,
		 log_directory);
	assert_int_equal(system(command), 0);
	write_file(log_directory, "jobmanager.log", "first\nsecond\nthird\n", 19);
	write_file(log_directory, "old \xff+%.log.1", "before\n", 7);
	write_file(directory, "secret", BED_SECRET, strlen(BED_SECRET));
	write_file(web_directory, "index.html", "<!doctype html>page", 19);
	write_file(web_directory, "app.js", "let it;", 7);
}

static void set_all(const char *const *settings)
{
	struct err err = ERR_INIT;
	char secret[96];

	snprintf(secret, sizeof(secret), "%s/secret", directory);
	conf = conf_create();
	if (conf_set(conf, "rest.port", "0", "-D", &err) != 0 ||
	    conf_set(conf, "security.cluster.secret-file", secret, "-D", &err) != 0 ||
	    conf_set(conf, "jobmanager.rpc.port", "0", "-D", &err) != 0)
		fail_msg("%s", err.text);
	for (; settings != NULL && *settings != NULL; settings++)
		if (conf_set_pair(conf, *settings, "-D", &err) != 0)
			fail_msg("%s", err.text);
}

static int create_jobmanager(struct err *err)
{
	struct jobmanager_options options = {
		.world = world,
		.conf = conf,
		.log_directory = log_directory,
		.log_name = "jobmanager.log",
		.out_name = "jobmanager.out", /* is not there */
		.web_directory = web_directory,
		.archive_directory = archive_directory,
		.home_directory = directory,
		.rpc_bind_host = LOCAL,
		.ask_stop = ask_stop,
	};

	return jobmanager_create(&options, &jobmanager, err);
}

/* settings: "key=value"… ended by NULL; NULL: none. */
static void start_with(const char *const *settings)
{
	struct err err = ERR_INIT;

	log_set_level(LOG_ERROR);
	registry_add_source(&nothing_source);
	arena = arena_create("test");
	write_files();
	world = world_os_create(&err);
	assert_non_null(world);
	set_all(settings);
	if (create_jobmanager(&err) != 0)
		fail_msg("%s", err.text);
	port = jobmanager_rest_port(jobmanager);
}

static UNUSED int start(void **state)
{
	start_with(NULL);
	return 0;
}

static int stop(void **state)
{
	char command[128];

	jobmanager_destroy(&jobmanager);
	fake_taskmanager_destroy(&taskmanager);
	world_destroy(&world);
	conf_destroy(&conf);
	arena_destroy(&arena);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

/* ---- bytes over a socket -------------------------------------------------------------------- */

struct reply {
	int status; /* 0: the connection was closed without an answer */
	struct buf head, body;
	json_t *json; /* of the body, if it is JSON */
};

static int dial(uint16_t to_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(to_port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = DEADLINE_S };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail_msg("connect to %u: %s", to_port, strerror(errno));
	return fd;
}

/* Less than all of it when the other side has closed. */
static size_t send_all(int fd, const char *bytes, size_t size)
{
	size_t sent = 0;

	while (sent < size) {
		ssize_t got = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);

		if (got <= 0)
			break;
		sent += (size_t)got;
	}
	return sent;
}

static size_t content_length(const struct buf *head)
{
	const char *line = strstr(head->data, "\r\nContent-Length:");

	return line != NULL ? strtoul(line + 17, NULL, 10) : 0;
}

/* One answer off the connection; head_only: to a HEAD. */
static void read_reply(int fd, bool head_only, struct reply *reply)
{
	char piece[4096];
	struct buf in;
	const char *blank = NULL;

	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->head);
	buf_init(&reply->body);
	buf_init(&in);
	while (blank == NULL) {
		ssize_t got =
			recv(fd, piece, 1, 0); /* so that nothing of the next answer is taken */

		if (got < 0 && errno == EINTR) /* a child of the JobManager has ended */
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			fail_msg("no answer within %d s", DEADLINE_S);
		if (got <= 0)
			break;
		buf_add(&in, piece, 1);
		blank = strstr(in.data, "\r\n\r\n");
	}
	if (blank != NULL) {
		reply->status = (int)strtol(in.data + 9, NULL, 10);
		buf_add(&reply->head, in.data, in.size_bytes);
		size_t length = head_only ? 0 : content_length(&in);

		while (reply->body.size_bytes < length) {
			size_t left = length - reply->body.size_bytes;
			ssize_t got =
				recv(fd, piece, left < sizeof(piece) ? left : sizeof(piece), 0);

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				fail_msg("%zu bytes of %zu", reply->body.size_bytes, length);
			buf_add(&reply->body, piece, (size_t)got);
		}
		reply->json = json_loadb(reply->body.data, reply->body.size_bytes,
					 JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	}
	buf_fini(&in);
}

static UNUSED void reply_free(struct reply *reply)
{
	buf_fini(&reply->head);
	buf_fini(&reply->body);
	json_decref(reply->json);
	memset(reply, 0, sizeof(*reply));
}

/* Whether the other side has closed, or does within the deadline. */
static UNUSED bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) <= 0;
}

static UNUSED void exchange(const char *bytes, size_t size, struct reply *reply)
{
	int fd = dial(port);

	send_all(fd, bytes, size);
	read_reply(fd, strncmp(bytes, "HEAD", 4) == 0, reply);
	close(fd);
}

/* more: further header lines, each with its end; NULL: none. */
static UNUSED struct reply ask_with(const char *method, const char *path, const char *more,
				    const void *body, size_t size)
{
	struct reply reply;
	struct buf request;

	buf_init(&request);
	buf_printf(&request, "%s %s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n%s",
		   method, path, port, more ? more : "");
	if (size > 0)
		buf_printf(&request, "Content-Length: %zu\r\n", size);
	buf_add_text(&request, "\r\n");
	buf_add(&request, body, size);
	exchange(request.data, request.size_bytes, &reply);
	buf_fini(&request);
	return reply;
}

static UNUSED struct reply ask(const char *method, const char *path)
{
	return ask_with(method, path, NULL, NULL, 0);
}

static UNUSED struct reply get(const char *format, ...)
{
	va_list arguments;
	char path[2048];

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	return ask("GET", path);
}

/* ---- looking at answers --------------------------------------------------------------------- */

/* "/jobs/0/name" in the JSON; NULL: not there. */
static json_t *at(const json_t *root, const char *path)
{
	char part[128];
	const json_t *here = root;

	while (*path == '/' && here != NULL) {
		size_t length = strcspn(++path, "/");

		snprintf(part, sizeof(part), "%.*s", (int)length, path);
		here = json_is_array(here) ? json_array_get(here, strtoul(part, NULL, 10))
					   : json_object_get(here, part);
		path += length;
	}
	return (json_t *)(uintptr_t)here;
}

static UNUSED const char *text_at(const struct reply *reply, const char *path)
{
	const char *text = json_string_value(at(reply->json, path));

	return text != NULL ? text : "(none)";
}

static UNUSED json_int_t int_at(const struct reply *reply, const char *path)
{
	json_t *value = at(reply->json, path);

	if (!json_is_integer(value))
		fail_msg("%s is no integer in %.300s", path, reply->body.data);
	return json_integer_value(value);
}

static UNUSED void expect_error(struct reply *reply, int status, const char *part)
{
	const char *first = text_at(reply, "/errors/0");

	if (reply->status != status || strstr(first, part) == NULL)
		fail_msg("%d %.500s; wanted %d with \"%s\"", reply->status, reply->body.data,
			 status, part);
	reply_free(reply);
}

static UNUSED void expect_body(struct reply *reply, int status, const char *body)
{
	assert_int_equal(reply->status, status);
	assert_string_equal(reply->body.data, body);
	reply_free(reply);
}

/* The form of a JSON value: members in their order with i, f, s, b, n for what they are; of an
 * array its first item. */
static UNUSED void add_shape(const json_t *value, struct buf *into)
{
	const char *key, *comma = "";
	json_t *member;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		buf_add_text(into, "{");
		json_object_foreach((json_t *)(uintptr_t)value, key, member)
		{
			buf_printf(into, "%s%s:", comma, key);
			add_shape(member, into);
			comma = " ";
		}
		buf_add_text(into, "}");
		break;
	case JSON_ARRAY:
		buf_add_text(into, "[");
		if (json_array_size(value) > 0)
			add_shape(json_array_get(value, 0), into);
		buf_add_text(into, "]");
		break;
	default:
		buf_add_text(into, json_is_string(value)    ? "s"
				   : json_is_integer(value) ? "i"
				   : json_is_real(value)    ? "f"
				   : json_is_boolean(value) ? "b"
							    : "n");
	}
}

static UNUSED void expect_shape(struct reply *reply, const char *shape)
{
	struct buf text;

	if (reply->status != 200 || reply->json == NULL)
		fail_msg("%d %.500s", reply->status, reply->body.data);
	buf_init(&text);
	add_shape(reply->json, &text);
	assert_string_equal(text.data, shape);
	buf_fini(&text);
	reply_free(reply);
}

/* Asks again until the JSON has that text at that place. */
static UNUSED void await_text(const char *url, const char *path, const char *wanted)
{
	struct timespec moment = { .tv_nsec = 2000000 };
	mono_t until = mono_after_ms(world_now(world), DEADLINE_S * 1000);

	for (;;) {
		struct reply reply = get("%s", url);
		bool found = strcmp(text_at(&reply, path), wanted) == 0;

		if (!found && world_now(world) > until)
			fail_msg("%s%s is not %s: %.500s", url, path, wanted, reply.body.data);
		reply_free(&reply);
		if (found)
			return;
		nanosleep(&moment, NULL);
	}
}

/* ---- jobs and a TaskManager ----------------------------------------------------------------- */

static UNUSED void start_taskmanager(const char *resource_id, uint32_t slots)
{
	taskmanager = fake_taskmanager_create_at(world, LOCAL, jobmanager_rpc_port(jobmanager),
						 resource_id, slots);
	await_text("/taskmanagers", "/taskmanagers/0/id", resource_id);
}

/* Runs a function where alone the TaskManager's fields may be touched: on its runner. */
struct errand {
	struct agent agent; /* first */
	void (*run)(void *context);
	void *context;
	atomic_bool done;
};

static enum step errand_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct errand *errand = CONTAINER_OF(agent, struct errand, agent);

	errand->run(errand->context);
	return STEP_DONE;
}

static void errand_done(struct agent *agent)
{
	atomic_store(&CONTAINER_OF(agent, struct errand, agent)->done, true);
}

static UNUSED void on_taskmanager(void (*run)(void *context), void *context)
{
	struct errand errand = { .run = run, .context = context };
	struct timespec moment = { .tv_nsec = 200000 };

	agent_init(&errand.agent, "errand", errand_step);
	errand.agent.done = errand_done;
	runner_add(taskmanager->runner, &errand.agent);
	while (!atomic_load(&errand.done))
		nanosleep(&moment, NULL);
}

/* Of bed_graph: "Source: Numbers" -> HASH -> "Sum -> Sink: Print". */
static UNUSED Flink__JobGraph *make_graph(const char *name, uint32_t source_parallelism,
					  uint32_t parallelism)
{
	struct bed bed = { .arena = arena, .client_world = world };
	Flink__JobGraph *graph = bed_graph(&bed, name, source_parallelism, parallelism, NULL);

	graph->vertices[0]->operators[0]->factory = arena_strdup(arena, "test-nothing");
	return graph;
}

/* more: further header lines, each with its end. */
static UNUSED struct reply post_graph_with(Flink__JobGraph *graph, const char *more)
{
	Flink__SubmitJobRequest message = FLINK__SUBMIT_JOB_REQUEST__INIT;
	size_t size;
	uint8_t *bytes;

	message.graph = graph;
	size = flink__submit_job_request__get_packed_size(&message);
	bytes = arena_alloc(arena, size);
	flink__submit_job_request__pack(&message, bytes);
	return ask_with("POST", "/jobs", more, bytes, size);
}

static UNUSED struct reply post_graph(Flink__JobGraph *graph)
{
	return post_graph_with(graph, "Content-Type: application/x-protobuf\r\n");
}

/* Submits, and gives the id. */
static UNUSED const char *submit(const char *name, uint32_t source_parallelism,
				 uint32_t parallelism)
{
	Flink__JobGraph *graph = make_graph(name, source_parallelism, parallelism);
	struct reply reply = post_graph(graph);
	struct id id;
	char *text = arena_alloc(arena, ID_TEXT_SIZE);

	memcpy(id.bytes, graph->job_id.data, sizeof(id.bytes));
	id_format(&id, text);
	if (reply.status != 202)
		fail_msg("%d %s", reply.status, reply.body.data);
	assert_string_equal(text_at(&reply, "/jobid"), text);
	reply_free(&reply);
	return text;
}

static UNUSED char *url_of(const char *format, ...)
{
	va_list arguments;
	char path[2048];

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	return arena_strdup(arena, path);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

#endif
