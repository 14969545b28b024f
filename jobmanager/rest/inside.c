/* SPDX-License-Identifier: Apache-2.0
 * inside.c - civetweb, behind the door: routes a request, posts it to the agent, writes the answer,
 * or has a file of the page sent.
 *
 * It listens on loopback and answers only what the door sends (a secret in every request), so no
 * other user of the machine gets past the door. decode_url is off: decoding is the router's, once
 * and per segment, so that an encoded slash stays one. */
#include <civetweb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/door_http.h"
#include "jobmanager/rest/rest_priv.h"

#define ANSWER_MS 30000 /* the runner is stuck if it does not come to a request in this time */

/* headers: further lines, each with its end. */
static void send_bytes(struct mg_connection *connection, int status, const char *type,
		       const char *headers, const struct buf *body)
{
	bool head_only = strcmp(mg_get_request_info(connection)->request_method, "HEAD") == 0;
	struct buf head;

	buf_init(&head);
	buf_printf(&head, "HTTP/1.1 %d %s\r\n", status, door_reason(status));
	if (status != 304 && status != 204)
		buf_printf(&head, "Content-Type: %s\r\nContent-Length: %zu\r\n", type,
			   body->size_bytes);
	buf_printf(&head, "%s\r\n", headers);
	mg_write(connection, head.data, head.size_bytes);
	buf_fini(&head);
	if (body->size_bytes > 0 && !head_only && status != 304 && status != 204)
		mg_write(connection, body->data, body->size_bytes);
}

/* path: of what is no file of the page; NULL: another error. */
static int send_error_of(struct mg_connection *connection, int status, const char *message,
			 const char *path)
{
	struct json_out json;
	struct buf body;

	buf_init(&body);
	json_out_init(&json, &body);
	if (path != NULL)
		rest_write_no_file(&json, path);
	else
		rest_write_error(&json, status, message);
	send_bytes(connection, status, REST_JSON, "Cache-Control: no-store\r\n", &body);
	buf_fini(&body);
	return status;
}

static int send_error(struct mg_connection *connection, int status, const char *message)
{
	return send_error_of(connection, status, message, NULL);
}

/* False: the door went away in the middle. */
static bool read_body(struct mg_connection *connection, struct buf *body)
{
	long long left = mg_get_request_info(connection)->content_length;

	while (left > 0) {
		size_t piece = left < 65536 ? (size_t)left : 65536;
		int got = mg_read(connection, buf_reserve(body, piece), piece);

		if (got <= 0)
			return false;
		body->size_bytes += (size_t)got;
		body->data[body->size_bytes] = '\0';
		left -= got;
	}
	return true;
}

static bool came_through_door(struct mg_connection *connection, const struct rest *rest)
{
	const char *key = mg_get_header(connection, DOOR_KEY_HEADER);

	return key != NULL && strcmp(key, rest->key) == 0;
}

static uint64_t number_of(struct mg_connection *connection)
{
	const char *number = mg_get_header(connection, DOOR_NUMBER_HEADER);

	return number != NULL ? strtoull(number, NULL, 10) : 0;
}

/* Waits until the agent has answered, or has said that the answer comes later. */
static enum rest_stage await_agent(struct rest_request *request)
{
	mono_t limit = mono_after_ms(world_now(request->rest->world), ANSWER_MS);
	struct timespec until = { limit / NS_PER_S, limit % NS_PER_S };

	pthread_mutex_lock(&request->mutex);
	while (request->stage == REST_POSTED)
		if (pthread_cond_timedwait(&request->moved_on, &request->mutex, &until) != 0)
			break;
	if (request->stage == REST_POSTED)
		request->stage = REST_ABANDONED;
	enum rest_stage stage = request->stage;

	pthread_mutex_unlock(&request->mutex);
	return stage;
}

static int post(struct mg_connection *connection, struct rest *rest, struct rest_request *request)
{
	atomic_fetch_add(&request->holders, 1); /* the agent's */
	inbox_post(&rest->inbox, &request->node);
	agent_wake(&rest->agent);
	switch (await_agent(request)) {
	case REST_ANSWERED:
		send_bytes(connection, request->status, request->content_type,
			   request->answer_headers.data, &request->answer);
		return request->status;
	case REST_LATER:
		mg_printf(connection, "HTTP/1.1 202 Accepted\r\n" DOOR_LATER_HEADER
				      ": 1\r\nContent-Length: 0\r\n\r\n");
		return 202;
	default: return send_error(connection, 504, "The JobManager gave no answer within 30 s.");
	}
}

/* A path that is no route may be a file of the page. */
static int not_routed(struct mg_connection *connection, const struct rest *rest,
		      const struct mg_request_info *info, bool crooked)
{
	char message[512];
	bool reads = strcmp(info->request_method, "GET") == 0 ||
		     strcmp(info->request_method, "HEAD") == 0;

	if (crooked)
		return send_error(
			connection, 400,
			"Bad request, could not parse parameters: the path is not percent-encoded as it must be.");
	bool page = reads && rest->web_directory != NULL;

	if (page && rest_page_send(connection, rest, info->request_uri))
		return 200;
	if (page)
		return send_error_of(connection, 404, NULL, info->request_uri);
	snprintf(message, sizeof(message), "Not found: %.400s", info->request_uri);
	return send_error(connection, 404, message);
}

static int handle(struct mg_connection *connection, void *context)
{
	struct rest *rest = context;
	const struct mg_request_info *info = mg_get_request_info(connection);
	struct rest_request *request;
	bool crooked;

	if (!came_through_door(connection, rest))
		return send_error(connection, 403, "This port is the JobManager's own.");
	request = rest_request_create(rest);
	request->route =
		rest_route_find(info->request_method, info->request_uri, request, &crooked);
	if (request->route == NULL || rest_route_is_off(request->route, rest->conf)) {
		rest_request_unref(request);
		return not_routed(connection, rest, info, crooked);
	}
	request->uri = mem_strdup(info->request_uri);
	request->query = mem_strdup(info->query_string);
	request->number = number_of(connection);
	for (size_t i = 0; i < DOOR_PASSED_MAX; i++)
		request->headers[i] = mem_strdup(mg_get_header(connection, door_passed[i]));
	int status = read_body(connection, &request->body)
			     ? post(connection, rest, request)
			     : send_error(connection, 400, "The request body ended early.");

	rest_request_unref(request);
	return status;
}

/* civetweb's own refusals: almost always a file that is not there. */
static int http_error(struct mg_connection *connection, int status, const char *message)
{
	const struct mg_request_info *info = mg_get_request_info(connection);

	if (status == 403) /* civetweb's word for a folder, which is not listed */
		status = 404;
	send_error_of(connection, status, message, status == 404 ? info->request_uri : NULL);
	return 0;
}

static int log_message(const struct mg_connection *connection, const char *message)
{
	log_warn(REST_LOGGER, "%s", message);
	return 1;
}

int rest_inside_start(struct rest *rest, uint16_t *port, struct err *err)
{
	char threads[16];
	const char *settings[] = {
		"listening_ports",
		"127.0.0.1:0",
		"num_threads",
		threads,
		"enable_directory_listing",
		"no",
		"enable_keep_alive",
		"yes",
		"keep_alive_timeout_ms",
		"3600000",
		"request_timeout_ms",
		"30000",
		"max_request_size",
		"131072",
		"tcp_nodelay",
		"1",
		"decode_url",
		"no",
		NULL,
	};
	struct mg_callbacks callbacks = { .http_error = http_error, .log_message = log_message };
	struct mg_server_port ports[2];

	snprintf(threads, sizeof(threads), "%lld",
		 (long long)conf_int(rest->conf, "rest.server.numThreads"));
	rest->inside = mg_start(&callbacks, rest, settings);
	if (rest->inside == NULL || mg_get_server_ports(rest->inside, 2, ports) < 1)
		return err_set(err, ERR_RESOURCE, "the REST server's threads cannot be started");
	*port = (uint16_t)ports[0].port;
	mg_set_request_handler(rest->inside, "/**", handle, rest);
	return 0;
}

void rest_inside_stop(struct rest *rest)
{
	if (rest->inside != NULL)
		mg_stop(rest->inside);
	rest->inside = NULL;
}
