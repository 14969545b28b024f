/* SPDX-License-Identifier: Apache-2.0
 * socket_source.c - the reader: connect, wait, cut lines, end. See socket_source.h.
 *
 *   IDLE --split--> WAITING --time to try--> CONNECTING --> READING --end of stream--> ENDED
 *                      ^------ refused ----------'
 *
 * Runs on the subtask's runner. The buffer holds whole lines: bytes [begin, end) are read and not
 * yet emitted, and no newline lies before `searched`. It grows with a line that it cannot hold, and
 * is given back when that one is out. */
#include "connectors/socket/socket_source.h"

#include <stdio.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/world/world.h"
#include "connectors/options.h"
#include "connectors/single_split.h"
#include "connectors/text_line.h"

#define LOGGER "SocketSource"
#define BUFFER_BYTES (128 * 1024)
#define READ_BYTES_MIN (32 * 1024) /* room for a read: less is not worth the call */
#define READS_PER_POLL_MAX 4
#define RETRY_MS_MIN 100
#define RETRY_MS_MAX 1000
#define CONNECTING_IS_WAITING_MS 200 /* from then on the status says so */

enum reader_state { READER_IDLE, READER_WAITING, READER_CONNECTING, READER_READING, READER_ENDED };

struct socket_reader {
	const struct operator_context *context;
	struct options options;
	const char *host;
	uint16_t port;
	char *place; /* "localhost:9000" */
	enum reader_state state;
	bool no_more_splits;
	bool told;           /* the log says that we wait */
	struct conn *conn;
	mono_t retry_at, connecting_since;
	int64_t retry_ms;
	struct err reason;   /* why the last try failed */
	bool slow;           /* connecting for longer than CONNECTING_IS_WAITING_MS */
	char *buffer;
	size_t buffer_bytes;
	uint32_t line_bytes_max;
	size_t begin, searched, end;
	uint64_t lines;      /* emitted so far */
	struct buf scratch;
};

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct socket_reader *reader = MEM_NEW(struct socket_reader);

	*self = reader;
	reader->context = context;
	buf_init(&reader->scratch);
	if (options_open(&reader->options, context->parameters, err) < 0 ||
	    text_line_type_check(context->output_type, err) < 0 ||
	    options_port(&reader->options, "port", &reader->port, err) < 0)
		return -1;
	reader->host = options_need(&reader->options, "host", err);
	if (reader->host == NULL)
		return -1;
	reader->place = mem_printf("%s:%u", reader->host, reader->port);
	reader->buffer = mem_alloc(BUFFER_BYTES);
	reader->buffer_bytes = BUFFER_BYTES;
	reader->line_bytes_max = text_line_bytes_max(context);
	reader->retry_ms = RETRY_MS_MIN;
	return 0;
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	struct socket_reader *reader = self;

	if (count > 0 && reader->state == READER_IDLE)
		reader->state = READER_WAITING;
	return 0;
}

static int reader_no_more_splits(void *self, struct err *err)
{
	struct socket_reader *reader = self;

	reader->no_more_splits = true;
	return 0;
}

/* The try failed: again later. */
static void wait_and_retry(struct socket_reader *reader, const struct err *why, mono_t now)
{
	conn_close(&reader->conn);
	reader->reason = *why;
	reader->state = READER_WAITING;
	reader->retry_at = mono_after_ms(now, reader->retry_ms);
	reader->retry_ms =
		reader->retry_ms * 2 < RETRY_MS_MAX ? reader->retry_ms * 2 : RETRY_MS_MAX;
	if (!reader->told)
		log_info(LOGGER, "Waiting for %s: %s", reader->place, why->text);
	reader->told = true;
}

static void connect_now(struct socket_reader *reader, mono_t now)
{
	struct err err = ERR_INIT;

	if (conn_open(reader->context->loop, reader->host, reader->port, reader->context->agent,
		      &reader->conn, &err) < 0) {
		wait_and_retry(reader, &err, now);
		return;
	}
	reader->state = READER_CONNECTING;
	reader->connecting_since = now;
	reader->slow = false;
}

/* Emits whole lines of the buffer. False: the outbox is full and lines may be left. */
static int emit_lines(struct socket_reader *reader, struct outbox *out, struct err *err)
{
	uint32_t bytes_max = reader->line_bytes_max;
	bool ascii = false, known = false; /* asked only when there is a line: they may be long */

	while (!outbox_full(out)) {
		char *newline = memchr(reader->buffer + reader->searched, '\n',
				       reader->end - reader->searched);

		if (newline == NULL) {
			reader->searched = reader->end;
			if (reader->end - reader->begin > (size_t)bytes_max + 1)
				return text_line_too_long(err, reader->place, reader->lines + 1,
							  bytes_max);
			return 1;
		}
		char *line = reader->buffer + reader->begin;

		if (!known)
			ascii = text_line_is_ascii(line, reader->end - reader->begin);
		known = true;
		if (!text_line_emit(out, line, (size_t)(newline - line), bytes_max, ascii,
				    &reader->scratch))
			return text_line_too_long(err, reader->place, reader->lines + 1, bytes_max);
		reader->lines++;
		reader->begin = reader->searched = (size_t)(newline + 1 - reader->buffer);
	}
	return 0;
}

/* The server closed: the last line may lack its end. */
static enum poll end_of_stream(struct socket_reader *reader, struct outbox *out, struct err *err)
{
	size_t left = reader->end - reader->begin;

	conn_close(&reader->conn);
	reader->state = READER_ENDED;
	log_info(LOGGER, "%s ended the stream after %llu lines", reader->place,
		 (unsigned long long)reader->lines + (left > 0));
	if (left > 0 && !text_line_emit(out, reader->buffer + reader->begin, left,
					reader->line_bytes_max, false, &reader->scratch)) {
		text_line_too_long(err, reader->place, reader->lines + 1, reader->line_bytes_max);
		return POLL_ERROR;
	}
	reader->lines += left > 0;
	reader->begin = reader->end;
	return POLL_END;
}

/* A clean end is told by conn_read as "closed by HOST:PORT" (world.h). */
static bool is_clean_end(const struct err *err)
{
	return err->code == ERR_NET_CLOSED && strncmp(err->text, "closed by ", 10) == 0;
}

/* What is not yet emitted goes to the front, and there is room behind it. */
static void make_room(struct socket_reader *reader)
{
	size_t kept = reader->end - reader->begin, wanted = BUFFER_BYTES;

	if (reader->begin > 0)
		memmove(reader->buffer, reader->buffer + reader->begin, kept);
	reader->searched -= reader->begin;
	reader->end = kept;
	reader->begin = 0;
	while (wanted - kept < READ_BYTES_MIN || wanted < kept)
		wanted *= 2;
	/* Grown by doubling; given back only when most of it is not needed any more. */
	if (wanted > reader->buffer_bytes || (kept == 0 && reader->buffer_bytes > BUFFER_BYTES)) {
		reader->buffer = mem_realloc(reader->buffer, wanted);
		reader->buffer_bytes = wanted;
	}
}

/* Reads once. 1: got bytes; 0: none now; -1: failed with err. */
static int read_some(struct socket_reader *reader, struct err *err)
{
	make_room(reader);
	struct slice room = { reader->buffer + reader->end, reader->buffer_bytes - reader->end };
	ssize_t got = conn_read(reader->conn, &room, 1, err);

	if (got <= 0)
		return (int)got;
	reader->end += (size_t)got;
	operator_outside(reader->context, (uint64_t)got);
	return 1;
}

static void note_connected(struct socket_reader *reader)
{
	reader->state = READER_READING;
	reader->retry_ms = RETRY_MS_MIN;
	reader->told = false;
	log_info(LOGGER, "Connected to %s", reader->place);
}

static enum poll poll_connection(struct socket_reader *reader, mono_t now, struct outbox *out,
				 mono_t *wake_at, struct err *err)
{
	for (int reads = 0; reads < READS_PER_POLL_MAX; reads++) {
		int emitted = emit_lines(reader, out, err);

		if (emitted <= 0)
			return emitted < 0 ? POLL_ERROR : POLL_MORE;
		int got = read_some(reader, err);

		if (reader->state == READER_CONNECTING && conn_connected(reader->conn))
			note_connected(reader);
		if (got == 0)
			return POLL_WAIT;
		if (got > 0)
			continue;
		if (reader->state == READER_CONNECTING) {
			wait_and_retry(reader, err, now);
			err_clear(err);
			*wake_at = reader->retry_at;
			return POLL_WAIT;
		}
		if (is_clean_end(err)) {
			err_clear(err);
			return end_of_stream(reader, out, err);
		}
		struct err why = *err;

		err_set(err, ERR_SOURCE_UNREADABLE, "after line %llu of %s: %s",
			(unsigned long long)reader->lines, reader->place, why.text);
		return POLL_ERROR;
	}
	return POLL_MORE;
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct socket_reader *reader = self;

	if (reader->state == READER_ENDED)
		return POLL_END;
	if (reader->state == READER_IDLE)
		return reader->no_more_splits ? POLL_END : POLL_WAIT;
	if (reader->state == READER_WAITING && now >= reader->retry_at)
		connect_now(reader, now);
	if (reader->state == READER_WAITING) {
		*wake_at = reader->retry_at;
		return POLL_WAIT;
	}
	enum poll answer = poll_connection(reader, now, out, wake_at, err);

	if (reader->state == READER_CONNECTING && answer == POLL_WAIT) {
		mono_t slow_at = mono_after_ms(reader->connecting_since, CONNECTING_IS_WAITING_MS);

		reader->slow = now >= slow_at;
		if (!reader->slow)
			*wake_at = mono_min(*wake_at, slow_at);
	}
	return answer;
}

static bool is_local(const char *host)
{
	return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	       strcmp(host, "::1") == 0;
}

static size_t reader_status(const void *self, char *text, size_t size_bytes)
{
	const struct socket_reader *reader = self;
	int length = 0;

	text[0] = '\0';
	bool waits = reader->reason.code != ERR_NONE &&
		     (reader->state == READER_WAITING || reader->state == READER_CONNECTING);

	if (waits && is_local(reader->host))
		length = snprintf(text, size_bytes,
				  "waiting for %s – start 'nc -lk %u' or bin/text-server %u",
				  reader->place, reader->port, reader->port);
	else if (waits)
		length = snprintf(text, size_bytes, "waiting for %s (%s) – start 'nc -lk %u' there",
				  reader->place, reader->reason.text, reader->port);
	else if (reader->state == READER_CONNECTING && reader->slow)
		length = snprintf(text, size_bytes, "waiting for %s, which does not answer yet",
				  reader->place);
	return length < 0 ? 0 : (size_t)length < size_bytes ? (size_t)length : size_bytes - 1;
}

static void reader_close(void **self)
{
	struct socket_reader *reader = *self;

	if (reader == NULL)
		return;
	conn_close(&reader->conn);
	options_close(&reader->options);
	buf_fini(&reader->scratch);
	mem_free(reader->place);
	mem_free(reader->buffer);
	mem_free(reader);
	*self = NULL;
}

/* It ends when the server ends it, which nobody knows beforehand. */
static bool is_endless(struct bytes parameters)
{
	return true;
}

const struct source_vtable socket_source = {
	.name = "socket",
	.non_parallel = true,
	.is_endless = is_endless,
	.enumerator_open = single_split_open,
	.enumerator_step = single_split_step,
	.enumerator_reader = single_split_reader,
	.enumerator_close = single_split_close,
	.reader_open = reader_open,
	.reader_add = reader_add,
	.reader_no_more_splits = reader_no_more_splits,
	.reader_poll = reader_poll,
	.reader_status = reader_status,
	.reader_close = reader_close,
};
