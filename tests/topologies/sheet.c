/* SPDX-License-Identifier: Apache-2.0
 * sheet.c - draws a topology from a seed. */
#include "tests/topologies/sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "tests/lib/dice.h"

#define RECORDS_OF_VERTEX_MAX 1200 /* in and out, about: a run takes some milliseconds */
#define WATERMARKS 60 /* that a feeder sends, about */
#define BYTES_MAX (6 * 1024 * 1024)
#define POOL_BYTES_MAX (96 * 1024 * 1024)

uint64_t sheet_mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return hash_fold(hash_fold(a ^ HASH_K0, b ^ HASH_K1) ^ c, hash_fold(d ^ HASH_K1, HASH_K0));
}

/* ---- the machines ---------------------------------------------------------------------------- */

static void draw_world(uint64_t *state, struct sim_options *world)
{
	world->delay_us_min = below(state, 300);
	world->delay_us_max =
		world->delay_us_min + 1 + below(state, one_in(state, 6) ? 20000 : 2000);
	world->clog_ppm = one_in(state, 3) ? below(state, 4000) : 0;
	world->clog_ms_max = 200;
	world->short_read_ppm = one_in(state, 3) ? below(state, 100000) : 0;
	world->step_cost_ns_max = 1 + below(state, one_in(state, 3) ? 200000 : 20000);
	world->shuffle_ties = one_in(state, 2);
}

static void draw_machines(uint64_t *state, struct sheet *sheet)
{
	static const uint32_t segments[] = { 2048, 4096, 32768 };
	bool tight = sheet->theme == THEME_TIGHT || one_in(state, 4);

	sheet->nodes_count = one_in(state, 10) ? 1 : between(state, 2, one_in(state, 3) ? 4 : 2);
	if (sheet->theme == THEME_FAULTS && sheet->nodes_count == 1)
		sheet->nodes_count = 2;
	sheet->slots_count = between(state, 1, one_in(state, 3) ? SHEET_SLOTS_MAX : 3);
	sheet->placement = (enum placement)below(state, 4);
	sheet->place_seed = below(state, UINT32_MAX);
	sheet->segment_bytes = segments[below(state, one_in(state, 3) ? 3 : 2)];
	sheet->exclusive = tight ? 1 : between(state, 1, 3);
	sheet->floating = tight ? 0 : below(state, 9);
	sheet->spare_segments = tight ? 0 : below(state, 40);
	if (sheet->theme == THEME_LENDING) {
		sheet->exclusive = between(state, 1, 2);
		sheet->floating = between(state, 1, 16);
		sheet->spare_segments = between(state, 0, 12);
	}
	if (one_in(state, 3))
		sheet->sized_bytes = UINT32_C(2048) << below(state, 3);
	if (sheet->sized_bytes >= sheet->segment_bytes)
		sheet->sized_bytes = 0;
	if (one_in(state, 3))
		sheet->sized_exclusive = between(state, 1, 2);
	if (one_in(state, 2)) {
		sheet->debloat_target_ms = 1 + below(state, one_in(state, 2) ? 10 : 200);
		sheet->debloat_period_ms = 1 + below(state, one_in(state, 2) ? 5 : 100);
	}
	sheet->latency_ms = one_in(state, 3) ? between(state, 1, 30) : 0;
	sheet->compress_mask = one_in(state, 3) ? 15 : one_in(state, 3) ? below(state, 16) : 0;
	sheet->slots_serve = !one_in(state, 4);
	sheet->deploy_ms_max = one_in(state, 4) ? between(state, 1, 3000) : below(state, 20);
}

static void draw_trouble(uint64_t *state, struct sheet *sheet)
{
	bool slow = sheet->theme == THEME_SLOW_SINKS || sheet->theme == THEME_CONTROLS;

	sheet->sink_stall_ms_max = between(state, 1, slow ? 300 : 60);
	sheet->shut_ms = slow || one_in(state, 3) ? between(state, 20, 600) : 0;
	sheet->pauses = one_in(state, 2) ? between(state, 1, 8) : 0;
	sheet->pause_ms_max = between(state, 1, 400);
	sheet->partitions = sheet->nodes_count > 1 && one_in(state, 4) ? between(state, 1, 3) : 0;
	sheet->partition_ms_max = between(state, 1, 1000);
	sheet->others_ms = one_in(state, 8) ? between(state, 1, 900) : 0;
	sheet->fault = FAULT_NONE;
	if (sheet->theme == THEME_FAULTS || one_in(state, 6))
		sheet->fault = (enum fault)between(state, 1, FAULTS_COUNT - 1);
	if (sheet->nodes_count == 1 &&
	    (sheet->fault == FAULT_CUT || sheet->fault == FAULT_RANDOM_CUTS))
		sheet->fault = FAULT_OPERATOR;
	sheet->fault_at_1000 = below(state, 900);
	sheet->fault_mid_frame = one_in(state, 2);
	if (sheet->fault == FAULT_RANDOM_CUTS)
		sheet->world.connection_cut_ppm = 500 + below(state, 4000);
}

/* ---- vertices and edges ---------------------------------------------------------------------- */

static void draw_parallelism(uint64_t *state, struct sheet *sheet)
{
	bool wide = sheet->theme == THEME_WIDE;
	uint32_t before = 0;

	for (uint32_t v = 0; v < sheet->vertices_count; v++) {
		uint32_t parallelism = between(state, 1, one_in(state, 4) ? 12 : 4);

		if (wide)
			parallelism =
				between(state, one_in(state, 3) ? 1 : 10, SHEET_PARALLELISM_MAX);
		if (before > 0 && one_in(state, 2))
			parallelism = before;
		sheet->vertices[v].parallelism = before = parallelism;
	}
}

static bool has_edge(const struct sheet *sheet, const struct sheet_edge *edge)
{
	for (uint32_t i = 0; i < sheet->edges_count; i++)
		if (sheet->edges[i].source == edge->source &&
		    sheet->edges[i].target == edge->target && sheet->edges[i].input == edge->input)
			return true;
	return false;
}

static void draw_edges_into(uint64_t *state, struct sheet *sheet, uint32_t target)
{
	uint32_t count = between(state, 1, one_in(state, 3) ? 3 : 2);
	bool two_inputs = count > 1 && one_in(state, 3);

	for (uint32_t i = 0; i < count && sheet->edges_count < SHEET_EDGES_MAX; i++) {
		struct sheet_edge edge = {
			.source = i == 0 && !one_in(state, 3) ? target - 1 : below(state, target),
			.target = target,
			.input = two_inputs && i > 0 && (i == 1 || one_in(state, 2)),
			.ship = (Flink__ShipStrategy)below(state, 8),
		};

		if (sheet->theme == THEME_FLOOD && one_in(state, 3))
			edge.ship = FLINK__SHIP_STRATEGY__SHIP_BROADCAST;
		if (!has_edge(sheet, &edge))
			sheet->edges[sheet->edges_count++] = edge;
	}
}

static void draw_graph(uint64_t *state, struct sheet *sheet)
{
	sheet->vertices_count = between(state, 2, SHEET_VERTICES_MAX);
	draw_parallelism(state, sheet);
	for (uint32_t v = 1; v < sheet->vertices_count; v++)
		if (v + 1 == sheet->vertices_count || !one_in(state, 6))
			draw_edges_into(state, sheet, v);
}

bool sheet_is_source(const struct sheet *sheet, uint32_t vertex)
{
	for (uint32_t i = 0; i < sheet->edges_count; i++)
		if (sheet->edges[i].target == vertex)
			return false;
	return true;
}

static uint32_t edges_out(const struct sheet *sheet, uint32_t vertex)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < sheet->edges_count; i++)
		count += sheet->edges[i].source == vertex;
	return count;
}

static bool has_second_input(const struct sheet *sheet, uint32_t vertex)
{
	for (uint32_t i = 0; i < sheet->edges_count; i++)
		if (sheet->edges[i].target == vertex && sheet->edges[i].input == 1)
			return true;
	return false;
}

/* ---- operators ------------------------------------------------------------------------------- */

static struct sheet_operator *add_operator(struct sheet_vertex *vertex, enum role role,
					   uint32_t parent, bool has_text)
{
	struct sheet_operator *operator = &vertex->operators[vertex->operators_count++];

	*operator = (struct sheet_operator){ .role = role, .parent = parent, .has_text = has_text };
	return operator;
}

static void draw_relay(uint64_t *state, const struct sheet *sheet, struct sheet_operator *operator)
{
	static const uint32_t factors[] = { 1000, 1000, 1000, 30, 400, 1700, 6000 };

	operator->per_1000 = factors[below(state, ARRAY_COUNT(factors))];
	if (sheet->theme == THEME_FLOOD && one_in(state, 2))
		operator->per_1000 = 20000;
	operator->burst = one_in(state, 4) ? between(state, 2, 40) : 1;
	operator->on_watermark = one_in(state, 4) ? between(state, 1, 6) : 0;
	operator->at_end = one_in(state, 4) ? between(state, 1, 120) : 0;
	operator->timer_ms = one_in(state, 6) ? between(state, 1, 50) : 0;
}

static void draw_sink(uint64_t *state, const struct sheet *sheet, struct sheet_operator *operator)
{
	bool slow = sheet->theme == THEME_SLOW_SINKS || sheet->theme == THEME_CONTROLS;

	operator->stall_ppm = one_in(state, slow ? 1 : 3) ? below(state, 200000) : 0;
	operator->flushes_later = one_in(state, 3);
}

static uint32_t random_emitter(uint64_t *state, const struct sheet_vertex *vertex)
{
	uint32_t operator;

	do
		operator= below(state, vertex->operators_count);
	while (vertex->operators[operator].role == ROLE_SINK);
	return operator;
}

static void draw_source(uint64_t *state, struct sheet *sheet, struct sheet_vertex *vertex)
{
	bool controls = sheet->theme == THEME_CONTROLS;

	vertex->is_fed = one_in(state, controls ? 1 : 2);
	vertex->sends_idle = vertex->is_fed && one_in(state, 2);
	vertex->records = between(state, 0, one_in(state, 3) ? 1200 : 200);
	vertex->pause_ms_max = one_in(state, 3) ? between(state, 1, 100) : 0;
	add_operator(vertex, ROLE_SOURCE, 0, one_in(state, 2));
}

/* A feeder is not a chain, so its vertex has one operator. */
static void draw_operators(uint64_t *state, struct sheet *sheet, uint32_t v)
{
	struct sheet_vertex *vertex = &sheet->vertices[v];
	bool ends = edges_out(sheet, v) == 0, is_source = sheet_is_source(sheet, v);
	uint32_t relays = between(state, 1, one_in(state, 3) ? 4 : 2);

	if (is_source)
		draw_source(state, sheet, vertex);
	if (vertex->is_fed && ends)
		vertex->is_fed = vertex->sends_idle = false;
	if (vertex->is_fed)
		return;
	if (is_source || (ends && !has_second_input(sheet, v) && one_in(state, 3)))
		relays--; /* a sink may be the head */
	while (relays-- > 0) {
		uint32_t parent = vertex->operators_count > 0 ? random_emitter(state, vertex) : 0;

		draw_relay(state, sheet,
			   add_operator(vertex, ROLE_RELAY, parent, one_in(state, 2)));
	}
	if (ends || one_in(state, 4))
		draw_sink(state, sheet,
			  add_operator(vertex, ROLE_SINK,
				       vertex->operators_count > 0 ? random_emitter(state, vertex) :
								     0,
				       false));
}

/* Every edge into an input carries the same type: where the source vertex emits no such records, it
 * gets an operator that does. */
static void draw_types(uint64_t *state, struct sheet *sheet)
{
	for (uint32_t i = 0; i < sheet->edges_count; i++) {
		struct sheet_edge *edge = &sheet->edges[i];
		struct sheet_vertex *vertex = &sheet->vertices[edge->source];
		bool has_text = sheet_mix(sheet->seed, edge->target, edge->input, 77) % 2;
		uint32_t first = below(state, vertex->operators_count), o = SHEET_OPERATORS_MAX;

		for (uint32_t k = 0; k < vertex->operators_count; k++) {
			uint32_t at = (first + k) % vertex->operators_count;

			if (vertex->operators[at].role != ROLE_SINK &&
			    vertex->operators[at].has_text == has_text)
				o = at;
		}
		if (o == SHEET_OPERATORS_MAX && vertex->is_fed) {
			vertex->is_fed = vertex->sends_idle = false;
		}
		if (o == SHEET_OPERATORS_MAX) {
			uint32_t parent = random_emitter(state, vertex);

			o = vertex->operators_count;
			draw_relay(state, sheet,
				   add_operator(vertex, ROLE_RELAY, parent, has_text));
		}
		edge->operator= o;
		edge->by_text = has_text && one_in(state, 2);
	}
}

/* ---- sizes ----------------------------------------------------------------------------------- */

uint32_t sheet_segment_bytes(const struct sheet *sheet)
{
	return sheet->sized_bytes ? sheet->sized_bytes : sheet->segment_bytes;
}

uint32_t sheet_exclusive(const struct sheet *sheet)
{
	return sheet->sized_exclusive && sheet->sized_exclusive < sheet->exclusive ?
		       sheet->sized_exclusive : sheet->exclusive;
}

static void channels_of_edge(const struct sheet *sheet, const struct sheet_edge *edge,
			     uint32_t producer, uint32_t *first, uint32_t *last)
{
	edge_consumers(edge->ship, producer, sheet->vertices[edge->source].parallelism,
		       sheet->vertices[edge->target].parallelism, first, last);
}

uint32_t sheet_channels_count(const struct sheet *sheet)
{
	uint32_t count = 0, first, last;

	for (uint32_t i = 0; i < sheet->edges_count; i++)
		for (uint32_t p = 0; p < sheet->vertices[sheet->edges[i].source].parallelism; p++) {
			channels_of_edge(sheet, &sheet->edges[i], p, &first, &last);
			count += last - first + 1;
		}
	return count;
}

static void settle_ships(struct sheet *sheet)
{
	for (uint32_t i = 0; i < sheet->edges_count; i++) {
		struct sheet_edge *edge = &sheet->edges[i];

		if (edge->ship == FLINK__SHIP_STRATEGY__SHIP_FORWARD &&
		    sheet->vertices[edge->source].parallelism !=
			    sheet->vertices[edge->target].parallelism)
			edge->ship = FLINK__SHIP_STRATEGY__SHIP_RESCALE;
	}
}

static void narrow(struct sheet *sheet, uint32_t parallelism_max)
{
	for (uint32_t v = 0; v < sheet->vertices_count; v++)
		if (sheet->vertices[v].parallelism > parallelism_max)
			sheet->vertices[v].parallelism = parallelism_max;
	settle_ships(sheet);
}

static void draw_sizes(uint64_t *state, struct sheet *sheet)
{
	static const uint32_t keys[] = { 1, 3, 40, 1000 };
	uint32_t kind = below(state, 4);
	uint32_t largest = sheet_segment_bytes(sheet) - 64; /* one such record fills a segment */

	narrow(sheet, SHEET_PARALLELISM_MAX);
	for (uint32_t most = SHEET_PARALLELISM_MAX;
	     sheet_channels_count(sheet) > SHEET_CHANNELS_MAX;)
		narrow(sheet, --most);
	for (uint32_t v = 0; v < sheet->vertices_count; v++) {
		struct sheet_vertex *vertex = &sheet->vertices[v];
		static const int64_t timeouts[] = { 0, 5, 100, -1 };
		uint32_t groups = below(state, 4);

		vertex->max_parallelism = groups == 0 ? vertex->parallelism :
					  groups == 1 ? vertex->parallelism + below(state, 100) :
							key_groups_default(vertex->parallelism);
		vertex->buffer_timeout_ms = timeouts[below(state, 4)];
		vertex->node = below(state, SHEET_NODES_MAX);
		vertex->slot = below(state, SHEET_SLOTS_MAX);
	}
	sheet->keys = keys[below(state, 4)];
	sheet->text_bytes_max = kind == 0 ? 12 : kind == 1 ? between(state, 13, 200) : largest;
	sheet->large_ppm =
		sheet->theme == THEME_TIGHT || one_in(state, 4) ? 700000 : below(state, 60000);
	while ((uint64_t)sheet_channels_count(sheet) * 2 *
		       (sheet->exclusive + (sheet->floating > 0)) * sheet->segment_bytes >
	       POOL_BYTES_MAX)
		sheet->segment_bytes /= 2;
	if (sheet->sized_bytes >= sheet->segment_bytes)
		sheet->sized_bytes = 0;
}

/* ---- volume ---------------------------------------------------------------------------------- */

static uint64_t fan_out(const struct sheet *sheet, const struct sheet_edge *edge)
{
	return edge->ship == FLINK__SHIP_STRATEGY__SHIP_BROADCAST ?
		       sheet->vertices[edge->target].parallelism : 1;
}

/* Follows the records through the graph and lowers what would make too many of them. */
static void bound_volume(struct sheet *sheet, uint32_t records_max)
{
	uint64_t out[SHEET_ALL_OPERATORS_MAX] = { 0 };

	sheet->arrivals = 0;
	for (uint32_t v = 0; v < sheet->vertices_count; v++) {
		struct sheet_vertex *vertex = &sheet->vertices[v];
		uint64_t in = 0;

		for (uint32_t i = 0; i < sheet->edges_count; i++)
			if (sheet->edges[i].target == v)
				in += fan_out(sheet, &sheet->edges[i]) *
				      out[SHEET_OPERATOR(sheet->edges[i].source,
							 sheet->edges[i].operator)];
		for (uint32_t o = 0; o < vertex->operators_count; o++) {
			struct sheet_operator *operator = &vertex->operators[o];
			uint64_t *made = &out[SHEET_OPERATOR(v, o)];
			uint64_t taken = o == 0 ? in : out[SHEET_OPERATOR(v, operator->parent)];

			sheet->arrivals += taken;

			if (operator->role == ROLE_SOURCE) {
				if (vertex->records > records_max / vertex->parallelism)
					vertex->records = records_max / vertex->parallelism;
				*made = (uint64_t)vertex->records * vertex->parallelism;
			}
			if (operator->role != ROLE_RELAY)
				continue;
			if (taken * operator->per_1000 / 1000 > records_max)
				operator->per_1000 =(uint32_t)(records_max *UINT64_C(1000) / taken);
			*made = taken * operator->per_1000 / 1000 +
				(operator->at_end + WATERMARKS * operator->on_watermark) *
					vertex->parallelism;
		}
	}
}

static void bound_bytes(struct sheet *sheet)
{
	uint64_t typical =
		(uint64_t)sheet->text_bytes_max * (sheet->large_ppm + 20000) / 1000000 + 40;
	uint64_t records_max = BYTES_MAX / (typical * (1 + sheet->edges_count));

	if (records_max > RECORDS_OF_VERTEX_MAX)
		records_max = RECORDS_OF_VERTEX_MAX;
	bound_volume(sheet, (uint32_t)records_max);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void remove_edges_of(struct sheet *sheet, uint32_t vertices_count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < sheet->edges_count; i++)
		if (sheet->edges[i].target < vertices_count)
			sheet->edges[kept++] = sheet->edges[i];
	sheet->edges_count = kept;
	sheet->vertices_count = vertices_count;
}

static void limit_trouble(const struct sheet_limits *limits, struct sheet *sheet)
{
	if (limits->calm)
		sheet->world = (struct sim_options){ .delay_us_min = 100,
						     .delay_us_max = 100,
						     .step_cost_ns_max = 1000 };
	if (limits->no_stalls) {
		sheet->pauses = sheet->partitions = sheet->shut_ms = 0;
		for (uint32_t v = 0; v < sheet->vertices_count; v++)
			for (uint32_t o = 0; o < sheet->vertices[v].operators_count; o++)
				sheet->vertices[v].operators[o].stall_ppm = 0;
	}
	if (limits->no_fault) {
		sheet->fault = FAULT_NONE;
		sheet->world.connection_cut_ppm = 0;
	}
	for (uint32_t v = 0; v < sheet->vertices_count; v++) {
		if (limits->no_controls)
			sheet->vertices[v].is_fed = sheet->vertices[v].sends_idle = false;
		for (uint32_t o = 0; o < sheet->vertices[v].operators_count && limits->no_timers;
		     o++)
			sheet->vertices[v].operators[o].timer_ms = 0;
	}
}

void sheet_draw(uint64_t seed, const struct sheet_limits *limits, struct sheet *sheet)
{
	uint64_t state = sheet_mix(seed, 1, 2, 3);
	bool themed;

	*sheet = (struct sheet){ .seed = seed };
	themed = one_in(&state, 2);
	sheet->theme = (enum theme)below(&state, THEMES_COUNT);
	if (!themed)
		sheet->theme = THEME_PLAIN;
	draw_world(&state, &sheet->world);
	draw_machines(&state, sheet);
	draw_graph(&state, sheet);
	if (limits->vertices_max > 1 && limits->vertices_max < sheet->vertices_count)
		remove_edges_of(sheet, limits->vertices_max);
	for (uint32_t v = 0; v < sheet->vertices_count; v++)
		draw_operators(&state, sheet, v);
	draw_types(&state, sheet);
	if (limits->parallelism_max > 0)
		narrow(sheet, limits->parallelism_max);
	draw_sizes(&state, sheet);
	bound_bytes(sheet);
	draw_trouble(&state, sheet);
	if (limits->records_max > 0)
		bound_volume(sheet, limits->records_max);
	if (limits->nodes_max > 0 && limits->nodes_max < sheet->nodes_count)
		sheet->nodes_count = limits->nodes_max;
	limit_trouble(limits, sheet);
}

/* ---- placement ------------------------------------------------------------------------------- */

void sheet_place(const struct sheet *sheet, uint32_t vertex, uint32_t subtask, uint32_t *node,
		 uint32_t *slot)
{
	const struct sheet_vertex *v = &sheet->vertices[vertex];
	uint32_t slots = sheet->nodes_count * sheet->slots_count, at = 0;

	switch (sheet->placement) {
	case PLACE_SPREAD: at = (subtask + sheet->place_seed) % slots; break;
	case PLACE_RANDOM:
		at = (uint32_t)(sheet_mix(sheet->place_seed, vertex, subtask, 5) % slots);
		break;
	case PLACE_BY_VERTEX: /* a slot sharing group for each */
		at = v->node * sheet->slots_count + v->slot + subtask * sheet->slots_count;
		break;
	case PLACE_LATER_VERTICES_APART:
		at = vertex * sheet->slots_count + subtask % sheet->slots_count;
		break;
	}
	at %= slots;
	*node = at / sheet->slots_count;
	*slot = at % sheet->slots_count;
}

uint32_t sheet_channels_of_node(const struct sheet *sheet, uint32_t node)
{
	uint32_t count = 0, first, last, from, to, slot;

	for (uint32_t i = 0; i < sheet->edges_count; i++) {
		const struct sheet_edge *edge = &sheet->edges[i];

		for (uint32_t p = 0; p < sheet->vertices[edge->source].parallelism; p++) {
			channels_of_edge(sheet, edge, p, &first, &last);
			sheet_place(sheet, edge->source, p, &from, &slot);
			for (uint32_t c = first; c <= last; c++) {
				sheet_place(sheet, edge->target, c, &to, &slot);
				count += from == node || to == node;
			}
		}
	}
	return count;
}

/* ---- print ----------------------------------------------------------------------------------- */

const char *sheet_fault_name(enum fault fault)
{
	static const char *const names[] = {
		[FAULT_NONE] = "no fault",
		[FAULT_CUT] = "connections cut",
		[FAULT_KILL] = "TaskManager killed",
		[FAULT_RANDOM_CUTS] = "random cuts",
		[FAULT_OPERATOR] = "an operator fails",
		[FAULT_CANCEL_TASK] = "a task is cancelled",
		[FAULT_CANCEL_ALL] = "all is cancelled",
		[FAULT_LATE] = "a task comes too late",
	};

	return names[fault];
}

static void print_operator(const struct sheet_operator *operator, uint32_t index)
{
	static const char *const roles[] = { "source", "relay", "sink" };

	printf("        %u %s of %u%s", index, roles[operator->role], operator->parent,
	       operator->has_text && operator->role != ROLE_SINK ? ", text" : "");
	if (operator->role == ROLE_RELAY)
		printf(", %u/1000 in bursts of %u, %u per watermark, %u at the end, timer %u ms",
		       operator->per_1000, operator->burst, operator->on_watermark,
		       operator->at_end, operator->timer_ms);
	if (operator->role == ROLE_SINK)
		printf(", stalls %u ppm%s", operator->stall_ppm,
		       operator->flushes_later ? ", flushes later" : "");
	printf("\n");
}

static void print_vertices(const struct sheet *sheet)
{
	for (uint32_t v = 0; v < sheet->vertices_count; v++) {
		const struct sheet_vertex *vertex = &sheet->vertices[v];

		printf("    vertex %u x %u (%u key groups, buffer timeout %" PRId64 " ms)", v,
		       vertex->parallelism, vertex->max_parallelism, vertex->buffer_timeout_ms);
		if (sheet_is_source(sheet, v))
			printf(", %s%s: %u records, pauses <= %u ms",
			       vertex->is_fed ? "fed" : "source",
			       vertex->sends_idle ? " with idleness" : "", vertex->records,
			       vertex->pause_ms_max);
		printf("\n");
		for (uint32_t o = 0; o < vertex->operators_count; o++)
			print_operator(&vertex->operators[o], o);
	}
}

void sheet_print(const struct sheet *sheet)
{
	static const char *const themes[] = { "plain",	"tight", "lending", "flood",
					      "controls", "wide",  "faults",  "slow sinks" };
	static const char *const places[] = { "spread", "random", "by vertex", "vertices apart" };

	printf("seed %" PRIu64 ": %s; %u TaskManager(s) of %u slot(s), placed %s\n", sheet->seed,
	       themes[sheet->theme], sheet->nodes_count, sheet->slots_count,
	       places[sheet->placement]);
	printf("    segments of %u bytes, as the job has them %u; %u of %u + %u per channel, %u spare; "
	       "%u channels; LZ4 %x%s; debloating to %u ms each %u ms; latency each %u ms\n",
	       sheet->segment_bytes, sheet_segment_bytes(sheet), sheet_exclusive(sheet),
	       sheet->exclusive, sheet->floating, sheet->spare_segments,
	       sheet_channels_count(sheet), sheet->compress_mask,
	       sheet->slots_serve ? ", slots serve connections" : "", sheet->debloat_target_ms,
	       sheet->debloat_period_ms, sheet->latency_ms);
	print_vertices(sheet);
	for (uint32_t i = 0; i < sheet->edges_count; i++)
		printf("    edge %u: %u.%u -> %u (input %u) %s%s\n", i, sheet->edges[i].source,
		       sheet->edges[i].operator, sheet->edges[i].target, sheet->edges[i].input,
		       ship_name(sheet->edges[i].ship), sheet->edges[i].by_text ? " by text" : "");
	printf("    %u keys, strings <= %u bytes, %u ppm large\n", sheet->keys, sheet->text_bytes_max,
	       sheet->large_ppm);
	printf("    network %u-%u us, clog %u ppm, cuts %u ppm, short reads %u ppm, steps <= %u ns%s\n",
	       sheet->world.delay_us_min, sheet->world.delay_us_max, sheet->world.clog_ppm,
	       sheet->world.connection_cut_ppm, sheet->world.short_read_ppm,
	       sheet->world.step_cost_ns_max, sheet->world.shuffle_ties ? ", ties shuffled" : "");
	printf("    deployed within %u ms; sinks stall <= %u ms, shut for %u ms; %u pause(s) <= %u ms; "
	       "%u partition(s) <= %u ms; another job for %u ms\n",
	       sheet->deploy_ms_max, sheet->sink_stall_ms_max, sheet->shut_ms, sheet->pauses,
	       sheet->pause_ms_max, sheet->partitions, sheet->partition_ms_max,
	       sheet->others_ms);
	printf("    %s at %u/1000%s\n", sheet_fault_name(sheet->fault), sheet->fault_at_1000,
	       sheet->fault_mid_frame ? ", in the middle of a frame" : "");
}
