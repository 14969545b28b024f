/* SPDX-License-Identifier: Apache-2.0
 * channel.h - a channel: segments numbered from 0, positions that only grow, absolute credit.
 *
 *   producer:  reserve … reserve  publish            consumer:  take … take  release(up_to)
 *   segment k  [run][run][run]----|open              segment k  given back when released past it
 *
 * The producer appends runs to the open segment and publishes a position; publishing costs no
 * credit. A segment that is full is published by itself, as position (k + 1, 0), so that it can be
 * given back before credit for the next one is there. Credit is the number of the first segment
 * that the producer may not open: absolute and monotone, so a late or repeated announcement is
 * harmless. Control elements are queue entries with the position they stand at and cost no credit.
 * A channel always lies inside one process, between one producing and one consuming agent; an edge
 * between TaskManagers is two channels joined by a data connection, which is the consumer of one
 * and the producer of the other.
 *
 * Producer and consumer sides never share fields but the atomics; each side is used by one thread
 * at a time. Nothing here waits; who is refused is woken when that changes. */
#ifndef TASKMANAGER_SHUFFLE_CHANNEL_H
#define TASKMANAGER_SHUFFLE_CHANNEL_H

#include "common/base/agent.h"
#include "common/base/id.h"
#include "common/base/ring.h"
#include "common/record/piece.h"
#include "taskmanager/shuffle/segment.h"

#define CHANNEL_CONTROLS_MAX 32 /* control elements queued and not taken */

struct position {
	uint64_t segment;
	uint32_t offset_bytes;
};

enum control_kind {
	CONTROL_WATERMARK = 1, CONTROL_IDLE = 2, CONTROL_ACTIVE = 3, CONTROL_BARRIER = 4,
	CONTROL_END_OF_INPUT = 5, CONTROL_LATENCY = 6,
};

struct control {
	uint8_t kind;
	bool urgent; /* a barrier that overtook: the data in [channel_taken, at) came before it */
	event_t watermark;   /* WATERMARK; of LATENCY the wall time at which it was marked */
	uint64_t checkpoint; /* BARRIER; of LATENCY its source (exec/latency_table.h) */
	struct position at;  /* where it stands; filled by the channel */
};

struct channel_name { /* the same on both sides and on the wire */
	struct id job_id;
	uint32_t job_attempt, edge, producer, consumer;
};

struct gate;
struct channel;

struct channel_options {
	struct channel_name name;
	const struct record_type *type; /* borrowed; outlives the channel */
	struct segment_pool *pool;
	uint32_t window_segments; /* how many unreleased segments the consumer allows: ≥ 1 */
	uint32_t window_segments_max; /* with what its gate may add; 0: window_segments */
	uint32_t size_class;        /* of its segments */
	uint32_t admitted_segments; /* of the pool; dismissed when the channel is freed */
	uint32_t record_bytes_max; /* of what a connection brings; 0: LIMIT_RECORD_BYTES_MAX */
	bool with_timestamps;
};

struct channel *channel_create(const struct channel_options *options);
/* Either side leaves; the last one frees it. Producer: what is not published is lost. A consumer
 * that left refuses by never giving credit again. */
void channel_leave_producer(struct channel **channel);
void channel_leave_consumer(struct channel **channel);
bool channel_producer_left(const struct channel *channel);
bool channel_consumer_left(const struct channel *channel);
const struct channel_name *channel_name_of(const struct channel *channel);
const struct record_type *channel_type(const struct channel *channel);

/* ---- producer ------------------------------------------------------------------------------- */

/* Who is woken on credit, and when a segment comes back; NULL: nobody. */
void channel_set_producer(struct channel *channel, struct agent *agent);
/* The run under way, for code that reserves many records inline: run_reserve on it answers NULL
 * when it is full or none is open; then channel_reserve. */
static inline struct run_builder *channel_run(struct channel *channel)
{
	return (struct run_builder *)channel; /* its first member; channel.c asserts it */
}
void *channel_reserve_slow(struct channel *channel, uint32_t size_bytes);
/* Room for one record of size_bytes (see run_reserve), in the open segment or a new one. NULL =
 * blocked: no credit, no free segment (the producer is woken when that changes), or failed. NULL
 * also for a record of more than channel_record_bytes_max: that one goes in pieces. */
static inline void *channel_reserve(struct channel *channel, uint32_t size_bytes)
{
	void *record = run_reserve(channel_run(channel), size_bytes);

	return likely(record != NULL) ? record : channel_reserve_slow(channel, size_bytes);
}
/* Of the last reserved record. */
static inline void channel_set_timestamp(struct channel *channel, int64_t timestamp_ms)
{
	struct run_builder *run = channel_run(channel);

	run->timestamps_ms[run->count - 1] = timestamp_ms;
}
/* Records of this channel carry timestamps: before the first reserve. */
void channel_use_timestamps(struct channel *channel);
uint32_t channel_record_bytes_max(const struct channel *channel);
/* Appends a whole finished run (of channel_type) if it fits the credit; false = blocked. */
bool channel_append_run(struct channel *channel, const void *run, uint32_t size_bytes);
/* Runs up to here fill segments as far as the consumer wants them filled; channel_append_run takes
 * those that fit a segment. The answer changes with the consumer's pace. */
uint32_t channel_run_bytes_max(const struct channel *channel);
/* The next piece of a record (piece.h), from offset_bytes on: as much as the open segment or else
 * the next one has room for. Returns how many of the record's bytes it carries; 0 = blocked or
 * failed, as above. Between two pieces of a record nothing else may go into the channel. */
uint32_t channel_append_piece(struct channel *channel, const struct piece_record *record,
			      uint32_t offset_bytes);
/* Wakes the consumer on empty -> not empty. */
struct position channel_publish(struct channel *channel);
bool channel_has_unpublished(const struct channel *channel);
/* Publishes, then queues the element; false = the queue of control elements is full (blocked: the
 * producer is woken when there is room), or failed. */
MUST_USE bool channel_offer_control(struct channel *channel, const struct control *control);
/* Publishes, then hands the barrier over ahead of all that is not yet taken, `at` = the position it
 * overtakes. At most one may be outstanding: ask first. */
void channel_urgent(struct channel *channel, const struct control *barrier);
bool channel_urgent_outstanding(const struct channel *channel); /* not taken yet */
bool channel_drained(const struct channel *channel); /* all that was published is released */
uint64_t channel_backlog_segments(const struct channel *channel); /* published, not taken */
/* The last reserve was refused and nothing has changed. */
bool channel_blocked(const struct channel *channel);

/* ---- consumer ------------------------------------------------------------------------------- */

enum channel_item {
	CHANNEL_NOTHING, CHANNEL_BATCH, CHANNEL_CONTROL, CHANNEL_FAILED, CHANNEL_PIECE,
};
/* The next run as a batch, or the next control element. Batches stay valid until released. PIECE:
 * batch->base is a piece of a record, which follows the one before it on this channel. */
enum channel_item channel_take(struct channel *channel, struct batch *batch,
			       struct control *control);
struct position channel_taken(const struct channel *channel); /* end of the last item taken */
/* Everything before up_to is done with: segments go back, the limit is raised (unless the limit is
 * granted by hand), a blocked producer is woken. */
void channel_release(struct channel *channel, struct position up_to);

/* What comes next, in place, for the data connection: bytes of the current segment (whole runs), a
 * control element, or that a segment has ended (no bytes, ends_segment). */
struct channel_view {
	struct position at;
	const char *data;
	uint32_t size_bytes;
	bool ends_segment; /* the segment is complete with these bytes */
	struct segment *segment;
	struct control control; /* CHANNEL_CONTROL */
};
enum channel_item channel_peek(struct channel *channel, struct channel_view *view);
/* Takes what channel_peek has just shown. Returns the position behind it. */
struct position channel_advance(struct channel *channel, const struct channel_view *view);

/* ---- both, and the data connection ----------------------------------------------------------- */

/* Credit by hand: release does not raise the limit any more; grants are absolute and monotone. */
void channel_grant_by_hand(struct channel *channel);
void channel_grant(struct channel *channel, uint64_t segments_limit);
uint64_t channel_limit(const struct channel *channel);
uint64_t channel_released_segments(const struct channel *channel);
/* The receiving end of a connection, instead of reserve and publish: bytes land at the same offset
 * of the same numbered segment. `at` must be where the last ones ended; gaps, sizes and credit are
 * checked (ERR_NET_PROTOCOL, ERR_CREDIT_EXCEEDED).
 *   room: where the bytes go, from `at` on. NULL with err->code 0: the pool is empty just now, the
 *         producer is woken when a segment comes back.
 *   done: the bytes are there: each run is validated (ERR_RECORD_INVALID), then all are published.
 *         ends_segment: the segment is complete; the next bytes begin the next one. */
char *channel_receive_room(struct channel *channel, struct position at, uint32_t size_bytes,
			   struct err *err);
MUST_USE int channel_receive_done(struct channel *channel, uint32_t size_bytes, bool ends_segment,
				  struct err *err);
/* Both, by a copy; an empty pool is ERR_BUFFERS. */
MUST_USE int channel_receive(struct channel *channel, struct position at, const void *bytes,
			     uint32_t size_bytes, bool ends_segment, struct err *err);
/* As channel_urgent, with the position the sending side wrote on it. */
void channel_receive_urgent(struct channel *channel, const struct control *barrier);
/* Where the next bytes must begin. */
struct position channel_received(const struct channel *channel);
/* How many segments the far producer holds back: lets the gate lend it more (any thread). */
void channel_set_backlog(struct channel *channel, uint32_t segments);
/* Any thread: the channel is broken; both sides are woken and see it (the first error stays). */
void channel_fail(struct channel *channel, const struct err *why);
bool channel_failed(const struct channel *channel, struct err *why); /* why may be NULL */
/* How many channels of this process have ever failed: who waits for something else looks at its own
 * only when this has changed. */
uint64_t channel_failures(void);
uint64_t channel_records_in(const struct channel *channel); /* published so far; any thread */
uint64_t channel_bytes_in(const struct channel *channel);
/* Buffers of a channel as they were a moment ago; any thread, while the caller's side is open. */
struct channel_gauge {
	uint32_t queued;    /* published and not taken */
	uint32_t held;      /* published and not released */
	uint32_t allowed;   /* that the producer may hold now */
	uint32_t exclusive; /* of those: the channel's own */
};
struct channel_gauge channel_gauge_of(const struct channel *channel);
/* For checkers, while neither side moves: false with the breach in text. */
bool channel_check(const struct channel *channel, char *text, size_t size_bytes);

/* ---- gates ---------------------------------------------------------------------------------- */

/* The consuming end of several channels: a list of those with something to take. Everything but the
 * listing by producers is the consumer's thread. */
struct gate *gate_create(struct agent *agent); /* woken when the list becomes not empty */
void gate_destroy(struct gate **gate);         /* after its channels left */
void gate_add(struct gate *gate, struct channel *channel, uint32_t index); /* index: the caller's */
/* Up to `count` segments of the pool may be lent, as long as it has them, to those channels whose
 * producers fill their windows. Later calls change nothing. */
void gate_set_floating(struct gate *gate, struct segment_pool *pool, uint32_t count);
struct debloat_options;
/* No more shall be on its way to the gate than its consumer drains in the target time. */
void gate_set_debloat(struct gate *gate, const struct debloat_options *options);
/* To be called now and then, in each step say; looks at the channels once per period. idle_ns: for
 * how long, in all, the consumer has had nothing to do. */
void gate_debloat(struct gate *gate, mono_t now, uint64_t idle_ns);
/* Gauges, any thread: how long the consumer will take for what is there, and how far segments are
 * filled for it. */
uint64_t gate_queued_ms(const struct gate *gate);
uint64_t gate_fill_bytes(const struct gate *gate);
/* The next ready channel, or NULL. It stays the gate's current one until channel_take says
 * NOTHING (then it is listed again on the next publish) or gate_yield puts it at the end. */
struct channel *gate_next(struct gate *gate);
void gate_yield(struct gate *gate, struct channel *channel);
/* The current channel cannot be served although it has data: listed again by gate_unpark, or when
 * something happens that is more urgent than data. */
void gate_park(struct gate *gate, struct channel *channel);
void gate_unpark(struct gate *gate, struct channel *channel);
/* Never shown again, although its consumer has not left yet. */
void gate_retire(struct gate *gate, struct channel *channel);
uint32_t gate_index(const struct channel *channel);

#endif
