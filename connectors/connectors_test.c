/* SPDX-License-Identifier: Apache-2.0
 * connectors_test.c - what connectors share: options, the repair of text, lines of records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "common/contract/registry.h"
#include "connectors/connectors.h"
#include "connectors/line_format.h"
#include "connectors/options.h"
#include "connectors/text_line.h"
#include "tests/lib/connector_kit.h"

static void options_are_found_and_missing_ones_are_named(void **state)
{
	struct bytes packed =
		kit_parameters("host", "h", "port", "9000", "empty", "", "bad", "90x", NULL);
	struct options options = { NULL };
	struct err err = ERR_INIT;
	uint16_t port = 0;

	assert_int_equal(options_open(&options, packed, &err), 0);
	assert_string_equal(options_get(&options, "host"), "h");
	assert_null(options_get(&options, "nothing"));
	assert_null(options_need(&options, "empty", &err));
	assert_string_equal(err.text, "option \"empty\" is missing");
	assert_int_equal(options_port(&options, "port", &port, &err), 0);
	assert_int_equal(port, 9000);
	assert_int_equal(options_port(&options, "bad", &port, &err), -1);
	assert_string_equal(err.text,
			    "option \"bad\" is \"90x\", which is not a port from 1 to 65535");
	options_close(&options);
	assert_int_equal(options_open(&options, bytes_of("\xff\xff", 2), &err), -1);
	assert_int_equal(err.code, ERR_PLAN_INVALID);
	options_close(&options);
	mem_free((void *)(uintptr_t)packed.data);
	assert_int_equal(mem_bytes_out(), 0);
}

#define FFFD "\xEF\xBF\xBD"

static void malformed_text_is_repaired_as_java_does(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "plain", "plain" },
		{ "gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F" },
		{ "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80" },
		{ "a\xFF" "b", "a" FFFD "b" },
		{ "\xC3", FFFD },
		{ "\xE2\x82", FFFD },                       /* a cut euro sign: one */
		{ "\xE2\x82z", FFFD "z" },
		{ "\xC0\x80", FFFD FFFD },                  /* overlong NUL */
		{ "\xED\xA0\x80", FFFD FFFD FFFD },         /* a surrogate */
		{ "\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD }, /* above U+10FFFF */
		{ "\xF0\x9F\x98", FFFD },
		{ "\x80\x80", FFFD FFFD },
	};
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		buf_clear(&out);
		text_line_repair(cases[i].in, strlen(cases[i].in), &out);
		assert_string_equal(out.data, cases[i].out);
		assert_true(utf8_valid(out.data, out.size_bytes));
		assert_int_equal(utf8_valid(cases[i].in, strlen(cases[i].in)),
				 strcmp(cases[i].in, cases[i].out) == 0);
	}
	buf_fini(&out);
}

static const struct field count_fields[] = { { "word", FIELD_STRING, 0 },
					     { "count", FIELD_BIGINT, 0 } };

struct count {
	struct str word;
	int64_t count;
};

static const struct count counts[] = {
	{ { 1, { "a" } }, 1 },
	{ { 0, { "" } }, 0 },
	{ { 12, { "twelve bytes" } }, -1 },
	{ { 2, { "ab" } }, INT64_MAX },
	{ { 2, { "ab" } }, INT64_MIN },
	{ { 3, { "abc" } }, 10 },
	{ { 3, { "abc" } }, 99 },
	{ { 3, { "abc" } }, 100 },
	{ { 3, { "abc" } }, 12345 },
};

/* Every number of digits, at both ends, of both signs. */
static void every_length_of_number_is_written(void **state)
{
	struct record_type *type;
	struct err err = ERR_INIT;
	struct line_format format;
	struct buf text;
	char expected[64];

	assert_int_equal(record_type_create("counts", NULL, count_fields, 2, &type, &err), 0);
	line_format_init(&format, type, false, 0, 1);
	buf_init(&text);
	for (uint64_t power = 1, digits = 1; digits <= 19; power *= 10, digits++)
		for (int64_t add = -1; add <= 1; add++)
			for (int sign = -1; sign <= 1; sign += 2) {
				struct count record = { str_of("w", 1),
							sign * ((int64_t)power + add) };
				struct batch batch = { .type = type, .base = (const char *)&record,
						       .stride_bytes = sizeof(record), .count = 1 };

				buf_clear(&text);
				line_format_batch(&format, &batch, &text);
				snprintf(expected, sizeof(expected), "(w,%lld)\n",
					 (long long)record.count);
				assert_string_equal(text.data, expected);
			}
	buf_fini(&text);
	record_type_destroy(&type);
}

/* The loop for word counts must write what record_print writes, prefix and tails included. */
static void word_counts_are_written_as_any_other_record(void **state)
{
	struct record_type *type;
	struct err err = ERR_INIT;
	struct count with_tail[ARRAY_COUNT(counts) + 2];
	const char *long_word =
		"a word that is longer than twelve bytes, and than the room of a small buffer";

	assert_int_equal(record_type_create("counts", NULL, count_fields, 2, &type, &err), 0);
	memcpy(with_tail, counts, sizeof(counts));
	with_tail[ARRAY_COUNT(counts)] = (struct count){ str_of(long_word, strlen(long_word)), 7 };
	with_tail[ARRAY_COUNT(counts) + 1] = (struct count){ str_of("thirteen byte", 13), 8 };
	for (uint32_t parallelism = 1; parallelism <= 2; parallelism++) {
		struct line_format fast, slow;
		struct buf fast_text, slow_text;
		uint64_t memory[512];
		struct run_builder run;
		struct batch batch;

		run_builder_init(&run, type, sizeof(memory), false);
		run_begin(&run, memory, sizeof(memory));
		for (size_t i = 0; i < ARRAY_COUNT(with_tail); i++)
			record_copy(type, &with_tail[i],
				    run_reserve(&run, record_size(type, &with_tail[i])));
		run_end(&run);
		run_view(type, memory, &batch);
		line_format_init(&fast, type, true, 9, parallelism);
		slow = fast;
		slow.is_count = false;
		assert_true(fast.is_count);
		buf_init(&fast_text);
		buf_init(&slow_text);
		line_format_batch(&fast, &batch, &fast_text);
		line_format_batch(&slow, &batch, &slow_text);
		assert_string_equal(fast_text.data, slow_text.data);
		assert_int_equal(fast_text.size_bytes, strlen(fast_text.data));
		assert_non_null(strstr(fast_text.data, parallelism == 1 ? "(a,1)\n(,0)\n"
									: "10> (a,1)\n10> (,0)\n"));
		buf_fini(&fast_text);
		buf_fini(&slow_text);
		run_builder_fini(&run);
	}
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_found_and_missing_ones_are_named),
		cmocka_unit_test(malformed_text_is_repaired_as_java_does),
		cmocka_unit_test(every_length_of_number_is_written),
		cmocka_unit_test(word_counts_are_written_as_any_other_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
