/* SPDX-License-Identifier: Apache-2.0
 * graph.h - from what a program says (stream graph: one node per operator) to what the cluster runs
 * (job graph: chained vertices). Flink's rules for chaining, names and ids, so that the dashboard
 * and savepoints see what Flink would show.
 *
 * Stream nodes get ids from 1, one per transformation, virtual ones (key_by, rebalance …) included;
 * virtual nodes live only as the ship strategy of the edges behind them. */
#ifndef COMMON_GRAPH_GRAPH_H
#define COMMON_GRAPH_GRAPH_H

#include "job_graph.pb-c.h"

#include "common/base/buf.h"
#include "common/base/id.h"
#include "common/record/record.h"

enum ship { /* = Flink__ShipStrategy; SHIP_DEFAULT: FORWARD if the parallelisms are equal, else REBALANCE */
	SHIP_DEFAULT = -1, SHIP_FORWARD, SHIP_HASH, SHIP_REBALANCE, SHIP_RESCALE, SHIP_BROADCAST,
	SHIP_SHUFFLE, SHIP_GLOBAL, SHIP_CUSTOM,
};

enum chaining { CHAIN_ALWAYS, CHAIN_HEAD, CHAIN_NEVER };

struct stream_node {
	uint32_t id;
	const char *name;        /* "Source: Socket Stream", "Flat Map", "Sink: Print to Std. Out" */
	Flink__OperatorKind kind;
	const char *factory;
	struct bytes parameters;
	uint32_t parallelism;    /* 0: the environment's default */
	uint32_t max_parallelism; /* 0: derived */
	bool non_parallel;       /* always 1 */
	enum chaining chaining;
	const char *slot_sharing_group; /* NULL: "default" */
	const char *uid;                /* NULL: none */
	const struct record_type *input_type, *output_type;
	struct key_spec key;            /* of the input; fields_count 0: not keyed */
};

struct stream_graph; /* copies everything it is given */

struct stream_graph *stream_graph_create(const char *job_name, uint32_t default_parallelism);
void stream_graph_destroy(struct stream_graph **graph);
uint32_t stream_graph_next_id(struct stream_graph *graph); /* also what virtual nodes take */
/* node->id must come from stream_graph_next_id. */
void stream_graph_add(struct stream_graph *graph, const struct stream_node *node);
/* Edge from a real node to a real node. key: for SHIP_HASH. */
void stream_graph_connect(struct stream_graph *graph, uint32_t source_id, uint32_t target_id,
			  uint32_t target_input, enum ship ship, const struct key_spec *key);
uint32_t stream_graph_nodes_count(const struct stream_graph *graph);
void stream_graph_set_chaining(struct stream_graph *graph, bool enabled);

/* get_execution_plan(): Flink's StreamGraph JSON, byte for byte (rest-api.md §5). */
void stream_graph_plan(const struct stream_graph *graph, struct buf *into);

/* The job graph, unpacked-message style, on the heap: free with
 * flink__job_graph__free_unpacked(graph, NULL). job_id, artifacts and settings are left to the
 * caller. Max parallelism is settled here. ERR_PLAN_INVALID names the operator. */
MUST_USE int job_graph_from_stream(const struct stream_graph *stream, Flink__JobGraph **graph,
				   struct err *err);

/* Checks a graph from outside: every index, size, type, key, limit; acyclic and in topological
 * order; parallelism ≤ max_parallelism ≤ limit; FORWARD only between equal parallelisms … */
MUST_USE int job_graph_check(const Flink__JobGraph *graph, struct err *err);

/* Record types of a checked graph, in its order; *types is an array of graph->n_types (each
 * record_type_destroy, then mem_free). */
MUST_USE int job_graph_types(const Flink__JobGraph *graph, struct record_type ***types,
			     struct err *err);
void job_graph_types_destroy(struct record_type ***types, size_t count);
/* REST's Plan.nodes[].description of a vertex (escaped, <br/>). */
void job_graph_vertex_description(const Flink__Vertex *vertex, struct buf *into);
const char *ship_name(Flink__ShipStrategy ship); /* "HASH" */
/* Slots the job needs: per slot sharing group the largest parallelism, summed. */
uint32_t job_graph_slots_needed(const Flink__JobGraph *graph);

/* Stream edges as ranges: which consuming subtasks a producing one feeds, both inclusive, and back.
 * FORWARD: the same index. RESCALE: Flink's ranges. All else: everyone. */
void edge_consumers(Flink__ShipStrategy ship, uint32_t producer, uint32_t producers,
		    uint32_t consumers, uint32_t *first, uint32_t *last);
void edge_producers(Flink__ShipStrategy ship, uint32_t consumer, uint32_t producers,
		    uint32_t consumers, uint32_t *first, uint32_t *last);

#endif
