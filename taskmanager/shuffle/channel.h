/* SPDX-License-Identifier: Apache-2.0
 * channel.h - a channel: segments numbered from 0, positions that only grow, absolute credit.
 *
 *   producer:  reserve … reserve  publish            consumer:  take … take  release(up_to)
 *   segment k  [run][run][run]----|open              segment k  given back when released past it
 *
 * The producer appends runs to the open segment and publishes a position; publishing costs no
 * credit. Credit is the number of the first segment that the producer may not open: absolute and
 * monotone, so a late or repeated announcement is harmless. Control elements are queue entries with
 * the position they stand at and cost no credit. A channel always lies inside one process, between
 * one producing and one consuming agent; an edge between TaskManagers is two channels joined by a
 * data connection, which is the consumer of one and the producer of the other.
 *
 * Producer and consumer sides never share fields but the atomics; each side is used by one thread at
 * a time. */
#ifndef TASKMANAGER_SHUFFLE_CHANNEL_H
#define TASKMANAGER_SHUFFLE_CHANNEL_H

#include "common/base/agent.h"
#include "common/base/id.h"
#include "common/base/ring.h"
#include "common/record/batch.h"
#include "taskmanager/shuffle/segment.h"

struct position {
	uint64_t segment;
	uint32_t offset_bytes;
};

enum control_kind {
	CONTROL_WATERMARK = 1, CONTROL_IDLE = 2, CONTROL_ACTIVE = 3, CONTROL_BARRIER = 4,
	CONTROL_END_OF_INPUT = 5,
};

struct control {
	uint8_t kind;
	event_t watermark;   /* WATERMARK */
	uint64_t checkpoint; /* BARRIER */
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
	bool with_timestamps;
};

struct channel *channel_create(const struct channel_options *options);
/* Either side leaves; the last one frees it. Producer: what is not published is lost. */
void channel_leave_producer(struct channel **channel);
void channel_leave_consumer(struct channel **channel);
const struct channel_name *channel_name_of(const struct channel *channel);
const struct record_type *channel_type(const struct channel *channel);

/* ---- producer ------------------------------------------------------------------------------- */

void channel_set_producer(struct channel *channel, struct agent *agent); /* woken on credit */
/* Room for one record of size_bytes (see run_reserve), in the open segment or a new one. NULL =
 * blocked: no credit, or no free segment; the producer is woken when that changes. A record larger
 * than a segment is a bug here: callers check channel_record_bytes_max first. */
void *channel_reserve(struct channel *channel, uint32_t size_bytes);
void channel_set_timestamp(struct channel *channel, int64_t timestamp_ms); /* of the last reserved */
uint32_t channel_record_bytes_max(const struct channel *channel);
/* Appends a whole finished run (of channel_type) if it fits the credit; false = blocked. */
bool channel_append_run(struct channel *channel, const void *run, uint32_t size_bytes);
struct position channel_publish(struct channel *channel); /* wakes the consumer on empty -> not empty */
bool channel_has_unpublished(const struct channel *channel);
/* Publishes, then queues the element; false = the queue of control elements is full (blocked). */
MUST_USE bool channel_offer_control(struct channel *channel, const struct control *control);
void channel_urgent(struct channel *channel, const struct control *barrier); /* overtakes; at most one outstanding */
bool channel_drained(const struct channel *channel); /* everything published was released */
uint64_t channel_backlog_segments(const struct channel *channel); /* published, not taken */
bool channel_blocked(const struct channel *channel); /* the last reserve was refused and nothing changed */

/* ---- consumer ------------------------------------------------------------------------------- */

enum channel_item { CHANNEL_NOTHING, CHANNEL_BATCH, CHANNEL_CONTROL, CHANNEL_FAILED };
/* The next run as a batch, or the next control element. Batches stay valid until released. */
enum channel_item channel_take(struct channel *channel, struct batch *batch, struct control *control);
struct position channel_taken(const struct channel *channel); /* end of the last item taken */
/* Everything before up_to is done with: segments go back, the limit is raised (unless the limit is
 * granted by hand), a blocked producer is woken. */
void channel_release(struct channel *channel, struct position up_to);
/* Bytes [from taken, published) of the current segment, for the data connection: whole runs, in
 * place. 0 = none (control or nothing next). Then channel_advance. */
uint32_t channel_peek_bytes(struct channel *channel, struct position *at, const char **data);
void channel_advance(struct channel *channel, uint32_t bytes);

/* ---- both, and the data connection ----------------------------------------------------------- */

/* Credit by hand (a data connection feeds the producer of the far end): from now on release does
 * not raise the limit; grants are absolute and monotone. */
void channel_grant_by_hand(struct channel *channel);
void channel_grant(struct channel *channel, uint64_t segments_limit);
uint64_t channel_limit(const struct channel *channel);
uint64_t channel_released_segments(const struct channel *channel);
/* The receiving end of a connection: copies bytes to the same offset of the same numbered segment.
 * Checks order, gaps, size and credit: ERR_CREDIT_EXCEEDED, ERR_NET_PROTOCOL; validates each run. */
MUST_USE int channel_receive(struct channel *channel, struct position at, const void *bytes,
			     uint32_t size_bytes, struct err *err);
/* Any thread: the channel is broken; both sides are woken and see it (the first error stays). */
void channel_fail(struct channel *channel, const struct err *why);
bool channel_failed(const struct channel *channel, struct err *why);
uint64_t channel_records_in(const struct channel *channel); /* counters of the producer's side */
uint64_t channel_bytes_in(const struct channel *channel);

/* ---- gates ---------------------------------------------------------------------------------- */

/* The consuming end of several channels: a list of those with something to take. */
struct gate *gate_create(struct agent *agent); /* woken when the list becomes not empty */
void gate_destroy(struct gate **gate);         /* after its channels left */
void gate_add(struct gate *gate, struct channel *channel, uint32_t index); /* index: the caller's */
/* The next ready channel, or NULL. It stays the gate's current one until channel_take says
 * NOTHING (then it is listed again on the next publish) or gate_yield puts it at the end. */
struct channel *gate_next(struct gate *gate);
void gate_yield(struct gate *gate, struct channel *channel);
uint32_t gate_index(const struct channel *channel);

#endif
