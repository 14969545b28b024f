/* SPDX-License-Identifier: Apache-2.0
 * collect_test.c - collect() writes a record's one image, whatever its fields are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/api/flink/flink.h"

FLINK_RECORD(padded, FIELD(BOOLEAN, flag) FIELD(BIGINT, number) FIELD(SMALLINT, small)
	     FIELD(STRING, text) FIELD(TINYINT, tiny));
FLINK_RECORD(packed, FIELD(STRING, text) FIELD(BIGINT, number));
FLINK_RECORD(two_strings, FIELD(STRING, first) FIELD(BYTES, second));
FLINK_RECORD(one_byte, FIELD(TINYINT, value));

static const struct flink_type *allowed; /* what the operator was declared with */

/* Stands for the TaskManager's. */
bool flink_collect_check(struct collector *out, const struct flink_type *type)
{
	if (type != allowed)
		return false;
	out->user_type = type;
	return true;
}

static char failure[300];

void flink_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(failure, sizeof(failure), format, arguments);
	va_end(arguments);
}

static void *reserve_slow(struct outbox *out, uint32_t size_bytes)
{
	fail_msg("%u bytes do not fit", size_bytes);
	return NULL;
}

struct place {
	_Alignas(8) char memory[8192];
	struct record_type *type;
	struct run_builder run;
	struct collector out;
};

static void place_open(struct place *place, const struct flink_type *declared)
{
	struct err err = ERR_INIT;

	allowed = declared;
	memset(place->memory, 0xA5, sizeof(place->memory));
	assert_int_equal(record_type_create(declared->name, NULL, declared->fields,
					    declared->fields_count, &place->type, &err), 0);
	run_builder_init(&place->run, place->type, sizeof(place->memory), false);
	assert_true(run_begin(&place->run, place->memory, sizeof(place->memory)));
	place->out = (struct collector){ .run = &place->run, .reserve_slow = reserve_slow };
}

/* Every record is valid, and is printed like this. */
static void place_close(struct place *place, const char *expected)
{
	struct err err = ERR_INIT;
	struct batch batch;
	struct buf text;
	uint32_t size_bytes = run_end(&place->run);

	assert_int_equal(run_check(place->type, place->memory, size_bytes, &batch, &err), 0);
	buf_init(&text);
	for (uint32_t i = 0; i < batch.count; i++)
		record_print(place->type, batch_at(&batch, i), &text);
	assert_string_equal(text.data, expected);
	buf_fini(&text);
	run_builder_fini(&place->run);
	record_type_destroy(&place->type);
	assert_int_equal(mem_bytes_out(), 0);
}

/* It says where its bytes lie from its own place; nothing is read there from another one. */
static void a_long_string_copied_by_assignment_is_refused(void **state)
{
	struct place place;
	_Alignas(8) char image[64];
	struct packed record = { .text = str_of("a text that is longer", 21), .number = 1 };
	const struct packed *in = (const void *)image;

	place_open(&place, packed_type);
	record_copy(place.type, &record, image);
	collect(&place.out, packed, .text = str_copy(&in->text), .number = 2);
	assert_string_equal(failure, "");
	collect(&place.out, packed, .text = in->text, .number = 3);
	assert_string_equal(failure, "the long string in field \"text\" was copied with '=' from "
				     "another record; write .text = str_copy(&in->text)");
	place_close(&place, "(a text that is longer,2)");
}

static void strings_may_be_short_or_long(void **state)
{
	struct place place;
	const char *text = "a text that is longer than its place";

	place_open(&place, packed_type);
	for (uint32_t length = 10; length < 15; length++)
		collect(&place.out, packed, .text = str_of(text, length), .number = length);
	place_close(&place, "(a text tha,10)(a text that,11)(a text that ,12)(a text that i,13)"
			    "(a text that is,14)");
	place_open(&place, two_strings_type);
	collect(&place.out, two_strings, .first = str_of(text, 3), .second = str_of(text, 2));
	collect(&place.out, two_strings, .first = str_of(text, 13), .second = str_of(text, 1));
	collect(&place.out, two_strings, .first = str_of(text, 0));
	place_close(&place, "(a t,[97, 32])(a text that i,[97])(,[])");
}

static void padding_is_zero(void **state)
{
	struct place place;
	uint8_t expected[40] = { [0] = 1, [8] = 0xFE, [16] = 3, [20] = 2, [24] = 'h', [25] = 'i',
				 [36] = 9 };

	memset(expected + 9, 0xFF, 7); /* number = -2 */
	place_open(&place, padded_type);
	assert_int_equal(sizeof(struct padded), sizeof(expected));
	collect(&place.out, padded, .flag = 1, .number = -2, .small = 3, .text = str_of("hi", 2),
		.tiny = 9);
	assert_memory_equal(place.memory + sizeof(struct run_header), expected, sizeof(expected));
	collect(&place.out, padded, .text = str_of("long enough for a tail", 22));
	const char *second = place.memory + place.run.offsets[1];

	for (uint32_t i = 0; i < sizeof(expected); i++)
		if (i < 20 || i >= 36)
			assert_int_equal(second[i], 0);
	place_close(&place, "(true,-2,3,hi,9)(false,0,0,long enough for a tail,0)");
	place_open(&place, one_byte_type);
	collect(&place.out, one_byte, .value = 7);
	place_close(&place, "7");
}

static void a_wrong_type_is_not_emitted(void **state)
{
	struct place place;

	place_open(&place, one_byte_type);
	collect(&place.out, packed, .number = 1);
	collect(&place.out, one_byte, .value = 1);
	place_close(&place, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_may_be_short_or_long),
		cmocka_unit_test(a_long_string_copied_by_assignment_is_refused),
		cmocka_unit_test(padding_is_zero),
		cmocka_unit_test(a_wrong_type_is_not_emitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
