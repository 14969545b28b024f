/* SPDX-License-Identifier: Apache-2.0
 * actors.c - sources, relays and sinks. */
#include "tests/topologies/actors.h"

#include "job_graph.pb-c.h"

#include "common/base/mark.h"
#include "common/world/world.h"

static struct actors_stage *stage;

struct parameters { /* packed OperatorParameters: field = vertex << 8 | operator */
	uint8_t bytes[8];
	size_t size_bytes;
};

/* Who an operator is, and what it does. */
struct self {
	const void *batch_end; /* of the one under way, which may come in parts */
	const struct operator_context *context;
	const struct sheet_vertex *vertex;
	const struct sheet_operator *me;
	uint32_t v, o, subtask;
};

struct bytes actors_parameters(uint32_t vertex, uint32_t operator)
{
	static struct parameters all[SHEET_VERTICES_MAX][SHEET_OPERATORS_MAX];
	struct parameters *parameters = &all[vertex][operator];
	Flink__OperatorParameters message = FLINK__OPERATOR_PARAMETERS__INIT;

	message.field = (int32_t)(vertex << 8 | operator);
	parameters->size_bytes = flink__operator_parameters__pack(&message, parameters->bytes);
	return bytes_of(parameters->bytes, parameters->size_bytes);
}

static struct self self_of(const struct operator_context *context)
{
	Flink__OperatorParameters *message = flink__operator_parameters__unpack(
		NULL, context->parameters.size_bytes, context->parameters.data);
	uint32_t field = (uint32_t)message->field;
	struct self self = { .context = context,
			     .v = field >> 8,
			     .o = field & 0xff,
			     .subtask = context->subtask };

	flink__operator_parameters__free_unpacked(message, NULL);
	self.vertex = &stage->sheet->vertices[self.v];
	self.me = &self.vertex->operators[self.o];
	return self;
}

static uint32_t dice(const struct self *self, uint32_t bound)
{
	return bound <= 1 ? 0 : (uint32_t)(world_random(self->context->world) % bound);
}

static void count_batch(struct self *self, const struct batch *batch)
{
	const void *end = batch->offsets != NULL ?
				  (const void *)(batch->offsets + batch->count) :
				  batch->base + (size_t)batch->count * batch->stride_bytes;

	if (self->o == 0 && end != self->batch_end)
		book_batch_arrives(self->v, self->subtask);
	self->batch_end = end;
}

static bool fails_now(const struct self *self)
{
	if (stage->fails != SHEET_OPERATOR(self->v, self->o) ||
	    stage->fails_subtask != self->subtask)
		return false;
	stage->fails = UINT32_MAX;
	return true;
}

static int failed(const struct self *self, struct err *err)
{
	return err_set(err, ERR_USER_FUNCTION_FAILED, "operator %u of vertex %u was told to fail",
		       self->o, self->v);
}

/* ---- source ---------------------------------------------------------------------------------- */

#define POLL_RECORDS_MAX 300

struct source {
	struct self self;
	uint32_t left;
	mono_t pause_until;
	bool ended;
};

static int source_open(void **result, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct source *source = MEM_NEW(struct source);

	*result = source;
	source->self = self_of(context);
	source->left = source->self.vertex->records;
	return 0;
}

static enum poll source_end(struct source *source)
{
	const struct self *self = &source->self;

	if (!source->ended) { /* event time is over with it: the task sends that watermark */
		source->ended = true;
		book_watermark_sent(self->v, self->o, self->subtask, EVENT_MAX);
		book_ended(self->v, self->o, self->subtask);
	}
	return POLL_END;
}

static enum poll source_poll(void *context, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct source *source = context;
	const struct self *self = &source->self;
	uint32_t pause_ms_max = self->vertex->pause_ms_max;
	uint32_t count = 1 + dice(self, POLL_RECORDS_MAX);

	if (now < source->pause_until) {
		*wake_at = source->pause_until;
		return POLL_WAIT;
	}
	if (fails_now(self))
		return failed(self, err), POLL_ERROR;
	for (; count > 0 && source->left > 0 && !outbox_full(out); count--, source->left--)
		outbox_emit(out, out->run->type, book_emit(self->v, self->o, self->subtask));
	if (source->left == 0)
		return source_end(source);
	if (pause_ms_max > 0 && dice(self, 3) == 0)
		source->pause_until = now + NS_PER_US * dice(self, pause_ms_max * 1000);
	return POLL_MORE;
}

static void forget(void **self)
{
	mem_free(*self);
	*self = NULL;
}

static const struct source_vtable source_vtable = {
	.name = ACTORS_SOURCE,
	.reader_open = source_open,
	.reader_poll = source_poll,
	.reader_close = forget,
};

/* ---- relay ----------------------------------------------------------------------------------- */

struct relay {
	struct self self;
	uint64_t owes; /* records to emit, before anything else or when the timer says so */
	wall_t due;    /* of what it owes */
	event_t watermark;
	bool told;     /* of the call under way: the book knows of it */
	uint32_t inputs_left;
};

static int relay_open(void **result, const struct operator_context *context, struct err *err)
{
	struct relay *relay = MEM_NEW(struct relay);

	*result = relay;
	relay->self = self_of(context);
	relay->inputs_left = context->input_types[1] != NULL ? 2 : 1;
	relay->due = INT64_MAX;
	return 0;
}

/* 1: it owes nothing any more; 0: the outbox is full. */
static int pay(struct relay *relay, struct outbox *out)
{
	const struct self *self = &relay->self;

	for (; relay->owes > 0; relay->owes--) {
		if (outbox_full(out))
			return 0;
		outbox_emit(out, out->run->type, book_emit(self->v, self->o, self->subtask));
	}
	return 1;
}

static uint32_t count_of(const struct sheet_operator *me, const struct book_plain *stamp)
{
	uint64_t mixed = sheet_mix(stamp->emitter, stamp->subtask, (uint64_t)stamp->number, 99);
	uint64_t per_1000 = (uint64_t)me->per_1000 * me->burst;

	if (me->burst > 1 && (mixed >> 50) % me->burst != 0)
		return 0;
	return (uint32_t)(per_1000 / 1000 + (mixed % 1000 < per_1000 % 1000));
}

static int relay_process(void *context, uint32_t input, const struct batch *batch, uint32_t *taken,
			 struct outbox *out, struct err *err)
{
	struct relay *relay = context;
	const struct self *self = &relay->self;

	count_batch(&relay->self, batch);
	if (fails_now(self))
		return failed(self, err);
	for (; *taken < batch->count; ++*taken) {
		if (outbox_full(out))
			return 0;
		const void *record = batch_at(batch, *taken);

		/* All that one record makes is emitted in one call, however full the outbox is. */
		uint32_t count = count_of(self->me, record);

		book_arrives(self->v, self->o, self->subtask, input, batch->type, record);
		if (self->me->timer_ms > 0) {
			relay->owes += count;
			continue;
		}
		while (count-- > 0)
			outbox_emit(out, out->run->type,
				    book_emit(self->v, self->o, self->subtask));
	}
	return 1;
}

static int relay_watermark(void *context, event_t watermark, struct outbox *out, struct err *err)
{
	struct relay *relay = context;
	const struct self *self = &relay->self;

	if (!relay->told) {
		book_watermark_arrives(self->v, self->o, self->subtask, watermark);
		relay->owes += self->me->on_watermark;
		relay->told = true;
	}
	if (pay(relay, out) == 0)
		return 0;
	relay->told = false;
	relay->watermark = watermark;
	book_watermark_sent(self->v, self->o, self->subtask, watermark);
	return 1;
}

static int relay_end(void *context, uint32_t input, struct outbox *out, struct err *err)
{
	struct relay *relay = context;
	const struct self *self = &relay->self;

	if (!relay->told) {
		book_end_arrives(self->v, self->o, self->subtask, input);
		relay->told = true;
		if (--relay->inputs_left == 0)
			relay->owes += self->me->at_end;
	}
	if (relay->inputs_left == 0 && pay(relay, out) == 0)
		return 0;
	relay->told = false;
	if (relay->inputs_left > 0)
		return 1;
	if (relay->watermark != EVENT_MAX)
		book_complain("%u.%u/%u: all inputs ended, and event time did not", self->v, self->o,
			      self->subtask);
	book_ended(self->v, self->o, self->subtask);
	return 1;
}

static int relay_time(void *context, wall_t now, wall_t *next, struct outbox *out, struct err *err)
{
	struct relay *relay = context;
	int answer = 1;

	if (relay->owes > 0 && relay->due == INT64_MAX)
		relay->due = now + relay->self.me->timer_ms;
	if (now >= relay->due) {
		SOMETIMES("a relay emits because of a timer");
		answer = pay(relay, out);
		if (relay->owes == 0)
			relay->due = INT64_MAX;
	}
	if (relay->due < *next)
		*next = relay->due;
	return answer;
}

#define RELAY(text, timer) \
	{ .name = text, .open = relay_open, .process = relay_process, .watermark = relay_watermark, \
	  .end_of_input = relay_end, .processing_time = timer, .close = forget }

static const struct operator_vtable relay_vtable = RELAY(ACTORS_RELAY, NULL);
static const struct operator_vtable relay_late_vtable = RELAY(ACTORS_RELAY_LATE, relay_time);

/* ---- sink ------------------------------------------------------------------------------------ */

struct sink {
	struct self self;
	struct actors_alarm alarm;
	mono_t stalled_until; /* on the simulation's clock */
	bool flush_asked, told;
};

static int sink_open(void **result, const struct operator_context *context,
		     struct state_reader *from, struct err *err)
{
	struct sink *sink = MEM_NEW(struct sink);

	*result = sink;
	sink->self = self_of(context);
	sink->alarm.agent = context->agent;
	return 0;
}

static void stall(struct sink *sink, mono_t until)
{
	stage->stalls++;
	sink->stalled_until = until;
	stage->ring(&sink->alarm, until);
}

static bool is_stalled(struct sink *sink)
{
	mono_t now = sim_now(stage->sim), shut_until;

	shut_until = mono_after_ms(stage->begun_at, stage->sheet->shut_ms);
	if (now < shut_until && sink->stalled_until < shut_until)
		stall(sink, shut_until);
	return now < sink->stalled_until;
}

static int sink_write(void *context, const struct batch *batch, uint32_t *taken, struct err *err)
{
	struct sink *sink = context;
	const struct self *self = &sink->self;
	uint32_t count = batch->count;

	if (is_stalled(sink))
		return 0;
	count_batch(&sink->self, batch);
	if (fails_now(self))
		return failed(self, err);
	bool stalls = dice(self, 1000000) < self->me->stall_ppm;

	if (stalls)
		count = dice(self, count + 1);
	for (; *taken < count; ++*taken)
		book_arrives(self->v, self->o, self->subtask, 0, batch->type,
			     batch_at(batch, *taken));
	if (stalls)
		stall(sink, sim_now(stage->sim) +
				    NS_PER_US * dice(self, stage->sheet->sink_stall_ms_max * 1000));
	return *taken == batch->count;
}

static int sink_flush(void *context, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	struct sink *sink = context;
	const struct self *self = &sink->self;

	if (end_of_input && !sink->told) {
		book_end_arrives(self->v, self->o, self->subtask, 0);
		book_ended(self->v, self->o, self->subtask);
		sink->told = true;
	}
	if (self->me->flushes_later && !sink->flush_asked) {
		sink->flush_asked = true;
		stall(sink, sim_now(stage->sim) + NS_PER_US * dice(self, 3000));
		return 0;
	}
	if (sim_now(stage->sim) < sink->stalled_until)
		return 0;
	sink->flush_asked = false;
	return 1;
}

static void sink_close(void **self)
{
	struct sink *sink = *self;

	if (sink != NULL)
		list_remove(&sink->alarm.node);
	mem_free(sink);
	*self = NULL;
}

static const struct sink_vtable sink_vtable = {
	.name = ACTORS_SINK,
	.writer_open = sink_open,
	.write = sink_write,
	.flush = sink_flush,
	.writer_close = sink_close,
};

/* ---- life ------------------------------------------------------------------------------------ */

void actors_register(void)
{
	registry_add_source(&source_vtable);
	registry_add_operator(&relay_vtable);
	registry_add_operator(&relay_late_vtable);
	registry_add_sink(&sink_vtable);
}

void actors_begin(struct actors_stage *new_stage)
{
	stage = new_stage;
}
