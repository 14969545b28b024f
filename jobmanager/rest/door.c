/* SPDX-License-Identifier: Apache-2.0
 * door.c - the public port: who is let in, the queue for civetweb, late answers, and the end. */
#include "jobmanager/rest/door.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "jobmanager/rest/door_priv.h"

#define HELD_BYTES_BASE (128 * 1024 * 1024)
#define ACCEPTS_PER_STEP 64
#define KNOCK_MS 5
#define ROOM 16 /* descriptors for all else, when they are scarce */

/* ---- who may come in ------------------------------------------------------------------------ */

/* The host of "host:port" or "[::1]:port", without the port. */
static size_t host_length(const char *text)
{
	const char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');

	return colon != NULL && (bracket == NULL || bracket < colon) ? (size_t)(colon - text)
								     : strlen(text);
}

static bool host_is(const char *host, size_t length, const char *name)
{
	return strlen(name) == length && strncasecmp(host, name, length) == 0;
}

static bool ends_with(const char *text, size_t length, const char *end)
{
	size_t end_length = strlen(end);

	return length >= end_length &&
	       strncasecmp(text + length - end_length, end, end_length) == 0;
}

/* A foreign site may give its own name our address (DNS rebinding); its pages would then be of our
 * origin. They cannot give it one of these names. */
static bool names_this_machine(const struct door *door, const char *host)
{
	size_t length = host_length(host);

	return length == 0 || host_is(host, length, "localhost") ||
	       ends_with(host, length, ".localhost") || host_is(host, length, "[::1]") ||
	       (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= length) ||
	       host_is(host, length, door->host_name) ||
	       host_is(host, length, world_host_name(door->options.world));
}

static bool changes_something(const struct door *door, const struct door_head *head)
{
	if (door->options.changes_something != NULL)
		return door->options.changes_something(head->method, head->target);
	return strcmp(head->method, "GET") != 0 && strcmp(head->method, "HEAD") != 0 &&
	       strcmp(head->method, "OPTIONS") != 0;
}

static bool origin_allowed(const struct door *door, const char *origin)
{
	return door->allow_origin != NULL && origin != NULL &&
	       (strcmp(door->allow_origin, "*") == 0 ||
		strcasecmp(door->allow_origin, origin) == 0);
}

/* A page of another site must not drive the cluster through its reader's browser. */
static bool comes_from_elsewhere(const struct door *door, const struct door_head *head)
{
	const char *origin = door_header_value(head, "Origin"),
		   *site = door_header_value(head, "Sec-Fetch-Site");
	const char *bare = origin != NULL ? strstr(origin, "://") : NULL;

	if (origin_allowed(door, origin))
		return false;
	if (origin != NULL) /* "null" too is elsewhere */
		return bare == NULL || strcasecmp(bare + 3, head->host) != 0;
	/* A link or an image sends no Origin, but current browsers say this. */
	return site != NULL && strcmp(site, "cross-site") == 0 &&
	       (door->allow_origin == NULL || strcmp(door->allow_origin, "*") != 0);
}

static bool is_known_method(const char *method)
{
	static const char *const known[] = { "GET",   "HEAD",	"POST",	  "PUT",
					     "PATCH", "DELETE", "OPTIONS" };

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (strcmp(known[i], method) == 0)
			return true;
	return false;
}

const char *door_forbids(const struct door *door, const struct door_head *head, int *status)
{
	*status = 501;
	if (!is_known_method(head->method))
		return "The method is not known here.";
	*status = 404;
	if (head->target[0] != '/')
		return "Not found: *";
	*status = 403;
	if (door->host_name != NULL && !names_this_machine(door, head->host)) {
		*status = 421;
		return "The request names a host that is not this one; if it is, set rest.address to it.";
	}
	if (comes_from_elsewhere(door, head) && changes_something(door, head))
		return "Pages of another origin may not change anything here; "
		       "web.access-control-allow-origin allows one.";
	return NULL;
}

void door_add_headers(const struct door_conn *conn, struct buf *into)
{
	const struct door *door = conn->door;
	const struct door_head *head = &conn->head;
	const char *origin = door_header_value(head, "Origin");

	buf_add_text(into, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
	/* An answer of the API is data: opened as a page it may load and do nothing. */
	if (!conn->own_policy)
		buf_add_text(
			into,
			"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
	if (door->allow_origin == NULL)
		return;
	buf_add_text(into, "Vary: Origin\r\n");
	if (!origin_allowed(door, origin))
		return;
	/* Flink's page asks with credentials: then the origin must be named. */
	buf_printf(into,
		   "Access-Control-Allow-Origin: %s\r\nAccess-Control-Allow-Credentials: true\r\n",
		   origin);
	if (door_header_value(head, "Access-Control-Request-Method") != NULL)
		buf_add_text(
			into,
			"Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\r\n"
			"Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key\r\nAccess-Control-Max-Age: 600\r\n");
}

/* ---- the queue ------------------------------------------------------------------------------ */

void door_pump(struct door *door)
{
	while (!list_empty(&door->queue) &&
	       (!list_empty(&door->inners_idle) ||
		door->inners_count < door->options.inner_connections)) {
		struct door_conn *conn = LIST_FIRST(&door->queue, struct door_conn, queued);
		struct err err = ERR_INIT;

		list_remove(&conn->queued);
		if (door_inner_begin(conn, &err) != 0)
			door_conn_refuse(conn, 503, "%s", err.text);
		agent_wake(&conn->agent);
	}
}

/* ---- the port ------------------------------------------------------------------------------- */

/* Who has made the least of its place: first those that have not even said what they want. */
static struct door_conn *least(const struct door *door)
{
	static const enum door_state order[] = { DOOR_HEAD, DOOR_LINGERING, DOOR_BODY, DOOR_LATER,
						 DOOR_WRITING };

	for (size_t i = 0; i < ARRAY_COUNT(order); i++)
		LIST_FOR_EACH (&door->connections, struct door_conn, node, conn)
			if (conn->state == order[i] && !conn->condemned)
				return conn;
	return NULL;
}

/* Without a descriptor left nothing else of the JobManager works either: so many connections go
 * that there is room again, and no more come until few are left. */
static void make_room(struct door *door)
{
	uint32_t room = door->connections_count > 4 * ROOM ? ROOM : door->connections_count / 4;
	struct door_conn *gone;

	door->connections_max = door->connections_count - room;
	while (door->connections_count > door->connections_max && (gone = least(door)) != NULL)
		door_conn_condemn(gone);
}

static void let_in(struct door *door)
{
	if (door->connections_count < door->connections_max / 2)
		door->connections_max = door->options.connections_max;
	for (int i = 0; i < ACCEPTS_PER_STEP; i++) {
		struct conn *conn = listener_accept(door->listener, &door->agent);

		if (listener_starved(door->listener))
			make_room(door);
		if (conn == NULL)
			return;
		if (door->connections_count >= door->connections_max) {
			struct door_conn *gone = least(door);

			if (gone == NULL) {
				conn_close(&conn);
				continue;
			}
			door_conn_condemn(gone);
		}
		door_conn_create(door, conn);
	}
	agent_wake(&door->agent); /* more, after others had their turn */
}

static void give_late_answers(struct door *door)
{
	struct inbox_node *node;

	while ((node = inbox_take(&door->answers)) != NULL) {
		struct door_answer *answer = CONTAINER_OF(node, struct door_answer, node);
		struct door_conn *conn =
			map_get(door->by_number, bytes_of(&answer->number, sizeof(answer->number)));

		if (conn != NULL) {
			door_conn_answer(conn, answer);
			agent_wake(&conn->agent);
			continue;
		}
		if (answer->kind == DOOR_STREAM) /* its client has left */
			door->options.stream_over(door->options.context, answer->number);
		door_answer_free(&answer);
	}
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool still_busy(const struct door_conn *conn)
{
	return conn->state == DOOR_QUEUED || conn->state == DOOR_INSIDE ||
	       conn->state == DOOR_WRITING;
}

static void free_idle_inners(struct door *door)
{
	LIST_FOR_EACH (&door->inners_idle, struct inner, node, inner)
		door_inner_free(inner);
}

static void knock(struct door *door, mono_t now, mono_t *wake_at)
{
	struct err err;

	free_idle_inners(door); /* civetweb's threads wait for requests on them */
	if (door->knock != NULL)
		conn_close(&door->knock);
	if (conn_open(door->loop, "127.0.0.1", door->inner_port, NULL, &door->knock, &err) != 0)
		door->knock = NULL;
	*wake_at = mono_after_ms(now, KNOCK_MS);
}

static void drain(struct door *door, mono_t now, mono_t *wake_at)
{
	bool busy = false;

	if (door->listener != NULL)
		listener_close(&door->listener);
	LIST_FOR_EACH (&door->connections, struct door_conn, node, conn) {
		conn->close_after = true;
		if (conn->state == DOOR_LATER) {
			door_conn_refuse(conn, 503, "The JobManager is shutting down.");
		} else if (conn->state == DOOR_STREAMING) {
			door_stream_over(conn);
			door_stream_finish(conn);
		}
		busy = busy || still_busy(conn);
		if (!still_busy(conn) && !conn->condemned && conn->state != DOOR_ENDED)
			door_conn_condemn(conn);
		agent_wake(&conn->agent);
	}
	pthread_mutex_lock(&door->mutex);
	door->drained = !busy;
	pthread_cond_signal(&door->changed);
	pthread_mutex_unlock(&door->mutex);
	if (!busy)
		knock(door, now, wake_at);
}

static enum step door_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct door *door = CONTAINER_OF(agent, struct door, agent);

	give_late_answers(door);
	if (atomic_load(&door->draining))
		drain(door, now, wake_at);
	else
		let_in(door);
	door_pump(door);
	return STEP_IDLE;
}

struct door_answer *door_answer_create(uint64_t number, const char *content_type)
{
	struct door_answer *answer = MEM_NEW(struct door_answer);

	answer->number = number;
	answer->kind = DOOR_WHOLE;
	answer->status = 200;
	answer->content_type = content_type;
	buf_init(&answer->headers);
	buf_init(&answer->body);
	return answer;
}

void door_answer_free(struct door_answer **answer)
{
	if (*answer == NULL)
		return;
	buf_fini(&(*answer)->headers);
	buf_fini(&(*answer)->body);
	mem_free(*answer);
	*answer = NULL;
}

void door_answer(struct door *door, struct door_answer *answer)
{
	inbox_post(&door->answers, &answer->node);
	agent_wake(&door->agent);
}

void door_drain(struct door *door, int64_t wait_ms)
{
	mono_t until = mono_after_ms(world_now(door->options.world), wait_ms);
	struct timespec at = { until / NS_PER_S, until % NS_PER_S };

	atomic_store(&door->draining, true);
	agent_wake(&door->agent);
	pthread_mutex_lock(&door->mutex);
	while (!door->drained)
		if (pthread_cond_timedwait(&door->changed, &door->mutex, &at) != 0)
			break;
	pthread_mutex_unlock(&door->mutex);
}

/* ---- opening and closing -------------------------------------------------------------------- */

static int open_port(struct door *door, struct err *err)
{
	int32_t port = ports_get(door->options.ports, 0);

	if (port < 0)
		return err_set(err, ERR_CONF_BAD_VALUE,
			       "rest.bind-port is \"%s\", which names no port",
			       door->options.ports);
	for (uint32_t i = 0; port >= 0; port = ports_get(door->options.ports, ++i)) {
		struct listen_options listen = {
			.host = door->options.host,
			.port = (uint16_t)port,
			/* The door itself chooses who goes; this bounds what waits for it. */
			.connections_max = door->options.connections_max + ACCEPTS_PER_STEP,
			.gives_reserve = true,
		};

		err_clear(err);
		if (listener_open(door->loop, &listen, &door->agent, &door->listener, err) == 0) {
			door->port = listener_port(door->listener);
			return 0;
		}
		door->listener = NULL;
	}
	return -1;
}

static void init_waiting(struct door *door)
{
	pthread_condattr_t clock;

	pthread_mutex_init(&door->mutex, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&door->changed, &clock);
	pthread_condattr_destroy(&clock);
}

int door_open(const struct door_options *options, struct door **out, struct err *err)
{
	struct door *door = MEM_NEW(struct door);

	door->options = *options;
	if (door->options.connections_max == 0)
		door->options.connections_max = DOOR_CONNECTIONS_MAX;
	door->connections_max = door->options.connections_max;
	door->allow_origin = mem_strdup(options->allow_origin);
	door->host_name = mem_strdup(options->host_name);
	door->token = mem_strdup(options->token);
	door->held_bytes_max = options->held_bytes_max != 0 ?
				       (size_t)options->held_bytes_max :
				       HELD_BYTES_BASE + 2 * (size_t)options->body_bytes_max;
	door->by_number = map_create();
	list_init(&door->connections);
	list_init(&door->queue);
	list_init(&door->inners_idle);
	inbox_init(&door->answers);
	init_waiting(door);
	agent_init(&door->agent, "rest door", door_step);
	door->runner = runner_create(options->world, "rest", err);
	if (door->runner != NULL) {
		runner_keep_together(door->runner);
		door->loop = runner_loop(door->runner);
	}
	if (door->runner == NULL || open_port(door, err) != 0) {
		door_close(&door);
		return -1;
	}
	*out = door;
	return 0;
}

void door_start(struct door *door, uint16_t inner_port)
{
	door->inner_port = inner_port;
	runner_add(door->runner, &door->agent);
}

uint16_t door_port(const struct door *door)
{
	return door->port;
}

struct runner *door_runner(const struct door *door)
{
	return door->runner;
}

void door_close(struct door **pointer)
{
	struct door *door = *pointer;
	struct inbox_node *node;

	if (door == NULL)
		return;
	*pointer = NULL;
	if (door->runner != NULL)
		runner_destroy(&door->runner);
	if (door->listener != NULL)
		listener_close(&door->listener);
	LIST_FOR_EACH (&door->connections, struct door_conn, node, conn)
		door_conn_free(conn);
	free_idle_inners(door);
	if (door->knock != NULL)
		conn_close(&door->knock);
	while ((node = inbox_take(&door->answers)) != NULL) {
		struct door_answer *answer = CONTAINER_OF(node, struct door_answer, node);

		door_answer_free(&answer);
	}
	map_destroy(&door->by_number);
	pthread_mutex_destroy(&door->mutex);
	pthread_cond_destroy(&door->changed);
	mem_free(door->allow_origin);
	mem_free(door->host_name);
	mem_free(door->token);
	mem_free(door);
}
