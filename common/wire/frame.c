/* SPDX-License-Identifier: Apache-2.0
 * frame.c - cutting frames out of a stream of bytes that may come from anybody.
 *
 * The order of checks is the point: magic, kind, size, and only then room for the body. A stranger
 * that announces 64 MiB makes us hold what it sent, not what it announced. */
#include "common/wire/frame.h"

#include <stdio.h>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/wire/little.h"

#define CHECKSUM_AT 16
#define FLAGS_AT 20
#define READ_BYTES_MIN 4096         /* an idle connection holds no more than this */
#define READ_BYTES_MAX (256 * 1024) /* one read */
#define KEPT_BYTES_MAX (64 * 1024)  /* a buffer larger than this is given back when it is empty */

static const char magic[4] = "cfl1";

static uint32_t frame_checksum(const uint8_t *header, struct bytes body)
{
	uint8_t covered[20];

	memcpy(covered, header, CHECKSUM_AT);
	memcpy(covered + CHECKSUM_AT, header + FLAGS_AT, 4);
	return (uint32_t)(hash_checksum(body.data, body.size_bytes) ^
			  hash_checksum(covered, sizeof(covered)));
}

void frame_header(uint8_t header[FRAME_HEADER_BYTES], uint16_t kind, uint16_t method, uint32_t call,
		  uint32_t flags, struct bytes body)
{
	CHECK(body.size_bytes <= UINT32_MAX, "frame body of %zu bytes", body.size_bytes);
	memcpy(header, magic, sizeof(magic));
	little_put_u32(header + 4, (uint32_t)body.size_bytes);
	little_put_u16(header + 8, kind);
	little_put_u16(header + 10, method);
	little_put_u32(header + 12, call);
	little_put_u32(header + FLAGS_AT, flags);
	little_put_u32(header + CHECKSUM_AT, frame_checksum(header, body));
}

void frame_write(struct buf *out, uint16_t kind, uint16_t method, uint32_t call, uint32_t flags,
		 struct bytes body)
{
	uint8_t header[FRAME_HEADER_BYTES];

	frame_header(header, kind, method, call, flags, body);
	buf_reserve(out, sizeof(header) + body.size_bytes);
	buf_add(out, header, sizeof(header));
	if (body.size_bytes > 0)
		buf_add(out, body.data, body.size_bytes);
}

/* What those bytes probably are: the text helps somebody who mixed up two ports. */
static int frame_stranger(struct bytes bytes, struct err *err)
{
	static const char *const http_verbs[] = { "GET ", "POST", "HEAD", "PUT ", "DELE", "OPTI",
						  "PATC", "CONN", "PRI " };
	const uint8_t *at = bytes.data;
	char hex[3 * sizeof(magic) + 1] = "";

	for (size_t i = 0; bytes.size_bytes >= 4 && i < ARRAY_COUNT(http_verbs); i++) {
		if (memcmp(at, http_verbs[i], 4) == 0)
			return err_set(err, ERR_NET_PROTOCOL,
				       "sent an HTTP request, but this port speaks cflink's own "
				       "protocol; the web interface listens on rest.port");
	}
	if (bytes.size_bytes >= 2 && at[0] == 0x16 && at[1] == 0x03)
		return err_set(err, ERR_NET_PROTOCOL,
			       "sent a TLS hello, but this port speaks cflink's own protocol");
	for (size_t i = 0; i < bytes.size_bytes && i < sizeof(magic); i++)
		snprintf(hex + 3 * i, sizeof(hex) - 3 * i, " %02x", at[i]);
	return err_set(err, ERR_NET_PROTOCOL,
		       "sent bytes that are no cflink frame (they begin with%s)", hex);
}

/* The whole frame's size once its header is there and acceptable, or FRAME_HEADER_BYTES before
 * that; -1 with err. */
static int64_t frame_size(struct bytes bytes, frame_size_max_fn *size_max, void *context,
			  struct err *err)
{
	const uint8_t *at = bytes.data;
	size_t magic_bytes = bytes.size_bytes < sizeof(magic) ? bytes.size_bytes : sizeof(magic);

	if (magic_bytes > 0 && memcmp(at, magic, magic_bytes) != 0)
		return frame_stranger(bytes, err);
	if (bytes.size_bytes < FRAME_HEADER_BYTES)
		return FRAME_HEADER_BYTES;

	uint32_t size_bytes = little_get_u32(at + 4);
	uint16_t kind = little_get_u16(at + 8), method = little_get_u16(at + 10);
	int64_t size_bytes_max = size_max(context, kind, method);

	if (size_bytes_max < 0)
		return err_set(err, ERR_NET_PROTOCOL,
			       "sent a frame of kind %u, method %u, which is not expected now",
			       kind, method);
	if (size_bytes > size_bytes_max)
		return err_set(err, ERR_NET_PROTOCOL,
			       "announced a frame of kind %u, method %u with %u bytes; at most "
			       "%lld are allowed",
			       kind, method, size_bytes, (long long)size_bytes_max);
	return FRAME_HEADER_BYTES + (int64_t)size_bytes;
}

int frame_parse(struct bytes bytes, frame_size_max_fn *size_max, void *context, struct frame *frame,
		size_t *used, struct err *err)
{
	int64_t size_bytes = frame_size(bytes, size_max, context, err);
	const uint8_t *at = bytes.data;

	*used = 0;
	if (size_bytes < 0)
		return -1;
	if (bytes.size_bytes < FRAME_HEADER_BYTES || bytes.size_bytes < (uint64_t)size_bytes)
		return 0;
	*frame = (struct frame){
		.kind = little_get_u16(at + 8),
		.method = little_get_u16(at + 10),
		.call = little_get_u32(at + 12),
		.flags = little_get_u32(at + FLAGS_AT),
		.body = bytes_of(at + FRAME_HEADER_BYTES, (size_t)size_bytes - FRAME_HEADER_BYTES),
	};
	if (frame_checksum(at, frame->body) != little_get_u32(at + CHECKSUM_AT))
		return err_set(err, ERR_NET_PROTOCOL,
			       "sent a frame of kind %u, method %u with %zu bytes whose checksum "
			       "is wrong",
			       frame->kind, frame->method, frame->body.size_bytes);
	*used = (size_t)size_bytes;
	return 1;
}

void frame_reader_init(struct frame_reader *reader, frame_size_max_fn *size_max, void *context)
{
	buf_init(&reader->buffer);
	reader->consumed_bytes = 0;
	reader->size_max = size_max;
	reader->context = context;
}

void frame_reader_fini(struct frame_reader *reader)
{
	buf_fini(&reader->buffer);
	reader->consumed_bytes = 0;
}

static struct bytes frame_reader_rest(const struct frame_reader *reader)
{
	if (reader->buffer.size_bytes == reader->consumed_bytes)
		return BYTES_EMPTY;
	return bytes_of(reader->buffer.data + reader->consumed_bytes,
			reader->buffer.size_bytes - reader->consumed_bytes);
}

/* Drops what was given out and makes room for the next read. The room follows what is there
 * already: a large frame's buffer at most doubles per read. */
static struct slice frame_reader_room(struct frame_reader *reader, size_t size_bytes)
{
	struct buf *buffer = &reader->buffer;

	if (reader->consumed_bytes == buffer->size_bytes) {
		buf_clear(buffer);
		if (buffer->capacity_bytes > KEPT_BYTES_MAX) {
			buf_fini(buffer);
			buf_init(buffer);
		}
	} else {
		buf_consume(buffer, reader->consumed_bytes);
	}
	reader->consumed_bytes = 0;

	size_t there = buffer->size_bytes;
	size_t room = size_bytes - there;
	size_t room_max = there < READ_BYTES_MIN ? READ_BYTES_MIN : there;

	if (room > room_max)
		room = room_max;
	if (room > READ_BYTES_MAX)
		room = READ_BYTES_MAX;
	if (room < READ_BYTES_MIN)
		room = READ_BYTES_MIN;
	return (struct slice){ buf_reserve(buffer, room), room };
}

int frame_read(struct frame_reader *reader, struct conn *conn, struct frame *frame, struct err *err)
{
	for (;;) {
		struct bytes rest = frame_reader_rest(reader);
		size_t used;
		int result = frame_parse(rest, reader->size_max, reader->context, frame, &used,
					 err);

		if (result < 0)
			return err_wrap(err, "%s", conn_peer(conn));
		if (result > 0) {
			reader->consumed_bytes += used;
			return 1;
		}

		int64_t size_bytes = frame_size(rest, reader->size_max, reader->context, err);
		struct slice room = frame_reader_room(reader, (size_t)size_bytes);
		ssize_t got = conn_read(conn, &room, 1, err);

		if (got == 0)
			return 0;
		if (got < 0 && rest.size_bytes > 0)
			return err_wrap(err, "after %zu of the %lld bytes of a frame",
					rest.size_bytes, (long long)size_bytes);
		if (got < 0)
			return -1;
		reader->buffer.size_bytes += (size_t)got;
		reader->buffer.data[reader->buffer.size_bytes] = '\0';
	}
}
