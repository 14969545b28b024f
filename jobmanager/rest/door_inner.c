/* SPDX-License-Identifier: Apache-2.0
 * door_inner.c - the kept connections from the door to civetweb, one request at a time on each.
 *
 * A request is written anew from its parts, with only the headers that mean something inside, so
 * civetweb never reads a stranger's framing. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/door_priv.h"

#define READ_BYTES 65536
#define ANSWER_HEAD_BYTES_MAX 16384

static void disconnect(struct inner *inner)
{
	if (inner->conn != NULL)
		conn_close(&inner->conn);
}

void door_inner_free(struct inner *inner)
{
	list_remove(&inner->node);
	disconnect(inner);
	buf_fini(&inner->out);
	buf_fini(&inner->in);
	mem_free(inner);
}

static int connect_inside(struct door_conn *conn, struct err *err)
{
	struct inner *inner = conn->inner;

	inner->used_before = false;
	inner->written = 0;
	return conn_open(conn->door->loop, "127.0.0.1", conn->door->inner_port, &conn->agent,
			 &inner->conn, err);
}

const char *const door_passed[DOOR_PASSED_MAX + 1] = {
	"Accept",	 "Accept-Encoding", "Content-Type", "Idempotency-Key", "If-Modified-Since",
	"If-None-Match", "If-Range",	    "Last-Event-ID", "Range",
};

static void pass_on(const struct door_head *head, const char *name, struct buf *out)
{
	const char *value = door_header_value(head, name);

	if (value != NULL)
		buf_printf(out, "%s: %s\r\n", name, value);
}

static void write_request(struct door_conn *conn, struct buf *out)
{
	const struct door_head *head = &conn->head;

	buf_clear(out);
	buf_printf(out,
		   "%s %s HTTP/1.1\r\n" DOOR_KEY_HEADER ": %s\r\n" DOOR_NUMBER_HEADER ": %llu\r\n"
		   "Content-Length: %zu\r\n",
		   head->method, head->target, conn->door->options.key,
		   (unsigned long long)conn->number, conn->body.size_bytes);
	if (door_header_value(head, "Host") == NULL)
		buf_add_text(out, "Host: localhost\r\n");
	pass_on(head, "Host", out);
	for (const char *const *name = door_passed; *name != NULL; name++)
		pass_on(head, *name, out);
	buf_add_text(out, "\r\n");
}

/* A connection that nobody uses has nothing to say: else it was closed, or an answer was longer
 * than it said, and what is left of it must not become the next one's. */
static bool is_quiet(struct inner *inner)
{
	char byte;
	struct slice room = { &byte, 1 };
	struct err err;

	return conn_read(inner->conn, &room, 1, &err) == 0;
}

int door_inner_begin(struct door_conn *conn, struct err *err)
{
	struct door *door = conn->door;
	struct inner *inner = LIST_FIRST(&door->inners_idle, struct inner, node);

	if (inner != NULL) {
		list_remove(&inner->node);
	} else {
		inner = MEM_NEW(struct inner);
		buf_init(&inner->out);
		buf_init(&inner->in);
		door->inners_count++;
	}
	conn->inner = inner;
	conn->number = ++door->numbers;
	map_put(door->by_number, bytes_of(&conn->number, sizeof(conn->number)), conn);
	door_conn_go_inside(conn);
	inner->written = inner->head_size = 0;
	inner->until_close = inner->closes = inner->later = false;
	buf_clear(&inner->in);
	write_request(conn, &inner->out);
	if (inner->conn != NULL && !is_quiet(inner))
		disconnect(inner);
	if (inner->conn == NULL)
		return connect_inside(conn, err);
	inner->used_before = true;
	conn_set_wake(inner->conn, &conn->agent);
	return 0;
}

void door_inner_end(struct door_conn *conn, bool keep)
{
	struct inner *inner = conn->inner;
	struct door *door = conn->door;

	if (inner == NULL)
		return;
	conn->inner = NULL;
	if (keep && !inner->closes && !inner->until_close && inner->conn != NULL) {
		conn_set_wake(inner->conn, &door->agent);
		if (inner->in.capacity_bytes > READ_BYTES * 4)
			buf_fini(&inner->in);
		list_push_front(&door->inners_idle, &inner->node);
	} else {
		door->inners_count--;
		door_inner_free(inner);
	}
	agent_wake(&door->agent); /* the next in the queue */
}

/* 1: all is written. */
static int write_on(struct door_conn *conn, struct err *err)
{
	struct inner *inner = conn->inner;
	size_t head = inner->out.size_bytes, total = head + conn->body.size_bytes;

	while (inner->written < total) {
		size_t in_head = inner->written < head ? inner->written : head;
		struct bytes pieces[2] = {
			{ inner->out.data + in_head, head - in_head },
			{ conn->body.data + (inner->written - in_head),
			  conn->body.size_bytes - (inner->written - in_head) },
		};
		ssize_t wrote = conn_write(inner->conn, pieces, 2, err);

		if (wrote <= 0)
			return (int)wrote;
		inner->written += (size_t)wrote;
	}
	return 1;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static bool is_header(const char *line, size_t length, const char *name)
{
	size_t name_length = strlen(name);

	return length > name_length && line[name_length] == ':' &&
	       strncasecmp(line, name, name_length) == 0;
}

/* The number behind a header's colon. */
static uint64_t number_of(const char *line, size_t length)
{
	uint64_t number = 0;

	for (size_t i = 0; i < length; i++)
		if (line[i] >= '0' && line[i] <= '9' && number < UINT64_MAX / 100)
			number = number * 10 + (uint64_t)(line[i] - '0');
	return number;
}

static void take_answer_header(struct door_conn *conn, const char *line, size_t length)
{
	struct inner *inner = conn->inner;

	if (is_header(line, length, "Content-Length")) {
		inner->length = number_of(line, length);
		inner->until_close = false;
	} else if (is_header(line, length, DOOR_LATER_HEADER)) {
		inner->later = true;
		return;
	} else if (is_header(line, length, "Connection") || is_header(line, length, "Keep-Alive")) {
		inner->closes = inner->closes || memmem(line, length, "close", 5) != NULL;
		return;
	} else if (is_header(line, length, "Cache-Control")) {
		inner->cache = bytes_of(line, length); /* the last one counts */
		return;
	} else if (is_header(line, length, "Content-Security-Policy")) {
		conn->own_policy = true;
	}
	buf_add(&conn->out, line, length);
	buf_add_text(&conn->out, "\r\n");
}

/* Takes the answer's head over into conn->out. -1: it is none. */
static int take_answer_head(struct door_conn *conn, size_t size)
{
	struct inner *inner = conn->inner;
	const char *at = inner->in.data, *end = at + size, *feed;

	if (size < 14 || memcmp(at, "HTTP/1.1 ", 9) != 0)
		return -1;
	inner->head_size = size;
	inner->status = (int)number_of(at + 9, 3);
	inner->until_close = true;
	inner->length = 0;
	inner->cache = BYTES_EMPTY;
	buf_clear(&conn->out);
	buf_printf(&conn->out, "HTTP/1.1 %d %s\r\n", inner->status, door_reason(inner->status));
	for (at = memchr(at, '\n', size); at != NULL && ++at < end; at = feed) {
		feed = memchr(at, '\n', (size_t)(end - at));
		if (feed == NULL)
			break;
		size_t length = (size_t)(feed - at);

		if (length > 0 && at[length - 1] == '\r')
			length--;
		if (length > 0)
			take_answer_header(conn, at, length);
	}
	/* A 304 leaves what was told with the whole answer as it is: browsers would put what it
	 * brings in the place of that, or beside it. */
	conn->own_policy = conn->own_policy || inner->status == 304;
	if (inner->cache.size_bytes > 0 && inner->status != 304) {
		buf_add(&conn->out, inner->cache.data, inner->cache.size_bytes);
		buf_add_text(&conn->out, "\r\n");
	}
	if (conn->without_body || inner->status == 304 || inner->status == 204) {
		inner->until_close = false;
		inner->length = 0;
	}
	return 0;
}

/* 1: the answer is whole; 0: not yet; -1: nonsense. */
static int look(struct door_conn *conn, bool ended)
{
	struct inner *inner = conn->inner;
	size_t scanned = 0;

	if (inner->head_size == 0) {
		size_t size = door_head_size(inner->in.data, inner->in.size_bytes, &scanned);

		if (size == 0)
			return inner->in.size_bytes > ANSWER_HEAD_BYTES_MAX || ended ? -1 : 0;
		if (take_answer_head(conn, size) != 0)
			return -1;
	}
	if (inner->until_close)
		return ended;
	if (inner->in.size_bytes - inner->head_size < inner->length)
		return ended ? -1 : 0;
	return inner->in.size_bytes - inner->head_size == inner->length ? 1 : -1;
}

/* The answer's bytes become the connection's. */
static void hand_over(struct door_conn *conn)
{
	struct inner *inner = conn->inner;

	buf_fini(&conn->answer);
	conn->answer = inner->in;
	conn->answer_written = inner->head_size;
	buf_init(&inner->in);
	if (inner->until_close && !conn->without_body)
		buf_printf(&conn->out, "Content-Length: %zu\r\n",
			   conn->answer.size_bytes - inner->head_size);
}

int door_inner_step(struct door_conn *conn, bool *later, struct err *err)
{
	struct inner *inner = conn->inner;
	int written = write_on(conn, err), whole;
	bool ended = false;

	if (written == 0)
		return 0;
	while (written > 0 && !ended) {
		struct slice room = { buf_reserve(&inner->in, READ_BYTES), READ_BYTES };
		ssize_t got = conn_read(inner->conn, &room, 1, err);

		if (got == 0)
			return 0;
		ended = got < 0;
		if (got > 0)
			inner->in.size_bytes += (size_t)got;
		if (inner->in.size_bytes == 0)
			break; /* closed without a word */
		whole = look(conn, ended);
		if (whole > 0) {
			*later = inner->later;
			hand_over(conn);
			return 1;
		}
		if (whole < 0)
			return err_set(err, ERR_NET_PROTOCOL,
				       "The server inside gave no whole answer.");
		if (!door_conn_charge(conn))
			return err_set(err, ERR_TOO_LARGE, "The answer is too large for now; try again in a moment.");
	}
	if (!inner->used_before)
		return -1;
	disconnect(inner); /* it was closed while nobody used it */
	return connect_inside(conn, err);
}
