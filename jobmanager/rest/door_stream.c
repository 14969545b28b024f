/* SPDX-License-Identifier: Apache-2.0
 * door_stream.c - an answer that has no end (server-sent events): its pieces go out as they come.
 *
 * Each piece becomes a chunk; for HTTP/1.0 the bytes run until the connection closes. What waits
 * for a slow client is bounded: beyond DOOR_STREAM_WAITING_MAX it is cut, and may come back for a
 * new beginning. The beginning itself may be large, or nobody with a slow line could ever begin. */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/door_priv.h"

#define PIECE_MS 20000 /* for every 64 KiB, while some wait */
#define READ_BYTES 4096
#define SAID_MAX 65536 /* nothing is read from it any more: who goes on talking is cut */
#define KEPT_BYTES_MAX 65536
#define COMMENT ":\n\n"

void door_stream_over(struct door_conn *conn)
{
	const struct door_options *options = &conn->door->options;

	if (conn->number == 0)
		return;
	options->stream_over(options->context, conn->number);
	door_conn_forget_number(conn);
}

static size_t waiting_bytes(const struct door_conn *conn)
{
	return conn->answer.size_bytes - conn->answer_written;
}

static void add_piece(struct door_conn *conn, const char *bytes, size_t size_bytes)
{
	if (size_bytes == 0)
		return;
	if (waiting_bytes(conn) == 0)
		door_conn_set_deadline(conn, PIECE_MS);
	if (conn->chunked)
		buf_printf(&conn->answer, "%zx\r\n", size_bytes);
	buf_add(&conn->answer, bytes, size_bytes);
	if (conn->chunked)
		buf_add_text(&conn->answer, "\r\n");
}

void door_stream_begin(struct door_conn *conn, struct door_answer *answer)
{
	struct buf *out = &conn->out;

	sm_move(&door_states, &conn->state, DOOR_STREAMING, conn);
	conn->chunked = conn->head.minor == 1;
	conn->close_after = true;
	buf_clear(out);
	buf_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s%s", answer->status,
		   door_reason(answer->status), answer->content_type,
		   conn->chunked ? "Transfer-Encoding: chunked\r\n" : "", answer->headers.data);
	door_add_headers(conn, out);
	buf_add_text(out, "Connection: close\r\n\r\n");
	conn->out_written = conn->answer_written = 0;
	buf_fini(&conn->body);
	buf_fini(&conn->answer);
	add_piece(conn, answer->body.data, answer->body.size_bytes);
	conn->beginning = conn->answer.size_bytes;
	(void)door_conn_charge(conn);
	door_conn_set_deadline(conn, PIECE_MS);
	bool stays = !answer->ends && !conn->without_body && !atomic_load(&conn->door->draining);

	if (!stays && !answer->ends)
		door_stream_over(conn);
	if (!stays)
		door_stream_finish(conn);
	door_answer_free(&answer);
}

void door_stream_add_early(struct door_answer *beginning, struct door_answer *answer)
{
	buf_add(&beginning->body, answer->body.data, answer->body.size_bytes);
	beginning->ends = answer->kind == DOOR_LAST;
	door_answer_free(&answer);
}

void door_stream_finish(struct door_conn *conn)
{
	if (conn->chunked)
		buf_add_text(&conn->answer, "0\r\n\r\n");
	door_conn_forget_number(conn);
	sm_move(&door_states, &conn->state, DOOR_WRITING, conn);
	door_conn_set_deadline(conn, PIECE_MS);
}

static void cut(struct door_conn *conn)
{
	log_info(DOOR_LOGGER,
		 "%s reads its stream too slowly and is cut: %zu bytes wait for it; it may come back.",
		 conn_peer(conn->conn), waiting_bytes(conn));
	door_stream_over(conn);
	door_conn_condemn(conn);
}

void door_stream_take(struct door_conn *conn, struct door_answer *answer)
{
	size_t first = conn->beginning > conn->answer_written
			       ? (size_t)conn->beginning - conn->answer_written
			       : 0;
	size_t waits = waiting_bytes(conn) - first;

	if (conn->condemned) {
		door_answer_free(&answer);
		return;
	}
	add_piece(conn, answer->body.data, answer->body.size_bytes);
	if (answer->kind == DOOR_LAST)
		door_stream_finish(conn);
	else if (!door_conn_charge(conn) || waits > DOOR_STREAM_WAITING_MAX)
		cut(conn);
	door_answer_free(&answer);
}

/* All is written: the memory is for the next piece, unless it was large. */
static void all_written(struct door_conn *conn)
{
	conn->beginning = 0;
	conn->answer_written = 0;
	if (conn->answer.capacity_bytes > KEPT_BYTES_MAX)
		buf_fini(&conn->answer);
	else
		buf_clear(&conn->answer);
	(void)door_conn_charge(conn);
	door_conn_set_deadline(conn, DOOR_STREAM_SILENCE_MS);
}

enum move door_stream_move(struct door_conn *conn)
{
	bool had = waiting_bytes(conn) > 0 || conn->out_written < conn->out.size_bytes;
	enum move written = door_conn_write(conn);

	if (written == MOVE_OVER)
		return MOVE_OVER;
	if (written == MOVE_ON && had)
		all_written(conn);
	if (written == MOVE_WAIT && conn->answer_written > conn->answer.size_bytes / 2) {
		conn->beginning -= conn->beginning < conn->answer_written ? conn->beginning
									  : conn->answer_written;
		buf_consume(&conn->answer, conn->answer_written);
		conn->answer_written = 0;
	}
	ssize_t got = door_conn_read(conn, READ_BYTES);

	if (got < 0 || conn->in.size_bytes > SAID_MAX)
		return MOVE_OVER;
	return got > 0 ? MOVE_ON : MOVE_WAIT;
}

enum move door_stream_deadline(struct door_conn *conn)
{
	if (waiting_bytes(conn) > 0 || conn->out_written < conn->out.size_bytes)
		return MOVE_OVER; /* it does not read at all */
	add_piece(conn, COMMENT, strlen(COMMENT));
	return MOVE_ON;
}
