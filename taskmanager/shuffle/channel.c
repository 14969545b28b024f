/* SPDX-License-Identifier: Apache-2.0
 * channel.c - a channel's life and its producing side: reserve, publish, control elements, and the
 * receiving end of a data connection.
 *
 * Nobody loses a wake-up because every "look, then sleep" is "say that I sleep, then look again",
 * against "change, then see who sleeps", with seq_cst operations on both sides. */
#include "taskmanager/shuffle/channel.h"

#include <stdio.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "taskmanager/shuffle/aligned.h"
#include "taskmanager/shuffle/channel_priv.h"

_Static_assert(offsetof(struct channel, run) == 0, "channel_run takes the channel for its run");
_Static_assert(LIMIT_SEGMENT_BYTES_MAX <= POSITION_OFFSET_MASK,
	       "offsets fit into a packed position");
_Static_assert((CHANNEL_CONTROLS_MAX & (CHANNEL_CONTROLS_MAX - 1)) == 0,
	       "the control queue is masked");

/* ---- life ------------------------------------------------------------------------------------ */

static void channel_segment_back(struct segment_waiter *waiter)
{
	channel_notify_producer(CONTAINER_OF(waiter, struct channel, waiter));
}

struct channel *channel_create(const struct channel_options *options)
{
	uint32_t window_max = options->window_segments_max > options->window_segments
				      ? options->window_segments_max
				      : options->window_segments;
	uint64_t slots = 1;
	void *memory;

	CHECK(options->window_segments >= 1 && window_max <= LIMIT_CHANNEL_SEGMENTS_MAX,
	      "a window of %u to %u segments", options->window_segments, window_max);
	while (slots < window_max)
		slots *= 2;
	struct channel *channel = aligned_alloc_lines(sizeof(*channel), &memory);

	channel->memory = memory;
	channel->name = options->name;
	channel->type = options->type;
	channel->pool = options->pool;
	channel->size_class = options->size_class;
	channel->segment_bytes = segment_pool_class_bytes(options->pool, options->size_class);
	channel->with_timestamps = options->with_timestamps;
	channel->window_segments_base = channel->window_segments = options->window_segments;
	channel->admitted_segments = options->admitted_segments;
	channel->record_bytes_max = options->record_bytes_max ? options->record_bytes_max
							      : LIMIT_RECORD_BYTES_MAX;
	channel->slots = MEM_NEW_ARRAY(struct channel_slot, slots);
	channel->slots_mask = slots - 1;
	channel->limit_seen = channel->window_segments;
	channel->window_cap = LIMIT_CHANNEL_SEGMENTS_MAX;
	atomic_init(&channel->fill_bytes, channel->segment_bytes);
	channel->waiter.wake = channel_segment_back;
	atomic_init(&channel->limit, channel->window_segments);
	atomic_init(&channel->wanted_limit, CHANNEL_NEVER);
	atomic_init(&channel->wanted_head, CHANNEL_NEVER);
	atomic_init(&channel->refs, 2);
	return channel;
}

static void channel_free(struct channel *channel)
{
	struct ready_list *producers = atomic_load(&channel->producer_list);
	struct ready_list *consumers = atomic_load(&channel->consumer_list);

	for (uint64_t i = 0; i <= channel->slots_mask; i++)
		segment_unref(&channel->slots[i].segment);
	if (channel->run_ready)
		run_builder_fini(&channel->run);
	segment_pool_dismiss(channel->pool, channel->size_class, channel->admitted_segments);
	ready_list_unref(&producers);
	ready_list_unref(&consumers);
	mem_free(atomic_load(&channel->failure));
	mem_free(channel->slots);
	mem_free(channel->memory);
}

void channel_unref(struct channel *channel)
{
	if (atomic_fetch_sub(&channel->refs, 1) == 1)
		channel_free(channel);
}

void channel_leave_producer(struct channel **pointer)
{
	struct channel *channel = *pointer;

	*pointer = NULL;
	segment_wait_cancel(channel->pool, &channel->waiter);
	waker_set(&channel->producer_waker, NULL);
	/* Raised for good: nobody lists it again. If it was raised already, its list still refers
	 * to the channel, and the taking of it drops the reference. */
	bool listed = atomic_load(&channel->producer_list) != NULL &&
		      !ready_node_raise(&channel->producer_node);

	atomic_store(&channel->producer_left, true);
	channel_notify_consumer(channel);
	if (!listed)
		channel_unref(channel);
}

void channel_leave_consumer(struct channel **pointer)
{
	struct channel *channel = *pointer;
	uint64_t released = atomic_load_explicit(&channel->released, memory_order_relaxed);
	uint64_t complete = position_start_of(position_segment(atomic_load(&channel->published)));

	*pointer = NULL;
	channel->consumer_gone = true;
	for (uint64_t k = position_segment(released); k < position_segment(complete); k++)
		segment_unref(&channel_slot(channel, k)->segment);
	if (complete > released)
		atomic_store(&channel->released, complete);
	bool listed = gate_forget(channel);

	atomic_store(&channel->consumer_left, true);
	channel_notify_producer(channel);
	if (!listed)
		channel_unref(channel);
}

bool channel_producer_left(const struct channel *channel)
{
	return atomic_load(&((struct channel *)(uintptr_t)channel)->producer_left);
}

bool channel_consumer_left(const struct channel *channel)
{
	return atomic_load(&((struct channel *)(uintptr_t)channel)->consumer_left);
}

const struct channel_name *channel_name_of(const struct channel *channel)
{
	return &channel->name;
}

const struct record_type *channel_type(const struct channel *channel)
{
	return channel->type;
}

/* ---- telling the other side ------------------------------------------------------------------ */

void channel_notify_consumer(struct channel *channel)
{
	struct ready_list *list = atomic_load(&channel->consumer_list);

	if (likely(list != NULL))
		ready_list_notify(list, &channel->consumer_node);
}

void channel_notify_producer(struct channel *channel)
{
	struct ready_list *list = atomic_load(&channel->producer_list);

	if (list != NULL)
		ready_list_notify(list, &channel->producer_node);
	else
		waker_wake(&channel->producer_waker);
}

static _Atomic uint64_t failures;

uint64_t channel_failures(void)
{
	return atomic_load_explicit(&failures, memory_order_acquire);
}

void channel_fail(struct channel *channel, const struct err *why)
{
	struct err *copy = mem_dup(why, sizeof(*why)), *none = NULL;

	if (!atomic_compare_exchange_strong(&channel->failure, &none, copy)) {
		mem_free(copy);
		return;
	}
	atomic_fetch_add(&failures, 1); /* before the wake-ups */
	atomic_store(&channel->wanted_limit, CHANNEL_NEVER);
	channel_notify_consumer(channel);
	channel_notify_producer(channel);
	/* Who has listed it already, and waits for something else, is told nothing by that. */
	struct ready_list *consumers = atomic_load(&channel->consumer_list);

	if (consumers != NULL)
		waker_wake(&consumers->waker);
}

bool channel_failed(const struct channel *channel, struct err *why)
{
	struct err *failure = atomic_load(&((struct channel *)(uintptr_t)channel)->failure);

	if (failure != NULL && why != NULL)
		*why = *failure;
	return failure != NULL;
}

void channel_set_producer(struct channel *channel, struct agent *agent)
{
	waker_set(&channel->producer_waker, agent);
}

void channel_set_producer_list(struct channel *channel, struct ready_list *list, uint32_t index)
{
	CHECK(atomic_load(&channel->producer_list) == NULL, "a channel with two data connections");
	channel->producer_index = index;
	ready_list_ref(list);
	atomic_store(&channel->producer_list, list);
	channel_notify_producer(channel); /* what came before is looked at once */
}

struct channel *channel_list_take(struct ready_list *list)
{
	struct ready_node *node;

	while ((node = ready_list_take(list)) != NULL) {
		struct channel *channel = CONTAINER_OF(node, struct channel, producer_node);

		if (atomic_load_explicit(&channel->producer_left, memory_order_relaxed)) {
			channel_unref(channel);
			continue;
		}
		ready_node_lower(node);
		return channel;
	}
	return NULL;
}

void channel_list_drain(struct ready_list *list)
{
	CHECK(channel_list_take(list) == NULL, "a data connection ends before its channels");
}

/* ---- producer: credit and segments ----------------------------------------------------------- */

static bool channel_may_open_seen(const struct channel *channel)
{
	return channel->opened < channel->limit_seen &&
	       channel->opened - channel->released_seen <= channel->slots_mask;
}

static bool channel_may_open_now(struct channel *channel)
{
	channel->limit_seen = atomic_load(&channel->limit);
	channel->released_seen = position_segment(atomic_load(&channel->released));
	return channel_may_open_seen(channel);
}

/* Half of the window as it was seen last: a producer that is woken for each segment pays a change
 * of threads for each. The consumer can release all that was published, and a blocked producer has
 * published everything, so the whole window comes back in the end. */
static uint64_t channel_worth_waking(const struct channel *channel)
{
	uint64_t limit = channel->limit_seen, released = channel->released_seen;

	return channel->opened + (limit > released + 1 ? (limit - released) / 2 : 1);
}

static bool channel_may_open(struct channel *channel)
{
	uint64_t worth;

	if (channel_may_open_seen(channel) || channel_may_open_now(channel))
		return true;
	do { /* again if the window has shrunk in between */
		worth = channel_worth_waking(channel);
		atomic_store(&channel->wanted_limit, worth);
		if (channel_may_open_now(channel)) {
			atomic_store(&channel->wanted_limit, CHANNEL_NEVER);
			return true;
		}
	} while (channel_worth_waking(channel) < worth);
	return false;
}

/* The next segment becomes the open one. False: no credit, or no free segment; it is told later. */
static bool channel_open_segment(struct channel *channel)
{
	if (!channel_may_open(channel))
		return false;
	struct segment *segment =
		segment_take_or_wait(channel->pool, channel->size_class, &channel->waiter);

	if (segment == NULL)
		return false;
	CHECK(channel->opened < channel->limit_seen, "segment %llu is opened, the limit is %llu",
	      (unsigned long long)channel->opened, (unsigned long long)channel->limit_seen);
	CHECK(channel->opened + 1 < POSITION_SEGMENTS_MAX, "segment numbers are used up");
	channel_slot(channel, channel->opened)->segment = segment;
	channel->open = segment;
	channel->opened++;
	return true;
}

/* No more bytes go into the open segment; the next position is the start of the next one. */
static void channel_complete_segment(struct channel *channel)
{
	channel_slot(channel, channel->opened - 1)->end_bytes = position_offset(channel->position);
	channel->open = NULL;
	channel->position = position_start_of(channel->opened);
}

static void channel_publish_position(struct channel *channel)
{
	uint64_t before = atomic_load_explicit(&channel->published, memory_order_relaxed);

	if (channel->position == before)
		return;
	atomic_store_explicit(&channel->records_in, channel->records_closed, memory_order_relaxed);
	atomic_store(&channel->published, channel->position);
	channel_notify_consumer(channel);
}

static void channel_appended(struct channel *channel, uint32_t size_bytes, uint64_t records)
{
	uint64_t bytes = atomic_load_explicit(&channel->bytes_in, memory_order_relaxed);

	channel->position += size_bytes;
	channel->records_closed += records;
	atomic_store_explicit(&channel->bytes_in, bytes + size_bytes, memory_order_relaxed);
}

static void channel_close_run(struct channel *channel)
{
	uint32_t records = channel->run.count, size_bytes = run_end(&channel->run);

	if (size_bytes > 0)
		channel_appended(channel, size_bytes, records);
}

/* ---- producer: records ----------------------------------------------------------------------- */

void channel_use_timestamps(struct channel *channel)
{
	CHECK(!channel->run_ready, "a channel's records get timestamps after the first of them");
	channel->with_timestamps = true;
}

uint32_t channel_record_bytes_max(const struct channel *channel)
{
	uint32_t columns = channel->with_timestamps ? 8 : 0;

	if (channel->type->has_tails)
		columns += 8; /* one offset, padded */
	return channel->segment_bytes - (uint32_t)sizeof(struct run_header) - columns;
}

/* Where the run for a record ends at the latest: the segment is filled so far, but the first record
 * gets the room that it needs. */
static uint32_t channel_run_room(const struct channel *channel, uint32_t offset,
				 uint32_t record_bytes)
{
	uint32_t room = channel->segment_bytes - offset, fill, needed;

	fill = atomic_load_explicit(&((struct channel *)(uintptr_t)channel)->fill_bytes,
				    memory_order_relaxed);
	if (likely(fill >= channel->segment_bytes))
		return room;
	fill = fill > offset ? fill - offset : 0;
	needed = record_bytes + channel->segment_bytes - channel_record_bytes_max(channel) + 8;
	if (offset == 0 && fill < needed)
		fill = needed;
	return fill < room ? fill : room;
}

HOT void *channel_reserve_slow(struct channel *channel, uint32_t size_bytes)
{
	if (atomic_load(&channel->failure) != NULL ||
	    size_bytes > channel_record_bytes_max(channel))
		return NULL;
	if (unlikely(!channel->run_ready)) {
		run_builder_init(&channel->run, channel->type, channel->segment_bytes,
				 channel->with_timestamps);
		channel->run_ready = true;
	}
	channel_close_run(channel);
	for (;;) {
		if (channel->open != NULL) {
			uint32_t offset = position_offset(channel->position);
			void *record = NULL;

			if (run_begin(&channel->run, channel->open->data + offset,
				      channel_run_room(channel, offset, size_bytes)))
				record = run_reserve(&channel->run, size_bytes);
			if (record != NULL)
				return record;
			run_end(&channel->run);
			channel_complete_segment(channel);
			channel_publish_position(channel);
		}
		if (!channel_open_segment(channel))
			return NULL;
	}
}

bool channel_append_run(struct channel *channel, const void *run, uint32_t size_bytes)
{
	CHECK(size_bytes <= channel->segment_bytes, "a run of %u bytes for segments of %u",
	      size_bytes, channel->segment_bytes);
	if (atomic_load(&channel->failure) != NULL)
		return false;
	channel_close_run(channel);
	if (channel->open != NULL &&
	    size_bytes >
		    channel_run_room(channel, position_offset(channel->position), size_bytes)) {
		channel_complete_segment(channel);
		channel_publish_position(channel);
	}
	if (channel->open == NULL && !channel_open_segment(channel))
		return false;
	memcpy(channel->open->data + position_offset(channel->position), run, size_bytes);
	channel_appended(channel, size_bytes, ((const struct run_header *)run)->count);
	return true;
}

uint32_t channel_run_bytes_max(const struct channel *channel)
{
	return atomic_load_explicit(&((struct channel *)(uintptr_t)channel)->fill_bytes,
				    memory_order_relaxed);
}

uint32_t channel_append_piece(struct channel *channel, const struct piece_record *record,
			      uint32_t offset_bytes)
{
	uint32_t wanted = piece_room_wanted(record, offset_bytes), carried;

	if (atomic_load(&channel->failure) != NULL)
		return 0;
	channel_close_run(channel);
	if (channel->open != NULL &&
	    position_offset(channel->position) + wanted > channel->segment_bytes) {
		channel_complete_segment(channel);
		channel_publish_position(channel);
	}
	if (channel->open == NULL && !channel_open_segment(channel))
		return 0;
	uint32_t at = position_offset(channel->position);
	uint32_t size_bytes = piece_write(record, offset_bytes, channel->open->data + at,
					  channel->segment_bytes - at, &carried);

	channel_appended(channel, size_bytes, offset_bytes + carried == record->size_bytes);
	return carried;
}

struct position channel_publish(struct channel *channel)
{
	channel_close_run(channel);
	channel_publish_position(channel);
	return position_unpack(channel->position);
}

bool channel_has_unpublished(const struct channel *channel)
{
	struct channel *c = (struct channel *)(uintptr_t)channel;

	return channel->run.count > 0 ||
	       channel->position != atomic_load_explicit(&c->published, memory_order_relaxed);
}

/* ---- producer: control elements -------------------------------------------------------------- */

static bool channel_control_room(struct channel *channel)
{
	return channel->control_tail_own - channel->control_head_seen < CHANNEL_CONTROLS_MAX;
}

static bool channel_control_room_now(struct channel *channel)
{
	channel->control_head_seen = atomic_load(&channel->control_head);
	return channel_control_room(channel);
}

bool channel_offer_control(struct channel *channel, const struct control *control)
{
	if (atomic_load(&channel->failure) != NULL)
		return false;
	struct position at = channel_publish(channel);

	if (!channel_control_room(channel) && !channel_control_room_now(channel)) {
		atomic_store(&channel->wanted_head,
			     channel->control_tail_own - CHANNEL_CONTROLS_MAX + 1);
		if (!channel_control_room_now(channel))
			return false;
		atomic_store(&channel->wanted_head, CHANNEL_NEVER);
	}
	struct control *entry =
		&channel->controls[channel->control_tail_own % CHANNEL_CONTROLS_MAX];

	*entry = *control;
	entry->at = at;
	entry->urgent = false;
	atomic_store(&channel->control_tail, ++channel->control_tail_own);
	channel_notify_consumer(channel);
	return true;
}

void channel_receive_urgent(struct channel *channel, const struct control *barrier)
{
	CHECK(!channel_urgent_outstanding(channel), "barrier %llu overtakes while %llu still does",
	      (unsigned long long)barrier->checkpoint,
	      (unsigned long long)channel->urgent.checkpoint);
	channel->urgent = *barrier;
	channel->urgent.urgent = true;
	atomic_store(&channel->urgent_set, true);
	channel_notify_consumer(channel);
}

void channel_urgent(struct channel *channel, const struct control *barrier)
{
	struct control control = *barrier;

	control.at = channel_publish(channel);
	channel_receive_urgent(channel, &control);
}

bool channel_urgent_outstanding(const struct channel *channel)
{
	return atomic_load(&((struct channel *)(uintptr_t)channel)->urgent_set);
}

/* ---- producer: looking ----------------------------------------------------------------------- */

bool channel_drained(const struct channel *channel)
{
	struct channel *c = (struct channel *)(uintptr_t)channel;

	return atomic_load(&c->control_head) == channel->control_tail_own &&
	       atomic_load(&c->released) ==
		       atomic_load_explicit(&c->published, memory_order_relaxed);
}

uint64_t channel_backlog_segments(const struct channel *channel)
{
	struct channel *c = (struct channel *)(uintptr_t)channel;
	uint64_t taken = atomic_load_explicit(&c->taken, memory_order_relaxed);
	uint64_t published = atomic_load_explicit(&c->published, memory_order_relaxed);

	if (published <= taken)
		return 0;
	return position_segment(published) - position_segment(taken) +
	       (position_offset(published) > 0);
}

bool channel_blocked(const struct channel *channel)
{
	struct channel *c = (struct channel *)(uintptr_t)channel;

	return atomic_load(&c->wanted_limit) != CHANNEL_NEVER || atomic_load(&c->waiter.waiting);
}

uint64_t channel_records_in(const struct channel *channel)
{
	return atomic_load_explicit(&((struct channel *)(uintptr_t)channel)->records_in,
				    memory_order_relaxed);
}

uint64_t channel_bytes_in(const struct channel *channel)
{
	return atomic_load_explicit(&((struct channel *)(uintptr_t)channel)->bytes_in,
				    memory_order_relaxed);
}

/* ---- the receiving end of a data connection -------------------------------------------------- */

struct position channel_received(const struct channel *channel)
{
	return position_unpack(channel->position);
}

static int channel_check_place(const struct channel *channel, struct position at,
			       uint32_t size_bytes, struct err *err)
{
	struct position expected = channel_received(channel);

	if (at.segment != expected.segment || at.offset_bytes != expected.offset_bytes)
		return err_set(
			err, ERR_NET_PROTOCOL,
			"bytes for segment %llu, offset %u came where segment %llu, offset %u goes on",
			(unsigned long long)at.segment, at.offset_bytes,
			(unsigned long long)expected.segment, expected.offset_bytes);
	if (size_bytes > channel->segment_bytes - at.offset_bytes)
		return err_set(err, ERR_NET_PROTOCOL,
			       "%u bytes at offset %u do not fit a segment of %u bytes", size_bytes,
			       at.offset_bytes, channel->segment_bytes);
	if (channel->open == NULL && size_bytes == 0)
		return err_set(err, ERR_NET_PROTOCOL, "segment %llu ends before it began",
			       (unsigned long long)at.segment);
	return 0;
}

char *channel_receive_room(struct channel *channel, struct position at, uint32_t size_bytes,
			   struct err *err)
{
	err_clear(err);
	if (channel_check_place(channel, at, size_bytes, err) != 0)
		return NULL;
	if (channel->open == NULL) {
		if (!channel_may_open_seen(channel) && !channel_may_open_now(channel)) {
			err_set(err, ERR_CREDIT_EXCEEDED,
				"segment %llu was begun, but the limit is %llu",
				(unsigned long long)at.segment,
				(unsigned long long)channel->limit_seen);
			return NULL;
		}
		if (!channel_open_segment(channel))
			return NULL;
	}
	return channel->open->data + at.offset_bytes;
}

static COLD int channel_check_piece(struct channel *channel, const struct record_type *type,
				    const char *run, uint32_t size_bytes, struct err *err)
{
	if (size_bytes >= sizeof(struct run_header) && !run_is_piece(run))
		return err_set(err, ERR_RECORD_INVALID,
			       "a run came after %u of %u bytes of a record that travels in pieces",
			       channel->pieces.have_bytes, channel->pieces.record_bytes);
	return piece_check(type, run, size_bytes, channel->record_bytes_max, &channel->pieces, err);
}

int channel_receive_done(struct channel *channel, uint32_t size_bytes, bool ends_segment,
			 struct err *err)
{
	const char *data = channel->open->data + position_offset(channel->position);
	const struct record_type *type =
		channel->receive_type ? channel->receive_type : channel->type;
	uint64_t records = 0;
	struct batch batch;

	for (uint32_t at = 0; at < size_bytes;) {
		const char *run = data + at;
		uint32_t left = size_bytes - at;
		bool is_piece = piece_under_way(&channel->pieces) ||
				(left >= sizeof(struct run_header) && run_is_piece(run));

		if (unlikely(is_piece) ? channel_check_piece(channel, type, run, left, err)
				       : run_check(type, run, left, &batch, err))
			return -1;
		at += ((const struct run_header *)run)->size_bytes;
		records += ((const struct run_header *)run)->count;
	}
	channel_appended(channel, size_bytes, records);
	if (ends_segment)
		channel_complete_segment(channel);
	channel_publish_position(channel);
	return 0;
}

int channel_receive(struct channel *channel, struct position at, const void *bytes,
		    uint32_t size_bytes, bool ends_segment, struct err *err)
{
	char *room = channel_receive_room(channel, at, size_bytes, err);

	if (room == NULL && err->code == ERR_NONE)
		return err_set(err, ERR_BUFFERS,
			       "no network buffer is free for the bytes of segment %llu",
			       (unsigned long long)at.segment);
	if (room == NULL)
		return -1;
	if (size_bytes > 0)
		memcpy(room, bytes, size_bytes);
	return channel_receive_done(channel, size_bytes, ends_segment, err);
}

void channel_set_backlog(struct channel *channel, uint32_t segments)
{
	atomic_store_explicit(&channel->backlog_far, segments, memory_order_relaxed);
}

void channel_want_limit(struct channel *channel, uint64_t limit)
{
	atomic_store(&channel->wanted_limit, limit);
	if (atomic_load(&channel->limit) >= limit &&
	    atomic_exchange(&channel->wanted_limit, CHANNEL_NEVER) != CHANNEL_NEVER)
		channel_notify_producer(channel);
}

void channel_want_head(struct channel *channel, uint64_t head)
{
	atomic_store(&channel->wanted_head, head);
	if (atomic_load(&channel->control_head) >= head &&
	    atomic_exchange(&channel->wanted_head, CHANNEL_NEVER) != CHANNEL_NEVER)
		channel_notify_producer(channel);
}

uint64_t channel_control_head(const struct channel *channel)
{
	return atomic_load(&((struct channel *)(uintptr_t)channel)->control_head);
}
