/* SPDX-License-Identifier: Apache-2.0
 * stream_hash.c - Flink's operator ids (its second hasher, unchanged since 1.2): savepoints find
 * their state by them, dashboards their vertices.
 *
 * A node's hash is of how many nodes were hashed before it, once for itself and once more for every
 * output that is chained to it, mixed with its inputs' hashes. A uid replaces all that by the hash
 * of its text. */
#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/map.h"
#include "common/graph/graph_priv.h"

bool graph_edge_chains(const struct stream_graph *graph, const struct place *places,
		       const struct stream_edge *edge)
{
	const struct graph_node *source = graph_node(graph, edge->source);
	const struct graph_node *target = graph_node(graph, edge->target);

	return graph->chaining && target->ins.count == 1 && source->spec.chaining != CHAIN_NEVER &&
	       target->spec.chaining == CHAIN_ALWAYS &&
	       graph_edge_ship(graph, edge) == SHIP_FORWARD &&
	       graph_parallelism(graph, source) == graph_parallelism(graph, target) &&
	       strcmp(places[edge->source].group, places[edge->target].group) == 0;
}

struct hasher {
	const struct stream_graph *graph;
	struct place *places;
	struct map *by_hash; /* hash -> node, to find a uid that is there twice */
	uint32_t hashed_count;
};

static bool inputs_hashed(const struct hasher *hasher, const struct graph_node *node)
{
	for (uint32_t i = 0; i < node->ins.count; i++)
		if (!hasher->places[hasher->graph->edges[node->ins.items[i]].source].hashed)
			return false;
	return true;
}

static void add_count(struct buf *into, uint32_t count)
{
	buf_add(into, &count, sizeof(count)); /* little endian, as the record format's host is */
}

static void hash_by_place(struct hasher *hasher, const struct graph_node *node, uint8_t hash[16])
{
	const struct stream_graph *graph = hasher->graph;
	struct buf text;

	buf_init(&text);
	add_count(&text, hasher->hashed_count);
	for (uint32_t i = 0; i < node->outs.count; i++)
		if (graph_edge_chains(graph, hasher->places, &graph->edges[node->outs.items[i]]))
			add_count(&text, hasher->hashed_count);
	hash_murmur3_128(text.data, text.size_bytes, hash);
	buf_fini(&text);
	for (uint32_t i = 0; i < node->ins.count; i++) {
		const uint8_t *input = hasher->places[graph->edges[node->ins.items[i]].source].hash;

		for (int j = 0; j < 16; j++)
			hash[j] = (uint8_t)(hash[j] * 37 ^ input[j]);
	}
}

/* 1: hashed. 0: an input is not hashed yet. */
static int hash_node(struct hasher *hasher, const struct graph_node *node, struct err *err)
{
	struct place *place = &hasher->places[node->spec.id];

	if (node->spec.uid)
		hash_murmur3_128(node->spec.uid, strlen(node->spec.uid), place->hash);
	else if (!inputs_hashed(hasher, node))
		return 0;
	else
		hash_by_place(hasher, node, place->hash);
	const struct graph_node *other =
		map_put(hasher->by_hash, bytes_of(place->hash, sizeof(place->hash)), (void *)node);
	if (other)
		return err_set(err, ERR_PLAN_INVALID,
			       "the operators \"%s\" and \"%s\" get the same id%s%s%s; every uid "
			       "may be given once",
			       other->spec.name, node->spec.name,
			       node->spec.uid ? " from uid \"" : "",
			       node->spec.uid ? node->spec.uid : "", node->spec.uid ? "\"" : "");
	place->hashed = true;
	hasher->hashed_count++;
	return 1;
}

/* Breadth first from the sources, ascending by id. A node whose inputs are not all hashed is
 * dropped from the queue and comes back through its last input. */
static int hash_all(struct hasher *hasher, uint32_t *queue, bool *queued, struct err *err)
{
	const struct stream_graph *graph = hasher->graph;
	uint32_t first = 0, last = 0, room = graph->nodes_count + graph->edges_count;

	for (uint32_t id = 1; id < graph->by_id_max; id++)
		if (graph->by_id[id] && graph->by_id[id]->ins.count == 0) {
			queue[last++] = id;
			queued[id] = true;
		}
	while (first < last) {
		const struct graph_node *node = graph->by_id[queue[first++]];
		int answer = hash_node(hasher, node, err);

		if (answer < 0)
			return -1;
		if (answer == 0) {
			queued[node->spec.id] = false;
			continue;
		}
		for (uint32_t i = 0; i < node->outs.count; i++) {
			uint32_t target = graph->edges[node->outs.items[i]].target;

			if (queued[target])
				continue;
			CHECK(last < room, "node %u is queued once too often", target);
			queue[last++] = target;
			queued[target] = true;
		}
	}
	CHECK(hasher->hashed_count == graph->nodes_count, "%u of %u nodes have a hash",
	      hasher->hashed_count, graph->nodes_count);
	return 0;
}

int graph_hash(const struct stream_graph *graph, struct place *places, struct err *err)
{
	struct hasher hasher = { .graph = graph, .places = places, .by_hash = map_create() };
	/* Sources enter once, others once per edge at most. */
	uint32_t *queue = MEM_NEW_ARRAY(uint32_t, graph->nodes_count + graph->edges_count);
	bool *queued = MEM_NEW_ARRAY(bool, graph->by_id_max);
	int answer = hash_all(&hasher, queue, queued, err);

	mem_free(queue);
	mem_free(queued);
	map_destroy(&hasher.by_hash);
	return answer;
}
