/* SPDX-License-Identifier: Apache-2.0
 * graph_priv.h - the stream graph from inside; nobody outside the folder includes it. */
#ifndef COMMON_GRAPH_GRAPH_PRIV_H
#define COMMON_GRAPH_GRAPH_PRIV_H

#include "common/graph/graph.h"

struct stream_edge {
	uint32_t source, target; /* node ids */
	uint32_t target_input;
	enum ship ship; /* as asked for; edge_ship settles it */
	struct key_spec key;
	Flink__FunctionRef *partitioner; /* SHIP_CUSTOM; in the graph's arena */
};

struct edge_list { /* indices into stream_graph.edges, in the order of the connect calls */
	uint32_t *items;
	uint32_t count, max;
};

struct graph_node {
	struct stream_node spec; /* all pointers are the graph's own */
	struct edge_list ins, outs;
};

struct stream_graph {
	struct arena *arena; /* texts and parameters */
	const char *job_name;
	uint32_t default_parallelism, last_id;
	bool chaining, batch;
	struct graph_node **by_id; /* by_id[id], NULL for virtual nodes; by_id_max of them */
	uint32_t by_id_max, nodes_count;
	struct stream_edge *edges;
	uint32_t edges_count, edges_max;
	struct record_type **types;
	uint32_t types_count, types_max;
};

static inline const struct graph_node *graph_node(const struct stream_graph *graph, uint32_t id)
{
	return id < graph->by_id_max ? graph->by_id[id] : NULL;
}

/* What a node runs with: its own parallelism, 1 if it cannot be parallel, else the default. */
uint32_t graph_parallelism(const struct stream_graph *graph, const struct graph_node *node);
/* The ship strategy in force: SHIP_DEFAULT depends on the parallelisms of both ends. */
enum ship graph_edge_ship(const struct stream_graph *graph, const struct stream_edge *edge);

/* batch_graph.c: what BATCH makes of a job graph that lies in an arena. last_id: of its nodes. */
void graph_make_batch(struct arena *arena, Flink__JobGraph *graph, uint32_t last_id);

/* What becomes of a node on the way to the job graph. */
struct place {
	uint8_t hash[16];
	bool hashed;
	const char *group; /* slot sharing group in force */
	struct chain *chain;
	uint32_t index; /* in its chain */
};

/* Flink's isChainable; groups must be settled. */
bool graph_edge_chains(const struct stream_graph *graph, const struct place *places,
		       const struct stream_edge *edge);
/* Fills hash of every node's place; the graph has no cycles. ERR_PLAN_INVALID: a uid twice. */
MUST_USE int graph_hash(const struct stream_graph *graph, struct place *places, struct err *err);

/* All of job_graph_check but the job's id, which job_graph_from_stream leaves open. */
MUST_USE int job_graph_check_plan(const Flink__JobGraph *graph, struct err *err);

#endif
