/* SPDX-License-Identifier: Apache-2.0
 * server.c - civetweb on one side, the JobManager's runner on the other.
 *
 * civetweb brings its own threads (outside the world's seam, see docs/adr/0001): each parses one
 * request, posts it to the agent, waits for the answer and writes it. A thread waits at most for the
 * request's deadline; an answer that comes later finds the request abandoned and frees it. */
#include "jobmanager/rest/rest.h"

#include <civetweb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

#define REQUEST_TIMEOUT_MS 30000
#define WAIT_MS_MAX 10000
#define CHUNK_BYTES 16384

/* ---- requests --------------------------------------------------------------------------------- */

static void request_destroy(struct rest_request *request)
{
	for (uint32_t i = 0; i < request->parameters_count; i++) {
		mem_free((void *)(uintptr_t)request->parameters[i].name);
		mem_free(request->parameters[i].value);
	}
	mem_free(request->method);
	mem_free(request->path);
	mem_free(request->query);
	buf_fini(&request->body);
	buf_fini(&request->answer);
	pthread_mutex_destroy(&request->mutex);
	pthread_cond_destroy(&request->answered);
	mem_free(request);
}

/* The runner's last touch of a request. */
static void finish(struct rest_request *request)
{
	list_remove(&request->deferred);
	if (request->watch != NULL)
		dispatcher_unwatch(&request->watch);
	pthread_mutex_lock(&request->mutex);
	bool abandoned = request->stage == REST_ABANDONED;

	CHECK(request->stage != REST_ANSWERED, "%s answered twice", request->path);
	request->stage = REST_ANSWERED;
	pthread_cond_signal(&request->answered);
	pthread_mutex_unlock(&request->mutex);
	if (abandoned)
		request_destroy(request);
}

void rest_answer_text(struct rest_request *request, int status, const void *text, size_t size_bytes)
{
	request->status = status;
	request->content_type = "text/plain; charset=UTF-8";
	buf_add(&request->answer, text, size_bytes);
	finish(request);
}

void rest_answer_json(struct rest_request *request, int status, json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	request->status = status;
	request->content_type = "application/json; charset=UTF-8";
	buf_add_text(&request->answer, text ? text : "{}");
	free(text);
	json_decref(root);
	finish(request);
}

static json_t *errors_of(int status, const char *message)
{
	const char *class = status == 404 ? "org.apache.flink.runtime.rest.NotFoundException" :
					    "org.apache.flink.runtime.rest.handler.RestHandlerException";
	char *line = mem_printf("%s: %s", class, message);
	json_t *root = json_pack("{s:[s]}", "errors", line);

	mem_free(line);
	return root;
}

void rest_answer_error(struct rest_request *request, int status, const char *format, ...)
{
	char message[LIMIT_ERROR_TEXT_BYTES_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	rest_answer_json(request, status, errors_of(status, message));
}

void rest_answer_err(struct rest_request *request, const struct err *err)
{
	int status = err_http_status(err->code);
	char *message = mem_printf("%s [E%04d] (%s)", err->text, (int)err->code, err_hint(err->code));
	json_t *root = errors_of(status, message);

	/* Ours on top of Flink's shape: code, text and hint apart. */
	json_object_set_new(root, "code", json_integer(err->code));
	json_object_set_new(root, "text", json_string(err->text));
	json_object_set_new(root, "hint", json_string(err_hint(err->code)));
	json_object_set_new(root, "origin", json_string(err->origin));
	mem_free(message);
	rest_answer_json(request, status, root);
}

void rest_defer(struct rest_request *request)
{
	pthread_mutex_lock(&request->mutex);
	if (request->stage == REST_POSTED)
		request->stage = REST_DEFERRED;
	pthread_mutex_unlock(&request->mutex);
}

static void job_changed(void *context)
{
	struct rest_request *request = context;

	request->resume(request, loop_now(runner_loop(request->rest->runner)), false);
}

void rest_wait_for_job(struct rest_request *request, const struct id *job_id, int64_t wait_ms,
		       void (*resume)(struct rest_request *request, mono_t now, bool expired))
{
	struct rest *rest = request->rest;

	rest_defer(request);
	request->deadline = mono_after_ms(loop_now(runner_loop(rest->runner)),
					  wait_ms < WAIT_MS_MAX ? wait_ms : WAIT_MS_MAX);
	request->resume = resume;
	request->watch = dispatcher_watch(rest->dispatcher, job_id, job_changed, request);
	list_push_back(&rest->deferred, &request->deferred);
	agent_wake(&rest->agent);
}

static enum step rest_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct rest *rest = CONTAINER_OF(agent, struct rest, agent);
	struct inbox_node *node;

	while ((node = inbox_take(&rest->inbox)) != NULL) {
		struct rest_request *request = CONTAINER_OF(node, struct rest_request, node);
		bool known;
		const struct rest_route *route = rest_route_find(request->method, request->path, request, &known);

		CHECK(route != NULL, "%s %s was routed before", request->method, request->path);
		if (atomic_load(&rest->stopping))
			rest_answer_error(request, 503, "The JobManager is shutting down.");
		else
			route->handler(rest, request);
	}
	LIST_FOR_EACH(&rest->deferred, struct rest_request, deferred, request) {
		if (atomic_load(&rest->stopping))
			rest_answer_error(request, 503, "The JobManager is shutting down.");
		else if (now >= request->deadline)
			request->resume(request, now, true);
		else
			*wake_at = mono_min(*wake_at, request->deadline);
	}
	return STEP_IDLE;
}

/* ---- civetweb's side ---------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
	switch (status) {
	case 200: return "OK";
	case 202: return "Accepted";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 413: return "Payload Too Large";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	default: return status < 400 ? "OK" : "Error";
	}
}

static void send_answer(struct mg_connection *connection, const struct rest *rest, int status,
			const char *type, const void *body, size_t size_bytes)
{
	mg_printf(connection,
		  "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
		  "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s%s%s\r\n",
		  status, reason_of(status), type, size_bytes,
		  rest->allow_origin ? "Access-Control-Allow-Origin: " : "",
		  rest->allow_origin ? rest->allow_origin : "", rest->allow_origin ? "\r\n" : "");
	if (size_bytes > 0)
		mg_write(connection, body, size_bytes);
}

static void send_error(struct mg_connection *connection, const struct rest *rest, int status,
		       const char *message)
{
	json_t *root = errors_of(status, message);
	char *text = json_dumps(root, JSON_COMPACT);

	send_answer(connection, rest, status, "application/json; charset=UTF-8", text, strlen(text));
	free(text);
	json_decref(root);
}

/* 0, or the status to refuse with. */
static int read_body(struct mg_connection *connection, const struct mg_request_info *info,
		     uint64_t limit, struct buf *body)
{
	int got;

	if (info->content_length > 0 && (uint64_t)info->content_length > limit)
		return 413;
	if (mg_get_header(connection, "Expect") != NULL)
		mg_printf(connection, "HTTP/1.1 100 Continue\r\n\r\n");
	if (info->content_length <= 0 && mg_get_header(connection, "Transfer-Encoding") == NULL)
		return 0;
	/* Not through a buffer on the stack: civetweb's threads have 100 KiB, most of it its own. */
	while ((got = mg_read(connection, buf_reserve(body, CHUNK_BYTES), CHUNK_BYTES)) > 0) {
		body->size_bytes += (size_t)got;
		if (body->size_bytes > limit)
			return 413;
	}
	if (got < 0 || (info->content_length > 0 && body->size_bytes < (uint64_t)info->content_length))
		return 400;
	return 0;
}

static bool changes_state(const struct mg_request_info *info)
{
	return strcmp(info->request_method, "GET") != 0 || strstr(info->local_uri, "/yarn-cancel") != NULL;
}

/* A page of another origin must not drive the cluster through the user's browser. */
static bool foreign_origin(struct mg_connection *connection)
{
	const char *origin = mg_get_header(connection, "Origin"), *host = mg_get_header(connection, "Host");
	const char *bare;

	if (origin == NULL)
		return false;
	bare = strstr(origin, "://");
	return bare == NULL || host == NULL || strcasecmp(bare + 3, host) != 0;
}

static struct rest_request *request_create(struct rest *rest, const struct mg_request_info *info)
{
	struct rest_request *request = MEM_NEW(struct rest_request);
	pthread_condattr_t clock;

	request->rest = rest;
	request->method = mem_strdup(info->request_method);
	request->path = mem_strdup(info->request_uri);
	request->query = mem_strdup(info->query_string);
	buf_init(&request->body);
	buf_init(&request->answer);
	request->deadline = MONO_NEVER;
	pthread_mutex_init(&request->mutex, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&request->answered, &clock);
	pthread_condattr_destroy(&clock);
	return request;
}

static void post_and_answer(struct mg_connection *connection, struct rest *rest,
			    struct rest_request *request)
{
	mono_t limit = mono_after_ms(world_now(rest->world), REQUEST_TIMEOUT_MS);
	struct timespec until = { limit / NS_PER_S, limit % NS_PER_S };

	inbox_post(&rest->inbox, &request->node);
	agent_wake(&rest->agent);
	pthread_mutex_lock(&request->mutex);
	while (request->stage != REST_ANSWERED)
		if (pthread_cond_timedwait(&request->answered, &request->mutex, &until) != 0)
			break;
	bool answered = request->stage == REST_ANSWERED;

	if (!answered)
		request->stage = REST_ABANDONED;
	pthread_mutex_unlock(&request->mutex);
	if (!answered) {
		send_error(connection, rest, 504, "The JobManager gave no answer within 30 s.");
		return;
	}
	send_answer(connection, rest, request->status, request->content_type, request->answer.data,
		    request->answer.size_bytes);
	request_destroy(request);
}

static void refusal_text(int status, const struct mg_request_info *info, char *text, size_t size_bytes)
{
	switch (status) {
	case 403:
		snprintf(text, size_bytes, "Requests from another origin may not change anything.");
		break;
	case 413:
		snprintf(text, size_bytes, "The request is larger than rest.server.max-content-length allows.");
		break;
	case 400:
		snprintf(text, size_bytes, "The request body ended early.");
		break;
	case 405:
		snprintf(text, size_bytes, "%s is not allowed here: %.400s", info->request_method,
			 info->request_uri);
		break;
	default:
		snprintf(text, size_bytes, "Not found: %.400s", info->request_uri);
	}
}

static int handle(struct mg_connection *connection, void *context)
{
	struct rest *rest = context;
	const struct mg_request_info *info = mg_get_request_info(connection);
	struct rest_request *request = request_create(rest, info);
	bool known;
	const struct rest_route *route = rest_route_find(info->request_method, info->request_uri, request, &known);
	int refused = 0;

	if (route == NULL && !known && strcmp(info->request_method, "GET") == 0) {
		request_destroy(request);
		return 0; /* civetweb looks for a file */
	}
	if (route == NULL)
		refused = known ? 405 : 404;
	else if (changes_state(info) && foreign_origin(connection))
		refused = 403;
	else
		refused = read_body(connection, info, route->raw_body ? LIMIT_ARTIFACT_BYTES_MAX + 65536 :
							rest->body_bytes_max, &request->body);
	if (refused != 0) {
		char message[512];

		refusal_text(refused, info, message, sizeof(message));
		request_destroy(request);
		send_error(connection, rest, refused, message);
		return refused;
	}
	post_and_answer(connection, rest, request);
	return 200;
}

static int http_error(struct mg_connection *connection, int status, const char *message)
{
	const struct mg_request_info *info = mg_get_request_info(connection);
	struct rest *rest = mg_get_user_data(mg_get_context(connection));
	char text[1024];

	snprintf(text, sizeof(text), status == 404 ? "Unable to load requested file %.900s." : "%s",
		 status == 404 && info->request_uri ? info->request_uri : message);
	send_error(connection, rest, status, text);
	return 0;
}

static int log_message(const struct mg_connection *connection, const char *message)
{
	log_warn(REST_LOGGER, "%s", message);
	return 1;
}

/* ---- starting and stopping ---------------------------------------------------------------------- */

/* "8081", "8081,8082", "50100-50200", mixed: the next candidate of the text, or -1. */
static int next_port(const char **text, int *range_end, int last)
{
	char *end;

	if (last >= 0 && last < *range_end)
		return last + 1;
	while (**text == ',' || **text == ' ')
		(*text)++;
	if (**text == '\0')
		return -1;
	long first = strtol(*text, &end, 10);
	*range_end = (int)first;
	if (*end == '-')
		*range_end = (int)strtol(end + 1, &end, 10);
	*text = *end ? end + 1 : end;
	return (int)first;
}

static bool is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static struct mg_context *start_on(struct rest *rest, const char *host, int port)
{
	char ports[128];
	const char *web = rest->options->web_directory;
	const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
	const char *settings[] = {
		"listening_ports", ports, "num_threads", "16", "enable_directory_listing", "no",
		"request_timeout_ms", "35000", "enable_keep_alive", "no", "max_request_size", "65536",
		"static_file_max_age", "300", "tcp_nodelay", "1", "decode_url", "yes",
		web ? "document_root" : NULL, web, NULL,
	};
	struct mg_callbacks callbacks = { .http_error = http_error, .log_message = log_message };

	if (strcmp(host, "0.0.0.0") == 0)
		snprintf(ports, sizeof(ports), "%d", port);
	else
		snprintf(ports, sizeof(ports), "%s:%d", numeric, port);
	return mg_start(&callbacks, rest, settings);
}

static int start_server(struct rest *rest, struct err *err)
{
	const struct conf *conf = rest->options->conf;
	const char *host = conf_text(conf, "rest.bind-address");
	const char *text = conf_is_set(conf, "rest.bind-port") ? conf_text(conf, "rest.bind-port") :
								 conf_text(conf, "rest.port");
	int port = -1, range_end = -1, tried = 0;

	if (host[0] == '\0')
		host = "localhost";
	if (!is_loopback(host) && strcmp(conf_text(conf, "rest.auth"), "none") != 0)
		return err_set(err, ERR_CONF_BAD_VALUE,
			       "rest.bind-address is %s, which others can reach, and the REST API runs code for whoever asks; "
			       "set rest.bind-address: localhost, or rest.auth: none if the network is trusted", host);
	while ((port = next_port(&text, &range_end, port)) >= 0) {
		struct listen_options probe = { .host = host, .port = (uint16_t)port };
		struct listener *listener;

		tried++;
		/* civetweb does not say who holds a port; our own listener does. */
		if (port != 0) {
			if (listener_open(runner_loop(rest->runner), &probe, &rest->agent, &listener, err) != 0)
				continue;
			listener_close(&listener);
		}
		rest->server = start_on(rest, host, port);
		if (rest->server == NULL) {
			err_set(err, ERR_RESOURCE, "the REST server cannot start on %s:%d", host, port);
			continue;
		}
		struct mg_server_port ports[4];
		int count = mg_get_server_ports(rest->server, 4, ports);

		rest->port = count > 0 ? (uint16_t)ports[0].port : (uint16_t)port;
		if (!is_loopback(host))
			log_warn(REST_LOGGER, "The REST API on %s:%u is open to the network without a login (rest.auth: none).",
				 host, (unsigned)rest->port);
		mg_set_request_handler(rest->server, "/**", handle, rest);
		log_info(REST_LOGGER, "Rest endpoint listening at %s:%u", host, (unsigned)rest->port);
		return 0;
	}
	if (tried == 0)
		return err_set(err, ERR_CONF_BAD_VALUE, "rest.bind-port names no port");
	return -1;
}

int rest_create(struct dispatcher *dispatcher, struct runner *runner,
		const struct jobmanager_options *options, struct rest **out, struct err *err)
{
	struct rest *rest = MEM_NEW(struct rest);
	const char *origin = conf_raw(options->conf, "web.access-control-allow-origin");

	rest->dispatcher = dispatcher;
	rest->runner = runner;
	rest->world = options->world;
	rest->options_copy = *options;
	rest->options = &rest->options_copy;
	rest->body_bytes_max = (uint64_t)conf_int(options->conf, "rest.server.max-content-length");
	rest->allow_origin = mem_strdup(origin);
	inbox_init(&rest->inbox);
	list_init(&rest->deferred);
	agent_init(&rest->agent, "rest", rest_step);
	runner_add(runner, &rest->agent);
	if (start_server(rest, err) != 0) {
		*out = rest; /* its agent is on the runner: the caller stops that, then destroys */
		return -1;
	}
	*out = rest;
	return 0;
}

uint16_t rest_port(const struct rest *rest)
{
	return rest->port;
}

void rest_stop(struct rest *rest)
{
	if (rest == NULL)
		return;
	atomic_store(&rest->stopping, true);
	agent_wake(&rest->agent);
	if (rest->server != NULL)
		mg_stop(rest->server);
	rest->server = NULL;
}

void rest_destroy(struct rest **pointer)
{
	struct rest *rest = *pointer;

	if (rest == NULL)
		return;
	mem_free(rest->token);
	mem_free(rest->allow_origin);
	mem_free(rest);
	*pointer = NULL;
}
