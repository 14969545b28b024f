/* SPDX-License-Identifier: Apache-2.0
 * channel_consumer.c - a channel's consuming side: take, release, and the credit that follows from
 * what was released. */
#include <stdio.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mark.h"
#include "taskmanager/shuffle/channel_priv.h"

/* ---- what comes next ------------------------------------------------------------------------- */

enum next { NEXT_NOTHING, NEXT_BYTES, NEXT_SEGMENT_END, NEXT_CONTROL, NEXT_URGENT, NEXT_FAILED };

/* `published` is read before the queue of control elements: an element that stands before a
 * published byte was queued before that byte was published, so it is seen. *stop: how far bytes of
 * the current segment go; *ends: the segment is complete there and nothing stands between its end
 * and the next. */
static enum next channel_next(struct channel *channel, uint64_t *stop, bool *ends)
{
	uint64_t taken = atomic_load_explicit(&channel->taken, memory_order_relaxed);

	if (unlikely(atomic_load_explicit(&channel->failure, memory_order_acquire) != NULL))
		return NEXT_FAILED;
	uint64_t published = atomic_load_explicit(&channel->published, memory_order_acquire);

	if (unlikely(atomic_load_explicit(&channel->urgent_set, memory_order_acquire)))
		return NEXT_URGENT;
	uint64_t control_at = CHANNEL_NEVER;

	if (channel->control_tail_seen == channel->control_head_own)
		channel->control_tail_seen =
			atomic_load_explicit(&channel->control_tail, memory_order_acquire);
	if (channel->control_tail_seen != channel->control_head_own) {
		const struct control *next =
			&channel->controls[channel->control_head_own % CHANNEL_CONTROLS_MAX];

		control_at = position_pack(next->at);
		if (control_at == taken)
			return NEXT_CONTROL;
	}
	if (taken >= published)
		return NEXT_NOTHING;
	*stop = published < control_at ? published : control_at;
	*ends = false;
	if (position_segment(published) > position_segment(taken)) {
		uint64_t segment = position_segment(taken);
		uint64_t end =
			position_start_of(segment) + channel_slot(channel, segment)->end_bytes;

		if (taken == end)
			return NEXT_SEGMENT_END;
		*ends = control_at > end;
		if (*stop > end)
			*stop = end;
	}
	return NEXT_BYTES;
}

/* `taken` stands at the end of a complete segment: on to the next. */
static void channel_take_segment_end(struct channel *channel)
{
	uint64_t taken = atomic_load_explicit(&channel->taken, memory_order_relaxed);
	uint64_t next = position_start_of(position_segment(taken) + 1);

	atomic_store_explicit(&channel->taken, next, memory_order_relaxed);
	if (atomic_load_explicit(&channel->released, memory_order_relaxed) == taken)
		channel_release(channel, position_unpack(next));
}

static void channel_take_control(struct channel *channel, struct control *control)
{
	*control = channel->controls[channel->control_head_own % CHANNEL_CONTROLS_MAX];
	channel->control_head_own++;
	atomic_store(&channel->control_head, channel->control_head_own);
	if (channel->control_head_own >= atomic_load(&channel->wanted_head) &&
	    atomic_exchange(&channel->wanted_head, CHANNEL_NEVER) != CHANNEL_NEVER)
		channel_notify_producer(channel);
}

static void channel_take_urgent(struct channel *channel, struct control *control)
{
	*control = channel->urgent;
	atomic_store(&channel->urgent_set, false);
	channel_notify_producer(channel); /* rare: a data connection tells the far side */
}

static enum channel_item channel_take_run(struct channel *channel, uint64_t stop, bool ends,
					  struct batch *batch)
{
	uint64_t taken = atomic_load_explicit(&channel->taken, memory_order_relaxed);
	struct segment *segment = channel_slot(channel, position_segment(taken))->segment;
	const char *run = segment->data + position_offset(taken);

	bool is_piece = run_is_piece(run);

	if (unlikely(is_piece))
		*batch = (struct batch){ .type = channel->type, .base = run };
	else
		run_view(channel->type, run, batch);
	batch->segment = segment;
	uint32_t size_bytes = ((const struct run_header *)run)->size_bytes;

	taken += size_bytes;
	channel->taken_bytes += size_bytes;
	CHECK(taken <= stop, "a run reaches past what was published");
	if (ends && taken == stop)
		taken = position_start_of(position_segment(taken) + 1);
	atomic_store_explicit(&channel->taken, taken, memory_order_relaxed);
	return unlikely(is_piece) ? CHANNEL_PIECE : CHANNEL_BATCH;
}

HOT enum channel_item channel_take(struct channel *channel, struct batch *batch,
				   struct control *control)
{
	uint64_t stop;
	bool ends;

	for (;;) {
		switch (channel_next(channel, &stop, &ends)) {
		case NEXT_BYTES:
			return channel_take_run(channel, stop, ends, batch);
		case NEXT_SEGMENT_END:
			channel_take_segment_end(channel);
			break;
		case NEXT_CONTROL:
			channel_take_control(channel, control);
			return CHANNEL_CONTROL;
		case NEXT_URGENT:
			channel_take_urgent(channel, control);
			return CHANNEL_CONTROL;
		case NEXT_FAILED:
			return CHANNEL_FAILED;
		case NEXT_NOTHING:
			if (gate_rest(channel))
				return CHANNEL_NOTHING;
			break;
		}
	}
}

enum channel_item channel_peek(struct channel *channel, struct channel_view *view)
{
	uint64_t stop = 0, taken;
	bool ends = false;

	for (;;) {
		enum next next = channel_next(channel, &stop, &ends);

		taken = atomic_load_explicit(&channel->taken, memory_order_relaxed);
		*view = (struct channel_view){ .at = position_unpack(taken) };
		switch (next) {
		case NEXT_BYTES:
			view->segment = channel_slot(channel, view->at.segment)->segment;
			view->data = view->segment->data + view->at.offset_bytes;
			view->size_bytes = (uint32_t)(stop - taken);
			view->ends_segment = ends;
			return CHANNEL_BATCH;
		case NEXT_SEGMENT_END:
			view->ends_segment = true;
			return CHANNEL_BATCH;
		case NEXT_CONTROL:
			view->control =
				channel->controls[channel->control_head_own % CHANNEL_CONTROLS_MAX];
			return CHANNEL_CONTROL;
		case NEXT_URGENT:
			view->control = channel->urgent;
			return CHANNEL_CONTROL;
		case NEXT_FAILED:
			return CHANNEL_FAILED;
		case NEXT_NOTHING:
			if (gate_rest(channel))
				return CHANNEL_NOTHING;
			break;
		}
	}
}

struct position channel_advance(struct channel *channel, const struct channel_view *view)
{
	uint64_t taken = position_pack(view->at) + view->size_bytes;
	struct control ignored;

	CHECK(position_pack(view->at) ==
		      atomic_load_explicit(&channel->taken, memory_order_relaxed),
	      "the channel has moved on since it was looked at");
	if (view->control.kind != 0) {
		if (view->control.urgent)
			channel_take_urgent(channel, &ignored);
		else
			channel_take_control(channel, &ignored);
	} else if (view->size_bytes == 0) {
		channel_take_segment_end(channel);
	} else {
		if (view->ends_segment)
			taken = position_start_of(view->at.segment + 1);
		atomic_store_explicit(&channel->taken, taken, memory_order_relaxed);
	}
	return channel_taken(channel);
}

struct position channel_taken(const struct channel *channel)
{
	struct channel *c = (struct channel *)(uintptr_t)channel;

	return position_unpack(atomic_load_explicit(&c->taken, memory_order_relaxed));
}

/* ---- release and credit ---------------------------------------------------------------------- */

static void channel_limit_raised(struct channel *channel, uint64_t limit)
{
	if (limit >= atomic_load(&channel->wanted_limit) &&
	    atomic_exchange(&channel->wanted_limit, CHANNEL_NEVER) != CHANNEL_NEVER)
		channel_notify_producer(channel);
}

static uint32_t channel_lend(struct channel *channel, uint64_t wanted)
{
	struct gate *gate = channel->gate;
	uint64_t max = channel->slots_mask + 1, more;

	if (max > channel->window_cap)
		max = channel->window_cap;
	more = max > channel->window_segments ? max - channel->window_segments : 0;
	if (more > wanted)
		more = wanted;
	if (more > gate->floating_free)
		more = gate->floating_free;
	if (more == 0)
		return 0;
	more = segment_pool_lend(gate->pool, channel->size_class, (uint32_t)more);
	SOMETIMES_IF(more > 0, "a channel is lent segments");
	gate->floating_free -= (uint32_t)more;
	channel->floating_segments += (uint32_t)more;
	return (uint32_t)more;
}

static uint32_t channel_lent_back(struct channel *channel, uint64_t wanted, uint64_t released_count)
{
	uint64_t fewer = wanted < released_count ? wanted : released_count;

	if (fewer > channel->floating_segments)
		fewer = channel->floating_segments;
	channel->gate->floating_free += (uint32_t)fewer;
	channel->floating_segments -= (uint32_t)fewer;
	if (fewer > 0)
		segment_pool_dismiss(channel->gate->pool, channel->size_class, (uint32_t)fewer);
	return (uint32_t)fewer;
}

/* The window follows what the producer needed, with segments that the gate lends: it grows at once
 * when the producer is blocked or holds segments back, and shrinks to the peak of a whole window's
 * worth of releases, or to its own segments while somebody waits for room in the pool. It shrinks
 * by at most what was just released, so that the limit, which has been announced, never falls. */
static void channel_adjust_window(struct channel *channel, uint64_t used, uint64_t released_count)
{
	uint64_t window = channel->window_segments;
	uint64_t need = used + atomic_load_explicit(&channel->backlog_far, memory_order_relaxed);

	if (atomic_load(&channel->producer_list) == NULL &&
	    atomic_load(&channel->wanted_limit) != CHANNEL_NEVER)
		need = 2 * window;
	if (need > channel->window_peak)
		channel->window_peak = need;
	if (need > window) {
		channel->window_segments += channel_lend(channel, need - window);
		channel->window_target = channel->window_segments;
	}
	channel->window_released += released_count;
	if (channel->window_released >= window) {
		channel->window_target = channel->window_peak;
		channel->window_peak = channel->window_released = 0;
	}
	if (channel->window_target > channel->window_cap)
		channel->window_target = channel->window_cap;
	if (unlikely(segment_pool_held(channel->gate->pool))) {
		SOMETIMES("segments are called back for somebody who waits for room");
		channel->window_target = channel->window_segments_base;
	}
	if (window > channel->window_target)
		channel->window_segments -=
			channel_lent_back(channel, window - channel->window_target, released_count);
}

void channel_allow(struct channel *channel, uint64_t bytes)
{
	uint64_t base = channel->window_segments_base, segment = channel->segment_bytes;
	uint64_t cap = bytes / segment, fill = (bytes / base + 7) & ~UINT64_C(7);

	if (bytes == 0 || cap > LIMIT_CHANNEL_SEGMENTS_MAX)
		cap = LIMIT_CHANNEL_SEGMENTS_MAX;
	channel->window_cap = (uint32_t)(cap > base ? cap : base);
	if (bytes == 0 || fill > segment)
		fill = segment;
	atomic_store_explicit(&channel->fill_bytes, (uint32_t)fill, memory_order_relaxed);
	atomic_store_explicit(&channel->allowed_bytes,
			      bytes < UINT32_MAX ? (uint32_t)bytes : 0, memory_order_relaxed);
}

uint16_t channel_allowed_units(const struct channel *channel)
{
	uint64_t bytes = atomic_load_explicit(
		&((struct channel *)(uintptr_t)channel)->allowed_bytes, memory_order_relaxed);
	uint64_t units = (bytes + CHANNEL_ALLOWED_UNIT_BYTES - 1) / CHANNEL_ALLOWED_UNIT_BYTES;

	return units <= UINT16_MAX ? (uint16_t)units : 0;
}

void channel_release(struct channel *channel, struct position up_to)
{
	uint64_t before = atomic_load_explicit(&channel->released, memory_order_relaxed);
	uint64_t taken = atomic_load_explicit(&channel->taken, memory_order_relaxed);
	uint64_t published = atomic_load_explicit(&channel->published, memory_order_relaxed);
	uint64_t after = position_pack(up_to), first = position_segment(before);

	CHECK(after <= taken, "segment %llu, offset %u is released before it was taken",
	      (unsigned long long)up_to.segment, up_to.offset_bytes);
	if (after <= before)
		return;
	/* The end of a segment that is known to be complete is the start of the next one. */
	if (position_segment(taken) > up_to.segment &&
	    up_to.offset_bytes == channel_slot(channel, up_to.segment)->end_bytes)
		after = position_start_of(up_to.segment + 1);
	uint64_t last = position_segment(after);

	for (uint64_t k = first; k < last; k++)
		segment_unref(&channel_slot(channel, k)->segment);
	atomic_store(&channel->released, after);
	if (last == first)
		return;
	if (channel->by_hand) { /* the producer may still wait for a free slot */
		channel_limit_raised(channel, CHANNEL_NEVER - 1);
		return;
	}
	uint32_t window = channel->window_segments;

	if (channel->gate != NULL && channel->gate->floating_total > 0)
		channel_adjust_window(channel,
				      position_segment(published) - first +
					      (position_offset(published) > 0),
				      last - first);
	channel_grant(channel, last + channel->window_segments);
	/* Who wanted to be told at a part of the larger window might wait for ever. */
	if (channel->window_segments < window)
		channel_limit_raised(channel, CHANNEL_NEVER - 1);
}

void channel_grant_by_hand(struct channel *channel)
{
	channel->by_hand = true;
}

void channel_grant(struct channel *channel, uint64_t segments_limit)
{
	uint64_t before = atomic_load_explicit(&channel->limit, memory_order_relaxed);

	do {
		if (segments_limit <= before)
			return;
	} while (!atomic_compare_exchange_weak(&channel->limit, &before, segments_limit));
	/* By hand there is no window whose half could be waited for. */
	channel_limit_raised(channel, channel->by_hand ? CHANNEL_NEVER - 1 : segments_limit);
}

uint64_t channel_limit(const struct channel *channel)
{
	return atomic_load(&((struct channel *)(uintptr_t)channel)->limit);
}

uint64_t channel_released_segments(const struct channel *channel)
{
	return position_segment(atomic_load(&((struct channel *)(uintptr_t)channel)->released));
}

/* ---- checking -------------------------------------------------------------------------------- */

#define RULE(condition, ...) \
	do { \
		if (!(condition)) { \
			snprintf(text, size_bytes, __VA_ARGS__); \
			return false; \
		} \
	} while (0)

uint32_t channel_held_segments(const struct channel *channel)
{
	uint32_t held = 0;

	for (uint64_t i = 0; i <= channel->slots_mask; i++)
		held += channel->slots[i].segment != NULL;
	return held;
}

bool channel_check(const struct channel *channel, char *text, size_t size_bytes)
{
	struct channel *c = (struct channel *)(uintptr_t)channel;
	uint64_t published = atomic_load(&c->published), taken = atomic_load(&c->taken);
	uint64_t released = atomic_load(&c->released), limit = atomic_load(&c->limit);
	uint64_t held = channel_held_segments(channel),
		 queued = atomic_load(&c->control_tail) - atomic_load(&c->control_head);

	RULE(published <= c->position, "published %llx is past what was appended, %llx",
	     (unsigned long long)published, (unsigned long long)c->position);
	RULE(c->opened <= limit, "%llu segments were opened with a limit of %llu",
	     (unsigned long long)c->opened, (unsigned long long)limit);
	RULE(held == c->opened - position_segment(released),
	     "%llu segments are held, %llu were opened and %llu released", (unsigned long long)held,
	     (unsigned long long)c->opened, (unsigned long long)position_segment(released));
	RULE(queued <= CHANNEL_CONTROLS_MAX, "%llu control elements are queued",
	     (unsigned long long)queued);
	for (uint64_t i = 0; i <= c->slots_mask; i++)
		RULE(c->slots[i].segment == NULL ||
			     c->slots[i].segment->size_bytes == c->segment_bytes,
		     "a segment of %u bytes in a channel of segments of %u",
		     c->slots[i].segment->size_bytes, c->segment_bytes);
	RULE(position_offset(c->position) <= c->segment_bytes,
	     "%u bytes were appended to a segment of %u", position_offset(c->position),
	     c->segment_bytes);
	RULE(c->floating_segments == c->window_segments - c->window_segments_base ||
		     atomic_load(&c->consumer_left),
	     "a window of %u is not %u and %u lent ones", c->window_segments,
	     c->window_segments_base, c->floating_segments);
	if (atomic_load(&c->consumer_left))
		return true;
	RULE(taken <= published, "taken %llx is past what was published, %llx",
	     (unsigned long long)taken, (unsigned long long)published);
	RULE(released <= taken, "released %llx is past what was taken, %llx",
	     (unsigned long long)released, (unsigned long long)taken);
	RULE(c->by_hand || limit == position_segment(released) + c->window_segments,
	     "the limit is %llu with %llu segments released and a window of %u",
	     (unsigned long long)limit, (unsigned long long)position_segment(released),
	     c->window_segments);
	return true;
}
