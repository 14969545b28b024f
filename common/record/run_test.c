/* SPDX-License-Identifier: Apache-2.0
 * run_test.c - runs: built, viewed, checked, corrupted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/hash.h"
#include "common/record/batch.h"
#include "common/record/record_random.h"

#define SEGMENT_BYTES 2048

/* A run filled until nothing fits, and what went into it. */
struct filled {
	struct record_type *type;
	char *segment; /* size_bytes of it are the run */
	uint32_t size_bytes, count;
	void *images[SEGMENT_BYTES];
	int64_t timestamps[SEGMENT_BYTES];
};

/* tails: 0 none, 1 mixed from the start, 2 after some records without */
static void fill(struct random *random, struct filled *filled, uint32_t capacity_bytes, int tails,
		 bool with_timestamps)
{
	struct run_builder run;
	struct random_texts texts;
	_Alignas(8) char record[RANDOM_STRUCT_BYTES_MAX];

	filled->type = random_type(random);
	filled->segment = mem_alloc(capacity_bytes);
	filled->count = filled->size_bytes = 0;
	memset(filled->segment, 0xEE, capacity_bytes);
	run_builder_init(&run, filled->type, capacity_bytes, with_timestamps);
	if (!run_begin(&run, filled->segment, capacity_bytes)) {
		assert_null(run_reserve(&run, filled->type->size_bytes));
		run_builder_fini(&run);
		return;
	}
	for (;;) {
		random_record(random, filled->type, tails == 1 || (tails == 2 && filled->count > 5),
			      &texts, record);
		uint32_t size_bytes = record_size(filled->type, record);
		void *into = run_reserve(&run, size_bytes);
		if (into == NULL)
			break;
		record_copy(filled->type, record, into);
		filled->images[filled->count] = mem_dup(into, size_bytes);
		assert_true(random_equal(filled->type, record, into));
		/* A copy elsewhere keeps meaning the same: offsets are relative. */
		assert_true(random_equal(filled->type, record, filled->images[filled->count]));
		filled->timestamps[filled->count] = (int64_t)random_next(random);
		if (with_timestamps)
			run.timestamps_ms[filled->count] = filled->timestamps[filled->count];
		filled->count++;
		assert_int_equal(run.count, filled->count);
	}
	filled->size_bytes = run_end(&run);
	assert_null(run_reserve(&run, filled->type->size_bytes));
	assert_int_equal(run_end(&run), 0);
	run_builder_fini(&run);
}

static void empty(struct filled *filled)
{
	for (uint32_t i = 0; i < filled->count; i++)
		mem_free(filled->images[i]);
	mem_free(filled->segment);
	record_type_destroy(&filled->type);
}

static void compare(const struct filled *filled, const struct batch *batch, bool with_timestamps)
{
	assert_int_equal(batch->count, filled->count);
	assert_ptr_equal(batch->type, filled->type);
	assert_int_equal(batch->timestamps_ms != NULL, with_timestamps);
	assert_null(batch->row_kinds);
	for (uint32_t i = 0; i < batch->count; i++) {
		const void *record = batch_at(batch, i);

		assert_int_equal((uintptr_t)record % filled->type->align_bytes, 0);
		assert_true(random_equal(filled->type, record, filled->images[i]));
		assert_int_equal(record_size(filled->type, record),
				 record_size(filled->type, filled->images[i]));
		if (with_timestamps)
			assert_true(batch->timestamps_ms[i] == filled->timestamps[i]);
		assert_int_equal(batch_row_kind(batch, i), ROW_INSERT);
	}
}

static void what_is_built_is_what_is_read(void **state)
{
	struct random random = { 4711 };
	static struct filled filled;
	struct err err = ERR_INIT;
	int dense = 0, offsets = 0;

	for (int round = 0; round < 1500; round++) {
		uint32_t capacity = 16 + random_below(&random, SEGMENT_BYTES - 16);
		bool with_timestamps = round % 2;
		struct batch checked, viewed;

		fill(&random, &filled, capacity, round % 3, with_timestamps);
		if (filled.count == 0) {
			assert_int_equal(filled.size_bytes, 0);
			empty(&filled);
			continue;
		}
		assert_true(filled.size_bytes <= capacity && filled.size_bytes % 8 == 0);
		for (uint32_t i = filled.size_bytes; i < capacity; i++)
			assert_int_equal((unsigned char)filled.segment[i], 0xEE);
		if (run_check(filled.type, filled.segment, capacity, &checked, &err) != 0)
			fail_msg("round %d: %s", round, err.text);
		compare(&filled, &checked, with_timestamps);
		run_view(filled.type, filled.segment, &viewed);
		assert_memory_equal(&viewed, &checked, sizeof(viewed));
		const struct run_header *header = (const void *)filled.segment;
		assert_int_equal(header->flags & RUN_DENSE ? 1 : 0, viewed.offsets == NULL);
		dense += viewed.offsets == NULL;
		offsets += viewed.offsets != NULL;
		empty(&filled);
	}
	assert_true(dense > 100 && offsets > 100);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_full_run_leaves_less_than_one_record(void **state)
{
	static const struct field fields[] = {
		{ "word", FIELD_STRING, 0 },
		{ "count", FIELD_BIGINT, 0 },
	};
	struct record_type *type;
	struct run_builder run;
	struct err err = ERR_INIT;
	_Alignas(8) char segment[1000];
	uint32_t count = 0;

	assert_int_equal(record_type_create("word_count", NULL, fields, 2, &type, &err), 0);
	run_builder_init(&run, type, sizeof(segment), false);
	assert_true(run_begin(&run, segment, sizeof(segment)));
	while (run_reserve(&run, 24))
		count++;
	assert_int_equal(count, (1000 - 16) / 24);
	assert_int_equal(run_end(&run), 16 + 24 * count);

	assert_true(run_begin(&run, segment, 40)); /* exactly one */
	assert_non_null(run_reserve(&run, 24));
	assert_null(run_reserve(&run, 24));
	assert_int_equal(run_end(&run), 40);
	assert_false(run_begin(&run, segment, 39));
	assert_null(run_reserve(&run, 24));

	/* One with a tail costs an offset for each record before it. */
	assert_true(run_begin(&run, segment, 16 + 24 + 24 + 16 + 8));
	assert_non_null(run_reserve(&run, 24));
	assert_null(run_reserve(&run, 24 + 16 + 8));
	assert_non_null(run_reserve(&run, 24 + 16));
	assert_null(run_reserve(&run, 24));
	assert_int_equal(run_end(&run), 16 + 24 + 24 + 16 + 8);
	assert_null(run_reserve(&run, UINT32_MAX));
	run_builder_fini(&run);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void the_rest_of_a_batch_begins_later(void **state)
{
	struct random random = { 99 };
	static struct filled filled;

	for (int round = 0; round < 40; round++) {
		struct batch batch;

		fill(&random, &filled, SEGMENT_BYTES, round % 3, round % 2);
		run_view(filled.type, filled.segment, &batch);
		for (uint32_t from = 0; from <= batch.count; from++) {
			struct batch rest = batch_rest(&batch, from);

			assert_int_equal(rest.count, batch.count - from);
			for (uint32_t i = 0; i < rest.count; i++) {
				assert_ptr_equal(batch_at(&rest, i), batch_at(&batch, from + i));
				if (rest.timestamps_ms)
					assert_true(rest.timestamps_ms[i] ==
						    filled.timestamps[from + i]);
			}
		}
		empty(&filled);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

/* All single bits flipped, all sizes cut: refused, or every read stays inside (asan watches: the
 * run lies at the very end of its block). */
static void corrupted_runs_are_refused_or_harmless(void **state)
{
	struct random random = { 31337 };
	static struct filled filled;
	struct err err = ERR_INIT;
	uint64_t sum = 0;
	int refused = 0, accepted = 0;

	for (int round = 0; round < 60; round++) {
		struct batch batch;

		fill(&random, &filled, 64 + random_below(&random, 500), round % 3, round % 2);
		char *run = mem_dup(filled.segment, filled.size_bytes);
		for (uint32_t bit = 0; bit < filled.size_bytes * 8; bit++) {
			run[bit / 8] ^= (char)(1 << bit % 8);
			if (run_check(filled.type, run, filled.size_bytes, &batch, &err) == 0) {
				accepted++;
				for (uint32_t i = 0; i < batch.count; i++)
					sum += random_read_all(filled.type, batch_at(&batch, i)) +
					       batch_row_kind(&batch, i) +
					       (batch.timestamps_ms ?
							(uint64_t)batch.timestamps_ms[i] :
							0);
			} else {
				refused++;
				assert_int_equal(err.code, ERR_RECORD_INVALID);
			}
			run[bit / 8] ^= (char)(1 << bit % 8);
		}
		for (uint32_t size = 0; size < filled.size_bytes; size++) {
			char *cut = mem_dup(run, size);

			assert_int_equal(run_check(filled.type, cut, size, &batch, &err), -1);
			mem_free(cut);
		}
		mem_free(run);
		empty(&filled);
	}
	assert_true(refused > 5000 && accepted > 5000 && sum != 0);
	assert_int_equal(mem_bytes_out(), 0);
}

/* A hand-made run: three records of (flag BOOLEAN, s STRING), dense or not. */
struct hand_made {
	struct run_header header;
	struct {
		uint8_t flag, pad[3];
		struct str s;
	} records[3];
	char padding[4];
	uint8_t row_kinds[8];
};

static void refuse(const struct record_type *type, const struct hand_made *run, uint32_t size_bytes,
		   const char *text)
{
	struct err err = ERR_INIT;
	struct batch batch;

	assert_int_equal(run_check(type, run, size_bytes, &batch, &err), -1);
	assert_int_equal(err.code, ERR_RECORD_INVALID);
	assert_string_equal(err.text, text);
}

static void each_broken_rule_is_named(void **state)
{
	static const struct field fields[] = { { "flag", FIELD_BOOLEAN, 0 },
					       { "s", FIELD_STRING, 0 } };
	struct record_type *type;
	struct err err = ERR_INIT;
	struct batch batch;
	struct hand_made good = { .header = { .size_bytes = 88,
					      .count = 3,
					      .stride_bytes = 20,
					      .flags = RUN_DENSE | RUN_ROW_KINDS } };
	_Alignas(8) struct hand_made run;

	assert_int_equal(sizeof(good), 88);
	good.row_kinds[1] = ROW_DELETE;
	assert_int_equal(record_type_create("t", NULL, fields, 2, &type, &err), 0);
	run = good;
	assert_int_equal(run_check(type, &run, sizeof(run), &batch, &err), 0);
	assert_int_equal(batch_row_kind(&batch, 1), ROW_DELETE);
	assert_int_equal(batch_row_kind(&batch, 2), ROW_INSERT);

#define BROKEN(change, text) \
	do { \
		run = good; \
		change; \
		refuse(type, &run, sizeof(run), text); \
	} while (0)
	BROKEN(run.header.size_bytes = 96,
	       "a run says it has 96 bytes; allowed are multiples of 8 from 16 to 88");
	BROKEN(run.header.size_bytes = 84,
	       "a run says it has 84 bytes; allowed are multiples of 8 from 16 to 88");
	BROKEN(run.header.flags = 9,
	       "a run has flags 0x9 and reserved 0; this version knows flags up to 0x7");
	BROKEN(run.header.reserved = 1,
	       "a run has flags 0x5 and reserved 1; this version knows flags up to 0x7");
	BROKEN(run.header.record_type = 3, "a run is of record type 3; its edge has only 0");
	BROKEN(run.header.row_kind = 4,
	       "a run has row kind 4; allowed are 0 to 3, and 0 beside a column of them");
	BROKEN((run.header.row_kind = 4, run.header.flags = RUN_DENSE),
	       "a run has row kind 4; allowed are 0 to 3");
	BROKEN(run.header.stride_bytes = 16, "a run of type \"t\" has stride 16 instead of 20");
	BROKEN(run.header.flags = 0, "a run of type \"t\" has stride 20 instead of 0");
	BROKEN(run.header.count = 0, "a run of 88 bytes cannot have 0 records");
	BROKEN(run.header.count = UINT32_MAX, "a run of 88 bytes cannot have 4294967295 records");
	BROKEN(run.header.count = 4, "4 records of type \"t\" end at byte 96 of a run, not at 80");
	BROKEN(run.row_kinds[2] = 4, "a row kind of a run is above 3");
	BROKEN(run.records[1].flag = 2,
	       "record 1 of a run of type \"t\": field \"flag\": a boolean is neither 0 nor 1");
	BROKEN(run.records[2].s.u.inlined[0] = 1, "record 2 of a run of type \"t\": field \"s\": "
						  "the unused bytes of a short string are "
						  "not zero");
	/* A long string in a dense run, even one that would point to bytes of the run. */
	BROKEN((run.records[0].s.len = 16, run.records[0].s.u.tail.offset = 20,
		run.records[0].s.u.tail.hash = 0x80000000),
	       "record 0 of a run of type \"t\": field \"s\": a long string is longer than its "
	       "record");
	refuse(type, &run, 12, "12 bytes are too few for a run's header");
	refuse(type, (struct hand_made *)(void *)((char *)&run + 4), 80,
	       "a run does not begin at a multiple of 8");
#undef BROKEN
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void wrong_offsets_are_refused(void **state)
{
	static const struct field fields[] = { { "a", FIELD_BIGINT, 0 } };
	static const struct {
		uint32_t offsets[2];
		const char *text;
	} cases[] = {
		{ { 16, 24 }, NULL },
		{ { 24, 16 }, "the first record of a run begins at byte 24, not 16" },
		{ { 16, 16 }, "record 0 of a run of type \"t\": it is cut off" },
		{ { 16, 8 }, "record 0 of a run of type \"t\": the next offset is wrong" },
		{ { 16, 28 }, "record 1 of a run of type \"t\": its offset is wrong" },
		{ { 16, 32 }, "record 1 of a run of type \"t\": it is cut off" },
		{ { 16, 40 }, "record 0 of a run of type \"t\": the next offset is wrong" },
		{ { 16, UINT32_MAX }, "record 0 of a run of type \"t\": the next offset is wrong" },
	};
	struct record_type *type;
	struct err err = ERR_INIT;
	struct batch batch;

	assert_int_equal(record_type_create("t", NULL, fields, 1, &type, &err), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct {
			struct run_header header;
			int64_t records[2];
			uint32_t offsets[2];
		} run = { .header = { .size_bytes = 40, .count = 2 }, .records = { 1, 2 } };

		memcpy(run.offsets, cases[i].offsets, sizeof(run.offsets));
		int answer = run_check(type, &run, sizeof(run), &batch, &err);
		assert_int_equal(answer, cases[i].text ? -1 : 0);
		if (cases[i].text)
			assert_string_equal(err.text, cases[i].text);
		else
			assert_int_equal(*(const int64_t *)batch_at(&batch, 1), 2);
	}
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_built_is_what_is_read),
		cmocka_unit_test(a_full_run_leaves_less_than_one_record),
		cmocka_unit_test(the_rest_of_a_batch_begins_later),
		cmocka_unit_test(corrupted_runs_are_refused_or_harmless),
		cmocka_unit_test(each_broken_rule_is_named),
		cmocka_unit_test(wrong_offsets_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
