/* SPDX-License-Identifier: Apache-2.0
 * ledger.c - a source with known content and a sink that keeps a ledger, for the simulator. */
#include "tests/sim/ledger.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/map.h"
#include "common/base/mem.h"

#define ATTEMPTS_MAX 4096
#define BATCH_MAX 64

const struct field ledger_fields[2] = { { "key", FIELD_STRING, 0 }, { "value", FIELD_BIGINT, 0 } };

struct entry { /* the C struct of ledger_fields */
	struct str key;
	int64_t value;
};

static struct ledger_plan plan;
static int64_t *books[ATTEMPTS_MAX]; /* per attempt: the last value of each key */
static uint64_t records[ATTEMPTS_MAX];
static uint32_t attempt_last;
static struct err breach;

void ledger_reset(const struct ledger_plan *wanted)
{
	ledger_free();
	plan = *wanted;
	attempt_last = 0;
	err_clear(&breach);
}

void ledger_free(void)
{
	for (uint32_t i = 0; i < ATTEMPTS_MAX; i++) {
		mem_free(books[i]);
		books[i] = NULL;
		records[i] = 0;
	}
}

struct bytes ledger_source_parameters(void)
{
	return bytes_of(&plan, sizeof(plan));
}

static size_t key_text(uint32_t key, char text[64])
{
	return (size_t)snprintf(text, 64, key % 7 == 0 ? "key-with-a-tail-%u" : "k%u", key);
}

/* ---- source: split s has the records i with i mod parallelism = s --------------------------- */

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

struct reader {
	struct operator_context context;
	struct ledger_plan plan;
	bool has_split, no_more;
	uint32_t next;    /* record number */
	mono_t begun_at;  /* MONO_NEVER: not yet */
	uint32_t emitted;
};

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct reader *reader = MEM_NEW(struct reader);

	reader->context = *context;
	*self = reader;
	if (context->parameters.size_bytes != sizeof(reader->plan))
		return err_set(err, ERR_PLAN_INVALID, "sim-source has %zu bytes of parameters",
			       context->parameters.size_bytes);
	memcpy(&reader->plan, context->parameters.data, sizeof(reader->plan));
	reader->begun_at = MONO_NEVER;
	return 0;
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	struct reader *reader = self;

	if (count != 1 || splits[0].body.size_bytes != sizeof(reader->next) || reader->has_split)
		return err_set(err, ERR_BUG, "sim-source got %u splits", count);
	memcpy(&reader->next, splits[0].body.data, sizeof(reader->next));
	reader->has_split = true;
	return 0;
}

static int reader_no_more_splits(void *self, struct err *err)
{
	((struct reader *)self)->no_more = true;
	return 0;
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct reader *reader = self;
	const struct ledger_plan *p = &reader->plan;

	if (!reader->has_split)
		return reader->no_more ? POLL_END : POLL_WAIT;
	if (reader->begun_at == MONO_NEVER)
		reader->begun_at = now;
	for (uint32_t i = 0; i < BATCH_MAX && !outbox_full(out); i++) {
		/* Each subtask has its share of the rate; its own records are due one by one. */
		mono_t due = reader->begun_at + (mono_t)((double)reader->emitted * NS_PER_S *
							 p->parallelism / p->rate_per_s);
		char text[64];

		if (reader->next >= p->total)
			return POLL_END;
		if (due > now) {
			*wake_at = mono_min(*wake_at, due);
			return POLL_WAIT;
		}
		struct entry entry = { .value = 1 };

		entry.key = str_of(text, key_text(reader->next % p->keys, text));
		outbox_emit(out, reader->context.output_type, &entry);
		reader->next += p->parallelism;
		reader->emitted++;
	}
	return POLL_MORE;
}

static size_t reader_status(const void *self, char *text, size_t size_bytes)
{
	if (size_bytes > 0)
		text[0] = '\0';
	return 0;
}

static void close_self(void **self)
{
	mem_free(*self);
	*self = NULL;
}

static const struct source_vtable source = {
	.name = "sim-source",
	.enumerator_open = enumerator_open, .enumerator_step = enumerator_step,
	.enumerator_reader = enumerator_reader, .enumerator_close = enumerator_close,
	.reader_open = reader_open, .reader_add = reader_add,
	.reader_no_more_splits = reader_no_more_splits, .reader_poll = reader_poll,
	.reader_status = reader_status, .reader_close = close_self,
};

/* ---- sink ----------------------------------------------------------------------------------- */

struct writer {
	struct operator_context context;
	struct map *key_numbers; /* key text -> number + 1 */
};

static int writer_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct writer *writer = MEM_NEW(struct writer);

	writer->context = *context;
	writer->key_numbers = map_create();
	*self = writer;
	for (uint32_t key = 0; key < plan.keys; key++) {
		char text[64];

		map_put(writer->key_numbers, bytes_of(text, key_text(key, text)),
			(void *)(uintptr_t)(key + 1));
	}
	CHECK(context->attempt < ATTEMPTS_MAX, "attempt %u", context->attempt);
	if (books[context->attempt] == NULL)
		books[context->attempt] = MEM_NEW_ARRAY(int64_t, plan.keys);
	if (context->attempt > attempt_last)
		attempt_last = context->attempt;
	return 0;
}

static int write_batch(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	struct writer *writer = self;
	uint32_t attempt = writer->context.attempt;

	for (; *taken < batch->count; (*taken)++) {
		const struct entry *entry = batch_at(batch, *taken);
		void *number = map_get(writer->key_numbers, str_bytes(&entry->key));

		if (number == NULL) {
			err_set(&breach, ERR_BUG, "attempt %u: a key nobody made: \"%.*s\"", attempt,
				(int)entry->key.len, str_ptr(&entry->key));
			continue;
		}
		int64_t *last = &books[attempt][(uintptr_t)number - 1];

		if (entry->value != *last + 1 && breach.code == ERR_NONE)
			err_set(&breach, ERR_BUG, "attempt %u: key %lu went from %lld to %lld",
				attempt, (unsigned long)(uintptr_t)number - 1, (long long)*last,
				(long long)entry->value);
		*last = entry->value;
		records[attempt]++;
	}
	return 1;
}

static int flush(void *self, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	return 1;
}

static void writer_close(void **self)
{
	struct writer *writer = *self;

	if (writer == NULL)
		return;
	map_destroy(&writer->key_numbers);
	close_self(self);
}

static const struct sink_vtable sink = {
	.name = "sim-ledger", .writer_open = writer_open, .write = write_batch, .flush = flush,
	.writer_close = writer_close,
};

void ledger_register(void)
{
	registry_add_source(&source);
	registry_add_sink(&sink);
}

int ledger_check_order(struct err *err)
{
	if (breach.code == ERR_NONE)
		return 0;
	*err = breach;
	return -1;
}

int ledger_check(uint32_t attempt, struct err *err)
{
	if (books[attempt] == NULL)
		return err_set(err, ERR_BUG, "attempt %u wrote nothing", attempt);
	for (uint32_t key = 0; key < plan.keys; key++) {
		int64_t expected = plan.total / plan.keys + (key < plan.total % plan.keys);

		if (books[attempt][key] != expected)
			return err_set(err, ERR_BUG, "attempt %u: key %u ended at %lld, the model says %lld", attempt,
				       key, (long long)books[attempt][key], (long long)expected);
	}
	return ledger_check_order(err);
}

uint64_t ledger_records(uint32_t attempt)
{
	return attempt < ATTEMPTS_MAX ? records[attempt] : 0;
}

uint32_t ledger_attempt_last(void)
{
	return attempt_last;
}
