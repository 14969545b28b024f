/* SPDX-License-Identifier: Apache-2.0
 * job_graph_info.c - what can be said about a checked job graph: names, slots, who feeds whom. */
#include "common/base/check.h"
#include "common/base/map.h"
#include "common/graph/graph_priv.h"

const char *job_graph_setting(const Flink__JobGraph *graph, const char *key)
{
	for (size_t i = graph->n_settings; i > 0; i--)
		if (strcmp(graph->settings[i - 1]->key, key) == 0)
			return graph->settings[i - 1]->value;
	return NULL;
}

const char *ship_name(Flink__ShipStrategy ship)
{
	static const char *const names[] = {
		[FLINK__SHIP_STRATEGY__SHIP_FORWARD] = "FORWARD",
		[FLINK__SHIP_STRATEGY__SHIP_HASH] = "HASH",
		[FLINK__SHIP_STRATEGY__SHIP_REBALANCE] = "REBALANCE",
		[FLINK__SHIP_STRATEGY__SHIP_RESCALE] = "RESCALE",
		[FLINK__SHIP_STRATEGY__SHIP_BROADCAST] = "BROADCAST",
		[FLINK__SHIP_STRATEGY__SHIP_SHUFFLE] = "SHUFFLE",
		[FLINK__SHIP_STRATEGY__SHIP_GLOBAL] = "GLOBAL",
		[FLINK__SHIP_STRATEGY__SHIP_CUSTOM] = "CUSTOM",
	};

	return (unsigned)ship < ARRAY_COUNT(names) ? names[ship] : NULL;
}

/* ---- description ----------------------------------------------------------------------------- */

static void add_html(struct buf *into, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			buf_add_text(into, "&amp;");
			break;
		case '<':
			buf_add_text(into, "&lt;");
			break;
		case '>':
			buf_add_text(into, "&gt;");
			break;
		case '"':
			buf_add_text(into, "&quot;");
			break;
		case '\n':
			buf_add_text(into, "<br/>");
			break;
		case '\\':
			buf_add_text(into, "&#92;");
			break;
		default:
			buf_add(into, text, 1);
		}
	}
}

/* One operator and those behind it. `prefix` is what stands in front of its children. */
static void describe(const Flink__Vertex *vertex, uint32_t index, struct buf *prefix,
		     struct buf *into)
{
	const Flink__Operator *operator = vertex->operators[index];
	size_t prefix_bytes = prefix->size_bytes, last = index;

	add_html(into, operator->description && operator->description[0] ? operator->description :
									   operator->name);
	buf_add_text(into, "<br/>");
	for (size_t i = index + 1; i < vertex->n_operators; i++)
		if (vertex->operators[i]->input_operator == index)
			last = i;
	for (size_t i = index + 1; i <= last; i++) {
		if (vertex->operators[i]->input_operator != index)
			continue;
		buf_add(into, prefix->data, prefix->size_bytes);
		buf_add_text(into, i == last ? "+- " : ":- ");
		buf_add_text(prefix, i == last ? "   " : ":  ");
		describe(vertex, (uint32_t)i, prefix, into);
		prefix->size_bytes = prefix_bytes;
	}
}

void job_graph_vertex_description(const Flink__Vertex *vertex, struct buf *into)
{
	struct buf prefix;

	buf_init(&prefix);
	describe(vertex, 0, &prefix, into);
	buf_fini(&prefix);
}

/* ---- slots ----------------------------------------------------------------------------------- */

uint32_t job_graph_slots_needed(const Flink__JobGraph *graph)
{
	struct map *largest = map_create(); /* group -> its vertex of largest parallelism */
	uint64_t slots = 0;
	size_t at = 0;
	void *value;

	for (size_t i = 0; i < graph->n_vertices; i++) {
		Flink__Vertex *vertex = graph->vertices[i];
		struct bytes group = bytes_of_text(vertex->slot_sharing_group);
		const Flink__Vertex *other = map_get(largest, group);

		if (other == NULL || other->parallelism < vertex->parallelism)
			map_put(largest, group, vertex);
	}
	while (map_next(largest, &at, NULL, &value))
		slots += ((const Flink__Vertex *)value)->parallelism;
	map_destroy(&largest);
	return slots > UINT32_MAX ? UINT32_MAX : (uint32_t)slots;
}

/* ---- edges as ranges ------------------------------------------------------------------------- */

/* RESCALE, as Flink's pointwise distribution: the smaller side's subtasks take contiguous shares of
 * the larger side; shares differ by at most one. */
static void rescale_producers(uint64_t consumer, uint64_t producers, uint64_t consumers,
			      uint32_t *first, uint32_t *last)
{
	*first = (uint32_t)(consumer * producers / consumers);
	*last = producers >= consumers ? (uint32_t)((consumer + 1) * producers / consumers - 1) :
					 *first;
}

static void rescale_consumers(uint64_t producer, uint64_t producers, uint64_t consumers,
			      uint32_t *first, uint32_t *last)
{
	if (producers >= consumers) {
		*first = *last = (uint32_t)(((producer + 1) * consumers - 1) / producers);
		return;
	}
	*first = (uint32_t)((producer * consumers + producers - 1) / producers);
	*last = (uint32_t)(((producer + 1) * consumers + producers - 1) / producers - 1);
}

void edge_consumers(Flink__ShipStrategy ship, uint32_t producer, uint32_t producers,
		    uint32_t consumers, uint32_t *first, uint32_t *last)
{
	CHECK(producer < producers && consumers > 0, "producer %u of %u, %u consumers", producer,
	      producers, consumers);
	if (ship == FLINK__SHIP_STRATEGY__SHIP_FORWARD) {
		CHECK(producers == consumers, "FORWARD from %u to %u", producers, consumers);
		*first = *last = producer;
	} else if (ship == FLINK__SHIP_STRATEGY__SHIP_RESCALE) {
		rescale_consumers(producer, producers, consumers, first, last);
	} else {
		*first = 0;
		*last = consumers - 1;
	}
}

void edge_producers(Flink__ShipStrategy ship, uint32_t consumer, uint32_t producers,
		    uint32_t consumers, uint32_t *first, uint32_t *last)
{
	CHECK(consumer < consumers && producers > 0, "consumer %u of %u, %u producers", consumer,
	      consumers, producers);
	if (ship == FLINK__SHIP_STRATEGY__SHIP_FORWARD) {
		CHECK(producers == consumers, "FORWARD from %u to %u", producers, consumers);
		*first = *last = consumer;
	} else if (ship == FLINK__SHIP_STRATEGY__SHIP_RESCALE) {
		rescale_producers(consumer, producers, consumers, first, last);
	} else {
		*first = 0;
		*last = producers - 1;
	}
}
