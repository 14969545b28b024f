/* SPDX-License-Identifier: Apache-2.0
 * bench_lines.c - the source "bench-lines": lines of ten words, out of memory, so that what is
 * measured behind it is not the reading of a file.
 *
 * Options: records (words per subtask, a multiple of ten), keys (1000: how many words there are).
 * Words have 2 to 12 letters. LINES lines are made when the reader opens and then given out again
 * and again. */
#include "connectors/single_split.h"
#include "tests/bench/connector/bench.h"
#include "tests/bench/connector/bench_keys.h"

#define LINES 4096
#define WORDS_PER_LINE 10
#define WORD_BYTES_MAX 12
#define POLL_LINES_MAX 512

struct lines_reader {
	const struct record_type *type;
	uint64_t lines, done;
	struct str *texts; /* [LINES], borrowed from bytes */
	char *bytes;
	bool may_begin;
};

/* The number in letters, and as many more as make its length. */
static char *add_word(char *at, uint32_t number)
{
	uint32_t length = 2 + number % (WORD_BYTES_MAX - 1), left = number;

	for (uint32_t i = 0; i < length; i++) {
		*at++ = (char)('a' + left % 26);
		left = left / 26 + number % 26;
	}
	return at;
}

static void make_lines(struct lines_reader *reader, uint32_t subtask, uint32_t keys)
{
	uint64_t state = 1 + (uint64_t)subtask * LINES * WORDS_PER_LINE * BENCH_KEYS_STEP;
	char *at;

	reader->bytes = mem_alloc((size_t)LINES * WORDS_PER_LINE * (WORD_BYTES_MAX + 1));
	reader->texts = MEM_NEW_ARRAY(struct str, LINES);
	at = reader->bytes;
	for (uint32_t i = 0; i < LINES; i++) {
		char *line = at;

		for (uint32_t word = 0; word < WORDS_PER_LINE; word++) {
			if (word > 0)
				*at++ = ' ';
			at = add_word(at, (uint32_t)bench_key_number(&state, keys));
		}
		reader->texts[i] = str_of(line, (size_t)(at - line));
	}
}

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct lines_reader *reader = MEM_NEW(struct lines_reader);
	struct options options = { .message = NULL };
	uint64_t words = 0, keys = 0;

	*self = reader;
	reader->type = context->output_type;
	if (reader->type == NULL || reader->type->fields_count != 1 ||
	    reader->type->fields[0].kind != FIELD_STRING)
		return err_set(err, ERR_PLAN_INVALID, "bench-lines gives records of one STRING");
	if (options_open(&options, context->parameters, err) < 0)
		return -1;
	int result = bench_number(&options, "records", 0, &words, err);

	if (result == 0)
		result = bench_number(&options, "keys", 1000, &keys, err);
	options_close(&options);
	if (result < 0)
		return -1;
	if (words % WORDS_PER_LINE != 0 || keys == 0 || keys > UINT32_MAX)
		return err_set(err, ERR_PLAN_INVALID,
			       "bench-lines needs a multiple of %d words, and 1 to 2^32 - 1 keys",
			       WORDS_PER_LINE);
	reader->lines = words / WORDS_PER_LINE;
	make_lines(reader, context->subtask, (uint32_t)keys);
	return 0;
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	return 0; /* each subtask knows its part without one */
}

static int reader_no_more_splits(void *self, struct err *err)
{
	((struct lines_reader *)self)->may_begin = true;
	return 0;
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct lines_reader *reader = self;
	uint64_t until = reader->done + POLL_LINES_MAX;

	if (!reader->may_begin)
		return POLL_WAIT;
	if (until > reader->lines)
		until = reader->lines;
	for (; reader->done < until && !outbox_full(out); reader->done++)
		outbox_emit(out, reader->type, &reader->texts[reader->done % LINES]);
	return reader->done == reader->lines ? POLL_END : POLL_MORE;
}

static void reader_close(void **self)
{
	struct lines_reader *reader = *self;

	if (reader == NULL)
		return;
	mem_free(reader->texts);
	mem_free(reader->bytes);
	mem_free(reader);
	*self = NULL;
}

const struct source_vtable bench_lines_source = {
	.name = "bench-lines",
	.enumerator_open = single_split_open,
	.enumerator_step = single_split_step,
	.enumerator_reader = single_split_reader,
	.enumerator_close = single_split_close,
	.reader_open = reader_open,
	.reader_add = reader_add,
	.reader_no_more_splits = reader_no_more_splits,
	.reader_poll = reader_poll,
	.reader_close = reader_close,
};
