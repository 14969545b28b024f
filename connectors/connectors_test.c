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

static void expect_line(struct line_format *format, const char *expected)
{
	struct count record = { str_of("a", 1), 1 };
	struct batch batch = { .type = format->type, .base = (const char *)&record,
			       .stride_bytes = sizeof(record), .count = 1 };
	struct buf text;

	buf_init(&text);
	line_format_batch(format, &batch, &text);
	assert_string_equal(text.data, expected);
	buf_fini(&text);
	line_format_fini(format);
}

static void lines_have_the_prefix_they_should(void **state)
{
	struct record_type *type;
	struct err err = ERR_INIT;
	struct line_format format;

	assert_int_equal(record_type_create("counts", NULL, count_fields, 2, &type, &err), 0);
	line_format_init(&format, type, true, 0, 1);
	expect_line(&format, "(a,1)\n");
	line_format_init(&format, type, false, 9, 10);
	expect_line(&format, "(a,1)\n");
	line_format_init(&format, type, true, 9, 10);
	expect_line(&format, "10> (a,1)\n");
	line_format_init(&format, type, true, 9, 10);
	line_format_set_name(&format, "mine", 9, 10);
	expect_line(&format, "mine:10> (a,1)\n");
	line_format_init(&format, type, true, 0, 1);
	line_format_set_name(&format, "mine", 0, 1);
	expect_line(&format, "mine> (a,1)\n");
	record_type_destroy(&type);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_found_and_missing_ones_are_named),
		cmocka_unit_test(malformed_text_is_repaired_as_java_does),
		cmocka_unit_test(lines_have_the_prefix_they_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
