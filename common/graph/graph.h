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

/* = Flink__ShipStrategy; SHIP_DEFAULT: FORWARD if the parallelisms are equal, else REBALANCE */
enum ship {
	SHIP_DEFAULT = -1, SHIP_FORWARD, SHIP_HASH, SHIP_REBALANCE, SHIP_RESCALE, SHIP_BROADCAST,
	SHIP_SHUFFLE, SHIP_GLOBAL, SHIP_CUSTOM,
};

enum chaining { CHAIN_ALWAYS, CHAIN_HEAD, CHAIN_NEVER };

struct stream_node {
	uint32_t id;
	const char *name;        /* "Source: Socket Stream", "Flat Map", "Sink: Print to …" */
	Flink__OperatorKind kind;
	const char *factory;
	struct bytes parameters;
	uint32_t parallelism;    /* 0: the environment's default */
	uint32_t max_parallelism; /* 0: derived */
	bool non_parallel;       /* always 1 */
	enum chaining chaining;
	const char *slot_sharing_group; /* NULL: its inputs', if they agree; else "default" */
	const char *uid;                /* NULL: none */
	const struct record_type *input_type, *output_type;
	struct key_spec key;            /* of the input; fields_count 0: not keyed */
};

struct stream_graph; /* copies everything it is given */

struct stream_graph *stream_graph_create(const char *job_name, uint32_t default_parallelism);
void stream_graph_destroy(struct stream_graph **graph);
uint32_t stream_graph_next_id(struct stream_graph *graph); /* also what virtual nodes take */
/* node->id must come from stream_graph_next_id. Record types are told apart by their fields, name
 * and print format; equal ones become one type of the job graph. */
void stream_graph_add(struct stream_graph *graph, const struct stream_node *node);
/* Edge from a real node to a real node, both added before. key: for SHIP_HASH. The order of the
 * calls is the order of a node's inputs and outputs. */
void stream_graph_connect(struct stream_graph *graph, uint32_t source_id, uint32_t target_id,
			  uint32_t target_input, enum ship ship, const struct key_spec *key);
/* The same for SHIP_CUSTOM: the function that names the subtask. */
void stream_graph_connect_custom(struct stream_graph *graph, uint32_t source_id, uint32_t target_id,
				 uint32_t target_input, const Flink__FunctionRef *partitioner);
uint32_t stream_graph_nodes_count(const struct stream_graph *graph);
void stream_graph_set_chaining(struct stream_graph *graph, bool enabled);
/* execution.runtime-mode BATCH: sums give one record per key when their input ends, and what goes
 * to them is added up beforehand where it comes from (an operator "Combine" behind it). */
void stream_graph_set_batch(struct stream_graph *graph, bool batch);

/* FunctionRef.artifact of a function that is its parameters alone (Python's, pickled). */
#define FUNCTION_NO_ARTIFACT UINT32_MAX

/* Nodes that a program may have; what the client's recursion can stand. */
#define STREAM_NODES_MAX 10000

/* get_execution_plan(): Flink's StreamGraph JSON, byte for byte (rest-api.md §5). */
void stream_graph_plan(const struct stream_graph *graph, struct buf *into);

/* The job graph, unpacked-message style, on protobuf-c's own heap: free with
 * flink__job_graph__free_unpacked(graph, NULL). job_id, artifacts and settings are left to the
 * caller (in a shallow copy of the message, or packed anew). Max parallelism is settled here.
 * Vertices and edges come in Flink's order: vertices topologically, edges as Flink connects them,
 * the operators of a chain each in front of those that it feeds. ERR_PLAN_INVALID names the
 * operator. */
MUST_USE int job_graph_from_stream(const struct stream_graph *stream, Flink__JobGraph **graph,
				   struct err *err);

/* Limits of a message from outside, beside those of limits.h. */
#define JOB_EDGES_MAX 65536
#define JOB_TYPES_MAX 4096
#define JOB_SUBTASKS_MAX 262144 /* of all vertices together */
#define JOB_ARTIFACTS_MAX 64
#define JOB_SETTINGS_MAX 4096
#define JOB_TEXT_BYTES_MAX 65536 /* a vertex's name, a setting's value, a description */
#define JOB_FORMAT 1

/* Checks a graph from outside, as a stranger may have written it: every index, size, text, type,
 * key, limit; acyclic and in topological order; chains are trees whose types fit; parallelism ≤
 * max_parallelism ≤ limit; FORWARD only between equal parallelisms; names that become file names
 * cannot leave their folder. What an operator's parameters mean is checked by the operator. */
MUST_USE int job_graph_check(const Flink__JobGraph *graph, struct err *err);

/* Record types of a checked graph, in its order; *types is an array of graph->n_types (each
 * record_type_destroy, then mem_free). */
MUST_USE int job_graph_types(const Flink__JobGraph *graph, struct record_type ***types,
			     struct err *err);
void job_graph_types_destroy(struct record_type ***types, size_t count);
/* REST's Plan.nodes[].description of a vertex (escaped, <br/>). */
void job_graph_vertex_description(const Flink__Vertex *vertex, struct buf *into);
/* What the job itself set for a key (the last value wins); NULL: nothing. */
const char *job_graph_setting(const Flink__JobGraph *graph, const char *key);
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
