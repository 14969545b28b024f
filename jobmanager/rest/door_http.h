/* SPDX-License-Identifier: Apache-2.0
 * door_http.h - strict reading of HTTP/1.1 requests (RFC 9112): the head, and bodies sent in
 * chunks.
 *
 * What two readers could understand differently is refused: two lengths, a length beside chunks, a
 * folded header, a bare CR, two Host lines. Pure functions over bytes; the door calls them. */
#ifndef JOBMANAGER_REST_DOOR_HTTP_H
#define JOBMANAGER_REST_DOOR_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

#define DOOR_HEAD_BYTES_MAX (96 * 1024) /* 2 000 metric names in one address fit */
#define DOOR_HEADERS_MAX 64
#define DOOR_HEADER_BYTES_MAX 8192 /* of one */

struct door_header {
	const char *name, *value; /* value without the blanks around it */
};

enum door_framing { DOOR_NO_BODY, DOOR_LENGTH, DOOR_CHUNKED };

struct door_head { /* texts lie in the bytes that were parsed */
	const char *method;
	const char *target; /* "/path?query", or "*"; printable ASCII */
	int minor;	    /* HTTP/1.minor */
	struct door_header headers[DOOR_HEADERS_MAX];
	uint32_t headers_count;
	const char *host; /* "" if an HTTP/1.0 request has none */
	enum door_framing framing;
	uint64_t length; /* of the body, with DOOR_LENGTH */
	bool keep_alive, expects_continue;
};

/* The size of the head at the front, with its blank line; 0: it has not come whole. *scanned: how
 * far was looked already (start with 0), so that a head in single bytes costs no more. */
size_t door_head_size(const char *bytes, size_t size_bytes, size_t *scanned);

/* Why these first bytes can never become a request, so that nobody waits for more of them; NULL:
 * they can. */
const char *door_not_http(const char *bytes, size_t size_bytes);

/* Cuts a head of that size into its parts, writing NULs into it. 0, or the status to refuse it with
 * and a sentence. `bytes` must be followed by a NUL. */
int door_head_parse(char *bytes, size_t size_bytes, struct door_head *head, const char **why);
const char *door_header_value(const struct door_head *head, const char *name); /* NULL: not there */

enum door_chunk_state {
	DOOR_CHUNK_SIZE,
	DOOR_CHUNK_BLANK, /* behind the size: an extension or the line's end follows */
	DOOR_CHUNK_EXTENSION,
	DOOR_CHUNK_SIZE_LF,
	DOOR_CHUNK_DATA,
	DOOR_CHUNK_CR,
	DOOR_CHUNK_LF,
	DOOR_CHUNK_TRAILER,
	DOOR_CHUNK_TRAILER_LINE,
	DOOR_CHUNK_TRAILER_LF,
	DOOR_CHUNK_LAST_LF,
	DOOR_CHUNKS_END,
};

struct door_chunks { /* zeroed at the start */
	enum door_chunk_state state;
	uint32_t digits, line_bytes, trailer_bytes;
	uint64_t left; /* of the chunk under way */
};

/* Takes what it can of the bytes, adding the body to `into`. 1: the body is whole; 0: more is
 * needed; -1: malformed; -2: the body would exceed bytes_max. *taken: how many were used. */
int door_chunks_take(struct door_chunks *chunks, const char *bytes, size_t size_bytes,
		     uint64_t bytes_max, struct buf *into, size_t *taken);

/* Percent-decodes; '+' becomes a blank if `form`. NULL: a crooked escape, or one of NUL. mem_free.
 *  */
char *door_decode(const char *text, size_t length, bool form);

const char *door_reason(int status); /* "Not Found" */

#endif
