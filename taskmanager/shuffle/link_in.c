/* SPDX-License-Identifier: Apache-2.0
 * link_in.c - incoming channels: the consuming end of a data connection, which produces into the
 * channels of this TaskManager what it receives, and sends their credit back.
 *
 * Credit is told when half of a window has been released, so one CREDIT frame serves several
 * segments; a window of one is told each time. A consumer that releases all it was given makes the
 * difference a whole window, so the far producer is never left waiting. */
#include "common/base/check.h"
#include "common/base/mark.h"
#include "taskmanager/shuffle/shuffle_priv.h"

#define CONTROLS_TOLD_MIN (CHANNEL_CONTROLS_MAX / 2)

/* ---- ends ----------------------------------------------------------------------------------- */

/* Our side of the channel is left; what the connection still brings for it is thrown away. */
static void link_in_leave(struct link_channel *channel)
{
	struct link_input *input = &channel->link->input;
	struct shuffle_entry *entry = channel->entry;

	if (channel->channel == NULL)
		return;
	if (input->channel == channel) {
		input->channel = NULL;
		input->body = NULL;
	}
	channel->channel = NULL;
	channel->entry = NULL;
	shuffle_far_producer_close(channel->link->shuffle, entry);
}

void link_in_fail(struct link_channel *channel, const struct err *why)
{
	if (channel->channel != NULL)
		channel_fail(channel->channel, why);
	link_in_leave(channel);
	link_channel_free(channel);
}

/* The consumer is gone, or will not go on. The number stays taken until the last frame is here. */
static void link_in_cancel(struct link_channel *channel)
{
	link_in_leave(channel);
	if (channel->owes & OWES_OPEN) { /* nobody has heard of it */
		link_channel_free(channel);
		return;
	}
	SOMETIMES("a far consumer leaves before the end");
	channel->state = IN_CANCELLED;
	if (!channel->ended)
		link_owe(channel, OWES_CANCEL);
}

/* ---- beginning, credit ---------------------------------------------------------------------- */

static uint32_t link_in_number(const struct link *link)
{
	uint32_t number = 0;

	while (number < link->channels_size && link->channels[number] != NULL)
		number++;
	return number;
}

void link_in_add(struct link *link, struct shuffle_entry *entry)
{
	uint32_t number = link->channels_count < link->numbers_seen ? link_in_number(link) :
								      link->numbers_seen;
	struct err err = ERR_INIT;

	if (channel_consumer_left(entry->channel)) {
		shuffle_far_producer_close(link->shuffle, entry);
		return;
	}
	if (number >= LINK_CHANNELS_MAX) {
		err_set(&err, ERR_RESOURCE, "more than %d channels come from %s", LINK_CHANNELS_MAX,
			link->name);
		channel_fail(entry->channel, &err);
		shuffle_far_producer_close(link->shuffle, entry);
		return;
	}
	struct link_channel *channel = link_channel_create(link, number, IN_OPENING);

	channel->entry = entry;
	channel->channel = entry->channel;
	channel_set_producer_list(channel->channel, link->ready, number);
	place_link_look(link);
	link_owe(channel, OWES_OPEN);
}

/* The limit is read first: if the consumer releases in between, the window looks smaller, not
 * larger. */
static uint64_t link_in_worth_telling(const struct link_channel *channel)
{
	uint64_t limit = channel_limit(channel->channel);
	uint64_t released = channel_released_segments(channel->channel);

	return channel->limit_told + (limit > released + 1 ? (limit - released) / 2 : 1);
}

/* The window may shrink between the reckoning and the asking, so reckon again. */
static void link_in_want(struct link_channel *channel)
{
	uint64_t worth;

	do {
		worth = link_in_worth_telling(channel);
		channel_want_limit(channel->channel, worth);
	} while (link_in_worth_telling(channel) < worth);
	channel_want_head(channel->channel, channel->head_told + CONTROLS_TOLD_MIN);
}

static void link_in_attend_one(struct link_channel *channel)
{
	struct channel *inner = channel->channel;

	if (channel_consumer_left(inner) || channel_failed(inner, NULL)) {
		link_in_cancel(channel);
		return;
	}
	if (channel->owes & OWES_OPEN)
		return;
	if (channel_limit(inner) >= link_in_worth_telling(channel) ||
	    channel_control_head(inner) >= channel->head_told + CONTROLS_TOLD_MIN ||
	    (channel->urgent_given && !channel_urgent_outstanding(inner)))
		link_owe(channel, OWES_CREDIT);
	else
		link_in_want(channel);
}

void link_in_attend(struct link *link)
{
	struct channel *inner;

	while ((inner = channel_list_take(link->ready)) != NULL) {
		struct link_channel *channel =
			link_channel_find(link, channel_producer_index(inner));

		CHECK(channel != NULL && channel->channel == inner,
		      "a ready list holds a stranger");
		link_in_attend_one(channel);
	}
}

static bool link_in_pay_open(struct link_channel *channel, struct link_frame *frame)
{
	struct link *link = channel->link;
	struct data_open open = { .name = *channel_name_of(channel->channel),
				  .type_hash = channel->entry->type_hash,
				  .segment_bytes = channel->channel->segment_bytes };
	struct data_frame what = { .channel = channel->number, .kind = DATA_OPEN };

	what.backlog_segments = channel_allowed_units(channel->channel);
	channel->limit_told = what.segment = channel_limit(channel->channel);
	what.offset_bytes = CHANNEL_CONTROLS_MAX;
	data_open_write(frame->small, &open);
	link_frame_put(link, frame, &what, bytes_of(frame->small, DATA_FRAME_OPEN_BYTES));
	channel->owes &= ~(uint32_t)OWES_OPEN;
	link_in_want(channel);
	return true;
}

static void link_in_pay_credit(struct link_channel *channel, struct link_frame *frame)
{
	struct channel *inner = channel->channel;
	struct data_frame what = { .channel = channel->number, .kind = DATA_CREDIT };

	if (channel->urgent_given && !channel_urgent_outstanding(inner)) {
		channel->urgent_given = false;
		what.flags = DATA_URGENT_TAKEN;
	}
	what.backlog_segments = channel_allowed_units(inner);
	channel->limit_told = what.segment = channel_limit(inner);
	channel->head_told = channel_control_head(inner);
	what.offset_bytes = (uint32_t)channel->head_told + CHANNEL_CONTROLS_MAX;
	link_frame_put(channel->link, frame, &what, BYTES_EMPTY);
	link_in_want(channel);
}

bool link_in_pay(struct link_channel *channel)
{
	struct link *link = channel->link;
	struct data_frame cancel = { .channel = channel->number, .kind = DATA_CANCEL };
	struct link_frame *frame = link_frame_next(link);

	if (frame == NULL)
		return false;
	if (channel->owes & OWES_CANCEL)
		link_frame_put(link, frame, &cancel, BYTES_EMPTY);
	else if (channel->owes & OWES_OPEN)
		link_in_pay_open(channel, frame);
	else if (channel->owes & OWES_CREDIT && channel->channel != NULL)
		link_in_pay_credit(channel, frame);
	channel->owes = 0;
	return true;
}

/* ---- frames --------------------------------------------------------------------------------- */

static int link_in_unexpected(const struct link_channel *channel, uint8_t kind, struct err *err)
{
	static const char *const when[] = { "before it was opened", "while it was open",
					    "after it was cancelled" };

	return err_set(err, ERR_NET_PROTOCOL, "sent %s for channel %u %s%s",
		       data_frame_kind_name(kind), channel->number, when[channel->state],
		       channel->ended ? ", after its end" : "");
}

int link_in_room(struct link *link, struct err *err)
{
	struct link_input *input = &link->input;
	const struct data_frame *frame = &input->frame;
	struct link_channel *channel = link_channel_find(link, frame->channel);
	struct position at = { frame->segment, frame->offset_bytes };

	if (channel == NULL)
		return err_set(err, ERR_NET_PROTOCOL, "sent BYTES for channel %u, which is unknown",
			       frame->channel);
	input->channel = NULL;
	input->body = NULL;
	if (channel->state == IN_CANCELLED)
		return 1;
	if (channel->state != IN_OPEN || channel->ended)
		return link_in_unexpected(channel, DATA_BYTES, err);
	if (frame->segment >= channel->limit_told)
		return err_set(err, ERR_CREDIT_EXCEEDED,
			       "sent bytes for segment %llu of channel %u, whose limit is %llu",
			       (unsigned long long)frame->segment, frame->channel,
			       (unsigned long long)channel->limit_told);
	input->room = channel_receive_room(channel->channel, at, data_frame_raw_bytes(frame), err);
	if (input->room == NULL)
		return err->code == ERR_NONE ? 0 : err_wrap(err, "channel %u", frame->channel);
	input->body = frame->flags & DATA_LZ4 ? link->packed : input->room;
	input->channel = channel;
	channel_set_backlog(channel->channel, frame->backlog_segments);
	return 1;
}

int link_in_bytes_done(struct link *link, struct err *err)
{
	struct link_input *input = &link->input;
	struct link_channel *channel = input->channel;
	const struct data_frame *frame = &input->frame;

	input->channel = NULL;
	channel->carried_bytes += frame->size_bytes;
	if (frame->flags & DATA_LZ4 && link_unpack(link, frame->size_bytes, input->room,
						   frame->raw_bytes, err) != 0)
		return -1;
	if (channel_receive_done(channel->channel, data_frame_raw_bytes(frame),
				 frame->flags & DATA_ENDS_SEGMENT, err) != 0)
		return err_wrap(err, "sent invalid records for channel %u", channel->number);
	return 0;
}

static int link_in_urgent(struct link_channel *channel, const struct control *control,
			  struct err *err)
{
	struct position received = channel_received(channel->channel);

	if (channel->urgent_given)
		return err_set(
			err, ERR_NET_PROTOCOL,
			"sent a second urgent barrier for channel %u before the first was taken",
			channel->number);
	if (control->at.segment >= POSITION_SEGMENTS_MAX ||
	    control->at.offset_bytes > channel->channel->segment_bytes ||
	    position_pack(control->at) < position_pack(received))
		return err_set(
			err, ERR_NET_PROTOCOL,
			"sent an urgent barrier for channel %u at segment %llu, offset %u, which lies behind "
			"what came",
			channel->number, (unsigned long long)control->at.segment,
			control->at.offset_bytes);
	channel->urgent_given = true;
	channel_receive_urgent(channel->channel, control);
	return 0;
}

static int link_in_control(struct link_channel *channel, const struct data_frame *frame,
			   struct bytes body, struct err *err)
{
	struct channel *inner = channel->channel;
	struct control control;

	if (data_control_read(frame, body.data, &control, err) != 0)
		return -1;
	if (control.urgent)
		return link_in_urgent(channel, &control, err);
	if (piece_under_way(&inner->pieces))
		return err_set(err, ERR_NET_PROTOCOL,
			       "sent a control element for channel %u after %u of %u bytes of a record "
			       "that travels in pieces",
			       channel->number, inner->pieces.have_bytes,
			       inner->pieces.record_bytes);
	struct position expected = channel_received(inner);

	if (control.at.segment != expected.segment ||
	    control.at.offset_bytes != expected.offset_bytes)
		return err_set(
			err, ERR_NET_PROTOCOL,
			"sent a control element for channel %u at segment %llu, offset %u, which came at "
			"segment %llu, offset %u",
			channel->number, (unsigned long long)control.at.segment,
			control.at.offset_bytes, (unsigned long long)expected.segment,
			expected.offset_bytes);
	if (inner->control_tail_own >= channel->head_told + CHANNEL_CONTROLS_MAX)
		return err_set(
			err, ERR_CREDIT_EXCEEDED,
			"sent more than %d control elements for channel %u before any was taken",
			CHANNEL_CONTROLS_MAX, channel->number);
	channel->ended = control.kind == CONTROL_END_OF_INPUT;
	/* Refused only by a channel that has failed meanwhile: then its end is under way. */
	if (!channel_offer_control(inner, &control))
		CHECK(channel_failed(inner, NULL),
		      "a control element within its credit was refused");
	return 0;
}

static int link_in_last(struct link_channel *channel, const struct data_frame *frame,
			struct bytes body, struct err *err)
{
	struct err why;

	if (channel->state == IN_CANCELLED) {
		link_channel_free(channel);
		return 0;
	}
	if (frame->kind == DATA_CLOSE) {
		if (!channel->ended)
			return link_in_unexpected(channel, frame->kind, err);
		link_in_leave(channel);
		link_channel_free(channel);
		return 0;
	}
	if (frame->kind == DATA_REFUSED && channel->state != IN_OPENING)
		return link_in_unexpected(channel, frame->kind, err);
	data_error_read(body, &why);
	link_in_fail(channel, &why);
	return 0;
}

int link_in_frame(struct link *link, const struct data_frame *frame, struct bytes body,
		  struct err *err)
{
	struct link_channel *channel = link_channel_find(link, frame->channel);

	if (channel == NULL || channel->owes & OWES_OPEN)
		return err_set(err, ERR_NET_PROTOCOL, "sent %s for channel %u, which is unknown",
			       data_frame_kind_name(frame->kind), frame->channel);
	if (frame->kind == DATA_CLOSE || frame->kind == DATA_FAIL || frame->kind == DATA_REFUSED)
		return link_in_last(channel, frame, body, err);
	if (channel->state == IN_CANCELLED)
		return 0;
	if (frame->kind == DATA_OPENED) {
		if (channel->state != IN_OPENING)
			return link_in_unexpected(channel, frame->kind, err);
		channel->state = IN_OPEN;
		return 0;
	}
	if (channel->state != IN_OPEN || channel->ended)
		return link_in_unexpected(channel, frame->kind, err);
	return link_in_control(channel, frame, body, err);
}
