/* SPDX-License-Identifier: Apache-2.0
 * connector_kit.c - see connector_kit.h. */
#include "tests/lib/connector_kit.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "job_graph.pb-c.h"

#include "common/base/check.h"
#include "common/record/batch.h"

#define SEGMENT_BYTES (32 * 1024)
#define RECORD_BYTES_MAX (64 * 1024 * 1024)
#define WAIT_S 20
#define SIM_WAIT_MS 600000

struct kit_reader {
	struct operator_context context;
	void *self;
	bool ended;
	struct outbox out;
	struct run_builder run;
	void *segment;
	struct buf lines;
	struct kit *kit;
	struct counter outside_bytes;
};

struct kit {
	struct agent agent;
	struct kit_options options;
	struct runner *runner;
	struct job_context job;
	struct split_assigner assigner;
	void *enumerator;
	struct kit_reader *readers; /* a sink is readers[0] */
	uint32_t readers_count, splits, refusals;
	bool opened, closing;
	struct buf statuses;
	char status[512];
	struct err err;
	/* the sink's input, as one run */
	void *input;
	uint32_t written, times_done;
	bool flushing;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ended, closed;
};

/* ---- the outbox ----------------------------------------------------------------------------- */

static void drain(struct kit_reader *reader)
{
	uint32_t size_bytes = run_end(&reader->run);
	struct batch batch;

	if (size_bytes > 0) {
		run_view(reader->run.type, reader->segment, &batch);
		for (uint32_t i = 0; i < batch.count; i++) {
			record_print(batch.type, batch_at(&batch, i), &reader->lines);
			buf_add_text(&reader->lines, "\n");
		}
	}
	run_begin(&reader->run, reader->segment, reader->run.capacity_bytes_max);
}

static void *reserve_slow(struct outbox *out, uint32_t size_bytes)
{
	struct kit_reader *reader = CONTAINER_OF(out, struct kit_reader, out);

	drain(reader);
	out->full = true;
	void *record = run_reserve(&reader->run, size_bytes);

	if (record != NULL)
		return record;
	/* One record that is larger than the segment: the segment grows, as overdraft does. */
	uint32_t capacity = size_bytes + 64;

	run_builder_fini(&reader->run);
	mem_free(reader->segment);
	reader->segment = mem_alloc(capacity);
	run_builder_init(&reader->run, reader->context.output_type, capacity, false);
	run_begin(&reader->run, reader->segment, capacity);
	return run_reserve(&reader->run, size_bytes);
}

/* ---- sources -------------------------------------------------------------------------------- */

static void end(struct kit *kit)
{
	pthread_mutex_lock(&kit->lock);
	kit->ended = true;
	pthread_cond_broadcast(&kit->changed);
	pthread_mutex_unlock(&kit->lock);
}

static void assign(struct split_assigner *to, uint32_t subtask, const struct split *split)
{
	struct kit *kit = CONTAINER_OF(to, struct kit, assigner);
	struct kit_reader *reader = &kit->readers[subtask];

	kit->splits++;
	if (kit->err.code == ERR_NONE)
		(void)!kit->options.source->reader_add(reader->self, split, 1, &kit->err);
}

static void no_more_splits(struct split_assigner *to, uint32_t subtask)
{
	struct kit *kit = CONTAINER_OF(to, struct kit, assigner);
	struct kit_reader *reader = &kit->readers[subtask];

	if (kit->err.code == ERR_NONE)
		(void)!kit->options.source->reader_no_more_splits(reader->self, &kit->err);
}

static void note_status(struct kit *kit, const struct kit_reader *reader)
{
	char text[sizeof(kit->status)] = "";

	if (kit->options.source->reader_status != NULL)
		kit->options.source->reader_status(reader->self, text, sizeof(text));
	if (strcmp(text, kit->status) == 0)
		return;
	memcpy(kit->status, text, sizeof(text));
	buf_printf(&kit->statuses, "%s\n", text);
}

static int open_source(struct kit *kit)
{
	const struct source_vtable *source = kit->options.source;

	if (source->enumerator_open(&kit->enumerator, &kit->job, NULL, &kit->err) < 0)
		return -1;
	for (uint32_t i = 0; i < kit->readers_count; i++) {
		struct kit_reader *reader = &kit->readers[i];

		if (source->reader_open(&reader->self, &reader->context, NULL, &kit->err) < 0 ||
		    source->enumerator_reader(kit->enumerator, i, NULL, 0, &kit->err) < 0)
			return -1;
	}
	return 0;
}

static bool poll_reader(struct kit *kit, struct kit_reader *reader, mono_t now, mono_t *wake_at)
{
	reader->out.full = false;
	enum poll answer = kit->options.source->reader_poll(reader->self, now, &reader->out,
							    wake_at, &kit->err);

	drain(reader);
	note_status(kit, reader);
	CHECK((answer == POLL_ERROR) == (kit->err.code != ERR_NONE), "poll %d with error \"%s\"",
	      answer, kit->err.text);
	reader->ended = answer == POLL_END || answer == POLL_ERROR;
	return answer == POLL_MORE;
}

static enum step step_source(struct kit *kit, mono_t now, mono_t *wake_at)
{
	bool more = false, all_ended = true;

	if (!kit->opened && open_source(kit) == 0)
		kit->opened = true;
	if (kit->err.code == ERR_NONE) {
		int stepped = kit->options.source->enumerator_step(
			kit->enumerator, now, &kit->assigner, wake_at, &kit->err);
		more = stepped == 0;
	}
	for (uint32_t i = 0; i < kit->readers_count && kit->err.code == ERR_NONE; i++) {
		struct kit_reader *reader = &kit->readers[i];

		if (!reader->ended)
			more |= poll_reader(kit, reader, now, wake_at);
		all_ended = all_ended && reader->ended;
	}
	if (kit->err.code != ERR_NONE || all_ended) {
		end(kit);
		return STEP_IDLE;
	}
	return more ? STEP_WORKED : STEP_IDLE;
}

/* ---- sinks ---------------------------------------------------------------------------------- */

static void print(const struct operator_context *context, const char *line, size_t size_bytes)
{
	struct kit_reader *reader = context->owner;

	buf_add(&reader->lines, line, size_bytes);
}

/* The records as one run in memory. */
static void make_input(struct kit *kit)
{
	const struct record_type *type = kit->options.type;
	uint64_t capacity = 64;
	struct run_builder run;

	for (uint32_t i = 0; i < kit->options.count; i++)
		capacity += record_size(type, (const char *)kit->options.records +
						      (size_t)i * type->size_bytes) + 16;
	kit->input = mem_alloc(capacity);
	run_builder_init(&run, type, (uint32_t)capacity, false);
	run_begin(&run, kit->input, (uint32_t)capacity);
	for (uint32_t i = 0; i < kit->options.count; i++) {
		const char *record =
			(const char *)kit->options.records + (size_t)i * type->size_bytes;
		void *into = run_reserve(&run, record_size(type, record));

		CHECK(into != NULL, "record %u does not fit", i);
		record_copy(type, record, into);
	}
	run_end(&run);
	run_builder_fini(&run);
}

/* 1 written, 0 not now, -1 error. */
static int write_next(struct kit *kit)
{
	struct batch all, batch;
	uint32_t taken = 0;

	run_view(kit->options.type, kit->input, &all);
	batch = batch_rest(&all, kit->written);
	if (kit->options.batch_count > 0 && batch.count > kit->options.batch_count)
		batch.count = kit->options.batch_count;
	int answer = kit->options.sink->write(kit->readers[0].self, &batch, &taken, &kit->err);

	kit->written += taken;
	CHECK(answer != 1 || taken == batch.count, "%u of %u taken", taken, batch.count);
	kit->refusals += answer == 0;
	if (kit->written == kit->options.count) {
		kit->written = 0;
		kit->times_done++;
	}
	return answer;
}

static enum step step_sink(struct kit *kit)
{
	const struct sink_vtable *sink = kit->options.sink;
	struct kit_reader *writer = &kit->readers[0];
	uint32_t times = kit->options.times > 0 ? kit->options.times : 1;

	if (!kit->opened) {
		kit->opened = true;
		if (sink->writer_open(&writer->self, &writer->context, NULL, &kit->err) == 0 &&
		    kit->options.count > 0)
			make_input(kit);
	}
	if (kit->err.code == ERR_NONE && kit->options.count > 0 && kit->times_done < times) {
		int answer = write_next(kit);

		if (answer >= 0)
			return answer == 0 ? STEP_BLOCKED : STEP_WORKED;
	}
	int flushed =
		kit->err.code == ERR_NONE ? sink->flush(writer->self, 0, true, &kit->err) : -1;

	if (flushed != 0)
		end(kit);
	return STEP_IDLE;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void close_all(struct kit *kit)
{
	for (uint32_t i = 0; i < kit->readers_count; i++) {
		if (kit->options.source != NULL)
			kit->options.source->reader_close(&kit->readers[i].self);
		else
			kit->options.sink->writer_close(&kit->readers[i].self);
	}
	if (kit->options.source != NULL)
		kit->options.source->enumerator_close(&kit->enumerator);
	pthread_mutex_lock(&kit->lock);
	kit->closed = true;
	pthread_cond_broadcast(&kit->changed);
	pthread_mutex_unlock(&kit->lock);
}

static enum step step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct kit *kit = CONTAINER_OF(agent, struct kit, agent);

	pthread_mutex_lock(&kit->lock);
	bool closing = kit->closing, ended = kit->ended, closed = kit->closed;

	pthread_mutex_unlock(&kit->lock);
	if (closing && !closed)
		close_all(kit);
	if (closing || ended)
		return STEP_IDLE;
	return kit->options.source != NULL ? step_source(kit, now, wake_at) : step_sink(kit);
}

static void init_reader(struct kit *kit, uint32_t i)
{
	const struct kit_options *options = &kit->options;
	struct kit_reader *reader = &kit->readers[i];
	uint32_t segment_bytes =
		options->segment_bytes > 0 ? options->segment_bytes : SEGMENT_BYTES;
	bool is_source = options->source != NULL;

	reader->kit = kit;
	reader->context = (struct operator_context){
		.job_name = "Kit",
		.operator_name = "Operator",
		.subtask = is_source ? i : options->subtask,
		.parallelism = kit->job.parallelism,
		.key_groups = 128,
		.attempt = options->attempt,
		.parameters = options->parameters,
		.record_bytes_max = options->record_bytes_max > 0 ? options->record_bytes_max
								  : RECORD_BYTES_MAX,
		.world = options->world,
		.loop = runner_loop(kit->runner),
		.agent = &kit->agent,
		.print = print,
		.owner = reader,
		.outside_bytes = &reader->outside_bytes,
	};
	buf_init(&reader->lines);
	if (!is_source) {
		reader->context.input_types[0] = options->type;
		return;
	}
	reader->context.output_type = options->type;
	reader->segment = mem_alloc(segment_bytes);
	run_builder_init(&reader->run, options->type, segment_bytes, false);
	run_begin(&reader->run, reader->segment, segment_bytes);
	reader->out = (struct outbox){ .run = &reader->run, .reserve_slow = reserve_slow,
				       .timestamp_ms = EVENT_MIN };
}

struct kit *kit_start(const struct kit_options *options)
{
	struct kit *kit = MEM_NEW(struct kit);
	struct err err = ERR_INIT;

	kit->options = *options;
	kit->runner = runner_create(options->world, "kit", &err);
	CHECK(kit->runner != NULL, "%s", err.text);
	pthread_mutex_init(&kit->lock, NULL);
	pthread_cond_init(&kit->changed, NULL);
	buf_init(&kit->statuses);
	kit->job = (struct job_context){
		.job_name = "Kit", .operator_name = "Operator",
		.parallelism = options->parallelism > 0 ? options->parallelism : 1,
		.parameters = options->parameters, .world = options->world,
		.loop = runner_loop(kit->runner), .agent = &kit->agent,
	};
	kit->assigner = (struct split_assigner){ assign, no_more_splits };
	kit->readers_count = options->source != NULL ? kit->job.parallelism : 1;
	kit->readers = MEM_NEW_ARRAY(struct kit_reader, kit->readers_count);
	for (uint32_t i = 0; i < kit->readers_count; i++)
		init_reader(kit, i);
	agent_init(&kit->agent, "kit", step);
	runner_add(kit->runner, &kit->agent);
	return kit;
}

static bool flag_is_set(struct kit *kit, const bool *flag)
{
	pthread_mutex_lock(&kit->lock);
	bool set = *flag;

	pthread_mutex_unlock(&kit->lock);
	return set;
}

bool kit_ended(void *context)
{
	struct kit *kit = context;

	return flag_is_set(kit, &kit->ended);
}

static bool kit_is_closed(void *context)
{
	struct kit *kit = context;

	return flag_is_set(kit, &kit->closed);
}

static void wait_for(struct kit *kit, const bool *flag)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&kit->lock);
	while (!*flag) {
		int failed = pthread_cond_timedwait(&kit->changed, &kit->lock, &until);

		CHECK(failed == 0, "not done after %d s; status \"%s\"", WAIT_S, kit->status);
	}
	pthread_mutex_unlock(&kit->lock);
}

void kit_wait(struct kit *kit)
{
	if (kit->options.sim == NULL)
		wait_for(kit, &kit->ended);
	else
		CHECK(sim_run(kit->options.sim, SIM_WAIT_MS, kit_ended, kit, NULL),
		      "not done in simulated time; status \"%s\"", kit->status);
}

static bool never(void *context)
{
	return false;
}

static void wait_for_close(struct kit *kit)
{
	if (kit->options.sim == NULL) {
		wait_for(kit, &kit->closed);
		return;
	}
	if (sim_node_dead(kit->options.world)) {
		close_all(kit);
		return;
	}
	CHECK(sim_run(kit->options.sim, SIM_WAIT_MS, kit_is_closed, kit, NULL),
	      "the kit does not close");
	sim_run(kit->options.sim, MS_PER_S, never, NULL, NULL); /* operations that were under way */
}

void kit_destroy(struct kit **kit_at)
{
	struct kit *kit = *kit_at;

	pthread_mutex_lock(&kit->lock);
	kit->closing = true;
	pthread_mutex_unlock(&kit->lock);
	agent_wake(&kit->agent);
	wait_for_close(kit);
	runner_destroy(&kit->runner);
	for (uint32_t i = 0; i < kit->readers_count; i++) {
		if (kit->readers[i].segment != NULL)
			run_builder_fini(&kit->readers[i].run);
		mem_free(kit->readers[i].segment);
		buf_fini(&kit->readers[i].lines);
	}
	mem_free(kit->readers);
	mem_free(kit->input);
	buf_fini(&kit->statuses);
	pthread_mutex_destroy(&kit->lock);
	pthread_cond_destroy(&kit->changed);
	mem_free(kit);
	*kit_at = NULL;
}

const struct err *kit_error(const struct kit *kit)
{
	return &kit->err;
}

const char *kit_lines(const struct kit *kit, uint32_t subtask)
{
	return kit->readers[subtask].lines.data;
}

const char *kit_statuses(const struct kit *kit)
{
	return kit->statuses.data;
}

uint64_t kit_outside_bytes(const struct kit *kit)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < kit->readers_count; i++)
		sum += counter_get(&kit->readers[i].outside_bytes);
	return sum;
}

uint32_t kit_splits(const struct kit *kit)
{
	return kit->splits;
}

uint32_t kit_refusals(const struct kit *kit)
{
	return kit->refusals;
}

struct bytes kit_parameters(const char *key, ...)
{
	Flink__OperatorParameters message = FLINK__OPERATOR_PARAMETERS__INIT;
	Flink__KeyValue options[16], *list[16];
	va_list arguments;

	va_start(arguments, key);
	for (; key != NULL; key = va_arg(arguments, const char *)) {
		Flink__KeyValue *option = &options[message.n_options];

		CHECK(message.n_options < ARRAY_COUNT(options), "more than %zu options",
		      ARRAY_COUNT(options));
		flink__key_value__init(option);
		option->key = (char *)(uintptr_t)key;
		option->value = va_arg(arguments, char *);
		list[message.n_options++] = option;
	}
	va_end(arguments);
	message.options = list;
	size_t size_bytes = flink__operator_parameters__get_packed_size(&message);
	uint8_t *packed = mem_alloc(size_bytes);

	flink__operator_parameters__pack(&message, packed);
	return bytes_of(packed, size_bytes);
}
