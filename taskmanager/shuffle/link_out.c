/* SPDX-License-Identifier: Apache-2.0
 * link_out.c - outgoing channels: the producing end of a data connection, which consumes the
 * channels of this TaskManager and sends what it takes, as far as the far consumer gave credit.
 *
 * Ready channels are served in turns, a frame each. What was taken is released when it is written:
 * a segment stays the channel's while the socket still needs it. */
#include "common/base/check.h"
#include "common/base/mark.h"
#include "taskmanager/shuffle/shuffle_priv.h"

/* ---- beginning and end ---------------------------------------------------------------------- */

static void link_out_attach(struct link_channel *channel)
{
	struct link *link = channel->link;

	channel->channel = channel->entry->channel;
	channel->state = OUT_OPEN;
	channel_allow_units(channel->channel, channel->allowed_units);
	gate_set_floating(link->gate, link->shuffle->pool, link->shuffle->floating_segments);
	gate_add(link->gate, channel->channel, channel->number);
	place_link_look(link);
	link_owe(channel, OWES_OPENED);
}

/* The last frame is to be sent. The channel's side is left when that is written, because frames
 * before it may still lie in the channel's segments. */
static void link_out_end(struct link_channel *channel, uint8_t kind, const struct err *why)
{
	if (channel->state == OUT_ENDING)
		return;
	channel->state = OUT_ENDING;
	channel->last_kind = kind;
	channel->last_error = why ? mem_dup(why, sizeof(*why)) : NULL;
	if (channel->channel != NULL)
		gate_retire(channel->link->gate, channel->channel);
	link_owe(channel, OWES_LAST);
}

static void link_out_leave(struct link_channel *channel)
{
	struct shuffle_entry *entry = channel->entry;

	if (channel->channel == NULL) {
		shuffle_far_give_up(channel->link->shuffle, channel);
		return;
	}
	channel->channel = NULL;
	channel->entry = NULL;
	shuffle_far_consumer_close(channel->link->shuffle, entry);
}

static void link_out_refuse(struct link_channel *channel, const struct err *why)
{
	channel->entry = NULL;
	link_out_end(channel, DATA_REFUSED, why);
}

void link_out_meet(struct link_channel *channel)
{
	struct err why = ERR_INIT;

	if (shuffle_far_meet(channel->link->shuffle, channel, &why) == 0)
		link_out_attach(channel);
	else
		link_out_refuse(channel, &why);
}

void link_out_fail(struct link_channel *channel, const struct err *why)
{
	/* Also after the end of input: its producer may wait until all is out. */
	if (channel->channel != NULL && !channel->cancelled)
		channel_fail(channel->channel, why);
	link_out_leave(channel);
	link_channel_free(channel);
}

void link_out_written(struct link_channel *channel, const struct link_frame *frame)
{
	if (frame->is_last) {
		link_out_leave(channel);
		link_channel_free(channel);
	} else if (frame->releases) {
		channel_release(channel->channel, frame->release_to);
	}
}

static void link_out_put_urgent(struct link_channel *channel, struct link_frame *frame)
{
	struct data_frame what = { .channel = channel->number, .kind = DATA_CONTROL,
				   .flags = DATA_URGENT, .segment = channel->urgent.at.segment,
				   .offset_bytes = channel->urgent.at.offset_bytes };

	channel->urgent_waits = false;
	channel->urgent_under_way = true;
	data_control_write(frame->small, &channel->urgent);
	link_frame_put(channel->link, frame, &what,
		       bytes_of(frame->small, DATA_FRAME_CONTROL_BYTES));
}

static void link_out_put_last(struct link_channel *channel, struct link_frame *frame)
{
	struct data_frame what = { .channel = channel->number, .kind = channel->last_kind };

	if (channel->last_error == NULL)
		link_frame_put(channel->link, frame, &what, BYTES_EMPTY);
	else
		link_frame_put_error(channel->link, frame, &what, channel->last_error);
	frame->channel = channel;
	frame->is_last = true;
}

bool link_out_pay(struct link_channel *channel)
{
	static const uint32_t order[] = { OWES_OPENED, OWES_URGENT, OWES_LAST };
	struct data_frame opened = { .channel = channel->number, .kind = DATA_OPENED };
	struct link *link = channel->link;

	for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
		struct link_frame *frame;

		if ((channel->owes & order[i]) == 0)
			continue;
		if ((frame = link_frame_next(link)) == NULL)
			return false;
		channel->owes &= ~order[i];
		if (order[i] == OWES_OPENED)
			link_frame_put(link, frame, &opened, BYTES_EMPTY);
		else if (order[i] == OWES_LAST)
			link_out_put_last(channel, frame);
		else if (channel->state == OUT_OPEN)
			link_out_put_urgent(channel, frame);
	}
	return true;
}

/* ---- serving -------------------------------------------------------------------------------- */

/* One is under way at a time. The newest replaces one that waits: that one's checkpoint was given
 * up. Until it is sent, nothing that stands behind it is. */
static void link_out_urgent(struct link_channel *channel, const struct channel_view *view)
{
	channel_advance(channel->channel, view);
	channel->urgent = view->control;
	channel->urgent_waits = true;
	if (!channel->urgent_under_way)
		link_out_put_urgent(channel, link_frame_next(channel->link));
}

/* Cuts the view off at the barrier that waits. False: all of it stands behind. */
static bool link_out_before_urgent(const struct link_channel *channel, struct channel_view *view)
{
	uint64_t at = position_pack(view->at), stop = position_pack(channel->urgent.at);

	if (!channel->urgent_waits)
		return true;
	if (at >= stop)
		return false;
	if (at + view->size_bytes >= stop) {
		view->size_bytes = (uint32_t)(stop - at);
		view->ends_segment = false;
	}
	return true;
}

static void link_out_control(struct link_channel *channel, struct channel_view *view)
{
	struct link *link = channel->link;
	struct data_frame what = { .channel = channel->number,
				   .kind = DATA_CONTROL,
				   .segment = view->at.segment,
				   .offset_bytes = view->at.offset_bytes };
	struct link_frame *frame;

	if ((int32_t)(channel->controls_limit - channel->controls_sent) <= 0 ||
	    !link_out_before_urgent(channel, view)) {
		gate_park(link->gate, channel->channel);
		return;
	}
	frame = link_frame_next(link);
	data_control_write(frame->small, &view->control);
	link_frame_put(link, frame, &what, bytes_of(frame->small, DATA_FRAME_CONTROL_BYTES));
	channel->controls_sent++;
	channel_advance(channel->channel, view);
	if (view->control.kind == CONTROL_END_OF_INPUT)
		link_out_end(channel, DATA_CLOSE, NULL);
}

/* Turns are of bytes, not of frames: who has large frames must not get more than who has small
 * ones, and small ones of one channel go out together. */
static void link_out_turn(struct link_channel *channel, uint32_t sent_bytes)
{
	struct link *link = channel->link;

	if (link->turn != channel)
		link->turn_bytes = LINK_TURN_BYTES;
	link->turn = channel;
	if (link->turn_bytes > sent_bytes) {
		link->turn_bytes -= sent_bytes;
		return;
	}
	link->turn = NULL;
	gate_yield(link->gate, channel->channel);
}

/* Packed, or from where it lies, with a reference to the segment. */
static struct bytes link_out_body(struct link *link, struct link_frame *frame,
				  struct data_frame *what, const struct channel_view *view)
{
	uint32_t packed_bytes = link_pack(link, view->data, view->size_bytes);

	if (packed_bytes > 0) {
		what->flags |= DATA_LZ4;
		what->raw_bytes = view->size_bytes;
		frame->owned = mem_dup(link->packed, packed_bytes);
		return bytes_of(frame->owned, packed_bytes);
	}
	if (view->segment != NULL) {
		segment_ref(view->segment);
		frame->segment = view->segment;
	}
	return bytes_of(view->data, view->size_bytes);
}

static void link_out_bytes(struct link_channel *channel, struct channel_view *view)
{
	struct link *link = channel->link;

	if (view->at.segment >= channel->limit || !link_out_before_urgent(channel, view)) {
		SOMETIMES("the credit of a far consumer is used up");
		gate_park(link->gate, channel->channel);
		return;
	}
	struct data_frame what = { .channel = channel->number,
				   .kind = DATA_BYTES,
				   .segment = view->at.segment,
				   .offset_bytes = view->at.offset_bytes,
				   .flags = view->ends_segment ? DATA_ENDS_SEGMENT : 0 };
	struct link_frame *frame = link_frame_next(link);
	struct bytes body;

	frame->channel = channel;
	frame->releases = true;
	frame->release_to = channel_advance(channel->channel, view);
	uint64_t backlog = channel_backlog_segments(channel->channel);

	what.backlog_segments = backlog > UINT16_MAX ? UINT16_MAX : (uint16_t)backlog;
	body = link_out_body(link, frame, &what, view);
	channel->carried_bytes += body.size_bytes;
	link_frame_put(link, frame, &what, body);
	link_out_turn(channel, DATA_FRAME_HEADER_BYTES + (uint32_t)body.size_bytes);
}

static void link_out_serve_one(struct link_channel *channel)
{
	struct channel_view view;
	struct err why = ERR_INIT;
	bool left = channel_producer_left(
		channel->channel); /* before the look: then it was all there */

	switch (channel_peek(channel->channel, &view)) {
	case CHANNEL_NOTHING:
		if (left) {
			err_set(&why, ERR_NET_CLOSED,
				"the producer left before the end of its output");
			link_out_end(channel, DATA_FAIL, &why);
		}
		break;
	case CHANNEL_FAILED:
		channel_failed(channel->channel, &why);
		link_out_end(channel, DATA_FAIL, &why);
		break;
	case CHANNEL_CONTROL:
		if (view.control.urgent)
			link_out_urgent(channel, &view);
		else
			link_out_control(channel, &view);
		break;
	case CHANNEL_BATCH:
	case CHANNEL_PIECE:
		link_out_bytes(channel, &view);
		break;
	}
}

void link_out_serve(struct link *link)
{
	while (link->frames_count < LINK_FRAMES) {
		struct channel *inner = gate_next(link->gate);

		if (inner == NULL)
			return;
		struct link_channel *channel = link_channel_find(link, gate_index(inner));

		CHECK(channel != NULL && channel->channel == inner, "a gate holds a stranger");
		link_out_serve_one(channel);
	}
}

/* ---- frames --------------------------------------------------------------------------------- */

static int link_out_open(struct link *link, const struct data_frame *frame, struct bytes body,
			 struct err *err)
{
	struct link_channel *channel;
	struct data_open open;
	struct err why = ERR_INIT;

	if (frame->channel >= LINK_CHANNELS_MAX)
		return err_set(err, ERR_NET_PROTOCOL, "opened channel %u; numbers go up to %d",
			       frame->channel, LINK_CHANNELS_MAX - 1);
	if (link_channel_find(link, frame->channel) != NULL)
		return err_set(err, ERR_NET_PROTOCOL, "opened channel %u twice", frame->channel);
	data_open_read(body.data, &open);
	channel = link_channel_create(link, frame->channel, OUT_WAITING);
	channel->limit = frame->segment;
	channel->controls_limit = frame->offset_bytes;
	channel->allowed_units = frame->backlog_segments;
	switch (shuffle_far_open(link->shuffle, channel, &open, &why)) {
	case 1:
		link_out_attach(channel);
		break;
	case 0:
		break;
	default:
		link_out_refuse(channel, &why);
	}
	return 0;
}

static void link_out_credit(struct link_channel *channel, const struct data_frame *frame)
{
	if (frame->segment > channel->limit)
		channel->limit = frame->segment;
	if ((int32_t)(frame->offset_bytes - channel->controls_limit) > 0)
		channel->controls_limit = frame->offset_bytes;
	if (frame->flags & DATA_URGENT_TAKEN) {
		channel->urgent_under_way = false;
		if (channel->urgent_waits)
			link_owe(channel, OWES_URGENT);
	}
	channel->allowed_units = frame->backlog_segments;
	if (channel->state != OUT_OPEN)
		return;
	channel_allow_units(channel->channel, channel->allowed_units);
	gate_unpark(channel->link->gate, channel->channel);
}

int link_out_frame(struct link *link, const struct data_frame *frame, struct bytes body,
		   struct err *err)
{
	struct link_channel *channel = link_channel_find(link, frame->channel);

	if (frame->kind == DATA_OPEN)
		return link_out_open(link, frame, body, err);
	if (frame->channel >= link->numbers_seen)
		return err_set(err, ERR_NET_PROTOCOL, "sent %s for channel %u, which is unknown",
			       data_frame_kind_name(frame->kind), frame->channel);
	SOMETIMES_IF(channel == NULL, "a frame crosses the last one of its channel");
	if (channel == NULL)
		return 0; /* it has just ended: the frame crossed the last one */
	if (frame->kind == DATA_CREDIT) {
		link_out_credit(channel, frame);
		return 0;
	}
	if (channel->state == OUT_WAITING)
		link_out_leave(channel);
	channel->cancelled = true;
	link_out_end(channel, DATA_CLOSE, NULL);
	return 0;
}
