/* SPDX-License-Identifier: Apache-2.0
 * test_connectors.c - see test_connectors.h. */
#include "tests/lib/test_connectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "job_graph.pb-c.h"

#include "common/base/check.h"

#define POLL_RECORDS_MAX 256

static Flink__OperatorParameters *parameters_of(const struct bytes *parameters, struct err *err)
{
	Flink__OperatorParameters *message = flink__operator_parameters__unpack(
		NULL, parameters->size_bytes, parameters->data);

	if (message == NULL)
		err_set(err, ERR_PLAN_INVALID, "damaged parameters of a test connector");
	return message;
}

static uint64_t option(const Flink__OperatorParameters *parameters, const char *key,
		       uint64_t otherwise)
{
	for (size_t i = 0; i < parameters->n_options; i++) {
		if (strcmp(parameters->options[i]->key, key) != 0)
			continue;
		if (strcmp(parameters->options[i]->value, "forever") == 0)
			return UINT64_MAX;
		return strtoull(parameters->options[i]->value, NULL, 10);
	}
	return otherwise;
}

/* ---- test-list-source: enumerator ----------------------------------------------------------- */

struct list_enumerator {
	uint32_t parallelism;
	bool *waiting; /* per subtask: a reader came that has no split */
};

static int enumerator_open(void **self, const struct job_context *context,
			   struct state_reader *from, struct err *err)
{
	struct list_enumerator *enumerator = MEM_NEW(struct list_enumerator);

	*self = enumerator;
	enumerator->parallelism = context->parallelism;
	enumerator->waiting = MEM_NEW_ARRAY(bool, context->parallelism);
	return 0;
}

static int enumerator_step(void *self, mono_t now, struct split_assigner *to, mono_t *wake_at,
			   struct err *err)
{
	struct list_enumerator *enumerator = self;

	for (uint32_t i = 0; i < enumerator->parallelism; i++) {
		struct split split = { .id = i };

		if (!enumerator->waiting[i])
			continue;
		enumerator->waiting[i] = false;
		to->assign(to, i, &split);
		to->no_more_splits(to, i);
	}
	return 1;
}

static int enumerator_reader(void *self, uint32_t subtask, const struct split *owned,
			     uint32_t count, struct err *err)
{
	struct list_enumerator *enumerator = self;

	if (subtask >= enumerator->parallelism)
		return err_set(err, ERR_BUG, "reader %u of %u", subtask, enumerator->parallelism);
	enumerator->waiting[subtask] = count == 0;
	return 0;
}

static void enumerator_close(void **self)
{
	struct list_enumerator *enumerator = *self;

	if (enumerator != NULL)
		mem_free(enumerator->waiting);
	mem_free(enumerator);
	*self = NULL;
}

/* ---- test-list-source: reader --------------------------------------------------------------- */

struct list_reader {
	const struct operator_context *context;
	Flink__OperatorParameters *parameters;
	void **images; /* 8-aligned copies of the elements */
	uint64_t repeat, interval_ns, fail_after;
	uint64_t round, emitted;
	size_t next;
	mono_t next_at; /* 0: not begun */
	bool has_split;
};

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct list_reader *reader = MEM_NEW(struct list_reader);

	*self = reader;
	reader->context = context;
	reader->parameters = parameters_of(&context->parameters, err);
	if (reader->parameters == NULL)
		return -1;
	const Flink__OperatorParameters *parameters = reader->parameters;

	reader->repeat = option(parameters, "repeat", 1);
	reader->interval_ns = option(parameters, "interval_us", 0) * NS_PER_US;
	reader->fail_after = option(parameters, "fail_after", UINT64_MAX);
	reader->images = MEM_NEW_ARRAY(void *, parameters->n_elements);
	for (size_t i = 0; i < parameters->n_elements; i++)
		reader->images[i] =
			mem_dup(parameters->elements[i].data, parameters->elements[i].len);
	reader->next = context->subtask;
	return 0;
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	struct list_reader *reader = self;

	for (uint32_t i = 0; i < count; i++)
		if (splits[i].id != reader->context->subtask)
			return err_set(err, ERR_BUG, "split %llu came to subtask %u",
				       (unsigned long long)splits[i].id, reader->context->subtask);
	reader->has_split = true;
	return 0;
}

static bool at_end(struct list_reader *reader)
{
	size_t count = reader->parameters->n_elements;

	if (reader->next >= count && reader->round < reader->repeat) {
		reader->round++;
		reader->next = reader->context->subtask;
	}
	return reader->round >= reader->repeat || reader->next >= count;
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct list_reader *reader = self;

	if (!reader->has_split)
		return POLL_WAIT;
	if (reader->next_at == 0)
		reader->next_at = now;
	for (uint32_t i = 0; i < POLL_RECORDS_MAX; i++) {
		if (at_end(reader))
			return POLL_END;
		if (outbox_full(out))
			return POLL_MORE;
		if (reader->interval_ns > 0 && now < reader->next_at) {
			*wake_at = reader->next_at;
			return POLL_WAIT;
		}
		if (reader->emitted == reader->fail_after) {
			err_set(err, ERR_SOURCE_UNREADABLE,
				"the test list fails after %llu records",
				(unsigned long long)reader->emitted);
			return POLL_ERROR;
		}
		outbox_emit(out, reader->context->output_type, reader->images[reader->next]);
		reader->next += reader->context->parallelism;
		reader->emitted++;
		reader->next_at += (mono_t)reader->interval_ns;
	}
	return POLL_MORE;
}

static size_t reader_status(const void *self, char *text, size_t size_bytes)
{
	const struct list_reader *reader = self;

	return (size_t)snprintf(text, size_bytes, "%llu records emitted",
				(unsigned long long)reader->emitted);
}

static void reader_close(void **self)
{
	struct list_reader *reader = *self;

	if (reader == NULL)
		return;
	for (size_t i = 0; reader->parameters != NULL && i < reader->parameters->n_elements; i++)
		mem_free(reader->images[i]);
	mem_free(reader->images);
	if (reader->parameters != NULL)
		flink__operator_parameters__free_unpacked(reader->parameters, NULL);
	mem_free(reader);
	*self = NULL;
}

const struct source_vtable test_list_source = {
	.name = "test-list-source",
	.enumerator_open = enumerator_open,
	.enumerator_step = enumerator_step,
	.enumerator_reader = enumerator_reader,
	.enumerator_close = enumerator_close,
	.reader_open = reader_open,
	.reader_add = reader_add,
	.reader_poll = reader_poll,
	.reader_status = reader_status,
	.reader_close = reader_close,
};

/* ---- the ledger ----------------------------------------------------------------------------- */

static struct {
	atomic_flag lock; /* tests with threads; held for a few stores */
	struct ledger_line *lines;
	uint64_t count, room;
	atomic_bool blocked;
	_Atomic uint64_t flushes, ends;
} ledger = { .lock = ATOMIC_FLAG_INIT };

static void ledger_lock(void)
{
	while (atomic_flag_test_and_set(&ledger.lock))
		;
}

static void ledger_unlock(void)
{
	atomic_flag_clear(&ledger.lock);
}

static void ledger_add(const struct operator_context *context, const struct buf *text)
{
	char *copy = mem_strndup(text->data, text->size_bytes);

	ledger_lock();
	if (ledger.count == ledger.room) {
		ledger.room = ledger.room ? ledger.room * 2 : 64;
		ledger.lines = mem_realloc(ledger.lines, ledger.room * sizeof(*ledger.lines));
	}
	ledger.lines[ledger.count] = (struct ledger_line){ .job_id = context->job_id,
							    .subtask = context->subtask,
							    .attempt = context->attempt,
							    .serial = ledger.count,
							    .text = copy };
	ledger.count++;
	ledger_unlock();
}

static bool is_of(const struct ledger_line *line, const struct id *job_id)
{
	return job_id == NULL || id_equal(&line->job_id, job_id);
}

uint64_t ledger_count(const struct id *job_id)
{
	uint64_t found = 0;

	ledger_lock();
	for (uint64_t i = 0; i < ledger.count; i++)
		found += is_of(&ledger.lines[i], job_id);
	ledger_unlock();
	return found;
}

bool ledger_next(const struct id *job_id, uint64_t *at, struct ledger_line *line)
{
	while (*at < ledger.count && !is_of(&ledger.lines[*at], job_id))
		++*at;
	if (*at == ledger.count)
		return false;
	*line = ledger.lines[(*at)++];
	return true;
}

uint64_t ledger_flushes(void)
{
	return atomic_load(&ledger.flushes);
}

uint64_t ledger_ends(void)
{
	return atomic_load(&ledger.ends);
}

void ledger_block(bool block)
{
	atomic_store(&ledger.blocked, block);
}

void ledger_reset(void)
{
	for (uint64_t i = 0; i < ledger.count; i++)
		mem_free((void *)(uintptr_t)ledger.lines[i].text);
	mem_free(ledger.lines);
	ledger.lines = NULL;
	ledger.count = ledger.room = 0;
	atomic_store(&ledger.flushes, 0);
	atomic_store(&ledger.ends, 0);
	atomic_store(&ledger.blocked, false);
}

/* ---- test-ledger-sink ----------------------------------------------------------------------- */

struct ledger_writer {
	const struct operator_context *context;
	uint64_t refuse_every, fail_after, writes, written;
	bool flush_later, flush_asked, may_block;
	struct buf text;
};

static int writer_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct ledger_writer *writer = MEM_NEW(struct ledger_writer);
	Flink__OperatorParameters *parameters = parameters_of(&context->parameters, err);

	*self = writer;
	writer->context = context;
	buf_init(&writer->text);
	if (parameters == NULL)
		return -1;
	writer->refuse_every = option(parameters, "refuse_every", 0);
	writer->fail_after = option(parameters, "fail_after", UINT64_MAX);
	writer->flush_later = option(parameters, "flush_later", 0) != 0;
	writer->may_block = option(parameters, "block", 0) != 0;
	flink__operator_parameters__free_unpacked(parameters, NULL);
	return 0;
}

static int write_records(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	struct ledger_writer *writer = self;
	uint32_t count = batch->count;
	bool refuse = writer->refuse_every > 0 && ++writer->writes % writer->refuse_every == 0;

	if (writer->may_block && atomic_load(&ledger.blocked))
		return 0;
	if (refuse) {
		count /= 2;
		agent_wake(writer->context->agent);
	}
	for (; *taken < count; ++*taken) {
		if (writer->written == writer->fail_after)
			return err_set(err, ERR_SINK_UNWRITABLE,
				       "the ledger fails after %llu records",
				       (unsigned long long)writer->written);
		buf_clear(&writer->text);
		record_print(batch->type, batch_at(batch, *taken), &writer->text);
		ledger_add(writer->context, &writer->text);
		writer->written++;
	}
	return refuse ? 0 : 1;
}

static int writer_flush(void *self, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	struct ledger_writer *writer = self;

	if (writer->flush_later && !writer->flush_asked) {
		writer->flush_asked = true;
		agent_wake(writer->context->agent);
		return 0;
	}
	writer->flush_asked = false;
	atomic_fetch_add(end_of_input ? &ledger.ends : &ledger.flushes, 1);
	return 1;
}

static void writer_close(void **self)
{
	struct ledger_writer *writer = *self;

	if (writer != NULL)
		buf_fini(&writer->text);
	mem_free(writer);
	*self = NULL;
}

const struct sink_vtable test_ledger_sink = {
	.name = "test-ledger-sink",
	.writer_open = writer_open,
	.write = write_records,
	.flush = writer_flush,
	.writer_close = writer_close,
};

void test_connectors_register(void)
{
	registry_add_source(&test_list_source);
	registry_add_sink(&test_ledger_sink);
}
