/* SPDX-License-Identifier: Apache-2.0
 * piece_test.c - records cut into pieces of any size are put together as they were; heads that do
 * not fit each other are refused by name. */
#include "tests/lib/cmocka_header.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/record/piece.h"
#include "common/record/record_random.h"

#define ROUNDS 300
#define RECORD_BYTES_MAX (64 * 1024)

static const struct field fields[] = { { "number", FIELD_BIGINT, 0 }, { "text", FIELD_STRING, 0 } };

struct entry {
	int64_t number;
	struct str text;
};

static struct record_type *make_type(void)
{
	struct record_type *type;
	struct err err;

	assert_int_equal(record_type_create("entry", NULL, fields, 2, &type, &err), 0);
	return type;
}

/* An image of a record with a text of so many bytes. */
static void make_image(const struct record_type *type, uint32_t text_bytes, char **image,
		       struct piece_record *record)
{
	char *text = mem_alloc(text_bytes + 1);
	struct entry entry = { .number = 7, .text.len = 0 };

	for (uint32_t i = 0; i < text_bytes; i++)
		text[i] = (char)('a' + i % 23);
	entry.text = str_of(text, text_bytes);
	uint32_t size_bytes = record_size(type, &entry);

	*image = mem_alloc(size_bytes);
	record_copy(type, &entry, *image);
	mem_free(text);
	*record = (struct piece_record){ .image = *image, .size_bytes = size_bytes };
}

/* Cuts and puts together; the bytes of each piece lie by themselves, so that a sanitizer sees who
 * reads past them. */
static void round_trip(const struct record_type *type, const struct piece_record *record,
		       uint64_t *seed)
{
	uint64_t run_bytes = run_single_bytes(type, record->size_bytes, record->has_timestamp);
	char *run = mem_alloc(run_bytes);
	struct piece_sequence sequence = { .record_bytes = 0 };
	struct err err = ERR_INIT;
	uint32_t at = 0, carried, counted = 0;
	struct batch batch;

	while (at < record->size_bytes) {
		*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		uint32_t room = piece_room_wanted(record, at) + (uint32_t)(*seed >> 33) % 5000;
		uint64_t *piece = mem_alloc(room);
		uint32_t size_bytes = piece_write(record, at, piece, room, &carried);
		uint32_t bytes;

		assert_true(size_bytes <= room && size_bytes % 8 == 0 && carried > 0);
		assert_true(run_is_piece(piece));
		assert_int_equal(piece_check(type, piece, size_bytes, RECORD_BYTES_MAX, &sequence,
					     &err), 0);
		assert_int_equal(piece_under_way(&sequence), at + carried < record->size_bytes);
		memcpy(run + sizeof(struct run_header) + at, piece_bytes(piece, &bytes), carried);
		assert_int_equal(bytes, carried);
		counted += ((const struct run_header *)piece)->count;
		at += carried;
		mem_free(piece);
	}
	assert_int_equal(counted, 1);
	run_single_write(type, record, run);
	assert_int_equal(run_check(type, run, (uint32_t)run_bytes, &batch, &err), 0);
	assert_int_equal(batch.count, 1);
	assert_int_equal(batch_row_kind(&batch, 0), record->row_kind);
	assert_int_equal(batch.timestamps_ms != NULL, record->has_timestamp);
	assert_true(!record->has_timestamp || batch.timestamps_ms[0] == record->timestamp_ms);
	assert_memory_equal(batch_at(&batch, 0), record->image, record->size_bytes);
	struct piece_record again;

	piece_record_of(&batch, 0, &again);
	assert_int_equal(again.size_bytes, record->size_bytes);
	mem_free(run);
}

static void any_record_comes_whole_out_of_pieces_of_any_size(void **state)
{
	struct record_type *type = make_type();
	uint64_t seed = 1;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct piece_record record;
		char *image;

		make_image(type, i < 40 ? i : (i * 7919) % 50000, &image, &record);
		record.row_kind = (uint8_t)(i % 4);
		record.has_timestamp = i % 3 == 0;
		record.timestamp_ms = record.has_timestamp ? (int64_t)i - 100 : 0;
		round_trip(type, &record, &seed);
		mem_free(image);
	}
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

/* A struct that is no multiple of 8, without tails: dense, with padding behind it. */
static void a_struct_alone_is_cut_too(void **state)
{
	static struct field many[301];
	static char names[301][8];
	struct piece_record record;
	struct record_type *type;
	uint64_t seed = 3;
	struct err err;

	for (uint32_t i = 0; i < ARRAY_COUNT(many); i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		many[i] = (struct field){ names[i], FIELD_INT, 0 };
	}
	assert_int_equal(record_type_create("wide", NULL, many, ARRAY_COUNT(many), &type, &err), 0);
	assert_int_equal(type->size_bytes % 8, 4);
	char *image = mem_alloc(type->size_bytes);

	for (uint32_t i = 0; i < type->size_bytes; i++)
		image[i] = (char)i;
	record = (struct piece_record){ .image = image, .size_bytes = type->size_bytes };
	round_trip(type, &record, &seed);
	mem_free(image);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- heads that are wrong ------------------------------------------------------------------- */

struct wrong {
	const char *text;
	uint32_t size_bytes, offset_bytes, record_bytes, count;
	uint8_t flags, row_kind;
	int64_t timestamp_ms;
	uint32_t there_bytes; /* 0: size_bytes */
	enum err_code code;
};

/* Each is the second piece of a record of 4000 bytes, of which 1000 came. */
static const struct wrong wrongs[] = {
	{ "20 bytes are too few for a piece's head", 20, 1000, 4000, 0, RUN_PIECE, 0, 0, 20, 0 },
	{ "a piece says it has 200 bytes; allowed are multiples of 8 from 40 to 136", 200, 1000,
	  4000, 0, RUN_PIECE, 0, 0, 136, 0 },
	{ "a piece says it has 32 bytes; allowed", 32, 1000, 4000, 0, RUN_PIECE, 0, 0, 136, 0 },
	{ "a piece says it has 44 bytes; allowed", 44, 1000, 4000, 0, RUN_PIECE, 0, 0, 136, 0 },
	{ "a piece has flags 0x9, ", 136, 1000, 4000, 0, RUN_PIECE | RUN_DENSE, 0, 0, 0, 0 },
	{ "a piece has flags 0x48, ", 136, 1000, 4000, 0, RUN_PIECE | 64, 0, 0, 0, 0 },
	{ "a piece has row kind 4", 136, 1000, 4000, 0, RUN_PIECE, 4, 0, 0, 0 },
	{ "a piece without a timestamp has 5 in its place", 136, 1000, 4000, 0, RUN_PIECE, 0, 5, 0,
	  0 },
	{ "a record of type \"entry\" in pieces has 8 bytes; its struct has 24", 136, 1000, 8, 0,
	  RUN_PIECE, 0, 0, 0, 0 },
	{ "a piece begins at byte 992 of its record; 1000 bytes came before it", 136, 992, 4000, 0,
	  RUN_PIECE, 0, 0, 0, 0 },
	{ "a piece begins at byte 0 of its record; 1000 bytes", 136, 0, 4000, 0, RUN_PIECE, 0, 0, 0,
	  0 },
	{ "a piece is of another record (4008 bytes) than the one before it (4000 bytes)", 136,
	  1000, 4008, 0, RUN_PIECE, 0, 0, 0, 0 },
	{ "a piece is of another record", 136, 1000, 4000, 0, RUN_PIECE, 1, 0, 0, 0 },
	{ "a piece is of another record", 136, 1000, 4000, 0, RUN_PIECE | RUN_TIMESTAMPS, 0, 1, 0,
	  0 },
	{ "a piece ends at byte 4008 of a record of 4000 bytes", 3040, 1000, 4000, 1, RUN_PIECE, 0,
	  0, 0, 0 },
	{ "a piece that is not the last of its record says it has 1 records", 136, 1000, 4000, 1,
	  RUN_PIECE, 0, 0, 0, 0 },
	{ "a piece that is the last of its record says it has 0 records", 3032, 1000, 4000, 0,
	  RUN_PIECE, 0, 0, 0, 0 },
};

static void what_does_not_follow_is_refused_by_name(void **state)
{
	struct record_type *type = make_type();

	for (size_t i = 0; i < ARRAY_COUNT(wrongs); i++) {
		const struct wrong *wrong = &wrongs[i];
		struct piece_sequence sequence = { .record_bytes = 4000, .have_bytes = 1000,
						   .flags = RUN_PIECE };
		uint32_t there = wrong->there_bytes ? wrong->there_bytes : wrong->size_bytes;
		struct piece_head *head = mem_alloc(there < 32 ? 32 : there);
		struct err err = ERR_INIT;

		head->run.size_bytes = wrong->size_bytes;
		head->run.count = wrong->count;
		head->run.flags = wrong->flags;
		head->run.row_kind = wrong->row_kind;
		head->record_bytes = wrong->record_bytes;
		head->offset_bytes = wrong->offset_bytes;
		head->timestamp_ms = wrong->timestamp_ms;
		assert_int_equal(piece_check(type, head, there, RECORD_BYTES_MAX, &sequence, &err),
				 -1);
		assert_int_equal(err.code, ERR_RECORD_INVALID);
		if (strstr(err.text, wrong->text) != err.text)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(sequence.have_bytes, 1000);
		mem_free(head);
	}
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_record_is_refused_when_it_is_announced(void **state)
{
	struct record_type *type = make_type();
	struct piece_sequence sequence = { .record_bytes = 0 };
	struct err err = ERR_INIT;
	struct piece_head piece[2] = { {
		.run = { .size_bytes = 40, .flags = RUN_PIECE },
		.record_bytes = RECORD_BYTES_MAX + 8,
	} };

	assert_int_equal(piece_check(type, piece, sizeof(piece), RECORD_BYTES_MAX, &sequence, &err),
			 -1);
	assert_int_equal(err.code, ERR_RECORD_TOO_LARGE);
	assert_string_equal(
		err.text,
		"a record \"entry\" of 65544 bytes was announced; allowed here are 65536");
	piece->record_bytes = UINT32_MAX;
	assert_int_equal(piece_check(type, piece, sizeof(piece), RECORD_BYTES_MAX, &sequence, &err),
			 -1);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_piece_is_no_run_for_those_who_know_none(void **state)
{
	struct record_type *type = make_type();
	struct piece_record record;
	uint64_t piece[64];
	struct batch batch;
	struct err err;
	uint32_t carried;
	char *image;

	make_image(type, 3000, &image, &record);
	uint32_t size_bytes = piece_write(&record, 0, piece, sizeof(piece), &carried);

	assert_int_equal(run_check(type, piece, size_bytes, &batch, &err), -1);
	mem_free(image);
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_record_comes_whole_out_of_pieces_of_any_size),
		cmocka_unit_test(a_struct_alone_is_cut_too),
		cmocka_unit_test(what_does_not_follow_is_refused_by_name),
		cmocka_unit_test(a_record_is_refused_when_it_is_announced),
		cmocka_unit_test(a_piece_is_no_run_for_those_who_know_none),
	};

	return cmocka_run_group_tests_name("piece", tests, NULL, NULL);
}
