/* SPDX-License-Identifier: Apache-2.0
 * ledger_io.c - "sim-source", which makes the records of the ledger at a rate, and "sim-ledger", a
 * sink that writes them down, and rests now and then as a slow outside system does. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "common/world/world.h"
#include "tests/sim/ledger.h"
#include "tests/sim/presence.h"

#define BATCH_MAX 64

/* ---- the enumerator: split i is the share of subtask i --------------------------------------- */

struct enumerator {
	struct job_context context;
	bool *waiting; /* per subtask: a reader is there and has no splits yet */
};

static int enumerator_open(void **self, const struct job_context *context,
			   struct state_reader *from, struct err *err)
{
	struct enumerator *enumerator = MEM_NEW(struct enumerator);

	enumerator->context = *context;
	enumerator->waiting = MEM_NEW_ARRAY(bool, context->parallelism);
	*self = enumerator;
	return 0;
}

static int enumerator_reader(void *self, uint32_t subtask, const struct split *owned,
			     uint32_t count, struct err *err)
{
	struct enumerator *enumerator = self;

	if (subtask >= enumerator->context.parallelism)
		return err_set(err, ERR_BUG, "reader %u of %u", subtask,
			       enumerator->context.parallelism);
	enumerator->waiting[subtask] = count == 0;
	return 0;
}

static int enumerator_step(void *self, mono_t now, struct split_assigner *to, mono_t *wake_at,
			   struct err *err)
{
	struct enumerator *enumerator = self;

	for (uint32_t i = 0; i < enumerator->context.parallelism; i++) {
		if (!enumerator->waiting[i])
			continue;
		struct split split = { i, bytes_of(&i, sizeof(i)) };

		enumerator->waiting[i] = false;
		to->assign(to, i, &split);
		to->no_more_splits(to, i);
	}
	return 1;
}

static void enumerator_close(void **self)
{
	struct enumerator *enumerator = *self;

	if (enumerator == NULL)
		return;
	mem_free(enumerator->waiting);
	mem_free(enumerator);
	*self = NULL;
}

/* ---- the reader ------------------------------------------------------------------------------ */

struct reader {
	struct operator_context context;
	struct presence presence;
	const struct plan_job *job;
	uint32_t source; /* of job->sources */
	bool has_split, no_more;
	uint64_t next; /* record number */
	mono_t begun_at;
	uint32_t emitted;
};

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct reader *reader = MEM_NEW(struct reader);
	uint32_t parameters[2]; /* the ledger's number, the source's */

	*self = reader;
	reader->context = *context;
	if (context->parameters.size_bytes != sizeof(parameters))
		return err_set(err, ERR_PLAN_INVALID, "sim-source has %zu bytes of parameters",
			       context->parameters.size_bytes);
	memcpy(parameters, context->parameters.data, sizeof(parameters));
	reader->job = ledger_plan(ledger_by_number(parameters[0]));
	reader->source = parameters[1];
	reader->begun_at = MONO_NEVER;
	presence_begin(&reader->presence, ledger_by_number(parameters[0]), context);
	return 0;
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	struct reader *reader = self;
	uint32_t subtask;

	if (count != 1 || splits[0].body.size_bytes != sizeof(subtask) || reader->has_split)
		return err_set(err, ERR_BUG, "sim-source got %u splits", count);
	memcpy(&subtask, splits[0].body.data, sizeof(subtask));
	if (subtask != reader->context.subtask)
		return err_set(err, ERR_BUG, "subtask %u got the split of %u",
			       reader->context.subtask, subtask);
	reader->next = reader->source + (uint64_t)reader->job->sources * subtask;
	reader->has_split = true;
	return 0;
}

static int reader_no_more_splits(void *self, struct err *err)
{
	((struct reader *)self)->no_more = true;
	return 0;
}

static void emit(struct reader *reader, struct outbox *out)
{
	const struct operator_context *context = &reader->context;
	struct ledger_entry entry = {
		.value = 1,
		.number = (int64_t)reader->next,
		.attempt = (int32_t)context->attempt,
		.origin = (int32_t)(reader->source * PLAN_PARALLELISM_MAX + context->subtask),
	};
	char key[LEDGER_KEY_SIZE];

	entry.key = str_of(
		key, ledger_key(reader->job, (uint32_t)(reader->next % reader->job->keys), key));
	outbox_emit(out, context->output_type, &entry);
	reader->next += (uint64_t)reader->job->sources * context->parallelism;
	reader->emitted++;
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct reader *reader = self;
	const struct plan_job *job = reader->job;

	if (!reader->has_split)
		return reader->no_more ? POLL_END : POLL_WAIT;
	if (reader->begun_at == MONO_NEVER)
		reader->begun_at = now;
	/* Each subtask has its share of the rate; its own records are due one by one. */
	double pace_ns = (double)NS_PER_S * job->sources * reader->context.parallelism /
			 job->rate_per_s;

	for (uint32_t i = 0; i < BATCH_MAX && !outbox_full(out); i++) {
		mono_t due = reader->begun_at + (mono_t)(reader->emitted * pace_ns);

		if (reader->next >= job->records)
			return POLL_END;
		if (due > now) {
			*wake_at = mono_min(*wake_at, due);
			return POLL_WAIT;
		}
		emit(reader, out);
	}
	if (outbox_full(out))
		SOMETIMES("a source is held back");
	return POLL_MORE;
}

static void reader_close(void **self)
{
	struct reader *reader = *self;

	if (reader == NULL)
		return;
	presence_end(&reader->presence);
	mem_free(reader);
	*self = NULL;
}

static const struct source_vtable source = {
	.name = "sim-source",
	.enumerator_open = enumerator_open,
	.enumerator_step = enumerator_step,
	.enumerator_reader = enumerator_reader,
	.enumerator_close = enumerator_close,
	.reader_open = reader_open,
	.reader_add = reader_add,
	.reader_no_more_splits = reader_no_more_splits,
	.reader_poll = reader_poll,
	.reader_close = reader_close,
};

/* ---- the sink -------------------------------------------------------------------------------- */

struct writer {
	struct agent rest; /* first; wakes the task when the rest is over */
	struct operator_context context;
	struct presence presence;
	struct ledger *ledger;
	uint32_t until_rest;
	mono_t rests_until;
	bool flush_later;
};

static enum step rest_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct writer *writer = (struct writer *)agent;

	if (now < writer->rests_until)
		*wake_at = writer->rests_until;
	else
		agent_wake(writer->context.agent);
	return STEP_IDLE;
}

static int writer_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct writer *writer = MEM_NEW(struct writer);

	*self = writer;
	writer->context = *context;
	writer->ledger = ledger_find(&context->job_id);
	if (writer->ledger == NULL)
		return err_set(err, ERR_BUG, "nobody submitted this job");
	writer->until_rest = ledger_plan(writer->ledger)->sink_rest_every;
	agent_init(&writer->rest, "sink's rest", rest_step);
	runner_add(loop_runner(context->loop), &writer->rest);
	ledger_writer_opens(writer->ledger, context->attempt, context->subtask);
	presence_begin(&writer->presence, writer->ledger, context);
	return 0;
}

static bool is_resting(const struct writer *writer)
{
	return loop_now(writer->context.loop) < writer->rests_until;
}

static void begin_rest(struct writer *writer)
{
	const struct plan_job *job = ledger_plan(writer->ledger);

	writer->until_rest = job->sink_rest_every;
	writer->rests_until = mono_after_ms(loop_now(writer->context.loop), job->sink_rest_ms);
	writer->flush_later = true;
	agent_wake(&writer->rest);
	SOMETIMES("a sink says not now");
}

static int write_batch(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	struct writer *writer = self;
	const struct operator_context *context = &writer->context;

	while (*taken < batch->count) {
		if (is_resting(writer))
			return 0;
		const struct ledger_entry *entry = batch_at(batch, *taken);

		ledger_entry_arrives(writer->ledger, context->attempt, context->subtask,
				     str_bytes(&entry->key), entry);
		++*taken;
		if (writer->until_rest > 0 && --writer->until_rest == 0)
			begin_rest(writer);
	}
	return 1;
}

/* While it rests it cannot flush either. */
static int flush(void *self, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	struct writer *writer = self;

	if (writer->flush_later && is_resting(writer)) {
		SOMETIMES("a sink cannot flush yet");
		return 0;
	}
	writer->flush_later = false;
	return 1;
}

static void writer_close(void **self)
{
	struct writer *writer = *self;

	if (writer == NULL)
		return;
	if (atomic_load(&writer->rest.runner) != NULL)
		runner_remove(loop_runner(writer->context.loop), &writer->rest);
	presence_end(&writer->presence);
	mem_free(writer);
	*self = NULL;
}

static const struct sink_vtable sink = {
	.name = "sim-ledger",
	.writer_open = writer_open,
	.write = write_batch,
	.flush = flush,
	.writer_close = writer_close,
};

void ledger_register(void)
{
	registry_add_source(&source);
	registry_add_sink(&sink);
}
