/* SPDX-License-Identifier: Apache-2.0
 * link_read.c - cutting the frames of a data connection.
 *
 * The bytes of runs go from the socket to their place in a segment; only what was read ahead with a
 * header is copied once. A body is looked at when it is whole and its checksum is right. */
#include "common/base/check.h"
#include "taskmanager/shuffle/shuffle_priv.h"

#define AHEAD_BYTES_SMALL 512 /* read behind a large body: the next header and little of its body */
#define LARGE_BODY_BYTES 4096

void link_input_begin(struct link *link, struct bytes read_ahead)
{
	struct link_input *input = &link->input;

	CHECK(read_ahead.size_bytes <= sizeof(input->staged), "%zu bytes were read ahead",
	      read_ahead.size_bytes);
	if (read_ahead.size_bytes > 0)
		memcpy(input->staged, read_ahead.data, read_ahead.size_bytes);
	input->staged_end = (uint32_t)read_ahead.size_bytes;
}

static uint32_t link_take_staged(struct link_input *input, void *into, uint32_t size_bytes)
{
	uint32_t there = input->staged_end - input->staged_first;

	if (size_bytes > there)
		size_bytes = there;
	if (into != NULL && size_bytes > 0)
		memcpy(into, input->staged + input->staged_first, size_bytes);
	input->staged_first += size_bytes;
	return size_bytes;
}

/* 1 = the header is whole and acceptable, and the body has a place; 0 = not yet. */
static int link_read_header(struct link *link, struct err *err)
{
	struct link_input *input = &link->input;

	if (!input->wants_room) {
		input->header_bytes +=
			link_take_staged(input, input->header + input->header_bytes,
					 DATA_FRAME_HEADER_BYTES - input->header_bytes);
		if (input->header_bytes < DATA_FRAME_HEADER_BYTES)
			return 0;
		if (data_frame_read(input->header, link->is_consumer,
				    segment_pool_segment_bytes(link->shuffle->pool), &input->frame,
				    err) != 0)
			return -1;
		if (input->frame.flags & DATA_LZ4 && link->packed == NULL)
			return err_set(err, ERR_NET_PROTOCOL,
				       "sent a packed data frame, which was not agreed on");
		input->body = (char *)input->small;
		input->body_bytes = 0;
	}
	if (input->frame.kind == DATA_BYTES) {
		int room = link_in_room(link, err);

		input->wants_room = room == 0;
		if (room <= 0)
			return room;
	}
	input->in_body = true;
	return 1;
}

static int link_frame_whole(struct link *link, struct err *err)
{
	struct link_input *input = &link->input;
	struct bytes body = bytes_of(input->body, input->frame.size_bytes);

	input->in_body = false;
	input->header_bytes = 0;
	if (input->body == NULL)
		return 0; /* nobody wants it any more */
	if (!data_frame_intact(input->header, body))
		return err_set(err, ERR_NET_PROTOCOL,
			       "sent a data frame of kind %s with %u bytes whose checksum is wrong",
			       data_frame_kind_name(input->frame.kind), input->frame.size_bytes);
	if (input->frame.kind == DATA_BYTES)
		return link_in_bytes_done(link, err);
	return link->is_consumer ? link_in_frame(link, &input->frame, body, err) :
				   link_out_frame(link, &input->frame, body, err);
}

/* Eats what was read ahead. 1 = wants more bytes; 0 = waits for a free segment. */
static int link_eat(struct link *link, struct err *err)
{
	struct link_input *input = &link->input;

	for (;;) {
		if (!input->in_body) {
			int header = link_read_header(link, err);

			if (header < 0)
				return -1;
			if (header == 0)
				return input->wants_room ? 0 : 1;
		}
		uint32_t missing = input->frame.size_bytes - input->body_bytes;
		char *into = input->body != NULL ? input->body + input->body_bytes : NULL;

		input->body_bytes += link_take_staged(input, into, missing);
		if (input->body_bytes < input->frame.size_bytes)
			return 1;
		if (link_frame_whole(link, err) != 0)
			return -1;
	}
}

int link_read(struct link *link, struct err *err)
{
	struct link_input *input = &link->input;
	size_t read_bytes = 0;

	for (;;) {
		int eaten = link_eat(link, err);

		if (eaten < 0)
			return err_wrap(err, "%s", link->name);
		if (eaten == 0)
			return 0;
		if (read_bytes >= LINK_BYTES_PER_STEP)
			return 1;
		CHECK(input->staged_first == input->staged_end,
		      "bytes were read ahead and not eaten");
		input->staged_first = input->staged_end = 0;
		uint32_t rest = input->in_body && input->body != NULL ?
					input->frame.size_bytes - input->body_bytes : 0;
		bool large = input->frame.size_bytes >= LARGE_BODY_BYTES;
		struct slice into[2] = {
			{ input->staged,
			  large && rest > 0 ? AHEAD_BYTES_SMALL : LINK_STAGED_BYTES },
		};

		if (rest > 0) {
			into[1] = into[0];
			into[0] = (struct slice){ input->body + input->body_bytes, rest };
		}
		ssize_t got = conn_read(link->conn, into, rest > 0 ? 2 : 1, err);

		if (got <= 0)
			return (int)got;
		uint32_t direct = got < rest ? (uint32_t)got : rest;

		input->body_bytes += direct;
		input->staged_end = (uint32_t)got - direct;
		read_bytes += (size_t)got;
	}
}
