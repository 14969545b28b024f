/* SPDX-License-Identifier: Apache-2.0
 * router.c - from runs to channels. See router.h. */
#include "taskmanager/exec/router.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mark.h"
#include "common/world/world.h"
#include "taskmanager/exec/user_abi.h"
#include "taskmanager/operator/user_function.h"

struct partitioner {
	user_partition_fn *function;
	struct user_call call;
};

struct lane { /* see "lanes" */
	char *at, *end, *from;
};

/* ---- opening and closing --------------------------------------------------------------------- */

static int hash_prepare(struct router *router, const Flink__Edge *edge,
			const Flink__Vertex *target, struct err *err)
{
	struct key_spec spec = { .fields_count = (uint32_t)edge->n_key_fields };

	if (edge->n_key_fields > KEY_FIELDS_MAX)
		return err_set(err, ERR_PLAN_INVALID, "a key of %zu fields; allowed are %d",
			       edge->n_key_fields, KEY_FIELDS_MAX);
	for (size_t i = 0; i < edge->n_key_fields; i++)
		spec.fields[i] = edge->key_fields[i];
	if (key_spec_check(router->type, &spec, err) != 0)
		return -1;
	router->keys = MEM_NEW(struct key_batch);
	key_batch_init(router->keys, router->type, &spec);
	struct key_channels *channels = &router->key_channels;

	channels->key_groups = target->max_parallelism;
	channels->of_group = mem_alloc(channels->key_groups * sizeof(*channels->of_group));
	for (uint32_t group = 0; group < channels->key_groups; group++)
		channels->of_group[group] = (uint16_t)key_group_subtask(
			group, channels->key_groups, target->parallelism);
	return 0;
}

static int partitioner_prepare(struct router *router, const struct router_options *options,
			       const Flink__Edge *edge, struct err *err)
{
	const Flink__FunctionRef *function = edge->partitioner;
	user_partition_fn *address;

	if (function == NULL || function->artifact >= options->graph->n_artifacts ||
	    options->modules[function->artifact] == NULL)
		return err_set(err, ERR_PLAN_INVALID,
			       "edge %u is CUSTOM, and the program has no partitioner for it",
			       options->output->edge);
	if (!user_function_at(options->modules[function->artifact], function, &address))
		return err_set(err, ERR_PLAN_INVALID,
			       "the partitioner %s of edge %u does not lie in its program",
			       function->symbol, options->output->edge);
	struct partitioner *partitioner = MEM_NEW(struct partitioner);

	partitioner->function = address;
	partitioner->call = (struct user_call){
		.operator_name = options->operator_name,
		.function = function->symbol,
		.parameters = bytes_of(function->parameters.data, function->parameters.len),
		.subtask = options->deployment->subtask,
	};
	router->partitioner = partitioner;
	return 0;
}

static int check_edge(const struct router_options *options, struct err *err)
{
	const Flink__OutputEdge *output = options->output;
	const Flink__JobGraph *graph = options->graph;

	if (output->edge >= graph->n_edges)
		return err_set(err, ERR_PLAN_INVALID, "output edge %u of %zu", output->edge,
			       graph->n_edges);
	const Flink__Edge *edge = graph->edges[output->edge];
	uint32_t consumers = graph->vertices[edge->target_vertex]->parallelism;

	bool whole = output->consumer_first == 0 && output->consumer_last + 1 == consumers;
	bool numbered = edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_HASH ||
			edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_CUSTOM;

	if (output->consumer_first > output->consumer_last || output->consumer_last >= consumers ||
	    (numbered && !whole))
		return err_set(err, ERR_PLAN_INVALID, "edge %u goes to subtasks %u to %u of %u",
			       output->edge, output->consumer_first, output->consumer_last,
			       consumers);
	return 0;
}

int router_open(struct router *router, const struct router_options *options, struct err *err)
{
	const Flink__OutputEdge *output = options->output;
	const Flink__TaskDeployment *deployment = options->deployment;

	*router = (struct router){ .type = options->type, .metrics = options->metrics };
	if (check_edge(options, err) != 0)
		return -1;
	const Flink__Edge *edge = options->graph->edges[output->edge];
	const Flink__Vertex *target = options->graph->vertices[edge->target_vertex];

	router->ship = edge->ship_strategy;
	router->random = world_random(options->world) | 1;
	if (router->ship == FLINK__SHIP_STRATEGY__SHIP_HASH &&
	    hash_prepare(router, edge, target, err) != 0)
		return -1;
	if (router->ship == FLINK__SHIP_STRATEGY__SHIP_CUSTOM &&
	    partitioner_prepare(router, options, edge, err) != 0)
		return -1;
	router->channels_count = output->consumer_last - output->consumer_first + 1;
	router->channels = MEM_NEW_ARRAY(struct channel *, router->channels_count);
	router->lanes = MEM_NEW_ARRAY(struct lane, router->channels_count);
	/* Producers begin at different channels, so that few records still reach every consumer. */
	router->next = deployment->subtask % router->channels_count;
	struct channel_name name = { .job_attempt = deployment->job_attempt,
				     .edge = output->edge,
				     .producer = deployment->subtask };

	memcpy(name.job_id.bytes, deployment->job_id.data, sizeof(name.job_id.bytes));
	for (uint32_t i = 0; i < router->channels_count; i++) {
		name.consumer = output->consumer_first + i;
		router->channels[i] = shuffle_open_output(options->shuffle, &name, options->type,
							  options->agent);
	}
	return 0;
}

void router_close(struct router *router, struct shuffle *shuffle, bool finished,
		  const struct err *why)
{
	for (uint32_t i = 0; i < router->channels_count; i++)
		shuffle_close_output(shuffle, &router->channels[i], finished, why);
	if (router->keys != NULL)
		key_batch_fini(router->keys);
	mem_free(router->keys);
	mem_free(router->partitioner);
	mem_free(router->key_channels.of_group);
	mem_free(router->channels);
	mem_free(router->lanes);
	*router = (struct router){ .channels_count = 0 };
}

/* ---- records --------------------------------------------------------------------------------- */

/* Writes one record to a channel. False: it refuses. dense: no record of the run has a tail. */
static inline bool copy_record(const struct record_type *type, struct channel *channel,
			       const void *record, bool dense, uint64_t *bytes)
{
	uint32_t size_bytes = dense ? type->size_bytes : record_size(type, record);
	void *into = channel_reserve(channel, size_bytes);

	if (unlikely(into == NULL))
		return false;
	if (size_bytes == type->size_bytes)
		record_copy_struct(record, size_bytes, into);
	else
		record_copy(type, record, into);
	*bytes += size_bytes;
	return true;
}

/* A channel refuses. */
static COLD int refused(struct router *router, uint32_t index, struct err *err)
{
	struct channel *channel = router->channels[index];

	if (channel_failed(channel, err))
		return -1;
	channel_publish(channel); /* the consumer can make room only by taking what is there */
	return 0;
}

/* Record i of the batch was not copied to its channel: that has no room, or the record is larger
 * than a segment and goes there in pieces. 1: all of it is there now. */
static COLD int not_copied(struct router *router, const struct batch *batch, uint32_t i,
			   uint32_t index, uint64_t *bytes, struct err *err)
{
	struct channel *channel = router->channels[index];
	struct piece_record record;
	uint32_t carried;

	piece_record_of(batch, i, &record);
	if (record.size_bytes <= channel_record_bytes_max(channel))
		return refused(router, index, err);
	while (router->piece_at < record.size_bytes) {
		carried = channel_append_piece(channel, &record, router->piece_at);
		if (carried == 0) {
			SOMETIMES_IF(router->piece_at > 0, "a channel refuses within a record");
			return refused(router, index, err);
		}
		router->piece_at += carried;
	}
	/* its consumer keeps memory for it, and others may wait for that */
	channel_publish(channel);
	router->piece_at = 0;
	*bytes += record.size_bytes;
	return 1;
}

/* ---- a channel per record -------------------------------------------------------------------- */

/* REBALANCE and RESCALE. */
static void channels_in_turn(struct router *router, uint32_t count, uint16_t *indexes)
{
	uint32_t next = router->next, channels_count = router->channels_count;

	for (uint32_t i = 0; i < count; i++) {
		indexes[i] = (uint16_t)next;
		next = next + 1 < channels_count ? next + 1 : 0;
	}
	router->next = next;
}

/* SHUFFLE. */
static void random_channels(struct router *router, uint32_t count, uint16_t *indexes)
{
	uint64_t random = router->random, channels_count = router->channels_count;

	for (uint32_t i = 0; i < count; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		indexes[i] = (uint16_t)((random >> 32) * channels_count >> 32);
	}
	router->random = random;
}

bool router_partitioner_failed(const struct router *router)
{
	return router->partitioner != NULL && router->partitioner->call.failed;
}

static COLD void no_such_partition(struct partitioner *partitioner, uint32_t answer,
				   uint32_t partitions)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_USER_FUNCTION_FAILED,
		"%s: partition %u was named; there are %u, from 0 to %u", partitioner->call.function,
		answer, partitions, partitions - 1);
	user_call_fail(&partitioner->call, &err);
}

/* CUSTOM: the job's function is asked. */
static int ask_partitioner(struct router *router, const struct batch *batch, uint32_t from,
			   uint32_t count, uint16_t *indexes, struct err *err)
{
	struct partitioner *partitioner = router->partitioner;
	uint32_t partitions = router->channels_count;

	user_call_enter(&partitioner->call);
	for (uint32_t i = 0; i < count && !partitioner->call.failed; i++) {
		uint32_t answer = partitioner->function(batch_at(batch, from + i), partitions);

		if (unlikely(answer >= partitions))
			no_such_partition(partitioner, answer, partitions);
		indexes[i] = (uint16_t)answer;
	}
	user_call_leave();
	if (unlikely(partitioner->call.failed)) {
		*err = partitioner->call.err;
		return -1;
	}
	return 0;
}

/* The channels of the next records of the run under way. A record whose channel refuses keeps it: a
 * partitioner may count its calls, and what comes in turn should. */
static inline int choose(struct router *router, const struct batch *batch, struct err *err)
{
	uint32_t from = router->record, count = batch->count - from;
	int answer = 0;

	if (count > KEY_BATCH_RECORDS)
		count = KEY_BATCH_RECORDS;
	switch (router->ship) {
	case FLINK__SHIP_STRATEGY__SHIP_HASH:
		key_batch_channels(router->keys, batch, from, count, &router->key_channels,
				   router->chosen);
		break;
	case FLINK__SHIP_STRATEGY__SHIP_CUSTOM:
		answer = ask_partitioner(router, batch, from, count, router->chosen, err);
		break;
	case FLINK__SHIP_STRATEGY__SHIP_SHUFFLE:
		random_channels(router, count, router->chosen);
		break;
	default: channels_in_turn(router, count, router->chosen); break;
	}
	router->chosen_from = from;
	router->chosen_count = answer == 0 ? count : 0;
	return answer;
}

/* Copies the records whose channels are chosen. How many; fewer: the next one's channel refuses.
 * What does not change lies in locals, which the compiler cannot know by itself. */
static inline uint32_t copy_each(struct router *router, const struct batch *batch, uint32_t count,
				 const uint16_t *indexes, uint64_t *bytes)
{
	const struct record_type *type = router->type;
	struct channel *const *channels = router->channels;
	const struct batch view = *batch;
	bool dense = view.offsets == NULL;
	uint64_t copied_bytes = 0;
	uint32_t i = 0, from = router->record;

	while (i < count && copy_record(type, channels[indexes[i]], batch_at(&view, from + i),
					dense, &copied_bytes))
		i++;
	*bytes += copied_bytes;
	return i;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

/* Where the channels' runs under way go on. While a run is routed only the lanes know: a record is
 * a copy and an addition. */

static void lane_open(const struct router *router, uint32_t index)
{
	struct lane *lane = &router->lanes[index];
	uint32_t room;

	lane->from = lane->at = run_room(channel_run(router->channels[index]), &room);
	lane->end = lane->at + (size_t)room * router->type->size_bytes;
}

static void lane_close(const struct router *router, uint32_t index)
{
	struct lane *lane = &router->lanes[index];

	if (lane->at != lane->from)
		run_added(channel_run(router->channels[index]),
			  (uint32_t)(lane->at - lane->from) / router->type->size_bytes);
	lane->from = lane->at;
}

/* Records without tails and timestamps, and so many that all lanes are little beside them. */
static bool lanes_fit(const struct router *router, const struct batch *batch)
{
	return batch->offsets == NULL && router->channels_count <= batch->count / 8 &&
	       !channel_run(router->channels[0])->with_timestamps;
}

/* The lane is at its end: the channel opens another run, or refuses. */
static COLD bool lane_renew(struct router *router, uint32_t index, const void *record)
{
	uint64_t bytes = 0;

	lane_close(router, index);
	bool copied = copy_record(router->type, router->channels[index], record, true, &bytes);

	lane_open(router, index);
	return copied;
}

static inline uint32_t copy_sized(struct router *router, const struct batch *batch, uint32_t count,
				  const uint16_t *indexes, uint32_t size_bytes)
{
	struct lane *lanes = router->lanes;
	const char *record = batch_at(batch, router->record);

	for (uint32_t i = 0; i < count; i++, record += size_bytes) {
		struct lane *lane = &lanes[indexes[i]];

		if (unlikely(lane->at == lane->end)) {
			if (!lane_renew(router, indexes[i], record))
				return i;
			continue;
		}
		memcpy(lane->at, record, size_bytes);
		lane->at += size_bytes;
	}
	return count;
}

/* As copy_each; a loop for each of the usual sizes. */
static inline uint32_t copy_to_lanes(struct router *router, const struct batch *batch,
				     uint32_t count, const uint16_t *indexes, uint64_t *bytes)
{
	uint32_t size_bytes = router->type->size_bytes, copied;

	switch (size_bytes) {
	case 16: copied = copy_sized(router, batch, count, indexes, 16); break;
	case 24: copied = copy_sized(router, batch, count, indexes, 24); break;
	case 32: copied = copy_sized(router, batch, count, indexes, 32); break;
	case 40: copied = copy_sized(router, batch, count, indexes, 40); break;
	default: copied = copy_sized(router, batch, count, indexes, size_bytes); break;
	}
	*bytes += (uint64_t)copied * size_bytes;
	return copied;
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* Goes on until the run is out (1), or a channel refuses or a partitioner fails. */
static inline int copy_run(struct router *router, const struct batch *batch, bool lanes,
			   uint64_t *bytes, struct err *err)
{
	while (router->record < batch->count) {
		if (router->record == router->chosen_from + router->chosen_count &&
		    choose(router, batch, err) != 0)
			return -1;
		uint32_t done = router->record - router->chosen_from;
		uint32_t count = router->chosen_count - done;
		const uint16_t *indexes = router->chosen + done;
		uint32_t copied = lanes ? copy_to_lanes(router, batch, count, indexes, bytes) :
					  copy_each(router, batch, count, indexes, bytes);

		router->record += copied;
		if (unlikely(copied < count)) {
			uint32_t index = indexes[copied];

			if (lanes)
				lane_close(router, index);
			int answer = not_copied(router, batch, router->record, index, bytes, err);

			if (lanes)
				lane_open(router, index);
			if (answer <= 0)
				return answer;
			router->record++;
		}
	}
	router->chosen_from = router->chosen_count = 0; /* of the next run */
	return 1;
}

static HOT int route_each(struct router *router, const struct batch *batch, uint64_t *bytes,
			  struct err *err)
{
	bool lanes = lanes_fit(router, batch);
	int answer;

	for (uint32_t i = 0; lanes && i < router->channels_count; i++)
		lane_open(router, i);
	answer = lanes ? copy_run(router, batch, true, bytes, err) :
			 copy_run(router, batch, false, bytes, err);
	for (uint32_t i = 0; lanes && i < router->channels_count; i++)
		lane_close(router, i);
	return answer;
}

/* A run larger than the channel's segments, or than a slow consumer wants: record by record. */
static COLD int route_parts(struct router *router, const struct batch *batch, uint64_t *bytes,
			    struct err *err)
{
	uint32_t index = router->channel;
	bool dense = batch->offsets == NULL;

	for (; router->part < batch->count; router->part++) {
		const void *record = batch_at(batch, router->part);

		if (copy_record(router->type, router->channels[index], record, dense, bytes))
			continue;
		int answer = not_copied(router, batch, router->part, index, bytes, err);

		if (answer <= 0)
			return answer;
	}
	router->part = 0;
	return 1;
}

/* The run goes whole to one channel, or to all of them. */
static int route_whole(struct router *router, const struct output_run *run,
		       const struct batch *batch, uint32_t channels_count, uint64_t *bytes,
		       struct err *err)
{
	for (; router->channel < channels_count; router->channel++) {
		struct channel *channel = router->channels[router->channel];

		/* Whatever has begun in parts ends in parts. */
		if (unlikely(run->size_bytes > channel_run_bytes_max(channel) ||
			     router->part > 0)) {
			int answer = route_parts(router, batch, bytes, err);

			if (answer <= 0)
				return answer;
			continue;
		}
		if (!channel_append_run(channel, run->data, run->size_bytes))
			return refused(router, router->channel, err);
		*bytes += run->size_bytes;
	}
	return 1;
}

int router_route(struct router *router, const struct output_run *run, struct err *err)
{
	uint64_t bytes = 0;
	uint32_t before = router->record;
	struct batch batch;
	int answer;

	run_view(router->type, run->data, &batch);
	router->unpublished = true;
	if (router->ship == FLINK__SHIP_STRATEGY__SHIP_BROADCAST)
		answer = route_whole(router, run, &batch, router->channels_count, &bytes, err);
	else if (router->ship != FLINK__SHIP_STRATEGY__SHIP_CUSTOM &&
		 (router->channels_count == 1 ||
		  router->ship == FLINK__SHIP_STRATEGY__SHIP_FORWARD ||
		  router->ship == FLINK__SHIP_STRATEGY__SHIP_GLOBAL))
		answer = route_whole(router, run, &batch, 1, &bytes, err);
	else
		answer = route_each(router, &batch, &bytes, err);
	if (answer == 1 && router->record == 0) /* whole runs count once they are out */
		router->record = batch.count;
	counter_add(&router->metrics->records_out, router->record - before);
	counter_add(&router->metrics->bytes_out, bytes);
	if (answer == 1)
		router->record = router->channel = 0;
	return answer;
}

int router_control(struct router *router, const struct control *control, struct err *err)
{
	for (; router->channel < router->channels_count; router->channel++)
		if (!channel_offer_control(router->channels[router->channel], control))
			return refused(router, router->channel, err);
	router->channel = 0;
	return 1;
}

bool router_failed(const struct router *router, uint32_t first, struct err *why)
{
	for (uint32_t i = first; i < router->channels_count; i++)
		if (channel_failed(router->channels[i], why))
			return true;
	return false;
}

int router_marker(struct router *router, const struct control *control, struct err *err)
{
	/* By the marker and not by a number drawn here, which a refusal would have to keep. */
	uint64_t chance = ((uint64_t)control->watermark ^ control->checkpoint ^ router->random) *
			  UINT64_C(0x9e3779b97f4a7c15);
	uint32_t channel = (uint32_t)((chance >> 32) * router->channels_count >> 32);

	return router->channels_count == 0 ||
			       channel_offer_control(router->channels[channel], control)
		       ? 1
		       : refused(router, channel, err);
}

void router_publish(struct router *router)
{
	if (!router->unpublished)
		return;
	router->unpublished = false;
	for (uint32_t i = 0; i < router->channels_count; i++)
		if (channel_has_unpublished(router->channels[i]))
			channel_publish(router->channels[i]);
}
