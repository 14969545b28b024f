/* SPDX-License-Identifier: Apache-2.0
 * rest.c - begins and ends the REST server, and its agent: on the JobManager's runner, where alone
 * jobs and TaskManagers may be looked at.
 *
 *   client -> door -> civetweb's thread -> [inbox] agent: handler -> thread -> door -> client
 *                                                   `- later: -> [door_answer] -> door -> client
 *
 * civetweb brings its own threads (outside the world's seam, docs/adr/0007). Each parses and routes
 * one request, posts it, and waits for the agent's next step, never longer. */
#include "jobmanager/rest/rest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/token.h"
#include "jobmanager/rest/jars.h"
#include "jobmanager/rest/rest_priv.h"

#define WAIT_MS_MAX 10000
#define WAITING_MAX 1024 /* long polls; more are answered at once */
#define STOP_MS 1000	 /* the agent's acknowledgement */
#define DRAIN_MS 500	 /* answers on their way out */

/* ---- requests ------------------------------------------------------------------------------- */

static void init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t clock;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &clock);
	pthread_condattr_destroy(&clock);
}

struct rest_request *rest_request_create(struct rest *rest)
{
	struct rest_request *request = MEM_NEW(struct rest_request);

	request->rest = rest;
	atomic_init(&request->holders, 1);
	request->content_type = REST_JSON;
	request->deadline = MONO_NEVER;
	buf_init(&request->body);
	buf_init(&request->answer);
	buf_init(&request->answer_headers);
	json_out_init(&request->json, &request->answer);
	pthread_mutex_init(&request->mutex, NULL);
	init_monotonic(&request->moved_on);
	return request;
}

void rest_request_unref(struct rest_request *request)
{
	if (atomic_fetch_sub(&request->holders, 1) != 1)
		return;
	rest_parameters_clear(request);
	json_decref(request->fields);
	mem_free(request->uri);
	mem_free(request->query);
	buf_fini(&request->body);
	buf_fini(&request->answer);
	buf_fini(&request->answer_headers);
	for (size_t i = 0; i < DOOR_PASSED_MAX; i++)
		mem_free(request->headers[i]);
	pthread_mutex_destroy(&request->mutex);
	pthread_cond_destroy(&request->moved_on);
	mem_free(request);
}

static void stop_waiting(struct rest_request *request)
{
	if (request->watch == NULL)
		return;
	dispatcher_unwatch(&request->watch);
	list_remove(&request->waiting);
	request->rest->waiting_count--;
}

static void answer_through_door(struct rest_request *request)
{
	struct rest *rest = request->rest;

	/* Once it stops the door is no longer the agent's to use, and has told everybody itself.
	 * Without a door it stays in the request, for a checker. */
	if (rest->door != NULL && !atomic_load(&rest->stopping)) {
		struct door_answer *answer =
			door_answer_create(request->number, request->content_type);

		answer->status = request->status;
		answer->headers = request->answer_headers;
		answer->body = request->answer;
		buf_init(&request->answer_headers);
		buf_init(&request->answer);
		door_answer(rest->door, answer);
	}
}

/* ---- headers -------------------------------------------------------------------------------- */

const char *rest_header(const struct rest_request *request, const char *name)
{
	for (size_t i = 0; i < DOOR_PASSED_MAX; i++)
		if (strcasecmp(door_passed[i], name) == 0)
			return request->headers[i];
	return NULL;
}

bool rest_etag_matches(const struct rest_request *request, const char *etag)
{
	const char *list = rest_header(request, "If-None-Match");
	size_t length = strlen(etag);

	while (list != NULL && *list != '\0') {
		list += strspn(list, ", \t");
		if (list[0] == 'W' && list[1] == '/') /* compared weakly (RFC 9110 §13.1.2) */
			list += 2;
		size_t item = list[0] == '"' ? 1 + strcspn(list + 1, "\"") : strcspn(list, ", \t");

		item += list[0] == '"' && list[item] == '"';
		if ((item == length && memcmp(list, etag, length) == 0) ||
		    (item == 1 && list[0] == '*'))
			return true;
		list += item;
	}
	return false;
}

void rest_answer_header(struct rest_request *request, const char *name, const char *value)
{
	CHECK(strpbrk(value, "\r\n") == NULL, "the header %s has a line's end in it", name);
	buf_printf(&request->answer_headers, "%s: %s\r\n", name, value);
}

static bool has_header(const struct buf *headers, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = headers->data; *line != '\0'; line = strchr(line, '\n') + 1)
		if (strncasecmp(line, name, length) == 0 && line[length] == ':')
			return true;
	return false;
}

static mono_t now_of(const struct rest *rest)
{
	return loop_now(runner_loop(rest->runner));
}

/* The agent's last touch of a request. */
static void finish(struct rest_request *request)
{
	stop_waiting(request);
	idempotency_answered(request, request->submit != NULL ? now_of(request->rest) : 0);
	if (!has_header(&request->answer_headers, "Cache-Control"))
		rest_answer_header(request, "Cache-Control", "no-store");
	pthread_mutex_lock(&request->mutex);
	enum rest_stage stage = request->stage;

	CHECK(stage != REST_ANSWERED, "%s is answered twice", request->uri);
	if (stage == REST_POSTED) {
		request->stage = REST_ANSWERED;
		pthread_cond_signal(&request->moved_on);
	}
	pthread_mutex_unlock(&request->mutex);
	if (stage == REST_LATER)
		answer_through_door(request);
	rest_request_unref(request);
}

void rest_answer(struct rest_request *request, int status)
{
	json_out_check(&request->json);
	request->status = status;
	finish(request);
}

void rest_answer_empty(struct rest_request *request, int status)
{
	json_out_object(&request->json, NULL);
	json_out_close(&request->json);
	rest_answer(request, status);
}

void rest_answer_bytes(struct rest_request *request, int status, const char *content_type,
		       struct buf *bytes)
{
	buf_fini(&request->answer);
	request->answer = *bytes;
	buf_init(bytes);
	request->content_type = content_type;
	rest_answer(request, status);
}

void rest_answer_text(struct rest_request *request, struct buf *text)
{
	rest_answer_bytes(request, 200, REST_TEXT, text);
}

/* Drops what a handler had written before it failed. */
static void start_over(struct rest_request *request)
{
	buf_clear(&request->answer);
	json_out_init(&request->json, &request->answer);
	request->content_type = REST_JSON;
}

/* Opens the object and leaves it open. */
static void begin_error(struct json_out *json, int status, const char *message)
{
	const char *class = status == 404
				    ? "org.apache.flink.runtime.rest.NotFoundException"
				    : "org.apache.flink.runtime.rest.handler.RestHandlerException";
	char *line = mem_printf("%s: %s", class, message);

	json_out_object(json, NULL);
	json_out_array(json, "errors");
	/* Flink's two lines for what nobody expected; tools look for the markers. */
	if (status == 500) {
		json_out_text(json, NULL, "Internal server error.");
		char *block = mem_printf(
			"<Exception on server side:\n%s\nEnd of exception on server side>", line);

		json_out_text(json, NULL, block);
		mem_free(block);
	} else {
		json_out_text(json, NULL, line);
	}
	json_out_close(json);
	mem_free(line);
}

void rest_write_error(struct json_out *json, int status, const char *message)
{
	begin_error(json, status, message);
	json_out_close(json);
}

/* The first is what Flink's dashboard passes over in silence: so it learns that a part, such as the
 * profiler, is not there. The second says which address that was. */
void rest_write_no_file(struct json_out *json, const char *path)
{
	char *line = mem_printf("org.apache.flink.runtime.rest.NotFoundException: "
				"Unable to load requested file %.400s.",
				path);

	json_out_object(json, NULL);
	json_out_array(json, "errors");
	json_out_text(json, NULL, "File not found.");
	json_out_text(json, NULL, line);
	json_out_close(json);
	json_out_close(json);
	mem_free(line);
}

void rest_answer_error(struct rest_request *request, int status, const char *format, ...)
{
	char message[LIMIT_ERROR_TEXT_BYTES_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	start_over(request);
	rest_write_error(&request->json, status, message);
	rest_answer(request, status);
}

void rest_answer_err(struct rest_request *request, const struct err *err)
{
	int status = err_http_status(err->code);
	char *message =
		mem_printf("%s [E%04d] (%s)", err->text, (int)err->code, err_hint(err->code));
	struct json_out *json = &request->json;

	start_over(request);
	begin_error(json, status, message);
	/* Ours on top of Flink's shape: code, text, hint and place apart. */
	json_out_int(json, "code", (int64_t)err->code);
	json_out_text(json, "text", err->text);
	json_out_text(json, "hint", err_hint(err->code));
	json_out_text(json, "origin", err->origin);
	json_out_close(json);
	mem_free(message);
	rest_answer(request, status);
}

/* ---- answers that come later ---------------------------------------------------------------- */

void rest_defer(struct rest_request *request)
{
	pthread_mutex_lock(&request->mutex);
	if (request->stage == REST_POSTED) {
		request->stage = REST_LATER;
		pthread_cond_signal(&request->moved_on);
	}
	pthread_mutex_unlock(&request->mutex);
}

static void job_changed(void *context)
{
	struct rest_request *request = context;

	request->resume(request, false);
}

void rest_wait_for_job(struct rest_request *request, const struct id *job_id, int64_t wait_ms,
		       void (*resume)(struct rest_request *request, bool expired))
{
	struct rest *rest = request->rest;

	if (rest->waiting_count >= WAITING_MAX) {
		resume(request, true);
		return;
	}
	rest_defer(request);
	request->deadline = mono_after_ms(loop_now(runner_loop(rest->runner)),
					  wait_ms < WAIT_MS_MAX ? wait_ms : WAIT_MS_MAX);
	request->resume = resume;
	request->watch = dispatcher_watch(rest->dispatcher, job_id, job_changed, request);
	list_push_back(&rest->waiting, &request->waiting);
	rest->waiting_count++;
	agent_wake(&rest->agent); /* so that it sees the deadline */
}

/* ---- the agent ------------------------------------------------------------------------------ */

static void take_request(struct rest *rest, struct rest_request *request)
{
	pthread_mutex_lock(&request->mutex);
	bool abandoned = request->stage == REST_ABANDONED;

	pthread_mutex_unlock(&request->mutex);
	if (abandoned)
		rest_request_unref(request);
	else if (atomic_load(&rest->stopping))
		rest_answer_error(request, 503, "The JobManager is shutting down.");
	else if (rest_body_fits(request) && !idempotency_took(rest, request, now_of(rest)) &&
		 !rest_archived(rest, request))
		request->route->handler(rest, request);
}

static void acknowledge_stop(struct rest *rest)
{
	LIST_FOR_EACH (&rest->waiting, struct rest_request, waiting, request)
		rest_answer_error(request, 503, "The JobManager is shutting down.");
	rest_streams_stop(rest);
	pthread_mutex_lock(&rest->mutex);
	rest->stopped = true;
	pthread_cond_signal(&rest->changed);
	pthread_mutex_unlock(&rest->mutex);
}

static enum step rest_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct rest *rest = CONTAINER_OF(agent, struct rest, agent);
	struct inbox_node *node;

	while ((node = inbox_take(&rest->inbox)) != NULL)
		take_request(rest, CONTAINER_OF(node, struct rest_request, node));
	LIST_FOR_EACH (&rest->waiting, struct rest_request, waiting, request) {
		if (now >= request->deadline)
			request->resume(request, true);
		else
			*wake_at = mono_min(*wake_at, request->deadline);
	}
	rest_events_step(rest, now, wake_at);
	rest_streams_step(rest);
	operations_step(&rest->operations, now, wake_at);
	idempotency_step(&rest->idempotency, now, wake_at);
	rest_leases_step(rest, now, wake_at);
	if (atomic_load(&rest->stopping))
		acknowledge_stop(rest);
	return STEP_IDLE;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static int check_settings(const struct conf *conf, const char *origin, struct err *err)
{
	for (const char *c = origin; c != NULL && *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return conf_refuse(conf, "web.access-control-allow-origin",
					   "not an origin like https://example.com, nor *", err);
	return 0;
}

static void make_key(struct rest *rest)
{
	struct id id;

	world_random_bytes(rest->world, &id, sizeof(id));
	id_format(&id, rest->key);
}

/* The token itself is not for a log file, which others may read; in a terminal it is shown. */
static void say_who_may_come(struct rest *rest, const char *host)
{
	char *path = token_path(rest->conf, rest->world);

	if (rest->token != NULL)
		log_info(REST_LOGGER, "The REST API on %s:%u wants the token in %s", host,
			 (unsigned)rest->port, path);
	else if (!token_host_is_loopback(host))
		log_warn(
			REST_LOGGER,
			"The REST API on %s:%u is open to everybody who can reach it (rest.auth: none).",
			host, (unsigned)rest->port);
	if (rest->token != NULL && rest->log_directory == NULL) {
		char *line = mem_printf("Open http://%s:%u/?token=%s\n",
					conf_text(rest->conf, "rest.address"),
					(unsigned)rest->port, rest->token);

		world_print(rest->world, line, strlen(line));
		mem_free(line);
	}
	mem_free(path);
}

static int start(struct rest *rest, struct err *err)
{
	const struct conf *conf = rest->conf;
	const char *host = conf_text(conf, "rest.bind-address");
	const char *origin = conf_text(conf, "web.access-control-allow-origin");
	uint16_t inner_port;
	struct door_options door = {
		.world = rest->world,
		.host = host[0] != '\0' ? host : "localhost",
		.ports = conf_text(conf, "rest.bind-port"),
		.inner_connections = (uint32_t)conf_int(conf, "rest.server.numThreads"),
		.body_bytes_max = (uint64_t)conf_int(conf, "rest.server.max-content-length"),
		.idle_ms = conf_duration_ms(conf, "rest.idleness-timeout"),
		.allow_origin = origin[0] != '\0' ? origin : NULL,
		.changes_something = rest_changes_something,
		.stream_over = rest_stream_over,
		.context = rest,
	};

	if (check_settings(conf, door.allow_origin, err) != 0 ||
	    (token_wanted(conf) && token_load(conf, rest->world, &rest->token, err) != 0))
		return -1;
	door.token = rest->token;
	if (token_host_is_loopback(door.host))
		door.host_name = conf_text(conf, "rest.address");
	make_key(rest);
	memcpy(door.key, rest->key, sizeof(door.key));
	if (door_open(&door, &rest->door, err) != 0 ||
	    rest_inside_start(rest, &inner_port, err) != 0)
		return -1;
	door_start(rest->door, inner_port);
	rest->port = door_port(rest->door);
	say_who_may_come(rest, door.host);
	log_info(REST_LOGGER, "Rest endpoint listening at %s:%u", door.host, (unsigned)rest->port);
	if (rest->web_directory != NULL)
		log_info(REST_LOGGER, "Web frontend listening at http://%s:%u.",
			 conf_text(conf, "rest.address"), (unsigned)rest->port);
	return 0;
}

/* Where the settings say; else in the home, so that uploads outlive the JobManager. */
static char *upload_directory(const struct jobmanager_options *options)
{
	const char *given = conf_text(options->conf, "web.upload.dir");

	if (given[0] == '\0' && options->home_directory != NULL)
		return mem_printf("%s/upload", options->home_directory);
	if (given[0] != '\0')
		return mem_printf("%s/flink-web-upload", given);
	const char *folders = conf_text(options->conf, "web.tmpdir"); /* the first is taken */

	return mem_printf("%.*s/flink-web-upload", (int)strcspn(folders, ",;|:"), folders);
}

struct rest *rest_create_inside(struct dispatcher *dispatcher, struct runner *runner,
				const struct jobmanager_options *options)
{
	struct rest *rest = MEM_NEW(struct rest);

	rest->dispatcher = dispatcher;
	rest->runner = runner;
	rest->world = options->world;
	rest->conf = options->conf;
	rest->memory_max_bytes = rest_memory_max_bytes(options->world, options->conf);
	rest->log_directory = mem_strdup(options->log_directory);
	rest->log_name = mem_strdup(options->log_name);
	rest->out_name = mem_strdup(options->out_name);
	rest->web_directory = mem_strdup(options->web_directory);
	inbox_init(&rest->inbox);
	list_init(&rest->waiting);
	list_init(&rest->log_reads);
	list_init(&rest->streams);
	list_init(&rest->hubs);
	inbox_init(&rest->streams_over);
	list_init(&rest->page_reads);
	list_init(&rest->archived_reads);
	operations_init(&rest->operations);
	idempotency_init(&rest->idempotency);
	list_init(&rest->leases);
	rest->ask_stop = options->ask_stop;
	list_init(&rest->jar_tasks);
	list_init(&rest->jar_queue);
	rest->home_directory = mem_strdup(options->home_directory);
	rest->upload_directory = upload_directory(options);
	pthread_mutex_init(&rest->mutex, NULL);
	init_monotonic(&rest->changed);
	agent_init(&rest->agent, "rest", rest_step);
	runner_add(runner, &rest->agent);
	return rest;
}

int rest_create(struct dispatcher *dispatcher, struct runner *runner,
		const struct jobmanager_options *options, struct rest **out, struct err *err)
{
	/* Also on failure: its agent is on the runner, so it ends as one that works does. */
	*out = rest_create_inside(dispatcher, runner, options);
	return start(*out, err);
}

uint16_t rest_port(const struct rest *rest)
{
	return rest->port;
}

static void await_acknowledgement(struct rest *rest)
{
	mono_t until = mono_after_ms(world_now(rest->world), STOP_MS);
	struct timespec at = { until / NS_PER_S, until % NS_PER_S };

	pthread_mutex_lock(&rest->mutex);
	while (!rest->stopped)
		if (pthread_cond_timedwait(&rest->changed, &rest->mutex, &at) != 0)
			break;
	pthread_mutex_unlock(&rest->mutex);
}

void rest_stop(struct rest *rest)
{
	if (rest == NULL || atomic_exchange(&rest->stopping, true))
		return;
	agent_wake(&rest->agent);
	await_acknowledgement(rest);
	if (rest->inside != NULL)
		door_drain(rest->door, DRAIN_MS);
	rest_inside_stop(rest);
	door_close(&rest->door);
}

void rest_destroy(struct rest **pointer)
{
	struct rest *rest = *pointer;
	struct inbox_node *node;

	if (rest == NULL)
		return;
	*pointer = NULL;
	rest_stop(rest);
	while ((node = inbox_take(&rest->inbox)) != NULL)
		rest_request_unref(CONTAINER_OF(node, struct rest_request, node));
	rest_log_reads_free(rest);
	rest_streams_free(rest);
	rest_page_reads_free(rest);
	rest_archived_reads_free(rest);
	operations_fini(&rest->operations);
	idempotency_fini(&rest->idempotency);
	rest_leases_free(rest);
	jar_tasks_free(rest);
	pthread_mutex_destroy(&rest->mutex);
	pthread_cond_destroy(&rest->changed);
	mem_free(rest->token);
	mem_free(rest->log_directory);
	mem_free(rest->log_name);
	mem_free(rest->out_name);
	mem_free(rest->web_directory);
	mem_free(rest->openapi);
	mem_free(rest->upload_directory);
	mem_free(rest->home_directory);
	mem_free(rest);
}
