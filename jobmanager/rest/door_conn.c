/* SPDX-License-Identifier: Apache-2.0
 * door_conn.c - one client's connection: requests are read whole, one at a time, and answered
 * whole.
 *
 * Every state has a deadline; bodies and answers earn more time by every 64 KiB that moves. While
 * an answer is awaited nothing is read, so what a client sends meanwhile waits in its own socket.
 *  */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/door_priv.h"
#include "jobmanager/rest/json_out.h"

#define HEAD_MS 5000   /* from its first byte to its blank line */
#define SILENT_MS 60000 /* before a first byte: browsers open connections ahead of their need */
#define PIECE_MS 20000 /* for every 64 KiB of a body or an answer */
#define PIECE_BYTES 65536
#define QUEUE_MS 30000
#define INSIDE_MS 40000
#define LATER_MS 60000
#define LINGER_MS 2000
#define NOT_KEPT "Cache-Control: no-store\r\n"
#define READ_BYTES 16384
#define MOVES_PER_STEP 32
#define ALWAYS_BYTES (256 * 1024) /* small requests get through whatever the large ones hold */

static const struct sm_state rows[] = {
	[DOOR_HEAD] = { "HEAD",
			SM_TO(DOOR_BODY) | SM_TO(DOOR_QUEUED) | SM_TO(DOOR_WRITING) |
				SM_TO(DOOR_ENDED),
			false },
	[DOOR_BODY] = { "BODY", SM_TO(DOOR_QUEUED) | SM_TO(DOOR_WRITING) | SM_TO(DOOR_ENDED),
			false },
	[DOOR_QUEUED] = { "QUEUED", SM_TO(DOOR_INSIDE) | SM_TO(DOOR_WRITING) | SM_TO(DOOR_ENDED),
			  false },
	[DOOR_INSIDE] = { "INSIDE", SM_TO(DOOR_LATER) | SM_TO(DOOR_WRITING) | SM_TO(DOOR_ENDED),
			  false },
	[DOOR_LATER] = { "LATER",
			 SM_TO(DOOR_STREAMING) | SM_TO(DOOR_WRITING) | SM_TO(DOOR_ENDED), false },
	[DOOR_STREAMING] = { "STREAMING", SM_TO(DOOR_WRITING) | SM_TO(DOOR_ENDED), false },
	[DOOR_WRITING] = { "WRITING", SM_TO(DOOR_HEAD) | SM_TO(DOOR_LINGERING) | SM_TO(DOOR_ENDED),
			   false },
	[DOOR_LINGERING] = { "LINGERING", SM_TO(DOOR_ENDED), false },
	[DOOR_ENDED] = { "ENDED", 0, true },
};
const struct sm_table door_states = { "door connection", ARRAY_COUNT(rows), rows };

/* ---- helpers -------------------------------------------------------------------------------- */

static mono_t now_of(const struct door_conn *conn)
{
	return loop_now(conn->door->loop);
}

void door_conn_set_deadline(struct door_conn *conn, int64_t ms)
{
	conn->deadline = mono_after_ms(now_of(conn), ms);
	conn->progress = 0;
}

static void moved(struct door_conn *conn, size_t bytes)
{
	conn->progress += bytes;
	if (conn->progress >= PIECE_BYTES)
		door_conn_set_deadline(conn, PIECE_MS);
}

ssize_t door_conn_read(struct door_conn *conn, size_t bytes_max)
{
	struct slice room = { buf_reserve(&conn->in, bytes_max), bytes_max };
	struct err err;
	ssize_t got = conn_read(conn->conn, &room, 1, &err);

	if (got > 0)
		conn->in.size_bytes += (size_t)got;
	conn->in.data[conn->in.size_bytes] = '\0';
	return got;
}

bool door_conn_charge(struct door_conn *conn)
{
	struct door *door = conn->door;
	size_t uses = conn->body.capacity_bytes + conn->answer.capacity_bytes +
		      (conn->inner ? conn->inner->in.capacity_bytes : 0);

	door->held_bytes = door->held_bytes - conn->charged + uses;
	conn->charged = uses;
	return door->held_bytes <= door->held_bytes_max || uses <= ALWAYS_BYTES;
}

void door_conn_forget_number(struct door_conn *conn)
{
	if (conn->number != 0)
		map_remove(conn->door->by_number, bytes_of(&conn->number, sizeof(conn->number)));
	conn->number = 0;
}

/* The answer that came before civetweb said "later" is not given. */
static void drop_early(struct door_conn *conn)
{
	struct door *door = conn->door;

	if (conn->early != NULL && conn->early->kind == DOOR_STREAM && !conn->early->ends)
		door->options.stream_over(door->options.context, conn->early->number);
	door_answer_free(&conn->early);
}

enum move door_conn_write(struct door_conn *conn)
{
	size_t size = conn->without_body ? conn->answer_written : conn->answer.size_bytes;
	struct err err;

	while (conn->out_written < conn->out.size_bytes || conn->answer_written < size) {
		struct bytes pieces[2] = {
			{ conn->out.data + conn->out_written,
			  conn->out.size_bytes - conn->out_written },
			{ conn->answer.data + conn->answer_written, size - conn->answer_written },
		};
		ssize_t wrote = conn_write(conn->conn, pieces, 2, &err);

		if (wrote <= 0)
			return wrote < 0 ? MOVE_OVER : MOVE_WAIT;
		size_t of_head =
			(size_t)wrote < pieces[0].size_bytes ? (size_t)wrote : pieces[0].size_bytes;

		conn->out_written += of_head;
		conn->answer_written += (size_t)wrote - of_head;
		moved(conn, (size_t)wrote);
	}
	return MOVE_ON;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void end_head(struct door_conn *conn)
{
	door_add_headers(conn, &conn->out);
	buf_printf(&conn->out, "Connection: %s\r\n\r\n",
		   conn->close_after ? "close" : "keep-alive");
	conn->out_written = 0;
	door_conn_forget_number(conn);
	drop_early(conn);
	buf_fini(&conn->body);
	sm_move(&door_states, &conn->state, DOOR_WRITING, conn);
	door_conn_set_deadline(conn, PIECE_MS);
	(void)door_conn_charge(conn); /* what was answered is sent, however much there is */
}

void door_conn_begin_answer(struct door_conn *conn, int status, const char *content_type,
			    const char *headers)
{
	door_inner_end(conn, false);
	buf_clear(&conn->out);
	buf_printf(&conn->out, "HTTP/1.1 %d %s\r\n", status, door_reason(status));
	if (status == 304 || status == 204)
		buf_fini(&conn->answer);
	else
		buf_printf(&conn->out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
			   content_type, conn->answer.size_bytes);
	if (status == 401)
		buf_add_text(&conn->out, "WWW-Authenticate: Bearer realm=\"flink\"\r\n");
	buf_add_text(&conn->out, headers);
	conn->own_policy = status == 304 ||
			   strcasestr(headers, "\nContent-Security-Policy:") != NULL ||
			   strncasecmp(headers, "Content-Security-Policy:", 24) == 0;
	conn->answer_written = 0;
	end_head(conn);
}

static void take_early(struct door_conn *conn, struct door_answer *answer)
{
	if (conn->early != NULL && conn->early->kind == DOOR_STREAM) {
		door_stream_add_early(conn->early, answer);
		return;
	}
	door_answer_free(&conn->early);
	conn->early = answer;
}

void door_conn_answer(struct door_conn *conn, struct door_answer *answer)
{
	if (conn->state == DOOR_INSIDE) {
		take_early(conn, answer);
		return;
	}
	if (conn->state == DOOR_STREAMING) {
		door_stream_take(conn, answer);
		return;
	}
	if (answer->kind == DOOR_STREAM) {
		door_stream_begin(conn, answer);
		return;
	}
	buf_fini(&conn->answer);
	conn->answer = answer->body;
	buf_init(&answer->body);
	door_conn_begin_answer(conn, answer->status, answer->content_type, answer->headers.data);
	door_answer_free(&answer);
}

void door_conn_refuse(struct door_conn *conn, int status, const char *format, ...)
{
	char message[LIMIT_ERROR_TEXT_BYTES_MAX];
	const char *class = status == 404
				    ? "org.apache.flink.runtime.rest.NotFoundException"
				    : "org.apache.flink.runtime.rest.handler.RestHandlerException";
	int length = snprintf(message, sizeof(message), "%s: ", class);
	struct json_out json;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message + length, sizeof(message) - (size_t)length, format, arguments);
	va_end(arguments);
	if (conn->state == DOOR_HEAD || conn->state == DOOR_BODY)
		conn->close_after = conn->linger_after = true; /* more of it may be on its way */
	buf_fini(&conn->answer);
	json_out_init(&json, &conn->answer);
	json_out_object(&json, NULL);
	json_out_array(&json, "errors");
	json_out_text(&json, NULL, message);
	json_out_close(&json);
	json_out_close(&json);
	door_conn_begin_answer(conn, status, "application/json; charset=UTF-8", NOT_KEPT);
}

/* ---- the machine ---------------------------------------------------------------------------- */

static void enqueue(struct door_conn *conn)
{
	sm_move(&door_states, &conn->state, DOOR_QUEUED, conn);
	door_conn_set_deadline(conn, QUEUE_MS);
	list_push_back(&conn->door->queue, &conn->queued);
	agent_wake(&conn->door->agent);
}

void door_conn_go_inside(struct door_conn *conn)
{
	sm_move(&door_states, &conn->state, DOOR_INSIDE, conn);
	door_conn_set_deadline(conn, INSIDE_MS);
}

static void expect_body(struct door_conn *conn)
{
	uint64_t most = conn->door->options.body_bytes_max;

	if (conn->head.framing == DOOR_LENGTH && conn->head.length > most) {
		door_conn_refuse(
			conn, 413,
			"The request has %llu bytes; rest.server.max-content-length allows %llu.",
			(unsigned long long)conn->head.length, (unsigned long long)most);
		return;
	}
	if (conn->head.expects_continue && conn->in.size_bytes == 0)
		buf_add_text(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
	conn->out_written = 0;
	sm_move(&door_states, &conn->state, DOOR_BODY, conn);
	door_conn_set_deadline(conn, PIECE_MS);
}

static void refuse_head(struct door_conn *conn, int status, const char *why)
{
	log_info(DOOR_LOGGER, "A request of %s is refused: %s", conn_peer(conn->conn), why);
	conn->head = (struct door_head){ .host = "" };
	door_conn_refuse(conn, status, "%s", why);
}

/* A browser asks before it lets another site's page ask, and sends no token with that. */
static bool answer_preflight(struct door_conn *conn)
{
	const struct door_head *head = &conn->head;
	int status;

	if (conn->door->allow_origin == NULL || strcmp(head->method, "OPTIONS") != 0 ||
	    door_header_value(head, "Access-Control-Request-Method") == NULL ||
	    door_forbids(conn->door, head, &status) != NULL)
		return false;
	door_conn_begin_answer(conn, 200, "text/plain", NOT_KEPT);
	return true;
}

/* The head is whole: size bytes at the front of conn->in. */
static void begin_request(struct door_conn *conn, size_t size)
{
	const char *why = "";
	int status;

	conn->head_bytes = mem_strndup(conn->in.data, size);
	status = strlen(conn->head_bytes) == size
			 ? door_head_parse(conn->head_bytes, size, &conn->head, &why)
			 : (why = "There is a NUL in the head.", 400);
	buf_consume(&conn->in, size);
	conn->scanned = 0;
	if (status != 0) {
		refuse_head(conn, status, why);
		return;
	}
	conn->close_after = !conn->head.keep_alive || atomic_load(&conn->door->draining);
	conn->without_body = strcmp(conn->head.method, "HEAD") == 0;
	if (answer_preflight(conn) || !door_auth_admits(conn))
		return;
	why = door_forbids(conn->door, &conn->head, &status);
	if (why != NULL)
		door_conn_refuse(conn, status, "%s", why);
	else if (conn->head.framing == DOOR_NO_BODY)
		enqueue(conn);
	else
		expect_body(conn);
}

static enum move move_head(struct door_conn *conn)
{
	size_t blank = 0, size;

	while (blank < conn->in.size_bytes &&
	       (conn->in.data[blank] == '\r' || conn->in.data[blank] == '\n'))
		blank++;
	if (blank > 0) { /* in front of a request line they mean nothing */
		buf_consume(&conn->in, blank);
		conn->scanned = 0;
	}
	const char *why = door_not_http(conn->in.data, conn->in.size_bytes);

	if (why != NULL) {
		refuse_head(conn, 400, why);
		return MOVE_ON;
	}
	size = door_head_size(conn->in.data, conn->in.size_bytes, &conn->scanned);
	if (size > DOOR_HEAD_BYTES_MAX ||
	    (size == 0 && conn->in.size_bytes > DOOR_HEAD_BYTES_MAX)) {
		conn->head = (struct door_head){ .host = "" };
		door_conn_refuse(conn, 431, "The request's head has more than %d bytes.",
				 DOOR_HEAD_BYTES_MAX);
		return MOVE_ON;
	}
	if (size > 0) {
		begin_request(conn, size);
		return MOVE_ON;
	}
	bool first = conn->in.size_bytes == 0;
	ssize_t got = door_conn_read(conn, READ_BYTES);

	if (got < 0)
		return MOVE_OVER;
	if (got > 0 && first)
		door_conn_set_deadline(conn, HEAD_MS);
	return got > 0 ? MOVE_ON : MOVE_WAIT;
}

/* Moves what is in conn->in into the body. 1: it is whole; 0: more is needed; -1: refused. */
static int take_body(struct door_conn *conn)
{
	uint64_t most = conn->door->options.body_bytes_max;
	size_t taken;
	int result;

	if (conn->head.framing == DOOR_LENGTH) {
		taken = conn->in.size_bytes;
		if (taken > conn->head.length - conn->body.size_bytes)
			taken = (size_t)(conn->head.length - conn->body.size_bytes);
		buf_add(&conn->body, conn->in.data, taken);
		result = conn->body.size_bytes == conn->head.length;
	} else {
		result = door_chunks_take(&conn->chunks, conn->in.data, conn->in.size_bytes, most,
					  &conn->body, &taken);
	}
	buf_consume(&conn->in, taken);
	if (result == -1)
		door_conn_refuse(conn, 400, "The chunks of the request's body are malformed.");
	else if (result == -2)
		door_conn_refuse(
			conn, 413,
			"The request is larger than %llu bytes, which rest.server.max-content-length allows.",
			(unsigned long long)most);
	return result < 0 ? -1 : result;
}

static enum move move_body(struct door_conn *conn)
{
	enum move flushed = door_conn_write(conn); /* 100 Continue */
	ssize_t got;
	int whole;

	if (flushed == MOVE_OVER)
		return MOVE_OVER;
	whole = take_body(conn);
	if (whole < 0)
		return MOVE_ON;
	if (!door_conn_charge(conn)) {
		door_conn_refuse(conn, 503,
				 "Too much is being uploaded just now; try again in a moment.");
		return MOVE_ON;
	}
	if (whole > 0) {
		enqueue(conn);
		return MOVE_ON;
	}
	got = door_conn_read(conn, READ_BYTES * 4);
	if (got < 0)
		return MOVE_OVER;
	moved(conn, (size_t)got);
	return got > 0 ? MOVE_ON : MOVE_WAIT;
}

static enum move move_inside(struct door_conn *conn)
{
	struct err err = ERR_INIT;
	bool later = false;
	int result = door_inner_step(conn, &later, &err);

	if (result == 0)
		return MOVE_WAIT;
	if (result < 0) {
		door_conn_refuse(conn, err.code == ERR_TOO_LARGE ? 503 : 502, "%s", err.text);
		return MOVE_ON;
	}
	door_inner_end(conn, true);
	if (!later) {
		end_head(conn);
		return MOVE_ON;
	}
	sm_move(&door_states, &conn->state, DOOR_LATER, conn);
	door_conn_set_deadline(conn, LATER_MS);
	buf_fini(&conn->answer);
	if (conn->early != NULL) {
		struct door_answer *answer = conn->early;

		conn->early = NULL;
		door_conn_answer(conn, answer);
	}
	return MOVE_ON;
}

static void begin_next(struct door_conn *conn)
{
	mem_free(conn->head_bytes);
	conn->head_bytes = NULL;
	conn->head = (struct door_head){ .host = "" };
	conn->chunks = (struct door_chunks){ 0 };
	buf_fini(&conn->body);
	buf_fini(&conn->answer);
	buf_clear(&conn->out);
	conn->out_written = conn->answer_written = 0;
	conn->without_body = conn->own_policy = false;
	(void)door_conn_charge(conn);
	sm_move(&door_states, &conn->state, DOOR_HEAD, conn);
	door_conn_set_deadline(conn,
			       conn->in.size_bytes > 0 ? HEAD_MS : conn->door->options.idle_ms);
}

static enum move move_writing(struct door_conn *conn)
{
	enum move written = door_conn_write(conn);

	if (written != MOVE_ON)
		return written;
	if (!conn->close_after) {
		begin_next(conn);
		return MOVE_ON;
	}
	if (!conn->linger_after)
		return MOVE_OVER;
	sm_move(&door_states, &conn->state, DOOR_LINGERING, conn);
	door_conn_set_deadline(conn, LINGER_MS);
	return MOVE_ON;
}

/* Closing while the client still sends would make its kernel drop our refusal. */
static enum move move_lingering(struct door_conn *conn)
{
	buf_clear(&conn->in);
	ssize_t got = door_conn_read(conn, READ_BYTES * 4);

	return got > 0 ? MOVE_ON : got == 0 ? MOVE_WAIT : MOVE_OVER;
}

static enum move move(struct door_conn *conn)
{
	switch (conn->state) {
	case DOOR_HEAD: return move_head(conn);
	case DOOR_BODY: return move_body(conn);
	case DOOR_INSIDE: return move_inside(conn);
	case DOOR_STREAMING: return door_stream_move(conn);
	case DOOR_WRITING: return move_writing(conn);
	case DOOR_LINGERING: return move_lingering(conn);
	default: return MOVE_WAIT;
	}
}

static enum move too_late(struct door_conn *conn)
{
	switch (conn->state) {
	case DOOR_HEAD:
		if (conn->in.size_bytes == 0)
			return MOVE_OVER; /* merely idle */
		conn->head = (struct door_head){ .host = "" };
		door_conn_refuse(conn, 408, "The request did not come whole within %d s.",
				 HEAD_MS / 1000);
		return MOVE_ON;
	case DOOR_BODY:
		door_conn_refuse(conn, 408, "The request's body came too slowly.");
		return MOVE_ON;
	case DOOR_QUEUED:
		list_remove(&conn->queued);
		door_conn_refuse(conn, 503, "The JobManager is too busy; try again in a moment.");
		return MOVE_ON;
	case DOOR_INSIDE:
	case DOOR_LATER:
		door_conn_refuse(conn, 504, "The JobManager gave no answer in time.");
		return MOVE_ON;
	case DOOR_STREAMING: return door_stream_deadline(conn);
	default: return MOVE_OVER;
	}
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static enum step end(struct door_conn *conn)
{
	list_remove(&conn->queued);
	if (conn->state == DOOR_STREAMING)
		door_stream_over(conn);
	drop_early(conn);
	door_conn_forget_number(conn);
	door_inner_end(conn, false);
	conn_close(&conn->conn);
	sm_move(&door_states, &conn->state, DOOR_ENDED, conn);
	return STEP_DONE;
}

static enum step conn_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct door_conn *conn = CONTAINER_OF(agent, struct door_conn, agent);
	enum move made = MOVE_ON;

	if (conn->condemned)
		return end(conn);
	for (int i = 0; i < MOVES_PER_STEP && made == MOVE_ON; i++)
		made = move(conn);
	if (made == MOVE_WAIT && now >= conn->deadline)
		made = too_late(conn);
	if (made == MOVE_OVER)
		return end(conn);
	*wake_at = conn->deadline;
	return made == MOVE_ON ? STEP_WORKED : STEP_IDLE;
}

static void gone(struct agent *agent)
{
	struct door_conn *conn = CONTAINER_OF(agent, struct door_conn, agent);

	agent_wake(&conn->door->agent);
	door_conn_free(conn);
}

void door_conn_free(struct door_conn *conn)
{
	struct door *door = conn->door;

	list_remove(&conn->node);
	if (!conn->condemned)
		door->connections_count--;
	door->held_bytes -= conn->charged;
	if (conn->inner != NULL)
		door_inner_free(conn->inner);
	if (conn->conn != NULL)
		conn_close(&conn->conn);
	door_answer_free(&conn->early);
	mem_free(conn->head_bytes);
	buf_fini(&conn->in);
	buf_fini(&conn->body);
	buf_fini(&conn->out);
	buf_fini(&conn->answer);
	mem_free(conn);
}

void door_conn_create(struct door *door, struct conn *accepted)
{
	struct door_conn *conn = MEM_NEW(struct door_conn);

	conn->door = door;
	conn->conn = accepted;
	conn->head.host = "";
	buf_init(&conn->in);
	buf_init(&conn->body);
	buf_init(&conn->out);
	buf_init(&conn->answer);
	list_push_back(&door->connections, &conn->node);
	door->connections_count++;
	door_conn_set_deadline(conn, SILENT_MS);
	agent_init(&conn->agent, "rest connection", conn_step);
	conn->agent.done = gone;
	conn_set_wake(accepted, &conn->agent);
	runner_add(door->runner, &conn->agent);
}

void door_conn_condemn(struct door_conn *conn)
{
	conn->condemned = true;
	conn->door->connections_count--;
	agent_wake(&conn->agent);
}
