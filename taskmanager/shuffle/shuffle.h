/* SPDX-License-Identifier: Apache-2.0
 * shuffle.h - the channels of one TaskManager: who produces what, who consumes it, and the data
 * connections to other TaskManagers.
 *
 * The consumer's TaskManager connects to the producer's data port, one TCP connection per
 * (producing, consuming) pair: data one way, credits the other. Either end of a channel may come
 * first; an asked-for channel that nobody produces within 5 s fails with ERR_PARTITION_NOT_FOUND
 * naming both tasks. A lost connection fails exactly the channels on it, at once, on both sides.
 * Frames are checked before anything of them is seen; a peer that breaks a rule is named and cut.
 *
 * Local channels (same TaskManager) never touch a socket: both calls meet on one struct channel. */
#ifndef TASKMANAGER_SHUFFLE_SHUFFLE_H
#define TASKMANAGER_SHUFFLE_SHUFFLE_H

#include "common/world/world.h"
#include "taskmanager/shuffle/channel.h"
#include "taskmanager/shuffle/debloat.h"

#define SHUFFLE_PARTITION_WAIT_MS 5000

struct shuffle;

struct shuffle_options {
	const char *bind_host; /* "localhost", "0.0.0.0", "@name" */
	uint16_t port;         /* 0: chosen */
	struct bytes secret;   /* as in rpc.h; copied */
	struct id incarnation;
	uint64_t pool_bytes;
	uint32_t segment_bytes;
	uint32_t exclusive_segments_per_channel, floating_segments_per_gate;
	bool compress_lz4; /* records between TaskManagers, where both want it */
	struct debloat_options debloat; /* of the gates; all zero: off */
	uint32_t record_bytes_max; /* that a peer may send; 0: LIMIT_RECORD_BYTES_MAX */
};

/* The given runner accepts and opens connections and serves those that have no better place. */
MUST_USE int shuffle_create(struct runner *runner, const struct shuffle_options *options,
			    struct shuffle **shuffle, struct err *err);
/* A runner of tasks: connections that mostly carry data of its tasks are served there from now on,
 * between their steps. Any thread. It ends by shuffle_runner_destroy. */
void shuffle_serve_on(struct shuffle *shuffle, struct runner *runner);
/* runner_destroy, and the connections it served go on on the shuffle's own runner, which must be
 * there still. Any thread but its own. */
void shuffle_runner_destroy(struct shuffle *shuffle, struct runner **runner);
/* After all channels were closed, and all runners that tasks were served on have ended; on the
 * runner's thread, or when nothing steps there any more. */
void shuffle_destroy(struct shuffle **shuffle);
uint16_t shuffle_port(const struct shuffle *shuffle);
struct segment_pool *shuffle_pool(struct shuffle *shuffle);
uint32_t shuffle_record_bytes_max(const struct shuffle *shuffle);

/* Any thread (short lock; control plane). Never NULL: what is wrong (no buffers left, another
 * record type on the other side, a second producer or consumer of the name) shows as a channel that
 * has failed. Each channel sets its exclusive segments aside when it is opened, so who was not
 * refused never waits for a buffer that another holds. `type` is borrowed while either side on this
 * TaskManager is open: it is the job's, not the task's. */
struct channel *shuffle_open_output(struct shuffle *shuffle, const struct channel_name *name,
				    const struct record_type *type, struct agent *producer);
/* host NULL: the producer is on this TaskManager. The channel is added to the gate with `index`;
 * call it on the thread of the gate, or before that begins. */
struct channel *shuffle_open_input(struct shuffle *shuffle, const struct channel_name *name,
				   const char *host, uint16_t port, const struct record_type *type,
				   struct gate *gate, uint32_t index);
/* From now on the job's channels have segments of (about) this size, and no more than so many for
 * themselves; 0: as the options say. Both ends of a channel need the same; forgotten with the
 * job. */
void shuffle_size_job(struct shuffle *shuffle, const struct id *job_id, uint32_t segment_bytes,
		      uint32_t exclusive_segments_max);
uint32_t shuffle_segment_bytes(struct shuffle *shuffle, const struct id *job_id);
/* Is there room for so many channels of the job that nobody has opened yet? ERR_BUFFERS: not now.
 * Only whoever opens channels may ask; an answer holds while nothing is lent
 * (segment_pool_hold). */
MUST_USE int shuffle_room(struct shuffle *shuffle, const struct id *job_id, uint32_t channels,
			  struct err *err);
/* Has the other side, on this TaskManager, opened the channel already? */
bool shuffle_has_output(struct shuffle *shuffle, const struct channel_name *name);
/* finished: everything was published and END_OF_INPUT offered; the channel lives on until the
 * consumer has it, here or on another TaskManager. Otherwise the consumer sees the channel fail
 * with `why`. */
void shuffle_close_output(struct shuffle *shuffle, struct channel **channel, bool finished,
			  const struct err *why);
/* A consumer that leaves early is not a failure: its producer is just refused from then on. */
void shuffle_close_input(struct shuffle *shuffle, struct channel **channel);
/* All channels of a job, of whatever attempt, are forgotten; whoever holds them sees them fail. */
void shuffle_release_job(struct shuffle *shuffle, const struct id *job_id);
/* The same for attempts before this one: they are over, and what they produced and nobody asked for
 * would be kept, buffers and all, until the job ends. */
void shuffle_release_attempts(struct shuffle *shuffle, const struct id *job_id,
			      uint32_t before_attempt);
/* For the simulator's checker: credit conserved on every channel; text names a breach. */
bool shuffle_check(struct shuffle *shuffle, char *text, size_t size_bytes);
/* For the same, when all jobs are over: no channel, no connection, all segments free and nobody's.
 * false: text says what is left. */
bool shuffle_at_rest(struct shuffle *shuffle, char *text, size_t size_bytes);

#endif
