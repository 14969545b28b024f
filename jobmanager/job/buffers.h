/* SPDX-License-Identifier: Apache-2.0
 * buffers.h - admission before deployment: what network buffers a job's channels can have where its
 * tasks were placed.
 *
 * Each slot of a TaskManager stands for its share of the network memory, so jobs that meet there do
 * not take each other's, in whatever order they come. If the settings' segments do not fit into a
 * job's share, each channel gets fewer of them, and if one is too much, smaller ones; all channels
 * of a job have the same size, because bytes keep their places on the way
 * (docs/adr/0012-credits.md). */
#ifndef JOBMANAGER_JOB_BUFFERS_H
#define JOBMANAGER_JOB_BUFFERS_H

#include "job_graph.pb-c.h"
#include "task_executor.pb-c.h"

#include "common/base/err.h"

struct buffer_place { /* one of the placement's locations */
	const char *resource_id;
	uint64_t network_bytes;
	uint32_t segment_bytes; /* 0: not known */
	uint32_t slots;
	/* reckoned: */
	uint32_t slots_used;
	uint64_t channels; /* of the job that have an end there */
};

struct buffer_plan {
	uint32_t segment_bytes, per_channel_max; /* 0: whatever the TaskManagers' settings say */
};

/* places: one per location. ERR_BUFFERS: not even with the smallest segments and all of the memory
 * of some TaskManager. */
MUST_USE int buffers_plan(const Flink__JobGraph *graph, const Flink__Placement *placement,
			  struct buffer_place *places, struct buffer_plan *plan, struct err *err);

#endif
