/* SPDX-License-Identifier: Apache-2.0
 * http.c - see http.h. The answer is collected and looked at again with each piece: answers are
 * small (a job list, some printed lines), and one parser that sees everything is easy to fuzz. */
#include "client/cli/http.h"

#include <stdlib.h>
#include <strings.h>

#include "common/base/mem.h"

#define HEAD_BYTES_MAX (64 * 1024)
#define ANSWER_BYTES_MAX (64 * 1024 * 1024)
#define READ_BYTES (64 * 1024)

struct http_call {
	struct conn *conn;
	struct buf head;  /* of the request, what is not sent yet */
	struct bytes body;
	struct buf in;
	bool connected, complete;
	struct http_response response;
};

/* ---- parsing -------------------------------------------------------------------------------- */

struct http_head {
	int status;
	size_t size_bytes;     /* with the empty line */
	int64_t content_bytes; /* -1: not said */
	bool chunked;
};

static int broken(struct err *err, const char *what)
{
	return err_set(err, ERR_NET_PROTOCOL, "the answer is not valid HTTP: %s", what);
}

/* The value of a header line that begins with `name` and ':', or NULL. *length without blanks. */
static const char *header_value(const char *line, size_t line_length, const char *name,
				size_t *length)
{
	size_t name_length = strlen(name);

	if (line_length <= name_length || line[name_length] != ':' ||
	    strncasecmp(line, name, name_length) != 0)
		return NULL;
	const char *value = line + name_length + 1, *end = line + line_length;

	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*length = (size_t)(end - value);
	return value;
}

/* A number that fills the text; -1: it does not. */
static int64_t number_of(const char *text, size_t length, int base)
{
	char copy[32], *end;

	if (length == 0 || length >= sizeof(copy) || strchr("-+ \t", text[0]) != NULL)
		return -1;
	memcpy(copy, text, length);
	copy[length] = '\0';
	long long value = strtoll(copy, &end, base);

	return *end == '\0' && value >= 0 && value <= ANSWER_BYTES_MAX ? value : -1;
}

static int parse_header_line(const char *line, size_t length, struct http_head *head,
			     struct err *err)
{
	size_t value_length;
	const char *value = header_value(line, length, "Content-Length", &value_length);

	if (value != NULL) {
		head->content_bytes = number_of(value, value_length, 10);
		if (head->content_bytes < 0)
			return broken(err, "its Content-Length is no number or too large");
	}
	value = header_value(line, length, "Transfer-Encoding", &value_length);
	if (value != NULL) {
		if (value_length != 7 || strncasecmp(value, "chunked", 7) != 0)
			return broken(err, "its Transfer-Encoding is not known");
		head->chunked = true;
	}
	return 0;
}

static int parse_status_line(const char *line, size_t length, struct http_head *head,
			     struct err *err)
{
	if (length < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
		return broken(err, "it does not begin with HTTP/1.1 and a status");
	head->status = (int)number_of(line + 9, 3, 10);
	if (head->status < 100 || head->status > 599)
		return broken(err, "its status is not from 100 to 599");
	return 0;
}

/* 1: the head is there; 0: not yet whole. */
static int parse_head(struct bytes bytes, struct http_head *head, struct err *err)
{
	const char *begin = bytes.data, *at = begin, *end = begin + bytes.size_bytes;

	*head = (struct http_head){ .content_bytes = -1 };
	for (;;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (newline == NULL || newline - begin > HEAD_BYTES_MAX)
			break;
		size_t length = (size_t)(newline - at) - (newline > at && newline[-1] == '\r');

		if (at != begin && length == 0) {
			head->size_bytes = (size_t)(newline + 1 - begin);
			return 1;
		}
		if ((at == begin ? parse_status_line : parse_header_line)(at, length, head, err) <
		    0)
			return -1;
		at = newline + 1;
	}
	if (bytes.size_bytes > HEAD_BYTES_MAX)
		return broken(err, "its head has more than 64 KiB");
	if (bytes.size_bytes >= 7 && memcmp(begin, "HTTP/1.", 7) != 0)
		return broken(err, "it does not begin with HTTP/1.1 and a status");
	return 0;
}

/* 1: all chunks and the last, empty one; 0: not yet. */
static int parse_chunks(struct bytes bytes, struct buf *body, struct err *err)
{
	const char *at = bytes.data, *end = at + bytes.size_bytes;

	for (;;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (newline == NULL)
			return end - at > 1024 ? broken(err, "a chunk has no size") : 0;
		size_t length = strcspn(at, ";\r\n");
		int64_t size_bytes = number_of(at, length, 16);

		if (size_bytes < 0)
			return broken(err, "a chunk has no size");
		at = newline + 1;
		if (size_bytes == 0) /* trailers, if any, say nothing to us */
			return 1;
		if (end - at < size_bytes + 1)
			return 0;
		buf_add(body, at, (size_t)size_bytes);
		at += size_bytes;
		at += *at == '\r' && at + 1 < end;
		if (*at != '\n')
			return end - at < 2 ? 0 : broken(err, "a chunk is longer than its size");
		at++;
	}
}

int http_parse(struct bytes bytes, bool end_of_stream, struct http_response *response,
	       struct err *err)
{
	struct http_head head;
	int result;

	/* "100 Continue" and its kin come in front of the answer. */
	while ((result = parse_head(bytes, &head, err)) == 1 && head.status < 200)
		bytes = bytes_of((const char *)bytes.data + head.size_bytes,
				 bytes.size_bytes - head.size_bytes);
	if (result == 0 && end_of_stream)
		return broken(err, "it ends within its head");
	if (result <= 0)
		return result;
	struct bytes rest = bytes_of((const char *)bytes.data + head.size_bytes,
				     bytes.size_bytes - head.size_bytes);

	response->status = head.status;
	buf_clear(&response->body);
	if (head.status == 204 || head.status == 304)
		return 1;
	if (head.chunked) {
		result = parse_chunks(rest, &response->body, err);
	} else if (head.content_bytes >= 0) {
		result = rest.size_bytes >= (uint64_t)head.content_bytes;
		if (result == 1)
			buf_add(&response->body, rest.data, (size_t)head.content_bytes);
	} else {
		buf_add(&response->body, rest.data, rest.size_bytes);
		return end_of_stream;
	}
	if (result == 0 && end_of_stream)
		return broken(err, "it ends within its body");
	return result;
}

void http_escape(const char *text, struct buf *into)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    strchr("-._~", c) != NULL)
			buf_add(into, text, 1);
		else
			buf_printf(into, "%%%02X", c);
	}
}

/* ---- calling -------------------------------------------------------------------------------- */

int http_open(struct loop *loop, const struct http_request *request, struct agent *wake,
	      struct http_call **call_at, struct err *err)
{
	struct http_call *call = MEM_NEW(struct http_call);

	buf_init(&call->head);
	buf_init(&call->in);
	buf_init(&call->response.body);
	*call_at = call;
	buf_printf(
		&call->head,
		"%s %s HTTP/1.1\r\nHost: %s:%u\r\nConnection: close\r\nAccept: application/json\r\n",
		request->method, request->target, request->host, request->port);
	if (request->token != NULL)
		buf_printf(&call->head, "Authorization: Bearer %s\r\n", request->token);
	if (request->content_type != NULL)
		buf_printf(&call->head, "Content-Type: %s\r\nContent-Length: %zu\r\n",
			   request->content_type, request->body.size_bytes);
	buf_add_text(&call->head, "\r\n");
	call->body = request->body;
	if (conn_open(loop, request->host, request->port, wake, &call->conn, err) == 0)
		return 0;
	http_close(call_at);
	return -1;
}

/* 1: all is sent; 0: not yet. */
static int send_request(struct http_call *call, struct err *err)
{
	while (call->head.size_bytes + call->body.size_bytes > 0) {
		struct bytes parts[2] = { buf_bytes(&call->head), call->body };
		ssize_t sent = conn_write(call->conn, parts, 2, err);

		if (sent <= 0)
			return (int)sent;
		size_t of_head =
			(size_t)sent < call->head.size_bytes ? (size_t)sent : call->head.size_bytes;

		buf_consume(&call->head, of_head);
		call->body.data = (const char *)call->body.data + ((size_t)sent - of_head);
		call->body.size_bytes -= (size_t)sent - of_head;
	}
	return 1;
}

/* Reads what there is. 1: got some; 0: none now; -1: ended, err says how. */
static int read_answer(struct http_call *call, struct err *err)
{
	int result = 0;

	for (;;) {
		struct slice room = { buf_reserve(&call->in, READ_BYTES), READ_BYTES };
		ssize_t got = conn_read(call->conn, &room, 1, err);

		if (got <= 0)
			return got < 0 ? -1 : result;
		call->in.size_bytes += (size_t)got;
		result = 1;
		if (call->in.size_bytes > ANSWER_BYTES_MAX)
			return err_set(err, ERR_NET_PROTOCOL, "the answer has more than 64 MiB");
	}
}

int http_step(struct http_call *call, struct err *err)
{
	struct err send_err = ERR_INIT, read_err = ERR_INIT;

	if (call->complete)
		return 1;
	/* A server may answer (and close) before it has read everything: the answer counts. */
	int sent = send_request(call, &send_err);
	int got = read_answer(call, &read_err);

	call->connected = call->connected || conn_connected(call->conn);
	if (call->in.size_bytes > 0) {
		int parsed = http_parse(buf_bytes(&call->in), got < 0, &call->response, err);

		if (parsed != 0) {
			call->complete = parsed == 1;
			return parsed;
		}
	}
	if (got < 0 || sent < 0) {
		*err = sent < 0 ? send_err : read_err;
		return -1;
	}
	return 0;
}

bool http_connected(const struct http_call *call)
{
	return call->connected;
}

bool http_heard(const struct http_call *call)
{
	return call->in.size_bytes > 0;
}

const struct http_response *http_response(const struct http_call *call)
{
	return &call->response;
}

void http_close(struct http_call **call_at)
{
	struct http_call *call = *call_at;

	if (call == NULL)
		return;
	conn_close(&call->conn);
	buf_fini(&call->head);
	buf_fini(&call->in);
	buf_fini(&call->response.body);
	mem_free(call);
	*call_at = NULL;
}
