/* SPDX-License-Identifier: Apache-2.0
 * sheet.h - what one seed means: a job graph, the TaskManagers it runs on, their buffers, and what
 * befalls them.
 *
 * The sheet has dice of its own, so a seed can be printed without being run. Limits make a topology
 * smaller; they are put on after the dice were thrown, so that what is left stays what it was. */
#ifndef TESTS_TOPOLOGIES_SHEET_H
#define TESTS_TOPOLOGIES_SHEET_H

#include "common/graph/graph.h"
#include "common/world/world_sim.h"

#define SHEET_VERTICES_MAX 6
#define SHEET_PARALLELISM_MAX 20
#define SHEET_OPERATORS_MAX 8 /* of a vertex */
#define SHEET_EDGES_MAX 12
#define SHEET_NODES_MAX 4
#define SHEET_SLOTS_MAX 6 /* of a TaskManager */
#define SHEET_CHANNELS_MAX 2000

/* An operator's index in the whole job. */
#define SHEET_OPERATOR(vertex, operator) ((vertex) * SHEET_OPERATORS_MAX + (operator))
#define SHEET_ALL_OPERATORS_MAX (SHEET_VERTICES_MAX * SHEET_OPERATORS_MAX)

enum theme {
	THEME_PLAIN,
	THEME_TIGHT,
	THEME_LENDING,
	THEME_FLOOD,
	THEME_CONTROLS,
	THEME_WIDE,
	THEME_FAULTS,
	THEME_SLOW_SINKS,
	THEMES_COUNT,
};

enum role { ROLE_SOURCE, ROLE_RELAY, ROLE_SINK };

struct sheet_operator {
	enum role role;
	uint32_t parent;    /* in the chain; the head: 0 */
	bool has_text;      /* of what it emits: a string, maybe with a tail */
	uint32_t per_1000;  /* relay: records out per 1000 in … */
	uint32_t burst;     /* … of which one in `burst` gives them all */
	uint32_t on_watermark, at_end; /* relay: records emitted then */
	uint32_t timer_ms;  /* relay: emits what it owes when the time has come; 0: at once */
	uint32_t stall_ppm; /* sink: per write */
	bool flushes_later; /* sink */
};

enum placement { PLACE_SPREAD, PLACE_RANDOM, PLACE_BY_VERTEX, PLACE_LATER_VERTICES_APART };

struct sheet_vertex {
	uint32_t parallelism, max_parallelism, operators_count;
	struct sheet_operator operators[SHEET_OPERATORS_MAX];
	bool is_fed;       /* a source played by a feeder, who also sends watermarks and idleness */
	bool sends_idle;   /* likewise */
	uint32_t records;  /* source: of each subtask */
	uint32_t pause_ms_max; /* source: between bursts */
	int64_t buffer_timeout_ms;
	uint32_t node, slot; /* PLACE_BY_VERTEX */
};

struct sheet_edge {
	uint32_t source, operator, target, input;
	Flink__ShipStrategy ship;
	bool by_text; /* HASH: the key is the string */
};

enum fault {
	FAULT_NONE, FAULT_CUT, FAULT_KILL, FAULT_RANDOM_CUTS, FAULT_OPERATOR, FAULT_CANCEL_TASK,
	FAULT_CANCEL_ALL, FAULT_LATE, FAULTS_COUNT,
};

struct sheet {
	uint64_t seed;
	enum theme theme;
	struct sim_options world;
	uint32_t nodes_count, slots_count;
	enum placement placement;
	uint32_t place_seed;
	uint32_t segment_bytes, exclusive, floating;
	/* What the job's plan makes of them; 0: nothing. */
	uint32_t sized_bytes, sized_exclusive;
	uint32_t debloat_target_ms, debloat_period_ms; /* 0: no debloating */
	uint32_t latency_ms; /* between two markers of a source; 0: none */
	uint32_t compress_mask; /* which TaskManagers take LZ4 */
	bool slots_serve;       /* connections are served where their tasks are */
	uint32_t spare_segments; /* of each pool, beyond what the channels set aside */
	uint32_t vertices_count, edges_count;
	struct sheet_vertex vertices[SHEET_VERTICES_MAX];
	struct sheet_edge edges[SHEET_EDGES_MAX];
	uint32_t keys;           /* different ones */
	uint32_t text_bytes_max; /* of a record's string; may be more than a segment holds */
	uint32_t large_ppm;      /* records that have one about that long; the rest are short */
	uint32_t deploy_ms_max;  /* tasks come within this time */
	uint32_t sink_stall_ms_max, shut_ms; /* all sinks refuse until then */
	uint32_t pauses, pause_ms_max;       /* of a TaskManager or one of its threads */
	uint32_t others_ms; /* so long another job has part of each pool; 0: there is none */
	uint32_t partitions, partition_ms_max; /* no bytes pass between two TaskManagers */
	enum fault fault;
	uint32_t fault_at_1000; /* of the records that arrive */
	uint64_t arrivals;      /* of records at operators, about */
	bool fault_mid_frame;   /* a cut waits until a frame is half way */
};

struct sheet_limits { /* 0, false: as the seed has it */
	uint32_t vertices_max, parallelism_max, records_max, nodes_max;
	bool no_fault, no_stalls, no_controls, no_timers, calm;
};

void sheet_draw(uint64_t seed, const struct sheet_limits *limits, struct sheet *sheet);
void sheet_print(const struct sheet *sheet);
const char *sheet_fault_name(enum fault fault);

/* Where a subtask runs. */
void sheet_place(const struct sheet *sheet, uint32_t vertex, uint32_t subtask, uint32_t *node,
		 uint32_t *slot);
/* Of the segments that channels have, and how many they have for themselves. */
uint32_t sheet_segment_bytes(const struct sheet *sheet);
uint32_t sheet_exclusive(const struct sheet *sheet);
/* How many channels a TaskManager's pool must have room for. */
uint32_t sheet_channels_of_node(const struct sheet *sheet, uint32_t node);
uint32_t sheet_channels_count(const struct sheet *sheet);
bool sheet_is_source(const struct sheet *sheet, uint32_t vertex);

/* A number that follows from others: content of records and choices of operators. */
uint64_t sheet_mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

#endif
