/* SPDX-License-Identifier: Apache-2.0
 * buffers.c - see buffers.h. Edges between all subtasks are reckoned by the counts of each
 * TaskManager, never channel by channel. */
#include "jobmanager/job/buffers.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"

#define SIZES 5	       /* as the pool's of a TaskManager */
#define ROUNDING_MAX 4 /* segments that sizes of other jobs may keep in pieces */

/* ---- how many channels ---------------------------------------------------------------------- */

static uint32_t location_of(const Flink__Placement *placement, uint32_t vertex, uint32_t subtask)
{
	return placement->slot_location[placement->vertex_slot_first[vertex] + subtask];
}

/* An edge of ranges: as many channels as the wider side has subtasks, or a few more. */
static void count_pointwise(const Flink__JobGraph *graph, const Flink__Placement *placement,
			    const Flink__Edge *edge, struct buffer_place *places)
{
	uint32_t producers = graph->vertices[edge->source_vertex]->parallelism;
	uint32_t consumers = graph->vertices[edge->target_vertex]->parallelism;

	for (uint32_t i = 0; i < producers; i++) {
		uint32_t from = location_of(placement, edge->source_vertex, i), first, last;

		edge_consumers(edge->ship_strategy, i, producers, consumers, &first, &last);
		for (uint32_t j = first; j <= last && j < consumers; j++) {
			uint32_t to = location_of(placement, edge->target_vertex, j);

			places[from].channels++;
			if (to != from)
				places[to].channels++;
		}
	}
}

static void count_all_to_all(const Flink__JobGraph *graph, const Flink__Placement *placement,
			     const Flink__Edge *edge, struct buffer_place *places)
{
	size_t count = placement->n_locations;
	uint64_t *producers = MEM_NEW_ARRAY(uint64_t, count),
		 *consumers = MEM_NEW_ARRAY(uint64_t, count);
	uint32_t producers_all = graph->vertices[edge->source_vertex]->parallelism;
	uint32_t consumers_all = graph->vertices[edge->target_vertex]->parallelism;

	for (uint32_t i = 0; i < producers_all; i++)
		producers[location_of(placement, edge->source_vertex, i)]++;
	for (uint32_t i = 0; i < consumers_all; i++)
		consumers[location_of(placement, edge->target_vertex, i)]++;
	for (size_t i = 0; i < count; i++) /* those with both ends there are one channel */
		places[i].channels += producers[i] * consumers_all + consumers[i] * producers_all -
				      producers[i] * consumers[i];
	mem_free(producers);
	mem_free(consumers);
}

static void count_channels(const Flink__JobGraph *graph, const Flink__Placement *placement,
			   struct buffer_place *places)
{
	for (size_t i = 0; i < placement->n_locations; i++)
		places[i].channels = places[i].slots_used = 0;
	for (size_t i = 0; i < placement->n_slot_location; i++)
		places[placement->slot_location[i]].slots_used++;
	for (size_t e = 0; e < graph->n_edges; e++) {
		const Flink__Edge *edge = graph->edges[e];

		if (edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_FORWARD ||
		    edge->ship_strategy == FLINK__SHIP_STRATEGY__SHIP_RESCALE)
			count_pointwise(graph, placement, edge, places);
		else
			count_all_to_all(graph, placement, edge, places);
	}
}

/* ---- how many segments ---------------------------------------------------------------------- */

/* Of this size, in all or in the job's share. */
static uint64_t segments_of(const struct buffer_place *place, uint32_t size_bytes, bool all)
{
	uint64_t segments = place->network_bytes / place->segment_bytes, parts = 1;

	while (parts < 1 << (SIZES - 1) && place->segment_bytes / (2 * parts) >= size_bytes)
		parts *= 2;
	if (all || place->slots_used >= place->slots)
		return segments * parts;
	segments = segments > ROUNDING_MAX ? segments - ROUNDING_MAX : 0;
	return segments * parts * place->slots_used / place->slots;
}

/* How many of this size every channel can have; 0: not even one. */
static uint32_t per_channel(const struct buffer_place *places, size_t count, uint32_t size_bytes,
			    bool all)
{
	uint64_t least = LIMIT_CHANNEL_SEGMENTS_MAX;

	for (size_t i = 0; i < count; i++) {
		if (places[i].channels == 0)
			continue;
		uint64_t there = segments_of(&places[i], size_bytes, all) / places[i].channels;

		if (there < least)
			least = there;
	}
	return (uint32_t)least;
}

static int too_many(const struct buffer_place *places, size_t count, uint32_t size_bytes,
		    struct err *err)
{
	size_t i = 0;

	while (i + 1 < count && (places[i].channels == 0 ||
				 segments_of(&places[i], size_bytes, true) >= places[i].channels))
		i++;
	return err_set(
		err, ERR_BUFFERS,
		"%llu channels of the job end on TaskManager %s and need at least %llu KiB of network "
		"memory, its %llu KiB do not suffice: raise taskmanager.memory.network.min and .max, "
		"use more TaskManagers, or a lower parallelism",
		(unsigned long long)places[i].channels, places[i].resource_id,
		(unsigned long long)(places[i].channels * size_bytes + 1023) / 1024,
		(unsigned long long)(places[i].network_bytes / 1024));
}

int buffers_plan(const Flink__JobGraph *graph, const Flink__Placement *placement,
		 struct buffer_place *places, struct buffer_plan *plan, struct err *err)
{
	size_t count = placement->n_locations;
	uint32_t size_bytes = LIMIT_SEGMENT_BYTES_MAX;

	*plan = (struct buffer_plan){ .segment_bytes = 0 };
	count_channels(graph, placement, places);
	for (size_t i = 0; i < count; i++) {
		if (places[i].segment_bytes == 0 || places[i].slots == 0)
			return 0;
		if (places[i].segment_bytes < size_bytes)
			size_bytes = places[i].segment_bytes;
	}
	for (;; size_bytes /= 2) {
		bool smallest = size_bytes / 2 < LIMIT_SEGMENT_BYTES_MIN;

		plan->segment_bytes = size_bytes;
		plan->per_channel_max = per_channel(places, count, size_bytes, false);
		if (plan->per_channel_max == 0 && smallest)
			/* More than its share, if nobody else needs that. */
			plan->per_channel_max = per_channel(places, count, size_bytes, true) > 0;
		if (plan->per_channel_max > 0)
			return 0;
		if (smallest)
			return too_many(places, count, size_bytes, err);
	}
}
