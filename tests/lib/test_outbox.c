/* SPDX-License-Identifier: Apache-2.0
 * test_outbox.c - see test_outbox.h. */
#include "tests/lib/test_outbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/time.h"
#include "tests/lib/cmocka_header.h"

static void *record_new(struct test_outbox *outbox, uint32_t size_bytes)
{
	if (outbox->records_count == outbox->records_room) {
		outbox->records_room = outbox->records_room ? outbox->records_room * 2 : 16;
		outbox->records = mem_realloc(outbox->records,
					      outbox->records_room * sizeof(*outbox->records));
	}
	void *record = mem_alloc(size_bytes);

	memset(record, 0xA5, size_bytes); /* whoever emits must write all of it */
	outbox->records[outbox->records_count++] = record;
	return record;
}

void test_outbox_collect(struct test_outbox *outbox)
{
	struct run_builder *run = &outbox->run;
	struct batch batch;

	if (outbox->memory == NULL)
		return;
	if (run_end(run) > 0) {
		run_view(run->type, outbox->memory, &batch);
		for (uint32_t i = 0; i < batch.count; i++) {
			const void *record = batch_at(&batch, i);
			uint32_t size_bytes = record_size(run->type, record);

			record_copy(run->type, record, record_new(outbox, size_bytes));
		}
	}
	memset(outbox->memory, 0xA5, run->capacity_bytes_max);
	assert_true(run_begin(run, outbox->memory, run->capacity_bytes_max));
}

static void *reserve(struct outbox *out, uint32_t size_bytes)
{
	struct test_outbox *outbox = CONTAINER_OF(out, struct test_outbox, out);

	test_outbox_collect(outbox);
	if (outbox->full_after > 0 && ++outbox->since_full >= outbox->full_after)
		out->full = true;
	if (outbox->memory != NULL && size_bytes == outbox->run.stride_bytes)
		return run_reserve(&outbox->run, size_bytes);
	return record_new(outbox, size_bytes);
}

void test_outbox_init(struct test_outbox *outbox, const struct record_type *type,
		      uint32_t full_after, uint32_t room_records)
{
	*outbox = (struct test_outbox){ .run.type = type, .full_after = full_after };
	outbox->out = (struct outbox){ .run = type ? &outbox->run : NULL,
				       .reserve_slow = reserve,
				       .timestamp_ms = EVENT_MIN };
	if (type == NULL || room_records == 0)
		return;
	uint32_t size_bytes = (uint32_t)sizeof(struct run_header) + 8;

	size_bytes += room_records * type->size_bytes;
	run_builder_init(&outbox->run, type, size_bytes, false);
	outbox->memory = mem_alloc(size_bytes);
	test_outbox_collect(outbox);
}

void test_outbox_fini(struct test_outbox *outbox)
{
	for (uint32_t i = 0; i < outbox->records_count; i++)
		mem_free(outbox->records[i]);
	mem_free(outbox->records);
	if (outbox->memory != NULL)
		run_builder_fini(&outbox->run);
	mem_free(outbox->memory);
	*outbox = (struct test_outbox){ .records = NULL };
}

void test_outbox_make_room(struct test_outbox *outbox)
{
	outbox->out.full = false;
	outbox->since_full = 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **test_outbox_lines(const struct test_outbox *outbox, bool sorted)
{
	char **lines = MEM_NEW_ARRAY(char *, outbox->records_count);
	struct buf text;

	buf_init(&text);
	for (uint32_t i = 0; i < outbox->records_count; i++) {
		buf_clear(&text);
		record_print(outbox->run.type, outbox->records[i], &text);
		lines[i] = mem_strndup(text.data, text.size_bytes);
	}
	buf_fini(&text);
	if (sorted)
		qsort(lines, outbox->records_count, sizeof(*lines), compare);
	return lines;
}

void test_outbox_free_lines(char ***lines, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		mem_free((*lines)[i]);
	mem_free(*lines);
	*lines = NULL;
}

void test_outbox_expect(const struct test_outbox *outbox, const char *const *expected,
			uint32_t count, bool ordered)
{
	char **lines = test_outbox_lines(outbox, !ordered);
	const char **wanted = MEM_NEW_ARRAY(const char *, count);
	bool same = count == outbox->records_count;

	memcpy(wanted, expected, count * sizeof(*wanted));
	if (!ordered)
		qsort(wanted, count, sizeof(*wanted), compare);
	for (uint32_t i = 0; same && i < count; i++)
		same = strcmp(lines[i], wanted[i]) == 0;
	if (!same) {
		for (uint32_t i = 0; i < count; i++)
			fprintf(stderr, "expected %u: %s\n", i, wanted[i]);
		for (uint32_t i = 0; i < outbox->records_count; i++)
			fprintf(stderr, "emitted %u: %s\n", i, lines[i]);
	}
	mem_free(wanted);
	test_outbox_free_lines(&lines, outbox->records_count);
	assert_true(same);
}
