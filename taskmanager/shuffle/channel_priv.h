/* SPDX-License-Identifier: Apache-2.0
 * channel_priv.h - a channel's memory: which side owns which line, and the packed positions.
 *
 * Nobody outside this folder includes it. */
#ifndef TASKMANAGER_SHUFFLE_CHANNEL_PRIV_H
#define TASKMANAGER_SHUFFLE_CHANNEL_PRIV_H

#include "taskmanager/shuffle/channel.h"
#include "taskmanager/shuffle/debloat.h"
#include "taskmanager/shuffle/ready.h"

#define CHANNEL_LINE _Alignas(2 * CACHE_LINE_BYTES)
#define CHANNEL_NEVER UINT64_MAX

/* A position in one word: segment number << 24 | offset. It only grows. */
#define POSITION_OFFSET_BITS 24
#define POSITION_OFFSET_MASK ((UINT64_C(1) << POSITION_OFFSET_BITS) - 1)
#define POSITION_SEGMENTS_MAX (UINT64_C(1) << (64 - POSITION_OFFSET_BITS))

static inline uint64_t position_pack(struct position position)
{
	return position.segment << POSITION_OFFSET_BITS | position.offset_bytes;
}

static inline struct position position_unpack(uint64_t packed)
{
	return (struct position){ packed >> POSITION_OFFSET_BITS,
				  (uint32_t)(packed & POSITION_OFFSET_MASK) };
}

static inline uint64_t position_segment(uint64_t packed)
{
	return packed >> POSITION_OFFSET_BITS;
}

static inline uint32_t position_offset(uint64_t packed)
{
	return (uint32_t)(packed & POSITION_OFFSET_MASK);
}

static inline uint64_t position_start_of(uint64_t segment)
{
	return segment << POSITION_OFFSET_BITS;
}

/* Written by the producer before it publishes a position behind it; taken over by the consumer. */
struct channel_slot {
	struct segment *segment;
	uint32_t end_bytes; /* valid once a later segment is published */
};

struct channel {
	/* The producer's own. `position` is the end of the closed runs: (k, offset) inside the open
	 * segment k, or (k, 0) when segment k is not open yet. */
	struct run_builder run; /* first: channel_run */
	uint64_t position;
	struct segment *open;
	uint64_t opened; /* segments opened so far: the open one is opened - 1 */
	uint64_t limit_seen, released_seen;
	uint64_t control_tail_own, control_head_seen;
	uint64_t records_closed; /* of closed runs, published or not */
	bool run_ready;
	struct piece_sequence pieces; /* of a data connection: the record that is on its way */
	struct segment_waiter waiter;

	/* The producer writes, everybody reads. */
	CHANNEL_LINE _Atomic uint64_t published; /* packed */
	_Atomic uint64_t control_tail;
	atomic_bool urgent_set;    /* raised by the producer, lowered by the consumer */
	atomic_bool producer_left;
	atomic_uint backlog_far;
	_Atomic uint64_t records_in, bytes_in;

	/* The consumer's own (`taken` is read by others for gauges). */
	CHANNEL_LINE _Atomic uint64_t taken; /* packed */
	uint64_t control_head_own, control_tail_seen;
	uint32_t window_segments; /* allowed now: base + floating */
	uint32_t floating_segments;
	uint64_t window_peak, window_released, window_target; /* see channel_adjust_window */
	uint32_t window_cap;  /* not more is lent: see channel_allow */
	uint64_t taken_bytes; /* by channel_take */
	bool by_hand;
	bool consumer_gone; /* left, and kept only for the gate's list */
	struct gate *gate;
	struct list_node gate_node;
	uint32_t gate_index;
	/* retiring: never shown again, but still in the list */
	enum { GATE_LISTABLE, GATE_RETIRING, GATE_RETIRED } retired;

	/* The consumer writes, everybody reads. */
	CHANNEL_LINE _Atomic uint64_t released; /* packed */
	_Atomic uint64_t limit, control_head;
	atomic_uint fill_bytes; /* the producer fills segments so far, or with one record or run */
	atomic_uint allowed_bytes; /* the same in all; 0: no limit. For a far producer */
	atomic_bool consumer_left;

	/* Where they meet when one has to tell the other. */
	CHANNEL_LINE _Atomic uint64_t wanted_limit; /* the producer is told when it is reached */
	_Atomic uint64_t wanted_head;               /* likewise for control_head */
	struct waker producer_waker;
	_Atomic(struct ready_list *) producer_list; /* instead of the waker: a data connection */
	struct ready_node producer_node;
	_Atomic(struct ready_list *) consumer_list; /* of the gate */
	struct ready_node consumer_node;
	_Atomic(struct err *) failure;
	atomic_uint refs;

	/* Constant. */
	CHANNEL_LINE struct channel_slot *slots;
	uint64_t slots_mask;
	uint32_t window_segments_base, segment_bytes, size_class;
	uint32_t record_bytes_max;
	uint32_t admitted_segments;
	uint32_t producer_index; /* the data connection's number for it */
	bool with_timestamps;
	const struct record_type *type;
	const struct record_type *receive_type; /* for run_check; NULL: type */
	struct segment_pool *pool;
	void *owner; /* the registry's entry, or NULL */
	struct channel_name name;
	void *memory;

	struct control urgent; /* guarded by urgent_set */
	struct control controls[CHANNEL_CONTROLS_MAX];
};

struct gate {
	struct ready_list *list;
	struct channel *current;
	struct list channels;
	uint32_t channels_count;
	uint64_t allowed_bytes; /* what each channel was told last; 0: all it can */
	uint64_t gone_bytes;    /* taken from channels that have left */
	struct debloat debloat;
	_Atomic uint64_t queued_ms, fill_bytes; /* for gauges */
	uint32_t floating_free, floating_total; /* that may be lent: not lent now, in all */
	struct segment_pool *pool; /* who lends them; NULL: nobody does */
};

static inline struct channel_slot *channel_slot(const struct channel *channel, uint64_t segment)
{
	return &channel->slots[segment & channel->slots_mask];
}

void channel_notify_consumer(struct channel *channel);
void channel_notify_producer(struct channel *channel);
void channel_unref(struct channel *channel);
/* The consumer found nothing: it will be listed again. False: something came meanwhile. */
bool gate_rest(struct channel *channel);
/* The channel's consumer leaves. True: the gate's list still refers to it. */
bool gate_forget(struct channel *channel);

/* A data connection as producer: it is told through its list instead of by a wake. Its list must be
 * closed before the connection's agent goes. `index` comes back by channel_producer_index. */
void channel_set_producer_list(struct channel *channel, struct ready_list *list, uint32_t index);
static inline uint32_t channel_producer_index(const struct channel *channel)
{
	return channel->producer_index;
}
/* The next channel about which the producer's side must do something (credit, a segment, a failure,
 * a consumer that left), or NULL. Channels that the producer has left are not shown. */
struct channel *channel_list_take(struct ready_list *list);
/* After closing the list: forgets what is still in it. */
void channel_list_drain(struct ready_list *list);
/* Tell the producer once the limit (the count of taken control elements) reaches this. */
void channel_want_limit(struct channel *channel, uint64_t limit);
void channel_want_head(struct channel *channel, uint64_t head);
/* The consumer's side: so many bytes may be on their way; 0: as many as there are segments for. It
 * is a wish: a record or run that is larger goes all the same, and what is granted stays granted.
 * Lent segments go first, then the others are filled only in part. */
void channel_allow(struct channel *channel, uint64_t bytes);
/* What a far producer is to be told, and what it does then: in the units of data_frame.h. */
#define CHANNEL_ALLOWED_UNIT_BYTES 64
uint16_t channel_allowed_units(const struct channel *channel);
static inline void channel_allow_units(struct channel *channel, uint16_t units)
{
	channel_allow(channel, (uint64_t)units * CHANNEL_ALLOWED_UNIT_BYTES);
}
uint32_t channel_held_segments(const struct channel *channel); /* while neither side moves */
uint64_t channel_control_head(const struct channel *channel);

/* The runner of the task at this side, so that its data connection may go there; NULL: none. */
static inline const struct runner *channel_producer_runner(struct channel *channel)
{
	return waker_runner(&channel->producer_waker);
}
static inline const struct runner *channel_consumer_runner(struct channel *channel)
{
	struct ready_list *list = atomic_load(&channel->consumer_list);

	return list != NULL ? waker_runner(&list->waker) : NULL;
}

static inline void channel_set_receive_type(struct channel *channel, const struct record_type *type)
{
	channel->receive_type = type;
}
static inline void *channel_owner(const struct channel *channel)
{
	return channel->owner;
}
static inline void channel_set_owner(struct channel *channel, void *owner)
{
	channel->owner = owner;
}

#endif
