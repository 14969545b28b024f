/* SPDX-License-Identifier: Apache-2.0
 * router.h - one outgoing edge of a task: which record goes into which channel.
 *
 * Takes a finished run at a time: FORWARD and BROADCAST append it whole; HASH reads the keys of 64
 * records, then copies each record to the channel of its key group's subtask; REBALANCE, RESCALE
 * and SHUFFLE choose per record, CUSTOM has a function of the job choose. A channel that refuses
 * stops the router there: the next call goes on with the same record, so nothing is lost, doubled
 * or reordered. A record too large for its channel goes there in pieces; what there is to resume is
 * how many of its bytes the channel has. On its task's thread. */
#ifndef TASKMANAGER_EXEC_ROUTER_H
#define TASKMANAGER_EXEC_ROUTER_H

#include "task_executor.pb-c.h"

#include "common/metric/metric.h"
#include "taskmanager/exec/output.h"
#include "taskmanager/shuffle/shuffle.h"
#include "taskmanager/state/key_batch.h"

struct partitioner; /* CUSTOM: the job's function */
struct lane;

struct router {
	Flink__ShipStrategy ship;
	const struct record_type *type;
	struct channel **channels;
	uint32_t channels_count;
	struct key_channels key_channels; /* HASH */
	struct key_batch *keys;
	struct partitioner *partitioner;
	struct task_metrics *metrics;
	uint32_t next;      /* round robin: the channel of the next record */
	uint64_t random;
	bool unpublished;
	struct lane *lanes; /* per channel */
	/* The channels of records chosen_from … + chosen_count of the run under way. */
	uint32_t chosen_from, chosen_count;
	uint16_t chosen[KEY_BATCH_RECORDS];
	uint32_t record;    /* of the run under way: the first that is not copied */
	uint32_t channel;   /* BROADCAST and control: the first that does not have it */
	uint32_t part;      /* of a run too large for `channel`: records that it has */
	uint32_t piece_at;  /* of the first record that is not copied: bytes that its channel has */
};

struct router_options {
	struct world *world;
	struct shuffle *shuffle;
	const Flink__JobGraph *graph;
	const Flink__TaskDeployment *deployment;
	const Flink__OutputEdge *output;
	const struct record_type *type;
	const char *operator_name;      /* whose records; a partitioner's failures name it */
	struct module *const *modules;  /* per artifact of the graph */
	struct agent *agent;          /* woken when a refusing channel has room */
	struct task_metrics *metrics;
};

/* Opens the channels. After a failure nothing is open. */
MUST_USE int router_open(struct router *router, const struct router_options *options,
			 struct err *err);
/* finished: END_OF_INPUT went out on every channel. NULL-safe when never opened (zeroed). */
void router_close(struct router *router, struct shuffle *shuffle, bool finished,
		  const struct err *why);

/* 1: all of the run is in the channels; 0: a channel refuses, call again with the same run when the
 * agent is woken; -1: a channel is broken, or the job's partitioner failed. */
MUST_USE int router_route(struct router *router, const struct output_run *run, struct err *err);
/* The -1 was the partitioner's. */
bool router_partitioner_failed(const struct router *router);
/* The same for a control element to every channel. */
MUST_USE int router_control(struct router *router, const struct control *control, struct err *err);
/* One of its channels, from `first` on, has failed. */
bool router_failed(const struct router *router, uint32_t first, struct err *why);
/* The same for a latency marker, to one channel by chance: the same one when it is called again. */
MUST_USE int router_marker(struct router *router, const struct control *control, struct err *err);
/* Makes visible what was routed. */
void router_publish(struct router *router);

#endif
