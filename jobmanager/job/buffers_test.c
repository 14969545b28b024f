/* SPDX-License-Identifier: Apache-2.0
 * buffers_test.c - what network buffers a job gets, by plain figures, and random placements whose
 * channels are counted one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "jobmanager/job/buffers.h"

#define SLOTS_MAX 400
#define PLACES_MAX 8

struct bed { /* two vertices and an edge */
	Flink__Vertex source, target, *vertices[2];
	Flink__Edge edge, *edges[1];
	Flink__JobGraph graph;
	Flink__Placement placement;
	uint32_t slot_location[SLOTS_MAX], slot_first[2];
	struct buffer_place places[PLACES_MAX];
	struct buffer_plan plan;
	struct err err;
};

static void bed_init(struct bed *bed, Flink__ShipStrategy ship, uint32_t producers,
		     uint32_t consumers, uint32_t taskmanagers)
{
	memset(bed, 0, sizeof(*bed));
	flink__vertex__init(&bed->source);
	flink__vertex__init(&bed->target);
	flink__edge__init(&bed->edge);
	flink__job_graph__init(&bed->graph);
	flink__placement__init(&bed->placement);
	bed->source.parallelism = producers;
	bed->target.parallelism = consumers;
	bed->vertices[0] = &bed->source;
	bed->vertices[1] = &bed->target;
	bed->edge.ship_strategy = ship;
	bed->edge.target_vertex = 1;
	bed->edges[0] = &bed->edge;
	bed->graph.n_vertices = 2;
	bed->graph.vertices = bed->vertices;
	bed->graph.n_edges = 1;
	bed->graph.edges = bed->edges;
	bed->placement.n_slot_location = producers > consumers ? producers : consumers;
	bed->placement.slot_location = bed->slot_location; /* shared slots, spread in turns */
	for (uint32_t i = 0; i < bed->placement.n_slot_location; i++)
		bed->slot_location[i] = i % taskmanagers;
	bed->placement.n_vertex_slot_first = 2;
	bed->placement.vertex_slot_first = bed->slot_first;
	bed->placement.n_locations = taskmanagers;
}

static void bed_place(struct bed *bed, uint64_t network_kib, uint32_t segment_bytes, uint32_t slots)
{
	for (size_t i = 0; i < bed->placement.n_locations; i++)
		bed->places[i] = (struct buffer_place){ .resource_id = "tm",
							.network_bytes = network_kib * 1024,
							.segment_bytes = segment_bytes,
							.slots = slots };
}

static int plan(struct bed *bed)
{
	err_clear(&bed->err);
	return buffers_plan(&bed->graph, &bed->placement, bed->places, &bed->plan, &bed->err);
}

static void plan_is(struct bed *bed, uint32_t segment_bytes, uint32_t per_channel)
{
	assert_int_equal(plan(bed), 0);
	assert_int_equal(bed->plan.segment_bytes, segment_bytes);
	assert_int_equal(bed->plan.per_channel_max, per_channel);
}

static void fewer_then_smaller_then_no(void **state)
{
	struct bed bed;

	bed_init(&bed, FLINK__SHIP_STRATEGY__SHIP_HASH, 20, 20, 1);
	bed_place(&bed, 65536, 32768, 20);
	plan_is(&bed, 32768, 5); /* 400 channels, 2 048 segments */
	bed_place(&bed, 16384, 32768, 20);
	plan_is(&bed, 32768, 1);
	bed_place(&bed, 12800 - 32, 32768, 20);
	plan_is(&bed, 16384, 1);
	bed_place(&bed, 2048, 32768, 20); /* 20 × 20 on 2 MiB */
	plan_is(&bed, 4096, 1);
	bed_place(&bed, 800, 32768, 20);
	plan_is(&bed, 2048, 1);
	bed_place(&bed, 768, 32768, 20);
	assert_int_equal(plan(&bed), -1);
	assert_int_equal(bed.err.code, ERR_BUFFERS);
	assert_string_equal(
		bed.err.text,
		"400 channels of the job end on TaskManager tm and need at least 800 KiB of network "
		"memory, its 768 KiB do not suffice: raise taskmanager.memory.network.min and .max, "
		"use more TaskManagers, or a lower parallelism");
}

static void a_hundred_by_a_hundred_fit_one_taskmanager(void **state)
{
	struct bed bed;

	bed_init(&bed, FLINK__SHIP_STRATEGY__SHIP_REBALANCE, 100, 100, 1);
	bed_place(&bed, 65536, 32768, 100);
	plan_is(&bed, 4096, 1);
	bed_place(&bed, 1048576, 32768, 100);
	plan_is(&bed, 32768, 3);
}

static void a_job_has_the_share_of_its_slots(void **state)
{
	struct bed bed;

	bed_init(&bed, FLINK__SHIP_STRATEGY__SHIP_HASH, 10, 10, 1);
	bed_place(&bed, 104 * 32, 32768, 20); /* half of 104 - 4 segments for 100 channels */
	plan_is(&bed, 16384, 1);
	bed_place(&bed, 104 * 32, 32768, 10);
	plan_is(&bed, 32768, 1);
	/* More than its share when there is no other way: others may have left it. */
	bed_place(&bed, 16 * 32, 32768, 100);
	plan_is(&bed, 2048, 1);
}

static void all_taskmanagers_agree_on_the_smallest(void **state)
{
	struct bed bed;

	bed_init(&bed, FLINK__SHIP_STRATEGY__SHIP_HASH, 8, 8, 4);
	bed_place(&bed, 65536, 32768, 2);
	bed.places[2].segment_bytes = 8192;
	plan_is(&bed, 8192, LIMIT_CHANNEL_SEGMENTS_MAX);
	bed.places[3].network_bytes = 4 * 32768; /* 28 = 2 × 8 + 2 × 8 - 2 × 2 channels */
	plan_is(&bed, 4096, 1);
	bed.places[1].segment_bytes = 0; /* one that does not say: as the settings have it */
	plan_is(&bed, 0, 0);
}

/* ---- counting ------------------------------------------------------------------------------- */

static void channels_are_counted_as_one_by_one(void **state)
{
	static const Flink__ShipStrategy ships[] = { FLINK__SHIP_STRATEGY__SHIP_FORWARD,
						     FLINK__SHIP_STRATEGY__SHIP_RESCALE,
						     FLINK__SHIP_STRATEGY__SHIP_HASH,
						     FLINK__SHIP_STRATEGY__SHIP_BROADCAST };
	uint64_t dice = 1;
	struct bed bed;

	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t expected[PLACES_MAX] = { 0 };
		Flink__ShipStrategy ship = ships[i % 4];

		dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
		uint32_t producers = 1 + (dice >> 33) % 20, consumers = 1 + (dice >> 43) % 20,
			 taskmanagers = 1 + (dice >> 53) % PLACES_MAX;

		if (ship == FLINK__SHIP_STRATEGY__SHIP_FORWARD)
			consumers = producers;
		bed_init(&bed, ship, producers, consumers, taskmanagers);
		bed_place(&bed, 1048576, 32768, 40);
		for (uint32_t p = 0; p < producers; p++) {
			uint32_t first, last;

			edge_consumers(ship, p, producers, consumers, &first, &last);
			for (uint32_t c = first; c <= last; c++) {
				uint32_t from = bed.slot_location[p], to = bed.slot_location[c];

				expected[from]++;
				expected[to] += to != from;
			}
		}
		assert_int_equal(plan(&bed), 0);
		for (uint32_t t = 0; t < taskmanagers; t++)
			assert_int_equal(bed.places[t].channels, expected[t]);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fewer_then_smaller_then_no),
		cmocka_unit_test(a_hundred_by_a_hundred_fit_one_taskmanager),
		cmocka_unit_test(a_job_has_the_share_of_its_slots),
		cmocka_unit_test(all_taskmanagers_agree_on_the_smallest),
		cmocka_unit_test(channels_are_counted_as_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
