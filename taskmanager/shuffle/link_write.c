/* SPDX-License-Identifier: Apache-2.0
 * link_write.c - the queue of frames on their way out: bodies are sent from where they lie, several
 * frames with one call, and a frame that was cut goes on where it was cut. */
#include "common/base/check.h"
#include "taskmanager/shuffle/shuffle_priv.h"

struct link_frame *link_frame_next(struct link *link)
{
	struct link_frame *frame;

	if (link->frames_count == LINK_FRAMES)
		return NULL;
	frame = &link->frames[(link->frames_first + link->frames_count) % LINK_FRAMES];
	memset(frame, 0, sizeof(*frame));
	return frame;
}

void link_frame_put(struct link *link, struct link_frame *frame, const struct data_frame *what,
		    struct bytes body)
{
	frame->body = body;
	data_frame_write(frame->header, what, body);
	link->frames_count++;
}

void link_frame_put_error(struct link *link, struct link_frame *frame,
			  const struct data_frame *what, const struct err *error)
{
	frame->owned = mem_alloc(DATA_FRAME_ERROR_BYTES_MAX);
	link_frame_put(link, frame, what,
		       bytes_of(frame->owned, data_error_write(frame->owned, error)));
}

static void link_pay(struct link *link)
{
	LIST_FOR_EACH(&link->owing, struct link_channel, owes_node, channel) {
		if (!(link->is_consumer ? link_in_pay(channel) : link_out_pay(channel)))
			return;
		list_remove(&channel->owes_node);
	}
}

static uint32_t link_pieces(const struct link *link, uint32_t frames_max, struct bytes *pieces)
{
	size_t skip = link->sent_bytes;
	uint32_t count = 0;

	for (uint32_t i = 0; i < link->frames_count && i < frames_max; i++) {
		const struct link_frame *frame =
			&link->frames[(link->frames_first + i) % LINK_FRAMES];
		struct bytes both[2] = { bytes_of(frame->header, DATA_FRAME_HEADER_BYTES),
					 frame->body };

		for (int part = 0; part < 2; part++) {
			size_t left = both[part].size_bytes;

			if (skip >= left) {
				skip -= left;
				continue;
			}
			pieces[count++] =
				bytes_of((const char *)both[part].data + skip, left - skip);
			skip = 0;
		}
	}
	return count;
}

static void link_sent(struct link *link, size_t size_bytes)
{
	link->sent_bytes += size_bytes;
	while (link->frames_count > 0) {
		struct link_frame *frame = &link->frames[link->frames_first];
		size_t total = DATA_FRAME_HEADER_BYTES + frame->body.size_bytes;

		if (link->sent_bytes < total)
			return;
		link->sent_bytes -= total;
		link->frames_first = (link->frames_first + 1) % LINK_FRAMES;
		link->frames_count--;
		segment_unref(&frame->segment);
		mem_free(frame->owned);
		if (frame->channel != NULL)
			link_out_written(frame->channel, frame);
	}
	CHECK(link->sent_bytes == 0, "%zu bytes were sent that are no frame", link->sent_bytes);
}

int link_write(struct link *link, struct err *err)
{
	struct bytes pieces[2 * LINK_FRAMES];
	size_t written_bytes = 0;

	for (;;) {
		/* A legal nasty choice: few frames at a time, so that every order of things is met.
		 *  */
		bool few = world_chance(link->shuffle->world, "a data connection writes one frame");

		link_pay(link);
		if (!link->is_consumer)
			link_out_serve(link);
		if (link->frames_count == 0)
			return 0;
		uint32_t count = link_pieces(link, few ? 1 : LINK_FRAMES, pieces);
		ssize_t sent = conn_write(link->conn, pieces, count, err);

		if (sent <= 0)
			return (int)sent;
		link_sent(link, (size_t)sent);
		written_bytes += (size_t)sent;
		if (written_bytes >= LINK_BYTES_PER_STEP || few)
			return 1;
	}
}
