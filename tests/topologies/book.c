/* SPDX-License-Identifier: Apache-2.0
 * book.c - the model, and what happened. */
#include "tests/topologies/book.h"

#include <stdio.h>

#include "common/base/check.h"
#include "common/base/mark.h"

#define PARALLELISM SHEET_PARALLELISM_MAX

const struct field book_plain_fields[4] = { { "number", FIELD_BIGINT, 0 },
					    { "key", FIELD_BIGINT, 0 },
					    { "emitter", FIELD_INT, 0 },
					    { "subtask", FIELD_INT, 0 } };
const struct field book_text_fields[5] = { { "number", FIELD_BIGINT, 0 },
					   { "key", FIELD_BIGINT, 0 },
					   { "emitter", FIELD_INT, 0 },
					   { "subtask", FIELD_INT, 0 },
					   { "text", FIELD_STRING, 0 } };

struct watermark_sent {
	event_t watermark;
	int64_t emitted; /* before it */
};

struct emitter { /* one subtask of one operator */
	int64_t emitted;
	struct watermark_sent *watermarks;
	uint32_t watermarks_count, watermarks_room;
	bool ended;
	/* as a consumer */
	event_t watermark;   /* the last that came */
	uint32_t inputs_ended; /* bit per input */
};

/* An edge between vertices, or from an operator to one behind it in its chain (then FORWARD). */
struct flow {
	uint32_t from, to; /* SHEET_OPERATOR */
	uint32_t input, producers, consumers, max_parallelism;
	Flink__ShipStrategy ship;
	bool by_text, has_text;
	/* the first number of producer p that has not come to consumer c: [p * PARALLELISM + c] */
	int64_t *next;
	/* REBALANCE, RESCALE: the remainder of the numbers that this channel gets; -1: not known */
	int32_t *phase;
	/* A byte for each number of a producer. SHUFFLE: how often it came; HASH: its consumer +
	 * 1 */
	uint8_t **bytes;
	int64_t *bytes_room;
};

static struct {
	const struct sheet *sheet;
	struct emitter emitters[SHEET_ALL_OPERATORS_MAX][PARALLELISM];
	uint64_t batches[SHEET_VERTICES_MAX][PARALLELISM];
	struct flow *flows;
	uint32_t flows_count;
	/* by emitter, target vertex, input; by emitter and operator of the same vertex: flow + 1 */
	uint8_t of_edge[SHEET_ALL_OPERATORS_MAX][SHEET_VERTICES_MAX][2];
	uint8_t of_chain[SHEET_ALL_OPERATORS_MAX][SHEET_OPERATORS_MAX];
	bool may_idle[SHEET_VERTICES_MAX];
	uint64_t moves, arrivals;
	struct err breach;
	struct book_text record;
	char text[BOOK_TEXT_BYTES_MAX + 8], expected[BOOK_TEXT_BYTES_MAX + 8];
} book;

/* ---- which subtasks an edge joins ----------------------------------------------------------- */

/* As Flink has it for POINTWISE edges: the larger side is cut into ranges. */
static bool rescale_joins(uint32_t producer, uint32_t consumer, uint32_t producers,
			  uint32_t consumers)
{
	if (producers >= consumers)
		return producer >= consumer * producers / consumers &&
		       producer < (consumer + 1) * producers / consumers;
	return consumer >= (producer * consumers + producers - 1) / producers &&
	       consumer < ((producer + 1) * consumers + producers - 1) / producers;
}

static void expect_joined(const struct flow *flow)
{
	uint32_t first, last, producer_first, producer_last;

	for (uint32_t p = 0; p < flow->producers; p++)
		for (uint32_t c = 0; c < flow->consumers; c++) {
			bool joined =
				flow->ship == FLINK__SHIP_STRATEGY__SHIP_FORWARD ? p == c : true;

			if (flow->ship == FLINK__SHIP_STRATEGY__SHIP_RESCALE)
				joined = rescale_joins(p, c, flow->producers, flow->consumers);
			edge_consumers(flow->ship, p, flow->producers, flow->consumers, &first,
				       &last);
			edge_producers(flow->ship, c, flow->producers, flow->consumers,
				       &producer_first, &producer_last);
			if (joined != (c >= first && c <= last) ||
			    joined != (p >= producer_first && p <= producer_last))
				book_complain("%s from %u to %u subtasks: %u to %u is %sjoined",
					      ship_name(flow->ship), flow->producers,
					      flow->consumers, p, c, joined ? "not " : "");
		}
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct flow *add_flow(uint32_t from, uint32_t to, uint32_t producers, uint32_t consumers)
{
	struct flow *flow = &book.flows[book.flows_count++];

	*flow = (struct flow){ .from = from,
			       .to = to,
			       .producers = producers,
			       .consumers = consumers,
			       .ship = FLINK__SHIP_STRATEGY__SHIP_FORWARD };
	flow->next = MEM_NEW_ARRAY(int64_t, producers *PARALLELISM);
	flow->phase = mem_alloc(producers * PARALLELISM * sizeof(*flow->phase));
	memset(flow->phase, 0xff, producers * PARALLELISM * sizeof(*flow->phase));
	return flow;
}

static const struct sheet_operator *operator_at(uint32_t index)
{
	const struct sheet_vertex *vertex = &book.sheet->vertices[index / SHEET_OPERATORS_MAX];

	return &vertex->operators[index % SHEET_OPERATORS_MAX];
}

static void add_edge(const struct sheet_edge *edge)
{
	const struct sheet_vertex *source = &book.sheet->vertices[edge->source];
	const struct sheet_vertex *target = &book.sheet->vertices[edge->target];
	uint32_t from = SHEET_OPERATOR(edge->source, edge->operator);
	struct flow *flow = add_flow(from, SHEET_OPERATOR(edge->target, 0), source->parallelism,
				     target->parallelism);

	flow->input = edge->input;
	flow->ship = edge->ship;
	flow->by_text = edge->by_text;
	flow->has_text = operator_at(from)->has_text;
	flow->max_parallelism = target->max_parallelism;
	flow->bytes = MEM_NEW_ARRAY(uint8_t *, flow->producers);
	flow->bytes_room = MEM_NEW_ARRAY(int64_t, flow->producers);
	expect_joined(flow);
	book.of_edge[from][edge->target][edge->input] = (uint8_t)book.flows_count;
	if (source->sends_idle || book.may_idle[edge->source])
		book.may_idle[edge->target] = true;
}

static void add_chain(uint32_t v)
{
	const struct sheet_vertex *vertex = &book.sheet->vertices[v];

	for (uint32_t o = 1; o < vertex->operators_count; o++) {
		uint32_t from = SHEET_OPERATOR(v, vertex->operators[o].parent);
		struct flow *flow = add_flow(from, SHEET_OPERATOR(v, o), vertex->parallelism,
					     vertex->parallelism);

		flow->has_text = operator_at(from)->has_text;
		book.of_chain[from][o] = (uint8_t)book.flows_count;
	}
}

void book_open(const struct sheet *sheet)
{
	book_close();
	book.sheet = sheet;
	book.flows = MEM_NEW_ARRAY(struct flow, SHEET_EDGES_MAX + SHEET_ALL_OPERATORS_MAX);
	for (uint32_t i = 0; i < sheet->edges_count; i++) /* ascending: idleness is inherited */
		add_edge(&sheet->edges[i]);
	for (uint32_t v = 0; v < sheet->vertices_count; v++) {
		add_chain(v);
		for (uint32_t o = 0; o < sheet->vertices[v].operators_count; o++)
			for (uint32_t s = 0; s < PARALLELISM; s++)
				book.emitters[SHEET_OPERATOR(v, o)][s].watermark = EVENT_MIN;
	}
}

void book_close(void)
{
	for (uint32_t i = 0; i < book.flows_count; i++) {
		struct flow *flow = &book.flows[i];

		for (uint32_t p = 0; flow->bytes != NULL && p < flow->producers; p++)
			mem_free(flow->bytes[p]);
		mem_free(flow->bytes);
		mem_free(flow->bytes_room);
		mem_free(flow->next);
		mem_free(flow->phase);
	}
	mem_free(book.flows);
	for (uint32_t i = 0; i < SHEET_ALL_OPERATORS_MAX; i++)
		for (uint32_t s = 0; s < PARALLELISM; s++)
			mem_free(book.emitters[i][s].watermarks);
	memset(&book, 0, offsetof(__typeof__(book), text));
}

int book_breach(struct err *err)
{
	if (likely(book.breach.code == ERR_NONE))
		return 0;
	*err = book.breach;
	return -1;
}

void book_complain(const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (book.breach.code != ERR_NONE)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	err_set(&book.breach, ERR_BUG, "%s", text);
}

uint64_t book_moves(void)
{
	return book.moves;
}

uint64_t book_arrivals(void)
{
	return book.arrivals;
}

uint64_t book_batches(uint32_t vertex, uint32_t subtask)
{
	return book.batches[vertex][subtask];
}

/* ---- records follow from their stamp --------------------------------------------------------- */

static int64_t key_of_record(uint32_t emitter, uint32_t subtask, int64_t number)
{
	uint64_t mixed = sheet_mix(book.sheet->seed, emitter, subtask, (uint64_t)number);

	return (int64_t)(mixed % book.sheet->keys);
}

/* Feeders make runs of records that fit them. */
static uint32_t text_bytes_max(uint32_t emitter)
{
	uint32_t fits = book.sheet->segment_bytes - 64, max = book.sheet->text_bytes_max;

	return max > fits && book.sheet->vertices[emitter / SHEET_OPERATORS_MAX].is_fed ? fits
											: max;
}

/* The string's length, and its bytes: letters. */
static uint32_t text_of_record(uint32_t emitter, uint32_t subtask, int64_t number, char *into)
{
	uint64_t mixed = sheet_mix(~book.sheet->seed, emitter, subtask, (uint64_t)number);
	uint32_t max = text_bytes_max(emitter), length = (uint32_t)(mixed >> 40) % 25;
	uint64_t word = (mixed & UINT64_C(0x0f0f0f0f0f0f0f0f)) | UINT64_C(0x6060606060606060);

	if (mixed % 1000000 < book.sheet->large_ppm)
		length = (mixed >> 30) % 4 == 0 ? max
						: max - (uint32_t)(mixed >> 32) % (max / 2 + 1);
	if (length > max)
		length = max;
	for (uint32_t at = 0; at < length; at += 8) /* the buffers have room for one word more */
		memcpy(into + at, &word, 8);
	return length;
}

uint32_t book_partition(const void *record, uint32_t partitions)
{
	const struct book_plain *stamp = record;

	return (uint32_t)(((uint64_t)stamp->key * 7 + (uint64_t)stamp->number / 5) % partitions);
}

/* Flink's: which subtask a key belongs to. */
static uint32_t subtask_of_key(const struct flow *flow, uint64_t hash)
{
	uint64_t group = (hash >> 32) * flow->max_parallelism >> 32;

	return (uint32_t)(group * flow->consumers / flow->max_parallelism);
}

static uint8_t *byte_of(struct flow *flow, uint32_t producer, int64_t number)
{
	int64_t room = flow->bytes_room[producer];

	if (number >= room) {
		int64_t more = number < 64 ? 128 : 2 * number;

		flow->bytes[producer] = mem_realloc(flow->bytes[producer], (size_t)more);
		memset(flow->bytes[producer] + room, 0, (size_t)(more - room));
		flow->bytes_room[producer] = more;
	}
	return &flow->bytes[producer][number];
}

static uint32_t hashed(struct flow *flow, uint32_t producer, int64_t number)
{
	int64_t key = key_of_record(flow->from, producer, number);
	uint8_t *known = byte_of(flow, producer, number);
	uint32_t length;

	if (*known == 0 && flow->by_text) {
		length = text_of_record(flow->from, producer, number, book.expected);
		*known = (uint8_t)(subtask_of_key(flow, hash_key(book.expected, length)) + 1);
	} else if (*known == 0) {
		*known = (uint8_t)(subtask_of_key(flow, hash_key(&key, sizeof(key))) + 1);
	}
	return *known - 1u;
}

enum verdict { NO, YES, WHO_KNOWS };

/* Does this record go to this consumer? */
static enum verdict goes_to(struct flow *flow, uint32_t producer, uint32_t consumer,
			    int64_t number)
{
	uint32_t first = 0, last = 0;

	switch (flow->ship) {
	case FLINK__SHIP_STRATEGY__SHIP_FORWARD: return producer == consumer ? YES : NO;
	case FLINK__SHIP_STRATEGY__SHIP_GLOBAL: return consumer == 0 ? YES : NO;
	case FLINK__SHIP_STRATEGY__SHIP_BROADCAST: return YES;
	case FLINK__SHIP_STRATEGY__SHIP_HASH:
		return hashed(flow, producer, number) == consumer ? YES : NO;
	case FLINK__SHIP_STRATEGY__SHIP_CUSTOM: {
		struct book_plain stamp = { .number = number,
					    .key = key_of_record(flow->from, producer, number) };

		return book_partition(&stamp, flow->consumers) == consumer ? YES : NO;
	}
	case FLINK__SHIP_STRATEGY__SHIP_REBALANCE:
	case FLINK__SHIP_STRATEGY__SHIP_RESCALE: break;
	default: return WHO_KNOWS; /* SHUFFLE */
	}
	edge_consumers(flow->ship, producer, flow->producers, flow->consumers, &first, &last);
	if (consumer < first || consumer > last)
		return NO;
	/* In turn, whoever was the first. */
	int32_t phase = flow->phase[producer * PARALLELISM + consumer];
	int64_t turn = number % (last - first + 1);

	return phase < 0 ? WHO_KNOWS : turn == phase ? YES : NO;
}

/* ---- emitting -------------------------------------------------------------------------------- */

const void *book_emit(uint32_t vertex, uint32_t operator, uint32_t subtask)
{
	uint32_t index = SHEET_OPERATOR(vertex, operator);
	int64_t number = book.emitters[index][subtask].emitted++;
	struct book_text *record = &book.record;

	memset(record, 0, sizeof(*record));
	record->number = number;
	record->key = key_of_record(index, subtask, number);
	record->emitter = index;
	record->subtask = subtask;
	if (operator_at(index)->has_text) {
		uint32_t length = text_of_record(index, subtask, number, book.text);

		record->text = str_of(book.text, length);
	}
	book.moves++;
	return record;
}

void book_watermark_sent(uint32_t vertex, uint32_t operator, uint32_t subtask, event_t watermark)
{
	struct emitter *emitter = &book.emitters[SHEET_OPERATOR(vertex, operator)][subtask];

	book.moves++;
	if (emitter->watermarks_count == emitter->watermarks_room) {
		emitter->watermarks_room =
			emitter->watermarks_room ? 2 * emitter->watermarks_room : 4;
		emitter->watermarks = mem_realloc(
			emitter->watermarks,
			emitter->watermarks_room * sizeof(*emitter->watermarks));
	}
	emitter->watermarks[emitter->watermarks_count++] =
		(struct watermark_sent){ watermark, emitter->emitted };
}

void book_ended(uint32_t vertex, uint32_t operator, uint32_t subtask)
{
	struct emitter *emitter = &book.emitters[SHEET_OPERATOR(vertex, operator)][subtask];

	if (emitter->ended)
		book_complain("operator %u of %u/%u ends twice", operator, vertex, subtask);
	emitter->ended = true;
	book.moves++;
}

bool book_has_unfinished(uint32_t vertex, uint32_t subtask)
{
	for (uint32_t i = 0; i < book.flows_count; i++) {
		const struct flow *flow = &book.flows[i];
		bool in_chain = flow->to % SHEET_OPERATORS_MAX != 0;

		if (in_chain && flow->to / SHEET_OPERATORS_MAX == vertex &&
		    flow->next[subtask * PARALLELISM + subtask] <
			    book.emitters[flow->from][subtask].emitted)
			return true;
	}
	return false;
}

bool book_has_ended(uint32_t vertex, uint32_t operator, uint32_t subtask)
{
	return book.emitters[SHEET_OPERATOR(vertex, operator)][subtask].ended;
}

/* ---- arriving -------------------------------------------------------------------------------- */

/* Nothing of [next, until) was to go to the consumer; then next is until. */
static bool nothing_between(struct flow *flow, uint32_t producer, uint32_t consumer, int64_t until)
{
	int64_t *next = &flow->next[producer * PARALLELISM + consumer];

	for (; *next < until; ++*next)
		if (goes_to(flow, producer, consumer, *next) == YES)
			return false;
	return true;
}

static bool is_unharmed(const struct flow *flow, const struct book_plain *stamp,
			const struct record_type *type)
{
	const struct book_text *record = (const struct book_text *)stamp;

	if (stamp->key != key_of_record(flow->from, stamp->subtask, stamp->number))
		return false;
	if (type->fields_count != (flow->has_text ? ARRAY_COUNT(book_text_fields) :
						    ARRAY_COUNT(book_plain_fields)))
		return false;
	if (!flow->has_text)
		return true;
	uint32_t length = text_of_record(flow->from, stamp->subtask, stamp->number, book.expected);

	return record->text.len == length &&
	       memcmp(str_ptr(&record->text), book.expected, length) == 0;
}

/* By which flow a record came to this operator; NULL: nobody sends it such ones. */
static struct flow *flow_of(const struct book_plain *stamp, uint32_t vertex, uint32_t operator,
			    uint32_t input)
{
	uint8_t flow = 0;

	if (stamp->emitter >= SHEET_ALL_OPERATORS_MAX)
		return NULL;
	if (operator == 0)
		flow = book.of_edge[stamp->emitter][vertex][input];
	else if (stamp->emitter / SHEET_OPERATORS_MAX == vertex)
		flow = book.of_chain[stamp->emitter][operator];
	return flow == 0 ? NULL : &book.flows[flow - 1];
}

static void arrives_by(struct flow *flow, uint32_t consumer, const struct book_plain *stamp)
{
	uint32_t producer = stamp->subtask, at = producer * PARALLELISM + consumer;
	const struct emitter *emitter = &book.emitters[flow->from][producer];
	uint32_t first, last;

	edge_consumers(flow->ship, producer, flow->producers, flow->consumers, &first, &last);
	if (stamp->number < 0 || stamp->number >= emitter->emitted)
		book_complain("%u.%u got record %lld of %u.%u, which has emitted %lld", flow->to,
			      consumer, (long long)stamp->number, flow->from, producer,
			      (long long)emitter->emitted);
	else if (consumer < first || consumer > last)
		book_complain("%u.%u got a record of %u.%u, which ships to %u … %u", flow->to,
			      consumer, flow->from, producer, first, last);
	else if (stamp->number < flow->next[at])
		book_complain("%u.%u got record %lld of %u.%u again, or late: %lld was next",
			      flow->to, consumer, (long long)stamp->number, flow->from, producer,
			      (long long)flow->next[at]);
	else if (flow->ship == FLINK__SHIP_STRATEGY__SHIP_SHUFFLE &&
		 (*byte_of(flow, producer, stamp->number))++ > 0)
		book_complain("record %lld of %u.%u came twice, the second time to %u.%u",
			      (long long)stamp->number, flow->from, producer, flow->to, consumer);
	if (book.breach.code != ERR_NONE)
		return;
	if (flow->phase[at] < 0)
		flow->phase[at] = (int32_t)(stamp->number % (last - first + 1));
	if (goes_to(flow, producer, consumer, stamp->number) == NO)
		book_complain("%s: record %lld of %u.%u came to %u.%u", ship_name(flow->ship),
			      (long long)stamp->number, flow->from, producer, flow->to, consumer);
	else if (!nothing_between(flow, producer, consumer, stamp->number))
		book_complain("%s: record %lld of %u.%u did not come to %u.%u before %lld",
			      ship_name(flow->ship), (long long)flow->next[at], flow->from,
			      producer, flow->to, consumer, (long long)stamp->number);
	flow->next[at] = stamp->number + 1;
}

void book_batch_arrives(uint32_t vertex, uint32_t subtask)
{
	book.batches[vertex][subtask]++;
}

void book_arrives(uint32_t vertex, uint32_t operator, uint32_t subtask, uint32_t input,
		  const struct record_type *type, const void *record)
{
	const struct book_plain *stamp = record;
	struct flow *flow = flow_of(stamp, vertex, operator, input);

	book.moves++;
	book.arrivals++;
	if (flow == NULL || stamp->subtask >= flow->producers) {
		book_complain("%u.%u of subtask %u, input %u: a record of nobody (%u.%u)", vertex,
			      operator, subtask, input, stamp->emitter, stamp->subtask);
		return;
	}
	if (!is_unharmed(flow, stamp, type))
		book_complain("record %lld of %u.%u was changed on its way to %u.%u",
			      (long long)stamp->number, flow->from, stamp->subtask, flow->to,
			      subtask);
	arrives_by(flow, subtask, stamp);
}

/* ---- control elements ------------------------------------------------------------------------ */

static bool leads_to(const struct flow *flow, uint32_t target, uint32_t input)
{
	return flow->to == target && flow->input == input;
}

/* How much a producer had emitted when it first sent this watermark or a later one; -1: never. */
static int64_t emitted_before(const struct emitter *emitter, event_t watermark)
{
	for (uint32_t i = emitter->watermarks_count; i > 0; i--)
		if (emitter->watermarks[i - 1].watermark < watermark)
			return i < emitter->watermarks_count ? emitter->watermarks[i].emitted : -1;
	return emitter->watermarks_count > 0 ? emitter->watermarks[0].emitted : -1;
}

static void watermark_by(struct flow *flow, uint32_t consumer, event_t watermark)
{
	uint32_t first, last;

	edge_producers(flow->ship, consumer, flow->producers, flow->consumers, &first, &last);
	for (uint32_t p = first; p <= last; p++) {
		int64_t emitted = emitted_before(&book.emitters[flow->from][p], watermark);

		if (emitted < 0)
			book_complain("%u.%u has watermark %lld, which %u.%u never sent", flow->to,
				      consumer, (long long)watermark, flow->from, p);
		else if (!nothing_between(flow, p, consumer, emitted))
			book_complain("watermark %lld overtook record %lld of %u.%u to %u.%u",
				      (long long)watermark,
				      (long long)flow->next[p * PARALLELISM + consumer],
				      flow->from, p, flow->to, consumer);
	}
}

void book_watermark_arrives(uint32_t vertex, uint32_t operator, uint32_t subtask,
			    event_t watermark)
{
	uint32_t index = SHEET_OPERATOR(vertex, operator);
	struct emitter *emitter = &book.emitters[index][subtask];

	book.moves++;
	if (watermark <= emitter->watermark && emitter->watermark != EVENT_MIN)
		book_complain("%u.%u: watermark %lld after %lld", index, subtask,
			      (long long)watermark, (long long)emitter->watermark);
	emitter->watermark = watermark;
	for (uint32_t i = 0; i < book.flows_count; i++) {
		struct flow *flow = &book.flows[i];
		uint32_t from = flow->from / SHEET_OPERATORS_MAX;
		bool may_idle = book.may_idle[from] || book.sheet->vertices[from].sends_idle;

		/* Who is idle holds nobody back, and may be late. */
		if (flow->to == index && !(operator == 0 && may_idle))
			watermark_by(flow, subtask, watermark);
	}
}

static void end_by(struct flow *flow, uint32_t consumer)
{
	uint32_t first, last;

	edge_producers(flow->ship, consumer, flow->producers, flow->consumers, &first, &last);
	for (uint32_t p = first; p <= last; p++) {
		const struct emitter *emitter = &book.emitters[flow->from][p];

		if (!emitter->ended)
			book_complain("%u.%u: the input ended before %u.%u did", flow->to, consumer,
				      flow->from, p);
		else if (!nothing_between(flow, p, consumer, emitter->emitted))
			book_complain("%s: the input of %u.%u ended without record %lld of %u.%u",
				      ship_name(flow->ship), flow->to, consumer,
				      (long long)flow->next[p * PARALLELISM + consumer],
				      flow->from, p);
	}
}

void book_end_arrives(uint32_t vertex, uint32_t operator, uint32_t subtask, uint32_t input)
{
	uint32_t index = SHEET_OPERATOR(vertex, operator);
	struct emitter *emitter = &book.emitters[index][subtask];

	book.moves++;
	if (emitter->inputs_ended & 1u << input)
		book_complain("%u.%u: input %u ends twice", index, subtask, input);
	emitter->inputs_ended |= 1u << input;
	for (uint32_t i = 0; i < book.flows_count; i++)
		if (leads_to(&book.flows[i], index, input))
			end_by(&book.flows[i], subtask);
}

static void expect_all_seen(struct flow *flow)
{
	for (uint32_t p = 0; p < flow->producers; p++)
		for (int64_t n = 0; n < book.emitters[flow->from][p].emitted; n++)
			if (*byte_of(flow, p, n) != 1)
				book_complain("SHUFFLE: record %lld of %u.%u came to nobody",
					      (long long)n, flow->from, p);
}

/* In turn: consumers of one producer differ by one record at most. */
static void expect_even(struct flow *flow)
{
	uint32_t first, last;

	for (uint32_t p = 0; p < flow->producers; p++) {
		int64_t emitted = book.emitters[flow->from][p].emitted;
		uint32_t taken = 0, turns = 0;

		edge_consumers(flow->ship, p, flow->producers, flow->consumers, &first, &last);
		for (uint32_t c = first; c <= last; c++) {
			int32_t turn = flow->phase[p * PARALLELISM + c];

			taken += turn >= 0 && !(turns & 1u << turn);
			turns |= turn >= 0 ? 1u << turn : 0;
		}
		if (taken < (emitted < last - first + 1 ? emitted : last - first + 1))
			book_complain("%s: %lld records of %u.%u reached %u of %u subtasks",
				      ship_name(flow->ship), (long long)emitted, flow->from, p,
				      taken, last - first + 1);
	}
}

void book_expect_complete(void)
{
	for (uint32_t v = 0; v < book.sheet->vertices_count; v++)
		for (uint32_t o = 0; o < book.sheet->vertices[v].operators_count; o++)
			for (uint32_t s = 0; s < book.sheet->vertices[v].parallelism; s++)
				if (!book.emitters[SHEET_OPERATOR(v, o)][s].ended)
					book_complain("operator %u of %u/%u did not end", o, v, s);
	for (uint32_t i = 0; i < book.flows_count; i++) {
		struct flow *flow = &book.flows[i];

		if (flow->ship == FLINK__SHIP_STRATEGY__SHIP_SHUFFLE)
			expect_all_seen(flow);
		if (flow->ship == FLINK__SHIP_STRATEGY__SHIP_REBALANCE ||
		    flow->ship == FLINK__SHIP_STRATEGY__SHIP_RESCALE)
			expect_even(flow);
	}
}
